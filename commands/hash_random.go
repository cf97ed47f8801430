package commands

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
)

// HRANDFIELD. Every field has the same chance. By the count n asked for, of a hash of size fields:
//
//	none, packed or table     one field
//	n < 0                     -n fields, chosen independently; repetitions are likely
//	n >= size                 all fields
//	n < size, packed          one pass that takes each field with the chance (wanted still) / (fields still to come)
//	n < size, table           the same if a third of the fields is wanted, else single choices until n differ

// randomFields replies with fields that have been chosen.
type randomFields struct {
	c      *engine.Client
	values bool // WITHVALUES; in RESP3 each field and value are an array
}

func (r *randomFields) reply(field, value packed.Elem) {
	if r.values && r.c.Reply.Proto == 3 {
		r.c.Reply.Array(2)
	}
	replyElem(r.c, field)
	if r.values {
		replyElem(r.c, value)
	}
}

// header starts the array for n fields.
func (r *randomFields) header(n int) {
	if r.values && r.c.Reply.Proto != 3 {
		n *= 2
	}
	r.c.Reply.Array(n)
}

func hrandfield(c *engine.Client, args engine.Args) {
	if len(args) == 2 {
		randomField(c, args[1])
		return
	}
	n, ok := randCountArg(c, args[2])
	if !ok {
		return
	}
	r := randomFields{c: c, values: len(args) > 3}
	if len(args) > 4 || r.values && !isWord(args[3], "withvalues") {
		c.Reply.Error(errSyntax)
		return
	}
	if r.values && (n < -math.MaxInt64/2 || n > math.MaxInt64/2) {
		c.Reply.Error(errRange)
		return
	}
	e, found, ok := readOf(c, args[1], keyspace.TypeHash)
	switch {
	case !ok:
	case !found || n == 0:
		c.Reply.Array(0)
	case n < 0:
		r.repeated(&e, -n)
	default:
		r.distinct(&e, int(min(n, int64(hashLen(&e)))))
	}
}

// randomField is HRANDFIELD without a count.
func randomField(c *engine.Client, key []byte) {
	e, found, ok := readOf(c, key, keyspace.TypeHash)
	switch {
	case !ok:
	case !found:
		c.Reply.Null()
	case e.Encoding() == keyspace.EncHashTable:
		field, _ := e.DB().Table(&e).Random()
		c.Reply.Bulk(field)
	default:
		blob := e.Value()
		pos, _ := packed.Seek(blob, 2*below(c, packed.Count(blob)/2))
		field, _ := packed.Next(blob, pos)
		replyElem(c, field)
	}
}

// repeated replies with n independent choices, or an error if that gets too long.
func (r *randomFields) repeated(e *keyspace.Entry, n int64) {
	const least = 6 // bytes of an empty bulk string
	mark := r.c.Reply.Begin()
	if n <= maxRandomReply/least {
		r.header(int(n))
		choose := chooser(r.c, e)
		for ; n > 0 && len(r.c.Reply.B)-mark <= maxRandomReply; n-- {
			r.reply(choose())
		}
	}
	if n > 0 {
		r.c.Reply.B = r.c.Reply.B[:mark]
		r.c.Reply.Error(errRange)
	}
}

// chooser returns a function that chooses one field. The fields of a packed hash are located once.
func chooser(c *engine.Client, e *keyspace.Entry) func() (field, value packed.Elem) {
	if e.Encoding() == keyspace.EncHashTable {
		t := e.DB().Table(e)
		return func() (field, value packed.Elem) {
			field.Str, value.Str = t.Random()
			return field, value
		}
	}
	blob := e.Value()
	places := make([]int, 0, packed.Count(blob)/2)
	for pos := packed.First(blob); pos < len(blob); {
		places = append(places, pos)
		pos = packed.Skip(blob, packed.Skip(blob, pos))
	}
	return func() (field, value packed.Elem) {
		field, value, _ = nextPair(blob, places[below(c, len(places))])
		return field, value
	}
}

// distinct replies with n different fields, at most all.
func (r *randomFields) distinct(e *keyspace.Entry, n int) {
	r.header(n)
	size := hashLen(e)
	if e.Encoding() == keyspace.EncHashTable && n < size/3 {
		t := e.DB().Table(e)
		for chosen := make(map[string]bool, n); len(chosen) < n; {
			field, value := t.Random()
			if !chosen[string(field)] {
				chosen[string(field)] = true
				r.reply(packed.Elem{Str: field}, packed.Elem{Str: value})
			}
		}
		return
	}
	eachField(e, func(field, value packed.Elem) {
		if n > 0 && below(r.c, size) < n {
			n--
			r.reply(field, value)
		}
		size--
	})
}
