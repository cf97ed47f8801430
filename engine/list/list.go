// Package list keeps lists: small ones as one blob, for the record of an entry, large ones as a deque of chunks over the
// arena.
//
// # Elements
//
// A span is a sequence of elements that can be walked from both ends. Elements have the form of redis's listpack, so that
// they take the same room in both (the sizes at which encodings change are counted in it) and snapshots copy them:
//
//	first byte     then                        value
//	0vvvvvvv       nothing                     integer 0..127
//	10llllll       l bytes                     string of 0..63 bytes
//	110hhhhh       low byte                    integer, 13 bits
//	1110hhhh       low length byte, bytes      string of 64..4095 bytes
//	F0h            length (4 bytes), bytes     string from 4096 bytes on
//	F1h..F4h       2, 3, 4, 8 bytes            integer, 16, 24, 32, 64 bits
//
//	element:  first byte | ... | length of what came before, backwards, in 1 to 5 bytes
//
// Numbers are little-endian two's complement but for hhhh. A string that is the decimal form of an int64 is always an
// integer, in the shortest form, so two elements are equal exactly when their bytes are.
//
// # Small and large
//
//	blob:   count (2 bytes) | span
//
//	List:                lo                         hi
//	  directory  [ room | ref,count | ... | ref,count | room ]        one block, 8 bytes a chunk: ref 36 bits, count 28
//	                         |
//	  chunk      [ start 4 | end 4 | room | span | room ]             start and end are offsets in the block
//
// A chunk takes what Limit allows, or a single larger element. Room in front lets elements be pushed at the head without
// moving the others. Index i is found by adding up counts in the directory from the nearer end: that is O(chunks), and
// 1,000,000 elements of 32 bytes are 4,200 chunks, 33 KiB to read in order. An insertion into a full chunk splits it and
// merges what fits together around it.
//
// Nothing in a block is a Go pointer. A List belongs to the loop, like its arena.
package list

import (
	"encoding/binary"
	"math"

	"redix/engine/keyspace"
	"redix/engine/packed"
)

// First bytes of elements.
const (
	str6      = 0x80
	int13     = 0xc0
	str12     = 0xe0
	str32     = 0xf0
	int16Head = 0xf1
	int24Head = 0xf2
	int32Head = 0xf3
	int64Head = 0xf4
)

const (
	wordBytes  = 8
	refBits    = 36
	refMask    = 1<<refBits - 1
	chunkHead  = 8
	firstChunk = 512 // size of a chunk that may stay small
	fullFrom   = 3   // with so many chunks a new one gets its full size at once
)

// Limit is how much one chunk, or a blob, may hold: list-max-listpack-size.
type Limit struct {
	bytes int // of redis's listpack
	count int
}

const (
	listpackHead = 7    // bytes of a listpack besides its elements
	estimate     = 8    // what redis-server adds to a string's length to judge whether it fits
	safeBytes    = 8192 // limit of the bytes when the directive counts elements
)

// LimitOf reads list-max-listpack-size: elements when positive, -1 to -5 for 4, 8, 16, 32, 64 KiB.
func LimitOf(directive int) Limit {
	if directive >= 0 {
		return Limit{safeBytes, max(directive, 1)}
	}
	return Limit{4096 << (min(-directive, 5) - 1), math.MaxInt}
}

// Exceeded tells whether a span of so many bytes and elements, before size more bytes in n strings are added, gets too
// large for one blob.
func (l Limit) Exceeded(span, count, size, n int) bool {
	return listpackHead+span+size > l.bytes || count+n > l.count
}

// takes tells whether a chunk with a span of so many bytes and elements has room for a string of size bytes.
func (l Limit) takes(span, count, size int) bool {
	return size <= l.bytes && !l.Exceeded(span, count, size+estimate, 1)
}

// Half tells whether a span is so small that a list which has shrunk to it becomes a blob again.
func (l Limit) Half(span, count int) bool {
	if l.count != math.MaxInt {
		return count <= l.count/2 && listpackHead+span <= l.bytes
	}
	return listpackHead+span <= l.bytes/2
}

// List is a large list. As a keyspace.Object it is reached through a handle.
type List struct {
	ks      *keyspace.Keyspace
	arena   *keyspace.Arena
	n       int          // elements
	dir     keyspace.Ref // 0 without chunks
	dirSize int          // words
	lo, hi  int          // places of the chunks in the directory
	bytes   int64        // of all blocks
}

// New returns an empty list over the arena of a keyspace.
func New(ks *keyspace.Keyspace) *List { return &List{ks: ks, arena: ks.Arena()} }

// FromSpan returns a list with the elements of a span, copied, in one chunk; there must be some.
func FromSpan(ks *keyspace.Keyspace, span []byte, count int) *List {
	l := New(ks)
	c := l.newChunk(0, len(span), chunkHead+len(span), false)
	copy(c.b[c.start:], span)
	l.setCount(0, count)
	l.n = count
	return l
}

// Len is the number of elements.
func (l *List) Len() int { return l.n }

// chunk is a view of one; its fields are copies, which save puts back.
type chunk struct {
	b          []byte
	start, end int
}

func (l *List) word(k int) uint64 {
	return binary.LittleEndian.Uint64(l.arena.Block(l.dir)[(l.lo+k)*wordBytes:])
}

func (l *List) setWord(k int, w uint64) {
	binary.LittleEndian.PutUint64(l.arena.Block(l.dir)[(l.lo+k)*wordBytes:], w)
}

func (l *List) count(k int) int { return int(l.word(k) >> refBits) }

func (l *List) setCount(k, n int) { l.setWord(k, l.word(k)&refMask|uint64(n)<<refBits) }

// chunks is how many there are.
func (l *List) chunks() int { return l.hi - l.lo }

// chunk returns chunk k and its number of elements.
func (l *List) chunk(k int) (c chunk, count int) {
	w := l.word(k)
	c.b = l.arena.Block(keyspace.Ref(w & refMask))
	c.start = int(binary.LittleEndian.Uint32(c.b))
	c.end = int(binary.LittleEndian.Uint32(c.b[4:]))
	return c, int(w >> refBits)
}

func (c *chunk) save() {
	binary.LittleEndian.PutUint32(c.b, uint32(c.start))
	binary.LittleEndian.PutUint32(c.b[4:], uint32(c.end))
}

func (c *chunk) span() []byte { return c.b[c.start:c.end:c.end] }
func (c *chunk) size() int    { return c.end - c.start }

func (l *List) alloc(size int) (keyspace.Ref, []byte) {
	r := l.arena.Alloc(size)
	b := l.arena.Block(r)
	l.bytes += int64(len(b))
	return r, b
}

func (l *List) free(r keyspace.Ref) {
	size := l.arena.Size(r)
	l.bytes -= int64(size)
	if size > freeBytes {
		l.ks.FreeLater(r)
	} else {
		l.arena.Free(r)
	}
}

// newChunk puts a chunk with a span of span bytes, undefined as yet, and a block of at least size bytes before chunk k.
// The room is in front when front is set.
func (l *List) newChunk(k, span, size int, front bool) chunk {
	l.openWord(k)
	r, b := l.alloc(max(size, chunkHead+span))
	c := chunk{b: b, start: chunkHead, end: chunkHead + span}
	if front {
		c.start, c.end = len(b)-span, len(b)
	}
	c.save()
	l.setWord(k, uint64(r))
	return c
}

// blockSize is the size for a new chunk at an end of the list.
func (l *List) blockSize(lim Limit) int {
	if l.chunks() >= fullFrom {
		return lim.bytes
	}
	return min(firstChunk, lim.bytes)
}

// dropChunk frees chunk k.
func (l *List) dropChunk(k int) {
	l.free(keyspace.Ref(l.word(k) & refMask))
	l.closeWords(k, 1)
}

// grow gives chunk k room for need more bytes, in front of its span or behind it.
func (l *List) grow(k int, c *chunk, need int, front bool, lim Limit) {
	size := c.size()
	if room := len(c.b) - chunkHead - size; room >= need {
		c.slide(room, need, front, l.chunks() == 1)
		return
	}
	old := *c
	was := l.word(k)
	full := max(lim.bytes, chunkHead+size+need)
	r, b := l.alloc(min(max(2*len(old.b), chunkHead+size+need), full))
	*c = chunk{b: b, start: chunkHead, end: chunkHead + size}
	if front {
		c.start, c.end = len(b)-size, len(b)
	}
	copy(b[c.start:], old.span())
	l.free(keyspace.Ref(was & refMask))
	l.setWord(k, was&^refMask|uint64(r))
}

// slide moves the span within its block so that need bytes are free on one side: all the room there is, but half of it
// in a chunk that grows on both sides.
func (c *chunk) slide(room, need int, front, both bool) {
	size, before := c.size(), 0
	if front {
		before = room
	}
	if both {
		before = room / 2
		if front {
			before = max(before, need)
		} else {
			before = min(before, room-need)
		}
	}
	copy(c.b[chunkHead+before:], c.span())
	c.start = chunkHead + before
	c.end = c.start + size
}

// pushInPlace adds an element at one end of a list that has some, if the chunk there takes it and has room for it.
func (l *List) pushInPlace(s []byte, x *encoded, lim Limit, front bool) bool {
	word := l.arena.Block(l.dir)[l.lo*wordBytes : l.hi*wordBytes]
	if !front {
		word = word[len(word)-wordBytes:]
	}
	w := binary.LittleEndian.Uint64(word)
	b := l.arena.Block(keyspace.Ref(w & refMask))
	bounds := binary.LittleEndian.Uint64(b)
	start, end := int(uint32(bounds)), int(bounds>>32)
	switch {
	case !lim.takes(end-start, int(w>>refBits), len(s)):
		return false
	case front && start-chunkHead >= x.size:
		start -= x.size
		x.put(b[start:])
	case !front && len(b)-end >= x.size:
		x.put(b[end:])
		end += x.size
	default:
		return false
	}
	binary.LittleEndian.PutUint64(b, uint64(end)<<32|uint64(start))
	binary.LittleEndian.PutUint64(word, w+1<<refBits)
	l.n++
	return true
}

// PushBack adds an element at the tail. s must not be a view of the list.
func (l *List) PushBack(s []byte, lim Limit) {
	x := encode(s)
	if l.n > 0 && l.pushInPlace(s, &x, lim, false) {
		return
	}
	k := l.chunks() - 1
	var c chunk
	count := 0
	if k >= 0 {
		c, count = l.chunk(k)
	}
	if count == 0 || !lim.takes(c.size(), count, len(s)) {
		k, count = k+1, 0
		c = l.newChunk(k, x.size, max(l.blockSize(lim), chunkHead+x.size), false)
		c.end = c.start
	}
	if len(c.b)-c.end < x.size {
		l.grow(k, &c, x.size, false, lim)
	}
	x.put(c.b[c.end:])
	c.end += x.size
	c.save()
	l.setCount(k, count+1)
	l.n++
}

// PushFront adds an element at the head. s must not be a view of the list.
func (l *List) PushFront(s []byte, lim Limit) {
	x := encode(s)
	if l.n > 0 && l.pushInPlace(s, &x, lim, true) {
		return
	}
	var c chunk
	count := 0
	if l.n > 0 {
		c, count = l.chunk(0)
	}
	if count == 0 || !lim.takes(c.size(), count, len(s)) {
		count = 0
		c = l.newChunk(0, x.size, max(l.blockSize(lim), chunkHead+x.size), true)
		c.start = c.end
	}
	if c.start-chunkHead < x.size {
		l.grow(0, &c, x.size, true, lim)
	}
	c.start -= x.size
	x.put(c.b[c.start:])
	c.save()
	l.setCount(0, count+1)
	l.n++
}

// Front and Back are the first and the last element, views; the list must not be empty.
func (l *List) Front() packed.Elem {
	c, _ := l.chunk(0)
	e, _ := Next(c.b, c.start)
	return e
}

// Back is the last element; see Front.
func (l *List) Back() packed.Elem {
	c, _ := l.chunk(l.chunks() - 1)
	e, _ := Next(c.b, Prev(c.b, c.end))
	return e
}

// DropFront removes the first element; the list must not be empty.
func (l *List) DropFront() {
	c, count := l.chunk(0)
	l.n--
	if count == 1 {
		l.dropChunk(0)
		return
	}
	c.start = Skip(c.b, c.start)
	c.save()
	l.setCount(0, count-1)
}

// DropBack removes the last element; the list must not be empty.
func (l *List) DropBack() {
	k := l.chunks() - 1
	c, count := l.chunk(k)
	l.n--
	if count == 1 {
		l.dropChunk(k)
		return
	}
	c.end = Prev(c.b, c.end)
	c.save()
	l.setCount(k, count-1)
}

// At is element i, a view; i must be from 0 to Len()-1.
func (l *List) At(i int) packed.Elem {
	k, i := l.find(i)
	c, count := l.chunk(k)
	span := c.span()
	e, _ := Next(span, seek(span, count, i))
	return e
}

// find is the chunk of element i, and its place there. For i == Len() it is the place behind the last element.
func (l *List) find(i int) (k, at int) {
	words := l.arena.Block(l.dir)[l.lo*wordBytes : l.hi*wordBytes]
	if i <= l.n/2 {
		for ; len(words) >= wordBytes; k++ {
			n := int(binary.LittleEndian.Uint64(words) >> refBits)
			if i < n {
				break
			}
			i -= n
			words = words[wordBytes:]
		}
		return k, i
	}
	before := l.n
	for k = l.chunks(); before > i || k == l.chunks(); {
		k--
		before -= int(binary.LittleEndian.Uint64(words[k*wordBytes:]) >> refBits)
	}
	return k, i - before
}

// Spans visits n elements from element from on, as spans and their numbers of elements, until visit returns false.
func (l *List) Spans(from, n int, visit func(span []byte, count int) bool) {
	if n <= 0 {
		return
	}
	for k, at := l.find(from); n > 0; k, at = k+1, 0 {
		c, count := l.chunk(k)
		span := c.span()
		if at > 0 {
			span = span[seek(span, count, at):]
			count -= at
		}
		if n < count {
			span, count = span[:seek(span, count, n)], n
		}
		if !visit(span, count) {
			return
		}
		n -= count
	}
}

// SpansBack visits all elements in spans, the last span first, until visit returns false.
func (l *List) SpansBack(visit func(span []byte, count int) bool) {
	for k := l.chunks() - 1; k >= 0; k-- {
		c, count := l.chunk(k)
		if !visit(c.span(), count) {
			return
		}
	}
}

// One returns the span of a list that has only one chunk.
func (l *List) One() (span []byte, ok bool) {
	if l.chunks() != 1 {
		return nil, false
	}
	c, _ := l.chunk(0)
	return c.span(), true
}
