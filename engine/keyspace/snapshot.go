package keyspace

import "slices"

// A Snapshot is the contents of all databases at one moment, given out in steps while they go on changing.
//
// It walks each index in the order of tags (see Index.Scan), which no split, merge or move changes. The choke point calls
// it before any entry changes: one that lies ahead of the walk and has not been given out is given out as it still is.
// So the moment's state is copied once, piece by piece, and nothing else is:
//
//	tags   0 ─────────── walked ─────────── cursor ─────────── ahead ─────────── 2^25
//	       given out; changes are                              given out before their first change, and then
//	       of no concern                                       marked, as are those created since
//
// The marks are a bit for each slot of a segment, valid while the segment has the number of this snapshot (its epoch): a
// new snapshot finds all of them invalid without touching a segment. They take no memory of their own: a segment's block
// has room for them. So a snapshot keeps nothing for each key, however many change meanwhile.
//
// # Large values
//
// One that takes long to write (an Object over partBytes, a string with a mapping of its own) is not given out at
// once. The walk, or the choke point, puts it into a queue with a copy of its record, and it is written in parts, one value
// after the other. Until then its contents must stay as they are; all the rest may change:
//
//	another deadline, RENAME, MOVE    the queue has the old key and deadline
//	deleted, overwritten, flushed     the snapshot owns the value from then on, and frees it when it is written
//	expired                           the same
//	changed in place                  the caller asks SnapshotHolds before, and lets the client wait; the value goes to
//	                                  the head of the queue. A change that did not ask has the rest of it written at
//	                                  once, however long that takes: right in any case, not always quick
//
// Holding the writer back was chosen over a choke point for each element: the count of elements stands in front of them
// in an RDB file, lists and streams have an order, so each structure would need marks of its own; and a value is
// written in memory's time (some 100 ns an element), which its writers wait for once in a snapshot, while all others go on.
//
// # When the disk is behind
//
// Saver.Full stops the walk; what the choke point gives out still goes through. Saver.Crowded says that there is
// no room for that either: then changes of what has not been given out have to wait, too, and SnapshotHolds says so.
//
// # What else may happen meanwhile
//
// A database that is flushed leaves its index to the snapshot, which walks it to its end and then queues it to be freed;
// one that is swapped is recognised by its index. Blocks may move, but for the values in the queue (see Saving). An entry
// that expires while it is ahead is left out, unless the snapshot is to keep those: where commands follow that may have read it.
type Snapshot struct {
	ks    *Keyspace
	saver Saver
	// keepExpired: what expires meanwhile is given out as well.
	keepExpired bool
	parts       []part
	at          int // part that is being walked

	queue    []*largeValue          // to be written in parts, in this order; the first may be half written
	queued   map[uint64]*largeValue // the same by identity
	wanted   int                    // of these, those that somebody waits for
	squeezed bool                   // somebody waits for Crowded to end

	was, seen Entry // what is given out from within a change, and by the walk

	done, total int // entries given out, and how many there were
}

// Saver takes what a snapshot gives out. Entries die when the method returns; none may change the keyspace.
type Saver interface {
	// Save takes one entry, whole. It may come between two parts of a large one.
	Save(db int, e *Entry)
	// SavePart takes the next part of a large entry, some tens of microseconds' worth, and returns true after the last.
	// Between its first part and its last there are none of another entry.
	SavePart(db int, e *Entry) (done bool)
	// Full reports that the walk should wait.
	Full() bool
	// Crowded reports that changes should wait as well. It implies Full.
	Crowded() bool
}

// part is the walk over one database.
type part struct {
	db      *DB    // for views of its records only: its index may have gone elsewhere
	id      int    // the number that the database had at the moment
	idx     *Index // nil when it is done
	cursor  uint64
	epoch   uint32
	flushed bool
}

// largeValue is a value in the queue, with a copy of its record.
type largeValue struct {
	entry Entry
	db    int
	id    uint64
	begun bool
	owned bool // no entry refers to it any more
	want  bool // somebody waits for it
}

// partBytes is the size from which an Object is written in parts; tests make it smaller.
const partBytes = 64 << 10

// StartSnapshot begins a snapshot of this moment. saver gets every entry, from Step or from within a change; those that expire
// before their turn only with keepExpired. There is one snapshot at a time: it panics on a second.
func (ks *Keyspace) StartSnapshot(saver Saver, keepExpired bool) *Snapshot {
	if ks.snapshot != nil {
		panic("keyspace: a snapshot is already running")
	}
	ks.epoch++
	s := &Snapshot{ks: ks, saver: saver, keepExpired: keepExpired, queued: map[uint64]*largeValue{}}
	s.parts = make([]part, 0, len(ks.dbs)) // Index.walk points into it
	for i, db := range ks.dbs {
		if db.idx.count > 0 {
			s.parts = append(s.parts, part{db: db, id: i, idx: db.idx, epoch: ks.epoch})
			db.idx.walk = &s.parts[len(s.parts)-1]
			s.total += db.idx.count
		}
	}
	ks.snapshot = s
	return s
}

// Step gives out about n entries, or one part of a large one, and returns true when all have been. It does nothing while the
// saver is full.
func (s *Snapshot) Step(n int) (done bool) {
	if !s.Ready() {
		return false
	}
	if len(s.queue) > 0 {
		s.writePart()
		return false
	}
	if s.at == len(s.parts) {
		s.ks.snapshot = nil
		return true
	}
	p := &s.parts[s.at]
	if p.cursor < 1<<tagBits {
		next := p.idx.scan(p.cursor, n, true, func(r Ref) { s.visit(p, r) })
		if next == 0 {
			next = 1 << tagBits
		}
		p.cursor = next
		return false
	}
	s.leave(p)
	s.at++
	return false
}

// Ready reports that Step has something to do: the saver has room, or clients wait and it is not crowded.
func (s *Snapshot) Ready() bool {
	return !s.saver.Full() || s.wanted > 0 && !s.saver.Crowded()
}

// leave ends the walk over a database.
func (s *Snapshot) leave(p *part) {
	p.idx.walk = nil
	if p.flushed {
		s.ks.garbage = append(s.ks.garbage, garbage{idx: p.idx})
	}
	p.idx = nil
}

// Cancel ends the snapshot early.
func (s *Snapshot) Cancel() {
	if s.ks.snapshot != s {
		return
	}
	s.ks.snapshot = nil
	for _, v := range s.queue {
		s.disown(v)
	}
	s.queue, s.queued = nil, nil
	for i := range s.parts {
		if p := &s.parts[i]; p.idx != nil {
			s.leave(p)
		}
	}
}

// Progress tells how many entries were given out, and how many there were at the moment. Those that expire meanwhile are
// never given out.
func (s *Snapshot) Progress() (done, total int) { return s.done, s.total }

// Holding reports that clients wait for the snapshot, which should therefore be stepped with priority.
func (s *Snapshot) Holding() bool {
	s.squeezed = s.squeezed && s.saver.Crowded()
	return s.wanted > 0 || s.squeezed
}

func (s *Snapshot) visit(p *part, r Ref) {
	s.seen = Entry{db: p.db, ref: r}
	s.seen.load()
	s.give(p, &s.seen)
}

// give gives out an entry, or queues it.
func (s *Snapshot) give(p *part, e *Entry) {
	if id := s.ks.largeID(e); id != 0 {
		s.enqueue(p, e, id)
		return
	}
	s.done++
	s.saver.Save(p.id, e)
}

// largeID identifies a value that is written in parts; it is 0 for all others.
func (ks *Keyspace) largeID(e *Entry) uint64 {
	switch enc := e.Encoding(); {
	case enc.hasObject():
		if n := e.handleNumber(); ks.objects[n].Bytes() > ks.partBytes {
			return objectID(n)
		}
	case enc == EncLarge:
		if ref, _ := e.large(); ks.arena.isMapping(ref) {
			return blockID(ref)
		}
	}
	return 0
}

func objectID(n uint32) uint64 { return uint64(n)<<1 | 1 }
func blockID(r Ref) uint64     { return uint64(r) << 1 }

func (s *Snapshot) enqueue(p *part, e *Entry, id uint64) *largeValue {
	v := &largeValue{db: p.id, id: id, entry: Entry{db: p.db, ref: e.ref, header: e.header}}
	v.entry.b = slices.Clone(e.b[:e.valAt+e.valLen])
	s.queue = append(s.queue, v)
	s.queued[id] = v
	return v
}

// writePart writes a part of the first value in the queue.
func (s *Snapshot) writePart() {
	v := s.queue[0]
	v.begun = true
	if s.saver.SavePart(v.db, &v.entry) {
		s.done++
		s.dequeue(0)
	}
}

func (s *Snapshot) dequeue(i int) {
	v := s.queue[i]
	s.queue = slices.Delete(s.queue, i, i+1)
	delete(s.queued, v.id)
	if v.want {
		s.wanted--
	}
	s.disown(v)
}

// disown queues a value to be freed that the snapshot has taken over.
func (s *Snapshot) disown(v *largeValue) {
	if v.owned {
		s.ks.dropRecordValue(v.entry.b, v.entry.valAt)
	}
}

// unsaved reports whether an entry that exists has still to be given out, or queued.
func (s *Snapshot) unsaved(e *Entry) (*part, bool) {
	p := e.db.idx.walk
	if p == nil || e.hash>>tagShift < p.cursor || e.at.seg.marked(e.at.slot, p.epoch) {
		return nil, false
	}
	return p, true
}

// before is called at the choke point: the entry in s.was is about to change. inPlace tells that bytes or elements outside
// of its record may, too.
func (s *Snapshot) before(inPlace bool) {
	e := &s.was
	if p, ok := s.unsaved(e); ok {
		e.at.seg.mark(e.at.slot, p.epoch)
		s.give(p, e)
	}
	if inPlace && len(s.queued) > 0 {
		if v := s.queued[s.ks.largeID(e)]; v != nil {
			s.writeNow(v)
		}
	}
}

// writeNow writes what is left of a value, because it is about to change.
func (s *Snapshot) writeNow(v *largeValue) {
	i := slices.Index(s.queue, v)
	if i > 0 && s.queue[0].begun { // it would be in the middle of another one
		s.done++
		s.saver.Save(v.db, &v.entry)
		s.dequeue(i)
		return
	}
	for !s.saver.SavePart(v.db, &v.entry) {
	}
	s.done++
	s.dequeue(i)
}

// expiring is called before an entry expires: it need not be given out any more, unless it is to be kept.
func (s *Snapshot) expiring(e *Entry) {
	if s.keepExpired {
		return
	}
	if p, ok := s.unsaved(e); ok {
		e.at.seg.mark(e.at.slot, p.epoch)
	}
}

// takesOver is called when a value is dropped. If it still has to be written, the snapshot owns it.
func (s *Snapshot) takesOver(id uint64) bool {
	if len(s.queued) == 0 {
		return false
	}
	v := s.queued[id]
	if v != nil {
		v.owned = true
	}
	return v != nil
}

// SnapshotHolds reports whether a change of key has to wait for the running snapshot: because its value is large and still
// has to be written, or because there is no room for what it was. overwrites tells that the command replaces or deletes the
// value, which a large one need not wait for. The snapshot is then Holding until it is worth asking again.
func (ks *Keyspace) SnapshotHolds(db *DB, key []byte, overwrites bool) bool {
	s := ks.snapshot
	if s == nil || db.idx.walk == nil && len(s.queue) == 0 {
		return false
	}
	crowded := s.saver.Crowded()
	if !crowded && (overwrites || len(ks.objects) == len(ks.freeNums) && ks.arena.mappings == 0) {
		return false
	}
	e, ok := db.Find(key)
	if !ok {
		return false
	}
	p, unsaved := s.unsaved(&e)
	id := ks.largeID(&e)
	switch {
	case id != 0 && overwrites: // at most its record is copied
		return false
	case id != 0:
		v := s.queued[id]
		if v == nil && !unsaved {
			return false
		}
		if v == nil {
			e.at.seg.mark(e.at.slot, p.epoch)
			v = s.enqueue(p, &e, id)
		}
		s.hurry(v)
		return true
	case !unsaved || !crowded:
		return false
	}
	s.squeezed = true
	return true
}

// hurry puts a value at the head of the queue, or behind one that is half written.
func (s *Snapshot) hurry(v *largeValue) {
	if !v.want {
		v.want = true
		s.wanted++
	}
	i := slices.Index(s.queue, v)
	to := 0
	if i > 0 && s.queue[0].begun {
		to = 1
	}
	if i > to {
		copy(s.queue[to+1:], s.queue[to:i])
		s.queue[to] = v
	}
}

// SaveNow gives out an entry ahead of the walk, if it exists and is still to be given out. It is for commands that are
// about to change a great number of keys, which would otherwise be given out all at once.
func (ks *Keyspace) SaveNow(db *DB, key []byte) {
	s := ks.snapshot
	if s == nil || db.idx.walk == nil {
		return
	}
	var ok bool
	if s.was, ok = db.Find(key); ok {
		s.before(false)
	}
}

// SnapshotHolding reports that a snapshot is running and clients wait for it.
func (ks *Keyspace) SnapshotHolding() bool { return ks.snapshot != nil && ks.snapshot.Holding() }

// SnapshotCrowded reports that a snapshot is running and has no room for the old state of keys that change.
func (ks *Keyspace) SnapshotCrowded() bool { return ks.snapshot != nil && ks.snapshot.saver.Crowded() }

// Snapshotting reports whether a snapshot is running.
func (ks *Keyspace) Snapshotting() bool { return ks.snapshot != nil }

// Saving reports whether the value of an entry waits to be written in parts, or is being written: no block of it may be
// moved meanwhile.
func (ks *Keyspace) Saving(e *Entry) bool {
	if ks.snapshot == nil || len(ks.snapshot.queued) == 0 {
		return false
	}
	return ks.snapshot.queued[ks.largeID(e)] != nil
}

// keepFlushed leaves the index of a database that is being flushed to the snapshot that still has to walk it, if any.
func (x *Index) keepFlushed() bool {
	if x.walk == nil {
		return false
	}
	x.walk.flushed = true
	return true
}
