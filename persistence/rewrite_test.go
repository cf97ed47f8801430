// Base files: what they leave at every step, and how they fail.

package persistence

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"redix/persistence/vfs"
)

// fill gives b the first n records.
func fill(b *BaseWriter, n int) {
	for i := range n {
		b.Append(dbOf(i), []byte("SET"), fmt.Appendf(nil, "k%d", i), fmt.Appendf(nil, "v%d", i))
	}
}

func (r *rig) ended(b *BaseWriter) error {
	r.t.Helper()
	r.until("end of the rewrite", func() bool { done, _ := b.Status(); return done })
	_, err := b.Status()
	return err
}

func names(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	list, err := fsys.ReadDir("/aofdir")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRewrite(t *testing.T) {
	mem := vfs.NewMem()
	r := openRig(t, mem, "/", EverySec)
	r.add(50)
	for round := range 3 {
		b, err := r.j.StartBase()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.j.StartBase(); !errors.Is(err, ErrRewriteRunning) {
			t.Fatal(err)
		}
		covered := r.count
		r.add(20)
		fill(b, covered)
		r.add(20)
		b.Finish()
		if err := r.ended(b); err != nil {
			t.Fatal(err)
		}
		r.release()
		s := r.j.Stats()
		if s.BaseSize < b.Size() || s.CurrentSize < s.BaseSize || b.Size() == 0 {
			t.Fatalf("base %d, %+v", b.Size(), s)
		}
		mustLoad(t, mem.Kill(), "/", r.count)
		// The deletion of the old files follows the end of the rewrite.
		want := []string{fmt.Sprintf("a.aof.%d.base.aof", round+1), fmt.Sprintf("a.aof.%d.incr.aof", round+2), "a.aof.manifest"}
		r.until("deletion", func() bool { return slices.Equal(names(t, mem), want) || poke(r) })
	}
	r.close()
	var size int64
	for _, name := range names(t, mem) {
		if !strings.HasSuffix(name, ".manifest") {
			n, _ := mem.Stat("/aofdir/" + name)
			size += n
		}
	}
	if got := r.j.Stats().CurrentSize; got != size {
		t.Fatalf("CurrentSize %d, the files have %d", got, size)
	}
	mustLoad(t, mem.PowerCut(nil), "/", r.count)
	r = openRig(t, mem, "/", Always)
	if got := r.j.Stats(); got.CurrentSize != size || got.BaseSize != size {
		t.Fatalf("%+v", got)
	}
	r.close()
}

// poke makes the writer take a turn, and until look again; it is false.
func poke(r *rig) bool {
	r.j.SetPolicy(r.j.Policy())
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return false
}

func TestRewriteCanceled(t *testing.T) {
	mem := vfs.NewMem()
	r := openRig(t, mem, "/", Always)
	r.add(10)
	b, err := r.j.StartBase()
	if err != nil {
		t.Fatal(err)
	}
	fill(b, 5)
	r.add(10)
	b.Cancel()
	if err := r.ended(b); !errors.Is(err, ErrRewriteCanceled) {
		t.Fatal(err)
	}
	b, err = r.j.StartBase() // and one that a close interrupts
	if err != nil {
		t.Fatal(err)
	}
	fill(b, 5)
	r.close()
	mustLoad(t, mem.PowerCut(nil), "/", 20)
	openRig(t, mem, "/", Always).close()
	if got := names(t, mem); slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, "temp-") }) {
		t.Fatal(got)
	}
}

// A base that cannot be written, renamed or listed fails alone: the journal goes on, complete, and the next one works.
func TestRewriteFails(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpOpen, vfs.OpWrite, vfs.OpSync, vfs.OpRename} {
		failed := 0
		for ahead := 1; ahead <= 4; ahead++ {
			mem := vfs.NewMem()
			fsys := vfs.NewFaulty(mem)
			r := openRig(t, fsys, "/", Always)
			r.add(10)
			r.release()
			fsys.Add(vfs.Fault{Op: op, First: fsys.Count(op) + ahead, Count: 1, Err: syscall.ENOSPC, Short: 5})
			b, err := r.j.StartBase()
			if err != nil {
				t.Fatal(err)
			}
			fill(b, 10)
			b.Finish()
			if err := r.ended(b); err != nil {
				failed++
			}
			r.add(5)
			r.release()
			mustLoad(t, mem.PowerCut(nil), "/", 15)
			fsys.Clear()
			if b, err = r.j.StartBase(); err != nil {
				t.Fatal(err)
			}
			fill(b, 15)
			b.Finish()
			if err := r.ended(b); err != nil {
				t.Fatal(err)
			}
			r.add(5)
			r.close()
			mustLoad(t, mem.PowerCut(nil), "/", 20)
		}
		if failed == 0 {
			t.Fatalf("no failing %v failed a rewrite", op)
		}
	}
}

// Appendonly switched on at run time, over an empty directory and over one with an old journal. Until the base is done a
// restart finds the old state, whole; afterwards the new one. The old one has 7 records, the new one at least 30.
func TestStartFresh(t *testing.T) {
	for _, old := range []int{0, 7} {
		mem := vfs.NewMem()
		if old > 0 {
			r := openRig(t, mem, "/", Always)
			r.add(old)
			r.close()
		}
		c := &crashes{mem: mem, rng: rand.New(rand.NewPCG(uint64(old), 3))}
		fsys := vfs.NewFaulty(mem)
		fsys.Before = c.before
		r := &rig{t: t, wake: make(chan struct{}, 1), count: 30}
		opts := testOptions(fsys, "/", Always)
		opts.Wake = func() {
			select {
			case r.wake <- struct{}{}:
			default:
			}
		}
		j, _, err := Open(opts)
		if err != nil {
			t.Fatal(err)
		}
		j.tune, r.j = fastTuning, j
		c.watch(j)
		b, err := j.StartFresh()
		if err != nil {
			t.Fatal(err)
		}
		r.add(5)
		r.release()
		fill(b, 30)
		// A failed sync in the meantime: the incr file is replaced, still without a manifest.
		fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
		r.add(5)
		r.release()
		b.Finish()
		if err := r.ended(b); err != nil {
			t.Fatal(err)
		}
		r.add(5)
		r.close()
		mustLoad(t, mem.PowerCut(nil), "/", 45)
		for _, k := range c.taken {
			n, err := load(k.disk, "/")
			if err != nil || (n != old && n < 40) {
				t.Fatalf("%s: %d records, %v", k.what, n, err)
			}
		}
		if got := names(t, mem); len(got) > 5 {
			t.Fatal(got)
		}
	}
}

// A base larger than its queue: Full holds the caller back, memory stays bounded.
func TestBaseBackPressure(t *testing.T) {
	gate := make(chan struct{})
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	r := openRig(t, fsys, "/", EverySec)
	fsys.Before = func(op vfs.Op, name string) {
		if op == vfs.OpWrite && strings.Contains(name, "temp-") && strings.HasSuffix(name, ".base") {
			<-gate
		}
	}
	b, err := r.j.StartBase()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	next := func() {
		b.Append(dbOf(n), []byte("SET"), fmt.Appendf(nil, "k%d", n), fmt.Appendf(nil, "v%d", n))
		n++
	}
	for !b.Full() {
		next()
	}
	if n < 2000 || n > (chunksMax+3)*chunkBytes/30 {
		t.Fatalf("full after %d records", n)
	}
	close(gate)
	r.until("room", func() bool { return !b.Full() })
	next()
	b.Finish()
	if err := r.ended(b); err != nil {
		t.Fatal(err)
	}
	r.close()
	mustLoad(t, mem, "/", n)
}
