// The writer goroutine: it alone touches the journal's files once Start has returned.
//
// Each turn takes what the loop queued, mends what is broken, writes, and syncs as the policy asks:
//
//	always     fdatasync here, after everything queued was written: one sync for all that gathered (gather)
//	everysec   fdatasync in a goroutine of its own, at most one at a time, one second after the start of the one before
//	no         never, except before a file is left behind
//
// Under everysec writes go on while a sync runs. Redis-server holds them back for up to two seconds, since the kernel
// may block a write(2) behind the sync of the same file and its one thread would hang there. Here only this goroutine
// would hang, and the replies that wait for that very write with it.
//
// The bytes written since the last good sync stay in memory, for the day that a sync fails. At half of the retain limit
// a sync is started early; at the whole of it writes wait for the sync that runs, batches queue up, and Full turns true.
// Under no nothing is retained; see replaceFile for what that means.

package persistence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"redix/persistence/vfs"
)

// logFile is the incr file being appended to.
type logFile struct {
	vfs.File
	listed
	head   int64 // bytes at its start that are ours, not the loop's: the SELECT
	size   int64 // bytes of whole batches in it
	synced int64 // of these, how many a sync has covered
	filled int64 // behind size there is fill up to here; no more than size: none
	cut    bool  // what was behind size was cut off, and no sync has followed
	begun  int64 // bytes that the disk has begun to write (startWriteback)

	sum, headSum uint32 // of the last batch, and of the one that is ours
}

// mark is a place in the journal that a sync will cover.
type mark struct {
	offset   int64 // journal offset
	fileSize int64
	db       int    // database in force there
	sum      uint32 // of the last batch before it
}

type syncResult struct {
	err  error
	took time.Duration
}

type writer struct {
	j    *Journal
	fs   vfs.FS
	man  manifest
	file *logFile

	baseSeq, incrSeq int64 // highest ever used
	historyTried     int64 // baseSeq when history was last deleted

	pending []item // taken from the queue; pending[:next] are done
	next    int

	at       mark // everything written
	syncedAt mark // everything synced
	kept     retained
	keptAt   int64 // where in the file the bytes kept begin

	framer  framer
	records [][]byte // of the batch being written
	stamp   []byte   // the #TS line, if it needs one
	stamped int64    // the second of the last one

	filling   *fillPiece // being written, nil: none
	fillAfter time.Time  // none is started before

	syncing  bool // syncer works on covering
	covering mark
	syncReq  chan vfs.File
	syncRes  chan syncResult
	lastSync time.Time // when the last sync started
	counted  time.Time // until when delayed syncs were counted
	yielded  time.Time
	gathers  time.Duration // how long the queue may be left to grow, 0 if not

	// States other than HEALTHY.
	aligned  bool     // batches end where a line of fill does: the policy is always
	torn     bool     // the file may be longer than file.size
	distrust bool     // a sync of the file failed
	syncErr  error    // with this
	spare    *logFile // its successor, complete and synced, not listed yet
	unsure   bool     // the manifest is visible, the directory not synced
	unlisted bool     // no manifest is written yet: the first base is still in the making
	backoff  time.Duration
	reported reported
}

// reported is what the loop was last woken for.
type reported struct {
	written, synced int64
	failing         bool
}

func (w *writer) run() {
	defer close(w.j.done)
	defer close(w.syncReq)
	go w.syncer()
	for {
		w.yield()
		w.take()
		err := w.turn()
		w.gather(err)
		w.report(err)
		if w.j.closing.Load() && w.ended(err) {
			return
		}
		w.sleep(err)
	}
}

// take moves the queue to pending and leaves an empty one of recycled room behind. It does so once a turn: what arrives
// meanwhile waits for the next, so that replies are released in between.
func (w *writer) take() {
	if w.next < len(w.pending) {
		return
	}
	clear(w.pending)
	j := w.j
	j.mu.Lock()
	w.pending, j.queue = j.queue, w.pending[:0]
	j.queued = 0
	j.rouse() // this goroutine: nobody needs to wake it
	j.mu.Unlock()
	w.next = 0
}

// turn does all that can be done now. An error means that it has to be tried again.
func (w *writer) turn() error {
	w.collect(false)
	_ = w.collectFill(false) // what it says, mend looks after
	if err := w.mend(); err != nil {
		return err
	}
	err := w.drain()
	if serr := w.syncIfDue(); serr != nil {
		return serr
	}
	if serr := w.settle(); serr != nil {
		return serr
	}
	w.fillAhead()
	return err
}

// checked tells whether batches are written between marks.
func (w *writer) checked() bool { return w.j.opts.Checksum }

// mend tries to get back to HEALTHY.
func (w *writer) mend() error {
	w.aligned = w.j.Policy() == Always // for the whole turn
	if w.distrust {
		if err := w.replaceFile(); err != nil {
			return err
		}
	}
	if w.torn || w.file.filled > w.file.size && !w.aligned {
		if err := w.collectFill(true); err != nil {
			return err
		}
		if err := w.cutAt(w.file.size); err != nil {
			return err
		}
	}
	if w.file.cut && !w.aligned { // batches that are not aligned cannot be told from the fill that a power cut may bring back
		w.collect(true) // the kernel tells an error to one of two syncs only
		if !w.distrust {
			if err := w.file.Sync(); err != nil {
				w.syncFailed(err)
			}
		}
		if w.distrust {
			return w.syncError()
		}
		w.file.cut = false
	}
	return w.settle()
}

// settle makes the names durable, if they may not be, and then deletes what the manifest no longer needs.
func (w *writer) settle() error {
	for {
		if w.unsure {
			if err := w.fs.SyncDir(w.j.dir); err != nil {
				return fmt.Errorf("journal: syncing directory %s: %w", w.j.dir, err)
			}
			w.unsure = false
		}
		w.dropHistory() // changes the manifest, once
		if !w.unsure {
			return nil
		}
	}
}

// drain does the pending items in order, until one fails or the retained bytes reach their limit.
func (w *writer) drain() error {
	for w.next < len(w.pending) && !w.mustHold() {
		it := &w.pending[w.next]
		n := 1
		var err error
		switch {
		case it.cut != nil:
			err = w.rotate(it.cut)
		case it.commit != nil:
			w.commitBase(it.commit)
		default:
			n = w.together()
			err = w.write(w.pending[w.next : w.next+n])
		}
		if err != nil {
			return err
		}
		w.next += n
	}
	return nil
}

// together is how many of the pending items, the next one included, make one batch.
func (w *writer) together() (n int) {
	size := 0
	for _, it := range w.pending[w.next:] {
		if it.buf == nil || n > 0 && size+len(it.buf) > gatherMax {
			break
		}
		size += len(it.buf)
		n++
	}
	return n
}

// mustHold tells that no more may be written before a sync ends. (One that is not running yet is started by syncIfDue.)
func (w *writer) mustHold() bool {
	if w.kept.size < w.j.tune.retainLimit {
		return false
	}
	if w.j.Policy() == No {
		w.kept.dropBefore(0)
		return false
	}
	w.collect(false)
	return w.kept.size >= w.j.tune.retainLimit
}

// write adds the records of items to the file as one batch, whole or not at all.
func (w *writer) write(items []item) error {
	if w.file.size == 0 && w.at.db != noDB {
		// The loop does not know that the file changed, and each file is loaded on its own.
		w.records = append(w.records[:0], appendSelect(nil, w.at.db))
		if err := w.put(w.records); err != nil {
			return err
		}
		w.file.head, w.file.headSum = w.file.size, w.file.sum
	}
	w.records = w.records[:0]
	if w.j.opts.Timestamps.Load() {
		if now := time.Now().Unix(); now != w.stamped {
			w.stamp = fmt.Appendf(w.stamp[:0], "#TS:%d\r\n", now)
			w.records = append(w.records, w.stamp)
			w.stamped = now
		}
	}
	for _, it := range items {
		w.records = append(w.records, it.buf)
	}
	from := w.file.size
	if err := w.put(w.records); err != nil {
		w.stamped = 0
		return err
	}
	if w.kept.size == 0 {
		w.keptAt = from
	}
	keep := w.j.Policy() != No
	if !keep {
		w.kept.dropBefore(0)
	}
	for i := range items {
		it := &items[i]
		w.at.offset += int64(len(it.buf))
		w.at.db = it.db
		if !keep || !w.kept.add(it.buf) {
			w.j.recycle(it.buf)
		}
		it.buf = nil
	}
	clear(w.records)
	w.j.written.Store(w.at.offset)
	return nil
}

// put writes records at the end of the file.
func (w *writer) put(records [][]byte) error {
	f := w.file
	var parts [][]byte
	var size int64
	sum := f.sum
	if w.checked() {
		parts, size, sum = w.framer.batch(records, f.size, f.size-f.synced, f.sum, w.aligned || f.filled > f.size || w.filling != nil)
	} else {
		parts, size = w.framer.raw(records)
	}
	if err := w.room(size); err != nil {
		return err
	}
	start := w.j.opts.Clock()
	err := f.putAt(parts, f.size)
	w.j.figures.longWriteNs.Store(max(w.j.figures.longWriteNs.Load(), int64(w.j.opts.Clock().Sub(start))))
	if err != nil {
		w.torn = true
		if w.collectFill(true) == nil {
			_ = w.cutAt(f.size)
		}
		return fmt.Errorf("journal: writing %s: %w", f.name, err)
	}
	f.size += size
	f.sum = sum
	if w.j.Policy() == EverySec {
		f.startWriteback()
	}
	w.at.fileSize, w.at.sum = f.size, sum
	w.j.figures.currentSize.Add(size)
	return nil
}

// writebackStep is how many bytes gather before the disk is told to begin with them.
const writebackStep = 1 << 20

// startWriteback has the disk begin with what was written, so that the sync at the end of the second finds little to do:
// writes to the same file go slowly while it runs.
func (f *logFile) startWriteback() {
	if n := f.size - f.begun; n >= writebackStep {
		if s, ok := f.File.(vfs.WritebackStarter); ok {
			s.StartWriteback(f.begun, n)
		}
		f.begun = f.size
	}
}

// putAt writes parts one after the other from offset at on.
func (f *logFile) putAt(parts [][]byte, at int64) error {
	for _, p := range parts {
		n, err := f.WriteAt(p, at)
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// syncIfDue starts or does the sync that the policy asks for now.
func (w *writer) syncIfDue() error {
	if w.distrust || w.at.offset == w.syncedAt.offset {
		return nil
	}
	switch w.j.Policy() {
	case Always:
		return w.syncNow()
	case EverySec:
		now := w.j.opts.Clock()
		due := now.Sub(w.lastSync) >= w.j.tune.syncEvery
		switch {
		case w.syncing && due && now.Sub(w.counted) >= w.j.tune.syncEvery:
			w.j.figures.delayed.Add(1)
			w.counted = now
		case !w.syncing && (due || w.kept.size >= w.j.tune.retainLimit/2):
			w.startSync(now)
		}
	}
	return nil
}

func (w *writer) startSync(now time.Time) {
	w.lastSync, w.counted = now, now
	w.covering = w.at
	w.syncing = true
	w.j.figures.syncing.Store(true)
	w.syncReq <- w.file.File
}

// syncer runs the syncs, so that writes can go on beside them.
func (w *writer) syncer() {
	for f := range w.syncReq {
		start := w.j.opts.Clock()
		err := f.Sync()
		w.syncRes <- syncResult{err, w.j.opts.Clock().Sub(start)}
		w.j.park.wake()
	}
}

// syncNow covers everything written, after the sync that may be running.
func (w *writer) syncNow() error {
	w.collect(true)
	if !w.distrust && w.at.fileSize > w.file.synced {
		start := w.j.opts.Clock()
		w.lastSync = start
		w.covering = w.at
		w.j.figures.syncing.Store(true)
		err := w.file.Sync()
		took := w.j.opts.Clock().Sub(start)
		w.j.figures.longAlwaysNs.Store(max(w.j.figures.longAlwaysNs.Load(), int64(took)))
		w.syncEnded(syncResult{err, took})
	}
	if w.distrust {
		return w.syncError()
	}
	return nil
}

func (w *writer) syncError() error {
	return fmt.Errorf("journal: syncing %s: %w", w.file.name, w.syncErr)
}

// collect takes the result of the running sync, if there is one and, unless block is set, if it has ended.
func (w *writer) collect(block bool) {
	if !w.syncing {
		return
	}
	if block {
		w.syncEnded(<-w.syncRes)
		return
	}
	select {
	case res := <-w.syncRes:
		w.syncEnded(res)
	default:
	}
}

func (w *writer) syncEnded(res syncResult) {
	f := &w.j.figures
	w.syncing = false
	f.syncing.Store(false)
	f.syncs.Add(1)
	f.syncLastNs.Store(int64(res.took))
	f.syncMaxNs.Store(max(f.syncMaxNs.Load(), int64(res.took)))
	if res.err != nil {
		w.syncFailed(res.err)
		return
	}
	if !w.distrust { // since a sync of fill, meanwhile
		w.covered(w.covering)
	}
}

func (w *writer) syncFailed(err error) {
	w.distrust = true
	w.syncErr = err
	w.j.lastFailure.Store(&failure{err})
	w.j.opts.Log.Error("journal: sync failed, the file will be replaced", "file", w.file.name, "error", err)
}

// covered notes that everything up to m is on disk.
func (w *writer) covered(m mark) {
	w.syncedAt = m
	w.file.synced = m.fileSize
	w.kept.dropBefore(w.at.offset - m.offset)
	w.keptAt = max(w.keptAt, m.fileSize) // later, if the policy was no for a while
}

// report publishes progress and the error, and wakes the loop if something changed.
func (w *writer) report(err error) {
	j := w.j
	if err == nil && w.distrust {
		err = w.syncError()
	}
	now := reported{written: w.at.offset, synced: w.reported.synced, failing: err != nil}
	if !w.unsure {
		now.synced = w.syncedAt.offset
		j.synced.Store(now.synced)
	}
	j.figures.writeFailing.Store(err != nil)
	if err != nil {
		j.failing.Store(&failure{err})
		j.lastFailure.Store(&failure{err})
	} else {
		j.failing.Store(nil)
		w.backoff = 0
	}
	if now.failing != w.reported.failing {
		if now.failing {
			j.opts.Log.Error("journal: writes are refused until this heals", "error", err)
		} else {
			j.opts.Log.Info("journal: healed")
		}
	}
	if now != w.reported {
		w.reported = now
		j.opts.Wake()
	}
}

// ended finishes the journal once everything is written and synced, and tells whether it is finished.
func (w *writer) ended(err error) bool {
	if !w.j.abort.Load() {
		w.j.mu.Lock()
		more := len(w.j.queue) > 0
		w.j.mu.Unlock()
		if err != nil || more || w.next < len(w.pending) || w.unsure {
			return false
		}
		if w.at.offset > w.syncedAt.offset {
			if err := w.syncNow(); err != nil {
				w.report(err)
				return false
			}
		}
		w.report(nil)
	}
	w.collect(true)
	w.closeFile()
	return true
}

// closeFile leaves the file behind, without fill if the disk lets it.
func (w *writer) closeFile() {
	filled := w.filling != nil || w.file.filled > w.file.size
	err := w.trim()
	if err == nil && filled {
		err = w.file.Sync()
	}
	if cerr := w.file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		w.j.opts.Log.Warn("journal: closing", "file", w.file.name, "error", err)
	}
}

func (w *writer) path(name string) string { return filepath.Join(w.j.dir, name) }

// openNew creates the next incr file, empty.
func (w *writer) openNew() (*logFile, error) {
	w.incrSeq++
	f := &logFile{listed: listed{
		name: fmt.Sprintf("%s.%d.incr.aof", w.j.opts.AppendFilename, w.incrSeq), seq: w.incrSeq, kind: typeIncr, size: -1}}
	create := func() (err error) {
		f.File, err = w.fs.OpenFile(w.path(f.name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		return err
	}
	err := create()
	if errors.Is(err, fs.ErrExist) { // no manifest names it; cutting it would leave its bytes to a power cut, until the first sync
		if err = w.fs.Remove(w.path(f.name)); err == nil {
			err = create()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("journal: creating %s: %w", f.name, err)
	}
	return f, nil
}

// discard closes and removes a file that no manifest names.
func (w *writer) discard(f *logFile) {
	_ = f.Close()
	_ = w.fs.Remove(w.path(f.name))
}
