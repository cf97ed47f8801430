package engine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"redix/engine/seeds"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// TestHistogram compares with the reference implementation.
func TestHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 50 {
		var h Histogram
		ref := hdrhistogram.New(1, histMaxNs, 2)
		for range rng.IntN(3000) + 1 {
			ns := int64(1) << rng.IntN(30)
			ns = min(ns+rng.Int64N(ns), histMaxNs)
			h.Counts[histBucket(ns)]++
			h.Total++
			if err := ref.RecordValue(ns); err != nil {
				t.Fatal(err)
			}
			if got := histHighest(histBucket(ns)); !ref.ValuesAreEquivalent(got, ns) || ref.ValuesAreEquivalent(got+1, ns) {
				t.Fatalf("%d ns: the bucket ends at %d", ns, got)
			}
		}
		for _, p := range []float64{0.1, 1, 25, 50, 75, 90, 99, 99.9, 100} {
			if got, want := h.Percentile(p), ref.ValueAtPercentile(p); got != want {
				t.Errorf("p%v: %d, want %d", p, got, want)
			}
		}
		sum := int64(0)
		h.Cumulative(func(bound, count int64) {
			exact := int64(0)
			for i, n := range h.Counts {
				if histHighest(i) <= bound {
					exact += n
				}
			}
			if count != exact || count <= sum {
				t.Errorf("up to %d ns: %d, want %d", bound, count, exact)
			}
			sum = count
		})
		if sum != h.Total {
			t.Errorf("%d of %d", sum, h.Total)
		}
	}
}

// TestHistogramEnds are places at which an off-by-one would show.
func TestHistogramEnds(t *testing.T) {
	var got []int64
	for _, ns := range []int64{-5, 0, 1, 255, 256, 257, 1023, 1024, 1e9, 1 << 62} {
		got = append(got, histHighest(histBucket(ns)))
	}
	if want := []int64{1, 1, 1, 255, 257, 257, 1023, 1031, 1002438655, 1002438655}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if h := histHighest(histBuckets - 1); h != 1<<30-1 {
		t.Errorf("the last bucket ends at %d", h)
	}
	var empty Histogram
	if empty.Percentile(50) != 0 {
		t.Error("an empty histogram has a percentile")
	}
}

func BenchmarkHistogram(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		var h Histogram
		for i := 0; b.Loop(); i++ {
			h.Counts[histBucket(int64(300+i&1023))]++
			h.Total++
		}
	})
	b.Run("hdrhistogram-go", func(b *testing.B) {
		h := hdrhistogram.New(1, histMaxNs, 2)
		for i := 0; b.Loop(); i++ {
			_ = h.RecordValue(int64(300 + i&1023))
		}
	})
}
