package commands

import (
	"math"
	"math/bits"
	"strconv"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// What handlers of all groups share: look-ups that check the type, readings of arguments that reply with redis-server's
// own error, and the words of normalised commands. A function that returns ok has replied already when ok is false.

// Error texts that more than one command gives.
const (
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errSyntax    = "ERR syntax error"
	errNotInt    = "ERR value is not an integer or out of range"
	errNotFloat  = "ERR value is not a valid float"
	errRange     = "ERR value is out of range"
	errOverflow  = "ERR increment or decrement would overflow"
	errNotFinite = "ERR increment would produce NaN or Infinity"
	errTooLong   = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errCursor    = "ERR invalid cursor"
)

// Words of the commands that handlers propagate.
var (
	wordSet       = []byte("SET")
	wordDel       = []byte("DEL")
	wordPXAT      = []byte("PXAT")
	wordKeepTTL   = []byte("KEEPTTL")
	wordPersist   = []byte("PERSIST")
	wordPExpireAt = []byte("PEXPIREAT")
	wordHSet      = []byte("HSET")
	wordSAdd      = []byte("SADD")
	wordZAdd      = []byte("ZADD")
	wordSRem      = []byte("SREM")
	wordZero      = []byte("0")
	wordRPush     = []byte("RPUSH")
	wordLPop      = []byte("LPOP")
	wordRPop      = []byte("RPOP")
	wordFlushAll  = []byte("FLUSHALL")
	wordFlushDB   = []byte("FLUSHDB")
)

// readOf looks up a key of one type for a read. ok is false when it has another type.
func readOf(c *engine.Client, key []byte, want keyspace.Type) (e keyspace.Entry, found, ok bool) {
	e, found = c.LookupRead(key)
	if found && e.Type() != want {
		c.Reply.Error(errWrongType)
		return e, false, false
	}
	return e, found, true
}

// writeOf looks up a key of one type for a change. ok is false when it has another type; when there is none, the entry
// is the place to create it.
func writeOf(c *engine.Client, key []byte, want keyspace.Type) (e keyspace.Entry, found, ok bool) {
	found, ok = writeInto(c, &e, key, want)
	return e, found, ok
}

// writeInto is writeOf into an entry of the caller's, which must be zero: short commands feel its copies.
func writeInto(c *engine.Client, e *keyspace.Entry, key []byte, want keyspace.Type) (found, ok bool) {
	found = c.LookupWriteInto(e, key)
	if found && e.Type() != want {
		c.Reply.Error(errWrongType)
		return false, false
	}
	return found, true
}

// intArg reads an integer argument.
func intArg(c *engine.Client, arg []byte) (n int64, ok bool) {
	if n, ok = resp.ParseInt(arg); !ok {
		c.Reply.Error(errNotInt)
	}
	return n, ok
}

// randCountArg reads the count of HRANDFIELD, SRANDMEMBER and ZRANDMEMBER, whose range is symmetric.
func randCountArg(c *engine.Client, arg []byte) (n int64, ok bool) {
	if n, ok = intArg(c, arg); ok && n == math.MinInt64 {
		c.Reply.Errorf("%s, value must between %d and %d", errRange, -math.MaxInt64, math.MaxInt64)
		return 0, false
	}
	return n, ok
}

// maxRandomReply bounds the reply to a negative count, which asks for repetitions: a reply is built whole before it
// leaves. redis-server goes on until its memory is full.
const maxRandomReply = 1 << 30

// below returns a random number from 0 to n-1; n must be positive.
func below(c *engine.Client, n int) int {
	high, _ := bits.Mul64(c.Server().Keyspace.Rand(), uint64(n))
	return int(high)
}

// isWord compares an option with a word, without regard to case.
func isWord(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i, b := range arg {
		if b != word[i] && (b^word[i] != 0x20 || (b|0x20)-'a' >= 26) {
			return false
		}
	}
	return true
}

// rangeArgs reads the two indexes behind a key.
func rangeArgs(c *engine.Client, args engine.Args) (from, to int64, ok bool) {
	if from, ok = intArg(c, args[2]); ok {
		to, ok = intArg(c, args[3])
	}
	return from, to, ok
}

// arityError replies what a wrong number of arguments gives, for rules that a row cannot state.
func arityError(c *engine.Client, command string) {
	c.Reply.Error("ERR wrong number of arguments for '" + command + "' command")
}

// digits prints n into a buffer that lives until the next call of it.
func digits(c *engine.Client, n int64) []byte {
	b := &c.Server().Scratch[2]
	*b = strconv.AppendInt((*b)[:0], n, 10)
	return *b
}

// stringLimit is the greatest length of a string in bytes. What the journal holds was within the limit of its time.
func stringLimit(c *engine.Client) int64 {
	limit := int64(c.Server().Config.ProtoMaxBulkBytes)
	if c.Loading() {
		return max(limit, 4<<30)
	}
	return limit
}

// lengthArg checks that a string of size bytes may grow by more. Neither is negative.
func lengthArg(c *engine.Client, size, more int64) bool {
	if limit := stringLimit(c); size > limit || more > limit-size {
		c.Reply.Error(errTooLong)
		return false
	}
	return true
}

// expiry is what the options EX, PX, EXAT and PXAT ask for.
type expiry struct {
	arg      []byte // the number; nil: none was given
	seconds  bool   // else milliseconds
	absolute bool   // else from now
}

// option reads the name of an expiry option into x.
func (x *expiry) option(name []byte) bool {
	switch {
	case isWord(name, "ex"):
		x.seconds, x.absolute = true, false
	case isWord(name, "px"):
		x.seconds, x.absolute = false, false
	case isWord(name, "exat"):
		x.seconds, x.absolute = true, true
	case isWord(name, "pxat"):
		x.seconds, x.absolute = false, true
	default:
		return false
	}
	return true
}

// deadline returns the time asked for in Unix milliseconds, always positive; it may be past. command is named in the
// error.
func (x *expiry) deadline(c *engine.Client, command string) (ms int64, ok bool) {
	if ms, ok = intArg(c, x.arg); !ok {
		return 0, false
	}
	from := int64(0)
	if !x.absolute {
		from = c.Server().NowMs
	}
	if ms > 0 && (!x.seconds || ms <= math.MaxInt64/1000) {
		if x.seconds {
			ms *= 1000
		}
		if ms <= math.MaxInt64-from {
			return ms + from, true
		}
	}
	c.Reply.Error("ERR invalid expire time in '" + command + "' command")
	return 0, false
}

// cursorArg reads a SCAN cursor as strtoul does: a sign is taken, a minus counts down from 2^64, no digits at all are 0
// only when there is nothing else.
func cursorArg(c *engine.Client, arg []byte) (cursor uint64, ok bool) {
	digits := arg
	negative := len(arg) > 0 && arg[0] == '-'
	if negative || len(arg) > 0 && arg[0] == '+' {
		digits = arg[1:]
	}
	ok = len(digits) > 0 || len(arg) == 0
	for _, b := range digits {
		d := uint64(b - '0')
		if d > 9 || cursor > math.MaxUint64/10 || cursor*10 > math.MaxUint64-d {
			ok = false
			break
		}
		cursor = cursor*10 + d
	}
	if !ok {
		c.Reply.Error(errCursor)
		return 0, false
	}
	if negative {
		cursor = -cursor
	}
	return cursor, true
}

// scanOptions are MATCH and COUNT of the SCAN family.
type scanOptions struct {
	match []byte // nil: everything
	count int
}

// scanArgs reads the options that follow a cursor.
func scanArgs(c *engine.Client, args engine.Args) (o scanOptions, ok bool) {
	o.count = 10
	for i := 0; i < len(args); i += 2 {
		switch {
		case i+1 < len(args) && isWord(args[i], "match"):
			o.match = args[i+1]
			if string(o.match) == "*" {
				o.match = nil
			}
		case i+1 < len(args) && isWord(args[i], "count"):
			n, ok := intArg(c, args[i+1])
			if !ok {
				return o, false
			}
			if n < 1 {
				c.Reply.Error(errSyntax)
				return o, false
			}
			o.count = int(min(n, math.MaxInt32))
		default:
			c.Reply.Error(errSyntax)
			return o, false
		}
	}
	return o, true
}
