package stream

import "redix/engine/keyspace"

var (
	_ keyspace.Compactor = (*Stream)(nil)
	_ keyspace.Compactor = (*Group)(nil)
)

// compactTrees is how many trees of groups one step looks at.
const compactTrees = 64

// Compact implements keyspace.Compactor. at[0] is the tree: 0 the directory, else in its upper half the group, from 1 on, and
// in the lower one 0 for the group's own tree or a consumer, from 1 on; at[1] and at[2] are the ID to go on at.
func (s *Stream) Compact(at *keyspace.Cursor) bool {
	if at[0] == 0 {
		if !s.dir.compact(at, s.relocateBlock) {
			return false
		}
		*at = keyspace.Cursor{1 << 32}
	}
	for range compactTrees {
		group, i := at[0]>>32, int(uint32(at[0]))
		if group > uint64(len(s.groups)) {
			return true
		}
		g := s.groups[group-1]
		if i > len(g.consumers) {
			*at = keyspace.Cursor{(group + 1) << 32}
			continue
		}
		t := &g.pending
		if i > 0 {
			t = &g.consumers[i-1].pending
		}
		if !t.compact(at, nil) {
			return false
		}
	}
	return false
}

// Compact does nothing: a group on its own is about to be freed.
func (g *Group) Compact(*keyspace.Cursor) bool { return true }

// relocateBlock moves the block that a value of the directory names.
func (s *Stream) relocateBlock(v []byte) {
	old := get40(v)
	r := s.arena.Relocate(old)
	if put40(v, r); old == s.tail {
		s.tail = r
	}
}

// compact moves a few leaves with the nodes above them, from the ID in at on; value, if not nil, is called with each value.
// At the end at is that of the next tree.
func (t *tree) compact(at *keyspace.Cursor, value func(v []byte)) (done bool) {
	for range 4 {
		if t.root == 0 {
			break
		}
		var p path
		_, i := t.seek(&p, ID{at[1], at[2]})
		n := t.relocatePath(&p)
		for ; value != nil && i < n.count(); i++ {
			value(n.value(i))
		}
		if n.next() == 0 {
			*at = keyspace.Cursor{at[0] + 1}
			return true
		}
		next := t.leaf(n.next()).id(0)
		at[1], at[2] = next.Ms, next.Seq
	}
	if t.root == 0 {
		*at = keyspace.Cursor{at[0] + 1}
	}
	return t.root == 0
}

// relocatePath moves the nodes of a path and the leaf at its end, and returns the leaf.
func (t *tree) relocatePath(p *path) node {
	move := func(d int, old keyspace.Ref) keyspace.Ref {
		r := t.arena.Relocate(old)
		switch {
		case r == old:
		case d == 0:
			t.root = r
		default:
			put40(t.inner(p[d-1].ref).value(p[d-1].i), r)
		}
		return r
	}
	old := t.root
	for d := range t.height {
		p[d].ref = move(d, p[d].ref)
		old = t.inner(p[d].ref).ref(p[d].i)
	}
	r := move(t.height, old)
	n := t.leaf(r)
	if r == old {
		return n
	}
	if n.prev() != 0 {
		t.leaf(n.prev()).setNext(r)
	} else {
		t.first = r
	}
	if n.next() != 0 {
		t.leaf(n.next()).setPrev(r)
	} else {
		t.last = r
	}
	return n
}
