package rdb

import (
	"encoding/binary"
	"math"

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
