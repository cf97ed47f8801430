package keyspace

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

// listSaver keeps what it is given, and allows everything.
type listSaver struct {
	t    *testing.T
	seen map[string]string
}

func (l *listSaver) Save(_ int, e *Entry) {
	if _, twice := l.seen[string(e.Key())]; twice {
		l.t.Fatalf("%s is given out twice", e.Key())
	}
	l.seen[string(e.Key())] = string(e.Bytes(nil))
}
func (l *listSaver) SavePart(db int, e *Entry) bool { l.Save(db, e); return true }
func (l *listSaver) Full() bool                     { return false }
func (l *listSaver) Crowded() bool                  { return false }

// Segments split and merge by the hundred while a snapshot walks them; the marks go along.
func TestSnapshotThroughSplits(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 6 {
		ks := New(1, 1000, nil)
		db := ks.DB(0)
		model := map[string]string{}
		set := func(i int) {
			key, val := fmt.Sprintf("key:%d", i), fmt.Sprint(rng.Uint64())
			e, _ := db.Lookup([]byte(key))
			db.SetString(&e, []byte(key), []byte(val), 0)
			model[key] = val
		}
		del := func(i int) {
			key := fmt.Sprintf("key:%d", i)
			if e, ok := db.Lookup([]byte(key)); ok {
				db.Delete(&e)
				delete(model, key)
			}
		}
		for range 2 { // the second finds the marks of the first
			for range 10_000 {
				set(rng.IntN(40_000))
			}
			want := maps.Clone(model)
			saver := &listSaver{t, map[string]string{}}
			s := ks.StartSnapshot(saver, false)
			for phase := range 6 {
				for range 6_000 {
					if phase%2 == 0 {
						set(rng.IntN(40_000))
					} else {
						for range 6 {
							del(rng.IntN(40_000))
						}
					}
					if rng.IntN(60) == 0 {
						s.Step(8)
					}
				}
				checkIndex(t, db.idx)
			}
			for !s.Step(100) {
			}
			if !maps.Equal(saver.seen, want) {
				t.Fatalf("%d entries given out, there were %d, or their values differ", len(saver.seen), len(want))
			}
			if done, total := s.Progress(); done != total || total != len(want) {
				t.Fatalf("progress %d of %d, want %d", done, total, len(want))
			}
		}
	}
}

// countSaver is a saver that costs nothing.
type countSaver struct{ n int }

func (c *countSaver) Save(int, *Entry)          { c.n++ }
func (c *countSaver) SavePart(int, *Entry) bool { c.n++; return true }
func (c *countSaver) Full() bool                { return false }
func (c *countSaver) Crowded() bool             { return false }

// Neither the walk nor a change ahead of it allocates: a snapshot keeps nothing for each key.
func TestSnapshotAllocatesNothing(t *testing.T) {
	const keys = 20_000
	ks := New(1, 1000, nil)
	db := ks.DB(0)
	names := make([][]byte, keys)
	for i := range names {
		names[i] = fmt.Appendf(nil, "key:%d", i)
		e, _ := db.Lookup(names[i])
		db.SetString(&e, names[i], []byte("a value of thirty bytes or more"), 0)
	}
	var saver countSaver
	s := ks.StartSnapshot(&saver, false)
	next := 0
	if n := testing.AllocsPerRun(keys/2, func() {
		e, _ := db.Lookup(names[next])
		db.SetString(&e, names[next], []byte("another value of thirty bytes..."), 0)
		next++
		ks.SnapshotHolds(db, names[next], false)
	}); n != 0 {
		t.Errorf("a change ahead of the walk allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { s.Step(16) }); n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
	for !s.Step(100) {
	}
	if saver.n != keys {
		t.Errorf("%d entries given out, want %d", saver.n, keys)
	}
}

// A step is short where there is nothing to give out, too: it passes few segments of entries that have all changed already.
func TestStepOverWhatIsMarked(t *testing.T) {
	const keys, step = 50_000, 512
	ks := New(1, 1000, nil)
	db := ks.DB(0)
	set := func(i int, value string) {
		key := fmt.Appendf(nil, "key:%d", i)
		e, _ := db.Lookup(key)
		db.SetString(&e, key, []byte(value), 0)
	}
	for i := range keys {
		set(i, "before")
	}
	var saver countSaver
	s := ks.StartSnapshot(&saver, false)
	for i := range keys {
		set(i, "after")
	}
	if saver.n != keys {
		t.Fatalf("%d entries given out before they changed, want %d", saver.n, keys)
	}
	steps := 1
	for ; !s.Step(step); steps++ {
	}
	if want := db.idx.segs * segmentCost / step; steps < want || saver.n != keys {
		t.Errorf("%d steps over %d segments, want at least %d; %d entries given out of %d", steps, db.idx.segs, want, saver.n, keys)
	}
}
