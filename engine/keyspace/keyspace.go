package keyspace

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
)

const never = math.MaxInt64

// Observer is told of what happens to entries. The engine implements it.
type Observer interface {
	// Expired is called before an entry whose deadline has passed is removed.
	Expired(db *DB, key []byte)
	// Created is called, while TellCreated is set, after an entry has been made.
	Created(db *DB, key []byte)
}

// Keyspace is all databases over one arena. The loop owns it.
type Keyspace struct {
	// NowMs is the round's clock in Unix milliseconds; the loop sets it. Expiry compares with it.
	NowMs int64

	// HoldExpired makes entries whose deadline has passed stay, hidden: CLIENT PAUSE.
	HoldExpired bool

	// TellCreated makes the observer hear of new entries.
	TellCreated bool

	// NewAccess are the access bits of new entries, but under Order Queues; the loop sets it.
	NewAccess uint32

	// Expired counts the entries that expired, ExpiredActive those of them that the timer wheel found.
	Expired, ExpiredActive int64

	// Freed counts what was freed in slices.
	Freed int64

	arena      *Arena
	dbs        []*DB
	seed       maphash.Seed
	observer   Observer
	rng        *rand.ChaCha8
	objects    []Object // by handle number; a nil place is free
	freeNums   []uint32
	garbage    []garbage
	due        []uint64
	nextDB     int   // where active expiry goes on
	soonest    int64 // see SoonestMs
	snapshot   *Snapshot
	epoch      uint32 // of the last snapshot
	partBytes  int64  // Objects larger than this are written in parts
	victims    Victims
	compaction compaction
	queues     *queues // Order Queues only
}

// New returns n empty databases.
func New(n int, nowMs int64, observer Observer) *Keyspace {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32())
	}
	ks := &Keyspace{NowMs: nowMs, arena: NewArena(), seed: maphash.MakeSeed(), observer: observer,
		rng: rand.NewChaCha8(seed), soonest: never, partBytes: partBytes}
	for i := range n {
		db := &DB{ID: i, ks: ks, idx: newIndex(ks.arena)}
		ks.dbs = append(ks.dbs, db)
	}
	return ks
}

// DB returns database i; i must be below Len.
func (ks *Keyspace) DB(i int) *DB { return ks.dbs[i] }

// Len returns the number of databases.
func (ks *Keyspace) Len() int { return len(ks.dbs) }

// Used returns the bytes that keys, values and indexes take; exact but for objectBytes.
func (ks *Keyspace) Used() int64 {
	return ks.arena.Used() + ks.OnHeap()
}

// objectBytes is what the Go object of a large value takes, about: a struct of 100 to 200 bytes and its handle.
const objectBytes = 192

// OnHeap returns the bytes of them that are on the Go heap: directories of indexes, objects with what they have told of, and what
// Order Queues keeps.
func (ks *Keyspace) OnHeap() int64 {
	n := ks.arena.onHeap + int64(len(ks.objects)-len(ks.freeNums))*objectBytes
	if ks.queues != nil {
		n += int64(len(ks.queues.small.chunks)) * ringChunk * 8
	}
	return n
}

// Mapped returns the bytes that the arena has taken from the operating system (address space; not all is resident).
func (ks *Keyspace) Mapped() int64 { return ks.arena.Mapped() }

// Arena returns the arena, for buffers that are to become values (see DB.AdoptLarge).
func (ks *Keyspace) Arena() *Arena { return ks.arena }

// Hash returns the hash of a key or field; it differs from process to process.
func (ks *Keyspace) Hash(key []byte) uint64 { return maphash.Bytes(ks.seed, key) }

// Rand returns 64 random bits.
func (ks *Keyspace) Rand() uint64 { return ks.rng.Uint64() }

// Swap exchanges the contents of two databases; clients of a see what was in b.
func (ks *Keyspace) Swap(a, b int) {
	x, y := ks.dbs[a], ks.dbs[b]
	x.idx, y.idx = y.idx, x.idx
	x.wheel, y.wheel = y.wheel, x.wheel
	x.expires, y.expires = y.expires, x.expires
}

// touch is the choke point: every change of an entry calls it first, with the entry as it still is (ref 0 for one that is
// about to be created). It is for changes that leave a value outside of the record as it is, or drop it.
func (ks *Keyspace) touch(e *Entry) {
	if ks.snapshot != nil && e.ref != 0 {
		ks.snapshot.was = *e // a copy, so that handlers' entries stay on the stack
		ks.snapshot.before(false)
	}
}

// touchValue is the choke point for changes inside of a value that may have blocks of its own.
func (ks *Keyspace) touchValue(e *Entry) {
	if ks.snapshot != nil && e.ref != 0 {
		ks.snapshot.was = *e
		ks.snapshot.before(true)
	}
}

// Prefetch brings the index slots and records of several keys into the processor's cache before they are used: their
// cache misses overlap instead of following one another. What it returns means nothing; using it keeps the reads.
func (db *DB) Prefetch(keys [][]byte) (sum byte) {
	var hashes [32]uint64
	if db.idx.count == 0 {
		return 0
	}
	for len(keys) > 0 {
		n := min(len(keys), len(hashes))
		for i, k := range keys[:n] {
			h := db.ks.Hash(k)
			hashes[i] = h
			sum += byte(db.idx.segmentOf(h).slots[h%segmentBuckets*bucketSlots])
		}
		for i := range n {
			if r := db.idx.touch(hashes[i]); r != 0 {
				sum += db.ks.arena.at(r)[0]
			}
		}
		keys = keys[n:]
	}
	return sum
}

// PrefetchNew is Prefetch for keys that are likely to be new: it brings what their insertion reads of the index.
func (db *DB) PrefetchNew(keys [][]byte) (sum byte) {
	if db.idx.count == 0 {
		return 0
	}
	for _, k := range keys {
		h := db.ks.Hash(k)
		s := db.idx.segmentOf(h)
		home := h % segmentBuckets
		sum += byte(s.slots[home*bucketSlots]) + s.over[home] + byte(s.count)
	}
	return sum
}
