//go:build linux

// Snapshots and journal rewrites of a large keyspace under load, and starts from what they left.

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"redix/bench/load"
)

const (
	savedKeys    = 8_000_000
	savedBytes   = 128
	savePoll     = 20 * time.Millisecond
	normalTime   = 8 * time.Second
	normalLimit  = 20 * time.Second
	saveLimit    = 150 * time.Second
	loadLimit    = 150 * time.Second
	savedScript  = 1 << 19 // commands encoded beforehand, of random keys
	saveWarmup   = 200 * time.Millisecond
	memoryPeriod = 10 * time.Millisecond
)

func saveScenarios() []scenario {
	const eight = "8 M keys of 16 + 128 B, "
	bounds := func(more ...bound) []bound {
		return append([]bound{ownAtMost(metricExtraMemory, 5, 2), {metric: metricRateShare, atLeast: true, must: 0.75, aim: 0.9},
			ownAtMost(metricExtraMax, 5000, 2000)}, more...)
	}
	rewritten := append([]string{"--auto-aof-rewrite-percentage", "0"}, everysec...)
	return []scenario{
		{name: "bgsave-8m", about: eight + "50 writers: before, during and after a BGSAVE", flags: noJournal, maxRuns: 3, byName: true,
			bounds: bounds(), measure: whileSaving("BGSAVE", "rdb_bgsave_in_progress", "rdb_last_cow_size")},
		{name: "rewrite-8m", about: eight + "50 writers, everysec: before, during and after a BGREWRITEAOF", flags: rewritten, maxRuns: 3,
			byName: true, bounds: bounds(atMost(metricP999, 0.5, 0.2)...),
			measure: whileSaving("BGREWRITEAOF", "aof_rewrite_in_progress", "aof_last_cow_size")},
		{name: "load-rdb-8m", about: "start with a snapshot of " + strings.TrimSuffix(eight, ", "), flags: noJournal, maxRuns: 3, byName: true,
			bounds: atMost(metricSeconds, 1, 0.6), measure: startAgain(true)},
		{name: "load-aof-8m", about: "start with a journal of as many SETs", flags: rewritten, maxRuns: 3, byName: true,
			bounds: atMost(metricSeconds, 1, 0.6), measure: startAgain(false)},
	}
}

func appendSavedSet(dst []byte, key int) []byte {
	return appendValue(appendKey(header(dst, 3, "SET"), key), key, savedBytes)
}

// untilDone is a source that ends when it is told to.
type untilDone struct {
	load.Source
	done atomic.Bool
}

// Next returns the next batch, none once done.
func (u *untilDone) Next(dst []byte) ([]byte, int) {
	if u.done.Load() {
		return nil, 0
	}
	return u.Source.Next(dst)
}

// whileSaving measures 50 writers without, with and again without a snapshot that command starts. running is the field of INFO
// that is 1 meanwhile, copied the one that tells what a forked child's memory came to. The longest reply of a long time is longer
// than that of a short one, whatever the server does: what the machine does by itself now and then is in it. So it is
// compared with the longest of about as long a time, before the snapshot and after it. The rate without one drifts by a
// quarter within a minute, on the same machine under the same load: the one meanwhile is compared with the mean of both.
func whileSaving(command, running, copied string) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		keys := b.count(savedKeys)
		if _, err := fill(b, s, keys, appendSavedSet); err != nil {
			return nil, err
		}
		before, err := settledBytes(b, s)
		if err != nil {
			return nil, err
		}
		random := rand.New(rand.NewPCG(1, 1))
		script := load.NewScript(b.count(savedScript), 1, func(dst []byte, _ int) []byte { return appendSavedSet(dst, random.IntN(keys)) })
		loop := load.Closed{Port: s.port, Conns: clientCount, Source: script, Warmup: saveWarmup, Duration: scaled(b, normalTime)}
		normal, err := loop.Run(b.ctx)
		if err := errors.Join(err, refused(normal)); err != nil {
			return nil, err
		}
		source := &untilDone{Source: script}
		w := saveWatch{server: s, running: running, peak: before}
		ended := make(chan error, 1)
		loop.Source, loop.Duration = source, 0
		loop.Begin = func() {
			err := s.forgetRounds()
			if err == nil {
				_, err = s.control.do(command)
			}
			w.began = time.Now()
			go func() {
				if err == nil {
					err = w.run(b.ctx)
				}
				source.done.Store(true)
				ended <- err
			}()
		}
		meanwhile, err := loop.Run(b.ctx)
		if err := errors.Join(err, <-ended, refused(meanwhile)); err != nil {
			return nil, err
		}
		r := latencies(meanwhile)
		if err := s.longestRound(r); err != nil {
			return nil, err
		}
		extra := float64(w.peak - before)
		if w.forked {
			child, _, err := s.control.infoNumber("persistence", copied)
			if err != nil {
				return nil, err
			}
			extra += child
		}
		loop.Source, loop.Begin = script, nil
		loop.Duration = max(min(w.took, normalLimit)-normalTime, scaled(b, normalTime))
		after, err := loop.Run(b.ctx)
		if err := errors.Join(err, refused(after)); err != nil {
			return nil, err
		}
		normalMax := max(normal.Latency.Max(), after.Latency.Max())
		normalRate := (normal.PerSecond() + after.PerSecond()) / 2
		r[metricRate] = meanwhile.PerSecond()
		r[metricNormalRate] = normalRate
		r[metricRateShare] = ratio(meanwhile.PerSecond(), normalRate)
		r[metricExtraMemory] = 100 * extra / float64(before)
		r[metricExtraMax] = max(0, microseconds(time.Duration(meanwhile.Latency.Max()-normalMax)))
		r[metricSeconds] = w.took.Seconds()
		return r, nil
	}
}

// scaled shortens a time in tests.
func scaled(b *bench, d time.Duration) time.Duration {
	if b.scale < 1 {
		return b.duration
	}
	return d
}

// saveWatch follows a snapshot from outside: its end, and what the process takes meanwhile.
type saveWatch struct {
	server  *server
	running string
	began   time.Time
	took    time.Duration
	peak    int64
	forked  bool
}

func (w *saveWatch) run(ctx context.Context) error {
	asked := time.Now()
	for {
		bytes, err := glimpsedBytes(w.server.pid)
		if err != nil {
			return err
		}
		w.peak = max(w.peak, bytes)
		w.forked = w.forked || hasChild(w.server.pid)
		if time.Since(asked) >= savePoll {
			asked = time.Now()
			v, _, err := w.server.control.infoNumber("persistence", w.running)
			if err != nil {
				return err
			}
			if v == 0 {
				w.took = time.Since(w.began)
				return nil
			}
		}
		if time.Since(w.began) > saveLimit {
			return fmt.Errorf("%s is still 1 after %v", w.running, saveLimit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(memoryPeriod):
		}
	}
}

// hasChild reports whether a process has forked.
func hasChild(pid int) bool {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return err == nil && len(children) > 0
}

// startAgain measures how long a server takes to start with what is on its disk: its journal, or a snapshot.
func startAgain(snapshot bool) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		keys := b.count(savedKeys)
		if _, err := fill(b, s, keys, appendSavedSet); err != nil {
			return nil, err
		}
		if snapshot {
			if err := s.saved(); err != nil {
				return nil, err
			}
		}
		took, err := s.restart(b)
		if err != nil {
			return nil, err
		}
		size, err := s.control.size()
		if err != nil {
			return nil, err
		}
		if size != int64(keys) {
			return nil, fmt.Errorf("%d keys after the start, want %d", size, keys)
		}
		return result{metricSeconds: took.Seconds()}, nil
	}
}

// saved has the server write a snapshot.
func (s *server) saved() error {
	if _, err := s.control.do("BGSAVE"); err != nil {
		return err
	}
	for end := time.Now().Add(saveLimit); time.Now().Before(end); time.Sleep(savePoll) {
		v, _, err := s.control.infoNumber("persistence", "rdb_bgsave_in_progress")
		if err != nil || v == 0 {
			return err
		}
	}
	return errors.New("the snapshot does not end")
}

// restart ends the server and starts it again in the same directory. It returns the time from there until it serves.
func (s *server) restart(b *bench) (time.Duration, error) {
	s.control.close()
	s.control = nil
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		return 0, errors.New("the server does not end")
	}
	cmd := exec.Command(s.cmd.Args[0], s.cmd.Args[1:]...)
	cmd.Dir, cmd.SysProcAttr = s.cmd.Dir, s.cmd.SysProcAttr
	log, err := os.OpenFile(s.dir+"/server.log", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	begin := time.Now()
	if b.serverCPU < 0 {
		err = cmd.Start()
	} else {
		err = onCPU(b.serverCPU, cmd.Start)
	}
	if err != nil {
		return 0, err
	}
	s.cmd, s.pid, s.exited = cmd, cmd.Process.Pid, make(chan struct{})
	exited := s.exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	err = s.awaitReadyFor(b.ctx, loadLimit)
	return time.Since(begin), err
}
