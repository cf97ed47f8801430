package commands_test

// DEBUG, and its digests against vectors of redis-server 7.0.15 and against the server itself.

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

const noDigest = "0000000000000000000000000000000000000000"

func TestDebug(t *testing.T) {
	do := servertest.Do
	wrong := "ERR unknown subcommand or wrong number of arguments for "
	servertest.Run(t,
		do("DEBUG", "DIGEST").Simple(noDigest), do("SET", "a", "1").OK(), do("SET", "b", "xyz").OK(),
		do("HSET", "h", "a", "1", "b", "2").Int(2), do("SET", "e", "x", "EX", "100").OK(),
		do("DEBUG", "DIGEST-VALUE", "a", "b", "h", "e", "none").Array(servertest.Simple("b4fc66738120fba0b5aa500ab5c2bf89cea1c5da"),
			servertest.Simple("b04db56b32ff9335e14da7729d0eeb1a8915c3cf"), servertest.Simple("6c8f22b3bf510fdcfd6122dd0f908a80e88243bf"),
			servertest.Simple("0745672cb1bf060476eedeb8a28f5ffe1ff5a2be"), servertest.Simple(noDigest)),
		do("SELECT", "3").OK(), do("SET", "q", "q").OK(), do("DEBUG", "DIGEST").Simple("bbe2de3bb1796fa0f5655ff9f5dd2fa853425412"),
		do("DEBUG", "digest-value").Array(),
		do("DEBUG", "OBJECT", "q").Match(`^Value at:0x[0-9a-f]+ refcount:1 encoding:embstr serializedlength:2 lru:\d+ lru_seconds_idle:\d+$`),
		do("DEBUG", "OBJECT", "none").Err("ERR no such key"), do("DEBUG", "OBJECT").Err(wrong+"'OBJECT'"),
		do("DEBUG", "JMAP").Err(wrong+"'JMAP'. Try DEBUG HELP."), do("DEBUG", "DIGEST", "x").Err(wrong+"'DIGEST'"),
		do("DEBUG", "SLEEP", "0.001").OK(), do("DEBUG", "SLEEP", "x").OK(), do("DEBUG", "SET-ACTIVE-EXPIRE", "1").OK(),
		do("DEBUG", "HELP").Match(`^POPULATE <count>`), do("DEBUG").Err("ERR wrong number of arguments for 'debug' command"),
	)
}

// TestSerializedLength: the bytes of a value in a snapshot, as DUMP gives them between its type and its footer, of small values
// and of large ones that are written in parts.
func TestSerializedLength(t *testing.T) {
	l := servertest.NewLocal(t)
	numbers := func(before, n int) (words []string) {
		for i := range n {
			for range before {
				words = append(words, strconv.Itoa(i))
			}
			words = append(words, "element:"+strconv.Itoa(i))
		}
		return words
	}
	l.Do("SET", "text", "bar")
	l.Do("SET", "number", "12")
	l.Do("SET", "compressed", strings.Repeat("x", 1000))
	l.Do("SET", "large", strings.Repeat("large", 1<<20))
	for _, n := range []int{2, 20_000} {
		size := strconv.Itoa(n)
		l.Do(append([]string{"HSET", "hash" + size}, numbers(1, n)...)...)
		l.Do(append([]string{"RPUSH", "list" + size}, numbers(0, n)...)...)
		l.Do(append([]string{"SADD", "set" + size}, numbers(0, n)...)...)
		l.Do(append([]string{"ZADD", "zset" + size}, numbers(1, n)...)...)
		for i := range n {
			l.Do("XADD", "stream"+size, strconv.Itoa(i+1), "i", strconv.Itoa(i))
		}
	}
	replies(t, l, 2, servertest.Simple("OK"), "XGROUP", "CREATE", "stream2", "group", "0")
	replies(t, l, 2, servertest.Int(14), "DBSIZE")
	lengths := regexp.MustCompile(` serializedlength:(\d+) `)
	for _, key := range l.Do("KEYS", "*").Elems {
		want := len(l.Do("DUMP", key.Str).Str) - len("t") - len("vvchecksum")
		got := lengths.FindStringSubmatch(l.Do("DEBUG", "OBJECT", key.Str).Str)
		if got == nil || got[1] != strconv.Itoa(want) {
			t.Errorf("%s: %q, DUMP gives %d bytes", key.Str, got, want)
		}
	}
}

func TestDebugPopulate(t *testing.T) {
	l := servertest.NewLocal(t)
	negative := servertest.Err("ERR value is out of range, must be positive")
	for _, words := range []string{"-1", "x", "3 p -1", "3 p x"} {
		replies(t, l, 2, negative, append([]string{"DEBUG", "POPULATE"}, strings.Fields(words)...)...)
	}
	replies(t, l, 2, servertest.Err("ERR string exceeds maximum allowed size"), "DEBUG", "POPULATE", "1", "p", "999999999999")
	l.Do("SET", "key:1", "mine")
	replies(t, l, 2, servertest.Simple("OK"), "DEBUG", "POPULATE", "3")
	replies(t, l, 2, servertest.Int(3), "DBSIZE")
	replies(t, l, 2, servertest.Bulk("mine"), "GET", "key:1")
	replies(t, l, 2, servertest.Bulk("value:2"), "GET", "key:2")
	replies(t, l, 2, servertest.Simple("OK"), "DEBUG", "POPULATE", "2", "p", "10")
	replies(t, l, 2, servertest.Bulk("value:1\x00\x00\x00"), "GET", "p:1")
	replies(t, l, 2, servertest.Simple("OK"), "DEBUG", "POPULATE", "1", "q", "3")
	replies(t, l, 2, servertest.Bulk("val"), "GET", "q:0")
}

func TestDebugAllowed(t *testing.T) {
	l := servertest.NewLocal(t, "--enable-debug-command", "no")
	replies(t, l, 2, servertest.Err("ERR DEBUG command not allowed."), "DEBUG", "DIGEST")
	l = servertest.NewLocal(t, "--enable-debug-command", "local")
	replies(t, l, 2, servertest.Simple(noDigest), "DEBUG", "DIGEST")
}

func TestDebugActiveExpire(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	l.Do("SET", "k", "v", "PX", "10")
	l.Advance(time.Second)
	replies(t, l, 2, servertest.Int(1), "DBSIZE")
	l.Do("DEBUG", "SET-ACTIVE-EXPIRE", "1")
	l.Advance(time.Second)
	replies(t, l, 2, servertest.Int(0), "DBSIZE")
}

// TestDigestAgainstRedis gives both servers the same data, of every type and encoding there is, and compares digests.
func TestDigestAgainstRedis(t *testing.T) {
	redis := servertest.StartRedis(t).Dial()
	l := servertest.NewLocal(t)
	seed := seeds.Draw(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	both := func(words ...string) {
		t.Helper()
		if a, b := l.Do(words...), redis.Do(words...); !a.Equal(b) {
			t.Fatalf("seed %d: %s: %s, redis-server: %s", seed, servertest.Words(words), a, b)
		}
	}
	word := func() string {
		switch rng.IntN(4) {
		case 0:
			return strconv.FormatInt(int64(rng.Uint64())>>rng.IntN(64), 10)
		case 1:
			return strings.Repeat("x", rng.IntN(200))
		case 2:
			return fmt.Sprintf("%c\x00%04d\r\n", rng.IntN(256), rng.IntN(1000))
		}
		return strings.Repeat("long", rng.IntN(30000))
	}
	for i := range 300 {
		key := "k" + strconv.Itoa(i)
		both("SELECT", strconv.Itoa(rng.IntN(3)))
		if rng.IntN(2) == 0 {
			both("SET", key, word())
		} else {
			for range rng.IntN(5) + 1 {
				both("HSET", key, word(), word())
			}
			if rng.IntN(40) == 0 {
				for f := range 3000 {
					both("HSET", key, strconv.Itoa(f), strconv.Itoa(f*f))
				}
			}
		}
		if rng.IntN(3) == 0 {
			both("PEXPIREAT", key, "99999999999999")
		}
		both("DEBUG", "DIGEST-VALUE", key)
	}
	both("DEBUG", "DIGEST")
	both("FLUSHDB")
	both("DEBUG", "DIGEST")
}

// An attribute is left out in RESP2, a push cannot be.
func TestDebugProtocol(t *testing.T) {
	l := servertest.NewLocal(t)
	replies(t, l, 2, servertest.Bulk("Some real reply following the attribute"), "DEBUG", "PROTOCOL", "attrib")
	replies(t, l, 2, servertest.Err("ERR RESP2 is not supported by this command"), "DEBUG", "PROTOCOL", "push")
}
