// A journal that is switched on where only a snapshot is: it begins with that.
//
//	before   dir/dump.rdb
//	after    dir/dump.rdb
//	         dir/appendonlydir/appendonly.aof.1.base.rdb     the same file under a second name; a copy where there are no links
//	         dir/appendonlydir/appendonly.aof.1.incr.aof
//	         dir/appendonlydir/appendonly.aof.manifest       comes last: until it is there, the next start does all this again
//
// redis-server would begin with nothing, and its next save would replace the snapshot with that.

package persistence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"redix/persistence/vfs"
)

// adopt makes the snapshot at path the base file of a journal that is not there yet. Where there is one, or no snapshot, the plan
// stays as it is. Nothing on disk changes before Start.
func (p *Plan) adopt(path, appendFilename string) error {
	if !p.man.empty() {
		return nil
	}
	size, err := p.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: there is none, and it cannot begin with the snapshot: %w", err)
	}
	f := PlanFile{Path: path, Base: true, Size: size}
	if !isRDB(p.fs, f) {
		return fmt.Errorf("journal: there is none, and it cannot begin with %s, which is no snapshot", path)
	}
	base := listed{seq: 1, kind: typeBase, size: -1}
	for ; ; base.seq++ { // a file that no manifest names is somebody's, too
		base.name = fmt.Sprintf("%s.%d.base.rdb", appendFilename, base.seq)
		if _, err := p.fs.Stat(filepath.Join(p.dir, base.name)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	p.man.base = &base
	f.Name = base.name
	p.Files, p.Total = []PlanFile{f}, size
	p.adopted = path
	return nil
}

// linkAdopted puts the snapshot that was loaded where the journal's files are. The manifest follows.
func (w *writer) linkAdopted() error {
	from := w.j.plan.adopted
	if from == "" {
		return nil
	}
	to := w.path(w.man.base.name)
	err := syncFile(w.fs, from) // somebody may have put it there a moment ago
	if err == nil && w.fs.Link(from, to) != nil {
		err = w.copyFile(from, to)
	}
	if err != nil {
		return fmt.Errorf("journal: beginning with %s: %w", from, err)
	}
	w.j.opts.Log.Info("journal: there was none, it begins with the snapshot", "snapshot", from, "base", to)
	return nil
}

func syncFile(fsys vfs.FS, name string) error {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// copyFile copies and syncs; to does not exist. What has been left half done goes.
func (w *writer) copyFile(from, to string) (err error) {
	in, err := w.fs.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	size, err := in.Size()
	if err != nil {
		return err
	}
	out, err := w.fs.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			_ = w.fs.Remove(to)
		}
	}()
	n, err := io.CopyBuffer(struct{ io.Writer }{out}, io.NewSectionReader(in, 0, size), make([]byte, 1<<20))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return out.Sync()
}
