package hll

import (
	"encoding/binary"
	"math"
)

// The estimate, by Otmar Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6): one
// formula for all cardinalities, without correction tables. With C(k) registers of value k, m = 16384 and q = 50:
//
//	z = m σ(C(0)/m) + sum of C(k) / 2^k for k = 1..q + m τ(1 - C(q+1)/m) / 2^q
//	n = m² / (2 ln 2 z)
//
// σ and τ are series that are summed until they no longer change. The order of the operations is redis-server's and none
// is fused with another, for its very digits.

// histogram counts the registers by value.
type histogram [64]int

// tally is four histograms in turn: neighbours often have the same value, and would wait for each other's increment.
type tally [4][64]uint16

// alpha is 1 / (2 ln 2).
const alpha = 0.721347520444481703680

func bytesAt(registers *[Registers]byte, g int) uint64 {
	return binary.LittleEndian.Uint64(registers[8*g : 8*g+8])
}

// Merge raises each register to that of a value. ok is false when that is corrupt; some are raised then.
func Merge(registers *[Registers]byte, b []byte) (ok bool) {
	if !IsDense(b) {
		return mergeSparse(registers, b)
	}
	for g := range groups {
		binary.LittleEndian.PutUint64(registers[8*g:8*g+8], larger(bytesAt(registers, g), group(b, g)))
	}
	return true
}

// Count estimates the cardinality of a value. ok is false when that is corrupt.
func Count(b []byte) (n uint64, ok bool) {
	if IsDense(b) {
		var t tally
		for g := range groups {
			t.add(group(b, g))
		}
		return t.sum().estimate(), true
	}
	var h histogram
	total := 0
	for at := HeaderBytes; at < len(b); {
		r := runAt(b, at)
		if r.size == 0 || total > Registers {
			return 0, false
		}
		h[r.value] += r.n
		total += r.n
		at += r.size
	}
	return h.estimate(), total == Registers
}

// CountRegisters estimates the cardinality of registers; each is below 64.
func CountRegisters(registers *[Registers]byte) uint64 {
	var t tally
	for g := range groups {
		t.add(bytesAt(registers, g))
	}
	return t.sum().estimate()
}

// add counts eight registers.
func (t *tally) add(x uint64) {
	t[0][x&63]++
	t[1][x>>8&63]++
	t[2][x>>16&63]++
	t[3][x>>24&63]++
	t[0][x>>32&63]++
	t[1][x>>40&63]++
	t[2][x>>48&63]++
	t[3][x>>56&63]++
}

func (t *tally) sum() *histogram {
	var h histogram
	for v := range h {
		h[v] = int(t[0][v]) + int(t[1][v]) + int(t[2][v]) + int(t[3][v])
	}
	return &h
}

func (h *histogram) estimate() uint64 {
	const m = float64(Registers)
	z := m * tau((m-float64(h[countBits+1]))/m)
	for k := countBits; k >= 1; k-- {
		z += float64(h[k])
		z *= 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	n := math.Round(alpha * m * m / z)
	if !(n < stale) { // only of registers that no hash has made
		return stale
	}
	return uint64(n)
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		before := z
		x *= x
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		before := z
		x = math.Sqrt(x)
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == before {
			return z / 3
		}
	}
}
