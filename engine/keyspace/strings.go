package keyspace

import (
	"encoding/binary"
	"strconv"
)

// Strings. A canonical integer is kept as int64, up to EmbstrMax bytes as embstr, longer ones raw; from largeMin bytes
// on the bytes have a block of their own, which grows without being copied when it is a mapping (256 KiB and up).
//
// Invariant: in a mapping, the bytes past the string's length are zero; growing it needs no clearing.

// SetString gives the entry's key a string value and deadline (0 for none), whatever it held. val must not come from
// the entry itself.
func (db *DB) SetString(e *Entry, key, val []byte, deadline int64) {
	if n, ok := canonicalInt(val); ok {
		binary.LittleEndian.PutUint64(db.write(e, key, EncInt, 8, deadline), uint64(n))
		return
	}
	switch {
	case len(val) <= EmbstrMax:
		copy(db.write(e, key, EncEmbstr, len(val), deadline), val)
	case len(val) < largeMin:
		copy(db.write(e, key, EncRaw, len(val), deadline), val)
	default:
		r := db.ks.arena.Alloc(len(val))
		copy(db.ks.arena.Block(r), val)
		db.setLarge(e, key, r, len(val), deadline)
	}
}

// AdoptLarge is SetString for a value that is already in a block of the arena, such as the buffer that a large argument
// was received in. The entry owns the block from then on.
func (db *DB) AdoptLarge(e *Entry, key []byte, block Ref, n int, deadline int64) {
	if db.ks.arena.isMapping(block) {
		b := db.ks.arena.Block(block)
		clear(b[n:min(len(b), n+2)]) // the CRLF that came after it
	}
	db.setLarge(e, key, block, n, deadline)
}

func (db *DB) setLarge(e *Entry, key []byte, block Ref, n int, deadline int64) {
	v := db.write(e, key, EncLarge, 16, deadline)
	binary.LittleEndian.PutUint64(v, uint64(block))
	binary.LittleEndian.PutUint64(v[8:], uint64(n))
}

// SetInt gives the entry's key an integer value and deadline.
func (db *DB) SetInt(e *Entry, key []byte, n, deadline int64) {
	if e.ref != 0 && e.Encoding() == EncInt && deadline == e.Deadline() {
		db.ks.touch(e)
		binary.LittleEndian.PutUint64(e.b[e.valAt:], uint64(n))
		return
	}
	binary.LittleEndian.PutUint64(db.write(e, key, EncInt, 8, deadline), uint64(n))
}

// Int returns the value of an EncInt string.
func (e *Entry) Int() int64 { return int64(binary.LittleEndian.Uint64(e.b[e.valAt:])) }

// Bytes returns a string's bytes: a view of the record, or for an integer its digits in scratch.
func (e *Entry) Bytes(scratch []byte) []byte {
	if e.Encoding() == EncInt {
		return strconv.AppendInt(scratch[:0], e.Int(), 10)
	}
	return e.Value()
}

// StringLen returns the length of a string in bytes.
func (e *Entry) StringLen() int {
	switch e.Encoding() {
	case EncInt:
		var buf [20]byte
		return len(strconv.AppendInt(buf[:0], e.Int(), 10))
	case EncLarge:
		_, n := e.large()
		return n
	}
	return e.valLen
}

// Writable returns a string's bytes to be changed in place. An integer or embstr becomes raw first, as in redis-server.
func (db *DB) Writable(e *Entry) []byte {
	return db.Resize(e, e.StringLen())
}

// Resize makes a string raw and n bytes long, keeping its head; new bytes are zero. It returns the bytes, to be changed
// in place. Room for further growth is left when it grows, so that appending n bytes one at a time copies O(n).
func (db *DB) Resize(e *Entry, n int) []byte {
	db.ks.touchValue(e)
	switch e.Encoding() {
	case EncLarge:
		return db.resizeLarge(e, n)
	case EncRaw:
		size, flags := recordSize(e.b[0], e.keyLen, n)
		if flags == e.b[0] && n < largeMin && size <= db.ks.arena.Size(e.ref) {
			old := e.valLen
			e.header = writeHeader(e.b, flags, e.keyLen, n)
			v := e.b[e.valAt : e.valAt+n]
			if n > old {
				clear(v[old:])
			}
			return v
		}
	}
	return db.resizeRaw(e, n)
}

// resizeRaw moves the string to a new record, or out of the record when it gets large.
func (db *DB) resizeRaw(e *Entry, n int) []byte {
	var digits [20]byte
	old := e.Bytes(digits[:])
	a := db.ks.arena
	room := n
	if n > len(old) && e.Encoding() == EncRaw {
		room = min(2*n, n+1<<20)
	}
	if n >= largeMin {
		r := a.Alloc(room)
		b := a.Block(r)
		if k := copy(b[:n], old); !a.isMapping(r) { // a mapping is zero already
			clear(b[k:n])
		}
		var v [16]byte
		binary.LittleEndian.PutUint64(v[:], uint64(r))
		binary.LittleEndian.PutUint64(v[8:], uint64(n))
		db.reshape(e, e.Key(), e.b[0]&^flagEncoding|byte(EncLarge), v[:], e.Deadline())
		return b[:n]
	}
	flags := e.b[0]&^flagEncoding | byte(EncRaw)
	size, _ := recordSize(flags, e.keyLen, room)
	_, flags = recordSize(flags, e.keyLen, n)
	deadline := e.Deadline()
	r := a.Alloc(size)
	b := a.at(r)
	h := writeHeader(b, flags, e.keyLen, n)
	copy(b[1:4], e.b[1:4])
	copy(b[h.keyAt:], e.Key())
	v := b[h.valAt : h.valAt+n]
	clear(v[copy(v, old):])
	db.replaceRecord(e, r, b, h, deadline)
	return v
}

func (db *DB) resizeLarge(e *Entry, n int) []byte {
	a := db.ks.arena
	r, old := e.large()
	if n > a.Size(r) {
		room := min(2*n, n+1<<20)
		if a.isMapping(r) {
			a.Grow(r, room)
		} else {
			grown := a.Alloc(room)
			copy(a.Block(grown), a.Block(r)[:old])
			a.Free(r)
			r = grown
			binary.LittleEndian.PutUint64(e.b[e.valAt:], uint64(r))
		}
	}
	b := a.Block(r)[:n]
	if n > old && !a.isMapping(r) {
		clear(b[old:])
	}
	if n < old && a.isMapping(r) {
		clear(a.Block(r)[n:old])
	}
	binary.LittleEndian.PutUint64(e.b[e.valAt+8:], uint64(n))
	return b
}

// canonicalInt reports whether b is exactly how an int64 prints.
func canonicalInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	neg := b[0] == '-'
	d := b
	if neg {
		d = b[1:]
	}
	if len(d) == 0 || len(d) > 19 || d[0] < '0' || d[0] > '9' || d[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range d {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	if neg {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}
