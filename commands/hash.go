package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Hashes. How they are kept is in hash_store.go, HRANDFIELD in hash_random.go, the rows in hash_rows.go.

func hset(c *engine.Client, args engine.Args) {
	if created, ok := setFields(c, args, "hset"); ok {
		c.Reply.Int(int64(created))
	}
}

func hmset(c *engine.Client, args engine.Args) {
	if _, ok := setFields(c, args, "hmset"); ok {
		c.Reply.OK()
	}
}

func setFields(c *engine.Client, args engine.Args, command string) (created int, ok bool) {
	if len(args)%2 != 0 {
		arityError(c, command)
		return 0, false
	}
	var h hashEdit
	if _, ok = writeInto(c, &h.e, args[1], keyspace.TypeHash); !ok {
		return 0, false
	}
	h.edit(c, args[1])
	for i := 2; i < len(args); i += 2 {
		if h.set(args[i], args[i+1]) {
			created++
		}
	}
	h.end()
	c.Changed(len(args)/2 - 1)
	c.Event(engine.EventHash, "hset", args[1])
	return created, true
}

func hsetnx(c *engine.Client, args engine.Args) {
	e, _, ok := writeOf(c, args[1], keyspace.TypeHash)
	if !ok {
		return
	}
	var h hashEdit
	h.begin(c, e, args[1])
	if _, found := h.get(args[2]); found {
		c.Reply.Int(0)
		return
	}
	h.set(args[2], args[3])
	h.end()
	c.Changed(1)
	c.Event(engine.EventHash, "hset", args[1])
	c.Reply.Int(1)
}

// fieldOf looks up one field for a read. ok is false when the key has another type.
func fieldOf(c *engine.Client, args engine.Args) (v packed.Elem, found, ok bool) {
	e, found, ok := readOf(c, args[1], keyspace.TypeHash)
	if found {
		v, found = hashGet(&e, args[2])
	}
	return v, found, ok
}

func hget(c *engine.Client, args engine.Args) {
	if v, found, ok := fieldOf(c, args); found {
		replyElem(c, v)
	} else if ok {
		c.Reply.Null()
	}
}

func hexists(c *engine.Client, args engine.Args) {
	if _, found, ok := fieldOf(c, args); found {
		c.Reply.Int(1)
	} else if ok {
		c.Reply.Int(0)
	}
}

func hstrlen(c *engine.Client, args engine.Args) {
	if v, found, ok := fieldOf(c, args); found {
		c.Reply.Int(int64(v.Len()))
	} else if ok {
		c.Reply.Int(0)
	}
}

func hmget(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeHash)
	if !ok {
		return
	}
	c.Reply.Array(len(args) - 2)
	for _, field := range args[2:] {
		var v packed.Elem
		has := false
		if found {
			v, has = hashGet(&e, field)
		}
		if has {
			replyElem(c, v)
		} else {
			c.Reply.Null()
		}
	}
}

func hlen(c *engine.Client, args engine.Args) {
	if e, found, ok := readOf(c, args[1], keyspace.TypeHash); found {
		c.Reply.Int(int64(hashLen(&e)))
	} else if ok {
		c.Reply.Int(0)
	}
}

func hgetall(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeHash)
	switch {
	case !ok:
	case !found:
		c.Reply.Map(0)
	default:
		c.Reply.Map(hashLen(&e))
		replyFields(c, &e, true, true)
	}
}

func hkeys(c *engine.Client, args engine.Args) { hashColumn(c, args[1], true, false) }
func hvals(c *engine.Client, args engine.Args) { hashColumn(c, args[1], false, true) }

func hashColumn(c *engine.Client, key []byte, fields, values bool) {
	e, found, ok := readOf(c, key, keyspace.TypeHash)
	switch {
	case !ok:
	case !found:
		c.Reply.Array(0)
	default:
		c.Reply.Array(hashLen(&e))
		replyFields(c, &e, fields, values)
	}
}

func replyFields(c *engine.Client, e *keyspace.Entry, fields, values bool) {
	eachField(e, func(field, value packed.Elem) {
		if fields {
			replyElem(c, field)
		}
		if values {
			replyElem(c, value)
		}
	})
}

func hdel(c *engine.Client, args engine.Args) {
	e, found, ok := writeOf(c, args[1], keyspace.TypeHash)
	if !ok {
		return
	}
	deleted := 0
	if found {
		var h hashEdit
		h.begin(c, e, args[1])
		for _, field := range args[2:] {
			if h.del(field) {
				deleted++
			}
		}
		gone := h.end()
		c.Changed(deleted)
		if deleted > 0 {
			c.Event(engine.EventHash, "hdel", args[1])
		}
		if gone {
			c.Event(engine.EventGeneric, "del", args[1])
		}
	}
	c.Reply.Int(int64(deleted))
}

func hincrby(c *engine.Client, args engine.Args) {
	delta, ok := intArg(c, args[3])
	if !ok {
		return
	}
	e, _, ok := writeOf(c, args[1], keyspace.TypeHash)
	if !ok {
		return
	}
	var h hashEdit
	h.begin(c, e, args[1])
	var n int64
	if old, found := h.get(args[2]); found {
		if n = old.Int; !old.IsInt {
			if n, ok = resp.ParseInt(old.Str); !ok {
				c.Reply.Error("ERR hash value is not an integer")
				return
			}
		}
	}
	if overflows(n, delta) {
		c.Reply.Error(errOverflow)
		return
	}
	h.set(args[2], digits(c, n+delta))
	h.end()
	c.Changed(1)
	c.Event(engine.EventHash, "hincrby", args[1])
	c.Reply.Int(n + delta)
}

// hincrbyfloat is journalled as the HSET of its result.
func hincrbyfloat(c *engine.Client, args engine.Args) {
	delta, ok := resp.ParseLongDouble(args[3])
	if !ok {
		c.Reply.Error(errNotFloat)
		return
	}
	if delta.IsInf() {
		c.Reply.Error("ERR value is NaN or Infinity")
		return
	}
	e, _, ok := writeOf(c, args[1], keyspace.TypeHash)
	if !ok {
		return
	}
	var h hashEdit
	h.begin(c, e, args[1])
	sum := delta
	if old, found := h.get(args[2]); found {
		n, ok := resp.ParseLongDouble(old.AppendTo(nil))
		if !ok {
			c.Reply.Error("ERR hash value is not a float")
			return
		}
		if sum, ok = n.Add(delta); !ok {
			c.Reply.Error(errNotFinite)
			return
		}
	}
	value := sum.Append(nil)
	h.set(args[2], value)
	h.end()
	c.Changed(1)
	c.Propagate(wordHSet, args[1], args[2], value)
	c.Event(engine.EventHash, "hincrbyfloat", args[1])
	c.Reply.Bulk(value)
}
