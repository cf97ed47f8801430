package zset

import "redix/engine/keyspace"

var _ keyspace.Compactor = (*Tree)(nil)

// Compact implements keyspace.Compactor: first the segments of the index, then leaf after leaf with its records and the
// nodes above it. at[0] is how far the index is done, at[1] the rank of the next leaf's first entry plus 1.
func (t *Tree) Compact(at *keyspace.Cursor) bool {
	if at[1] == 0 {
		if t.members != nil && !t.members.Compact(&at[0]) {
			return false
		}
		at[1] = 1
	}
	for range 4 {
		rank := int(at[1] - 1)
		if rank >= t.count {
			return true
		}
		var p path
		_, i := t.seekRank(&p, rank)
		l := t.relocatePath(&p)
		for j := range l.count() {
			t.relocateRecord(&p, l, j)
		}
		at[1] += uint64(l.count() - i)
	}
	return false
}

// relocatePath moves the nodes of a path and the leaf at its end, and returns the leaf.
func (t *Tree) relocatePath(p *path) leaf {
	for d := range t.height {
		old := p.at[d].ref
		if r := t.arena.Relocate(old); r != old {
			t.setChild(p, d, r)
			p.at[d].ref = r
		}
	}
	old := t.leafRef(p)
	r := t.arena.Relocate(old)
	l := t.leafAt(r)
	if r == old {
		return l
	}
	t.setChild(p, t.height, r)
	if l.prev() != 0 {
		t.leafAt(l.prev()).setNext(r)
	} else {
		t.first = r
	}
	if l.next() != 0 {
		t.leafAt(l.next()).setPrev(r)
	} else {
		t.last = r
	}
	return l
}

// setChild makes r the node at depth d of a path.
func (t *Tree) setChild(p *path, d int, r keyspace.Ref) {
	if d == 0 {
		t.root = r
		return
	}
	s := p.at[d-1]
	put40(t.innerAt(s.ref)[childAt+5*s.i:], uint64(r))
}

// relocateRecord moves the record of place i of a leaf.
func (t *Tree) relocateRecord(p *path, l leaf, i int) {
	old := l.ref(i)
	r := old
	if t.members != nil {
		r = t.members.Relocate(old)
	} else {
		r = t.arena.Relocate(old)
	}
	if r == old {
		return
	}
	put40(l[l.refAt(i):], uint64(r))
	if i > 0 {
		return
	}
	for _, s := range p.at[:t.height] { // it may be the lowest entry of nodes above
		if x := t.innerAt(s.ref); s.i > 0 && x.lowRef(s.i) == old {
			put40(x[lowRefAt+5*s.i:], uint64(r))
		}
	}
}
