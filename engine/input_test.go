package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"redix/engine/seeds"
)

// eachStyle runs a test with both ways of reading.
func eachStyle(t *testing.T, test func(t *testing.T, style int)) {
	for style := range styles {
		t.Run([]string{"native", "portable"}[style], func(t *testing.T) { test(t, style) })
	}
}

// TestPieces sends the same input whole, byte by byte and in random pieces.
func TestPieces(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB
	input := bytes.Join([][]byte{
		frm("PING"), frm("set", "a", "1"), []byte("GET a\r\n"), []byte("*0\r\n\r\n*-1\r\n"),
		[]byte("set \"b\\x41\" 'x y'\r\nget bA\r\n"), frm("get", "bA"), frm("get"), frm("nope", "x", "y"),
		frm("set", "big", big), frm("get", "big"), frm("mset", "m1", big+"1", "m2", "small", "m3", big+"3"),
		frm("get", "m1"), frm("get", "m2"), frm("get", "m3"), frm("box", "put", "p", big), frm("get", "p"),
		frm("box", "nope"), frm("echo", ""), frm("echo", "end"),
	}, nil)
	want := pong + ok + bulk("1") + ok + bulk("x y") + bulk("x y") +
		"-ERR wrong number of arguments for 'get' command\r\n" +
		"-ERR unknown command 'nope', with args beginning with: 'x' 'y' \r\n" +
		ok + bulk(big) + ok + bulk(big+"1") + bulk("small") + bulk(big+"3") + ok + bulk(big) +
		"-ERR unknown subcommand 'nope'. Try BOX HELP.\r\n" + bulk("") + bulk("end")
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	pieces := map[string]func() int{
		"whole":  func() int { return len(input) },
		"bytes":  func() int { return 1 },
		"small":  func() int { return 1 + rng.IntN(40) },
		"random": func() int { return 1 + rng.IntN(1<<rng.IntN(20)) },
	}
	eachStyle(t, func(t *testing.T, style int) {
		for name, size := range pieces {
			w := newWorld(t, style)
			blocks := w.s.Keyspace.Arena().Blocks()
			c := w.open()
			for in := input; len(in) > 0; {
				n := min(size(), len(in))
				w.read(c, in[:n])
				if w.style == native && rng.IntN(4) == 0 {
					w.round()
				}
				in = in[n:]
			}
			w.settle()
			if got := c.take(); got != want {
				t.Fatalf("%s: sent %s, want %s", name, brief(got), brief(want))
			}
			if p := c.client(); p.query != nil || p.out.buf != nil || p.big != 0 || len(p.bigs) != 0 {
				t.Fatalf("%s: an idle client keeps buffers", name)
			}
			w.s.Kill(c.client())
			w.settle()
			w.send(w.open(), frm("flush"))
			if left := w.s.Keyspace.Arena().Blocks() - blocks; left != 0 {
				t.Errorf("%s: %d blocks of the arena are left", name, left)
			}
		}
	})
}

// TestArgumentsFillScratch: a frame that ended exactly where the argument scratch ends was overwritten by the next.
func TestArgumentsFillScratch(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		c := w.open()
		for words := 1021; words <= 1027; words += 2 {
			fields := []string{"mset"}
			for i := 1; i < words; i++ {
				fields = append(fields, fmt.Sprint("w", i))
			}
			w.send(c, frm("ping"), frm(fields...), frm("set", "other", "thing"), frm("get", "w1"), frm("get", fields[words-2]))
			c.want(pong + ok + ok + bulk("w2") + bulk(fields[words-1]))
			w.send(c, frm("ping"), frm("ping"), frm(fields...), frm("set", "other", "thing"), frm("get", "w1"))
			c.want(pong + pong + ok + ok + bulk("w2"))
		}
	})
}

// TestRepliesFillBatch: a client whose replies cut its batch short was never run again if its socket took them all.
func TestRepliesFillBatch(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		c := w.open()
		want := ""
		var in [][]byte
		for range 64 {
			in = append(in, frm("repeat", "100000"), frm("ping"))
			want += bulk(strings.Repeat("x", 100000)) + pong
		}
		w.send(c, append(in, frm("quit"))...)
		c.want(want + ok)
		if !c.closed {
			t.Error("quit did not close")
		}
		lazy := w.open()
		lazy.room = 0
		w.send(lazy, in...)
		// Less than stallOutput was pending before the last batch, and less gathered in it before its last reply.
		if n := lazy.client().PendingOutput(); n >= 2*stallOutput+100_020 {
			t.Errorf("%d bytes pend", n)
		}
	})
}

// TestInlineWaits: an inline frame with quotes that had to wait means the same when it is parsed again.
func TestInlineWaits(t *testing.T) {
	line := []byte("SET k \"a \\x41 \\\"b\\\"\"\r\nGET k\r\n")
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		j := w.journal(false)
		j.limit = 1
		c := w.open()
		w.send(c, frm("set", "x", "y"), line, line)
		c.want("")
		reader := w.open()
		w.send(reader, []byte("PING\r\nGET 'k'\r\n")) // only what writes waits
		reader.want(pong + null)
		for range 5 {
			w.progress(j.appended)
		}
		c.want(ok + ok + bulk("a A \"b\"") + ok + bulk("a A \"b\""))

		w.send(c, frm("repeat", "600000"), frm("repeat", "600000"), line) // which the replies before it cut off
		w.progress(j.appended)
		want := bulk(strings.Repeat("x", 600000))
		c.want(want + want + ok + bulk("a A \"b\""))
	})
}

// TestBigWhileWaiting: what gathers of a large argument while the client's commands wait is not lost.
func TestBigWhileWaiting(t *testing.T) {
	val := strings.Repeat("0123456789abcdef", 300<<10) // 4.7 MiB
	eachStyle(t, func(t *testing.T, style int) {
		for _, before := range []int{100, 300 << 10, 1 << 20, 3 << 20, len(val), len(val) + 200} {
			w := newWorld(t, style)
			c := w.open()
			c.room = 0
			w.send(c, frm("repeat", "2000000"))
			in := bytes.Join([][]byte{frm("set", "k", val), frm("get", "k"), frm("ping")}, nil)
			w.read(c, in[:min(before, len(in))])
			w.settle()
			w.drain(c, plenty)
			w.settle()
			w.send(c, in[min(before, len(in)):])
			c.want(bulk(strings.Repeat("x", 2000000)) + ok + bulk(val) + pong)
		}
	})
}

// TestBigTakenOnce: large arguments that no command took are given back, and those of an old frame are not offered again.
func TestBigTakenOnce(t *testing.T) {
	val := strings.Repeat("v", 300<<10)
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		c := w.open()
		w.send(c, frm("set", "k", val), frm("set", "k2", "small"), frm("echo", val), frm("nope", val), frm("get", val),
			frm("set", "k3", "small"), frm("get", "k2"), frm("get", "k"))
		want := ok + ok + bulk(val) + "-ERR unknown command 'nope', with args beginning with: '" + val[:128] + "' \r\n" +
			null + ok + bulk("small") + bulk(val)
		c.want(want)
		used := w.s.Keyspace.Arena().Used()
		for range 3 {
			w.send(c, frm("echo", val), frm("killme", val))
			c.take()
		}
		w.send(c, frm("set", val, val), []byte("*3\r\n$3\r\nset\r\n$300000\r\n"), []byte(val[:1000]))
		if c.client().big == 0 {
			t.Fatal("no large argument on its way")
		}
		if m := w.s.UsedMemory() - w.s.Keyspace.Used(); m > 100<<10 || m < clientBytes {
			t.Errorf("%d bytes counted for a client beside its blocks", m)
		}
		w.s.Kill(c.client())
		w.settle()
		c = w.open()
		w.send(c, frm("mset", val, "small", "k", "small", "k2", "small", "k3", "small"), frm("killme"))
		if now := w.s.Keyspace.Arena().Used(); now > used+400<<10 {
			t.Errorf("%d bytes in the arena, %d before", now, used)
		}
	})
}

// TestBigWaitsForJournal: a frame with large arguments, which cannot be parsed twice, waits for a full journal.
func TestBigWaitsForJournal(t *testing.T) {
	val := strings.Repeat("v", 300<<10)
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		j := w.journal(false)
		j.limit = 1
		c := w.open()
		w.send(c, frm("set", "a", "b"), frm("set", "k", val), frm("get", "k"), frm("mset", "x", val+"x", "y", val+"y"), frm("get", "y"))
		c.want("")
		for range 4 {
			w.progress(j.appended)
		}
		c.want(ok + ok + bulk(val) + ok + bulk(val+"y"))
	})
}

func TestProtocolError(t *testing.T) {
	const text = "-ERR Protocol error: invalid multibulk length\r\n"
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		c, other := w.open(), w.open()
		w.send(c, frm("ping"), frm("set", "a", "b"), []byte("*x\r\n"), frm("ping"))
		c.want(pong + ok + text)
		if !c.closed {
			t.Error("not closed")
		}

		j := w.journal(false)
		j.limit = 1
		w.send(other, frm("set", "a", "b"), frm("set", "a", "c"), []byte("*x\r\n"), frm("ping")) // found, but not yet due
		third := w.open()
		w.send(third, []byte("*0\r\n"), frm("ping"))
		third.want(pong)
		w.progress(j.appended)
		w.progress(j.appended)
		other.want(ok + ok + text)
		if !other.closed || third.closed {
			t.Error("the wrong client was closed")
		}

		c = w.open()
		in := frm("mset", "k", strings.Repeat("v", 300<<10), "l")
		w.send(c, in[:len(in)-len("$1\r\nl\r\n")], []byte("$x\r\n"))
		w.progress(j.appended)
		c.want("-ERR Protocol error: invalid bulk length\r\n")
		if !c.closed {
			t.Error("not closed")
		}
	})
}

// TestStalledOutput: a client that writes 200,000 commands before it reads a byte gets all replies, and costs nothing
// meanwhile.
func TestStalledOutput(t *testing.T) {
	const n = 200_000
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		c := w.open()
		val := strings.Repeat("v", 50)
		w.send(c, frm("set", "k", val))
		c.take()
		c.room = 1000
		w.send(c, bytes.Repeat(frm("get", "k"), n))
		calls := w.calls
		if calls > 60_000 || c.client().PendingOutput() > 2<<20 {
			t.Fatalf("%d commands ran, %d bytes pend", calls, c.client().PendingOutput())
		}
		for range 10 {
			if w.round(); !w.settled {
				t.Fatal("a stalled client keeps the loop busy")
			}
		}
		if w.calls != calls {
			t.Error("commands of a stalled client ran")
		}
		for len(c.out) < n*len(bulk(val)) {
			had := len(c.out)
			w.drain(c, 300_000)
			w.settle()
			if len(c.out) == had {
				t.Fatalf("stuck after %d bytes", had)
			}
		}
		if w.calls != n+1 {
			t.Errorf("%d commands ran", w.calls)
		}
		c.want(strings.Repeat(bulk(val), n))
	})
}

// TestFairness: a client with a long pipeline leaves every other its turn.
func TestFairness(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		greedy, modest := w.open(), w.open()
		in := bytes.Repeat(frm("ping"), 60_000)
		w.read(greedy, in)
		if style == native && w.calls > maxPerRound+batchFrames { // of many reads
			t.Fatalf("%d commands before the end of the round", w.calls)
		}
		for ; ; w.round() {
			before := w.calls
			w.read(modest, frm("ping"))
			modest.want(pong)
			if w.settled {
				break
			}
			if w.calls-before > 2*(maxPerRound+batchFrames) {
				t.Fatalf("%d commands in a round", w.calls-before)
			}
		}
		greedy.want(strings.Repeat(pong, 60_000))
	})
}

// TestTurnIsOver: a client whose commands take long runs one a round, and others have their turns in between.
func TestTurnIsOver(t *testing.T) {
	w := newWorld(t, native)
	w.s.TurnNs = -1
	slow, other := w.open(), w.open()
	w.settle()
	w.read(slow, bytes.Repeat(frm("echo", "x"), 10))
	for n := 1; n <= 10; n++ {
		if got := strings.Count(string(slow.out), "x"); got != n || !w.s.turnOver {
			t.Fatalf("%d commands in %d turns", got, n)
		}
		w.read(other, frm("ping"))
		other.want(pong)
		w.round()
	}
	w.settle()
	slow.want(strings.Repeat(bulk("x"), 10))
}

func TestQueryLimit(t *testing.T) {
	big := []byte("*3\r\n$3\r\nset\r\n$1\r\nk\r\n$20000000\r\n")
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style, "--client-query-buffer-limit", "2mb")
		c := w.open()
		w.send(c, big, make([]byte, 1900<<10))
		if c.closed {
			t.Fatal("closed below the limit")
		}
		w.send(c, make([]byte, 300<<10))
		if !c.closed || w.s.Stats.QueryLimitDisconnections != 1 {
			t.Error("a large argument passed the query limit")
		}
		c = w.open()
		c.room = 0
		w.send(c, frm("repeat", "2000000"))
		w.send(c, bytes.Repeat(frm("ping"), 100_000))
		if c.closed {
			t.Error("closed below the limit")
		}
		w.send(c, bytes.Repeat(frm("ping"), 100_000))
		if !c.closed {
			t.Error("a pipeline passed the query limit")
		}

		w.s.Users.SetDefaultPassword("secret")
		c = w.open()
		w.send(c, frm("ping"))
		c.want("-NOAUTH Authentication required.\r\n")
		c.room = 0
		w.send(c, bytes.Repeat(frm("ping"), 130_000)) // 0.4 MB of them run
		if !c.closed {
			t.Error("no limit before authentication")
		}
	})
}

func TestAuthenticationChangesRules(t *testing.T) {
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		w.s.Users.SetDefaultPassword("secret")
		long := []string{"mset"}
		for i := range 20 {
			long = append(long, fmt.Sprint(i))
		}
		c := w.open()
		w.send(c, frm("ping"), frm("auth"), frm(long...), frm("get", "0"))
		c.want("-NOAUTH Authentication required.\r\n" + ok + ok + bulk("1"))
		c = w.open()
		w.send(c, frm("ping"), frm(long...), frm("ping"))
		c.want("-NOAUTH Authentication required.\r\n-ERR Protocol error: unauthenticated multibulk length\r\n")
	})
}

// TestDataAllocatesNothing is the promise that a small batch costs no garbage.
func TestDataAllocatesNothing(t *testing.T) {
	for _, always := range []bool{false, true} {
		w := newWorld(t, native)
		c := w.open()
		in := bytes.Join([][]byte{frm("set", "k", "v1"), frm("get", "k"), frm("set", "k", "v2"), frm("ping"), []byte("get none\r\n")}, nil)
		if always {
			w.s.Journal = &quietJournal{}
		}
		step := func() {
			c.out = c.out[:0]
			w.s.Data(c, in, false)
			w.s.EndOfRound()
		}
		step()
		if n := testing.AllocsPerRun(200, step); n != 0 {
			t.Errorf("always %v: %v allocations", always, n)
		}
		c.want(ok + bulk("v1") + ok + pong + null)
	}
}

// quietJournal is durable at once and allocates nothing.
type quietJournal struct {
	Journal
	n int64
}

func (j *quietJournal) Append(int, ...[]byte) { j.n++ }
func (j *quietJournal) Appended() int64       { return j.n }
func (j *quietJournal) HandOver()             {}
func (j *quietJournal) Gather(bool) bool      { return false }
func (j *quietJournal) Releasable() int64     { return j.n }
func (j *quietJournal) Always() bool          { return true }
func (j *quietJournal) Full() bool            { return false }
func (j *quietJournal) Err() error            { return nil }
