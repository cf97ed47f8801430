package commands

import (
	"redix/engine"
	"redix/engine/hll"
	"redix/engine/keyspace"
)

// HyperLogLogs are strings in redis-server's format (package hll), so GET, SET and the rest work on them, and every
// command here checks what it is given. Sparse values are edited in the server's scratch and stored once, dense ones in
// place. Rows and PFDEBUG are in hll_debug.go.

const (
	errNotHLL     = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorruptHLL = "INVALIDOBJ Corrupted HLL object detected"
)

// validHLL checks a key's entry and returns the value, a view. When ok is false it has replied.
func validHLL(c *engine.Client, e *keyspace.Entry) (b []byte, ok bool) {
	if e.Type() != keyspace.TypeString {
		c.Reply.Error(errWrongType)
		return nil, false
	}
	if e.Encoding() != keyspace.EncInt {
		b = e.Value()
	}
	switch {
	case !hll.Check(b):
		c.Reply.Error(errNotHLL)
		return nil, false
	case !hll.IsDense(b) && len(b) > hll.MaxSparseBytes: // no sense in looking at half a gigabyte
		c.Reply.Error(errCorruptHLL)
		return nil, false
	}
	return b, true
}

// editHLL returns an editor on b: in place when that is dense, and the entry's then, else on a copy in the server's
// scratch, which storeHLL puts into the key.
func editHLL(c *engine.Client, e *keyspace.Entry, b []byte) (d hll.Editor, inPlace bool) {
	s := c.Server()
	d.Limit = s.Config.HLLSparseMaxBytes
	switch {
	case !e.Found():
		d.B = hll.AppendNew(s.Scratch[0][:0])
	case hll.IsDense(b):
		d.B = c.DB.Writable(e)
		return d, true
	default:
		d.B = append(s.Scratch[0][:0], b...)
	}
	d.Room = s.Scratch[1]
	return d, false
}

// storeHLL makes the edited value the key's and gives the scratch back. The string is raw, as redis-server's.
func storeHLL(c *engine.Client, e *keyspace.Entry, key []byte, d *hll.Editor) {
	c.Server().Scratch[0], c.Server().Scratch[1] = d.B, d.Room
	if len(d.B) > keyspace.EmbstrMax {
		c.DB.SetString(e, key, d.B, e.Deadline())
		return
	}
	if !e.Found() {
		c.DB.SetString(e, key, nil, 0)
	}
	copy(c.DB.Resize(e, len(d.B)), d.B)
}

func pfadd(c *engine.Client, args engine.Args) {
	key := args[1]
	e, found := c.LookupWrite(key)
	var b []byte
	changes := 0
	if found {
		var ok bool
		if b, ok = validHLL(c, &e); !ok {
			return
		}
	} else {
		changes = 1
	}
	d, inPlace := editHLL(c, &e, b)
	corrupt := false
	for _, element := range args[2:] {
		changed, ok := d.Raise(hll.Place(element))
		if !ok {
			corrupt = true
			break
		}
		if changed {
			changes++
		}
	}
	if changes > 0 {
		hll.Invalidate(d.B)
		if !inPlace {
			storeHLL(c, &e, key, &d)
		}
		c.Event(engine.EventString, "pfadd", key)
		c.Changed(changes)
	}
	switch {
	case corrupt:
		c.Reply.Error(errCorruptHLL)
	case changes > 0:
		c.Reply.Int(1)
	default:
		c.Reply.Int(0)
	}
}

func pfcount(c *engine.Client, args engine.Args) {
	if len(args) > 2 {
		c.TookLong()
		if registers, _, ok := mergedHLL(c, args[1:]); ok {
			c.Reply.Int(int64(hll.CountRegisters(registers)))
		}
		return
	}
	e, found := c.LookupRead(args[1])
	if !found {
		c.Reply.Int(0)
		return
	}
	b, ok := validHLL(c, &e)
	if !ok {
		return
	}
	n, ok := hll.Cached(b)
	if !ok {
		c.TookLong()
		if n, ok = hll.Count(b); !ok {
			c.Reply.Error(errCorruptHLL)
			return
		}
		keepCount(c, &e, args, n)
	}
	c.Reply.Int(int64(n))
}

// keepCount notes an estimate in the value. That changes a string's bytes, so that it is journalled although the command
// only reads; while the journal cannot be written it is left.
func keepCount(c *engine.Client, e *keyspace.Entry, args engine.Args, n uint64) {
	if j := c.Server().Journal; j != nil && j.Err() != nil {
		return
	}
	hll.SetCached(c.DB.Writable(e), n)
	c.Event(0, "", args[1]) // breaks watches, and is no notification
	c.Changed(1)
	c.PropagateArgs(c.DB, args)
}

// mergedHLL returns the registers of the union of keys' values, in the server's scratch, and whether one of them is
// dense. When ok is false it has replied.
func mergedHLL(c *engine.Client, keys engine.Args) (registers *[hll.Registers]byte, dense, ok bool) {
	room := &c.Server().Scratch[2]
	if cap(*room) < hll.Registers {
		*room = make([]byte, hll.Registers)
	}
	*room = (*room)[:hll.Registers]
	registers = (*[hll.Registers]byte)(*room)
	clear(registers[:])
	for _, key := range keys {
		e, found := c.LookupRead(key)
		if !found {
			continue
		}
		b, ok := validHLL(c, &e)
		if !ok {
			return nil, false, false
		}
		dense = dense || hll.IsDense(b)
		if !hll.Merge(registers, b) {
			c.Reply.Error(errCorruptHLL)
			return nil, false, false
		}
	}
	return registers, dense, true
}

// pfmerge makes a dense value if one of those merged is dense.
func pfmerge(c *engine.Client, args engine.Args) {
	key := args[1]
	registers, dense, ok := mergedHLL(c, args[1:])
	if !ok {
		return
	}
	e, found := c.LookupWrite(key)
	var b []byte
	if found {
		b = e.Value() // which mergedHLL has checked
	}
	d, inPlace := editHLL(c, &e, b)
	switch {
	case inPlace:
		hll.PutDense(d.B, registers)
	case dense:
		d.B, d.Room = hll.AppendDense(d.Room[:0], d.B, registers), d.B
	default:
		d.RaiseAll(registers)
	}
	hll.Invalidate(d.B)
	if !inPlace {
		storeHLL(c, &e, key, &d)
	}
	c.Event(engine.EventString, "pfadd", key)
	c.Changed(1)
	c.Reply.OK()
}
