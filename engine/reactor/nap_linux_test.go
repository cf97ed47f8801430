package reactor_test

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"redix/engine/reactor"
)

// The collector, which stops the world, does not wait for the end of a nap: while the loop naps it keeps a processor of the
// scheduler's without running.
func TestTheCollectorEndsNaps(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // so that naps are long
	h := &hooks{data: func(c reactor.Conn, in []byte, _ bool) {
		if n, err := c.Write(in); n != len(in) || err != nil {
			c.Close()
		}
	}, tick: func(time.Time) time.Duration { return time.Minute }}
	s := serve(t, engines[0], reactor.Options{}, h)
	c := s.dial(0)
	const times = 51
	var took [2][]time.Duration // while it sleeps, and while it naps
	for range times {
		for naps := range took {
			if naps == 0 {
				time.Sleep(25 * time.Millisecond) // longer than a nap: it is idle now
			}
			for range 4 * naps { // it is busy, and then naps
				mustWrite(t, c, []byte("x"))
				mustRead(t, c, 1)
			}
			start := time.Now()
			runtime.GC()
			took[naps] = append(took[naps], time.Since(start))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	asleep, napping := took[0][times/2], took[1][times/2]
	t.Logf("a collection takes %v while the loop sleeps and %v while it naps", asleep, napping)
	if napping > 2*asleep+15*time.Millisecond {
		t.Errorf("half of the collections take more than %v while the loop naps, and %v while it sleeps", napping, asleep)
	}
}

// A nap has no time limit, and ends for a tick all the same: for one that was due when it began, and one that has been brought
// forward since the alarm was set.
func TestTicksEndNaps(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // so that naps are long
	const exchanges, ticks = 30, 3
	delays := []time.Duration{15 * time.Millisecond, 18 * time.Millisecond, 30 * time.Millisecond}
	ticked := make(chan time.Time, 10_000)
	n, late := 0, 0
	var running atomic.Pointer[server]
	h := &hooks{data: func(c reactor.Conn, in []byte, _ bool) {
		if in[0] == 't' {
			running.Load().r.TickWithin(2 * time.Millisecond)
		}
		if n, err := c.Write(in); n != len(in) || err != nil {
			c.Close()
		}
	}, tick: func(now time.Time) time.Duration {
		ticked <- now
		n++
		return delays[n%len(delays)]
	}}
	s := serve(t, engines[0], reactor.Options{}, h)
	running.Store(s)
	c := s.dial(0)
	for range exchanges {
		for i := range 6 { // it is busy, and then naps
			mustWrite(t, c, []byte{"xxxxxt"[i]})
			mustRead(t, c, 1)
		}
		for len(ticked) > 0 {
			<-ticked
		}
		begun := time.Now()
		for i := range ticks {
			select {
			case at := <-ticked:
				if i == 0 && at.Sub(begun) > 10*time.Millisecond {
					late++
				}
			case <-time.After(patience):
				t.Fatal("no tick")
			}
		}
	}
	if late > exchanges/2 {
		t.Errorf("%d of %d ticks that were to come after 2 ms came after 10", late, exchanges)
	}
}
