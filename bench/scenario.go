//go:build linux

// Scenarios: what is measured and what is required. A scenario is data; the measuring functions are in the files
// named after them.

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Metrics, with the unit last. A result may hold any of them; reports print them in this order.
const (
	metricRate          = "ops_per_s"
	metricCPU           = "cpu_us_per_cmd"
	metricLoadCPU       = "load_us_per_cmd" // the generator's own; above cpu_us_per_cmd, it sets the throughput
	metricP50           = "p50_us"
	metricP99           = "p99_us"
	metricP999          = "p999_us"
	metricMax           = "max_us"
	metricRound         = "loop_round_max_us"       // the server's own figure
	metricFanout        = "fanout_slice_max_cpu_us" // the same
	metricGrowth        = "rss_growth_bytes"
	metricPerKey        = "bytes_per_key"
	metricUsedPerKey    = "used_memory_per_key"
	metricKeysBack      = "keys_back_s"
	metricMemoryBack    = "memory_back_s"
	metricNormalP99     = "normal_p99_us"
	metricP99Ratio      = "p99_to_normal"
	metricHeld          = "held_keys"
	metricPerConn       = "bytes_per_conn"
	metricPerFresh      = "bytes_per_fresh_conn"
	metricAnswered      = "answered"
	metricSeconds       = "seconds"
	metricWaitCPU       = "wait_cpu_percent"
	metricGCCPU         = "gc_cpu_percent"
	metricGCPause       = "gc_pause_max_us"
	metricGCPauses      = "gc_pauses"
	metricNormalRate    = "normal_ops_per_s"
	metricRateShare     = "rate_to_normal"
	metricExtraMemory   = "extra_rss_percent"
	metricExtraMax      = "max_over_normal_us"
	metricHits          = "hit_percent"
	metricKeys          = "keys"
	metricResident      = "resident_bytes"
	metricFragmentation = "resident_to_used"
	metricForeign       = "foreign_cpu_percent" // of all CPUs, spent outside the server and this program; see outsiders
)

var metricOrder = []string{metricRate, metricCPU, metricLoadCPU, metricP50, metricP99, metricP999, metricMax, metricRound, metricFanout, metricGrowth,
	metricPerKey, metricUsedPerKey, metricKeysBack, metricMemoryBack, metricNormalP99, metricP99Ratio, metricHeld,
	metricPerConn, metricPerFresh, metricAnswered, metricSeconds, metricNormalRate, metricRateShare, metricExtraMemory, metricExtraMax, metricWaitCPU, metricGCCPU, metricGCPause,
	metricGCPauses, metricHits, metricKeys, metricResident, metricFragmentation, metricForeign}

// result is what one run of one server gave, by metric.
type result map[string]float64

// errSkipped wraps the reason why a scenario has nothing to measure on a server.
var errSkipped = errors.New("skipped")

// bench is what every measurement may use.
type bench struct {
	ctx            context.Context
	duration       time.Duration // of one measured run
	scale          float64       // multiplies every count of keys, clients and requests; 1 but in tests
	serverCPU      int           // -1: not pinned
	workDir        string        // on a real disk
	redisBenchmark string        // path; empty if there is none
}

// count scales n, to no less than 1.
func (b *bench) count(n int) int { return max(1, int(float64(n)*b.scale)) }

// pause waits, unless the program is to end.
func (b *bench) pause(d time.Duration) error {
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// scenario is one thing to measure.
type scenario struct {
	name   string
	about  string
	bounds []bound
	flags  []string // of the server, as redis-server takes them
	// short puts the scenario into the short set; shortRuns, if not 0, is how many runs of it that set makes.
	short     bool
	shortRuns int
	// maxRuns, if not 0, caps the runs in every set: for scenarios that take long and vary little.
	maxRuns     int
	minDuration time.Duration
	redixOnly   bool   // measures something that only redix has
	byName      bool   // not in the default set: only with -full or when -run names it
	set         string // not in the default set either: only with -set and this name, with -full or when -run names it
	measure     func(b *bench, s *server) (result, error)
}

var (
	noJournal = []string{"--appendonly", "no"}
	everysec  = []string{"--appendonly", "yes", "--appendfsync", "everysec"}
	always    = []string{"--appendonly", "yes", "--appendfsync", "always"}
)

// atMost and atLeast make bounds on the ratio redix : redis-server; ownAtMost and ownAtLeast on redix's own figure.
func atMost(metric string, must, aim float64) []bound {
	return []bound{{metric: metric, relative: true, must: must, aim: aim}}
}

func atLeast(metric string, must, aim float64) []bound {
	return []bound{{metric: metric, relative: true, atLeast: true, must: must, aim: aim}}
}

func ownAtMost(metric string, must, aim float64) bound {
	return bound{metric: metric, must: must, aim: aim}
}

func ownAtLeast(metric string, must float64) bound {
	return bound{metric: metric, atLeast: true, must: must, aim: must}
}

// scenarios returns all of them, in the order of the reports.
func scenarios() []scenario {
	var all []scenario
	for _, depth := range []struct {
		n         int
		must, aim float64
	}{{1, 1.0, 0.8}, {16, 0.72, 0.5}, {64, 0.66, 0.33}} {
		for _, w := range []workload{get, set} {
			all = append(all, scenario{name: fmt.Sprintf("%s-p%d", w.name, depth.n),
				about: fmt.Sprintf("%s, 100 k keys of 16 + 64 B, 50 clients, pipeline %d", w.command, depth.n),
				flags: noJournal, bounds: atMost(metricCPU, depth.must, depth.aim), short: true, measure: closedLoop(w, depth.n)})
		}
	}
	for _, w := range []workload{incr, hset, mset} {
		all = append(all, scenario{name: w.name + "-p16", about: w.command + ", 100 k keys or fields, 50 clients, pipeline 16",
			flags: noJournal, bounds: atMost(metricCPU, 0.8, 0.5), short: true, measure: closedLoop(w, 16)})
	}
	for _, w := range []workload{get, set} {
		for _, depth := range []int{1, 16} {
			must, aim := 1.0, 0.8
			if depth == 16 {
				must, aim = 0.72, 0.5
			}
			all = append(all, scenario{name: fmt.Sprintf("rb-%s-p%d", w.name, depth),
				about: fmt.Sprintf("the same %s, driven by redis-benchmark, pipeline %d", w.command, depth),
				flags: noJournal, bounds: atMost(metricCPU, must, aim), measure: byRedisBenchmark(w, depth)})
		}
	}
	all = append(all, journalScenarios()...)
	all = append(all, memoryScenarios()...)
	all = append(all, behaviourScenarios()...)
	all = append(all, saveScenarios()...)
	all = append(all, typeScenarios()...)
	all = append(all, tlsScenarios()...)
	return append(all, cacheScenarios()...)
}

func journalScenarios() []scenario {
	return []scenario{
		{name: "set-everysec-p16", about: "SET, appendfsync everysec, 50 clients, pipeline 16", flags: everysec, short: true,
			minDuration: 1500 * time.Millisecond, bounds: atLeast(metricRate, 1.3, 1.8), measure: closedLoop(set, 16)},
		{name: "set-always-p1", about: "SET, appendfsync always, 50 clients, pipeline 1", flags: always, short: true,
			bounds: atLeast(metricRate, 1.4, 1.7), measure: closedLoop(set, 1)},
		{name: "set-always-p16", about: "SET, appendfsync always, 50 clients, pipeline 16", flags: always, short: true,
			bounds: atLeast(metricRate, 2, 3), measure: closedLoop(set, 16)},
		{name: "rb-set-always-p1", about: "the same without pipelining, driven by redis-benchmark", flags: always,
			bounds: atLeast(metricRate, 1.4, 1.7), measure: byRedisBenchmark(set, 1)},
		{name: "rb-set-always-p16", about: "the same with pipeline 16, driven by redis-benchmark", flags: always,
			bounds: atLeast(metricRate, 2, 3), measure: byRedisBenchmark(set, 16)},
	}
}

// memoryBounds holds bytes per key against the redis-server at hand, and against what 7.2.6 needs: older versions
// need more (7.0.15: 168 B where 7.2.6 needs 152), and a ratio to them would be too easy.
func memoryBounds(must, aim, redis726 float64) []bound {
	return append(atMost(metricPerKey, must, aim), ownAtMost(metricPerKey, math.Floor(must*redis726), math.Floor(aim*redis726)))
}

func memoryScenarios() []scenario {
	return []scenario{
		{name: "memory-string", about: "resident memory per key, 1 M keys of 16 + 64 B", flags: noJournal, short: true,
			shortRuns: 2, bounds: memoryBounds(0.72, 0.65, 152), measure: memoryPer(stringKeys)},
		{name: "memory-ttl", about: "the same with EX 100000", flags: noJournal, short: true,
			shortRuns: 2, bounds: memoryBounds(0.70, 0.65, 185), measure: memoryPer(ttlKeys)},
		{name: "memory-small-hash", about: "resident memory per hash, 100 k hashes of 5 small fields", flags: noJournal,
			short: true, shortRuns: 2, bounds: memoryBounds(0.8, 0.65, 162), measure: memoryPer(smallHashes)},
		{name: "memory-big-hash", about: "resident memory per field, one hash of 1 M fields, 24 B each", flags: noJournal,
			short: true, shortRuns: 2, bounds: memoryBounds(0.75, 0.65, 64), measure: memoryPer(bigHash)},
	}
}

func behaviourScenarios() []scenario {
	return []scenario{
		{name: "expire-2m", about: "2 M keys that expire within one second, 2000 GET/s meanwhile", flags: noJournal, maxRuns: 3,
			bounds:  []bound{ownAtMost(metricMemoryBack, 2, 1), ownAtMost(metricKeysBack, 2, 1), ownAtMost(metricP99Ratio, 2, 2)},
			measure: expireMany},
		{name: "expire-1000-due", about: "1,000 keys due among 100 k volatile ones that are not: held 1 s later", flags: noJournal,
			short: true, shortRuns: 2, bounds: []bound{ownAtMost(metricHeld, 0, 0)}, measure: expireFew},
		{name: "idle", about: "resident memory per idle connection, 10 k of them, one PING each", flags: append([]string{"--maxclients", "10100"}, noJournal...),
			short: true, shortRuns: 1, bounds: []bound{ownAtMost(metricPerConn, 1024, 600)}, measure: idleConnections},
		{name: "lazy-reader", about: "200,000 GETs of a 1 kB value written before anything is read", flags: noJournal,
			short: true, shortRuns: 2, bounds: []bound{ownAtLeast(metricAnswered, 200000)}, measure: lazyReader},
		{name: "never-read", about: "10 clients that send 20,000 GETs of 1 kB each and never read", flags: noJournal,
			short: true, shortRuns: 1, measure: neverRead,
			bounds: append(atMost(metricGrowth, 1, 1), ownAtMost(metricWaitCPU, 1, 1))},
		{name: "gc-10m", about: "10 M keys loaded and read: what the collector costs", flags: noJournal, redixOnly: true, maxRuns: 1,
			byName: true, bounds: []bound{ownAtMost(metricGCCPU, 1, 1), ownAtMost(metricGCPause, 1000, 1000)}, measure: collectorCost},
	}
}
