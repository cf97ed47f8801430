package reactor_test

import (
	"runtime"
	"slices"
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
