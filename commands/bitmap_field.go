package commands

import (
	"encoding/binary"

	"redix/engine"
	"redix/engine/resp"
)

// BITFIELD: integers of 1 to 64 bits at any bit of a string, most significant bit first.
//
//	bit        offset          offset + width
//	           |  field        |
//	byte   [ . . . . ][ . . . . ][ ...
//	window |<---- 9 bytes from the byte of the first bit: no field needs more
//
// The arguments are read twice: first all are checked and counted, then, when nothing can go wrong any more, run one
// after the other; each sees what those before it have written.

// fieldWindow is how many bytes a field can touch.
const fieldWindow = 9

type fieldVerb int

const (
	fieldGet fieldVerb = iota
	fieldSet
	fieldIncr
)

type overflowMode int

const (
	overflowWrap overflowMode = iota
	overflowSat
	overflowFail
)

// fieldOp is one operation.
type fieldOp struct {
	verb   fieldVerb
	mode   overflowMode
	signed bool
	width  uint // bits
	offset int64
	by     int64 // the value or increment
}

// fieldReader reads operations from arguments. OVERFLOW stays for what follows it.
type fieldReader struct {
	c    *engine.Client
	args engine.Args // left
	mode overflowMode
}

// next reads an operation. ok is false at the end, failed when it has replied with an error.
func (r *fieldReader) next() (op fieldOp, ok, failed bool) {
	for len(r.args) > 0 {
		verb, rest := r.args[0], len(r.args)-1
		switch {
		case rest >= 2 && isWord(verb, "get"):
			return r.operation(fieldGet)
		case rest >= 3 && isWord(verb, "set"):
			return r.operation(fieldSet)
		case rest >= 3 && isWord(verb, "incrby"):
			return r.operation(fieldIncr)
		case rest >= 1 && isWord(verb, "overflow"):
			if !r.overflow(r.args[1]) {
				r.c.Reply.Error("ERR Invalid OVERFLOW type specified")
				return op, false, true
			}
			r.args = r.args[2:]
		default:
			r.c.Reply.Error(errSyntax)
			return op, false, true
		}
	}
	return op, false, false
}

func (r *fieldReader) overflow(arg []byte) bool {
	switch {
	case isWord(arg, "wrap"):
		r.mode = overflowWrap
	case isWord(arg, "sat"):
		r.mode = overflowSat
	case isWord(arg, "fail"):
		r.mode = overflowFail
	default:
		return false
	}
	return true
}

func (r *fieldReader) operation(verb fieldVerb) (op fieldOp, ok, failed bool) {
	op.verb, op.mode = verb, r.mode
	if !op.typeArg(r.args[1]) {
		r.c.Reply.Error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
		return op, false, true
	}
	if op.offset, ok = bitOffset(r.c, r.args[2], int64(op.width)); !ok {
		return op, false, true
	}
	n := 3
	if verb != fieldGet {
		if op.by, ok = intArg(r.c, r.args[3]); !ok {
			return op, false, true
		}
		n = 4
	}
	r.args = r.args[n:]
	return op, true, false
}

// typeArg reads i1 to i64 and u1 to u63.
func (op *fieldOp) typeArg(arg []byte) bool {
	if len(arg) == 0 || arg[0] != 'i' && arg[0] != 'u' {
		return false
	}
	op.signed = arg[0] == 'i'
	width, ok := resp.ParseInt(arg[1:])
	if !ok || width < 1 || width > 64 || width == 64 && !op.signed {
		return false
	}
	op.width = uint(width)
	return true
}

func bitfield(c *engine.Client, args engine.Args)   { runFields(c, args, false) }
func bitfieldRO(c *engine.Client, args engine.Args) { runFields(c, args, true) }

// runFields replies with an array of what each operation gives.
func runFields(c *engine.Client, args engine.Args, onlyGet bool) {
	n, last := 0, int64(-1) // last bit to be written
	r := fieldReader{c: c, args: args[2:]}
	for {
		op, ok, failed := r.next()
		if failed {
			return
		}
		if !ok {
			break
		}
		if op.verb != fieldGet {
			last = max(last, op.offset+int64(op.width)-1)
		}
		n++
	}
	var room [20]byte
	var b []byte
	var grown, ok bool
	switch {
	case last < 0:
		b, _, ok = readBits(c, args[1], room[:])
	case onlyGet:
		c.Reply.Error("ERR BITFIELD_RO only supports the GET subcommand")
	default:
		b, grown, ok = writeBits(c, args[1], last)
	}
	if !ok {
		return
	}
	c.Reply.Array(n)
	changes := 0
	r = fieldReader{c: c, args: args[2:]}
	for range n {
		op, _, _ := r.next()
		if changed := op.run(c, b); changed || grown && op.verb != fieldGet {
			changes++
		}
	}
	if changes > 0 {
		c.Event(engine.EventString, "setbit", args[1])
		c.Changed(changes)
	}
}

// run executes and replies; it reports whether it has changed b.
func (op *fieldOp) run(c *engine.Client, b []byte) bool {
	raw := readField(b, op.offset, op.width)
	old := int64(raw)
	if op.signed {
		old = int64(raw<<(64-op.width)) >> (64 - op.width)
	}
	if op.verb == fieldGet {
		c.Reply.Int(old)
		return false
	}
	base, by := old, op.by
	if op.verb == fieldSet {
		base, by = op.by, 0
	}
	var value int64
	var overflows bool
	if op.signed {
		value, overflows = addSigned(base, by, op.width, op.mode)
	} else {
		value, overflows = addUnsigned(uint64(base), by, op.width, op.mode)
	}
	if overflows && op.mode == overflowFail {
		c.Reply.Null()
		return false
	}
	if op.verb == fieldSet {
		c.Reply.Int(old)
	} else {
		c.Reply.Int(value)
	}
	if value == old {
		return false
	}
	writeField(b, op.offset, op.width, uint64(value))
	return true
}

// addSigned adds two integers into one of width bits. What does not fit wraps around or saturates; v alone may not fit.
// The differences may wrap around, which makes a v near the lowest int64 saturate upwards: redis-server's way.
func addSigned(v, by int64, width uint, mode overflowMode) (sum int64, overflows bool) {
	high := int64(1)<<(width-1) - 1
	low := -high - 1
	room, depth := high-v, low-v
	over := v > high || width < 64 && by > room || v >= 0 && by > 0 && by > room
	under := v < low || width < 64 && by < depth || v < 0 && by < 0 && by < depth
	sum = v + by
	switch {
	case !over && !under:
		return sum, false
	case mode != overflowSat:
		return sum << (64 - width) >> (64 - width), true
	case over:
		return high, true
	}
	return low, true
}

// addUnsigned is addSigned without a sign; width is at most 63, so that sums fit into an int64. A v that does not fit
// counts as too large, as a negative value does that was given for an unsigned field.
func addUnsigned(v uint64, by int64, width uint, mode overflowMode) (sum int64, overflows bool) {
	high := uint64(1)<<width - 1
	over := v > high || by > 0 && uint64(by) > high-v
	under := by < 0 && -uint64(by) > v
	switch {
	case !over && !under:
		return int64(v + uint64(by)), false
	case mode != overflowSat:
		return int64((v + uint64(by)) & high), true
	case over:
		return int64(high), true
	}
	return 0, true
}

// readField returns the field's bits. Bits past the end of b are zero.
func readField(b []byte, offset int64, width uint) uint64 {
	var w [fieldWindow]byte
	if at := offset / 8; at < int64(len(b)) {
		copy(w[:], b[at:])
	}
	shift := uint(offset % 8)
	v := binary.BigEndian.Uint64(w[:])<<shift | uint64(w[8])>>(8-shift)
	return v >> (64 - width)
}

// writeField puts the low bits of v into a field that is within b.
func writeField(b []byte, offset int64, width uint, v uint64) {
	var w [fieldWindow]byte
	at := offset / 8
	n := copy(w[:], b[at:])
	shift := uint(offset % 8)
	v <<= 64 - width // left-aligned, as is the mask
	mask := ^uint64(0) << (64 - width)
	v &= mask
	head := binary.BigEndian.Uint64(w[:])
	binary.BigEndian.PutUint64(w[:], head&^(mask>>shift)|v>>shift)
	w[8] = w[8]&^byte(mask<<(8-shift)) | byte(v<<(8-shift))
	copy(b[at:], w[:n])
}
