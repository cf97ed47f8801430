package commands

import (
	"cmp"
	"slices"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Intersections, unions and differences.
//
//	intersection   each member of the smallest set is looked up in the others, smaller ones first
//	difference     by what costs less: each member of the first set is looked up in the others, larger ones first; or a
//	               copy of the first loses the members of the others
//	union          each member is looked up in the sets before its own; with more than directUnion sets, or to be stored,
//	               all are added to a new set
//
// What is stored is built beside the sets, since the destination may be one of them.

// directUnion is how many sets SUNION looks members up in rather than build a set.
const directUnion = 8

// setsOf finds the sets of some keys, for reading; missing ones are left out. ok is false when a key has another type.
func setsOf(c *engine.Client, keys [][]byte) (sets []keyspace.Entry, ok bool) {
	for _, key := range keys { // this may remove expired keys, which is the end of entries found before
		if _, _, ok := readOf(c, key, keyspace.TypeSet); !ok {
			return nil, false
		}
	}
	sets = make([]keyspace.Entry, 0, len(keys))
	for _, key := range keys {
		if e, found := c.DB.Find(key); found {
			sets = append(sets, e)
		}
	}
	return sets, true
}

func bySize(a, b keyspace.Entry) int     { return cmp.Compare(setLen(&a), setLen(&b)) }
func bySizeDown(a, b keyspace.Entry) int { return bySize(b, a) }

// anyHas and allHave look a member up in sets.
func anyHas(sets []keyspace.Entry, m packed.Elem) bool {
	for i := range sets {
		if setHasElem(&sets[i], m) {
			return true
		}
	}
	return false
}

func allHave(sets []keyspace.Entry, m packed.Elem) bool {
	for i := range sets {
		if !setHasElem(&sets[i], m) {
			return false
		}
	}
	return true
}

// intersect visits the members that all sets have, until visit returns false. It sorts the sets.
func intersect(sets []keyspace.Entry, visit func(m packed.Elem) bool) {
	slices.SortStableFunc(sets, bySize)
	eachMember(&sets[0], func(m packed.Elem) bool {
		return !allHave(sets[1:], m) || visit(m)
	})
}

func sinter(c *engine.Client, args engine.Args) {
	sets, ok := setsOf(c, args[1:])
	if !ok {
		return
	}
	mark, n := c.Reply.Begin(), 0
	if len(sets) == len(args)-1 {
		intersect(sets, func(m packed.Elem) bool {
			replyElem(c, m)
			n++
			return true
		})
	}
	c.Reply.EndSet(mark, n)
}

func sintercard(c *engine.Client, args engine.Args) {
	numKeys, ok := resp.ParseInt(args[1])
	if !ok || numKeys < 1 {
		c.Reply.Error("ERR numkeys should be greater than 0")
		return
	}
	if numKeys > int64(len(args)-2) {
		c.Reply.Error("ERR Number of keys can't be greater than number of args")
		return
	}
	keys, limit := args[2:2+numKeys], int64(0)
	for i := 2 + int(numKeys); i < len(args); i += 2 {
		if !isWord(args[i], "limit") || i+1 == len(args) {
			c.Reply.Error(errSyntax)
			return
		}
		if limit, ok = resp.ParseInt(args[i+1]); !ok || limit < 0 {
			c.Reply.Error("ERR LIMIT can't be negative")
			return
		}
	}
	sets, ok := setsOf(c, keys)
	if !ok {
		return
	}
	n := int64(0)
	if len(sets) == len(keys) {
		intersect(sets, func(packed.Elem) bool {
			n++
			return n != limit
		})
	}
	c.Reply.Int(n)
}

// sinterstore starts with the encoding of the smallest set, and stores integers as such if all turn out to be some.
func sinterstore(c *engine.Client, args engine.Args) {
	sets, ok := setsOf(c, args[2:])
	if !ok {
		return
	}
	var s setEdit
	s.beginNew(c, 0, nil)
	if len(sets) == len(args)-2 {
		slices.SortStableFunc(sets, bySize)
		if sets[0].Encoding() == keyspace.EncSetInts {
			s.beginNew(c, 0, wordZero)
		}
		intersect(sets, s.adder())
		s.toInts()
	}
	s.store(args[1], "sinterstore")
}

// adder returns a visit that adds each member.
func (s *setEdit) adder() func(m packed.Elem) bool {
	var room [20]byte
	return func(m packed.Elem) bool {
		s.add(elemBytes(m, room[:]))
		return true
	}
}

// store makes the set the value of a key, whatever that held; a key without members is none. It replies with their number.
func (s *setEdit) store(key []byte, event string) {
	c, n := s.c, s.len()
	e, found := c.LookupWrite(key)
	if n > 0 {
		s.put(&e, key, 0)
		c.Changed(1)
		c.Event(engine.EventSet, event, key)
	} else {
		s.drop()
		if found {
			c.DB.Delete(&e)
			c.Changed(1)
			setGone(c, key, true)
		}
	}
	c.Reply.Int(int64(n))
}

func sunion(c *engine.Client, args engine.Args) {
	sets, ok := setsOf(c, args[1:])
	if !ok {
		return
	}
	if len(sets) > directUnion {
		var s setEdit
		s.begin(c, keyspace.Entry{}, nil, 0, nil)
		s.newTable()
		s.unite(sets)
		s.replyAll()
		return
	}
	mark, n := c.Reply.Begin(), 0
	for i := range sets {
		eachMember(&sets[i], func(m packed.Elem) bool {
			if !anyHas(sets[:i], m) {
				replyElem(c, m)
				n++
			}
			return true
		})
	}
	c.Reply.EndSet(mark, n)
}

// unite adds the members of all sets.
func (s *setEdit) unite(sets []keyspace.Entry) {
	add := s.adder()
	for i := range sets {
		eachMember(&sets[i], add)
	}
}

// replyAll replies with a set that has no key, and drops it.
func (s *setEdit) replyAll() {
	s.c.Reply.Set(s.len())
	s.each(func(m packed.Elem) bool {
		replyElem(s.c, m)
		return true
	})
	s.drop()
}

func sunionstore(c *engine.Client, args engine.Args) {
	sets, ok := setsOf(c, args[2:])
	if !ok {
		return
	}
	var s setEdit
	s.beginNew(c, 0, wordZero)
	s.unite(sets)
	s.store(args[1], "sunionstore")
}

// minuend is what a difference begins with: the first set, and whether the second way is the cheaper one.
func minuend(c *engine.Client, keys [][]byte) (sets []keyspace.Entry, copied, ok bool) {
	sets, ok = setsOf(c, keys)
	if !ok || len(sets) == 0 {
		return nil, false, ok
	}
	if string(sets[0].Key()) != string(keys[0]) { // the first does not exist
		return nil, false, true
	}
	size, all := setLen(&sets[0]), 0
	for i := range sets {
		if i > 0 && string(sets[i].Key()) == string(keys[0]) { // it is subtracted from itself
			return nil, false, true
		}
		all += setLen(&sets[i])
	}
	slices.SortStableFunc(sets[1:], bySizeDown)
	return sets, size*len(sets)/2 > all, true
}

func sdiff(c *engine.Client, args engine.Args) {
	sets, copied, ok := minuend(c, args[1:])
	if !ok {
		return
	}
	if copied {
		var s setEdit
		s.begin(c, keyspace.Entry{}, nil, 0, nil)
		s.newTable()
		s.subtract(sets)
		s.replyAll()
		return
	}
	mark, n := c.Reply.Begin(), 0
	if len(sets) > 0 {
		eachMember(&sets[0], func(m packed.Elem) bool {
			if !anyHas(sets[1:], m) {
				replyElem(c, m)
				n++
			}
			return true
		})
	}
	c.Reply.EndSet(mark, n)
}

// subtract adds the members of the first set and removes those of the others.
func (s *setEdit) subtract(sets []keyspace.Entry) {
	s.unite(sets[:1])
	var room [20]byte
	for i := range sets[1:] {
		eachMember(&sets[1+i], func(m packed.Elem) bool {
			s.del(elemBytes(m, room[:]))
			return s.len() > 0
		})
	}
}

func sdiffstore(c *engine.Client, args engine.Args) {
	sets, copied, ok := minuend(c, args[2:])
	if !ok {
		return
	}
	var s setEdit
	s.beginNew(c, 0, wordZero)
	switch {
	case copied:
		s.subtract(sets)
	case len(sets) > 0:
		add := s.adder()
		eachMember(&sets[0], func(m packed.Elem) bool {
			return anyHas(sets[1:], m) || add(m)
		})
	}
	s.store(args[1], "sdiffstore")
}
