//go:build linux

// The open loop: requests fall due at a fixed rate, and lateness of the loop itself is part of the latency.

package load

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// Paced describes an open loop.
type Paced struct {
	Port   int
	Conns  int
	Source Source // batches of exactly one command
	Rate   float64
	// Done is asked after every round; the loop ends when it returns true. Requests that are due but not answered
	// by then count with the time they have waited so far.
	Done func(elapsed time.Duration) bool
}

// fifo is a queue of due times.
type fifo struct {
	items []int64
	head  int
}

func (f *fifo) push(v int64) {
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
	f.items = append(f.items, v)
}

func (f *fifo) pop() int64 {
	v := f.items[f.head]
	f.head++
	return v
}

// pacedRun is the state of one run of a Paced.
type pacedRun struct {
	Paced
	set      *set
	start    time.Time
	interval float64 // nanoseconds between due times
	sent     int64   // requests begun; request i falls due at i*interval
	stats    Stats
}

var errRate = errors.New("load: a paced loop needs a positive rate, a connection and Done")

// RunPaced runs the open loop until Done says so or ctx ends.
func (p Paced) RunPaced(ctx context.Context) (Stats, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if p.Rate <= 0 || p.Conns < 1 || p.Done == nil {
		return Stats{}, errRate
	}
	s, err := open(p.Port, p.Conns)
	if err != nil {
		return Stats{}, err
	}
	defer s.close()
	r := &pacedRun{Paced: p, set: s, start: time.Now(), interval: 1e9 / p.Rate, stats: Stats{Latency: newHistogram()}}
	for {
		if err := r.sendDue(int64(time.Since(r.start))); err != nil {
			return Stats{}, err
		}
		if err := r.receiveAll(); err != nil {
			return Stats{}, err
		}
		elapsed := time.Since(r.start)
		if p.Done(elapsed) {
			r.finish(int64(elapsed))
			return r.stats, nil
		}
		if err := ctx.Err(); err != nil {
			return Stats{}, err
		}
		if err := r.sleep(); err != nil {
			return Stats{}, err
		}
	}
}

func (r *pacedRun) dueNs(i int64) int64 { return int64(float64(i) * r.interval) }

// sendDue begins every request that is due, however many that are: a server that stalls is sent all it missed.
func (r *pacedRun) sendDue(now int64) error {
	for r.dueNs(r.sent) <= now {
		c := r.set.conns[int(r.sent%int64(len(r.set.conns)))]
		batch, n := r.Source.Next(nil)
		if n != 1 {
			return errors.New("load: a paced loop needs batches of one command")
		}
		if len(c.unsent) == 0 {
			c.buf = c.buf[:0]
		}
		// buf only grows while unsent points at its tail, so the tail moves with it.
		tail := len(c.unsent)
		c.buf = append(c.buf, batch...)
		c.unsent = c.buf[len(c.buf)-tail-len(batch):]
		c.due.push(r.dueNs(r.sent))
		c.waiting++
		r.sent++
		if err := c.flush(r.set.epfd); err != nil {
			return err
		}
	}
	return nil
}

// receiveAll takes whatever has arrived, without waiting.
func (r *pacedRun) receiveAll() error {
	events, err := r.set.wait(0)
	if err != nil {
		return err
	}
	for i := range events {
		c := r.set.byFd[events[i].Fd]
		if len(c.unsent) > 0 {
			if err := c.flush(r.set.epfd); err != nil {
				return err
			}
		}
		replies, err := c.receive(r.set.scratch)
		if err != nil {
			return err
		}
		now := int64(time.Since(r.start))
		r.stats.Commands += int64(replies)
		for range replies {
			recordTime(r.stats.Latency, now-c.due.pop(), 1)
		}
	}
	return nil
}

// sleep waits for a reply or the next due time. poll counts in milliseconds, ppoll in nanoseconds.
func (r *pacedRun) sleep() error {
	waitNs := r.dueNs(r.sent) - int64(time.Since(r.start))
	if waitNs <= 0 {
		return nil
	}
	timeout := unix.NsecToTimespec(waitNs)
	fds := []unix.PollFd{{Fd: int32(r.set.epfd), Events: unix.POLLIN}}
	if _, err := unix.Ppoll(fds, &timeout, nil); err != nil && err != unix.EINTR {
		return err
	}
	return nil
}

// finish charges the unanswered requests with the time they have waited.
func (r *pacedRun) finish(now int64) {
	for _, c := range r.set.conns {
		for range c.waiting {
			recordTime(r.stats.Latency, now-c.due.pop(), 1)
		}
	}
	r.stats.Elapsed = time.Duration(now)
	r.stats.Errors, r.stats.FirstError = r.set.errors()
}

// Quantile returns the latency under which a share q (0 to 1) of the recorded replies stayed.
func Quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q * 100))
}
