package keyspace

import "testing"

// What must hold between the parts of a keyspace at any time, checked from the outside in. Tests call it after whatever
// they do.

// checkIndex looks at every segment: counts, displacements, tags, depths, and the directory's places for it.
func checkIndex(t testing.TB, x *Index) {
	t.Helper()
	if x.dir == nil {
		if x.count != 0 || x.segs != 0 || x.depth != 0 || x.deep != 0 {
			t.Fatalf("index without a directory has count %d, segments %d, depth %d, deep %d", x.count, x.segs, x.depth, x.deep)
		}
		return
	}
	if len(x.dir) != 1<<x.depth {
		t.Fatalf("directory of %d places at depth %d", len(x.dir), x.depth)
	}
	count, segs, deep := 0, 0, 0
	for i := 0; i < len(x.dir); {
		s := x.dir[i]
		if s.depth > x.depth {
			t.Fatalf("segment of depth %d in a directory of depth %d", s.depth, x.depth)
		}
		width := 1 << (x.depth - s.depth)
		if i%width != 0 {
			t.Fatalf("segment of depth %d begins at place %d of depth %d", s.depth, i, x.depth)
		}
		for j := i; j < i+width; j++ {
			if x.dir[j] != s {
				t.Fatalf("place %d does not point to the segment of place %d", j, i)
			}
		}
		checkSegment(t, s, uint64(i)>>(x.depth-s.depth))
		count += int(s.count)
		segs++
		if s.depth == x.depth {
			deep++
		}
		i += width
	}
	if count != x.count || segs != x.segs || deep != x.deep && x.depth > 0 {
		t.Fatalf("found %d entries, %d segments, %d deep; index says %d, %d, %d", count, segs, deep, x.count, x.segs, x.deep)
	}
}

func checkSegment(t testing.TB, s *segment, prefix uint64) {
	t.Helper()
	var over [segmentBuckets]uint8
	count := 0
	for i, w := range s.slots {
		if w == 0 {
			continue
		}
		count++
		if w&refMask == 0 {
			t.Fatalf("slot %d has a tag and no record", i)
		}
		if w>>(64-s.depth) != prefix { // a shift by 64 gives 0
			t.Fatalf("slot %d: tag %#x in the segment of prefix %#x, depth %d", i, w>>tagShift, prefix, s.depth)
		}
		if d := int(w >> dispShift & maxDisplace); d > 0 {
			over[(i/bucketSlots-d+segmentBuckets)%segmentBuckets]++
		}
	}
	if count != int(s.count) || over != s.over {
		t.Fatalf("segment counts %d entries and has %d; displaced %v, found %v", s.count, count, s.over, over)
	}
}

// checkKeyspace checks all indexes, that each record is found by its key, that the wheels hold what has a deadline, and
// that the arena's counters are the sum of what is reachable. Garbage must have been freed.
func checkKeyspace(t testing.TB, ks *Keyspace) {
	t.Helper()
	if len(ks.garbage) > 0 {
		t.Fatal("checkKeyspace: garbage left")
	}
	a := ks.arena
	var used, blocks int64
	addIndex := func(x *Index) {
		checkIndex(t, x)
		used += int64(x.segs) * int64(sizeFor(segmentBytes))
		blocks += int64(x.segs)
	}
	tables := 0
	for _, db := range ks.dbs {
		addIndex(db.idx)
		expires := 0
		db.Scan(0, db.Len()+1, func(e *Entry) {
			if f, ok := db.Find(e.Key()); !ok || f.ref != e.ref {
				t.Fatalf("key %.40q of database %d is not found", e.Key(), db.ID)
			}
			used += int64(a.Size(e.ref))
			blocks++
			switch e.Encoding() {
			case EncLarge:
				r, n := e.large()
				if n > a.Size(r) {
					t.Fatalf("key %.40q: %d bytes in a block of %d", e.Key(), n, a.Size(r))
				}
				used += int64(a.Size(r))
				blocks++
			case EncHashTable:
				tables++
				table := db.Table(e)
				addIndex(table.idx)
				checkTable(t, table)
				used += table.bytes
				blocks += int64(table.Len())
			}
			if e.b[0]&flagDeadline != 0 {
				expires++
			}
		})
		linked := 0
		if db.wheel != nil {
			linked = db.wheel.Len()
		}
		if expires != db.Expires() || linked != expires {
			t.Fatalf("database %d: %d entries with a deadline, counted %d, %d in the wheel", db.ID, expires, db.Expires(), linked)
		}
	}
	if live := len(ks.objects) - len(ks.freeNums); live != tables {
		t.Fatalf("%d tables in use, %d reachable", live, tables)
	}
	if used != a.Used() || blocks != a.Blocks() {
		t.Fatalf("arena says %d bytes in %d blocks, reachable are %d in %d", a.Used(), a.Blocks(), used, blocks)
	}
}

func checkTable(t testing.TB, table *Table) {
	t.Helper()
	var bytes int64
	n := 0
	table.idx.Scan(0, table.Len()+1, func(r Ref) {
		bytes += int64(table.ks.arena.Size(r))
		n++
	})
	if bytes != table.bytes || n != table.Len() {
		t.Fatalf("table counts %d bytes in %d fields, has %d in %d", table.bytes, table.Len(), bytes, n)
	}
}

// freeAll works the garbage off.
func freeAll(t testing.TB, ks *Keyspace) {
	t.Helper()
	for range 1 << 24 {
		if !ks.FreeStep() {
			return
		}
	}
	t.Fatal("FreeStep does not come to an end")
}
