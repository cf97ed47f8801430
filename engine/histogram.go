package engine

import "math/bits"

// Histogram counts durations in nanoseconds, one for each command, in the layout of HdrHistogram with two significant
// digits, so that percentiles and bounds are those that redis-server shows:
//
//	values          width of a bucket
//	0 to 255        1
//	256 to 511      2
//	512 to 1023     4        ... 128 buckets for each power of two, 1 % wide, up to 2^30 - 1
//
// Durations over a second count as one. Where several commands share one duration, the place in it is found once.
type Histogram struct {
	Counts [histBuckets]int64
	Total  int64
}

const (
	histMaxNs   = 1_000_000_000
	histBits    = 8 // of a value that a bucket tells apart
	histLevels  = 30
	histBuckets = (histLevels-histBits)<<(histBits-1) + 1<<histBits
)

// histBucket is the place of a duration.
func histBucket(ns int64) int {
	v := uint64(min(max(ns, 1), histMaxNs))
	shift := bits.Len64(v|(1<<histBits-1)) - histBits
	return shift<<(histBits-1) + int(v>>shift)
}

// histHighest is the largest duration that has the place.
func histHighest(bucket int) int64 {
	shift := max(bucket>>(histBits-1)-1, 0)
	return int64(bucket-shift<<(histBits-1)+1)<<shift - 1
}

// Percentile returns the duration in nanoseconds that p percent of all do not exceed.
func (h *Histogram) Percentile(p float64) int64 {
	want := max(int64(min(max(p, 0), 100)/100*float64(h.Total)+0.5), 1)
	var sum int64
	for i, n := range h.Counts {
		if sum += n; sum >= want {
			return histHighest(i)
		}
	}
	return 0
}

// Cumulative visits the powers of two from 1,024 ns on at which the count of shorter durations grows; the bound is the
// largest duration that still counts.
func (h *Histogram) Cumulative(visit func(boundNs, count int64)) {
	var sum, told int64
	next := 0
	for level := 10; level <= histLevels && told < h.Total; level++ {
		last := histBuckets - 1
		if level < histLevels {
			last = histBucket(1 << level)
		}
		for ; next <= last; next++ {
			sum += h.Counts[next]
		}
		if sum > told {
			told = sum
			visit(histHighest(last), sum)
		}
	}
}
