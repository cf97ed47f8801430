// What a look-up costs in a small hash and in the largest one kept packed by default, and what an edit costs.

package packed

import (
	"fmt"
	"testing"
)

// hashOf is a blob of n fields, and its fields.
func hashOf(n int) (blob []byte, fields [][]byte) {
	blob = Empty()
	for i := range n {
		f := []byte(fmt.Sprintf("field:%03d", i))
		fields = append(fields, f)
		blob = Replace(nil, blob, len(blob), len(blob), 2, f, []byte(fmt.Sprintf("value %d", i)))
	}
	return blob, fields
}

func benchmarkFind(b *testing.B, n int) {
	blob, fields := hashOf(n)
	b.ReportAllocs()
	for i := range b.N {
		if _, _, _, ok := FindPair(blob, fields[i%n]); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkFindPair5(b *testing.B)   { benchmarkFind(b, 5) }
func BenchmarkFindPair128(b *testing.B) { benchmarkFind(b, 128) }

func BenchmarkFindPair128Missing(b *testing.B) {
	blob, _ := hashOf(128)
	missing := []byte("field:999")
	for range b.N {
		if _, _, _, ok := FindPair(blob, missing); ok {
			b.Fatal("found")
		}
	}
}

func BenchmarkReplace5(b *testing.B) {
	blob, fields := hashOf(5)
	scratch := make([]byte, 0, 512)
	value := []byte("another value")
	b.ReportAllocs()
	for range b.N {
		_, valPos, endPos, _ := FindPair(blob, fields[2])
		scratch = Replace(scratch[:0], blob, valPos, endPos, 0, value)
	}
}

func BenchmarkNext128(b *testing.B) {
	blob, _ := hashOf(128)
	total := 0
	for range b.N {
		for pos := First(blob); pos < len(blob); {
			var e Elem
			e, pos = Next(blob, pos)
			total += len(e.Str)
		}
	}
	b.ReportMetric(float64(total)/float64(b.N), "bytes")
}
