package stream

import (
	"cmp"
	"encoding/binary"
	"math"
	"strconv"
)

// ID names an entry: Unix milliseconds and a number within these. IDs only grow.
type ID struct{ Ms, Seq uint64 }

// MaxID is the last ID there is.
var MaxID = ID{math.MaxUint64, math.MaxUint64}

// maxIDText is the length of the longest ID in text.
const maxIDText = 41

// Compare orders IDs: -1, 0 or 1.
func (a ID) Compare(b ID) int {
	if a.Ms != b.Ms {
		return cmp.Compare(a.Ms, b.Ms)
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// Less reports whether a comes before b.
func (a ID) Less(b ID) bool { return a.Ms < b.Ms || a.Ms == b.Ms && a.Seq < b.Seq }

// IsZero reports whether the ID is 0-0, which no entry has.
func (a ID) IsZero() bool { return a == ID{} }

// Next returns the ID after this one; ok is false after the last.
func (a ID) Next() (next ID, ok bool) {
	switch {
	case a.Seq != math.MaxUint64:
		return ID{a.Ms, a.Seq + 1}, true
	case a.Ms != math.MaxUint64:
		return ID{a.Ms + 1, 0}, true
	}
	return ID{}, false
}

// Prev returns the ID before this one; ok is false before the first.
func (a ID) Prev() (prev ID, ok bool) {
	switch {
	case a.Seq != 0:
		return ID{a.Ms, a.Seq - 1}, true
	case a.Ms != 0:
		return ID{a.Ms - 1, math.MaxUint64}, true
	}
	return ID{}, false
}

// AppendTo appends the ID as clients see it: ms-seq.
func (a ID) AppendTo(dst []byte) []byte {
	dst = strconv.AppendUint(dst, a.Ms, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, a.Seq, 10)
}

// String returns the ID as clients see it.
func (a ID) String() string { return string(a.AppendTo(make([]byte, 0, maxIDText))) }

// IDs in nodes are two little-endian words.
const idBytes = 16

func getID(b []byte) ID {
	_ = b[15]
	return ID{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func putID(b []byte, id ID) {
	_ = b[15]
	binary.LittleEndian.PutUint64(b, id.Ms)
	binary.LittleEndian.PutUint64(b[8:], id.Seq)
}
