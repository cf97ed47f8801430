package persistence

// Base files in RDB format on a disk that fails, and across power cuts: as fault_test.go, with a snapshot of a keyspace in
// place of commands.

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"redix/engine/keyspace"
	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

// fatBytes is the size of a value in the keyspace that makes the base file one of several chunks.
const fatBytes = 5 * chunkBytes / 2

var fat = bytes.Repeat([]byte("0123456789abcdef"), fatBytes/16)

// recordsBuilder takes records in any order.
type recordsBuilder struct {
	db   int
	seen []bool
	n    int
	fat  int // bytes of the fat value
}

func (b *recordsBuilder) PutAll(items []rdb.Item) (int, error) {
	for i := range items {
		it := &items[i]
		switch {
		case it.Op == rdb.OpSelectDB:
			b.db = int(it.N)
		case it.Op == rdb.OpPart, it.Op == rdb.OpKey && string(it.Name) == "fat":
			if at := b.fat; at+len(it.Data) > len(fat) || !bytes.Equal(it.Data, fat[at:at+len(it.Data)]) {
				return i, errors.New("the fat value is wrong")
			}
			b.fat += len(it.Data)
		case it.Op == rdb.OpKey:
			k := -1
			if _, err := fmt.Sscanf(string(it.Name), "k%d", &k); err != nil || k < 0 || k >= 1000 {
				return i, fmt.Errorf("key %q", it.Name)
			}
			if err := checkRecord(k, b.db, [][]byte{[]byte("SET"), it.Name, it.Data}); err != nil {
				return i, err
			}
			for k >= len(b.seen) {
				b.seen = append(b.seen, false)
			}
			if b.seen[k] {
				return i, fmt.Errorf("key %q is there twice", it.Name)
			}
			b.seen[k] = true
			b.n++
		}
	}
	return len(items), nil
}

func (b *recordsBuilder) Drop() {}

func (b *recordsBuilder) Made() (keys, expired, empty int64) { return int64(b.n), 0, 0 }

// complete gives the number of records, which must have no gap.
func (b *recordsBuilder) complete() (int, error) {
	if b.n != len(b.seen) || b.n > 0 && b.fat != len(fat) {
		return 0, fmt.Errorf("the base file has %d records of %d, and %d bytes of the fat value", b.n, len(b.seen), b.fat)
	}
	return b.n, nil
}

// stringWriter is an EntryWriter for the keyspaces of these tests.
type stringWriter struct{}

func (stringWriter) Begin(dst []byte, e *keyspace.Entry) (out []byte, done bool) {
	dst = rdb.AppendString(rdb.AppendType(dst, rdb.TypeString), e.Key())
	return rdb.AppendString(dst, e.Value()), true
}

func (stringWriter) Next(dst []byte, _ int) (out []byte, done bool) { return dst, true }

// recordsIn is a keyspace with the first n records and the fat value.
func recordsIn(n int) *keyspace.Keyspace {
	ks := keyspace.New(3, 1, nil)
	set := func(db int, key, value []byte) {
		e, _ := ks.DB(db).Lookup(key)
		ks.DB(db).SetString(&e, key, value, 0)
	}
	for i := range n {
		set(dbOf(i), fmt.Appendf(nil, "k%d", i), fmt.Appendf(nil, "v%d", i))
	}
	set(0, []byte("fat"), fat)
	return ks
}

// fillRDB fills a base file with a snapshot of ks; wait is called while there is no room. It is false when the file has failed.
func fillRDB(b *BaseWriter, ks *keyspace.Keyspace, wait func(ready func() bool)) bool {
	b.RDB = true
	entries := func(*[]rdb.Span) EntryWriter { return stringWriter{} }
	s := newRDBSaver(b.outFile, ks, rdbOptions{entries: entries, checksum: true, base: true})
	snapshot := ks.StartSnapshot(s, true)
	for !snapshot.Step(stepMin) {
		if done, _ := b.Status(); done {
			snapshot.Cancel()
			s.giveUp()
			return false
		}
		if !snapshot.Ready() {
			wait(func() bool { done, _ := b.Status(); return done || snapshot.Ready() })
		}
	}
	s.finish()
	return true
}

// baseOf returns what fills a base file with a snapshot of ks, which holds the records that the journal has so far.
func baseOf(ks *keyspace.Keyspace) fillBase {
	return func(r *rig, b *BaseWriter) {
		wait := func(ready func() bool) { r.until("room for the base file", ready) }
		if !fillRDB(b, ks, wait) {
			b.Finish()
		}
	}
}

func TestCrashAnywhereInRDBRewrite(t *testing.T) {
	ks := recordsIn(40)
	for _, policy := range []Policy{Always, EverySec, No} {
		for seed := range uint64(3) {
			mem := prepared(t, seed > 0)
			fsys := vfs.NewFaulty(mem)
			c := &crashes{mem: mem, rng: rand.New(rand.NewPCG(seed, 1))}
			fsys.Before = c.before
			workloadWith(t, mem, fsys, c, policy, seed > 0, baseOf(ks))
			if len(c.taken) < 60 || !strings.Contains(manifestOf(mem), "base.rdb") {
				t.Fatalf("only %d crashes, manifest %q", len(c.taken), manifestOf(mem))
			}
		}
	}
}

// Each operation fails once, for each time that it is done, with EIO and with ENOSPC; a write may be short. (Cutting a file
// follows other failures only, which TestFailAnywhere has.)
func TestFailAnywhereInRDBRewrite(t *testing.T) {
	ops := []vfs.Op{vfs.OpOpen, vfs.OpWrite, vfs.OpSync, vfs.OpClose, vfs.OpRename, vfs.OpRemove, vfs.OpSyncDir, vfs.OpRead}
	for _, op := range ops {
		t.Run(op.String(), func(t *testing.T) {
			t.Parallel()
			ks := recordsIn(40)
			failures := 0
			for _, with := range []error{syscall.EIO, syscall.ENOSPC} {
				for nth := 1; ; nth++ {
					mem := prepared(t, true)
					fsys := vfs.NewFaulty(mem)
					fsys.Add(vfs.Fault{Op: op, First: nth, Count: 1, Err: with, Short: nth * 7 % 300})
					c := &crashes{mem: mem, rng: rand.New(rand.NewPCG(uint64(nth), 2)), every: 3}
					fsys.Before = c.before
					workloadWith(t, mem, fsys, c, Policy(nth%3), true, baseOf(ks))
					if t.Failed() {
						t.Fatalf("%v number %d failed with %v", op, nth, with)
					}
					if fsys.Fired() == 0 {
						break
					}
					failures++
				}
			}
			if failures == 0 {
				t.Error("nothing failed")
			}
			t.Logf("%d failures", failures)
		})
	}
}
