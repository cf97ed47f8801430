package commands

import (
	"encoding/binary"
	"math/bits"

	"redix/engine"
)

// BITCOUNT and BITPOS: whole strings or a range of them, a word at a time. Their checks come in redis-server 7.2's
// order, which is not that of other commands: BITCOUNT looks for the key first and does not mind what else is said
// about a missing one.

// bitRange is where to look, in bits; last is inclusive, and below first when there is nothing to look at.
type bitRange struct{ first, last int64 }

// spanOf turns places of the first and last unit, which count from the end when negative, into bits.
func spanOf(start, end int64, size int, inBits bool) bitRange {
	unit, n := int64(8), int64(size)
	if inBits {
		unit, n = 1, n*8
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return bitRange{0, -1}
	}
	return bitRange{start * unit, (end+1)*unit - 1}
}

// unitArg reads BYTE or BIT.
func unitArg(c *engine.Client, arg []byte) (inBits, ok bool) {
	switch {
	case isWord(arg, "bit"):
		return true, true
	case isWord(arg, "byte"):
		return false, true
	}
	c.Reply.Error(errSyntax)
	return false, false
}

func bitcount(c *engine.Client, args engine.Args) {
	var room [20]byte
	b, found, ok := readBits(c, args[1], room[:])
	if !ok {
		return
	}
	if !found {
		c.Reply.Int(0)
		return
	}
	span := bitRange{0, int64(len(b))*8 - 1}
	if len(args) != 2 {
		if span, ok = countSpan(c, args, len(b)); !ok {
			return
		}
	}
	c.Reply.Int(span.count(b))
}

// countSpan reads BITCOUNT's range.
func countSpan(c *engine.Client, args engine.Args, size int) (span bitRange, ok bool) {
	if len(args) != 4 && len(args) != 5 {
		c.Reply.Error(errSyntax)
		return span, false
	}
	start, ok := intArg(c, args[2])
	if !ok {
		return span, false
	}
	end, ok := intArg(c, args[3])
	if !ok {
		return span, false
	}
	if start < 0 && end < 0 && start > end { // whatever the unit is
		return bitRange{0, -1}, true
	}
	inBits := false
	if len(args) == 5 {
		if inBits, ok = unitArg(c, args[4]); !ok {
			return span, false
		}
	}
	return spanOf(start, end, size, inBits), true
}

// count counts the ones of b in the range.
func (r bitRange) count(b []byte) int64 {
	if r.first > r.last {
		return 0
	}
	from, to := r.first/8, r.last/8
	before := b[from] &^ (0xff >> uint(r.first%8))
	after := b[to] & (0x7f >> uint(r.last%8))
	return int64(countOnes(b[from:to+1]) - bits.OnesCount8(before) - bits.OnesCount8(after))
}

func countOnes(b []byte) (n int) {
	for len(b) >= 32 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b)) + bits.OnesCount64(binary.LittleEndian.Uint64(b[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[16:])) + bits.OnesCount64(binary.LittleEndian.Uint64(b[24:]))
		b = b[32:]
	}
	for len(b) >= 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}

func bitpos(c *engine.Client, args engine.Args) {
	bit, ok := intArg(c, args[2])
	if !ok {
		return
	}
	if bit != 0 && bit != 1 {
		c.Reply.Error("ERR The bit argument must be 1 or 0.")
		return
	}
	var room [20]byte
	b, found, ok := readBits(c, args[1], room[:])
	if !ok {
		return
	}
	if !found {
		c.Reply.Int(-bit)
		return
	}
	span := bitRange{0, int64(len(b))*8 - 1}
	if len(args) != 3 {
		if span, ok = posSpan(c, args, len(b)); !ok {
			return
		}
	}
	at := span.find(b, bit == 1)
	if at < 0 && bit == 0 && len(args) < 5 && span.first <= span.last {
		at = int64(len(b)) * 8 // without an end, zeros follow the string
	}
	c.Reply.Int(at)
}

// posSpan reads BITPOS's range. The unit is looked at before the end.
func posSpan(c *engine.Client, args engine.Args, size int) (span bitRange, ok bool) {
	if len(args) > 6 {
		c.Reply.Error(errSyntax)
		return span, false
	}
	start, ok := intArg(c, args[3])
	if !ok {
		return span, false
	}
	inBits, end := false, int64(-1)
	if len(args) == 6 {
		if inBits, ok = unitArg(c, args[5]); !ok {
			return span, false
		}
	}
	if len(args) >= 5 {
		if end, ok = intArg(c, args[4]); !ok {
			return span, false
		}
	}
	return spanOf(start, end, size, inBits), true
}

// find returns the first place in the range where b has a one, or a zero; -1 for none.
func (r bitRange) find(b []byte, one bool) int64 {
	if r.first > r.last {
		return -1
	}
	flip := ^uint64(0)
	if one {
		flip = 0
	}
	from, to := r.first/8, r.last/8+1
	b = b[:to]
	if head := (b[from] ^ byte(flip)) & (0xff >> uint(r.first%8)); head != 0 {
		return r.within(from*8 + int64(bits.LeadingZeros8(head)))
	}
	at := from + 1
	at += int64(skipEqual(b[at:], flip))
	for ; at+8 <= to; at += 8 {
		if w := binary.BigEndian.Uint64(b[at:]) ^ flip; w != 0 {
			return r.within(at*8 + int64(bits.LeadingZeros64(w)))
		}
	}
	for ; at < to; at++ {
		if x := b[at] ^ byte(flip); x != 0 {
			return r.within(at*8 + int64(bits.LeadingZeros8(x)))
		}
	}
	return -1
}

// skipEqual counts the bytes of whole words at the start of b that are equal to word, in steps of 32.
func skipEqual(b []byte, word uint64) int {
	rest := b
	for len(rest) >= 32 {
		if (binary.LittleEndian.Uint64(rest)^word)|(binary.LittleEndian.Uint64(rest[8:])^word)|
			(binary.LittleEndian.Uint64(rest[16:])^word)|(binary.LittleEndian.Uint64(rest[24:])^word) != 0 {
			break
		}
		rest = rest[32:]
	}
	return len(b) - len(rest)
}

func (r bitRange) within(at int64) int64 {
	if at > r.last {
		return -1
	}
	return at
}
