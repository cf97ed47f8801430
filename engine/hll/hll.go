// Package hll estimates how many different elements a set has seen, in at most 12 KiB, with a standard error of 0.81 %:
// the HyperLogLog of Flajolet, Fusy, Gandouet and Meunier ("HyperLogLog: the analysis of a near-optimal cardinality
// estimation algorithm", AOFA 2007). Values have redis-server's byte format and estimates are its numbers, so values can
// move between the two and be merged there.
//
// An element's hash (MurmurHash64A by Austin Appleby, with a fixed seed) is split:
//
//	bit   63                                  14 13         0
//	      [ 50 bits: zeros from below, plus 1   ] [ register ]
//
// Each of the 16384 registers keeps the largest such count, 1 to 51, that it has seen; 0 is none. The estimate is made
// from the histogram of the registers (estimate.go). A value is a string:
//
//	"HYLL" | encoding 1 | unused 3 | cached estimate 8, little endian | registers
//
//	The estimate's highest bit tells that it is out of date.
//
//	encoding 0, dense    6 bits a register, from the lowest bit of the first byte on; 12304 bytes with the header
//	encoding 1, sparse   runs of registers, each an opcode:
//	                     00nnnnnn            n+1 registers are 0
//	                     01nnnnnn nnnnnnnn   n+1 registers are 0, up to 16384 of them
//	                     1vvvvvnn            n+1 registers are v+1: 1 to 4 of 1 to 32
//
// A value is sparse until a register exceeds 32 or the string would become longer than its limit; never again after
// that. The opcodes depend on the order in which registers were raised; sparse.go takes the same steps as redis-server,
// so that its strings and ours are the same to the byte.
//
// A client can set a string of any bytes: nothing here trusts more of them than it has checked, whatever Check said.
package hll

import (
	"encoding/binary"
	"math/bits"
)

// Sizes.
const (
	Registers   = 1 << indexBits
	HeaderBytes = 16
	DenseBytes  = HeaderBytes + Registers*6/8
	// MaxSparseBytes is the longest string of opcodes that stand for 16384 registers: two bytes for each.
	MaxSparseBytes = HeaderBytes + 2*Registers

	indexBits = 14
	countBits = 64 - indexBits // of the hash; counts go to countBits+1
)

const (
	encodingAt = 4
	cacheAt    = 8

	encDense  = 0
	encSparse = 1

	stale = 1 << 63
)

// Check reports whether b begins as a HyperLogLog does, and has the right length if it is dense.
func Check(b []byte) bool {
	return len(b) >= HeaderBytes && string(b[:encodingAt]) == "HYLL" && b[encodingAt] <= encSparse &&
		(b[encodingAt] == encSparse || len(b) == DenseBytes)
}

// IsDense tells the encoding of a value that Check has passed.
func IsDense(b []byte) bool { return b[encodingAt] == encDense }

// AppendNew appends a value that has seen nothing.
func AppendNew(dst []byte) []byte {
	dst = append(dst, "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	return append(dst, opLongZero|(Registers-1)>>8, (Registers-1)&0xff)
}

// Cached returns the estimate that the value keeps; ok is false when it is out of date.
func Cached(b []byte) (n uint64, ok bool) {
	n = binary.LittleEndian.Uint64(b[cacheAt:])
	return n, n < stale
}

// SetCached keeps an estimate.
func SetCached(b []byte, n uint64) { binary.LittleEndian.PutUint64(b[cacheAt:], n) }

// Invalidate marks the estimate as out of date.
func Invalidate(b []byte) { b[HeaderBytes-1] |= stale >> 56 }

// Place returns an element's register and the count that it asks for, 1 to 51.
func Place(element []byte) (register int, count byte) {
	h := murmur64A(element, hashSeed)
	rest := h>>indexBits | 1<<countBits
	return int(h % Registers), byte(bits.TrailingZeros64(rest) + 1)
}

const hashSeed = 0xadc83b19

// murmur64A is MurmurHash64A on little endian words.
func murmur64A(b []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(b) > 0 {
		var tail uint64
		for i, x := range b {
			tail |= uint64(x) << (8 * i)
		}
		h = (h ^ tail) * m
	}
	h ^= h >> r
	h *= m
	return h ^ h>>r
}
