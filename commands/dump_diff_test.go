package commands_test

// Damaged payloads beside redis-server.

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/persistence/rdb"
)

// restoreRounds is how often each value is damaged, unless REDIX_DIFF, divided by restoreCost, says otherwise.
const restoreRounds, restoreCost = 10, 100

// TestDiffRestore restores values with changed bytes and a right checksum, here and in a redis-server that looks at all of a payload:
// what that refuses is refused here, and what both take is the same. Redix is the stricter of the two: for one thing, nothing
// may follow the value.
func TestDiffRestore(t *testing.T) {
	rounds := restoreRounds
	if n, err := strconv.Atoi(os.Getenv("REDIX_DIFF")); err == nil {
		rounds = n / restoreCost
	}
	redis := servertest.StartRedis(t, "--sanitize-dump-payload", "yes", "--crash-memcheck-enabled", "no").Dial()
	ours, rng := servertest.NewLocal(t), newSource(t, "restore")
	both, refused, stricter := 0, 0, 0
	for _, value := range corpusPayloads(t) {
		for range rounds {
			b := string(damaged(rng.Rand, value))
			if rdb.Type(b[0]) == rdb.TypeSetListpack || rdb.Type(b[0]) == rdb.TypeStream3 {
				continue // which 7.0 does not know
			}
			words := []string{"RESTORE", "k", "0", payload(b), "REPLACE"}
			got, want := ours.Do(words...), redis.Do(words...)
			switch {
			case got.Str == "OK" && want.Str == "OK":
				both++
				if got, want := held(ours.Do), held(redis.Do); got != want {
					t.Errorf("%q:\nredix        %.200s\nredis-server %.200s", b, got, want)
				}
			case got.Str == "OK":
				t.Errorf("%q: redis-server says %s", b, want)
			case got.Err() != "ERR Bad data format":
				t.Errorf("%q: %s", b, got)
			case want.Str == "OK":
				stricter++
			default:
				refused++
			}
		}
	}
	t.Logf("%d taken by both, %d refused by both, %d refused here alone", both, refused, stricter)
	if both < 10*rounds || refused < 50*rounds {
		t.Error("that is too few")
	}
}

// held describes the value of k: its digest, but of a sorted set its members and scores, whose digits are those of 7.2 here, without
// their order, which redis-server takes from the payload.
func held(do func(words ...string) servertest.Value) string {
	typ := do("TYPE", "k").Str
	if typ != "zset" {
		return typ + " " + do("DEBUG", "DIGEST-VALUE", "k").Strings()[0]
	}
	words := do("ZRANGE", "k", "0", "-1", "WITHSCORES").Strings()
	pairs := make([]string, 0, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		score, err := strconv.ParseFloat(words[i+1], 64)
		pairs = append(pairs, fmt.Sprintf("%q %v %v", words[i], score+0, err)) // -0 becomes 0
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ", ")
}
