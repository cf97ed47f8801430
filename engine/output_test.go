package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"redix/engine/seeds"
)

// TestHeldReplies: a reply leaves when the journal is as far as its command's records, in order with those behind it.
func TestHeldReplies(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		for _, always := range []bool{false, true} {
			w := newWorld(t, style)
			j := w.journal(always)
			a, b, d := w.open(), w.open(), w.open()
			w.send(a, frm("ping"))
			a.want(pong)
			w.send(a, frm("set", "k", "1"))
			first := j.appended
			w.send(a, frm("ping"))
			w.send(b, frm("get", "other"), frm("ping"))
			b.want(null + pong)
			w.send(d, frm("get", "k"))
			if always {
				d.want("") // it shows what may yet be lost
			} else {
				d.want(bulk("1"))
			}
			w.send(a, frm("set", "k", "2"), frm("get", "k"))
			a.want("")
			if replies, _ := w.s.NumWaiting(); replies < 2 {
				t.Errorf("%d replies wait", replies)
			}
			w.progress(first - 1)
			a.want("")
			w.progress(first)
			a.want(ok) // what came behind it waits with the next that is held
			if always {
				d.want(bulk("1"))
			}
			a.room = 9
			w.progress(j.appended)
			a.want(pong + "+O")
			w.drain(a, 1)
			a.want("K")
			w.drain(a, plenty)
			a.want("\r\n" + bulk("2"))
			if replies, _ := w.s.NumWaiting(); replies != 0 || a.client().out.buf != nil {
				t.Errorf("%d replies wait", replies)
			}
		}
	})
}

// TestHeldBetween: a held reply does not leave together with those before and behind it when the socket drains.
func TestHeldBetween(t *testing.T) {
	w := newWorld(t, native)
	j := w.journal(false)
	c := w.open()
	c.room = 2
	w.send(c, frm("ping"))
	w.send(c, frm("set", "k", "1"))
	w.send(c, frm("ping"))
	c.want("+P")
	w.drain(c, plenty)
	c.want("ONG\r\n")
	w.progress(j.appended)
	c.want(ok + pong)
}

// TestReadsUnderAlways: a read waits for what it may have seen, and for nothing else.
func TestReadsUnderAlways(t *testing.T) {
	w := newWorld(t, native)
	j := w.journal(true)
	writer, reader := w.open(), w.open()
	waits := func(want bool, cmd ...string) {
		t.Helper()
		w.send(reader, frm(cmd...))
		if got := reader.take() == ""; got != want {
			t.Errorf("%v waits: %v", cmd, got)
		}
		w.progress(j.appended)
		reader.take()
		writer.take()
	}
	write := func(cmd ...string) { w.send(writer, frm(cmd...)) }
	waits(false, "get", "a")
	write("set", "a", "1")
	waits(true, "get", "a")
	waits(false, "get", "a")
	write("set", "a", "1")
	waits(true, "size")
	waits(false, "size")
	write("mset", "a", "1", "b", "2")
	waits(true, "get", "b")
	write("box", "put", "c", "3")
	waits(true, "get", "c")
	write("flush")
	waits(true, "get", "anything")
	waits(false, "get", "anything")
	write("set", "a", "1")
	waits(false, "ping")
	write("setpx", "e", "50", "x")
	waits(true, "get", "e")
	w.later(time.Second)
	w.s.NoActiveExpire = true
	waits(true, "get", "e") // journals the deletion
	waits(false, "get", "e")
	write("setpx", "e", "50", "x")
	w.progress(j.appended)
	w.later(time.Second)
	w.s.NoActiveExpire = false
	w.settle()
	if last := j.records[len(j.records)-1]; last != "0:DEL e" {
		t.Fatalf("the last record is %s", last)
	}
	waits(true, "get", "e")

	j.always = false
	write("set", "a", "1")
	j.always = true
	w.s.ApplyConfig()
	waits(true, "get", "a")
}

// TestAnotherJournal: what a read waits for under one journal means nothing to the next.
func TestAnotherJournal(t *testing.T) {
	w := newWorld(t, native)
	j := w.journal(true)
	a, b := w.open(), w.open()
	w.send(a, frm("set", "k", "1"), frm("get", "k"), frm("flush"))
	w.s.ReleaseAll()
	a.want(ok + bulk("1") + ok)
	w.journal(true)
	w.send(b, frm("get", "k"), frm("size"))
	b.want(null + ":0\r\n")
	w.send(b, frm("set", "k", "2"))
	b.want("")
	if w.progress(w.j.appended); j.appended <= w.j.appended {
		t.Fatal("nothing tested")
	}
	b.want(ok)
}

// TestJournalEndsInTransaction: what EXEC encloses is enclosed in the journal that it began in.
func TestJournalEndsInTransaction(t *testing.T) {
	w := newWorld(t, native)
	w.journal(false)
	c := w.open()
	queued := "+QUEUED\r\n"
	w.send(c, frm("multi"), frm("set", "a", "1"), frm("journal", "off"), frm("set", "a", "2"), frm("exec"))
	c.want(ok + queued + queued + queued + "*3\r\n" + ok + ok + ok)
	w.journal(false)
	w.send(c, frm("multi"), frm("set", "a", "1"), frm("journal", "on"), frm("set", "a", "2"), frm("exec"))
	w.progress(w.j.appended)
	c.want(ok + queued + queued + queued + "*3\r\n" + ok + ok + ok)
	if got := strings.Join(w.j.records, ", "); got != "0:MULTI, 0:set a 2, 0:EXEC" {
		t.Errorf("journalled: %s", got)
	}
}

// TestWordsOutliveKill: a client that its own command kills keeps the command's words until the command has ended, even
// if that fills another's output buffer.
func TestWordsOutliveKill(t *testing.T) {
	w := newWorld(t, native)
	a, b := w.open(), w.open()
	b.room = 0
	in := frm("deathwish", strings.Repeat("w", 3000))
	w.send(a, in[:50])
	w.send(a, in[50:])
	w.drain(b, plenty)
	b.want(strings.Repeat("x", 5000) + strings.Repeat("w", 3000))
	if !a.closed {
		t.Error("not closed")
	}
}

// TestFullJournal: writers wait, in their place; reads of others go on, and so does what is no write.
func TestFullJournal(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		j := w.journal(false)
		j.limit = 2
		a, b := w.open(), w.open()
		w.send(a, frm("set", "k", "1"), frm("set", "k", "2"), frm("get", "k"), frm("box", "put", "k", "3"), frm("get", "k"))
		w.send(b, frm("get", "k"), frm("box", "hello"), frm("box", "put", "k", "4"), frm("get", "k"))
		b.want(bulk("1") + ok)
		if _, writers := w.s.NumWaiting(); writers != 2 || len(j.records) != 1 {
			t.Fatalf("%d writers wait, %q", writers, j.records)
		}
		w.send(b, frm("ping"))
		for range 10 {
			if w.round(); !w.settled {
				t.Fatal("waiting for the journal keeps the loop busy")
			}
		}
		w.progress(j.appended - 1) // now a goes on; then the queue is full again
		for range 10 {
			w.progress(j.appended)
		}
		if a := a.take(); a != ok+ok+bulk("2")+ok+bulk("3") {
			t.Errorf("%q", a)
		}
		if b := b.take(); b != ok+bulk("4")+pong {
			t.Errorf("%q", b)
		}

		w.send(a, frm("set", "k", "5"))
		w.send(a, frm("set", "k", "6"), frm("get", "k"))
		w.send(b, frm("set", "k", "7"), frm("ping"))
		b.want("")
		j.err = errors.New("No space left on device")
		w.s.Woken()
		w.settle()
		b.want("-MISCONF Errors writing to the AOF file: No space left on device\r\n" + pong)
		a.want("")
		j.err = nil
		w.progress(j.appended)
		a.want(ok + "-MISCONF Errors writing to the AOF file: No space left on device\r\n" + bulk("5"))

		w.send(a, frm("set", "k", "8"), frm("set", "k", "9"), frm("ping"))
		w.s.ReleaseAll() // without a journal nothing waits
		w.settle()
		a.want(ok + ok + pong)
	})
}

// TestKilled: a client can be killed in every state, by itself and by another's command in the same round.
func TestKilled(t *testing.T) {
	val := strings.Repeat("v", 300<<10)
	states := map[string]func(w *world, c *fakeConn){
		"idle":    func(w *world, c *fakeConn) {},
		"frame":   func(w *world, c *fakeConn) { w.read(c, frm("get", "k")[:9]) },
		"big":     func(w *world, c *fakeConn) { w.read(c, frm("set", "k", val)[:2000]) },
		"bigs":    func(w *world, c *fakeConn) { w.read(c, frm("mset", "k", val, "l", val)[:400<<10]) },
		"ready":   func(w *world, c *fakeConn) { w.read(c, bytes.Repeat(frm("ping"), 3*maxPerRound)) },
		"stalled": func(w *world, c *fakeConn) { c.room = 9; w.read(c, bytes.Repeat(frm("repeat", "600000"), 4)) },
		"held":    func(w *world, c *fakeConn) { w.read(c, frm("set", "k", "1")) },
		"waiting": func(w *world, c *fakeConn) {
			w.j.limit = 1
			w.read(c, bytes.Join([][]byte{frm("set", "k", "1"), frm("set", "k", "2")}, nil))
		},
		"big waiting": func(w *world, c *fakeConn) {
			w.j.limit = 1
			w.read(c, bytes.Join([][]byte{frm("set", "k", "1"), frm("set", "k", val)}, nil))
		},
		"closing": func(w *world, c *fakeConn) { c.room = 1; w.read(c, frm("quit")) },
		"closing held": func(w *world, c *fakeConn) {
			w.read(c, bytes.Join([][]byte{frm("set", "k", "1"), frm("quit"), frm("ping")}, nil))
		},
		"self":      func(w *world, c *fakeConn) { w.read(c, append(frm("killme"), frm("ping")...)) },
		"self big":  func(w *world, c *fakeConn) { w.read(c, frm("killme", val)) },
		"lost":      func(w *world, c *fakeConn) { c.closed = true },
		"held lost": func(w *world, c *fakeConn) { w.read(c, frm("set", "k", "1")); c.closed = true },
	}
	eachStyle(t, func(t *testing.T, style int) {
		for name, state := range states {
			for _, how := range []string{"kill", "closed", "command", "write"} {
				w := newWorld(t, style)
				blocks := w.s.Keyspace.Arena().Blocks()
				w.journal(false)
				before, c, after := w.open(), w.open(), w.open()
				state(w, c)
				switch how {
				case "kill":
					w.s.Kill(c.client())
				case "closed":
					c.closed = true
				case "command":
					w.read(after, frm("killall"))
					after.take()
				case "write": // its socket is broken
					c.closed = true
					w.s.Writable(c)
				}
				w.read(c, frm("ping"))
				w.settle()
				w.progress(w.j.appended)
				w.s.Tick(w.r.now)
				w.settle()
				live := 2
				if how == "command" {
					live = 1
				}
				if !c.closed || w.s.NumClients() != live || !c.client().closed {
					t.Fatalf("%s, %s: %d clients", name, how, w.s.NumClients())
				}
				if how != "command" {
					w.send(before, frm("ping"))
					before.want(pong)
				}
				w.send(after, frm("flush"), frm("ping"))
				w.progress(w.j.appended)
				after.want(ok + pong)
				replies, writers := w.s.NumWaiting()
				if replies != 0 || writers != 0 || len(w.s.ready) != 0 || w.s.Keyspace.Garbage() != 0 {
					t.Errorf("%s, %s: %d replies, %d writers left", name, how, replies, writers)
				}
				if left := w.s.Keyspace.Arena().Blocks() - blocks; left != 0 {
					t.Errorf("%s, %s: %d blocks of the arena are left", name, how, left)
				}
			}
		}
	})
}

func TestCloseAfterReply(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		j := w.journal(false)
		c := w.open()
		w.send(c, frm("set", "k", "1"), frm("quit"), frm("ping"))
		w.send(c, frm("ping"))
		c.want("")
		c.room = 7
		w.progress(j.appended)
		c.want(ok + "+O")
		if c.closed {
			t.Fatal("closed too early")
		}
		w.drain(c, plenty)
		c.want("K\r\n")
		if !c.closed {
			t.Fatal("not closed")
		}
	})
}

func TestOutputLimits(t *testing.T) {
	w := newWorld(t, native, "--client-output-buffer-limit", "normal 3mb 1mb 2")
	hard, soft, brief := w.open(), w.open(), w.open()
	for _, c := range []*fakeConn{hard, soft, brief} {
		c.room = 0
	}
	w.send(hard, frm("repeat", "1000000"), frm("repeat", "3000000"))
	if !hard.closed {
		t.Error("not closed over the hard limit")
	}
	eager := w.open() // whose socket takes everything
	w.send(eager, frm("repeat", "2900000"))
	if n := len(eager.take()); eager.closed || n < 2900000 {
		t.Errorf("%d bytes came within the hard limit, closed: %v", n, eager.closed)
	}
	w.send(eager, frm("repeat", "3200000"))
	if n := len(eager.take()); !eager.closed || n > 0 {
		t.Errorf("%d bytes came of a reply over the hard limit, closed: %v", n, eager.closed)
	}
	w.send(soft, frm("repeat", "1200000"))
	w.send(brief, frm("repeat", "1200000"))
	for i := range 30 {
		w.later(100 * time.Millisecond)
		w.s.Tick(w.r.now)
		w.round()
		if i == 10 {
			w.drain(brief, plenty)
		}
		if i < 15 && soft.closed {
			t.Fatal("closed too early")
		}
	}
	if !soft.closed {
		t.Error("not closed after its time over the soft limit")
	}
	if brief.closed || w.s.Stats.OutputLimitDisconnections != 3 {
		t.Errorf("%d disconnections", w.s.Stats.OutputLimitDisconnections)
	}
	brief.room = 0
	w.send(brief, frm("repeat", "1200000"))
	if w.s.Tick(w.r.now); brief.closed {
		t.Error("the time of an earlier excess counts")
	}
}

func TestReplyModes(t *testing.T) {
	w := newWorld(t, native)
	j := w.journal(false)
	c := w.open()
	w.send(c, frm("skip"), frm("echo", "a"), frm("echo", "b"), frm("skip"), frm("nope"), frm("ping"), frm("off"), frm("set", "k", "1"))
	w.progress(j.appended)
	c.want(bulk("b") + pong)
	if w.send(c, frm("nope")); len(j.records) != 1 || w.s.Stats.Errors["ERR"] != 2 {
		t.Errorf("%q, %v", j.records, w.s.Stats.Errors)
	}
}

// TestUnknownCommandText compares with what redis-server 7.0.15 was seen to reply.
func TestUnknownCommandText(t *testing.T) {
	y := strings.Repeat("y", 200)
	for _, x := range []struct {
		words []string
		want  string
	}{
		{[]string{"nope"}, "'nope', with args beginning with: "},
		{[]string{strings.Repeat("x", 200), y[:50], strings.Repeat("z", 100), "w"},
			fmt.Sprintf("'%s', with args beginning with: '%s' '%s' ", strings.Repeat("x", 128), y[:50], strings.Repeat("z", 75))},
		{[]string{"x", y, "z"}, fmt.Sprintf("'x', with args beginning with: '%s' ", y[:128])},
		{[]string{"x", y[:123], "zzzzzzz", "q"}, fmt.Sprintf("'x', with args beginning with: '%s' 'zz' ", y[:123])},
		{[]string{"n\x00pe", "a\x00b", "\xff\xfe"}, "'n', with args beginning with: 'a' '\xff\xfe' "},
	} {
		var args Args
		for _, s := range x.words {
			args = append(args, []byte(s))
		}
		if got := unknownCommand(args); got != "ERR unknown command "+x.want {
			t.Errorf("%q", got)
		}
	}
	if got := unknownSubcommand(&Row{Name: "config"}, []byte(y)); got != "ERR unknown subcommand '"+y[:128]+"'. Try CONFIG HELP." {
		t.Errorf("%q", got)
	}
}

// Messages that many outputs share: whatever their sizes, and however much of them is sent in between, their bytes are in order and
// counted, they are not changed, and few short ones are kept one by one.
func TestSharedMessages(t *testing.T) {
	random := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	s := &Server{}
	for range 200 {
		var o output
		var messages, copies [][]byte
		var stream []byte
		sent := 0
		for range 60 {
			switch random.IntN(4) {
			case 0, 1:
				size := 1 + random.IntN(300)
				if random.IntN(4) == 0 {
					size = 1 + random.IntN(3*shareFrom)
				}
				m := make([]byte, size, size+random.IntN(2)*64)
				for i := range m {
					m[i] = byte(random.Uint32())
				}
				messages, copies = append(messages, m), append(copies, append([]byte(nil), m...))
				stream = append(stream, m...)
				n, bytes := len(o.more), o.moreBytes
				o.share(m)
				if len(o.more) > n && size < shareFrom && n >= fewShared && bytes < shareAverage*n {
					t.Fatalf("one more behind %d messages of %d bytes together", n, bytes)
				}
			case 2:
				m := []byte("+reply\r\n")
				stream = append(stream, m...)
				o.add(m)
			default:
				for n := random.IntN(o.pending() + 1); n > 0; {
					step := min(n, len(o.buf)-o.at)
					o.at, n, sent = o.at+step, n-step, sent+step
					if o.at == len(o.buf) {
						s.next(&o)
					}
				}
			}
			have := append([]byte(nil), o.buf[o.at:]...)
			for _, m := range o.more {
				have = append(have, m...)
			}
			if !bytes.Equal(have, stream[sent:]) || o.pending() != len(have) {
				t.Fatalf("%d bytes pending, %d counted, want %d", len(have), o.pending(), len(stream)-sent)
			}
		}
		for i := range messages {
			if !bytes.Equal(messages[i], copies[i]) {
				t.Fatal("a shared message was changed")
			}
		}
	}
	var o output
	first, second := make([]byte, 200), make([]byte, 200)
	o.share(first)
	o.share(second)
	if len(o.more) != 1 || &o.more[0][0] != &second[0] {
		t.Error("the second message was copied")
	}
}
