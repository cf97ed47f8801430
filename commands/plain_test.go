package commands_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// Short commands take the short way past the gates while client and server are calm. A server that times each command by
// itself has no short way; both must reply, count and keep the same, whatever becomes of client and server in between.
func TestPlainCommands(t *testing.T) {
	random := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	short, long := servertest.NewLocal(t), servertest.NewLocal(t, "--slowlog-log-slower-than", "0")
	short.Engine.TurnNs, long.Engine.TurnNs = math.MaxInt64, math.MaxInt64 // a read is a turn, however slow the machine is
	plain := [][]string{{"PING"}, {"ping", "x"}, {"PING", "x", "y"}, {"GET", "s"}, {"GET"}, {"SET", "s", "1"}, {"SET", "s", "x", "NX", "GET"},
		{"INCR", "s"}, {"INCR", "l"}, {"INCRBY", "s", "x"}, {"LPUSH", "l", "a", "b"}, {"RPOP", "l"}, {"HSET", "h", "f", "v"}, {"HSET", "h", "f"},
		{"HGET", "h", "f"}, {"SADD", "m", "a"}, {"SADD", "s", "a"}, {"DBSIZE"}, {"ZADD", "z", "1", "a"}, {"EXPIRE", "s", "100"}, {"EXISTS", "s", "l"},
		{"SETRANGE", "s", "20000", "x"}, {"GET", "s"}, {"PFADD", "p", "a"}, {"PFCOUNT", "p"}, {"XADD", "x", "5-1", "a", "b"}, {}, {"NOSUCH"}}
	other := [][]string{{"MULTI"}, {"EXEC"}, {"DISCARD"}, {"WATCH", "s"}, {"UNWATCH"}, {"CLIENT", "REPLY", "SKIP"}, {"CLIENT", "REPLY", "OFF"},
		{"CLIENT", "REPLY", "ON"}, {"HELLO", "3"}, {"HELLO", "2"}, {"CLIENT", "TRACKING", "ON"}, {"CLIENT", "TRACKING", "OFF"}, {"SUBSCRIBE", "c"},
		{"UNSUBSCRIBE"}, {"PSUBSCRIBE", "__key*__:*"}, {"PUNSUBSCRIBE"}, {"PUBLISH", "c", "m"}, {"CONFIG", "SET", "notify-keyspace-events", "KEA"},
		{"CONFIG", "SET", "notify-keyspace-events", ""}, {"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "SET", "maxmemory", "0"}, {"SELECT", "1"},
		{"SELECT", "0"}, {"ACL", "SETUSER", "default", "-incr"}, {"ACL", "SETUSER", "default", "+incr"}, {"RESET"}, {"FLUSHALL"}, {"DEL", "s", "l", "h"},
		{"BLPOP", "l", "0.001"}, {"GETDEL", "s"}, {"KEYS", "nosuch*"}, {"CLIENT", "NO-EVICT", "ON"}}
	// What they free comes back in slices of real time, and under maxmemory it is for the next to grow by: the batch ends there.
	frees := map[string]bool{"FLUSHALL": true, "DEL": true, "GETDEL": true, "EXEC": true}
	normal := [][]string{{"DISCARD"}, {"CLIENT", "REPLY", "ON"}, {"RESET"}, {"CONFIG", "SET", "maxmemory", "0"}, {"ACL", "SETUSER", "default", "+@all"}}
	for n := range 4000 {
		var batch []byte
		if n%8 == 0 {
			for _, words := range normal {
				batch = servertest.AppendCommand(batch, words...)
			}
		}
		for range 1 + random.IntN(40) {
			from := plain
			if random.IntN(20) == 0 {
				from = other
			}
			words := from[random.IntN(len(from))]
			batch = servertest.AppendCommand(batch, words...)
			if len(words) > 0 && frees[words[0]] {
				break
			}
		}
		want := string(long.Feed(batch))
		if got := string(short.Feed(batch)); got != want {
			t.Fatalf("%q\n got %q\nwant %q", batch, got, want)
		}
		// Past the end of every wait, also where a slow command has moved the clock on; no divisor of what EXPIRE sets.
		short.Advance(7 * time.Second)
		long.Advance(7 * time.Second)
		if got, want := short.Feed(nil), long.Feed(nil); !bytes.Equal(got, want) {
			t.Fatalf("after %q\n got %q\nwant %q", batch, got, want)
		}
	}
	for _, words := range normal { // without a look at the replies: the last batch may have left them off
		short.Feed(servertest.AppendCommand(nil, words...))
		long.Feed(servertest.AppendCommand(nil, words...))
	}
	times := regexp.MustCompile(`usec(_per_call)?=[0-9.]+`)
	for _, words := range [][]string{{"INFO", "commandstats"}, {"INFO", "errorstats"}, {"DEBUG", "DIGEST"}} {
		got, want := short.Do(words...).Str, long.Do(words...).Str
		if got, want = times.ReplaceAllString(got, ""), times.ReplaceAllString(want, ""); got != want {
			t.Errorf("%q\n got %s\nwant %s", words, got, want)
		}
	}
}
