package rdb

import (
	"encoding/binary"
	"math"
	"strconv"

	"redix/engine/packed"
)

// ZiplistWriter makes ziplists (layout at walkZiplist), one after the other: Begin, then elements, then Append. They are what
// readers from Redis 2.4 to 7.2 and Valkey take a small collection in as one string, which LZF compresses better than its
// elements one by one.
type ZiplistWriter struct {
	b    []byte // reused
	last int    // where the last element begins
	n    int
}

const ziplistHead = 10

// Begin begins a ziplist.
func (z *ZiplistWriter) Begin() {
	z.b = append(z.b[:0], make([]byte, ziplistHead)...)
	z.last, z.n = ziplistHead, 0
}

// next notes the size of the element before, with which each begins.
func (z *ZiplistWriter) next() {
	size := len(z.b) - z.last
	z.last = len(z.b)
	z.n++
	if size < 254 {
		z.b = append(z.b, byte(size))
		return
	}
	z.b = binary.LittleEndian.AppendUint32(append(z.b, 254), uint32(size))
}

// Elem adds an element of a collection.
func (z *ZiplistWriter) Elem(v packed.Elem) {
	if v.IsInt {
		z.Int(v.Int)
		return
	}
	z.next()
	switch n := len(v.Str); {
	case n < 1<<6:
		z.b = append(z.b, byte(n))
	case n < 1<<14:
		z.b = append(z.b, 0x40|byte(n>>8), byte(n))
	default:
		z.b = binary.BigEndian.AppendUint32(append(z.b, 0x80), uint32(n))
	}
	z.b = append(z.b, v.Str...)
}

// Int adds an integer.
func (z *ZiplistWriter) Int(n int64) {
	z.next()
	switch {
	case n >= 0 && n <= 12:
		z.b = append(z.b, 0xf1+byte(n))
	case n == int64(int8(n)):
		z.b = append(z.b, 0xfe, byte(n))
	case n == int64(int16(n)):
		z.b = append(z.b, 0xc0, byte(n), byte(n>>8))
	case n >= -1<<23 && n < 1<<23:
		z.b = append(z.b, 0xf0, byte(n), byte(n>>8), byte(n>>16))
	case n == int64(int32(n)):
		z.b = binary.LittleEndian.AppendUint32(append(z.b, 0xd0), uint32(n))
	default:
		z.b = binary.LittleEndian.AppendUint64(append(z.b, 0xe0), uint64(n))
	}
}

// maxExact is up to which integers doubles have all of them.
const maxExact = 1 << 53

// Score adds the score of a sorted set.
func (z *ZiplistWriter) Score(f float64) {
	if n := int64(f); math.Abs(f) < maxExact && float64(n) == f && (n != 0 || !math.Signbit(f)) {
		z.Int(n)
		return
	}
	var room [32]byte
	text := room[:0]
	switch {
	case math.IsInf(f, 1):
		text = append(text, "inf"...)
	case math.IsInf(f, -1):
		text = append(text, "-inf"...)
	default:
		text = strconv.AppendFloat(text, f, 'g', -1, 64)
	}
	z.Elem(packed.Elem{Str: text})
}

// Append ends the ziplist and appends it as a string, to be compressed as s does it.
func (z *ZiplistWriter) Append(s *Compressor, dst []byte) []byte {
	z.b = append(z.b, 0xff)
	binary.LittleEndian.PutUint32(z.b, uint32(len(z.b)))
	binary.LittleEndian.PutUint32(z.b[4:], uint32(z.last))
	binary.LittleEndian.PutUint16(z.b[8:], uint16(min(z.n, math.MaxUint16)))
	return s.AppendString(dst, z.b)
}
