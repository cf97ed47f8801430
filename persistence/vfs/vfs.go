// Package vfs is the thin file layer below the journal. It exists so that tests can stand between the journal and
// the disk: fail any single operation, cut the power, and look at what is left.
//
// Three implementations:
//
//	OS      the real thing; Sync is fdatasync where the kernel has it
//	Mem     files in memory that remember, beside what was written, what was synced (PowerCut keeps only that)
//	Faulty  wraps another one and fails chosen operations
//
// Durability is what POSIX promises and no more: bytes are safe after File.Sync, names (create, rename, remove) after
// SyncDir of their directory.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is an open file. Write appends; a file opened with os.O_APPEND is for Write only, one without it for WriteAt only.
type File interface {
	io.Writer
	io.ReaderAt
	// WriteAt writes over what is there; it may begin at the end of the file, not behind it.
	io.WriterAt
	// Sync makes the bytes written so far, and the size, durable. After an error nothing may be assumed about
	// any byte written since the last Sync that succeeded, not even if a later Sync succeeds.
	Sync() error
	Truncate(size int64) error
	// Size is the present length in bytes.
	Size() (int64, error)
	Close() error
}

// WritebackStarter is a File that can begin to write bytes back to the disk ahead of Sync, without waiting for them.
type WritebackStarter interface{ StartWriteback(from, size int64) }

// FS is a file system. Paths are as the os package takes them; a missing file satisfies errors.Is(err, fs.ErrNotExist).
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(oldName, newName string) error
	Remove(name string) error
	// Link gives a file a second name, which must not be taken. Not every file system can.
	Link(oldName, newName string) error
	MkdirAll(dir string, perm fs.FileMode) error
	// ReadDir lists the names in a directory, sorted.
	ReadDir(dir string) ([]string, error)
	// Stat gives the size of a file in bytes.
	Stat(name string) (size int64, err error)
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
}

// ReadFile reads a whole file of at most limit bytes; a longer one is an error, so that a wrong path cannot fill memory.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, 0, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("file is too large")}
	}
	return data, nil
}

// WriteFile replaces name with data so that a crash leaves the old file or the new one, whole: it writes temp (in the
// same directory), syncs it, renames it over name, and syncs the directory.
//
// visible tells whether the rename happened. With visible true and an error, readers see the new file but a power cut
// may bring the old one back: SyncDir has to be repeated until it succeeds.
func WriteFile(fsys FS, temp, name string, data []byte) (visible bool, err error) {
	if err := writeSynced(fsys, temp, data); err != nil {
		_ = fsys.Remove(temp)
		return false, err
	}
	if err := fsys.Rename(temp, name); err != nil {
		_ = fsys.Remove(temp)
		return false, err
	}
	return true, fsys.SyncDir(filepath.Dir(name))
}

func writeSynced(fsys FS, name string, data []byte) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
