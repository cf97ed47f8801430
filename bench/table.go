//go:build linux

// The table on standard output, and the pieces of it that the Markdown page shares.

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// series returns the values of one metric in the order of the runs.
func series(records []record, scenario, server, metric string) []float64 {
	var values []float64
	for _, r := range records {
		if r.scenario == scenario && r.server == server && r.metric == metric {
			values = append(values, r.value)
		}
	}
	return values
}

// servers returns the names in records, redix first and redis-server second.
func servers(records []record) []string {
	names := []string{redixName, baseName}
	for _, r := range records {
		if !slices.Contains(names, r.server) {
			names = append(names, r.server)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(records, func(r record) bool { return r.server == name })
	})
}

// ofScenario returns the records of one scenario.
func ofScenario(records []record, name string) []record {
	var some []record
	for _, r := range records {
		if r.scenario == name {
			some = append(some, r)
		}
	}
	return some
}

// finding is one bound of one scenario beside what was measured.
type finding struct {
	scenario    scenario
	bound       bound
	redix, base summary
	comparison
	verdict verdict
}

// findings judges every bound of the scenarios that have records.
func findings(all []scenario, records []record) []finding {
	var fs []finding
	for _, sc := range all {
		if len(ofScenario(records, sc.name)) == 0 {
			continue
		}
		for _, b := range sc.bounds {
			redix, base := series(records, sc.name, redixName, b.metric), series(records, sc.name, baseName, b.metric)
			f := finding{scenario: sc, bound: b, redix: summarise(redix), base: summarise(base), comparison: compare(redix, base)}
			figure := f.redix.median
			if b.relative {
				figure = f.ratio
			}
			if f.redix.n == 0 || b.relative && f.base.n == 0 {
				figure = math.NaN()
			}
			f.verdict = b.judge(figure)
			fs = append(fs, f)
		}
	}
	return fs
}

// span prints a summary as "median (min..max)".
func (s summary) span() string {
	switch {
	case s.n == 0:
		return "-"
	case s.min == s.max:
		return number(s.median)
	}
	return fmt.Sprintf("%s (%s..%s)", number(s.median), number(s.min), number(s.max))
}

// times prints a comparison as "ratio (pairs median)".
func (c comparison) times() string {
	if math.IsNaN(c.ratio) || c.pairwise.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (pairs %s)", number(c.ratio), number(c.pairwise.median))
}

// detailRows lays out every metric of one scenario: a row of names, then a row a metric.
func detailRows(sc scenario, records []record) [][]string {
	records = ofScenario(records, sc.name)
	names := servers(records)
	head := []string{"metric"}
	head = append(head, names...)
	for _, name := range names {
		if name != baseName {
			head = append(head, name+" : "+baseName)
		}
	}
	rows := [][]string{head}
	for _, metric := range metricOrder {
		row := []string{metric}
		var ratios []string
		base := series(records, sc.name, baseName, metric)
		found := false
		for _, name := range names {
			values := series(records, sc.name, name, metric)
			found = found || len(values) > 0
			row = append(row, summarise(values).span())
			if name != baseName {
				ratios = append(ratios, compare(values, base).times())
			}
		}
		if found {
			rows = append(rows, append(row, ratios...))
		}
	}
	return rows
}

// printScenario writes one scenario's figures and verdicts.
func printScenario(w io.Writer, sc scenario, records []record) error {
	fmt.Fprintf(w, "%s: %s\n", sc.name, sc.about)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range detailRows(sc, records) {
		fmt.Fprintln(tw, "  "+strings.Join(row, "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, f := range findings([]scenario{sc}, records) {
		fmt.Fprintf(w, "  %s %s: %s\n", f.bound.metric, f.bound, f.verdict)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// printSummary writes all verdicts, one a line.
func printSummary(w io.Writer, fs []finding) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "scenario\tmetric\tredix\tredis-server\tratio\trequired\tverdict")
	for _, f := range fs {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.scenario.name, f.bound.metric, number(orNaN(f.redix)),
			number(orNaN(f.base)), f.times(), f.bound, f.verdict)
	}
	return tw.Flush()
}

// orNaN is the median, or NaN where nothing was measured.
func orNaN(s summary) float64 {
	if s.n == 0 {
		return math.NaN()
	}
	return s.median
}
