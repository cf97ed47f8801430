package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"redix/engine"
	"redix/persistence/rdb"
)

// Loading at start: the journal if appendonly is yes (attach.go), else the snapshot, if there is one.

// loadSnapshot has the server load the snapshot file of its configuration.
func (a *Attachment) loadSnapshot() error {
	l, err := a.openSnapshot(BuilderOptions{}, a.server.Reactor.Wake)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a.started = time.Now()
	a.logged = a.started
	a.server.Hooks.Loaded = func(err error) {
		if err != nil {
			a.log.Error("the snapshot cannot be loaded", "error", err)
			a.server.Hooks.Fatal(err)
			return
		}
		a.logLoaded(l)
	}
	a.server.Load(l)
	return nil
}

func (a *Attachment) openSnapshot(o BuilderOptions, wake func()) (*RDBLoad, error) {
	c := a.server.Config
	return OpenRDB(RDBOptions{FS: a.fs, Path: filepath.Join(c.Dir, c.DBFilename), Checksum: c.RDBChecksum,
		Builder: a.newBuilder(o), Wake: wake, Log: a.log})
}

func (a *Attachment) logLoaded(l *RDBLoad) {
	keys, expired, empty := l.opts.Builder.Made()
	a.log.Info("snapshot loaded", "keys", keys, "expired", expired, "empty", empty, "bytes", l.End(),
		"took", time.Since(a.started).Round(time.Millisecond))
	if l.Summary().Checksum == rdb.ChecksumOff {
		a.log.Warn("the snapshot has no checksum: it was written with rdbchecksum no")
	}
	if left := l.size - l.End(); left > 0 {
		a.log.Warn("what follows the snapshot in its file is not read", "bytes", left)
	}
}

// baseBuilder returns the builder for a base file: keys whose time is over are kept, since the commands that follow saw
// them.
func (a *Attachment) baseBuilder() Builder { return a.newBuilder(BuilderOptions{KeepExpired: true}) }

// newBuilder returns a builder and remembers it, for what it has loaded.
func (a *Attachment) newBuilder(o BuilderOptions) Builder {
	a.builder = a.formats.Builder(o)
	return a.builder
}

var _ engine.Loader = (*RDBLoad)(nil)

// reloadSnapshot empties the keyspace and loads the snapshot file in its place, at once: the loop waits. It is for tests
// (DEBUG RELOAD). With NoFlush, keys that are there stay, and one that the file has as well is replaced with Merge and an
// error without. After an error the keyspace is what had been loaded until then.
func (a *Attachment) reloadSnapshot(o engine.ReloadOptions) error {
	l, err := a.openSnapshot(BuilderOptions{Merge: o.Merge}, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	if !o.NoFlush {
		a.server.FlushAll()
	}
	for done := false; !done; {
		if done, err = l.Step(1 << 10); err != nil {
			return fmt.Errorf("the keyspace is incomplete: %w", err)
		}
	}
	return nil
}
