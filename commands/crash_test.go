package commands_test

// Kills the server in the middle of its work, again and again on the same journal, and looks for what was promised and
// is gone. Each writer has keys of its own and knows what they must hold: after the start they show its acknowledged
// commands and then any number, from the first on, of those that were on their way.
//
// Under appendfsync always readers remember what they have been shown: a start may not take it back.
//
//	REDIX_SEED=n       repeats a run as far as the machine's timing lets it
//	REDIX_CRASHES=n    kills in each policy (make crashtest sets 334)

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redix/commands"
	"redix/commands/servertest"
)

const (
	crashes       = 10
	crashWriters  = 6
	crashReaders  = 3
	crashPipeline = 24
)

func TestCrash(t *testing.T) {
	count := crashes
	if s := os.Getenv("REDIX_CRASHES"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) { newCrash(t, policy).run(count) })
	}
}

// crash is the state of the test that outlives the servers.
type crash struct {
	t       *testing.T
	policy  string
	dir     string
	rand    *rand.Rand
	writers []*crashWriter
	seen    [crashWriters]atomic.Int64 // largest count that a reader was shown
	acked   atomic.Int64
	rewrite bool // the table has BGREWRITEAOF
}

func newCrash(t *testing.T, policy string) *crash {
	seed := newSource(t, "c").Uint64()
	c := &crash{t: t, policy: policy, dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 0)),
		rewrite: commands.NewTable().Lookup([]byte("bgrewriteaof")) != nil}
	for i := range crashWriters {
		c.writers = append(c.writers, &crashWriter{c: c, id: i, rand: rand.New(rand.NewPCG(seed, uint64(i+1))), acked: keptData{}})
	}
	return c
}

func (c *crash) run(count int) {
	for i := range count {
		reactor := servertest.Reactors[i%len(servertest.Reactors)]
		p := servertest.StartProcess(c.t, "--appendonly", "yes", "--appendfsync", c.policy, "--dir", c.dir, "--io-reactor", reactor)
		c.check(p)
		c.load(p)
		if c.t.Failed() {
			return
		}
	}
	p := servertest.StartProcess(c.t, "--appendonly", "yes", "--appendfsync", c.policy, "--dir", c.dir)
	c.check(p)
	dump := servertest.Dump(p.Dial())
	if code := p.Terminate(); code != 0 {
		c.t.Errorf("SIGTERM: exit code %d", code)
	}
	c.t.Logf("%d acknowledged commands", c.acked.Load())
	redis := servertest.StartRedis(c.t, "--appendonly", "yes", "--dir", c.dir)
	if servertest.Dump(redis.Dial()) != dump {
		c.t.Error("redis-server reads other data from the journal")
	}
}

// load lets writers and readers work until the server has acknowledged a random number of commands, and kills it.
func (c *crash) load(p *servertest.Process) {
	c.loadUntil(p, p.Kill)
}

// loadUntil is load with another end of the server.
func (c *crash) loadUntil(p *servertest.Process, end func()) {
	target := c.acked.Load() + 200 + c.rand.Int64N(6000)
	kill := make(chan struct{})
	var once sync.Once
	reached := func() {
		if c.acked.Load() >= target {
			once.Do(func() { close(kill) })
		}
	}
	var work sync.WaitGroup
	for _, w := range c.writers {
		work.Go(func() {
			w.work(p.Addr, reached)
			once.Do(func() { close(kill) }) // the server is gone already
		})
	}
	for range crashReaders {
		work.Go(func() { c.read(p.Addr) })
	}
	if c.rewrite && c.rand.IntN(2) == 0 {
		work.Go(func() { c.rewriteAgainAndAgain(p.Addr) })
	}
	<-kill
	end()
	work.Wait()
}

// read remembers the counts that it is shown.
func (c *crash) read(addr string) {
	conn, err := servertest.TryDial(c.t, addr)
	if err != nil {
		return
	}
	for i := 0; ; i = (i + 1) % crashWriters {
		v, err := conn.TryDo("GET", fmt.Sprintf("w%d:n", i))
		if err != nil {
			return
		}
		n, _ := strconv.ParseInt(v.Str, 10, 64)
		for old := c.seen[i].Load(); n > old && !c.seen[i].CompareAndSwap(old, n); old = c.seen[i].Load() {
		}
	}
}

// rewriteAgainAndAgain has the server die at any moment of a rewrite or a snapshot.
func (c *crash) rewriteAgainAndAgain(addr string) {
	conn, err := servertest.TryDial(c.t, addr)
	for ; err == nil; time.Sleep(5 * time.Millisecond) {
		if _, err = conn.TryDo("BGREWRITEAOF"); err == nil { // one may be running
			_, err = conn.TryDo("BGSAVE", "SCHEDULE")
		}
	}
}

// check compares what a freshly started server holds with what every writer and reader knows.
func (c *crash) check(p *servertest.Process) {
	c.t.Helper()
	conn := p.Dial()
	for _, w := range c.writers {
		have := w.fetch(conn)
		if c.policy == "always" {
			n, _ := strconv.ParseInt(have[w.key("n")], 10, 64)
			if seen := c.seen[w.id].Load(); n < seen {
				c.t.Errorf("writer %d: a reader was shown %d before the crash, now it is %d", w.id, seen, n)
			}
		}
		w.settle(have)
	}
}

// keptData is what a writer's keys must hold: key or key/field, and value.
type keptData map[string]string

// change is a command and what it does to the data.
type change struct {
	words []string
	apply func(m keptData)
}

type crashWriter struct {
	c      *crash
	id     int
	rand   *rand.Rand
	acked  keptData
	flying []change // sent, not acknowledged
	n      int
}

func (w *crashWriter) key(name string) string { return fmt.Sprintf("w%d:%s", w.id, name) }

// work sends pipelines until the connection breaks.
func (w *crashWriter) work(addr string, acked func()) {
	conn, err := servertest.TryDial(w.c.t, addr)
	if err != nil {
		return
	}
	for {
		for range 1 + w.rand.IntN(crashPipeline) {
			for _, ch := range w.drawSome() {
				conn.Send(ch.words...)
				w.flying = append(w.flying, ch)
			}
		}
		if conn.TryFlush() != nil {
			return
		}
		for len(w.flying) > 0 {
			v, err := conn.TryReceive()
			if err != nil {
				return
			}
			if v.Kind == '-' {
				w.c.t.Errorf("%s: %s", servertest.Words(w.flying[0].words), v)
				return
			}
			w.flying[0].apply(w.acked)
			w.flying = w.flying[1:]
			w.c.acked.Add(1)
		}
		acked()
	}
}

// drawSome makes the next change, or a transaction, which takes effect with its EXEC or not at all.
func (w *crashWriter) drawSome() []change {
	if w.rand.IntN(12) > 0 {
		return []change{w.draw()}
	}
	w.n++
	text := strconv.Itoa(w.n)
	none := func(keptData) {}
	a, b := w.key("ta"), w.key("tb")
	return []change{{[]string{"MULTI"}, none}, {[]string{"SET", a, text}, none}, {[]string{"HSET", b, "f", text}, none},
		{[]string{"RPUSH", w.key("list"), text}, none},
		{[]string{"EXEC"}, func(m keptData) {
			m[a], m[b+"/f"] = text, text
			m[w.key("list")] += text + ","
		}}}
}

// draw makes the next change.
func (w *crashWriter) draw() change {
	w.n++
	text := strconv.Itoa(w.n)
	s, h, f := w.key("s"+strconv.Itoa(w.rand.IntN(4))), w.key("h"), "f"+strconv.Itoa(w.rand.IntN(12))
	put := func(key, value string, words ...string) change {
		return change{words, func(m keptData) { m[key] = value }}
	}
	drop := func(key string, words ...string) change {
		return change{words, func(m keptData) { delete(m, key) }}
	}
	switch w.rand.IntN(16) {
	case 13:
		l := w.key("list")
		return change{[]string{"RPUSH", l, text}, func(m keptData) { m[l] += text + "," }}
	case 14:
		z := w.key("zset")
		return put(z+"/"+f, text, "ZADD", z, text, f)
	case 15:
		set := w.key("set")
		return put(set+"/"+text, "member", "SADD", set, text)
	case 0, 1, 2:
		return w.count(w.key("n"), 1, "INCR", w.key("n"))
	case 3:
		return put(s, text, "SET", s, text)
	case 4:
		long := strings.Repeat(text+",", 1+w.rand.IntN(3000))
		return put(s, long, "SET", s, long, "PX", "100000000")
	case 5:
		a := w.key("a")
		return change{[]string{"APPEND", a, text + ","}, func(m keptData) { m[a] += text + "," }}
	case 6:
		return drop(s, "DEL", s)
	case 7:
		return drop(s, "GETDEL", s)
	case 8:
		return put(h+"/"+f, text, "HSET", h, f, text)
	case 9:
		return drop(h+"/"+f, "HDEL", h, f)
	case 10:
		return w.count(h+"/count", 3, "HINCRBY", h, "count", "3")
	case 11:
		return w.count(w.key("f"), 0.5, "INCRBYFLOAT", w.key("f"), "0.5")
	}
	big := w.key("big")
	if w.rand.IntN(20) > 0 {
		return drop(big, "UNLINK", big)
	}
	long := strings.Repeat(text, 400_000/len(text))
	return put(big, long, "SET", big, long)
}

func (w *crashWriter) count(key string, by float64, words ...string) change {
	return change{words, func(m keptData) {
		n, _ := strconv.ParseFloat(m[key], 64)
		m[key] = strconv.FormatFloat(n+by, 'f', -1, 64)
	}}
}

// fetch reads the writer's keys.
func (w *crashWriter) fetch(conn *servertest.Conn) keptData {
	w.c.t.Helper()
	m := keptData{}
	for _, key := range conn.Must("KEYS", w.key("*")).Strings() {
		switch conn.Must("TYPE", key).Str {
		case "hash":
			for field, value := range conn.Must("HGETALL", key).Pairs() {
				m[key+"/"+field] = value
			}
			continue
		case "zset":
			for member, score := range conn.Must("ZRANGE", key, "0", "-1", "WITHSCORES").Pairs() {
				m[key+"/"+member] = score
			}
			continue
		case "set":
			for _, member := range conn.Must("SMEMBERS", key).Strings() {
				m[key+"/"+member] = "member"
			}
			continue
		case "list":
			m[key] = strings.Join(conn.Must("LRANGE", key, "0", "-1").Strings(), ",") + ","
			continue
		}
		m[key] = conn.Must("GET", key).Str
	}
	return m
}

// settle finds how many of the flying changes have taken effect, and goes on from there.
func (w *crashWriter) settle(have keptData) {
	w.c.t.Helper()
	tried := maps.Clone(w.acked)
	for i := 0; !maps.Equal(tried, have); i++ {
		if i == len(w.flying) {
			w.c.t.Errorf("writer %d: the data is not that after its acknowledged commands and some of the %d on their way:\n%s",
				w.id, len(w.flying), difference(w.acked, have))
			return
		}
		w.flying[i].apply(tried)
	}
	w.acked, w.flying = tried, nil
}

func difference(want, have keptData) string {
	var b strings.Builder
	for key := range maps.Keys(want) {
		if have[key] != want[key] {
			fmt.Fprintf(&b, "%s is %.60q, acknowledged was %.60q\n", key, have[key], want[key])
		}
	}
	for key := range maps.Keys(have) {
		if _, ok := want[key]; !ok {
			fmt.Fprintf(&b, "%s is %.60q, acknowledged was none\n", key, have[key])
		}
	}
	return b.String()
}
