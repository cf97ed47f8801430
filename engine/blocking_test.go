package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/engine/keyspace"
	"redix/engine/resp"
	"redix/engine/seeds"
)

// blockRows are commands on strings that stand for lists: take removes a key that is there or waits for it.
func blockRows() []Row {
	key := OneKey(1, "RW")
	return []Row{
		{Name: "take", Arity: -3, Flags: Write, Keys: key, Handler: func(c *Client, a Args) { doTake(c, a, false) }},
		{Name: "see", Arity: -3, Flags: Write, Keys: key, Handler: func(c *Client, a Args) { doTake(c, a, true) }},
		{Name: "put", Arity: 3, Flags: Write, Keys: key, Handler: func(c *Client, a Args) {
			put(c, a[1], a[2], 2, 0)
			c.Event(EventString, "set", a[1])
			c.Reply.OK()
		}},
		{Name: "pack", Arity: 2, Flags: Write, Keys: key, Handler: func(c *Client, a Args) {
			e, _ := c.LookupWrite(a[1])
			c.DB.SetPacked(&e, a[1], keyspace.EncHashPacked, []byte{0, 0, 0, 0}, 0)
			c.Event(EventHash, "hset", a[1])
			c.Reply.OK()
		}},
		{Name: "del", Arity: 2, Flags: Write, Keys: key, Handler: func(c *Client, a Args) {
			if e, ok := c.LookupWrite(a[1]); ok {
				c.DB.Delete(&e)
				c.Event(EventGeneric, "del", a[1])
			}
			c.Reply.OK()
		}},
		{Name: "unblock", Arity: 3, Handler: func(c *Client, a Args) {
			id, _ := resp.ParseInt(a[1])
			c.Server().Clients(func(x *Client) bool {
				if x.ID == id {
					c.Reply.Bool(c.Server().Unblock(x, string(a[2]) == "error"))
				}
				return true
			})
		}},
		{Name: "listen", Arity: 2, Flags: InSubscriber, Handler: func(c *Client, a Args) { c.Subscribe(Channels, a[1]); c.Reply.OK() }},
		{Name: "say", Arity: 3, Handler: func(c *Client, a Args) { c.Reply.Int(int64(c.Server().Publish(a[1], a[2]))) }},
		{Name: "three", Arity: 1, Handler: func(c *Client, _ Args) { c.Proto, c.Reply.Proto = 3, 3; c.Reply.OK() }},
		{Name: "swap", Arity: 1, Flags: Write, Handler: func(c *Client, _ Args) {
			s := c.Server()
			s.DBChanged(s.Keyspace.DB(0), s.Keyspace.DB(1))
			s.Keyspace.Swap(0, 1)
			c.Reply.OK()
		}},
		{Name: "db", Arity: 2, Handler: func(c *Client, a Args) {
			n, _ := resp.ParseInt(a[1])
			c.DB = c.Server().Keyspace.DB(int(n))
			c.Reply.OK()
		}},
	}
}

// doTake is: take ms key [key ...]. With missing set a key that is gone is an answer, too.
func doTake(c *Client, a Args, missing bool) {
	for _, k := range a[2:] {
		e, ok := c.LookupWrite(k)
		if !ok {
			continue
		}
		if e.Type() != keyspace.TypeString {
			c.Reply.Error("WRONGTYPE")
			return
		}
		var digits [20]byte
		c.Reply.Bulk(e.Bytes(digits[:]))
		c.DB.Delete(&e)
		c.Changed(1)
		c.Event(EventGeneric, "del", k)
		return
	}
	if c.Blocked() && missing {
		c.Reply.Error("GONE")
		return
	}
	deadline := int64(0)
	if ms, _ := resp.ParseInt(a[1]); ms > 0 {
		deadline = c.Server().NowMs + ms
	}
	w := Wait{DeadlineMs: deadline, Type: keyspace.TypeString, OnMissing: missing, OnTimeout: func(c *Client) { c.Reply.NullArray() }}
	if !c.Block(a[2:], w) {
		c.Reply.NullArray()
	}
}

func blockWorld(t testing.TB, style int) *world {
	w := newWorld(t, style)
	w.s.Table = NewTable(w.rows(), blockRows())
	return w
}

// waiters opens n clients that send the same command.
func (w *world) waiters(n int, words ...string) []*fakeConn {
	var conns []*fakeConn
	for range n {
		c := w.open()
		w.send(c, frm(words...))
		conns = append(conns, c)
	}
	return conns
}

// tick lets time pass and runs what is due.
func (w *world) tick(d time.Duration) {
	w.later(d)
	w.s.Tick(w.r.now)
	w.settle()
}

const nothing = "*-1\r\n"

func bothStyles(t *testing.T, f func(t *testing.T, w *world)) {
	for style, name := range []string{"native", "portable"} {
		t.Run(name, func(t *testing.T) { f(t, blockWorld(t, style)) })
	}
}

func TestBlockInOrder(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		conns := w.waiters(3, "take", "0", "k", "l")
		w.send(c, frm("put", "k", "1"), frm("put", "k", "2"))
		conns[0].want(bulk("1"))
		conns[1].want(bulk("2"))
		conns[2].want("")
		w.send(conns[0], frm("take", "0", "l")) // behind the third
		w.send(c, frm("put", "l", "3"), frm("put", "l", "4"), frm("ping"))
		conns[2].want(bulk("3"))
		conns[0].want(bulk("4"))
		c.want(ok + ok + ok + ok + pong)
		if n, keys := w.s.NumBlocked(); n != 0 || keys != 0 || w.s.listening {
			t.Errorf("%d clients wait at %d keys, listening %v", n, keys, w.s.listening)
		}
	})
}

// TestBlockAfterTransaction: who waits sees what a transaction leaves, not what happens within.
func TestBlockAfterTransaction(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		conns := w.waiters(2, "take", "0", "k")
		w.send(c, frm("multi"), frm("put", "k", "1"), frm("del", "k"), frm("exec"))
		conns[0].want("")
		w.send(c, frm("multi"), frm("put", "k", "1"), frm("put", "k", "2"), frm("take", "0", "none"), frm("exec"))
		conns[0].want(bulk("2"))
		conns[1].want("")
		if got := c.take(); !strings.HasSuffix(got, "*3\r\n"+ok+ok+nothing) {
			t.Errorf("inside a transaction: %q", got)
		}
	})
}

func TestBlockTypesAndMissing(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		take, see := w.waiters(1, "take", "0", "k")[0], w.waiters(1, "see", "0", "m")[0]
		w.send(c, frm("pack", "k"))
		take.want("")
		w.send(c, frm("del", "k"), frm("put", "k", "v"))
		take.want(bulk("v"))
		w.send(c, frm("put", "other", "v"))
		see.want("")
		rest := w.waiters(2, "take", "0", "m")[0]
		if _, n := w.s.Waits(); n != 1 {
			t.Errorf("%d keys whose end is waited for, want 1", n)
		}
		w.send(c, frm("setpx", "m", "5", "v"), frm("del", "m")) // setpx tells nobody
		see.want("-GONE\r\n")
		rest.want("")
		if _, n := w.s.Waits(); n != 0 {
			t.Errorf("%d keys whose end is waited for by those who take, want 0", n)
		}
	})
}

// TestBlockCounts: a command that waits is a call when it has replied, whatever makes it reply, and none when its client goes away.
func TestBlockCounts(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		take := w.s.Table.Lookup([]byte("take"))
		check := func(when string, calls int64) {
			t.Helper()
			timed := int64(0)
			if take.Latency != nil {
				timed = int64(take.Latency.Total)
			}
			if n := take.Stats.Calls; n != calls || timed != calls {
				t.Errorf("%s: %d calls and the times of %d, want %d", when, n, timed, calls)
			}
		}
		conns := w.waiters(4, "take", "100", "k")
		check("waiting", 0)
		before := w.s.Stats.Commands
		w.send(c, frm("put", "k", "v"))
		conns[0].want(bulk("v"))
		check("served", 1)
		w.send(c, frm("unblock", fmt.Sprint(conns[1].client().ID), "error"))
		check("ended with an error", 2)
		w.s.Closed(conns[2], nil)
		check("gone", 2)
		w.tick(time.Second)
		conns[3].want(nothing)
		check("over", 3)
		if n := w.s.Stats.Commands - before; n != 5 {
			t.Errorf("%d commands, want the two and the three that waited", n)
		}
	})
}

func TestBlockSwap(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		conns := w.waiters(2, "take", "0", "k")
		w.send(c, frm("db", "1"), frm("put", "k", "v"))
		conns[0].want("")
		w.send(c, frm("swap"))
		conns[0].want(bulk("v"))
		conns[1].want("")
	})
}

// TestBlockTimeouts: a wait ends when its last millisecond is over, not before; replies keep their place.
func TestBlockTimeouts(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		w.send(c, frm("ping"), frm("take", "50", "k"), frm("ping"))
		c.want(pong)
		for range 50 {
			w.tick(time.Millisecond)
			c.want("")
		}
		w.tick(time.Millisecond)
		c.want(nothing + pong)
		w.send(c, frm("take", "50", "k"))
		other := w.open()
		w.send(other, frm("put", "k", "v"))
		c.want(bulk("v"))
		w.tick(time.Hour)
		c.want("")
		if w.s.timers.wheel.Len() != 0 || len(w.s.timers.free) != len(w.s.timers.nodes)-1 {
			t.Errorf("%d timers remain", w.s.timers.wheel.Len())
		}
		w.send(c, frm("take", "9223372036854775807", "k"), frm("ping")) // the sum overflows: no deadline
		w.tick(time.Hour)
		c.want("")
	})
}

// TestBlockManyTimeouts: a crowd of waits that end together is worked off in slices, and all of it.
func TestBlockManyTimeouts(t *testing.T) {
	w := blockWorld(t, native)
	conns := w.waiters(2000, "take", "10", "k")
	w.tick(time.Second)
	for i, c := range conns {
		if got := c.take(); got != nothing {
			t.Fatalf("client %d: %q", i, got)
		}
	}
}

func TestBlockUnblock(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		conns := w.waiters(3, "take", "0", "k")
		id := func(i int) string { return fmt.Sprint(conns[i].client().ID) }
		w.send(c, frm("unblock", id(1), "timeout"), frm("unblock", id(1), "timeout"), frm("unblock", id(0), "error"))
		conns[0].want("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")
		conns[1].want(nothing)
		c.want(":1\r\n:0\r\n:1\r\n")
		w.send(c, frm("put", "k", "v"))
		conns[2].want(bulk("v"))
		if w.s.Stats.ErrorReplies != 1 {
			t.Errorf("%d errors counted, want 1", w.s.Stats.ErrorReplies)
		}
		if n := w.s.Table.Lookup([]byte("take")).Stats.Failed; n != 1 {
			t.Errorf("%d failed calls of the command that waited, want 1", n)
		}
	})
}

// TestBlockGone: a client that leaves while it waits is skipped, and its place is free.
func TestBlockGone(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c := w.open()
		conns := w.waiters(3, "take", "100", "k")
		w.s.Closed(conns[0], nil)
		w.send(c, frm("put", "k", "v"))
		conns[1].want(bulk("v"))
		w.send(c, frm("killall"))
		if n, keys := w.s.NumBlocked(); n != 0 || keys != 0 || w.s.timers.wheel.Len() != 0 {
			t.Errorf("%d clients wait at %d keys after all are gone", n, keys)
		}
		w.tick(time.Second)
	})
}

// TestBlockPipeline: commands behind one that waits wait with it.
func TestBlockPipeline(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c, d := w.open(), w.open()
		w.send(c, frm("echo", "a"), frm("take", "0", "k"), frm("echo", "b"), frm("take", "0", "l"), frm("echo", "c"))
		c.want(bulk("a"))
		w.send(c, frm("echo", "d"))
		w.send(d, frm("put", "k", "1"))
		c.want(bulk("1") + bulk("b"))
		w.send(d, frm("put", "l", "2"))
		c.want(bulk("2") + bulk("c") + bulk("d"))
	})
}

// TestBlockSilent: replies that were turned off stay off when they come late.
func TestBlockSilent(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c, d, other := w.open(), w.open(), w.open()
		w.send(c, frm("off"), frm("take", "0", "k"))
		w.send(d, frm("skip"), frm("take", "10", "k"), frm("ping"))
		w.send(other, frm("put", "k", "v"))
		c.want("")
		w.tick(time.Second)
		d.want(pong)
	})
}

// TestLateMessages: what a command that has waited publishes goes to whom it is for: to its own client after its reply, to
// the one whose command fed the key after that one's.
func TestLateMessages(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		w.s.notifications("Kg")
		waiter, feeder, listener := w.open(), w.open(), w.open()
		for _, c := range []*fakeConn{waiter, feeder, listener} {
			w.send(c, frm("three"), frm("listen", "__keyspace@0__:k"))
			c.take()
		}
		w.send(waiter, frm("take", "0", "k"))
		w.send(feeder, frm("put", "k", "v"), frm("ping"))
		message := ">3\r\n" + bulk("message") + bulk("__keyspace@0__:k") + bulk("del")
		waiter.want(bulk("v") + message)
		feeder.want(ok + message + pong)
		listener.want(message)
	})
}

// TestBlockJournal: a reply to one who has waited waits for the journal, like any other.
func TestBlockJournal(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		j := w.journal(false)
		c, d := w.open(), w.open()
		w.send(c, frm("take", "0", "k"))
		w.send(d, frm("put", "k", "v"))
		c.want("")
		d.want("")
		if want := []string{"0:put k v", "0:take 0 k"}; !slices.Equal(j.records, want) {
			t.Errorf("journal %q, want %q", j.records, want)
		}
		w.progress(j.appended)
		c.want(bulk("v"))
		d.want(ok)
	})
}

// TestBlockExpiry: a key that expires is told of to those who wait for it to go.
func TestBlockExpiry(t *testing.T) {
	bothStyles(t, func(t *testing.T, w *world) {
		c, see := w.open(), w.open()
		w.send(c, frm("pack", "m"))
		w.send(see, frm("see", "0", "n"))
		w.send(c, frm("setpx", "n", "60000", "v"))
		see.want("") // setpx tells nobody
		w.tick(2 * time.Minute)
		see.want("-GONE\r\n")
	})
}

// TestBlockRandom: the waiting clients of a model, a list for each key, are served as the server serves them.
func TestBlockRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	w := blockWorld(t, native)
	feeder := w.open()
	conns := make([]*fakeConn, 8)
	for i := range conns {
		conns[i] = w.open()
	}
	waits := map[string][]int{}
	waiting := map[int]bool{}
	forget := func(i int) {
		delete(waiting, i)
		for k, list := range waits {
			waits[k] = slices.DeleteFunc(slices.Clone(list), func(x int) bool { return x == i })
		}
	}
	for step := range 3000 {
		i, key := r.IntN(len(conns)), string(rune('a'+r.IntN(3)))
		switch {
		case !waiting[i] && r.IntN(2) == 0:
			second := string(rune('a' + r.IntN(3)))
			w.send(conns[i], frm("take", "0", key, second))
			waiting[i] = true
			waits[key] = append(waits[key], i)
			if second != key {
				waits[second] = append(waits[second], i)
			}
		case waiting[i] && r.IntN(4) == 0:
			w.s.Closed(conns[i], nil)
			conns[i].announced = true
			conns[i] = w.open()
			forget(i)
		case len(waits[key]) > 0:
			value := fmt.Sprint(step)
			w.send(feeder, frm("put", key, value))
			first := waits[key][0]
			if got := conns[first].take(); got != bulk(value) {
				t.Fatalf("step %d: client %d received %q, want %s", step, first, got, value)
			}
			forget(first)
		}
		if n, _ := w.s.NumBlocked(); n != len(waiting) {
			t.Fatalf("step %d: %d clients wait, want %d", step, n, len(waiting))
		}
	}
}

// BenchmarkPublishCrowd is one message to ten thousand subscribers, up to their outputs.
func BenchmarkPublishCrowd(b *testing.B) {
	w := blockWorld(b, native)
	for range 10_000 {
		c := w.open()
		w.send(c, frm("listen", "x"))
	}
	var took []time.Duration
	for range b.N {
		start := time.Now()
		w.s.Publish([]byte("x"), []byte("hello"))
		took = append(took, time.Since(start))
		w.settle()
		for _, c := range w.conns {
			c.out = c.out[:0]
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/median")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "µs/slowest")
}
