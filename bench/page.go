//go:build linux

// docs/benchmarks.md: written anew each time, but for the notes between its markers, which are people's.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	notesBegin = "<!-- notes: what stands between these two lines survives a rewrite -->"
	notesEnd   = "<!-- end of notes -->"
	// noisyPercent is from where on the outsiders' share of the CPUs is pointed out.
	noisyPercent = 10
)

// page is what the Markdown file is made of.
type page struct {
	scenarios []scenario
	records   []record
	versions  []string // of the servers
	machine   []string
	hasChart  bool
}

// writeDocs writes benchmarks.md, and in benchmarks/ the chart and the figures, merged with those already there.
func writeDocs(dir string, p page, note string) error {
	sub := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		return err
	}
	runs := filepath.Join(sub, "runs.csv")
	old, err := readRecords(runs)
	if err != nil {
		return err
	}
	p.records = merge(p.scenarios, old, p.records)
	if err := writeRecords(runs, p.records); err != nil {
		return err
	}
	if p.hasChart, err = drawChart(filepath.Join(sub, "ratios.svg"), findings(p.scenarios, p.records)); err != nil {
		return err
	}
	path := filepath.Join(dir, "benchmarks.md")
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	notes := addNote(notesOf(string(before)), note)
	return os.WriteFile(path, []byte(p.markdown(notes)), 0o644)
}

// notesOf returns the text between the markers, without them.
func notesOf(text string) string {
	_, rest, ok := strings.Cut(text, notesBegin)
	if !ok {
		return ""
	}
	notes, _, ok := strings.Cut(rest, notesEnd)
	if !ok {
		notes = rest
	}
	return strings.TrimSpace(notes)
}

// addNote appends a paragraph.
func addNote(notes, note string) string {
	return strings.TrimSpace(notes + "\n\n" + strings.TrimSpace(note))
}

func (p page) markdown(notes string) string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `go run ./bench -docs docs`; edit only between the markers of the notes.\n\n")
	for _, line := range append(slices.Clone(p.machine), p.versions...) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, o := range origins(p.records) {
		fmt.Fprintf(&b, "- Measured at commit %s on %s: %s\n", o.commit, o.date, strings.Join(scenariosOf(p.records, o), ", "))
	}
	b.WriteString("\nServers run in turn, a fresh one for each run, pinned to one CPU; the load comes from another. " +
		"A ratio is redix : redis-server, of the medians; \"pairs\" is the median of the ratios of runs made one after the other. " +
		"Spread is (max-min)/median, redix / redis-server.\n\n## Notes\n\n")
	b.WriteString(notesBegin + "\n")
	if notes != "" {
		b.WriteString(notes + "\n")
	}
	b.WriteString(notesEnd + "\n\n## Required and measured\n\n")
	p.writeFindings(&b)
	if p.hasChart {
		b.WriteString("\n![Ratios redix : redis-server](benchmarks/ratios.svg)\n")
	}
	b.WriteString("\nEvery figure of every run: [runs.csv](benchmarks/runs.csv).\n\n## All metrics\n")
	for _, sc := range p.scenarios {
		if len(ofScenario(p.records, sc.name)) > 0 {
			p.writeDetail(&b, sc)
		}
	}
	return b.String()
}

func (p page) writeFindings(b *strings.Builder) {
	writeRow(b, "scenario", "metric", "redix", "redis-server", "ratio", "runs", "spread", "required", "verdict")
	writeRow(b, slices.Repeat([]string{"---"}, 9)...)
	for _, f := range findings(p.scenarios, p.records) {
		spread := percent(f.redix) + " / " + percent(f.base)
		writeRow(b, f.scenario.name, f.bound.metric, number(orNaN(f.redix)), number(orNaN(f.base)), f.times(),
			fmt.Sprint(max(f.redix.n, f.base.n)), spread, f.bound.String(), string(f.verdict))
	}
}

func percent(s summary) string {
	if s.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*s.spread())
}

func (p page) writeDetail(b *strings.Builder, sc scenario) {
	fmt.Fprintf(b, "\n### %s\n\n%s. Server flags: `%s`.\n\n", sc.name, strings.ToUpper(sc.about[:1])+sc.about[1:], strings.Join(sc.flags, " "))
	rows := detailRows(sc, p.records)
	writeRow(b, rows[0]...)
	writeRow(b, slices.Repeat([]string{"---"}, len(rows[0]))...)
	for _, row := range rows[1:] {
		writeRow(b, row...)
	}
	for _, name := range servers(ofScenario(p.records, sc.name)) {
		if share := summarise(series(p.records, sc.name, name, metricForeign)); share.median >= noisyPercent {
			fmt.Fprintf(b, "\nNoisy: while %s was measured, %s %% of the machine's CPUs went to other processes.\n", name, number(share.median))
		}
	}
}

func writeRow(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// origins returns the different origins of the records, in their order.
func origins(records []record) []origin {
	var all []origin
	for _, r := range records {
		if !slices.Contains(all, r.origin) {
			all = append(all, r.origin)
		}
	}
	return all
}

// scenariosOf returns the names of the scenarios with records of that origin.
func scenariosOf(records []record, o origin) []string {
	var names []string
	for _, r := range records {
		if r.origin == o && !slices.Contains(names, r.scenario) {
			names = append(names, r.scenario)
		}
	}
	return names
}
