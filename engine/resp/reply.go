package resp

// Replies. A handler appends to one buffer that leaves in one write after the round; the same call gives RESP2 or
// RESP3 by what the client asked for in HELLO:
//
//	call            RESP2                 RESP3
//	Null            $-1                   _
//	NullArray       *-1                   _
//	Map(n)          *2n                   %n
//	Set, Push(n)    *n                    ~n, >n
//	Attribute(n)    left out              |n
//	Double          bulk                  ,
//	Bool            :1 :0                 #t #f
//	Verbatim        bulk without format   =
//	BigNumber       bulk                  (

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/tidwall/redcon"
)

// Reply collects encoded answers.
type Reply struct {
	B     []byte // what has been encoded; the owner sends and empties it
	Proto int    // 3: RESP3; anything else: RESP2
}

// OK appends the simple string OK.
func (r *Reply) OK() { r.B = redcon.AppendOK(r.B) }

// Pong appends the simple string PONG.
func (r *Reply) Pong() { r.B = append(r.B, "+PONG\r\n"...) }

// Simple appends a simple string. Line ends in it become spaces.
func (r *Reply) Simple(s string) { r.B = redcon.AppendString(r.B, s) }

// Error appends an error: its code, a space and its text ("ERR no such key"). Line ends at the end are dropped,
// others become spaces.
func (r *Reply) Error(text string) {
	r.B = append(r.B, '-')
	mark := len(r.B)
	r.B = append(r.B, text...)
	r.endError(mark)
}

// Errorf is Error with a format.
func (r *Reply) Errorf(format string, values ...any) {
	r.B = append(r.B, '-')
	mark := len(r.B)
	r.B = fmt.Appendf(r.B, format, values...)
	r.endError(mark)
}

func (r *Reply) endError(mark int) {
	end := len(r.B)
	for end > mark && (r.B[end-1] == '\r' || r.B[end-1] == '\n') {
		end--
	}
	for i := mark; i < end; i++ {
		if r.B[i] == '\r' || r.B[i] == '\n' {
			r.B[i] = ' '
		}
	}
	r.B = append(r.B[:end], '\r', '\n')
}

// Int appends an integer.
func (r *Reply) Int(n int64) { r.B = redcon.AppendInt(r.B, n) }

// Bulk appends a bulk string; nil is an empty one.
func (r *Reply) Bulk(b []byte) { r.B = redcon.AppendBulk(r.B, b) }

// BulkString appends a bulk string.
func (r *Reply) BulkString(s string) { r.B = redcon.AppendBulkString(r.B, s) }

// BulkInt appends a number's decimal digits as a bulk string.
func (r *Reply) BulkInt(n int64) {
	var room [20]byte
	r.Bulk(strconv.AppendInt(room[:0], n, 10))
}

// Null appends the absent value.
func (r *Reply) Null() {
	if r.Proto == 3 {
		r.B = append(r.B, '_', '\r', '\n')
		return
	}
	r.B = redcon.AppendNull(r.B)
}

// NullArray appends the absent value where an array was expected: RESP2 tells the two apart.
func (r *Reply) NullArray() {
	if r.Proto == 3 {
		r.B = append(r.B, '_', '\r', '\n')
		return
	}
	r.B = append(r.B, '*', '-', '1', '\r', '\n')
}

// Array starts an array of n values, which the caller appends next.
func (r *Reply) Array(n int) { r.B = redcon.AppendArray(r.B, n) }

// Map starts a map of so many pairs: the caller appends a key and a value for each.
func (r *Reply) Map(pairs int) { r.B = appendHeader(r.B, r.mapHeader(pairs)) }

// Set starts a set of n values.
func (r *Reply) Set(n int) { r.B = appendHeader(r.B, r.header('~', n)) }

// Push starts an out of band message of n values.
func (r *Reply) Push(n int) { r.B = appendHeader(r.B, r.header('>', n)) }

// Attribute starts a map of pairs about the reply that follows. RESP2 has no such thing: it appends nothing and is
// false, and the caller leaves the pairs out.
func (r *Reply) Attribute(pairs int) bool {
	if r.Proto != 3 {
		return false
	}
	r.B = appendHeader(r.B, header{'|', pairs})
	return true
}

// Double appends a double in the digits of AppendDouble.
func (r *Reply) Double(f float64) {
	if r.Proto == 3 {
		r.B = append(r.B, ',')
		r.B = AppendDouble(r.B, f)
		r.B = append(r.B, '\r', '\n')
		return
	}
	var room [32]byte
	r.Bulk(AppendDouble(room[:0], f))
}

// Bool appends a truth value.
func (r *Reply) Bool(v bool) {
	switch {
	case r.Proto == 3 && v:
		r.B = append(r.B, '#', 't', '\r', '\n')
	case r.Proto == 3:
		r.B = append(r.B, '#', 'f', '\r', '\n')
	case v:
		r.B = redcon.AppendInt(r.B, 1)
	default:
		r.B = redcon.AppendInt(r.B, 0)
	}
}

// Verbatim appends text with the three letters of its format ("txt", "mkd"); RESP2 has no place for those.
func (r *Reply) Verbatim(format string, text []byte) {
	if r.Proto != 3 {
		r.Bulk(text)
		return
	}
	if len(format) != 3 {
		panic("resp: a verbatim format has three letters")
	}
	r.B = appendHeader(r.B, header{'=', len(text) + 4})
	r.B = append(r.B, format...)
	r.B = append(r.B, ':')
	r.B = append(r.B, text...)
	r.B = append(r.B, '\r', '\n')
}

// BigNumber appends an integer of any length, given in decimal digits.
func (r *Reply) BigNumber(digits string) {
	if r.Proto != 3 {
		r.BulkString(digits)
		return
	}
	r.B = append(r.B, '(')
	r.B = append(r.B, digits...)
	r.B = append(r.B, '\r', '\n')
}

// Raw appends bytes that are encoded already.
func (r *Reply) Raw(b []byte) { r.B = append(r.B, b...) }

// Begin marks the place of a header whose count is not known yet. One of the End calls puts it there, moving what was
// appended since; nested marks are ended innermost first.
func (r *Reply) Begin() (mark int) { return len(r.B) }

// EndArray makes an array of the n values appended since mark.
func (r *Reply) EndArray(mark, n int) { r.insert(mark, header{'*', n}) }

// EndMap makes a map of the pairs appended since mark.
func (r *Reply) EndMap(mark, pairs int) { r.insert(mark, r.mapHeader(pairs)) }

// EndSet makes a set of the n values appended since mark.
func (r *Reply) EndSet(mark, n int) { r.insert(mark, r.header('~', n)) }

// EndPush makes an out of band message of the n values appended since mark.
func (r *Reply) EndPush(mark, n int) { r.insert(mark, r.header('>', n)) }

// header is an aggregate's first line.
type header struct {
	marker byte
	count  int
}

// header is RESP3's marker, or an array's for RESP2.
func (r *Reply) header(marker byte, n int) header {
	if r.Proto != 3 {
		marker = '*'
	}
	return header{marker, n}
}

func (r *Reply) mapHeader(pairs int) header {
	if r.Proto != 3 {
		return header{'*', 2 * pairs}
	}
	return header{'%', pairs}
}

func appendHeader(b []byte, h header) []byte {
	if h.count >= 0 && h.count <= 9 {
		return append(b, h.marker, byte('0'+h.count), '\r', '\n')
	}
	b = append(b, h.marker)
	b = strconv.AppendInt(b, int64(h.count), 10)
	return append(b, '\r', '\n')
}

func (r *Reply) insert(mark int, h header) {
	var room [24]byte
	r.B = slices.Insert(r.B, mark, appendHeader(room[:0], h)...)
}
