// Loading a snapshot: a goroutine reads the file, decodes it and hands over batches; the loop makes entries of them, in
// steps, while clients get LOADING.
//
//	file ─► rdb.Reader ─► batch (up to 512 items, their bytes copied) ══► Step ─► Builder ─► keyspace
//	          the goroutine                                           ◄══ emptied batches       the loop

package persistence

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

const (
	batchItems = 512
	batchBytes = 128 << 10 // of one batch; a single item may be larger
	batchCount = 4
	stepBytes  = 64 << 10 // after which a step ends
)

// Builder makes entries of what a snapshot holds. It belongs to the loop.
type Builder interface {
	// PutAll takes some items, in order. An error is final, and i the place of the item that it is about.
	PutAll(items []rdb.Item) (i int, err error)
	// Drop gives up what is in the making.
	Drop()
	// Made tells how many entries it has made, and how many were left out: expired, without elements.
	Made() (keys, expired, empty int64)
}

// BuilderOptions say what becomes of the keys of a snapshot.
type BuilderOptions struct {
	KeepExpired bool // those whose time is over are taken, too
	Merge       bool // they replace keys of the same name, which are an error otherwise
}

// RDBOptions are the ends of an RDBLoad that the caller holds.
type RDBOptions struct {
	FS       vfs.FS
	Path     string
	Checksum bool // check it
	Builder  Builder
	// Wake is called, from another goroutine, when Step gave up its slice for want of items and there are some now. nil:
	// Step waits for them.
	Wake func()
	Log  *slog.Logger
}

// RDBLoad is the loading of a snapshot; it is engine.Loader.
type RDBLoad struct {
	opts    RDBOptions
	size    int64
	empty   chan *rdbBatch
	stopped bool
	handOff[rdbBatch]

	cur     *rdbBatch
	next    int // item of cur
	off     int64
	done    bool
	waiting bool
	err     error
	total   rdb.Summary
}

// rdbBatch is what changes owner.
type rdbBatch struct {
	items  []rdb.Item
	bytes  []byte // of the items; replaced, never moved, while they refer to it
	fields [][]byte
	off    int64 // in the file, after the last item

	last    bool
	err     error
	summary rdb.Summary
}

// OpenRDB begins to read a snapshot in the background. It must be stepped to its end or closed. A file that is not there
// satisfies errors.Is(err, fs.ErrNotExist).
func OpenRDB(opts RDBOptions) (*RDBLoad, error) {
	f, err := opts.FS.OpenFile(opts.Path, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("snapshot: %w", err), f.Close())
	}
	l := &RDBLoad{opts: opts, size: size, empty: make(chan *rdbBatch, batchCount), handOff: newHandOff[rdbBatch](batchCount, opts.Wake)}
	for range batchCount {
		l.empty <- &rdbBatch{items: make([]rdb.Item, 0, batchItems), bytes: make([]byte, 0, batchBytes)}
	}
	go l.run(f)
	return l, nil
}

var errGivenUp = errors.New("snapshot: loading was given up")

// run is the goroutine.
func (l *RDBLoad) run(f vfs.File) {
	defer f.Close()
	r := rdb.NewReader(io.NewSectionReader(f, 0, l.size))
	if !l.opts.Checksum {
		r.IgnoreChecksum()
	}
	b := <-l.empty
	err := r.Read(func(it *rdb.Item) error {
		switch it.Op {
		case rdb.OpAux:
			l.opts.Log.Debug("snapshot", "name", string(it.Name), "value", string(it.Data))
			return nil
		case rdb.OpFunction:
			l.opts.Log.Warn("a library of functions in the snapshot is left out: there are no functions here", "bytes", len(it.Data))
			return nil
		}
		if len(b.items) == batchItems || len(b.items) > 0 && len(b.bytes)+itemBytes(it) > batchBytes {
			b.off = r.Offset()
			if b = l.pass(b); b == nil {
				return errGivenUp
			}
		}
		b.add(it)
		return nil
	})
	if b == nil {
		return
	}
	b.last, b.err, b.off, b.summary = true, err, r.Offset(), r.Summary()
	l.put(b)
}

// pass hands a batch over and returns an empty one, nil when nobody wants more.
func (l *RDBLoad) pass(b *rdbBatch) *rdbBatch {
	if !l.put(b) {
		return nil
	}
	select {
	case b = <-l.empty:
	case <-l.stop:
		return nil
	}
	if cap(b.bytes) > batchBytes {
		b.bytes = make([]byte, 0, batchBytes)
	}
	clear(b.items)
	clear(b.fields)
	b.items, b.bytes, b.fields = b.items[:0], b.bytes[:0], b.fields[:0]
	return b
}

func itemBytes(it *rdb.Item) int {
	n := len(it.Name) + len(it.Data)
	for _, f := range it.Fields {
		n += len(f)
	}
	return n
}

// add copies an item.
func (b *rdbBatch) add(it *rdb.Item) {
	if need := itemBytes(it); cap(b.bytes)-len(b.bytes) < need {
		b.bytes = make([]byte, 0, need)
	}
	b.items = append(b.items, *it)
	own := &b.items[len(b.items)-1]
	own.Name, own.Data = b.copy(it.Name), b.copy(it.Data)
	if len(it.Fields) == 0 {
		return
	}
	from := len(b.fields)
	for _, f := range it.Fields {
		b.fields = append(b.fields, b.copy(f))
	}
	own.Fields = b.fields[from:len(b.fields):len(b.fields)]
}

func (b *rdbBatch) copy(s []byte) []byte {
	from := len(b.bytes)
	b.bytes = append(b.bytes, s...)
	return b.bytes[from:len(b.bytes):len(b.bytes)]
}

// Step implements engine.Loader.
func (l *RDBLoad) Step(budget int) (done bool, err error) {
	l.waiting = false
	for budget > 0 && !l.done && l.err == nil {
		if l.cur == nil {
			if l.cur = l.get(l.opts.Wake == nil); l.cur == nil {
				l.waiting = true
				break
			}
			l.next = 0
		}
		n, more := some(l.cur.items[l.next:], budget)
		items := l.cur.items[l.next : l.next+n]
		if i, err := l.opts.Builder.PutAll(items); err != nil {
			l.fail(offsetOf(&items[i], err))
			break
		}
		if l.next += n; l.next == len(l.cur.items) {
			l.endBatch()
		}
		if budget -= n; !more {
			break
		}
	}
	return l.done, l.err
}

// some is how many items a step takes: their bytes count, too. more is false when those are enough for one step.
func some(items []rdb.Item, budget int) (n int, more bool) {
	bytes := 0
	for n < min(budget, len(items)) && bytes < stepBytes {
		bytes += itemBytes(&items[n])
		n++
	}
	return n, bytes < stepBytes
}

// offsetOf gives what a builder finds wrong the place in the file.
func offsetOf(it *rdb.Item, err error) error {
	if wrong := rdb.Wrong(""); errors.As(err, &wrong) {
		return &rdb.Error{Offset: it.Offset, What: string(wrong)}
	}
	return err
}

func (l *RDBLoad) endBatch() {
	b := l.cur
	l.cur = nil
	l.off = b.off
	if b.last {
		l.end(b)
		return
	}
	l.empty <- b
}

// end takes in the last batch. What follows a file that has no checksum is the checksum of one whose version is damaged, or
// nobody knows what.
func (l *RDBLoad) end(b *rdbBatch) {
	l.total = b.summary
	if left := l.size - l.off; b.err == nil && left > 0 && b.summary.Checksum == rdb.ChecksumNone {
		b.err = &rdb.Error{Offset: l.off, What: fmt.Sprintf("%d bytes follow a file of version %d", left, b.summary.Version)}
	}
	if l.done = b.err == nil; !l.done {
		l.fail(b.err)
	}
}

func (l *RDBLoad) fail(err error) {
	l.err = fmt.Errorf("snapshot %s: %w", l.opts.Path, err)
	l.Close()
}

// Waiting implements engine.Loader.
func (l *RDBLoad) Waiting() bool { return l.waiting }

// Progress implements engine.Loader.
func (l *RDBLoad) Progress() (done, total int64) { return l.off, l.size }

// End is how many bytes the snapshot has, once Step said done: more may follow in its file.
func (l *RDBLoad) End() int64 { return l.off }

// Summary is final once Step said done.
func (l *RDBLoad) Summary() rdb.Summary { return l.total }

// Close stops the reading and gives up a value in the making. It may be called at any time, more than once.
func (l *RDBLoad) Close() {
	if !l.stopped {
		l.stopped = true
		close(l.stop)
		l.opts.Builder.Drop()
	}
}
