//go:build linux

// Memory: how much the resident set grows for what is stored, and what the collector makes of ten million keys.

package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"redix/bench/load"

	"github.com/tidwall/redcon"
)

// dataset is content to load, the same at every run.
type dataset struct {
	count  int // commands, and what the growth is divided by
	keys   func(count int) int
	encode load.Encode
}

func everyKey(count int) int { return count }
func oneKey(int) int         { return 1 }

var (
	stringKeys = dataset{count: 1_000_000, keys: everyKey, encode: appendSet}
	ttlKeys    = dataset{count: 1_000_000, keys: everyKey, encode: func(dst []byte, i int) []byte {
		dst = appendValue(appendKey(header(dst, 5, "SET"), i), i, valueBytes)
		return redcon.AppendBulkString(redcon.AppendBulkString(dst, "EX"), "100000")
	}}
	// 15 B of key and five fields of 2 + 10 B: a payload of 75 B.
	smallHashes = dataset{count: 100_000, keys: everyKey, encode: func(dst []byte, i int) []byte {
		dst = append(header(dst, 12, "HSET"), "$15\r\nhash:"...)
		dst = append(appendDigits(dst, i, 10), "\r\n"...)
		for f := range 5 {
			dst = append(dst, "$2\r\nf"...)
			dst = append(dst, byte('0'+f), '\r', '\n')
			dst = appendValue(dst, i*5+f, 10)
		}
		return dst
	}}
	// Fields of 10 B and values of 14 B.
	bigHash = dataset{count: 1_000_000, keys: oneKey, encode: func(dst []byte, i int) []byte {
		dst = redcon.AppendBulkString(header(dst, 4, "HSET"), "bighash")
		dst = append(dst, "$10\r\nf"...)
		dst = append(appendDigits(dst, i, 9), "\r\n"...)
		return appendValue(dst, i, 14)
	}}
)

// memoryPer measures the growth of the resident set, and of used_memory, for each of d.count pieces.
func memoryPer(d dataset) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		n := b.count(d.count)
		usedBefore, _, err := s.control.infoNumber("memory", "used_memory") // first: a server's first INFO touches memory, too
		if err != nil {
			return nil, err
		}
		before, err := settledBytes(b, s)
		if err != nil {
			return nil, err
		}
		cpuBefore, err := cpuTime(s.pid)
		if err != nil {
			return nil, err
		}
		stats, err := fill(b, s, n, d.encode)
		if err != nil {
			return nil, err
		}
		cpuAfter, err := cpuTime(s.pid)
		if err != nil {
			return nil, err
		}
		after, err := settledBytes(b, s)
		if err != nil {
			return nil, err
		}
		usedAfter, hasUsed, err := s.control.infoNumber("memory", "used_memory")
		if err != nil {
			return nil, err
		}
		size, err := s.control.size()
		if err != nil {
			return nil, err
		}
		if want := int64(d.keys(n)); size != want {
			return nil, fmt.Errorf("%d keys after loading, want %d", size, want)
		}
		r := result{
			metricRate:   stats.PerSecond(),
			metricCPU:    microseconds(cpuAfter-cpuBefore) / float64(n),
			metricGrowth: float64(after - before),
			metricPerKey: float64(after-before) / float64(n),
		}
		if hasUsed {
			r[metricUsedPerKey] = (usedAfter - usedBefore) / float64(n)
		}
		return r, nil
	}
}

// settledBytes waits until the resident set has stopped moving, for at most 5 s, and returns it.
func settledBytes(b *bench, s *server) (int64, error) {
	last, err := residentBytes(s.pid)
	for range 20 {
		if err := errors.Join(err, b.pause(250*time.Millisecond)); err != nil {
			return 0, err
		}
		var now int64
		now, err = residentBytes(s.pid)
		if err == nil && abs(now-last) <= last/500 {
			return now, nil
		}
		last = now
	}
	return last, err
}

func abs(n int64) int64 { return max(n, -n) }

// collectorCost loads and reads ten million keys and asks the server what its garbage collector did meanwhile.
func collectorCost(b *bench, s *server) (result, error) {
	if _, ok, err := s.control.infoNumber("go", metricGCCPU); err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("%w: no field %s in INFO go", errSkipped, metricGCCPU))
	}
	n := b.count(10_000_000)
	stats, err := fill(b, s, n, appendSet)
	if err != nil {
		return nil, err
	}
	read := get
	random := uint32(1)
	script := load.NewScript(max(1, b.count(scriptCommands)/16), 16, func(dst []byte, _ int) []byte {
		random = random*1664525 + 1013904223
		return read.encode(dst, int(random)%n, nil)
	})
	reads, err := load.Closed{Port: s.port, Conns: clientCount, Source: script, Duration: 2 * b.duration}.Run(b.ctx)
	if err := errors.Join(err, refused(reads)); err != nil {
		return nil, err
	}
	fields, err := s.control.info("go")
	if err != nil {
		return nil, err
	}
	r := latencies(reads)
	r[metricRate] = stats.PerSecond()
	for _, m := range []string{metricGCCPU, metricGCPause, metricGCPauses} {
		v, err := strconv.ParseFloat(fields[m], 64)
		if err != nil {
			return nil, fmt.Errorf("INFO go: field %s: %w", m, err)
		}
		r[m] = v
	}
	resident, err := residentBytes(s.pid)
	if err != nil {
		return nil, err
	}
	r[metricPerKey] = float64(resident) / float64(n)
	return r, nil
}
