package keyspace

import "unsafe"

// The index is extendible hashing with segments of 64 buckets of 8 slots (a bucket is a cache line).
//
//	hash (64 bits)   tag: top 25 bits                          bucket: low 6 bits
//	                 the first `depth` of them pick the segment
//
//	slot (64 bits)   tag 25 | displacement 3 | ref 36          0 = empty
//
// An entry lives in its home bucket or, when that is full, in one of the next 7; the displacement says how far, so that
// the home bucket of a slot is known without its record, and a segment can be split, or two merged, without touching any
// record. over[b] counts the entries whose home is b but which live elsewhere: a lookup that misses in the home bucket
// goes on exactly until it has seen that many.
//
// Where the 8 buckets from a home on are full (which a segment of random hashes comes to at 85 %, on average), an entry among
// them moves on to make room. So a segment splits only when it is full to 98 %: a new segment takes the entries whose next
// tag bit is 1, and in both those that are displaced go back towards home, so that most lookups need one cache line. Two
// sibling segments merge when both together are below 38 %. The directory doubles when a segment of full depth splits and
// halves when no segment needs the last bit.
//
// While a snapshot walks the index, saved marks the slots whose entries it need not give out any more; the marks go with
// the entries, and count only in a segment that has the snapshot's epoch.
//
// The 25 tag bits bound the directory to 2^25 segments, 16 G entries; the arena ends earlier. Beyond about 2^31 entries
// the tag bits that are not already implied by the segment get few and lookups touch more wrong records.

const (
	bucketSlots    = 8
	segmentBuckets = 64
	segmentSlots   = bucketSlots * segmentBuckets
	maxDisplace    = 7
	tagBits        = 25
	tagShift       = 64 - tagBits
	dispShift      = refBits
	splitAt        = 500
	mergeBelow     = 192
)

type segment struct {
	slots [segmentSlots]uint64
	over  [segmentBuckets]uint8
	count uint16
	depth uint8
	epoch uint32
	ref   Ref // the block this segment is in
	saved [segmentSlots / 64]uint64
}

const segmentBytes = int(unsafe.Sizeof(segment{}))

// Index maps hashes to Refs. The zero value is not ready; see newIndex. The caller compares keys: an Index holds no key.
type Index struct {
	arena *Arena
	dir   []*segment  // 2^depth pointers into the arena; nil without entries
	one   [1]*segment // the first directory: a key that comes and goes alone allocates nothing
	depth uint8
	count int
	deep  int // segments with depth == the directory's
	segs  int
	walk  *part // of the snapshot that still has to walk this index, or nil
	sink  byte  // means nothing; it keeps reads whose purpose is to fill the cache
}

// place names a slot: where an entry was found or may be put.
type place struct {
	seg  *segment
	slot int
}

func newIndex(a *Arena) *Index { return &Index{arena: a} }

// Len returns the number of entries.
func (x *Index) Len() int { return x.count }

// Bytes returns the memory of segments and directory.
func (x *Index) Bytes() int64 {
	return int64(x.segs)*int64(sizeFor(segmentBytes)) + int64(cap(x.dir))*8
}

func (x *Index) segmentOf(h uint64) *segment {
	return x.dir[h>>(64-x.depth)]
}

// newSegment returns an empty segment. The block is in the arena, outside the Go heap, where no collector moves or frees
// it; unsafe is confined to this conversion.
func (x *Index) newSegment(depth uint8) *segment {
	r := x.arena.Alloc(segmentBytes)
	s := (*segment)(unsafe.Pointer(&x.arena.Block(r)[0]))
	*s = segment{depth: depth, ref: r}
	x.segs++
	return s
}

// match reports whether slot word w belongs to hash h at displacement d, as far as the tag tells.
func match(w, h uint64, d uint64) bool {
	return (w^(h&^(1<<tagShift-1)|d<<dispShift))>>dispShift == 0 && w != 0
}

// findRef is for callers that know the record; used after it has moved or when it is to be removed.
func (x *Index) findRef(h uint64, r Ref) (place, bool) {
	if x.count == 0 {
		return place{}, false
	}
	s := x.segmentOf(h)
	home := int(h % segmentBuckets)
	for d := range maxDisplace + 1 {
		b := (home + d) % segmentBuckets * bucketSlots
		for i := b; i < b+bucketSlots; i++ {
			if Ref(s.slots[i]&refMask) == r {
				return place{s, i}, true
			}
		}
	}
	return place{}, false
}

// find looks for key among records whose key bytes the arena holds (see record.go).
func (x *Index) find(h uint64, key []byte) (place, Ref) {
	if x.count == 0 {
		return place{}, 0
	}
	s := x.segmentOf(h)
	home := int(h % segmentBuckets)
	b := home * bucketSlots
	bucket := (*[bucketSlots]uint64)(s.slots[b:])
	for i, w := range bucket {
		if match(w, h, 0) && keyEqual(x.arena.at(Ref(w&refMask)), key) {
			return place{s, b + i}, Ref(w & refMask)
		}
	}
	return x.findDisplaced(s, home, h, key)
}

func (x *Index) findDisplaced(s *segment, home int, h uint64, key []byte) (place, Ref) {
	left := s.over[home]
	for d := 1; left > 0 && d <= maxDisplace; d++ {
		b := (home + d) % segmentBuckets * bucketSlots
		for i := b; i < b+bucketSlots; i++ {
			w := s.slots[i]
			if w == 0 || w>>dispShift&maxDisplace != uint64(d) {
				continue
			}
			if match(w, h, uint64(d)) && keyEqual(x.arena.at(Ref(w&refMask)), key) {
				return place{s, i}, Ref(w & refMask)
			}
			left--
		}
	}
	return place{}, 0
}

// touch reads the home bucket of h, so that it is in cache when find comes; it returns the record of the first slot with
// a fitting tag, or 0. Calls for many hashes overlap their cache misses.
func (x *Index) touch(h uint64) Ref {
	if x.count == 0 {
		return 0
	}
	s := x.segmentOf(h)
	b := int(h%segmentBuckets) * bucketSlots
	for _, w := range (*[bucketSlots]uint64)(s.slots[b:]) {
		if match(w, h, 0) {
			return Ref(w & refMask)
		}
	}
	return 0
}

// setRef points the slot to another record of the same key.
func (p place) setRef(r Ref) { p.seg.slots[p.slot] = p.seg.slots[p.slot]&^refMask | uint64(r) }

// insert adds an entry whose key is known to be absent.
func (x *Index) insert(h uint64, r Ref) place {
	if x.dir == nil {
		x.one[0] = x.newSegment(0)
		x.setDir(x.one[:])
		x.deep = 1
	}
	for {
		s := x.segmentOf(h)
		if s.count < splitAt || s.depth == tagBits {
			if slot := s.put(h, uint64(r)); slot >= 0 {
				x.count++
				if x.walk != nil { // it was not there at the snapshot's moment
					s.mark(slot, x.walk.epoch)
				}
				return place{s, slot}
			}
			if s.depth == tagBits {
				panic("keyspace: index full (2^25 segments)")
			}
		}
		x.split(h)
	}
}

// mark notes that the snapshot of this epoch need not give out the entry in a slot.
func (s *segment) mark(slot int, epoch uint32) {
	if s.epoch != epoch {
		s.epoch, s.saved = epoch, [segmentSlots / 64]uint64{}
	}
	s.saved[slot/64] |= 1 << (slot % 64)
}

func (s *segment) marked(slot int, epoch uint32) bool {
	return s.epoch == epoch && s.saved[slot/64]>>(slot%64)&1 != 0
}

// put finds a free slot within reach of the home bucket, or has one made; -1 if that cannot be.
func (s *segment) put(h, ref uint64) int {
	home := int(h % segmentBuckets)
	slot, d := s.free(home, 0, maxDisplace)
	if slot < 0 {
		if slot, d = s.makeRoom(home); slot < 0 {
			return -1
		}
	}
	s.slots[slot] = h&^(1<<tagShift-1) | uint64(d)<<dispShift | ref
	s.count++
	if d > 0 {
		s.over[home]++
	}
	return slot
}

// free returns the first free slot in the buckets from `from` to `to` behind home, and how far behind its bucket is; -1 if
// there is none.
func (s *segment) free(home, from, to int) (slot, d int) {
	for d = from; d <= to; d++ {
		b := (home + d) % segmentBuckets * bucketSlots
		for i := b; i < b+bucketSlots; i++ {
			if s.slots[i] == 0 {
				return i, d
			}
		}
	}
	return -1, 0
}

// makeRoom frees a slot within reach of the home bucket, where all are taken, by moving other entries away from their homes:
// the nearest free slot behind is exchanged for one closer to home until that is near enough, as in hopscotch hashing
// (Herlihy, Shavit, Tzafrir 2008). The displacements tell what may go where; no record is read.
func (s *segment) makeRoom(home int) (slot, d int) {
	slot, d = s.free(home, maxDisplace+1, segmentBuckets-1)
	for slot >= 0 && d > maxDisplace {
		from, by := s.movable(home + d)
		if from < 0 {
			return -1, 0
		}
		s.move(from, slot)
		slot, d = from, d-by
	}
	return slot, d
}

// movable finds an entry that may be moved into a bucket, and how many buckets before it that is: as far as possible.
func (s *segment) movable(bucket int) (from, by int) {
	for by = maxDisplace; by > 0; by-- {
		b := (bucket - by + segmentBuckets) % segmentBuckets * bucketSlots
		for i := b; i < b+bucketSlots; i++ {
			if int(s.slots[i]>>dispShift&maxDisplace)+by <= maxDisplace {
				return i, by
			}
		}
	}
	return -1, 0
}

// move puts an entry, with its mark for the snapshot, into a free slot within reach of its home bucket.
func (s *segment) move(from, to int) {
	w := s.slots[from]
	home := homeOf(w, from)
	d := (to/bucketSlots - home + segmentBuckets) % segmentBuckets
	if w>>dispShift&maxDisplace == 0 {
		s.over[home]++
	}
	if d == 0 {
		s.over[home]--
	}
	s.slots[to] = w&^(maxDisplace<<dispShift) | uint64(d)<<dispShift
	s.slots[from] = 0
	mark := s.saved[from/64] >> (from % 64) & 1
	s.saved[to/64] = s.saved[to/64]&^(1<<(to%64)) | mark<<(to%64)
}

// homeOf returns the home bucket of the entry w in a slot.
func homeOf(w uint64, slot int) int {
	return (slot/bucketSlots - int(w>>dispShift&maxDisplace) + segmentBuckets) % segmentBuckets
}

// rehome brings displaced entries closer to home, as far as there is room: after a split a lookup needs one cache line again.
func (s *segment) rehome() {
	for i := range s.slots {
		w := s.slots[i]
		if d := int(w >> dispShift & maxDisplace); d > 0 {
			if slot, _ := s.free(homeOf(w, i), 0, d-1); slot >= 0 {
				s.move(i, slot)
			}
		}
	}
}

// remove empties a slot; segments that got sparse are merged.
func (x *Index) remove(h uint64, p place) {
	s := p.seg
	if s.slots[p.slot]>>dispShift&maxDisplace > 0 {
		s.over[homeOf(s.slots[p.slot], p.slot)]--
	}
	s.slots[p.slot] = 0
	s.count--
	x.count--
	if s.count < mergeBelow {
		x.merge(h)
	}
}

// split divides the segment of h by its next tag bit.
func (x *Index) split(h uint64) {
	s := x.segmentOf(h)
	if s.depth == x.depth {
		x.double()
	}
	if s.depth+1 == x.depth {
		x.deep += 2
	}
	bit := uint64(1) << (63 - s.depth)
	s.depth++
	t := x.newSegment(s.depth)
	t.epoch, t.saved = s.epoch, s.saved                               // entries keep their places
	first := int(h >> (64 - x.depth) &^ (1<<(x.depth-s.depth+1) - 1)) // of the old segment in the directory
	half := 1 << (x.depth - s.depth)
	for i := first + half; i < first+2*half; i++ {
		x.dir[i] = t
	}
	s.over = [segmentBuckets]uint8{}
	for i, w := range s.slots {
		if w == 0 {
			continue
		}
		to := s
		if w&bit != 0 {
			to = t
			s.slots[i] = 0
			t.slots[i] = w
			t.count++
			s.count--
		}
		if w>>dispShift&maxDisplace > 0 {
			to.over[homeOf(w, i)]++
		}
	}
	s.rehome()
	t.rehome()
}

func (x *Index) double() {
	dir := make([]*segment, 2*len(x.dir))
	for i, s := range x.dir {
		dir[2*i], dir[2*i+1] = s, s
	}
	x.setDir(dir)
	x.depth++
	x.deep = 0
}

// merge joins the segment of h with its sibling when both together are sparse.
func (x *Index) merge(h uint64) {
	s := x.segmentOf(h)
	if x.count == 0 {
		x.clear()
		return
	}
	if s.depth == 0 {
		return
	}
	half := 1 << (x.depth - s.depth)
	left := int(h>>(64-x.depth)) &^ (2*half - 1)
	a, b := x.dir[left], x.dir[left+half]
	if a.depth != b.depth || int(a.count)+int(b.count) >= mergeBelow || !a.absorb(b, x.walk) {
		return
	}
	if a.depth == x.depth {
		x.deep -= 2
	}
	x.arena.Free(b.ref)
	x.segs--
	for i := left + half; i < left+2*half; i++ {
		x.dir[i] = a
	}
	a.depth--
	if x.deep == 0 && x.depth > 0 {
		x.halve()
	}
}

// absorb moves the entries of t into s, all or none, with their marks for the snapshot that walks the index, if any.
func (s *segment) absorb(t *segment, walk *part) bool {
	merged := *s
	if walk != nil && s.epoch != walk.epoch {
		merged.epoch, merged.saved = walk.epoch, [segmentSlots / 64]uint64{}
	}
	for i, w := range t.slots {
		if w == 0 {
			continue
		}
		slot := merged.put(w&^(1<<tagShift-1)|uint64(homeOf(w, i)), w&refMask)
		if slot < 0 {
			return false
		}
		merged.saved[slot/64] &^= 1 << (slot % 64)
		if walk != nil && t.marked(i, walk.epoch) {
			merged.saved[slot/64] |= 1 << (slot % 64)
		}
	}
	*s = merged
	return true
}

func (x *Index) halve() {
	dir := make([]*segment, len(x.dir)/2)
	for i := range dir {
		dir[i] = x.dir[2*i]
	}
	x.setDir(dir)
	x.depth--
	x.deep = 0
	for i, s := range x.dir {
		if s.depth == x.depth && (i == 0 || x.dir[i-1] != s) {
			x.deep++
		}
	}
}

// clear gives back all segments of an index without entries.
func (x *Index) clear() {
	for i, s := range x.dir {
		if i == 0 || x.dir[i-1] != s {
			x.arena.Free(s.ref)
		}
	}
	x.setDir(nil)
	*x = Index{arena: x.arena, walk: x.walk}
}

// setDir replaces the directory and counts its bytes.
func (x *Index) setDir(dir []*segment) {
	x.arena.OnHeap(int64(cap(dir)-cap(x.dir)) * 8)
	x.dir = dir
}

const (
	// scanAhead is how many records are read ahead of visit, so that their cache misses overlap: as many as stay in cache.
	scanAhead = 32
	// segmentCost is what a segment counts for in the walk of a snapshot, beside its entries: all of them may be marked.
	segmentCost = 16
)

// Scan calls visit for the entries whose tags follow cursor, until about count entries were visited, and returns the
// next cursor, 0 when it has come to the end. A cursor is a tag plus 1 of the last position covered, in the order of tags,
// which splits, merges and moves do not change: an entry that is there during the whole iteration is visited exactly
// once, if nothing removes it. visit must not change the index.
func (x *Index) Scan(cursor uint64, count int, visit func(Ref)) uint64 {
	return x.scan(cursor, count, false, visit)
}

// scan is Scan, or the snapshot's walk: that passes over what is marked.
func (x *Index) scan(cursor uint64, count int, unmarked bool, visit func(Ref)) uint64 {
	if cursor >= 1<<tagBits {
		return 0
	}
	var refs [segmentSlots]Ref
	for x.count > 0 {
		s := x.segmentOf(cursor << tagShift)
		width := uint64(1) << (tagBits - s.depth) // tags in this segment
		end := cursor&^(width-1) + width
		to := end
		if int(s.count) > count {
			to = min(end, cursor+max(1, width*uint64(count)/uint64(s.count)))
		}
		var n int
		if unmarked && s.epoch == x.walk.epoch {
			n = s.unmarkedBetween(cursor, to, &refs)
		} else {
			n = s.between(cursor, to, &refs)
		}
		for at := 0; at < n; at += scanAhead {
			group := refs[at:min(at+scanAhead, n)]
			for _, r := range group {
				if unmarked { // the whole entry is wanted, not the key alone
					x.sink += x.arena.warm(r)
				} else {
					x.sink += x.arena.at(r)[0]
				}
			}
			for _, r := range group {
				visit(r)
			}
		}
		if count -= n; unmarked {
			count -= segmentCost
		}
		cursor = to
		if cursor >= 1<<tagBits {
			return 0
		}
		if count <= 0 {
			return cursor
		}
	}
	return 0
}

// between collects the entries whose tags are at least from and below to.
func (s *segment) between(from, to uint64, refs *[segmentSlots]Ref) (n int) {
	for _, w := range s.slots {
		if t := w >> tagShift; w != 0 && t >= from && t < to {
			refs[n] = Ref(w & refMask)
			n++
		}
	}
	return n
}

// unmarkedBetween is between without what is marked.
func (s *segment) unmarkedBetween(from, to uint64, refs *[segmentSlots]Ref) (n int) {
	for i, w := range s.slots {
		if t := w >> tagShift; w != 0 && t >= from && t < to && s.saved[i/64]>>(i%64)&1 == 0 {
			refs[n] = Ref(w & refMask)
			n++
		}
	}
	return n
}

// Random returns a uniformly chosen entry; rnd gives 64 random bits. 0 when empty.
func (x *Index) Random(rnd func() uint64) Ref {
	if x.count == 0 {
		return 0
	}
	for {
		r := rnd()
		i := r >> 32 & uint64(len(x.dir)-1)
		if i > 0 && x.dir[i] == x.dir[i-1] {
			continue // only the first of a segment's directory places counts: every segment has the same chance
		}
		if w := x.dir[i].slots[r%segmentSlots]; w != 0 {
			return Ref(w & refMask)
		}
	}
}
