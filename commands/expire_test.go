package commands_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"redix/commands/servertest"
)

// Deadlines: the EXPIRE family and its conditions, what is asked of them, their journal form, and the exact millisecond.

func TestExpire(t *testing.T) {
	do := servertest.Do
	both := "ERR NX and XX, GT or LT options at the same time are not compatible"
	invalid := func(command string) string { return "ERR invalid expire time in '" + command + "' command" }
	servertest.Run(t,
		do("EXPIRE", "none", "10").Int(0), do("TTL", "none").Int(-2), do("PTTL", "none").Int(-2), do("EXPIRETIME", "none").Int(-2),
		do("PEXPIRETIME", "none").Int(-2), do("PERSIST", "none").Int(0), do("EXPIRE", "none", "-1").Int(0),
		do("SET", "k", "v").OK(), do("TTL", "k").Int(-1), do("PTTL", "k").Int(-1), do("EXPIRETIME", "k").Int(-1),
		do("PEXPIRETIME", "k").Int(-1), do("PERSIST", "k").Int(0),
		do("EXPIRE", "k", "100").Int(1), do("TTL", "k").Between(99, 100), do("PTTL", "k").Between(90_000, 100_000),
		do("PEXPIRE", "k", "200000").Int(1), do("TTL", "k").Between(199, 200), do("PERSIST", "k").Int(1), do("TTL", "k").Int(-1),
		do("EXPIREAT", "k", "33177117420").Int(1), do("EXPIRETIME", "k").Int(33177117420), do("PEXPIRETIME", "k").Int(33177117420000),
		do("PEXPIREAT", "k", "33177117420500").Int(1), do("EXPIRETIME", "k").Int(33177117421), do("PEXPIRETIME", "k").Int(33177117420500),
		do("PEXPIREAT", "k", "33177117420499").Int(1), do("EXPIRETIME", "k").Int(33177117420),
		do("PEXPIREAT", "k", most).Int(1), do("PEXPIRETIME", "k").Int(9223372036854775807), do("EXPIRETIME", "k").Int(9223372036854776),
		do("GET", "k").Bulk("v"),

		do("EXPIRE", "k", "x").Err(notInt), do("EXPIRE", "k", "1.5").Err(notInt), do("EXPIRE", "k", "99999999999999999999").Err(notInt),
		do("EXPIRE", "none", most).Err(invalid("expire")), do("EXPIRE", "k", least).Err(invalid("expire")),
		do("EXPIRE", "k", "9223372036854775").Err(invalid("expire")), do("PEXPIRE", "k", most).Err(invalid("pexpire")),
		do("EXPIREAT", "k", "9223372036854776").Err(invalid("expireat")), do("EXPIREAT", "k", "-9223372036854776").Err(invalid("expireat")),
		do("EXPIREAT", "k", "9223372036854775").Int(1), do("PEXPIRETIME", "k").Int(9223372036854775000),
		do("EXPIRE", "k", "10", "x").Err("ERR Unsupported option x"), do("EXPIRE", "k", "x", "y").Err("ERR Unsupported option y"),
		do("EXPIRE", "k", "10", "NX", "GT").Err(both), do("EXPIRE", "k", "10", "xx", "nx").Err(both), do("EXPIRE", "k", "10", "LT", "NX").Err(both),
		do("EXPIRE", "k", "10", "GT", "LT").Err("ERR GT and LT options at the same time are not compatible"),
		do("EXPIRE", "k").Err("ERR wrong number of arguments for 'expire' command"), do("TTL").Err("ERR wrong number"),
		do("PERSIST", "k", "x").Err("ERR wrong number"), do("TTL", "k").Between(1e9, most64),
	)
}

const most64 = 1<<63 - 1

func TestExpireConditions(t *testing.T) {
	do := servertest.Do
	at := func(n int) string { return strconv.Itoa(33177117420000 + n) }
	is := func(n int64) *servertest.Step { return do("PEXPIRETIME", "k").Int(33177117420000 + n) }
	servertest.Run(t,
		do("SET", "k", "v").OK(),
		do("PEXPIREAT", "k", at(1), "XX").Int(0), do("PEXPIREAT", "k", at(1), "GT").Int(0), do("PEXPIREAT", "k", at(1), "XX", "GT").Int(0),
		do("PEXPIREAT", "k", at(1), "XX", "LT").Int(0), do("TTL", "k").Int(-1),
		do("PEXPIREAT", "k", at(1), "LT").Int(1), is(1), do("PERSIST", "k").Int(1), // none is later than any
		do("PEXPIREAT", "k", at(5), "nx").Int(1), is(5), do("PEXPIREAT", "k", at(9), "NX").Int(0), is(5),
		do("PEXPIREAT", "k", at(5), "GT").Int(0), do("PEXPIREAT", "k", at(4), "GT").Int(0), do("PEXPIREAT", "k", at(6), "gt").Int(1), is(6),
		do("PEXPIREAT", "k", at(6), "LT").Int(0), do("PEXPIREAT", "k", at(7), "LT").Int(0), do("PEXPIREAT", "k", at(3), "lt").Int(1), is(3),
		do("PEXPIREAT", "k", at(9), "XX").Int(1), is(9), do("PEXPIREAT", "k", at(2), "XX", "LT").Int(1), is(2),
		do("PEXPIREAT", "k", at(8), "GT", "XX", "XX").Int(1), is(8),
		do("EXPIRE", "k", "-5", "GT").Int(0), do("EXPIRE", "k", "-5", "NX").Int(0), is(8),
		do("EXPIRE", "k", "-5", "LT").Int(1), do("EXISTS", "k").Int(0),
	)
}

func TestExpireNow(t *testing.T) {
	do := servertest.Do
	var steps []*servertest.Step
	for _, words := range [][]string{{"EXPIRE", "k", "0"}, {"EXPIRE", "k", "-1"}, {"EXPIRE", "k", "-9223372036854775"}, {"PEXPIRE", "k", least},
		{"EXPIREAT", "k", "0"}, {"EXPIREAT", "k", "-1"}, {"EXPIREAT", "k", "1000"}, {"PEXPIREAT", "k", "1"}, {"PEXPIREAT", "k", least}} {
		steps = append(steps, do("SET", "k", "v").OK(), do(words...).Int(1), do("EXISTS", "k").Int(0), do("DBSIZE").Int(0))
	}
	servertest.Run(t, steps...)
}

func TestJournalOfExpire(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"EXPIRE k 10", ""}, {"SET k v", "SET k v"}, {"EXPIRE k 10", "PEXPIREAT k NOW+10000"}, {"PEXPIRE k 10", "PEXPIREAT k NOW+10"},
		{"EXPIREAT k 33177117420", "PEXPIREAT k 33177117420000"}, {"PEXPIREAT k 33177117420001 XX", "PEXPIREAT k 33177117420001"},
		{"EXPIRE k 10 NX", ""}, {"EXPIRE k 10 GT", ""}, {"EXPIRE k x", ""}, {"PERSIST k", "PERSIST k"}, {"PERSIST k", ""}, {"TTL k", ""},
		{"EXPIRE k 0", "DEL k"}, {"EXPIRE k 0", ""}, {"SET k v", "SET k v"}, {"PEXPIREAT k 1", "DEL k"},
		{"SET k v PXAT 1", "SET k v PXAT 1"}, {"EXPIRE k 100", "DEL k"},
	})
}

// TestExpireExactly: a key lives in the millisecond that its deadline names and not after it, whoever looks.
func TestExpireExactly(t *testing.T) {
	for _, active := range []bool{true, false} {
		l := servertest.NewLocal(t)
		l.Engine.NoActiveExpire = !active
		now := l.NowMs()
		l.Do("SET", "k", "v", "PX", "10")
		l.Do("SET", "l", "v", "PX", "10")
		l.Do("SET", "later", "v", "PX", "11")
		l.Advance(10 * time.Millisecond)
		if got := l.Do("PTTL", "k"); got.Int != 0 {
			t.Errorf("PTTL in the last millisecond: %s", got)
		}
		if got := l.Do("EXISTS", "k", "l", "later").Int; got != 3 {
			t.Errorf("%d of 3 keys in the last millisecond", got)
		}
		l.Advance(time.Millisecond)
		if got := l.Do("DBSIZE").Int; active && got != 1 || !active && got != 3 {
			t.Errorf("active expiry %v: %d keys left", active, got)
		}
		if got := l.Do("EXISTS", "k", "l", "later").Int; got != 1 {
			t.Errorf("%d of 1 keys after the deadline", got)
		}
		if got := l.Do("PEXPIRETIME", "later").Int; got != now+11 {
			t.Errorf("later ends at %d, want %d", got, now+11)
		}
	}
}

// TestTTLRounds to the nearest second, as redis-server does.
func TestTTLRounds(t *testing.T) {
	l := servertest.NewLocal(t)
	for ms, want := range map[int]int64{1: 0, 499: 0, 500: 1, 1499: 1, 1500: 2, 10_000: 10} {
		l.Do("SET", "k", "v", "PX", strconv.Itoa(ms))
		if got := l.Do("TTL", "k").Int; got != want {
			t.Errorf("TTL of %d ms is %d, want %d", ms, got, want)
		}
	}
}

// TestLoadingKeepsPastDeadlines: the journal may go on with a key whose deadline passed while the server was down.
func TestLoadingKeepsPastDeadlines(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Engine.Load(idleLoader{})
	apply := func(words ...string) {
		t.Helper()
		args := make([][]byte, len(words))
		for i, w := range words {
			args[i] = []byte(w)
		}
		if err := l.Engine.Apply(0, args); err != nil {
			t.Fatal(err)
		}
	}
	ks := l.Engine.Keyspace
	for i, deadline := range []string{"0", "-5", "1", "1000"} {
		key := fmt.Sprint("k", i)
		apply("SET", key, "v")
		apply("PEXPIREAT", key, deadline)
		apply("APPEND", key, "w")
		e, ok := ks.DB(0).Find([]byte(key))
		if !ok || string(e.Value()) != "vw" || e.Deadline() < 1 {
			t.Errorf("deadline %s: found %v, deadline %d", deadline, ok, e.Deadline())
		}
	}
	ks.NowMs = l.NowMs() // as at the end of loading
	for ks.ExpireStep(100) {
	}
	if n := ks.DB(0).Len(); n != 0 {
		t.Errorf("%d keys outlived their deadlines", n)
	}
}

type idleLoader struct{}

func (idleLoader) Step(int) (bool, error)   { return false, nil }
func (idleLoader) Waiting() bool            { return true }
func (idleLoader) Progress() (int64, int64) { return 0, 0 }
