package commands

import (
	"bytes"
	"math"

	"redix/engine"
	"redix/engine/resp"
	"redix/engine/stream"
)

// IDs as arguments: ms, ms-seq, and where they make sense -, +, (id, ms-*.

const errStreamID = "ERR Invalid stream ID specified as stream command argument"

// maxIDArg is the length from which on nothing is an ID.
const maxIDArg = 127

// beforeZero returns b up to a zero byte, which ends a word where redis-server treats it as text.
func beforeZero(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// parseID reads an ID; missing stands for a sequence number that is left out. With auto the sequence number may be *, and
// auto is then set.
func parseID(arg []byte, missing uint64, auto *bool) (id stream.ID, ok bool) {
	if len(arg) > maxIDArg {
		return id, false
	}
	ms, seq, both := bytes.Cut(beforeZero(arg), []byte("-"))
	if id.Ms, ok = parseUint(ms); !ok {
		return id, false
	}
	switch {
	case !both:
		id.Seq = missing
	case auto != nil && len(seq) == 1 && seq[0] == '*':
		*auto = true
	default:
		id.Seq, ok = parseUint(seq)
	}
	return id, ok
}

// parseUint reads a number as redis-server does: an int64 that is not negative in its one spelling, or else whatever the C
// library's strtoull takes, blanks and signs included.
func parseUint(b []byte) (n uint64, ok bool) {
	if v, ok := resp.ParseInt(b); ok {
		return uint64(v), v >= 0
	}
	for len(b) > 0 && (b[0] == ' ' || b[0]-'\t' < 5) {
		b = b[1:]
	}
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		n = -n
	}
	return n, len(b) > 0
}

// idArg reads an ID that - and + are not.
func idArg(c *engine.Client, arg []byte) (id stream.ID, ok bool) {
	if id, ok = parseID(arg, 0, nil); !ok {
		c.Reply.Error(errStreamID)
	}
	return id, ok
}

// looseIDArg is idArg that takes - and + for the first and the last ID.
func looseIDArg(c *engine.Client, arg []byte, missing uint64) (id stream.ID, ok bool) {
	if word := beforeZero(arg); len(word) == 1 && len(arg) <= maxIDArg {
		switch word[0] {
		case '-':
			return stream.ID{}, true
		case '+':
			return stream.MaxID, true
		}
	}
	if id, ok = parseID(arg, missing, nil); !ok {
		c.Reply.Error(errStreamID)
	}
	return id, ok
}

// isOpen tells whether an end of a range is excluded: "(id".
func isOpen(arg []byte) bool { return len(arg) > 1 && arg[0] == '(' }

// fromIDArg reads the start of a range of IDs and returns the first ID in it.
func fromIDArg(c *engine.Client, arg []byte) (id stream.ID, ok bool) {
	if !isOpen(arg) {
		return looseIDArg(c, arg, 0)
	}
	if id, ok = idArg(c, arg[1:]); !ok {
		return id, false
	}
	if id, ok = id.Next(); !ok {
		c.Reply.Error("ERR invalid start ID for the interval")
	}
	return id, ok
}

// toIDArg reads the end of a range of IDs and returns the last ID in it.
func toIDArg(c *engine.Client, arg []byte) (id stream.ID, ok bool) {
	if !isOpen(arg) {
		return looseIDArg(c, arg, math.MaxUint64)
	}
	if id, ok = parseID(arg[1:], math.MaxUint64, nil); !ok {
		c.Reply.Error(errStreamID)
		return id, false
	}
	if id, ok = id.Prev(); !ok {
		c.Reply.Error("ERR invalid end ID for the interval")
	}
	return id, ok
}

// replyID replies with an ID as a bulk string.
func replyID(c *engine.Client, id stream.ID) {
	var room [48]byte
	c.Reply.Bulk(id.AppendTo(room[:0]))
}
