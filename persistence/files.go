package persistence

import (
	"sync"
)

// journalFiles says who has the files of the journal. Two that open them at once would take each other's names, so whoever opens a journal,
// uses one or closes one has them alone:
//
//	free ─► opening ─► opened ─► used ─► ending ─► free
//	            │          └─ nobody wants it ─► ending
//	            └─ it fails ─► free
//
// Opening, discarding and waiting for the end of a journal are done by goroutines; the rest is the loop's.
type journalFiles struct {
	mu    sync.Mutex
	moved sync.Cond // at each change of state
	state filesState
	ready *openedJournal // while opened
	err   error          // of the opening that came last
}

type filesState int

const (
	filesFree filesState = iota
	filesOpening
	filesOpened
	filesUsed
	filesEnding
)

// openedJournal is a journal whose files are there, and that nothing is written to.
type openedJournal struct {
	*Journal
	wanted int // by how many
}

func (f *journalFiles) init() { f.moved.L = &f.mu }

// set is to be called with mu held.
func (f *journalFiles) set(state filesState, ready *openedJournal) {
	f.state, f.ready = state, ready
	f.moved.Broadcast()
}

// fits tells whether a journal was opened as these options say; what can be changed later does not count.
func (j *Journal) fits(o Options) bool {
	return j.opts.Dir == o.Dir && j.opts.AppendDirName == o.AppendDirName && j.opts.AppendFilename == o.AppendFilename &&
		j.opts.Checksum == o.Checksum
}

// open opens a journal that begins with the keyspace as it will be, once nobody else has the files; or joins those who want the same. It
// fails when somebody uses them. It waits for the disk.
func (f *journalFiles) open(o Options) (*openedJournal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.state != filesFree {
		switch {
		case f.state == filesOpened && f.ready.fits(o):
			f.ready.wanted++
			return f.ready, nil
		case f.state == filesOpened, f.state == filesUsed:
			return nil, errFilesTaken
		}
		f.moved.Wait()
	}
	f.set(filesOpening, nil)
	f.mu.Unlock()
	j, _, err := Open(o)
	if err == nil {
		err = j.OpenFresh()
	}
	f.mu.Lock()
	if f.err = err; err != nil {
		f.set(filesFree, nil)
		return nil, err
	}
	f.set(filesOpened, &openedJournal{j, 1})
	return f.ready, nil
}

// use gives the journal that has been opened for these options, to be launched. An error is that of the opening, if it has failed.
func (f *journalFiles) use(o Options) (*Journal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.state == filesOpened && f.ready.fits(o):
		j := f.ready.Journal
		f.set(filesUsed, nil)
		return j, nil
	case f.state == filesFree && f.err != nil:
		return nil, f.err
	}
	return nil, errFilesTaken
}

// leave ends one's interest in a journal that has been opened. One that nobody is interested in any more, nor uses, is discarded.
func (f *journalFiles) leave(o *openedJournal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o.wanted--; f.ready != o || o.wanted > 0 {
		return
	}
	f.set(filesEnding, nil)
	go func() {
		o.DiscardFresh()
		f.free()
	}()
}

// hold is for a journal that the loop opens itself, at the start.
func (f *journalFiles) hold() {
	f.mu.Lock()
	f.set(filesUsed, nil)
	f.mu.Unlock()
}

// end notes that a journal in use is being closed; the files are free when that is done.
func (f *journalFiles) end(j *Journal) {
	f.mu.Lock()
	f.set(filesEnding, nil)
	f.mu.Unlock()
	go func() {
		<-j.Done()
		f.free()
	}()
}

func (f *journalFiles) free() {
	f.mu.Lock()
	f.set(filesFree, nil)
	f.mu.Unlock()
}

// seize waits until nobody else has the files, for who may hold the loop. A journal that was opened for somebody is discarded.
func (f *journalFiles) seize() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.state == filesOpening || f.state == filesEnding {
		f.moved.Wait()
	}
	if f.state == filesOpened {
		f.ready.DiscardFresh()
	}
	f.set(filesUsed, nil)
}
