package zset

import (
	"encoding/binary"
	"math"

	"redix/engine/keyspace"
)

// Nodes are blocks of the arena, read and written through byte slices. See the package's comment for the picture.
//
//	leaf    count 1 | capacity 1 | next 5 | prev 5 | capacity x score 8 | capacity x record 5
//	inner   count 1 | level 1    | next 5 | unused | 66 x low score 8 | 66 x low record 5 | 66 x size 5 | 66 x child 5
//
// The level of an inner node is 1 just above the leaves; next is used while the tree is being freed. Only a leaf that is the root has fewer than leafMax places: it grows from leafMin by doubling.

const (
	leafMin  = 8
	leafMax  = 64
	innerMax = 66 // fills its block, of 1536 bytes

	countAt    = 0
	capacityAt = 1
	levelAt    = 1
	nextAt     = 2
	prevAt     = 7
	head       = 12

	lowScoreAt = head
	lowRefAt   = lowScoreAt + 8*innerMax
	sizeAt     = lowRefAt + 5*innerMax
	childAt    = sizeAt + 5*innerMax
	innerBytes = childAt + 5*innerMax
)

func leafBytes(capacity int) int { return head + 13*capacity }

func get40(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(b[4])<<32
}

func put40(b []byte, v uint64) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	b[4] = byte(v >> 32)
}

// A leaf holds entries in order.
type leaf []byte

func (l leaf) count() int     { return int(l[countAt]) }
func (l leaf) setCount(n int) { l[countAt] = byte(n) }
func (l leaf) capacity() int  { return int(l[capacityAt]) }

func (l leaf) next() keyspace.Ref     { return keyspace.Ref(get40(l[nextAt:])) }
func (l leaf) prev() keyspace.Ref     { return keyspace.Ref(get40(l[prevAt:])) }
func (l leaf) setNext(r keyspace.Ref) { put40(l[nextAt:], uint64(r)) }
func (l leaf) setPrev(r keyspace.Ref) { put40(l[prevAt:], uint64(r)) }

func (l leaf) score(i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(l[head+8*i:]))
}

func (l leaf) setScore(i int, score float64) {
	binary.LittleEndian.PutUint64(l[head+8*i:], math.Float64bits(score))
}

func (l leaf) refAt(i int) int { return head + 8*l.capacity() + 5*i }

func (l leaf) ref(i int) keyspace.Ref { return keyspace.Ref(get40(l[l.refAt(i):])) }

// insert puts an entry at place i of a leaf that has room.
func (l leaf) insert(i int, score float64, r keyspace.Ref) {
	n := l.count()
	copy(l[head+8*i+8:head+8*n+8], l[head+8*i:head+8*n])
	l.setScore(i, score)
	copy(l[l.refAt(i+1):l.refAt(n+1)], l[l.refAt(i):l.refAt(n)])
	put40(l[l.refAt(i):], uint64(r))
	l.setCount(n + 1)
}

// remove takes out k entries from place i on.
func (l leaf) remove(i, k int) {
	n := l.count()
	copy(l[head+8*i:], l[head+8*(i+k):head+8*n])
	copy(l[l.refAt(i):], l[l.refAt(i+k):l.refAt(n)])
	l.setCount(n - k)
}

// copyTo copies k entries from place i on to place j of another leaf, over what was there; counts stay.
func (l leaf) copyTo(i, k int, to leaf, j int) {
	copy(to[head+8*j:], l[head+8*i:head+8*(i+k)])
	copy(to[to.refAt(j):], l[l.refAt(i):l.refAt(i+k)])
}

// shift makes room for k entries before the first.
func (l leaf) shift(k int) {
	n := l.count()
	l.copyTo(0, n, l, k)
	l.setCount(n + k)
}

// An inner node holds children in order; for each its size in entries, and its lowest entry. The lowest entry of child 0 is
// not kept: what is written there means nothing.
type inner []byte

func (x inner) count() int     { return int(x[countAt]) }
func (x inner) setCount(n int) { x[countAt] = byte(n) }

func (x inner) level() int             { return int(x[levelAt]) }
func (x inner) next() keyspace.Ref     { return keyspace.Ref(get40(x[nextAt:])) }
func (x inner) setNext(r keyspace.Ref) { put40(x[nextAt:], uint64(r)) }

func (x inner) child(i int) keyspace.Ref { return keyspace.Ref(get40(x[childAt+5*i:])) }
func (x inner) size(i int) int           { return int(binary.LittleEndian.Uint64(x[sizeAt+5*i:]) & (1<<40 - 1)) } // in one load
func (x inner) setSize(i, n int)         { put40(x[sizeAt+5*i:], uint64(n)) }

func (x inner) lowScore(i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(x[lowScoreAt+8*i:]))
}

func (x inner) lowRef(i int) keyspace.Ref { return keyspace.Ref(get40(x[lowRefAt+5*i:])) }

func (x inner) setLow(i int, low entry) {
	binary.LittleEndian.PutUint64(x[lowScoreAt+8*i:], math.Float64bits(low.score))
	put40(x[lowRefAt+5*i:], uint64(low.ref))
}

func (x inner) low(i int) entry { return entry{x.lowScore(i), x.lowRef(i)} }

// total is the number of entries below the node.
func (x inner) total() int { return x.sizes(x.count()) }

// sizes is the number of entries below the children before place i.
func (x inner) sizes(i int) (n int) {
	for j := range i {
		n += x.size(j)
	}
	return n
}

// insert puts a child at place i of a node that has room.
func (x inner) insert(i int, child keyspace.Ref, size int, low entry) {
	x.move(i, x.count()-i, x, i+1)
	put40(x[childAt+5*i:], uint64(child))
	x.setSize(i, size)
	x.setLow(i, low)
	x.setCount(x.count() + 1)
}

// remove takes out the child at place i.
func (x inner) remove(i int) {
	x.move(i+1, x.count()-i-1, x, i)
	x.setCount(x.count() - 1)
}

// move copies k children from place i on to place j of a node, maybe the same one; counts stay.
func (x inner) move(i, k int, to inner, j int) {
	copy(to[lowScoreAt+8*j:lowScoreAt+8*(j+k)], x[lowScoreAt+8*i:])
	copy(to[lowRefAt+5*j:lowRefAt+5*(j+k)], x[lowRefAt+5*i:])
	copy(to[sizeAt+5*j:sizeAt+5*(j+k)], x[sizeAt+5*i:])
	copy(to[childAt+5*j:childAt+5*(j+k)], x[childAt+5*i:])
}

func (t *Tree) leafAt(r keyspace.Ref) leaf   { return t.arena.Block(r) }
func (t *Tree) innerAt(r keyspace.Ref) inner { return t.arena.Block(r) }

func (t *Tree) newLeaf(capacity int) (keyspace.Ref, leaf) {
	r := t.alloc(leafBytes(capacity))
	l := t.leafAt(r)
	clear(l[:head])
	l[capacityAt] = byte(capacity)
	return r, l
}

func (t *Tree) newInner(level int) (keyspace.Ref, inner) {
	r := t.alloc(innerBytes)
	x := t.innerAt(r)
	clear(x[:head])
	x[levelAt] = byte(level)
	return r, x
}

func (t *Tree) alloc(size int) keyspace.Ref {
	r := t.arena.Alloc(size)
	t.bytes += int64(t.arena.Size(r))
	return r
}

func (t *Tree) free(r keyspace.Ref) {
	t.bytes -= int64(t.arena.Size(r))
	t.arena.Free(r)
}
