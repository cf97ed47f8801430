// Replay reads a plan's files back into commands, in slices, so that the loop can answer LOADING in between.
//
// What is accepted, and what is done about damage:
//
//	SELECT                          handled here; every file starts in database 0
//	# ... line                      skipped (annotations of redis-server)
//	MULTI ... EXEC                  kept until the EXEC is there, then applied with both
//	end of the last file torn       cut off before the last whole record, or before the MULTI (LoadTruncated),
//	  (or filled with zeros)          or an error that says how to go on
//	end of another file torn,       an error with file and offset; nothing is changed on disk
//	anything else
//
// Records between marks (batch.go) are seen here only after their batch was checked. In what follows the marks, if another
// server went on with the file, a mark is damage.
//
// Memory is bounded by the largest record, or transaction, that the file really holds.

package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"redix/persistence/vfs"
)

// Apply runs one command. args point into the read buffer and die when it returns. An error ends the replay.
type Apply func(db int, args [][]byte) error

// ReplayOptions are the ends of a replay that the caller holds.
type ReplayOptions struct {
	Apply Apply
	// Base returns a builder for the first file, if that is a base file that begins in RDB format; what follows there is
	// taken for commands. nil: such a file is an error.
	Base func() Builder
	// Wake is called, from another goroutine, when Step gave up its slice for want of bytes and there are some now. nil:
	// Step waits for them instead.
	Wake func()
}

// Result sums up a replay.
type Result struct {
	Commands      int64 // applied, without SELECT
	Bytes         int64
	TruncatedFile string // name of the file whose torn end was cut off, if any
	TruncatedAt   int64  // its size now
	Dropped       int64  // bytes cut off
}

// LoadError tells where a journal cannot be loaded any further.
type LoadError struct {
	Path   string
	Offset int64 // what lies before is good
	Torn   bool  // the last file ends too early; otherwise bytes are wrong
	err    error
}

func (e *LoadError) Error() string { return e.err.Error() }

func (e *LoadError) Unwrap() error { return e.err }

// Replayer is a replay in progress. It belongs to one goroutine.
type Replayer struct {
	plan *Plan
	opts ReplayOptions
	src  *readAhead
	base *RDBLoad // while the start of the first file is loaded

	file  int    // index into plan.Files of the one being read
	begun bool   // its start was looked at
	got   int64  // bytes of it received
	ended bool   // all of it is received
	loose int64  // offset of its first record without marks
	off   int64  // offset in it of win[0]
	win   []byte // received, not used
	owner *block // whose buffer win lies in; nil: win has its own
	scan  frameScanner
	args  [][]byte
	db    int

	inMulti bool
	multi   []byte // the transaction so far
	multiAt int64  // offset of its MULTI

	before int64 // bytes of the files before
	result Result
	done   bool
	err    error

	waiting bool // the last Step gave up for want of bytes
}

// NewReplayer begins to read plan in the background. It must be stepped to its end or closed.
func NewReplayer(plan *Plan, opts ReplayOptions) *Replayer {
	r := &Replayer{plan: plan, opts: opts, loose: math.MaxInt64}
	if len(plan.Files) > 0 && opts.Base != nil && isRDB(plan.fs, plan.Files[0]) {
		r.openBase()
	} else {
		r.readAhead()
	}
	return r
}

func (r *Replayer) readAhead() {
	wake := r.opts.Wake
	if wake == nil {
		wake = func() {}
	}
	r.src = startReadAhead(r.plan.fs, r.plan.Files, wake)
}

const rdbMagic = "REDIS"

// isRDB tells whether a file is a base file that begins in RDB format. One that cannot be read is none: that is found later.
func isRDB(fsys vfs.FS, pf PlanFile) bool {
	f, err := fsys.OpenFile(pf.Path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	var start [len(rdbMagic)]byte
	n, _ := f.ReadAt(start[:], 0)
	return pf.Base && string(start[:n]) == rdbMagic
}

// openBase begins with the first file's part in RDB format.
func (r *Replayer) openBase() {
	r.base, r.err = OpenRDB(RDBOptions{FS: r.plan.fs, Path: r.plan.Files[0].Path, Checksum: r.plan.rdbChecksum, Builder: r.opts.Base(),
		Wake: r.opts.Wake, Log: r.plan.log})
}

// stepBase loads some of it; then come the commands, in the rest of the file and in the others. more is false when there is
// nothing to do now.
func (r *Replayer) stepBase(budget int) (more bool, err error) {
	done, err := r.base.Step(budget)
	if err != nil || !done {
		return false, err
	}
	r.plan.Files[0].skip = r.base.End()
	r.off = r.base.End()
	r.got = r.off
	r.base = nil
	r.readAhead()
	return true, nil
}

// Replay loads a whole plan at once. progress, which may be nil, is called now and then with bytes.
func Replay(plan *Plan, apply Apply, progress func(done, total int64)) (Result, error) {
	return ReplayWith(plan, ReplayOptions{Apply: apply}, progress)
}

// ReplayWith is Replay with all options but Wake.
func ReplayWith(plan *Plan, opts ReplayOptions, progress func(done, total int64)) (Result, error) {
	opts.Wake = nil
	r := NewReplayer(plan, opts)
	defer r.Close()
	for {
		done, err := r.Step(10000)
		if progress != nil {
			progress(r.Progress())
		}
		if done || err != nil {
			return r.Result(), err
		}
	}
}

// Step applies up to budget commands (a transaction counts as one). done: everything is loaded, and Start may be called. It
// returns early, neither done nor failed, when it would have to wait for the disk.
func (r *Replayer) Step(budget int) (done bool, err error) {
	for ; budget > 0 && !r.done && r.err == nil; budget-- {
		var more bool
		if r.base != nil {
			more, err = r.stepBase(budget)
			if !more && err == nil {
				r.waiting = r.base.Waiting()
				return false, nil
			}
		} else {
			more, err = r.one()
		}
		if err != nil {
			r.err = err
			r.Close()
		}
		if r.waiting = !more; !more {
			break
		}
	}
	return r.done, r.err
}

// Waiting implements engine.Loader.
func (r *Replayer) Waiting() bool { return r.waiting }

// Progress tells how far it is, in bytes.
func (r *Replayer) Progress() (done, total int64) {
	if r.base != nil {
		done, _ = r.base.Progress()
		return done, r.plan.Total
	}
	return r.before + r.off, r.plan.Total
}

// Result is final once Step said done.
func (r *Replayer) Result() Result {
	r.result.Bytes = r.before + r.off
	return r.result
}

// Close stops the reading ahead. It may be called at any time, more than once.
func (r *Replayer) Close() {
	if r.base != nil {
		r.base.Close()
	}
	if r.src != nil {
		close(r.src.stop)
		r.src = nil
	}
}

// one moves on by a record or a file. more is false when there is nothing to do now.
func (r *Replayer) one() (more bool, err error) {
	if r.file == len(r.plan.Files) {
		return false, r.finish()
	}
	f := r.plan.Files[r.file]
	if !r.begun {
		if begun, err := r.begin(f); !begun || err != nil {
			return false, err
		}
	}
	for {
		size, err := r.record(f.Size - r.off)
		if err != nil {
			return true, r.damaged(f, err)
		}
		if size > 0 {
			err = r.use(size)
			r.win = r.win[size:]
			r.off += int64(size)
			r.scan.reset()
			return true, err
		}
		if !r.ended {
			ok, err := r.receive(r.opts.Wake == nil)
			if torn := (*tornBatch)(nil); errors.As(err, &torn) && len(r.win) == 0 {
				r.plan.tail = torn.tail
				return true, r.damaged(f, errTorn)
			}
			if !ok || err != nil {
				return false, err
			}
			f = r.plan.Files[r.file]
			continue
		}
		if len(r.win) > 0 || r.inMulti {
			return true, r.damaged(f, errTorn)
		}
		r.nextFile(f)
		return true, nil
	}
}

// record gives the size of the frame, or annotation line, at the start of win; 0: win has to grow.
func (r *Replayer) record(rest int64) (int, error) {
	if len(r.win) == 0 || r.win[0] != '#' {
		return r.scan.next(r.win, rest)
	}
	if r.off >= r.loose && len(r.win) >= 2 && (r.win[1] == '{' || r.win[1] == '}') {
		return 0, &formatError{0, "the mark of a batch is out of place"}
	}
	end := bytes.IndexByte(r.win[:min(len(r.win), blockHead)], '\n')
	if end < 0 && len(r.win) >= blockHead {
		return 0, &formatError{0, "an annotation without end"}
	}
	return end + 1, nil
}

// begin waits for the start of a file.
func (r *Replayer) begin(f PlanFile) (ok bool, err error) {
	for r.got == f.skip && !r.ended {
		ok, err := r.receive(r.opts.Wake == nil)
		if torn := (*tornBatch)(nil); errors.As(err, &torn) {
			r.plan.tail = torn.tail
			return false, r.damaged(f, errTorn)
		}
		if !ok || err != nil {
			return false, err
		}
	}
	r.begun = true
	r.db = 0
	if f.skip == 0 && bytes.HasPrefix(r.win, []byte(rdbMagic)) {
		return false, fmt.Errorf("journal: %s is in RDB format, which only the base file may be", f.Path)
	}
	return true, nil
}

// receive takes one more block into the window.
func (r *Replayer) receive(wait bool) (ok bool, err error) {
	b := r.src.get(wait)
	if b == nil {
		return false, nil
	}
	f := &r.plan.Files[r.file]
	if b.err != nil {
		return false, r.placed(f, b.err)
	}
	if b.end != nil {
		r.ended = true
		r.plan.tail = *b.end
		r.plan.Total -= f.Size - b.end.size
		f.Size = b.end.size
		return true, nil
	}
	if b.unmarked {
		r.loose = min(r.loose, r.got)
	}
	r.got += int64(b.n)
	if len(r.win) <= blockHead {
		start := blockHead - len(r.win)
		copy(b.buf[start:], r.win)
		r.giveBack()
		r.win, r.owner = b.buf[start:blockHead+b.n], b
		return true, nil
	}
	// A record larger than a block: it grows in a buffer of its own.
	if r.owner != nil {
		r.win = append(make([]byte, 0, 2*len(r.win)+b.n), r.win...)
		r.giveBack()
	}
	r.win = append(r.win, b.body()...)
	r.src.empty <- b
	return true, nil
}

// placed adds the file to an error of reading or checking.
func (r *Replayer) placed(f *PlanFile, err error) error {
	if bad := (*damageError)(nil); errors.As(err, &bad) {
		return &LoadError{Path: f.Path, Offset: bad.at, err: fmt.Errorf("journal: the append only file %s is damaged at offset %d: %w; "+
			"nothing was changed; restore it from a copy, or see what redix check-aof %s says", f.Path, bad.at, err, r.plan.manifestPath)}
	}
	return fmt.Errorf("journal: %s: %w", f.Path, err)
}

func (r *Replayer) giveBack() {
	if r.owner != nil {
		r.src.empty <- r.owner
		r.owner = nil
	}
}

// use acts on the record of size bytes at the start of win.
func (r *Replayer) use(size int) error {
	if r.win[0] == '#' {
		return nil
	}
	r.args = words(r.args, r.win, r.scan.words)
	name := r.args[0]
	switch {
	case !r.inMulti && is(name, "MULTI"):
		r.inMulti = true
		r.multiAt = r.off
		r.multi = append(r.multi[:0], r.win[:size]...)
		return nil
	case r.inMulti && is(name, "MULTI"), !r.inMulti && is(name, "EXEC"):
		return r.wrong(r.off, fmt.Errorf("%s is out of place", bytes.ToUpper(name)))
	case r.inMulti:
		r.multi = append(r.multi, r.win[:size]...)
		if is(name, "EXEC") {
			r.inMulti = false
			return r.transaction()
		}
		return nil
	}
	return r.apply(r.off)
}

// transaction applies what was kept since MULTI.
func (r *Replayer) transaction() error {
	at := r.multiAt
	for rest := r.multi; len(rest) > 0; {
		r.scan.reset()
		size, err := r.scan.next(rest, int64(len(rest)))
		if err != nil || size == 0 {
			return r.wrong(at, errors.New("a transaction changed while it was kept"))
		}
		r.args = words(r.args, rest, r.scan.words)
		if err := r.apply(at); err != nil {
			return err
		}
		rest = rest[size:]
		at += int64(size)
	}
	if cap(r.multi) > recycleMax {
		r.multi = nil
	}
	return nil
}

func (r *Replayer) apply(at int64) error {
	if is(r.args[0], "SELECT") {
		if len(r.args) != 2 {
			return r.wrong(at, errors.New("SELECT needs one argument"))
		}
		db, err := strconv.ParseInt(string(r.args[1]), 10, 32)
		if err != nil || db < 0 {
			return r.wrong(at, fmt.Errorf("SELECT of database %.20q", r.args[1]))
		}
		r.db = int(db)
		return nil
	}
	if err := r.opts.Apply(r.db, r.args); err != nil {
		return r.wrong(at, err)
	}
	r.result.Commands++
	return nil
}

func (r *Replayer) wrong(at int64, err error) error {
	path := r.plan.Files[r.file].Path
	return &LoadError{Path: path, Offset: at, err: fmt.Errorf("journal: %s, command at offset %d: %w", path, at, err)}
}

func words(args [][]byte, win []byte, spans []span) [][]byte {
	args = args[:0]
	for _, s := range spans {
		args = append(args, win[s.start:s.end:s.end])
	}
	return args
}

// is compares a command's name without regard to case.
func is(word []byte, upper string) bool {
	if len(word) != len(upper) {
		return false
	}
	for i := range word {
		if word[i]&^0x20 != upper[i] {
			return false
		}
	}
	return true
}

func (r *Replayer) nextFile(f PlanFile) {
	r.giveBack()
	r.win = nil
	r.before += f.Size
	r.file++
	r.begun, r.ended = false, false
	r.got, r.off = 0, 0
	r.loose = math.MaxInt64
	if r.file < len(r.plan.Files) {
		r.plan.tail = tail{} // unknown until its end is received, and a torn one may never be
	}
}

func (r *Replayer) finish() error {
	r.done = true
	r.plan.replayed = true
	r.Close()
	return nil
}

// damaged decides what a record that cannot be read means.
func (r *Replayer) damaged(f PlanFile, err error) error {
	last := r.file == len(r.plan.Files)-1 && !f.capped
	if r.off < r.loose && len(r.win) > 0 || r.inMulti && r.multiAt < r.loose {
		return &LoadError{Path: f.Path, Offset: r.off, err: fmt.Errorf("journal: the append only file %s is damaged: the batch around offset "+
			"%d has a good checksum and yet holds no whole commands (%w)", f.Path, r.off, err)}
	}
	if bad := (*formatError)(nil); errors.As(err, &bad) {
		zeros, rerr := false, error(nil)
		if last {
			zeros, rerr = r.zerosFrom(f, r.off+bad.at)
		}
		if rerr != nil || !zeros {
			err = fmt.Errorf("journal: bad file format reading the append only file %s at offset %d (record at %d): %w; make a "+
				"backup, then see what redix check-aof %s says", f.Path, r.off+bad.at, r.off, err, r.plan.manifestPath)
			return &LoadError{Path: f.Path, Offset: r.off, err: errors.Join(err, rerr)}
		}
	}
	cut := r.off
	if r.inMulti {
		cut = r.multiAt
	}
	if !last {
		return &LoadError{Path: f.Path, Offset: cut, err: fmt.Errorf("journal: unexpected end of file reading the append only file %s: the "+
			"record at offset %d is incomplete and more should follow; make a backup, then see what redix check-aof %s says",
			f.Path, cut, r.plan.manifestPath)}
	}
	if !r.plan.loadTruncated {
		return &LoadError{Path: f.Path, Offset: cut, Torn: true, err: fmt.Errorf("journal: unexpected end of file reading the append only file %s: "+
			"the record at offset %d is incomplete; make a backup, then either set aof-load-truncated to yes and start again (this "+
			"drops the last %d bytes), or use redix check-aof --fix %s", f.Path, cut, f.Size-cut, r.plan.manifestPath)}
	}
	return r.truncate(f, cut)
}

// zerosFrom tells whether nothing but zeros follows: what a power cut leaves when the size of a file reached the disk and
// its bytes did not. It reads the file, since the window may not hold the rest; this happens once at most.
func (r *Replayer) zerosFrom(f PlanFile, at int64) (bool, error) {
	file, err := r.plan.fs.OpenFile(f.Path, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer file.Close()
	buf := make([]byte, blockHead)
	for at < f.Size {
		n, err := file.ReadAt(buf[:min(blockHead, f.Size-at)], at)
		if n == 0 {
			return false, err
		}
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return false, nil
		}
		at += int64(n)
	}
	return true, nil
}

// truncate cuts the last file and ends the replay.
func (r *Replayer) truncate(f PlanFile, cut int64) error {
	file, err := r.plan.fs.OpenFile(f.Path, os.O_RDWR|os.O_APPEND, 0)
	if err == nil {
		if err = file.Truncate(cut); err == nil {
			err = file.Sync()
		}
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("journal: cutting the torn end of %s at offset %d: %w", f.Path, cut, err)
	}
	r.result.TruncatedFile, r.result.TruncatedAt, r.result.Dropped = f.Name, cut, f.Size-cut
	r.plan.log.Warn("journal: the torn end of the append only file was cut off", "file", f.Path, "offset", cut, "dropped", f.Size-cut)
	r.plan.Files[r.file].Size = cut
	r.plan.tail.size = cut
	r.plan.Total -= f.Size - cut
	r.file++
	r.before += cut
	r.off, r.got, r.win = 0, 0, nil
	return r.finish()
}
