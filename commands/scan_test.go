package commands_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// KEYS and SCAN: patterns, options, cursors, expired keys, and the guarantee of a whole iteration.

func TestKeys(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("KEYS", "*").Array(), do("KEYS", "a").Array(), do("KEYS", "").Array(),
		do("MSET", "a", "1", "ab", "2", "b", "3", "a*", "4", "[a]", "5").OK(),
		do("KEYS", "*").Sorted("a", "ab", "b", "a*", "[a]"), do("KEYS", "a").Array("a"), do("KEYS", "c").Array(),
		do("KEYS", "a*").Sorted("a", "ab", "a*"), do("KEYS", `a\*`).Array("a*"), do("KEYS", "[a]").Array("a"),
		do("KEYS", `\[a]`).Array("[a]"), do("KEYS", "?").Sorted("a", "b"), do("KEYS", "[a-b]").Sorted("a", "b"), do("KEYS", "[^a]").Array("b"),
		do("KEYS", "A").Array(), do("SET", "", "empty").OK(), do("KEYS", "").Array(""), do("KEYS", "*").Sorted("", "a", "ab", "b", "a*", "[a]"),
		do("KEYS", "**").Sorted("a", "ab", "b", "a*", "[a]"), // redis-server's matcher lets only "*" match nothing
		do("KEYS").Err("ERR wrong number"), do("KEYS", "a", "b").Err("ERR wrong number"),
	)
}

func TestScanArguments(t *testing.T) {
	do := servertest.Do
	cursor := "ERR invalid cursor"
	servertest.Run(t,
		do("SCAN", "0").Array("0", []any{}), do("SCAN", "7").Array("0", []any{}), do("SCAN", "-1").Array("0", []any{}),
		do("SCAN", "18446744073709551615").Array("0", []any{}), do("SCAN", "18446744073709551616").Err(cursor),
		do("SCAN", "x").Err(cursor), do("SCAN", " 1").Err(cursor), do("SCAN", "1 ").Err(cursor), do("SCAN", "x", "y").Err(cursor),
		do("SCAN", "0", "COUNT").Err(syntax), do("SCAN", "0", "COUNT", "0").Err(syntax), do("SCAN", "0", "COUNT", "-1").Err(syntax),
		do("SCAN", "0", "COUNT", "x").Err(notInt), do("SCAN", "0", "MATCH").Err(syntax), do("SCAN", "0", "TYPE").Err(syntax),
		do("SCAN", "0", "x", "y").Err(syntax), do("SCAN").Err("ERR wrong number of arguments for 'scan' command"),
		do("SET", "s", "v").OK(), do("SET", "t", "v").OK(), do("HSET", "h", "f", "v").Int(1),
		do("SCAN", "0", "COUNT", most).Array("0", servertest.Sorted("h", "s", "t")),
		do("SCAN", "0", "count", "100", "match", "s").Array("0", []any{"s"}),
		do("SCAN", "0", "count", "100", "match", "*").Array("0", servertest.Sorted("h", "s", "t")),
		do("SCAN", "0", "COUNT", "100", "TYPE", "hash").Array("0", []any{"h"}),
		do("SCAN", "0", "COUNT", "100", "TYPE", "STRING").Array("0", servertest.Sorted("s", "t")),
		do("SCAN", "0", "COUNT", "100", "TYPE", "STRING", "MATCH", "[^s]").Array("0", []any{"t"}),
		do("SCAN", "0", "COUNT", "100", "TYPE", "none").Array("0", []any{}), do("SCAN", "0", "COUNT", "100", "TYPE", "x").Array("0", []any{}),
		do("SCAN", "0", "COUNT", "1", "COUNT", "100", "MATCH", "x", "MATCH", "h").Array("0", []any{"h"}),
	)
}

// iterate goes through a whole iteration and counts each key.
func iterate(t *testing.T, do func(words ...string) servertest.Value, between func(call int), options ...string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	cursor := "0"
	for call := 0; ; call++ {
		v := do(append([]string{"SCAN", cursor}, options...)...)
		if len(v.Elems) != 2 || call > 1<<20 {
			t.Fatalf("call %d of SCAN: %s", call, v)
		}
		for _, key := range v.Elems[1].Strings() {
			seen[key]++
		}
		if cursor = v.Elems[0].Str; cursor == "0" {
			return seen
		}
		if between != nil {
			between(call)
		}
	}
}

func TestScanGuarantee(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		c := s.Dial()
		const stay, guests = 2000, 30000
		for i := range stay {
			c.Send("SET", fmt.Sprint("stay", i), "v")
		}
		for i := range guests {
			c.Send("SET", fmt.Sprint("guest", i), "v")
		}
		c.Flush()
		for range stay + guests {
			c.Receive()
		}
		for name, between := range map[string]func(call int) int{
			"growing": func(call int) int {
				for i := range 100 {
					c.Send("SET", fmt.Sprint("new", call*100+i), "v")
				}
				return 100
			},
			"shrinking": func(call int) int {
				for i := range 100 {
					c.Send("DEL", fmt.Sprint("guest", rng.IntN(guests)), fmt.Sprint("new", call*100+i))
				}
				return 100
			},
		} {
			seen := iterate(t, c.Do, func(call int) {
				n := between(call)
				c.Flush()
				for range n {
					c.Receive()
				}
			}, "COUNT", "100")
			for i := range stay {
				if n := seen[fmt.Sprint("stay", i)]; n != 1 {
					t.Fatalf("%s: stay%d was seen %d times", name, i, n)
				}
			}
		}
	})
}

// TestScanThroughConversion: a scan that began in one encoding and goes on in the other shows what was there all the time.
func TestScanThroughConversion(t *testing.T) {
	l := servertest.NewLocal(t)
	const stay, large = 20, 2000
	for _, kind := range []struct {
		add, scan, member string
		between           []string // words before and after each member
		many, few         string
	}{
		{"SADD", "SSCAN", "m%d", []string{"", ""}, "hashtable", "listpack"}, {"SADD", "SSCAN", "%d", []string{"", ""}, "hashtable", "intset"},
		{"HSET", "HSCAN", "m%d", []string{"", "v"}, "hashtable", "listpack"}, {"ZADD", "ZSCAN", "m%d", []string{"1", ""}, "skiplist", "listpack"},
	} {
		add := func(from, to int, encoding string) {
			words := []string{kind.add, "k"}
			for i := from; i < to; i++ {
				member := []string{kind.between[0], fmt.Sprintf(kind.member, i), kind.between[1]}
				words = append(words, slices.DeleteFunc(member, func(w string) bool { return w == "" })...)
			}
			l.Do(words...)
			if got := l.Do("OBJECT", "ENCODING", "k").Str; got != encoding {
				t.Fatalf("%s of %d: kept as %s, want %s", kind.add, to, got, encoding)
			}
		}
		seen := map[string]bool{}
		scan := func(cursor string) string {
			v := l.Do(kind.scan, "k", cursor, "COUNT", "100")
			for _, m := range v.Elems[1].Strings() {
				seen[m] = true
			}
			return v.Elems[0].Str
		}
		check := func(way string) {
			for i := range stay {
				if m := fmt.Sprintf(kind.member, i); !seen[m] {
					t.Errorf("%s, %s: %s was not seen", kind.scan, way, m)
				}
			}
			clear(seen)
		}
		l.Do("DEL", "k")
		add(0, stay, kind.few)
		cursor := scan("0")
		add(stay, large, kind.many)
		for cursor != "0" {
			cursor = scan(cursor)
		}
		check("growing")
		if cursor = scan("0"); cursor == "0" {
			t.Fatalf("%s of %d members is over at once", kind.scan, large)
		}
		l.Do("DEL", "k")
		add(0, stay, kind.few)
		for cursor != "0" {
			cursor = scan(cursor)
		}
		check("made anew")
	}
}

// TestScanBound: a COUNT beyond all measure neither holds the loop nor loses keys.
func TestScanBound(t *testing.T) {
	l := servertest.NewLocal(t)
	const n = 30000
	for i := range n {
		l.Do("SET", fmt.Sprint("k", i), "v")
	}
	if v := l.Do("SCAN", "0", "COUNT", most); len(v.Elems[1].Elems) > 10000 || v.Elems[0].Str == "0" {
		t.Errorf("one call replied with %d keys, cursor %s", len(v.Elems[1].Elems), v.Elems[0].Str)
	}
	if seen := iterate(t, l.Do, nil, "COUNT", most); len(seen) != n {
		t.Errorf("an iteration saw %d of %d keys", len(seen), n)
	}
	if seen := iterate(t, l.Do, nil, "COUNT", "1", "MATCH", "k12*"); len(seen) != 1111 {
		t.Errorf("an iteration saw %d keys that begin with k12", len(seen))
	}
}

// TestScanExpired: keys past their deadline are neither shown nor kept.
func TestScanExpired(t *testing.T) {
	for name, walk := range map[string]func(l *servertest.Local) int{
		"KEYS": func(l *servertest.Local) int { return len(l.Do("KEYS", "*").Elems) },
		"SCAN": func(l *servertest.Local) int { return len(iterate(t, l.Do, nil)) },
		"SCAN TYPE": func(l *servertest.Local) int {
			return len(iterate(t, l.Do, nil, "TYPE", "string", "MATCH", "*s*"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := servertest.NewLocal(t)
			l.Engine.NoActiveExpire = true
			for i := range 2000 {
				l.Do("SET", fmt.Sprint("gone", i, strings.Repeat("x", i%300)), "v", "PX", "5")
				l.Do("SET", fmt.Sprint("stay", i), "v", "PX", "50")
			}
			l.Do("HSET", "hash", "f", "v")
			l.Do("PEXPIRE", "hash", "5")
			l.Advance(6 * time.Millisecond)
			if got := walk(l); got != 2000 {
				t.Errorf("%d keys, want 2000", got)
			}
			if got := l.Do("DBSIZE").Int; got != 2000 {
				t.Errorf("%d keys are kept, want 2000", got)
			}
		})
	}
	l := servertest.NewLocal(t)
	l.Engine.NoActiveExpire = true
	l.Do("SET", "k", "v", "PX", "5")
	l.Advance(6 * time.Millisecond)
	if v := l.Do("KEYS", "k"); len(v.Elems) != 0 || l.Do("DBSIZE").Int != 0 {
		t.Errorf("KEYS of one name: %s", v)
	}
}
