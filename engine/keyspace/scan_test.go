package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

// SCAN's promise: an entry that is there from the first call to the last is visited exactly once, whatever happens to the
// others between two calls; one that is never there is not visited.

func fill(db *DB, prefix string, from, to int) {
	for i := from; i < to; i++ {
		key := fmt.Appendf(nil, "%s%d", prefix, i)
		e, _ := db.Find(key)
		db.SetString(&e, key, []byte("v"), 0)
	}
}

func remove(db *DB, prefix string, from, to int) {
	for i := from; i < to; i++ {
		if e, ok := db.Find(fmt.Appendf(nil, "%s%d", prefix, i)); ok {
			db.Delete(&e)
		}
	}
}

// scanWhile counts the visits of each key; between runs after each call.
func scanWhile(t *testing.T, db *DB, count func() int, between func(call int)) map[string]int {
	t.Helper()
	visits := map[string]int{}
	var cursor uint64
	for call := 0; ; call++ {
		if call > 1<<20 {
			t.Fatal("the iteration does not end")
		}
		last := cursor
		cursor = db.Scan(cursor, count(), func(e *Entry) { visits[string(e.Key())]++ })
		if cursor == 0 {
			return visits
		}
		if cursor <= last {
			t.Fatalf("cursor %d after %d", cursor, last)
		}
		between(call)
	}
}

func TestScanWhileChanging(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	const stay, guests = 3000, 60000
	for _, c := range []struct {
		name    string
		guests  int // there at the start
		between func(db *DB, call int)
	}{
		{"at rest", 0, func(*DB, int) {}},
		{"growing", 0, func(db *DB, call int) { fill(db, "guest:", call*100, min(call*100+100, guests)) }},
		{"shrinking", guests, func(db *DB, call int) { remove(db, "guest:", call*200, min(call*200+200, guests)) }},
		{"growing and shrinking", guests / 2, func(db *DB, call int) {
			if from := rng.IntN(guests); rng.IntN(call/20%2*8+2) == 0 { // now more of this, now of that
				fill(db, "guest:", from, min(from+800, guests))
			} else {
				remove(db, "guest:", from, min(from+800, guests))
			}
		}},
		{"overwriting and moving records", 0, func(db *DB, call int) {
			for i := range 200 {
				key := fmt.Appendf(nil, "stay:%d", (call*200+i)%stay)
				e, ok := db.Find(key)
				if !ok {
					t.Fatalf("%s is gone", key)
				}
				switch rng.IntN(3) {
				case 0:
					db.SetString(&e, key, make([]byte, rng.IntN(200)), 0)
				case 1:
					db.SetDeadline(&e, rng.Int64N(1000)+1e6)
				case 2:
					db.Resize(&e, rng.IntN(500))
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := New(1, 1000, nil).DB(0)
			fill(db, "guest:", 0, c.guests)
			fill(db, "stay:", 0, stay)
			visits := scanWhile(t, db, func() int { return 1 + rng.IntN(30) }, func(call int) { c.between(db, call) })
			for i := range stay {
				if n := visits[fmt.Sprintf("stay:%d", i)]; n != 1 {
					t.Fatalf("stay:%d was visited %d times", i, n)
				}
			}
			for key, n := range visits {
				if n > 1 && c.guests == 0 {
					t.Errorf("%s was visited %d times", key, n)
				}
			}
			checkIndex(t, db.idx)
		})
	}
}

// TestScanCounts: a call visits about as many entries as it was asked for, and nothing but a whole iteration ends in 0.
func TestScanCounts(t *testing.T) {
	db := New(1, 1000, nil).DB(0)
	fill(db, "k", 0, 50000)
	for _, count := range []int{1, 10, 100, 1000, 10000} {
		calls, visited := 0, 0
		for cursor := uint64(0); ; calls++ {
			n := 0
			cursor = db.Scan(cursor, count, func(*Entry) { n++ })
			visited += n
			if n > 2*count+40 {
				t.Errorf("COUNT %d visited %d entries", count, n)
			}
			if cursor == 0 {
				break
			}
		}
		if visited != 50000 || calls < 50000/(2*count+40) || calls > 50000/count+1 {
			t.Errorf("COUNT %d: %d calls visited %d entries", count, calls, visited)
		}
	}
}

func TestScanCursors(t *testing.T) {
	db := New(1, 1000, nil).DB(0)
	if db.Scan(0, 10, nil) != 0 {
		t.Error("an empty database has a next cursor")
	}
	fill(db, "k", 0, 5000)
	for _, cursor := range []uint64{1 << tagBits, 1<<tagBits + 1, 1<<64 - 1} {
		if next := db.Scan(cursor, 10, func(*Entry) { t.Errorf("cursor %d visits", cursor) }); next != 0 {
			t.Errorf("cursor %d is followed by %d", cursor, next)
		}
	}
	if next := db.Scan(1<<tagBits-1, 10, func(*Entry) {}); next != 0 {
		t.Errorf("the last cursor is followed by %d", next)
	}
	// Any number may be a cursor: from each, the rest is visited, once.
	for _, cursor := range []uint64{0, 1, 12345, 1 << 20, 1<<tagBits - 2} {
		want := map[string]bool{}
		db.Scan(0, db.Len(), func(e *Entry) {
			if e.db.ks.Hash(e.Key())>>tagShift >= cursor {
				want[string(e.Key())] = true
			}
		})
		for next := cursor; ; {
			next = db.Scan(next, 7, func(e *Entry) {
				if !want[string(e.Key())] {
					t.Errorf("from %d: %s visited twice or before its time", cursor, e.Key())
				}
				delete(want, string(e.Key()))
			})
			if next == 0 {
				break
			}
		}
		if len(want) > 0 {
			t.Errorf("from %d: %d entries not visited", cursor, len(want))
		}
	}
}
