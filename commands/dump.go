package commands

import (
	"sync"

	"redix/engine"
	"redix/engine/keyspace"
)

// DUMP and RESTORE: values as bytes, in the form of RDB (package rdb), to be taken to another server.

var dumpRows = []engine.Row{
	{Name: "dump", Arity: 2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"),
		Group: "generic", Since: "2.6.0", Complexity: "O(N), N the bytes of the value",
		Summary: "Replies with a value in a form that RESTORE takes.", Syntax: "key",
		Hints: "nondeterministic_output", Handler: dump},
}

var _ = register(dumpRows)

// dumpWriters keep the tables of the compression.
var dumpWriters = sync.Pool{New: func() any { return NewEntryWriter(RDBOptions{}) }}

func dump(c *engine.Client, args engine.Args) {
	e, found := c.LookupRead(args[1])
	if !found {
		c.Reply.Null()
		return
	}
	b := &c.Server().Scratch[0]
	*b = appendDump((*b)[:0], c.Server(), &e)
	c.Reply.Bulk(*b)
	if cap(*b) > dumpKept {
		*b = nil
	}
}

// dumpKept is the size of a buffer that is not given back.
const dumpKept = 1 << 20

// appendDump appends the payload of an entry.
func appendDump(dst []byte, s *engine.Server, e *keyspace.Entry) []byte {
	w := dumpWriters.Get().(*EntryWriter)
	defer dumpWriters.Put(w)
	w.Configure(RDBOptions{Compress: s.Config.RDBCompression, Version: s.Config.RDBVersion})
	return w.DumpValue(dst, e)
}
