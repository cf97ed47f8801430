//go:build linux

package epoll

import (
	"testing"
	"time"
)

// TestClock: the loop's clock is that of the process, and the one on the wall is read again when that is due.
func TestClock(t *testing.T) {
	begun := time.Now()
	r := &Reactor{set: begun}
	for rereads := 0; rereads < 2; {
		before, set := time.Now(), r.set
		r.readClock()
		if after := time.Now(); r.now.Before(before) || r.now.After(after) {
			t.Fatalf("%v is not between %v and %v", r.now, before, after)
		}
		if drift := r.now.Round(0).Sub(before.Round(0)); drift < -time.Second || drift > time.Minute { // Round drops the monotonic reading
			t.Fatalf("the clock on the wall is off by %v", drift)
		}
		if r.set != set {
			rereads++
			if age := r.set.Sub(set); age < wallAge {
				t.Errorf("read again after %v", age)
			}
		}
	}
}
