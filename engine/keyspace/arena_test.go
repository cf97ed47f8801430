package keyspace

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

func TestSizeClasses(t *testing.T) {
	for size := 1; size <= maxSlabBlok; size++ {
		c := classOf(size)
		if int(classSize[c]) < size || c > 0 && int(classSize[c-1]) >= size {
			t.Fatalf("%d bytes: class %d of %d, the one before has %d", size, c, classSize[c], classSize[max(c-1, 0)])
		}
		if classSize[c]%unitBytes != 0 {
			t.Fatalf("class %d: %d bytes", c, classSize[c])
		}
	}
	if classOf(0) != 0 || classOf(maxSlabBlok+1) != ownMapping {
		t.Error("the ends of the classes")
	}
}

// TestArenaBlocks takes and gives blocks in random order. Each is filled with its own number: blocks that overlap, or a
// list of free ones written into a live block, would show.
func TestArenaBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	a := NewArena()
	type block struct {
		r    Ref
		size int
		mark uint64
	}
	var live []block
	mark := uint64(0)
	mask := func(b block) bool {
		p := a.Block(b.r)
		for i := 0; i+8 <= b.size; i += max(8, b.size/64&^7) {
			if binary.LittleEndian.Uint64(p[i:]) != b.mark {
				return false
			}
		}
		return true
	}
	sizeOf := func() int {
		switch rng.IntN(20) {
		case 0:
			return 1000 + rng.IntN(maxSlabBlok)
		case 1, 2, 3:
			return 8 + rng.IntN(4000)
		}
		return 8 + rng.IntN(200)
	}
	for step := range 60_000 {
		if grow := step/10_000%2 == 0; len(live) == 0 || rng.IntN(10) < 3 != grow {
			mark++
			b := block{size: sizeOf(), mark: mark}
			b.r = a.Alloc(b.size)
			if a.Size(b.r) != sizeFor(b.size) || a.Size(b.r) < b.size || len(a.Block(b.r)) != a.Size(b.r) {
				t.Fatalf("%d bytes: block of %d", b.size, a.Size(b.r))
			}
			p := a.Block(b.r)
			for i := 0; i+8 <= b.size; i += 8 {
				binary.LittleEndian.PutUint64(p[i:], mark)
			}
			live = append(live, b)
			continue
		}
		i := rng.IntN(len(live))
		b := live[i]
		if !mask(b) {
			t.Fatalf("block %d of %d bytes was overwritten", b.mark, b.size)
		}
		a.Free(b.r)
		live[i] = live[len(live)-1]
		live = live[:len(live)-1]
	}
	var sum int64
	for _, b := range live {
		sum += int64(a.Size(b.r))
	}
	if sum != a.Used() || int64(len(live)) != a.Blocks() {
		t.Errorf("%d bytes in %d blocks, counted %d in %d", sum, len(live), a.Used(), a.Blocks())
	}
	for _, b := range live {
		a.Free(b.r)
	}
	a.TrimSpares()
	if a.Used() != 0 || a.Blocks() != 0 || a.Mapped() != 0 {
		t.Errorf("%d bytes, %d blocks, %d mapped are left", a.Used(), a.Blocks(), a.Mapped())
	}
}

func TestMappings(t *testing.T) {
	a := NewArena()
	const size = 3 << 20
	r := a.Alloc(size)
	b := a.Block(r)
	for i := range b {
		if b[i] != 0 {
			t.Fatalf("byte %d of a new mapping is %d", i, b[i])
		}
		b[i] = 7
	}
	a.Grow(r, 2*size)
	b = a.Block(r)
	if len(b) != 2*size || b[size-1] != 7 || b[size] != 0 || b[2*size-1] != 0 {
		t.Errorf("after Grow: %d bytes, %d %d %d", len(b), b[size-1], b[size], b[2*size-1])
	}
	if a.Used() != 2*size || a.Mapped() != 2*size {
		t.Errorf("%d used, %d mapped", a.Used(), a.Mapped())
	}
	steps := 1
	for !a.FreeStep(r, 1<<20) {
		steps++
	}
	if steps != 6 || a.Used() != 0 || a.Mapped() != 0 || a.Blocks() != 0 {
		t.Errorf("%d steps; %d used, %d mapped, %d blocks", steps, a.Used(), a.Mapped(), a.Blocks())
	}
}
