//go:build linux

// Throughput, latency and CPU per command under a closed loop, by our own generator and by redis-benchmark.

package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"time"

	"redix/bench/load"

	"github.com/tidwall/redcon"
)

const (
	keyCount    = 100_000
	clientCount = 50
	valueBytes  = 64
	// scriptCommands is how many commands are encoded beforehand: more than there are keys, so that nearly all keys
	// are touched before the script repeats.
	scriptCommands = 1 << 17
)

// workload is a command over keyCount keys.
type workload struct {
	name    string
	command string
	// encode appends the command for one key number; random is for commands that need more.
	encode  func(dst []byte, key int, random *rand.Rand) []byte
	share   int      // a script holds scriptCommands/share commands
	preload bool     // fill all keys with SET first
	rb      []string // the same for redis-benchmark; nil if it has no such test
}

var (
	get = workload{name: "get", command: "GET", share: 1, preload: true, rb: []string{"-t", "get"},
		encode: func(dst []byte, key int, _ *rand.Rand) []byte { return appendKey(header(dst, 2, "GET"), key) }}
	set = workload{name: "set", command: "SET", share: 1, preload: true, rb: []string{"-t", "set"},
		encode: func(dst []byte, key int, _ *rand.Rand) []byte { return appendSet(dst, key) }}
	incr = workload{name: "incr", command: "INCR", share: 1,
		encode: func(dst []byte, key int, _ *rand.Rand) []byte { return appendKey(header(dst, 2, "INCR"), key) }}
	hset = workload{name: "hset", command: "HSET on one hash", share: 1,
		encode: func(dst []byte, key int, _ *rand.Rand) []byte {
			dst = redcon.AppendBulkString(header(dst, 4, "HSET"), "myhash")
			return appendValue(appendKey(dst, key), key, 16)
		}}
	mset = workload{name: "mset10", command: "MSET of 10 keys", share: 8, preload: true,
		encode: func(dst []byte, key int, random *rand.Rand) []byte {
			dst = header(dst, 21, "MSET")
			for range 10 {
				dst = appendValue(appendKey(dst, key), key, valueBytes)
				key = random.IntN(keyCount)
			}
			return dst
		}}
)

func header(dst []byte, args int, name string) []byte {
	return redcon.AppendBulkString(redcon.AppendArray(dst, args), name)
}

// appendKey appends key number n as redis-benchmark names it: 16 bytes, "key:000000000042".
func appendKey(dst []byte, n int) []byte {
	dst = append(dst, "$16\r\nkey:"...)
	dst = appendDigits(dst, n, 12)
	return append(dst, "\r\n"...)
}

// appendDigits appends n in decimal, filled with zeros to width digits.
func appendDigits(dst []byte, n, width int) []byte {
	at := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := at + width - 1; i >= at && n > 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// appendValue appends a value of size bytes that depends on n only, and that no compression would halve.
func appendValue(dst []byte, n, size int) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, "\r\n"...)
	x := uint64(n)*0x9e3779b97f4a7c15 + 1
	for range size {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		dst = append(dst, 'A'+byte(x>>32)&63)
	}
	return append(dst, "\r\n"...)
}

func appendSet(dst []byte, key int) []byte {
	return appendValue(appendKey(header(dst, 3, "SET"), key), key, valueBytes)
}

// fill sends commands 0 to n-1 pipelined over one connection, so that their order is always the same.
func fill(b *bench, s *server, n int, encode load.Encode) (load.Stats, error) {
	stats, err := load.Closed{Port: s.port, Conns: 1, Source: &load.Sequence{Count: n, Depth: 128, Encode: encode}}.Run(b.ctx)
	return stats, errors.Join(err, refused(stats))
}

// refused turns error replies into an error.
func refused(stats load.Stats) error {
	if stats.Errors == 0 {
		return nil
	}
	return fmt.Errorf("%d error replies, the first: %s", stats.Errors, stats.FirstError)
}

// closedLoop measures w at one pipeline depth with the load package.
func closedLoop(w workload, depth int) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		keys := b.count(keyCount)
		if w.preload {
			if _, err := fill(b, s, keys, appendSet); err != nil {
				return nil, err
			}
		}
		random := rand.New(rand.NewPCG(1, uint64(depth)))
		batches := max(1, b.count(scriptCommands)/w.share/depth)
		return timed(b, s, load.Closed{Conns: clientCount, Warmup: b.duration / 5,
			Source: load.NewScript(batches, depth, func(dst []byte, _ int) []byte { return w.encode(dst, random.IntN(keys), random) })})
	}
}

// timed measures a closed loop, whose server, duration and marks it sets, for b.duration or until its source ends.
func timed(b *bench, s *server, loop load.Closed) (result, error) {
	before, err := residentBytes(s.pid)
	if err != nil {
		return nil, err
	}
	var from, to, loadFrom, loadTo time.Duration
	var marks [4]error
	loop.Port, loop.Duration = s.port, b.duration
	loop.Begin = func() { from, marks[0] = cpuTime(s.pid); loadFrom, marks[1] = cpuTime(os.Getpid()) }
	loop.End = func() { to, marks[2] = cpuTime(s.pid); loadTo, marks[3] = cpuTime(os.Getpid()) }
	stats, err := loop.Run(b.ctx)
	if err := errors.Join(append(marks[:], err, refused(stats))...); err != nil {
		return nil, err
	}
	after, err := residentBytes(s.pid)
	if err != nil {
		return nil, err
	}
	r := latencies(stats)
	r[metricRate] = stats.PerSecond()
	r[metricCPU] = microseconds(to-from) / float64(max(stats.Commands, 1))
	r[metricLoadCPU] = microseconds(loadTo-loadFrom) / float64(max(stats.Commands, 1))
	r[metricGrowth] = float64(after - before)
	return r, nil
}

func latencies(stats load.Stats) result {
	return result{
		metricP50:  microseconds(load.Quantile(stats.Latency, 0.5)),
		metricP99:  microseconds(load.Quantile(stats.Latency, 0.99)),
		metricP999: microseconds(load.Quantile(stats.Latency, 0.999)),
		metricMax:  microseconds(time.Duration(stats.Latency.Max())),
	}
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// byRedisBenchmark measures w with redis-benchmark.
func byRedisBenchmark(w workload, depth int) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		if b.redisBenchmark == "" {
			return nil, errNoRedisBenchmark
		}
		if _, err := fill(b, s, b.count(keyCount), appendSet); err != nil {
			return nil, err
		}
		perSecond := 80_000.0
		if depth > 1 {
			perSecond = 600_000
		}
		requests := b.count(int(perSecond * b.duration.Seconds()))
		return redisBenchmark(b, s, depth, requests, append([]string{"-d", strconv.Itoa(valueBytes)}, w.rb...)...)
	}
}

var errNoRedisBenchmark = fmt.Errorf("%w: no redis-benchmark on this machine", errSkipped)

// redisBenchmark runs one test of redis-benchmark, which counts requests and not seconds, over keyCount random keys.
func redisBenchmark(b *bench, s *server, depth, requests int, test ...string) (result, error) {
	args := append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-c", strconv.Itoa(clientCount),
		"-P", strconv.Itoa(depth), "-n", strconv.Itoa(requests), "-r", strconv.Itoa(b.count(keyCount)), "--csv"}, test...)
	before, err := residentBytes(s.pid)
	if err != nil {
		return nil, err
	}
	from, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(b.ctx, b.redisBenchmark, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("redis-benchmark: %w", err)
	}
	to, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	after, err := residentBytes(s.pid)
	if err != nil {
		return nil, err
	}
	r, err := parseRedisBenchmark(out)
	if err != nil {
		return nil, err
	}
	r[metricCPU] = microseconds(to-from) / float64(requests)
	r[metricGrowth] = float64(after - before)
	return r, nil
}

// parseRedisBenchmark reads the --csv output of redis-benchmark: a line of names, and a line of figures for a test.
// Its latencies are in milliseconds. Lines before the names, warnings, are passed over.
func parseRedisBenchmark(out []byte) (result, error) {
	start := bytes.Index(out, []byte(`"test"`))
	if start < 0 {
		return nil, fmt.Errorf("redis-benchmark: no header in %.200q", out)
	}
	rows, err := csv.NewReader(bytes.NewReader(out[start:])).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("redis-benchmark: %w", err)
	}
	if len(rows) != 2 {
		return nil, fmt.Errorf("redis-benchmark: %d lines of figures, want 1", len(rows)-1)
	}
	columns := map[string]struct {
		metric string
		factor float64
	}{"rps": {metricRate, 1}, "p50_latency_ms": {metricP50, 1000}, "p99_latency_ms": {metricP99, 1000}, "max_latency_ms": {metricMax, 1000}}
	r := make(result)
	for i, name := range rows[0] {
		column, ok := columns[name]
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(rows[1][i], 64)
		if err != nil {
			return nil, fmt.Errorf("redis-benchmark: column %s: %w", name, err)
		}
		r[column.metric] = v * column.factor
	}
	if len(r) != len(columns) {
		return nil, fmt.Errorf("redis-benchmark: columns missing in %q", rows[0])
	}
	return r, nil
}
