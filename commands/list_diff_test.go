package commands_test

import (
	"strconv"
	"strings"
)

// Random commands on lists, for the comparison with redis-server.

func init() {
	diffGroups["l"] = "list"
	smallLimits.flags = append(smallLimits.flags, "--list-max-listpack-size", "5")
	side := one(lit("LEFT"), lit("RIGHT"))
	shapes["l"] = []shape{
		{"rpush", 8, []part{key, many(6, listElement)}},
		{"lpush", 8, []part{key, many(6, listElement)}},
		{"rpush", 1, []part{key, many(300, listElement)}},
		{"lpush", 1, []part{key, many(300, listElement)}},
		{"rpushx", 2, []part{key, many(4, listElement)}},
		{"lpushx", 2, []part{key, many(4, listElement)}},
		{"lpop", 4, []part{key, opt(randomCount)}},
		{"rpop", 4, []part{key, opt(randomCount)}},
		{"llen", 3, []part{key}},
		{"lrange", 6, []part{key, index, index}},
		{"lindex", 5, []part{key, index}},
		{"lset", 5, []part{key, shortIndex, listElement}},
		{"linsert", 6, []part{key, one(lit("BEFORE"), lit("AFTER")), listElement, listElement}},
		{"lrem", 5, []part{key, index, listElement}},
		{"ltrim", 2, []part{key, index, index}},
		{"lpos", 4, []part{key, listElement, some(seq(lit("RANK"), index), seq(lit("COUNT"), integer), seq(lit("MAXLEN"), integer))}},
		{"lmove", 4, []part{key, key, side, side}},
		{"rpoplpush", 3, []part{key, key}},
		{"lmpop", 3, []part{counted(key), side, opt(lit("COUNT"), integer)}},
		{"lmpop", 1, []part{integer, many(3, key), side, opt(lit("COUNT"), integer)}},
		{"expire", 1, []part{key, seconds}},
		{"object encoding", 2, []part{key}},
	}
	meant = append(meant, []deviation{
		{"redis-server 7.0 has no listpack for lists", before72, func(words []string, ours, redis reply) bool {
			return name(words) == "object encoding" && ours.Str == "listpack" && redis.Str == "quicklist"
		}},
		{"from 7.2 on a list that has shrunk is packed once it is in one node, and those of redix are cut elsewhere", since72, func(words []string, ours, redis reply) bool {
			return name(words) == "object encoding" && (ours.Str == "listpack" && redis.Str == "quicklist" || ours.Str == "quicklist" && redis.Str == "listpack")
		}},
		{"redis-server 7.0 takes a rank of -2^63 for -1", before72, func(words []string, ours, redis reply) bool {
			return name(words) == "lpos" && strings.Contains(ours.Str, "must between") && strings.Contains(strings.Join(words, " "), "-9223372036854775808")
		}},
	}...)
}

// listElement draws from few values, so that searches find some, and from large ones.
func listElement(g *source) []word {
	switch g.IntN(10) {
	case 0, 1:
		return value(g)
	case 2, 3, 4:
		return free(strconv.Itoa(g.IntN(12) - 3))
	case 5:
		if g.IntN(10) == 0 {
			return free(strings.Repeat("e", pick(g, []int{2000, 4094, 4096, 8170, 8184, 8185, 8192, 9000, 16384})))
		}
	}
	return free("e" + strconv.Itoa(g.IntN(1+g.IntN(20))))
}

func index(g *source) []word {
	if g.IntN(8) == 0 {
		return integer(g)
	}
	return free(strconv.Itoa(g.IntN(40) - 20))
}

// shortIndex has 32 bits: redis-server takes those of others in LSET.
func shortIndex(g *source) []word {
	if g.IntN(8) == 0 {
		return pinned(pick(g, []string{"2147483647", "-2147483648", "x", "", "1.5", "9223372036854775808"}))
	}
	return pinned(strconv.Itoa(g.IntN(40) - 20))
}
