// Package packed is the byte layout of small collections: a count and a forward sequence of elements, each a string or
// an integer. A hash of a few fields is one such blob inside its entry, with no pointer and no allocation of its own.
//
// # Layout
//
//	blob:     count (uvarint) | element | element | ...
//
//	element:  first byte      then                          total size
//	          00llllll        l bytes                       1 + l        string of 0..63 bytes
//	          010hhhhh        low length byte, bytes        2 + length   string of 64..8191 bytes
//	          0110hhhh        low byte                      2            integer, 12 bits
//	          01110000 (70h)  2 bytes                       3            integer, 16 bits
//	          71h             3 bytes                       4            integer, 24 bits
//	          72h             4 bytes                       5            integer, 32 bits
//	          73h             6 bytes                       7            integer, 48 bits
//	          74h             8 bytes                       9            integer, 64 bits
//	          75h             length (uvarint), bytes                    string from 8192 bytes on
//	          76h..7fh        not used
//	          1vvvvvvv        nothing                       1            integer 0..127
//
// Numbers are little-endian and signed (two's complement), except hhhhh, which are the high bits of their number.
//
// # One form for each value
//
// A string that is the canonical decimal form of an int64 is always stored as an integer, every integer in the
// shortest form that holds it, every length likewise. So two elements are equal exactly when their bytes are, and a
// search compares encoded bytes. Check refuses anything else.
//
// # Edits
//
// A blob is never changed in place, because it may lie in a record of fixed size: Replace writes the edited blob into
// the caller's scratch buffer. There is no way to walk backwards. Functions other than Check trust the blob.
package packed

import (
	"encoding/binary"
	"math/bits"
)

// First bytes of elements.
const (
	str6Max   = 0x3f
	str13     = 0x40
	str13Mask = 0x1f
	str13Max  = str13Mask<<8 | 0xff
	int12     = 0x60
	int12Mask = 0x0f
	int16Head = 0x70
	int24Head = 0x71
	int32Head = 0x72
	int48Head = 0x73
	int64Head = 0x74
	strLong   = 0x75
	int7      = 0x80
	int7Max   = 0x7f
)

// intBytes is how many bytes follow the heads 70h to 74h.
var intBytes = [...]uint8{2, 3, 4, 6, 8}

// sizes is the total size of an element by its first byte, 0 where that byte does not tell.
var sizes = func() (t [256]uint8) {
	for h := range t {
		switch {
		case h <= str6Max:
			t[h] = uint8(1 + h)
		case h >= int7:
			t[h] = 1
		case h >= int12 && h < int16Head:
			t[h] = 2
		case h >= int16Head && h <= int64Head:
			t[h] = 1 + intBytes[h-int16Head]
		}
	}
	return t
}()

// Elem is one element. Str points into the blob and is valid as long as the blob is.
type Elem struct {
	Str   []byte // the string, nil for an integer
	Int   int64  // the integer, 0 for a string
	IsInt bool
}

// Empty is a blob of no elements, the caller's to keep.
func Empty() []byte { return []byte{0} }

// Count is the number of elements.
func Count(blob []byte) int {
	if blob[0] < 0x80 {
		return int(blob[0])
	}
	n, _ := binary.Uvarint(blob)
	return int(n)
}

// First is the position of the first element; it equals len(blob) when there is none.
func First(blob []byte) int {
	n := 0
	for blob[n] >= 0x80 {
		n++
	}
	return n + 1
}

// Next reads the element at pos and tells the position of the one after it, which is len(blob) at the end.
func Next(blob []byte, pos int) (e Elem, next int) {
	h := blob[pos]
	if h <= str6Max {
		next = pos + 1 + int(h)
		return Elem{Str: blob[pos+1 : next : next]}, next
	}
	if h >= int7 {
		return Elem{Int: int64(h & int7Max), IsInt: true}, pos + 1
	}
	if size := sizes[h]; size != 0 {
		next = pos + int(size)
		return Elem{Int: readInt(blob[pos:next]), IsInt: true}, next
	}
	head, length := longString(blob[pos:])
	next = pos + head + length
	return Elem{Str: blob[pos+head : next : next]}, next
}

// Skip is the position after the element at pos.
func Skip(blob []byte, pos int) int {
	if size := sizes[blob[pos]]; size != 0 {
		return pos + int(size)
	}
	return skipLong(blob, pos)
}

// skipLong is apart so that Skip is small enough to be inlined.
func skipLong(blob []byte, pos int) int {
	head, length := longString(blob[pos:])
	return pos + head + length
}

// Seek is the position of element n, counted from 0. ok is false when there are not that many.
func Seek(blob []byte, n int) (pos int, ok bool) {
	if n < 0 || n >= Count(blob) {
		return 0, false
	}
	pos = First(blob)
	for ; n > 0; n-- {
		pos = Skip(blob, pos)
	}
	return pos, true
}

// readInt decodes an integer of 2 bytes or more, given whole.
func readInt(b []byte) int64 {
	if len(b) == 2 {
		return int64(int16(uint16(b[0]&int12Mask)<<12|uint16(b[1])<<4)) >> 4
	}
	var v uint64
	for i := len(b) - 1; i > 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	shift := 64 - 8*(len(b)-1)
	return int64(v<<shift) >> shift
}

// longString reads the head of a string of 64 bytes or more: the size of the head and the length that follows.
func longString(b []byte) (head, length int) {
	if b[0] < int12 {
		return 2, int(b[0]&str13Mask)<<8 | int(b[1])
	}
	n, size := binary.Uvarint(b[1:])
	return 1 + size, int(n)
}

// AppendElem appends s as one element, as an integer where it has the form of one.
func AppendElem(dst, s []byte) []byte {
	if n, ok := ParseInt(s); ok {
		return AppendInt(dst, n)
	}
	return append(appendStringHead(dst, len(s)), s...)
}

func appendStringHead(dst []byte, length int) []byte {
	switch {
	case length <= str6Max:
		return append(dst, byte(length))
	case length <= str13Max:
		return append(dst, str13|byte(length>>8), byte(length))
	}
	return binary.AppendUvarint(append(dst, strLong), uint64(length))
}

// AppendInt appends an integer as one element.
func AppendInt(dst []byte, n int64) []byte {
	if n >= 0 && n <= int7Max {
		return append(dst, int7|byte(n))
	}
	width := bits.Len64(uint64(n^n>>63)) + 1 // bits with the sign
	switch {
	case width <= 12:
		return append(dst, int12|byte(n>>8)&int12Mask, byte(n))
	case width <= 16:
		return append(dst, int16Head, byte(n), byte(n>>8))
	case width <= 24:
		return append(dst, int24Head, byte(n), byte(n>>8), byte(n>>16))
	case width <= 32:
		return binary.LittleEndian.AppendUint32(append(dst, int32Head), uint32(n))
	case width <= 48:
		dst = binary.LittleEndian.AppendUint32(append(dst, int48Head), uint32(n))
		return append(dst, byte(n>>32), byte(n>>40))
	}
	return binary.LittleEndian.AppendUint64(append(dst, int64Head), uint64(n))
}

// Replace appends to dst the blob with elems in place of the bytes from:to, which must be whole elements (from == to
// inserts). countDelta is len(elems) less the number of elements taken out. dst must not overlap blob; nothing is
// allocated if it has room for len(blob) and, for each elem, its length and 10.
func Replace(dst, blob []byte, from, to, countDelta int, elems ...[]byte) []byte {
	first := First(blob)
	dst = binary.AppendUvarint(dst, uint64(Count(blob)+countDelta))
	dst = append(dst, blob[first:from]...)
	for _, s := range elems {
		dst = AppendElem(dst, s)
	}
	return append(dst, blob[to:]...)
}

// Append adds elems to the end of a blob that the caller owns, in place where it has room, and returns it. It is for
// building: many Replace calls would copy the blob each time.
func Append(blob []byte, elems ...[]byte) []byte {
	var room [binary.MaxVarintLen64]byte
	head := binary.AppendUvarint(room[:0], uint64(Count(blob)+len(elems)))
	first, size := First(blob), len(blob)
	if wider := len(head) - first; wider > 0 {
		blob = append(blob, head[:wider]...)
		copy(blob[len(head):], blob[first:size])
	}
	copy(blob, head)
	for _, s := range elems {
		blob = AppendElem(blob, s)
	}
	return blob
}
