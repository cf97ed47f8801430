// The journal on a healthy disk.

package persistence

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redix/persistence/vfs"
)

func TestReopen(t *testing.T) {
	for _, policy := range []Policy{Always, EverySec, No} {
		t.Run(policy.String(), func(t *testing.T) {
			dir := t.TempDir()
			total := 0
			for round := range 4 {
				r := openRig(t, vfs.OS{}, dir, policy)
				if r.count != total {
					t.Fatalf("round %d: %d records, want %d", round, r.count, total)
				}
				r.add(1)
				r.release()
				r.add(7)
				r.add(0)
				r.add(500)
				r.close()
				if r.j.Synced() != r.j.Appended() {
					t.Fatalf("closed with %d of %d bytes synced", r.j.Synced(), r.j.Appended())
				}
				total += 508
			}
			mustLoad(t, vfs.OS{}, dir, total)
		})
	}
}

func TestNothingOnDiskBeforeStart(t *testing.T) {
	dir := t.TempDir()
	if _, plan, err := Open(testOptions(vfs.OS{}, dir, Always)); err != nil || !plan.Empty() {
		t.Fatal(plan, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Fatalf("Open left %v", entries)
	}
	openRig(t, vfs.OS{}, dir, Always).close()
	j, _, err := Open(testOptions(vfs.OS{}, dir, Always))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(); err == nil {
		t.Fatal("Start without replay succeeded")
	}
}

func TestFileBytes(t *testing.T) {
	dir := t.TempDir()
	opts := testOptions(vfs.OS{}, dir, Always)
	opts.Checksum = false
	j, _, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	j.Append(0, []byte("SET"), []byte("k"), []byte("\r\n\x00"))
	j.Append(0, []byte("DEL"), []byte("k"))
	j.Append(12, []byte("PING"))
	if err := j.Close(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	want := "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\r\n\x00\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n" +
		"*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n*1\r\n$4\r\nPING\r\n"
	got, err := os.ReadFile(filepath.Join(dir, "aofdir", "a.aof.1.incr.aof"))
	if err != nil || string(got) != want {
		t.Fatalf("%q, %v", got, err)
	}
	man, _ := os.ReadFile(filepath.Join(dir, "aofdir", "a.aof.manifest"))
	if string(man) != "file a.aof.1.incr.aof seq 1 type i\n" {
		t.Fatalf("%q", man)
	}
}

func TestReleaseByPolicy(t *testing.T) {
	gate := make(chan struct{})
	var once sync.Once
	open := func() { once.Do(func() { close(gate) }) }
	defer open()
	fsys := vfs.NewFaulty(vfs.NewMem())
	r := openRig(t, fsys, "/", Always)
	r.add(1)
	r.release()
	before := r.j.Appended()
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync {
			<-gate
		}
	}
	r.add(3)
	r.until("written", func() bool { // written is stored before the sync, without a Wake of its own
		time.Sleep(time.Millisecond)
		r.wake <- struct{}{}
		return r.j.Written() == r.j.Appended()
	})
	if r.j.Releasable() != before {
		t.Fatal("released before the sync")
	}
	r.j.SetPolicy(EverySec)
	if r.j.Releasable() != r.j.Appended() {
		t.Fatal("everysec does not release what is written")
	}
	r.j.SetPolicy(Always)
	if r.j.Releasable() != before {
		t.Fatal("released before the sync")
	}
	open()
	r.release()
	r.close()
}

// Writes go on, and their replies leave, while a sync of everysec hangs; the seconds missed are counted.
func TestSlowSyncDoesNotDelayWrites(t *testing.T) {
	gate := make(chan struct{})
	fsys := vfs.NewFaulty(vfs.NewMem())
	r := openRig(t, fsys, "/", EverySec)
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync {
			<-gate
		}
	}
	r.add(1)
	r.release()
	for r.j.Stats().DelayedFsync < 3 {
		r.add(1)
		r.release()
	}
	if s := r.j.Stats(); !s.PendingBioFsync || s.Unsynced == 0 {
		t.Fatalf("%+v", s)
	}
	close(gate)
	r.close()
	if s := r.j.Stats(); s.PendingBioFsync || s.Unsynced != 0 || s.Queue != 0 || !s.LastWriteOK || s.FsyncMaxNs < s.FsyncLastNs {
		t.Fatalf("%+v", s)
	}
}

// A disk that hangs in a sync costs bounded memory: writes stop at the retain limit, Full turns true behind them.
func TestBackPressure(t *testing.T) {
	gate := make(chan struct{})
	fsys := vfs.NewFaulty(vfs.NewMem())
	r := openRig(t, fsys, "/", EverySec)
	r.j.tune.retainLimit = 64 << 10
	r.j.opts.QueueLimit = 128 << 10
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync {
			<-gate
		}
	}
	for r.j.Appended() < 128<<10 { // each round is written before the next, as long as writes go on
		r.add(100)
		r.until("written or held", func() bool { return r.j.Written() == r.j.Appended() || r.j.Written() >= 64<<10 })
	}
	for !r.j.Full() {
		r.add(100)
	}
	if unsynced := r.j.Stats().Unsynced; unsynced > 80<<10 {
		t.Fatalf("%d bytes retained", unsynced)
	}
	close(gate)
	r.until("not full", func() bool { return !r.j.Full() })
	r.close()
	mustLoad(t, fsys, "/", r.count)
}

// What gathers during a sync leaves in one write.
func TestGroupCommit(t *testing.T) {
	fsys := vfs.NewFaulty(vfs.NewMem())
	r := openRig(t, fsys, "/", Always)
	r.add(1)
	r.release()
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync {
			entered <- struct{}{}
			<-gate
		}
	}
	r.add(1)
	<-entered
	writes, syncs := fsys.Count(vfs.OpWrite), fsys.Count(vfs.OpSync)
	for range 200 {
		r.add(1)
	}
	close(gate)
	r.release()
	if w, s := fsys.Count(vfs.OpWrite)-writes, fsys.Count(vfs.OpSync)-syncs; w != 1 || s > 2 {
		t.Fatalf("200 rounds took %d writes and %d syncs", w, s)
	}
	r.close()
}

func TestSetPolicyFromNo(t *testing.T) {
	fsys := vfs.NewFaulty(vfs.NewMem())
	r := openRig(t, fsys, "/", No)
	r.add(10)
	r.release()
	if r.j.Synced() != 0 {
		t.Fatal("synced under no")
	}
	for _, p := range []Policy{EverySec, Always} {
		r.j.SetPolicy(p)
		r.until("synced", func() bool { return r.j.Synced() == r.j.Appended() })
		r.j.SetPolicy(No)
		r.add(10)
		r.release()
	}
	r.close()
}

func TestAppendAllocs(t *testing.T) {
	r := openRig(t, vfs.OS{}, t.TempDir(), No)
	args := [][]byte{[]byte("SET"), []byte("key:000001"), []byte(strings.Repeat("x", 64))}
	round := func() {
		for i := range 20 {
			r.j.Append(i%2, args...)
		}
		r.j.HandOver()
	}
	for range 1000 {
		round()
	}
	r.release()
	if n := testing.AllocsPerRun(5000, round); n > 0 {
		t.Fatalf("%v allocations a round", n)
	}
	r.close()
}

func TestOptionsChecked(t *testing.T) {
	for _, o := range []Options{
		{AppendDirName: "", AppendFilename: "a"},
		{AppendDirName: "a/b", AppendFilename: "a"},
		{AppendDirName: "a", AppendFilename: ".."},
		{AppendDirName: "a", AppendFilename: strings.Repeat("x", 201)},
		{AppendDirName: "a", AppendFilename: "a", Policy: 3},
	} {
		o.FS = vfs.NewMem()
		if _, _, err := Open(o); err == nil {
			t.Errorf("%+v accepted", o)
		}
	}
	if p, ok := ParsePolicy("EverySec"); !ok || p != EverySec {
		t.Error(p, ok)
	}
	if _, ok := ParsePolicy("never"); ok {
		t.Error("never accepted")
	}
}

// A single file from before redis-server 7 becomes the base file; a crash between manifest and move is survived.
func TestSingleFileUpgraded(t *testing.T) {
	for _, crash := range []bool{false, true} {
		mem := vfs.NewMem()
		for _, dir := range []string{"/", "/aofdir"} {
			if err := mem.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		old := ""
		for i := range 8 {
			if i%4 == 0 {
				old += frame(fmt.Sprint("SELECT ", dbOf(i)))
			}
			old += frame(fmt.Sprintf("SET k%d v%d", i, i))
		}
		if _, err := vfs.WriteFile(mem, "/tmp", "/a.aof", []byte(old+"*3\r\n$3")); err != nil {
			t.Fatal(err)
		}
		fsys := vfs.NewFaulty(mem)
		if crash {
			fsys.Add(vfs.Fault{Op: vfs.OpRename, First: 2, Count: 1, Err: fmt.Errorf("no")})
			if _, err := tryRig(t, fsys, "/", Always, true); err == nil || !strings.Contains(err.Error(), "moving") {
				t.Fatal(err)
			}
			mem = mem.PowerCut(nil)
			fsys = vfs.NewFaulty(mem)
		}
		r := openRig(t, fsys, "/", Always)
		if r.count != 8 {
			t.Fatal(r.count)
		}
		r.add(3)
		r.close()
		want := string(appendManifestSum([]byte("file a.aof seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i\n")))
		if got := manifestOf(mem); got != want {
			t.Fatalf("%q", got)
		}
		if _, err := mem.Stat("/a.aof"); err == nil {
			t.Fatal("the old file is still there")
		}
		mustLoad(t, mem.PowerCut(nil), "/", 11)
	}
}

func TestCloseTimeout(t *testing.T) {
	fsys := vfs.NewFaulty(vfs.NewMem())
	r := openRig(t, fsys, "/", EverySec)
	fsys.Add(vfs.Fault{Op: vfs.OpWrite, First: 1, Count: 1 << 30, Err: fmt.Errorf("no space")})
	r.add(1)
	r.until("error", func() bool { return r.j.Err() != nil })
	err := r.j.Close(20 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "no space") {
		t.Fatal(err)
	}
	<-r.j.Done()
}

func TestAppendFrame(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 11, 99, 100, 101, 123456} {
		word := strings.Repeat("w", n)
		want := fmt.Sprintf("*2\r\n$1\r\na\r\n$%d\r\n%s\r\n", n, word)
		if got := string(appendFrame(nil, [][]byte{[]byte("a"), []byte(word)})); got != want {
			t.Fatalf("%.40q, want %.40q", got, want)
		}
	}
	if got := appendFrame(nil, make([][]byte, 110)); !strings.HasPrefix(string(got), "*110\r\n$0\r\n\r\n") {
		t.Fatalf("%.40q", got)
	}
}

func benchmarkHandOver(b *testing.B, perRound int) {
	gate := make(chan struct{})
	fsys := vfs.NewFaulty(vfs.NewMem())
	j, _, err := Open(testOptions(fsys, "/", Always))
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Start(); err != nil {
		b.Fatal(err)
	}
	args := [][]byte{[]byte("SET"), []byte("key:000001"), []byte(strings.Repeat("x", 64))}
	entered := make(chan struct{}, 1)
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync {
			select {
			case entered <- struct{}{}:
			default:
			}
			<-gate
		}
	}
	j.Append(0, args...)
	j.HandOver()
	<-entered // the goroutine is busy from here on
	b.ReportAllocs()
	b.ResetTimer()
	var spent time.Duration
	for i := range b.N {
		for range perRound {
			j.Append(0, args...)
		}
		start := time.Now()
		j.HandOver()
		spent += time.Since(start)
		if i%20 == 19 { // forget, or the queue grows without end
			j.mu.Lock()
			taken := j.queue
			j.queue = nil
			j.mu.Unlock()
			for _, it := range taken {
				j.recycle(it.buf)
			}
		}
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/handover")
	b.StopTimer()
	close(gate)
	_ = j.Close(time.Second)
}

func BenchmarkHandOverBusy1(b *testing.B)  { benchmarkHandOver(b, 1) }
func BenchmarkHandOverBusy50(b *testing.B) { benchmarkHandOver(b, 50) }

func BenchmarkAppend(b *testing.B) {
	dir := b.TempDir()
	j, _, err := Open(testOptions(vfs.OS{}, dir, EverySec))
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Start(); err != nil {
		b.Fatal(err)
	}
	args := [][]byte{[]byte("SET"), []byte("key:000001"), []byte(strings.Repeat("x", 64))}
	b.ReportAllocs()
	for i := range b.N {
		j.Append(0, args...)
		if i%50 == 49 {
			j.HandOver()
			for j.Full() {
				time.Sleep(time.Millisecond)
			}
		}
	}
	b.StopTimer()
	if err := j.Close(time.Minute); err != nil {
		b.Fatal(err)
	}
}
