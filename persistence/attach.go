package persistence

import (
	"errors"
	"log/slog"
	"time"

	"redix/engine"
	"redix/engine/config"
)

// The joint to the engine: it loads the journal into a server at start, then makes the server feed it.

// closeTimeout is how long a failing disk may hold up a shutdown.
const closeTimeout = 10 * time.Second

// Always implements engine.Journal.
func (j *Journal) Always() bool { return j.Policy() == Always }

// Attachment is what a server has of persistence. It belongs to the loop.
type Attachment struct {
	server  *engine.Server
	log     *slog.Logger
	journal *Journal // nil: appendonly no
	load    *Replayer
	started time.Time
	logged  time.Time
}

// policies translates appendfsync.
var policies = map[config.AppendFsync]Policy{
	config.FsyncAlways: Always, config.FsyncEverysec: EverySec, config.FsyncNo: No,
}

// Attach opens the journal that the server's configuration asks for and has the server load it; the journal is fed from
// the moment that the data is there. With appendonly no it does nothing yet.
func Attach(s *engine.Server, log *slog.Logger) (*Attachment, error) {
	a := &Attachment{server: s, log: log}
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
	s.Hooks.Cron = a.cron
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
}

// cron logs the progress of loading every second.
func (a *Attachment) cron() {
	if a.load == nil || time.Since(a.logged) < time.Second {
		return
	}
	a.logged = time.Now()
	done, total := a.load.Progress()
	a.log.Info("loading the journal", "bytes", done, "of", total)
}

// Journal returns the journal in use, nil when there is none.
func (a *Attachment) Journal() *Journal { return a.journal }

// Close writes and syncs everything.
func (a *Attachment) Close() error {
	if a.journal == nil {
		return nil
	}
	err := a.journal.Close(closeTimeout)
	return errors.Join(err)
}
