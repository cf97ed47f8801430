// The fill: lines that no reader minds, written ahead of the journal's end under appendfsync always.
//
//	[ batch | batch | batch |#--------\n#--------\n#-------- ... ]
//	                 size ▲                              filled ▲
//
// An fdatasync of a file that grew has to write the new size, too: a commit of the file system's own journal, more work than
// the bytes themselves. Batches that are written over the fill change neither size nor block map, and their sync is one
// write and one flush. The fill is really written, since blocks that are only reserved cost that commit once more.
//
// A goroutine writes and syncs a piece at a time, off the critical path; the writer uses it once it is synced. Every line is
// 64 bytes and begins with #, which loaders skip, and every batch ends at a multiple of 64 (batch.go), so that the file
// reads well at every moment, whoever reads it: redis-server too. Fill goes with marks only: a batch that was torn
// while it was written over fill is found by its checksum, and by nothing else.
//
// What is left of the fill is cut off when the file is closed or left behind, when the policy changes, and at load.
// It is never a reason to fail: if it cannot be written the journal grows as it always did.

package persistence

import (
	"fmt"
	"io"
	"os"
	"time"

	"redix/persistence/vfs"
)

const (
	fillLine      = 64          // bytes; a power of two that divides a sector
	fillBlockSize = 64 << 10    // bytes written in one go
	fillPieceMin  = 64 << 10    // bytes between two syncs of fill
	fillPieceMax  = 1 << 20     // a piece grows with the file up to this
	fillRest      = time.Minute // how long none is written after that failed
)

// fillByte is what the fill has at an offset.
func fillByte(at int64) byte {
	switch at & (fillLine - 1) {
	case 0:
		return '#'
	case fillLine - 1:
		return '\n'
	}
	return '-'
}

// isFill tells whether the line that begins at offset at, or as much of it as p holds, is fill.
func isFill(p []byte, at int64) bool { return isFillAll(p[:min(len(p), fillLine)], at) }

// fillFrom tells where in p, which lies at offset at, the fill begins that p ends with: len(p) if it ends with none.
func fillFrom(p []byte, at int64) int {
	k := len(p)
	for k > 0 && p[k-1] == fillByte(at+int64(k-1)) {
		k--
	}
	return k
}

// isFillAll is isFill for all of p.
func isFillAll(p []byte, at int64) bool {
	for i, b := range p {
		if b != fillByte(at+int64(i)) {
			return false
		}
	}
	return true
}

// fillPiece is a piece that a goroutine is writing.
type fillPiece struct {
	from, to int64
	done     chan fillResult
}

type fillResult struct {
	writeErr, syncErr error
}

var fillBlock = func() []byte {
	b := make([]byte, fillBlockSize)
	for i := range b {
		b[i] = fillByte(int64(i))
	}
	return b
}()

// writeFill opens the file anew: an error of writing back is told once to each open file, and the writer has to hear of
// those that hit its own bytes, whoever's sync came across them first.
func writeFill(fsys vfs.FS, path string, p *fillPiece) {
	var res fillResult
	f, err := fsys.OpenFile(path, os.O_WRONLY, 0)
	for at := p.from; at < p.to && err == nil; at += fillBlockSize {
		block := fillBlock[:min(fillBlockSize, p.to-at)]
		var n int
		if n, err = f.WriteAt(block, at); err == nil && n < len(block) {
			err = io.ErrShortWrite
		}
	}
	res.writeErr = err
	if err == nil {
		res.syncErr = f.Sync()
	}
	if f != nil {
		_ = f.Close()
	}
	p.done <- res
}

// fits tells whether size bytes can be written over the fill. A line of fill always stays behind the last batch: that is
// how a reader knows that the end of the file was prepared (check.go).
func (f *logFile) fits(size int64) bool { return f.size+size+fillLine <= f.filled }

// mayFill tells whether fill can be written behind what there is.
func (w *writer) mayFill() bool {
	return w.checked() && w.aligned && w.filling == nil && !w.distrust && !w.torn && w.file.size%fillLine == 0 &&
		!w.j.closing.Load() && (w.fillAfter.IsZero() || w.j.opts.Clock().After(w.fillAfter))
}

// fillAhead has another piece written when less is left than half of one.
func (w *writer) fillAhead() {
	f := w.file
	if piece := w.piece(); f.filled > f.size && f.filled-f.size < piece/2 && w.mayFill() {
		w.startFill(f.filled, f.filled+piece)
	}
}

// piece is how much fill is written in one go: more for a file that grows much.
func (w *writer) piece() int64 {
	t := &w.j.tune
	return min(max(w.file.size/4&^(t.fillMin-1), t.fillMin), t.fillMax)
}

// startFill has fill written up to to, or a little further. It ends within a sector, so that what another server writes
// behind it cannot be taken for the remains of a batch: those begin where a sector does.
func (w *writer) startFill(from, to int64) {
	to = (to+sectorSize-1)&^(sectorSize-1) + fillLine
	w.filling = &fillPiece{from, to, make(chan fillResult, 1)}
	go writeFill(w.fs, w.path(w.file.name), w.filling)
}

// room makes sure that a batch of size bytes can be written at the end of the file: over fill, if there is to be some,
// or with nothing behind it.
func (w *writer) room(size int64) error {
	f := w.file
	if f.fits(size) {
		return nil
	}
	err := w.collectFill(true)
	if err == nil && !f.fits(size) && size <= w.j.tune.fillMax && w.mayFill() {
		from := max(f.size, f.filled)
		w.startFill(from, max(from+w.piece(), f.size+size+fillLine))
		err = w.collectFill(true)
	}
	if err != nil || f.fits(size) {
		return err
	}
	return w.trim()
}

// collectFill takes the result of the fill being written, if there is one and, unless block is set, if it has ended. An
// error means that the file has to be mended.
func (w *writer) collectFill(block bool) error {
	if w.filling == nil {
		return nil
	}
	var res fillResult
	if block {
		res = <-w.filling.done
	} else {
		select {
		case res = <-w.filling.done:
		default:
			return nil
		}
	}
	to := w.filling.to
	w.filling = nil
	switch {
	case res.syncErr != nil:
		w.syncFailed(res.syncErr)
		return w.syncError()
	case res.writeErr != nil:
		w.fillAfter = w.j.opts.Clock().Add(fillRest)
		w.j.opts.Log.Info("journal: no fill for now, the file grows with each batch", "file", w.file.name, "error", res.writeErr)
		return w.cutAt(max(w.file.size, w.file.filled))
	}
	w.file.filled = to
	return nil
}

// trim cuts the fill off.
func (w *writer) trim() error {
	if err := w.collectFill(true); err != nil {
		return err
	}
	if w.file.filled <= w.file.size {
		return nil
	}
	return w.cutAt(w.file.size)
}

// cutAt cuts the file. If that fails it is TORN.
func (w *writer) cutAt(size int64) error {
	if err := w.file.Truncate(size); err != nil {
		w.torn = true
		return fmt.Errorf("journal: cutting the unfinished end of %s: %w", w.file.name, err)
	}
	if size == w.file.size {
		w.file.filled = 0
		w.file.cut = true
		w.torn = false
	}
	return nil
}
