package keyspace

import "encoding/binary"

// Freeing in slices. Whatever takes long to free (a flushed database, a Table, a large mapping) is queued as garbage
// when it is deleted, and FreeStep works it off between the rounds of the loop.

// freePages is how much of a large mapping one step gives back: its page faults cost some 50 microseconds.
const freePages = 1 << 20

// garbage is one thing to free: the index of a flushed database with its records, an Object, or a block.
type garbage struct {
	idx *Index
	pos int // next directory place of idx
	obj Object
	ref Ref
}

// dropValue queues what the entry's value refers to outside of the record.
func (db *DB) dropValue(e *Entry) { db.ks.dropRecordValue(e.b, e.valAt) }

func (ks *Keyspace) dropRecordValue(b []byte, valAt int) {
	switch Encoding(b[0] & flagEncoding) {
	case EncLarge:
		r := Ref(binary.LittleEndian.Uint64(b[valAt:]))
		if ks.snapshot == nil || !ks.snapshot.takesOver(blockID(r)) {
			ks.freeBlock(r)
		}
	default:
		if !Encoding(b[0] & flagEncoding).hasObject() {
			return
		}
		n := binary.LittleEndian.Uint32(b[valAt:])
		if ks.snapshot != nil && ks.snapshot.takesOver(objectID(n)) {
			return
		}
		ks.garbage = append(ks.garbage, garbage{obj: ks.objects[n]})
		ks.objects[n] = nil
		ks.freeNums = append(ks.freeNums, n)
	}
}

// freeBlock frees a block, later if it is a mapping: a system call each, and a segment may have hundreds.
func (ks *Keyspace) freeBlock(r Ref) {
	if ks.arena.isMapping(r) {
		ks.FreeLater(r)
	} else {
		ks.arena.Free(r)
	}
}

// FreeLater queues a block that no entry owns.
func (ks *Keyspace) FreeLater(r Ref) { ks.garbage = append(ks.garbage, garbage{ref: r}) }

// Freeing tells whether things are queued whose memory still counts as used.
func (ks *Keyspace) Freeing() bool { return len(ks.garbage) > 0 }

// Garbage returns the number of things queued to be freed, empty slabs among them.
func (ks *Keyspace) Garbage() int { return len(ks.garbage) + ks.arena.idleSlabs() }

// FreeStep frees a little, some tens of microseconds' worth (up to 200 when a slab goes back to the system), and returns
// true while there is more.
func (ks *Keyspace) FreeStep() bool {
	n := len(ks.garbage)
	if ks.arena.unmapIdle() || n == 0 {
		return ks.Garbage() > 0
	}
	g := ks.garbage[n-1] // last first: what a record refers to is freed before the rest of its index goes on
	done := false
	switch {
	case g.ref != 0:
		done = ks.arena.FreeStep(g.ref, freePages)
	case g.obj != nil:
		done = g.obj.FreeStep()
	default:
		g.pos, done = ks.freeSegment(g.idx, g.pos)
		ks.garbage[n-1].pos = g.pos
	}
	if done {
		ks.Freed++
		last := len(ks.garbage) - 1 // freeSegment may have queued more behind it
		ks.garbage[n-1] = ks.garbage[last]
		ks.garbage[last] = garbage{}
		ks.garbage = ks.garbage[:last]
	}
	return ks.Garbage() > 0
}

// freeSegment frees the segment at directory place pos and the records in it. It returns the place to go on at, and
// whether that was the last segment.
func (ks *Keyspace) freeSegment(x *Index, pos int) (next int, done bool) {
	if len(x.dir) == 0 {
		return 0, true
	}
	s := x.dir[pos]
	for _, w := range s.slots {
		if w == 0 {
			continue
		}
		r := Ref(w & refMask)
		if b := ks.arena.at(r); b[0]&flagField == 0 {
			ks.dropRecordValue(b, parse(b).valAt)
		}
		ks.freeBlock(r) // a field of a Table may be a mapping itself
	}
	pos += 1 << (x.depth - s.depth)
	ks.arena.Free(s.ref)
	if done = pos >= len(x.dir); done {
		x.setDir(nil)
	}
	return pos, done
}

// ExpireStep removes up to max entries whose deadline has passed, of one database after the other, and returns true
// while more are due.
func (ks *Keyspace) ExpireStep(max int) bool {
	for range ks.dbs {
		db := ks.dbs[ks.nextDB]
		if db.wheel != nil {
			if ks.expireDB(db, max) {
				return true
			}
		}
		ks.nextDB = (ks.nextDB + 1) % len(ks.dbs)
	}
	ks.findSoonest()
	return false
}

func (ks *Keyspace) expireDB(db *DB, max int) bool {
	var more bool
	ks.due, more = db.wheel.Advance(ks.NowMs-1, ks.due[:0], max)
	for _, r := range ks.due {
		e := db.entryAt(Ref(r))
		ks.ExpiredActive++
		db.expire(&e)
	}
	return more
}

// ExpireBehindMs returns how late active expiry is, in milliseconds: the age of the oldest deadline not yet handled.
func (ks *Keyspace) ExpireBehindMs() int64 {
	var late int64
	for _, db := range ks.dbs {
		if db.wheel != nil {
			late = max(late, db.wheel.Behind(ks.NowMs-1))
		}
	}
	return late
}

// SoonestMs returns a time in Unix milliseconds before which no entry's deadline passes; the far future when none has one.
// It may be too early, never too late; ExpireStep puts it right.
func (ks *Keyspace) SoonestMs() int64 { return ks.soonest }

func (ks *Keyspace) findSoonest() {
	ks.soonest = never
	for _, db := range ks.dbs {
		if db.wheel == nil {
			continue
		}
		if t, ok := db.wheel.NextDeadlineMs(); ok {
			ks.soonest = min(ks.soonest, t)
		}
	}
}
