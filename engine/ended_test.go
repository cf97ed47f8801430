package engine

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"redix/engine/config"
)

// ended lets the peer of a connection send no more.
func (w *world) ended(c *fakeConn) {
	w.t.Helper()
	w.s.Ended(c)
	w.event()
	w.settle()
}

// A client that sends no more has all that it sent run and answered before it is closed.
func TestEndedClientIsAnswered(t *testing.T) {
	t.Run("nothing left", func(t *testing.T) {
		w := newWorld(t, native)
		c, half := w.open(), w.open()
		w.send(c, frm("ping"))
		w.send(half, frm("ping")[:5])
		w.ended(c)
		w.ended(half)
		c.want(pong)
		if !c.closed || !half.closed || w.s.NumClients() != 0 {
			t.Error("still open")
		}
	})
	t.Run("replies that the journal holds", func(t *testing.T) {
		w := newWorld(t, native)
		w.journal(true)
		c := w.open()
		w.send(c, frm("set", "k", "v"), frm("get", "k"))
		w.ended(c)
		c.want("")
		if c.closed {
			t.Fatal("closed without a reply")
		}
		w.progress(w.j.appended)
		c.want(ok + bulk("v"))
		if !c.closed {
			t.Error("still open")
		}
	})
	t.Run("more commands than a round takes", func(t *testing.T) {
		w := newWorld(t, native)
		c := w.open()
		const n = 3*maxPerRound + 7
		w.read(c, bytes.Repeat(frm("ping"), n))
		w.ended(c)
		c.want(strings.Repeat(pong, n))
		if !c.closed {
			t.Error("still open")
		}
	})
	t.Run("writers that wait for the journal", func(t *testing.T) {
		w := newWorld(t, native)
		w.journal(false).limit = 5
		c := w.open()
		w.send(c, frm("set", "a", "1"), frm("set", "b", "2"), frm("set", "c", "3"))
		w.ended(c)
		for !c.closed && w.j.done < w.j.appended {
			w.progress(w.j.appended)
		}
		c.want(ok + ok + ok)
		if !c.closed || w.s.Keyspace.DB(0).Len() != 3 {
			t.Errorf("closed %v, %d keys", c.closed, w.s.Keyspace.DB(0).Len())
		}
	})
	t.Run("output that the peer is slow to read", func(t *testing.T) {
		w := newWorld(t, native)
		c := w.open()
		c.room = 0
		const n = 4
		w.send(c, bytes.Repeat(frm("repeat", "1000000"), n), frm("ping")[:3])
		w.ended(c)
		for i := 0; !c.closed && i < 100; i++ {
			w.drain(c, 100_000)
			w.settle()
		}
		if got := c.take(); !c.closed || len(got) != n*len(bulk(strings.Repeat("x", 1_000_000))) {
			t.Errorf("closed %v after %d bytes", c.closed, len(got))
		}
	})
	t.Run("a wait for a key ends", func(t *testing.T) {
		w := blockWorld(t, native)
		w.journal(true)
		c, other := w.open(), w.open()
		w.send(c, frm("put", "a", "1"), frm("take", "0", "k"))
		w.ended(c)
		if c.closed || c.client().Blocked() {
			t.Fatalf("closed %v, blocked %v, while a reply is held", c.closed, !c.closed && c.client().Blocked())
		}
		w.send(other, frm("put", "k", "v"), frm("get", "k"))
		w.progress(w.j.appended)
		c.want(ok)
		other.want(ok + bulk("v"))
		if !c.closed {
			t.Error("still open")
		}
	})
	t.Run("work beside the loop", func(t *testing.T) {
		w := newWorld(t, native)
		hold := make(chan struct{})
		row := w.s.Table.Lookup([]byte("echo"))
		row.Handler = func(c *Client, a Args) {
			text := string(a[1])
			c.Server().Offload(c, func() { <-hold }, func(c *Client) { c.Reply.BulkString(text) })
		}
		c := w.open()
		w.send(c, frm("echo", "a"), frm("ping"))
		w.ended(c)
		if c.closed {
			t.Fatal("closed without a reply")
		}
		close(hold)
		w.offloaded(1)
		c.want(bulk("a") + pong)
		if !c.closed {
			t.Error("still open")
		}
	})
}

// offloaded waits for so many ends of work, and has the loop deal with them.
func (w *world) offloaded(n int) {
	w.t.Helper()
	for ; n > 0; n-- {
		select {
		case <-w.r.woken:
		case <-time.After(10 * time.Second):
			w.t.Fatal("the work has not ended")
		}
	}
	w.s.Woken()
	w.settle()
}

// Who blocks again when its time is over waits with its own words: those of the command that ran last are gone.
func TestBlockAgainKeepsTheWords(t *testing.T) {
	w := newWorld(t, native)
	w.journal(false)
	var look func(c *Client)
	look = func(c *Client) { c.Block(nil, Wait{OnJournal: true, OnTimeout: look}) }
	w.s.Table.Lookup([]byte("state")).Handler = func(c *Client, _ Args) { look(c) }
	c, other := w.open(), w.open()
	w.send(c, frm("state"))
	for i := range 3 {
		w.send(other, frm("echo", strings.Repeat("x", 1000)))
		w.progress(int64(i + 1))
		if b := c.client().blocked; b == nil || len(b.args) != 1 || string(b.args[0]) != "state" || b.bytes != len("state")+wordBytes {
			t.Fatalf("it waits with %.40q", b.args)
		}
	}
}

// execWorld has a command "ahead" that reads until the test lets it.
func execWorld(t *testing.T, flags ...string) (w *world, read chan struct{}) {
	w = newWorld(t, native, flags...)
	read = make(chan struct{})
	row := w.s.Table.Lookup([]byte("state"))
	row.Lane = Settings
	row.Ahead = func(*Client, Args, *config.Config) Prepared {
		return Prepared{Work: func() { <-read }, Then: func(c *Client) {
			if c != nil {
				c.Reply.Simple("READ")
			}
		}}
	}
	row.Handler = func(c *Client, a Args) { c.Server().RunAhead(c, a) }
	exec := w.s.Table.Lookup([]byte("exec"))
	exec.Flags |= EndsMulti
	return w, read
}

const queued2 = ok + "+QUEUED\r\n+QUEUED\r\n"

// What holds commands back holds EXEC, too, when that has read ahead and goes on.
func TestExecGoesOnThroughTheGates(t *testing.T) {
	want := queued2 + "*2\r\n" + ok + "+READ\r\n" + pong
	begin := func(w *world) *fakeConn {
		c := w.open()
		w.send(c, frm("multi"), frm("set", "k", "v"), frm("state"), frm("exec"), frm("ping"))
		c.want(queued2)
		return c
	}
	t.Run("a pause", func(t *testing.T) {
		w, read := execWorld(t)
		c := begin(w)
		w.s.Pause(1000, false)
		close(read)
		w.offloaded(1)
		c.want("")
		if w.s.Keyspace.DB(0).Len() != 0 {
			t.Error("it wrote during the pause")
		}
		w.s.Unpause()
		w.settle()
		c.want(strings.TrimPrefix(want, queued2))
	})
	t.Run("a full journal", func(t *testing.T) {
		w, read := execWorld(t)
		w.journal(false).limit = 5
		other := w.open()
		c := begin(w)
		w.send(other, frm("mset", "a", "1", "b", "2", "c", "3"))
		close(read)
		w.offloaded(1)
		c.want("")
		w.progress(w.j.appended)
		w.progress(w.j.appended)
		c.want(strings.TrimPrefix(want, queued2))
	})
	t.Run("loading", func(t *testing.T) {
		w, read := execWorld(t)
		c := begin(w)
		w.s.loader = idleLoader{}
		close(read)
		w.offloaded(1)
		w.s.loader = nil
		w.settle()
		c.want("-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory\r\n-" + errLoading + "\r\n")
	})
	t.Run("no reply", func(t *testing.T) {
		w, read := execWorld(t)
		c := w.open()
		w.send(c, frm("off"), frm("multi"), frm("set", "k", "v"), frm("state"), frm("exec"), frm("ping"))
		close(read)
		w.offloaded(1)
		c.want("")
		if w.s.Keyspace.DB(0).Len() != 1 {
			t.Error("it has not run")
		}
	})
	t.Run("a reset", func(t *testing.T) {
		w, read := execWorld(t)
		c := begin(w)
		w.s.Kill(c.client())
		close(read)
		w.offloaded(1)
		if w.s.Keyspace.DB(0).Len() != 0 || w.s.numBlocked != 0 {
			t.Error("it has run, or waits")
		}
	})
}

type idleLoader struct{}

func (idleLoader) Step(int) (bool, error)        { return false, nil }
func (idleLoader) Waiting() bool                 { return true }
func (idleLoader) Progress() (done, total int64) { return 0, 1 }

// A large argument that arrives while EXEC waits is the next command's.
func TestExecThatWaitsAndALargeArgument(t *testing.T) {
	for _, style := range []int{native, portable} {
		w, read := execWorld(t)
		w.style = style
		c := w.open()
		value := strings.Repeat("v", 2*bigArgument)
		next := frm("set", "big", value)
		w.send(c, frm("multi"), frm("set", "k", "small"), frm("state"), frm("exec"), next[:bigArgument/2])
		half := style == native // the rest comes before EXEC goes on, or after
		if half {
			w.send(c, next[bigArgument/2:])
		}
		close(read)
		w.offloaded(1)
		if !half {
			c.want(queued2 + "*2\r\n" + ok + "+READ\r\n")
			w.send(c, next[bigArgument/2:])
			c.want(ok)
		} else {
			c.want(queued2 + "*2\r\n" + ok + "+READ\r\n" + ok)
		}
		w.send(c, frm("get", "k"), frm("get", "big"))
		c.want(bulk("small") + bulk(value))
	}
}

// Work of one client begins when that of the one before has ended.
func TestOffloadedWorkIsInOrder(t *testing.T) {
	w := newWorld(t, native)
	first := make(chan struct{})
	var order []string
	w.s.Table.Lookup([]byte("echo")).Handler = func(c *Client, a Args) {
		name := string(a[1])
		c.Server().Offload(c, func() {
			if name == "a" {
				<-first
			}
			order = append(order, name)
		}, func(c *Client) {
			if c != nil {
				c.Reply.BulkString(name)
			}
		})
	}
	a, b, gone := w.open(), w.open(), w.open()
	w.send(a, frm("echo", "a"))
	w.send(gone, frm("echo", "gone"))
	w.send(b, frm("echo", "b"))
	w.s.Kill(gone.client())
	close(first)
	w.offloaded(3)
	if strings.Join(order, " ") != "a gone b" {
		t.Errorf("the work was done in the order %q", order)
	}
	a.want(bulk("a"))
	b.want(bulk("b"))
	gone.want("")
}
