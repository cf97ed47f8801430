package keyspace

import (
	"encoding/binary"

	"redix/engine/timerwheel"
)

// DB is one database. Its contents can be exchanged with another's (Keyspace.Swap); ID and identity stay.
type DB struct {
	ID int

	ks      *Keyspace
	idx     *Index
	wheel   *timerwheel.Wheel[links] // nil until the first deadline
	expires int                      // entries with a deadline
}

// Entry is a view of one key's record. It dies at the next change of the keyspace, but for the change made through it
// (by pointer), which renews it.
type Entry struct {
	db   *DB
	hash uint64
	at   place
	ref  Ref
	b    []byte // from the record's start to the end of its slab
	header
}

// Len returns the number of keys.
func (db *DB) Len() int { return db.idx.count }

// IndexBytes returns the memory of the index of its keys.
func (db *DB) IndexBytes() int64 { return db.idx.Bytes() }

// Expires returns the number of keys that have a deadline.
func (db *DB) Expires() int { return db.expires }

// Find returns the entry of key as it is, expired or not.
func (db *DB) Find(key []byte) (e Entry, ok bool) {
	ok = db.find(&e, key)
	return e, ok
}

// Lookup returns the live entry of key. One whose deadline has passed (the millisecond it names is over, as in
// redis-server) is removed first. When there is none, the entry returned still serves as the place for a new one (Set and so on).
func (db *DB) Lookup(key []byte) (e Entry, ok bool) {
	ok = db.LookupInto(&e, key)
	return e, ok
}

// find is Find into an entry of the caller's, which must be zero: entries are large enough for their copies to count.
func (db *DB) find(e *Entry, key []byte) bool {
	e.db = db
	e.hash = db.ks.Hash(key)
	e.at, e.ref = db.idx.find(e.hash, key)
	if e.ref == 0 {
		return false
	}
	e.load()
	return true
}

// LookupInto is Lookup into an entry of the caller's, which must be zero.
func (db *DB) LookupInto(e *Entry, key []byte) bool {
	if !db.find(e, key) {
		return false
	}
	if e.b[0]&flagDeadline != 0 && e.Deadline() < db.ks.NowMs {
		if !db.ks.HoldExpired {
			db.expire(e)
		}
		return false
	}
	return true
}

func (db *DB) expire(e *Entry) {
	db.ks.Expired++
	if db.ks.observer != nil {
		db.ks.observer.Expired(db, e.Key())
	}
	if db.ks.snapshot != nil {
		db.ks.snapshot.expiring(e)
	}
	db.Delete(e)
}

func (e *Entry) load() {
	e.b = e.db.ks.arena.at(e.ref)
	e.header = parse(e.b)
}

// Found tells whether the entry exists.
func (e *Entry) Found() bool { return e.ref != 0 }

// DB returns the entry's database.
func (e *Entry) DB() *DB { return e.db }

// Key returns the key's bytes in the record.
func (e *Entry) Key() []byte { return e.b[e.keyAt:e.valAt:e.valAt] }

// Encoding returns how the value is kept.
func (e *Entry) Encoding() Encoding { return Encoding(e.b[0] & flagEncoding) }

// Type returns the data type.
func (e *Entry) Type() Type {
	if e.ref == 0 {
		return TypeNone
	}
	return types[e.Encoding()].of
}

// Deadline returns the entry's deadline in Unix milliseconds, 0 for none.
func (e *Entry) Deadline() int64 {
	if e.ref == 0 || e.b[0]&flagDeadline == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(e.b[linksAt:]))
}

// Access returns the access bits; see Victims for what they mean.
func (e *Entry) Access() uint32 { return uint32(e.b[1]) | uint32(e.b[2])<<8 | uint32(e.b[3])<<16 }

// SetAccess sets the access bits; it writes only when the value differs, so that a hot key's cache line stays clean.
func (e *Entry) SetAccess(clock uint32) {
	if e.Access() != clock&accessMask {
		e.b[1], e.b[2], e.b[3] = byte(clock), byte(clock>>8), byte(clock>>16)
	}
}

// Value returns the bytes of the value: of a string that is not EncInt, or of a packed blob.
func (e *Entry) Value() []byte {
	if e.Encoding() == EncLarge {
		ref, n := e.large()
		return e.db.ks.arena.Block(ref)[:n:n]
	}
	return e.b[e.valAt : e.valAt+e.valLen : e.valAt+e.valLen]
}

func (e *Entry) large() (Ref, int) {
	v := e.b[e.valAt:]
	return Ref(binary.LittleEndian.Uint64(v)), int(binary.LittleEndian.Uint64(v[8:]))
}

// Size returns the bytes that the entry takes: record, value and its share of the index.
func (e *Entry) Size() int64 {
	n := int64(e.db.ks.arena.Size(e.ref)) + 8
	switch enc := e.Encoding(); {
	case enc == EncLarge:
		ref, _ := e.large()
		n += int64(e.db.ks.arena.Size(ref))
	case enc.hasObject():
		n += e.db.Object(e).Bytes()
	}
	return n
}

// write makes the record of an entry: in place where the block fits, else anew. It returns the value's bytes, to be
// filled by the caller; key and that filling must not come from the entry's own old record. deadline 0 is none.
func (db *DB) write(e *Entry, key []byte, enc Encoding, valLen int, deadline int64) []byte {
	db.ks.touch(e)
	flags := byte(enc)
	if deadline != 0 {
		flags |= flagDeadline
	}
	size, flags := recordSize(flags, len(key), valLen)
	if e.ref != 0 {
		db.dropValue(e)
		if sizeFor(size) == db.ks.arena.Size(e.ref) && (e.b[0]^flags)&flagDeadline == 0 {
			db.rewrite(e, key, flags, valLen, deadline)
			return e.b[e.valAt : e.valAt+valLen]
		}
	}
	db.remake(e, key, flags, size, valLen, deadline)
	return e.b[e.valAt : e.valAt+valLen]
}

// rewrite reuses the entry's block.
func (db *DB) rewrite(e *Entry, key []byte, flags byte, valLen int, deadline int64) {
	if deadline != 0 {
		db.moveDeadline(e, deadline)
	}
	sameShape := (e.b[0]^flags)&(flagWideKey|flagWideVal) == 0
	e.header = writeHeader(e.b, flags, len(key), valLen)
	if !sameShape {
		copy(e.b[e.keyAt:], key)
	}
}

// remake allocates a block for the entry, gives back the old one, and enters it in index and wheel.
func (db *DB) remake(e *Entry, key []byte, flags byte, size, valLen int, deadline int64) {
	a := db.ks.arena
	r := a.Alloc(size)
	b := a.at(r)
	h := writeHeader(b, flags, len(key), valLen)
	copy(b[h.keyAt:], key)
	if e.ref != 0 {
		copy(b[1:4], e.b[1:4])
		db.unwheel(e)
		a.Free(e.ref)
		e.at.setRef(r)
	} else {
		e.at = db.idx.insert(e.hash, r)
		bits := db.ks.NewAccess
		if db.ks.queues != nil {
			bits = db.ks.queues.created(db, e.hash)
		}
		b[1], b[2], b[3] = byte(bits), byte(bits>>8), byte(bits>>16)
		if db.ks.TellCreated {
			db.ks.observer.Created(db, key)
		}
	}
	e.ref, e.b, e.header = r, b, h
	if deadline != 0 {
		db.enwheel(e, deadline)
	}
}

func (db *DB) enwheel(e *Entry, deadline int64) {
	if db.wheel == nil {
		db.wheel = timerwheel.New(links{db.ks.arena}, db.ks.NowMs-1) // as far as Advance has been (expireDB)
	}
	binary.LittleEndian.PutUint64(e.b[linksAt:], uint64(deadline))
	db.wheel.Add(uint64(e.ref)) // writes the links
	db.ks.soonest = min(db.ks.soonest, deadline)
	db.expires++
}

// moveDeadline changes the deadline of an entry that has one. The wheel finds out by itself when it is later now.
func (db *DB) moveDeadline(e *Entry, deadline int64) {
	if deadline >= e.Deadline() {
		binary.LittleEndian.PutUint64(e.b[linksAt:], uint64(deadline))
		return
	}
	db.wheel.Cancel(uint64(e.ref))
	binary.LittleEndian.PutUint64(e.b[linksAt:], uint64(deadline))
	db.wheel.Add(uint64(e.ref))
	db.ks.soonest = min(db.ks.soonest, deadline)
}

func (db *DB) unwheel(e *Entry) {
	if e.b[0]&flagDeadline != 0 {
		db.wheel.Cancel(uint64(e.ref))
		db.expires--
	}
}

// SetDeadline gives the entry a deadline in Unix milliseconds, or takes it away (0).
func (db *DB) SetDeadline(e *Entry, deadline int64) {
	if deadline == e.Deadline() {
		return
	}
	db.ks.touch(e)
	if deadline != 0 && e.b[0]&flagDeadline != 0 {
		db.moveDeadline(e, deadline)
		return
	}
	db.reshape(e, e.Key(), e.b[0]^flagDeadline, e.b[e.valAt:e.valAt+e.valLen], deadline)
}

// reshape moves the entry to a new record with the same value bytes (a large value or table goes along).
func (db *DB) reshape(e *Entry, key []byte, flags byte, val []byte, deadline int64) {
	size, flags := recordSize(flags, len(key), len(val))
	a := db.ks.arena
	r := a.Alloc(size)
	b := a.at(r)
	h := writeHeader(b, flags, len(key), len(val))
	copy(b[1:4], e.b[1:4])
	copy(b[h.keyAt:], key)
	copy(b[h.valAt:], val)
	db.replaceRecord(e, r, b, h, deadline)
}

// replaceRecord puts the record b at r in the place of the entry's, which is freed.
func (db *DB) replaceRecord(e *Entry, r Ref, b []byte, h header, deadline int64) {
	db.unwheel(e)
	db.ks.arena.Free(e.ref)
	e.at.setRef(r)
	e.ref, e.b, e.header = r, b, h
	if deadline != 0 {
		db.enwheel(e, deadline)
	}
}

// Delete removes the entry. What is large is freed later, in slices (Keyspace.FreeStep).
func (db *DB) Delete(e *Entry) {
	db.ks.touch(e)
	db.dropValue(e)
	db.unlink(e)
}

// unlink removes the record, not what it refers to.
func (db *DB) unlink(e *Entry) {
	db.unwheel(e)
	db.ks.arena.Free(e.ref)
	db.idx.remove(e.hash, e.at)
	e.ref, e.b = 0, nil
}

// Transfer moves the entry with value and deadline to another key or database. The destination must not exist.
func (db *DB) Transfer(e *Entry, to *DB, key []byte) {
	dst, ok := to.Find(key)
	if ok {
		panic("keyspace: Transfer onto an existing key")
	}
	deadline := e.Deadline()
	db.ks.touch(e)
	val := e.b[e.valAt : e.valAt+e.valLen]
	size, flags := recordSize(e.b[0], len(key), len(val))
	to.remake(&dst, key, flags, size, len(val), deadline)
	copy(dst.b[dst.valAt:], val)
	if db.ks.queues == nil { // there it is a new one: the ring does not know its hash
		copy(dst.b[1:4], e.b[1:4])
	}
	e.at, _ = db.idx.findRef(e.hash, e.ref) // the insertion may have split e's segment
	db.unlink(e)
}

// Flush empties the database at once; the memory comes back in slices.
func (db *DB) Flush() {
	if db.idx.count == 0 {
		return
	}
	if !db.idx.keepFlushed() {
		db.ks.garbage = append(db.ks.garbage, garbage{idx: db.idx})
	}
	db.idx = newIndex(db.ks.arena)
	db.wheel = nil
	db.expires = 0
}

// Scan visits entries from a cursor on; see Index.Scan. The entries are for reading only and may be expired. visit must
// not change the database.
func (db *DB) Scan(cursor uint64, count int, visit func(e *Entry)) uint64 {
	e := Entry{db: db}
	return db.idx.Scan(cursor, count, func(r Ref) {
		e.ref = r
		e.load()
		visit(&e)
	})
}

// entryAt returns the entry of a record. Its slot is looked up, so that the entry can be changed through.
func (db *DB) entryAt(r Ref) Entry {
	e := Entry{db: db, ref: r}
	e.load()
	e.hash = db.ks.Hash(e.Key())
	e.at, _ = db.idx.findRef(e.hash, r)
	return e
}

// Random returns a uniformly chosen entry, expired or not.
func (db *DB) Random() (Entry, bool) {
	r := db.idx.Random(db.ks.Rand)
	if r == 0 {
		return Entry{}, false
	}
	return db.entryAt(r), true
}
