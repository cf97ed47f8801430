//go:build linux

// The closed loop: every connection keeps one batch in flight.

package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Stats is what a loop saw between its warm-up and its end.
type Stats struct {
	Commands   int64                   // replies received
	Errors     int64                   // error replies, those of the warm-up included
	FirstError string                  // text of the first of them, without the leading '-'
	Elapsed    time.Duration           // measured time
	Latency    *hdrhistogram.Histogram // nanoseconds, one value per reply
}

// PerSecond returns replies per second.
func (s Stats) PerSecond() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Commands) / s.Elapsed.Seconds()
}

// maxLatency is the largest latency recorded; longer ones count as this long.
const maxLatency = 100 * time.Second

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(100, int64(maxLatency), 3)
}

// Closed describes a closed loop.
type Closed struct {
	Port   int
	Conns  int
	Source Source
	// Warmup runs before counting begins, Duration after it. A Duration of 0 runs until the source ends and
	// every reply has come.
	Warmup, Duration time.Duration
	// Begin and End, if set, are called when counting begins and when it ends.
	Begin, End func()
}

// stallLimit ends a loop to which the server has answered nothing for so long.
const stallLimit = 60 * time.Second

var errStalled = fmt.Errorf("load: no reply for %v", stallLimit)

// closedRun is the state of one run of a Closed.
type closedRun struct {
	Closed
	set      *set
	start    time.Time
	active   int // connections with a batch in flight
	counting bool
	stats    Stats
	beganNs  int64
	lastNs   int64 // when a reply last came
}

// Run runs the closed loop. Error replies are counted, not returned as an error; a broken connection, a malformed
// reply, a silent server and an ended ctx are.
func (c Closed) Run(ctx context.Context) (Stats, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, err := open(c.Port, c.Conns)
	if err != nil {
		return Stats{}, err
	}
	defer s.close()
	r := &closedRun{Closed: c, set: s, start: time.Now(), stats: Stats{Latency: newHistogram()}}
	for _, conn := range s.conns {
		if err := r.send(conn, 0); err != nil {
			return Stats{}, err
		}
	}
	for r.active > 0 {
		now := int64(time.Since(r.start))
		if !r.counting && now >= int64(c.Warmup) {
			r.begin(now)
		}
		if r.counting && c.Duration > 0 && now-r.beganNs >= int64(c.Duration) {
			break
		}
		if err := ctx.Err(); err != nil {
			return Stats{}, err
		}
		if now-r.lastNs > int64(stallLimit) {
			return Stats{}, errStalled
		}
		if err := r.round(); err != nil {
			return Stats{}, err
		}
	}
	r.end()
	return r.stats, nil
}

func (r *closedRun) begin(now int64) {
	r.counting, r.beganNs = true, now
	if r.Begin != nil {
		r.Begin()
	}
}

func (r *closedRun) end() {
	if r.End != nil {
		r.End()
	}
	r.stats.Elapsed = time.Since(r.start) - time.Duration(r.beganNs)
	r.stats.Errors, r.stats.FirstError = r.set.errors()
}

// round handles one wait's worth of events. The clock is read once for each batch that ends, and that reading is
// also the beginning of the connection's next batch.
func (r *closedRun) round() error {
	events, err := r.set.wait(100)
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
		if replies == 0 {
			continue
		}
		now := int64(time.Since(r.start))
		r.lastNs = now
		if r.counting {
			r.stats.Commands += int64(replies)
			recordTime(r.stats.Latency, now-c.sentNs, int64(replies))
		}
		if c.waiting > 0 {
			continue
		}
		r.active--
		if err := r.send(c, now); err != nil {
			return err
		}
	}
	return nil
}

// send begins the connection's next batch, unless the source has ended.
func (r *closedRun) send(c *conn, now int64) error {
	batch, n := r.Source.Next(c.buf)
	if n == 0 {
		return nil
	}
	c.buf, c.unsent, c.waiting, c.sentNs = batch, batch, n, now
	r.active++
	return c.flush(r.set.epfd)
}

// recordTime records ns n times, clamped to what the histogram can hold.
func recordTime(h *hdrhistogram.Histogram, ns, n int64) {
	_ = h.RecordValues(min(max(ns, 0), int64(maxLatency)), n) // clamped, so it cannot be out of range
}
