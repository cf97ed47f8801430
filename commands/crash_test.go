package commands_test

// Kills the server in the middle of its work, again and again on the same journal, and looks for what was promised and
// is gone. Each writer has keys of its own and knows what they must hold: after the start they show its acknowledged
// commands and then any number, from the first on, of those that were on their way.
//
// Under appendfsync always readers remember what they have been shown: a start may not take it back.
//
// All types are written, streams (crash_stream_test.go) and keys whose deadlines pass (crash_expiry_test.go) among them, with
// base files in either format, with checksums and now and then without.
//
//	TEST_SEED=n       repeats a run as far as the machine's timing lets it
//	REDIX_CRASHES=n    kills in each policy (make crashtest sets 334)

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redix/commands"
	"redix/commands/servertest"
	"redix/engine/seeds"
)

const (
	crashes       = 10
	crashWriters  = 6
	crashReaders  = 3
	crashPipeline = 24
)

func TestCrash(t *testing.T) {
	count := seeds.Count(t, "REDIX_CRASHES", crashes)
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
	gone    int64 // keys that were over when the server was back
	rewrite bool  // the table has BGREWRITEAOF
}

func newCrash(t *testing.T, policy string) *crash {
	seed := newSource(t, "c").Uint64()
	c := &crash{t: t, policy: policy, dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 0)),
		rewrite: commands.NewTable().Lookup([]byte("bgrewriteaof")) != nil}
	for i := range crashWriters {
		c.writers = append(c.writers, &crashWriter{c: c, id: i, rand: rand.New(rand.NewPCG(seed, uint64(i+1))), acked: newCrashData()})
	}
	return c
}

func (c *crash) run(count int) {
	for i := range count {
		reactor := servertest.Reactors[i%len(servertest.Reactors)]
		p := servertest.StartProcess(c.t, "--appendonly", "yes", "--appendfsync", c.policy, "--dir", c.dir, "--io-reactor", reactor,
			"--aof-use-rdb-preamble", yesOrNo(c.rand.IntN(2) > 0), "--aof-checksum", yesOrNo(c.rand.IntN(5) > 0))
		c.check(p)
		c.load(p)
		if c.t.Failed() {
			return
		}
	}
	p := servertest.StartProcess(c.t, "--appendonly", "yes", "--appendfsync", c.policy, "--dir", c.dir)
	c.check(p)
	conn := p.Dial()
	for _, w := range c.writers { // nothing may expire between the dumps
		for key := range w.acked.lasting {
			conn.Must("PERSIST", key)
		}
	}
	dump := servertest.Dump(conn)
	if code := p.Terminate(); code != 0 {
		c.t.Errorf("SIGTERM: exit code %d", code)
	}
	c.t.Logf("%d kills, %d acknowledged commands, %d keys were over when the server was back", count, c.acked.Load(), c.gone)
	redis := servertest.StartRedis(c.t, "--appendonly", "yes", "--dir", c.dir)
	if servertest.Dump(redis.Dial()) != dump {
		c.t.Error("redis-server reads other data from the journal")
	}
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
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
			n, _ := strconv.ParseInt(have.kept[w.key("n")], 10, 64)
			if seen := c.seen[w.id].Load(); n < seen {
				c.t.Errorf("writer %d: a reader was shown %d before the crash, now it is %d", w.id, seen, n)
			}
		}
		w.settle(have)
	}
}

// keptData is what a writer's keys must hold: key or key/field, and value.
type keptData map[string]string

// crashData is all that a writer's keys must hold.
type crashData struct {
	kept    keptData
	streams map[string]*crashStream
	lasting map[string]lasting
}

func newCrashData() *crashData {
	return &crashData{keptData{}, map[string]*crashStream{}, map[string]lasting{}}
}

func (d *crashData) clone() *crashData {
	c := &crashData{maps.Clone(d.kept), map[string]*crashStream{}, maps.Clone(d.lasting)}
	for key, s := range d.streams {
		c.streams[key] = s.clone()
	}
	return c
}

// fetched is what the server has, read between two moments.
type fetched struct {
	kept         keptData
	streams      map[string]string
	lasting      map[string]found
	fromMs, toMs int64
}

// differs tells what the server has that it should not have, or the other way round; "" if all is as it must be.
func (d *crashData) differs(have *fetched) string {
	if !maps.Equal(d.kept, have.kept) {
		return difference(d.kept, have.kept)
	}
	for key, s := range d.streams {
		if got := have.streams[key]; got != s.String() {
			return fmt.Sprintf("%s is\n%sacknowledged was\n%s", key, got, s)
		}
	}
	for key, got := range have.streams {
		if d.streams[key] == nil {
			return fmt.Sprintf("%s should not be there:\n%s", key, got)
		}
	}
	return d.lastingDiffers(have.lasting, have.fromMs, have.toMs)
}

// change is a command and what it does to the data.
type change struct {
	words   []string
	apply   func(d *crashData, o outcome)
	mayFail string // how the errors begin that apply expects, with | between them
	sentMs  int64
}

// plain is a change whose outcome is known beforehand.
func plain(fn func(m keptData), words ...string) change {
	return change{words: words, apply: func(d *crashData, _ outcome) { fn(d.kept) }}
}

// nothing is a change that has no effect by itself.
func nothing(words ...string) change { return plain(func(keptData) {}, words...) }

// mayFailWith tells whether an error is one of those that are expected.
func (ch *change) mayFailWith(text string) bool {
	for prefix := range strings.SplitSeq(ch.mayFail, "|") {
		if prefix != "" && strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

type crashWriter struct {
	c      *crash
	id     int
	rand   *rand.Rand
	acked  *crashData
	flying []change // sent, not acknowledged
	n      int
	lostMs int64 // when the connection broke
}

func (w *crashWriter) key(name string) string { return fmt.Sprintf("w%d:%s", w.id, name) }

// work sends pipelines until the connection breaks.
func (w *crashWriter) work(addr string, acked func()) {
	conn, err := servertest.TryDial(w.c.t, addr)
	if err != nil {
		return
	}
	defer func() { w.lostMs = time.Now().UnixMilli() }()
	for {
		for range 1 + w.rand.IntN(crashPipeline) {
			for _, ch := range w.drawSome() {
				conn.Send(ch.words...)
				ch.sentMs = time.Now().UnixMilli()
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
			ch := &w.flying[0]
			if v.Kind == '-' && !ch.mayFailWith(v.Str) {
				w.c.t.Errorf("%s: %s", servertest.Words(ch.words), v)
				return
			}
			ch.apply(w.acked, outcome{known: true, reply: v, sentMs: ch.sentMs, doneMs: time.Now().UnixMilli(),
				complain: func(format string, args ...any) {
					w.c.t.Errorf("%s: %s: %s", servertest.Words(ch.words), v, fmt.Sprintf(format, args...))
				}})
			w.flying = w.flying[1:]
			w.c.acked.Add(1)
		}
		acked()
	}
}

// drawSome makes the next change, or a transaction, which takes effect with its EXEC or not at all.
func (w *crashWriter) drawSome() []change {
	switch k := w.rand.IntN(36); {
	case k < 16:
		return []change{w.draw()}
	case k < 26:
		return []change{w.drawStream()}
	case k < 33:
		return w.drawLasting()
	}
	w.n++
	n, text := w.n, strconv.Itoa(w.n)
	a, b, list, x := w.key("ta"), w.key("tb"), w.key("list"), w.key("x")
	add := addTo(x, n, "t "+text, 1<<30, "XADD", x, text+"-0", "t", text)
	return []change{nothing("MULTI"), nothing("SET", a, text), nothing("HSET", b, "f", text), nothing("RPUSH", list, text), nothing(add.words...),
		{words: []string{"EXEC"}, apply: func(d *crashData, o outcome) {
			d.kept[a], d.kept[b+"/f"] = text, text
			d.kept[list] += text + ","
			add.apply(d, o)
		}}}
}

// draw makes the next change.
func (w *crashWriter) draw() change {
	w.n++
	text := strconv.Itoa(w.n)
	s, h, f := w.key("s"+strconv.Itoa(w.rand.IntN(4))), w.key("h"), "f"+strconv.Itoa(w.rand.IntN(12))
	put := func(key, value string, words ...string) change {
		return plain(func(m keptData) { m[key] = value }, words...)
	}
	drop := func(key string, words ...string) change {
		return plain(func(m keptData) { delete(m, key) }, words...)
	}
	switch w.rand.IntN(16) {
	case 13:
		l := w.key("list")
		return plain(func(m keptData) { m[l] += text + "," }, "RPUSH", l, text)
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
		return plain(func(m keptData) { m[a] += text + "," }, "APPEND", a, text+",")
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
	return plain(func(m keptData) {
		n, _ := strconv.ParseFloat(m[key], 64)
		m[key] = strconv.FormatFloat(n+by, 'f', -1, 64)
	}, words...)
}

// fetch reads the writer's keys.
func (w *crashWriter) fetch(conn *servertest.Conn) *fetched {
	w.c.t.Helper()
	m := keptData{}
	have := &fetched{kept: m, streams: map[string]string{}, fromMs: time.Now().UnixMilli()}
	have.lasting = w.fetchLasting(conn)
	have.toMs = time.Now().UnixMilli()
	for _, key := range conn.Must("KEYS", w.key("*")).Strings() {
		if strings.HasPrefix(key, w.key("e")) {
			continue
		}
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
		case "stream":
			have.streams[key] = fetchStream(conn, key)
			continue
		case "list":
			m[key] = strings.Join(conn.Must("LRANGE", key, "0", "-1").Strings(), ",") + ","
			continue
		}
		m[key] = conn.Must("GET", key).Str
	}
	return have
}

// settle finds how many of the flying changes have taken effect, and goes on from there.
func (w *crashWriter) settle(have *fetched) {
	w.c.t.Helper()
	tried := w.acked.clone()
	first := tried.differs(have)
	for i, wrong := 0, first; wrong != ""; i++ {
		if i == len(w.flying) {
			w.c.t.Errorf("writer %d: the data is not that after its acknowledged commands and some of the %d on their way:\n%s\n"+
				"after all of these: %s", w.id, len(w.flying), first, wrong)
			return
		}
		ch := &w.flying[i]
		ch.apply(tried, outcome{sentMs: ch.sentMs, doneMs: w.lostMs})
		wrong = tried.differs(have)
	}
	w.c.gone += tried.pin(have.lasting)
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
