// Faulty fails chosen operations of another file system, so that a test can walk through every operation a piece of
// code does and break each of them once.

package vfs

import (
	"io/fs"
	"sync"
)

// Op names a kind of operation that Faulty counts and fails.
type Op int

// The kinds of operation.
const (
	OpOpen Op = iota
	OpWrite
	OpRead
	OpSync
	OpTruncate
	OpClose
	OpRename
	OpLink
	OpRemove
	OpMkdir
	OpReadDir
	OpStat
	OpSyncDir
	numOps
)

var opNames = [numOps]string{"open", "write", "read", "sync", "truncate", "close", "rename", "link", "remove", "mkdir",
	"readdir", "stat", "syncdir"}

func (op Op) String() string { return opNames[op] }

// Fault is a plan: operations first..first+Count-1 of the kind fail with Err. Operations are numbered from 1, over all
// files, from the moment the Faulty was made. A failed Write first passes Short bytes on (0: none).
type Fault struct {
	Op    Op
	First int
	Count int
	Err   error
	Short int
}

// Faulty wraps a file system. It may be used by several goroutines.
type Faulty struct {
	FS
	// Before, if set before use, is called ahead of every operation, without locks held: it may block, which makes
	// for slow syncs.
	Before func(op Op, name string)

	mu     sync.Mutex
	counts [numOps]int
	faults []Fault
	fired  int
}

// NewFaulty wraps fsys with no faults planned.
func NewFaulty(fsys FS) *Faulty { return &Faulty{FS: fsys} }

// Add plans a fault.
func (x *Faulty) Add(f Fault) {
	x.mu.Lock()
	x.faults = append(x.faults, f)
	x.mu.Unlock()
}

// Clear forgets all faults: the disk has healed.
func (x *Faulty) Clear() {
	x.mu.Lock()
	x.faults = nil
	x.mu.Unlock()
}

// Count tells how many operations of a kind there were.
func (x *Faulty) Count(op Op) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.counts[op]
}

// Fired tells how many operations have failed by plan.
func (x *Faulty) Fired() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fired
}

func (x *Faulty) check(op Op, name string) (short int, err error) {
	if x.Before != nil {
		x.Before(op, name)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.counts[op]++
	n := x.counts[op]
	for _, f := range x.faults {
		if f.Op == op && n >= f.First && n < f.First+f.Count {
			x.fired++
			return f.Short, &fs.PathError{Op: op.String(), Path: name, Err: f.Err}
		}
	}
	return 0, nil
}

// OpenFile implements FS.
func (x *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if _, err := x.check(OpOpen, name); err != nil {
		return nil, err
	}
	f, err := x.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, x: x, name: name}, nil
}

// Rename implements FS.
func (x *Faulty) Rename(oldName, newName string) error {
	if _, err := x.check(OpRename, oldName); err != nil {
		return err
	}
	return x.FS.Rename(oldName, newName)
}

// Link implements FS.
func (x *Faulty) Link(oldName, newName string) error {
	if _, err := x.check(OpLink, oldName); err != nil {
		return err
	}
	return x.FS.Link(oldName, newName)
}

// Remove implements FS.
func (x *Faulty) Remove(name string) error {
	if _, err := x.check(OpRemove, name); err != nil {
		return err
	}
	return x.FS.Remove(name)
}

// MkdirAll implements FS.
func (x *Faulty) MkdirAll(dir string, perm fs.FileMode) error {
	if _, err := x.check(OpMkdir, dir); err != nil {
		return err
	}
	return x.FS.MkdirAll(dir, perm)
}

// ReadDir implements FS.
func (x *Faulty) ReadDir(dir string) ([]string, error) {
	if _, err := x.check(OpReadDir, dir); err != nil {
		return nil, err
	}
	return x.FS.ReadDir(dir)
}

// Stat implements FS.
func (x *Faulty) Stat(name string) (int64, error) {
	if _, err := x.check(OpStat, name); err != nil {
		return 0, err
	}
	return x.FS.Stat(name)
}

// SyncDir implements FS.
func (x *Faulty) SyncDir(dir string) error {
	if _, err := x.check(OpSyncDir, dir); err != nil {
		return err
	}
	return x.FS.SyncDir(dir)
}

type faultyFile struct {
	File
	x    *Faulty
	name string
}

func (f *faultyFile) Write(p []byte) (int, error) {
	short, err := f.x.check(OpWrite, f.name)
	if err == nil {
		return f.File.Write(p)
	}
	n := 0
	if short = min(short, len(p)); short > 0 {
		n, _ = f.File.Write(p[:short])
	}
	return n, err
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	short, err := f.x.check(OpWrite, f.name)
	if err == nil {
		return f.File.WriteAt(p, off)
	}
	n := 0
	short = min(short, len(p))
	if size, serr := f.File.Size(); serr != nil || off < size { // what is written over goes page by page, at least by sectors
		short -= int((off + int64(short)) % sectorSize)
	}
	if short > 0 {
		n, _ = f.File.WriteAt(p[:short], off)
	}
	return n, err
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if _, err := f.x.check(OpRead, f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// Sync that fails by plan also loses the dirty bytes, if the file below can: that is what kernels do.
func (f *faultyFile) Sync() error {
	if _, err := f.x.check(OpSync, f.name); err != nil {
		if d, ok := f.File.(interface{ LoseDirty() }); ok {
			d.LoseDirty()
		}
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if _, err := f.x.check(OpTruncate, f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Close that fails by plan has closed the file all the same, as close(2) does.
func (f *faultyFile) Close() error {
	_, err := f.x.check(OpClose, f.name)
	if cerr := f.File.Close(); err == nil {
		err = cerr
	}
	return err
}
