package commands_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Random commands on streams, and how their replies are compared with redis-server's. IDs are small numbers that grow, so
// that ranges, claims and acknowledgements hit; those made from the clock are left to the step tables. Blocks end after a
// number of entries only: their bytes are counted differently, and ~ removes whole blocks.

func init() {
	diffGroups["x"] = "stream"
	commonFlags = append(commonFlags, "--stream-node-max-bytes", "0")
	smallLimits.flags = append(smallLimits.flags, "--stream-node-max-entries", "4")
	group := part(func(g *source) []word { return free("g" + strconv.Itoa(g.IntN(2))) })
	consumer := part(func(g *source) []word { return free("c" + strconv.Itoa(g.IntN(3))) })
	trimming := seq(one(seq(lit("MAXLEN"), opt(one(lit("="), lit("~"))), one(small, integer)),
		seq(lit("MINID"), opt(one(lit("="), lit("~"))), entryID)), opt(lit("LIMIT"), one(small, integer)))
	exact := one(seq(lit("MAXLEN"), one(small, integer)), seq(lit("MINID"), entryID))
	streams := part(func(g *source) []word {
		n := 1 + g.IntN(1+g.IntN(3))
		out := lit("STREAMS")(g)
		for range n {
			out = append(out, key(g)...)
		}
		for range n {
			out = append(out, one(entryID, entryID, lit(">"), lit("$"), lit("0"))(g)...)
		}
		return out
	})
	fresh := part(func(g *source) []word {
		k := key(g)
		return slices.Concat(lit("STREAMS")(g), k, lit(">")(g))
	})
	count := opt(lit("COUNT"), one(small, integer))
	fields := many(3, seq(fieldName, one(small, fieldValue)))
	shapes["x"] = []shape{
		{"xadd", 30, []part{key, newID, fields}},
		{"xadd", 5, []part{key, opt(lit("NOMKSTREAM")), exact, newID, fields}},
		{"xadd", 3, []part{key, some(lit("NOMKSTREAM"), trimming, trimming), newID, fields}},
		{"xlen", 2, []part{key}},
		{"xrange", 6, []part{key, bound, bound, count}},
		{"xrevrange", 6, []part{key, bound, bound, count}},
		{"xdel", 6, []part{key, many(4, entryID)}},
		{"xtrim", 3, []part{key, trimming}},
		{"xread", 6, []part{count, streams}},
		{"xreadgroup", 14, []part{lit("GROUP"), group, consumer, count, opt(lit("NOACK")), fresh}},
		{"xreadgroup", 8, []part{lit("GROUP"), group, consumer, count, opt(lit("NOACK")), streams}},
		{"xgroup create", 8, []part{key, group, one(entryID, lit("$"), lit("0")), some(lit("MKSTREAM"), seq(lit("ENTRIESREAD"), counter))}},
		{"xgroup setid", 4, []part{key, group, one(entryID, lit("$"), lit("0")), opt(lit("ENTRIESREAD"), counter)}},
		{"xgroup destroy", 1, []part{key, group}},
		{"xgroup createconsumer", 2, []part{key, group, consumer}},
		{"xgroup delconsumer", 2, []part{key, group, consumer}},
		{"xack", 8, []part{key, group, many(4, entryID)}},
		{"xpending", 4, []part{key, group}},
		{"xpending", 6, []part{key, group, opt(lit("IDLE"), idle), bound, bound, one(small, integer), opt(consumer)}},
		{"xclaim", 8, []part{key, group, consumer, one(lit("0"), idle), many(4, entryID), some(seq(lit("IDLE"), idle), lit("FORCE"),
			seq(lit("TIME"), idle), seq(lit("RETRYCOUNT"), counter), lit("JUSTID"), seq(lit("LASTID"), entryID))}},
		{"xautoclaim", 6, []part{key, group, consumer, one(lit("0"), idle), bound, some(count, lit("JUSTID"))}},
		{"xsetid", 2, []part{key, highID, some(seq(lit("ENTRIESADDED"), counter), seq(lit("MAXDELETEDID"), entryID))}},
		{"xinfo stream", 6, []part{key, opt(lit("FULL"), count)}},
		{"xinfo groups", 6, []part{key}},
		{"xinfo consumers", 6, []part{key, group}},
		{"copy", 1, []part{key, key, lit("REPLACE")}},
		{"del", 1, []part{key}},
		{"type", 1, []part{key}},
		{"object encoding", 1, []part{key}},
	}
	for _, name := range []string{"xinfo", "xpending", "xautoclaim", "xclaim"} {
		comparers[name] = streamTimes
	}
	notCompared["xgroup|help"], notCompared["xinfo|help"] = "text", "text"
	meant = append(meant, deviation{"redis-server 7.0 names XREAD and $ also for XREADGROUP", before72, func(words []string, ours, redis reply) bool {
		return strings.HasPrefix(redis.Str, "ERR Unbalanced XREAD list") && strings.HasPrefix(ours.Str, "ERR Unbalanced '"+name(words)+"' list")
	}}, deviation{"before 7.2 a consumer was not made unless there was something to read or claim", before72, func(words []string, ours, redis reply) bool {
		return name(words) == "xgroup" && strings.EqualFold(words[1], "createconsumer") && ours.Str == "0" && redis.Str == "1"
	}})
}

// small is a number that decides something in streams of a few dozen entries.
func small(g *source) []word { return free(strconv.Itoa(g.IntN(12))) }

// counter is a number that goes on counting: at the end of its range redis-server goes on with negative ones.
func counter(g *source) []word {
	if g.IntN(8) == 0 {
		return pinned(pick(g, []string{"-1", "-2", "4294967296", "9223372036854775000", "9223372036854775808", "abc", "", "+1"}))
	}
	return pinned(strconv.Itoa(g.IntN(30)))
}

// idle is a time in milliseconds that no test takes, or that has passed whenever it ends.
func idle(g *source) []word { return pinned(pick(g, []string{"0", "-1", "10000000", "100000000"})) }

// drawEntryID draws an ID among those that newID has made lately.
func drawEntryID(g *source) string {
	ms := g.lastMs - g.Uint64N(min(g.lastMs, 60)+1)
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%d-%d", ms, g.IntN(3))
	case 1:
		return fmt.Sprintf("%d-0", ms)
	}
	return strconv.FormatUint(ms, 10)
}

var oddIDs = []string{"-", "+", "", "0-0", "0", "1-", "-1", "1-1-1", "18446744073709551615-18446744073709551615", "18446744073709551616",
	"1-18446744073709551615", "1-*", "*", " 5", "+5", "05-01", "1--05", "1--5", "abc", "(", "(1", "(-", "0-1", "5\x001", "99999999999999999999-1"}

// oddNewIDs do not end a stream for good.
var oddNewIDs = []string{"-", "+", "", "0-0", "0", "0-*", "1-", "-1", "1-*", " 5", "1-1-1", "1--5", "abc", "5\x001", "18446744073709551616"}

func entryID(g *source) []word {
	if g.IntN(25) == 0 {
		return free(pick(g, oddIDs))
	}
	return free(drawEntryID(g))
}

// newID draws an ID above nearly all before it.
func newID(g *source) []word {
	switch g.IntN(40) {
	case 0:
		return free(pick(g, oddNewIDs))
	case 1:
		return free(drawEntryID(g))
	}
	g.lastMs += g.Uint64N(2)
	switch g.IntN(4) {
	case 0:
		return free(strconv.FormatUint(g.lastMs, 10) + "-*")
	case 1:
		return free(fmt.Sprintf("%d-%d", g.lastMs, g.IntN(4)))
	}
	g.lastMs++
	return free(strconv.FormatUint(g.lastMs, 10))
}

// highID draws an ID above all so far: since 7.2 XSETID refuses some of the others.
func highID(g *source) []word {
	g.lastMs++
	return pinned(strconv.FormatUint(g.lastMs, 10))
}

// bound draws an end of a range.
func bound(g *source) []word {
	switch g.IntN(5) {
	case 0:
		return free("-")
	case 1:
		return free("+")
	case 2:
		return free("(" + drawEntryID(g))
	}
	return entryID(g)
}

// fieldName draws the same names again and again, and others.
func fieldName(g *source) []word {
	if g.IntN(6) == 0 {
		return field(g)
	}
	return free(pick(g, []string{"a", "b", "7"}))
}

func fieldValue(g *source) []word {
	if g.IntN(10) == 0 {
		return value(g)
	}
	return free("v" + strconv.Itoa(g.IntN(1000)))
}

var timeField = regexp.MustCompile(`^(idle|seen-time|active-time|inactive|radix-tree-nodes)$`)

// streamTimes compares replies but for times: both servers tell them from clocks of their own. redis-server 7.0 has no
// active-time and no inactive, and see idleConsumer.
func streamTimes(_ *duo, words []string, ours, redis reply) string {
	if a, b := withoutTimes(words, ours), withoutTimes(words, redis); a != b {
		return "without times\n " + a + "\n " + b
	}
	return ""
}

// unixMs are Unix milliseconds of these decades.
var unixMs = regexp.MustCompile(`^1[6-9]\d{11}$`)

// withoutTimes prints a reply, maps and their RESP2 form alike, without fields that tell times and without Unix times.
func withoutTimes(words []string, v reply) string {
	var b strings.Builder
	var walk func(v reply)
	walk = func(v reply) {
		if len(v.Elems) == 0 {
			if v.Kind == ':' && unixMs.MatchString(v.Str) {
				v.Str = "N"
			}
			fmt.Fprintf(&b, "%c%q ", v.Kind, v.Str)
			return
		}
		if before72(against) && idleConsumer(v) {
			return
		}
		b.WriteString("[")
		for i := 0; i < len(v.Elems); i++ {
			if v.Elems[i].Kind == '$' && (timeField.MatchString(v.Elems[i].Str) ||
				before72(against) && v.Elems[i].Str == "consumers" && i+1 < len(v.Elems) && v.Elems[i+1].Kind == ':') {
				i++
				continue
			}
			if i == 2 && len(v.Elems) == 4 && v.Elems[i].Kind == ':' && name(words) == "xpending" {
				continue
			}
			walk(v.Elems[i])
		}
		b.WriteString("]")
	}
	walk(v)
	return strings.ReplaceAll(b.String(), `*"" `, "[]")
}

// idleConsumer tells whether a reply is XINFO's of a consumer that has nothing pending: since 7.2 one is made even if there is
// nothing for it to read or claim.
func idleConsumer(v reply) bool {
	timed, empty := false, false
	for i := 0; i+1 < len(v.Elems); i += 2 {
		switch v.Elems[i].Str {
		case "idle", "seen-time":
			timed = true
		case "pending", "pel-count":
			empty = empty || v.Elems[i+1].Str == "0"
		}
	}
	return timed && empty
}
