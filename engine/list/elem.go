package list

import (
	"encoding/binary"
	"math"

	"redix/engine/packed"
)

// encoded is an element about to be written: head, body and the length at its end.
type encoded struct {
	head     [9]byte
	headSize int
	body     []byte
	size     int // of all, the length at the end included
}

// encode takes a string apart; it keeps s.
func encode(s []byte) (x encoded) {
	if n, ok := packed.ParseInt(s); ok {
		x.headSize = putInt(&x.head, n)
		x.size = x.headSize + 1
		return x
	}
	n := len(s)
	switch {
	case n < 64:
		x.head[0], x.headSize = str6|byte(n), 1
	case n < 4096:
		x.head[0], x.head[1], x.headSize = str12|byte(n>>8), byte(n), 2
	default:
		x.head[0], x.headSize = str32, 5
		binary.LittleEndian.PutUint32(x.head[1:], uint32(n))
	}
	x.body = s
	x.size = x.headSize + n
	x.size += backSize(x.size)
	return x
}

func putInt(b *[9]byte, n int64) int {
	switch {
	case n >= 0 && n <= 127:
		b[0] = byte(n)
		return 1
	case n >= -4096 && n <= 4095:
		b[0], b[1] = int13|byte(n>>8)&0x1f, byte(n)
		return 2
	case n >= math.MinInt16 && n <= math.MaxInt16:
		b[0] = int16Head
		binary.LittleEndian.PutUint16(b[1:], uint16(n))
		return 3
	case n >= -1<<23 && n < 1<<23:
		b[0], b[1], b[2], b[3] = int24Head, byte(n), byte(n>>8), byte(n>>16)
		return 4
	case n >= math.MinInt32 && n <= math.MaxInt32:
		b[0] = int32Head
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
		return 5
	}
	b[0] = int64Head
	binary.LittleEndian.PutUint64(b[1:], uint64(n))
	return 9
}

// put writes the element at the start of b.
func (x *encoded) put(b []byte) {
	at := copy(b, x.head[:x.headSize])
	at += copy(b[at:], x.body)
	putBack(b[at:x.size], at)
}

// backSize is how many bytes the length at an element's end takes.
func backSize(n int) int {
	switch {
	case n <= 127:
		return 1
	case n < 1<<14-1:
		return 2
	case n < 1<<21-1:
		return 3
	case n < 1<<28-1:
		return 4
	}
	return 5
}

// putBack fills b with the length n: seven bits a byte, the lowest last; all but the first byte have the top bit set.
func putBack(b []byte, n int) {
	for i := len(b) - 1; i > 0; i-- {
		b[i] = byte(n) | 0x80
		n >>= 7
	}
	b[0] = byte(n)
}

// Next reads the element at pos and tells the position after it. The element's bytes are a view.
func Next(span []byte, pos int) (e packed.Elem, next int) {
	h := span[pos]
	if h < 0x80 {
		return packed.Elem{Int: int64(h), IsInt: true}, pos + 2
	}
	if h < int13 {
		next = pos + 1 + int(h&0x3f)
		return packed.Elem{Str: span[pos+1 : next : next]}, next + 1
	}
	return nextWide(span, pos)
}

func nextWide(span []byte, pos int) (e packed.Elem, next int) {
	b := span[pos:]
	if head, n := stringHead(b); head > 0 {
		end := pos + head + n
		return packed.Elem{Str: span[pos+head : end : end]}, end + backSize(head+n)
	}
	e.IsInt = true
	switch b[0] {
	case int16Head:
		e.Int, next = int64(int16(binary.LittleEndian.Uint16(b[1:]))), pos+4
	case int24Head:
		e.Int, next = int64(int32(uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24)>>8), pos+5
	case int32Head:
		e.Int, next = int64(int32(binary.LittleEndian.Uint32(b[1:]))), pos+6
	case int64Head:
		e.Int, next = int64(binary.LittleEndian.Uint64(b[1:])), pos+10
	default: // int13
		e.Int, next = int64(int16(uint16(b[0])<<11|uint16(b[1])<<3)>>3), pos+3
	}
	return e, next
}

// stringHead reads the head of a string of 64 bytes or more; 0 for an integer.
func stringHead(b []byte) (head, n int) {
	switch {
	case b[0] == str32:
		return 5, int(binary.LittleEndian.Uint32(b[1:]))
	case b[0] >= str12 && b[0] < str32:
		return 2, int(b[0]&0x0f)<<8 | int(b[1])
	}
	return 0, 0
}

// Skip is the position after the element at pos.
func Skip(span []byte, pos int) int {
	h := span[pos]
	if h < 0x80 {
		return pos + 2
	}
	if h < int13 {
		return pos + 2 + int(h&0x3f)
	}
	return skipWide(span, pos)
}

func skipWide(span []byte, pos int) int {
	if head, n := stringHead(span[pos:]); head > 0 {
		return pos + head + n + backSize(head+n)
	}
	switch span[pos] {
	case int16Head:
		return pos + 4
	case int24Head:
		return pos + 5
	case int32Head:
		return pos + 6
	case int64Head:
		return pos + 10
	}
	return pos + 3
}

// Prev is the position of the element that ends at end.
func Prev(span []byte, end int) int {
	at := end - 1
	n := int(span[at] & 0x7f)
	for shift := 7; span[at]&0x80 != 0; shift += 7 {
		at--
		n |= int(span[at]&0x7f) << shift
	}
	return at - n
}

// seek is the position of element i of count in a span, by the shorter way.
func seek(span []byte, count, i int) int {
	if i <= count/2 {
		pos := 0
		for ; i > 0; i-- {
			pos = Skip(span, pos)
		}
		return pos
	}
	pos := len(span)
	for ; i < count; i++ {
		pos = Prev(span, pos)
	}
	return pos
}

// Needle is a string to look for: equal elements have equal bytes, since every value has one form.
type Needle struct{ x encoded }

// NeedleOf returns the needle for s, which it keeps.
func NeedleOf(s []byte) Needle { return Needle{encode(s)} }

// At tells whether the element at pos is the one looked for.
func (n *Needle) At(span []byte, pos int) bool {
	x := &n.x
	if span[pos] != x.head[0] || len(span)-pos < x.size {
		return false
	}
	if x.headSize > 1 && string(span[pos+1:pos+x.headSize]) != string(x.head[1:x.headSize]) {
		return false
	}
	at := pos + x.headSize
	return string(span[at:at+len(x.body)]) == string(x.body)
}

// Remove takes the elements that n finds out of a span, in place, but for the first skip of them and not more than most.
func (n *Needle) Remove(span []byte, skip, most int) (left []byte, removed int) {
	to := 0
	for pos := 0; pos < len(span); {
		next := Skip(span, pos)
		if removed < most && n.At(span, pos) {
			if skip--; skip < 0 {
				removed++
				pos = next
				continue
			}
		}
		if to != pos {
			copy(span[to:], span[pos:next])
		}
		to += next - pos
		pos = next
	}
	return span[:to], removed
}

// Count counts the elements that n finds.
func (n *Needle) Count(span []byte) (found int) {
	for pos := 0; pos < len(span); pos = Skip(span, pos) {
		if n.At(span, pos) {
			found++
		}
	}
	return found
}
