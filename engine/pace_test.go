package engine

import (
	"testing"
	"time"
)

// TestWorkPace counts the slices of a second of a loop that serves: their share of the time, whatever interrupts them, and when there
// is no limit.
func TestWorkPace(t *testing.T) {
	const slice, round = 60_000, 200_000
	// run is a second in which each round, commands come if busy, and a slice runs if it may; each takes interrupted longer.
	run := func(busy, awaited bool, interrupted int64) (slices int64) {
		var p workPace
		var commands int64
		for now := int64(0); now < int64(time.Second); {
			if busy {
				commands += 20
			}
			now += round
			if p.may(now, commands, awaited) {
				slices++
				now += slice + interrupted
				p.worked(now, slice)
			}
		}
		return slices
	}
	const most = int64(time.Second) / ((workShare + 1) * slice)
	if n := run(true, false, 0); n > most || n < most*4/5 {
		t.Errorf("%d slices in a second of serving, want at most %d", n, most)
	}
	if n := run(true, false, 2_000_000); n < int64(time.Second)/(workShare*slice+round+slice+2_000_000) {
		t.Errorf("%d slices that are interrupted for 2 ms: they rest for that, too", n)
	}
	if n, want := run(true, true, 0), int64(time.Second)/(round+slice); n < want {
		t.Errorf("%d slices while clients wait, want %d", n, want)
	}
	if n, want := run(false, false, 0), int64(time.Second)*9/10/(round+slice); n < want {
		t.Errorf("%d slices without commands, want %d", n, want)
	}
	var p workPace
	p.may(0, 1, false)
	p.worked(0, slice)
	if p.may(quietNs, 1, false) || !p.may(quietNs+1, 1, false) || p.may(quietNs+2, 2, false) {
		t.Error("the limit should end after a millisecond without a command, and come back with the next one")
	}
	if p.wait(0) != workShare*slice || p.wait(1<<40) <= 0 {
		t.Errorf("sleeps for %v, and %v when it may run", p.wait(0), p.wait(1<<40))
	}
}
