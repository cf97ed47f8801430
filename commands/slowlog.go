package commands

// SLOWLOG: the commands that took long. Which ones get there is decided in engine/slow.go.

import (
	"redix/engine"
	"redix/engine/resp"
)

const slowlogFlags = engine.Admin | engine.Loading | engine.Stale

// slowlogCount is how many entries SLOWLOG GET replies with unless told.
const slowlogCount = 10

var slowlogRows = []engine.Row{
	{Name: "slowlog", Arity: -2, Group: "server", Since: "2.2.12", Complexity: "Depends on subcommand.",
		Summary: "Container of the commands on the slow log.", Subs: []engine.Row{
			{Name: "get", Arity: -2, Flags: slowlogFlags, Since: "2.2.12",
				Complexity: "O(N) where N is the number of entries returned", Syntax: "[count]",
				Summary: "Replies with the newest entries of the slow log.", Hints: "request_policy:all_nodes nondeterministic_output",
				History: []string{"4.0.0: The client's address and name."}, Handler: slowlogGet},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "6.2.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "len", Arity: 2, Flags: slowlogFlags, Since: "2.2.12", Complexity: "O(1)",
				Summary: "Replies with the number of entries of the slow log.",
				Hints:   "request_policy:all_nodes response_policy:agg_sum nondeterministic_output", Handler: slowlogLen},
			{Name: "reset", Arity: 2, Flags: slowlogFlags, Since: "2.2.12",
				Complexity: "O(N) where N is the number of entries", Summary: "Empties the slow log.",
				Hints: "request_policy:all_nodes response_policy:all_succeeded", Handler: slowlogReset},
		}},
}

var _ = register(slowlogRows)

func slowlogGet(c *engine.Client, args engine.Args) {
	s := c.Server()
	count := int64(slowlogCount)
	if len(args) > 3 {
		c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try SLOWLOG HELP.", args[1])
		return
	}
	if len(args) == 3 {
		n, ok := resp.ParseInt(args[2])
		if !ok || n < -1 {
			c.Reply.Error("ERR count should be greater than or equal to -1")
			return
		}
		count = n
	}
	if n := int64(s.SlowLogLen()); count == -1 || count > n {
		count = n
	}
	r := c.Reply
	r.Array(int(count))
	s.SlowLog(func(e *engine.SlowEntry) bool {
		if count == 0 {
			return false
		}
		count--
		r.Array(6)
		r.Int(e.ID)
		r.Int(e.UnixS)
		r.Int(e.Micros)
		r.Array(len(e.Words))
		for _, w := range e.Words {
			r.BulkString(w)
		}
		r.BulkString(e.Addr)
		r.BulkString(e.Name)
		return true
	})
}

func slowlogLen(c *engine.Client, _ engine.Args) { c.Reply.Int(int64(c.Server().SlowLogLen())) }

func slowlogReset(c *engine.Client, _ engine.Args) {
	c.Server().SlowLogReset()
	c.Reply.OK()
}
