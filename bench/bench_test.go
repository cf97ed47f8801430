//go:build linux

package main

import (
	"context"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/bench/load"

	"github.com/tidwall/redcon"
)

func TestMain(m *testing.M) {
	if !pingIfAsked() {
		os.Exit(m.Run())
	}
}

func TestSummarise(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   summary
		spread float64
	}{
		{nil, summary{}, 0},
		{[]float64{7}, summary{7, 7, 7, 1}, 0},
		{[]float64{9, 1, 5}, summary{5, 1, 9, 3}, 1.6},
		{[]float64{4, 1, 2, 9}, summary{3, 1, 9, 4}, 8.0 / 3},
	} {
		given := slices.Clone(c.values)
		if got := summarise(c.values); got != c.want || got.spread() != c.spread {
			t.Errorf("summarise(%v) = %+v, spread %v", c.values, got, got.spread())
		}
		if !slices.Equal(given, c.values) {
			t.Errorf("summarise reordered %v", given)
		}
	}
}

func TestCompare(t *testing.T) {
	c := compare([]float64{1, 2, 3}, []float64{10, 10, 12})
	if c.ratio != 0.2 || c.pairwise != (summary{0.2, 0.1, 0.25, 3}) {
		t.Errorf("%+v", c)
	}
	if c = compare([]float64{1}, nil); !math.IsNaN(c.ratio) || c.pairwise.n != 0 {
		t.Errorf("without a base: %+v", c)
	}
	if c = compare([]float64{1, 2}, []float64{0, 4}); c.pairwise != (summary{0.5, 0.5, 0.5, 1}) {
		t.Errorf("with a zero in the base: %+v", c)
	}
}

func TestJudge(t *testing.T) {
	most, least := bound{must: 0.8, aim: 0.5}, bound{must: 2, aim: 3, atLeast: true}
	only := ownAtMost(metricHeld, 0, 0)
	for _, c := range []struct {
		b    bound
		v    float64
		want verdict
	}{
		{most, 0.81, verdictMissed}, {most, 0.8, verdictMust}, {most, 0.5, verdictAim}, {most, math.NaN(), verdictUnknown},
		{least, 1.9, verdictMissed}, {least, 2, verdictMust}, {least, 3, verdictAim},
		{only, 0, verdictMust}, {only, 1, verdictMissed},
	} {
		if got := c.b.judge(c.v); got != c.want {
			t.Errorf("%v of %v: %s, want %s", c.v, c.b, got, c.want)
		}
	}
}

func TestParseRedisBenchmark(t *testing.T) {
	const out = "WARNING: could not fetch server CONFIG\n" +
		`"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n" +
		`"GET","21383.51","1.777","0.176","0.647","6.167","9.167","53.087"` + "\n"
	r, err := parseRedisBenchmark([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	for metric, want := range (result{metricRate: 21383.51, metricP50: 647, metricP99: 9167, metricMax: 53087}) {
		if math.Abs(r[metric]-want) > 1e-6 {
			t.Errorf("%s = %v, want %v", metric, r[metric], want)
		}
	}
	for _, bad := range []string{"", "\"test\",\"rps\"\n", "\"test\",\"rps\"\n\"GET\",\"1\"\n", strings.Replace(out, "21383.51", "many", 1)} {
		if r, err := parseRedisBenchmark([]byte(bad)); err == nil {
			t.Errorf("%q accepted: %v", bad, r)
		}
	}
}

// Every scenario must be measurable and its bounds must be on metrics that reports print.
func TestScenariosAreSound(t *testing.T) {
	seen := make(map[string]bool)
	for _, sc := range scenarios() {
		if seen[sc.name] || sc.about == "" || sc.measure == nil || len(sc.bounds) == 0 || len(sc.flags) == 0 {
			t.Errorf("%s: a duplicate, or something is missing", sc.name)
		}
		seen[sc.name] = true
		for _, b := range sc.bounds {
			if !slices.Contains(metricOrder, b.metric) {
				t.Errorf("%s: metric %q is not printed", sc.name, b.metric)
			}
			if b.atLeast && b.aim < b.must || !b.atLeast && b.aim > b.must {
				t.Errorf("%s: the aim is easier than the must: %s", sc.name, b)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	all := scenarios()
	names := func(o options) string {
		chosen, err := choose(all, o)
		if err != nil {
			return err.Error()
		}
		var names []string
		for _, sc := range chosen {
			names = append(names, sc.name)
		}
		return strings.Join(names, " ")
	}
	if got := names(options{run: "^set-al|gc"}); got != "set-always-p1 set-always-p16 gc-10m" {
		t.Errorf("by name: %s", got)
	}
	short, usual, full := names(options{short: true}), names(options{}), names(options{full: true})
	if strings.Contains(short, "expire-2m") || strings.Contains(short, "rb-") || !strings.Contains(short, "get-p1 ") {
		t.Errorf("short: %s", short)
	}
	if strings.Contains(usual, "gc-10m") || !strings.Contains(usual, "expire-2m") || !strings.Contains(full, "gc-10m") {
		t.Errorf("usual: %s\nfull: %s", usual, full)
	}
	types := names(options{set: typesSet})
	if strings.HasPrefix(types, "get-p1 ") || !strings.Contains(types, "rb-zpopmin-p16") || strings.Contains(usual, "rb-zpopmin-p16") ||
		!strings.Contains(full, "rb-zpopmin-p16") {
		t.Errorf("types: %s\nusual: %s\nfull: %s", types, usual, full)
	}
	if got := names(options{set: typesSet, run: "^big-z"}); got != "big-zadd big-zrank big-zrange" {
		t.Errorf("by name in a set: %s", got)
	}
	if got := names(options{run: "("}); !strings.Contains(got, "-run") {
		t.Errorf("bad pattern: %s", got)
	}
	if got := names(options{run: "nothing"}); !strings.Contains(got, "matches no scenario") {
		t.Errorf("no match: %s", got)
	}
}

func TestOtherServer(t *testing.T) {
	c, err := parseOther("kv=/bin/kv --listen {port} --data={dir}")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.arguments(7, "/d", []string{"--x"}), " ")
	if c.name != "kv" || got != "/bin/kv --listen 7 --data=/d --x" {
		t.Errorf("%s: %s", c.name, got)
	}
	plain := candidate{command: []string{"rs"}}
	if got := strings.Join(plain.arguments(7, "/d", nil), " "); !strings.HasPrefix(got, "rs --port 7 ") {
		t.Error(got)
	}
	for _, bad := range []string{"", "kv", "=cmd", "kv="} {
		if _, err := parseOther(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

// Encoded commands must be whole frames of the sizes that the scenarios promise.
func TestEncodings(t *testing.T) {
	args := func(b []byte) (parts []string) {
		n, v := redcon.ReadNextRESP(b)
		if n != len(b) {
			t.Fatalf("%q: %d of %d bytes are a frame", b, n, len(b))
		}
		v.ForEach(func(r redcon.RESP) bool { parts = append(parts, r.String()); return true })
		return parts
	}
	kv := args(stringKeys.encode(nil, 42))
	if len(kv) != 3 || kv[1] != "key:000000000042" || len(kv[2]) != 64 {
		t.Errorf("%q", kv)
	}
	if again := args(stringKeys.encode(nil, 42)); again[2] != kv[2] {
		t.Error("values depend on more than the key")
	}
	if ttl := args(ttlKeys.encode(nil, 1)); len(ttl) != 5 || ttl[3] != "EX" {
		t.Errorf("%q", ttl)
	}
	small := args(smallHashes.encode(nil, 99_999))
	if payload := len(strings.Join(small[1:], "")); len(small) != 12 || payload != 75 {
		t.Errorf("%q: payload of %d", small, payload)
	}
	big := args(bigHash.encode(nil, 999_999))
	if len(big) != 4 || big[2] != "f000999999" || len(big[2])+len(big[3]) != 24 {
		t.Errorf("%q", big)
	}
}

// The prepared structures must be what the scenarios say.
func TestTypeEncodings(t *testing.T) {
	for _, c := range []struct {
		encode load.Encode
		words  int
		key    string
	}{
		{bigZset, 2 + 2*chunk, "z"}, {bigSet, 2 + chunk, "m"}, {bigList, 2 + chunk, "l"}, {bigStream, 9, "x"}, {listElement, 3, "mylist"},
		{tenOf("SADD"), 12, "key:000000000007"},
	} {
		var parts []string
		b := c.encode(nil, 7)
		n, v := redcon.ReadNextRESP(b)
		v.ForEach(func(r redcon.RESP) bool { parts = append(parts, r.String()); return true })
		if n != len(b) || len(parts) != c.words || parts[1] != c.key {
			t.Errorf("%.80q: %d words", b, len(parts))
		}
	}
	if got := string(appendEntryID(nil, 7)); got != "$15\r\n1500000000007-0\r\n" {
		t.Errorf("%q", got)
	}
}

func sampleRecords() []record {
	o := origin{commit: "abc", date: "2025-01-02", host: "one"}
	var rs []record
	for run, v := range []float64{1, 2, 3} {
		rs = append(rs, record{"get-p1", redixName, run + 1, metricCPU, v, o}, record{"get-p1", baseName, run + 1, metricCPU, 2 * v, o},
			record{"get-p1", redixName, run + 1, metricForeign, 50, o})
	}
	return append(rs, record{"idle", redixName, 1, metricPerConn, 5000.5, o}, record{"idle", baseName, 1, metricPerConn, 4000, o})
}

func TestRunsFileKeepsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	if rs, err := readRecords(path); err != nil || rs != nil {
		t.Fatalf("missing file: %v, %v", rs, err)
	}
	if err := writeRecords(path, sampleRecords()); err != nil {
		t.Fatal(err)
	}
	got, err := readRecords(path)
	if err != nil || !slices.Equal(got, sampleRecords()) {
		t.Errorf("%v\n%v", got, err)
	}
	if err := os.WriteFile(path, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecords(path); err == nil {
		t.Error("a file of another shape is accepted")
	}
}

func TestMergeReplacesByScenarioAndHost(t *testing.T) {
	old := sampleRecords()
	fresh := []record{{"idle", redixName, 1, metricPerConn, 1, origin{"new", "today", "one"}}}
	merged := merge(scenarios(), old, fresh)
	if len(ofScenario(merged, "idle")) != 1 || len(ofScenario(merged, "get-p1")) != 9 {
		t.Errorf("%v", merged)
	}
	fresh[0].origin.host = "two"
	if merged = merge(scenarios(), old, fresh); len(merged) != 1 {
		t.Errorf("figures of two hosts mixed: %v", merged)
	}
}

func TestDocsKeepNotes(t *testing.T) {
	dir := t.TempDir()
	p := page{scenarios: scenarios(), records: sampleRecords(), machine: []string{"CPU: x"}}
	if err := writeDocs(dir, p, "First finding."); err != nil {
		t.Fatal(err)
	}
	p.records = nil
	if err := writeDocs(dir, p, "Second finding."); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"First finding.\n\nSecond finding.\n" + notesEnd, "| get-p1 | cpu_us_per_cmd | 2 | 4 | 0.50 (pairs 0.50) | 3 | 100 % / 100 % | <= 1x (aim 0.80x) | aim met |",
		"| idle | bytes_per_conn | 5000 | 4000 |", "MISSED", "commit abc on 2025-01-02: get-p1, idle", "Noisy: while redix", "benchmarks/ratios.svg"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	svg, err := os.ReadFile(filepath.Join(dir, "benchmarks", "ratios.svg"))
	if err != nil || !strings.Contains(string(svg), "get-p1") {
		t.Errorf("chart of %d bytes: %v", len(svg), err)
	}
}

func TestHostFigures(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for x, started := 0, time.Now(); time.Since(started) < 20*time.Millisecond; x++ {
		_ = x
	}
	after, err := cpuTime(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("CPU time went from %v to %v: %v", before, after, err)
	}
	if n, err := residentBytes(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("resident %d: %v", n, err)
	} else if g, err := glimpsedBytes(os.Getpid()); err != nil || g < n/2 || g > 2*n {
		t.Errorf("resident %d at a glimpse, %d by its pages: %v", g, n, err)
	}
	if busy, err := busyTime(); err != nil || busy <= 0 {
		t.Errorf("busy %v: %v", busy, err)
	}
	if _, err := cpuTime(1 << 22); err == nil {
		t.Error("a process that cannot be has a clock")
	}
}

// testBench is a bench for tiny runs, against redis-server in both places.
func testBench(t *testing.T) *runner {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("SKIPPED: there is no redis-server on this machine (apt-get install redis-server)")
	}
	rb, _ := exec.LookPath("redis-benchmark")
	b := &bench{ctx: context.Background(), duration: 30 * time.Millisecond, scale: 0.002, serverCPU: -1, workDir: t.TempDir(), redisBenchmark: rb}
	return &runner{bench: b, runs: 1, progress: io.Discard,
		candidates: []candidate{{name: redixName, command: []string{path}}, {name: baseName, command: []string{path}}}}
}

func TestSmoke(t *testing.T) {
	r := testBench(t)
	pattern := regexp.MustCompile(`^(get-p16|mset10-p16|rb-set-p16|set-always-p16|memory-small-hash|lazy-reader|` +
		`rb-lrange-100-p16|rb-zpopmin-p1|big-zrange|big-sinter|big-xreadgroup|memory-stream|publish-10k)$`)
	for _, sc := range scenarios() {
		if !pattern.MatchString(sc.name) || strings.HasPrefix(sc.name, "rb-") && r.redisBenchmark == "" {
			continue
		}
		records, err := r.scenario(sc)
		if err != nil {
			t.Errorf("%s: %v", sc.name, err)
			continue
		}
		for _, f := range findings([]scenario{sc}, records) {
			if f.bound.metric == metricRound || f.bound.metric == metricFanout { // redis-server stands for redix, and does not tell
				continue
			}
			if f.redix.n != 1 || f.verdict == verdictUnknown {
				t.Errorf("%s: nothing measured for %s", sc.name, f.bound.metric)
			}
		}
		if err := printScenario(io.Discard, sc, records); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(r.workDir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFailingServerIsReportedAndEnded(t *testing.T) {
	r := testBench(t)
	r.candidates[0].command = append(r.candidates[0].command, "--no-such-option", "1")
	records, err := r.scenario(scenario{name: "x", measure: func(b *bench, s *server) (result, error) {
		_, err := fill(b, s, 1, func(dst []byte, _ int) []byte { return load.Command(dst, "PING") })
		return result{metricRate: 1}, err
	}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("error: %v", err)
	}
	if len(series(records, "x", baseName, metricRate)) != 1 || len(series(records, "x", redixName, metricRate)) != 0 {
		t.Errorf("records: %v", records)
	}
}

func TestErrorRepliesFailAScenario(t *testing.T) {
	r := testBench(t)
	_, err := r.scenario(scenario{name: "x", measure: func(b *bench, s *server) (result, error) {
		_, err := fill(b, s, 3, func(dst []byte, _ int) []byte { return load.Command(dst, "NOSUCH") })
		return nil, err
	}})
	if err == nil || !strings.Contains(err.Error(), "3 error replies, the first: ERR unknown command") {
		t.Errorf("error: %v", err)
	}
}

func TestInterruptEndsServers(t *testing.T) {
	r := testBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx = ctx
	pid := 0
	_, err := r.scenario(scenario{name: "x", measure: func(b *bench, s *server) (result, error) {
		pid = s.pid
		cancel()
		return nil, b.pause(time.Hour)
	}})
	if err != context.Canceled {
		t.Errorf("error: %v", err)
	}
	if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); err == nil {
		t.Errorf("server %d is still there", pid)
	}
}
