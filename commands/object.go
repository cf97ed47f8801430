package commands

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
)

// OBJECT: how a value is kept. Encodings are told in redis-server's names, so that tools and its tests read them as they
// expect; what they stand for here is in keyspace/record.go.

var objectRows = []engine.Row{
	{Name: "object", Arity: -2, Group: "generic", Since: "2.2.3", Complexity: "As the subcommand",
		Summary: "Container of the commands that look into values.", Subs: []engine.Row{
			{Name: "encoding", Arity: 3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO"),
				Since: "2.2.3", Complexity: "O(1)", Summary: "Names the way in which a value is kept.",
				Syntax: "key", Hints: "nondeterministic_output", Handler: objectEncoding},
			{Name: "freq", Arity: 3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO"),
				Since: "4.0.0", Complexity: "O(1)", Summary: "Replies with how often a key is used, on a logarithmic scale.",
				Syntax: "key", Hints: "nondeterministic_output", Handler: objectFreq},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale,
				Since: "6.2.0", Complexity: "O(1)", Summary: "Lists the subcommands.", Handler: help},
			{Name: "idletime", Arity: 3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO"),
				Since: "2.2.3", Complexity: "O(1)", Summary: "Replies with the seconds since a key was last accessed.",
				Syntax: "key", Hints: "nondeterministic_output", Handler: objectIdletime},
			{Name: "refcount", Arity: 3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO"),
				Since: "2.2.3", Complexity: "O(1)", Summary: "Replies with the number of references to a value.",
				Syntax: "key", Hints: "nondeterministic_output", Handler: objectRefcount},
		}},
}

var _ = register(objectRows)

// encodingNames are what OBJECT ENCODING replies, by keyspace.Encoding.
var encodingNames = [...]string{
	keyspace.EncInt: "int", keyspace.EncEmbstr: "embstr", keyspace.EncRaw: "raw", keyspace.EncLarge: "raw",
	keyspace.EncHashPacked: "listpack", keyspace.EncHashPackedT: "hashtable", keyspace.EncHashTable: "hashtable",
	keyspace.EncSetInts: "intset", keyspace.EncSetPacked: "listpack", keyspace.EncSetPackedT: "hashtable",
	keyspace.EncSetTable: "hashtable", keyspace.EncZsetPacked: "listpack", keyspace.EncZsetTree: "skiplist",
	keyspace.EncListPacked: "listpack", keyspace.EncListChunks: "quicklist", keyspace.EncStream: "stream",
}

// objectOf looks up the key of a subcommand without noting an access; when there is none, it has replied. A miss is counted and not
// told.
func objectOf(c *engine.Client, args engine.Args) (keyspace.Entry, bool) {
	e, ok := c.DB.Lookup(args[2])
	if stats := &c.Server().Stats; ok {
		stats.KeyspaceHits++
	} else {
		stats.KeyspaceMisses++
		c.Reply.Null()
	}
	return e, ok
}

func objectEncoding(c *engine.Client, args engine.Args) {
	if e, ok := objectOf(c, args); ok {
		c.Reply.BulkString(encodingNames[e.Encoding()])
	}
}

const policySwitch = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

func objectFreq(c *engine.Client, args engine.Args) {
	e, ok := objectOf(c, args)
	switch {
	case !ok:
	case !c.Server().CountsAccesses():
		c.Reply.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked." + policySwitch)
	default:
		c.Reply.Int(int64(c.Server().Frequency(&e)))
	}
}

func objectIdletime(c *engine.Client, args engine.Args) {
	e, ok := objectOf(c, args)
	switch {
	case !ok:
	case c.Server().CountsAccesses():
		c.Reply.Error("ERR An LFU maxmemory policy is selected, idle time not tracked." + policySwitch)
	default:
		c.Reply.Int(c.Server().IdleSeconds(&e))
	}
}

// sharedInts is how many small integers redis-server keeps one common object each for; it calls their count of
// references infinite.
const sharedInts = 10000

// references is the count of references that redis-server would tell of a value set under the policy in force: it shares small
// integers unless keys may have to go by their accesses, which it keeps in the object. Nothing is shared here.
func references(s *engine.Server, e *keyspace.Entry) int64 {
	if e.Encoding() == keyspace.EncInt && e.Int() >= 0 && e.Int() < sharedInts && !s.EvictsByAccess() {
		return math.MaxInt32
	}
	return 1
}

func objectRefcount(c *engine.Client, args engine.Args) {
	if e, ok := objectOf(c, args); ok {
		c.Reply.Int(references(c.Server(), &e))
	}
}
