package commands_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Random commands on sorted sets, and how their replies are compared with redis-server's. Lexicographical ranges are asked
// only of keys whose scores are all equal: of others redis-server's answer depends on the shape of its list.

func init() {
	diffGroups["z"] = "sorted-set"
	smallLimits.flags = append(smallLimits.flags, "--zset-max-listpack-entries", "6", "--zset-max-listpack-value", "20")
	shapes["z"] = zsetShapes
	for _, name := range []string{"zadd", "zincrby", "zscore", "zmscore", "zpopmin", "zpopmax", "zmpop", "zrange", "zrevrange",
		"zrangebyscore", "zrevrangebyscore", "zunion", "zinter", "zdiff"} {
		comparers[name] = sameScores
	}
	comparers["zscan"] = scannedScores
	comparers["zrandmember"], drawsByLot["zrandmember"] = drawnScores, true
	meant = append(meant, zsetMeant...)
}

var zsetMeant = []deviation{
	{"a ZADD of more members than a listpack may have makes a skiplist at once, as in redis-server 7.2", before72,
		func(words []string, ours, redis reply) bool {
			return name(words) == "object encoding" && ours.Str == "skiplist" && redis.Str == "listpack"
		}},
	{"ZRANK takes WITHSCORE since redis-server 7.2", before72,
		func(words []string, ours, redis reply) bool {
			return strings.HasSuffix(name(words), "rank") && len(words) == 4 && ours.Str == "ERR syntax error" && redis.Kind == '-'
		}},
}

var zsetShapes = []shape{
	{"zadd", 12, []part{key, zaddOptions, many(6, seq(score, member))}},
	{"zadd", 4, []part{key, many(6, seq(score, member))}},
	{"zadd", 1, []part{key, many(200, seq(score, member))}},
	{"zadd", 4, []part{lexKey, many(6, seq(number(0, 0), member))}},
	{"zincrby", 4, []part{key, score, member}},
	{"zrem", 5, []part{one(key, lexKey), many(5, member)}},
	{"zcard", 2, []part{key}},
	{"zscore", 4, []part{key, member}},
	{"zmscore", 3, []part{key, many(5, member)}},
	{"zrank", 4, []part{key, member}},
	{"zrevrank", 3, []part{key, member}},
	{"zcount", 3, []part{key, scoreEnd, scoreEnd}},
	{"zlexcount", 2, []part{lexKey, lexEnd, lexEnd}},
	{"zrange", 4, []part{key, integer, integer, opt(lit("REV")), opt(lit("WITHSCORES"))}},
	{"zrange", 4, []part{key, scoreEnd, scoreEnd, lit("BYSCORE"), some(lit("REV"), limitOption, lit("WITHSCORES"))}},
	{"zrange", 3, []part{lexKey, lexEnd, lexEnd, lit("BYLEX"), some(lit("REV"), limitOption)}},
	{"zrange", 2, []part{lexKey, one(integer, lexEnd, scoreEnd), one(integer, lexEnd, scoreEnd),
		some(lit("REV"), lit("BYSCORE"), lit("BYLEX"), limitOption, lit("WITHSCORES"))}},
	{"zrevrange", 3, []part{key, integer, integer, opt(lit("WITHSCORES"))}},
	{"zrangebyscore", 3, []part{key, scoreEnd, scoreEnd, some(limitOption, lit("WITHSCORES"))}},
	{"zrevrangebyscore", 3, []part{key, scoreEnd, scoreEnd, some(limitOption, lit("WITHSCORES"))}},
	{"zrangebylex", 3, []part{lexKey, lexEnd, lexEnd, opt(limitOption)}},
	{"zrevrangebylex", 3, []part{lexKey, lexEnd, lexEnd, opt(limitOption)}},
	{"zrangestore", 2, []part{key, key, integer, integer, opt(lit("REV"))}},
	{"zrangestore", 2, []part{key, key, scoreEnd, scoreEnd, lit("BYSCORE"), some(lit("REV"), limitOption)}},
	{"zrangestore", 2, []part{lexKey, lexKey, lexEnd, lexEnd, lit("BYLEX"), some(lit("REV"), limitOption)}},
	{"zremrangebyrank", 2, []part{one(key, lexKey), integer, integer}},
	{"zremrangebyscore", 2, []part{key, scoreEnd, scoreEnd}},
	{"zremrangebylex", 2, []part{lexKey, lexEnd, lexEnd}},
	{"zpopmin", 3, []part{one(key, lexKey), opt(integer)}},
	{"zpopmax", 3, []part{one(key, lexKey), opt(integer)}},
	{"zmpop", 3, []part{counted(key), one(lit("MIN"), lit("MAX")), opt(lit("COUNT"), integer)}},
	{"zmpop", 1, []part{integer, many(4, key), one(lit("MIN"), lit("MAX")), opt(lit("COUNT"), integer)}},
	{"zrandmember", 3, []part{key, opt(randomCount, opt(lit("WITHSCORES")))}},
	{"zscan", 3, []part{key, number(0, 0), lit("COUNT"), number(100000, 100000), opt(lit("MATCH"), pattern)}},
	{"zunion", 3, []part{weighed(seq(one(lit("AGGREGATE"), lit("AGGREGATE")), one(lit("SUM"), lit("MIN"), lit("MAX"), score)), lit("WITHSCORES"))}},
	{"zinter", 3, []part{weighed(seq(lit("AGGREGATE"), one(lit("SUM"), lit("MIN"), lit("MAX"))), lit("WITHSCORES"))}},
	{"zdiff", 3, []part{counted(key), opt(lit("WITHSCORES"))}},
	{"zdiff", 1, []part{integer, many(4, key), opt(lit("WITHSCORES"))}},
	{"zintercard", 3, []part{counted(key), opt(lit("LIMIT"), integer)}},
	{"zunionstore", 3, []part{key, weighed(seq(lit("AGGREGATE"), one(lit("SUM"), lit("MIN"), lit("MAX"))), lit("WITHSCORES"))}},
	{"zinterstore", 3, []part{key, weighed(seq(lit("AGGREGATE"), one(lit("SUM"), lit("MIN"), lit("MAX"))))}},
	{"zdiffstore", 2, []part{key, counted(key)}},
	{"sadd", 3, []part{key, many(5, member)}},
	{"expire", 1, []part{key, seconds}},
	{"del", 1, []part{one(key, lexKey)}},
	{"object encoding", 4, []part{key}},
}

func lexKey(g *source) []word { return pinned("y" + strconv.Itoa(g.IntN(2))) }

var zaddOptions = some(lit("NX"), lit("XX"), lit("GT"), lit("LT"), lit("CH"), lit("INCR"))

var limitOption = seq(lit("LIMIT"), one(number(0, 3), number(-2, 5), integer), one(number(0, 5), number(-2, 5), integer))

// score draws few values, so that members tie, and any float.
func score(g *source) []word {
	if g.IntN(3) > 0 {
		return free(strconv.Itoa(g.IntN(8) - 3))
	}
	return float(g)
}

func scoreEnd(g *source) []word {
	switch g.IntN(8) {
	case 0:
		return free(pick(g, []string{"-inf", "+inf", "(inf", "(-inf", "", "(", " 1", "1 ", "( 2", "nan", "1e999", "(1e999", "1e-999", "1\x00x", "x", "((1"}))
	case 1, 2, 3:
		return free("(" + score(g)[0].text)
	}
	return score(g)
}

func lexEnd(g *source) []word {
	switch g.IntN(6) {
	case 0:
		return free(pick(g, []string{"-", "+", "-", "+", "", "a", "+x", "-\x00x", "[", "(", "[\xff"}))
	case 1, 2:
		return free("(" + member(g)[0].text)
	}
	return free("[" + member(g)[0].text)
}

// weighed is keys after their number, with weights or without, and some of the options.
func weighed(options ...part) part {
	return func(g *source) []word {
		out := counted(key)(g)
		if g.IntN(2) == 0 {
			n := len(out) - 1
			if g.IntN(10) == 0 {
				n += g.IntN(3) - 1
			}
			out = append(out, lit("WEIGHTS")(g)...)
			for range n {
				out = append(out, score(g)...)
			}
		}
		return append(out, some(options...)(g)...)
	}
}

// sameScores accepts scores of equal value: redis-server 7.0 prints 17 digits. 7.2 prints the fewest that do, but for some
// numbers: 1e23, which is 99999999999999991611392, becomes 99999999999999990000000.
func sameScores(_ *duo, _ []string, ours, redis reply) string {
	if !equalScores(ours, redis) {
		return "the replies differ"
	}
	return ""
}

func equalScores(ours, redis reply) bool {
	if ours.Kind != redis.Kind || len(ours.Elems) != len(redis.Elems) {
		return false
	}
	for i := range ours.Elems {
		if !equalScores(ours.Elems[i], redis.Elems[i]) {
			return false
		}
	}
	if ours.Str == redis.Str {
		return true
	}
	f, err := strconv.ParseFloat(ours.Str, 64)
	theirs, err2 := strconv.ParseFloat(redis.Str, 64)
	return err == nil && err2 == nil && f == theirs && (before72(against) || math.Signbit(f) == math.Signbit(theirs))
}

func scannedScores(d *duo, words []string, ours, redis reply) string {
	if len(ours.Elems) != 2 || len(redis.Elems) != 2 {
		return "a scan has two parts"
	}
	if ours.Elems[0].Str == "0" && redis.Elems[0].Str == "0" && !equalScores(ours.Elems[1].Sorted(true), redis.Elems[1].Sorted(true)) {
		return "the scans differ, in whatever order"
	}
	return ""
}

// drawnScores judges ZRANDMEMBER.
func drawnScores(d *duo, words []string, ours, redis reply) string {
	if ours.Kind == '$' {
		ours.Elems = []reply{ours}
	} else if len(ours.Elems) != len(redis.Elems) {
		return fmt.Sprintf("%d elements, redis-server has %d", len(ours.Elems), len(redis.Elems))
	}
	members, scores := ours.Strings(), []string(nil)
	if len(words) == 4 {
		flat := members
		members = nil
		for pair := range slices.Chunk(flat, 2) {
			members, scores = append(members, pair[0]), append(scores, pair[1])
		}
	}
	if len(members) == 0 {
		return ""
	}
	known := d.ask(append([]string{"ZMSCORE", words[1]}, members...)...)
	for i, v := range known.Elems {
		if v.Null() || scores != nil && !equalScores(reply{Kind: v.Kind, Str: scores[i]}, v) {
			return fmt.Sprintf("member %q has score %s in redis-server", members[i], v)
		}
	}
	slices.Sort(members)
	if count, _ := strconv.Atoi(words[min(2, len(words)-1)]); count > 0 && len(slices.Compact(members)) != len(known.Elems) {
		return "a member was drawn twice"
	}
	return shapeDiffers(ours, redis)
}
