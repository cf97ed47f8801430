package commands_test

// Eviction as a client sees it: which keys go under each policy, what is refused, and how far the memory in use may be
// over maxmemory at any time.

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/seeds"
)

const oomText = "OOM command not allowed when used memory > 'maxmemory'."

// limited returns a server with a maxmemory of so many bytes beyond what it uses empty.
func limited(t *testing.T, policy string, room int, flags ...string) *servertest.Local {
	t.Helper()
	l := servertest.NewLocal(t, append(flags, "--maxmemory-policy", policy)...)
	l.Do("SET", "a", "b") // the first key brings the first segment
	setLimit(l, room)
	return l
}

func setLimit(l *servertest.Local, room int) {
	used := l.Engine.UsedMemory()
	l.Do("CONFIG", "SET", "maxmemory", strconv.FormatInt(used+int64(room), 10))
}

func fillKeys(l *servertest.Local, prefix string, n int, options ...string) {
	for i := range n {
		l.Do(append([]string{"SET", prefix + strconv.Itoa(i), strings.Repeat("x", 200)}, options...)...)
	}
}

// left counts the keys that are still there.
func left(l *servertest.Local, prefix string, n int) (have int) {
	for i := range n {
		if e, ok := l.Engine.Keyspace.DB(0).Find([]byte(prefix + strconv.Itoa(i))); ok && e.Found() {
			have++
		}
	}
	return have
}

var evicting = []string{"allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-s3fifo", "volatile-lru", "volatile-lfu",
	"volatile-random", "volatile-ttl"}

// TestEvictionBound: after each command the memory in use is over maxmemory by no more than that command has added, and
// after the rounds that follow not at all, as long as there is a key that may go.
func TestEvictionBound(t *testing.T) {
	for _, policy := range evicting {
		seed := seeds.Draw(t)
		t.Run(fmt.Sprintf("%s/seed=%d", policy, seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			l := limited(t, policy, 300<<10)
			e := l.Engine
			limit := int64(e.Config.MaxMemoryBytes)
			worst := int64(0)
			l.AroundRound = func(round func() bool) bool {
				worst = max(worst, e.UsedMemory()-limit)
				return round()
			}
			for range 4000 {
				key := "k" + strconv.Itoa(rng.IntN(5000))
				size := rng.IntN(600)
				if rng.IntN(200) == 0 {
					size = rng.IntN(100 << 10)
				}
				worst = 0
				switch rng.IntN(5) {
				case 0:
					l.Do("GET", key)
				case 1:
					l.Do("DEL", key)
					size = 0
				case 2:
					l.Do("MULTI")
					l.Do("SET", key, strings.Repeat("a", size), "PX", strconv.Itoa(1+rng.IntN(100000)))
					l.Do("RPUSH", "l"+key, strings.Repeat("b", size))
					l.Do("EXPIRE", "l"+key, "1000")
					l.Do("EXEC")
					size *= 2
				default:
					l.Do("SET", key, strings.Repeat("a", size), "PX", strconv.Itoa(1+rng.IntN(1000000)))
				}
				// blocks are at most a sixteenth larger than their content; a segment of the index may split, the queries are buffered
				if bound := int64(size)*9/8 + 2*4608 + 20<<10; worst > bound {
					t.Fatalf("used memory was %d bytes over maxmemory after a command with %d", worst, size)
				}
				if over := e.UsedMemory() - limit; over > 0 {
					t.Fatalf("used memory stays %d bytes over maxmemory", over)
				}
			}
			if e.Stats.Evicted == 0 {
				t.Fatal("nothing was evicted")
			}
		})
	}
}

// TestEvictionPolicies: who goes first.
func TestEvictionPolicies(t *testing.T) {
	t.Run("volatile only", func(t *testing.T) {
		for _, policy := range evicting {
			if !strings.HasPrefix(policy, "volatile") {
				continue
			}
			l := limited(t, policy, 300<<10)
			fillKeys(l, "lasting", 500)
			fillKeys(l, "volatile", 2000, "EX", "1000")
			if n := left(l, "lasting", 500); n != 500 {
				t.Errorf("%s: %d of 500 keys without an expiry are left", policy, n)
			}
			if n := left(l, "volatile", 2000); n < 300 || n > 900 {
				t.Errorf("%s: %d of 2000 keys with an expiry are left", policy, n)
			}
		}
	})
	t.Run("few volatile", func(t *testing.T) { // fewer than one in sixteen: found by the timer wheel
		for _, policy := range evicting {
			if !strings.HasPrefix(policy, "volatile") {
				continue
			}
			l := limited(t, policy, 1<<20)
			fillKeys(l, "lasting", 3500)
			fillKeys(l, "volatile", 100, "EX", "1000")
			setLimit(l, -10<<10)
			if n := left(l, "lasting", 3500); n != 3500 {
				t.Errorf("%s: %d of 3500 keys without an expiry are left", policy, n)
			}
			if n := left(l, "volatile", 100); n < 40 || n > 70 {
				t.Errorf("%s: %d of 100 keys with an expiry are left", policy, n)
			}
		}
	})
	t.Run("ttl", func(t *testing.T) {
		l := limited(t, "volatile-ttl", 1<<20)
		fillKeys(l, "late", 500, "EX", "90000")
		fillKeys(l, "soon", 500, "EX", "100")
		setLimit(l, -50<<10)
		if n := left(l, "late", 500); n != 500 {
			t.Errorf("%d of 500 keys that expire late are left", n)
		}
		if n := left(l, "soon", 500); n > 320 {
			t.Errorf("%d of 500 keys that expire soon are left", n)
		}
	})
	for _, test := range []struct {
		policy string
		use    func(l *servertest.Local)
	}{
		{"allkeys-lru", func(l *servertest.Local) { l.Advance(10 * time.Second); touchAll(l, "used", 500) }},
		{"volatile-lru", func(l *servertest.Local) { l.Advance(10 * time.Second); touchAll(l, "used", 500) }},
		{"allkeys-lfu", func(l *servertest.Local) { touchAll(l, "used", 500); touchAll(l, "used", 500) }},
		{"volatile-lfu", func(l *servertest.Local) { touchAll(l, "used", 500); touchAll(l, "used", 500) }},
		{"allkeys-s3fifo", func(l *servertest.Local) { touchAll(l, "used", 500) }},
	} {
		t.Run(test.policy, func(t *testing.T) {
			l := limited(t, test.policy, 2<<20)
			for i := range 500 {
				l.Do("SET", "used"+strconv.Itoa(i), strings.Repeat("x", 200), "EX", "5000")
				l.Do("SET", "idle"+strconv.Itoa(i), strings.Repeat("x", 200), "EX", "5000")
			}
			test.use(l)
			setLimit(l, -50<<10)
			used, idle := left(l, "used", 500), left(l, "idle", 500)
			if used+idle > 820 || used < 490 {
				t.Errorf("of 500 each, %d used and %d idle keys are left", used, idle)
			}
		})
	}
	t.Run("s3fifo and a scan", func(t *testing.T) {
		l := limited(t, "allkeys-s3fifo", 300<<10)
		fillKeys(l, "used", 500)
		touchAll(l, "used", 500)
		fillKeys(l, "scan", 5000)
		if n := left(l, "used", 500); n < 490 {
			t.Errorf("%d of 500 used keys are left after a scan", n)
		}
	})
}

func touchAll(l *servertest.Local, prefix string, n int) {
	for i := range n {
		l.Do("GET", prefix+strconv.Itoa(i))
	}
}

// TestEvictionLFU: the counter of OBJECT FREQ grows with use and falls with time.
func TestEvictionLFU(t *testing.T) {
	l := servertest.NewLocal(t, "--maxmemory-policy", "allkeys-lfu", "--lfu-decay-time", "2")
	l.Do("SET", "k", "v")
	if n := l.Do("OBJECT", "FREQ", "k").Int; n != 5 {
		t.Fatalf("a new key has the counter %d", n)
	}
	for range 300 {
		l.Do("GET", "k")
	}
	high := l.Do("OBJECT", "FREQ", "k").Int
	if high < 8 || high > 25 {
		t.Fatalf("after 300 uses the counter is %d", high)
	}
	l.Advance(6*time.Minute + time.Second)
	if n := l.Do("OBJECT", "FREQ", "k").Int; n != high-3 {
		t.Fatalf("six minutes later the counter is %d, it was %d", n, high)
	}
	if v := l.Do("OBJECT", "IDLETIME", "k"); !strings.HasPrefix(v.Err(), "ERR An LFU maxmemory policy is selected") {
		t.Fatalf("OBJECT IDLETIME: %v", v)
	}
	l.Do("CONFIG", "SET", "lfu-decay-time", "0")
	if n := l.Do("OBJECT", "FREQ", "k").Int; n != high {
		t.Fatalf("without decay the counter is %d, it was %d", n, high)
	}
}

// TestEvictionCounters: what INFO says, what subscribers hear, and what the journal gets.
func TestEvictionCounters(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, sub := s.Dial(), s.Dial()
		c.Must("CONFIG", "SET", "notify-keyspace-events", "Ee")
		sub.Must("SUBSCRIBE", "__keyevent@0__:evicted")
		for i := range 1000 {
			c.Must("SET", "k"+strconv.Itoa(i), strings.Repeat("x", 1000))
		}
		used := 0
		s.OnLoop(func(e *engine.Server) { used = int(e.UsedMemory()) })
		c.Must("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", strconv.Itoa(used-500_000))
		for over := true; over; {
			s.OnLoop(func(e *engine.Server) { over = e.UsedMemory() > int64(e.Config.MaxMemoryBytes) })
		}
		eventually(t, "the limit is kept", func() bool { return c.Info("stats")["current_eviction_exceeded_time"] == "0" })
		stats := c.Info("stats")
		n, _ := strconv.Atoi(stats["evicted_keys"])
		if have := int(c.Must("DBSIZE").Int); n < 400 || n > 600 || have != 1000-n {
			t.Fatalf("evicted_keys is %d, %d keys are left", n, have)
		}
		for range n {
			if m := sub.Receive(); len(m.Elems) != 3 || m.Elems[1].Str != "__keyevent@0__:evicted" {
				t.Fatalf("subscriber got %v", m)
			}
		}
	}, "--appendonly", "yes")
}

// TestEvictionReplay: what was evicted is gone after a replay of the journal, too.
func TestEvictionReplay(t *testing.T) {
	dir := t.TempDir()
	flags := func(limit string) []string {
		return []string{"--dir", dir, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru", "--maxmemory", limit}
	}
	p := servertest.StartProcess(t, flags("12mb")...)
	c := p.Dial()
	for i := range 3000 {
		c.Must("SET", "k"+strconv.Itoa(i), strings.Repeat("x", 5000))
	}
	if n := c.Info("stats")["evicted_keys"]; n == "0" {
		t.Fatal("nothing was evicted")
	}
	before := c.Must("DEBUG", "DIGEST").Str
	size := c.Must("DBSIZE").Int
	p.Terminate()
	c = servertest.StartProcess(t, flags("0")...).Dial()
	if have := c.Must("DBSIZE").Int; have != size || c.Must("DEBUG", "DIGEST").Str != before {
		t.Fatalf("%d keys before, %d after a replay", size, have)
	}
}

// TestDiffOOM: which commands are refused while there is no memory left, alone, queued, and by EXEC.
func TestDiffOOM(t *testing.T) {
	d := newDuo(t, diffRun{reactor: "epoll", proto: 2})
	both := func(words ...string) {
		t.Helper()
		ours, redis := d.ours.Do(words...), d.redis.Do(words...)
		if !ours.Equal(redis) {
			t.Errorf("%s: %v, redis-server: %v", servertest.Words(words), ours, redis)
		}
	}
	for _, words := range [][]string{{"SET", "s", "1"}, {"RPUSH", "l", "a", "b"}, {"HSET", "h", "f", "1"}, {"SADD", "set", "1"},
		{"ZADD", "z", "1", "a"}, {"XADD", "x", "1-1", "f", "v"}, {"XGROUP", "CREATE", "x", "g", "0"}, {"PFADD", "hll", "a"}} {
		both(words...)
	}
	refused := [][]string{{"SET", "s", "2"}, {"GET", "s"}, {"DEL", "nothing"}, {"APPEND", "s", "x"}, {"INCR", "s"}, {"LPOP", "l"},
		{"RPUSH", "l", "c"}, {"LMOVE", "l", "l", "LEFT", "RIGHT"}, {"HSET", "h", "f", "2"}, {"HDEL", "h", "none"}, {"SADD", "set", "2"},
		{"SMOVE", "set", "set2", "9"}, {"ZADD", "z", "2", "b"}, {"ZREM", "z", "none"}, {"XADD", "x", "2-1", "f", "v"}, {"XLEN", "x"},
		{"XGROUP", "CREATE", "x", "g2", "0"}, {"XGROUP", "DESTROY", "x", "none"}, {"EXPIRE", "s", "1000"}, {"PERSIST", "s"},
		{"RENAME", "s", "s"}, {"COPY", "s", "s2"}, {"GETSET", "s", "3"}, {"GETEX", "s"}, {"SETRANGE", "s", "0", "x"}, {"PFADD", "hll", "b"},
		{"BITFIELD", "s", "GET", "u8", "0"}, {"SETBIT", "s", "0", "1"}, {"PUBLISH", "ch", "m"}, {"PING"}, {"ECHO", "x"}, {"SORT", "l", "ALPHA"},
		{"SORT", "l", "ALPHA", "STORE", "l2"}, {"MULTI"}, {"DISCARD"}, {"EXEC"}, {"OBJECT", "ENCODING", "s"}, {"SELECT", "0"},
		{"SET", "s"}, {"nonsense"}, {"UNLINK", "none"}, {"MSETNX", "s", "1"}, {"GEOADD", "g", "1", "1", "a"}, {"WATCH", "s"}, {"UNWATCH"}}
	limit := func(bytes string) { both("CONFIG", "SET", "maxmemory", bytes) }
	for _, policy := range []string{"noeviction", "volatile-lru"} { // under the second there is nothing that may go
		both("CONFIG", "SET", "maxmemory-policy", policy)
		limit("1")
		for _, words := range refused {
			both(words...)
		}
		limit("0")
		// a transaction begun before
		for _, queue := range [][][]string{{{"GET", "s"}, {"LLEN", "l"}}, {{"SET", "s", "4"}, {"GET", "s"}}} {
			both("MULTI")
			for _, words := range queue {
				both(words...)
			}
			limitOf := func(bytes string) { // by another connection
				d.dumps[0].Must("CONFIG", "SET", "maxmemory", bytes)
				d.dumps[1].Must("CONFIG", "SET", "maxmemory", bytes)
			}
			limitOf("1")
			both("EXEC")
			both("MULTI")
			if !after72(against) { // which queues what would not be refused by itself (12961, for 7.4)
				both("GET", "s")
			}
			both("SET", "s", "5")
			both("EXEC")
			if !after72(against) {
				both("MULTI")
				both("GET", "s")
				both("DISCARD")
			}
			limitOf("0")
		}
	}
}

// TestOOMText is what the tests above compare, for a machine without redis-server.
func TestOOMText(t *testing.T) {
	servertest.RunWith(t, []string{"--maxmemory", "1"},
		servertest.Do("SET", "k", "v").Err(oomText), servertest.Do("GET", "k").Null(), servertest.Do("DEL", "k").Int(0),
		servertest.Do("MULTI").OK(), servertest.Do("GET", "k").Err(oomText), servertest.Do("EXEC").Err("EXECABORT Transaction discarded because of previous errors."))
}

// TestWhatLiesOnTheHeapCounts: consumer groups, consumers and what clients call their library are Go objects, and yet bounded.
func TestWhatLiesOnTheHeapCounts(t *testing.T) {
	name := strings.Repeat("n", 1000)
	for what, words := range map[string]func(name string) []string{
		"groups":    func(name string) []string { return []string{"XGROUP", "CREATE", "s", name, "$"} },
		"consumers": func(name string) []string { return []string{"XGROUP", "CREATECONSUMER", "s", "g", name} },
	} {
		l := limited(t, "noeviction", 100<<10)
		l.Do("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
		n := 0
		for ; n < 200 && l.Do(words(name+strconv.Itoa(n))...).Kind != '-'; n++ {
		}
		if n < 50 || n > 100 {
			t.Errorf("%d %s of 1000 bytes go into 100 KiB", n, what)
		}
	}
	l := limited(t, "noeviction", 100<<10)
	l.Do("CLIENT", "SETINFO", "LIB-NAME", strings.Repeat("n", 200<<10))
	if got := l.Do("SET", "k", "v"); !strings.HasPrefix(got.Str, "OOM") {
		t.Errorf("SET replies %v after a name of 200 KiB", got)
	}
}

// TestEvictionLRUTellsPartsOfASecond: a cache that has other keys every few seconds needs more than the second of a use.
func TestEvictionLRUTellsPartsOfASecond(t *testing.T) {
	const n = 400
	for _, policy := range []string{"allkeys-lru", "volatile-lru"} {
		l := limited(t, policy, 10<<20)
		l.Advance(time.Duration(1000-l.NowMs()%1000) * time.Millisecond) // a second begins
		fillKeys(l, "old", n, "EX", "1000")
		l.Advance(300 * time.Millisecond)
		fillKeys(l, "new", n, "EX", "1000")
		l.Advance(300 * time.Millisecond)
		for i := 0; i < n; i += 2 {
			l.Do("GET", "old"+strconv.Itoa(i))
		}
		before := l.Engine.Stats.Evicted
		l.Do("CONFIG", "SET", "maxmemory", strconv.FormatInt(l.Engine.UsedMemory()-100*270, 10))
		for range 1000 {
			l.Engine.EndOfRound()
		}
		gone := l.Engine.Stats.Evicted - before
		if used := n/2 - evenLeft(l, n); gone < 50 || gone > n/2-40 || used > 2 {
			t.Errorf("%s: %d keys evicted, %d of them just used", policy, gone, used)
		}
		if lost := n - left(l, "new", n); lost > int(gone)/4 {
			t.Errorf("%s: of %d keys evicted %d were not the oldest", policy, gone, lost)
		}
	}
}

// evenLeft counts the even ones of the keys old0 to old(n-1) that are there.
func evenLeft(l *servertest.Local, n int) (have int) {
	for i := 0; i < n; i += 2 {
		if e, ok := l.Engine.Keyspace.DB(0).Find([]byte("old" + strconv.Itoa(i))); ok && e.Found() {
			have++
		}
	}
	return have
}
