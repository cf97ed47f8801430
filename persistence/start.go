// From a directory to a running journal: Open (journal.go) reads the manifest into a Plan, a Replayer loads it, and
// Start opens the file to append to. Start is the first to change anything on disk.

package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"redix/persistence/vfs"
)

// PlanFile is one file to load.
type PlanFile struct {
	Name string
	Path string
	Base bool
	Size int64 // bytes to load; what follows in the file does not count

	skip   int64 // bytes at its start that are loaded already
	capped bool  // Size comes from the manifest: all of it was synced
}

// Plan lists what has to be loaded, in order.
type Plan struct {
	Files []PlanFile
	Total int64 // bytes

	man           manifest
	fs            vfs.FS
	dir           string
	manifestPath  string
	loadTruncated bool
	rdbChecksum   bool
	log           *slog.Logger
	replayed      bool
	tail          tail
	moveFrom      string // a single file, to be moved by Start
	adopted       string // a snapshot, to be linked by Start
}

// tail is how the last file ends.
type tail struct {
	size    int64  // bytes of data; fill does not count
	synced  int64  // up to here an earlier process has synced it
	sum     uint32 // of the last batch
	checked bool   // all of it stands between marks
}

// Empty tells that there is no journal yet.
func (p *Plan) Empty() bool { return p.man.empty() }

func (j *Journal) manifestPath() string {
	return filepath.Join(j.dir, j.opts.AppendFilename+".manifest")
}

func (j *Journal) tempPrefix() string { return "temp-" + j.opts.AppendFilename }

// readPlan reads the manifest and looks at the files it names, so that a missing one is found before anything is loaded.
func readPlan(j *Journal) (*Plan, error) {
	p := &Plan{fs: j.opts.FS, dir: j.dir, manifestPath: j.manifestPath(), loadTruncated: j.opts.LoadTruncated,
		rdbChecksum: !j.opts.SkipRDBChecksum, log: j.opts.Log}
	err := p.read()
	if errors.Is(err, fs.ErrNotExist) {
		if old, uerr := p.single(j); uerr != nil || old {
			return p, uerr
		}
		if p.man.empty() {
			return p, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// single looks for a journal of the kind before redis-server 7, one file in the working directory, that is not in the manifest
// yet, or is and was not moved yet. Start moves it (upgrade).
func (p *Plan) single(j *Journal) (found bool, err error) {
	name := j.opts.AppendFilename
	if m := p.man; !m.empty() && (m.base == nil || m.base.name != name || len(m.incr) > 0) {
		return false, nil
	}
	path := filepath.Join(j.opts.Dir, name)
	size, err := p.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && size == 0 && p.man.empty() {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("journal: %w", err)
	}
	p.man = manifest{base: &listed{name: name, seq: 1, kind: typeBase, size: -1}}
	p.Files = []PlanFile{{Name: name, Path: path, Base: true, Size: size}}
	p.Total = size
	p.moveFrom = path
	return true, nil
}

// upgrade moves a single-file journal to where the others are, as redis-server 7 does: first the manifest, then the file, so
// that single finds it in between.
func (w *writer) upgrade() error {
	from := w.j.plan.moveFrom
	if from == "" {
		return nil
	}
	if _, err := w.publishManifest(w.man.clone()); err != nil {
		return err
	}
	err := w.fs.Rename(from, w.path(w.man.base.name))
	if err == nil {
		err = w.fs.SyncDir(w.j.dir)
	}
	if err == nil {
		err = w.fs.SyncDir(w.j.opts.Dir)
	}
	if err != nil {
		return fmt.Errorf("journal: moving %s: %w", from, err)
	}
	w.j.opts.Log.Info("journal: the single append only file was moved", "from", from, "to", w.j.dir)
	return nil
}

// read reads the manifest.
func (p *Plan) read() error {
	data, err := vfs.ReadFile(p.fs, p.manifestPath, manifestSizeMax)
	if err != nil {
		return fmt.Errorf("journal: reading the manifest: %w", err)
	}
	if p.man, err = parseManifest(data, p.manifestPath); err != nil {
		return err
	}
	for _, f := range p.man.live() {
		path := filepath.Join(p.dir, f.name)
		size, err := p.fs.Stat(path)
		if err != nil {
			return fmt.Errorf("journal: the manifest %s names %s: %w", p.manifestPath, f.name, err)
		}
		if f.size > size {
			return fmt.Errorf("journal: %s has %d bytes, the manifest says that at least %d were synced", path, size, f.size)
		}
		if f.size >= 0 {
			size = f.size
		}
		p.Files = append(p.Files, PlanFile{Name: f.name, Path: path, Base: f.kind == typeBase, Size: size, capped: f.size >= 0})
		p.Total += size
	}
	return nil
}

// Start opens the journal for appending, after the plan was replayed to its end (an empty plan needs no replay). It
// blocks on the disk.
func (j *Journal) Start() error {
	if !j.plan.Empty() && !j.plan.replayed {
		return errors.New("journal: start before the plan was replayed")
	}
	w, err := j.newWriter()
	if err != nil {
		return err
	}
	if err := w.upgrade(); err != nil {
		return err
	}
	if err := w.linkAdopted(); err != nil {
		return err
	}
	last := len(w.man.incr) - 1
	if open := last >= 0 && w.man.incr[last].size < 0; open {
		err = w.reopen(w.man.incr[last], j.plan.tail)
	}
	if err == nil && w.file == nil {
		err = w.openFirst()
	}
	if err != nil {
		return err
	}
	w.dropHistory()
	j.launch(w)
	return nil
}

// StartFresh is OpenFresh and LaunchFresh.
func (j *Journal) StartFresh() (*BaseWriter, error) {
	if err := j.OpenFresh(); err != nil {
		return nil, err
	}
	return j.LaunchFresh(), nil
}

// OpenFresh prepares the journal for a keyspace that is already there (appendonly switched on while running). Whatever the
// directory held before is superseded when the base file of LaunchFresh is finished, not earlier: until then a restart finds
// the old state. It blocks on the disk; any goroutine may call it. LaunchFresh or DiscardFresh has to follow.
func (j *Journal) OpenFresh() error {
	w, err := j.newWriter()
	if err != nil {
		return err
	}
	for _, f := range w.man.live() {
		f.kind, f.size = typeHistory, -1
		w.man.history = append(w.man.history, f)
	}
	w.man.base, w.man.incr = nil, nil
	w.unlisted = true
	if err := w.openFirst(); err != nil {
		return err
	}
	j.fresh = w
	return nil
}

// LaunchFresh makes the journal ready for Append and begins its base file. It does not block. When the base fails the journal is to be
// closed.
func (j *Journal) LaunchFresh() *BaseWriter {
	b := newBaseWriter(j)
	b.firstSeq = j.fresh.file.seq
	j.base = b
	j.launch(j.fresh)
	j.fresh = nil
	return b
}

// DiscardFresh removes what OpenFresh has made, in place of LaunchFresh. It blocks on the disk.
func (j *Journal) DiscardFresh() {
	j.fresh.discard(j.fresh.file)
	j.fresh = nil
}

func (j *Journal) newWriter() (*writer, error) {
	if j.running {
		return nil, errors.New("journal: already started")
	}
	w := &writer{j: j, fs: j.opts.FS, man: j.plan.man.clone(), at: mark{db: noDB}, syncedAt: mark{db: noDB},
		syncReq: make(chan vfs.File, 1), syncRes: make(chan syncResult, 1)}
	w.kept.get, w.kept.put = j.buffer, j.recycle
	w.baseSeq, w.incrSeq = w.man.lastSeq()
	w.historyTried = -1
	if err := w.fs.MkdirAll(j.dir, 0o755); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	// The manifest that was read, and the files it names, may have got their names from a process that was killed before it could sync them.
	for _, dir := range []string{j.opts.Dir, j.dir} {
		if err := w.fs.SyncDir(dir); err != nil {
			return nil, fmt.Errorf("journal: syncing directory %s: %w", dir, err)
		}
	}
	w.removeTemps()
	return w, nil
}

// removeTemps deletes what a process that died left unfinished. It does not have to succeed.
func (w *writer) removeTemps() {
	names, err := w.fs.ReadDir(w.j.dir)
	for _, name := range names {
		if strings.HasPrefix(name, w.j.tempPrefix()+".") {
			err = errors.Join(err, w.fs.Remove(w.path(name)))
		}
	}
	if err != nil {
		w.j.opts.Log.Warn("journal: removing unfinished files", "error", err)
	}
}

// reopen continues the last incr file, if it is of the kind that is written now. It is synced first: what an earlier
// process left there is not in memory any more, so a sync that fails later could not be made good. Fill is cut off.
//
// That process may have died because a sync failed. The kernel has then told so, marked the bytes as written, and goes on to show them; a
// sync here would succeed and do nothing. So what it had not synced is written once more.
func (w *writer) reopen(l listed, end tail) error {
	file, err := w.fs.OpenFile(w.path(l.name), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	size, err := file.Size()
	if err == nil && size > end.size {
		err = file.Truncate(end.size)
	}
	if err == nil {
		err = writeAgain(file, max(end.synced, end.size-writeAgainMax), end.size)
	}
	if err == nil && size > 0 {
		err = file.Sync()
	}
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("journal: %s: %w", l.name, err)
	}
	if end.size > 0 && end.checked != w.checked() {
		return file.Close()
	}
	w.file = &logFile{File: file, listed: l, size: end.size, synced: end.size, sum: end.sum}
	w.at.fileSize, w.at.sum = end.size, end.sum
	w.syncedAt = w.at
	return nil
}

// writeAgainMax is how many bytes are written again at a start: as many as everysec leaves unsynced at most. Under no there may have been more.
const writeAgainMax = defaultQueueLimit

// writeAgain writes what lies at from..to to where it is.
func writeAgain(f vfs.File, from, to int64) error {
	if from >= to {
		return nil
	}
	at := max(from, 0)
	buf := make([]byte, min(to-at, gatherMax))
	for at < to {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
		if n == 0 {
			return err
		}
		if _, err := f.WriteAt(buf[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

func (w *writer) openFirst() error {
	f, err := w.openNew()
	if err != nil {
		return err
	}
	man := w.man.clone()
	man.incr = append(man.incr, f.listed)
	if visible, err := w.publishManifest(man); err != nil {
		if visible { // the next start looks for the file
			_ = f.Close()
		} else {
			w.discard(f)
		}
		return err
	}
	w.file = f
	return nil
}

// publishManifest makes man the truth, on disk and in w.man. visible with an error: on disk for all to see, but only
// a sync of the directory makes it durable.
func (w *writer) publishManifest(man manifest) (visible bool, err error) {
	if !w.unlisted {
		// The files it names must not be less durable than itself.
		if err := w.fs.SyncDir(w.j.dir); err != nil {
			return false, fmt.Errorf("journal: syncing directory %s: %w", w.j.dir, err)
		}
		temp := w.path(w.j.tempPrefix() + ".manifest")
		visible, err = vfs.WriteFile(w.fs, temp, w.j.manifestPath(), man.encode(w.checked()))
		if err != nil {
			err = fmt.Errorf("journal: writing the manifest: %w", err)
		}
		if !visible {
			return false, err
		}
	}
	w.man = man
	return true, err
}

func (j *Journal) launch(w *writer) {
	var size int64
	for _, f := range j.plan.Files {
		size += f.Size
	}
	if w.unlisted {
		size = 0
	}
	j.figures.currentSize.Store(size)
	j.figures.baseSize.Store(size)
	j.running = true
	go w.run()
}
