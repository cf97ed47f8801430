// What earlier processes, and policies, left behind must not come back, nor be trusted further than it can be. Each of these was found by
// TestHistories, or while it was written.

package persistence

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"redix/persistence/vfs"
)

// A file that no manifest names has the name that the next incr file gets. The power is cut before that is synced.
func TestNameOfAnotherFile(t *testing.T) {
	mem := vfs.NewMem()
	r := openRig(t, mem, "/", Always)
	r.add(5)
	r.close()
	if err := mem.Remove("/aofdir/a.aof.manifest"); err != nil {
		t.Fatal(err)
	}
	if err := mem.SyncDir("/aofdir"); err != nil {
		t.Fatal(err)
	}
	r = openRig(t, mem, "/", EverySec)
	mustLoad(t, mem.PowerCut(nil), "/", 0)
	r.close()
}

// A process is killed between the renaming of the manifest and the syncing of its directory.
func TestKilledBeforeDirectorySynced(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpRename { // of the manifest
			fsys.Add(vfs.Fault{Op: vfs.OpSyncDir, First: fsys.Count(vfs.OpSyncDir) + 1, Count: 1 << 30, Err: syscall.EIO})
		}
	}
	if _, err := tryRig(t, fsys, "/", Always, true); err == nil {
		t.Fatal("it starts although the directory cannot be synced")
	}
	mem = mem.Kill()
	r := openRig(t, mem, "/", Always)
	r.add(3)
	r.release()
	mustLoad(t, mem.PowerCut(nil), "/", 3)
	r.close()
}

// A sync fails, and the process is killed before it has replaced the file. What it had written is there for the next one to read, and
// counts as synced for the kernel, but is not on disk.
func TestKilledAfterFailedSync(t *testing.T) {
	for _, checked := range []bool{true, false} {
		mem := vfs.NewMem()
		fsys := vfs.NewFaulty(mem)
		r := openRigWith(t, fsys, "/", EverySec, checked)
		r.add(10)
		r.until("sync", func() bool { return r.j.Synced() == r.j.Appended() || poke(r) })
		fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
		fsys.Add(vfs.Fault{Op: vfs.OpOpen, First: 1, Count: 1 << 30, Err: syscall.EIO})
		r.add(5)
		r.until("failure", func() bool { return r.j.Err() != nil || poke(r) })
		disk := mem.Kill()
		fsys.Clear()
		r.close()
		r = openRigWith(t, disk, "/", EverySec, checked)
		if r.count != 15 {
			t.Fatalf("%d records", r.count)
		}
		r.add(3)
		r.close()
		mustLoad(t, disk.PowerCut(nil), "/", 18)
	}
}

// held lets the next sync of an incr file wait until it is let go.
func held(fsys *vfs.Faulty) (begun func() bool, letGo func()) {
	gate := make(chan struct{})
	var seen atomic.Bool
	fsys.Before = func(op vfs.Op, name string) {
		if op == vfs.OpSync && strings.HasSuffix(name, ".incr.aof") && !seen.Swap(true) {
			<-gate
		}
	}
	return seen.Load, func() { close(gate) }
}

// The policy is no for a while, in which nothing is kept in memory, and a sync that began before ends after that. The next one fails.
func TestFailedSyncAfterPolicyWasNo(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	begun, letGo := held(fsys)
	r := openRig(t, fsys, "/", EverySec)
	r.add(2)
	r.until("sync", func() bool { return begun() || poke(r) })
	r.j.SetPolicy(No)
	r.add(2)
	r.release()
	r.j.SetPolicy(EverySec)
	r.add(2)
	r.release()
	fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 2, Count: 1, Err: syscall.EIO})
	letGo()
	r.until("another file", func() bool { return r.j.Stats().Replaced == 1 && r.j.Err() == nil || poke(r) })
	r.close()
	mustLoad(t, mem.PowerCut(nil), "/", 6)
}

// appendAligned appends a record whose batch takes whole lines of fill.
func appendAligned(j *Journal) {
	size := func(value int) int {
		args := [][]byte{[]byte("SET"), []byte("k"), make([]byte, value)}
		return batchHeadSize + batchTailMin + len(appendSelect(nil, 0)) + len(appendFrame(nil, args))
	}
	value := 10
	for size(value)%fillLine != 0 {
		value++
	}
	j.Append(0, []byte("SET"), []byte("k"), bytes.Repeat([]byte("x"), value))
	j.HandOver()
}

// A sync of fill fails while another sync of the file is still running, which then succeeds: it says nothing of the file that is new.
func TestSyncOfReplacedFile(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	begun, letGo := held(fsys)
	r := openRig(t, fsys, "/", EverySec)
	appendAligned(r.j)
	r.until("sync", func() bool { return begun() || poke(r) })
	// The sync that is held is counted when it is let go.
	fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
	// Seen in the turn that writes the next record: SetPolicy would begin one.
	r.j.policy.Store(int32(Always))
	r.j.Append(0, []byte("SET"), []byte("k"), []byte("2"))
	r.j.HandOver()
	r.until("failure", func() bool { return r.j.Err() != nil })
	letGo()
	r.release()
	for range 3 {
		r.j.Append(0, []byte("SET"), []byte("k"), []byte("3"))
		r.j.HandOver()
		r.release()
		if got, _, err := replayed(mem.PowerCut(nil), false); err != nil || len(got) < 3 {
			t.Fatalf("%d records, %v\n%s", len(got), err, manifestOf(mem))
		}
	}
	if r.j.Stats().Replaced != 1 {
		t.Fatalf("%d files replaced", r.j.Stats().Replaced)
	}
	r.close()
	if got, _, err := replayed(mem.PowerCut(nil), false); err != nil || len(got) != 5 {
		t.Fatal(len(got), err)
	}
}

// The policy goes from always to everysec: the fill is cut off, and batches follow that are not aligned. A power cut brings the fill back,
// with some of their sectors.
func TestFillComesBack(t *testing.T) {
	for size := range 64 {
		mem := vfs.NewMem()
		r := openRig(t, mem, "/", Always)
		r.add(3)
		r.release()
		r.j.SetPolicy(EverySec)
		r.j.tune.syncEvery = time.Hour
		for range 2 {
			r.j.Append(0, []byte("SET"), []byte("long"), bytes.Repeat([]byte("x"), 450+size))
			r.j.HandOver()
			r.release()
		}
		for seed := range uint64(20) {
			disk := mem.PowerCut(rand.New(rand.NewPCG(seed, uint64(size))))
			if got, _, err := replayed(disk, true); err != nil || len(got) < 3 {
				t.Fatalf("size %d, seed %d: %d records, %v", size, seed, len(got), err)
			}
		}
		r.close()
	}
}

// Sectors of the next piece of fill were not written when the power was cut. Nothing is torn by that.
func TestFillUnfinished(t *testing.T) {
	disk, count := filled(t, true)
	data := contentOf(t, disk, incrPath)
	ends, _ := endsOfBatches(t, disk)
	end := int(ends[len(ends)-1])
	for len(data) < end+6*sectorSize {
		data = append(data, fillByte(int64(len(data))))
	}
	for from := (end + fillLine + sectorSize) &^ (sectorSize - 1); from < len(data); from += sectorSize {
		unfinished := bytes.Clone(data)
		clear(unfinished[from:min(from+sectorSize, len(data))])
		o := testOptions(withContent(t, disk, incrPath, unfinished), "/", Always)
		o.LoadTruncated = false
		_, plan, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := replayRecords(plan); err != nil || n != count {
			t.Fatalf("sector at %d of %d empty: %d records of %d, %v", from, len(data), n, count, err)
		}
	}
}

// A torn batch has a value that looks like a line of fill with another server's record behind it.
func TestTornBatchWithValueLikeFill(t *testing.T) {
	for _, end := range []string{"--------\n", "--------\n" + selectFrame + "1\r\n1\r\n", "--------\n12345678901234"} {
		refused := 0
		for pad := range fillLine {
			mem := vfs.NewMem()
			j := startAlways(t, mem, fastTuning)
			j.Append(0, []byte("SET"), []byte("k"), []byte("v"))
			syncAll(j)
			at, err := mem.OpenFile(incrPath, os.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			c := newChecker(at, 1<<10)
			if _, err := c.records(); err != nil {
				t.Fatal(err)
			}
			j.Append(0, []byte("SET"), []byte("k"), []byte(strings.Repeat("x", 600+pad)+end))
			j.Append(1, []byte("SET"), []byte("k"), []byte("v"))
			syncAll(j)
			torn := contentOf(t, mem, incrPath)
			if err := j.Close(20 * time.Second); err != nil {
				t.Fatal(err)
			}
			for i := c.at; i < sectorSize; i++ {
				torn[i] = fillByte(i)
			}
			got, _, err := replayed(withContent(t, mem, incrPath, torn), true)
			if err != nil && strings.Contains(end, selectFrame) {
				refused++
				continue
			}
			if err != nil || len(got) != 1 {
				t.Fatalf("value ends in %q, %d bytes before: %d records, %v", end, 600+pad, len(got), err)
			}
		}
		if refused > 1 { // where it ends exactly as a line of fill does
			t.Fatalf("a value with %q in it: %d of %d refused", end, refused, fillLine)
		}
	}
}

// Of a torn batch some sectors were not written, and one that was begins with what another server would begin with.
func TestTornBatchWithSelectAtSector(t *testing.T) {
	mem := vfs.NewMem()
	j := startAlways(t, mem)
	j.Append(0, []byte("SET"), []byte("k"), []byte("v"))
	syncAll(j)
	for i := range 200 {
		j.Append(i%2, []byte("SET"), []byte("k"), bytes.Repeat([]byte("v"), 12))
	}
	syncAll(j)
	written := contentOf(t, mem, incrPath)
	if err := j.Close(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for at := 4 * sectorSize; at < len(written); at += sectorSize {
		k := bytes.Index(written[at:], []byte(selectFrame))
		if k < 0 {
			break
		}
		// The first sectors are not there, nor is the one before this.
		torn := bytes.Clone(written)
		copy(torn[at:], written[at+k:]) // as if it had begun there
		fill := func(from, to int) {
			for i := from; i < to; i++ {
				torn[i] = fillByte(int64(i))
			}
		}
		fill(128, sectorSize)
		fill(at-sectorSize, at)
		got, _, err := replayed(withContent(t, mem, incrPath, torn), true)
		if err != nil || len(got) != 1 {
			t.Fatalf("sector at %d: %d records, %v", at, len(got), err)
		}
		tried++
	}
	if tried < 5 {
		t.Fatalf("%d tried", tried)
	}
}

// A base file is given up and its journal closed while its goroutine has not come to open it. The next journal's base file is another.
func TestBaseOfClosedJournal(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	gate := make(chan struct{})
	var given *BaseWriter
	var opens, closes atomic.Int32
	fsys.Before = func(op vfs.Op, name string) {
		switch {
		case !strings.HasSuffix(name, ".base"):
		case op == vfs.OpOpen && opens.Add(1) == 1:
			<-gate
		case op == vfs.OpClose && closes.Add(1) == 1: // of the second
			close(gate)
			for done := false; !done; done, _ = given.Status() {
				time.Sleep(50 * time.Microsecond)
			}
		}
	}
	r := openRig(t, fsys, "/", Always)
	r.add(5)
	var err error
	if given, err = r.j.StartBase(); err != nil {
		t.Fatal(err)
	}
	r.release()
	given.Cancel()
	r.until("opening", func() bool { return opens.Load() == 1 || poke(r) })
	r.close()
	j, _, err := Open(testOptions(fsys, "/", Always))
	if err != nil {
		t.Fatal(err)
	}
	base, err := j.StartFresh()
	if err != nil {
		t.Fatal(err)
	}
	fill(base, 5)
	base.Finish()
	for done := false; !done; done, err = base.Status() {
		time.Sleep(50 * time.Microsecond)
	}
	if cerr := j.Close(20 * time.Second); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	mustLoad(t, mem.Kill(), "/", 5)
}
