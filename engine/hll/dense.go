package hll

import "encoding/binary"

// The dense form, eight registers at a time: 48 bits of the string become eight bytes of one word.
//
//	48 bits   h g f e d c b a           six bits each, a lowest
//	unpack    | hgfe | dcba |           halves to 32-bit lanes
//	          | hg | fe | dc | ba |     quarters to 16-bit lanes
//	          |h|g|f|e|d|c|b|a|         a byte each

const (
	groups     = Registers / 8
	groupBytes = 6
)

// group returns the eight registers from 8*g on of a dense value, a byte each.
func group(b []byte, g int) uint64 {
	at := HeaderBytes + g*groupBytes
	if at+8 > len(b) { // the last one: eight bytes that end with it
		return unpack(binary.LittleEndian.Uint64(b[at-2:]) >> 16)
	}
	return unpack(binary.LittleEndian.Uint64(b[at:]) & (1<<48 - 1))
}

func unpack(x uint64) uint64 {
	x = x&0xffffff | x&0xffffff000000<<8
	x = x&0x00000fff00000fff | x&0x00fff00000fff000<<4
	return x&0x003f003f003f003f | x&0x0fc00fc00fc00fc0<<2
}

func pack(x uint64) uint64 {
	x = x&0x003f003f003f003f | x>>2&0x0fc00fc00fc00fc0
	x = x&0x00000fff00000fff | x>>4&0x00fff00000fff000
	return x&0xffffff | x>>8&0xffffff000000
}

// larger is the larger of each two bytes, all below 128.
func larger(x, y uint64) uint64 {
	const high = 0x8080808080808080
	notLess := ((x | high) - y) & high >> 7 * 0xff
	return x&notLess | y&^notLess
}

// DenseRegister returns a register of a dense value.
func DenseRegister(b []byte, register int) byte {
	at, shift := HeaderBytes+register*6/8, uint(register*6%8)
	v := b[at] >> shift
	if shift > 2 {
		v |= b[at+1] << (8 - shift)
	}
	return v & 63
}

// raiseDense makes a register at least count and reports whether it was less.
func raiseDense(b []byte, register int, count byte) bool {
	if DenseRegister(b, register) >= count {
		return false
	}
	at, shift := HeaderBytes+register*6/8, uint(register*6%8)
	b[at] = b[at]&^(63<<shift) | count<<shift
	if shift > 2 {
		b[at+1] = b[at+1]&^(63>>(8-shift)) | count>>(8-shift)
	}
	return true
}

// PutDense fills a dense value's registers.
func PutDense(b []byte, registers *[Registers]byte) {
	for g := range groups {
		x := pack(binary.LittleEndian.Uint64(registers[8*g:]))
		at := HeaderBytes + g*groupBytes
		binary.LittleEndian.PutUint32(b[at:], uint32(x))
		binary.LittleEndian.PutUint16(b[at+4:], uint16(x>>32))
	}
}

// AppendDense appends a dense value with the header of a value of either encoding and these registers.
func AppendDense(dst, header []byte, registers *[Registers]byte) []byte {
	mark := len(dst)
	dst = append(dst, header[:HeaderBytes]...)
	dst = append(dst, make([]byte, DenseBytes-HeaderBytes)...)
	dst[mark+encodingAt] = encDense
	PutDense(dst[mark:], registers)
	return dst
}
