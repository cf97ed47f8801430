package intset

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"redix/engine/seeds"
)

// play runs operations decoded from bytes against a sorted slice.
func play(t *testing.T, data []byte) {
	blob := Empty(nil)
	var model []int64
	for len(data) >= 9 {
		op := data[0]
		n := int64(binary.LittleEndian.Uint64(data[1:])) >> (op & 0x3f)
		data = data[9:]
		if op >= 0xc0 && len(model) > 0 {
			n = model[int(uint64(n)%uint64(len(model)))]
		}
		at, want := slices.BinarySearch(model, n)
		i, found := Find(blob, n)
		if i != at || found != want || Has(blob, n) != want {
			t.Fatalf("Find(%d) is %d %v, want %d %v", n, i, found, at, want)
		}
		switch {
		case !found:
			blob = Insert(blob, i, n)
			model = slices.Insert(model, at, n)
		case op >= 0x80:
			blob = Remove(blob, i)
			model = slices.Delete(model, at, at+1)
		}
		if Len(blob) != len(model) {
			t.Fatalf("Len is %d, want %d", Len(blob), len(model))
		}
		if err := Check(blob); err != nil {
			t.Fatalf("%v: % x", err, blob)
		}
	}
	for i, n := range model {
		if At(blob, i) != n {
			t.Fatalf("At(%d) is %d, want %d", i, At(blob, i), n)
		}
	}
}

func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 200 {
		data := make([]byte, 9*r.IntN(400))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		play(t, data)
	}
}

func FuzzOps(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\xff12345678\x80abcdefgh"))
	f.Fuzz(play)
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte{2, 1, 0, 2, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, blob []byte) {
		if Check(blob) != nil {
			return
		}
		for i := range Len(blob) {
			if at, ok := Find(blob, At(blob, i)); !ok || at != i {
				t.Fatalf("% x: integer %d is found at %d, %v", blob, i, at, ok)
			}
		}
	})
}

func TestBorders(t *testing.T) {
	edges := []int64{0, math.MaxInt16, math.MinInt16, math.MaxInt16 + 1, math.MinInt16 - 1, math.MaxInt32, math.MinInt32,
		math.MaxInt32 + 1, math.MinInt32 - 1, math.MaxInt64, math.MinInt64}
	blob := Empty(nil)
	for _, n := range edges {
		i, _ := Find(blob, n)
		blob = Insert(blob, i, n)
	}
	slices.Sort(edges)
	for i, n := range edges {
		if At(blob, i) != n {
			t.Errorf("At(%d) is %d, want %d", i, At(blob, i), n)
		}
	}
	for _, bad := range [][]byte{nil, {3}, {2, 1}, {4, 0, 0}, {2, 1, 0, 1, 0}, {2, 2, 0, 1, 0}, {8, 1, 0, 0, 0}} {
		if Check(bad) == nil {
			t.Errorf("Check accepts % x", bad)
		}
	}
}

func TestAllocations(t *testing.T) {
	blob := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		b := Empty(blob)
		for _, n := range []int64{5, 70000, -3, 1 << 40} {
			i, _ := Find(b, n)
			b = Insert(b, i, n)
		}
		Remove(b, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
