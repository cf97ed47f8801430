package persistence

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"redix/engine"
	"redix/engine/config"
	"redix/engine/keyspace"
	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

// The joint to the engine: it loads the journal into a server at start, makes the server feed it from then on, and
// switches it on and off while the server runs (switch.go).

// closeTimeout is how long a failing disk may hold up a shutdown.
const closeTimeout = 10 * time.Second

// Always implements engine.Journal.
func (j *Journal) Always() bool { return j.Policy() == Always }

// Rebuild passes the commands that make an entry from nothing to put. args die when put returns.
type Rebuild func(e *keyspace.Entry, put func(args ...[]byte))

// Formats are what persistence needs to know of values, and the commands have.
type Formats struct {
	// Rebuild passes the commands that make up an entry.
	Rebuild Rebuild
	// Entries returns a writer of entries in RDB format, which notes the strings that are to be compressed later.
	Entries func(later *[]rdb.Span) EntryWriter
	// Builder returns one that makes entries of what a snapshot holds.
	Builder func(o BuilderOptions) Builder
	// FS is the file layer below journal and snapshots; nil: the real one.
	FS vfs.FS
}

// Attachment is what a server has of persistence. It belongs to the loop.
type Attachment struct {
	server  *engine.Server
	log     *slog.Logger
	formats Formats
	fs      vfs.FS

	journal *Journal // nil: appendonly no
	load    *Replayer
	builder Builder // of the snapshot or base file loaded last; nil: none
	started time.Time
	logged  time.Time

	job     *job // that is running
	saves   saves
	reloads []func() // to be done between commands

	files            journalFiles
	retired          *retired // the journal that was switched off, while it is being closed; nil: none
	switching        int      // how many CONFIG SETs are about to switch the journal on
	openingBase      bool     // files are being opened for a rewrite without a journal
	aside            *Journal // of the last rewrite without a journal that is on; nil: none
	fresh            bool     // the job's base file is the journal's first: without it the journal cannot be loaded
	rewriteScheduled bool
	baseline         int64 // size of the journal after its last rewrite, or at start
	retryAt          time.Time
	failures         int
	written          written

	timestamps atomic.Bool // aof-timestamp-enabled

	mu   sync.Mutex
	done []func() // what goroutines have left for the loop
}

// policies translates appendfsync.
var policies = map[config.AppendFsync]Policy{
	config.FsyncAlways: Always, config.FsyncEverysec: EverySec, config.FsyncNo: No,
}

// Attach opens the journal that the server's configuration asks for and has the server load it; the journal is fed from
// the moment that the data is there. With appendonly no it waits to be switched on.
func Attach(s *engine.Server, log *slog.Logger, formats Formats) (*Attachment, error) {
	a := &Attachment{server: s, log: log, formats: formats, fs: vfsOrOS(formats.FS)}
	a.files.init()
	a.timestamps.Store(s.Config.AOFTimestamps)
	a.saves.lastMs, a.saves.took = time.Now().UnixMilli(), -1
	a.removeTemps()
	s.Hooks.Work = a.work
	s.Hooks.Saving = a
	s.Hooks.ConfigChanged = a.Changed
	s.Hooks.Cron = a.cron
	s.Hooks.Persistence = a.status
	if !s.Config.AppendOnly {
		return a, a.loadSnapshot()
	}
	j, plan, err := Open(a.options(&s.Config.Values))
	if err != nil {
		return nil, err
	}
	if err := plan.adopt(filepath.Join(s.Config.Dir, s.Config.DBFilename), s.Config.AppendFilename); err != nil {
		return nil, err
	}
	a.files.hold()
	a.started = time.Now()
	a.logged = a.started
	a.load = NewReplayer(plan, ReplayOptions{Apply: s.Apply, Base: a.baseBuilder, Wake: s.Reactor.Wake})
	l := &startLoader{Replayer: a.load, journal: j, beside: a.beside}
	if len(plan.Files) == 0 { // nobody is served yet, nor has to be told of a loading that there is not
		if err := j.Start(); err != nil {
			return nil, err
		}
		opened := make(chan struct{})
		close(opened)
		l.opened = opened
	}
	s.Hooks.Loaded = func(err error) { a.loaded(j, err) }
	s.Load(l)
	return a, nil
}

// startLoader is engine.Loader of a journal: the replay, and then the opening for appending, in a goroutine, since that waits
// for the disk.
type startLoader struct {
	*Replayer
	journal *Journal
	beside  func(work, then func()) <-chan struct{}
	opened  <-chan struct{} // closed when err is valid; nil before the replay has ended
	err     error
}

// Step implements engine.Loader.
func (l *startLoader) Step(budget int) (done bool, err error) {
	if l.opened == nil {
		if done, err = l.Replayer.Step(budget); err == nil && done {
			l.opened = l.beside(func() { l.err = l.journal.Start() }, func() {})
		}
		return false, err
	}
	select {
	case <-l.opened:
		return l.err == nil, l.err
	default:
		return false, nil
	}
}

// Waiting implements engine.Loader.
func (l *startLoader) Waiting() bool { return l.opened != nil || l.Replayer.Waiting() }

// options are those of a journal under these values.
func (a *Attachment) options(c *config.Values) Options {
	return Options{FS: a.fs, Dir: c.Dir, AppendDirName: c.AppendDirname, AppendFilename: c.AppendFilename,
		Policy: policies[c.AppendFsync], LoadTruncated: c.AOFLoadTruncated, SkipRDBChecksum: !c.RDBChecksum,
		Checksum: c.AOFChecksum, Timestamps: &a.timestamps, Log: a.log, Wake: a.server.Reactor.Wake}
}

// loaded is called once the replay has ended and the journal is open.
func (a *Attachment) loaded(j *Journal, err error) {
	if err != nil {
		a.log.Error("the journal cannot be loaded", "error", err)
		a.server.Hooks.Fatal(err)
		return
	}
	r := a.load.Result()
	a.log.Info("journal loaded", "commands", r.Commands, "bytes", r.Bytes, "took", time.Since(a.started).Round(time.Millisecond))
	a.load = nil
	a.journal = j
	a.server.Journal = j
	a.baseline = j.Stats().CurrentSize
	if !a.server.Config.AppendOnly { // it was switched off meanwhile
		a.retire()
	}
}

// cron logs the progress of loading every second, and looks after snapshots.
func (a *Attachment) cron() {
	a.noteLatency()
	a.cronSave()
	loading, done, total := a.server.LoadProgress()
	if !loading || time.Since(a.logged) < time.Second {
		return
	}
	a.logged = time.Now()
	a.log.Info("loading", "bytes", done, "of", total)
}

// noteLatency passes what the disk took to the latency monitor, which keeps the longest of each second.
func (a *Attachment) noteLatency() {
	if a.journal == nil {
		return
	}
	write, sync := a.journal.Longest()
	a.server.AddLatency("aof-write", int64(write))
	a.server.AddLatency("aof-fsync-always", int64(sync))
}

// Changed follows CONFIG SET of the directives that concern the journal; it is for engine.Hooks.ConfigChanged.
func (a *Attachment) Changed(d *config.Directive) error {
	c := a.server.Config
	switch d.Name {
	case "appendfsync":
		if a.journal != nil {
			a.journal.SetPolicy(policies[c.AppendFsync])
		}
	case "aof-timestamp-enabled":
		a.timestamps.Store(c.AOFTimestamps)
	case "appendonly":
		if c.AppendOnly && a.journal == nil {
			return a.switchOn()
		} // off: EndJournal follows
	}
	return nil
}

// startBase begins to write a base file at the moment that the journal has cut its incr files.
func (a *Attachment) startBase(base *BaseWriter) {
	j := &job{base: base, out: base.outFile}
	if a.server.Config.AOFUseRDBPreamble {
		base.RDB = true
		j.saver = newRDBSaver(base.outFile, a.server.Keyspace, a.rdbOptions(true))
	} else {
		j.saver = newCommandSaver(base, a.formats.Rebuild)
	}
	a.start(j)
}

// rewritten takes note of how a base file turned out.
func (a *Attachment) rewritten(j *job, err error) {
	fresh := a.fresh
	a.fresh = false
	a.written.peak = j.peak
	switch {
	case err != nil && fresh:
		a.log.Error("the base file could not be written; the journal is off", "error", err)
		a.written.failed = true
		a.server.Config.AppendOnly = false
		a.retire()
	case err != nil:
		a.rewriteFailed(err)
	default:
		a.written = written{files: a.written.files + 1, took: time.Since(j.started), peak: j.peak}
		a.log.Info("base file written", "keys", j.keys[0], "bytes", j.out.Size(), "took", a.written.took.Round(time.Millisecond))
		a.failures = 0
		if a.journal != nil {
			a.baseline = a.journal.Stats().CurrentSize
		}
	}
}

// rewriteDue follows auto-aof-rewrite-percentage and -min-size.
func (a *Attachment) rewriteDue() bool {
	c := a.server.Config
	if a.journal == nil || c.AutoRewritePercent == 0 || a.journal.Err() != nil || time.Now().Before(a.retryAt) {
		return false
	}
	size := a.journal.Stats().CurrentSize
	return size >= int64(c.AutoRewriteMinBytes) && size-a.baseline >= max(a.baseline, 1)/100*int64(c.AutoRewritePercent)
}

// rewriteFailed lets automatic rewrites wait, a minute at first and then ever longer up to an hour.
func (a *Attachment) rewriteFailed(err error) {
	a.written.failed = true
	a.retryAt = time.Now().Add(min(time.Hour, time.Minute<<min(a.failures, 6)))
	a.failures++
	a.log.Error("the journal could not be rewritten; it stays as it was", "error", err)
}

func (a *Attachment) keys() (n int) {
	for i := range a.server.Keyspace.Len() {
		n += a.server.Keyspace.DB(i).Len()
	}
	return n
}

// Woken is for engine.Hooks.Woken: the disk has made progress.
func (a *Attachment) Woken() {
	a.finishBeside()
	a.server.HasWork = a.job != nil || len(a.reloads) > 0
}

// beside runs work in a goroutine and then, after a Wake, then on the loop. worked is closed when then is all that is left: what wakes
// the loop afterwards comes after it.
func (a *Attachment) beside(work, then func()) (worked <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		work()
		a.mu.Lock()
		a.done = append(a.done, then)
		a.mu.Unlock()
		close(ended)
		a.server.Reactor.Wake()
	}()
	return ended
}

// finishBeside deals with what goroutines have left.
func (a *Attachment) finishBeside() {
	a.mu.Lock()
	done := a.done
	a.done = nil
	a.mu.Unlock()
	for _, then := range done {
		then()
	}
}

// Journal returns the journal in use, nil when there is none.
func (a *Attachment) Journal() *Journal { return a.journal }

// Rewriting reports whether a base file is being written, or about to be.
func (a *Attachment) Rewriting() bool { return a.job != nil && a.job.base != nil || a.openingBase }

// Close writes and syncs everything. The first base file of a journal that was switched on a moment ago is finished
// before, so that nothing acknowledged is lost; any other snapshot is given up.
func (a *Attachment) Close() error {
	if j := a.job; j != nil && a.fresh {
		err := a.finishJob()
		if _, failed := j.out.Status(); err == nil {
			err = failed
		}
		if err != nil {
			return fmt.Errorf("base file: %w", err)
		}
	}
	a.drop()
	err := errors.Join(a.closeAside(), a.retired.wait())
	if a.journal == nil {
		return err
	}
	return errors.Join(err, a.journal.Close(closeTimeout))
}
