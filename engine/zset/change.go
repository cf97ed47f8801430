package zset

import "redix/engine/keyspace"

// Changes of the tree's shape. Every function keeps the sizes in the inner nodes above it, and their low entries, exact.

// insert enters an entry whose record exists.
func (t *Tree) insert(member []byte, e entry) {
	t.count++
	if t.root == 0 {
		t.root, _ = t.newLeaf(leafMin)
		t.first, t.last = t.root, t.root
	}
	var p path
	l, i := t.seek(&p, &bound{score: e.score, member: member})
	t.resize(&p, 1)
	if l.count() < l.capacity() {
		l.insert(i, e.score, e.ref)
		return
	}
	if l.capacity() < leafMax {
		t.grow().insert(i, e.score, e.ref)
		return
	}
	if t.height > 0 && t.makeRoom(&p, l, i, e) {
		return
	}
	t.split(&p, l, i, e)
}

// resize adds n to the sizes along a path.
func (t *Tree) resize(p *path, n int) {
	for _, s := range p.at[:t.height] {
		x := t.innerAt(s.ref)
		x.setSize(s.i, x.size(s.i)+n)
	}
}

// grow doubles the places of the leaf that is the root.
func (t *Tree) grow() leaf {
	old := t.leafAt(t.root)
	r, l := t.newLeaf(2 * old.capacity())
	old.copyTo(0, old.count(), l, 0)
	l.setCount(old.count())
	t.free(t.root)
	t.root, t.first, t.last = r, r, r
	return l
}

// makeRoom inserts e at place i of a full leaf, whose sizes above count it already, by moving entries to a
// neighbour under the same parent. It returns false, with nothing changed, if none has enough room.
func (t *Tree) makeRoom(p *path, l leaf, i int, e entry) bool {
	const least = leafMax / 8 // places that a neighbour must have free; fewer would be used up at once
	s := p.at[t.height-1]
	x := t.innerAt(s.ref)
	if s.i > 0 && i > 0 {
		if left := t.leafAt(x.child(s.i - 1)); left.count() <= leafMax-least {
			k := (leafMax - left.count() + 1) / 2
			if i < k { // it would have to move as well
				k = i
			}
			l.copyTo(0, k, left, left.count())
			left.setCount(left.count() + k)
			l.remove(0, k)
			l.insert(i-k, e.score, e.ref)
			x.setSize(s.i-1, x.size(s.i-1)+k)
			x.setSize(s.i, x.size(s.i)-k)
			x.setLow(s.i, entry{l.score(0), l.ref(0)})
			return true
		}
	}
	if s.i+1 < x.count() && i < l.count() {
		if right := t.leafAt(x.child(s.i + 1)); right.count() <= leafMax-least {
			k := min((leafMax-right.count()+1)/2, leafMax-i)
			right.shift(k)
			l.copyTo(leafMax-k, k, right, 0)
			l.setCount(leafMax - k)
			l.insert(i, e.score, e.ref)
			x.setSize(s.i+1, x.size(s.i+1)+k)
			x.setSize(s.i, x.size(s.i)-k)
			x.setLow(s.i+1, entry{right.score(0), right.ref(0)})
			return true
		}
	}
	return false
}

// split divides a full leaf, which then takes e at place i.
func (t *Tree) split(p *path, l leaf, i int, e entry) {
	leftRef := t.leafRef(p)
	k := leafMax / 2 // entries that stay
	switch {
	case i == leafMax && l.next() == 0:
		k = leafMax
	case i == 0 && l.prev() == 0:
		k = 0
	}
	r, right := t.newLeaf(leafMax)
	l.copyTo(k, leafMax-k, right, 0)
	right.setCount(leafMax - k)
	l.setCount(k)
	if i > k || i == leafMax {
		right.insert(i-k, e.score, e.ref)
	} else {
		l.insert(i, e.score, e.ref)
	}
	right.setPrev(leftRef)
	right.setNext(l.next())
	if l.next() != 0 {
		t.leafAt(l.next()).setPrev(r)
	} else {
		t.last = r
	}
	l.setNext(r)
	t.enter(p, t.height, leftRef, r, right.count(), entry{right.score(0), right.ref(0)}, k == leafMax)
}

// enter puts a new node to the right of left, which is at depth d of the path and was divided for it. fill asks to leave full
// nodes behind.
func (t *Tree) enter(p *path, d int, left, right keyspace.Ref, size int, low entry, fill bool) {
	if d == 0 {
		t.height++
		r, x := t.newInner(t.height)
		x.insert(0, left, t.count-size, entry{})
		x.insert(1, right, size, low)
		t.root = r
		return
	}
	s := p.at[d-1]
	x := t.innerAt(s.ref)
	x.setSize(s.i, x.size(s.i)-size)
	if x.count() < innerMax {
		x.insert(s.i+1, right, size, low)
		return
	}
	k := innerMax / 2
	if fill && s.i+1 == innerMax {
		k = innerMax
	}
	r, y := t.newInner(x.level())
	x.move(k, innerMax-k, y, 0)
	y.setCount(innerMax - k)
	x.setCount(k)
	if s.i+1 > k || k == innerMax {
		y.insert(s.i+1-k, right, size, low)
	} else {
		x.insert(s.i+1, right, size, low)
	}
	t.enter(p, d-1, s.ref, r, y.total(), y.low(0), fill)
}

// remove takes k entries from place i on out of the leaf that the path leads to; their records are the caller's.
func (t *Tree) remove(p *path, l leaf, i, k int) {
	t.count -= k
	t.resize(p, -k)
	l.remove(i, k)
	if l.count() == 0 {
		t.unlink(l)
		t.leave(p, t.height)
		return
	}
	if i == 0 {
		t.setLow(p, t.height, entry{l.score(0), l.ref(0)})
	}
	if l.count() < leafMax/4 && t.height > 0 {
		t.join(p, t.height)
	}
}

// setLow tells the nodes above depth d of the path that what it leads to there begins with another entry.
func (t *Tree) setLow(p *path, d int, low entry) {
	for d--; d >= 0; d-- {
		if s := p.at[d]; s.i > 0 {
			t.innerAt(s.ref).setLow(s.i, low)
			return
		}
	}
}

// unlink takes a leaf out of the list of leaves.
func (t *Tree) unlink(l leaf) {
	if l.prev() != 0 {
		t.leafAt(l.prev()).setNext(l.next())
	} else {
		t.first = l.next()
	}
	if l.next() != 0 {
		t.leafAt(l.next()).setPrev(l.prev())
	} else {
		t.last = l.prev()
	}
}

// leave frees the empty node at depth d of the path and takes it out of its parent.
func (t *Tree) leave(p *path, d int) {
	if d == 0 {
		t.free(t.root)
		t.root, t.height = 0, 0
		return
	}
	s := p.at[d-1]
	x := t.innerAt(s.ref)
	t.free(x.child(s.i))
	x.remove(s.i)
	if x.count() == 0 {
		t.leave(p, d-1)
		return
	}
	if s.i == 0 {
		t.setLow(p, d-1, x.low(0))
	}
	t.shrink(p, d-1)
}

// shrink looks after the inner node at depth d of the path, which has lost a child.
func (t *Tree) shrink(p *path, d int) {
	x := t.innerAt(t.refAt(p, d))
	if d > 0 {
		if x.count() < innerMax/4 {
			t.join(p, d)
		}
		return
	}
	for t.height > 0 && x.count() == 1 {
		old := t.root
		t.root = x.child(0)
		t.height--
		t.free(old)
		x = t.innerAt(t.root)
	}
}

func (t *Tree) refAt(p *path, d int) keyspace.Ref {
	if d == 0 {
		return t.root
	}
	return p.at[d].ref
}

// join makes one node of the sparse node at depth d of the path and a neighbour under the same parent, if they fit.
func (t *Tree) join(p *path, d int) {
	s := p.at[d-1]
	x := t.innerAt(s.ref)
	for _, i := range [2]int{s.i, s.i - 1} { // with the one to the right, or to the left
		if i >= 0 && i+1 < x.count() && t.absorb(x, i, d == t.height) {
			x.setSize(i, x.size(i)+x.size(i+1))
			t.free(x.child(i + 1))
			x.remove(i + 1)
			t.shrink(p, d-1)
			return
		}
	}
}

// absorb moves the contents of child i+1 into child i, all or none.
func (t *Tree) absorb(x inner, i int, leaves bool) bool {
	if leaves {
		a, b := t.leafAt(x.child(i)), t.leafAt(x.child(i+1))
		n := a.count() + b.count()
		if n > leafMax {
			return false
		}
		b.copyTo(0, b.count(), a, a.count())
		a.setCount(n)
		t.unlink(b)
		return true
	}
	a, b := t.innerAt(x.child(i)), t.innerAt(x.child(i+1))
	n := a.count() + b.count()
	if n > innerMax {
		return false
	}
	b.setLow(0, x.low(i+1))
	b.move(0, b.count(), a, a.count())
	a.setCount(n)
	return true
}
