package commands

// COMMAND: what the rows say of the commands, for clients that route by keys and for redis-cli's hints.

import (
	"slices"
	"strings"

	"redix/engine"
	"redix/engine/acl"
	"redix/engine/glob"
)

const commandFlags = engine.Loading | engine.Stale

var commandRows = []engine.Row{
	{Name: "command", Arity: -1, Flags: commandFlags, Categories: "connection", Group: "server", Since: "2.8.13",
		Complexity: "O(N) where N is the number of commands", Summary: "Describes all commands.",
		Hints: "nondeterministic_output_order", Handler: commandAll, Subs: []engine.Row{
			{Name: "count", Arity: 2, Flags: commandFlags, Categories: "connection", Since: "2.8.13", Complexity: "O(1)",
				Summary: "Replies with the number of commands.", Handler: commandCount},
			{Name: "docs", Arity: -2, Flags: commandFlags, Categories: "connection", Since: "7.0.0",
				Complexity: "O(N) where N is the number of commands asked for", Syntax: "[command-name [command-name ...]]",
				Summary: "Documents commands: summary, arguments, history.", Hints: "nondeterministic_output_order",
				Handler: commandDocs},
			{Name: "getkeys", Arity: -3, Flags: commandFlags, Categories: "connection", Since: "2.8.13",
				Complexity: "O(N) where N is the number of arguments", Syntax: "command [arg [arg ...]]",
				Summary: "Replies with the keys of a whole command.", Handler: commandGetKeys},
			{Name: "getkeysandflags", Arity: -3, Flags: commandFlags, Categories: "connection", Since: "7.0.0",
				Complexity: "O(N) where N is the number of arguments", Syntax: "command [arg [arg ...]]",
				Summary: "Replies with the keys of a whole command and how it uses them.", Handler: commandGetKeysAndFlags},
			{Name: "help", Arity: 2, Flags: commandFlags, Categories: "connection", Since: "5.0.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "info", Arity: -2, Flags: commandFlags, Categories: "connection", Since: "2.8.13",
				Complexity: "O(N) where N is the number of commands asked for", Syntax: "[command-name [command-name ...]]",
				Summary: "Describes some commands, or all.", Hints: "nondeterministic_output_order",
				History: []string{"7.0.0: Without a name it describes all."}, Handler: commandInfo},
			{Name: "list", Arity: -2, Flags: commandFlags, Categories: "connection", Since: "7.0.0",
				Complexity: "O(N) where N is the number of commands",
				Syntax:     "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>{filterby}]",
				Summary:    "Replies with the names of the commands.", Hints: "nondeterministic_output_order",
				Handler: commandList},
		}},
}

var _ = register(commandRows)

func commandCount(c *engine.Client, _ engine.Args) { c.Reply.Int(int64(len(c.Server().Table.Rows))) }

func commandAll(c *engine.Client, _ engine.Args) {
	rows := c.Server().Table.Rows
	c.Reply.Array(len(rows))
	for _, r := range rows {
		replyRow(c, r)
	}
}

func commandInfo(c *engine.Client, args engine.Args) {
	if len(args) == 2 {
		commandAll(c, args)
		return
	}
	c.Reply.Array(len(args) - 2)
	for _, name := range args[2:] {
		if r := rowNamed(c.Server().Table, string(name)); r != nil {
			replyRow(c, r)
		} else {
			c.Reply.Null()
		}
	}
}

// rowNamed finds a command, or a subcommand by its full name "config|get".
func rowNamed(t *engine.Table, name string) *engine.Row {
	name, sub, isSub := strings.Cut(name, "|")
	r := t.Lookup([]byte(name))
	if r == nil || !isSub {
		return r
	}
	return t.LookupSub(r, []byte(sub))
}

// replyRow describes one command in the ten elements of COMMAND INFO.
func replyRow(c *engine.Client, r *engine.Row) {
	first, last, step := legacyRange(r)
	c.Reply.Array(10)
	c.Reply.BulkString(r.FullName)
	c.Reply.Int(int64(r.Arity))
	replyWords(c, flagNames(r), "")
	c.Reply.Int(int64(first))
	c.Reply.Int(int64(last))
	c.Reply.Int(int64(step))
	replyWords(c, r.ACL.Categories.Names(), "@")
	hints := strings.Fields(r.Hints)
	c.Reply.Set(len(hints))
	for _, h := range hints {
		c.Reply.BulkString(h)
	}
	c.Reply.Set(len(r.Keys))
	for i := range r.Keys {
		replyKeySpec(c, &r.Keys[i])
	}
	c.Reply.Set(len(r.Subs))
	for i := range r.Subs {
		replyRow(c, &r.Subs[i])
	}
}

// replyWords replies with a set of simple strings.
func replyWords(c *engine.Client, words []string, prefix string) {
	c.Reply.Set(len(words))
	for _, w := range words {
		c.Reply.Simple(prefix + w)
	}
}

func flagNames(r *engine.Row) []string {
	var names []string
	for _, f := range engine.FlagNames {
		if r.Flags&f.Flag != 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

// replyKeySpec replies with where keys begin and how they are found from there.
func replyKeySpec(c *engine.Client, k *engine.KeySpec) {
	r := c.Reply
	mark, pairs := r.Begin(), 3
	if k.Note != "" {
		pairs++
		r.BulkString("notes")
		r.BulkString(k.Note)
	}
	r.BulkString("flags")
	flags := strings.Fields(k.Flags)
	if k.Incomplete && !slices.Contains(flags, "incomplete") {
		flags = append(flags, "incomplete")
	}
	replyWords(c, flags, "")
	r.BulkString("begin_search")
	switch {
	case k.Keyword != "":
		replySpec(c, "keyword", "keyword", "startfrom")
		r.BulkString("keyword")
		r.BulkString(k.Keyword)
		replyInts(c, []string{"startfrom"}, k.Start)
	case k.Index > 0:
		replySpec(c, "index", "index")
		replyInts(c, []string{"index"}, k.Index)
	default:
		replySpec(c, "unknown")
	}
	r.BulkString("find_keys")
	switch {
	case k.Keyword == "" && k.Index == 0:
		replySpec(c, "unknown")
	case k.NumKeys:
		replySpec(c, "keynum", "keynumidx", "firstkey", "keystep")
		replyInts(c, []string{"keynumidx", "firstkey", "keystep"}, k.KeyNum, k.FirstKey, max(k.Step, 1))
	default:
		replySpec(c, "range", "lastkey", "keystep", "limit")
		replyInts(c, []string{"lastkey", "keystep", "limit"}, k.Last, max(k.Step, 1), k.Lim)
	}
	r.EndMap(mark, pairs)
}

// replySpec starts the description of a search of one kind, whose fields follow.
func replySpec(c *engine.Client, kind string, fields ...string) {
	c.Reply.Map(2)
	c.Reply.BulkString("type")
	c.Reply.BulkString(kind)
	c.Reply.BulkString("spec")
	c.Reply.Map(len(fields))
}

func replyInts(c *engine.Client, names []string, values ...int) {
	for i, name := range names {
		c.Reply.BulkString(name)
		c.Reply.Int(int64(values[i]))
	}
}

// legacyRange is what clients of before 7.0 route by: one range over all specifications that are a range at a fixed
// place and follow one another.
func legacyRange(r *engine.Row) (first, last, step int) {
	for i := range r.Keys {
		k := &r.Keys[i]
		if k.Index == 0 || k.NumKeys || last != 0 && k.Index != last+1 {
			continue
		}
		if first == 0 {
			first, step = k.Index, max(k.Step, 1)
		}
		if last = k.Last; last >= 0 {
			last += k.Index
		}
	}
	return first, last, step
}

// commandList replies with names, subcommands included when a pattern or category is asked for.
func commandList(c *engine.Client, args engine.Args) {
	var keep func(r *engine.Row) bool
	switch {
	case len(args) == 2:
		keep = func(*engine.Row) bool { return true }
	case len(args) != 5 || !isWord(args[2], "filterby"):
	case isWord(args[3], "module"):
		keep = func(*engine.Row) bool { return false }
	case isWord(args[3], "aclcat"):
		category := acl.CategoryNamed(string(args[4]))
		keep = func(r *engine.Row) bool { return r.ACL.Categories&category != 0 }
	case isWord(args[3], "pattern"):
		keep = func(r *engine.Row) bool { return glob.MatchFold(args[4], []byte(r.FullName)) }
	}
	if keep == nil {
		c.Reply.Error(errSyntax)
		return
	}
	mark, n := c.Reply.Begin(), 0
	eachRow(c.Server().Table, func(r *engine.Row) {
		if keep(r) {
			c.Reply.BulkString(r.FullName)
			n++
		}
	})
	c.Reply.EndArray(mark, n)
}
