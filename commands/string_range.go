package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
)

// Parts of strings: lengths, ranges, and growing in place.

func strlen(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeString)
	switch {
	case !ok:
	case found:
		c.Reply.Int(int64(e.StringLen()))
	default:
		c.Reply.Int(0)
	}
}

func appendString(c *engine.Client, args engine.Args) {
	e, found, ok := writeOf(c, args[1], keyspace.TypeString)
	if !ok {
		return
	}
	size := len(args[2])
	if !found {
		storeString(c, &e, args[1], args, 2, 0)
	} else {
		old := e.StringLen()
		if !lengthArg(c, int64(old), int64(size)) {
			return
		}
		size += old
		copy(c.DB.Resize(&e, size)[old:], args[2])
	}
	c.Changed(1)
	c.Event(engine.EventString, "append", args[1])
	c.Reply.Int(int64(size))
}

func setrange(c *engine.Client, args engine.Args) {
	key, part := args[1], args[3]
	offset, ok := intArg(c, args[2])
	if !ok {
		return
	}
	if offset < 0 {
		c.Reply.Error("ERR offset is out of range")
		return
	}
	e, found, ok := writeOf(c, key, keyspace.TypeString)
	if !ok {
		return
	}
	size := 0
	if found {
		size = e.StringLen()
	}
	if len(part) == 0 {
		c.Reply.Int(int64(size))
		return
	}
	if !lengthArg(c, offset, int64(len(part))) {
		return
	}
	size = writeRange(c, &e, args, int(offset), size)
	c.Changed(1)
	c.Event(engine.EventString, "setrange", key)
	c.Reply.Int(int64(size))
}

// writeRange puts args[3] at offset of a string of size bytes, and returns its new size.
func writeRange(c *engine.Client, e *keyspace.Entry, args engine.Args, offset, size int) int {
	key, part := args[1], args[3]
	if offset == 0 && len(part) >= size { // nothing of the old value stays
		if block, ok := c.TakeBig(3); ok {
			c.DB.AdoptLarge(e, key, block, len(part), e.Deadline())
			return len(part)
		}
	}
	if !e.Found() {
		c.DB.SetString(e, key, nil, 0)
	}
	size = max(size, offset+len(part))
	copy(c.DB.Resize(e, size)[offset:], part)
	return size
}

func getrange(c *engine.Client, args engine.Args) {
	start, end, ok := rangeArgs(c, args)
	if !ok {
		return
	}
	e, found, ok := readOf(c, args[1], keyspace.TypeString)
	if !ok {
		return
	}
	if !found {
		c.Reply.Bulk(nil)
		return
	}
	var room [20]byte
	b := e.Bytes(room[:])
	from, to := byteRange(start, end, len(b))
	c.Reply.Bulk(b[from:to])
}

// byteRange turns places of the first and last byte, which count from the end when negative, into slice bounds.
func byteRange(start, end int64, size int) (from, to int) {
	n := int64(size)
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return 0, 0
	}
	return int(start), int(end) + 1
}
