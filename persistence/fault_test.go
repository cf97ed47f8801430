// The journal on a disk that fails, and across power cuts. Every operation of a fixed workload is made to fail in turn;
// before every operation a power cut and a kill are simulated and what is left is loaded. What must hold:
//
//	always           every record at or below Synced is loaded after a power cut
//	every policy     every record at or below Written is loaded after a kill
//	every load       yields records 0..n-1, none twice, none missing, none broken

package persistence

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"redix/engine/seeds"
	"redix/persistence/vfs"
)

// crash is a state of the disk and what had been promised when it was taken.
type crash struct {
	what     string
	disk     *vfs.Mem
	promised int64
}

// crashes takes a crash before every operation of a journal.
type crashes struct {
	mu    sync.Mutex
	rng   *rand.Rand
	mem   *vfs.Mem
	taken []crash
	every int // take one before every so many operations only
	seen  int
	j     *Journal
}

func (c *crashes) before(op vfs.Op, name string) {
	if op == vfs.OpRead || op == vfs.OpStat {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.j == nil {
		return
	}
	if c.seen++; c.every > 0 && c.seen%c.every != 0 {
		return
	}
	// The promise is read first: what is made later holds for a later disk only.
	written, synced := c.j.Written(), c.j.Synced()
	what := fmt.Sprintf("before operation %d, %v %s", c.seen, op, name)
	c.taken = append(c.taken,
		crash{what + ", power cut", c.mem.PowerCut(nil), synced},
		crash{what + ", power cut with luck", c.mem.PowerCut(c.rng), synced},
		crash{what + ", kill", c.mem.Kill(), written})
}

func (c *crashes) watch(j *Journal) {
	c.mu.Lock()
	c.j = j
	c.mu.Unlock()
}

// check loads every crash. ends are the offsets after each record; first is the number of records before them.
func (c *crashes) check(t *testing.T, first int, ends []int64) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.taken {
		n, err := load(k.disk, "/")
		if err != nil {
			t.Fatalf("%s: %v\nmanifest: %q", k.what, err, manifestOf(k.disk))
		}
		promised := first
		for _, end := range ends {
			if end <= k.promised {
				promised++
			}
		}
		if n < promised {
			t.Fatalf("%s: loaded %d records of %d promised\nmanifest: %q", k.what, n, promised, manifestOf(k.disk))
		}
	}
}

func manifestOf(fsys vfs.FS) string {
	data, _ := vfs.ReadFile(fsys, "/aofdir/a.aof.manifest", 1<<20)
	return string(data)
}

// fillBase gives a base file the records that the journal has so far, and finishes it.
type fillBase func(r *rig, b *BaseWriter)

// workload is workloadWith a base file of commands.
func workload(t *testing.T, mem *vfs.Mem, fsys *vfs.Faulty, c *crashes, policy Policy, checked bool) {
	workloadWith(t, mem, fsys, c, policy, checked, func(r *rig, b *BaseWriter) {
		fill(b, r.count)
		b.Finish()
	})
}

// workloadWith opens what an earlier process left (20 records), appends in rounds, rewrites in the middle, closes.
func workloadWith(t *testing.T, mem *vfs.Mem, fsys *vfs.Faulty, c *crashes, policy Policy, checked bool, base fillBase) {
	r, err := tryRig(t, fsys, "/", policy, checked)
	if err != nil {
		return // a start that fails says so; the crashes are checked all the same
	}
	c.watch(r.j)
	first := r.count
	for range 4 {
		r.add(3)
		r.add(2)
		r.release()
	}
	b, err := r.j.StartBase()
	if err != nil {
		t.Fatal(err)
	}
	base(r, b)
	r.add(4)
	r.until("end of the rewrite", func() bool { done, _ := b.Status(); return done })
	r.add(5)
	r.release()
	r.add(1)
	r.close()
	c.check(t, first, r.ends)
	mustLoad(t, mem.Kill(), "/", r.count)
	mustLoad(t, mem.PowerCut(nil), "/", r.count) // closing syncs under every policy
}

func prepared(t *testing.T, checked bool) *vfs.Mem {
	mem := vfs.NewMem()
	mem.Holes = checked
	r := openRigWith(t, mem, "/", Always, checked)
	r.add(20)
	r.close()
	return mem
}

func TestCrashAnywhere(t *testing.T) {
	for _, policy := range []Policy{Always, EverySec, No} {
		for seed := range uint64(8) {
			checked := seed%4 != 3
			mem := prepared(t, checked)
			fsys := vfs.NewFaulty(mem)
			c := &crashes{mem: mem, rng: rand.New(rand.NewPCG(seed, 1))}
			fsys.Before = c.before
			workload(t, mem, fsys, c, policy, checked)
			if len(c.taken) < 60 {
				t.Fatalf("only %d crashes", len(c.taken))
			}
		}
	}
}

// Each operation fails, once and then several times in a row; the disk heals; nothing promised is lost, at any crash
// on the way.
func TestFailAnywhere(t *testing.T) {
	ops := []vfs.Op{vfs.OpOpen, vfs.OpWrite, vfs.OpSync, vfs.OpTruncate, vfs.OpClose, vfs.OpRename, vfs.OpRemove,
		vfs.OpSyncDir, vfs.OpRead}
	for _, policy := range []Policy{Always, EverySec, No} {
		for _, op := range ops {
			t.Run(fmt.Sprintf("%v/%v", policy, op), func(t *testing.T) {
				t.Parallel()
				counts := []int{1, 3}
				if policy != Always {
					counts = counts[1:]
				}
				for _, count := range counts {
					for nth, fired := 1, true; fired && nth < 60; nth++ {
						fired = failOnce(t, policy, vfs.Fault{Op: op, First: nth, Count: count,
							Err: []error{syscall.EIO, syscall.ENOSPC}[(nth+count)%2], Short: nth % 40})
					}
				}
			})
		}
	}
}

func failOnce(t *testing.T, policy Policy, fault vfs.Fault) (fired bool) {
	t.Helper()
	checked := fault.First%5 != 0 || fault.Count == 1
	mem := prepared(t, checked)
	fsys := vfs.NewFaulty(mem)
	fsys.Add(fault)
	if fault.Op == vfs.OpWrite || fault.Op == vfs.OpSync {
		// The way back is broken as well: cutting the file, or opening another, fails at first.
		fsys.Add(vfs.Fault{Op: vfs.OpTruncate, First: 1, Count: 1, Err: syscall.EIO})
	}
	c := &crashes{mem: mem, rng: rand.New(rand.NewPCG(uint64(fault.First), 2)), every: 3}
	fsys.Before = c.before
	defer func() {
		if t.Failed() {
			t.Logf("fault: %v number %d, %d times", fault.Op, fault.First, fault.Count)
		}
	}()
	workload(t, mem, fsys, c, policy, checked)
	return fsys.Fired() > 0
}

// The same with two faults of random kinds and lengths.
func TestFailTwice(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 80 {
		checked := rng.IntN(5) > 0
		mem := prepared(t, checked)
		fsys := vfs.NewFaulty(mem)
		for range 1 + rng.IntN(3) {
			f := vfs.Fault{Op: []vfs.Op{vfs.OpOpen, vfs.OpWrite, vfs.OpSync, vfs.OpTruncate, vfs.OpRename, vfs.OpSyncDir, vfs.OpRemove}[rng.IntN(7)],
				First: 1 + rng.IntN(20), Count: 1 + rng.IntN(4), Err: syscall.ENOSPC, Short: rng.IntN(60)}
			t.Logf("%+v", f)
			fsys.Add(f)
		}
		c := &crashes{mem: mem, rng: rng}
		fsys.Before = c.before
		workload(t, mem, fsys, c, Policy(rng.IntN(3)), checked)
	}
}

// A full disk: Err is set and stays, what was appended waits in memory, reads of the figures go on; then it heals.
func TestDiskFullAndHealed(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	r := openRig(t, fsys, "/", EverySec)
	r.add(10)
	r.release()
	before := r.j.Written()
	fsys.Add(vfs.Fault{Op: vfs.OpWrite, First: 1, Count: 1 << 30, Err: syscall.ENOSPC, Short: 17})
	r.add(10)
	r.until("error", func() bool { return r.j.Err() != nil })
	for tries := fsys.Fired(); fsys.Fired() < tries+3; {
		if r.j.Err() == nil || r.j.Releasable() != before || r.j.Stats().LastWriteOK {
			t.Fatalf("%v, %d", r.j.Err(), r.j.Releasable())
		}
	}
	mustLoad(t, mem.Kill(), "/", 10) // the unfinished end was cut off
	fsys.Clear()
	r.release()
	if s := r.j.Stats(); !s.LastWriteOK || s.LastError == nil {
		t.Fatalf("%+v", s)
	}
	r.close()
	mustLoad(t, mem.PowerCut(nil), "/", 20)
}

// After a failed sync nothing of the old file past the last good sync counts, even if it could not be cut.
func TestFailedSyncReplacesFile(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	r := openRig(t, fsys, "/", Always)
	r.add(10)
	r.release()
	fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
	fsys.Add(vfs.Fault{Op: vfs.OpTruncate, First: 1, Count: 1 << 30, Err: syscall.EIO})
	r.add(10)
	r.release()
	if got := r.j.Stats().Replaced; got != 1 {
		t.Fatalf("%d files replaced", got)
	}
	want := string(appendManifestSum(fmt.Appendf(nil, "file a.aof.1.incr.aof seq 1 type i size %d\nfile a.aof.2.incr.aof seq 2 type i\n",
		(batchHeadSize+r.ends[9]+batchTailMin+fillLine-1)/fillLine*fillLine)))
	if got := manifestOf(mem); got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	mustLoad(t, mem.PowerCut(nil), "/", 20)
	mustLoad(t, mem.Kill(), "/", 20)
	fsys.Clear()
	r.close()
	r = openRig(t, fsys, "/", Always)
	r.add(10)
	r.close()
	mustLoad(t, mem, "/", 30)
}

// What is known does not have to be read back from a file that is not trusted: here it cannot be read at all, and its
// first bytes, a SELECT of the writer's own, are in no batch.
func TestFailedSyncWithoutReading(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	r := openRig(t, fsys, "/", Always)
	r.add(2)
	b, err := r.j.StartBase()
	if err != nil {
		t.Fatal(err)
	}
	r.until("rotation", func() bool { return strings.Contains(manifestOf(mem), "a.aof.2.incr") || poke(r) })
	b.Cancel()
	_ = r.ended(b)
	fsys.Add(vfs.Fault{Op: vfs.OpRead, First: 1, Count: 1 << 30, Err: syscall.EIO})
	fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
	r.add(1)
	r.release()
	r.close()
	mustLoad(t, mem.PowerCut(nil), "/", 3)
}

// The very first sync fails, so the replaced file counts for nothing; but it may be deleted only when the manifest
// without it is durable, which a failing directory puts off.
func TestReplacedFileStaysWhileUnsure(t *testing.T) {
	for nth := 1; nth <= 8; nth++ {
		for seed := range uint64(20) {
			mem := vfs.NewMem()
			fsys := vfs.NewFaulty(mem)
			c := &crashes{mem: mem, rng: rand.New(rand.NewPCG(seed, 4))}
			fsys.Before = c.before
			r := openRig(t, fsys, "/", Always)
			c.watch(r.j)
			fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
			fsys.Add(vfs.Fault{Op: vfs.OpSyncDir, First: fsys.Count(vfs.OpSyncDir) + nth, Count: 2, Err: syscall.EIO})
			r.add(2)
			r.release()
			r.close()
			c.check(t, 0, r.ends)
			mustLoad(t, mem.PowerCut(nil), "/", 2)
		}
	}
}

// Under no nothing is kept in memory; when the sync at close fails, the bytes are read back.
func TestFailedSyncUnderNo(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	r := openRig(t, fsys, "/", No)
	for range 300 {
		r.add(10)
		r.release()
	}
	fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
	r.j.SetPolicy(EverySec)
	r.add(10)
	r.until("replaced", func() bool { return r.j.Stats().Replaced == 1 && r.j.Err() == nil })
	r.close()
	mustLoad(t, mem.PowerCut(nil), "/", 3010)
}
