package commands

import (
	"redix/engine"
	"redix/engine/glob"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Iteration over the elements of a collection: HSCAN, SSCAN, ZSCAN. One that is packed is given whole: it is small, and its order is
// not a cursor's.

// elemScan is one call.
type elemScan struct {
	scanOptions
	r      *resp.Reply
	entry  keyspace.Entry
	cursor uint64
	mark   int // where the elements begin in the reply
	n      int // of them
}

// begin reads the arguments, looks up the key and starts the reply. If ok is false it has replied: an error, or that there is
// nothing.
func (s *elemScan) begin(c *engine.Client, args engine.Args, of keyspace.Type) (ok bool) {
	if s.cursor, ok = cursorArg(c, args[2]); !ok {
		return false
	}
	found := false
	if s.entry, found, ok = readOf(c, args[1], of); !ok {
		return false
	}
	s.r = c.Reply
	if found {
		if s.scanOptions, ok = scanArgs(c, args[3:]); !ok {
			return false
		}
	}
	s.r.Array(2)
	s.mark = s.r.Begin()
	if !found {
		s.end(0)
	}
	return found
}

// end completes the reply.
func (s *elemScan) end(cursor uint64) {
	s.r.EndArray(s.mark, s.n)
	insertCursor(s.r, s.mark, cursor)
}

// takes tells whether MATCH lets a name pass.
func (o *scanOptions) takes(name []byte) bool { return o.match == nil || glob.Match(o.match, name) }

func hscan(c *engine.Client, args engine.Args) {
	var s elemScan
	if !s.begin(c, args, keyspace.TypeHash) {
		return
	}
	var next uint64
	if e := &s.entry; e.Encoding() == keyspace.EncHashTable {
		next = e.DB().Table(e).Scan(s.cursor, min(s.count, scanMost), func(field, value []byte) {
			if s.takes(field) {
				s.r.Bulk(field)
				s.r.Bulk(value)
				s.n += 2
			}
		})
	} else {
		var room [20]byte
		eachField(e, func(field, value packed.Elem) {
			if s.takes(elemBytes(field, room[:])) {
				replyElem(c, field)
				replyElem(c, value)
				s.n += 2
			}
		})
	}
	s.end(next)
}

func sscan(c *engine.Client, args engine.Args) {
	var s elemScan
	if !s.begin(c, args, keyspace.TypeSet) {
		return
	}
	var next uint64
	if e := &s.entry; e.Encoding() == keyspace.EncSetTable {
		next = e.DB().Table(e).Scan(s.cursor, min(s.count, scanMost), func(member, _ []byte) {
			if s.takes(member) {
				s.r.Bulk(member)
				s.n++
			}
		})
	} else {
		var room [20]byte
		eachMember(e, func(m packed.Elem) bool {
			if s.takes(elemBytes(m, room[:])) {
				replyElem(c, m)
				s.n++
			}
			return true
		})
	}
	s.end(next)
}

func zscan(c *engine.Client, args engine.Args) {
	var s elemScan
	if !s.begin(c, args, keyspace.TypeZset) {
		return
	}
	var room [20]byte
	visit := func(m packed.Elem, score float64) bool {
		if s.takes(elemBytes(m, room[:])) {
			replyElem(c, m)
			var digits [32]byte
			s.r.Bulk(resp.AppendDouble(digits[:0], score))
			s.n += 2
		}
		return true
	}
	var next uint64
	if z := viewZset(&s.entry); z.tree != nil {
		next = z.tree.Scan(s.cursor, min(s.count, scanMost), func(member []byte, score float64) {
			visit(packed.Elem{Str: member}, score)
		})
	} else {
		z.each(0, z.len(), false, visit)
	}
	s.end(next)
}
