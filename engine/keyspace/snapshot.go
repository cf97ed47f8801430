package keyspace

// A Snapshot is the contents of all databases at one moment, walked in steps while they go on changing.
//
// It walks each index in the order of tags (see Index.Scan), which no split, merge or move changes. The choke point calls
// it before any entry changes: one that lies ahead of the walk and has not been seen yet is given out as it still is.
// So the moment's state is copied once, piece by piece, and nothing else is:
//
//	tags   0 ─────────── walked ─────────── cursor ─────────── ahead ─────────── 2^25
//	       given out; changes are                              given out before their first change, and then
//	       of no concern                                       remembered in seen, with those created since
//
// A database that is flushed meanwhile leaves its index to the snapshot, which walks it to its end and then queues it to
// be freed; one that is swapped is recognised by its index.
type Snapshot struct {
	ks     *Keyspace
	emit   func(db int, e *Entry)
	parts  []part
	walked int // parts that are done
}

// part is the walk over one database.
type part struct {
	db      *DB // for views of its records only: its index may have gone elsewhere
	id      int // the number that the database had at the moment
	idx     *Index
	cursor  uint64
	seen    map[uint64]struct{} // hashes of entries ahead of the cursor that were given out, or did not exist then
	flushed bool
	done    bool
}

// StartSnapshot begins a snapshot of this moment. emit is called with every entry, expired ones included, from Step
// or from within a change; it must not change the keyspace. There is one snapshot at a time: it panics on a second.
func (ks *Keyspace) StartSnapshot(emit func(db int, e *Entry)) *Snapshot {
	if ks.snapshot != nil {
		panic("keyspace: a snapshot is already running")
	}
	s := &Snapshot{ks: ks, emit: emit}
	for i, db := range ks.dbs {
		if db.idx.count > 0 {
			s.parts = append(s.parts, part{db: db, id: i, idx: db.idx, seen: map[uint64]struct{}{}})
		}
	}
	ks.snapshot = s
	return s
}

// Step gives out about n entries and returns true when all have been.
func (s *Snapshot) Step(n int) (done bool) {
	if s.walked < len(s.parts) {
		p := &s.parts[s.walked]
		p.cursor = p.idx.Scan(p.cursor, n, func(r Ref) { s.visit(p, r) })
		if p.cursor != 0 {
			return false
		}
		p.done, p.seen = true, nil
		if p.flushed {
			s.ks.garbage = append(s.ks.garbage, garbage{idx: p.idx})
		}
		p.idx = nil
		s.walked++
	}
	return s.finish()
}

func (s *Snapshot) finish() bool {
	if s.walked < len(s.parts) {
		return false
	}
	s.ks.snapshot = nil
	return true
}

// Cancel ends the snapshot early.
func (s *Snapshot) Cancel() {
	for i := range s.parts {
		if p := &s.parts[i]; p.flushed && !p.done {
			s.ks.garbage = append(s.ks.garbage, garbage{idx: p.idx})
		}
	}
	s.parts, s.walked = nil, 0
	if s.ks.snapshot == s {
		s.ks.snapshot = nil
	}
}

// Progress tells how many of the databases' entries lie behind the walk, about, by the share of tags walked.
func (s *Snapshot) Progress() (done, total int) {
	for i := range s.parts {
		p := &s.parts[i]
		if p.done {
			continue
		}
		total += p.idx.count
		done += int(uint64(p.idx.count) * p.cursor >> tagBits)
	}
	return done, total
}

func (s *Snapshot) visit(p *part, r Ref) {
	e := Entry{db: p.db, ref: r}
	e.load()
	if len(p.seen) > 0 {
		e.hash = s.ks.Hash(e.Key())
		if _, ok := p.seen[e.hash]; ok {
			delete(p.seen, e.hash)
			return
		}
	}
	s.emit(p.id, &e)
}

// before is called at the choke point: e is about to change, or to be created.
func (s *Snapshot) before(e *Entry) {
	for i := s.walked; i < len(s.parts); i++ {
		p := &s.parts[i]
		if p.idx != e.db.idx {
			continue
		}
		if e.hash>>tagShift < p.cursor {
			return
		}
		if _, ok := p.seen[e.hash]; ok {
			return
		}
		p.seen[e.hash] = struct{}{}
		if e.ref != 0 {
			s.emit(p.id, e)
		}
		return
	}
}

// keepFlushed takes over the index of a database that is being flushed, if it still has to be walked.
func (s *Snapshot) keepFlushed(x *Index) bool {
	for i := s.walked; i < len(s.parts); i++ {
		if p := &s.parts[i]; p.idx == x {
			p.flushed = true
			return true
		}
	}
	return false
}
