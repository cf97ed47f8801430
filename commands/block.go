package commands

// Blocking commands of lists and sorted sets. Each does what its plain form does to the first key that has something; if
// none has, the client waits (engine.Client.Block), and the same handler runs again when one of the keys has changed.
// They are journalled as the plain forms, when they have popped something.

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

const blockFlags = engine.Write | engine.Blocking

var (
	wordLMove     = []byte("LMOVE")
	wordRPopLPush = []byte("RPOPLPUSH")
)

// timeoutHistory is of the commands that had an integer.
var timeoutHistory = []string{"6.0.0: The timeout may have a fraction."}

var blockRows = []engine.Row{
	{Name: "blmove", Arity: 6, Flags: blockFlags | engine.DenyOOM, Keys: moveKeys, Group: "list", Since: "6.2.0",
		Complexity: "O(1)", Summary: "Moves an element from a list to another, or waits for one to be there.",
		Syntax: "source destination <LEFT | RIGHT>{wherefrom} <LEFT | RIGHT>{whereto} timeout", Handler: blmove},
	{Name: "blmpop", Arity: -5, Flags: blockFlags | engine.MovableKeys, Keys: countedKeys(2, "RW access delete"),
		Group: "list", Since: "7.0.0", Complexity: "O(N+M), N the number of keys, M of the elements removed.",
		Summary: "Removes elements from the first list that has some, or waits for one.",
		Syntax:  "timeout numkeys key [key ...] <LEFT | RIGHT>{where} [COUNT count]", Handler: blmpop},
	{Name: "blpop", Arity: -3, Flags: blockFlags, Keys: engine.KeyRange(1, -2, 1, "RW access delete"), Group: "list",
		Since: "2.0.0", Complexity: "O(N) where N is the number of keys", History: timeoutHistory,
		Summary: "Removes the first element of the first list that has one, or waits for one.",
		Syntax:  "key [key ...] timeout", Handler: blpop},
	{Name: "brpop", Arity: -3, Flags: blockFlags, Keys: engine.KeyRange(1, -2, 1, "RW access delete"), Group: "list",
		Since: "2.0.0", Complexity: "O(N) where N is the number of keys", History: timeoutHistory,
		Summary: "Removes the last element of the first list that has one, or waits for one.",
		Syntax:  "key [key ...] timeout", Handler: brpop},
	{Name: "brpoplpush", Arity: 4, Flags: blockFlags | engine.DenyOOM, Keys: moveKeys, Group: "list", Since: "2.2.0",
		Complexity: "O(1)", Summary: "Moves the last element of a list to the head of another, or waits for one to be there.",
		Syntax: "source destination timeout", History: timeoutHistory,
		Replaced: "`BLMOVE` with the `RIGHT` and `LEFT` arguments", Deprecated: "6.2.0", Handler: brpoplpush},
	{Name: "bzmpop", Arity: -5, Flags: blockFlags | engine.MovableKeys, Keys: countedKeys(2, "RW access delete"),
		Group: "sorted-set", Since: "7.0.0",
		Complexity: "O(K)+O(M*log(N)), K the keys, N the members of the set, M those popped.",
		Summary:    "Pops members with the lowest or highest scores from the first set that is there, or waits for one.",
		Syntax:     "timeout numkeys key [key ...] <MIN | MAX>{where} [COUNT count]", Handler: bzmpop},
	{Name: "bzpopmax", Arity: -3, Flags: blockFlags | engine.Fast, Keys: engine.KeyRange(1, -2, 1, "RW access delete"),
		Group: "sorted-set", Since: "5.0.0", Complexity: "O(log(N)), N the members of the set.", History: timeoutHistory,
		Summary: "Pops the member with the highest score from the first set that is there, or waits for one.",
		Syntax:  "key [key ...] timeout", Handler: bzpopmax},
	{Name: "bzpopmin", Arity: -3, Flags: blockFlags | engine.Fast, Keys: engine.KeyRange(1, -2, 1, "RW access delete"),
		Group: "sorted-set", Since: "5.0.0", Complexity: "O(log(N)), N the members of the set.", History: timeoutHistory,
		Summary: "Pops the member with the lowest score from the first set that is there, or waits for one.",
		Syntax:  "key [key ...] timeout", Handler: bzpopmin},
}

var _ = register(blockRows)

// timeoutArg reads seconds, with a fraction maybe, and returns when they will be over, in Unix milliseconds; 0 stays 0, for
// ever.
func timeoutArg(c *engine.Client, arg []byte) (deadlineMs int64, ok bool) {
	seconds, ok := resp.ParseLongDouble(arg)
	if !ok {
		c.Reply.Error("ERR timeout is not a float or out of range")
		return 0, false
	}
	return waitUntil(c, seconds.CeilTimes(1000))
}

// millisArg is timeoutArg for milliseconds.
func millisArg(c *engine.Client, arg []byte) (deadlineMs int64, ok bool) {
	ms, ok := resp.ParseInt(arg)
	if !ok {
		c.Reply.Error("ERR timeout is not an integer or out of range")
		return 0, false
	}
	return waitUntil(c, ms)
}

func waitUntil(c *engine.Client, timeoutMs int64) (deadlineMs int64, ok bool) {
	now := c.Server().NowMs
	switch {
	case timeoutMs < 0:
		c.Reply.Error("ERR timeout is negative")
	case timeoutMs > math.MaxInt64-now:
		c.Reply.Error("ERR timeout is out of range")
	case timeoutMs == 0:
		return 0, true
	default:
		return timeoutMs + now, true
	}
	return 0, false
}

// block waits at keys for something of a type. Where waiting is out of question it replies that there is nothing: with
// a null array or, if asked for, with a plain null.
func block(c *engine.Client, keys [][]byte, of keyspace.Type, deadlineMs int64, plain bool) {
	w := engine.Wait{DeadlineMs: deadlineMs, Type: of, OnTimeout: func(c *engine.Client) { c.Reply.NullArray() }}
	switch {
	case c.Block(keys, w):
	case plain:
		c.Reply.Null()
	default:
		c.Reply.NullArray()
	}
}

func blpop(c *engine.Client, args engine.Args) { blockingPop(c, args, true) }
func brpop(c *engine.Client, args engine.Args) { blockingPop(c, args, false) }

func blockingPop(c *engine.Client, args engine.Args, front bool) {
	e, key, found := firstOrBlock(c, args, keyspace.TypeList)
	if !found {
		return
	}
	c.Reply.Array(2)
	c.Reply.Bulk(key)
	popElem(c, e, key, front)
	if front {
		c.Propagate(wordLPop, key)
	} else {
		c.Propagate(wordRPop, key)
	}
}

// firstOrBlock looks up the first of some keys that is there. The last argument is a timeout: if no key is there it waits for
// one, or replies.
func firstOrBlock(c *engine.Client, args engine.Args, of keyspace.Type) (e keyspace.Entry, key []byte, found bool) {
	last := len(args) - 1
	deadline, ok := timeoutArg(c, args[last])
	if !ok {
		return e, nil, false
	}
	for _, key := range args[1:last] {
		if e, found, ok = writeOf(c, key, of); found || !ok {
			return e, key, found
		}
	}
	block(c, args[1:last], of, deadline, false)
	return e, nil, false
}

func blmpop(c *engine.Client, args engine.Args) {
	o, ok := mpopArgs(c, args[2:])
	if !ok {
		return
	}
	if deadline, ok := timeoutArg(c, args[1]); ok && !mpop(c, &o) {
		block(c, o.keys, keyspace.TypeList, deadline, false)
	}
}

func blmove(c *engine.Client, args engine.Args) {
	from, ok := endArg(c, args[3])
	if !ok {
		return
	}
	if to, ok := endArg(c, args[4]); ok && blockingMove(c, args, args[5], from, to) {
		c.Propagate(wordLMove, args[1], args[2], args[3], args[4])
	}
}

func brpoplpush(c *engine.Client, args engine.Args) {
	if blockingMove(c, args, args[3], false, true) {
		c.Propagate(wordRPopLPush, args[1], args[2])
	}
}

// blockingMove reports whether an element has been moved.
func blockingMove(c *engine.Client, args engine.Args, timeout []byte, from, to bool) bool {
	deadline, ok := timeoutArg(c, timeout)
	if !ok {
		return false
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeList)
	switch {
	case !ok:
	case found:
		dirty := c.Server().Dirty
		moveElem(c, e, args[1], args[2], from, to)
		return c.Server().Dirty != dirty
	default:
		block(c, args[1:2], keyspace.TypeList, deadline, true)
	}
	return false
}

func bzpopmin(c *engine.Client, args engine.Args) { blockingPopEnd(c, args, false) }
func bzpopmax(c *engine.Client, args engine.Args) { blockingPopEnd(c, args, true) }

func blockingPopEnd(c *engine.Client, args engine.Args, high bool) {
	e, key, found := firstOrBlock(c, args, keyspace.TypeZset)
	if !found {
		return
	}
	c.Reply.Array(3)
	c.Reply.Bulk(key)
	zpopMembers(c, key, e, high, 1, false)
	propagatePop(c, key, high, 1)
}

func bzmpop(c *engine.Client, args engine.Args) {
	var p multiPop
	if !p.parse(c, args[2:]) {
		return
	}
	if deadline, ok := timeoutArg(c, args[1]); ok && !p.run(c) {
		block(c, p.keys, keyspace.TypeZset, deadline, false)
	}
}
