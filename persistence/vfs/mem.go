// Mem is a file system in memory that models what a power cut leaves behind.
//
// Every inode has two contents, and the tree has two states:
//
//	            what a process sees      what the disk holds
//	bytes       data                     disk      (copied by a Sync that succeeds)
//	names       live                     durable   (copied, one directory at a time, by SyncDir)
//
// PowerCut builds a new Mem from the right column. Given a source of randomness it also keeps, per file, some of the
// bytes that were written after the last Sync, and per directory some of the changes after the last SyncDir: a real
// disk may have written them on its own.
//
// LoseDirty models a sync that failed: the bytes written since the last Sync stay readable, but no later Sync will
// bring them to the disk.

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

// Mem is an in-memory file system. It may be used by several goroutines.
type Mem struct {
	mu      sync.Mutex
	dirs    map[string]bool
	live    map[string]*inode
	durable map[string]*inode
	changes []change // names changed since their directory's last SyncDir, oldest first
}

type inode struct {
	data []byte
	disk []byte
	lost []extent // bytes of data that no Sync will write any more
}

type extent struct{ start, end int }

// change is one new state of a name; node nil: removed.
type change struct {
	name string
	node *inode
}

// NewMem makes an empty file system.
func NewMem() *Mem {
	return &Mem{dirs: map[string]bool{"/": true, ".": true}, live: map[string]*inode{}, durable: map[string]*inode{}}
}

// Kill gives the file system as the next process finds it when this one is killed: everything written, synced or not.
func (m *Mem) Kill() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.survivor(m.live, func(n *inode) []byte { return n.data })
}

// PowerCut gives the file system as it is after the power failed. With rng nil nothing unsynced survives; otherwise
// a random part of it does.
func (m *Mem) PowerCut(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]*inode{}
	for name, n := range m.durable {
		names[name] = n
	}
	if rng == nil {
		return m.survivor(names, func(n *inode) []byte { return n.disk })
	}
	for _, c := range m.changes {
		switch {
		case rng.IntN(2) == 0: // not written yet; nothing says that names are written in order
		case c.node == nil:
			delete(names, c.name)
		default:
			names[c.name] = c.node
		}
	}
	return m.survivor(names, func(n *inode) []byte {
		if len(n.data) <= len(n.disk) || len(n.lost) > 0 {
			return n.disk
		}
		more := rng.IntN(len(n.data) - len(n.disk) + 1)
		return append(append([]byte(nil), n.disk...), n.data[len(n.disk):len(n.disk)+more]...)
	})
}

func (m *Mem) survivor(names map[string]*inode, content func(*inode) []byte) *Mem {
	out := NewMem()
	for d := range m.dirs {
		out.dirs[d] = true
	}
	for name, n := range names {
		b := append([]byte(nil), content(n)...)
		out.live[name] = &inode{data: b, disk: append([]byte(nil), b...)}
		out.durable[name] = out.live[name]
	}
	return out
}

func (m *Mem) set(name string, n *inode) {
	if n == nil {
		delete(m.live, name)
	} else {
		m.live[name] = n
	}
	m.changes = append(m.changes, change{name, n})
}

func pathErr(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// OpenFile implements FS.
func (m *Mem) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.live[name]
	switch {
	case m.dirs[name]:
		return nil, pathErr("open", name, errors.New("is a directory"))
	case n == nil && (flag&os.O_CREATE == 0 || !m.dirs[filepath.Dir(name)]):
		return nil, pathErr("open", name, fs.ErrNotExist)
	case n != nil && flag&os.O_EXCL != 0:
		return nil, pathErr("open", name, fs.ErrExist)
	case n == nil:
		n = &inode{}
		m.set(name, n)
	}
	if flag&os.O_TRUNC != 0 {
		n.truncate(0)
	}
	return &memFile{m: m, n: n, name: name}, nil
}

// Rename implements FS.
func (m *Mem) Rename(oldName, newName string) error {
	oldName, newName = filepath.Clean(oldName), filepath.Clean(newName)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.live[oldName]
	if n == nil || !m.dirs[filepath.Dir(newName)] {
		return pathErr("rename", oldName, fs.ErrNotExist)
	}
	m.set(newName, n)
	m.set(oldName, nil)
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[name] == nil {
		return pathErr("remove", name, fs.ErrNotExist)
	}
	m.set(name, nil)
	return nil
}

// MkdirAll implements FS; directories are durable at once, which no test here depends on.
func (m *Mem) MkdirAll(dir string, _ fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d := filepath.Clean(dir); !m.dirs[d]; d = filepath.Dir(d) {
		if m.live[d] != nil {
			return pathErr("mkdir", d, fs.ErrExist)
		}
		m.dirs[d] = true
	}
	return nil
}

// ReadDir implements FS.
func (m *Mem) ReadDir(dir string) ([]string, error) {
	dir = filepath.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirs[dir] {
		return nil, pathErr("readdir", dir, fs.ErrNotExist)
	}
	var names []string
	for name := range m.live {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	for d := range m.dirs {
		if d != dir && filepath.Dir(d) == dir {
			names = append(names, filepath.Base(d))
		}
	}
	sort.Strings(names)
	return names, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (int64, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.live[name]
	if n == nil {
		return 0, pathErr("stat", name, fs.ErrNotExist)
	}
	return int64(len(n.data)), nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	dir = filepath.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirs[dir] {
		return pathErr("syncdir", dir, fs.ErrNotExist)
	}
	rest := m.changes[:0]
	for _, c := range m.changes {
		switch {
		case filepath.Dir(c.name) != dir:
			rest = append(rest, c)
		case c.node == nil:
			delete(m.durable, c.name)
		default:
			m.durable[c.name] = c.node
		}
	}
	m.changes = rest
	return nil
}

type memFile struct {
	m      *Mem
	n      *inode
	name   string
	closed bool
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return 0, pathErr("write", f.name, fs.ErrClosed)
	}
	f.n.data = append(f.n.data, p...)
	return len(p), nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return 0, pathErr("read", f.name, fs.ErrClosed)
	}
	if off < 0 || off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathErr("sync", f.name, fs.ErrClosed)
	}
	f.n.disk = append(f.n.disk[:0:0], f.n.data...)
	for _, e := range f.n.lost {
		clear(f.n.disk[min(e.start, len(f.n.disk)):min(e.end, len(f.n.disk))])
	}
	return nil
}

// LoseDirty makes the bytes written since the last Sync unsavable: the disk will hold zeros in their place.
func (f *memFile) LoseDirty() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if len(f.n.data) > len(f.n.disk) {
		f.n.lost = append(f.n.lost, extent{len(f.n.disk), len(f.n.data)})
	}
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.closed:
		return pathErr("truncate", f.name, fs.ErrClosed)
	case size < 0 || size > int64(len(f.n.data)):
		return pathErr("truncate", f.name, errors.New("size out of range"))
	}
	f.n.truncate(int(size))
	return nil
}

// truncate also forgets what was lost beyond size: bytes written there later are new ones.
func (n *inode) truncate(size int) {
	n.data = n.data[:size:size]
	kept := n.lost[:0]
	for _, e := range n.lost {
		if e.end = min(e.end, size); e.start < e.end {
			kept = append(kept, e)
		}
	}
	n.lost = kept
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathErr("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}
