// Package intset is the byte layout of small sets of integers: sorted, all of one width, found by binary search.
//
// # Layout
//
//	blob:  width 1 byte (2, 4 or 8) | integer | integer | ...
//
//	       02 | ff ff  05 00  e8 03        the set -1, 5, 1000
//
// Integers are little-endian two's complement, ascending, none twice. The width is that of the widest integer which was
// ever in the set: an integer too wide for it makes all others wider, and nothing makes them narrower again.
//
// A search is O(log n), an edit moves the integers above the place of the edit. Functions other than Check trust the
// blob.
package intset

import (
	"encoding/binary"
	"errors"
	"math"
)

const headBytes = 1

// ErrCorrupt is the error of Check.
var ErrCorrupt = errors.New("intset: corrupt blob")

// Empty returns dst with the blob of an empty set appended.
func Empty(dst []byte) []byte { return append(dst, 2) }

// Len is the number of integers.
func Len(blob []byte) int {
	switch blob[0] {
	case 2:
		return len(blob) / 2 // the odd byte is the head
	case 4:
		return len(blob) / 4
	}
	return len(blob) / 8
}

// At is integer i, counted from 0 in ascending order.
func At(blob []byte, i int) int64 {
	width := int(blob[0])
	b := blob[headBytes+i*width:]
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// Find returns the place of n, or the place where it would have to be.
func Find(blob []byte, n int64) (i int, found bool) {
	low, high := 0, Len(blob)
	if high > 0 && n > At(blob, high-1) { // ascending numbers are common
		return high, false
	}
	for low < high {
		mid := int(uint(low+high) / 2)
		if At(blob, mid) < n {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < Len(blob) && At(blob, low) == n
}

// Has tells whether n is in the set.
func Has(blob []byte, n int64) bool {
	_, found := Find(blob, n)
	return found
}

// Insert puts n at its place, which Find told, in a blob that the caller owns; it changes it in place where it has room.
func Insert(blob []byte, i int, n int64) []byte {
	if w := widthOf(n); w > int(blob[0]) {
		return widen(blob, w, i, n)
	}
	width := int(blob[0])
	size := len(blob)
	at := headBytes + i*width
	var room [8]byte
	blob = append(blob, room[:width]...)
	copy(blob[at+width:], blob[at:size])
	put(blob[at:], width, n)
	return blob
}

// Remove takes integer i out, in place.
func Remove(blob []byte, i int) []byte {
	width := int(blob[0])
	at := headBytes + i*width
	return append(blob[:at], blob[at+width:]...)
}

// widen gives all integers a new width and adds n, which is smaller or greater than all of them. It goes from the end, so
// that nothing is overwritten before it is read.
func widen(blob []byte, width, i int, n int64) []byte {
	count, old := Len(blob), int(blob[0])
	for size := headBytes + (count+1)*width; len(blob) < size; {
		blob = append(blob, 0)
	}
	to := count
	for from := count - 1; from >= 0; from-- {
		if from == i-1 { // n is the greatest
			put(blob[headBytes+to*width:], width, n)
			to--
		}
		blob[0] = byte(old)
		v := At(blob, from)
		put(blob[headBytes+to*width:], width, v)
		to--
	}
	if to == 0 {
		put(blob[headBytes:], width, n)
	}
	blob[0] = byte(width)
	return blob
}

func widthOf(n int64) int {
	switch {
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return 2
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return 4
	}
	return 8
}

func put(b []byte, width int, n int64) {
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(n))
	default:
		binary.LittleEndian.PutUint64(b, uint64(n))
	}
}

// Check tells whether every other function may be trusted with a blob that comes from outside.
func Check(blob []byte) error {
	if len(blob) < headBytes || blob[0] != 2 && blob[0] != 4 && blob[0] != 8 || (len(blob)-headBytes)%int(blob[0]) != 0 {
		return ErrCorrupt
	}
	for i := 1; i < Len(blob); i++ {
		if At(blob, i-1) >= At(blob, i) {
			return ErrCorrupt
		}
	}
	return nil
}
