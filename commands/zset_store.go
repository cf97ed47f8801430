package commands

import (
	"bytes"
	"encoding/binary"
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/zset"
)

// How a sorted set is kept, and the two ways to it: zsetView to read, zsetEdit to change.
//
//	encoding        shown as    while
//	EncZsetPacked   listpack    within zset-max-listpack-entries and -value, and listpackBytes
//	EncZsetTree     skiplist    for good, once it has been past these; a zset.Tree
//
// A packed sorted set is member, score, member, score ... in order. A score is one element:
//
//	an integer up to 2^53            the integer; -0 becomes 0, as in redis-server's listpack, and not in a tree
//	any other                        a string: the 8 bytes of the double, little endian
//	if these happen to be digits     a string: a zero byte and the 8 bytes
//
// (packed keeps a string of digits as a number: that would be another one here.)

const exactInt = 1 << 53

// appendScore appends a score as one element of a packed blob.
func appendScore(dst []byte, score float64) []byte {
	if n := int64(score); math.Abs(score) <= exactInt && float64(n) == score {
		return packed.AppendInt(dst, n)
	}
	var room [9]byte
	binary.LittleEndian.PutUint64(room[1:], math.Float64bits(score))
	if _, digits := packed.ParseInt(room[1:]); digits {
		return packed.AppendElem(dst, room[:])
	}
	return packed.AppendElem(dst, room[1:])
}

// scoreWord returns what packed makes the element of a score from.
func scoreWord(room []byte, score float64) []byte {
	var own [16]byte
	v, _ := packed.Next(appendScore(own[:0], score), 0)
	return v.AppendTo(room)
}

// scoreAt reads the score at pos of a packed blob.
func scoreAt(blob []byte, pos int) (score float64, next int) {
	v, next := packed.Next(blob, pos)
	if v.IsInt {
		return float64(v.Int), next
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(v.Str[len(v.Str)-8:])), next
}

// compareElem compares an element's bytes with others.
func compareElem(v packed.Elem, b []byte) int {
	var room [20]byte
	return bytes.Compare(elemBytes(v, room[:]), b)
}

// zsetView is a sorted set to be read. It dies with its entry.
type zsetView struct {
	tree *zset.Tree // nil while packed
	blob []byte
}

func viewZset(e *keyspace.Entry) zsetView {
	if e.Encoding() == keyspace.EncZsetTree {
		return zsetView{tree: e.DB().Object(e).(*zset.Tree)}
	}
	return zsetView{blob: e.Value()}
}

func (z zsetView) len() int {
	if z.tree != nil {
		return z.tree.Len()
	}
	return packed.Count(z.blob) / 2
}

func (z zsetView) score(member []byte) (score float64, ok bool) {
	_, score, ok = z.find(member)
	return score, ok
}

// zsetPlace is where a member was found; it dies at the next change of the set.
type zsetPlace struct {
	record       keyspace.Ref // in a tree
	from, at, to int          // in a packed set: positions of member, score and end
}

func (z zsetView) find(member []byte) (p zsetPlace, score float64, ok bool) {
	if z.tree != nil {
		p.record, score, ok = z.tree.Find(member)
		return p, score, ok
	}
	p.from, p.at, p.to, ok = packed.FindPair(z.blob, member)
	if ok {
		score, _ = scoreAt(z.blob, p.at)
	}
	return p, score, ok
}

// rank returns the number of members before this one, and its score.
func (z zsetView) rank(member []byte) (rank int, score float64, ok bool) {
	if z.tree != nil {
		return z.tree.Rank(member)
	}
	from, at, _, ok := packed.FindPair(z.blob, member)
	if !ok {
		return 0, 0, false
	}
	for pos := packed.First(z.blob); pos < from; rank++ {
		pos = packed.Skip(z.blob, packed.Skip(z.blob, pos))
	}
	score, _ = scoreAt(z.blob, at)
	return rank, score, true
}

// countBelow counts the members with a score below this one, or equal to it when inclusive.
func (z zsetView) countBelow(score float64, inclusive bool) (n int) {
	if z.tree != nil {
		return z.tree.CountBelow(score, inclusive)
	}
	for pos := packed.First(z.blob); pos < len(z.blob); n++ {
		s, next := scoreAt(z.blob, packed.Skip(z.blob, pos))
		if s > score || s == score && !inclusive {
			break
		}
		pos = next
	}
	return n
}

// countBefore counts the members before this one in the order of bytes, itself included when inclusive. All scores
// must be equal.
func (z zsetView) countBefore(member []byte, inclusive bool) (n int) {
	if z.tree != nil {
		return z.tree.CountBefore(member, inclusive)
	}
	for pos := packed.First(z.blob); pos < len(z.blob); n++ {
		m, next := packed.Next(z.blob, pos)
		if c := compareElem(m, member); c > 0 || c == 0 && !inclusive {
			break
		}
		pos = packed.Skip(z.blob, next)
	}
	return n
}

// each visits the members of ranks from to to-1, the last one first when reverse, until visit returns false; visit must not
// change the set.
func (z zsetView) each(from, to int, reverse bool, visit func(m packed.Elem, score float64) bool) {
	switch {
	case from >= to:
	case z.tree != nil && reverse:
		c := z.tree.At(to - 1)
		for n := to - from; n > 0 && visit(packed.Elem{Str: c.Member()}, c.Score()); n-- {
			c.Prev()
		}
	case z.tree != nil:
		c := z.tree.At(from)
		for n := to - from; n > 0 && visit(packed.Elem{Str: c.Member()}, c.Score()); n-- {
			c.Next()
		}
	case reverse:
		z.backwards(from, to, visit)
	default:
		pos, _ := packed.Seek(z.blob, 2*from)
		for n := to - from; n > 0; n-- {
			var score float64
			m, at := packed.Next(z.blob, pos)
			if score, pos = scoreAt(z.blob, at); !visit(m, score) {
				return
			}
		}
	}
}

// backwards is each of a packed set in reverse: its elements can only be walked forwards, so their places are noted first.
func (z zsetView) backwards(from, to int, visit func(m packed.Elem, score float64) bool) {
	var room [128]int32
	places := room[:0]
	pos, _ := packed.Seek(z.blob, 2*from)
	for range to - from {
		places = append(places, int32(pos))
		pos = packed.Skip(z.blob, packed.Skip(z.blob, pos))
	}
	for i := len(places) - 1; i >= 0; i-- {
		m, at := packed.Next(z.blob, int(places[i]))
		if score, _ := scoreAt(z.blob, at); !visit(m, score) {
			return
		}
	}
}

// zsetEdit changes one sorted set, which may not exist yet, between begin and end; or builds one that has no key yet,
// between beginNew and store. Edits of a packed set are made in the server's scratch, going from one buffer to the
// other, and stored once at the end; only a score that keeps its place and length is replaced in the record, at once.
type zsetEdit struct {
	zsetView
	c    *engine.Client
	e    keyspace.Entry // by value: handlers keep it on the stack
	key  []byte
	next int // the scratch buffer that is free
	// edited tells that blob is in scratch, or tree is new, and has to be stored.
	edited bool
}

// begin starts to change the set of an entry that writeOf has found. If there is none, the encoding follows from the
// first of the members to come and their number; so does whether one that exists is turned into a tree at once.
func (z *zsetEdit) begin(c *engine.Client, e keyspace.Entry, key []byte, coming int, first []byte) {
	z.c, z.e, z.key = c, e, key
	switch {
	case !e.Found():
		z.beginNew(c, coming, len(first))
	case e.Encoding() == keyspace.EncZsetTree:
		z.tree = c.DB.MutableObject(&z.e).(*zset.Tree)
	default:
		z.blob = e.Value()
		if coming > c.Server().Config.ZsetMaxListpackEntries {
			z.toTree()
		}
	}
}

// beginNew starts a set without members for so many, the longest of so many bytes.
func (z *zsetEdit) beginNew(c *engine.Client, coming, longest int) {
	z.c = c
	cfg := c.Server().Config
	if coming > cfg.ZsetMaxListpackEntries || longest > cfg.ZsetMaxListpackBytes {
		z.tree, z.edited = zset.New(c.Server().Keyspace), true
		return
	}
	z.blob = emptyBlob
}

// add adds a member that the set does not have; member may not be a view of it.
func (z *zsetEdit) add(member []byte, score float64) {
	if z.tree == nil && !z.mayPack(member) {
		z.toTree()
	}
	if z.tree != nil {
		z.tree.Add(member, score)
		return
	}
	at := z.placeOf(member, score, -1)
	z.rewrite(at, at, at, member, score, 2)
}

// append adds a member that comes after all others; for building.
func (z *zsetEdit) append(member []byte, score float64) {
	if z.tree == nil && !z.mayPack(member) {
		z.toTree()
	}
	if z.tree != nil {
		z.tree.Add(member, score)
		return
	}
	if !z.edited {
		z.rewrite(len(z.blob), len(z.blob), len(z.blob), member, score, 2)
		return
	}
	var room [20]byte
	buf := &z.c.Server().Scratch[1-z.next]
	*buf = packed.Append(z.blob, member, scoreWord(room[:0], score))
	z.blob = *buf
}

// mayPack decides whether a packed set can take one more member.
func (z *zsetEdit) mayPack(member []byte) bool {
	cfg := z.c.Server().Config
	return packed.Count(z.blob)/2 < cfg.ZsetMaxListpackEntries && len(member) <= cfg.ZsetMaxListpackBytes &&
		len(z.blob)+len(member)+20 <= listpackBytes
}

// placeOf returns where a member with this score belongs in a packed set, as a position; the member at skip does not count.
func (z *zsetEdit) placeOf(member []byte, score float64, skip int) int {
	blob := z.blob
	pos := packed.First(blob)
	for pos < len(blob) {
		s, next := scoreAt(blob, packed.Skip(blob, pos))
		if pos != skip && s >= score {
			if s > score {
				break
			}
			if m, _ := packed.Next(blob, pos); compareElem(m, member) > 0 {
				break
			}
		}
		pos = next
	}
	return pos
}

// rewrite stores the blob anew without the bytes from:to, and with member and score at a position outside of these.
func (z *zsetEdit) rewrite(from, to, at int, member []byte, score float64, countDelta int) {
	buf := &z.c.Server().Scratch[z.next]
	b := binary.AppendUvarint((*buf)[:0], uint64(packed.Count(z.blob)+countDelta))
	first := packed.First(z.blob)
	if at <= from {
		b = append(b, z.blob[first:at]...)
		b = appendScore(packed.AppendElem(b, member), score)
		b = append(b, z.blob[at:from]...)
		b = append(b, z.blob[to:]...)
	} else {
		b = append(b, z.blob[first:from]...)
		b = append(b, z.blob[to:at]...)
		b = appendScore(packed.AppendElem(b, member), score)
		b = append(b, z.blob[at:]...)
	}
	*buf = b
	z.blob, z.next, z.edited = b, 1-z.next, true
}

// set changes the score of a member that was found.
func (z *zsetEdit) set(p zsetPlace, member []byte, score float64) {
	if z.tree != nil {
		z.tree.Move(p.record, member, score)
		return
	}
	place := z.placeOf(member, score, p.from)
	var room [16]byte
	if v := appendScore(room[:0], score); (place == p.to || place == p.from) && len(v) == p.to-p.at {
		if !z.edited {
			z.blob = z.c.DB.WritablePacked(&z.e)
		}
		copy(z.blob[p.at:p.to], v)
		return
	}
	z.rewrite(p.from, p.to, place, member, score, 0)
}

// del removes a member and reports whether it was there.
func (z *zsetEdit) del(member []byte) bool {
	if z.tree != nil {
		return z.tree.Remove(member)
	}
	from, _, to, found := packed.FindPair(z.blob, member)
	if found {
		z.cut(from, to, 1)
	}
	return found
}

// cut removes the bytes from:to, which are n members with their scores.
func (z *zsetEdit) cut(from, to, n int) {
	buf := &z.c.Server().Scratch[z.next]
	*buf = packed.Replace((*buf)[:0], z.blob, from, to, -2*n)
	z.blob, z.next, z.edited = *buf, 1-z.next, true
}

// delRange removes the members of ranks from to to-1.
func (z *zsetEdit) delRange(from, to int) {
	switch {
	case from >= to:
	case z.tree != nil:
		z.tree.RemoveRange(from, to)
	default:
		a, _ := packed.Seek(z.blob, 2*from)
		b := a
		for range 2 * (to - from) {
			b = packed.Skip(z.blob, b)
		}
		z.cut(a, b, to-from)
	}
}

// toTree makes a tree of the set, for good.
func (z *zsetEdit) toTree() {
	t := zset.New(z.c.Server().Keyspace)
	var room [20]byte
	z.each(0, z.len(), false, func(m packed.Elem, score float64) bool {
		t.Add(elemBytes(m, room[:]), score)
		return true
	})
	z.tree, z.blob, z.edited = t, nil, true
}

// end stores what was edited. A set without members is deleted; end returns true then.
func (z *zsetEdit) end() (deleted bool) {
	if z.len() == 0 {
		z.drop()
		if z.e.Found() {
			z.c.DB.Delete(&z.e)
		}
		return true
	}
	if z.edited {
		z.put(&z.e, z.key, z.e.Deadline())
	}
	return false
}

// put makes the set, which has members, the value of an entry, whatever that held.
func (z *zsetEdit) put(e *keyspace.Entry, key []byte, deadline int64) {
	if z.tree != nil {
		z.c.DB.SetObject(e, key, keyspace.EncZsetTree, z.tree, deadline)
		return
	}
	z.c.DB.SetPacked(e, key, keyspace.EncZsetPacked, z.blob, deadline)
}

// drop frees a tree that has not become the value of an entry.
func (z *zsetEdit) drop() {
	if z.tree != nil && z.edited {
		z.c.Server().Keyspace.DropObject(z.tree)
	}
}

// store makes the set the value of a key, whatever that held, and replies with the number of members; a key without
// members is none. event names what has happened.
func (z *zsetEdit) store(key []byte, event string) {
	c, n := z.c, z.len()
	e, found := c.LookupWrite(key)
	switch {
	case n > 0:
		z.put(&e, key, 0)
		c.Changed(1)
		c.Event(engine.EventZset, event, key)
	case found:
		z.drop()
		c.DB.Delete(&e)
		c.Changed(1)
		c.Event(engine.EventGeneric, "del", key)
	default:
		z.drop()
	}
	c.Reply.Int(int64(n))
}
