package resp

// Numbers as commands take and print them. What is accepted is what redis-server accepts: its own strict reading of
// integers, and the C library's reading of floats (strtod) with nothing before or after the number.

import (
	"bytes"
	"math"
	"strconv"
)

// ParseInt reads a 64-bit integer in its one spelling: no plus, no leading zero, no "-0", nothing around it.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 1 {
		return int64(b[0] - '0'), b[0]-'0' <= 9
	}
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	// Nineteen digits cannot overflow 64 bits without a sign, twenty are never an int64.
	if len(b) == 0 || len(b) > 19 || b[0] == '0' {
		return 0, false
	}
	var u uint64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		u = u*10 + uint64(d)
	}
	if negative {
		return int64(-u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

// numberText is a float taken apart, its value not yet computed.
type numberText struct {
	negative bool
	infinite bool
	hex      bool   // exponent is a power of two, else of ten
	zero     bool   // no digit but 0
	mantissa []byte // digits, and at most one point
	exponent int    // within ±maxExponent: larger ones are cut, and overflow all the same
	hasExp   bool
}

const maxExponent = 1 << 24

// scanNumber takes apart what strtod would read to its end: decimal and hexadecimal floats and infinities. Not-a-number
// is refused, as every command refuses it.
func scanNumber(b []byte) (t numberText, ok bool) {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		t.negative = b[0] == '-'
		b = b[1:]
	}
	if equalFold(b, "inf") || equalFold(b, "infinity") {
		t.infinite = true
		return t, true
	}
	t.hex = len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x'
	if t.hex {
		b = b[2:]
	}
	end, digits := 0, 0
	t.zero = true
	for points := 0; end < len(b); end++ {
		switch c := b[end]; {
		case c == '.' && points == 0:
			points++
			continue
		case c >= '0' && c <= '9' || t.hex && hexValue(c) >= 0:
			digits++
			t.zero = t.zero && c == '0'
			continue
		}
		break
	}
	t.mantissa = b[:end]
	if digits == 0 {
		return t, false
	}
	t.exponent, t.hasExp, ok = scanExponent(b[end:], t.hex)
	return t, ok
}

// scanExponent reads the whole of b as an exponent, or as none.
func scanExponent(b []byte, hex bool) (exponent int, found, ok bool) {
	if len(b) == 0 {
		return 0, false, true
	}
	marker := byte('e')
	if hex {
		marker = 'p'
	}
	if b[0]|0x20 != marker {
		return 0, false, false
	}
	b = b[1:]
	negative := len(b) > 0 && b[0] == '-'
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		exponent = min(exponent*10+int(c-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true, len(b) > 0
}

// equalFold compares with a word given in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// ParseFloat reads a double as strtod does: decimal, hexadecimal ("0x1.8p3") and infinities in any case. It refuses
// spaces, not-a-number, and numbers too large or too small for a double, but not those that become subnormal.
func ParseFloat(b []byte) (float64, bool) {
	f, exact, ok := parseFloat(b)
	return f, ok && exact
}

// ParseBound reads a double as redis-server reads the ends of a range of scores: spaces may come before it, numbers too
// large or too small become infinities and zeros, nothing at all is zero, and a zero byte ends it.
func ParseBound(b []byte) (float64, bool) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 {
		return 0, true
	}
	f, _, ok := parseFloat(bytes.TrimLeft(b, " \t\n\v\f\r"))
	return f, ok
}

// parseFloat reads a double; exact is false when it was too large or too small for one.
func parseFloat(b []byte) (f float64, exact, ok bool) {
	if f, ok := parseShortInt(b); ok {
		return f, true, true
	}
	t, ok := scanNumber(b)
	if !ok {
		return 0, false, false
	}
	if t.infinite {
		if t.negative {
			return math.Inf(-1), true, true
		}
		return math.Inf(1), true, true
	}
	if t.hex && !t.hasExp {
		b = append(bytes.Clone(b), "p0"...) // strconv insists on an exponent
	}
	f, err := strconv.ParseFloat(string(b), 64) // fails only for numbers that are too large
	return f, err == nil && (f != 0 || t.zero), true
}

// parseShortInt reads what most scores are: an integer of up to 15 digits, which a double holds exactly.
func parseShortInt(b []byte) (float64, bool) {
	negative := len(b) > 1 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	f := float64(n)
	if negative {
		f = -f // of the float: "-0" is negative zero
	}
	return f, true
}

// AppendDouble appends a double as redis-server 7.2 prints scores: integers up to 2^62 in full, else the fewest
// digits that read back as the same double, laid out by size:
//
//	digits d.ddd × 10^x                          printed as
//	integer, x < digits + 7                      123000
//	fraction, fewer than 7 places or |x| < 4     0.00123, 12.5
//	anything else                                1.23e-7, 1e+300
//
// The server's own algorithm (Grisu2) misses the fewest digits for about one double in a thousand; these are printed
// shorter here, and read back the same.
func AppendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case f == 0 && math.Signbit(f):
		return append(dst, '-', '0')
	case math.Abs(f) <= 1<<62 && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	}
	if f < 0 {
		dst = append(dst, '-')
		f = -f
	}
	var room [32]byte
	text := strconv.AppendFloat(room[:0], f, 'e', -1, 64) // d.ddde±xx
	e := bytes.IndexByte(text, 'e')
	x, _ := strconv.Atoi(string(text[e+1:]))
	digits := text[:1]
	if e > 1 {
		digits = append(digits, text[2:e]...) // closes the gap that the point leaves
	}
	return appendLaidOut(dst, digits, x)
}

// appendLaidOut prints digits, the first of which stands for 10^x.
func appendLaidOut(dst, digits []byte, x int) []byte {
	n := len(digits)
	trailing := x - n + 1 // zeros after the digits; negative: places after the point
	size := max(x, -x)
	switch {
	case trailing >= 0 && size < n+7:
		dst = append(dst, digits...)
		return appendZeros(dst, trailing)
	case trailing < 0 && (trailing > -7 || size < 4):
		if x < 0 {
			dst = append(dst, '0', '.')
			dst = appendZeros(dst, -x-1)
			return append(dst, digits...)
		}
		dst = append(dst, digits[:x+1]...)
		dst = append(dst, '.')
		return append(dst, digits[x+1:]...)
	}
	dst = append(dst, digits[0])
	if n > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	if x < 0 {
		dst = append(dst, '-')
	} else {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(size), 10)
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

// AppendHumanFloat appends a double in plain decimal notation, 17 places at most and no zeros at the end.
func AppendHumanFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return AppendDouble(dst, f)
	}
	mark := len(dst)
	return trimZeros(strconv.AppendFloat(dst, f, 'f', humanPlaces, 64), mark)
}

const humanPlaces = 17

// trimZeros shortens the fraction printed at dst[mark:], which has a point, and makes "-0" zero.
func trimZeros(dst []byte, mark int) []byte {
	end := len(dst)
	for dst[end-1] == '0' {
		end--
	}
	if dst[end-1] == '.' {
		end--
	}
	if string(dst[mark:end]) == "-0" {
		return append(dst[:mark], '0')
	}
	return dst[:end]
}
