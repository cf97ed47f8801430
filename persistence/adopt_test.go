package persistence

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

// snapshotOf is an RDB file with keys k0 to k<n-1>.
func snapshotOf(n int) string {
	body := rdb.AppendSelectDB(rdb.AppendHeader(nil), 0)
	for i := range n {
		body = rdb.AppendString(rdb.AppendString(rdb.AppendType(body, rdb.TypeString), fmt.Appendf(nil, "k%d", i)), []byte("v"))
	}
	body = rdb.AppendEOF(body)
	return string(rdb.AppendChecksum(body, rdb.CRC64(0, body)))
}

// adopting starts a journal as Attach does and gives what it has loaded: lines key=value, then commands.
func adopting(fsys vfs.FS) (*Journal, []string, error) {
	j, plan, err := Open(testOptions(fsys, "/", Always))
	if err != nil {
		return nil, nil, err
	}
	j.tune = fastTuning
	if err := plan.adopt("/dump.rdb", "a.aof"); err != nil {
		return nil, nil, err
	}
	got := &listBuilder{}
	_, err = ReplayWith(plan, ReplayOptions{Base: func() Builder { return got }, Apply: func(_ int, args [][]byte) error {
		got.lines = append(got.lines, joined(args))
		return nil
	}}, nil)
	if err == nil {
		err = j.Start()
	}
	if err != nil {
		return nil, nil, err
	}
	return j, got.lines, nil
}

// snapshotOnly is a directory with a synced snapshot and nothing else.
func snapshotOnly(t *testing.T, content string) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if _, err := vfs.WriteFile(mem, "/temp", "/dump.rdb", []byte(content)); err != nil {
		t.Fatal(err)
	}
	return mem
}

// TestAdoptEveryFailure: whatever fails once at a start with a snapshot only, and wherever the power goes, the next start has all of
// the snapshot and what was acknowledged since.
func TestAdoptEveryFailure(t *testing.T) {
	failures := 0
	for op := vfs.OpOpen; op <= vfs.OpSyncDir; op++ {
		for nth := 1; ; nth++ {
			mem := snapshotOnly(t, snapshotOf(3))
			fsys := vfs.NewFaulty(mem)
			fsys.Add(vfs.Fault{Op: op, First: nth, Count: 1, Err: errors.New("broken")})
			want := 3
			if j, lines, err := adopting(fsys); err == nil {
				if len(lines) != 3 {
					t.Fatalf("%s %d: loaded %q", op, nth, lines)
				}
				fsys.Clear()
				j.Append(0, []byte("SET"), []byte("after"), []byte("1"))
				j.HandOver()
				if err := j.Close(20 * time.Second); err != nil {
					t.Fatalf("%s %d: %v", op, nth, err)
				}
				want = 4
			}
			for what, left := range map[string]*vfs.Mem{"kill": mem.Kill(), "power cut": mem.PowerCut(nil)} {
				j, lines, err := adopting(left)
				if err != nil || len(lines) != want {
					t.Fatalf("%s %d, %s: loaded %q, %v; want %d keys", op, nth, what, lines, err, want)
				}
				if err := j.Close(20 * time.Second); err != nil {
					t.Fatal(err)
				}
				if _, err := left.Stat("/dump.rdb"); err != nil {
					t.Fatal(err)
				}
			}
			if fsys.Fired() == 0 {
				break
			}
			failures++
		}
	}
	if failures < 10 {
		t.Errorf("only %d failures", failures)
	}
}

// TestAdoptWithoutLinks: a file system without links gets a copy.
func TestAdoptWithoutLinks(t *testing.T) {
	mem := snapshotOnly(t, snapshotOf(20000))
	fsys := vfs.NewFaulty(mem)
	fsys.Add(vfs.Fault{Op: vfs.OpLink, First: 1, Count: 1, Err: errors.ErrUnsupported})
	j, lines, err := adopting(fsys)
	if err != nil || len(lines) != 20000 || fsys.Fired() != 1 {
		t.Fatal(len(lines), err, fsys.Fired())
	}
	if err := j.Close(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	left := mem.PowerCut(nil)
	if err := left.Remove("/dump.rdb"); err != nil { // the journal has its own
		t.Fatal(err)
	}
	if _, lines, err := adopting(left); err != nil || len(lines) != 20000 {
		t.Fatal(len(lines), err)
	}
}

// A journal that is there stays as it is; what is no snapshot is no reason to begin with nothing; and files that no manifest names
// are left alone.
func TestAdoptOnlyWhatIsMissing(t *testing.T) {
	mem := files(t, frame("SET a 1"))
	if _, err := vfs.WriteFile(mem, "/temp", "/dump.rdb", []byte(snapshotOf(3))); err != nil {
		t.Fatal(err)
	}
	if _, lines, err := adopting(mem); err != nil || len(lines) != 1 || lines[0] != "SET a 1" {
		t.Error(lines, err)
	}
	for _, content := range []string{"", "REDI", "*1\r\n$8\r\nFLUSHALL\r\n"} {
		if _, _, err := adopting(snapshotOnly(t, content)); err == nil || !strings.Contains(err.Error(), "/dump.rdb, which is no snapshot") {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, _, err := adopting(snapshotOnly(t, snapshotOf(3)[:30])); err == nil {
		t.Error("half a snapshot was taken")
	}
	mem = snapshotOnly(t, snapshotOf(3))
	if err := mem.MkdirAll("/aofdir", 0o755); err != nil {
		t.Fatal(err)
	}
	store(t, mem, "a.aof.1.base.rdb", "of somebody")
	j, lines, err := adopting(mem)
	if err != nil || len(lines) != 3 {
		t.Fatal(lines, err)
	}
	if err := j.Close(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if b, err := vfs.ReadFile(mem, "/aofdir/a.aof.1.base.rdb", 100); err != nil || string(b) != "of somebody" {
		t.Error(string(b), err)
	}
	if _, err := mem.Stat("/aofdir/a.aof.2.base.rdb"); err != nil {
		t.Error(err)
	}
}
