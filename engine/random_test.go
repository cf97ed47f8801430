package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
	"time"

	"redix/engine/seeds"
)

// script is what one client sends, and what it must receive.
type script struct {
	in      []byte
	replies []byte
	writes  []int   // where in replies that of each write begins
	offsets []int64 // the journal's offset after each write that has run
	conn    *fakeConn
	checked int // bytes of replies that have been compared
	killed  bool
}

var bigWord = strings.Repeat("0123456789abcdef", 50<<10) // 800 KiB

// randomWord is mostly short and holds bytes that inline frames have to quote.
func randomWord(rng *rand.Rand) string {
	switch rng.IntN(30) {
	case 0:
		return bigWord[:rng.IntN(len(bigWord))]
	case 1, 2, 3:
		return bigWord[:rng.IntN(5000)]
	}
	b := make([]byte, 1+rng.IntN(20))
	for i := range b {
		b[i] = "ab \"'\\\x00\xff"[rng.IntN(8)]
	}
	return string(b)
}

// line is an inline frame.
func line(words []string) string {
	var b strings.Builder
	for _, word := range words {
		b.WriteString(" \"")
		for i := range len(word) {
			fmt.Fprintf(&b, "\\x%02x", word[i])
		}
		b.WriteByte('"')
	}
	return b.String()[1:] + "\r\n"
}

// makeScript invents commands on keys that only this client uses, so that its replies do not depend on the others.
func makeScript(rng *rand.Rand, id int) *script {
	sc := &script{}
	vals := map[string]string{}
	for range rng.IntN(400) {
		key := fmt.Sprintf("c%d:%d", id, rng.IntN(5))
		cmd, reply, write := []string{"ping"}, pong, false
		switch val := randomWord(rng); rng.IntN(10) {
		case 0, 1:
			cmd, reply, write = []string{"set", key, val}, ok, true
			vals[key] = val
		case 2:
			cmd, reply, write = []string{"box", "put", key, val}, ok, true
			vals[key] = val
		case 3:
			other := key + "x"
			cmd, reply, write = []string{"mset", key, val, other, val + "!"}, ok, true
			vals[key], vals[other] = val, val+"!"
		case 4, 5, 6:
			cmd, reply = []string{"get", key}, null
			if v, found := vals[key]; found {
				reply = bulk(v)
			}
		case 7:
			cmd, reply = []string{"echo", val}, bulk(val)
		case 8:
			n := rng.IntN(2000)
			if rng.IntN(40) == 0 {
				n = rng.IntN(3 << 20)
			}
			cmd, reply = []string{"repeat", fmt.Sprint(n)}, bulk(strings.Repeat("x", n))
		}
		if write {
			sc.writes = append(sc.writes, len(sc.replies))
		}
		sc.replies = append(sc.replies, reply...)
		if rng.IntN(3) == 0 && len(cmd[len(cmd)-1]) < 5000 {
			sc.in = append(sc.in, line(cmd)...)
		} else {
			sc.in = append(sc.in, frm(cmd...)...)
		}
	}
	return sc
}

// check fails when a reply has left that the journal does not cover yet, or that is not the one to come.
func (sc *script) check(w *world) {
	sent := len(sc.conn.out)
	if sent > len(sc.replies) {
		w.t.Fatalf("client %d was sent %d bytes more than its replies", sc.conn.client().ID, sent-len(sc.replies))
	}
	if !bytes.Equal(sc.conn.out[sc.checked:], sc.replies[sc.checked:sent]) {
		w.t.Fatalf("client %d: %s", sc.conn.client().ID, difference(sc.conn.out, sc.replies[:sent]))
	}
	sc.checked = sent
	if w.j == nil {
		return
	}
	if n := sort.SearchInts(sc.writes, sent); n > 0 && (n > len(sc.offsets) || sc.offsets[n-1] > w.j.done) {
		w.t.Fatalf("client %d has the reply of write %d, the journal is at %d of %v", sc.conn.client().ID, n, w.j.done, sc.offsets)
	}
}

// TestRandom lets many clients send random commands in random pieces, read what they like, and the journal progress as
// it pleases: everybody gets the replies of its commands, in order, none before it may leave.
func TestRandom(t *testing.T) {
	seed := seeds.Draw(t)
	for run := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, run))
		w := newWorld(t, rng.IntN(styles))
		var scripts []*script
		if rng.IntN(3) > 0 {
			j := w.journal(rng.IntN(2) == 0)
			j.limit = int64(rng.IntN(30))
			j.appendedTo = func(args [][]byte, offset int64) {
				var id int
				if _, err := fmt.Sscanf(string(args[min(len(args)-2, 1+boxed(args))]), "c%d:", &id); err != nil {
					t.Fatalf("a strange record: %.100q", args)
				}
				scripts[id].offsets = append(scripts[id].offsets, offset)
			}
		}
		for id := range 1 + rng.IntN(8) {
			sc := makeScript(rng, id)
			sc.conn = w.open()
			sc.conn.room = rng.IntN(100_000)
			sc.conn.written = func(*fakeConn) { sc.check(w) }
			scripts = append(scripts, sc)
		}
		w.play(rng, scripts)
		w.finish(scripts)
		if t.Failed() {
			t.Fatalf("run %d", run)
		}
	}
}

// boxed is where the words of a container's subcommand are moved to.
func boxed(args [][]byte) int {
	if string(args[0]) == "box" {
		return 1
	}
	return 0
}

// play sends all input, with whatever else may happen in between.
func (w *world) play(rng *rand.Rand, scripts []*script) {
	rests := make([][]byte, len(scripts))
	left := 0
	for i, sc := range scripts {
		rests[i] = sc.in
		left += len(sc.in)
	}
	for left > 0 {
		i := rng.IntN(len(scripts))
		sc := scripts[i]
		switch rng.IntN(12) {
		case 0, 1, 2, 3, 4, 5:
			n := min(rng.IntN(1<<rng.IntN(22)), len(rests[i]))
			if sc.killed {
				n = len(rests[i])
			}
			w.read(sc.conn, rests[i][:n])
			rests[i] = rests[i][n:]
			left -= n
		case 6, 7, 8:
			w.drain(sc.conn, rng.IntN(1<<rng.IntN(22)))
		case 9:
			w.round()
		case 10:
			if w.j != nil {
				w.j.done += rng.Int64N(w.j.handed - w.j.done + 1)
				w.s.Woken()
				w.event()
			}
		case 11:
			w.later(time.Millisecond)
			w.s.Tick(w.r.now)
			w.event()
			if rng.IntN(100) == 0 {
				w.s.Kill(sc.conn.client())
				sc.killed = true
			}
		}
	}
}

// finish lets everything come to its end and compares.
func (w *world) finish(scripts []*script) {
	w.settle()
	for _, sc := range scripts {
		w.drain(sc.conn, plenty)
	}
	w.settle()
	for w.j != nil && w.j.done < w.j.appended {
		w.progress(w.j.appended)
	}
	for _, sc := range scripts {
		want := string(sc.replies)
		if sc.killed {
			want = want[:len(sc.conn.out)]
		} else if c := sc.conn.client(); c.query != nil || c.out.buf != nil || c.ready || c.waiting {
			w.t.Errorf("client %d: something waits", c.ID)
		}
		if got := string(sc.conn.out); got != want {
			w.t.Errorf("client %d: %s", sc.conn.client().ID, difference(sc.conn.out, sc.replies))
		}
	}
}

func difference(got, want []byte) string {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return fmt.Sprintf("sent %d bytes of %d, right until %d: %.80q, want %.80q", len(got), len(want), at, got[at:], want[at:])
}
