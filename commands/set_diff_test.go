package commands_test

import (
	"fmt"
	"slices"
	"strconv"
)

// Random commands on sets, and how their replies are compared with redis-server's.

func init() {
	diffGroups["m"] = "set"
	smallLimits.flags = append(smallLimits.flags, "--set-max-intset-entries", "8")
	smallLimits.ours = append(smallLimits.ours, "--set-max-listpack-entries", "6", "--set-max-listpack-value", "20")
	shapes["m"] = []shape{
		{"sadd", 14, []part{key, many(8, member)}},
		{"sadd", 1, []part{key, many(200, member)}},
		{"srem", 6, []part{key, many(5, member)}},
		{"sismember", 4, []part{key, member}},
		{"smismember", 3, []part{key, many(5, member)}},
		{"smembers", 3, []part{key}},
		{"scard", 3, []part{key}},
		{"spop", 3, []part{key, opt(randomCount)}},
		{"srandmember", 3, []part{key, opt(randomCount)}},
		{"smove", 4, []part{key, key, member}},
		{"sinter", 3, []part{many(4, key)}},
		{"sunion", 3, []part{many(4, key)}},
		{"sunion", 1, []part{many(20, key)}},
		{"sdiff", 3, []part{many(4, key)}},
		{"sdiff", 1, []part{many(20, key)}},
		{"sintercard", 3, []part{counted(key), opt(lit("LIMIT"), integer)}},
		{"sintercard", 1, []part{integer, many(4, key), opt(lit("LIMIT"), integer)}},
		{"sinterstore", 3, []part{key, many(4, key)}},
		{"sunionstore", 2, []part{key, many(4, key)}},
		{"sdiffstore", 3, []part{key, many(4, key)}},
		{"sdiffstore", 1, []part{key, many(20, key)}},
		{"sscan", 3, []part{key, number(0, 0), lit("COUNT"), number(100000, 100000), opt(lit("MATCH"), pattern)}},
		{"expire", 1, []part{key, seconds}},
		{"object encoding", 4, []part{key}},
	}
	for _, name := range []string{"smembers", "sinter", "sunion", "sdiff"} {
		comparers[name] = anyOrder(false)
	}
	comparers["sscan"] = scanned(false)
	comparers["spop"], drawsByLot["spop"] = popped, true
	comparers["srandmember"], drawsByLot["srandmember"] = drawnMembers, true
	meant = append(meant, deviation{"redis-server 7.0 has no listpack for sets, and makes an intset again of what SPOP with a count leaves", before72, func(words []string, ours, redis reply) bool {
		return name(words) == "object encoding" && (ours.Str == "listpack" || ours.Str == "hashtable") &&
			(redis.Str == "hashtable" || redis.Str == "intset")
	}})
}

// counted is one to six keys after their number.
func counted(p part) part {
	return func(g *source) []word {
		keys := many(6, p)(g)
		return append(pinned(strconv.Itoa(len(keys))), keys...)
	}
}

// member draws integers of all widths, names, and some of everything.
func member(g *source) []word {
	switch g.IntN(8) {
	case 0:
		return value(g)
	case 1, 2, 3:
		return free(strconv.FormatInt(g.Int64N(40)-20, 10))
	case 4:
		return free(strconv.FormatInt((g.Int64N(5)-2)<<(8*g.IntN(8)), 10))
	}
	return free("m" + strconv.Itoa(g.IntN(1+g.IntN(40))))
}

// drawn returns the members of a reply, or what is wrong with it: their number, one that redis-server does not have, one
// drawn twice.
func drawn(d *duo, words []string, ours, redis reply, distinct bool) (members []string, problem string) {
	if ours.Kind == '$' {
		ours.Elems = []reply{ours}
	} else if len(ours.Elems) != len(redis.Elems) {
		return nil, fmt.Sprintf("%d elements, redis-server has %d", len(ours.Elems), len(redis.Elems))
	}
	members = ours.Strings()
	if len(members) == 0 {
		return nil, ""
	}
	for i, v := range d.ask(append([]string{"SMISMEMBER", words[1]}, members...)...).Elems {
		if v.Int != 1 {
			return nil, fmt.Sprintf("there is no member %q in redis-server", members[i])
		}
	}
	sorted := slices.Sorted(slices.Values(members))
	if distinct && len(slices.Compact(sorted)) != len(members) {
		return nil, "a member was drawn twice"
	}
	return members, ""
}

func drawnMembers(d *duo, words []string, ours, redis reply) string {
	_, problem := drawn(d, words, ours, redis, len(words) > 2 && words[2][:1] != "-")
	return problem
}

// popped judges SPOP, and then has redis-server take out what redix has taken out. It puts back what it has drawn itself for that,
// which may change the encoding for good, so the set is made anew, in both.
func popped(d *duo, words []string, ours, redis reply) string {
	theirs := redis.Strings()
	if redis.Kind == '$' {
		theirs = []string{redis.Str}
	}
	d.ask(append([]string{"SADD", words[1]}, theirs...)...)
	members, problem := drawn(d, words, ours, redis, true)
	if problem == "" {
		d.ask(append([]string{"SREM", words[1]}, members...)...)
		deadline := d.ask("PEXPIRETIME", words[1]).Int
		for _, do := range []func(words ...string) reply{d.ask, d.ours.Must} {
			do("SUNIONSTORE", words[1], words[1])
			if deadline > 0 {
				do("PEXPIREAT", words[1], strconv.FormatInt(deadline, 10))
			}
		}
	}
	return problem
}
