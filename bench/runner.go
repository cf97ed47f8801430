//go:build linux

// Runs: servers in turn, one alive at a time, a fresh one for every run, so that neither drift of the machine nor
// what an earlier run left behind favours one of them.

package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	redixName = "redix"        // whose bounds are judged
	baseName  = "redis-server" // what it is compared with
)

// record is one figure of one run, and a line of runs.csv.
type record struct {
	scenario, server string
	run              int
	metric           string
	value            float64
	origin           origin
}

// origin tells where a figure comes from.
type origin struct {
	commit, date string
	host         string // processor, kernel, Go and redis-server version: figures of different hosts are never mixed
}

// runner makes the runs and collects their records.
type runner struct {
	*bench
	candidates []candidate // in the order of their turns
	runs       int
	short      bool
	origin     origin
	progress   io.Writer
}

// runsOf returns how many runs of a scenario to make.
func (r *runner) runsOf(sc scenario) int {
	n := r.runs
	if r.short && sc.shortRuns > 0 {
		n = min(n, sc.shortRuns)
	}
	if sc.maxRuns > 0 {
		n = min(n, sc.maxRuns)
	}
	return n
}

// scenario makes all runs of one scenario. A server that fails drops out of the scenario; the error tells of it,
// and the records of the others stay.
func (r *runner) scenario(sc scenario) ([]record, error) {
	var records []record
	failed := make(map[string]error)
	for run := range r.runsOf(sc) {
		for _, c := range r.candidates {
			if failed[c.name] != nil || sc.redixOnly && c.name != redixName {
				continue
			}
			fmt.Fprintf(r.progress, "\r\033[K%s: run %d of %d, %s ", sc.name, run+1, r.runsOf(sc), c.name)
			res, err := r.once(sc, c)
			if r.ctx.Err() != nil {
				return records, r.ctx.Err()
			}
			if err != nil {
				failed[c.name] = fmt.Errorf("%s on %s: %w", sc.name, c.name, err)
				continue
			}
			for _, metric := range metricOrder {
				if v, ok := res[metric]; ok {
					records = append(records, record{sc.name, c.name, run + 1, metric, v, r.origin})
				}
			}
		}
	}
	fmt.Fprint(r.progress, "\r\033[K")
	var all []error
	for _, c := range r.candidates {
		all = append(all, failed[c.name])
	}
	return records, errors.Join(all...)
}

// once starts a server, measures it and ends it.
func (r *runner) once(sc scenario, c candidate) (res result, err error) {
	s, err := start(r.ctx, c, r.serverCPU, r.workDir, sc.flags)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	b := *r.bench
	b.duration = max(b.duration, sc.minDuration)
	if b.scale < 1 {
		b.duration = r.duration
	}
	runtime.GC() // so that the last run's garbage is not collected in this one
	watch, err := watchOutsiders(s.pid)
	if err != nil {
		return nil, err
	}
	res, err = sc.measure(&b, s)
	if err != nil && !errors.Is(err, errSkipped) && r.ctx.Err() == nil {
		return nil, fmt.Errorf("%w; its log ends: %s", err, s.logTail())
	}
	if err != nil {
		return nil, err
	}
	res[metricForeign], err = watch.percent(s.pid)
	return res, err
}

// outsiders watches how much CPU goes to neither the server nor this program and its children: kernel threads
// that write journals, but also whatever else the machine does. Where the share is high, figures are worth less.
type outsiders struct {
	began              time.Time
	busy, server, self time.Duration
}

func watchOutsiders(pid int) (outsiders, error) {
	busy, err := busyTime()
	if err != nil {
		return outsiders{}, err
	}
	server, err := cpuTime(pid)
	if err != nil {
		return outsiders{}, err
	}
	self, err := selfTime()
	return outsiders{began: time.Now(), busy: busy, server: server, self: self}, err
}

// percent returns the outsiders' share of all CPUs since the watch began.
func (o outsiders) percent(pid int) (float64, error) {
	now, err := watchOutsiders(pid)
	if err != nil {
		return 0, err
	}
	foreign := now.busy - o.busy - (now.server - o.server) - (now.self - o.self)
	whole := time.Duration(runtime.NumCPU()) * now.began.Sub(o.began)
	return 100 * float64(max(foreign, 0)) / float64(max(whole, 1)), nil
}

// selfTime returns the CPU time of this program and of its children that have ended. Servers are in it once they
// end, which is never between the two readings of a watch.
func selfTime() (time.Duration, error) {
	var total time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var use unix.Rusage
		if err := unix.Getrusage(who, &use); err != nil {
			return 0, err
		}
		total += time.Duration(use.Utime.Nano() + use.Stime.Nano())
	}
	return total, nil
}
