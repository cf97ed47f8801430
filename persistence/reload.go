package persistence

import (
	"errors"
	"fmt"

	"redix/engine"
)

// Reloading while the server runs, for tests of what is on disk: the loop waits until it is done. It happens between
// commands, so that nothing is written between the snapshot and its return.

// Reload implements engine.Saving.
func (a *Attachment) Reload(o engine.ReloadOptions, done func(err error)) {
	a.reloads = append(a.reloads, func() {
		err := a.reload(o)
		if err != nil {
			a.log.Error("reloading", "error", err)
		}
		done(err)
	})
	a.server.HasWork = true
}

// runReloads does what was asked for since the last round.
func (a *Attachment) runReloads() {
	all := a.reloads
	a.reloads = nil
	for _, f := range all {
		f()
	}
}

func (a *Attachment) reload(o engine.ReloadOptions) error {
	if o.Journal {
		return a.reloadJournal()
	}
	if !o.NoSave {
		if err := a.SaveNow(); err != nil {
			return err
		}
	}
	return a.reloadSnapshot(o)
}

// reloadJournal closes the journal and opens it again, as at a start. One that is off is only read.
func (a *Attachment) reloadJournal() error {
	if a.fresh {
		if err := a.finishJob(); err != nil {
			return err
		}
	}
	if j := a.job; j != nil {
		a.drop()
		a.tell(j, ErrCanceled)
	}
	off := a.journal == nil
	if off {
		a.files.seize()
		defer a.files.free()
	} else {
		if err := a.journal.Close(closeTimeout); err != nil {
			return err
		}
		a.server.ReleaseAll()
		a.journal = nil
	}
	j, plan, err := Open(a.options(&a.server.Config.Values))
	if off && err == nil && plan.Empty() {
		err = errors.New("there is no journal")
	}
	if off && err != nil {
		return err
	}
	if err != nil {
		return a.lost(err)
	}
	a.server.FlushAll()
	r := NewReplayer(plan, ReplayOptions{Apply: a.server.Apply, Base: a.baseBuilder})
	defer r.Close()
	ks := a.server.Keyspace
	ks.NowMs = 0 // nothing expires while it is loaded
	for loaded := false; !loaded && err == nil; {
		loaded, err = r.Step(1 << 10)
	}
	ks.NowMs = a.server.NowMs
	if off {
		return err
	}
	if err == nil {
		err = j.Start()
	}
	if err != nil {
		return a.lost(err)
	}
	a.journal = j
	a.server.Journal = j
	a.baseline = j.Stats().CurrentSize
	return nil
}

// lost ends the server when a journal that was closed does not come back: what it wrote from now on would be nowhere.
func (a *Attachment) lost(err error) error {
	err = fmt.Errorf("the journal does not load again: %w", err)
	a.server.Hooks.Fatal(err)
	return err
}
