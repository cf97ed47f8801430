package stream

import (
	"encoding/binary"

	"redix/engine/packed"
)

// Blocks hold entries one after the other. The directory knows the ID of a block's first entry, its base; IDs in the
// block are told by their distance from it. The field names of the first entry are kept once; entries with
// the same names in the same order keep values only.
//
//	block   used 4 | live 4 | deleted 4 | entries at 4 | n (uvarint) | n names | entry | entry | ...
//
//	entry   size (uvarint) | flags 1 | [ms] | [seq] | values               | size (backwards)    names as in the head
//	        size (uvarint) | flags 1 | [ms] | [seq] | n | n (name, value)  | size (backwards)    names of its own
//
//	flags   1  deleted
//	        2  the names are those in the head
//	        4  ms is there: milliseconds after the base's, and seq is absolute; else the milliseconds are the base's, and seq is
//	           relative to it
//	        8  seq is there; else it is 0
//
// Numbers outside of the head are uvarints; names and values are elements of package packed. size counts the bytes from
// flags to the last value; its second copy is written with the bytes in reverse, so that it can be read from behind.
// Entries are never moved: a deleted one is marked, and a block goes when it has no live one. live and deleted count both
// kinds.

const (
	usedAt      = 0
	liveAt      = 4
	deletedAt   = 8
	entriesAt   = 12
	namesAt     = 16
	flagDeleted = 1
	flagSame    = 2
	flagMs      = 4
	flagSeq     = 8
)

// block is a view of a block.
type block []byte

func (b block) used() int      { return int(binary.LittleEndian.Uint32(b[usedAt:])) }
func (b block) live() int      { return int(binary.LittleEndian.Uint32(b[liveAt:])) }
func (b block) deleted() int   { return int(binary.LittleEndian.Uint32(b[deletedAt:])) }
func (b block) entries() int   { return int(binary.LittleEndian.Uint32(b[entriesAt:])) }
func (b block) set(at, n int)  { binary.LittleEndian.PutUint32(b[at:], uint32(n)) }
func (b block) bump(at, n int) { b.set(at, int(binary.LittleEndian.Uint32(b[at:]))+n) }

// uvarint reads a number; most have one byte.
func uvarint(b []byte, pos int) (n uint64, next int) {
	if b[pos] < 0x80 {
		return uint64(b[pos]), pos + 1
	}
	n, size := binary.Uvarint(b[pos:])
	return n, pos + size
}

// appendReverse appends a uvarint with its bytes in reverse order.
func appendReverse(dst []byte, n uint64) []byte {
	var room [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(room[:], n)
	for ; k > 0; k-- {
		dst = append(dst, room[k-1])
	}
	return dst
}

// reverse reads the number that ends before pos, and where its bytes begin.
func reverse(b []byte, pos int) (n uint64, start int) {
	for shift := 0; ; shift += 7 {
		pos--
		n |= uint64(b[pos]&0x7f) << shift
		if b[pos] < 0x80 {
			return n, pos
		}
	}
}

// place is one entry in a block.
type place struct {
	id     ID
	flags  int // position of the flags
	fields int // position of what follows the ID
	next   int // position of the next entry
}

// at reads the head of the entry at pos.
func (b block) at(pos int, base ID) (e place) {
	size, pos := uvarint(b, pos)
	e.flags = pos
	flags := b[pos]
	pos++
	var ms, seq uint64
	if flags&flagMs != 0 {
		ms, pos = uvarint(b, pos)
	}
	if flags&flagSeq != 0 {
		seq, pos = uvarint(b, pos)
	}
	if e.id = (ID{base.Ms + ms, seq}); flags&flagMs == 0 {
		e.id.Seq += base.Seq
	}
	e.fields = pos
	e.next = e.flags + int(size) + uvarintSize(size)
	return e
}

// before reads the head of the entry that ends at pos and returns where it starts.
func (b block) before(pos int, base ID) (e place, start int) {
	size, end := reverse(b, pos)
	start = end - int(size) - uvarintSize(size)
	return b.at(start, base), start
}

func uvarintSize(n uint64) int {
	k := 1
	for ; n >= 0x80; n >>= 7 {
		k++
	}
	return k
}

func (b block) isDeleted(e place) bool { return b[e.flags]&flagDeleted != 0 }

// appendHead appends the head of a block whose first entry has these fields: names and values in turn.
func appendHead(dst []byte, fields [][]byte) []byte {
	dst = append(dst, make([]byte, namesAt)...)
	dst = binary.AppendUvarint(dst, uint64(len(fields)/2))
	for i := 0; i < len(fields); i += 2 {
		dst = packed.AppendElem(dst, fields[i])
	}
	block(dst).set(entriesAt, len(dst))
	return dst
}

// sameNames tells whether an entry's names are those in the head.
func (b block) sameNames(fields [][]byte) bool {
	n, pos := uvarint(b, namesAt)
	if int(n) != len(fields)/2 {
		return false
	}
	var name packed.Elem
	for i := 0; i < len(fields); i += 2 {
		if name, pos = packed.Next(b, pos); !name.Equal(fields[i]) {
			return false
		}
	}
	return true
}

// maxSizeBytes is the most bytes of an entry's size.
const maxSizeBytes = binary.MaxVarintLen32

// appendEntry appends an entry to dst, which may be anything: entries do not depend on what they follow.
func appendEntry(dst []byte, base, id ID, same bool, fields [][]byte) []byte {
	var room [maxSizeBytes]byte
	start := len(dst)
	dst = append(dst, room[:]...) // for the size; what is left over is closed at the end
	flags := byte(0)
	seq := id.Seq
	if id.Ms != base.Ms {
		flags |= flagMs
	} else {
		seq -= base.Seq
	}
	if seq != 0 {
		flags |= flagSeq
	}
	if same {
		flags |= flagSame
	}
	dst = append(dst, flags)
	if flags&flagMs != 0 {
		dst = binary.AppendUvarint(dst, id.Ms-base.Ms)
	}
	if seq != 0 {
		dst = binary.AppendUvarint(dst, seq)
	}
	if same {
		for i := 1; i < len(fields); i += 2 {
			dst = packed.AppendElem(dst, fields[i])
		}
	} else {
		dst = binary.AppendUvarint(dst, uint64(len(fields)/2))
		for _, f := range fields {
			dst = packed.AppendElem(dst, f)
		}
	}
	size := uint64(len(dst) - start - maxSizeBytes)
	k := binary.PutUvarint(room[:], size)
	copy(dst[start:], room[:k])
	if k < maxSizeBytes {
		dst = append(dst[:start+k], dst[start+maxSizeBytes:]...)
	}
	return appendReverse(dst, size)
}

// Entry is one entry of a stream, a view that dies at the stream's next change.
type Entry struct {
	ID     ID
	b      block
	names  int // position of the names; 0: they stand beside the values
	values int
	n      int
}

// entry returns the fields of a place.
func (b block) entry(e place) Entry {
	if b[e.flags]&flagSame != 0 {
		n, names := uvarint(b, namesAt)
		return Entry{e.id, b, names, e.fields, int(n)}
	}
	n, values := uvarint(b, e.fields)
	return Entry{e.id, b, 0, values, int(n)}
}

// Len returns the number of fields.
func (e *Entry) Len() int { return e.n }

// Fields returns an iterator over the fields.
func (e *Entry) Fields() Fields { return Fields{e.b, e.names, e.values, e.n} }

// Fields walks over the fields of an entry.
type Fields struct {
	b             block
	names, values int
	left          int
}

// Next returns the next field; ok is false when there is none.
func (f *Fields) Next() (name, value packed.Elem, ok bool) {
	if f.left == 0 {
		return name, value, false
	}
	f.left--
	if f.names != 0 {
		name, f.names = packed.Next(f.b, f.names)
	} else {
		name, f.values = packed.Next(f.b, f.values)
	}
	value, f.values = packed.Next(f.b, f.values)
	return name, value, true
}
