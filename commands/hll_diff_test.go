package commands_test

import (
	"strconv"
	"strings"
)

// Random commands on HyperLogLogs: the strings that they make must be redis-server's to the byte, and so must what is
// said of strings that only look like one.

func init() {
	diffGroups["p"] = "hyperloglog"
	smallLimits.flags = append(smallLimits.flags, "--hll-sparse-max-bytes", "200")
	shapes["p"] = []shape{
		{"pfadd", 14, []part{key, many(20, element)}},
		{"pfadd", 2, []part{key, many(400, element)}},
		{"pfadd", 1, []part{key}},
		{"pfcount", 6, []part{key}},
		{"pfcount", 4, []part{many(5, key)}},
		{"pfmerge", 4, []part{many(4, key)}},
		{"pfdebug", 1, []part{lit("GETREG"), key}},
		{"pfdebug", 3, []part{lit("DECODE"), key}},
		{"pfdebug", 3, []part{lit("ENCODING"), key}},
		{"pfdebug", 1, []part{one(lit("TODENSE"), lit("NONE")), key}},
		{"get", 3, []part{key}},
		{"set", 2, []part{key, sketch}},
		{"set", 1, []part{key, value}},
		{"del", 2, []part{key}},
		{"setrange", 2, []part{key, number(0, 60), sketchByte}},
		{"copy", 1, []part{key, key, lit("REPLACE")}},
		{"expire", 1, []part{key, seconds}},
		{"object encoding", 3, []part{key}},
	}
	// A damaged value may end with half an opcode. redis-server reads the zero behind the string as its other half, edits
	// both, and loses the last byte of what it has made; here the value is refused.
	for _, name := range []string{"pfadd", "pfcount", "pfmerge"} {
		parts[name] = "INVALIDOBJ"
	}
	notCompared["pfselftest"] = "takes redis-server seconds"
	meant = append(meant, deviation{"redis-server makes raw a string that PFADD and PFCOUNT have only looked at", always,
		func(words []string, ours, redis reply) bool {
			return name(words) == "object encoding" && ours.Str == "embstr" && redis.Str == "raw"
		}}, deviation{"redis-server completes half an opcode at the end with the zero behind every string", always,
		func(words []string, ours, redis reply) bool {
			return name(words) == "pfdebug" && strings.EqualFold(words[1], "decode") && ours.Kind == '$' &&
				strings.HasPrefix(redis.Str, ours.Str)
		}})
}

// element is one of a few hundred, or one that has hardly been seen before.
func element(g *source) []word {
	switch g.IntN(20) {
	case 0:
		return value(g)
	case 1, 2, 3, 4, 5:
		return free(strconv.FormatUint(g.Uint64(), 36))
	}
	return free("e" + strconv.Itoa(g.IntN(300)))
}

// sketch is a string that is a HyperLogLog, or nearly.
func sketch(g *source) []word {
	header := pick(g, []string{"HYLL", "HYLL", "HYLL", "HYLL", "hyll", "HYL"}) +
		pick(g, []string{"\x01", "\x01", "\x01", "\x00", "\x02"}) + "\x00\x00\x00" +
		pick(g, []string{"\x00\x00\x00\x00\x00\x00\x00\x00", "\x05\x00\x00\x00\x00\x00\x00\x80", "\x07\x00\x00\x00\x00\x00\x00\x00", "\x01"})
	body := pick(g, []string{"\x7f\xff", "\x7f\xff", "\x7f\xfe\x80", "\x3f\x7f\xbf", "\x00\x7f\xfe", "\x80\x80\x80\x80\x7f\xfb", "",
		"\x7f\xfe\x83", "\xff\x83\x7f\xf7", "\x81\x82\x7f\xf8\x81", "\x7f\xff\x80", strings.Repeat("\x00", 12288),
		strings.Repeat("\x41\x10\x04", 4096), strings.Repeat("\xff", 12288)})
	return pinned(header + body)
}

func sketchByte(g *source) []word {
	return pinned(pick(g, []string{"\x00", "\x80", "\xff", "\x41\x00", "\x7f\xf0", "H\x80", "\x03"}))
}
