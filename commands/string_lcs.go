package commands

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
)

// LCS, the longest common subsequence of two strings, by the textbook's table:
//
//	L(i,j) = L(i-1,j-1) + 1            if a[i-1] == b[j-1]
//	         max(L(i-1,j), L(i,j-1))   else
//
// The way back from L(n,m) needs one fact of each cell without a match: is L(i-1,j) the greater of the two? That is one
// bit, and besides the bits only one row of numbers is kept, along the shorter string: 1/32 of the memory of the whole
// table, whose size redis-server bounds by proto-max-bulk-len. The bound is kept, as a bound on time.
//
// Of several longest subsequences the way back finds the one that redis-server finds: j steps back when both are equal.

// lcsTable is what the way back needs. The rows of bits run along the string short.
type lcsTable struct {
	a, b  []byte
	bits  []uint64 // nil: only the length was wanted
	width int      // bits of a row
	aLong bool     // a is the longer string: cell (i,j) is bit i*width + j, else j*width + i
	size  int      // length of the subsequence
}

func newLCS(a, b []byte, wayBack bool) *lcsTable {
	t := &lcsTable{a: a, b: b, aLong: len(a) >= len(b)}
	long, short := a, b
	if !t.aLong {
		long, short = b, a
	}
	t.width = len(short)
	if wayBack {
		t.bits = make([]uint64, (len(long)*t.width+63)/64)
	}
	row := make([]uint32, len(short)+1)
	bit := 0
	for _, x := range long {
		diagonal := uint32(0) // L of the cell before, in the row before
		for k, y := range short {
			before, left := row[k+1], row[k]
			switch {
			case x == y:
				row[k+1] = diagonal + 1
			case before > left:
				if t.aLong && wayBack {
					t.bits[bit/64] |= 1 << (bit % 64)
				}
			default:
				row[k+1] = left
				if left > before && !t.aLong && wayBack {
					t.bits[bit/64] |= 1 << (bit % 64)
				}
			}
			diagonal = before
			bit++
		}
	}
	t.size = int(row[len(short)])
	return t
}

// backInA tells whether L(i-1,j) is the greater neighbour of L(i,j), both counted from 1.
func (t *lcsTable) backInA(i, j int) bool {
	bit := (i-1)*t.width + j - 1
	if !t.aLong {
		bit = (j-1)*t.width + i - 1
	}
	return t.bits[bit/64]>>(bit%64)&1 != 0
}

// runs visits the stretches of the subsequence that are contiguous in both strings, from the last to the first.
func (t *lcsTable) runs(visit func(i, j, length int)) {
	i, j := len(t.a), len(t.b)
	for i > 0 && j > 0 {
		length := 0
		for i > 0 && j > 0 && t.a[i-1] == t.b[j-1] {
			i, j, length = i-1, j-1, length+1
		}
		switch {
		case length > 0:
			visit(i, j, length)
		case t.backInA(i, j):
			i--
		default:
			j--
		}
	}
}

// lcsOptions are the words after the keys.
type lcsOptions struct {
	length, index, withLength bool
	minLength                 int64
}

func lcsArgs(c *engine.Client, args engine.Args) (o lcsOptions, ok bool) {
	for i := 0; i < len(args); i++ {
		switch {
		case isWord(args[i], "idx"):
			o.index = true
		case isWord(args[i], "len"):
			o.length = true
		case isWord(args[i], "withmatchlen"):
			o.withLength = true
		case isWord(args[i], "minmatchlen") && i+1 < len(args):
			i++
			if o.minLength, ok = intArg(c, args[i]); !ok {
				return o, false
			}
		default:
			c.Reply.Error(errSyntax)
			return o, false
		}
	}
	if o.index && o.length {
		c.Reply.Error("ERR If you want both the length and indexes, please just use IDX.")
		return o, false
	}
	return o, true
}

func lcs(c *engine.Client, args engine.Args) {
	_, _ = c.LookupRead(args[1])
	second, _ := c.LookupRead(args[2])
	first, _ := c.DB.Find(args[1]) // again: the second look-up may have removed an expired key
	if first.Type() > keyspace.TypeString || second.Type() > keyspace.TypeString {
		c.Reply.Error("ERR The specified keys must contain string values")
		return
	}
	o, ok := lcsArgs(c, args[3:])
	if !ok {
		return
	}
	var roomA, roomB [20]byte
	a, b := stringOrEmpty(&first, roomA[:]), stringOrEmpty(&second, roomB[:])
	if len(a) >= math.MaxUint32-1 || len(b) >= math.MaxUint32-1 {
		c.Reply.Error("ERR String too long for LCS")
		return
	}
	limit := c.Server().Config.ProtoMaxBulkBytes
	if uint64(len(a)+1) > uint64(limit)/4/uint64(len(b)+1) {
		c.Reply.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
		return
	}
	t := newLCS(a, b, !o.length)
	switch {
	case o.length:
		c.Reply.Int(int64(t.size))
	case o.index:
		replyRuns(c, t, &o)
	default:
		result := make([]byte, t.size)
		end := t.size
		t.runs(func(i, _, length int) { end -= copy(result[end-length:], a[i:i+length]) })
		c.Reply.Bulk(result)
	}
}

func stringOrEmpty(e *keyspace.Entry, scratch []byte) []byte {
	if !e.Found() {
		return nil
	}
	return e.Bytes(scratch)
}

// replyRuns is the reply to IDX: each run with the places of its first and last byte in both strings.
func replyRuns(c *engine.Client, t *lcsTable, o *lcsOptions) {
	r := c.Reply
	r.Map(2)
	r.BulkString("matches")
	mark, n := r.Begin(), 0
	t.runs(func(i, j, length int) {
		if int64(length) < o.minLength {
			return
		}
		n++
		if o.withLength {
			r.Array(3)
		} else {
			r.Array(2)
		}
		for _, from := range [2]int{i, j} {
			r.Array(2)
			r.Int(int64(from))
			r.Int(int64(from + length - 1))
		}
		if o.withLength {
			r.Int(int64(length))
		}
	})
	r.EndArray(mark, n)
	r.BulkString("len")
	r.Int(int64(t.size))
}
