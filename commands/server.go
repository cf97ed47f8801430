package commands

// The server group's commands on whole databases and on the process. CONFIG, COMMAND, INFO and DEBUG have files of
// their own.

import (
	"time"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

const (
	flushHints = "request_policy:all_shards response_policy:all_succeeded"
	flushModes = "[ASYNC{@4.0.0} | SYNC{@6.2.0}]{flush-type}"
)

var flushHistory = []string{"4.0.0: ASYNC.", "6.2.0: SYNC."}

var serverRows = []engine.Row{
	{Name: "dbsize", Arity: 1, Flags: engine.Readonly | engine.Fast | engine.AllKeys, Categories: "keyspace", Group: "server",
		Since: "1.0.0", Complexity: "O(1)", Summary: "Replies with the number of keys in the database.",
		Hints: "request_policy:all_shards response_policy:agg_sum", Handler: dbSize},
	{Name: "flushall", Arity: -1, Flags: engine.Write | engine.AllKeys, Categories: "keyspace dangerous", Group: "server",
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys in all databases",
		Summary: "Removes all keys of all databases.", Syntax: flushModes, Hints: flushHints, History: flushHistory,
		Handler: flushAll},
	{Name: "flushdb", Arity: -1, Flags: engine.Write | engine.AllKeys, Categories: "keyspace dangerous", Group: "server",
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys in the database",
		Summary: "Removes all keys of the database.", Syntax: flushModes, Hints: flushHints, History: flushHistory,
		Handler: flushDB},
	{Name: "lolwut", Arity: -1, Flags: engine.Readonly | engine.Fast, Group: "server", Since: "5.0.0",
		Summary: "Draws something, and tells the version.", Syntax: "[VERSION version]", Handler: lolwut},
	{Name: "save", Arity: 1, Flags: engine.Admin | engine.Noscript | engine.NoAsyncLoading | engine.NoMulti, Group: "server",
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys in all databases",
		Summary: "Writes a snapshot of all databases, and replies when it is on disk.", Handler: save},
	{Name: "bgsave", Arity: -1, Flags: engine.Admin | engine.Noscript | engine.NoAsyncLoading, Group: "server",
		Since: "1.0.0", Complexity: "O(1) when called, O(N) over all keys in the background",
		Summary: "Writes a snapshot of all databases, in slices between other commands.", Syntax: "[SCHEDULE{@3.2.2}]",
		History: []string{"3.2.2: SCHEDULE."}, Handler: bgSave},
	{Name: "lastsave", Arity: 1, Flags: engine.Loading | engine.Stale | engine.Fast, Group: "server", Since: "1.0.0",
		Categories: "admin dangerous", Complexity: "O(1)", Summary: "Tells when the last snapshot was complete, in Unix seconds.",
		Hints: "nondeterministic_output", Handler: lastSave},
	{Name: "bgrewriteaof", Arity: 1, Flags: engine.Admin | engine.Noscript | engine.NoAsyncLoading, Group: "server",
		Since: "1.0.0", Complexity: "O(1) when called, O(N) over all keys in the background",
		Summary: "Writes a new base file for the append-only file, in slices between other commands.", Handler: bgRewriteAOF},
	{Name: "shutdown", Arity: -1, Flags: adminFlags | engine.NoMulti | engine.AllowBusy, Group: "server", Since: "1.0.0",
		Complexity: "O(N) where N is the number of writes that are not on disk yet",
		Summary:    "Writes what the disk does not have yet, and ends the server.",
		Syntax:     "[NOSAVE | SAVE]{save-selector} [NOW{@7.0.0}] [FORCE{@7.0.0}] [ABORT{@7.0.0}]", History: []string{"7.0.0: NOW, FORCE and ABORT."},
		Handler: shutdown},
	{Name: "swapdb", Arity: 3, Flags: engine.Write | engine.Fast | engine.AllKeys, Categories: "keyspace dangerous",
		Group: "server", Since: "4.0.0", Complexity: "O(1)", Summary: "Exchanges the contents of two databases.",
		Syntax: "index1 index2", Handler: swapDB},
	{Name: "time", Arity: 1, Flags: engine.Loading | engine.Stale | engine.Fast, Group: "server", Since: "2.6.0",
		Complexity: "O(1)", Summary: "Replies with the server's clock.", Hints: "nondeterministic_output",
		Handler: timeNow},
}

var _ = register(serverRows)

func dbSize(c *engine.Client, _ engine.Args) { c.Reply.Int(int64(c.DB.Len())) }

// flushArgs checks ASYNC or SYNC, which mean the same here: keys are gone at once, their memory follows in slices.
func flushArgs(c *engine.Client, args engine.Args) bool {
	if len(args) == 1 || len(args) == 2 && (isWord(args[1], "async") || isWord(args[1], "sync")) {
		return true
	}
	c.Reply.Error(errSyntax)
	return false
}

func flushAll(c *engine.Client, args engine.Args) {
	if !flushArgs(c, args) {
		return
	}
	s := c.Server()
	if s.Hooks.Saving != nil && !c.Loading() {
		s.Hooks.Saving.GiveUpSave()
	}
	changes := s.Dirty
	for i := range s.Keyspace.Len() {
		flush(c, s.Keyspace.DB(i))
	}
	flushed(c, wordFlushAll, args, changes)
	saveFlushed(c)
}

func flushDB(c *engine.Client, args engine.Args) {
	if !flushArgs(c, args) {
		return
	}
	changes := c.Server().Dirty
	flush(c, c.DB)
	flushed(c, wordFlushDB, args, changes)
	c.Reply.OK()
}

// flushed is for what there is to do also if there was no key: as with redis-server the journal has the command nevertheless,
// by its own name.
func flushed(c *engine.Client, name []byte, args engine.Args, changesBefore int64) {
	s := c.Server()
	s.Flushed()
	if s.Dirty == changesBefore {
		c.Propagate(append([][]byte{name}, args[1:]...)...)
	}
}

func flush(c *engine.Client, db *keyspace.DB) {
	if db.Len() == 0 {
		return
	}
	c.Server().DBChanged(db, nil)
	c.Changed(db.Len())
	db.Flush()
}

func swapDB(c *engine.Client, args engine.Args) {
	ks := c.Server().Keyspace
	a, ok := resp.ParseInt(args[1])
	if !ok || a != int64(int32(a)) {
		c.Reply.Error("ERR invalid first DB index")
		return
	}
	b, ok := resp.ParseInt(args[2])
	if !ok || b != int64(int32(b)) {
		c.Reply.Error("ERR invalid second DB index")
		return
	}
	if n := int64(ks.Len()); a < 0 || a >= n || b < 0 || b >= n {
		c.Reply.Error(errDBRange)
		return
	}
	if a != b {
		x, y := ks.DB(int(a)), ks.DB(int(b))
		c.Server().DBChanged(x, y)
		c.Server().DBChanged(y, x)
		ks.Swap(int(a), int(b))
	}
	c.Changed(1)
	c.Reply.OK()
}

// timeNow reads the clock itself: the round's has only milliseconds.
func timeNow(c *engine.Client, _ engine.Args) {
	us := time.Now().UnixMicro()
	c.Reply.Array(2)
	c.Reply.BulkInt(us / 1e6)
	c.Reply.BulkInt(us % 1e6)
}

// shutdown replies only when the server goes on. Nobody is waited for, so NOW changes nothing and there is never anything to
// abort.
func shutdown(c *engine.Client, args engine.Args) {
	var o engine.ShutdownOptions
	var now, abort bool
	for _, a := range args[1:] {
		switch {
		case isWord(a, "save"):
			o.Save = true
		case isWord(a, "nosave"):
			o.NoSave = true
		case isWord(a, "force"):
			o.Force = true
		case isWord(a, "now"):
			now = true
		case isWord(a, "abort"):
			abort = true
		default:
			c.Reply.Error(errSyntax)
			return
		}
	}
	s := c.Server()
	switch {
	case o.Save && o.NoSave, abort && (o.Save || o.NoSave || o.Force || now):
		c.Reply.Error(errSyntax)
	case abort:
		c.Reply.Error("ERR No shutdown in progress.")
	case s.Hooks.Shutdown == nil || s.Hooks.Shutdown(o) != nil:
		c.Reply.Error("ERR Errors trying to SHUTDOWN. Check logs.")
	default:
		c.CloseAfterReply()
	}
}

// lolwut draws the triangle of Sierpinski: the odd numbers of Pascal's. The version is the last line.
func lolwut(c *engine.Client, args engine.Args) {
	rows := int64(16)
	if len(args) > 3 && isWord(args[1], "version") {
		n, ok := intArg(c, args[3])
		if !ok {
			return
		}
		rows = min(max(n, 1), 64)
	}
	var art []byte
	for y := range rows {
		for range rows - 1 - y {
			art = append(art, ' ')
		}
		for x := range y + 1 {
			if x&^y == 0 { // binomial(y, x) is odd
				art = append(art, '/', '\\')
			} else {
				art = append(art, ' ', ' ')
			}
		}
		art = append(art, '\n')
	}
	art = append(art, "\nRedis ver. "+engine.RedisVersion+", Redix "+engine.Version+"\n"...)
	c.Reply.Verbatim("txt", art)
}
