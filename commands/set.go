package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
)

// Sets. How they are kept is in set_store.go, what is drawn by chance in set_random.go, intersections, unions and
// differences in set_algebra.go, the rows in set_rows.go.

func sadd(c *engine.Client, args engine.Args) {
	e, _, ok := writeOf(c, args[1], keyspace.TypeSet)
	if !ok {
		return
	}
	added := addMembers(c, e, args[1], args[2:])
	c.Changed(added)
	c.Reply.Int(int64(added))
}

// addMembers adds members to the set of an entry, which may have to be created, and counts those that are new.
func addMembers(c *engine.Client, e keyspace.Entry, key []byte, members [][]byte) (added int) {
	var s setEdit
	s.begin(c, e, key, len(members), members[0])
	for _, m := range members {
		if s.add(m) {
			added++
		}
	}
	s.end()
	if added > 0 {
		c.Event(engine.EventSet, "sadd", key)
	}
	return added
}

func srem(c *engine.Client, args engine.Args) {
	e, found, ok := writeOf(c, args[1], keyspace.TypeSet)
	if !ok {
		return
	}
	removed := 0
	if found {
		removed = removeMembers(c, e, args[1], args[2:])
		c.Changed(removed)
	}
	c.Reply.Int(int64(removed))
}

// removeMembers removes members from the set of an entry, and the set with its last one; it counts those that were there.
func removeMembers(c *engine.Client, e keyspace.Entry, key []byte, members [][]byte) (removed int) {
	var s setEdit
	s.begin(c, e, key, 0, nil)
	for _, m := range members {
		if s.del(m) {
			removed++
		}
	}
	deleted := s.end()
	if removed > 0 {
		c.Event(engine.EventSet, "srem", key)
		setGone(c, key, deleted)
	}
	return removed
}

// setGone tells that a set was deleted with its last member.
func setGone(c *engine.Client, key []byte, deleted bool) {
	if deleted {
		c.Event(engine.EventGeneric, "del", key)
	}
}

// smove replies 1 when the member was in the source, even if the destination has it already.
func smove(c *engine.Client, args engine.Args) {
	from, found, ok := writeOf(c, args[1], keyspace.TypeSet)
	if !ok {
		return
	}
	if !found {
		c.Reply.Int(0)
		return
	}
	if _, _, ok = writeOf(c, args[2], keyspace.TypeSet); !ok {
		return
	}
	if string(args[1]) == string(args[2]) {
		c.Reply.Int(boolNumber(setHas(&from, args[3])))
		return
	}
	from, _ = c.DB.Find(args[1]) // the destination may just have expired
	if removeMembers(c, from, args[1], args[3:4]) == 0 {
		c.Reply.Int(0)
		return
	}
	to, _ := c.DB.Find(args[2])
	c.Changed(1 + addMembers(c, to, args[2], args[3:4]))
	c.Reply.Int(1)
}

func boolNumber(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func sismember(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeSet)
	if ok {
		c.Reply.Int(boolNumber(found && setHas(&e, args[2])))
	}
}

func smismember(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeSet)
	if !ok {
		return
	}
	c.Reply.Array(len(args) - 2)
	for _, m := range args[2:] {
		c.Reply.Int(boolNumber(found && setHas(&e, m)))
	}
}

func scard(c *engine.Client, args engine.Args) {
	if e, found, ok := readOf(c, args[1], keyspace.TypeSet); found {
		c.Reply.Int(int64(setLen(&e)))
	} else if ok {
		c.Reply.Int(0)
	}
}

func smembers(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeSet)
	switch {
	case !ok:
	case !found:
		c.Reply.Set(0)
	default:
		replySet(c, &e)
	}
}

// replySet replies with all members.
func replySet(c *engine.Client, e *keyspace.Entry) {
	c.Reply.Set(setLen(e))
	eachMember(e, func(m packed.Elem) bool {
		replyElem(c, m)
		return true
	})
}
