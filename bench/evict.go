//go:build linux

// Eviction: hit ratios of a cache that is read through (GET, and on a miss SET), at the same resident memory for every
// server and policy; and memory that is given back after deletions.

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"
)

const evictSet = "evict"

const (
	cacheResident = 64 << 20  // bytes that each server may keep resident
	cacheValue    = 400       // bytes of a value
	cacheKeys     = 1_000_000 // that there are
	cacheWarm     = 700_000   // requests before the hits are counted
	cacheRequests = 900_000
	cacheBatch    = 64
)

// cacheScenarios are each workload under each policy. redis-server has no policy like allkeys-s3fifo: there it is compared
// with the better one of its two.
func cacheScenarios() []scenario {
	var all []scenario
	for _, w := range cacheWorkloads {
		for _, p := range []struct{ name, redix, base string }{
			{"lru", "allkeys-lru", "allkeys-lru"}, {"lfu", "allkeys-lfu", "allkeys-lfu"}, {"s3fifo", "allkeys-s3fifo", w.best},
		} {
			about := w.about + ", " + p.redix
			if p.base != p.redix {
				about += " (redis-server: " + p.base + ")"
			}
			all = append(all, scenario{name: "evict-" + w.name + "-" + p.name, about: about, set: evictSet, maxRuns: 1,
				flags: noJournal, bounds: atLeast(metricHits, 1, 1.02), measure: hitRatio(w, p.redix, p.base)})
		}
	}
	return append(all, scenario{name: "give-back", about: "1.2 M keys of 100 to 300 B, 70 % deleted at random, refilled with 400 to 900 B: resident to used memory",
		set: evictSet, maxRuns: 1, flags: noJournal, measure: giveBack,
		bounds: append(atMost(metricFragmentation, 1, 1), ownAtMost(metricFragmentation, 1.25, 1.15))})
}

// cacheWorkload draws the keys of requests, numbers below cacheKeys.
type cacheWorkload struct {
	name, about, best string
	draw              func(keys int, random *rand.Rand) func() int
}

var cacheWorkloads = []cacheWorkload{
	{"zipf80", "Zipf 0.8", "allkeys-lfu", func(keys int, r *rand.Rand) func() int { return zipf(keys, 0.8, r) }},
	{"zipf99", "Zipf 0.99", "allkeys-lfu", func(keys int, r *rand.Rand) func() int { return zipf(keys, 0.99, r) }},
	{"scan", "Zipf 0.99 and, half of the time, as many keys once each", "allkeys-lfu", func(keys int, r *rand.Rand) func() int {
		popular := zipf(keys/4, 0.99, r)
		n, next := 0, 0
		return func() int {
			if n++; n/100_000%2 == 1 && n%2 == 0 {
				next++
				return keys/4 + next%(keys-keys/4)
			}
			return popular()
		}
	}},
	{"shift", "Zipf 0.9 over a set that is another one after each 400 k requests", "allkeys-lru", func(keys int, r *rand.Rand) func() int {
		popular := zipf(keys/4, 0.9, r)
		n := 0
		return func() int {
			n++
			return (popular() + n/400_000*(keys/4)) % keys
		}
	}},
}

// zipf draws numbers below n, number i with a chance in proportion to 1/(i+1)^s, for s below 1, too.
func zipf(n int, s float64, random *rand.Rand) func() int {
	sums := make([]float64, n)
	sum := 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -s)
		sums[i] = sum
	}
	return func() int {
		i, _ := slices.BinarySearch(sums, random.Float64()*sum)
		return min(i, n-1)
	}
}

// cacheClient reads through a cache, by one connection, in batches.
type cacheClient struct {
	nc     net.Conn
	in     *bufio.Reader
	out    []byte
	value  []byte
	missed map[int]bool
}

func dialCache(s *server) (*cacheClient, error) {
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return nil, err
	}
	return &cacheClient{nc: nc, in: bufio.NewReaderSize(nc, 64<<10), value: make([]byte, cacheValue), missed: map[int]bool{}}, nil
}

func appendKeyed(dst []byte, head string, key int, value []byte) []byte {
	dst = append(dst, head...)
	dst = fmt.Appendf(dst, "$16\r\nkey:%012d\r\n", key)
	if value != nil {
		dst = strconv.AppendInt(append(dst, '$'), int64(len(value)), 10)
		dst = append(append(append(dst, "\r\n"...), value...), "\r\n"...)
	}
	return dst
}

// batch asks for some keys and sets those that are not there. A key that comes twice in a batch misses twice.
func (c *cacheClient) batch(keys []int) (hits int, err error) {
	c.out = c.out[:0]
	for _, k := range keys {
		c.out = appendKeyed(c.out, "*2\r\n$3\r\nGET\r\n", k, nil)
	}
	if _, err := c.nc.Write(c.out); err != nil {
		return 0, err
	}
	clear(c.missed)
	c.out = c.out[:0]
	for _, k := range keys {
		n, err := c.bulk()
		if err != nil {
			return 0, err
		}
		if n >= 0 {
			hits++
		} else if !c.missed[k] {
			c.missed[k] = true
			c.out = appendKeyed(c.out, "*3\r\n$3\r\nSET\r\n", k, c.value)
		}
	}
	if _, err := c.nc.Write(c.out); err != nil {
		return 0, err
	}
	for range c.missed {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if line[0] != '+' {
			return 0, fmt.Errorf("reply to SET: %q", line)
		}
	}
	return hits, nil
}

// bulk passes over a bulk string and returns its length, -1 for null.
func (c *cacheClient) bulk() (int, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 || line[0] != '$' {
		return 0, fmt.Errorf("reply to GET: %q", line)
	}
	n, err := strconv.Atoi(string(line[1 : len(line)-2]))
	if err != nil || n < 0 {
		return n, err
	}
	_, err = c.in.Discard(n + 2)
	return n, err
}

// hitRatio sets a policy, fills the cache, brings resident memory to its goal by moving maxmemory, and counts hits.
func hitRatio(w cacheWorkload, redix, base string) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		policy := base
		if s.name == redixName {
			policy = redix
		}
		goal := int64(b.count(cacheResident))
		limit := goal * 3 / 5
		setLimit := func() error {
			_, err := s.control.do("CONFIG", "SET", "maxmemory", strconv.FormatInt(limit, 10), "maxmemory-policy", policy)
			return err
		}
		if err := setLimit(); err != nil {
			return nil, err
		}
		c, err := dialCache(s)
		if err != nil {
			return nil, err
		}
		defer c.nc.Close()
		draw := w.draw(b.count(cacheKeys), rand.New(rand.NewPCG(1, 2)))
		keys := make([]int, cacheBatch)
		run := func(n int) (hits int, err error) {
			for range n / cacheBatch {
				for i := range keys {
					keys[i] = draw()
				}
				h, err := c.batch(keys)
				if err != nil {
					return 0, err
				}
				if hits += h; b.ctx.Err() != nil {
					return 0, b.ctx.Err()
				}
			}
			return hits, nil
		}
		const corrections = 8
		for range corrections {
			if _, err := run(b.count(cacheWarm) / corrections); err != nil {
				return nil, err
			}
			resident, err := residentBytes(s.pid)
			if err != nil {
				return nil, err
			}
			limit = max(limit+(goal-resident)/2, goal/4) // half-way: what has become resident may stay so
			if err := setLimit(); err != nil {
				return nil, err
			}
		}
		began := time.Now()
		cpu, err := cpuTime(s.pid)
		if err != nil {
			return nil, err
		}
		n := b.count(cacheRequests)
		hits, err := run(n)
		if err != nil {
			return nil, err
		}
		took := time.Since(began)
		after, err := cpuTime(s.pid)
		if err != nil {
			return nil, err
		}
		resident, err := residentBytes(s.pid)
		if err != nil {
			return nil, err
		}
		size, err := s.control.size()
		return result{metricHits: 100 * float64(hits) / float64(n), metricKeys: float64(size), metricResident: float64(resident),
			metricRate: float64(n) / took.Seconds(), metricCPU: microseconds(after-cpu) / float64(n)}, err
	}
}

// settleAfter is how long resident memory must not have fallen to count as settled: redix gives slabs back at the end of a compaction,
// which takes some 2 s here.
const settleAfter = 5 * time.Second

// giveBack fills, deletes, refills with other sizes, and waits until resident memory has stopped falling.
func giveBack(b *bench, s *server) (result, error) {
	c, err := dialCache(s)
	if err != nil {
		return nil, err
	}
	defer c.nc.Close()
	n := b.count(1_200_000)
	random := rand.New(rand.NewPCG(3, 4))
	var value [1024]byte
	send := func(from, to int, command func(dst []byte, i int) []byte) error {
		for i := from; i < to; {
			c.out = c.out[:0]
			asked := 0
			for ; i < to && asked < 256; i++ {
				before := len(c.out)
				if c.out = command(c.out, i); len(c.out) > before {
					asked++
				}
			}
			if _, err := c.nc.Write(c.out); err != nil {
				return err
			}
			for range asked {
				if line, err := c.in.ReadSlice('\n'); err != nil || line[0] == '-' {
					return errors.Join(err, fmt.Errorf("reply %q", line))
				}
			}
		}
		return nil
	}
	set := func(low, high int) func(dst []byte, i int) []byte {
		return func(dst []byte, i int) []byte {
			return appendKeyed(dst, "*3\r\n$3\r\nSET\r\n", i, value[:low+random.IntN(high-low+1)])
		}
	}
	if err := send(0, n, set(100, 300)); err != nil {
		return nil, err
	}
	full, err := residentBytes(s.pid)
	if err != nil {
		return nil, err
	}
	if err := send(0, n, func(dst []byte, i int) []byte {
		if random.IntN(10) < 7 {
			return appendKeyed(dst, "*2\r\n$3\r\nDEL\r\n", i, nil)
		}
		return dst
	}); err != nil {
		return nil, err
	}
	if err := send(n, n+n/15, set(400, 900)); err != nil {
		return nil, err
	}
	began := time.Now()
	resident, last := full, time.Now()
	for time.Since(last) < settleAfter && time.Since(began) < 20*time.Second {
		if err := b.pause(100 * time.Millisecond); err != nil {
			return nil, err
		}
		now, err := residentBytes(s.pid)
		if err != nil {
			return nil, err
		}
		if now < resident*99/100 {
			resident, last = now, time.Now()
		}
	}
	used, _, err := s.control.infoNumber("memory", "used_memory")
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return result{metricFragmentation: float64(resident) / used, metricResident: float64(resident), metricSeconds: last.Sub(began).Seconds()}, nil
}
