package keyspace

import (
	"fmt"
	"testing"
)

const benchKeys = 1_000_000

func benchDB(b *testing.B, deadline int64) (*Keyspace, *DB, [][]byte) {
	ks := New(1, 1_000_000, nil)
	db := ks.DB(0)
	keys := make([][]byte, benchKeys)
	val := make([]byte, 64)
	for i := range val {
		val[i] = 'x'
	}
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%012d", i)
		e, _ := db.Find(keys[i])
		db.SetString(&e, keys[i], val, deadline)
	}
	b.ReportMetric(float64(ks.Used())/benchKeys, "B/key")
	b.ResetTimer()
	return ks, db, keys
}

func BenchmarkFind(b *testing.B) {
	_, db, keys := benchDB(b, 0)
	x := uint32(1)
	for b.Loop() {
		x = x*1664525 + 1013904223
		if _, ok := db.Lookup(keys[x%benchKeys]); !ok {
			b.Fatal("lost")
		}
	}
}

func BenchmarkPrefetchedFind(b *testing.B) {
	_, db, keys := benchDB(b, 0)
	x := uint32(1)
	batch := make([][]byte, 32)
	i := len(batch)
	for b.Loop() {
		if i == len(batch) {
			for j := range batch {
				x = x*1664525 + 1013904223
				batch[j] = keys[x%benchKeys]
			}
			db.Prefetch(batch)
			i = 0
		}
		if _, ok := db.Lookup(batch[i]); !ok {
			b.Fatal("lost")
		}
		i++
	}
}

func BenchmarkOverwrite(b *testing.B) {
	_, db, keys := benchDB(b, 0)
	val := make([]byte, 64)
	x := uint32(1)
	for b.Loop() {
		x = x*1664525 + 1013904223
		k := keys[x%benchKeys]
		e, _ := db.Lookup(k)
		db.SetString(&e, k, val, 0)
	}
}

func BenchmarkDeadline(b *testing.B) {
	ks, db, keys := benchDB(b, 5_000_000)
	b.ReportMetric(float64(ks.Used())/benchKeys, "B/key")
	x := uint32(1)
	for b.Loop() {
		x = x*1664525 + 1013904223
		e, _ := db.Lookup(keys[x%benchKeys])
		db.SetDeadline(&e, 5_000_000+int64(x%1_000_000))
	}
}

// copySaver copies what it gets, as the savers of files do.
type copySaver struct {
	countSaver
	buf []byte
}

func (c *copySaver) Save(_ int, e *Entry) {
	if len(c.buf) > 256<<10 {
		c.buf = c.buf[:0]
	}
	c.buf = append(append(c.buf, e.Key()...), e.Value()...)
	c.n++
}

// BenchmarkSnapshotWalk is the walk over 1 M keys of 16 + 128 bytes whose order is not that of memory; ns/key is what it takes
// for each.
func BenchmarkSnapshotWalk(b *testing.B) {
	ks := New(1, benchKeys, nil)
	db := ks.DB(0)
	for i := range benchKeys {
		key := fmt.Appendf(nil, "key:%012d", i)
		e, _ := db.Find(key)
		db.SetString(&e, key, make([]byte, 128), 0)
	}
	saver := &copySaver{}
	for b.Loop() {
		for s := ks.StartSnapshot(saver, false); !s.Step(200); {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(saver.n), "ns/key")
}
