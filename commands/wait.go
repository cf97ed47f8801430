package commands

import (
	"redix/engine"
	"redix/engine/resp"
)

// WAIT and WAITAOF. There are no replicas: a client that waits for one waits until its time is over. WAITAOF for the
// server's own journal waits until everything written before it survives a power cut: it looks each time the journal has
// made progress.

var waitRows = []engine.Row{
	{Name: "wait", Arity: 3, Group: "generic", Since: "3.0.0", Categories: "-keyspace connection",
		Complexity: "O(1)", Summary: "Waits until replicas have what this connection has written; there are none.",
		Syntax: "numreplicas timeout:integer", Hints: "request_policy:all_shards response_policy:agg_min", Handler: wait},
	{Name: "waitaof", Arity: 4, Flags: engine.Noscript, Group: "generic", Since: "7.2.0", Categories: "-keyspace connection",
		Complexity: "O(1)", Summary: "Waits until what this connection has written is synced to the disk.",
		Syntax: "numlocal numreplicas timeout:integer", Hints: "request_policy:all_shards response_policy:agg_min", Handler: waitaof},
}

var _ = register(waitRows)

func wait(c *engine.Client, args engine.Args) {
	replicas, ok := intArg(c, args[1])
	if !ok {
		return
	}
	deadline, ok := millisArg(c, args[2])
	if !ok {
		return
	}
	none := func(c *engine.Client) { c.Reply.Int(0) }
	if replicas <= 0 || !c.Block(nil, engine.Wait{DeadlineMs: deadline, OnTimeout: none}) {
		none(c)
	}
}

// countArg reads a number from 0 to most.
func countArg(c *engine.Client, arg []byte, most int64, outside string) (n int64, ok bool) {
	if n, ok = intArg(c, arg); ok && (n < 0 || n > most) {
		c.Reply.Error(outside)
		return 0, false
	}
	return n, ok
}

// syncWait is a client in WAITAOF.
type syncWait struct {
	local, replicas bool // waits for the journal, and for replicas
	offset          int64
	deadlineMs      int64
}

func waitaof(c *engine.Client, args engine.Args) {
	local, ok := countArg(c, args[1], 1, "ERR value is out of range, value must between 0 and 1")
	if !ok {
		return
	}
	replicas, ok := resp.ParseInt(args[2])
	if !ok || replicas < 0 { // one text for both
		c.Reply.Error("ERR value is out of range, must be positive")
		return
	}
	w := syncWait{local: local > 0, replicas: replicas > 0}
	if w.deadlineMs, ok = millisArg(c, args[3]); !ok {
		return
	}
	switch j := c.Server().Journal; {
	case j != nil:
		w.offset = j.Appended()
	case w.local:
		c.Reply.Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
		return
	}
	w.look(c)
}

// synced tells whether the journal holds for good what was appended before the wait.
func (w *syncWait) synced(c *engine.Client) bool {
	j, ok := c.Server().Journal.(interface{ Synced() int64 })
	return ok && j.Synced() >= w.offset
}

// look replies when the wait is over, and goes on waiting otherwise.
func (w *syncWait) look(c *engine.Client) {
	now := c.Server().NowMs
	synced := w.synced(c)
	if (w.replicas || w.local && !synced) && (w.deadlineMs == 0 || now < w.deadlineMs) {
		if c.Block(nil, engine.Wait{DeadlineMs: w.deadlineMs, OnTimeout: w.look, OnJournal: true}) {
			return
		}
	}
	c.Reply.Array(2)
	c.Reply.Int(boolNumber(synced))
	c.Reply.Int(0)
}
