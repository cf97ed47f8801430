package engine

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

// Names are the same to a table when they differ in the case of ASCII letters only.
func TestFoldName(t *testing.T) {
	random := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	const bytesOf = "aAzZmM@[`{\x00\x20\x7f\x80\xc1\xda\xe1\xff"
	lower := func(name []byte) []byte {
		low := bytes.Clone(name)
		for i, c := range low {
			if c >= 'A' && c <= 'Z' {
				low[i] = c + 'a' - 'A'
			}
		}
		return low
	}
	for range 200_000 {
		a := make([]byte, random.IntN(25))
		for i := range a {
			a[i] = bytesOf[random.IntN(len(bytesOf))]
		}
		b := bytes.Clone(a)
		if len(b) > 0 {
			b[random.IntN(len(b))] = bytesOf[random.IntN(len(bytesOf))]
		}
		wa, ok := foldName(a)
		wb, _ := foldName(b)
		if ok != (len(a) <= 23) {
			t.Fatalf("%q: %v", a, ok)
		}
		if ok && (wa == wb) != bytes.Equal(lower(a), lower(b)) {
			t.Fatalf("%q and %q: %x, %x", a, b, wa, wb)
		}
	}
}
