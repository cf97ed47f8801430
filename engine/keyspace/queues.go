package keyspace

import (
	"encoding/binary"
	"math/bits"
)

// S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction, SOSP 2023) without lists
// through the entries:
//
//	small   the entries that came last, a tenth or more, in the order in which they came: a ring of hashes, 8 bytes each
//	main    all others, in the order of their hashes: a hand goes round over the index, as a clock's does
//	ghosts  fingerprints of the entries that went last, about as many as there are entries: 2 bytes each, one bit of which
//	        tells whether it was in main
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
// How much of the memory small has is found out by those who come back, as in ARC (Megiddo, Modha, 2003): a ghost of small
// would still be there if small were larger, one of main if it were smaller. Each counts the more, the fewer of its kind
// go, so that the two tell how much a place is worth on either side. Where the whole working set changes, what is left
// of the old one in main never comes back, and small grows within a few thousandths of its round.
//
// The access bits of a record:
//
//	bits 0-1   uses, at most 3, less one each time that the hand passes
//	bit  2     in small
//	bit  3     the hand has seen it in small
//	bits 4-23  Unix time of the last access, in units of 16 s
//
// The ring names an entry by its hash, with the number of its database in bits that the index does not use. What it
// names may have gone meanwhile. The other way round, the ring may have lost an entry (SWAPDB, a change of the policy). So
// in one round the hand marks what it sees in small; when all that was in the ring by then has left it, or main is empty,
// another round puts what is still marked into main.

const (
	usesMask  = 3
	usesMax   = 3
	bitSmall  = 4
	bitSeen   = 8
	flagsMask = 15

	smallLeast = 0.1 // share of the entries that small is to have: at least, and at first
	smallMost  = 0.9
	smallStep  = 40   // share of one entry by which a ghost moves it; more where its kind is rare
	mainWeight = 2    // how much more a ghost of main moves it
	rarest     = 0.01 // share of those that go below which a kind does not get rarer
	trimSlack  = 1.25 // without eviction small is kept below its share times this
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
	share float64 // of the entries, that small is to have
	mains float64 // share of main in what goes, lately

	ghosts  Ref    // block of the fingerprints; 0: none yet
	buckets uint64 // of ghosts
	entries int    // that ghosts was made for

	hand   uint64 // cursor of the index of handDB
	handDB int
	phase  handPhase
	met    bool                      // the hand has met an entry of main in this round
	marked uint64                    // small.popped by which all that the marking round has seen has left the ring
	found  [4 * sweepBatch]candidate // that the hand has found without uses
	nfound int
}

// handPhase is what the hand does about entries in small.
type handPhase uint8

const (
	marking handPhase = iota // a round
	waiting                  // rounds, until the ring has turned over
	putting                  // a round: what is still marked goes into main
)

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
	keys := q.keys()
	if found, main := q.wasGhost(hash); found {
		q.learn(main, keys)
		return queueBits(1, q.ks.NowMs)
	}
	q.small.push(hash&^ringDBMask | uint64(db.ID)<<ringDBShift&ringDBMask)
	if q.small.n > trimLeast && float64(q.small.n) > q.share*trimSlack*float64(keys) {
		if e, ok := q.oldest(); ok {
			e.SetAccess(e.Access() &^ (bitSmall | bitSeen))
		}
	}
	return queueBits(bitSmall, q.ks.NowMs)
}

// learn moves the share of small when a ghost comes back.
func (q *queues) learn(main bool, keys int) {
	step := smallStep / float64(max(keys, ghostFew))
	if main {
		step *= -mainWeight * max(1, (1-q.mains)/max(q.mains, rarest))
	} else {
		step *= max(1, q.mains/max(1-q.mains, rarest))
	}
	q.share = min(max(q.share+step, smallLeast), smallMost)
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
		if !q.smallIsFull(keys) {
			break
		}
		e, ok := q.oldest()
		switch {
		case !ok:
		case e.Access()&usesMask > 0:
			e.SetAccess(e.Access()&^flagsMask | 1)
		default:
			q.remember(e.hash, keys, false)
			return e, true, false
		}
	}
	if q.smallIsFull(keys) {
		return e, false, true
	}
	for range victimWork {
		for q.nfound > 0 {
			q.nfound--
			c := q.found[q.nfound]
			if e, ok := c.entry(); ok && e.Access()&(usesMask|bitSmall) == 0 {
				q.remember(e.hash, keys, true)
				return e, true, false
			}
		}
		q.sweep()
	}
	return e, false, true
}

// smallIsFull tells that the next to go is one of small.
func (q *queues) smallIsFull(keys int) bool {
	return q.small.n > 0 && float64(q.small.n) >= q.share*float64(keys)
}

// sweep moves the hand over a few entries.
func (q *queues) sweep() {
	db := q.ks.dbs[q.handDB]
	q.hand = db.idx.Scan(q.hand, sweepBatch, func(r Ref) {
		e := Entry{db: db, ref: r}
		e.load()
		b := e.Access()
		q.met = q.met || b&bitSmall == 0
		switch {
		case b&bitSmall != 0:
			if q.phase == marking {
				b |= bitSeen
			} else if q.phase == putting && b&bitSeen != 0 {
				b &^= bitSmall | bitSeen
			}
		case b&usesMask > 0:
			b--
		case q.nfound < len(q.found):
			q.found[q.nfound] = candidate{db: db, ref: r, hash: q.ks.Hash(e.Key())}
			q.nfound++
		}
		e.SetAccess(b)
	})
	if q.hand == 0 {
		if q.handDB = (q.handDB + 1) % len(q.ks.dbs); q.handDB == 0 {
			q.endRound()
		}
	}
}

// endRound moves the hand to its next phase when it has been round all databases.
func (q *queues) endRound() {
	switch {
	case q.phase == marking:
		q.phase, q.marked = waiting, q.small.popped+uint64(q.small.n)
	case q.phase == putting:
		q.phase = marking
	case q.small.popped >= q.marked || !q.met: // the ring may be short enough to stay, and then nothing could ever go
		q.phase = putting
	}
	q.met = false
}

// ghostMain is the bit of a fingerprint that tells of main.
const ghostMain = 1

// bucket returns the fingerprints among which that of a hash is, the latest first, and the fingerprint without ghostMain.
func (q *queues) bucket(hash uint64) ([]byte, uint16) {
	i, _ := bits.Mul64(hash*0x9e3779b97f4a7c15, q.buckets)
	b := q.ks.arena.Block(q.ghosts)[i*ghostWays*ghostBytes:]
	return b[:ghostWays*ghostBytes], max(uint16(hash>>20)&^ghostMain, 2) // 0 is none
}

// wasGhost tells whether an entry with this hash went lately, and from main, and forgets it.
func (q *queues) wasGhost(hash uint64) (found, main bool) {
	if q.ghosts == 0 {
		return false, false
	}
	b, f := q.bucket(hash)
	for i := 0; i < len(b); i += ghostBytes {
		if g := binary.LittleEndian.Uint16(b[i:]); g&^ghostMain == f {
			copy(b[i:], b[i+ghostBytes:])
			binary.LittleEndian.PutUint16(b[len(b)-ghostBytes:], 0)
			return true, g&ghostMain != 0
		}
	}
	return false, false
}

// remember makes an entry that goes a ghost. keys is the number of entries: the table follows it, losing what it had.
func (q *queues) remember(hash uint64, keys int, main bool) {
	q.mains -= q.mains / float64(max(keys, ghostFew))
	if main {
		q.mains += 1 / float64(max(keys, ghostFew))
	}
	if keys = max(keys, ghostFew); q.ghosts == 0 || keys > q.entries*3/2 || keys < q.entries/2 {
		q.free()
		q.entries = keys
		q.buckets = uint64(float64(keys)*ghostShare)/ghostWays + 1
		if q.ghosts = q.ks.arena.Alloc(int(q.buckets) * ghostWays * ghostBytes); !q.ks.arena.isMapping(q.ghosts) {
			clear(q.ks.arena.Block(q.ghosts)) // a mapping comes as zeros, page by page as it is used
		}
	}
	b, f := q.bucket(hash)
	if main {
		f |= ghostMain
	}
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
	popped uint64 // numbers in all
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
	r.popped++
	if r.first == ringChunk {
		r.spare = r.chunks[0]
		r.chunks = append(r.chunks[:0], r.chunks[1:]...)
		r.first = 0
	}
	return v
}
