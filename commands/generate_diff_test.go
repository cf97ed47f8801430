package commands_test

// Random commands for the comparison with redis-server. Arguments are drawn to collide and to hurt: few keys, wrong
// types, numbers at the ends of their ranges, sizes around the borders of encodings, binary, and now and then a word too
// many, too few or altogether wrong. Times are far in the future or in the past, so that no reply depends on how long the
// test takes: words that say one are pinned, and no mutation touches them.

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// source draws the words of one command.
type source struct {
	*rand.Rand
	home  string // letter of the keys that its group prefers
	nowMs int64

	lastMs uint64 // of the stream entries so far
}

type word struct {
	text   string
	pinned bool
}

// part draws some words.
type part func(g *source) []word

// shape is one command and how its arguments are drawn.
type shape struct {
	name   string // "object encoding" for a subcommand
	weight int
	args   []part
}

func pick[T any](g *source, from []T) T { return from[g.IntN(len(from))] }

func free(text string) []word   { return []word{{text: text}} }
func pinned(text string) []word { return []word{{text: text, pinned: true}} }

// lit is a word of the syntax, in any case.
func lit(text string) part {
	return func(g *source) []word {
		switch g.IntN(4) {
		case 0:
			return free(strings.ToLower(text))
		case 1:
			return free(strings.ToUpper(text[:1]) + strings.ToLower(text[1:]))
		}
		return free(text)
	}
}

func seq(parts ...part) part {
	return func(g *source) []word {
		var out []word
		for _, p := range parts {
			out = append(out, p(g)...)
		}
		return out
	}
}

func one(parts ...part) part { return func(g *source) []word { return pick(g, parts)(g) } }

func opt(parts ...part) part {
	return func(g *source) []word {
		if g.IntN(2) == 0 {
			return nil
		}
		return seq(parts...)(g)
	}
}

// some draws each of the parts with a probability of 1 in 3, in any order.
func some(parts ...part) part {
	return func(g *source) []word {
		var out []word
		for _, i := range g.Perm(len(parts)) {
			if g.IntN(3) == 0 {
				out = append(out, parts[i](g)...)
			}
		}
		return out
	}
}

// many draws a part one to n times; few draws are more likely.
func many(n int, p part) part {
	return func(g *source) []word {
		var out []word
		for range 1 + g.IntN(1+g.IntN(n)) {
			out = append(out, p(g)...)
		}
		return out
	}
}

// key draws one of four keys of the group, or one of another group.
func key(g *source) []word {
	home := g.home
	if g.IntN(7) == 0 {
		home = pick(g, homes())
	}
	return free(home + strconv.Itoa(g.IntN(4)))
}

// homes are the letters of all groups.
func homes() []string { return slices.Sorted(maps.Keys(diffGroups)) }

var integers = []string{"0", "1", "-1", "2", "10", "-10", "99", "9223372036854775807", "-9223372036854775808", "9223372036854775806",
	"-9223372036854775807", "9223372036854775808", "-9223372036854775809", "4294967296", "2147483648", "-2147483649", "18446744073709551616"}

var oddNumbers = []string{"01", "+1", " 1", "1 ", "-0", "1.0", "1e3", "0x10", "", "abc", "1\x00", "--1", "1,5", "99999999999999999999999"}

func integer(g *source) []word {
	switch g.IntN(10) {
	case 0:
		return free(pick(g, oddNumbers))
	case 1, 2, 3:
		return free(pick(g, integers))
	}
	return free(strconv.Itoa(g.IntN(200) - 100))
}

var floats = []string{"0", "1", "-1", "1.5", "-2.25", "3.0e3", "5e-3", "0.1", "0.2", "-0", "1e17", "123456789.125", "-1e15", ".5", "5.",
	"inf", "-inf", "nan", "1e400", "abc", "", " 1", "1 ", "0x10", "+3", "1e", "1.0.0", "infinity", "1e-400", "10000000000000000000"}

func float(g *source) []word {
	if g.IntN(3) > 0 {
		return free(strconv.FormatFloat(float64(g.IntN(20000)-10000)/pick(g, []float64{1, 2, 8, 10, 1000}), 'f', -1, 64))
	}
	return free(pick(g, floats))
}

// sizes are the borders of the string and packed encodings.
var sizes = []int{1, 31, 32, 33, 43, 44, 45, 63, 64, 65, 127, 128, 129, 255, 256, 4095, 4096}

func value(g *source) []word {
	switch g.IntN(12) {
	case 0, 1:
		return integer(g)
	case 2:
		return float(g)
	case 3, 4:
		return free(strings.Repeat(string(rune('a'+g.IntN(3))), pick(g, sizes)))
	case 5:
		return free(pick(g, []string{"", "\x00", "\x00\xff\r\n", "\r\n", "*1\r\n$4\r\nPING\r\n", "ключ", "%s%n", "\xf0\x9f"}))
	case 6:
		if g.IntN(20) == 0 {
			return free(strings.Repeat(string(rune('a'+g.IntN(3))), 65536-2+g.IntN(4)))
		}
	}
	b := make([]byte, g.IntN(12))
	for i := range b {
		b[i] = "abcdefgh01"[g.IntN(10)]
	}
	return free(string(b))
}

func field(g *source) []word {
	if g.IntN(15) == 0 {
		return value(g)
	}
	return free("f" + strconv.Itoa(g.IntN(1+g.IntN(40))))
}

// offset is a place in a string; none is between a megabyte and the limit of 512, which would only cost time.
func offset(g *source) []word {
	switch g.IntN(8) {
	case 0:
		return free(pick(g, integers))
	case 1:
		return free(pick(g, oddNumbers))
	case 2:
		return free(pick(g, []string{"536870911", "536870912", "-536870912"}))
	case 3:
		return free(strconv.Itoa(pick(g, sizes)))
	}
	return free(strconv.Itoa(g.IntN(60) - 30))
}

// writeOffset is an offset at which writing does not make a string of hundreds of megabytes.
func writeOffset(g *source) []word {
	w := offset(g)
	if w[0].text == "536870911" {
		return pinned("536870913")
	}
	return pinned(w[0].text)
}

var wrongTimes = []string{"0", "-1", "-100000", "9223372036854775807", "-9223372036854775808", "9223372036854775", "9223372036854776", "abc", "",
	"1.5", "99999999999999999999"}

// timeOf draws a number of units from now on, relative to base.
func timeOf(base func(g *source) int64, unitsPerSecond int64) part {
	return func(g *source) []word {
		if g.IntN(4) == 0 {
			return pinned(pick(g, wrongTimes))
		}
		return pinned(strconv.FormatInt(base(g)+unitsPerSecond*(1_000_000+g.Int64N(1_000_000_000)), 10))
	}
}

func zero(*source) int64 { return 0 }

var (
	seconds = timeOf(zero, 1)
	millis  = timeOf(zero, 1000)
	atSec   = timeOf(func(g *source) int64 { return g.nowMs / 1000 }, 1)
	atMs    = timeOf(func(g *source) int64 { return g.nowMs }, 1000)
)

var expiry = one(
	seq(lit("EX"), seconds), seq(lit("PX"), millis), seq(lit("EXAT"), atSec), seq(lit("PXAT"), atMs), lit("KEEPTTL"))

var expireCondition = opt(one(lit("NX"), lit("XX"), lit("GT"), lit("LT"), seq(lit("XX"), lit("GT")), seq(lit("NX"), lit("LT"))))

// randomCount is a count for HRANDFIELD that does not ask for gigabytes.
func randomCount(g *source) []word {
	if g.IntN(5) == 0 {
		return pinned(pick(g, []string{"9223372036854775807", "-9223372036854775808", "9223372036854775808", "abc", ""}))
	}
	return pinned(strconv.Itoa(g.IntN(61) - 30))
}

func pattern(g *source) []word {
	return free(pick(g, []string{"*", "s*", "?0", "[sh]1", "[^s]*", "f[0-9]", "f1?", "\\s0", "", "**", "[a-", "h[2-0]", "none", "*1"}))
}

func number(low, high int) part {
	return func(g *source) []word { return pinned(strconv.Itoa(low + g.IntN(high-low+1))) }
}

// shapes are all commands that are compared. A command of the table that is neither here nor in notCompared fails a test.
var shapes = map[string][]shape{
	"s": {
		{"set", 10, []part{key, value, opt(some(lit("NX"), lit("XX"), lit("GET"), expiry))}},
		{"get", 6, []part{key}},
		{"setnx", 2, []part{key, value}},
		{"setex", 2, []part{key, seconds, value}},
		{"psetex", 2, []part{key, millis, value}},
		{"getset", 2, []part{key, value}},
		{"getdel", 2, []part{key}},
		{"getex", 4, []part{key, opt(one(expiry, lit("PERSIST")))}},
		{"mget", 3, []part{many(6, key)}},
		{"mset", 2, []part{many(5, seq(key, value))}},
		{"msetnx", 2, []part{many(4, seq(key, value))}},
		{"incr", 4, []part{key}},
		{"decr", 3, []part{key}},
		{"incrby", 4, []part{key, integer}},
		{"decrby", 4, []part{key, integer}},
		{"incrbyfloat", 4, []part{key, float}},
		{"append", 5, []part{key, value}},
		{"strlen", 3, []part{key}},
		{"getrange", 4, []part{key, offset, offset}},
		{"substr", 1, []part{key, offset, offset}},
		{"setrange", 4, []part{key, writeOffset, value}},
		{"lcs", 2, []part{key, key, some(lit("LEN"), lit("IDX"), seq(lit("MINMATCHLEN"), integer), lit("WITHMATCHLEN"))}},
		{"object encoding", 4, []part{key}},
	},
	"h": {
		{"hset", 10, []part{key, many(6, seq(field, value))}},
		{"hmset", 2, []part{key, many(3, seq(field, value))}},
		{"hsetnx", 3, []part{key, field, value}},
		{"hget", 5, []part{key, field}},
		{"hmget", 3, []part{key, many(5, field)}},
		{"hgetall", 3, []part{key}},
		{"hkeys", 2, []part{key}},
		{"hvals", 2, []part{key}},
		{"hlen", 3, []part{key}},
		{"hstrlen", 3, []part{key, field}},
		{"hexists", 3, []part{key, field}},
		{"hdel", 6, []part{key, many(5, field)}},
		{"hincrby", 5, []part{key, field, integer}},
		{"hincrbyfloat", 4, []part{key, field, float}},
		{"hrandfield", 3, []part{key, opt(randomCount, opt(lit("WITHVALUES")))}},
		{"hscan", 3, []part{key, number(0, 0), lit("COUNT"), number(100000, 100000), opt(lit("MATCH"), pattern)}},
		{"object encoding", 4, []part{key}},
	},
	"k": {
		{"del", 3, []part{many(3, key)}},
		{"unlink", 2, []part{many(3, key)}},
		{"exists", 3, []part{many(4, key)}},
		{"touch", 2, []part{many(4, key)}},
		{"type", 3, []part{key}},
		{"rename", 4, []part{key, key}},
		{"renamenx", 3, []part{key, key}},
		{"copy", 5, []part{key, key, some(lit("REPLACE"), seq(lit("DB"), one(number(-1, 16), integer)))}},
		{"move", 2, []part{key, one(number(-1, 16), integer)}},
		{"expire", 3, []part{key, seconds, expireCondition}},
		{"pexpire", 3, []part{key, millis, expireCondition}},
		{"expireat", 3, []part{key, atSec, expireCondition}},
		{"pexpireat", 3, []part{key, atMs, expireCondition}},
		{"ttl", 2, []part{key}},
		{"pttl", 2, []part{key}},
		{"expiretime", 2, []part{key}},
		{"pexpiretime", 2, []part{key}},
		{"persist", 2, []part{key}},
		{"keys", 1, []part{pattern}},
		{"scan", 2, []part{number(0, 0), lit("COUNT"), number(100000, 100000), some(seq(lit("MATCH"), pattern),
			seq(lit("TYPE"), one(lit("string"), lit("hash"), lit("nosuch"))))}},
		{"randomkey", 1, nil},
		{"object encoding", 3, []part{key}},
		{"object refcount", 1, []part{one(key)}},
		{"object freq", 1, []part{key}},
		{"dbsize", 1, nil},
		{"select", 1, []part{one(number(0, 1), number(0, 1), number(-1, 16), integer)}},
		{"swapdb", 1, []part{one(number(0, 2), number(-1, 16), integer), one(number(0, 2), integer)}},
		{"set", 6, []part{key, value, opt(some(lit("NX"), lit("XX"), lit("GET"), expiry))}},
		{"hset", 4, []part{key, many(3, seq(field, value))}},
		{"echo", 1, []part{value}},
		{"ping", 1, []part{opt(value)}},
	},
}

// draw returns the words of a command of the given shape, its name in any case, and now and then with a mistake.
func (s *shape) draw(g *source) []string {
	var words []word
	for _, part := range strings.Fields(s.name) {
		words = append(words, lit(strings.ToUpper(part))(g)...)
	}
	from := len(words)
	for _, p := range s.args {
		words = append(words, p(g)...)
	}
	if g.IntN(12) == 0 {
		words = mutate(g, words, from)
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.text
		if r := unspoken[g.home]; r != nil {
			out[i] = r.Replace(w.text)
		}
	}
	return out
}

// unspoken takes out of every word of a group what redis-server cannot cope with there.
var unspoken = map[string]*strings.Replacer{}

// strange are words for a place that is not theirs. None makes a command huge or its outcome a matter of time.
var strange = []string{"", "x", "1", "-3", "WITHVALUES", "COUNT", "NX", "LIMIT", "a\x00b", "\r\n", "k0", "s0", "1.5"}

// mutate drops, adds or replaces one word behind the command's name.
func mutate(g *source, words []word, from int) []word {
	i := from + g.IntN(len(words)-from+1)
	switch g.IntN(3) {
	case 0:
		return append(words[:i:i], append(free(pick(g, strange)), words[i:]...)...)
	case 1:
		return words[:i]
	}
	if i < len(words) && !words[i].pinned {
		words[i] = word{text: pick(g, strange)}
	}
	return words
}
