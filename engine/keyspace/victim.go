package keyspace

// Victims chooses the entries that go when memory is short. What the access bits of a record mean is up to the order:
//
//	Oldest    quarter of a second of the last access (24 bits of Unix time in units of OldestMs: 48 days)
//	Rarest    minute of the last access 16 | counter 8: the counter grows by chance, the more seldom the greater it is, and
//	          falls with time
//	Queues    see queues.go
//
// Oldest and Rarest sample: a few entries that follow one another in a random segment, whose order is that of hashes, are
// compared, and the best victims seen so far are kept in a pool between the calls, as in redis-server. One is looked at
// once more before it goes: if it has been used since, it stays. Soonest does not sample: the timer wheel knows the
// entries with the nearest deadlines, as exactly as its slots are wide.

// Order is what makes an entry the next to go.
type Order uint8

// The orders.
const (
	Oldest  Order = iota // longest not used: LRU
	Rarest               // least often used: LFU
	Soonest              // nearest deadline
	Any                  // whatever comes
	Queues               // S3-FIFO
)

// OldestMs is how finely Oldest tells times apart. Where a cache has other keys after some seconds, with a second it would
// hardly tell old from new.
const OldestMs = 250

const (
	poolSize   = 16
	sampleMax  = 64
	soonestMax = 16 // entries of the first slot of a wheel that are compared
	rareShare  = 16 // entries with a deadline are sampled from the wheel where they are fewer than one in so many
)

// candidate is an entry that may go, as it was when it was looked at.
type candidate struct {
	db    *DB
	hash  uint64
	ref   Ref
	score int64 // the greater, the sooner it goes
}

// Victims is the state of the choice. Make one with Keyspace.Choose.
type Victims struct {
	ks       *Keyspace
	order    Order
	volatile bool // only entries with a deadline
	samples  int
	decay    int // minutes after which a counter falls by one; 0: never
	pool     [poolSize]candidate
	pooled   int
}

// Choose makes Victim choose by an order, among all entries or among those with a deadline, comparing so many samples.
// decayMinutes is after how long without an access the counter of Rarest falls by one; 0 is never.
func (ks *Keyspace) Choose(order Order, volatile bool, samples, decayMinutes int) {
	v := &ks.victims
	if v.order != order || v.volatile != volatile {
		v.pooled = 0
	}
	v.ks, v.order, v.volatile, v.samples, v.decay = ks, order, volatile, min(max(samples, 1), sampleMax), decayMinutes
	if order == Queues && ks.queues == nil {
		ks.queues = &queues{ks: ks, share: smallLeast}
	} else if order != Queues && ks.queues != nil {
		ks.queues.free()
		ks.queues = nil
	}
}

// Victim returns the entry that is to go next; the caller deletes it. When found is false, more tells whether another call
// may find one: a call does a bounded amount of work.
func (ks *Keyspace) Victim() (e Entry, found, more bool) {
	v := &ks.victims
	switch v.order {
	case Queues:
		return ks.queues.victim()
	case Soonest:
		e, found = v.soonest()
		return e, found, false
	case Any:
		e, found = v.any()
		return e, found, false
	}
	for range 8 {
		v.sample(v.keep)
		for v.pooled > 0 {
			v.pooled--
			c := v.pool[v.pooled]
			if e, ok := c.entry(); ok && (!v.volatile || e.b[0]&flagDeadline != 0) && v.score(e.b) >= c.score {
				return e, true, false
			}
		}
	}
	return Entry{}, false, ks.HasVictims()
}

// HasVictims tells whether there is any entry that may go.
func (ks *Keyspace) HasVictims() bool {
	v := &ks.victims
	for _, db := range ks.dbs {
		if v.weight(db) > 0 {
			return true
		}
	}
	return false
}

// weight is how many entries of a database may go.
func (v *Victims) weight(db *DB) int {
	if v.volatile {
		return db.expires
	}
	return db.idx.count
}

// database picks one at random, by the number of entries that may go.
func (v *Victims) database() *DB {
	total := 0
	for _, db := range v.ks.dbs {
		total += v.weight(db)
	}
	if total == 0 {
		return nil
	}
	at := int(v.ks.Rand() % uint64(total))
	for _, db := range v.ks.dbs {
		if at -= v.weight(db); at < 0 {
			return db
		}
	}
	return nil
}

// sample shows some entries to visit, until it returns false. There may be none: then another try may find some.
func (v *Victims) sample(visit func(db *DB, r Ref) bool) {
	db := v.database()
	if db == nil {
		return
	}
	if v.volatile && db.expires < db.idx.count/rareShare {
		for range v.samples {
			for range v.ks.Rand() % 4 { // neighbours have come together: skip some
				db.wheel.Step()
			}
			if r := Ref(db.wheel.Step()); r != 0 && !visit(db, r) {
				return
			}
		}
		return
	}
	var refs [sampleMax]Ref
	want := v.samples
	if v.volatile {
		want = sampleMax
	}
	n := db.idx.sample(v.ks.Rand(), refs[:want])
	for _, r := range refs[:n] { // their cache misses overlap
		db.idx.sink += v.ks.arena.at(r)[0]
	}
	seen := 0
	for _, r := range refs[:n] {
		if v.volatile && v.ks.arena.at(r)[0]&flagDeadline == 0 {
			continue
		}
		if seen++; !visit(db, r) || seen == v.samples {
			return
		}
	}
}

// keep enters an entry into the pool, which is sorted, if it is among the best.
func (v *Victims) keep(db *DB, r Ref) bool {
	b := v.ks.arena.at(r)
	c := candidate{db: db, ref: r, score: v.score(b)}
	if v.pooled == poolSize && c.score <= v.pool[0].score {
		return true
	}
	h := parse(b)
	c.hash = v.ks.Hash(b[h.keyAt:h.valAt])
	for i := range v.pooled {
		if v.pool[i].hash == c.hash && v.pool[i].db == db {
			return true
		}
	}
	if v.pooled == poolSize {
		copy(v.pool[:], v.pool[1:])
		v.pooled--
	}
	i := v.pooled
	for ; i > 0 && v.pool[i-1].score > c.score; i-- {
		v.pool[i] = v.pool[i-1]
	}
	v.pool[i] = c
	v.pooled++
	return true
}

// score tells how soon the record at the start of b goes.
func (v *Victims) score(b []byte) int64 {
	bits := uint32(b[1]) | uint32(b[2])<<8 | uint32(b[3])<<16
	if v.order == Rarest {
		return 255 - int64(Frequency(bits, v.ks.NowMs, v.decay))
	}
	return int64((uint32(v.ks.NowMs/OldestMs) - bits) & accessMask)
}

// entry returns a candidate's entry if it is still there.
func (c *candidate) entry() (Entry, bool) {
	at, ok := c.db.idx.findRef(c.hash, c.ref)
	if !ok {
		return Entry{}, false
	}
	e := Entry{db: c.db, hash: c.hash, at: at, ref: c.ref}
	e.load()
	return e, c.db.ks.Hash(e.Key()) == c.hash // the block may be another entry's by now
}

// soonest returns the entry with the nearest deadline.
func (v *Victims) soonest() (Entry, bool) {
	var best *DB
	var ref Ref
	nearest := int64(never)
	for _, db := range v.ks.dbs {
		if db.wheel == nil {
			continue
		}
		if r, deadline := db.wheel.Earliest(soonestMax); r != 0 && (ref == 0 || deadline < nearest) {
			best, ref, nearest = db, Ref(r), deadline
		}
	}
	if ref == 0 {
		return Entry{}, false
	}
	return best.entryAt(ref), true
}

// any returns any entry.
func (v *Victims) any() (e Entry, found bool) {
	if !v.volatile {
		if db := v.database(); db != nil {
			return db.Random()
		}
		return Entry{}, false
	}
	for range 64 {
		v.sample(func(db *DB, r Ref) bool {
			e, found = db.entryAt(r), true
			return false
		})
		if found {
			return e, true
		}
	}
	for _, db := range v.ks.dbs { // chance was against it
		if db.expires > 0 {
			if r := Ref(db.wheel.Step()); r != 0 {
				return db.entryAt(r), true
			}
		}
	}
	return Entry{}, false
}

// sample collects entries that follow one another in a segment picked by random bits, at most len(refs) of them. Each place
// of the directory has the same chance, which stands for the same share of all hashes.
func (x *Index) sample(random uint64, refs []Ref) (n int) {
	if x.count == 0 {
		return 0
	}
	s := x.dir[random>>32&uint64(len(x.dir)-1)]
	start := int(random % segmentSlots)
	for i := range segmentSlots {
		if w := s.slots[(start+i)%segmentSlots]; w != 0 {
			refs[n] = Ref(w & refMask)
			if n++; n == len(refs) {
				break
			}
		}
	}
	return n
}
