// What the wheel costs a record: set, taken back, expired in a crowd.

package timerwheel

import (
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkAddCancel sets and takes back deadlines among a million others spread over an hour.
func BenchmarkAddCancel(b *testing.B) {
	const n = 1 << 20
	w, s := newWheel(n, 0)
	for r := Ref(1); r <= n; r++ {
		s.records[r].deadline = rand.Int64N(3_600_000)
		w.Add(r)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range uint64(b.N) {
		r := i*7919%n + 1
		w.Cancel(r)
		w.Add(r)
	}
}

// BenchmarkAdd adds to an otherwise empty wheel.
func BenchmarkAdd(b *testing.B) {
	const n = 1 << 20
	w, s := newWheel(n, 0)
	for r := range s.records {
		s.records[r].deadline = rand.Int64N(3_600_000)
	}
	for i := range b.N {
		if i%n == 0 {
			b.StopTimer()
			w = New(storeLinks{s}, 0)
			b.StartTimer()
		}
		w.Add(Ref(i%n + 1))
	}
}

// BenchmarkExpire2M lets two million records fall due within one second, set a minute ahead, in rounds of one
// millisecond and calls of 4096 records: the whole way from Add to the last one out. It reports the slowest call too.
func BenchmarkExpire2M(b *testing.B) {
	const n, startMs = 2_000_000, 60_000
	due := make([]Ref, 0, 4096)
	var slowest time.Duration
	for range b.N {
		b.StopTimer()
		w, s := newWheel(n, 0)
		for r := Ref(1); r <= n; r++ {
			s.records[r].deadline = startMs + rand.Int64N(1000)
			w.Add(r)
		}
		b.StartTimer()
		for now := int64(0); w.Len() > 0; now++ {
			for more := true; more; {
				before := time.Now()
				due, more = w.Advance(now, due[:0], 4096)
				slowest = max(slowest, time.Since(before))
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	b.ReportMetric(float64(slowest.Microseconds()), "µs/slowest-call")
}

// BenchmarkAdvanceIdle is a round in which nothing is due, among a million far deadlines.
func BenchmarkAdvanceIdle(b *testing.B) {
	const n = 1 << 20
	w, s := newWheel(n, 0)
	for r := Ref(1); r <= n; r++ {
		s.records[r].deadline = 1<<40 + rand.Int64N(3_600_000)
		w.Add(r)
	}
	b.ResetTimer()
	for i := range int64(b.N) {
		w.Advance(i, nil, 100)
	}
}
