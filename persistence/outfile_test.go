// Snapshot files: whatever fails, the file under its name is whole, the old one or the new one.

package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"redix/engine/seeds"
	"redix/persistence/vfs"
)

const testSnapshot = "/dump.rdb"

var saveNumber int

// saveOver writes a file of some chunks over the one that is there and returns how that turned out.
func saveOver(t *testing.T, fsys vfs.FS, content []byte) error {
	t.Helper()
	wake := make(chan struct{}, 1)
	saveNumber++ // as in a server, the names differ: one that failed may still be removing its file
	temp := fmt.Sprintf("/temp-redix-dump.rdb.1-%d.rdb", saveNumber)
	out := newSaveFile(fsys, temp, testSnapshot, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	deadline := time.After(20 * time.Second)
	wait := func() {
		select {
		case <-wake:
		case <-deadline:
			t.Fatal("the file does not end")
		}
	}
	for rest := content; len(rest) > 0; {
		for out.Full() {
			wait()
		}
		n := min(len(rest), chunkBytes/2+1)
		out.cur = append(out.cur, rest[:n]...)
		rest = rest[n:]
	}
	out.Finish()
	for {
		if done, err := out.Status(); done {
			return err
		}
		wait()
	}
}

func savedContent(t *testing.T, fsys vfs.FS) []byte {
	t.Helper()
	b, err := vfs.ReadFile(fsys, testSnapshot, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func temps(fsys vfs.FS) (names []string) {
	list, _ := fsys.ReadDir("/")
	for _, name := range list {
		if strings.HasPrefix(name, "temp-") {
			names = append(names, name)
		}
	}
	return names
}

// eventually looks again and again, for some seconds at most.
func eventually(cond func() bool) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		if cond() {
			return true
		}
	}
	return cond()
}

// Each operation fails once, for each time that it is done, with a power cut after it and without.
func TestSnapshotFileFails(t *testing.T) {
	old := bytes.Repeat([]byte("old"), 1000)
	fresh := bytes.Repeat([]byte("new!"), (fileSyncEvery+3*chunkBytes)/4)
	for _, op := range []vfs.Op{vfs.OpOpen, vfs.OpWrite, vfs.OpSync, vfs.OpRename, vfs.OpSyncDir} {
		for _, with := range []error{syscall.EIO, syscall.ENOSPC} {
			failures := 0
			for nth := 1; ; nth++ {
				mem := vfs.NewMem()
				if err := saveOver(t, mem, old); err != nil {
					t.Fatal(err)
				}
				fsys := vfs.NewFaulty(mem)
				fsys.Add(vfs.Fault{Op: op, First: nth, Count: 1, Err: with, Short: 100})
				err := saveOver(t, fsys, fresh)
				if fsys.Fired() == 0 {
					break
				}
				failures++
				if !errors.Is(err, with) {
					t.Fatalf("%v %d fails with %v: the outcome is %v", op, nth, with, err)
				}
				for what, disk := range map[string]vfs.FS{"kill": mem.Kill(), "power cut": mem.PowerCut(nil)} {
					got := savedContent(t, disk)
					if !bytes.Equal(got, old) && (op != vfs.OpSyncDir || !bytes.Equal(got, fresh)) {
						t.Fatalf("%v %d fails, %s: %d bytes, neither the old file nor the new one", op, nth, what, len(got))
					}
				}
				if !eventually(func() bool { return len(temps(mem)) == 0 }) { // the outcome is known before it is removed
					t.Fatalf("%v %d fails: %v is left", op, nth, temps(mem))
				}
				fsys.Clear()
				if err := saveOver(t, fsys, fresh); err != nil {
					t.Fatalf("the one after it: %v", err)
				}
				if !bytes.Equal(savedContent(t, mem.PowerCut(nil)), fresh) {
					t.Fatal("the one after it is not durable")
				}
			}
			if failures == 0 {
				t.Errorf("%v was never done", op)
			}
		}
	}
}

// The power goes at any operation: the old file or the new one is there, whole.
func TestSnapshotFilePowerCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	old := bytes.Repeat([]byte("old"), 1000)
	fresh := bytes.Repeat([]byte("new!"), (fileSyncEvery+3*chunkBytes)/4)
	mem := vfs.NewMem()
	if err := saveOver(t, mem, old); err != nil {
		t.Fatal(err)
	}
	fsys := vfs.NewFaulty(mem)
	cuts := 0
	fsys.Before = func(op vfs.Op, name string) { // on the goroutine of the file
		for range 3 {
			cuts++
			if got := savedContent(t, mem.PowerCut(rng)); !bytes.Equal(got, old) && !bytes.Equal(got, fresh) {
				t.Errorf("before %v of %s: %d bytes", op, name, len(got))
			}
		}
	}
	if err := saveOver(t, fsys, fresh); err != nil {
		t.Fatal(err)
	}
	if cuts == 0 {
		t.Fatal("nothing was cut")
	}
	if !bytes.Equal(savedContent(t, mem.PowerCut(rng)), fresh) {
		t.Error("what was reported as saved is gone")
	}
}

// A canceled file leaves nothing.
func TestSnapshotFileCanceled(t *testing.T) {
	mem := vfs.NewMem()
	wake := make(chan struct{}, 100)
	out := newSaveFile(mem, "/temp", testSnapshot, func() { wake <- struct{}{} })
	out.cur = make([]byte, chunkBytes)
	out.pass()
	out.Cancel()
	for done := false; !done; done, _ = out.Status() {
		<-wake
	}
	if _, err := out.Status(); !errors.Is(err, ErrCanceled) {
		t.Error(err)
	}
	if list, _ := mem.ReadDir("/"); len(list) > 0 {
		t.Error(list)
	}
}
