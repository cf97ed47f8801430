// Package stream is the stream: entries of fields in the order of their IDs, and consumer groups that keep account of
// who has been given what.
//
// # Structure
//
//	directory   tree: ID of a block's first entry ─► the block
//	                        │
//	                        ▼
//	blocks      [head, names | entry | entry | ...]    [head, names | entry | ...]  ...     see block.go
//
//	group       name, last delivered ID, entries read
//	            pending: tree: ID ─► delivery time, deliveries, number of the consumer
//	            consumers, by name and by number:  name, times,  pending: tree: ID ─► nothing
//
// Blocks and the nodes of trees are blocks of the arena without Go pointers; only groups and consumers themselves are Go
// objects, whose bytes the arena is told of. A tree is a B+ tree, see tree.go, so finding an entry or a pending ID, and changing one, takes O(log n); within
// the block, entries are walked one by one, over at most stream-node-max-entries of them.
//
// # Blocks
//
// New entries go to the last block until it has its bytes or entries; deleted ones count as long as the block lives. While it
// is the last one, a block grows as it needs; then it is cut to what it uses. The next one starts with as much as this
// one had.
package stream

import (
	"redix/engine/keyspace"
)

// MaxEntryBytes bounds the names and values of one entry together.
const MaxEntryBytes = 1 << 30

// Limits are those of one block; 0 is no limit.
type Limits struct {
	Bytes   int
	Entries int
}

// Stream is a stream; it is keyspace.Object. The keyspace's loop owns it.
type Stream struct {
	Last       ID    // of the last entry ever added, or higher
	MaxDeleted ID    // the highest that has been deleted, but for trimming
	Added      int64 // entries ever added, as far as known

	arena    *keyspace.Arena
	dir      tree
	tail     keyspace.Ref // the last block
	tailBase ID
	hint     int // bytes that the last full block used
	length   int
	first    ID
	bytes    int64    // of blocks
	groups   []*Group // by name
	kept     account  // what the groups take
	freed    int      // blocks of the directory's first leaf that FreeStep is done with
}

// New returns an empty stream over the keyspace's arena.
func New(ks *keyspace.Keyspace) *Stream {
	a := ks.Arena()
	return &Stream{arena: a, dir: newTree(a, refBytes)}
}

// Len returns the number of entries.
func (s *Stream) Len() int { return s.length }

// First returns the ID of the first entry, 0-0 when there is none.
func (s *Stream) First() ID { return s.first }

// Blocks returns the number of blocks, and of nodes in their directory.
func (s *Stream) Blocks() (blocks, nodes int) { return s.dir.count, s.dir.nodes }

func (s *Stream) block(r keyspace.Ref) block { return s.arena.Block(r) }

// Append adds an entry of names and values in turn, at most MaxEntryBytes of them; id must be above Last. The
// entry is built in scratch, which is returned, maybe grown.
func (s *Stream) Append(id ID, fields [][]byte, lim Limits, scratch []byte) []byte {
	s.Last = id
	s.Added = oneMore(s.Added)
	s.length++
	if s.length == 1 {
		s.first = id
	}
	if s.tail != 0 {
		b := s.block(s.tail)
		if lim.Entries <= 0 || b.live()+b.deleted() < lim.Entries {
			scratch = appendEntry(scratch[:0], s.tailBase, id, b.sameNames(fields), fields)
			if used := b.used(); used+len(scratch) < lim.maxBytes() {
				if used+len(scratch) > len(b) {
					b = s.grow(used, used+len(scratch), lim)
				}
				copy(b[used:], scratch)
				b.set(usedAt, used+len(scratch))
				b.bump(liveAt, 1)
				return scratch
			}
		}
		s.closeTail()
	}
	scratch = appendHead(scratch[:0], fields)
	scratch = appendEntry(scratch, id, id, true, fields)
	s.newBlock(id, scratch)
	return scratch
}

func (lim Limits) maxBytes() int {
	if lim.Bytes <= 0 || lim.Bytes > MaxEntryBytes {
		return MaxEntryBytes
	}
	return lim.Bytes
}

// newBlock begins a block with a head and one entry.
func (s *Stream) newBlock(id ID, content []byte) {
	s.tail, s.tailBase = s.alloc(max(len(content), s.hint)), id
	b := s.block(s.tail)
	copy(b, content)
	b.set(usedAt, len(content))
	b.set(liveAt, 1)
	b.set(deletedAt, 0)
	v, _ := s.dir.insert(id)
	put40(v, s.tail)
}

func (s *Stream) alloc(size int) keyspace.Ref {
	r := s.arena.Alloc(size)
	s.bytes += int64(s.arena.Size(r))
	return r
}

func (s *Stream) free(r keyspace.Ref) {
	s.bytes -= int64(s.arena.Size(r))
	s.arena.Free(r)
}

// grow moves the last block to one of at least need bytes.
func (s *Stream) grow(used, need int, lim Limits) block {
	size := 2 * need
	if need > 1024 {
		size = need + need/2
	}
	return s.moveTail(used, max(need, min(size, lim.maxBytes())))
}

func (s *Stream) moveTail(used, size int) block {
	r := s.alloc(size)
	b := s.block(r)
	copy(b, s.block(s.tail)[:used])
	s.free(s.tail)
	s.tail = r
	put40(s.dir.find(s.tailBase), r)
	return b
}

// maxHint bounds what a block is given before it needs it.
const maxHint = 64 << 10

// closeTail cuts the last block to what it uses: another one follows.
func (s *Stream) closeTail() {
	b := s.block(s.tail)
	used := b.used()
	s.hint = min(used, maxHint)
	if len(b)-used > used/16 {
		s.moveTail(used, used)
	}
}

// Delete removes an entry; it returns false when there is none with this ID.
func (s *Stream) Delete(id ID) bool {
	at, b, e, ok := s.find(id)
	if !ok {
		return false
	}
	s.mark(b, e)
	if b.live() == 0 {
		s.dropBlock(at.id(), at.n.ref(at.i))
	}
	if s.MaxDeleted.Less(id) {
		s.MaxDeleted = id
	}
	if id == s.first {
		s.findFirst()
	}
	return true
}

// find returns a live entry, its block, and the block's place in the directory.
func (s *Stream) find(id ID) (at cursor, b block, e place, ok bool) {
	if s.length == 0 || id.Less(s.first) || s.Last.Less(id) {
		return at, nil, e, false
	}
	if at = s.dir.upTo(id); !at.valid() {
		return at, nil, e, false
	}
	b = s.block(at.n.ref(at.i))
	base := at.id()
	for pos := b.entries(); pos < b.used(); pos = e.next {
		if e = b.at(pos, base); !e.id.Less(id) {
			return at, b, e, e.id == id && !b.isDeleted(e)
		}
	}
	return at, b, e, false
}

// Get returns the entry with an ID.
func (s *Stream) Get(id ID) (e Entry, ok bool) {
	_, b, p, ok := s.find(id)
	if ok {
		e = b.entry(p)
	}
	return e, ok
}

// Has reports whether there is an entry with this ID.
func (s *Stream) Has(id ID) bool {
	_, _, _, ok := s.find(id)
	return ok
}

func (s *Stream) mark(b block, e place) {
	b[e.flags] |= flagDeleted
	b.bump(liveAt, -1)
	b.bump(deletedAt, 1)
	s.length--
}

// dropBlock frees a block and takes it out of the directory.
func (s *Stream) dropBlock(base ID, r keyspace.Ref) {
	s.free(r)
	s.dir.remove(base)
	if r != s.tail {
		return
	}
	s.tail, s.tailBase = 0, ID{}
	if at := s.dir.end(); at.valid() {
		s.tail, s.tailBase = at.n.ref(at.i), at.id()
	}
}

// findFirst finds out the first ID.
func (s *Stream) findFirst() {
	s.first = ID{}
	if s.length > 0 {
		if it := s.Range(ID{}, MaxID); it.Next() {
			s.first = it.ID
		}
	}
}

// LastEntry returns the ID of the last entry that has not been deleted, 0-0 when there is none.
func (s *Stream) LastEntry() ID {
	if it := s.RangeBack(ID{}, MaxID); s.length > 0 && it.Next() {
		return it.ID
	}
	return ID{}
}

// Trim says which entries go: the first ones until MaxLen are left, or those below MinID.
type Trim struct {
	ByID   bool
	MaxLen int64 // not negative
	MinID  ID
	Approx bool  // whole blocks only
	Limit  int64 // do not start on a block that would remove more entries than this in all; 0: no limit
}

// Trim removes entries from the front and returns how many.
func (s *Stream) Trim(t *Trim) int {
	deleted := 0
	for {
		at := s.dir.begin()
		if !at.valid() || !t.ByID && int64(s.length) <= t.MaxLen {
			break
		}
		r, base := at.n.ref(at.i), at.id()
		b := s.block(r)
		if t.Limit > 0 && int64(deleted+b.live()) > t.Limit {
			break
		}
		if t.takes(s, b, base) {
			s.length -= b.live()
			deleted += b.live()
			s.dropBlock(base, r)
			continue
		}
		if !t.Approx {
			deleted += s.trimBlock(t, b, base)
		}
		break
	}
	if deleted > 0 {
		s.findFirst()
	}
	return deleted
}

// takes tells whether a block goes whole.
func (t *Trim) takes(s *Stream, b block, base ID) bool {
	if !t.ByID {
		return int64(s.length-b.live()) >= t.MaxLen
	}
	last, _ := b.before(b.used(), base)
	return last.id.Less(t.MinID)
}

// trimBlock deletes the first entries of a block, not all of them.
func (s *Stream) trimBlock(t *Trim, b block, base ID) (deleted int) {
	var e place
	for pos := b.entries(); pos < b.used(); pos = e.next {
		e = b.at(pos, base)
		if t.ByID && !e.id.Less(t.MinID) || !t.ByID && int64(s.length) <= t.MaxLen {
			break
		}
		if !b.isDeleted(e) {
			s.mark(b, e)
			deleted++
		}
	}
	return deleted
}

// Iter walks over live entries. It dies at the next change of the stream.
type Iter struct {
	Entry
	s        *Stream
	at       cursor
	b        block // the block at the cursor, nil: no more
	base     ID
	pos      int // where the next entry starts, or, backwards, ends
	from, to ID
	back     bool
}

// Range returns an iterator over the entries from one ID to another, both included.
func (s *Stream) Range(from, to ID) Iter {
	it := Iter{s: s, from: from, to: to}
	if s.length == 0 || to.Less(from) || s.Last.Less(from) {
		return it
	}
	if it.at = s.dir.upTo(from); !it.at.valid() {
		it.at = s.dir.begin()
	}
	it.enter()
	return it
}

// RangeBack is Range from the last entry to the first.
func (s *Stream) RangeBack(from, to ID) Iter {
	it := Iter{s: s, from: from, to: to, back: true}
	if s.length == 0 || to.Less(from) {
		return it
	}
	it.at = s.dir.upTo(to)
	it.enter()
	return it
}

// enter goes to the block at the cursor.
func (it *Iter) enter() {
	it.b = nil
	if !it.at.valid() {
		return
	}
	it.b = it.s.block(it.at.n.ref(it.at.i))
	it.base = it.at.id()
	if it.pos = it.b.entries(); it.back {
		it.pos = it.b.used()
	}
}

// Next goes to the next entry, which is then in Entry; it returns false when there is none.
func (it *Iter) Next() bool {
	if it.back {
		return it.nextBack()
	}
	for it.b != nil {
		for used := it.b.used(); it.pos < used; {
			e := it.b.at(it.pos, it.base)
			it.pos = e.next
			if e.id.Less(it.from) || it.b.isDeleted(e) {
				continue
			}
			if it.to.Less(e.id) {
				it.b = nil
				return false
			}
			it.Entry = it.b.entry(e)
			return true
		}
		it.at.next()
		it.enter()
	}
	return false
}

func (it *Iter) nextBack() bool {
	for it.b != nil {
		for first := it.b.entries(); it.pos > first; {
			e, start := it.b.before(it.pos, it.base)
			it.pos = start
			if it.to.Less(e.id) || it.b.isDeleted(e) {
				continue
			}
			if e.id.Less(it.from) {
				it.b = nil
				return false
			}
			it.Entry = it.b.entry(e)
			return true
		}
		it.at.prev()
		it.enter()
	}
	return false
}

// UnknownRead is the number of entries read by a group when it cannot be told.
const UnknownRead = -1

// HasGaps reports whether an entry from this ID on has been deleted from between others, so that counting IDs would go
// wrong.
func (s *Stream) HasGaps(from ID) bool {
	if s.length == 0 || s.MaxDeleted.IsZero() || s.MaxDeleted.Less(s.first) {
		return false
	}
	return !s.MaxDeleted.Less(from)
}

// CountTo tells how many entries had ever been added when the one with this ID was, or UnknownRead.
func (s *Stream) CountTo(id ID) int64 {
	switch {
	case s.Added == 0:
		return 0
	case s.length == 0 && !s.Last.Less(id):
		return s.Added
	case id == s.Last:
		return s.Added
	case s.Last.Less(id):
		return UnknownRead
	}
	if s.MaxDeleted.IsZero() || s.MaxDeleted.Less(s.first) {
		switch id.Compare(s.first) {
		case -1:
			return s.Added - int64(s.length)
		case 0:
			return s.Added - int64(s.length) + 1
		}
	}
	return UnknownRead
}

// NextID returns the ID that an entry gets at a time in Unix milliseconds; ok is false when there is no higher one.
func (s *Stream) NextID(nowMs int64) (id ID, ok bool) {
	if nowMs > 0 && s.Last.Ms < uint64(nowMs) {
		return ID{Ms: uint64(nowMs)}, true
	}
	return s.Last.Next()
}

// Bytes implements keyspace.Object.
func (s *Stream) Bytes() int64 {
	return s.bytes + s.dir.bytes + s.kept.bytes
}

// Copy implements keyspace.Object.
func (s *Stream) Copy() keyspace.Object {
	twin := *s
	twin.dir, twin.tail, twin.bytes, twin.kept = newTree(s.arena, refBytes), 0, 0, account{}
	for at := s.dir.begin(); at.valid(); at.next() {
		old := s.block(at.n.ref(at.i))
		used := old.used()
		r := twin.alloc(used)
		copy(twin.block(r), old[:used])
		v, _ := twin.dir.insert(at.id())
		put40(v, r)
		twin.tail = r
	}
	twin.groups = make([]*Group, len(s.groups))
	for i, g := range s.groups {
		twin.groups[i] = g.copyOf(&twin.kept)
	}
	return &twin
}

const (
	// freeBytes is what one step of FreeStep gives back of a block with a mapping of its own.
	freeBytes = 1 << 20
	// freeGroups is how many groups without consumers, or consumers without anything pending, one step is done with.
	freeGroups = 64
)

// FreeStep implements keyspace.Object: the blocks of one leaf of the directory, then the directory, then the groups.
func (s *Stream) FreeStep() bool {
	if s.dir.first != 0 {
		n := s.dir.leaf(s.dir.first)
		for s.freed < n.count() {
			r := n.ref(s.freed)
			large := s.arena.Size(r) > maxHint
			if !s.arena.FreeStep(r, freeBytes) {
				return false
			}
			if s.freed++; large {
				return false
			}
		}
		s.dir.first, s.freed = n.next(), 0
		return false
	}
	if !s.dir.freeStep() {
		return false
	}
	for range freeGroups {
		last := len(s.groups) - 1
		if last < 0 {
			return true
		}
		g := s.groups[last]
		if quick := len(g.consumers) == 0; !g.FreeStep() {
			return false
		} else if s.groups = s.groups[:last]; !quick {
			return false
		}
	}
	return false
}
