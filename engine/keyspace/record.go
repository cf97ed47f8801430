package keyspace

import "encoding/binary"

// Records. An entry of a database:
//
//	flags 1 | access 3 | [deadline 8 | next 5 | prev 5] | klen 1 or 4 | vlen 1 or 4 | key | value
//
// A field of a Table (a large hash):
//
//	flags 1 | klen 1 or 4 | vlen 1 or 4 | field | value
//
//	flags  bits 0-3  Encoding (entries only)
//	       bit 4     the entry has a deadline and the timer wheel's links
//	       bit 5     this is a field
//	       bit 6     klen takes 4 bytes
//	       bit 7     vlen takes 4 bytes
//	access 24 bits that tell of the last uses, see victim.go
//
// Numbers are little endian. The value of an entry by encoding:
//
//	Int           int64, 8 bytes
//	Embstr, Raw   the bytes
//	Large         ref 8 | length 8 | flags: the bytes are in a block of their own
//	...Packed     a packed blob
//	SetInts       see the commands of sets
//	an Object     number of the handle, 4 bytes
//
// A record's block is usually a little larger than the record; what follows the value is undefined.

// Encoding says how an entry's value is kept. Types follow from it.
type Encoding uint8

// Encodings of entries.
const (
	EncInt         Encoding = iota // string: a canonical int64
	EncEmbstr                      // string: at most EmbstrMax bytes, as SET gave them
	EncRaw                         // string
	EncLarge                       // string in a block of its own, shown as raw
	EncHashPacked                  // hash, shown as listpack
	EncHashPackedT                 // hash, packed, but past redis.conf's limits: shown as hashtable
	EncHashTable                   // hash in a Table
	EncSetInts                     // set of integers: sorted, shown as intset
	EncSetPacked                   // set, shown as listpack
	EncSetPackedT                  // set, packed, but past redis.conf's limits: shown as hashtable
	EncSetTable                    // set in a Table
	EncZsetPacked                  // sorted set, shown as listpack
	EncZsetTree                    // sorted set in an object, shown as skiplist
	EncListPacked                  // list, shown as listpack
	EncListChunks                  // list in an object, shown as quicklist
	EncStream                      // stream in an object
)

// Type is the data type that a client sees.
type Type uint8

// Types, TypeNone for a key that does not exist.
const (
	TypeNone Type = iota
	TypeString
	TypeHash
	TypeList
	TypeSet
	TypeZset
	TypeStream
)

// types gives the type and whether the value is an Object for each Encoding.
var types = [16]struct {
	of     Type
	object bool
}{
	EncInt: {TypeString, false}, EncEmbstr: {TypeString, false}, EncRaw: {TypeString, false}, EncLarge: {TypeString, false},
	EncHashPacked: {TypeHash, false}, EncHashPackedT: {TypeHash, false}, EncHashTable: {TypeHash, true},
	EncSetInts: {TypeSet, false}, EncSetPacked: {TypeSet, false}, EncSetPackedT: {TypeSet, false}, EncSetTable: {TypeSet, true},
	EncZsetPacked: {TypeZset, false}, EncZsetTree: {TypeZset, true},
	EncListPacked: {TypeList, false}, EncListChunks: {TypeList, true},
	EncStream: {TypeStream, true},
}

func (enc Encoding) hasObject() bool { return types[enc].object }

// EmbstrMax is the length up to which redis-server calls a string embstr.
const EmbstrMax = 44

// largeMin is the length from which a string's bytes get a block of their own.
const largeMin = 64 << 10

const (
	flagEncoding = 0x0f
	flagDeadline = 0x10
	flagField    = 0x20
	flagWideKey  = 0x40
	flagWideVal  = 0x80

	linksAt    = 4
	linksBytes = 18
)

// header is a record's first bytes, taken apart.
type header struct {
	keyAt, keyLen int
	valAt, valLen int
}

// parse reads the header of the record at the start of b.
func parse(b []byte) (h header) {
	flags := b[0]
	p := 4
	if flags&flagField != 0 {
		p = 1
	} else if flags&flagDeadline != 0 {
		p = 4 + linksBytes
	}
	if flags&flagWideKey == 0 {
		h.keyLen = int(b[p])
		p++
	} else {
		h.keyLen = int(binary.LittleEndian.Uint32(b[p:]))
		p += 4
	}
	if flags&flagWideVal == 0 {
		h.valLen = int(b[p])
		p++
	} else {
		h.valLen = int(binary.LittleEndian.Uint32(b[p:]))
		p += 4
	}
	h.keyAt = p
	h.valAt = p + h.keyLen
	return h
}

// keyEqual compares the key or field of the record at the start of b.
func keyEqual(b, key []byte) bool {
	flags := b[0]
	if flags&(flagDeadline|flagField|flagWideKey|flagWideVal) == 0 { // by far the most
		return int(b[4]) == len(key) && string(b[6:6+len(key)]) == string(key)
	}
	h := parse(b)
	return h.keyLen == len(key) && string(b[h.keyAt:h.valAt]) == string(key)
}

// recordSize returns the bytes of a record with these flags (width flags are added) and lengths, and the flags.
func recordSize(flags byte, keyLen, valLen int) (int, byte) {
	n := 4
	if flags&flagField != 0 {
		n = 1
	} else if flags&flagDeadline != 0 {
		n = 4 + linksBytes
	}
	flags &^= flagWideKey | flagWideVal
	n += 2
	if keyLen > 255 {
		n += 3
		flags |= flagWideKey
	}
	if valLen > 255 {
		n += 3
		flags |= flagWideVal
	}
	return n + keyLen + valLen, flags
}

// writeHeader writes flags and lengths, not access, links, key or value.
func writeHeader(b []byte, flags byte, keyLen, valLen int) header {
	b[0] = flags
	p := 4
	if flags&flagField != 0 {
		p = 1
	} else if flags&flagDeadline != 0 {
		p = 4 + linksBytes
	}
	if flags&flagWideKey == 0 {
		b[p] = byte(keyLen)
		p++
	} else {
		binary.LittleEndian.PutUint32(b[p:], uint32(keyLen))
		p += 4
	}
	if flags&flagWideVal == 0 {
		b[p] = byte(valLen)
		p++
	} else {
		binary.LittleEndian.PutUint32(b[p:], uint32(valLen))
		p += 4
	}
	return header{keyAt: p, keyLen: keyLen, valAt: p + keyLen, valLen: valLen}
}

// links gives the timer wheel its fields in the records; it is timerwheel.Links.
type links struct{ arena *Arena }

func (l links) Deadline(r uint64) int64 {
	return int64(binary.LittleEndian.Uint64(l.arena.at(Ref(r))[linksAt:]))
}

func (l links) Links(r uint64) (next, prev uint64) {
	b := l.arena.at(Ref(r))[linksAt+8 : linksAt+linksBytes]
	return get40(b), get40(b[5:])
}

func (l links) SetNext(r uint64, v uint64) { put40(l.arena.at(Ref(r))[linksAt+8:], v) }
func (l links) SetPrev(r uint64, v uint64) { put40(l.arena.at(Ref(r))[linksAt+13:], v) }

func get40(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(b[4])<<32
}

func put40(b []byte, v uint64) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	b[4] = byte(v >> 32)
}
