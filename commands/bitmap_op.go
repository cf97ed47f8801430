package commands

import (
	"crypto/subtle"
	"encoding/binary"

	"redix/engine"
	"redix/engine/keyspace"
)

// BITOP. The result is made in chunks that stay in the processor's cache while source after source is combined into
// them:
//
//	sources   [ chunk 0 | chunk 1 | chu...      shorter ones count as followed by zeros
//	          [ chunk 0 | ch...
//	result    [ chunk 0 | chunk 1 | chu...      as long as the longest source
//
// A source may be the destination: the result is made elsewhere and stored at the end.

const (
	opChunk   = 4 << 10
	opInBlock = 64 << 10 // results from this size on are made in the block that they are kept in
	opSources = 16       // sources that take no memory to list
)

type bitOperator int

const (
	opAnd bitOperator = iota
	opOr
	opXor
	opNot
)

func operatorArg(arg []byte) (op bitOperator, ok bool) {
	switch {
	case isWord(arg, "and"):
		return opAnd, true
	case isWord(arg, "or"):
		return opOr, true
	case isWord(arg, "xor"):
		return opXor, true
	case isWord(arg, "not"):
		return opNot, true
	}
	return 0, false
}

func bitop(c *engine.Client, args engine.Args) {
	op, ok := operatorArg(args[1])
	if !ok {
		c.Reply.Error(errSyntax)
		return
	}
	if op == opNot && len(args) != 4 {
		c.Reply.Error("ERR BITOP NOT must be called with a single source key.")
		return
	}
	keys := args[3:]
	size := 0
	for _, key := range keys {
		e, found, ok := readOf(c, key, keyspace.TypeString)
		if !ok {
			return
		}
		if found {
			size = max(size, e.StringLen())
		}
	}
	switch {
	case size == 0:
		if e, found := c.LookupWrite(args[2]); found {
			c.DB.Delete(&e)
			c.Event(engine.EventGeneric, "del", args[2])
			c.Changed(1)
		}
	case size < opInBlock:
		b := c.Server().Scratch[0]
		if cap(b) < size {
			b = make([]byte, opInBlock)
			c.Server().Scratch[0] = b
		}
		b = b[:size]
		combineKeys(c, op, keys, b)
		setRaw(c, args[2], b)
	default:
		arena := c.Server().Keyspace.Arena()
		block := arena.Alloc(size)
		combineKeys(c, op, keys, arena.Block(block)[:size])
		e, _ := c.LookupWrite(args[2])
		c.DB.AdoptLarge(&e, args[2], block, size, 0)
	}
	if size > 0 {
		c.Event(engine.EventString, "set", args[2])
		c.Changed(1)
	}
	c.Reply.Int(int64(size))
}

// setRaw gives a key a string that is raw whatever is in it, and no deadline.
func setRaw(c *engine.Client, key, b []byte) {
	e, _ := c.LookupWrite(key)
	c.DB.SetString(&e, key, nil, 0)
	copy(c.DB.Resize(&e, len(b)), b)
}

// combineKeys fills result from strings, all of which have been looked up.
func combineKeys(c *engine.Client, op bitOperator, keys engine.Args, result []byte) {
	var listed [opSources][]byte
	sources := listed[:0]
	digits := c.Server().Scratch[1][:0] // of integers, one after the other
	for _, key := range keys {
		e, found := c.DB.Find(key)
		if !found {
			sources = append(sources, nil)
			continue
		}
		b := e.Bytes(digits[len(digits):])
		if e.Encoding() == keyspace.EncInt {
			digits = append(digits, b...) // in place, unless b is in new memory for want of room
		}
		sources = append(sources, b)
	}
	c.Server().Scratch[1] = digits
	for at := 0; at < len(result); at += opChunk {
		chunk := result[at:min(at+opChunk, len(result))]
		n := copy(chunk, from(sources[0], at))
		clear(chunk[n:])
		if op == opNot {
			invert(chunk)
		}
		for _, s := range sources[1:] {
			combine(op, chunk, from(s, at))
		}
	}
}

// from returns what b has from at on.
func from(b []byte, at int) []byte { return b[min(at, len(b)):] }

// combine makes dst the result of dst and src, which may be shorter or longer.
func combine(op bitOperator, dst, src []byte) {
	n := min(len(dst), len(src))
	switch op {
	case opAnd:
		and(dst[:n], src[:n])
		clear(dst[n:])
	case opOr:
		or(dst[:n], src[:n])
	case opXor:
		subtle.XORBytes(dst[:n], dst[:n], src[:n])
	}
}

func and(dst, src []byte) {
	le := binary.LittleEndian
	for len(dst) >= 32 && len(src) >= 32 {
		d, s := dst[:32], src[:32]
		le.PutUint64(d, le.Uint64(d)&le.Uint64(s))
		le.PutUint64(d[8:], le.Uint64(d[8:])&le.Uint64(s[8:]))
		le.PutUint64(d[16:], le.Uint64(d[16:])&le.Uint64(s[16:]))
		le.PutUint64(d[24:], le.Uint64(d[24:])&le.Uint64(s[24:]))
		dst, src = dst[32:], src[32:]
	}
	for i := range dst {
		dst[i] &= src[i]
	}
}

func or(dst, src []byte) {
	le := binary.LittleEndian
	for len(dst) >= 32 && len(src) >= 32 {
		d, s := dst[:32], src[:32]
		le.PutUint64(d, le.Uint64(d)|le.Uint64(s))
		le.PutUint64(d[8:], le.Uint64(d[8:])|le.Uint64(s[8:]))
		le.PutUint64(d[16:], le.Uint64(d[16:])|le.Uint64(s[16:]))
		le.PutUint64(d[24:], le.Uint64(d[24:])|le.Uint64(s[24:]))
		dst, src = dst[32:], src[32:]
	}
	for i := range dst {
		dst[i] |= src[i]
	}
}

func invert(b []byte) {
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, ^binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for i := range b {
		b[i] = ^b[i]
	}
}
