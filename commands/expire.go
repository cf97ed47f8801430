package commands

import (
	"math"

	"redix/engine"
)

// Deadlines of keys: set, asked for, taken away.
//
// Whatever a client says (seconds or milliseconds, from now or absolute), one deadline in Unix milliseconds is kept, and
// journalled as PEXPIREAT: a replay is then independent of when it happens. A deadline that is not in the future removes
// the key at once and is journalled as DEL, but not while the journal is being loaded: there a key may have outlived
// its deadline only because the server was down, and what comes next in the journal may still refer to it.

var expireRows = []engine.Row{
	{Name: "expire", Arity: -3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)", History: expireHistory,
		Summary: "Gives a key a time to live in seconds.",
		Syntax:  "key seconds [NX | XX | GT | LT]{condition@7.0.0}", Handler: expire},
	{Name: "expireat", Arity: -3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"),
		Group: "generic", Since: "1.2.0", Complexity: "O(1)", History: expireHistory,
		Summary: "Sets the Unix time in seconds at which a key ends.",
		Syntax:  "key unix-time-seconds [NX | XX | GT | LT]{condition@7.0.0}", Handler: expireAt},
	{Name: "pexpire", Arity: -3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"),
		Group: "generic", Since: "2.6.0", Complexity: "O(1)", History: expireHistory,
		Summary: "Gives a key a time to live in milliseconds.",
		Syntax:  "key milliseconds [NX | XX | GT | LT]{condition@7.0.0}", Handler: pexpire},
	{Name: "pexpireat", Arity: -3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"),
		Group: "generic", Since: "2.6.0", Complexity: "O(1)", History: expireHistory,
		Summary: "Sets the Unix time in milliseconds at which a key ends.",
		Syntax:  "key unix-time-milliseconds [NX | XX | GT | LT]{condition@7.0.0}", Handler: pexpireAt},
	{Name: "expiretime", Arity: 2, Flags: engine.Readonly | engine.Fast, Keys: engine.OneKey(1, "RO access"),
		Group: "generic", Since: "7.0.0", Complexity: "O(1)",
		Summary: "Replies with the Unix time in seconds at which a key ends.", Syntax: "key", Handler: expireTime},
	{Name: "pexpiretime", Arity: 2, Flags: engine.Readonly | engine.Fast, Keys: engine.OneKey(1, "RO access"),
		Group: "generic", Since: "7.0.0", Complexity: "O(1)",
		Summary: "Replies with the Unix time in milliseconds at which a key ends.", Syntax: "key", Handler: pexpireTime},
	{Name: "ttl", Arity: 2, Flags: engine.Readonly | engine.Fast, Keys: engine.OneKey(1, "RO access"),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)", Hints: "nondeterministic_output",
		Summary: "Replies with the seconds that a key has to live.",
		History: []string{"2.8.0: -2 for a missing key."}, Syntax: "key", Handler: ttl},
	{Name: "pttl", Arity: 2, Flags: engine.Readonly | engine.Fast, Keys: engine.OneKey(1, "RO access"),
		Group: "generic", Since: "2.6.0", Complexity: "O(1)", Hints: "nondeterministic_output",
		Summary: "Replies with the milliseconds that a key has to live.",
		History: []string{"2.8.0: -2 for a missing key."}, Syntax: "key", Handler: pttl},
	{Name: "persist", Arity: 2, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"),
		Group: "generic", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Takes a key's deadline away.", Syntax: "key", Handler: persist},
}

var _ = register(expireRows)

var expireHistory = []string{"7.0.0: NX, XX, GT and LT."}

func expire(c *engine.Client, args engine.Args) {
	setDeadline(c, args, "expire", 1000, c.Server().NowMs)
}

func pexpire(c *engine.Client, args engine.Args) {
	setDeadline(c, args, "pexpire", 1, c.Server().NowMs)
}

func expireAt(c *engine.Client, args engine.Args) { setDeadline(c, args, "expireat", 1000, 0) }

func pexpireAt(c *engine.Client, args engine.Args) { setDeadline(c, args, "pexpireat", 1, 0) }

// setDeadline is the EXPIRE family: args[2] is in units of unitMs, counted from baseMs on.
func setDeadline(c *engine.Client, args engine.Args, name string, unitMs, baseMs int64) {
	when, ok := expireCondition(c, args[3:])
	if !ok {
		return
	}
	n, ok := intArg(c, args[2])
	if !ok {
		return
	}
	if n > math.MaxInt64/unitMs || n < math.MinInt64/unitMs || n*unitMs > math.MaxInt64-baseMs {
		c.Reply.Error("ERR invalid expire time in '" + name + "' command")
		return
	}
	deadline := n*unitMs + baseMs
	key := args[1]
	e, ok := c.LookupWrite(key)
	if !ok || !when.holds(e.Deadline(), deadline) {
		c.Reply.Int(0)
		return
	}
	if deadline <= c.Server().NowMs && !c.Loading() {
		c.DB.Delete(&e)
		c.Propagate(wordDel, key)
		c.Event(engine.EventGeneric, "del", key)
	} else {
		deadline = max(deadline, 1) // 0 would mean none
		c.DB.SetDeadline(&e, deadline)
		c.Propagate(wordPExpireAt, key, digits(c, deadline))
		c.Event(engine.EventGeneric|engine.EventQuiet, "expire", key)
	}
	c.Changed(1)
	c.Reply.Int(1)
}

// condition says when a deadline may be set.
type condition uint8

const (
	ifNone    condition = 1 << iota // NX: the key has none
	ifSome                          // XX: it has one
	ifLater                         // GT: the new one is later; having none is the latest of all
	ifEarlier                       // LT: the new one is earlier
)

// expireCondition reads the words after the time; on a mistake it has replied.
func expireCondition(c *engine.Client, words engine.Args) (when condition, ok bool) {
	for _, w := range words {
		switch {
		case isWord(w, "nx"):
			when |= ifNone
		case isWord(w, "xx"):
			when |= ifSome
		case isWord(w, "gt"):
			when |= ifLater
		case isWord(w, "lt"):
			when |= ifEarlier
		default:
			c.Reply.Error("ERR Unsupported option " + string(w))
			return 0, false
		}
	}
	switch {
	case when&ifNone != 0 && when != ifNone:
		c.Reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible")
	case when&ifLater != 0 && when&ifEarlier != 0:
		c.Reply.Error("ERR GT and LT options at the same time are not compatible")
	default:
		return when, true
	}
	return 0, false
}

// holds compares the present deadline, 0 for none, with the new one.
func (when condition) holds(present, next int64) bool {
	switch {
	case when&ifNone != 0 && present != 0:
		return false
	case when&ifSome != 0 && present == 0:
		return false
	case when&ifLater != 0 && (present == 0 || next <= present):
		return false
	case when&ifEarlier != 0 && present != 0 && next >= present:
		return false
	}
	return true
}

func ttl(c *engine.Client, args engine.Args) {
	replyDeadline(c, args[1], c.Server().NowMs, true)
}

func pttl(c *engine.Client, args engine.Args) {
	replyDeadline(c, args[1], c.Server().NowMs, false)
}

func expireTime(c *engine.Client, args engine.Args) { replyDeadline(c, args[1], 0, true) }

func pexpireTime(c *engine.Client, args engine.Args) { replyDeadline(c, args[1], 0, false) }

// replyDeadline counts from baseMs on, in milliseconds or in seconds rounded to the nearest.
func replyDeadline(c *engine.Client, key []byte, baseMs int64, seconds bool) {
	e, ok := peek(c, key)
	if !ok {
		c.Reply.Int(-2)
		return
	}
	deadline := e.Deadline()
	if deadline == 0 {
		c.Reply.Int(-1)
		return
	}
	n := max(deadline-baseMs, 0)
	if seconds {
		n = n/1000 + (n%1000+500)/1000
	}
	c.Reply.Int(n)
}

func persist(c *engine.Client, args engine.Args) {
	e, ok := c.LookupWrite(args[1])
	if !ok || e.Deadline() == 0 {
		c.Reply.Int(0)
		return
	}
	c.DB.SetDeadline(&e, 0)
	c.Changed(1)
	c.Event(engine.EventGeneric|engine.EventQuiet, "persist", args[1])
	c.Reply.Int(1)
}
