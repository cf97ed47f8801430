//go:build linux

// Expiry: how fast the memory of expired keys comes back, and what other clients feel meanwhile.

package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"redix/bench/load"

	"github.com/tidwall/redcon"
)

const (
	expireKeys    = 2_000_000
	lastingKeys   = 1000 // keys without a deadline, which the measured GETs read
	getRate       = 2000 // a second
	expireSpread  = time.Second
	normalWindow  = 2 * time.Second
	backLimit     = 120 * time.Second
	pollInterval  = 20 * time.Millisecond
	memorySlack   = 0.05 // used_memory counts as back when it has lost all but this share of its growth
	volatileKeys  = 100_000
	dueKeys       = 1000
	dueGrace      = time.Second
	firstLeadTime = 8 * time.Second
)

// appendSetAt appends SET key value PXAT deadline.
func appendSetAt(dst []byte, key int, deadlineMs int64) []byte {
	dst = appendValue(appendKey(header(dst, 5, "SET"), key), key, valueBytes)
	dst = redcon.AppendBulkString(dst, "PXAT")
	return redcon.AppendBulkString(dst, strconv.FormatInt(deadlineMs, 10))
}

// expireMany measures, on a timeline like this:
//
//	load ──── normal p99 ────┤first deadline ── last deadline├──────── all back
//	                         ├── p99 while expiring ─────────────────────────┤
//	                                                         ├ keys_back_s   ┤
//
// keys_back_s and memory_back_s count from the last deadline; 0 if all was back before it.
func expireMany(b *bench, s *server) (result, error) {
	n := b.count(expireKeys)
	if _, err := fill(b, s, lastingKeys, appendSet); err != nil {
		return nil, err
	}
	usedBefore, _, err := s.control.infoNumber("memory", "used_memory")
	if err != nil {
		return nil, err
	}
	first, err := fillBefore(b, s, n)
	if err != nil {
		return nil, err
	}
	usedFull, _, err := s.control.infoNumber("memory", "used_memory")
	if err != nil {
		return nil, err
	}
	normal, err := pacedGets(b, s, func(time.Duration) bool { return time.Until(first) < 100*time.Millisecond })
	if err != nil {
		return nil, err
	}
	w := &backWatch{server: s, last: first.Add(expireSpread), usedGoal: usedBefore + memorySlack*(usedFull-usedBefore)}
	done := make(chan error, 1)
	if err := b.pause(time.Until(first)); err != nil {
		return nil, err
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		done <- w.run(stop)
		close(ended)
	}()
	meanwhile, err := pacedGets(b, s, func(time.Duration) bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	close(stop)
	if err := errors.Join(err, <-done); err != nil {
		return nil, err
	}
	r := latencies(meanwhile)
	r[metricNormalP99] = microseconds(load.Quantile(normal.Latency, 0.99))
	r[metricP99Ratio] = ratio(r[metricP99], r[metricNormalP99])
	r[metricKeysBack] = w.keysBack.Seconds()
	r[metricMemoryBack] = w.memoryBack.Seconds()
	return r, nil
}

// fillBefore loads n keys whose deadlines lie within one second, starting at the time it returns. If loading takes
// longer than the lead it gave itself, it starts again with twice the lead.
func fillBefore(b *bench, s *server, n int) (first time.Time, err error) {
	for lead := firstLeadTime; lead < 2*time.Minute; lead *= 2 {
		first = time.Now().Add(lead)
		firstMs, spreadMs := first.UnixMilli(), expireSpread.Milliseconds()
		if _, err := fill(b, s, n, func(dst []byte, i int) []byte {
			return appendSetAt(dst, lastingKeys+i, firstMs+int64(i)%spreadMs)
		}); err != nil {
			return first, err
		}
		if time.Until(first) > normalWindow {
			return first, nil
		}
	}
	return first, fmt.Errorf("%d keys take longer than a minute to load", n)
}

// pacedGets reads the lasting keys at a fixed rate until done.
func pacedGets(b *bench, s *server, done func(time.Duration) bool) (load.Stats, error) {
	script := load.NewScript(lastingKeys, 1, func(dst []byte, i int) []byte { return get.encode(dst, i, nil) })
	stats, err := load.Paced{Port: s.port, Conns: 4, Source: script, Rate: getRate, Done: done}.RunPaced(b.ctx)
	return stats, errors.Join(err, refused(stats))
}

// backWatch asks the server, over its control connection, how much of what expired is still there.
type backWatch struct {
	server               *server
	last                 time.Time // the last deadline
	usedGoal             float64   // bytes
	keysBack, memoryBack time.Duration
}

// run returns when keys and memory are back, when stop is closed, or with an error after backLimit.
func (w *backWatch) run(stop <-chan struct{}) error {
	keys, memory := false, false
	for {
		fields, err := w.server.control.info("memory")
		if err != nil {
			return err
		}
		used, err := strconv.ParseFloat(fields["used_memory"], 64)
		if err != nil {
			return fmt.Errorf("INFO field used_memory: %w", err)
		}
		size, err := w.server.control.size()
		if err != nil {
			return err
		}
		late := max(0, time.Since(w.last))
		if !keys && size <= lastingKeys {
			keys, w.keysBack = true, late
		}
		if !memory && keys && used <= w.usedGoal {
			memory, w.memoryBack = true, late
		}
		if keys && memory {
			return nil
		}
		if late > backLimit {
			return fmt.Errorf("after %v still %d keys and %s B more than wanted", backLimit, size, number(used-w.usedGoal))
		}
		select {
		case <-stop:
			return nil
		case <-time.After(pollInterval):
		}
	}
}

// expireFew counts how many of 1,000 due keys the server still holds a second after the last fell due, when 100 k
// others have deadlines far away and no client touches any of them. A server may hide expired keys from DBSIZE or
// count one as expired before it is gone: what both agree on is gone.
func expireFew(b *bench, s *server) (result, error) {
	far := time.Now().Add(100_000 * time.Second).UnixMilli()
	n := b.count(volatileKeys)
	if _, err := fill(b, s, n, func(dst []byte, i int) []byte { return appendSetAt(dst, i, far) }); err != nil {
		return nil, err
	}
	due := time.Now().Add(500 * time.Millisecond)
	if _, err := fill(b, s, dueKeys, func(dst []byte, i int) []byte {
		return appendSetAt(dst, n+i, due.UnixMilli())
	}); err != nil {
		return nil, err
	}
	if time.Now().After(due) {
		return nil, errors.New("the due keys took half a second to load")
	}
	before, _, err := s.control.infoNumber("stats", "expired_keys")
	if err != nil {
		return nil, err
	}
	if err := b.pause(time.Until(due.Add(dueGrace))); err != nil {
		return nil, err
	}
	after, ok, err := s.control.infoNumber("stats", "expired_keys")
	if err != nil {
		return nil, err
	}
	size, err := s.control.size()
	if err != nil {
		return nil, err
	}
	held := float64(size) - float64(n)
	if ok {
		held = max(held, dueKeys-(after-before))
	}
	return result{metricHeld: held}, nil
}
