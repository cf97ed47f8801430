package hll

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"redix/engine/seeds"
)

// register is a register of a value of either encoding, read the slow way.
func register(b []byte, i int) byte {
	if IsDense(b) {
		return DenseRegister(b, i)
	}
	first := 0
	for at := HeaderBytes; at < len(b); {
		r := runAt(b, at)
		if i < first+r.n {
			return r.value
		}
		first += r.n
		at += r.size
	}
	panic("not enough registers")
}

// TestPlace has what redis-server's PFDEBUG DECODE shows of one element.
func TestPlace(t *testing.T) {
	for element, want := range map[string][2]int{"": {5938, 2}, "a": {12711, 2}, "hello": {9216, 1}, "12345678": {10579, 3},
		"a longer element than eight": {1925, 1}} {
		if r, n := Place([]byte(element)); r != want[0] || int(n) != want[1] {
			t.Errorf("%q: register %d, count %d, want %v", element, r, n, want)
		}
	}
}

// TestAgainstRegisters raises registers in both encodings and in plain memory.
func TestAgainstRegisters(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 60 {
		var plain [Registers]byte
		d := Editor{B: AppendNew(nil), Limit: []int{0, 100, 3000, 1 << 20}[rnd.IntN(4)]}
		most, ascending, at := 1+rnd.IntN(51), rnd.IntN(3) == 0, 0
		for range 1 + rnd.IntN(1500) {
			if at = at + rnd.IntN(40); !ascending || at >= Registers {
				at = rnd.IntN(1 + rnd.IntN(Registers))
			}
			count := byte(1 + rnd.IntN(most))
			wasDense := IsDense(d.B)
			changed, ok := d.Raise(at, count)
			if !ok || changed != (plain[at] < count) {
				t.Fatalf("Raise(%d, %d) of %d: %v, %v", at, count, plain[at], changed, ok)
			}
			plain[at] = max(plain[at], count)
			switch dense := IsDense(d.B); {
			case !dense && len(d.B) > max(d.Limit, HeaderBytes+2), wasDense && !dense, dense && len(d.B) != DenseBytes:
				t.Fatalf("%d bytes, limit %d, dense %v, was %v", len(d.B), d.Limit, dense, wasDense)
			}
		}
		checkRegisters(t, d.B, &plain)
	}
}

func checkRegisters(t *testing.T, b []byte, want *[Registers]byte) {
	t.Helper()
	var merged [Registers]byte
	if !Check(b) || !Merge(&merged, b) || merged != *want {
		t.Fatal("Merge finds other registers")
	}
	for i, v := range want {
		if got := register(b, i); got != v {
			t.Fatalf("register %d is %d, want %d", i, got, v)
		}
	}
	n, ok := Count(b)
	if m := CountRegisters(want); n != m || !ok {
		t.Fatalf("Count: %d, %v, of the registers %d", n, ok, m)
	}
	dense := b
	if !IsDense(b) {
		if dense, ok = AppendToDense(nil, b); !ok {
			t.Fatal("AppendToDense fails")
		}
	}
	for i, v := range want {
		if DenseRegister(dense, i) != v {
			t.Fatalf("dense register %d is %d, want %d", i, DenseRegister(dense, i), v)
		}
	}
	if m, _ := Count(dense); m != n {
		t.Fatalf("dense, the estimate is %d instead of %d", m, n)
	}
	all := Editor{B: AppendNew(nil), Limit: 1 << 20}
	if !all.RaiseAll(want) || CountRegisters(want) != func() uint64 { n, _ := Count(all.B); return n }() {
		t.Fatal("RaiseAll makes another value")
	}
}

// TestResumedSearch compares ascending raises, which resume their search, with ones that start anew each time.
func TestResumedSearch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 200 {
		a := Editor{B: AppendNew(nil), Limit: 1 << 20}
		most, stride := 600, 3
		if rnd.IntN(2) == 0 {
			most, stride = Registers, 50
		}
		for range rnd.IntN(300) {
			a.Raise(rnd.IntN(most), byte(1+rnd.IntN(3)))
		}
		b := Editor{B: bytes.Clone(a.B), Limit: 1 << 20}
		for i := range most {
			if rnd.IntN(stride) > 0 {
				continue
			}
			count := byte(1 + rnd.IntN(4))
			a.Raise(i, count)
			b.resume = cursor{}
			b.Raise(i, count)
			if !bytes.Equal(a.B, b.B) {
				t.Fatalf("after raising %d to %d:\n%x\n%x", i, count, a.B, b.B)
			}
		}
	}
}

// TestErrorOfEstimate: within four standard errors at each power of two.
func TestErrorOfEstimate(t *testing.T) {
	d := Editor{B: AppendNew(nil), Limit: 3000}
	for n, check := 1, 1; n <= 1<<20; n++ {
		d.Raise(Place(strconv.AppendInt(nil, int64(n), 10)))
		if n < check {
			continue
		}
		check *= 2
		got, ok := Count(d.B)
		if off := math.Abs(float64(got) - float64(n)); !ok || off > max(1, 4*0.0081*float64(n)) {
			t.Errorf("%d elements are estimated as %d", n, got)
		}
	}
}

func TestCache(t *testing.T) {
	b := AppendNew(nil)
	if n, ok := Cached(b); n != 0 || !ok {
		t.Errorf("new: %d, %v", n, ok)
	}
	SetCached(b, 77)
	Invalidate(b)
	if _, ok := Cached(b); ok {
		t.Error("still valid")
	}
	SetCached(b, 78)
	if n, ok := Cached(b); n != 78 || !ok {
		t.Errorf("set: %d, %v", n, ok)
	}
}

// TestNoHashRegisters: registers that no hash has made give some number, as in redis-server.
func TestNoHashRegisters(t *testing.T) {
	b := append(AppendNew(nil)[:HeaderBytes], bytes.Repeat([]byte{0xff}, DenseBytes-HeaderBytes)...)
	b[encodingAt] = encDense
	if n, ok := Count(b); !ok || n != 1<<63 {
		t.Errorf("%d, %v", n, ok)
	}
}

func TestNoAllocations(t *testing.T) {
	d := Editor{B: append(make([]byte, 0, 4096), AppendNew(nil)...), Limit: 3000}
	e := Editor{B: make([]byte, DenseBytes)}
	copy(e.B, "HYLL")
	i := 0
	var registers [Registers]byte
	if n := testing.AllocsPerRun(500, func() {
		i++
		var key [8]byte
		binary.LittleEndian.PutUint64(key[:], uint64(i))
		d.Raise(Place(key[:]))
		e.Raise(Place(key[:]))
		Count(d.B)
		Merge(&registers, e.B)
		Merge(&registers, d.B)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzValue gives arbitrary bytes to everything: nothing may panic, and what Count accepts every other function does.
func FuzzValue(f *testing.F) {
	f.Add(AppendNew(nil), uint16(5), byte(3))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x81\x7f\xfc"), uint16(1), byte(40))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\x7f\xff\x41"), uint16(16383), byte(1))
	f.Fuzz(func(t *testing.T, b []byte, place uint16, count byte) {
		if !Check(b) {
			return
		}
		_, good := Count(b)
		var registers [Registers]byte
		if Merge(&registers, b) != good {
			t.Fatal("Merge and Count disagree")
		}
		AppendOpcodes(nil, b)
		d := Editor{B: bytes.Clone(b), Limit: 3000}
		i, n := int(place%Registers), count%51+1
		changed, ok := d.Raise(i, n)
		if !good {
			return
		}
		if !ok || changed != (registers[i] < n) {
			t.Fatalf("Raise(%d, %d) of %d: %v, %v", i, n, registers[i], changed, ok)
		}
		registers[i] = max(registers[i], n)
		var after [Registers]byte
		if !Merge(&after, d.B) || after != registers {
			t.Fatal("raising one register has changed others")
		}
		d.RaiseAll(&registers)
	})
}

func BenchmarkFindSparse(b *testing.B) {
	d := Editor{B: AppendNew(nil), Limit: 3000}
	for i := 0; len(d.B) < 2900; i++ {
		d.Raise(Place(strconv.AppendInt(nil, int64(i), 10)))
	}
	at := uint32(0)
	for b.Loop() {
		at += 2654435769
		d.resume = cursor{}
		d.find(int(at >> 18))
	}
}

func BenchmarkMergeDense(b *testing.B) {
	v := make([]byte, DenseBytes)
	copy(v, "HYLL")
	var registers [Registers]byte
	for b.Loop() {
		Merge(&registers, v)
	}
}

func BenchmarkCountDense(b *testing.B) {
	v := make([]byte, DenseBytes)
	copy(v, "HYLL")
	for i := range 100_000 {
		r, n := Place(strconv.AppendInt(nil, int64(i), 10))
		raiseDense(v, r, n)
	}
	for b.Loop() {
		Count(v)
	}
}
