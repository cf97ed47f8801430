package persistence

import (
	"runtime"
	"time"
)

// The writer's pace: what it waits for between two turns (sync.go), and for how long.

// sleep waits for work: the loop, the end of the running sync, or the time of the next one.
func (w *writer) sleep(err error) {
	wait := w.nextWait(err)
	if wait == 0 {
		return
	}
	if w.gathers > 0 {
		w.j.park.wait(w.gathers)
		return
	}
	if err == nil && w.next == len(w.pending) {
		w.j.mu.Lock()
		more := len(w.j.queue) > 0
		w.j.asleep = !more
		w.j.mu.Unlock()
		if more {
			return
		}
	}
	w.j.park.wait(wait)
	w.collect(false)
}

// nextWait is how long nothing has to be done without a kick; negative: forever, zero: go on at once.
func (w *writer) nextWait(err error) time.Duration {
	switch {
	case w.distrust && w.backoff == 0:
		// The first attempt at a new file need not wait: the disk may well take that.
		w.backoff = w.j.tune.retryMin
		return 0
	case err != nil || w.distrust:
		w.backoff = min(max(2*w.backoff, w.j.tune.retryMin), w.j.tune.retryMax)
		return w.backoff
	case w.next < len(w.pending) && !w.syncing:
		return 0
	case w.at.offset == w.syncedAt.offset || w.j.Policy() != EverySec:
		return -1
	}
	since := w.lastSync
	if w.syncing {
		since = w.counted
	}
	return max(time.Millisecond, w.j.tune.syncEvery-w.j.opts.Clock().Sub(since))
}

const (
	gatherShare = 3 // quarters
	gatherSyncs = 3
)

// gather decides whether what came during the sync that has just ended is worth the next one. Who waits for replies is in
// two groups: one whose commands that sync covered, one whose commands came meanwhile. Each sync costs the processor the same,
// however much it covers, so while the loop has commands to run the next one waits until it covers three quarters (gatherShare) of
// both. The rest is what the loop does during the sync; a loop that runs out of commands ends the wait (Journal.Gather).
// Nothing is waited for longer than three such syncs take (gatherSyncs), nor than gatherFor.
//
// It comes before report, whose Wake makes the loop call Gather again after it sees what is said here.
func (w *writer) gather(err error) {
	w.gathers = 0
	group := int(w.syncedAt.offset - w.reported.synced)
	if err != nil || group == 0 || w.unsure || w.distrust || w.next < len(w.pending) || w.j.Policy() != Always {
		return
	}
	j := w.j
	wait := min(gatherSyncs*time.Duration(j.figures.syncLastNs.Load()), j.tune.gatherFor)
	j.mu.Lock()
	if wanted := (group + j.queued) / 4 * gatherShare; j.queued > 0 && j.queued < wanted && wait > 0 {
		j.asleep, j.wanted = true, wanted
		j.gathering.Store(true)
		w.gathers = wait
	}
	j.mu.Unlock()
}

// yieldEvery is well below the 10 ms of the Go scheduler's time slice.
const yieldEvery = 4 * time.Millisecond

// yield begins a new time slice of the Go scheduler. To the scheduler this goroutine runs for ever, since it is woken by a
// futex: when a slice is over the monitor thread takes the processor away while it is in a system call, and having taken
// one it looks for more each 20 microseconds.
func (w *writer) yield() {
	if now := w.j.opts.Clock(); now.Sub(w.yielded) >= yieldEvery {
		runtime.Gosched()
		w.yielded = now
	}
}
