// The loop's side of the journal: nothing in this file touches the disk after Start, and nothing blocks. Records are
// encoded straight into the batch under construction; once a round HandOver passes the batch on.
//
// Hand-over has to be cheap because every round under load does it. One mutex guards the queue, both sides hold it for
// a few instructions only, and the goroutine is signalled only when it said that it sleeps. While it is busy, small
// batches are copied onto the end of the last queued one, so that what gathered during one fdatasync leaves in one
// write(2): that is the group commit.
//
//	Append ─► cur ─HandOver─► queue [ batch | batch | batch ◄─ small ones are copied here ] ─► writer takes all

package persistence

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"redix/persistence/vfs"
)

// Policy says when the journal is synced: the appendfsync of redis.conf.
type Policy int32

// The policies, weakest last.
const (
	Always   Policy = iota // before a reply leaves
	EverySec               // once a second
	No                     // when the kernel likes
)

var policyNames = [...]string{"always", "everysec", "no"}

func (p Policy) String() string { return policyNames[p] }

// ParsePolicy reads the name of a policy, in any case of letters.
func ParsePolicy(name string) (Policy, bool) {
	for i, n := range policyNames {
		if strings.EqualFold(name, n) {
			return Policy(i), true
		}
	}
	return 0, false
}

// Options are the settings of a journal. Dir, AppendDirName and AppendFilename are required.
type Options struct {
	FS              vfs.FS // nil: the real one
	Dir             string // working directory of the server
	AppendDirName   string // subdirectory for all journal files
	AppendFilename  string // first part of their names
	Policy          Policy
	SkipRDBChecksum bool // of a base file in RDB format
	LoadTruncated   bool // a torn tail is cut off at load; otherwise it is an error
	Checksum        bool // batches stand between marks that carry checksums; fill needs it
	// Timestamps: a batch begins with a #TS line when the second changed since the last. It may be switched at any time. nil: no.
	Timestamps *atomic.Bool
	Log        *slog.Logger
	// Wake is called from the writer goroutine after written, synced or the error changed. It must not block and should
	// coalesce.
	Wake       func()
	QueueLimit int64            // bytes appended and not yet written at which Full turns true; 0: 64 MiB
	Clock      func() time.Time // nil: time.Now; only differences are used
}

const (
	defaultQueueLimit = 64 << 20
	batchSize         = 64 << 10 // capacity of a fresh batch
	copyMax           = 16 << 10 // a batch of up to this size is copied onto the last queued one
	recycleMax        = 1 << 20  // larger batch buffers go to the garbage collector
	freeLimit         = 8 << 20  // bytes of buffers kept for reuse
	noDB              = -1
)

// item is one thing for the writer to do, in order: write buf, or (cut) start a new incr file, or (commit) put a
// finished base file into the manifest.
type item struct {
	buf    []byte
	db     int // database in force after buf
	cut    *BaseWriter
	commit *BaseWriter
}

// failure wraps an error so that it can be swapped atomically.
type failure struct{ err error }

// Journal is an open journal. Its methods belong to one goroutine, the loop, unless they say otherwise.
type Journal struct {
	opts Options
	dir  string // where the files are
	plan *Plan
	tune tuning

	// The loop's own.
	cur      []byte
	curDB    int // database in force after cur
	appended int64
	running  bool
	ending   bool
	base     *BaseWriter
	fresh    *writer // opened for a keyspace that is there, and not started

	mu        sync.Mutex // guards the next six; never held across a system call
	queue     []item
	queued    int // bytes in it
	free      [][]byte
	freeBytes int
	asleep    bool
	wanted    int // bytes in the queue from which on the writer is woken

	gathering atomic.Bool // the writer sleeps although there is something in the queue

	park    parker        // where the writer sleeps
	done    chan struct{} // closed when the writer has ended
	closing atomic.Bool
	abort   atomic.Bool

	// Written by the writer goroutine, read by anyone.
	written, synced atomic.Int64
	policy          atomic.Int32
	failing         atomic.Pointer[failure]
	lastFailure     atomic.Pointer[failure]
	figures         figures
}

// tuning holds the times and limits that tests shorten.
type tuning struct {
	retryMin, retryMax time.Duration // between attempts while the disk fails
	syncEvery          time.Duration // everysec
	retainLimit        int64         // bytes written but not synced that are kept in memory
	fillMin, fillMax   int64         // bytes of a piece of fill
	gatherFor          time.Duration // how long a batch waits for more at most (pace.go)
}

type figures struct {
	delayed, syncs, rewritten atomic.Int64
	syncLastNs, syncMaxNs     atomic.Int64
	longWriteNs, longAlwaysNs atomic.Int64 // longest since Longest was called
	syncing                   atomic.Bool
	currentSize, baseSize     atomic.Int64
	writeFailing              atomic.Bool
}

// Stats is what INFO shows of the journal. Sizes are bytes.
type Stats struct {
	Queue           int64 // appended and not yet written
	Unsynced        int64 // written and not yet synced
	LastWriteOK     bool
	DelayedFsync    int64 // seconds in which a sync was due while the one before still ran
	PendingBioFsync bool  // a sync is running now
	Fsyncs          int64
	FsyncLastNs     int64
	FsyncMaxNs      int64
	Replaced        int64 // files given up after a failed sync
	CurrentSize     int64 // base and incr files together
	BaseSize        int64 // CurrentSize after the last rewrite, or at start
	LastError       error // the last failure, also after it healed
}

// Open reads the manifest and says what has to be loaded; it changes nothing on disk. An empty plan means that there is
// no journal yet. After the plan was replayed, Start makes the journal ready for Append.
func Open(opts Options) (*Journal, *Plan, error) {
	if err := opts.complete(); err != nil {
		return nil, nil, err
	}
	j := &Journal{
		opts:  opts,
		dir:   filepath.Join(opts.Dir, opts.AppendDirName),
		curDB: noDB,
		done:  make(chan struct{}),
		tune: tuning{retryMin: 100 * time.Millisecond, retryMax: time.Second, syncEvery: time.Second,
			retainLimit: opts.QueueLimit, fillMin: fillPieceMin, fillMax: fillPieceMax, gatherFor: time.Millisecond},
	}
	j.park.init()
	j.policy.Store(int32(opts.Policy))
	plan, err := readPlan(j)
	if err != nil {
		return nil, nil, err
	}
	j.plan = plan
	return j, plan, nil
}

func (o *Options) complete() error {
	for _, name := range []string{o.AppendDirName, o.AppendFilename} {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || len(name) > 200 {
			return fmt.Errorf("journal: %q can't be a path, just a name of at most 200 bytes", name)
		}
	}
	if o.Policy < Always || o.Policy > No {
		return fmt.Errorf("journal: unknown policy %d", o.Policy)
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.QueueLimit <= 0 {
		o.QueueLimit = defaultQueueLimit
	}
	if o.Timestamps == nil {
		o.Timestamps = new(atomic.Bool)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return nil
}

// Append adds one record: the words of a command that took effect in database db. It allocates only when a batch
// outgrows its buffer, and keeps no reference to args.
func (j *Journal) Append(db int, args ...[]byte) {
	if j.cur == nil {
		j.cur = j.buffer()
	}
	before := len(j.cur)
	if db != j.curDB {
		j.cur = appendSelect(j.cur, db)
		j.curDB = db
	}
	j.cur = appendFrame(j.cur, args)
	j.appended += int64(len(j.cur) - before)
}

// Appended is the offset after the last record: bytes since the start of the process.
func (j *Journal) Appended() int64 { return j.appended }

// HandOver passes what was appended since the last call to the writer. The loop calls it at the end of every round; the
// records of one transaction must lie between two calls. It never blocks.
func (j *Journal) HandOver() { j.handOver(true) }

// Gather is HandOver for rounds that others follow: the writer may be left asleep until it is worth its while (pace.go).
// If so it returns true, and the loop has to call again, soon, with quiet once there is nothing to do for it.
func (j *Journal) Gather(quiet bool) (waits bool) {
	j.handOver(quiet)
	return j.gathering.Load()
}

func (j *Journal) handOver(now bool) {
	switch {
	case len(j.cur) > 0:
		j.push(item{buf: j.cur, db: j.curDB}, now)
	case now && j.gathering.Load():
		j.mu.Lock()
		wake := j.rouse()
		j.mu.Unlock()
		if wake {
			j.park.wake()
		}
	}
}

// rouse tells whether the writer has to be woken, which the caller does then. j.mu is held.
func (j *Journal) rouse() (wake bool) {
	wake = j.asleep
	j.asleep, j.wanted = false, 0
	j.gathering.Store(false)
	return wake
}

// push queues it, and wakes the writer: now, or when there is enough. A small batch may be copied instead, in which case j.cur
// stays with the loop.
func (j *Journal) push(it item, now bool) {
	small := it.buf != nil && len(it.buf) <= copyMax
	j.mu.Lock()
	if last := len(j.queue) - 1; small && last >= 0 && j.queue[last].takes(len(it.buf)) {
		j.queue[last].buf = append(j.queue[last].buf, it.buf...)
		j.queue[last].db = it.db
		j.cur = it.buf[:0]
	} else {
		j.queue = append(j.queue, it)
		if it.buf != nil {
			j.cur = j.recycled()
		}
	}
	j.queued += len(it.buf)
	wake := (now || j.queued >= j.wanted) && j.rouse()
	j.mu.Unlock()
	if wake {
		j.park.wake()
	}
}

func (it *item) takes(size int) bool {
	return it.cut == nil && it.commit == nil && cap(it.buf)-len(it.buf) >= size
}

// buffer gives an empty buffer to append to.
func (j *Journal) buffer() []byte {
	j.mu.Lock()
	b := j.recycled()
	j.mu.Unlock()
	if b == nil {
		b = make([]byte, 0, batchSize)
	}
	return b
}

// recycled takes a buffer from the free list, nil if there is none. j.mu is held.
func (j *Journal) recycled() []byte {
	last := len(j.free) - 1
	if last < 0 {
		return nil
	}
	b := j.free[last]
	j.free[last] = nil
	j.free = j.free[:last]
	j.freeBytes -= cap(b)
	return b[:0]
}

// recycle gives buffers back. Any goroutine.
func (j *Journal) recycle(b []byte) {
	if cap(b) < batchSize || cap(b) > recycleMax {
		return
	}
	j.mu.Lock()
	if j.freeBytes+cap(b) <= freeLimit {
		j.free = append(j.free, b[:0])
		j.freeBytes += cap(b)
	}
	j.mu.Unlock()
}

// Full tells that the disk does not keep up: commands that write must wait until a Wake after which it is false.
func (j *Journal) Full() bool { return j.appended-j.written.Load() > j.opts.QueueLimit }

// Written is the offset up to which write(2) has taken the journal: it survives the death of the process. Any goroutine.
func (j *Journal) Written() int64 { return j.written.Load() }

// Synced is the offset up to which the journal survives a power cut. Any goroutine.
func (j *Journal) Synced() int64 { return j.synced.Load() }

// Releasable is the offset up to which replies may leave under the current policy.
func (j *Journal) Releasable() int64 {
	if Policy(j.policy.Load()) == Always {
		return j.synced.Load()
	}
	return j.written.Load()
}

// Err is what is wrong with the disk now, nil when nothing is. It goes back to nil by itself. Any goroutine.
func (j *Journal) Err() error {
	if f := j.failing.Load(); f != nil {
		return f.err
	}
	return nil
}

// Policy is the current policy.
func (j *Journal) Policy() Policy { return Policy(j.policy.Load()) }

// SetPolicy changes the policy from now on. Going to Always, replies that wait are released after the next sync.
func (j *Journal) SetPolicy(p Policy) {
	j.policy.Store(int32(p))
	j.park.wake()
}

// Stats gives the present figures.
func (j *Journal) Stats() Stats {
	f := &j.figures
	s := Stats{
		Queue:           j.appended - j.written.Load(),
		Unsynced:        j.written.Load() - j.synced.Load(),
		LastWriteOK:     !f.writeFailing.Load(),
		DelayedFsync:    f.delayed.Load(),
		PendingBioFsync: f.syncing.Load(),
		Fsyncs:          f.syncs.Load(),
		FsyncLastNs:     f.syncLastNs.Load(),
		FsyncMaxNs:      f.syncMaxNs.Load(),
		Replaced:        f.rewritten.Load(),
		CurrentSize:     f.currentSize.Load(),
		BaseSize:        f.baseSize.Load(),
	}
	if last := j.lastFailure.Load(); last != nil {
		s.LastError = last.err
	}
	return s
}

// Longest returns the longest write, and the longest sync of the policy always, since it was last called.
func (j *Journal) Longest() (write, alwaysSync time.Duration) {
	f := &j.figures
	return time.Duration(f.longWriteNs.Swap(0)), time.Duration(f.longAlwaysNs.Swap(0))
}

// ErrCloseTimeout is what Close returns, joined with the disk's error, when records could not be written in time.
var ErrCloseTimeout = errors.New("journal: not everything could be written before the timeout")

// BeginClose hands over the rest and tells the writer to write, sync and end; Done reports when it has. A base file in
// the making is given up. Nothing may be appended afterwards.
func (j *Journal) BeginClose() {
	if j.ending || !j.running {
		return
	}
	j.ending = true
	if j.base != nil {
		j.base.Cancel()
	}
	j.HandOver()
	j.closing.Store(true)
	j.park.wake()
}

// Done is closed when the writer has ended after BeginClose.
func (j *Journal) Done() <-chan struct{} { return j.done }

// Close writes and syncs everything, whatever the policy, and closes the file. It blocks for at most about timeout plus
// one disk operation; a disk that fails is tried again until then.
func (j *Journal) Close(timeout time.Duration) error {
	if !j.running {
		return nil
	}
	j.BeginClose()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-j.done:
		return nil
	case <-timer.C:
		j.abort.Store(true)
		j.park.wake()
		return errors.Join(ErrCloseTimeout, j.Err())
	}
}

// appendFrame encodes one command as an array of bulk strings.
func appendFrame(dst []byte, args [][]byte) []byte {
	dst = appendCount(dst, '*', len(args))
	for _, a := range args {
		dst = appendCount(dst, '$', len(a))
		dst = append(dst, a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// appendCount encodes a header line. Nearly all counts have one digit or two.
func appendCount(dst []byte, sign byte, n int) []byte {
	switch {
	case n < 10:
		return append(dst, sign, byte('0'+n), '\r', '\n')
	case n < 100:
		return append(dst, sign, byte('0'+n/10), byte('0'+n%10), '\r', '\n')
	}
	dst = append(dst, sign)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// appendSelect encodes SELECT db without allocating.
func appendSelect(dst []byte, db int) []byte {
	var digits [20]byte
	num := strconv.AppendInt(digits[:0], int64(db), 10)
	dst = append(dst, "*2\r\n$6\r\nSELECT\r\n"...)
	dst = appendCount(dst, '$', len(num))
	dst = append(dst, num...)
	return append(dst, '\r', '\n')
}
