// What an element is worth to a reader: its printed form, its length, equality, and the rule that makes a string an
// integer.

package packed

import (
	"bytes"
	"math"
	"strconv"
)

// AppendTo appends the element as a client sees it: the string, or the integer in decimal.
func (e Elem) AppendTo(dst []byte) []byte {
	if e.IsInt {
		return strconv.AppendInt(dst, e.Int, 10)
	}
	return append(dst, e.Str...)
}

// Len is the number of bytes AppendTo appends.
func (e Elem) Len() int {
	if !e.IsInt {
		return len(e.Str)
	}
	n, rest := 1, uint64(e.Int)
	if e.Int < 0 {
		n, rest = 2, -rest
	}
	for ; rest >= 10; rest /= 10 {
		n++
	}
	return n
}

// Equal tells whether the element is what AppendElem makes of s.
func (e Elem) Equal(s []byte) bool {
	if !e.IsInt {
		return bytes.Equal(e.Str, s)
	}
	n, ok := ParseInt(s)
	return ok && n == e.Int
}

// maxIntLen is the length of the longest int64 in decimal, -9223372036854775808.
const maxIntLen = 20

// ParseInt reads the canonical decimal form of an int64: no plus sign, no leading zero, no "-0", no space. ok is false
// for anything else, so that a number read and printed again gives the same bytes.
func ParseInt(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > maxIntLen {
		return 0, false
	}
	digits, negative := s, s[0] == '-'
	if negative {
		digits = s[1:]
	}
	if len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0, len(s) == 1 && s[0] == '0'
	}
	var v uint64
	for _, c := range digits {
		d := c - '0'
		if d > 9 || v > (math.MaxUint64-9)/10 { // not a digit, or one too many for v
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}
