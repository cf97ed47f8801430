package commands

// COMMAND DOCS: redis-cli asks for it when it starts, and makes its hints and its HELP of the answer.

import (
	"cmp"
	"strings"

	"redix/engine"
)

func commandDocs(c *engine.Client, args engine.Args) {
	t := c.Server().Table
	mark, n := c.Reply.Begin(), 0
	one := func(r *engine.Row) {
		c.Reply.BulkString(r.FullName)
		replyDocs(c, r)
		n++
	}
	if len(args) == 2 {
		for _, r := range t.Rows {
			one(r)
		}
	}
	for _, name := range args[2:] {
		if r := rowNamed(t, string(name)); r != nil {
			one(r)
		}
	}
	c.Reply.EndMap(mark, n)
}

// replyDocs documents one command in a map.
func replyDocs(c *engine.Client, r *engine.Row) {
	mark, n := c.Reply.Begin(), 0
	text := func(name, value string) {
		if value != "" {
			c.Reply.BulkString(name)
			c.Reply.BulkString(value)
			n++
		}
	}
	text("summary", r.Summary)
	text("since", r.Since)
	text("group", r.Group)
	text("complexity", r.Complexity)
	var flags []string
	if r.Deprecated != "" {
		flags = append(flags, "deprecated")
	}
	if r.Flags&engine.ForServers != 0 {
		flags = append(flags, "syscmd")
	}
	if flags != nil {
		c.Reply.BulkString("doc_flags")
		replyWords(c, flags, "")
		n++
	}
	text("deprecated_since", r.Deprecated)
	text("replaced_by", r.Replaced)
	if len(r.History) > 0 {
		c.Reply.BulkString("history")
		replyHistory(c, r.History)
		n++
	}
	if args := argumentsOf(r); len(args) > 0 {
		c.Reply.BulkString("arguments")
		replyArguments(c, args)
		n++
	}
	if len(r.Subs) > 0 {
		c.Reply.BulkString("subcommands")
		c.Reply.Map(len(r.Subs))
		for i := range r.Subs {
			c.Reply.BulkString(r.Subs[i].FullName)
			replyDocs(c, &r.Subs[i])
		}
		n++
	}
	c.Reply.EndMap(mark, n)
}

func replyHistory(c *engine.Client, history []string) {
	c.Reply.Set(len(history))
	for _, h := range history {
		version, change, _ := strings.Cut(h, ": ")
		c.Reply.Array(2)
		c.Reply.BulkString(version)
		c.Reply.BulkString(change)
	}
}

// argumentsOf reads the row's synopsis and finds which arguments are keys: those at the places that the key
// specifications give, and those named so.
func argumentsOf(r *engine.Row) []argument {
	args, _ := parseSyntax(r.Syntax)
	place := 1
	if r.Parent != nil {
		place = 2
	}
	for i := range args {
		for spec := range r.Keys {
			if keysAt(&r.Keys[spec], place+i) && args[i].token == "" && (!args[i].optional || args[i].multiple) {
				markKey(&args[i], spec)
			}
		}
	}
	var loose []*argument
	looseKeys(args, &loose)
	for i, a := range loose { // they have the last specifications, one each as far as there are as many
		a.keySpec = max(len(r.Keys)-len(loose)+i, 0)
	}
	return args
}

// keysAt tells whether the specification has a key at that place, counted in arguments.
func keysAt(spec *engine.KeySpec, place int) bool {
	return !spec.NumKeys && spec.Index > 0 && !strings.Contains(spec.Flags, "not_key") &&
		place >= spec.Index && place <= spec.Index+max(spec.Last, 0)
}

// markKey makes an argument, or the first of a group, a key of the specification.
func markKey(a *argument, spec int) {
	for len(a.args) > 0 {
		a = &a.args[0]
	}
	a.kind, a.keySpec = kindKey, spec
}

// looseKeys finds the keys that stand at no fixed place.
func looseKeys(args []argument, loose *[]*argument) {
	for i := range args {
		if args[i].kind == kindKey && args[i].keySpec < 0 {
			*loose = append(*loose, &args[i])
		}
		looseKeys(args[i].args, loose)
	}
}

func replyArguments(c *engine.Client, args []argument) {
	c.Reply.Array(len(args))
	for i := range args {
		replyArgument(c, &args[i])
	}
}

func replyArgument(c *engine.Client, a *argument) {
	mark, n := c.Reply.Begin(), 0
	text := func(name, value string) {
		c.Reply.BulkString(name)
		c.Reply.BulkString(value)
		n++
	}
	text("name", a.name)
	text("type", a.kind)
	if len(a.args) == 0 {
		text("display_text", cmp.Or(a.shown, a.name))
	}
	if a.keySpec >= 0 {
		c.Reply.BulkString("key_spec_index")
		c.Reply.Int(int64(a.keySpec))
		n++
	}
	if a.token != "" {
		text("token", a.token)
	}
	if a.since != "" {
		text("since", a.since)
	}
	if a.deprecated != "" {
		text("deprecated_since", a.deprecated)
	}
	var flags []string
	if a.optional {
		flags = append(flags, "optional")
	}
	if a.multiple {
		flags = append(flags, "multiple")
	}
	if a.repeatToken {
		flags = append(flags, "multiple_token")
	}
	if flags != nil {
		c.Reply.BulkString("flags")
		replyWords(c, flags, "")
		n++
	}
	if len(a.args) > 0 {
		c.Reply.BulkString("arguments")
		replyArguments(c, a.args)
		n++
	}
	c.Reply.EndMap(mark, n)
}
