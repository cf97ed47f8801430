package commands

import (
	"math"
	"slices"
	"sync"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/persistence/rdb"
)

// DUMP and RESTORE: values as bytes, in the form of RDB (package rdb), to be taken to another server.

var dumpRows = []engine.Row{
	{Name: "dump", Arity: 2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"),
		Group: "generic", Since: "2.6.0", Complexity: "O(N), N the bytes of the value",
		Summary: "Replies with a value in a form that RESTORE takes.", Syntax: "key",
		Hints: "nondeterministic_output", Handler: dump},
	{Name: "restore", Arity: -4, Flags: engine.Write | engine.DenyOOM, Keys: engine.OneKey(1, "OW update"), Categories: "dangerous",
		Group: "generic", Since: "2.6.0", Complexity: "O(N), N the bytes of the value; O(N*log(N)) for a sorted set of N members",
		Summary: "Creates a key with a value that DUMP has given.",
		History: []string{"3.0.0: REPLACE.", "5.0.0: ABSTTL.", "5.0.0: IDLETIME and FREQ."},
		Syntax:  "key ttl serialized-value [REPLACE{@3.0.0}] [ABSTTL{@5.0.0}] [IDLETIME seconds{@5.0.0}] [FREQ frequency{@5.0.0}]", Handler: restore},
	{Name: "restore-asking", Arity: -4, Flags: engine.ForServers | engine.Write | engine.DenyOOM | engine.Asking, Keys: engine.OneKey(1, "OW update"), Categories: "keyspace dangerous",
		Group: "server", Since: "3.0.0", Complexity: "O(N), N the bytes of the value; O(N*log(N)) for a sorted set of N members",
		Summary: "RESTORE as the nodes of a cluster use it among themselves.",
		History: []string{"3.0.0: REPLACE.", "5.0.0: ABSTTL.", "5.0.0: IDLETIME and FREQ."},
		Syntax:  "key ttl serialized-value [REPLACE{@3.0.0}] [ABSTTL{@5.0.0}] [IDLETIME seconds{@5.0.0}] [FREQ frequency{@5.0.0}]", Handler: restore},
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

// serializedBytes counts the bytes that a value takes in a snapshot: what DUMP gives, without type and footer.
func serializedBytes(s *engine.Server, e *keyspace.Entry) int64 {
	w := dumpWriters.Get().(*EntryWriter)
	defer dumpWriters.Put(w)
	w.Configure(RDBOptions{Compress: s.Config.RDBCompression, Version: s.Config.RDBVersion})
	part, done := w.BeginValue(nil, e)
	n := int64(len(part)) - 1
	for !done {
		part, done = w.Next(part[:0], serializedStep)
		n += int64(len(part))
	}
	return n
}

// serializedStep is about how many bytes are written at a time to be counted.
const serializedStep = 64 << 10

// restoreOptions are the words after the payload of RESTORE.
type restoreOptions struct {
	replace, absolute bool
	access            keyAccess
}

// restoreArgs reads the options; on a mistake it has replied.
func restoreArgs(c *engine.Client, words engine.Args) (o restoreOptions, ok bool) {
	o.access = keyAccess{idle: -1, freq: -1}
	for i := 0; i < len(words); i++ {
		more := i+1 < len(words)
		switch {
		case isWord(words[i], "replace"):
			o.replace = true
		case isWord(words[i], "absttl"):
			o.absolute = true
		case isWord(words[i], "idletime") && more && o.access.freq < 0:
			i++
			if o.access.idle, ok = intArg(c, words[i]); !ok {
				return o, false
			}
			if o.access.idle < 0 {
				c.Reply.Error("ERR Invalid IDLETIME value, must be >= 0")
				return o, false
			}
		case isWord(words[i], "freq") && more && o.access.idle < 0:
			i++
			n, ok := intArg(c, words[i])
			if !ok {
				return o, false
			}
			if n < 0 || n > 255 {
				c.Reply.Error("ERR Invalid FREQ value, must be >= 0 and <= 255")
				return o, false
			}
			o.access.freq = int(n)
		default:
			c.Reply.Error(errSyntax)
			return o, false
		}
	}
	return o, true
}

// restore is journalled with its deadline absolute, so that a replay does not depend on when it happens.
func restore(c *engine.Client, args engine.Args) {
	key := args[1]
	o, ok := restoreArgs(c, args[4:])
	if !ok {
		return
	}
	if _, found := c.LookupWrite(key); found && !o.replace {
		c.Reply.Error("BUSYKEY Target key name already exists.")
		return
	}
	deadline, ok := intArg(c, args[2])
	if !ok {
		return
	}
	if deadline < 0 {
		c.Reply.Error("ERR Invalid TTL value, must be >= 0")
		return
	}
	s := c.Server()
	payload, err := rdb.CheckPayload(args[3])
	signed := err == nil
	if s.AnyChecksum && !signed {
		payload, err = rdb.UncheckedPayload(args[3])
	}
	if err != nil {
		c.Reply.Error("ERR DUMP payload version or checksum are wrong")
		return
	}
	b := restoreBuilder(s)
	if err := rdb.ReadPayload(payload, uint64(stringLimit(c)), b.Put); err != nil {
		b.Drop()
		s.Log.Warn("a payload of RESTORE was refused", "error", err)
		c.Reply.Error("ERR Bad data format")
		return
	}
	now := s.NowMs
	if deadline != 0 && !o.absolute {
		deadline = now + min(deadline, math.MaxInt64-now)
	}
	e, found := c.DB.Find(key)
	if deadline != 0 && deadline <= now && !c.Loading() {
		b.Drop()
		if found {
			c.DB.Delete(&e)
			c.Changed(1)
			c.Propagate(wordDel, key)
			c.Event(engine.EventGeneric, "del", key)
		}
		c.Reply.OK()
		return
	}
	if found { // so that what it counts, and tells, is that a key has come
		c.DB.Delete(&e)
		e, _ = c.DB.Find(key)
	}
	b.store(c.DB, &e, key, deadline)
	o.access.note(s, &e)
	c.Changed(1)
	if !signed { // the journal is to load
		args = slices.Clone(args)
		args[3] = rdb.AppendFooter(slices.Clone(payload), 0)
	}
	if deadline != 0 && !o.absolute {
		propagateRestore(c, args, deadline)
	} else if !signed {
		c.PropagateArgs(c.DB, args)
	}
	c.Event(engine.EventGeneric, "restore", key)
	c.Reply.OK()
}

func propagateRestore(c *engine.Client, args engine.Args, deadline int64) {
	words := append(make([][]byte, 0, len(args)+1), args...)
	words[2] = digits(c, deadline)
	c.PropagateArgs(c.DB, append(words, []byte("ABSTTL")))
}

// restoreBuilder returns a builder whose value does not become an entry by itself.
func restoreBuilder(s *engine.Server) *EntryBuilder {
	b := NewEntryBuilder(s, true, false)
	b.apart = true
	return b
}
