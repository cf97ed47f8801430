// Package zset is the large sorted set: entries of score and member in order, which also know their ranks.
//
// # Structure
//
// A counted B+ tree. An entry is a score and the Ref of a member record (keyspace.Members), which holds the member and the
// score once more; an index of the records finds them by member.
//
//	member ─► Members index ─► record [member | score]
//	                              ▲           ▲ equal scores are ordered by the records' members
//	            inner  [low entry, size, child] ...            sizes add up to ranks
//	                     │           │
//	                   inner       inner
//	                   │   │       │   │
//	leaf ◄─► [score, record] ... ◄─► leaf ◄─► leaf             64 entries each, linked both ways
//
// All of it is blocks of the arena without Go pointers; see node.go for their bytes. A member of 13 bytes takes 24 bytes of
// record, 13 of leaf at 80 to 100 % of use, 9 to 17 of index (the more, the later its
// segments have split) and less than one of inner nodes.
//
// While the root is a leaf with at most smallMax entries there is no index: a member is found by looking at all records.
// The first leaf grows with its entries. So a set of few long members is small, too.
//
// # Order
//
// Entries are ordered by score, then by the bytes of the member; -0 equals 0. An inner node's low entries divide its
// children: an entry belongs to the last child whose low entry is not above it. Low entries are exact (the first
// entry of the child), because they refer to a record that must exist; low entry 0 of a node is never read.
//
// # Balance
//
// A full leaf first gives entries to a neighbour with room, then splits. In the middle of the tree it splits in half,
// at its ends it leaves a full leaf behind, so that scores that only grow or only fall fill the leaves. A leaf or
// inner node below a quarter joins a neighbour if both fit into one; one that became empty is freed. All leaves have
// the same depth.
package zset

import (
	"bytes"
	"math"

	"redix/engine/keyspace"
)

// smallMax is the number of entries up to which there is no index.
const smallMax = 32

// maxHeight bounds the number of inner levels. A level more takes some 30 times the entries.
const maxHeight = 12

// Tree is a sorted set; it is keyspace.Object. The keyspace's loop owns it.
type Tree struct {
	ks          *keyspace.Keyspace
	arena       *keyspace.Arena
	members     *keyspace.Members // nil while the set is small, and for good once it has been large
	root        keyspace.Ref      // 0: no entry yet
	height      int               // inner levels; 0: the root is a leaf
	first, last keyspace.Ref
	count       int
	bytes       int64 // of nodes and records
}

// entry is a place in the order.
type entry struct {
	score float64
	ref   keyspace.Ref
}

// New returns an empty sorted set over the keyspace's arena.
func New(ks *keyspace.Keyspace) *Tree { return &Tree{ks: ks, arena: ks.Arena()} }

// Len returns the number of members.
func (t *Tree) Len() int { return t.count }

// Bytes implements keyspace.Object.
func (t *Tree) Bytes() int64 {
	if t.members == nil {
		return t.bytes
	}
	return t.bytes + t.members.Bytes()
}

// find returns the record of a member, 0 when there is none.
func (t *Tree) find(member []byte) keyspace.Ref {
	if t.members != nil {
		return t.members.Find(member)
	}
	if t.count == 0 {
		return 0
	}
	l := t.leafAt(t.root)
	for i := range l.count() {
		if r := l.ref(i); t.ks.MemberIs(r, member) {
			return r
		}
	}
	return 0
}

// Score returns the score of a member.
func (t *Tree) Score(member []byte) (score float64, ok bool) {
	_, score, ok = t.Find(member)
	return score, ok
}

// Find returns the record and the score of a member. The record is for Move, and lives as long as the member.
func (t *Tree) Find(member []byte) (record keyspace.Ref, score float64, ok bool) {
	if record = t.find(member); record == 0 {
		return 0, 0, false
	}
	return record, t.scoreOf(record), true
}

func (t *Tree) scoreOf(r keyspace.Ref) float64 {
	_, bits := t.ks.Member(r)
	return math.Float64frombits(bits)
}

func (t *Tree) memberOf(r keyspace.Ref) []byte {
	m, _ := t.ks.Member(r)
	return m
}

// Set gives a member a score, which must be a number; it returns true when the member is new. The bytes of member must not
// come from the tree.
func (t *Tree) Set(member []byte, score float64) bool {
	r := t.find(member)
	if r == 0 {
		t.add(member, score)
		return true
	}
	t.Move(r, member, score)
	return false
}

// Add enters a member that is known to be absent.
func (t *Tree) Add(member []byte, score float64) { t.add(member, score) }

func (t *Tree) add(member []byte, score float64) {
	r := t.ks.NewMember(member, math.Float64bits(score))
	t.bytes += int64(t.arena.Size(r))
	if t.members == nil && t.count == smallMax {
		t.members = t.ks.NewMembers()
		for c := t.At(0); c.Valid(); c.Next() {
			t.members.Enter(c.leaf.ref(c.i))
		}
	}
	if t.members != nil {
		t.members.Enter(r)
	}
	t.insert(member, entry{score, r})
}

// Move changes the score of a member, whose record Find has returned: in place if that keeps the order.
func (t *Tree) Move(r keyspace.Ref, member []byte, score float64) {
	old := t.scoreOf(r)
	if old == score {
		return
	}
	var p path
	l, i := t.seek(&p, &bound{score: old, member: member})
	bits := math.Float64bits(score)
	if t.fits(l, i, score, member) {
		t.ks.SetMember(r, bits)
		l.setScore(i, score)
		return
	}
	t.remove(&p, l, i, 1)
	t.ks.SetMember(r, bits)
	t.insert(member, entry{score, r})
}

// fits tells whether place i of a leaf may get another score without leaving its place, or changing the low entry of an
// inner node.
func (t *Tree) fits(l leaf, i int, score float64, member []byte) bool {
	b := bound{score: score, member: member}
	if i == 0 && l.prev() != 0 || i == l.count()-1 && l.next() != 0 {
		return false
	}
	return (i == 0 || t.before(l.score(i-1), l.ref(i-1), &b)) &&
		(i == l.count()-1 || !t.before(l.score(i+1), l.ref(i+1), &b))
}

// Remove removes a member; it returns false when there was none.
func (t *Tree) Remove(member []byte) bool {
	r := t.find(member)
	if r == 0 {
		return false
	}
	var p path
	l, i := t.seek(&p, &bound{score: t.scoreOf(r), member: member})
	t.drop(r)
	t.remove(&p, l, i, 1)
	return true
}

// drop frees a record and takes it out of the index.
func (t *Tree) drop(r keyspace.Ref) {
	if t.members != nil {
		t.members.Leave(r)
	}
	t.free(r)
}

// RemoveRange removes the members of ranks from to to-1, in time proportional to their number.
func (t *Tree) RemoveRange(from, to int) {
	for n := to - from; n > 0; {
		var p path
		l, i := t.seekRank(&p, from)
		k := min(n, l.count()-i)
		for j := i; j < i+k; j++ {
			t.drop(l.ref(j))
		}
		t.remove(&p, l, i, k)
		n -= k
	}
}

// Rank returns the number of members before this one, and its score.
func (t *Tree) Rank(member []byte) (rank int, score float64, ok bool) {
	r := t.find(member)
	if r == 0 {
		return 0, 0, false
	}
	score = t.scoreOf(r)
	return t.rank(&bound{score: score, member: member}), score, true
}

// CountBelow returns the number of members with a score below this one, or equal to it when inclusive.
func (t *Tree) CountBelow(score float64, inclusive bool) int {
	return t.rank(&bound{by: byScore, score: score, inclusive: inclusive})
}

// CountBefore returns the number of members that come before this one in the order of bytes, itself included
// when inclusive. It means something only if all scores are equal.
func (t *Tree) CountBefore(member []byte, inclusive bool) int {
	return t.rank(&bound{by: byMember, member: member, inclusive: inclusive})
}

// bound is a place between entries.
type bound struct {
	by        uint8
	inclusive bool // entries that equal the bound lie before it; not for byBoth
	score     float64
	member    []byte
}

const (
	byBoth uint8 = iota
	byScore
	byMember
)

// before tells whether an entry lies before the bound.
func (t *Tree) before(score float64, r keyspace.Ref, b *bound) bool {
	switch b.by {
	case byBoth:
		if score != b.score {
			return score < b.score
		}
		return bytes.Compare(t.memberOf(r), b.member) < 0
	case byScore:
		return score < b.score || b.inclusive && score == b.score
	}
	c := bytes.Compare(t.memberOf(r), b.member)
	return c < 0 || b.inclusive && c == 0
}

// searchLeaf returns the number of entries of a leaf before the bound.
func (t *Tree) searchLeaf(l leaf, b *bound) int {
	low, high := 0, l.count()
	for low < high {
		mid := (low + high) / 2
		if t.before(l.score(mid), l.ref(mid), b) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// searchInner returns the child that the bound lies in: where an entry that equals it is, or would be.
func (t *Tree) searchInner(x inner, b *bound) int {
	low, high := 1, x.count()
	for low < high {
		mid := (low + high) / 2
		before := false
		if b.by == byBoth && x.lowScore(mid) == b.score {
			before = bytes.Compare(t.memberOf(x.lowRef(mid)), b.member) <= 0
		} else {
			before = t.before(x.lowScore(mid), x.lowRef(mid), b)
		}
		if before {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// rank returns the number of entries before the bound.
func (t *Tree) rank(b *bound) int {
	if t.count == 0 {
		return 0
	}
	rank, r := 0, t.root
	for range t.height {
		x := t.innerAt(r)
		i := t.searchInner(x, b)
		rank += x.sizes(i)
		r = x.child(i)
	}
	return rank + t.searchLeaf(t.leafAt(r), b)
}

// path is the way from the root to a leaf, without the leaf.
type path struct{ at [maxHeight]step }

type step struct {
	ref keyspace.Ref
	i   int // the child that the way goes on to
}

// seek finds the place of a bound and the way there. The tree must not be empty.
func (t *Tree) seek(p *path, b *bound) (leaf, int) {
	r := t.root
	for d := range t.height {
		x := t.innerAt(r)
		i := t.searchInner(x, b)
		p.at[d] = step{r, i}
		r = x.child(i)
	}
	l := t.leafAt(r)
	return l, t.searchLeaf(l, b)
}

// seekRank finds the entry of a rank below Len and the way there.
func (t *Tree) seekRank(p *path, rank int) (leaf, int) {
	r := t.root
	for d := range t.height {
		x := t.innerAt(r)
		i := 0
		for rank >= x.size(i) {
			rank -= x.size(i)
			i++
		}
		p.at[d] = step{r, i}
		r = x.child(i)
	}
	return t.leafAt(r), rank
}

// leafRef is the leaf that a path leads to.
func (t *Tree) leafRef(p *path) keyspace.Ref {
	if t.height == 0 {
		return t.root
	}
	s := p.at[t.height-1]
	return t.innerAt(s.ref).child(s.i)
}
