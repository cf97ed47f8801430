package commands

// ACL: users and what they may do. The rules are in engine/acl, the checks in engine/access.go; users.go brings users in
// from the configuration and keeps them in files.

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"redix/engine"
	"redix/engine/acl"
)

const aclFlags = engine.Noscript | engine.Loading | engine.Stale

var aclRows = []engine.Row{
	{Name: "acl", Arity: -2, Group: "server", Since: "6.0.0", Complexity: "Depends on subcommand.",
		Summary: "Decides who may do what.", Subs: []engine.Row{
			{Name: "cat", Arity: -2, Flags: aclFlags, Since: "6.0.0", Complexity: "O(1)", Syntax: "[category]",
				Summary: "Replies with the categories of commands, or with the commands of one.", Handler: aclCat},
			{Name: "deluser", Arity: -3, Flags: adminFlags, Since: "6.0.0", Syntax: "username [username ...]",
				Complexity: "O(N) where N is the number of clients", Summary: "Deletes users and closes their connections.",
				Hints: "request_policy:all_nodes response_policy:all_succeeded", Handler: aclDelUser},
			{Name: "dryrun", Arity: -4, Flags: adminFlags, Since: "7.0.0", Complexity: "O(1)", Syntax: "username command [arg [arg ...]]",
				Summary: "Tells whether a user may run a command, without running it.", Handler: aclDryRun},
			{Name: "genpass", Arity: -2, Flags: aclFlags, Since: "6.0.0", Complexity: "O(1)", Syntax: "[bits]",
				Summary: "Replies with random bits for a password.", Handler: aclGenPass},
			{Name: "getuser", Arity: 3, Flags: adminFlags, Since: "6.0.0", Syntax: "username",
				Complexity: "O(N) where N is the number of rules", Summary: "Replies with what a user may do.",
				History: []string{"6.2.0: Channels.", "7.0.0: Selectors; keys and channels as rules."}, Handler: aclGetUser},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "6.0.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "list", Arity: 2, Flags: adminFlags, Since: "6.0.0", Complexity: "O(N) where N is the number of users",
				Summary: "Replies with all users in the form of the ACL file.", Handler: aclList},
			{Name: "load", Arity: 2, Flags: adminFlags, Since: "6.0.0", Complexity: "O(N) where N is the number of users",
				Summary: "Replaces all users by those of the ACL file.", Handler: aclLoad, Lane: engine.UsersFile,
				Ahead: readACLFile},
			{Name: "log", Arity: -2, Flags: adminFlags, Since: "6.0.0", Syntax: "[count | RESET]{operation}",
				Complexity: "O(N) where N is the number of entries replied with",
				Summary:    "Replies with what clients were denied lately, the latest first.",
				History:    []string{"7.2.0: entry-id, timestamp-created and timestamp-last-updated."}, Handler: aclLog},
			{Name: "save", Arity: 2, Flags: adminFlags, Since: "6.0.0", Complexity: "O(N) where N is the number of users",
				Summary: "Writes all users to the ACL file.", Hints: "request_policy:all_nodes response_policy:all_succeeded",
				Handler: aclSave, Lane: engine.UsersFile},
			{Name: "setuser", Arity: -3, Flags: adminFlags, Since: "6.0.0", Syntax: "username [rule [rule ...]]",
				Complexity: "O(N) where N is the number of rules", Summary: "Changes what a user may do, or creates one.",
				History: []string{"6.2.0: Channels.", "7.0.0: Selectors and permissions of keys."},
				Hints:   "request_policy:all_nodes response_policy:all_succeeded", Handler: aclSetUser},
			{Name: "users", Arity: 2, Flags: adminFlags, Since: "6.0.0", Complexity: "O(N) where N is the number of users",
				Summary: "Replies with the names of all users.", Handler: aclUsers},
			{Name: "whoami", Arity: 2, Flags: aclFlags, Since: "6.0.0", Complexity: "O(1)",
				Summary: "Replies with the user of this connection.", Handler: aclWhoAmI},
		}},
}

var _ = register(aclRows)

func aclCat(c *engine.Client, args engine.Args) {
	switch {
	case len(args) == 2:
		names := acl.Categories()
		c.Reply.Array(len(names))
		for _, n := range names {
			c.Reply.BulkString(n)
		}
		return
	case len(args) > 3:
		aclSyntax(c, args)
		return
	}
	category := acl.CategoryNamed(acl.UntilNul(string(args[2])))
	if category == 0 {
		c.Reply.Errorf("ERR Unknown category '%.128s'", args[2])
		return
	}
	mark, n := c.Reply.Begin(), 0
	for _, cmd := range c.Server().Users.Catalog.Commands {
		if cmd.Categories&category != 0 {
			c.Reply.BulkString(cmd.Name)
			n++
		}
	}
	c.Reply.EndArray(mark, n)
}

// aclSyntax replies what redis-server does to a subcommand with too many words.
func aclSyntax(c *engine.Client, args engine.Args) {
	c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try ACL HELP.", args[1])
}

func aclSetUser(c *engine.Client, args engine.Args) {
	c.Redact(2, len(args)-1)
	s := c.Server()
	name := string(args[2])
	if acl.HasSpaces(name) {
		c.Reply.Error("ERR Usernames can't contain spaces or null characters")
		return
	}
	if err := s.Users.Set(name, texts(args[3:]), s.UserChanged); err != nil {
		c.Reply.Error("ERR " + err.Error())
		return
	}
	c.Reply.OK()
}

func aclDelUser(c *engine.Client, args engine.Args) {
	c.Redact(2, len(args)-1)
	for _, name := range args[2:] {
		if string(name) == acl.DefaultName {
			c.Reply.Error("ERR The 'default' user cannot be removed")
			return
		}
	}
	s := c.Server()
	deleted := int64(0)
	for _, name := range args[2:] {
		if u := s.Users.Delete(name); u != nil {
			deleted++
			s.ExpelUser(u)
		}
	}
	c.Reply.Int(deleted)
}

func aclGetUser(c *engine.Client, args engine.Args) {
	c.Redact(2, 2)
	u := c.Server().Users.Get(args[2])
	if u == nil {
		c.Reply.Null()
		return
	}
	r := c.Reply
	r.Map(6)
	r.BulkString("flags")
	flags := u.Flags()
	r.Set(len(flags))
	for _, f := range flags {
		r.BulkString(f)
	}
	r.BulkString("passwords")
	replyTexts(c, u.Passwords())
	replySelector(c, u.Selectors[0])
	r.BulkString("selectors")
	r.Array(len(u.Selectors) - 1)
	for _, s := range u.Selectors[1:] {
		r.Map(3)
		replySelector(c, s)
	}
}

// replySelector replies with three pairs of a map.
func replySelector(c *engine.Client, s *acl.Selector) {
	for _, pair := range [][2]string{{"commands", s.CommandRules()}, {"keys", s.KeyRules()}, {"channels", s.ChannelRules()}} {
		c.Reply.BulkString(pair[0])
		c.Reply.BulkString(pair[1])
	}
}

// replyTexts replies with an array of strings.
func replyTexts(c *engine.Client, list []string) {
	c.Reply.Array(len(list))
	for _, s := range list {
		c.Reply.BulkString(s)
	}
}

func aclList(c *engine.Client, _ engine.Args) {
	users := c.Server().Users.All()
	c.Reply.Array(len(users))
	for _, u := range users {
		c.Reply.BulkString("user " + u.Name + " " + u.String())
	}
}

func aclUsers(c *engine.Client, _ engine.Args) {
	users := c.Server().Users.All()
	c.Reply.Array(len(users))
	for _, u := range users {
		c.Reply.BulkString(u.Name)
	}
}

func aclWhoAmI(c *engine.Client, _ engine.Args) { c.Reply.BulkString(c.User.Name) }

func aclDryRun(c *engine.Client, args engine.Args) {
	s := c.Server()
	u, words := s.Users.Get(args[2]), args[3:]
	if u == nil {
		c.Reply.Errorf("ERR User '%s' not found", args[2])
		return
	}
	row := rowOf(s.Table, words)
	if row == nil {
		c.Reply.Errorf("ERR Command '%s' not found", words[0])
		return
	}
	if n := len(words); row.Arity > 0 && n != row.Arity || n < -row.Arity {
		c.Reply.Error("ERR wrong number of arguments for '" + row.FullName + "' command")
		return
	}
	switch why, place := s.Check(u, row, words); why {
	case acl.Allowed:
		c.Reply.OK()
	case acl.DeniedCommand:
		c.Reply.BulkString("User " + u.Name + " has no permissions to run the '" + row.FullName + "' command")
	default:
		c.Reply.BulkString(fmt.Sprintf("User %s has no permissions to access the '%s' %s", u.Name, words[place], why))
	}
}

// The defaults and bounds of ACL LOG and ACL GENPASS.
const (
	aclLogShown = 10
	genPassBits = 256
	genPassMax  = 4096
)

func aclLog(c *engine.Client, args engine.Args) {
	s := c.Server()
	count := int64(aclLogShown)
	switch {
	case len(args) == 2:
	case len(args) > 3:
		aclSyntax(c, args)
		return
	case isWord(args[2], "reset"):
		s.ACLLog.Reset()
		c.Reply.OK()
		return
	default:
		var ok bool
		if count, ok = intArg(c, args[2]); !ok {
			return
		}
	}
	entries := s.ACLLog.Newest(max(count, 0))
	r := c.Reply
	r.Array(len(entries))
	for _, e := range entries {
		r.Map(10)
		r.BulkString("count")
		r.Int(e.Count)
		for _, pair := range [][2]string{{"reason", e.Reason.String()}, {"context", e.Context}, {"object", e.Object}, {"username", e.User}} {
			r.BulkString(pair[0])
			r.BulkString(pair[1])
		}
		r.BulkString("age-seconds")
		r.Double(float64(max(s.NowMs-e.UpdatedMs, 0)) / 1000)
		r.BulkString("client-info")
		r.BulkString(e.ClientInfo)
		for _, pair := range []struct {
			name string
			n    int64
		}{{"entry-id", e.ID}, {"timestamp-created", e.CreatedMs}, {"timestamp-last-updated", e.UpdatedMs}} {
			r.BulkString(pair.name)
			r.Int(pair.n)
		}
	}
}

func aclGenPass(c *engine.Client, args engine.Args) {
	bits := int64(genPassBits)
	switch {
	case len(args) > 3:
		aclSyntax(c, args)
		return
	case len(args) == 3:
		var ok bool
		if bits, ok = intArg(c, args[2]); !ok {
			return
		}
	}
	if bits <= 0 || bits > genPassMax {
		c.Reply.Errorf("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to %d", genPassMax)
		return
	}
	digits := int(bits+3) / 4
	random := make([]byte, (digits+1)/2)
	_, _ = rand.Read(random) // never fails
	c.Reply.BulkString(hex.EncodeToString(random)[:digits])
}
