package commands_test

// What came after Redis 7.2, which redix follows, as random commands meet it in the servers that have it: Redict and Valkey.

import (
	"slices"
	"strings"
)

func init() {
	meant = append(meant, laterMeant...)
	meantToPart = append(meantToPart, laterParting...)
}

// The numbers are those of pull requests: Redis's, and with valkey Valkey's.
var laterMeant = []deviation{
	{"BITCOUNT and BITPOS look at their arguments also if there is no key (11734, for 7.4)", after72, func(words []string, ours, redis reply) bool {
		return strings.HasPrefix(name(words), "bit") && ours.Kind == ':' && ours.Int <= 0 &&
			(redis.Str == "ERR value is not an integer or out of range" || redis.Str == "ERR syntax error")
	}},
	{"cursors have 64 bits and another parser (11695, for 7.4)", after72, func(words []string, ours, redis reply) bool {
		return strings.HasSuffix(name(words), "scan") && redis.Str == "ERR invalid cursor"
	}},
	{"XREAD + (13117, for 7.4)", after72, func(words []string, ours, redis reply) bool {
		return strings.HasPrefix(name(words), "xread") && slices.Contains(words, "+") && strings.HasPrefix(ours.Str, "ERR Invalid stream ID")
	}},
	{"BITCOUNT needs no end (118), and looks for it first", valkey, func(words []string, ours, redis reply) bool {
		return name(words) == "bitcount" && (len(words) == 3 && (ours.Str == "ERR syntax error" || ours.Kind == ':' && ours.Int == 0) || ours.Kind == '-' && redis.Kind == '-')
	}},
	{"SCAN knows what types there are", valkey, func(words []string, ours, redis reply) bool {
		return name(words) == "scan" && strings.HasPrefix(redis.Str, "ERR unknown type name")
	}},
	{"a ZADD with a long member makes a skiplist also if it does not add it (806)", valkey, func(words []string, ours, redis reply) bool {
		return name(words) == "object encoding" && ours.Str == "listpack" && redis.Str == "skiplist"
	}},
}

var laterParting = []deviation{
	{"LREM takes no count of -2^63 (12465, for 7.4)", after72, func(words []string, ours, redis reply) bool {
		return name(words) == "lrem" && len(words) > 2 && words[2] == "-9223372036854775808" && strings.HasPrefix(redis.Err(), "ERR value is out of range, value must between")
	}},
	{"a negative offset starts at the first element of a skiplist (12450, for 7.4; mended in 8.2)", after72, func(words []string, ours, redis reply) bool {
		at := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "limit") })
		return strings.HasPrefix(name(words), "z") && at > 0 && at+1 < len(words) && strings.HasPrefix(words[at+1], "-")
	}},
	{"a damaged HyperLogLog becomes dense", valkey, func(words []string, ours, redis reply) bool {
		return name(words) == "pfdebug" && strings.HasPrefix(ours.Str, "INVALIDOBJ")
	}},
}
