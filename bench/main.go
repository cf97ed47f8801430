//go:build linux

// Command bench measures redix beside redis-server on this machine and holds the figures against what the project
// requires of them.
//
//	go run ./bench -short                 the set that takes under five minutes
//	go run ./bench -set types             every data type: about a quarter of an hour
//	go run ./bench -set evict             hit ratios of a cache, memory given back: about five minutes
//	go run ./bench -set tls               TLS, driven by redis-benchmark: a minute
//	go run ./bench                        everything but these sets and what -full adds
//	go run ./bench -run 'get-|memory'     scenarios by name
//	go run ./bench -full -docs docs       everything, and docs/benchmarks.md written anew
//
// It exits with 1 if a scenario failed on a server, and with 2 if it could not begin. A missed bound is not a
// failure of the program: the tables say so, and -strict makes it exit with 3.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	redix, redis       string
	others             []candidate
	run, set           string
	short, full, list  bool
	strict             bool
	runs               int
	duration           time.Duration
	serverCPU, loadCPU int
	work, docs, note   string
}

func parseFlags() options {
	var o options
	flag.StringVar(&o.redix, "redix", "build/redix", "`program` measured as redix")
	flag.StringVar(&o.redis, "redis", "redis-server", "`program` it is compared with")
	flag.Func("other", "another server, as `name=command`; {port} and {dir} in the command are filled in; repeatable", func(text string) error {
		c, err := parseOther(text)
		o.others = append(o.others, c)
		return err
	})
	flag.StringVar(&o.run, "run", "", "only scenarios whose name matches this `regexp`")
	flag.StringVar(&o.set, "set", "", "the set of this `name`, with short runs: "+typesSet+", "+evictSet+" or "+tlsSet)
	flag.BoolVar(&o.short, "short", false, "the short set, with short runs")
	flag.BoolVar(&o.full, "full", false, "all scenarios, the largest included")
	flag.BoolVar(&o.list, "list", false, "print the scenarios and their bounds, run nothing")
	flag.BoolVar(&o.strict, "strict", false, "exit with 3 if a bound is missed")
	flag.IntVar(&o.runs, "runs", 5, "runs of each server in each scenario, but for scenarios that cap them")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "length of a timed run (0.6 s with -short and -set)")
	flag.IntVar(&o.serverCPU, "server-cpu", 0, "CPU to pin servers to; -1: none")
	flag.IntVar(&o.loadCPU, "load-cpu", 1, "CPU to pin the load to; -1: none")
	flag.StringVar(&o.work, "work", "build", "`directory` for the servers' files; on a real disk, not in memory")
	flag.StringVar(&o.docs, "docs", "", "rewrite benchmarks.md in this `directory`; empty: write nothing")
	flag.StringVar(&o.note, "note", "", "`text` to add to the notes of benchmarks.md")
	flag.Parse()
	if o.short || o.set != "" {
		durationSet := false
		flag.Visit(func(f *flag.Flag) { durationSet = durationSet || f.Name == "duration" })
		if !durationSet {
			o.duration = 600 * time.Millisecond
		}
	}
	return o
}

func main() {
	if pingIfAsked() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, parseFlags(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.Exit(code)
}

// choose returns the scenarios that the flags ask for.
func choose(all []scenario, o options) ([]scenario, error) {
	pattern, err := regexp.Compile(o.run)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	var chosen []scenario
	for _, sc := range all {
		named := o.run != "" && pattern.MatchString(sc.name)
		if o.run != "" && !named || o.set != "" && sc.set != o.set {
			continue
		}
		if o.run == "" && o.set == "" && (o.short && !sc.short || (sc.byName || sc.set != "") && !o.full) {
			continue
		}
		chosen = append(chosen, sc)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-run %q -set %q matches no scenario", o.run, o.set)
	}
	return chosen, nil
}

// run is main with its outputs and its exit code given back. Whatever happens, no server and no file of one stays.
func run(ctx context.Context, o options, out, progress io.Writer) (code int, err error) {
	all := scenarios()
	chosen, err := choose(all, o)
	if err != nil {
		return 2, err
	}
	if o.list {
		list(out, chosen)
		return 0, nil
	}
	r, cleanUp, err := prepare(ctx, o, progress)
	if err != nil {
		return 2, err
	}
	defer cleanUp()
	began := time.Now()
	var records []record
	var failures []error
	for _, sc := range chosen {
		some, err := r.scenario(sc)
		if ctx.Err() != nil {
			return 1, errors.New("interrupted")
		}
		records = append(records, some...)
		if err := printScenario(out, sc, some); err != nil {
			return 1, err
		}
		if err != nil {
			fmt.Fprintf(out, "  %v\n\n", err)
		}
		if err != nil && !errors.Is(err, errSkipped) {
			failures = append(failures, err)
		}
	}
	fs := findings(all, records)
	if err := printSummary(out, fs); err != nil {
		return 1, err
	}
	fmt.Fprintf(progress, "bench: %v in all\n", time.Since(began).Round(time.Second))
	if o.docs != "" {
		p := page{scenarios: all, records: records, machine: machine()}
		for _, c := range r.candidates {
			p.versions = append(p.versions, c.name+": "+c.version)
		}
		if err := writeDocs(o.docs, p, o.note); err != nil {
			return 1, err
		}
	}
	if len(failures) > 0 {
		return 1, fmt.Errorf("%d scenarios failed", len(failures))
	}
	for _, f := range fs {
		if o.strict && f.verdict == verdictMissed {
			return 3, errors.New("a bound is missed")
		}
	}
	return 0, nil
}

func list(out io.Writer, chosen []scenario) {
	for _, sc := range chosen {
		fmt.Fprintf(out, "%-20s %s\n", sc.name, sc.about)
		for _, b := range sc.bounds {
			fmt.Fprintf(out, "%-20s   %s %s\n", "", b.metric, b)
		}
	}
}

// prepare finds the programs, pins this one and makes the directory that cleanUp removes.
func prepare(ctx context.Context, o options, progress io.Writer) (*runner, func(), error) {
	if o.runs < 1 || o.duration <= 0 {
		return nil, nil, errors.New("-runs and -duration must be positive")
	}
	candidates := append([]candidate{{name: redixName, command: []string{o.redix}}, {name: baseName, command: []string{o.redis}}}, o.others...)
	for i := range candidates {
		c := &candidates[i]
		path, err := lookProgram(c.command[0])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", c.name, err)
		}
		c.command[0] = path
		c.ask()
	}
	if _, err := raiseFileLimit(); err != nil {
		return nil, nil, fmt.Errorf("raise the limit of open files: %w", err)
	}
	if max(o.serverCPU, o.loadCPU) >= runtime.NumCPU() {
		fmt.Fprintf(progress, "bench: %d CPUs: nothing is pinned\n", runtime.NumCPU())
		o.serverCPU, o.loadCPU = -1, -1
	}
	if o.loadCPU >= 0 {
		if err := pinSelf(o.loadCPU); err != nil {
			return nil, nil, err
		}
	}
	runtime.GOMAXPROCS(2) // the load takes one; progress and watching must not wait for it
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return nil, nil, err
	}
	work, err := os.MkdirTemp(o.work, "bench-")
	if err != nil {
		return nil, nil, err
	}
	if work, err = filepath.Abs(work); err != nil {
		return nil, nil, err
	}
	cleanUp := func() {
		if err := os.RemoveAll(work); err != nil {
			fmt.Fprintln(progress, "bench:", err)
		}
	}
	redisBenchmark, _ := exec.LookPath("redis-benchmark") // its scenarios are skipped without it
	b := &bench{ctx: ctx, duration: o.duration, scale: 1, serverCPU: o.serverCPU, workDir: work, redisBenchmark: redisBenchmark}
	from := origin{commit: commit(ctx), date: time.Now().UTC().Format(time.DateOnly), host: strings.Join(machine(), "; ") + "; " + candidates[1].version}
	return &runner{bench: b, candidates: candidates, runs: o.runs, short: o.short, origin: from, progress: progress}, cleanUp, nil
}

// commit names the commit measured, with a mark if files it tracks, outside docs, have changed since.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "-uno", "--", ".", ":!docs").Output()
	if err != nil || len(changed) > 0 {
		name += " with changes"
	}
	return name
}
