// What snapshots are written for: the RDB file (BGSAVE, SAVE, save points, the end of the process) and base files of the
// journal. One runs at a time, as a job:
//
//	start ─► the moment: a keyspace.Snapshot, a saver, a file in the making
//	work     between the rounds of the loop: entries to the saver, until the file is Full; it goes on after a Wake
//	finish ─► the goroutine syncs, renames, or has the journal list the file
//	ended    the outcome, seen by work; whoever waits is told
//
// What is asked for meanwhile is remembered and started by cron.

package persistence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"redix/engine/keyspace"
	"redix/persistence/vfs"
)

const (
	// Between two looks at the clock, at most as many entries are written as give about stepWanted, stepMin to stepMax: a
	// whole segment of the index, if they are small.
	stepMin, stepMax = 16, 512
	stepWanted       = 32 << 10
	// saveRetry is how long save points wait after a failure.
	saveRetry = 5 * time.Second
	// logEvery is how often the log tells of progress.
	logEvery = 5 * time.Second
	// stallTimeout is how long a disk that makes no progress may hold up what waits for a file.
	stallTimeout = 60 * time.Second
)

// job is a snapshot that is being written.
type job struct {
	base     *BaseWriter // of the journal; nil: an RDB file
	out      *outFile
	saver    jobSaver
	snapshot *keyspace.Snapshot // nil once everything has been given out
	keys     [2]int             // done, of how many; kept when snapshot is gone
	started  time.Time
	logged   time.Time
	changes  int64 // Server.Dirty at the moment
	step     int   // entries to write at once
	peak     int64 // most memory for bytes on their way
	waiters  []func(err error)
	// background: somebody asked for it who does not wait: BGSAVE, a save point.
	background bool
}

type jobSaver interface {
	keyspace.Saver
	Buffered() int64
	// finish ends the file after the last entry; giveUp forgets a value that is half written.
	finish()
	giveUp()
}

func (j *job) what() string {
	if j.base != nil {
		return "base file of the journal"
	}
	return "snapshot"
}

// saves is what is known of RDB files.
type saves struct {
	lastMs    int64 // when the last one was complete
	changes   int64 // Server.Dirty at its moment
	tried     time.Time
	count     int64
	took      time.Duration
	peak      int64 // memory for bytes on their way, at most, of the last one
	numbers   int   // of temporary files
	scheduled bool
	waiters   []func(err error) // for a save that could not be started yet
	later     bool              // it was asked for by BGSAVE, too
}

// start begins a job at this moment.
func (a *Attachment) start(j *job) {
	a.job = j
	j.started = time.Now()
	j.logged = j.started
	j.changes = a.server.Dirty
	j.step = stepMin
	j.snapshot = a.server.Keyspace.StartSnapshot(j.saver, j.base != nil)
	a.server.HasWork = true
	a.log.Info(j.what()+" started", "keys", a.keys())
}

// work writes a few entries, or looks how the file has turned out. It is engine.Hooks.Work.
func (a *Attachment) work() bool {
	if len(a.reloads) > 0 {
		a.runReloads()
	}
	j := a.job
	if j == nil {
		a.server.HasWork = false
		return false
	}
	if done, err := j.out.Status(); done {
		a.ended(err)
		return false
	}
	if j.snapshot == nil || !j.snapshot.Ready() {
		j.peak = max(j.peak, j.saver.Buffered())
		a.server.HasWork = false // until Wake or cron
		return false
	}
	step := j.step
	if us := a.server.Config.KeySaveDelayUs; us > 0 {
		done, _ := j.snapshot.Progress()
		step = min(step, int(time.Since(j.started).Microseconds())/us-done)
		if step <= 0 {
			a.server.HasWork = false // until cron
			return false
		}
	}
	before := j.out.given()
	if j.snapshot.Step(step) {
		j.keys[0], j.keys[1] = j.snapshot.Progress()
		j.snapshot = nil
		j.saver.finish()
		return true
	}
	switch n := j.out.given() - before; {
	case n > 2*stepWanted:
		j.step = max(j.step/4, stepMin)
	case n < stepWanted/2:
		j.step = min(2*j.step, stepMax)
	}
	return true
}

// ended takes note of how a job turned out, and tells who waits for it.
func (a *Attachment) ended(err error) {
	j := a.job
	j.peak = max(j.peak, j.saver.Buffered())
	a.drop()
	took := time.Since(j.started)
	switch {
	case j.base != nil:
		a.rewritten(j, err)
	case err != nil:
		// Who asked and waits (SAVE, SHUTDOWN) knows; nobody else is refused for it, as in redis-server.
		a.server.SaveFailed = a.server.SaveFailed || j.background
		a.log.Error("the snapshot could not be written", "error", err)
	default:
		a.server.SaveFailed = false
		a.saves.lastMs, a.saves.changes = time.Now().UnixMilli(), j.changes
		a.saves.count++
		a.log.Info("snapshot written", "keys", j.keys[0], "bytes", j.out.Size(), "took", took.Round(time.Millisecond))
	}
	if j.base == nil {
		a.saves.took, a.saves.peak = took, j.peak
	}
	a.tell(j, err)
	a.startScheduled()
}

// drop ends the job, complete or not.
func (a *Attachment) drop() {
	j := a.job
	if j == nil {
		return
	}
	a.job = nil
	a.server.HasWork = false
	if j.base != nil && j.base.j == a.aside {
		defer func() {
			a.aside.BeginClose()
			a.files.end(a.aside)
		}()
	}
	if j.snapshot != nil {
		j.snapshot.Cancel()
		j.saver.giveUp()
	}
	if done, _ := j.out.Status(); !done {
		j.out.Cancel()
	} else {
		j.out.Finish() // a file that failed before its end
	}
}

// startScheduled starts what had to wait for another job, or for the end of a transaction.
func (a *Attachment) startScheduled() {
	if a.job != nil {
		return
	}
	if a.rewriteScheduled && !a.openingBase && a.switching == 0 {
		a.rewriteScheduled = false
		a.startRewrite(func(string, error) {})
		return
	}
	if a.saves.scheduled {
		a.startSave()
	}
}

// cronSave logs progress, starts what is due, and has a job that waits for the disk looked at.
func (a *Attachment) cronSave() {
	if j := a.job; j != nil {
		a.server.HasWork = true
		if j.snapshot != nil && time.Since(j.logged) >= logEvery {
			j.logged = time.Now()
			done, total := j.snapshot.Progress()
			a.log.Info(j.what()+" under way", "keys", done, "of", total, "bytes", j.out.Size())
		}
		return
	}
	a.startScheduled()
	if a.job != nil || a.loading() {
		return
	}
	if a.rewriteDue() {
		a.startRewrite(func(string, error) {})
		return
	}
	changes := a.server.Dirty - a.saves.changes
	since := time.Now().UnixMilli() - a.saves.lastMs
	for _, p := range a.server.Config.SavePoints {
		if changes >= int64(p.Changes) && since > int64(p.Seconds)*1000 &&
			(!a.server.SaveFailed || time.Since(a.saves.tried) > saveRetry) {
			a.log.Info("a save point is reached", "changes", changes, "seconds", p.Seconds)
			a.startSave()
			return
		}
	}
}

func (a *Attachment) loading() bool {
	loading, _, _ := a.server.LoadProgress()
	return loading
}

// startSave begins to write the RDB file, for all who wait for one.
func (a *Attachment) startSave() {
	c := a.server.Config
	waiters := a.saves.waiters
	background := a.saves.later || len(waiters) == 0
	a.saves.scheduled, a.saves.waiters, a.saves.later = false, nil, false
	name := filepath.Join(c.Dir, c.DBFilename)
	a.saves.tried = time.Now()
	a.saves.numbers++
	temp := fmt.Sprintf("%s%d-%d.rdb", a.tempPrefix(), os.Getpid(), a.saves.numbers)
	out := newSaveFile(a.fs, temp, name, a.server.Reactor.Wake)
	a.start(&job{out: out, saver: newRDBSaver(out, a.server.Keyspace, a.rdbOptions(false)), waiters: waiters,
		background: background})
}

// newSaveFile returns a file that takes the place of name when it is complete and synced.
func newSaveFile(fsys vfs.FS, temp, name string, wake func()) *outFile {
	out := newOutFile(fsys, temp, wake)
	out.complete = func() {
		if err := fsys.Rename(temp, name); err != nil {
			out.discard(err)
			return
		}
		out.end(fsys.SyncDir(filepath.Dir(name)))
	}
	return out
}

func (a *Attachment) rdbOptions(base bool) rdbOptions {
	return rdbOptions{entries: a.formats.Entries, checksum: a.server.Config.RDBChecksum, base: base}
}

// tempPrefix is how the temporary names of RDB files begin. They carry the file's own name, so that servers that share a
// directory leave each other's alone.
func (a *Attachment) tempPrefix() string {
	c := a.server.Config
	return filepath.Join(c.Dir, "temp-redix-"+c.DBFilename+".")
}

// removeTemps deletes what a process that died left unfinished. It does not have to succeed.
func (a *Attachment) removeTemps() {
	dir, prefix := filepath.Split(a.tempPrefix())
	names, err := a.fs.ReadDir(dir)
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, ".rdb") {
			err = errors.Join(err, a.fs.Remove(filepath.Join(dir, name)))
		}
	}
	if err != nil {
		a.log.Warn("removing unfinished snapshots", "error", err)
	}
}

// refusal is an error whose text is the reply, in redis-server's words.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errSaving    = refusal("Background save already in progress")
	errRewriting = refusal("Background append only file rewriting already in progress")
	errBusy      = refusal("Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to " +
		"schedule a BGSAVE whenever possible.")
)

func (a *Attachment) saving() bool { return a.job != nil && a.job.base == nil }

// Save implements engine.Saving.
func (a *Attachment) Save(done func(err error)) error {
	switch {
	case a.saving():
		return errSaving
	case a.job != nil:
		a.saves.scheduled = true
		a.saves.waiters = append(a.saves.waiters, done)
	default:
		a.saves.waiters = append(a.saves.waiters, done)
		a.startSave()
	}
	return nil
}

// SaveInBackground implements engine.Saving.
func (a *Attachment) SaveInBackground(later, schedule bool) (reply string, err error) {
	switch {
	case a.saving():
		return "", errSaving
	case later || a.job != nil && schedule:
		a.saves.scheduled, a.saves.later = true, true
		return "Background saving scheduled", nil
	case a.job != nil:
		return "", errBusy
	}
	a.startSave()
	return "Background saving started", nil
}

// Rewrite implements engine.Saving.
func (a *Attachment) Rewrite(later bool, told func(reply string, err error)) {
	switch {
	case a.Rewriting():
		told("", errRewriting)
	case later || a.job != nil || a.switching > 0:
		a.rewriteScheduled = true
		told(rewriteScheduled, nil)
	default:
		a.startRewrite(told)
	}
}

// GiveUpSave implements engine.Saving.
func (a *Attachment) GiveUpSave() {
	if !a.saving() {
		return
	}
	j := a.job
	a.drop()
	a.log.Info("the snapshot is given up: all keys are removed")
	if len(j.waiters) > 0 {
		a.saves.scheduled = true
		a.saves.waiters = append(a.saves.waiters, j.waiters...)
	}
}

// LastSaveMs implements engine.Saving.
func (a *Attachment) LastSaveMs() int64 { return a.saves.lastMs }

// SaveNow writes the RDB file before it returns: for the end of the process, and for tests. What runs is given up, or if a
// journal cannot do without it, finished.
func (a *Attachment) SaveNow() error {
	if a.job != nil && a.fresh {
		if err := a.finishJob(); err != nil {
			return err
		}
	}
	if j := a.job; j != nil {
		a.drop()
		a.tell(j, ErrCanceled)
	}
	var outcome error
	a.saves.waiters = append(a.saves.waiters, func(err error) { outcome = err })
	a.startSave()
	return errors.Join(a.finishJob(), outcome)
}

func (a *Attachment) tell(j *job, err error) {
	for _, tell := range j.waiters {
		tell(err)
	}
}

// finishJob blocks until the job has ended. The error says that the disk does not get on with it.
func (a *Attachment) finishJob() error {
	j := a.job
	size, moved := int64(-1), time.Now()
	for a.job == j && j != nil {
		if a.work() {
			continue
		}
		if n := j.out.Size(); n != size {
			size, moved = n, time.Now()
		}
		if time.Since(moved) > stallTimeout {
			a.drop()
			return ErrCloseTimeout
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// vfsOrOS is the file layer below journal and snapshots.
func vfsOrOS(fsys vfs.FS) vfs.FS {
	if fsys == nil {
		return vfs.OS{}
	}
	return fsys
}
