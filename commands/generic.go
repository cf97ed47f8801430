package commands

import (
	"bytes"
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// Commands that treat a key as a whole, whatever its value is: delete, ask for, rename, move, copy. Deadlines are in
// expire.go, iteration in scan.go.
//
// What is freed may be large, but never at once: the keyspace queues it (keyspace.FreeStep). So DEL and UNLINK do the
// same here.

var genericRows = []engine.Row{
	{Name: "copy", Arity: -3, Flags: engine.Write | engine.DenyOOM, Keys: twoKeys("RO access", "OW update"),
		Group: "generic", Since: "6.2.0", Complexity: "O(N), N the elements of a collection; O(1) for a string",
		Summary: "Copies a key with its value and time to live.",
		Syntax:  "source destination [DB destination-db] [REPLACE]", Handler: copyKey},
	{Name: "del", Arity: -2, Flags: engine.Write, Keys: engine.KeyRange(1, -1, 1, "RM delete"),
		Group: "generic", Since: "1.0.0", Complexity: "O(N), N the number of keys",
		Summary: "Removes keys and replies with how many there were.",
		Syntax:  "key [key ...]", Hints: "request_policy:multi_shard response_policy:agg_sum", Handler: del},
	{Name: "exists", Arity: -2, Flags: engine.Readonly | engine.Fast, Keys: engine.KeyRange(1, -1, 1, "RO"),
		Group: "generic", Since: "1.0.0", Complexity: "O(N), N the number of keys",
		Summary: "Counts how many of the keys exist.", History: []string{"3.0.3: Accepts several keys."},
		Syntax: "key [key ...]", Hints: "request_policy:multi_shard response_policy:agg_sum", Handler: exists},
	{Name: "move", Arity: 3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW access update"),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Takes a key to another database.", Syntax: "key db", Handler: move},
	{Name: "randomkey", Arity: 1, Flags: engine.Readonly | engine.AllKeys,
		Group: "generic", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Replies with any one key of the database, each as likely as any other.",
		Hints:   "request_policy:all_shards response_policy:special nondeterministic_output", Handler: randomKey},
	{Name: "rename", Arity: 3, Flags: engine.Write, Keys: twoKeys("RW access delete", "OW update"),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Gives a key another name; what had that name is removed.",
		Syntax:  "key newkey", Handler: rename},
	{Name: "renamenx", Arity: 3, Flags: engine.Write | engine.Fast, Keys: twoKeys("RW access delete", "OW insert"),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Gives a key another name if no key has it.",
		History: []string{"3.2.0: Equal names are no error."},
		Syntax:  "key newkey", Handler: renameNX},
	{Name: "touch", Arity: -2, Flags: engine.Readonly | engine.Fast, Keys: engine.KeyRange(1, -1, 1, "RO"),
		Group: "generic", Since: "3.2.1", Complexity: "O(N), N the number of keys",
		Summary: "Notes an access to the keys and counts those that exist.",
		Syntax:  "key [key ...]", Hints: "request_policy:multi_shard response_policy:agg_sum", Handler: touch},
	{Name: "type", Arity: 2, Flags: engine.Readonly | engine.Fast, Keys: engine.OneKey(1, "RO"),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Names the type of the value.", Syntax: "key", Handler: typeOf},
	{Name: "unlink", Arity: -2, Flags: engine.Write | engine.Fast, Keys: engine.KeyRange(1, -1, 1, "RM delete"),
		Group: "generic", Since: "4.0.0", Complexity: "O(N), N the number of keys",
		Summary: "Removes keys and replies with how many there were; memory is freed later.",
		Syntax:  "key [key ...]", Hints: "request_policy:multi_shard response_policy:agg_sum", Handler: del},
}

var _ = register(genericRows)

// twoKeys are a source at place 1 and a destination at place 2.
func twoKeys(source, destination string) []engine.KeySpec {
	return append(engine.OneKey(1, source), engine.OneKey(2, destination)...)
}

const (
	errDBRange   = "ERR DB index is out of range"
	errSameKey   = "ERR source and destination objects are the same"
	errNoSuchKey = "ERR no such key"
)

// typeNames are what TYPE replies and SCAN's TYPE takes, by keyspace.Type.
var typeNames = [...]string{
	keyspace.TypeNone: "none", keyspace.TypeString: "string", keyspace.TypeHash: "hash", keyspace.TypeList: "list",
	keyspace.TypeSet: "set", keyspace.TypeZset: "zset", keyspace.TypeStream: "stream",
}

// peek is LookupRead without noting an access: it counts and tells a hit or a miss.
func peek(c *engine.Client, key []byte) (keyspace.Entry, bool) {
	e, ok := c.DB.Lookup(key)
	if ok {
		c.Server().Stats.KeyspaceHits++
	} else {
		c.Server().Stats.KeyspaceMisses++
		c.Event(engine.EventMiss, "keymiss", key)
	}
	return e, ok
}

// del serves UNLINK, too.
func del(c *engine.Client, args engine.Args) {
	n := 0
	for _, key := range args[1:] {
		if e, ok := c.DB.Lookup(key); ok {
			c.DB.Delete(&e)
			c.Event(engine.EventGeneric, "del", key)
			n++
		}
	}
	c.Changed(n)
	c.Reply.Int(int64(n))
}

func exists(c *engine.Client, args engine.Args) {
	n := int64(0)
	for _, key := range args[1:] {
		if _, ok := peek(c, key); ok {
			n++
		}
	}
	c.Reply.Int(n)
}

func touch(c *engine.Client, args engine.Args) {
	n := int64(0)
	for _, key := range args[1:] {
		if _, ok := c.LookupRead(key); ok {
			n++
		}
	}
	c.Reply.Int(n)
}

func typeOf(c *engine.Client, args engine.Args) {
	e, _ := peek(c, args[1])
	c.Reply.Simple(typeNames[e.Type()])
}

// randomKey removes the expired keys that it draws, so that each try makes the next one likelier to succeed.
func randomKey(c *engine.Client, _ engine.Args) {
	for {
		e, ok := c.DB.Random()
		if !ok {
			c.Reply.Null()
			return
		}
		if !isExpired(c, &e) {
			c.Reply.Bulk(e.Key())
			return
		}
		c.DB.Lookup(e.Key())
	}
}

// isExpired tells whether a lookup of the entry's key would remove it.
func isExpired(c *engine.Client, e *keyspace.Entry) bool {
	at := e.Deadline()
	return at != 0 && at < c.Server().Keyspace.NowMs
}

func rename(c *engine.Client, args engine.Args) {
	switch renamed, ok := renameKey(c, args[1], args[2], true); {
	case !ok:
		c.Reply.Error(errNoSuchKey)
	case renamed:
		c.Changed(1)
		c.Reply.OK()
	default:
		c.Reply.OK() // to its own name
	}
}

func renameNX(c *engine.Client, args engine.Args) {
	switch renamed, ok := renameKey(c, args[1], args[2], false); {
	case !ok:
		c.Reply.Error(errNoSuchKey)
	case renamed:
		c.Changed(1)
		c.Reply.Int(1)
	default:
		c.Reply.Int(0)
	}
}

// renameKey moves the entry with its deadline. ok is false when there is no such key.
func renameKey(c *engine.Client, from, to []byte, replace bool) (renamed, ok bool) {
	if _, ok = c.LookupWrite(from); !ok {
		return false, false
	}
	if bytes.Equal(from, to) {
		return false, true
	}
	if old, found := c.DB.Lookup(to); found {
		if !replace {
			return false, true
		}
		c.DB.Delete(&old)
	}
	e, _ := c.DB.Find(from) // again: what happened to the other key ended the first view
	c.DB.Transfer(&e, c.DB, to)
	c.Event(engine.EventGeneric, "rename_from", from)
	c.Event(engine.EventGeneric, "rename_to", to)
	return true, true
}

func move(c *engine.Client, args engine.Args) {
	to, ok := databaseArg(c, args[2])
	if !ok {
		return
	}
	if to == c.DB {
		c.Reply.Error(errSameKey)
		return
	}
	key := args[1]
	if _, ok := c.LookupWrite(key); !ok {
		c.Reply.Int(0)
		return
	}
	if _, taken := to.Lookup(key); taken {
		c.Reply.Int(0)
		return
	}
	e, _ := c.DB.Find(key)
	c.DB.Transfer(&e, to, key)
	c.Changed(1)
	c.Event(engine.EventGeneric, "move_from", key)
	c.Server().Event(to.ID, engine.EventGeneric, "move_to", key)
	c.Reply.Int(1)
}

// databaseArg returns the database that a word numbers; on a mistake it has replied.
func databaseArg(c *engine.Client, arg []byte) (*keyspace.DB, bool) {
	ks := c.Server().Keyspace
	switch n, ok := resp.ParseInt(arg); {
	case !ok:
		c.Reply.Error(errNotInt)
	case n < math.MinInt32 || n > math.MaxInt32:
		c.Reply.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n < 0 || n >= int64(ks.Len()):
		c.Reply.Error(errDBRange)
	default:
		return ks.DB(int(n)), true
	}
	return nil, false
}

func copyKey(c *engine.Client, args engine.Args) {
	to, replace := c.DB, false
	for i := 3; i < len(args); i++ {
		switch {
		case isWord(args[i], "replace"):
			replace = true
		case isWord(args[i], "db") && i+1 < len(args):
			var ok bool
			if to, ok = databaseArg(c, args[i+1]); !ok {
				return
			}
			i++
		default:
			c.Reply.Error(errSyntax)
			return
		}
	}
	from, key := args[1], args[2]
	if to == c.DB && bytes.Equal(from, key) {
		c.Reply.Error(errSameKey)
		return
	}
	if _, ok := c.LookupRead(from); !ok {
		c.Reply.Int(0)
		return
	}
	if old, found := to.Lookup(key); found {
		if !replace {
			c.Reply.Int(0)
			return
		}
		to.Delete(&old)
	}
	e, _ := c.DB.Find(from)
	c.DB.Duplicate(&e, to, key)
	c.Changed(1)
	c.Server().Event(to.ID, engine.EventGeneric, "copy_to", key)
	c.Reply.Int(1)
}
