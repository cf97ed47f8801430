package persistence

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"redix/engine"
	"redix/engine/config"
	"redix/engine/keyspace"
)

// The joint to the engine: it loads the journal into a server at start, makes the server feed it from then on, and
// switches it on and off while the server runs.
//
// Switching on needs a base file: the keyspace at the moment from which the journal counts. It is a keyspace.Snapshot,
// written in slices between the rounds of the loop while writes go on, each of them into the new incr file.

const (
	// closeTimeout is how long a failing disk may hold up a shutdown.
	closeTimeout = 10 * time.Second
	// snapshotStep is how many entries are written between two looks at the clock.
	snapshotStep = 16
)

// Always implements engine.Journal.
func (j *Journal) Always() bool { return j.Policy() == Always }

// Rebuild passes the commands that make an entry from nothing to put. args die when put returns.
type Rebuild func(e *keyspace.Entry, put func(args ...[]byte))

// Attachment is what a server has of persistence. It belongs to the loop.
type Attachment struct {
	server  *engine.Server
	log     *slog.Logger
	rebuild Rebuild

	journal *Journal // nil: appendonly no
	load    *Replayer
	started time.Time
	logged  time.Time

	base     *BaseWriter
	snapshot *keyspace.Snapshot
	fresh    bool  // base is the journal's first: without it the journal cannot be loaded
	baseline int64 // size of the journal after its last rewrite, or at start
	retryAt  time.Time
	failures int
	written  written
}

// policies translates appendfsync.
var policies = map[config.AppendFsync]Policy{
	config.FsyncAlways: Always, config.FsyncEverysec: EverySec, config.FsyncNo: No,
}

// Attach opens the journal that the server's configuration asks for and has the server load it; the journal is fed from
// the moment that the data is there. With appendonly no it waits to be switched on.
func Attach(s *engine.Server, log *slog.Logger, rebuild Rebuild) (*Attachment, error) {
	a := &Attachment{server: s, log: log, rebuild: rebuild}
	s.Hooks.Work = a.work
	s.Hooks.Cron = a.cron
	s.Hooks.Persistence = a.status
	if !s.Config.AppendOnly {
		return a, nil
	}
	j, plan, err := a.open()
	if err != nil {
		return nil, err
	}
	a.started = time.Now()
	a.logged = a.started
	a.load = NewReplayer(plan, ReplayOptions{Apply: s.Apply, Wake: s.Reactor.Wake})
	s.Hooks.Loaded = func(err error) { a.loaded(j, err) }
	s.Load(a.load)
	return a, nil
}

func (a *Attachment) open() (*Journal, *Plan, error) {
	c := a.server.Config
	return Open(Options{Dir: c.Dir, AppendDirName: c.AppendDirname, AppendFilename: c.AppendFilename,
		Policy: policies[c.AppendFsync], LoadTruncated: c.AOFLoadTruncated, Log: a.log, Wake: a.server.Reactor.Wake})
}

// loaded is called once the replay has ended.
func (a *Attachment) loaded(j *Journal, err error) {
	if err == nil {
		err = j.Start()
	}
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
}

// cron logs the progress of loading every second, and looks after a base file that waits for the disk.
func (a *Attachment) cron() {
	a.noteLatency()
	if a.base != nil {
		a.server.HasWork = true
	} else if a.rewriteDue() {
		if err := a.Rewrite(); err != nil {
			a.rewriteFailed(err)
		}
	}
	if a.load == nil || time.Since(a.logged) < time.Second {
		return
	}
	a.logged = time.Now()
	done, total := a.load.Progress()
	a.log.Info("loading the journal", "bytes", done, "of", total)
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
	case "appendonly":
		if c.AppendOnly && a.journal == nil {
			return a.switchOn()
		}
		if !c.AppendOnly && a.journal != nil {
			return a.switchOff()
		}
	}
	return nil
}

// switchOn starts a journal for the keyspace as it is. Commands are journalled from here on; a restart finds them once
// the base file is finished, which work sees to.
func (a *Attachment) switchOn() error {
	if loading, _, _ := a.server.LoadProgress(); loading {
		return errors.New("the dataset is being loaded")
	}
	j, _, err := a.open()
	if err != nil {
		return err
	}
	base, err := j.StartFresh()
	if err != nil {
		return errors.Join(err, j.Close(closeTimeout))
	}
	a.journal = j
	a.server.Journal = j
	a.fresh = true
	a.startSnapshot(base)
	a.log.Info("journal switched on, writing a base file", "keys", a.keys())
	return nil
}

func (a *Attachment) switchOff() error {
	a.dropBase()
	err := a.journal.Close(closeTimeout)
	a.server.ReleaseAll()
	a.journal = nil
	a.log.Info("journal switched off")
	return err
}

// Rewrite starts a new base file. It is engine.Hooks.RewriteJournal.
func (a *Attachment) Rewrite() error {
	if a.journal == nil {
		return errors.New("background append only file rewriting needs appendonly yes")
	}
	base, err := a.journal.StartBase()
	if errors.Is(err, ErrRewriteRunning) {
		return errors.New("background append only file rewriting already in progress")
	}
	if err != nil {
		return err
	}
	a.fresh = false
	a.startSnapshot(base)
	a.log.Info("journal rewrite started", "keys", a.keys())
	return nil
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
	a.log.Error("the journal could not be rewritten; it goes on as it was", "error", err)
}

func (a *Attachment) startSnapshot(base *BaseWriter) {
	a.base = base
	a.started = time.Now()
	a.server.HasWork = true
	var db int
	put := func(args ...[]byte) { base.Append(db, args...) }
	a.snapshot = a.server.Keyspace.StartSnapshot(func(id int, e *keyspace.Entry) {
		db = id
		a.rebuild(e, put)
	})
}

// work writes a few entries of the base file, or looks whether it is in the manifest.
func (a *Attachment) work() bool {
	if a.base == nil {
		a.server.HasWork = false
		return false
	}
	done, err := a.base.Status()
	switch {
	case done && err != nil && !a.fresh:
		a.dropBase()
		a.rewriteFailed(err)
		return false
	case done && err != nil:
		a.log.Error("the base file could not be written; the journal is off", "error", err)
		a.written.failed = true
		a.server.Config.AppendOnly = false
		if err := a.switchOff(); err != nil {
			a.log.Error("closing the journal", "error", err)
		}
		return false
	case done:
		a.written = written{files: a.written.files + 1, took: time.Since(a.started)}
		a.log.Info("base file written", "bytes", a.base.Size(), "took", a.written.took.Round(time.Millisecond))
		a.base = nil
		a.failures = 0
		a.baseline = a.journal.Stats().CurrentSize
		return false
	case a.snapshot == nil || a.base.Full():
		a.server.HasWork = false // until Wake or cron
		return false
	}
	if a.snapshot.Step(snapshotStep) {
		a.snapshot = nil
		a.base.Finish()
	}
	return true
}

func (a *Attachment) dropBase() {
	if a.snapshot != nil {
		a.snapshot.Cancel()
		a.snapshot = nil
	}
	a.base = nil
	a.server.HasWork = false
}

func (a *Attachment) keys() (n int) {
	for i := range a.server.Keyspace.Len() {
		n += a.server.Keyspace.DB(i).Len()
	}
	return n
}

// Woken is for engine.Hooks.Woken: the disk has made progress.
func (a *Attachment) Woken() { a.server.HasWork = a.base != nil }

// Journal returns the journal in use, nil when there is none.
func (a *Attachment) Journal() *Journal { return a.journal }

// Rewriting reports whether a base file is being written.
func (a *Attachment) Rewriting() bool { return a.base != nil }

// Close writes and syncs everything. The first base file of a journal that was switched on a moment ago is finished
// before, so that nothing acknowledged is lost; a later one is given up.
func (a *Attachment) Close() error {
	if a.journal == nil {
		return nil
	}
	if !a.fresh {
		a.dropBase()
	}
	if err := a.finishBase(); err != nil {
		return fmt.Errorf("base file: %w", err)
	}
	return a.journal.Close(closeTimeout)
}

// finishBase blocks: it is for the end of the process.
func (a *Attachment) finishBase() error {
	for deadline := time.Now().Add(closeTimeout); a.base != nil; {
		if a.snapshot != nil && !a.base.Full() {
			a.work()
			deadline = time.Now().Add(closeTimeout)
			continue
		}
		done, err := a.base.Status()
		if done {
			a.base = nil
			return err
		}
		if time.Now().After(deadline) {
			return ErrCloseTimeout
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}
