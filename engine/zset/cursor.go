package zset

import (
	"math"

	"redix/engine/keyspace"
)

// Cursor is a place in a sorted set's order. It dies at the next change of the set.
type Cursor struct {
	t    *Tree
	leaf leaf // nil past either end
	i    int
}

// At returns a cursor at the member of this rank; it is not valid if there is none.
func (t *Tree) At(rank int) Cursor {
	if rank < 0 || rank >= t.count {
		return Cursor{t: t}
	}
	if rank == t.count-1 {
		l := t.leafAt(t.last)
		return Cursor{t, l, l.count() - 1}
	}
	var p path
	l, i := t.seekRank(&p, rank)
	return Cursor{t, l, i}
}

// Valid tells whether the cursor is at a member.
func (c *Cursor) Valid() bool { return c.leaf != nil }

// Member returns the member, a view.
func (c *Cursor) Member() []byte { return c.t.memberOf(c.leaf.ref(c.i)) }

// Score returns the member's score.
func (c *Cursor) Score() float64 { return c.leaf.score(c.i) }

// Next goes on to the member of the next higher rank.
func (c *Cursor) Next() {
	if c.i++; c.i == c.leaf.count() {
		c.to(c.leaf.next())
		c.i = 0
	}
}

// Prev goes on to the member of the next lower rank.
func (c *Cursor) Prev() {
	if c.i--; c.i < 0 {
		if c.to(c.leaf.prev()); c.leaf != nil {
			c.i = c.leaf.count() - 1
		}
	}
}

func (c *Cursor) to(r keyspace.Ref) {
	c.leaf = nil
	if r != 0 {
		c.leaf = c.t.leafAt(r)
	}
}

// Scan visits members from a cursor of SCAN on, until about count have been visited, and returns the next cursor, 0 at
// the end. Members that are there during the whole iteration are visited, whatever changes meanwhile. A small set is
// visited whole. visit must not change the set.
func (t *Tree) Scan(cursor uint64, count int, visit func(member []byte, score float64)) uint64 {
	if t.members == nil {
		for c := t.At(0); c.Valid(); c.Next() {
			visit(c.Member(), c.Score())
		}
		return 0
	}
	return t.members.Scan(cursor, count, func(r keyspace.Ref) {
		m, bits := t.ks.Member(r)
		visit(m, math.Float64frombits(bits))
	})
}

// Copy implements keyspace.Object.
func (t *Tree) Copy() keyspace.Object {
	twin := New(t.ks)
	for c := t.At(0); c.Valid(); c.Next() {
		twin.Add(c.Member(), c.Score())
	}
	return twin
}

// What one step of FreeStep frees.
const (
	freeLeaves = 4 // with their members
	freeInner  = 16
)

// FreeStep implements keyspace.Object: the index first, then the leaves from the first to the last, then the inner nodes,
// which are kept meanwhile in a list like leaves.
func (t *Tree) FreeStep() bool {
	if t.members != nil {
		if t.members.FreeStep() {
			t.members = nil
		}
		return false
	}
	for range freeLeaves {
		if t.first == 0 {
			return t.freeInner()
		}
		l := t.leafAt(t.first)
		for i := range l.count() {
			t.free(l.ref(i))
		}
		next := l.next()
		t.free(t.first)
		t.first = next
	}
	return false
}

// freeInner frees some inner nodes: root is the first of those that are left.
func (t *Tree) freeInner() bool {
	if t.height == 0 {
		t.root = 0
	}
	for range freeInner {
		if t.root == 0 {
			return true
		}
		x := t.innerAt(t.root)
		next := x.next()
		if x.level() > 1 {
			for i := range x.count() {
				t.innerAt(x.child(i)).setNext(next)
				next = x.child(i)
			}
		}
		t.free(t.root)
		t.root = next
	}
	return t.root == 0
}
