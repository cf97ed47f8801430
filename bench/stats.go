//go:build linux

// Medians, spreads and verdicts: the little arithmetic that everything reported goes through.

package main

import (
	"fmt"
	"math"
	"slices"
)

// summary is the middle and the ends of a series of runs.
type summary struct {
	median, min, max float64
	n                int
}

// summarise returns the summary of values; of none, a zero one. The mean of the middle two is the median of an
// even number.
func summarise(values []float64) summary {
	if len(values) == 0 {
		return summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	median := sorted[n/2]
	if n%2 == 0 {
		median = (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return summary{median: median, min: sorted[0], max: sorted[n-1], n: n}
}

// spread is (max-min)/median, as a share.
func (s summary) spread() float64 {
	if s.median == 0 {
		return 0
	}
	return (s.max - s.min) / math.Abs(s.median)
}

// comparison is one server's series of a metric beside the base server's.
type comparison struct {
	ratio    float64 // ratio of the medians; NaN where there is no base
	pairwise summary // of the ratios of runs made one after the other
}

// compare needs runs in the order they were made; run i of one belongs to run i of the other.
func compare(values, base []float64) comparison {
	c := comparison{ratio: ratio(summarise(values).median, summarise(base).median)}
	var pairs []float64
	for i := range min(len(values), len(base)) {
		if r := ratio(values[i], base[i]); !math.IsNaN(r) {
			pairs = append(pairs, r)
		}
	}
	c.pairwise = summarise(pairs)
	return c
}

// ratio is NaN where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// bound is what a scenario requires of redix.
type bound struct {
	metric   string
	relative bool // on the ratio redix : redis-server; else on redix's own figure
	atLeast  bool // else at most
	must     float64
	aim      float64 // equals must where the project set no further aim
}

type verdict string

const (
	verdictAim     verdict = "aim met"
	verdictMust    verdict = "met"
	verdictMissed  verdict = "MISSED"
	verdictUnknown verdict = "not measured"
)

// judge holds a figure against the bound.
func (b bound) judge(v float64) verdict {
	beyond := func(limit float64) bool { return b.atLeast && v < limit || !b.atLeast && v > limit }
	switch {
	case math.IsNaN(v):
		return verdictUnknown
	case beyond(b.must):
		return verdictMissed
	case b.aim == b.must || beyond(b.aim):
		return verdictMust
	}
	return verdictAim
}

// String is the bound as the reports print it.
func (b bound) String() string {
	sign := "<="
	if b.atLeast {
		sign = ">="
	}
	times := ""
	if b.relative {
		times = "x"
	}
	if b.aim == b.must {
		return fmt.Sprintf("%s %s%s", sign, number(b.must), times)
	}
	return fmt.Sprintf("%s %s%s (aim %s%s)", sign, number(b.must), times, number(b.aim), times)
}

// number prints v with about three significant digits and no exponent.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "-"
	case v == math.Trunc(v) && a < 1e15:
		return fmt.Sprintf("%.0f", v)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
