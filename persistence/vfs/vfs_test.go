// The three file systems, and the atomic replacement of a file on a disk that fails at any step.

package vfs

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func write(t *testing.T, fsys FS, name, data string) File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte(data)); n != len(data) || err != nil {
		t.Fatal(n, err)
	}
	return f
}

func content(t *testing.T, fsys FS, name string) string {
	t.Helper()
	b, err := ReadFile(fsys, name, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The same steps on the real disk and on Mem must look the same.
func TestSameBehaviour(t *testing.T) {
	for name, fsys := range map[string]FS{"os": OS{}, "mem": NewMem(), "faulty": NewFaulty(NewMem())} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			if err := fsys.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
			f := write(t, fsys, one, "hello")
			if err := f.Truncate(4); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte("!")); err != nil {
				t.Fatal(err)
			}
			if size, err := f.Size(); size != 5 || err != nil {
				t.Fatal(size, err)
			}
			buf := make([]byte, 9)
			if n, err := f.ReadAt(buf, 2); n != 3 || err == nil || string(buf[:n]) != "ll!" {
				t.Fatal(n, err)
			}
			if err := errors.Join(f.Sync(), f.Close(), fsys.Rename(one, two), fsys.SyncDir(dir)); err != nil {
				t.Fatal(err)
			}
			if _, err := fsys.Stat(one); !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if names, err := fsys.ReadDir(dir); err != nil || !slices.Equal(names, []string{"two"}) {
				t.Fatal(names, err)
			}
			if _, err := fsys.Stat(dir); err == nil {
				t.Fatal("Stat of a directory succeeded")
			}
			if _, err := ReadFile(fsys, two, 4); err == nil {
				t.Fatal("a file over the limit was read")
			}
			if size, err := fsys.Stat(two); size != 5 || err != nil {
				t.Fatal(size, err)
			}
			if visible, err := WriteFile(fsys, one, two, []byte("new")); !visible || err != nil || content(t, fsys, two) != "new" {
				t.Fatal(visible, err)
			}
			if err := fsys.Remove(two); err != nil || content(t, fsys, two) != "missing" {
				t.Fatal(err)
			}
			if err := fsys.Remove(two); !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		})
	}
}

func TestPowerCut(t *testing.T) {
	m := NewMem()
	f := write(t, m, "/f", "synced")
	if err := errors.Join(f.Sync(), m.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	write(t, m, "/f", " not")
	write(t, m, "/g", "unnamed")
	if got := content(t, m.Kill(), "/f"); got != "synced not" {
		t.Fatal(got)
	}
	if cut := m.Kill().PowerCut(nil); content(t, cut, "/f") != "synced" || content(t, cut, "/g") != "missing" {
		t.Fatal("killing a process has made its bytes and names durable")
	}
	cut := m.PowerCut(nil)
	if content(t, cut, "/f") != "synced" || content(t, cut, "/g") != "missing" {
		t.Fatal(content(t, cut, "/f"), content(t, cut, "/g"))
	}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		seen[content(t, m.PowerCut(rand.New(rand.NewPCG(seed, 0))), "/f")] = true
	}
	if len(seen) != len(" not")+1 {
		t.Fatal(seen)
	}
	// A failed sync: even a later one that succeeds does not bring the bytes back.
	f.(*memFile).LoseDirty()
	write(t, m, "/f", "!")
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, m.PowerCut(nil), "/f"); got != "synced\x00\x00\x00\x00!" {
		t.Fatalf("%q", got)
	}
	if err := errors.Join(f.Truncate(6), m.Rename("/f", "/h")); err != nil {
		t.Fatal(err)
	}
	write(t, m, "/h", " now")
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, m.PowerCut(nil), "/f"); got != "synced now" {
		t.Fatalf("%q", got)
	}
}

// After a failure anywhere, and a power cut on top, the file is the old one or the new one.
func TestWriteFileFails(t *testing.T) {
	for _, op := range []Op{OpOpen, OpWrite, OpSync, OpClose, OpRename, OpSyncDir} {
		m := NewMem()
		x := NewFaulty(m)
		if _, err := WriteFile(x, "/tmp", "/f", []byte("old")); err != nil {
			t.Fatal(err)
		}
		x.Add(Fault{Op: op, First: x.Count(op) + 1, Count: 1, Err: syscall.ENOSPC, Short: 1})
		visible, err := WriteFile(x, "/tmp", "/f", []byte("new"))
		if !errors.Is(err, syscall.ENOSPC) || x.Fired() != 1 {
			t.Fatalf("%v: %v", op, err)
		}
		want := map[bool]string{true: "new", false: "old"}[visible]
		if visible != (op == OpSyncDir) || content(t, m, "/f") != want || content(t, m, "/tmp") != "missing" {
			t.Fatalf("%v: visible %v, %q", op, visible, content(t, m, "/f"))
		}
		if got := content(t, m.PowerCut(nil), "/f"); got != "old" {
			t.Fatalf("%v: %q", op, got)
		}
	}
}
