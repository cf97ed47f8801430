package keyspace

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

// TestSplitsAndMerges grows a database and takes it down again in random order: the directory follows both ways, and
// every key is found at every size.
func TestSplitsAndMerges(t *testing.T) {
	const n = 150_000
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	ks := New(1, 1000, nil)
	db := ks.DB(0)
	check := func(i int) {
		checkKeyspace(t, ks)
		if db.Len() != i {
			t.Fatalf("%d keys, want %d", db.Len(), i)
		}
	}
	for i := range n {
		fill(db, "k", i, i+1)
		if i&(i-1) == 0 {
			check(i + 1)
		}
	}
	check(n)
	full := db.idx.depth
	if load := float64(n) / float64(db.idx.segs*segmentSlots); load < 0.5 {
		t.Errorf("segments are filled to %.2f", load)
	}
	for left, i := range rng.Perm(n) {
		remove(db, "k", i, i+1)
		if left := n - left - 1; left&(left-1) == 0 {
			check(left)
			if left > 1000 && float64(left) < 0.05*float64(db.idx.segs*segmentSlots) {
				t.Errorf("%d keys in %d segments", left, db.idx.segs)
			}
		}
	}
	if full < 8 || db.idx.depth != 0 || ks.Arena().Used() != 0 {
		t.Errorf("depth was %d, is %d; %d bytes left", full, db.idx.depth, ks.Arena().Used())
	}
}

// TestRandomIsUniform draws from indexes whose segments differ in depth and fill. With 95 degrees of freedom or more,
// chi-square lies within six standard deviations of its mean.
func TestRandomIsUniform(t *testing.T) {
	for _, c := range []struct{ fill, keep int }{{96, 96}, {2000, 2000}, {20000, 1500}} {
		t.Run(fmt.Sprintf("%d of %d", c.keep, c.fill), func(t *testing.T) {
			db := New(1, 1000, nil).DB(0)
			fill(db, "k", 0, c.fill)
			remove(db, "k", c.keep, c.fill)
			const each = 100
			drawn := map[string]int{}
			for range c.keep * each {
				e, ok := db.Random()
				if !ok {
					t.Fatal("nothing drawn")
				}
				drawn[string(e.Key())]++
			}
			chi := 0.0
			for i := range c.keep {
				d := float64(drawn[fmt.Sprintf("k%d", i)] - each)
				chi += d * d / each
			}
			free := float64(c.keep - 1)
			if off := (chi - free) / math.Sqrt(2*free); math.Abs(off) > 6 {
				t.Errorf("chi-square %.0f for %.0f degrees of freedom: %.1f deviations off", chi, free, off)
			}
		})
	}
}

// TestRandomOfDeepDirectory: one crowded prefix makes the directory deep; drawing must stay uniform over segments.
func TestRandomOfDeepDirectory(t *testing.T) {
	a := NewArena()
	x := newIndex(a)
	const n = 3000
	for i := range uint64(n) { // half of them share nine bits of tag
		h := i * 0x9e3779b97f4a7c15
		if i%2 == 0 {
			h = 0x1ff<<55 | h>>9
		}
		x.insert(h, Ref(i+1))
	}
	checkIndex(t, x)
	rng := rand.New(rand.NewPCG(1, 2))
	drawn := make([]int, n+1)
	for range n * 100 {
		drawn[x.Random(rng.Uint64)]++
	}
	chi := 0.0
	for _, k := range drawn[1:] {
		chi += float64((k-100)*(k-100)) / 100
	}
	if off := (chi - (n - 1)) / math.Sqrt(2*(n-1)); math.Abs(off) > 6 {
		t.Errorf("chi-square %.0f: %.1f deviations off", chi, off)
	}
}

// TestSameTag: keys whose hashes share all that a slot keeps are told apart by their bytes, until no slot is in reach.
func TestSameTag(t *testing.T) {
	a := NewArena()
	x := newIndex(a)
	const h = 0xabcdef<<40 | 5
	record := func(key string) Ref {
		size, flags := recordSize(flagField, len(key), 0)
		r := a.Alloc(size)
		copy(a.at(r)[writeHeader(a.at(r), flags, len(key), 0).keyAt:], key)
		return r
	}
	refs := map[string]Ref{}
	for i := range bucketSlots * (maxDisplace + 1) { // as many as a home bucket reaches
		key := fmt.Sprintf("k%d", i)
		refs[key] = record(key)
		x.insert(h, refs[key])
	}
	checkIndex(t, x)
	for key, want := range refs {
		at, r := x.find(h, []byte(key))
		if r != want {
			t.Fatalf("%s: found %d, want %d", key, r, want)
		}
		if len(refs)%3 == 0 {
			x.remove(h, at)
			delete(refs, key)
			checkIndex(t, x)
			if _, r := x.find(h, []byte(key)); r != 0 {
				t.Fatalf("%s is found after its removal", key)
			}
		}
	}
	if _, r := x.find(h, []byte("other")); r != 0 {
		t.Error("a key that is not there was found")
	}
}

// TestSegmentsGetFull: a segment is full when it splits, whatever clusters its buckets make, and right after that nearly all entries are in
// their home buckets. Each entry that insertions and splits move keeps its mark for the snapshot.
func TestSegmentsGetFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	x := newIndex(NewArena())
	const n, epoch = 60_000, 7
	marked := map[Ref]bool{}
	early, displaced := 0, 0
	for i := range n {
		h, r := rng.Uint64(), Ref(i+1)
		segs, before := x.segs, 0
		if x.dir != nil {
			before = int(x.segmentOf(h).count)
		}
		p := x.insert(h, r)
		if p.seg.epoch != epoch {
			p.seg.mark(p.slot, epoch)
			p.seg.saved = [segmentSlots / 64]uint64{}
		}
		p.seg.saved[p.slot/64] &^= 1 << (p.slot % 64)
		if marked[r] = rng.IntN(2) == 0; marked[r] {
			p.seg.mark(p.slot, epoch)
		}
		if x.segs > segs && segs > 0 {
			if before < splitAt {
				early++
			}
			displaced += displacedIn(p.seg)
		}
	}
	checkIndex(t, x)
	for i, s := range x.dir {
		if i > 0 && x.dir[i-1] == s {
			continue
		}
		for slot, w := range s.slots {
			if r := Ref(w & refMask); w != 0 && s.marked(slot, epoch) != marked[r] {
				t.Fatalf("entry %d: marked %v, want %v", r, !marked[r], marked[r])
			}
		}
	}
	if early > x.segs/10 {
		t.Errorf("%d of %d splits before a segment was full", early, x.segs-1)
	}
	if share := float64(displaced) / float64(x.segs*splitAt/2); share > 0.05 {
		t.Errorf("%.3f of the entries are displaced after a split", share)
	}
}

func displacedIn(s *segment) (n int) {
	for _, w := range s.slots {
		if w>>dispShift&maxDisplace > 0 {
			n++
		}
	}
	return n
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	ks := New(1, 1000, nil)
	db := ks.DB(0)
	fill(db, "key:", 0, 10000)
	key, other := []byte("key:77"), []byte("key:none")
	short, long := []byte("a value"), make([]byte, 300)
	at := int64(5000)
	for name, f := range map[string]func(){
		"Find":   func() { db.Find(key) },
		"Lookup": func() { db.Lookup(key); db.Lookup(other) },
		"SetString over a key": func() {
			e, _ := db.Lookup(key)
			db.SetString(&e, key, short, 0)
		},
		"SetString of another size": func() {
			e, _ := db.Lookup(key)
			db.SetString(&e, key, long, 0)
			db.SetString(&e, key, short, 0)
		},
		"SetString with a deadline": func() {
			at++
			e, _ := db.Lookup(key)
			db.SetString(&e, key, short, at)
		},
		"SetDeadline": func() {
			e, _ := db.Lookup(key)
			db.SetDeadline(&e, at+100)
			db.SetDeadline(&e, 0)
		},
		"SetInt": func() {
			e, _ := db.Lookup(key)
			db.SetInt(&e, key, at, 0)
		},
		"Resize": func() {
			e, _ := db.Lookup(key)
			db.Resize(&e, 100)
			db.Resize(&e, 200)
		},
		"a new key and Delete": func() {
			e, _ := db.Lookup(other)
			db.SetString(&e, other, short, 0)
			db.Delete(&e)
		},
		"Transfer": func() {
			e, _ := db.Lookup(key)
			db.Transfer(&e, db, other)
			e, _ = db.Lookup(other)
			db.Transfer(&e, db, key)
		},
		"Random": func() { db.Random() },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// TestTransferThroughSplits: the destination's insertion is the one that splits the source's segment, and takes the source
// to the new half in one of two cases.
func TestTransferThroughSplits(t *testing.T) {
	for range 20 { // each with other hashes
		ks := New(1, 1000, nil)
		db := ks.DB(0)
		for i := range 700 {
			from, to := fmt.Appendf(nil, "from%d", i), fmt.Appendf(nil, "to%d", i)
			e, _ := db.Find(from)
			db.SetString(&e, from, from, int64(2000+i))
			e, _ = db.Find(from)
			db.Transfer(&e, db, to)
			if _, ok := db.Find(from); ok {
				t.Fatalf("%s is still there", from)
			}
			if e, ok := db.Find(to); !ok || string(e.Value()) != string(from) || e.Deadline() != int64(2000+i) {
				t.Fatalf("%s is not what %s was", to, from)
			}
		}
		checkKeyspace(t, ks)
	}
}
