package rdb

import (
	"encoding/binary"
	"math"
	"strconv"

	"redix/engine/packed"
)

// Listpacks, which newer versions keep small collections and the nodes of streams in:
//
//	bytes of all (4) | elements (2, FFFFh: not known) | element | element | ... | FFh
//
//	0vvvvvvv                     integer 0 to 127
//	110vvvvv v                   integer of 13 bits
//	F1h, F2h, F3h, F4h           integer of 2, 3, 4, 8 bytes that follow
//	10llllll                     string of l bytes
//	1110llll l                   string of up to 4,095 bytes
//	F0h llll                     string, its length in 4 bytes
//
// and after each element how many bytes it took, in one to five bytes to be read from behind: seven bits a byte, the lowest in
// the last, all but the first with the top bit set.

const (
	listpackHead     = 6
	listpackEnd      = 0xff
	listpackMaxCount = 0xffff
)

func appendElem(dst []byte, v packed.Elem) []byte {
	if v.IsInt {
		return appendInt(dst, v.Int)
	}
	start := len(dst)
	switch n := len(v.Str); {
	case n < 64:
		dst = append(dst, 0x80|byte(n))
	case n < 4096:
		dst = append(dst, 0xe0|byte(n>>8), byte(n))
	default:
		dst = binary.LittleEndian.AppendUint32(append(dst, 0xf0), uint32(n))
	}
	return appendBack(append(dst, v.Str...), start)
}

func appendInt(dst []byte, n int64) []byte {
	start := len(dst)
	switch {
	case n >= 0 && n <= 127:
		return append(dst, byte(n), 1)
	case n >= -4096 && n <= 4095:
		return append(dst, 0xc0|byte(n>>8)&0x1f, byte(n), 2)
	case n == int64(int16(n)):
		return append(dst, 0xf1, byte(n), byte(n>>8), 3)
	case n >= -1<<23 && n < 1<<23:
		return append(dst, 0xf2, byte(n), byte(n>>8), byte(n>>16), 4)
	case n == int64(int32(n)):
		dst = binary.LittleEndian.AppendUint32(append(dst, 0xf3), uint32(n))
	default:
		dst = binary.LittleEndian.AppendUint64(append(dst, 0xf4), uint64(n))
	}
	return appendBack(dst, start)
}

// backBytes is how many bytes the length n takes at an element's end.
func backBytes(n int) int {
	switch {
	case n < 1<<7:
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

// appendBack ends the element that began at start.
func appendBack(dst []byte, start int) []byte {
	n := len(dst) - start
	for shift := 7 * (backBytes(n) - 1); shift >= 0; shift -= 7 {
		b := byte(n>>shift) & 0x7f
		if len(dst) > start+n {
			b |= 0x80
		}
		dst = append(dst, b)
	}
	return dst
}

// endListpack completes a listpack of n elements that was begun with room for its head.
func endListpack(b []byte, n int) []byte {
	b = append(b, listpackEnd)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint16(b[4:], uint16(min(n, math.MaxUint16)))
	return b
}

// lpElem is an element of a listpack.
type lpElem struct {
	str   []byte // of a string
	n     int64  // of an integer
	isInt bool
}

// text is the string, or the digits of the integer in room.
func (e *lpElem) text(room []byte) []byte {
	if e.isInt {
		return strconv.AppendInt(room[:0], e.n, 10)
	}
	return e.str
}

// listpackBody checks the head of a listpack and returns its elements, and their number if that is known, -1 if not.
func listpackBody(b []byte) (body []byte, count int, ok bool) {
	if len(b) < listpackHead+1 || uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) || b[len(b)-1] != listpackEnd {
		return nil, 0, false
	}
	if count = int(binary.LittleEndian.Uint16(b[4:])); count == listpackMaxCount {
		count = -1
	}
	return b[listpackHead : len(b)-1], count, true
}

// nextElem reads the element at pos and checks the length at its end.
func nextElem(b []byte, pos int) (e lpElem, next int, ok bool) {
	rest := b[pos:]
	if len(rest) == 0 {
		return e, 0, false
	}
	h := rest[0]
	head, size := 1, 0
	switch {
	case h < 0x80:
		e = lpElem{n: int64(h), isInt: true}
	case h < 0xc0:
		size = int(h & 0x3f)
	case h < 0xe0:
		if len(rest) < 2 {
			return e, 0, false
		}
		head, e = 2, lpElem{n: int64(int16(uint16(h)<<11|uint16(rest[1])<<3) >> 3), isInt: true}
	case h < 0xf0:
		if len(rest) < 2 {
			return e, 0, false
		}
		head, size = 2, int(h&0x0f)<<8|int(rest[1])
	case h == 0xf0:
		if len(rest) < 5 {
			return e, 0, false
		}
		head, size = 5, int(binary.LittleEndian.Uint32(rest[1:]))
	case h <= 0xf4:
		head = [...]int{3, 4, 5, 9}[h-0xf1]
		if len(rest) < head {
			return e, 0, false
		}
		e = lpElem{n: signed(rest[1:head]), isInt: true}
	default:
		return e, 0, false
	}
	if size > len(rest)-head {
		return e, 0, false
	}
	if !e.isInt {
		e.str = rest[head : head+size : head+size]
	}
	n := head + size
	back := backBytes(n)
	if len(rest)-n < back {
		return e, 0, false
	}
	for i := range back {
		want := byte(n>>(7*(back-1-i))) & 0x7f
		if i > 0 {
			want |= 0x80
		}
		if rest[n+i] != want {
			return e, 0, false
		}
	}
	return e, pos + n + back, true
}

func walkListpack(r *Reader, b []byte, visit func(v []byte) error) error {
	bad := Wrong("a listpack that makes no sense")
	body, count, ok := listpackBody(b)
	if !ok {
		return bad
	}
	n := 0
	for pos := 0; pos < len(body); n++ {
		var e lpElem
		if e, pos, ok = nextElem(body, pos); !ok {
			return bad
		}
		if err := visit(e.text(r.digits[:])); err != nil {
			return err
		}
	}
	if count >= 0 && n != count {
		return bad
	}
	return nil
}
