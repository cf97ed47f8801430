package keyspace

import (
	"cmp"
	"encoding/binary"
	"slices"
	"unsafe"
)

// Compaction. Deletions leave slabs with few live blocks, which nothing else of their class may need. A compaction chooses
// the emptiest slabs of each class, as many as the live blocks leave over when they are packed; these give out no block
// any more (they are sparse). Then it walks all indexes and objects and moves what lies in a sparse slab, by alloc, copy,
// free, and correction of whoever refers to it. A slab that has become empty goes back to the system.
//
//	what                       who refers to it
//	record of an entry         its slot; its neighbours in the timer wheel
//	field of a Table           its slot
//	segment of an index        the directory
//	bytes of a large string    the record; if they have a mapping of their own they are not in a slab, and stay
//	blocks of objects          the object, see Compactor
//
// The walk needs no record: a slot's Ref names the slab. Only where blocks of large strings are to be moved are all records
// read. What is not found (a value being loaded, an object that a snapshot is writing) stays where it is, and its
// slab is given back its part in the end.
//
// Moves happen between the rounds, when there are no views. They change no entry: the choke point is not passed, and a
// running snapshot does not notice, since marks go by slots and walks by tags.

// Cursor is how far a walk over an object has come; the zero value is its start.
type Cursor [3]uint64

// Compactor is an Object whose blocks can be moved.
type Compactor interface {
	// Compact moves what lies in sparse slabs (see Arena.Relocate), some tens of microseconds' worth, from where an
	// earlier call has left off. Changes of the object between two calls may let it miss some, or see some twice.
	Compact(at *Cursor) (done bool)
}

const (
	compactBatch  = 4    // segments for one step
	sparseMost    = 4096 // slabs of one class that one compaction looks at
	sparsePercent = 97   // of the room in the slabs that stay is to be used at most
	wasteLeast    = 32 << 10
	wastePercent  = 10 // of what a class has used
)

// CompactionStats counts what compactions have done.
type CompactionStats struct {
	Passes         int64 // begun
	Moved, Kept    int64 // blocks looked at
	MovedBytes     int64
	ObjectsMoved   int64 // large values of which something was moved
	ObjectsVisited int64
	SlabsFreed     int64 // given up as sparse and become empty
}

type compaction struct {
	running bool
	large   bool // blocks of large strings may be among what is to be moved
	db      int
	tag     uint64
	object  int
	at      Cursor
	moved   int64 // blocks, before this object
	stats   CompactionStats
}

// Waste returns the bytes of slabs that have been used and are not now.
func (a *Arena) Waste() (waste int64) {
	for i := range a.slabs {
		if s := &a.slabs[i]; s.mem != nil && s.class != ownMapping {
			waste += int64(s.bump) - int64(s.live)*int64(classSize[s.class])
		}
	}
	return waste
}

// Relocate moves a block out of a sparse slab and returns its new Ref; any other block stays. The caller corrects all
// references. Slices of the block die.
func (a *Arena) Relocate(r Ref) Ref {
	s := &a.slabs[r>>offsetBits]
	if !s.sparse {
		a.compaction.Kept++
		return r
	}
	size := int(classSize[s.class])
	a.fresh = true
	to := a.Alloc(size)
	a.fresh = false
	copy(a.Block(to), a.Block(r))
	a.Free(r)
	a.compaction.Moved++
	a.compaction.MovedBytes += int64(size)
	return to
}

// classUse is how the slabs of a class are used.
type classUse struct {
	live, bumped int64 // blocks; bytes up to the slabs' marks
	slabs        int
	list         []uint32 // of them, if some are to be emptied
}

// excess is how many slabs of a class are to be emptied: as many as the live blocks leave over when they are packed; and one
// more where much is wasted still, a lone slab maybe, whose blocks then go to the front of a new one.
func (u *classUse) excess(size int64) int {
	room := max(slabBytes/size*sparsePercent/100, 1)
	n := u.slabs - int((u.live+room-1)/room)
	if waste := u.bumped - u.live*size - int64(n)*slabBytes; waste > wasteLeast && waste*100 > u.bumped*wastePercent {
		n++
	}
	return max(n, 0)
}

// choose makes the emptiest slabs of each class sparse and returns how many, and whether blocks of large strings may be
// among them.
func (a *Arena) choose() (n int, large bool) {
	var uses [ownMapping]classUse
	for i := range a.slabs {
		if s := &a.slabs[i]; s.mem != nil && s.class != ownMapping {
			u := &uses[s.class]
			u.live += int64(s.live)
			u.bumped += int64(s.bump)
			u.slabs++
		}
	}
	for i := range a.slabs {
		s := &a.slabs[i]
		if s.mem == nil || s.class == ownMapping {
			continue
		}
		if u := &uses[s.class]; len(u.list) < sparseMost && u.excess(int64(classSize[s.class])) > 0 {
			u.list = append(u.list, uint32(i))
		}
	}
	for class := range uses {
		u := &uses[class]
		if len(u.list) == 0 {
			continue
		}
		slices.SortFunc(u.list, func(x, y uint32) int { return cmp.Compare(a.slabs[x].live, a.slabs[y].live) })
		for _, i := range u.list[:min(u.excess(int64(classSize[class])), len(u.list))] {
			a.makeSparse(i)
			n++
		}
		large = large || int(classSize[class]) >= largeMin
	}
	return n, large
}

func (a *Arena) makeSparse(i uint32) {
	a.slabs[i].sparse = true
	if a.slabs[i].listed {
		a.unlist(i)
	}
}

// chooseAll makes all slabs sparse.
func (a *Arena) chooseAll() (n int) {
	for i := range a.slabs {
		if s := &a.slabs[i]; s.mem != nil && s.class != ownMapping {
			a.makeSparse(uint32(i))
			n++
		}
	}
	return n
}

// settle gives the sparse slabs that are left their part back, and returns how many.
func (a *Arena) settle() (n int) {
	for i := range a.slabs {
		s := &a.slabs[i]
		if !s.sparse {
			continue
		}
		n++
		s.sparse = false
		if s.free != 0 || s.bump+classSize[s.class] <= slabBytes {
			a.list(uint32(i))
		}
	}
	return n
}

// StartCompaction chooses what is to be moved; false when there is nothing, or a compaction runs. everything moves all blocks
// in slabs, which is of use to tests only.
func (ks *Keyspace) StartCompaction(everything bool) bool {
	c := &ks.compaction
	if c.running {
		return false
	}
	n, large := 0, true
	if everything {
		n = ks.arena.chooseAll()
	} else {
		n, large = ks.arena.choose()
	}
	if n == 0 {
		return false
	}
	*c = compaction{running: true, large: large, stats: c.stats}
	c.stats.Passes++
	ks.arena.sparseSlabs = n
	return true
}

// Compacting tells whether a compaction runs.
func (ks *Keyspace) Compacting() bool { return ks.compaction.running }

// CompactionStats returns the sums since the start.
func (ks *Keyspace) CompactionStats() CompactionStats {
	s := ks.compaction.stats
	a := &ks.arena.compaction
	s.Moved, s.Kept, s.MovedBytes = a.Moved, a.Kept, a.MovedBytes
	return s
}

// ResetCompactionStats sets them to zero.
func (ks *Keyspace) ResetCompactionStats() {
	ks.compaction.stats, ks.arena.compaction = CompactionStats{}, CompactionStats{}
}

// StopCompaction ends a compaction early.
func (ks *Keyspace) StopCompaction() {
	c := &ks.compaction
	if c.running {
		c.running = false
		c.stats.SlabsFreed += int64(ks.arena.sparseSlabs - ks.arena.settle())
	}
}

// CompactStep does some tens of microseconds' worth of the compaction that runs, and returns true while there is more.
func (ks *Keyspace) CompactStep() (more bool) {
	c := &ks.compaction
	switch {
	case !c.running:
		return false
	case c.db < len(ks.dbs):
		ks.compactDB(ks.dbs[c.db])
	case c.object < len(ks.objects):
		ks.compactObject()
	default:
		if q := ks.queues; q != nil && q.ghosts != 0 {
			q.ghosts = ks.arena.Relocate(q.ghosts)
		}
		ks.StopCompaction()
	}
	return c.running
}

func (ks *Keyspace) compactDB(db *DB) {
	c := &ks.compaction
	for range compactBatch {
		c.tag = db.idx.compact(c.tag, func(s *segment, slot int) {
			r := Ref(s.slots[slot] & refMask)
			if to := ks.arena.Relocate(r); to != r {
				place{s, slot}.setRef(to)
				if b := ks.arena.at(to); b[0]&flagDeadline != 0 {
					db.wheel.Moved(uint64(r), uint64(to))
				}
				r = to
			}
			if c.large {
				ks.relocateLarge(r)
			}
		})
		if c.tag == 0 {
			c.db++
			return
		}
	}
}

// relocateLarge moves the bytes of a large string.
func (ks *Keyspace) relocateLarge(r Ref) {
	b := ks.arena.at(r)
	if Encoding(b[0]&flagEncoding) != EncLarge {
		return
	}
	v := b[parse(b).valAt:]
	binary.LittleEndian.PutUint64(v, uint64(ks.arena.Relocate(Ref(binary.LittleEndian.Uint64(v)))))
}

func (ks *Keyspace) compactObject() {
	c := &ks.compaction
	for range 16 {
		if c.object == len(ks.objects) {
			return
		}
		o, ok := ks.objects[c.object].(Compactor)
		if ok && (ks.snapshot == nil || ks.snapshot.queued[objectID(uint32(c.object))] == nil) {
			if c.at == (Cursor{}) {
				c.moved = ks.arena.compaction.Moved
				c.stats.ObjectsVisited++
			}
			if !o.Compact(&c.at) {
				return
			}
			if ks.arena.compaction.Moved != c.moved {
				c.stats.ObjectsMoved++
			}
		}
		c.at = Cursor{}
		c.object++
	}
}

// compact visits the slots of the segment that a tag lies in, after moving the segment itself, and returns the tag that
// follows the segment, 0 at the end.
func (x *Index) compact(tag uint64, visit func(s *segment, slot int)) uint64 {
	if x.count == 0 || tag >= 1<<tagBits {
		return 0
	}
	s := x.segmentOf(tag << tagShift)
	if to := x.arena.Relocate(s.ref); to != s.ref {
		moved := (*segment)(unsafe.Pointer(&x.arena.Block(to)[0])) // see newSegment
		moved.ref = to
		width := 1 << (x.depth - moved.depth)
		first := int(tag<<tagShift>>(64-x.depth)) &^ (width - 1)
		for i := first; i < first+width; i++ {
			x.dir[i] = moved
		}
		s = moved
	}
	for i, w := range s.slots {
		if w != 0 {
			visit(s, i)
		}
	}
	width := uint64(1) << (tagBits - s.depth)
	if tag = tag&^(width-1) + width; tag >= 1<<tagBits {
		return 0
	}
	return tag
}

// Compact implements Compactor.
func (t *Table) Compact(at *Cursor) bool {
	for range compactBatch {
		at[0] = t.idx.compact(at[0], func(s *segment, slot int) {
			r := Ref(s.slots[slot] & refMask)
			if to := t.ks.arena.Relocate(r); to != r {
				place{s, slot}.setRef(to)
			}
		})
		if at[0] == 0 {
			return true
		}
	}
	return false
}

// Compact moves the segments of the index, not the records; see Compactor.
func (m *Members) Compact(tag *uint64) (done bool) {
	for range 16 {
		if *tag = m.idx.compact(*tag, func(*segment, int) {}); *tag == 0 {
			return true
		}
	}
	return false
}

// Relocate moves a record that is in the index, if it lies in a sparse slab. It returns where it is.
func (m *Members) Relocate(r Ref) Ref {
	to := m.ks.arena.Relocate(r)
	if to == r {
		return r
	}
	name, _ := m.ks.Member(to)
	if at, ok := m.idx.findRef(m.ks.Hash(name), r); ok {
		at.setRef(to)
	}
	return to
}
