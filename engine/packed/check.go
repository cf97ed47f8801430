// Validation of blobs that come from disk, where any bytes may be met.

package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCorrupt is the cause of every error of Check.
var ErrCorrupt = errors.New("packed: corrupt blob")

func corrupt(pos int, what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrCorrupt, what, pos)
}

// Check reads a blob whole and tells whether every other function may be trusted with it: the count is right, each
// element is whole and in the one form its value has. It says nothing of what the elements mean; whether they are
// even in number or free of duplicates is for the collection to say.
func Check(blob []byte) error {
	count, pos := binary.Uvarint(blob)
	if pos <= 0 {
		return corrupt(0, "count cut short or out of range")
	}
	if pos > 1 && blob[pos-1] == 0 {
		return corrupt(0, "count not in its shortest form")
	}
	if count > uint64(len(blob)-pos) {
		return corrupt(0, "count larger than the bytes allow")
	}
	var scratch [16]byte
	for ; count > 0; count-- {
		if pos == len(blob) {
			return corrupt(pos, "fewer elements than counted")
		}
		size, what := checkElem(blob[pos:], scratch[:0])
		if what != "" {
			return corrupt(pos, what)
		}
		pos += size
	}
	if pos != len(blob) {
		return corrupt(pos, "more bytes than the elements counted")
	}
	return nil
}

// checkElem checks the element that b begins with and tells its size, or what is wrong with it.
func checkElem(b, scratch []byte) (size int, what string) {
	head, length, what := checkHead(b)
	if what != "" {
		return 0, what
	}
	if length > uint64(len(b)-head) {
		return 0, "element cut short"
	}
	e, size := Next(b, 0)
	if e.IsInt {
		if string(AppendInt(scratch, e.Int)) != string(b[:size]) {
			return 0, "integer not in its shortest form"
		}
		return size, ""
	}
	if string(appendStringHead(scratch, len(e.Str))) != string(b[:head]) {
		return 0, "length not in its shortest form"
	}
	if _, isInt := ParseInt(e.Str); isInt {
		return 0, "integer stored as a string"
	}
	return size, ""
}

// checkHead tells how many bytes the head of an element takes and how many must follow it.
func checkHead(b []byte) (head int, length uint64, what string) {
	h := b[0]
	switch {
	case sizes[h] != 0:
		return 1, uint64(sizes[h]) - 1, ""
	case h < int12:
		if len(b) < 2 {
			return 0, 0, "element cut short"
		}
		return 2, uint64(h&str13Mask)<<8 | uint64(b[1]), ""
	case h == strLong:
		length, n := binary.Uvarint(b[1:])
		if n <= 0 {
			return 0, 0, "length cut short or out of range"
		}
		return 1 + n, length, ""
	}
	return 0, 0, "unknown first byte"
}
