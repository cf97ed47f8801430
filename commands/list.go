package commands

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Lists: reading and changing elements by place or value. How they are kept is in list_store.go, pushes, pops and moves in
// list_ends.go, the rows in list_rows.go.

func llen(c *engine.Client, args engine.Args) {
	if e, found, ok := readOf(c, args[1], keyspace.TypeList); found {
		c.Reply.Int(int64(listLen(&e)))
	} else if ok {
		c.Reply.Int(0)
	}
}

// place makes an index, which may count from the end, one from 0 to size-1; ok is false when it is outside.
func place(i int64, size int) (at int, ok bool) {
	if i < 0 {
		i += int64(size)
	}
	return int(i), i >= 0 && i < int64(size)
}

// stretch makes two indexes, the last included, the first element and the number of elements of that range.
func stretch(from, to int64, size int) (first, n int) {
	if from < 0 {
		from = max(from+int64(size), 0)
	}
	if to < 0 {
		to += int64(size)
	}
	to = min(to, int64(size)-1)
	if from > to {
		return 0, 0
	}
	return int(from), int(to - from + 1)
}

func lindex(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.Null()
		}
		return
	}
	i, ok := intArg(c, args[2])
	if !ok {
		return
	}
	if at, ok := place(i, listLen(&e)); ok {
		replyElem(c, listAt(&e, at))
	} else {
		c.Reply.Null()
	}
}

func lrange(c *engine.Client, args engine.Args) {
	from, to, ok := rangeArgs(c, args)
	if !ok {
		return
	}
	e, found, ok := readOf(c, args[1], keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.Array(0)
		}
		return
	}
	first, n := stretch(from, to, listLen(&e))
	c.Reply.Array(n)
	listSpans(&e, first, n, func(span []byte, count int) bool {
		replySpan(c.Reply, span, count)
		return true
	})
}

func lset(c *engine.Client, args engine.Args) {
	e, found, ok := writeOf(c, args[1], keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.Error(errNoSuchKey)
		}
		return
	}
	i, ok := intArg(c, args[2])
	if !ok {
		return
	}
	var s listEdit
	s.begin(c, e, args[1])
	s.coming(args[3])
	at, ok := place(i, s.len())
	if !ok {
		c.Reply.Error("ERR index out of range")
		return
	}
	s.set(at, args[3])
	s.end()
	c.Changed(1)
	c.Event(engine.EventList, "lset", args[1])
	c.Reply.OK()
}

// findElem is the place of the first element equal to v, or -1.
func findElem(e *keyspace.Entry, v []byte) int {
	needle, at, found := list.NeedleOf(v), 0, false
	listSpans(e, 0, listLen(e), func(span []byte, _ int) bool {
		for pos := 0; pos < len(span); pos = list.Skip(span, pos) {
			if needle.At(span, pos) {
				found = true
				return false
			}
			at++
		}
		return true
	})
	if !found {
		return -1
	}
	return at
}

func linsert(c *engine.Client, args engine.Args) {
	after := isWord(args[2], "after")
	if !after && !isWord(args[2], "before") {
		c.Reply.Error(errSyntax)
		return
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.Int(0)
		}
		return
	}
	var s listEdit
	s.begin(c, e, args[1])
	s.coming(args[4])
	at := findElem(&s.e, args[3])
	if at < 0 {
		c.Reply.Int(-1)
		return
	}
	if after {
		at++
	}
	s.insert(at, args[4])
	c.Changed(1)
	c.Event(engine.EventList, "linsert", args[1])
	c.Reply.Int(int64(s.len()))
}

func lrem(c *engine.Client, args engine.Args) {
	n, ok := intArg(c, args[2])
	if !ok {
		return
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.Int(0)
		}
		return
	}
	most := n
	if n < 0 {
		most = -n
	}
	if most <= 0 { // 0, or the least integer: all
		most = math.MaxInt64
	}
	var s listEdit
	s.begin(c, e, args[1])
	removed := s.removeEqual(args[3], int(most), n < 0)
	if removed > 0 {
		deleted := s.end()
		c.Changed(removed)
		c.Event(engine.EventList, "lrem", args[1])
		listGone(c, args[1], deleted)
	}
	c.Reply.Int(int64(removed))
}

// listGone tells that a list was deleted with its last element.
func listGone(c *engine.Client, key []byte, deleted bool) {
	if deleted {
		c.Event(engine.EventGeneric, "del", key)
	}
}

func ltrim(c *engine.Client, args engine.Args) {
	from, to, ok := rangeArgs(c, args)
	if !ok {
		return
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.OK()
		}
		return
	}
	var s listEdit
	s.begin(c, e, args[1])
	size := s.len()
	first, n := stretch(from, to, size)
	s.remove(first+n, size-first-n)
	s.remove(0, first)
	deleted := s.end()
	c.Changed(size - n)
	c.Event(engine.EventList, "ltrim", args[1])
	listGone(c, args[1], deleted)
	c.Reply.OK()
}

// search is what LPOS looks for.
type search struct {
	needle list.Needle
	skip   int64 // matches to pass over
	count  int64 // matches to reply with
	most   int64 // elements to compare
	found  func(at int)
}

// match compares one element; it returns false when the search is over.
func (f *search) match(span []byte, pos, at int) bool {
	if f.needle.At(span, pos) {
		if f.skip--; f.skip < 0 {
			f.found(at)
			f.count--
		}
	}
	f.most--
	return f.count > 0 && f.most > 0
}

func (f *search) forward(e *keyspace.Entry) {
	at := 0
	listSpans(e, 0, listLen(e), func(span []byte, _ int) bool {
		for pos := 0; pos < len(span); pos = list.Skip(span, pos) {
			if !f.match(span, pos, at) {
				return false
			}
			at++
		}
		return true
	})
}

func (f *search) backward(e *keyspace.Entry) {
	at := listLen(e)
	listSpansBack(e, func(span []byte, _ int) bool {
		for pos := len(span); pos > 0; {
			pos = list.Prev(span, pos)
			at--
			if !f.match(span, pos, at) {
				return false
			}
		}
		return true
	})
}

// posOptions are RANK, COUNT and MAXLEN of LPOS.
type posOptions struct {
	rank     int64
	count    int64 // -1: not given
	maxElems int64
}

func posArgs(c *engine.Client, args engine.Args) (o posOptions, ok bool) {
	o.rank, o.count = 1, -1
	for i := 0; i < len(args); i += 2 {
		switch {
		case i+1 == len(args):
			c.Reply.Error(errSyntax)
			return o, false
		case isWord(args[i], "rank"):
			if o.rank, ok = randCountArg(c, args[i+1]); !ok {
				return o, false
			}
			if o.rank == 0 {
				c.Reply.Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use " +
					"negative to start from the end of the list")
				return o, false
			}
		case isWord(args[i], "count"):
			if o.count, ok = resp.ParseInt(args[i+1]); !ok || o.count < 0 {
				c.Reply.Error("ERR COUNT can't be negative")
				return o, false
			}
		case isWord(args[i], "maxlen"):
			if o.maxElems, ok = resp.ParseInt(args[i+1]); !ok || o.maxElems < 0 {
				c.Reply.Error("ERR MAXLEN can't be negative")
				return o, false
			}
		default:
			c.Reply.Error(errSyntax)
			return o, false
		}
	}
	return o, true
}

func lpos(c *engine.Client, args engine.Args) {
	o, ok := posArgs(c, args[3:])
	if !ok {
		return
	}
	e, found, ok := readOf(c, args[1], keyspace.TypeList)
	if !ok {
		return
	}
	mark, n := c.Reply.Begin(), 0
	if found {
		f := search{needle: list.NeedleOf(args[2]), count: o.count, most: o.maxElems, found: func(at int) {
			c.Reply.Int(int64(at))
			n++
		}}
		if f.count < 0 {
			f.count = 1
		} else if f.count == 0 {
			f.count = math.MaxInt64
		}
		if f.most == 0 {
			f.most = math.MaxInt64
		}
		if o.rank > 0 {
			f.skip = o.rank - 1
			f.forward(&e)
		} else {
			f.skip = -o.rank - 1
			f.backward(&e)
		}
	}
	if o.count >= 0 {
		c.Reply.EndArray(mark, n)
	} else if n == 0 {
		c.Reply.Null()
	}
}

// copyElem returns the bytes of an element, to outlive its list: in the server's scratch unless they are many.
func copyElem(c *engine.Client, v packed.Elem) []byte {
	if v.Len() > largeElem {
		return v.AppendTo(nil)
	}
	b := &c.Server().Scratch[1]
	*b = v.AppendTo((*b)[:0])
	return *b
}

// largeElem is a size that scratch buffers need not keep.
const largeElem = 64 << 10
