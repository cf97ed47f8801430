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

// randomMember returns a member, a view, or an integer's digits in room.
func (s *setEdit) randomMember(room []byte) []byte {
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
	return elemBytes(m, room)
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
	var room [20]byte
	s.begin(c, e, args[1], 0, nil)
	member := s.randomMember(room[:])
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
		popMembers(c, e, args[1], int(n))
	}
}

// popMembers takes n members, less than all, out of a set and replies with them.
func popMembers(c *engine.Client, e keyspace.Entry, key []byte, n int) {
	var s setEdit
	var room [20]byte
	s.begin(c, e, key, 0, nil)
	c.Reply.Set(n)
	c.Changed(n)
	places := make([]int, 0, min(n, spopBatch)+1) // of the members in popped
	var popped []byte
	for n > 0 {
		popped, places = popped[:0], append(places[:0], 0)
		for ; n > 0 && len(places) <= spopBatch; n-- {
			member := s.randomMember(room[:])
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
	s.end()
	c.Event(engine.EventSet, "spop", key)
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
