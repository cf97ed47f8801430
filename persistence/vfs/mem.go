// Mem is a file system in memory that models what a power cut leaves behind.
//
// Every inode has two contents, and the tree has two states:
//
//	            what a process sees      what the disk holds
//	bytes       data                     disk      (copied by a Sync that succeeds)
//	names       live                     durable   (copied, one directory at a time, by SyncDir)
//
// PowerCut builds a new Mem from the right column. Given a source of randomness it also keeps, per file, some of the
// sectors that were written after the last Sync, and per directory some of the changes after the last SyncDir: a real
// disk may have written them on its own. A file that grew survives with any length in between; its new part is whole up to
// there, or, with Holes set, lacks sectors (zeros are read from them), as on file systems that write sizes first.
//
// LoseDirty models a sync that failed: the bytes written since the last Sync stay readable, but no later Sync will
// bring them to the disk. Each other file that is open on the same inode is told once, by its next Sync, as Linux does.

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

	// Holes: see the package comment. To be set before use.
	Holes bool
}

const sectorSize = 512

type inode struct {
	data  []byte
	disk  []byte
	dirty []extent // bytes of data written since the last Sync
	lost  []extent // bytes of data that no Sync will write any more
	lossy int      // how many syncs failed
}

type extent struct{ start, end int }

// without gives what is left of es outside of start..end.
func without(es []extent, start, end int) []extent {
	var out []extent
	for _, e := range es {
		if left := (extent{e.start, min(e.end, start)}); left.start < left.end {
			out = append(out, left)
		}
		if right := (extent{max(e.start, end), e.end}); right.start < right.end {
			out = append(out, right)
		}
	}
	return out
}

// change is one new state of a name; node nil: removed.
type change struct {
	name string
	node *inode
}

// NewMem makes an empty file system.
func NewMem() *Mem {
	return &Mem{dirs: map[string]bool{"/": true, ".": true}, live: map[string]*inode{}, durable: map[string]*inode{}}
}

// Kill gives the file system as the next process finds it when this one is killed: everything written, synced or not. What was
// not synced is not so by that: a power cut may still take it.
func (m *Mem) Kill() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := NewMem()
	out.Holes = m.Holes
	maps.Copy(out.dirs, m.dirs)
	copies := map[*inode]*inode{nil: nil}
	copied := func(n *inode) *inode {
		if copies[n] == nil && n != nil {
			copies[n] = &inode{data: slices.Clone(n.data), disk: slices.Clone(n.disk), dirty: slices.Clone(n.dirty),
				lost: slices.Clone(n.lost), lossy: n.lossy}
		}
		return copies[n]
	}
	for name, n := range m.live {
		out.live[name] = copied(n)
	}
	for name, n := range m.durable {
		out.durable[name] = copied(n)
	}
	for _, c := range m.changes {
		out.changes = append(out.changes, change{c.name, copied(c.node)})
	}
	return out
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
	return m.survivor(names, func(n *inode) []byte { return n.luck(rng, m.Holes) })
}

// luck gives what the disk may hold: of the bytes written since the last Sync, some.
func (n *inode) luck(rng *rand.Rand, holes bool) []byte {
	if len(n.lost) > 0 {
		return n.disk
	}
	out := append([]byte(nil), n.disk...)
	switch grown := len(n.data) - len(n.disk); {
	case grown > 0:
		out = append(out, make([]byte, rng.IntN(grown+1))...)
	case grown < 0 && rng.IntN(2) == 0:
		out = out[:len(n.data)]
	}
	reached := map[int]bool{}
	if !holes && len(out) > len(n.disk) { // the sector where the new part begins is one of those that were written
		reached[len(n.disk)/sectorSize] = true
	}
	for _, e := range n.dirty {
		for at := e.start; at < min(e.end, len(out)); {
			end := min((at/sectorSize+1)*sectorSize, e.end, len(out))
			sector := at / sectorSize
			if _, known := reached[sector]; !known {
				reached[sector] = rng.IntN(2) == 0
			}
			if reached[sector] || at >= len(n.disk) && !holes {
				copy(out[at:end], n.data[at:end])
			}
			at = end
		}
	}
	// The page with the end of the file has zeros behind it, also where the disk still has more of the file.
	if end := len(n.data); reached[end/sectorSize] && end < len(out) {
		clear(out[end:min(len(out), (end/sectorSize+1)*sectorSize)])
	}
	return out
}

func (m *Mem) survivor(names map[string]*inode, content func(*inode) []byte) *Mem {
	out := NewMem()
	out.Holes = m.Holes
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
	return &memFile{m: m, n: n, name: name, appends: flag&os.O_APPEND != 0, told: n.lossy}, nil
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

// Link implements FS.
func (m *Mem) Link(oldName, newName string) error {
	oldName, newName = filepath.Clean(oldName), filepath.Clean(newName)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.live[oldName]
	switch {
	case n == nil || !m.dirs[filepath.Dir(newName)]:
		return pathErr("link", oldName, fs.ErrNotExist)
	case m.live[newName] != nil:
		return pathErr("link", newName, fs.ErrExist)
	}
	m.set(newName, n)
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
	m       *Mem
	n       *inode
	name    string
	appends bool
	closed  bool
	told    int // of so many failed syncs of the inode it knows
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed || !f.appends {
		return 0, pathErr("write", f.name, fs.ErrClosed)
	}
	f.n.write(p, len(f.n.data))
	return len(p), nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.closed || f.appends:
		return 0, pathErr("write", f.name, fs.ErrClosed)
	case off < 0 || off > int64(len(f.n.data)):
		return 0, pathErr("write", f.name, errors.New("offset out of range"))
	}
	f.n.write(p, int(off))
	return len(p), nil
}

func (n *inode) write(p []byte, at int) {
	end := at + len(p)
	kept := min(len(n.data)-at, len(p))
	copy(n.data[at:], p[:kept])
	n.data = append(n.data, p[kept:]...)
	n.dirty = append(without(n.dirty, at, end), extent{at, end})
	n.lost = without(n.lost, at, end)
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
	if f.told < f.n.lossy {
		f.told = f.n.lossy
		return pathErr("sync", f.name, errors.New("an earlier write failed"))
	}
	if grown := len(f.n.data) - len(f.n.disk); grown > 0 {
		f.n.disk = append(f.n.disk, make([]byte, grown)...)
	}
	f.n.disk = f.n.disk[:len(f.n.data)]
	for _, e := range f.n.dirty {
		copy(f.n.disk[e.start:e.end], f.n.data[e.start:e.end])
	}
	f.n.dirty = nil
	return nil
}

// LoseDirty makes the bytes written since the last Sync unsavable: the disk keeps what it has in their place, or zeros.
func (f *memFile) LoseDirty() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := f.n
	for _, e := range n.dirty {
		n.lost = append(without(n.lost, e.start, e.end), e)
	}
	n.dirty = nil
	n.lossy++
	f.told = n.lossy
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
	n.dirty = without(n.dirty, size, math.MaxInt)
	n.lost = without(n.lost, size, math.MaxInt)
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
