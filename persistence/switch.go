package persistence

import (
	"redix/engine"
	"redix/engine/config"
)

// Switching the journal on and off while the server runs. The loop opens and closes no file for it:
//
//	CONFIG SET appendonly yes ─► goroutine: directory, first incr file ─► in force: commands are journalled from here on
//	                                                                      base file: the keyspace at this moment
//	CONFIG SET appendonly no  ─► out of force ─► goroutine: written, synced, closed ─► the reply, and those that waited
//	BGREWRITEAOF without one  ─► goroutine: the same files ─► base file, which nothing is appended to
//
// The base file is a job like any other (see background.go), written while writes go on, each of them into the new incr file;
// a restart finds them once it is finished. Who has the files is in files.go.

// refusals are redis-server's texts.
const (
	errNotOn      = refusal("Unable to turn on AOF. Check server logs.")
	errNoRewrite  = refusal("Can't execute an AOF background rewriting. Please check the server logs for more information.")
	errFilesTaken = config.ErrOutdated
	errNotLoaded  = refusal("the dataset is being loaded")
)

const (
	rewriteStarted   = "Background append only file rewriting started"
	rewriteScheduled = "Background append only file rewriting scheduled"
)

// opening is engine.JournalOpening.
type opening struct {
	a      *Attachment
	opened *openedJournal // nil: it could not be opened, or was not to be
}

// OpenJournal implements engine.Saving. A rewrite without a journal gives way; it is done anew if this comes to nothing.
func (a *Attachment) OpenJournal() engine.JournalOpening {
	if a.journal != nil || a.loading() {
		return nil
	}
	a.switching++
	if a.job != nil && a.job.base != nil {
		a.drop()
		a.rewriteScheduled = true
	}
	return &opening{a: a}
}

func (o *opening) Open(v *config.Values) {
	var err error
	if o.opened, err = o.a.files.open(o.a.options(v)); err != nil {
		o.a.log.Error("the journal cannot be opened", "error", err)
	}
}

func (o *opening) Leave() {
	o.a.switching--
	if o.opened != nil {
		o.a.files.leave(o.opened)
	}
}

// switchOn puts the journal in force that was opened for it. A snapshot that is running for something else is begun anew after the base.
func (a *Attachment) switchOn() error {
	if a.loading() {
		return errNotLoaded
	}
	o := a.options(&a.server.Config.Values)
	j, err := a.files.use(o)
	if err == errFilesTaken {
		return err
	}
	if err != nil {
		return errNotOn
	}
	a.journalEnded(a.retired) // which the files are free of
	if running := a.job; running != nil {
		a.drop()
		a.saves.scheduled = a.saves.scheduled || running.base == nil
		a.saves.waiters = append(a.saves.waiters, running.waiters...)
	}
	a.rewriteScheduled = false
	j.policy.Store(int32(o.Policy))
	base := j.LaunchFresh()
	a.journal = j
	a.server.Journal = j
	a.fresh = true
	a.log.Info("journal switched on")
	a.startBase(base)
	return nil
}

// retired is a journal that is being closed.
type retired struct {
	closed <-chan struct{}
	err    error // valid once closed
}

// wait waits until it is closed, or given up; nil is none.
func (r *retired) wait() error {
	if r == nil {
		return nil
	}
	<-r.closed
	return r.err
}

// EndsJournal implements engine.Saving.
func (a *Attachment) EndsJournal() bool { return !a.server.Config.AppendOnly && a.journal != nil }

// EndJournal implements engine.Saving.
func (a *Attachment) EndJournal() (wait func()) {
	if a.EndsJournal() {
		a.retire()
	}
	r := a.retired
	if a.server.Config.AppendOnly || r == nil {
		return nil // switched on again, by the same transaction
	}
	return func() { _ = r.wait() } // what went wrong is in the log
}

// retire takes the journal out of force and has it closed. Replies that wait for it go on to wait until it is. No other can be switched
// on before: it has the files until then.
func (a *Attachment) retire() {
	if a.job != nil && a.job.base != nil {
		a.drop()
	}
	a.rewriteScheduled, a.fresh = false, false
	j, r := a.journal, &retired{}
	a.journal, a.retired = nil, r
	a.server.RetireJournal()
	j.BeginClose()
	a.files.end(j)
	r.closed = a.beside(func() { r.err = j.Close(closeTimeout) }, func() {
		if r.err != nil {
			a.log.Error("the journal could not be written to its end", "error", r.err)
		}
		a.log.Info("journal switched off")
		a.journalEnded(r)
	})
}

// journalEnded lets go of what waited for a journal that is closed; nil is none.
func (a *Attachment) journalEnded(r *retired) {
	if r != nil && a.retired == r {
		a.retired = nil
		a.server.JournalEnded()
	}
}

// closeAside waits until the files of the last rewrite without a journal are left alone.
func (a *Attachment) closeAside() error {
	j := a.aside
	a.aside = nil
	if j == nil {
		return nil
	}
	return j.Close(closeTimeout)
}

// startRewrite begins a new base file. Where the journal is off, it is that of one that nothing is appended to: as with
// redis-server, the files are then what a start with appendonly yes would load. told hears of it, at once or later.
func (a *Attachment) startRewrite(told func(reply string, err error)) {
	if a.journal == nil {
		a.openAside(told)
		return
	}
	base, err := a.journal.StartBase()
	if err != nil {
		a.rewriteFailed(err)
		told("", errNoRewrite)
		return
	}
	a.startBase(base)
	told(rewriteStarted, nil)
}

// openAside opens files and begins a base file there, unless the journal, or another job, has been faster.
func (a *Attachment) openAside(told func(reply string, err error)) {
	a.openingBase = true
	o := a.options(&a.server.Config.Values)
	var opened *openedJournal
	var err error
	a.beside(func() { opened, err = a.files.open(o) }, func() {
		a.openingBase = false
		if opened != nil {
			defer a.files.leave(opened)
		}
		if a.fresh {
			told(rewriteStarted, nil)
			return
		}
		if a.switching > 0 || a.job != nil {
			a.rewriteScheduled = true
			told(rewriteScheduled, nil)
			return
		}
		var j *Journal
		if err == nil {
			j, err = a.files.use(o)
		}
		if err != nil {
			a.rewriteFailed(err)
			told("", errNoRewrite)
			return
		}
		a.aside = j
		a.startBase(j.LaunchFresh())
		told(rewriteStarted, nil)
	})
}
