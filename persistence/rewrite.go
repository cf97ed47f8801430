// A rewrite replaces the files of the journal by a base file (the commands that make up the keyspace at one moment) and
// the commands since that moment.
//
//	the loop            StartBase        Append, Append, ... in slices          Finish        Status
//	                       │ cut              │ chunks                            │             ▲
//	                       ▼                  ▼                                   ▼             │
//	writer goroutine    new incr file;    base goroutine: temp file, synced    rename, manifest: base + incr files
//	                    in the manifest   every 4 MiB                          since the cut; old ones are history
//
// A crash leaves a directory that loads, at every step:
//
//	until the manifest is replaced     old base, old incr files, new incr file: complete
//	after                              new base, new incr file: complete; history lines name what is deleted next
//
// The temp file, or a base file that no manifest names, is overwritten or ignored later.

package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
)

// BaseWriter is a base file in the making. Its methods belong to the loop.
type BaseWriter struct {
	*outFile
	RDB bool // the file is in RDB format; to be set before Finish

	j        *Journal
	curDB    int
	firstSeq int64 // of the first incr file after the cut; set by the writer goroutine before Finish can be seen
}

var (
	// ErrRewriteRunning: there is one base file in the making at a time.
	ErrRewriteRunning = errors.New("journal: a rewrite is already in progress")
	// ErrRewriteCanceled is the outcome after Cancel.
	ErrRewriteCanceled = ErrCanceled
)

// StartBase begins a base file: what was appended so far must be covered by what the caller gives it, what is appended
// from now on goes to a new incr file. It does not block.
func (j *Journal) StartBase() (*BaseWriter, error) {
	if !j.running || j.ending {
		return nil, errors.New("journal: not open")
	}
	if j.base != nil {
		if done, _ := j.base.Status(); !done {
			return nil, ErrRewriteRunning
		}
		j.base.Finish() // it may have failed before its end
	}
	j.HandOver()
	j.base = newBaseWriter(j)
	j.push(item{cut: j.base}, true)
	return j.base, nil
}

// basesBegun counts those of all journals of the process.
var basesBegun atomic.Int64

// newBaseWriter's temporary names differ: one that was canceled may still be opening or removing its file when the next one starts, also
// when its journal has been closed and this is of another.
func newBaseWriter(j *Journal) *BaseWriter {
	name := fmt.Sprintf("%s.%d.base", j.tempPrefix(), basesBegun.Add(1))
	b := &BaseWriter{j: j, curDB: noDB, outFile: newOutFile(j.opts.FS, filepath.Join(j.dir, name), j.opts.Wake)}
	b.complete = func() { j.push(item{commit: b}, true) }
	if j.opts.Checksum {
		b.encode = markChunks()
	}
	return b
}

// markChunks returns an encode that makes a batch of each chunk, which holds whole commands. No batch says that anything before
// it may not be synced: nobody reads the file before all of it is.
func markChunks() func(c chunk, put func(p []byte)) {
	var marks framer
	var at int64
	var sum uint32
	return func(c chunk, put func(p []byte)) {
		if len(c.b) == 0 {
			return
		}
		parts, size, own := marks.batch([][]byte{c.b}, at, 0, sum, false)
		at, sum = at+size, own
		for _, p := range parts {
			put(p)
		}
	}
}

// Append adds a command to the base file. args are not kept.
func (b *BaseWriter) Append(db int, args ...[]byte) {
	if db != b.curDB {
		b.cur = appendSelect(b.cur, db)
		b.curDB = db
	}
	b.cur = appendFrame(b.cur, args)
	b.pass()
}

// rotate starts a new incr file for a rewrite. If that cannot be done, the rewrite fails and the journal goes on in the
// old file; an error means that the old file has to be mended first.
func (w *writer) rotate(b *BaseWriter) error {
	// Whatever the policy: a torn tail may be cut from the last file only.
	if err := w.syncNow(); err != nil {
		return err
	}
	if w.filling != nil || w.file.filled > w.file.size {
		if err := w.trim(); err != nil {
			return err
		}
		if err := w.file.Sync(); err != nil {
			w.syncFailed(err)
			return w.syncError()
		}
	}
	f, err := w.openNew()
	if err != nil {
		b.end(err)
		return nil
	}
	man := w.man.clone()
	man.incr = append(man.incr, f.listed)
	visible, err := w.publishManifest(man)
	if !visible {
		w.discard(f)
		b.end(err)
		return nil
	}
	w.unsure = w.unsure || err != nil
	if err := w.file.Close(); err != nil {
		w.j.opts.Log.Warn("journal: closing", "file", w.file.name, "error", err)
	}
	w.file = f
	w.at.fileSize, w.at.sum = 0, 0
	w.covered(w.at)
	b.firstSeq = f.seq
	return nil
}

// commitBase puts a finished base file into the manifest. If that cannot be done, the rewrite fails.
func (w *writer) commitBase(b *BaseWriter) {
	if done, _ := b.Status(); done || b.canceled.Load() {
		b.discard(ErrRewriteCanceled)
		return
	}
	w.baseSeq++
	base := listed{name: fmt.Sprintf("%s.%d.base.%s", w.j.opts.AppendFilename, w.baseSeq, b.format()), seq: w.baseSeq,
		kind: typeBase, size: b.size.Load()}
	if err := w.fs.Rename(b.path, w.path(base.name)); err != nil {
		b.discard(fmt.Errorf("journal: naming the base file: %w", err))
		return
	}
	man := manifest{base: &base, history: append([]listed(nil), w.man.history...)}
	for _, old := range w.man.live() {
		if old.kind == typeIncr && old.seq >= b.firstSeq {
			man.incr = append(man.incr, old)
			continue
		}
		old.kind, old.size = typeHistory, -1
		man.history = append(man.history, old)
	}
	wasUnlisted := w.unlisted
	w.unlisted = false
	visible, err := w.publishManifest(man)
	if !visible {
		w.unlisted = wasUnlisted
		_ = w.fs.Remove(w.path(base.name))
		b.end(err)
		return
	}
	w.unsure = w.unsure || err != nil
	total := b.size.Load()
	for _, f := range man.incr {
		total += w.lengthOf(f)
	}
	w.j.figures.currentSize.Store(total)
	w.j.figures.baseSize.Store(total)
	b.end(nil)
}

// format is the end of the file's name.
func (b *BaseWriter) format() string {
	if b.RDB {
		return "rdb"
	}
	return "aof"
}

// lengthOf is how many bytes of a listed incr file count.
func (w *writer) lengthOf(f listed) int64 {
	if f.seq == w.file.seq {
		return w.file.size
	}
	if f.size >= 0 {
		return f.size
	}
	size, err := w.fs.Stat(w.path(f.name))
	if err != nil {
		return 0
	}
	return size
}

// dropHistory deletes the files that the manifest calls history, then their lines. The manifest must be durable. What fails is tried again after the
// next rewrite.
func (w *writer) dropHistory() {
	if len(w.man.history) == 0 || w.unlisted || w.historyTried == w.baseSeq {
		return
	}
	w.historyTried = w.baseSeq
	man := w.man.clone()
	man.history = nil
	for _, f := range w.man.history {
		if err := w.fs.Remove(w.path(f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.j.opts.Log.Warn("journal: deleting a file of the past", "file", f.name, "error", err)
			man.history = append(man.history, f)
		}
	}
	if visible, err := w.publishManifest(man); visible {
		w.unsure = err != nil
	}
}
