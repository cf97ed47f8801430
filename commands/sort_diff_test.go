package commands_test

import (
	"slices"
	"strconv"
	"strings"
)

// Random sorts. What is stored must have one order: sorting by weights as text leaves ties, whose order redis-server does
// not promise, so that is only replied.

func init() {
	diffGroups["o"] = "sort"
	limit := seq(lit("LIMIT"), sortLimit, sortLimit)
	gets := many(3, seq(lit("GET"), sortPattern))
	order := one(lit("ASC"), lit("DESC"))
	shapes["o"] = []shape{
		{"rpush", 5, []part{key, many(8, sortElement)}},
		{"sadd", 3, []part{key, many(8, sortElement)}},
		{"zadd", 3, []part{key, many(5, seq(number(0, 5), sortElement))}},
		{"set", 6, []part{weightKey, sortElement}},
		{"hset", 4, []part{weightKey, lit("f"), sortElement}},
		{"expire", 1, []part{weightKey, seconds}},
		{"del", 4, []part{one(key, key, weightKey)}},
		{"sort", 12, []part{key, some(limit, gets, order, lit("ALPHA"), seq(lit("BY"), sortPattern))}},
		{"sort_ro", 4, []part{key, some(limit, gets, order, lit("ALPHA"), seq(lit("BY"), sortPattern))}},
		{"sort", 6, []part{key, some(limit, gets, order, lit("ALPHA")), lit("STORE"), key}},
		{"sort", 6, []part{key, some(limit, gets, order, seq(lit("BY"), sortPattern)), lit("STORE"), key}},
		{"sort_ro", 1, []part{key, lit("STORE"), key}},
		{"lrange", 3, []part{key, number(0, 0), number(-1, -1)}},
	}
	comparers["sort"], comparers["sort_ro"] = sorted, sorted
	unspoken["o"] = sortable
}

// sortable takes out zero bytes, at which redis-server stops comparing, and numbers out of range, which it remembers: all
// numbers are out of range to it until the next system call that fails for another reason.
var sortable = strings.NewReplacer("\x00", "", "1e400", "", "1e-400", "")

func sortElement(g *source) []word {
	switch g.IntN(12) {
	case 0:
		return pinned(value(g)[0].text)
	case 1:
		return pinned(pick(g, []string{"", " 3", "3 ", "1.5", "-0", "inf", "nan", "1e3", "0x10", "\t7", "é"}))
	case 2, 3:
		return pinned(pick(g, []string{"a", "b", "ab", "B", "abc"}))
	}
	return pinned(strconv.Itoa(g.IntN(12) - 2))
}

func weightKey(g *source) []word { return pinned("w" + sortElement(g)[0].text) }

func sortPattern(g *source) []word {
	return pinned(pick(g, []string{"w*", "w*", "w*->f", "w*->f", "*", "#", "nokey", "w*->", "w*->g", "*w", "w*->*", "->f", ""}))
}

func sortLimit(g *source) []word {
	if g.IntN(6) == 0 {
		return integer(g)
	}
	return free(strconv.Itoa(g.IntN(10) - 2))
}

// sorted accepts another order where there are ties, or where a set keeps its own; with LIMIT, other elements too.
func sorted(d *duo, words []string, ours, redis reply) string {
	lower := strings.Split(strings.ToLower(strings.Join(words, "\n")), "\n")
	ties := false
	for i, w := range lower[:len(lower)-1] {
		ties = ties || w == "by" && (slices.Contains(lower, "alpha") || !strings.Contains(lower[i+1], "*"))
	}
	if !ties || len(ours.Elems) != len(redis.Elems) {
		return "the replies differ"
	}
	if slices.Contains(lower, "limit") {
		return ""
	}
	return anyOrder(false)(d, words, ours, redis)
}
