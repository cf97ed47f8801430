package commands

import (
	"redix/engine"
	"redix/engine/intset"
	"redix/engine/keyspace"
	"redix/engine/packed"
)

// SPOP and SRANDMEMBER. Every member has the same chance. By the count n asked for, of a set of size members:
//
//	SPOP          n >= size          all members; the key is deleted, and journalled so
//	              n < size           one after the other; journalled as SREM of those that were drawn
//	SRANDMEMBER   n < 0              -n members, chosen independently; repetitions are likely
//	              n >= size          all members
//	              n < size           one pass that takes each with the chance (wanted still) / (members still to come);
//	                                 from a table, if less than a third is wanted, single choices until n differ

// spopBatch is how many members one journalled SREM names at most.
const spopBatch = 1024

// repackBelow: see repack.
const repackBelow = 5

// randomMember returns a member, a view, or an integer's digits as from digits.
func (s *setEdit) randomMember() []byte {
	var m packed.Elem
	switch {
	case s.table != nil:
		member, _ := s.table.Random()
		return member
	case s.enc == keyspace.EncSetInts:
		m.Int, m.IsInt = intset.At(s.blob, below(s.c, intset.Len(s.blob))), true
	default:
		pos, _ := packed.Seek(s.blob, below(s.c, packed.Count(s.blob)))
		m, _ = packed.Next(s.blob, pos)
	}
	if m.IsInt {
		return digits(s.c, m.Int)
	}
	return m.Str
}

func spop(c *engine.Client, args engine.Args) {
	if len(args) == 3 {
		spopCount(c, args)
		return
	}
	if len(args) > 3 {
		c.Reply.Error(errSyntax)
		return
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeSet)
	if !found {
		if ok {
			c.Reply.Null()
		}
		return
	}
	var s setEdit
	s.begin(c, e, args[1], 0, nil)
	member := s.randomMember()
	c.Reply.Bulk(member)
	c.Changed(1)
	c.Propagate(wordSRem, args[1], member)
	s.del(member)
	deleted := s.end()
	c.Event(engine.EventSet, "spop", args[1])
	setGone(c, args[1], deleted)
}

func spopCount(c *engine.Client, args engine.Args) {
	n, ok := positiveArg(c, args[2])
	if !ok {
		return
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeSet)
	switch {
	case !ok:
	case !found || n == 0:
		c.Reply.Set(0)
	case n >= int64(setLen(&e)):
		replySet(c, &e)
		c.Changed(setLen(&e))
		c.DB.Delete(&e)
		c.Propagate(wordDel, args[1])
		c.Event(engine.EventSet, "spop", args[1])
		setGone(c, args[1], true)
	default:
		spopMembers(c, e, args[1], int(n))
	}
}

// spopMembers takes n members, less than all, out of a set and replies with them.
func spopMembers(c *engine.Client, e keyspace.Entry, key []byte, n int) {
	var s setEdit
	s.begin(c, e, key, 0, nil)
	c.Reply.Set(n)
	c.Changed(n)
	all := n
	places := make([]int, 0, min(n, spopBatch)+1) // of the members in popped
	var popped []byte
	for n > 0 {
		popped, places = popped[:0], append(places[:0], 0)
		for ; n > 0 && len(places) <= spopBatch; n-- {
			member := s.randomMember()
			c.Reply.Bulk(member)
			popped = append(popped, member...)
			places = append(places, len(popped))
			s.del(popped[places[len(places)-2]:])
		}
		words := make([][]byte, 0, len(places)+1)
		words = append(words, wordSRem, key)
		for i, end := range places[1:] {
			words = append(words, popped[places[i]:end])
		}
		c.Propagate(words...)
	}
	if n := s.len(); n*repackBelow <= all && n <= c.Server().Config.SetMaxListpackEntries && s.enc != keyspace.EncSetInts {
		s.repack()
	}
	s.end()
	c.Event(engine.EventSet, "spop", key)
}

// repack gives what a pop of many members has left the encoding of a new set: as in redis-server 7.2, which then moves the
// few that stay rather than remove the many that go.
func (s *setEdit) repack() {
	left := make([][]byte, 0, s.len())
	s.each(func(m packed.Elem) bool {
		left = append(left, m.AppendTo(nil))
		return true
	})
	first := left[0]
	if s.enc != keyspace.EncSetPacked {
		first = nil
	}
	s.table = nil // it is the entry's still
	s.beginNew(s.c, 0, first)
	for _, m := range left {
		s.add(m)
	}
}

func srandmember(c *engine.Client, args engine.Args) {
	if len(args) == 2 {
		e, found, ok := readOf(c, args[1], keyspace.TypeSet)
		if found {
			replyElem(c, memberChooser(c, &e)())
		} else if ok {
			c.Reply.Null()
		}
		return
	}
	if len(args) > 3 {
		c.Reply.Error(errSyntax)
		return
	}
	n, ok := randCountArg(c, args[2])
	if !ok {
		return
	}
	e, found, ok := readOf(c, args[1], keyspace.TypeSet)
	switch {
	case !ok:
	case !found || n == 0:
		c.Reply.Array(0)
	case n < 0:
		repeatedMembers(c, &e, -n)
	default:
		distinctMembers(c, &e, int(min(n, int64(setLen(&e)))))
	}
}

// memberChooser returns a function that chooses one member. The members of a packed set are located once.
func memberChooser(c *engine.Client, e *keyspace.Entry) func() packed.Elem {
	switch e.Encoding() {
	case keyspace.EncSetTable:
		t := e.DB().Table(e)
		return func() (m packed.Elem) {
			m.Str, _ = t.Random()
			return m
		}
	case keyspace.EncSetInts:
		blob := e.Value()
		return func() packed.Elem {
			return packed.Elem{Int: intset.At(blob, below(c, intset.Len(blob))), IsInt: true}
		}
	}
	blob := e.Value()
	places := make([]int, 0, packed.Count(blob))
	for pos := packed.First(blob); pos < len(blob); pos = packed.Skip(blob, pos) {
		places = append(places, pos)
	}
	return func() packed.Elem {
		m, _ := packed.Next(blob, places[below(c, len(places))])
		return m
	}
}

// repeatedMembers replies with n independent choices, or an error if that gets too long.
func repeatedMembers(c *engine.Client, e *keyspace.Entry, n int64) {
	const least = 6 // bytes of an empty bulk string
	mark := c.Reply.Begin()
	if n <= maxRandomReply/least {
		c.Reply.Array(int(n))
		choose := memberChooser(c, e)
		for ; n > 0 && len(c.Reply.B)-mark <= maxRandomReply; n-- {
			replyElem(c, choose())
		}
	}
	if n > 0 {
		c.Reply.B = c.Reply.B[:mark]
		c.Reply.Error(errRange)
	}
}

// distinctMembers replies with n different members, at most all.
func distinctMembers(c *engine.Client, e *keyspace.Entry, n int) {
	c.Reply.Array(n)
	size := setLen(e)
	if e.Encoding() == keyspace.EncSetTable && n < size/3 {
		t := e.DB().Table(e)
		for chosen := make(map[string]bool, n); len(chosen) < n; {
			member, _ := t.Random()
			if !chosen[string(member)] {
				chosen[string(member)] = true
				c.Reply.Bulk(member)
			}
		}
		return
	}
	eachMember(e, func(m packed.Elem) bool {
		if below(c, size) < n {
			n--
			replyElem(c, m)
		}
		size--
		return n > 0
	})
}
