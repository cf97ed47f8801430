package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// heldCrowd opens n clients whose replies wait for one sync, two of each, and lets each write to a socket take so long, by the clock.
func heldCrowd(w *world, n int, takes time.Duration) (crowd []*fakeConn, writes *int) {
	writes = new(int)
	for range n {
		c := w.open()
		c.written = func(*fakeConn) {
			*writes++
			w.s.base = w.s.base.Add(-takes)
		}
		crowd = append(crowd, c)
	}
	for _, turn := range []string{"first", "second"} {
		for i, c := range crowd {
			w.read(c, frm("set", fmt.Sprint("k", i), turn))
			w.read(c, frm("get", fmt.Sprint("k", i)))
		}
	}
	w.settle()
	return crowd, writes
}

// TestReleaseIsSpread: the replies that waited for a long sync leave in slices, with a look at the other clients between them. A client that
// comes meanwhile is answered behind its own held replies only, and each gets its replies in order.
func TestReleaseIsSpread(t *testing.T) {
	const clients, takes = 2000, 5 * time.Microsecond
	const inSlice = int(time.Duration(urgentSliceNs)/takes) + 2*releaseBatch
	eachStyle(t, func(t *testing.T, style int) {
		w := newWorld(t, style)
		j := w.journal(true)
		crowd, writes := heldCrowd(w, clients, takes)
		other := w.open()
		if *writes != 0 {
			t.Fatalf("%d writes before the sync", *writes)
		}
		j.done = j.appended
		w.s.Woken()
		rounds, most := 1, *writes
		last := crowd[clients-1]
		w.read(last, frm("ping"))
		for w.settled = false; !w.settled; rounds++ {
			before := *writes
			w.round()
			most = max(most, *writes-before)
			w.read(other, frm("ping"))
			other.want(pong)
		}
		if *writes < clients || most > inSlice || rounds < clients/inSlice {
			t.Errorf("%d writes in %d rounds, up to %d in one, want at most %d", *writes, rounds, most, inSlice)
		}
		for i, c := range crowd {
			want := ok + bulk("first") + ok + bulk("second")
			if i == clients-1 {
				want += pong
			}
			c.want(want)
		}
		if replies, _ := w.s.NumWaiting(); replies != 0 {
			t.Errorf("%d replies wait", replies)
		}
	})
}

// TestRetiredJournal: replies wait for a journal that takes no more until it is synced, and no longer when it is given up; what comes
// after it does not wait, but for its turn.
func TestRetiredJournal(t *testing.T) {
	const clients = 500
	for _, synced := range []bool{true, false} {
		w := newWorld(t, native)
		j := w.journal(true)
		crowd, writes := heldCrowd(w, clients, 100*time.Microsecond)
		w.s.RetireJournal()
		w.settle()
		if *writes != 0 {
			t.Fatalf("%d writes before the sync", *writes)
		}
		other := w.open()
		w.send(other, frm("set", "k", "v"), frm("get", "k"))
		other.want(ok + bulk("v"))
		w.send(crowd[0], frm("set", "k", "w"), frm("get", "k"))
		if synced {
			j.done = j.appended
			w.s.Woken()
			w.settle()
		}
		w.s.JournalEnded()
		w.journal(true) // whose offsets begin anew
		w.round()
		if n := *writes; !synced && n > 2*releaseBatch {
			t.Errorf("%d writes in the first round", n)
		}
		w.settle()
		for i, c := range crowd {
			want := strings.Repeat(ok+"$%s\r\n", 2)
			want = fmt.Sprintf(want, "5\r\nfirst", "6\r\nsecond")
			if i == 0 {
				want += ok + bulk("w")
			}
			c.want(want)
		}
		w.send(other, frm("set", "k", "x"))
		other.want("")
		w.progress(w.j.appended)
		other.want(ok)
	}
}
