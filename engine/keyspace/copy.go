package keyspace

import "encoding/binary"

// Copies of whole entries. A record is copied as it is; what it refers to outside of itself (a large string's block, an
// Object) is made anew, so that the two entries share nothing.

// Duplicate gives key of database to a copy of the entry: value, encoding and deadline. The destination must not exist.
// Its time is in proportion to the value's size.
func (db *DB) Duplicate(e *Entry, to *DB, key []byte) {
	dst, ok := to.Find(key)
	if ok {
		panic("keyspace: Duplicate onto an existing key")
	}
	a := db.ks.arena
	val := e.b[e.valAt : e.valAt+e.valLen]
	size, flags := recordSize(e.b[0], len(key), len(val))
	var own [16]byte
	switch enc := e.Encoding(); {
	case enc == EncLarge:
		old, n := e.large()
		r := a.Alloc(n)
		copy(a.Block(r), a.Block(old)[:n])
		copy(own[:], val)
		binary.LittleEndian.PutUint64(own[:], uint64(r))
		val = own[:len(val)]
	case enc.hasObject():
		binary.LittleEndian.PutUint32(own[:], db.ks.handle(db.Object(e).Copy()))
		val = own[:handleBytes]
	}
	to.remake(&dst, key, flags, size, len(val), e.Deadline())
	copy(dst.b[dst.valAt:], val)
}

// Copy implements Object.
func (t *Table) Copy() Object {
	twin := t.ks.NewTable()
	a := t.ks.arena
	for cursor := uint64(0); ; {
		cursor = t.idx.Scan(cursor, segmentSlots, func(old Ref) {
			b := a.at(old)
			h := parse(b)
			n := a.Alloc(h.valAt + h.valLen)
			copy(a.at(n), b[:h.valAt+h.valLen])
			twin.bytes += int64(a.Size(n))
			twin.idx.insert(t.ks.Hash(b[h.keyAt:h.valAt]), n)
		})
		if cursor == 0 {
			return twin
		}
	}
}
