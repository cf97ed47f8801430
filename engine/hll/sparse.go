package hll

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// The sparse form. Raising a register splits the run that it is in, and then joins neighbours:
//
//	run                 [ zeros ................... ]
//	becomes             [ zeros ... ][ v ][ zeros . ]      1 to 5 bytes instead of 1 or 2
//	then                runs of one value side by side become one, if that has at most 4 registers;
//	                    looked for only from the opcode before on, over 5 opcodes

const (
	opZero     = 0x00
	opLongZero = 0x40
	opValue    = 0x80

	maxShortZero   = 64
	maxValueRun    = 4
	maxSparseValue = 32
	joinScan       = 5
)

// run is an opcode taken apart.
type run struct {
	size  int  // bytes; 0: there is none, or half of one
	n     int  // registers
	value byte // of each
}

func runAt(b []byte, at int) run {
	if at >= len(b) {
		return run{}
	}
	switch op := b[at]; {
	case op&opValue != 0:
		return run{1, int(op&3) + 1, op>>2&31 + 1}
	case op&opLongZero == 0:
		return run{1, int(op) + 1, 0}
	case at+1 < len(b):
		return run{2, int(op&63)<<8 + int(b[at+1]) + 1, 0}
	}
	return run{}
}

func valueRun(value byte, n int) byte { return opValue | (value-1)<<2 | byte(n-1) }

// appendRun appends n registers of a value, n being what one opcode can hold; none if n is 0.
func appendRun(dst []byte, value byte, n int) []byte {
	switch {
	case n == 0:
		return dst
	case value > 0:
		return append(dst, valueRun(value, n))
	case n <= maxShortZero:
		return append(dst, opZero|byte(n-1))
	}
	return append(dst, opLongZero|byte((n-1)>>8), byte(n-1))
}

// Editor raises registers of a value in memory of the caller's. Raising them in ascending order costs O(1) each, but for
// the bytes that have to move.
type Editor struct {
	B      []byte // the value; it grows, and becomes dense at some point
	Room   []byte // memory to make the dense form in; swapped with B then
	Limit  int    // bytes that a sparse value may have
	resume cursor
}

// cursor is an opcode that no later edit moves, from which the search for a later register can start.
type cursor struct {
	at    int // 0: from the first opcode
	prev  int // the opcode before, -1 none
	first int // register
}

// Raise makes a register at least count and reports whether it was less. ok is false when the value is corrupt.
func (d *Editor) Raise(register int, count byte) (changed, ok bool) {
	if IsDense(d.B) {
		if changed = raiseDense(d.B, register, count); changed {
			Invalidate(d.B)
		}
		return changed, true
	}
	at, prev, first, r := d.find(register)
	switch {
	case r.size == 0:
		return false, false
	case r.value >= count:
		return false, true
	case count > maxSparseValue:
		return d.promote(register, count)
	}
	var room [5]byte
	with := appendRun(room[:0], r.value, register-first)
	with = appendRun(with, count, 1)
	with = appendRun(with, r.value, first+r.n-1-register)
	if more := len(with) - r.size; more > 0 && len(d.B)+more > d.Limit {
		return d.promote(register, count)
	}
	d.B = slices.Replace(d.B, at, at+r.size, with...)
	if prev >= 0 {
		at = prev
	}
	d.join(at)
	Invalidate(d.B)
	return true, true
}

// find returns the run that a register is in, where it is, where the one before is, and its first register.
func (d *Editor) find(register int) (at, prev, first int, r run) {
	at, prev, first = HeaderBytes, -1, 0
	if d.resume.at != 0 && register >= d.resume.first {
		at, prev, first = d.resume.at, d.resume.prev, d.resume.first
	}
	d.resume = cursor{}
	b := d.B
	if from, firstThere := skip(b, at, first, register); from != at {
		at, first, prev = from, firstThere, 0 // prev will be known before it is needed
	}
	prev2, prevFirst := 0, 0 // of the opcode before, once there is one
	for at+1 < len(b) {      // the last byte is left to runAt, which sees whether it is a whole opcode
		op, size := b[at], 1
		end := first + 1
		switch {
		case op >= opValue:
			end += int(op & 3)
		case op < opLongZero:
			end += int(op)
		default:
			end += int(op&63)<<8 | int(b[at+1])
			size = 2
		}
		if register < end {
			break
		}
		prev2, prev, prevFirst = prev, at, first
		at, first = at+size, end
	}
	if prev2 != 0 {
		d.resume = cursor{prev, prev2, prevFirst}
	}
	if r = runAt(b, at); r.size != 0 && register >= first+r.n {
		r = run{} // past the last register
	}
	return at, prev, first, r
}

// skip goes from at, where register first begins, towards the run that a register is in, eight bytes at a time, and
// returns a place at least one opcode before that run, or at itself.
func skip(b []byte, at, first, register int) (from, firstThere int) {
	from, firstThere = at, first
	for at+9 <= len(b) {
		w := binary.LittleEndian.Uint64(b[at:])
		long := w &^ (w >> 1) & (opLongZero * eachByte) // opcodes of two bytes, and up to the first of them:
		size, n := 8, 0
		if long != 0 {
			size = bits.TrailingZeros64(long) / 8
			w &= 1<<(8*size) - 1
			n = int(b[at+size]&63)<<8 + int(b[at+size+1]) + 1
		}
		values := w >> 7 & eachByte * 0xff
		w = w & (63 * eachByte) &^ (values & (60 * eachByte)) // registers of each opcode, less 1
		pairs := w&0x00ff00ff00ff00ff + w>>8&0x00ff00ff00ff00ff
		n += size + int(pairs*0x0001000100010001>>48)
		if register < first+n {
			break
		}
		from, firstThere = at, first
		if at += size; long != 0 {
			at += 2
		}
		first += n
	}
	return from, firstThere
}

const eachByte = 0x0101010101010101

// join makes one opcode of neighbours with the same value.
func (d *Editor) join(at int) {
	for range joinScan {
		r, next := runAt(d.B, at), run{}
		if r.size == 0 {
			return
		}
		if r.value > 0 {
			next = runAt(d.B, at+1)
		}
		if r.value == 0 || next.value != r.value || r.n+next.n > maxValueRun {
			at += r.size
			continue
		}
		d.B[at] = valueRun(r.value, r.n+next.n)
		d.B = slices.Delete(d.B, at+1, at+2)
	}
}

// promote makes the value dense and raises a register there.
func (d *Editor) promote(register int, count byte) (changed, ok bool) {
	dense, ok := AppendToDense(d.Room[:0], d.B)
	if !ok {
		return false, false
	}
	d.B, d.Room = dense, d.B
	changed = raiseDense(d.B, register, count)
	Invalidate(d.B)
	return changed, true
}

// AppendToDense appends the dense form of a sparse value. ok is false when that is corrupt.
func AppendToDense(dst, b []byte) (dense []byte, ok bool) {
	var registers [Registers]byte
	if !Merge(&registers, b) {
		return dst, false
	}
	return AppendDense(dst, b, &registers), true
}

// mergeSparse raises registers to those of a sparse value.
func mergeSparse(registers *[Registers]byte, b []byte) bool {
	i := 0
	for at := HeaderBytes; at < len(b); {
		r := runAt(b, at)
		if r.size == 0 || i+r.n > Registers {
			return false
		}
		if r.value > 0 {
			for k := range registers[i : i+r.n] {
				registers[i+k] = max(registers[i+k], r.value)
			}
		}
		i += r.n
		at += r.size
	}
	return i == Registers
}

// RaiseAll raises every register to that of registers. ok is false when the value is corrupt.
func (d *Editor) RaiseAll(registers *[Registers]byte) (ok bool) {
	for g := range groups {
		x := bytesAt(registers, g)
		for x != 0 {
			i := bits.TrailingZeros64(x) / 8
			if _, ok := d.Raise(8*g+i, byte(x>>(8*i))); !ok {
				return false
			}
			x &^= 0xff << (8 * i)
		}
	}
	return true
}

// AppendOpcodes appends a sparse value's opcodes as text: "z:n" and "Z:n" for zeros, "v:value,n".
func AppendOpcodes(dst, b []byte) []byte {
	for at := HeaderBytes; at < len(b); {
		r := runAt(b, at)
		if r.size == 0 {
			break
		}
		if at > HeaderBytes {
			dst = append(dst, ' ')
		}
		switch {
		case r.value > 0:
			dst = append(strconv.AppendInt(append(dst, "v:"...), int64(r.value), 10), ',')
		case r.size == 1:
			dst = append(dst, "z:"...)
		default:
			dst = append(dst, "Z:"...)
		}
		dst = strconv.AppendInt(dst, int64(r.n), 10)
		at += r.size
	}
	return dst
}
