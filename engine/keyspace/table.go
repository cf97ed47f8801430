package keyspace

// Table is a large hash, or set: an index of field records. As an Object it is reached through a handle.
type Table struct {
	ks    *Keyspace
	idx   *Index
	bytes int64 // of the field records' blocks
	freed int   // directory places of idx that FreeStep is done with
}

// NewTable returns an empty table, to become the value of an entry with DB.SetObject.
func (ks *Keyspace) NewTable() *Table { return &Table{ks: ks, idx: newIndex(ks.arena)} }

// SetTable gives the entry's key an empty Table as a hash, whatever it held.
func (db *DB) SetTable(e *Entry, key []byte, deadline int64) *Table {
	t := db.ks.NewTable()
	db.SetObject(e, key, EncHashTable, t, deadline)
	return t
}

// SetPacked gives the entry's key a packed value, whatever it held. blob must not come from the entry itself.
func (db *DB) SetPacked(e *Entry, key []byte, enc Encoding, blob []byte, deadline int64) {
	copy(db.write(e, key, enc, len(blob), deadline), blob)
}

// WritablePacked returns the packed blob to be changed in place, without changing its length.
func (db *DB) WritablePacked(e *Entry) []byte {
	db.ks.touch(e)
	return e.Value()
}

// ResizePacked makes a packed value n bytes long, keeping its head; what is new is undefined. It returns the bytes, to be
// changed in place.
func (db *DB) ResizePacked(e *Entry, n int) []byte {
	db.ks.touch(e)
	a := db.ks.arena
	deadline := e.Deadline()
	size, flags := recordSize(e.b[0], e.keyLen, n)
	if flags == e.b[0] && sizeFor(size) == a.Size(e.ref) {
		e.header = writeHeader(e.b, flags, e.keyLen, n)
		return e.b[e.valAt : e.valAt+n]
	}
	r := a.Alloc(size)
	b := a.at(r)
	h := writeHeader(b, flags, e.keyLen, n)
	copy(b[1:4], e.b[1:4])
	copy(b[h.keyAt:], e.Key())
	copy(b[h.valAt:h.valAt+n], e.b[e.valAt:e.valAt+e.valLen])
	db.replaceRecord(e, r, b, h, deadline)
	return b[h.valAt : h.valAt+n]
}

// Table returns the table of an EncHashTable or EncSetTable entry, for reading.
func (db *DB) Table(e *Entry) *Table { return db.Object(e).(*Table) }

// MutableTable returns the table of an EncHashTable or EncSetTable entry, to be changed.
func (db *DB) MutableTable(e *Entry) *Table { return db.MutableObject(e).(*Table) }

// FreeStep implements Object: it frees one segment of the index with its fields.
func (t *Table) FreeStep() bool {
	var done bool
	t.freed, done = t.ks.freeSegment(t.idx, t.freed)
	return done
}

// Len returns the number of fields.
func (t *Table) Len() int { return t.idx.count }

// Bytes returns the memory of the fields and their index.
func (t *Table) Bytes() int64 { return t.bytes + t.idx.Bytes() }

// Get returns a field's value: a view.
func (t *Table) Get(field []byte) ([]byte, bool) {
	_, r := t.idx.find(t.ks.Hash(field), field)
	if r == 0 {
		return nil, false
	}
	_, v := t.pair(r)
	return v, true
}

func (t *Table) pair(r Ref) (field, value []byte) {
	b := t.ks.arena.at(r)
	h := parse(b)
	return b[h.keyAt:h.valAt:h.valAt], b[h.valAt : h.valAt+h.valLen : h.valAt+h.valLen]
}

// Set gives a field a value, which must not come from the table; it returns true when the field is new.
func (t *Table) Set(field, value []byte) bool {
	a := t.ks.arena
	hash := t.ks.Hash(field)
	at, r := t.idx.find(hash, field)
	size, flags := recordSize(flagField, len(field), len(value))
	if r != 0 && a.Size(r) == sizeFor(size) {
		b := a.at(r)
		same := b[0] == flags
		h := writeHeader(b, flags, len(field), len(value))
		if !same {
			copy(b[h.keyAt:], field)
		}
		copy(b[h.valAt:], value)
		return false
	}
	n := a.Alloc(size)
	b := a.at(n)
	h := writeHeader(b, flags, len(field), len(value))
	copy(b[h.keyAt:], field)
	copy(b[h.valAt:], value)
	t.bytes += int64(a.Size(n))
	if r != 0 {
		t.bytes -= int64(a.Size(r))
		a.Free(r)
		at.setRef(n)
		return false
	}
	t.idx.insert(hash, n)
	return true
}

// Add adds a field without a value, unless it is there; it returns true when the field is new.
func (t *Table) Add(field []byte) bool {
	hash := t.ks.Hash(field)
	if _, r := t.idx.find(hash, field); r != 0 {
		return false
	}
	size, flags := recordSize(flagField, len(field), 0)
	r := t.ks.arena.Alloc(size)
	b := t.ks.arena.at(r)
	copy(b[writeHeader(b, flags, len(field), 0).keyAt:], field)
	t.bytes += int64(t.ks.arena.Size(r))
	t.idx.insert(hash, r)
	return true
}

// Delete removes a field; it returns false when there was none.
func (t *Table) Delete(field []byte) bool {
	hash := t.ks.Hash(field)
	at, r := t.idx.find(hash, field)
	if r == 0 {
		return false
	}
	t.bytes -= int64(t.ks.arena.Size(r))
	t.ks.arena.Free(r)
	t.idx.remove(hash, at)
	return true
}

// Scan visits fields from a cursor on; see Index.Scan.
func (t *Table) Scan(cursor uint64, count int, visit func(field, value []byte)) uint64 {
	return t.idx.Scan(cursor, count, func(r Ref) { visit(t.pair(r)) })
}

// Each visits all fields.
func (t *Table) Each(visit func(field, value []byte)) {
	for c := t.Scan(0, segmentSlots, visit); c != 0; {
		c = t.Scan(c, segmentSlots, visit)
	}
}

// Random returns a uniformly chosen field; the table must not be empty.
func (t *Table) Random() (field, value []byte) { return t.pair(t.idx.Random(t.ks.Rand)) }
