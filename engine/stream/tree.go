package stream

import "redix/engine/keyspace"

// tree is a B+ tree from IDs to values of a fixed number of bytes. The directory of a stream's blocks is one, and so are
// the lists of pending entries. Nodes are drawn in node.go.
//
// All leaves have the same depth. A full leaf at the end of the tree is left full and a new one begun, because IDs mostly
// come in order; others split in half. A node below a quarter joins a neighbour if both fill no more than three quarters,
// one that became empty is freed.
type tree struct {
	arena       *keyspace.Arena
	width       int          // bytes of a value
	root        keyspace.Ref // 0: empty
	height      int          // inner levels; 0: the root is a leaf
	first, last keyspace.Ref // leaves
	count       int          // IDs
	nodes       int
	bytes       int64
	kept        *account // where the bytes count, too; may be nil
}

// maxHeight bounds the inner levels. A level more takes some 20 times the IDs at least.
const maxHeight = 16

// path is the way from the root to a leaf, without the leaf.
type path [maxHeight]step

type step struct {
	ref keyspace.Ref
	i   int // the child that the way goes on to
}

func newTree(a *keyspace.Arena, width int) tree { return tree{arena: a, width: width} }

func (t *tree) leaf(r keyspace.Ref) node  { return node{t.arena.Block(r), t.width} }
func (t *tree) inner(r keyspace.Ref) node { return node{t.arena.Block(r), refBytes} }

func (t *tree) newNode(width, capacity int) (keyspace.Ref, node) {
	r := t.arena.Alloc(nodeHead + (idBytes+width)*capacity)
	t.take(int64(t.arena.Size(r)))
	t.nodes++
	n := node{t.arena.Block(r), width}
	clear(n.b[:nodeHead])
	n.b[capacityAt] = byte(capacity)
	return r, n
}

func (t *tree) free(r keyspace.Ref) {
	t.take(-int64(t.arena.Size(r)))
	t.nodes--
	t.arena.Free(r)
}

func (t *tree) take(n int64) {
	t.bytes += n
	t.kept.take(n)
}

// seek finds the leaf that id belongs to and the number of IDs below it there. The tree must not be empty.
func (t *tree) seek(p *path, id ID) (keyspace.Ref, int) {
	r := t.root
	for d := range t.height {
		x := t.inner(r)
		i := x.child(id)
		p[d] = step{r, i}
		r = x.ref(i)
	}
	return r, t.leaf(r).search(id)
}

// find returns the value of an ID, to be read or changed until the next change of the tree, or nil when there is none. The
// value of a tree of width 0 is empty, not nil.
func (t *tree) find(id ID) []byte {
	if t.root == 0 {
		return nil
	}
	r := t.root
	for range t.height {
		x := t.inner(r)
		r = x.ref(x.child(id))
	}
	n := t.leaf(r)
	if i := n.search(id); i < n.count() && n.id(i) == id {
		return n.value(i)
	}
	return nil
}

// insert returns the value of an ID, which it enters if it is new; the value is undefined then.
func (t *tree) insert(id ID) (value []byte, added bool) {
	if t.root == 0 {
		t.root, _ = t.newNode(t.width, leafMin)
		t.first, t.last = t.root, t.root
	}
	if n := t.leaf(t.last); n.count() > 0 && n.count() < n.capacity() && n.id(n.count()-1).Less(id) {
		t.count++
		n.insert(n.count(), id)
		return n.value(n.count() - 1), true
	}
	var p path
	r, i := t.seek(&p, id)
	n := t.leaf(r)
	if i < n.count() && n.id(i) == id {
		return n.value(i), false
	}
	t.count++
	if n.count() == n.capacity() {
		n, i = t.makeRoom(&p, r, i, id)
	}
	n.insert(i, id)
	return n.value(i), true
}

// makeRoom grows or splits a full leaf, and returns where id goes that would have come to place i.
func (t *tree) makeRoom(p *path, r keyspace.Ref, i int, id ID) (node, int) {
	n := t.leaf(r)
	if most := fullCapacity(t.width); n.capacity() < most {
		grown, to := t.newNode(t.width, min(2*n.capacity(), most))
		n.copyTo(0, n.count(), to, 0)
		to.setCount(n.count())
		t.free(r)
		t.root, t.first, t.last = grown, grown, grown
		return to, i
	}
	at := n.count() / 2
	if r == t.last && i == n.count() {
		at = i
	}
	right, to := t.newNode(t.width, n.capacity())
	n.copyTo(at, n.count()-at, to, 0)
	to.setCount(n.count() - at)
	n.setCount(at)
	to.setPrev(r)
	to.setNext(n.next())
	if n.next() != 0 {
		t.leaf(n.next()).setPrev(right)
	} else {
		t.last = right
	}
	n.setNext(right)
	low := id
	if to.count() > 0 {
		low = to.id(0)
	}
	t.addChild(p, t.height-1, low, right)
	if i > at || to.count() == 0 {
		return to, i - at
	}
	return n, i
}

// addChild enters a child behind the one that the path goes through at depth d; no ID in it is below low.
func (t *tree) addChild(p *path, d int, low ID, child keyspace.Ref) {
	if d < 0 {
		r, x := t.newNode(refBytes, fullCapacity(refBytes))
		x.insert(0, ID{})
		put40(x.value(0), t.root)
		x.insert(1, low)
		put40(x.value(1), child)
		t.root = r
		t.height++
		return
	}
	x, i := t.inner(p[d].ref), p[d].i+1
	if x.count() == x.capacity() {
		at := x.count() / 2
		if i == x.count() {
			at = i
		}
		right, to := t.newNode(refBytes, x.capacity())
		x.copyTo(at, x.count()-at, to, 0)
		to.setCount(x.count() - at)
		x.setCount(at)
		bound := low
		if to.count() > 0 {
			bound = to.id(0)
		}
		t.addChild(p, d-1, bound, right)
		if i > at || to.count() == 0 {
			x, i = to, i-at
		}
	}
	x.insert(i, low)
	put40(x.value(i), child)
}

// remove takes out an ID; it returns false when it is not there.
func (t *tree) remove(id ID) bool {
	if t.root == 0 {
		return false
	}
	var p path
	r, i := t.seek(&p, id)
	n := t.leaf(r)
	if i == n.count() || n.id(i) != id {
		return false
	}
	t.count--
	n.remove(i)
	switch {
	case t.height == 0 && n.count() == 0:
		t.free(r)
		t.root, t.first, t.last = 0, 0, 0
	case t.height == 0:
	case n.count() == 0:
		t.unlink(r)
		t.dropChild(&p, t.height-1, p[t.height-1].i)
	case n.count() < n.capacity()/4:
		t.joinLeaf(&p, n)
	}
	return true
}

// unlink takes a leaf out of the list and frees it.
func (t *tree) unlink(r keyspace.Ref) {
	n := t.leaf(r)
	if n.prev() != 0 {
		t.leaf(n.prev()).setNext(n.next())
	} else {
		t.first = n.next()
	}
	if n.next() != 0 {
		t.leaf(n.next()).setPrev(n.prev())
	} else {
		t.last = n.prev()
	}
	t.free(r)
}

// joins tells whether two nodes may become one.
func joins(a, b node) bool { return a.count()+b.count() <= a.capacity()*3/4 }

// joinLeaf joins the small leaf at a path's end with a neighbour under the same parent, if one is small enough.
func (t *tree) joinLeaf(p *path, n node) {
	s := p[t.height-1]
	x := t.inner(s.ref)
	left, right := n, n
	at := s.i // of the left one
	switch {
	case s.i+1 < x.count() && joins(n, t.leaf(x.ref(s.i+1))):
		right = t.leaf(x.ref(s.i + 1))
	case s.i > 0 && joins(n, t.leaf(x.ref(s.i-1))):
		left = t.leaf(x.ref(s.i - 1))
		at--
	default:
		return
	}
	right.copyTo(0, right.count(), left, left.count())
	left.setCount(left.count() + right.count())
	t.unlink(x.ref(at + 1))
	t.dropChild(p, t.height-1, at+1)
}

// dropChild takes child i, which is freed, out of the inner node at depth d of a path.
func (t *tree) dropChild(p *path, d, i int) {
	x := t.inner(p[d].ref)
	x.remove(i)
	switch {
	case d == 0:
		t.lower()
	case x.count() == 0:
		t.free(p[d].ref)
		t.dropChild(p, d-1, p[d-1].i)
	case x.count() < x.capacity()/4:
		t.joinInner(p, d, x)
	}
}

// lower makes the only child of the root the root.
func (t *tree) lower() {
	for t.height > 0 {
		x := t.inner(t.root)
		if x.count() > 1 {
			return
		}
		old := t.root
		t.root = 0
		if x.count() == 1 {
			t.root = x.ref(0)
		}
		t.free(old)
		t.height--
		if t.root == 0 {
			t.height = 0
		}
	}
}

// joinInner is joinLeaf for the inner node at depth d, not the root.
func (t *tree) joinInner(p *path, d int, n node) {
	s := p[d-1]
	x := t.inner(s.ref)
	left, right := n, n
	at := s.i
	switch {
	case s.i+1 < x.count() && joins(n, t.inner(x.ref(s.i+1))):
		right = t.inner(x.ref(s.i + 1))
	case s.i > 0 && joins(n, t.inner(x.ref(s.i-1))):
		left = t.inner(x.ref(s.i - 1))
		at--
	default:
		return
	}
	right.setID(0, x.id(at+1)) // it is no longer child 0
	right.copyTo(0, right.count(), left, left.count())
	left.setCount(left.count() + right.count())
	t.free(x.ref(at + 1))
	t.dropChild(p, d-1, at+1)
}

// cursor is a place in a tree. It dies at the next change.
type cursor struct {
	t *tree
	n node // without a block: past an end
	i int
}

func (c *cursor) valid() bool   { return c.n.b != nil }
func (c *cursor) id() ID        { return c.n.id(c.i) }
func (c *cursor) value() []byte { return c.n.value(c.i) }

func (c *cursor) to(r keyspace.Ref) {
	c.n = node{}
	if r != 0 {
		c.n = c.t.leaf(r)
	}
}

func (c *cursor) next() {
	if c.i++; c.i == c.n.count() {
		c.to(c.n.next())
		c.i = 0
	}
}

func (c *cursor) prev() {
	if c.i--; c.i < 0 {
		if c.to(c.n.prev()); c.valid() {
			c.i = c.n.count() - 1
		}
	}
}

// begin returns a cursor at the first ID.
func (t *tree) begin() cursor {
	c := cursor{t: t}
	c.to(t.first)
	return c
}

// end returns a cursor at the last ID.
func (t *tree) end() cursor {
	c := cursor{t: t}
	if c.to(t.last); c.valid() {
		c.i = c.n.count() - 1
	}
	return c
}

// from returns a cursor at the first ID that is not below id.
func (t *tree) from(id ID) cursor {
	c := cursor{t: t}
	if t.root == 0 {
		return c
	}
	var p path
	r, i := t.seek(&p, id)
	c.n, c.i = t.leaf(r), i-1
	c.next()
	return c
}

// upTo returns a cursor at the last ID that is not above id.
func (t *tree) upTo(id ID) cursor {
	c := cursor{t: t}
	if t.root == 0 {
		return c
	}
	var p path
	r, i := t.seek(&p, id)
	c.n, c.i = t.leaf(r), i
	if i == c.n.count() || c.n.id(i) != id {
		c.prev()
	}
	return c
}

// copyOf returns a tree with the same contents that counts its bytes in kept.
func (t *tree) copyOf(kept *account) tree {
	twin := newTree(t.arena, t.width)
	twin.kept = kept
	for c := t.begin(); c.valid(); c.next() {
		v, _ := twin.insert(c.id())
		copy(v, c.value())
	}
	return twin
}

// freeStep frees a few dozen nodes, and returns true when none is left. The tree serves for nothing else from then on.
func (t *tree) freeStep() bool {
	if t.root == 0 {
		return true
	}
	if t.height == 0 {
		t.free(t.root)
		t.root = 0
		return true
	}
	var way [maxHeight]keyspace.Ref
	r := t.root
	for d := range t.height {
		way[d] = r
		r = t.inner(r).ref(0)
	}
	x := t.inner(way[t.height-1])
	for i := range x.count() {
		t.free(x.ref(i))
	}
	for d := t.height - 1; d >= 0; d-- {
		t.free(way[d])
		if d == 0 {
			t.root = 0
			return true
		}
		up := t.inner(way[d-1])
		if up.remove(0); up.count() > 0 {
			break
		}
	}
	return false
}
