package keyspace

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// The arena hands out blocks from slabs of 2 MiB mapped outside the Go heap.
//
//	Ref (36 bits) = slab number (17 bits) | offset in the slab in 4-byte units (19 bits)
//
// All blocks of a slab have one size class, so a block needs no header:
//
//	block size          step            classes
//	8 B .. 256 B        4 B             63
//	.. 512 B            8 B             32
//	.. 1 KiB            16 B            32
//	.. 256 KiB          1/16 of 2^n     128
//	above               whole pages     a mapping of its own: one slab number, offset 0
//
// A slab keeps its freed blocks in a list that runs through their first 4 bytes, and gives out blocks that were never
// used by moving a mark upwards, so memory that was never written is never resident. A slab without live blocks is
// unmapped at once but for a few spares. Reach: 2^36 * 4 B = 256 GiB, and 131,071 slabs and mappings.

// Ref names a block: 36 bits, 0 is none.
type Ref uint64

const (
	unitBytes   = 4
	slabBits    = 21
	slabBytes   = 1 << slabBits
	offsetBits  = slabBits - 2
	offsetMask  = 1<<offsetBits - 1
	refBits     = 36
	refMask     = 1<<refBits - 1
	maxSlabs    = 1 << (refBits - offsetBits)
	maxSlabBlok = 256 << 10 // larger blocks get a mapping of their own
	spareSlabs  = 2         // empty slabs kept mapped, so that a border-line load does not map and unmap; 2: a lone key comes and goes with its index
	hugeAfter   = 8         // from this many slabs of one class on, new ones ask for huge pages: what is not used of the last is little then
	hugeLater   = 32        // the same for large blocks: in a list of 34 MB the last huge page showed
	largeBlock  = 8 << 10   // bytes
	ownMapping  = 255       // class number of a block with a mapping of its own
	pageBytes   = 4096
)

var (
	classSize  [ownMapping]uint32
	smallClass [1024/unitBytes + 1]uint8 // by size in units, up to 1 KiB
)

func init() {
	n := 0
	add := func(from, to, step int) {
		for s := from; s <= to; s += step {
			classSize[n] = uint32(s)
			n++
		}
	}
	add(8, 256, 4)
	add(264, 512, 8)
	add(528, 1024, 16)
	for top := 2048; top <= maxSlabBlok; top *= 2 {
		add(top/2+top/32, top, top/32)
	}
	if n != ownMapping {
		panic("keyspace: size classes do not add up")
	}
	c := 0
	for u := range smallClass {
		for int(classSize[c]) < u*unitBytes {
			c++
		}
		smallClass[u] = uint8(c)
	}
}

// classOf returns the class of the smallest block that holds size bytes, or ownMapping.
func classOf(size int) int {
	if size <= 1024 {
		return int(smallClass[(size+unitBytes-1)/unitBytes])
	}
	if size > maxSlabBlok {
		return ownMapping
	}
	log := bits.Len32(uint32(size-1)) - 1 // 2^log < size <= 2^(log+1), log >= 10
	sixteenth := (size - 1 - 1<<log) >> (log - 4)
	return 127 + (log-10)*16 + sixteenth
}

type slab struct {
	mem    []byte
	class  uint8
	listed bool   // in its class's list of slabs that have room
	sparse bool   // it is being emptied: no block is given out
	free   uint32 // offset+1 in units of the first freed block
	bump   uint32 // offset in bytes of the first block never used
	live   uint32
	next   uint32 // next slab of that list
	prev   uint32
}

// Arena is not safe for concurrent use; the loop owns it.
type Arena struct {
	slabs       []slab
	freeNumbers []uint32 // slab numbers without a slab
	room        [ownMapping]uint32
	slabsOf     [ownMapping]uint32
	spares      [][]byte
	ahead       bool   // slabs are made ready ahead
	stock       *stock // of these; nil before the first is asked for
	used        int64  // bytes in live blocks
	mapped      int64  // bytes of slabs and mappings
	blocks      int64
	mappings    int             // live blocks with a mapping of their own
	compaction  CompactionStats // Moved, Kept and MovedBytes
	fresh       bool            // a new slab must come from the system: a spare one may be resident as a whole
	sparseSlabs int             // of the compaction that runs, at its start
	onHeap      int64           // bytes on the Go heap: the directories of all indexes, and what objects have told of (OnHeap)
}

// NewArena returns an arena without slabs.
func NewArena() *Arena {
	return &Arena{slabs: make([]slab, 1, 64)} // slab 0 does not exist, so that Ref 0 is none
}

// Used returns the bytes of all live blocks, rounded up to their classes.
func (a *Arena) Used() int64 { return a.used }

// OnHeap counts n more bytes, or fewer if it is negative, that an object keeps outside of the arena and that grow with what is put
// into it. They are part of Keyspace.Used, not of Used.
func (a *Arena) OnHeap(n int64) { a.onHeap += n }

// Mapped returns the bytes of address space that slabs and mappings hold.
func (a *Arena) Mapped() int64 { return a.mapped }

// Classes visits the sizes of blocks that have slabs, with the number of these, the blocks in use and the bytes not in use.
// At the end it comes with size 0 for the blocks that have mappings of their own: how many, 0 and the bytes of these.
func (a *Arena) Classes(visit func(size, slabs int, blocks, waste int64)) {
	var slabs [ownMapping]int
	var blocks, waste [ownMapping]int64
	var mappings int
	var bytes int64
	for i := range a.slabs {
		switch s := &a.slabs[i]; {
		case s.mem == nil:
		case s.class == ownMapping:
			mappings++
			bytes += int64(len(s.mem))
		default:
			slabs[s.class]++
			blocks[s.class] += int64(s.live)
			waste[s.class] += int64(s.bump) - int64(s.live)*int64(classSize[s.class])
		}
	}
	for c, n := range slabs {
		if n > 0 {
			visit(int(classSize[c]), n, blocks[c], waste[c])
		}
	}
	if mappings > 0 {
		visit(0, mappings, 0, bytes)
	}
}

// Blocks returns the number of live blocks.
func (a *Arena) Blocks() int64 { return a.blocks }

// Alloc returns a block of at least size bytes. Its content is undefined unless it has a mapping of its own, which is
// zero. It panics when the operating system refuses memory.
func (a *Arena) Alloc(size int) Ref {
	c := classOf(size)
	if c == ownMapping {
		return a.allocMapping(size)
	}
	n := a.room[c]
	if n == 0 {
		n = a.addSlab(c)
	}
	s := &a.slabs[n]
	bs := classSize[c]
	var unit uint32
	if s.free != 0 {
		unit = s.free - 1
		s.free = leUint32(s.mem[unit*unitBytes:])
	} else {
		unit = s.bump / unitBytes
		s.bump += bs
	}
	s.live++
	if s.free == 0 && s.bump+bs > slabBytes {
		a.unlist(n)
	}
	a.used += int64(bs)
	a.blocks++
	return Ref(n)<<offsetBits | Ref(unit)
}

// Free gives a block back. Freeing a large mapping takes time in proportion to its resident pages; see FreeStep.
func (a *Arena) Free(r Ref) {
	n := uint32(r >> offsetBits)
	s := &a.slabs[n]
	a.blocks--
	if s.class == ownMapping {
		a.used -= int64(len(s.mem))
		a.mappings--
		a.unmap(n)
		return
	}
	a.used -= int64(classSize[s.class])
	unit := uint32(r & offsetMask)
	putUint32(s.mem[unit*unitBytes:], s.free)
	s.free = unit + 1
	s.live--
	if s.live == 0 {
		a.unmap(n)
	} else if !s.listed && !s.sparse {
		a.list(n)
	}
}

// FreeStep frees the block like Free, but drops at most maxBytes of a large mapping's pages at a time. It returns true
// when the block is gone.
func (a *Arena) FreeStep(r Ref, maxBytes int) bool {
	s := &a.slabs[r>>offsetBits]
	if s.class == ownMapping && int(s.bump) < len(s.mem)/pageBytes {
		from := int(s.bump) * pageBytes
		to := min(from+maxBytes, len(s.mem))
		_ = unix.Madvise(s.mem[from:to], unix.MADV_DONTNEED) // munmap does what is left if this fails
		s.bump = uint32(to / pageBytes)
		if to < len(s.mem) {
			return false
		}
	}
	a.Free(r)
	return true
}

// Block returns the bytes of a block, as many as its class has.
func (a *Arena) Block(r Ref) []byte {
	s := &a.slabs[r>>offsetBits]
	if s.class == ownMapping {
		return s.mem
	}
	off := uint32(r&offsetMask) * unitBytes
	return s.mem[off : off+classSize[s.class] : off+classSize[s.class]]
}

// at returns the bytes from the start of a block to the end of its slab: cheaper than Block, for readers that know the
// length from the record itself.
func (a *Arena) at(r Ref) []byte {
	return a.slabs[r>>offsetBits].mem[uint32(r&offsetMask)*unitBytes:]
}

// warm reads a byte of each cache line of a block, of a long one of the first, so that they are in cache when it is read in
// earnest. What it returns means nothing.
func (a *Arena) warm(r Ref) (sink byte) {
	b := a.at(r)
	b = b[:min(len(b), a.Size(r), warmBytes)]
	for i := 0; i < len(b); i += lineBytes {
		sink += b[i]
	}
	return sink + b[len(b)-1] // it may begin in the middle of a line
}

const (
	lineBytes = 64
	warmBytes = 256 // what follows comes by itself: the processor has seen the direction
)

// Size returns the bytes that the block takes.
func (a *Arena) Size(r Ref) int {
	s := &a.slabs[r>>offsetBits]
	if s.class == ownMapping {
		return len(s.mem)
	}
	return int(classSize[s.class])
}

// sizeFor returns the bytes that a block for size bytes takes.
func sizeFor(size int) int {
	if c := classOf(size); c != ownMapping {
		return int(classSize[c])
	}
	return (size + pageBytes - 1) &^ (pageBytes - 1)
}

func (a *Arena) addSlab(c int) uint32 {
	a.slabsOf[c]++
	of := a.slabsOf[c]
	huge := of > hugeLater || of > hugeAfter && classSize[c] < largeBlock
	var mem []byte
	if huge && a.ahead && !a.fresh {
		mem = a.takeReady()
	}
	if mem != nil {
		a.mapped += slabBytes
	} else if k := len(a.spares); k > 0 && !a.fresh {
		mem = a.spares[k-1]
		a.spares = a.spares[:k-1]
	} else {
		mem = mapMemory(slabBytes)
		a.mapped += slabBytes
	}
	if huge {
		adviseHuge(mem)
	}
	n := a.number()
	a.slabs[n] = slab{mem: mem, class: uint8(c)}
	a.list(n)
	return n
}

func (a *Arena) number() uint32 {
	if k := len(a.freeNumbers); k > 0 {
		n := a.freeNumbers[k-1]
		a.freeNumbers = a.freeNumbers[:k-1]
		return n
	}
	if len(a.slabs) == maxSlabs {
		panic("keyspace: out of slab numbers (256 GiB)")
	}
	a.slabs = append(a.slabs, slab{})
	return uint32(len(a.slabs) - 1)
}

func (a *Arena) allocMapping(size int) Ref {
	size = (size + pageBytes - 1) &^ (pageBytes - 1)
	mem := mapMemory(size)
	n := a.number()
	a.slabs[n] = slab{mem: mem, class: ownMapping, live: 1}
	a.mappings++
	a.mapped += int64(size)
	a.used += int64(size)
	a.blocks++
	return Ref(n) << offsetBits
}

// Grow enlarges a block that has a mapping of its own (above 256 KiB); its Ref stays, its bytes may move. New bytes are
// zero.
func (a *Arena) Grow(r Ref, size int) {
	size = (size + pageBytes - 1) &^ (pageBytes - 1)
	s := &a.slabs[r>>offsetBits]
	a.used += int64(size - len(s.mem))
	a.mapped += int64(size - len(s.mem))
	s.mem = remapMemory(s.mem, size)
}

func (a *Arena) isMapping(r Ref) bool { return a.slabs[r>>offsetBits].class == ownMapping }

func (a *Arena) unmap(n uint32) {
	s := &a.slabs[n]
	if s.class != ownMapping {
		if s.listed {
			a.unlist(n)
		}
		a.slabsOf[s.class]--
		a.spares = append(a.spares, s.mem)
	} else {
		a.giveBack(s.mem)
	}
	*s = slab{}
	a.freeNumbers = append(a.freeNumbers, n)
}

func (a *Arena) giveBack(mem []byte) {
	a.mapped -= int64(len(mem))
	if err := unix.Munmap(mem); err != nil {
		panic(fmt.Sprintf("keyspace: munmap: %v", err))
	}
}

// idleSlabs returns the number of empty slabs that wait for unmapIdle.
func (a *Arena) idleSlabs() int { return max(len(a.spares)-spareSlabs, 0) }

// unmapIdle gives one empty slab back to the system, beyond those that are kept. That takes up to some 200 microseconds,
// and the last keys of a flushed database empty many slabs at once: so not Free does it but the work between rounds.
func (a *Arena) unmapIdle() bool {
	if a.idleSlabs() == 0 {
		return false
	}
	last := len(a.spares) - 1
	a.giveBack(a.spares[last])
	a.spares[last] = nil
	a.spares = a.spares[:last]
	return true
}

// list puts a slab that has room at the head of its class's list.
func (a *Arena) list(n uint32) {
	s := &a.slabs[n]
	s.listed, s.prev, s.next = true, 0, a.room[s.class]
	if s.next != 0 {
		a.slabs[s.next].prev = n
	}
	a.room[s.class] = n
}

func (a *Arena) unlist(n uint32) {
	s := &a.slabs[n]
	if s.prev != 0 {
		a.slabs[s.prev].next = s.next
	} else {
		a.room[s.class] = s.next
	}
	if s.next != 0 {
		a.slabs[s.next].prev = s.prev
	}
	s.listed, s.next, s.prev = false, 0, 0
}

// TrimSpares unmaps the spare slabs. Call it when the server has been idle for a while.
func (a *Arena) TrimSpares() {
	for _, m := range a.spares {
		a.giveBack(m)
	}
	a.spares = nil
}

func mapMemory(size int) []byte {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|mapNoReserve)
	if err != nil {
		panic(fmt.Sprintf("keyspace: mmap of %d bytes: %v", size, err))
	}
	return mem
}

func leUint32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func putUint32(b []byte, v uint32) {
	_ = b[3]
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}
