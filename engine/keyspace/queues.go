package keyspace

import (
	"encoding/binary"
	"math/bits"
)

// S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction, SOSP 2023) without lists
// through the entries:
//
//	small   the tenth of the entries that came last, in the order in which they came: a ring of hashes, 8 bytes each
//	main    all others, in the order of their hashes: a hand goes round over the index, as a clock's does
//	ghosts  fingerprints of the entries that went last, about as many as there are entries: 2 bytes each
//
//	          first time                      used since it came
//	new ────────────────────► small ──────────────────────────────────► main ◄──┐
//	 │                          │ not used                                │     │ used: once less
//	 │                          ▼                                         ▼     │
//	 │                        ghosts ◄────────────────────────────────── hand ──┘
//	 └─ was among the ghosts: main                             not used
//
// So what is used once only, as a scan does, passes through a tenth of the memory. The paper's main queue is in the order
// of arrival; the hand's order is as good as random, so an entry that comes into main begins with one use on its account
// instead: it is passed over once, and stays for one round of the hand at least.
//
// The access bits of a record:
//
//	bits 0-1   uses, at most 3, less one each time that the hand passes
//	bit  2     in small
//	bit  3     the hand has seen it in small: seen so again, the ring has lost it (SWAPDB, a change of the policy)
//	bits 4-23  Unix time of the last access, in units of 16 s
//
// The ring names an entry by its hash, with the number of its database in bits that the index does not use. What it
// names may have gone meanwhile.

const (
	usesMask  = 3
	usesMax   = 3
	bitSmall  = 4
	bitSeen   = 8
	flagsMask = 15

	smallShare = 10 // small is to have one in so many entries
	trimShare  = 8  // without eviction it is kept below one in so many
	trimLeast  = 64

	ringChunk = 4096

	ghostWays  = 8 // fingerprints of a bucket
	ghostBytes = 2
	ghostShare = 0.9 // fingerprints for each entry
	ghostFew   = 1 << 10

	sweepBatch = 16
	victimWork = 64 // entries of small, or batches of main, that one call looks at

	ringDBShift = 6 // bits 6 to 21 of a hash in the ring
	ringDBMask  = (1<<16 - 1) << ringDBShift
)

type queues struct {
	ks    *Keyspace
	small ring

	ghosts  Ref    // block of the fingerprints; 0: none yet
	buckets uint64 // of ghosts
	entries int    // that ghosts was made for

	hand   uint64 // cursor of the index of handDB
	handDB int
	found  [4 * sweepBatch]candidate // that the hand has found without uses
	nfound int
}

// QueueBits returns access bits with the time of access set to now.
func queueBits(flags uint32, nowMs int64) uint32 {
	return uint32(nowMs/1000)&accessMask&^flagsMask | flags&flagsMask
}

// CountUse notes an access of an entry under Order Queues.
func (e *Entry) CountUse() {
	b := e.Access()
	if b&usesMask < usesMax {
		b++
	}
	e.SetAccess(queueBits(b, e.db.ks.NowMs))
}

// keys is the number of all entries.
func (q *queues) keys() (n int) {
	for _, db := range q.ks.dbs {
		n += db.idx.count
	}
	return n
}

// created returns the access bits of an entry that has just been made.
func (q *queues) created(db *DB, hash uint64) uint32 {
	if q.wasGhost(hash) {
		return queueBits(1, q.ks.NowMs)
	}
	q.small.push(hash&^ringDBMask | uint64(db.ID)<<ringDBShift&ringDBMask)
	if q.small.n > trimLeast && q.small.n > q.keys()/trimShare {
		if e, ok := q.oldest(); ok {
			e.SetAccess(e.Access() &^ (bitSmall | bitSeen))
		}
	}
	return queueBits(bitSmall, q.ks.NowMs)
}

// oldest takes the first of small off its ring.
func (q *queues) oldest() (e Entry, ok bool) {
	h := q.small.pop()
	id := int(h & ringDBMask >> ringDBShift)
	if id >= len(q.ks.dbs) {
		return e, false
	}
	e.db = q.ks.dbs[id]
	if e.hash, e.at, e.ref = e.db.findHash(h); e.ref == 0 {
		return e, false
	}
	e.load()
	return e, e.Access()&bitSmall != 0
}

// findHash finds an entry by its hash, without what ringDBMask covers.
func (db *DB) findHash(h uint64) (hash uint64, at place, r Ref) {
	x := db.idx
	if x.count == 0 {
		return 0, place{}, 0
	}
	s := x.segmentOf(h)
	home := int(h % segmentBuckets)
	for d := range maxDisplace + 1 {
		b := (home + d) % segmentBuckets * bucketSlots
		for i := b; i < b+bucketSlots; i++ {
			w := s.slots[i]
			if !match(w, h, uint64(d)) {
				continue
			}
			rec := x.arena.at(Ref(w & refMask))
			p := parse(rec)
			if hash = db.ks.Hash(rec[p.keyAt:p.valAt]); (hash^h)&^ringDBMask == 0 {
				return hash, place{s, i}, Ref(w & refMask)
			}
		}
		if d == 0 && s.over[home] == 0 {
			break
		}
	}
	return 0, place{}, 0
}

// victim is Keyspace.Victim.
func (q *queues) victim() (e Entry, found, more bool) {
	keys := q.keys()
	if keys == 0 {
		return e, false, false
	}
	for range victimWork {
		if q.small.n == 0 || q.small.n*smallShare < keys {
			break
		}
		e, ok := q.oldest()
		switch {
		case !ok:
		case e.Access()&usesMask > 0:
			e.SetAccess(e.Access()&^flagsMask | 1)
		default:
			q.remember(e.hash, keys)
			return e, true, false
		}
	}
	if q.small.n*smallShare >= keys && q.small.n > 0 {
		return e, false, true
	}
	for range victimWork {
		for q.nfound > 0 {
			q.nfound--
			c := q.found[q.nfound]
			if e, ok := c.entry(); ok && e.Access()&(usesMask|bitSmall) == 0 {
				q.remember(e.hash, keys)
				return e, true, false
			}
		}
		q.sweep()
	}
	return e, false, true
}

// sweep moves the hand over a few entries.
func (q *queues) sweep() {
	db := q.ks.dbs[q.handDB]
	q.hand = db.idx.Scan(q.hand, sweepBatch, func(r Ref) {
		e := Entry{db: db, ref: r}
		e.load()
		b := e.Access()
		switch {
		case b&(bitSmall|bitSeen) == bitSmall:
			b |= bitSeen
		case b&bitSmall != 0:
			b &^= bitSmall | bitSeen
		case b&usesMask > 0:
			b--
		case q.nfound < len(q.found):
			q.found[q.nfound] = candidate{db: db, ref: r, hash: q.ks.Hash(e.Key())}
			q.nfound++
		}
		e.SetAccess(b)
	})
	if q.hand == 0 {
		q.handDB = (q.handDB + 1) % len(q.ks.dbs)
	}
}

// bucket returns the fingerprints among which that of a hash is, the latest first, and the fingerprint.
func (q *queues) bucket(hash uint64) ([]byte, uint16) {
	i, _ := bits.Mul64(hash*0x9e3779b97f4a7c15, q.buckets)
	b := q.ks.arena.Block(q.ghosts)[i*ghostWays*ghostBytes:]
	return b[:ghostWays*ghostBytes], uint16(hash>>20) | 1
}

// wasGhost tells whether an entry with this hash went lately, and forgets it.
func (q *queues) wasGhost(hash uint64) bool {
	if q.ghosts == 0 {
		return false
	}
	b, f := q.bucket(hash)
	for i := 0; i < len(b); i += ghostBytes {
		if binary.LittleEndian.Uint16(b[i:]) == f {
			copy(b[i:], b[i+ghostBytes:])
			binary.LittleEndian.PutUint16(b[len(b)-ghostBytes:], 0)
			return true
		}
	}
	return false
}

// remember makes an entry that goes a ghost. keys is the number of entries: the table follows it, losing what it had.
func (q *queues) remember(hash uint64, keys int) {
	if keys = max(keys, ghostFew); q.ghosts == 0 || keys > q.entries*3/2 || keys < q.entries/2 {
		q.free()
		q.entries = keys
		q.buckets = uint64(float64(keys)*ghostShare)/ghostWays + 1
		if q.ghosts = q.ks.arena.Alloc(int(q.buckets) * ghostWays * ghostBytes); !q.ks.arena.isMapping(q.ghosts) {
			clear(q.ks.arena.Block(q.ghosts)) // a mapping comes as zeros, page by page as it is used
		}
	}
	b, f := q.bucket(hash)
	copy(b[ghostBytes:], b[:len(b)-ghostBytes])
	binary.LittleEndian.PutUint16(b, f)
}

func (q *queues) free() {
	if q.ghosts != 0 {
		q.ks.FreeLater(q.ghosts)
		q.ghosts = 0
	}
}

// ring is a queue of numbers in chunks, so that no growth moves more than the few words that lead to them.
type ring struct {
	chunks [][]uint64
	first  int // place in the first chunk
	n      int
	spare  []uint64
}

func (r *ring) push(v uint64) {
	last := len(r.chunks) - 1
	if last < 0 || len(r.chunks[last]) == ringChunk {
		c := r.spare
		if r.spare = nil; c == nil {
			c = make([]uint64, 0, ringChunk)
		}
		r.chunks = append(r.chunks, c[:0])
		last++
	}
	r.chunks[last] = append(r.chunks[last], v)
	r.n++
}

// pop takes the first number, 0 of an empty ring.
func (r *ring) pop() uint64 {
	if r.n == 0 {
		return 0
	}
	v := r.chunks[0][r.first]
	r.first++
	r.n--
	if r.first == ringChunk {
		r.spare = r.chunks[0]
		r.chunks = append(r.chunks[:0], r.chunks[1:]...)
		r.first = 0
	}
	return v
}
