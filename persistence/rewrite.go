// A rewrite replaces the files of the journal by a base file (the commands that make up the keyspace at one moment) and
// the commands since that moment.
//
//	the loop            StartBase        Append, Append, ... in slices          Finish        Status
//	                       │ cut              │ chunks                            │             ▲
//	                       ▼                  ▼                                   ▼             │
//	writer goroutine    new incr file;    base goroutine: temp file, synced    rename, manifest: base + incr files
//	                    in the manifest   every 32 MiB                         since the cut; old ones are history
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
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"redix/persistence/vfs"
)

const (
	baseChunk     = 256 << 10 // bytes gathered before the base goroutine gets them
	baseChunks    = 8         // chunks that may wait for it
	baseSyncEvery = 32 << 20  // bytes between syncs, so that the last one is short
)

// BaseWriter is a base file in the making. Its methods belong to the loop.
type BaseWriter struct {
	j        *Journal
	cur      []byte
	curDB    int
	ended    bool
	number   int
	firstSeq int64 // of the first incr file after the cut; set by the writer goroutine before Finish can be seen

	chunks chan []byte
	spent  chan []byte
	last   []byte // set before chunks is closed

	canceled atomic.Bool
	size     atomic.Int64
	outcome  atomic.Pointer[outcome]
}

// outcome is how a rewrite ended; err nil: the base is in the manifest.
type outcome struct{ err error }

var (
	// ErrRewriteRunning: there is one base file in the making at a time.
	ErrRewriteRunning = errors.New("journal: a rewrite is already in progress")
	// ErrRewriteCanceled is the outcome after Cancel.
	ErrRewriteCanceled = errors.New("journal: rewrite canceled")
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
	j.push(item{cut: j.base})
	return j.base, nil
}

func newBaseWriter(j *Journal) *BaseWriter {
	j.bases++
	b := &BaseWriter{j: j, number: j.bases, curDB: noDB, chunks: make(chan []byte, baseChunks), spent: make(chan []byte, baseChunks)}
	go b.run()
	return b
}

// Append adds a command to the base file. args are not kept.
func (b *BaseWriter) Append(db int, args ...[]byte) {
	if db != b.curDB {
		b.cur = appendSelect(b.cur, db)
		b.curDB = db
	}
	b.cur = appendFrame(b.cur, args)
	if len(b.cur) >= baseChunk {
		b.pass()
	}
}

// pass gives cur to the base goroutine, or keeps it when that is behind.
func (b *BaseWriter) pass() {
	select {
	case b.chunks <- b.cur:
		b.cur = nil
		select {
		case buf := <-b.spent:
			b.cur = buf
		default:
		}
	default:
	}
}

// Full tells that the disk is behind: append no more until a Wake after which it is false.
func (b *BaseWriter) Full() bool {
	if len(b.cur) >= baseChunk && !b.ended {
		b.pass()
	}
	return len(b.cur) >= baseChunk
}

// Size is how many bytes the file has so far. Any goroutine.
func (b *BaseWriter) Size() int64 { return b.size.Load() }

// Finish ends the file. It is synced and put into the manifest in the background; Status tells when, after a Wake.
func (b *BaseWriter) Finish() {
	if b.ended {
		return
	}
	b.ended = true
	b.last = b.cur
	b.cur = nil
	close(b.chunks)
}

// Cancel gives up. The journal goes on with the files it has.
func (b *BaseWriter) Cancel() {
	b.canceled.Store(true)
	b.Finish()
}

// Status tells whether the rewrite has ended and how. An error may show before Finish: then stop and Cancel. Any goroutine.
func (b *BaseWriter) Status() (done bool, err error) {
	if o := b.outcome.Load(); o != nil {
		return true, o.err
	}
	return false, nil
}

// end sets the outcome, once.
func (b *BaseWriter) end(err error) {
	if b.outcome.CompareAndSwap(nil, &outcome{err}) {
		if err != nil {
			b.j.opts.Log.Error("journal: rewrite failed", "error", err)
		} else {
			b.j.opts.Log.Info("journal: rewrite done", "bytes", b.size.Load())
		}
	}
	b.j.opts.Wake()
}

// tempName differs from base to base: one that was canceled may still be removing its file when the next one starts.
func (b *BaseWriter) tempName() string {
	return fmt.Sprintf("%s.%d.base", b.j.tempPrefix(), b.number)
}

// run writes the file. It reads chunks to their end even after a failure, so that the loop is never stuck.
func (b *BaseWriter) run() {
	j := b.j
	path := filepath.Join(j.dir, b.tempName())
	f, err := j.opts.FS.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		b.end(fmt.Errorf("journal: creating the base file: %w", err))
	}
	var unsynced int64
	put := func(p []byte) {
		if err != nil || b.canceled.Load() {
			return
		}
		var n int
		if n, err = f.Write(p); err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		b.size.Add(int64(n))
		if unsynced += int64(n); err == nil && unsynced >= baseSyncEvery {
			unsynced = 0
			err = f.Sync()
		}
		if err != nil {
			b.end(fmt.Errorf("journal: writing the base file: %w", err))
		}
	}
	for chunk := range b.chunks {
		put(chunk)
		select {
		case b.spent <- chunk[:0]:
		default:
		}
		j.opts.Wake()
	}
	put(b.last)
	b.close(f, path, err)
}

// close syncs the file and asks the writer goroutine to list it.
func (b *BaseWriter) close(f vfs.File, path string, err error) {
	if f != nil {
		if err == nil && !b.canceled.Load() {
			err = f.Sync()
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err == nil && b.canceled.Load() {
		err = ErrRewriteCanceled
	}
	if err != nil {
		_ = b.j.opts.FS.Remove(path)
		b.end(err)
		return
	}
	b.j.push(item{commit: b})
}

// rotate starts a new incr file for a rewrite. If that cannot be done, the rewrite fails and the journal goes on in the
// old file; an error means that the old file has to be mended first.
func (w *writer) rotate(b *BaseWriter) error {
	// Whatever the policy: a torn tail may be cut from the last file only.
	if err := w.syncNow(); err != nil {
		return err
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
	w.at.fileSize = 0
	w.covered(w.at)
	b.firstSeq = f.seq
	return nil
}

// commitBase puts a finished base file into the manifest. If that cannot be done, the rewrite fails.
func (w *writer) commitBase(b *BaseWriter) {
	if done, _ := b.Status(); done || b.canceled.Load() {
		_ = w.fs.Remove(w.path(b.tempName()))
		b.end(ErrRewriteCanceled)
		return
	}
	w.baseSeq++
	base := listed{name: fmt.Sprintf("%s.%d.base.aof", w.j.opts.AppendFilename, w.baseSeq), seq: w.baseSeq, kind: typeBase, size: -1}
	if err := w.fs.Rename(w.path(b.tempName()), w.path(base.name)); err != nil {
		_ = w.fs.Remove(w.path(b.tempName()))
		b.end(fmt.Errorf("journal: naming the base file: %w", err))
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
