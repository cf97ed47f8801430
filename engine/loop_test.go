package engine

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// scriptLoader applies records, and rests where one is nil until the test says that more has arrived.
type scriptLoader struct {
	s       *Server
	records [][]string
	at      int
	arrived bool
	steps   int
	waits   bool
}

func (l *scriptLoader) Step(budget int) (bool, error) {
	l.steps++
	l.waits = false
	for ; budget > 0; budget-- {
		if l.at == len(l.records) {
			return true, nil
		}
		rec := l.records[l.at]
		if rec == nil {
			if !l.arrived {
				l.waits = true
				return false, nil
			}
			l.arrived = false
		} else {
			var args Args
			for _, word := range rec {
				args = append(args, []byte(word))
			}
			if err := l.s.Apply(1, args); err != nil {
				return false, err
			}
		}
		l.at++
	}
	return false, nil
}

func (l *scriptLoader) Waiting() bool { return l.waits }

func (l *scriptLoader) Progress() (done, total int64) { return int64(l.at), int64(len(l.records)) }

func TestLoading(t *testing.T) {
	w := newWorld(t, native)
	l := &scriptLoader{s: w.s, records: [][]string{
		{"set", "a", "1"}, {"setpx", "gone", "-1000", "x"}, nil, {"set", "b", "2"}, {"setpx", "soon", "50", "x"}}}
	var loaded []error
	w.s.Hooks.Loaded = func(err error) { loaded = append(loaded, err) }
	w.s.Load(l)
	c := w.open()
	w.settle()
	steps := l.steps
	if loading, done, total := w.s.LoadProgress(); !loading || done != 2 || total != 5 {
		t.Errorf("%v %d of %d", loading, done, total)
	}
	if next := w.s.Tick(w.r.now); next < 50*time.Millisecond {
		t.Errorf("a tick in %v while loading", next)
	}
	w.round()
	if !w.settled || l.steps != steps+1 {
		t.Error("the loop is busy while the disk is")
	}
	w.send(c, frm("get", "a"), frm("set", "a", "3"), frm("state"), frm("quit", "x"))
	refused := "-LOADING Redis is loading the dataset in memory\r\n"
	c.want(refused + refused + ok + "-ERR wrong number of arguments for 'quit' command\r\n")
	if w.s.Keyspace.DB(1).Len() != 2 {
		t.Error("keys expire while loading")
	}
	l.arrived = true
	w.s.Woken()
	w.settle()
	if len(loaded) != 1 || loaded[0] != nil || w.s.Dirty != 0 || w.s.Stats.Commands != 1 {
		t.Errorf("loaded %v, dirty %d, %d commands", loaded, w.s.Dirty, w.s.Stats.Commands)
	}
	if w.s.Table.Lookup([]byte("set")).Stats.Calls != 0 {
		t.Error("the journal's commands count as calls")
	}
	c.client().DB = w.s.Keyspace.DB(1)
	w.send(c, frm("size"), frm("get", "b"), frm("get", "a"))
	c.want(":3\r\n" + bulk("2") + bulk("1"))
	w.later(time.Second)
	w.settle()
	w.send(c, frm("size"))
	c.want(":2\r\n")
}

func TestLoadingFails(t *testing.T) {
	for want, rec := range map[string][]string{
		"unknown command 'nope'":           {"nope", "x"},
		"set failed: ERR wrong number of":  {"set", "a"},
		"a record without words":           {},
		"box failed: ERR unknown subcomma": {"box", "x"},
	} {
		w := newWorld(t, native)
		var got error
		w.s.Hooks.Loaded = func(err error) { got = err }
		w.s.Load(&scriptLoader{s: w.s, records: [][]string{{"set", "a", "1"}, rec, {"set", "b", "1"}}})
		w.settle()
		if got == nil || !strings.HasPrefix(got.Error(), want) || w.s.Keyspace.DB(1).Len() != 1 {
			t.Errorf("%v, want %s", got, want)
		}
	}
	w := newWorld(t, native)
	if err := w.s.Apply(16, Args{[]byte("ping")}); err == nil || w.s.Apply(-1, Args{[]byte("ping")}) == nil {
		t.Error("a database that does not exist")
	}
}

// TestGather: a batch that waits for more keeps the loop from sleeping, and is handed over once nothing comes.
func TestGather(t *testing.T) {
	w := newWorld(t, native)
	j := w.journal(true)
	j.gathers = true
	c, d := w.open(), w.open()
	w.round()
	for _, from := range []*fakeConn{c, d} {
		w.read(from, frm("set", "a", "1"))
		if w.round(); w.settled || j.handed != 0 || j.appended == 0 {
			t.Fatalf("settled %v, %d of %d handed over", w.settled, j.handed, j.appended)
		}
	}
	if w.round(); !w.settled || j.handed != j.appended {
		t.Fatalf("settled %v, %d of %d handed over", w.settled, j.handed, j.appended)
	}
	w.progress(j.appended)
	c.want(ok)
	d.want(ok)
}

// TestActiveExpiry: keys go when they are due, their deletion is journalled, and cron is not run more often for it.
func TestActiveExpiry(t *testing.T) {
	w := newWorld(t, native)
	j := w.journal(false)
	crons := 0
	w.s.Hooks.Cron = func() { crons++ }
	c := w.open()
	w.s.Tick(w.r.now)
	w.send(c, frm("setpx", "a", "30", "x"), frm("setpx", "b", "20", "x"), frm("set", "c", "x"))
	next := w.s.Tick(w.r.now)
	if next <= 20*time.Millisecond || next > 25*time.Millisecond {
		t.Fatalf("the next tick is in %v", next)
	}
	for end := w.r.now.Add(time.Second); w.r.now.Before(end); {
		w.later(next)
		next = w.s.Tick(w.r.now)
		w.settle()
	}
	if n := len(j.records); n != 5 || j.records[3] != "0:DEL b" || j.records[4] != "0:DEL a" {
		t.Errorf("%q", j.records)
	}
	if crons < 10 || crons > 12 {
		t.Errorf("cron ran %d times in a second", crons)
	}
}

// TestRoundsClock: every event of a round sees the same time, and the first of the next a new one.
func TestRoundsClock(t *testing.T) {
	w := newWorld(t, native)
	c := w.open()
	w.settle()
	begin := w.s.NowMs
	w.later(5 * time.Millisecond)
	w.read(c, frm("ping"))
	w.later(5 * time.Millisecond)
	w.read(c, frm("ping"))
	if w.s.NowMs != begin+5 || c.client().LastMs != begin+5 {
		t.Errorf("%d ms after the start", w.s.NowMs-begin)
	}
	w.settle()
	for i, event := range []func(){
		func() { w.s.Woken() }, func() { w.s.Writable(c) }, func() { w.s.Opened(&fakeConn{w: w}) }, func() { w.round() },
	} {
		w.later(time.Millisecond)
		event()
		if w.s.NowMs != w.r.now.UnixMilli() || w.s.Keyspace.NowMs != w.s.NowMs {
			t.Errorf("event %d sees an old clock", i)
		}
		w.round()
	}
}

func TestIdleTimeout(t *testing.T) {
	w := newWorld(t, native, "--timeout", "5")
	j := w.journal(false)
	idle, half, active, held, reading := w.open(), w.open(), w.open(), w.open(), w.open()
	blocked, subscribed := w.open(), w.open()
	w.send(blocked, frm("await", "key"))
	subscribed.client().Subscribe(Channels, []byte("news"))
	w.send(half, frm("set", "k", "v")[:9])
	w.send(held, frm("set", "k", "v"))
	reading.room = 0
	w.send(reading, frm("repeat", "100000"))
	for range 80 {
		w.later(100 * time.Millisecond)
		w.s.Tick(w.r.now)
		w.round()
		w.send(active, frm("ping"))
		w.drain(reading, 10)
	}
	if !idle.closed || !half.closed || active.closed || held.closed || reading.closed || w.s.NumClients() != 5 {
		t.Errorf("closed: idle %v, half a frame %v, active %v, held %v, reading %v, blocked %v, subscribed %v", idle.closed,
			half.closed, active.closed, held.closed, reading.closed, blocked.closed, subscribed.closed)
	}
	w.progress(j.appended)
	held.want(ok)
}

// TestClientSize: an idle connection takes less than 1 KiB with what the reactor has of it.
func TestClientSize(t *testing.T) {
	if size := reflect.TypeFor[Client]().Size(); size > clientBytes {
		t.Errorf("%d bytes, counted as %d", size, clientBytes)
	}
}

func TestMaxClients(t *testing.T) {
	w := newWorld(t, native, "--maxclients", "3")
	var last *fakeConn
	for range 4 {
		last = w.open()
	}
	last.want("-ERR max number of clients reached\r\n")
	w.settle()
	if !last.closed || w.s.NumClients() != 3 || w.s.Stats.Rejected != 1 || w.s.Stats.Connections != 3 {
		t.Errorf("%d clients, %+v", w.s.NumClients(), w.s.Stats)
	}
	w.s.Kill(w.conns[1].client())
	w.settle()
	c := w.open()
	w.send(c, frm("ping"))
	c.want(pong)
}

// TestClientsWhileKilling: a visit may kill any client, the next and those after it, too.
func TestClientsWhileKilling(t *testing.T) {
	w := newWorld(t, native)
	for range 6 {
		w.open()
	}
	var seen []int64
	w.s.Clients(func(c *Client) bool {
		seen = append(seen, c.ID)
		if c.ID == 2 {
			for _, i := range []int{2, 3, 4} {
				w.s.Kill(w.conns[i].client())
			}
		}
		return true
	})
	if len(seen) != 3 || seen[2] != 6 {
		t.Errorf("visited %v", seen)
	}
}

func TestRates(t *testing.T) {
	var st Stats
	now := int64(1_000_000)
	st.sampleRates(now)
	for i := range 160 {
		now += 10 // ticks of expiry come often
		st.Commands += 100
		st.sampleRates(now)
		if i == 80 {
			now -= 1_000_000 // the clock is set back
		}
	}
	if st.OpsPerSec < 9000 || st.OpsPerSec > 11000 {
		t.Errorf("%v commands a second, want about 10000", st.OpsPerSec)
	}
	st.Reset()
	if st.sampleRates(now + 100); st.OpsPerSec < 0 {
		t.Errorf("%v commands a second after a reset", st.OpsPerSec)
	}
}

// TestLostConnection: an error of the connection ends the client once.
func TestLostConnection(t *testing.T) {
	w := newWorld(t, native)
	c := w.open()
	w.s.Closed(c, errors.New("connection reset by peer"))
	w.s.Closed(c, nil)
	if w.s.NumClients() != 0 {
		t.Errorf("%d clients", w.s.NumClients())
	}
}

// TestLongestRound: a round counts from the reactor's clock to its end, and is forgotten with the other counters.
func TestLongestRound(t *testing.T) {
	w := newWorld(t, native)
	w.r.now = time.Now()
	w.settle()
	if got := w.s.Stats.RoundNsMax; got <= 0 || got >= int64(time.Hour) {
		t.Errorf("a round of nothing took %d ns", got)
	}
	w.r.now = time.Now().Add(-time.Hour)
	w.round()
	w.r.now = time.Now()
	w.round()
	if got := time.Duration(w.s.Stats.RoundNsMax); got < time.Hour || got > 2*time.Hour {
		t.Errorf("the longest round took %v", got)
	}
	if w.s.Stats.RoundsNs < int64(time.Hour) {
		t.Errorf("all rounds took %d ns", w.s.Stats.RoundsNs)
	}
	w.s.Stats.Reset()
	w.round()
	if got := w.s.Stats.RoundNsMax; got >= int64(time.Hour) {
		t.Errorf("%d ns after the counters were set back", got)
	}
}
