package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// Bitmaps are strings. Bit 0 is the highest of byte 0:
//
//	bit     0 1 2 3 4 5 6 7   8 9 ...
//	byte    0                 1
//	value   80 40 20 10 ...
//
// Bits past the end are zero. Writing makes the string as long as the last bit touched needs it, and raw, even where
// nothing changes. Single bits are here, what looks at whole strings is in bitmap_scan.go and bitmap_op.go, integers of
// any width in bitmap_field.go, the rows in bitmap_rows.go.

const (
	errBitOffset = "ERR bit offset is not an integer or out of range"
	errBit       = "ERR bit is not an integer or out of range"
)

// bitOffset reads the number of a bit, which must be of a byte that a string may have. width, when not 0, allows for
// "#n": the n-th of the fields that are so many bits wide.
func bitOffset(c *engine.Client, arg []byte, width int64) (offset int64, ok bool) {
	unit := int64(1)
	if width != 0 && len(arg) > 0 && arg[0] == '#' {
		unit, arg = width, arg[1:]
	}
	offset, ok = resp.ParseInt(arg)
	if limit := stringLimit(c); !ok || offset < 0 || offset/8 >= limit || offset*unit/8 >= limit {
		c.Reply.Error(errBitOffset)
		return 0, false
	}
	return offset * unit, true
}

// readBits returns a string's bytes for reading, none for a missing key. An integer's digits go to scratch.
func readBits(c *engine.Client, key, scratch []byte) (b []byte, found, ok bool) {
	e, found, ok := readOf(c, key, keyspace.TypeString)
	if found && ok {
		b = e.Bytes(scratch)
	}
	return b, found, ok
}

// writeBits returns a string's bytes to be changed in place, at least up to bit last. grown tells that it was shorter
// or missing.
func writeBits(c *engine.Client, key []byte, last int64) (b []byte, grown, ok bool) {
	e, found, ok := writeOf(c, key, keyspace.TypeString)
	if !ok {
		return nil, false, false
	}
	if !found {
		c.DB.SetString(&e, key, nil, 0)
	}
	size, need := e.StringLen(), int(last/8)+1
	return c.DB.Resize(&e, max(size, need)), need > size, true
}

func setbit(c *engine.Client, args engine.Args) {
	offset, ok := bitOffset(c, args[2], 0)
	if !ok {
		return
	}
	on, ok := resp.ParseInt(args[3])
	if !ok || on != 0 && on != 1 {
		c.Reply.Error(errBit)
		return
	}
	b, grown, ok := writeBits(c, args[1], offset)
	if !ok {
		return
	}
	at, shift := offset/8, 7-uint(offset%8)
	old := b[at] >> shift & 1
	if old != byte(on) {
		b[at] ^= 1 << shift
	}
	if grown || old != byte(on) {
		c.Event(engine.EventString, "setbit", args[1])
		c.Changed(1)
	}
	c.Reply.Int(int64(old))
}

func getbit(c *engine.Client, args engine.Args) {
	offset, ok := bitOffset(c, args[2], 0)
	if !ok {
		return
	}
	var room [20]byte
	b, _, ok := readBits(c, args[1], room[:])
	if !ok {
		return
	}
	var bit byte
	if at := offset / 8; at < int64(len(b)) {
		bit = b[at] >> (7 - uint(offset%8)) & 1
	}
	c.Reply.Int(int64(bit))
}
