// An outFile is a large file in the making: the loop fills chunks, a goroutine of its own writes them.
//
//	the loop                                       the goroutine
//	cur ─► chunks (8 may wait) ══════════════════► [encode] ─► write, synced every 4 MiB
//	    ◄─ spent (buffers to fill again) ◄════════
//	Finish ─────────────────────────────────────►  trailer, sync, close ─► complete (rename and so on) ─► end
//
// The file has a temporary name until complete gives it its own. Memory is bounded: at chunksMax chunks Full turns true and
// the loop gives out no more by itself; what changes of the data still force out gathers in cur, until Crowded says that
// there is no room for that either.

package persistence

import (
	"errors"
	"io"
	"os"
	"sync/atomic"

	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

const (
	chunkBytes    = 256 << 10 // bytes gathered before the goroutine gets them
	chunksMax     = 8         // chunks that may wait for it
	pieceBytes    = 64 << 10  // of a chunk are compressed before the goroutine lets the loop go on
	crowdedBytes  = 2 << 20   // bytes in cur, on top of these, from which on changes have to wait
	fileSyncEvery = 4 << 20   // bytes between syncs, each of which keeps a processor busy for a millisecond or two
)

// spanBytes is the size of an rdb.Span.
const spanBytes = 8

// ErrCanceled is the outcome after Cancel.
var ErrCanceled = errors.New("persistence: canceled")

// outFile is a file in the making. Its methods belong to the loop unless they say otherwise.
type outFile struct {
	fs   vfs.FS
	path string // of the temporary file
	wake func()
	// encode passes the bytes of the file that a chunk stands for to put, trailer gives those after the last. complete is called
	// when the file is synced and closed; it has end called. Each runs on the goroutine; encode and trailer may be nil.
	encode   func(c chunk, put func(p []byte))
	trailer  func() []byte
	complete func()

	cur     []byte
	passed  int64      // bytes that went before cur
	spans   []rdb.Span // strings in cur that encode may compress
	running bool       // run has been started: with the first chunk, so that the hooks can be set before
	ended   bool
	chunks  chan chunk
	spent   chan chunk
	last    chunk // set before chunks is closed

	canceled atomic.Bool
	size     atomic.Int64
	outcome  atomic.Pointer[outcome]
}

// chunk is what the goroutine gets at once.
type chunk struct {
	b     []byte
	spans []rdb.Span
}

// outcome is how a file turned out; err nil: it is complete, under its own name.
type outcome struct{ err error }

func newOutFile(fsys vfs.FS, path string, wake func()) *outFile {
	return &outFile{fs: fsys, path: path, wake: wake, chunks: make(chan chunk, chunksMax), spent: make(chan chunk, chunksMax)}
}

// pass gives cur to the goroutine if it is large enough, or keeps it when that is behind.
func (o *outFile) pass() {
	if len(o.cur) < chunkBytes || o.ended {
		return
	}
	o.start()
	select {
	case o.chunks <- chunk{o.cur, o.spans}:
		o.passed += int64(len(o.cur))
		o.cur, o.spans = nil, nil
		select {
		case c := <-o.spent:
			o.cur, o.spans = c.b, c.spans
		default:
		}
	default:
	}
}

func (o *outFile) start() {
	if !o.running {
		o.running = true
		go o.run()
	}
}

// Full tells that the disk is behind: give out no more until a Wake after which it is false.
func (o *outFile) Full() bool {
	o.pass()
	return len(o.cur) >= chunkBytes
}

// Crowded tells that changes which would force more out have to wait, too.
func (o *outFile) Crowded() bool { return len(o.cur) >= crowdedBytes && o.Full() }

// given is how many bytes it has been given so far.
func (o *outFile) given() int64 { return o.passed + int64(len(o.cur)) }

// Buffered is the memory that it takes for bytes on their way, at present.
func (o *outFile) Buffered() int64 {
	return int64(cap(o.cur) + cap(o.spans)*spanBytes + (len(o.chunks)+len(o.spent))*chunkBytes)
}

// Size is how many bytes the file has so far. Any goroutine.
func (o *outFile) Size() int64 { return o.size.Load() }

// Finish ends the file. It is synced and completed in the background; Status tells when, after a Wake.
func (o *outFile) Finish() {
	if o.ended {
		return
	}
	o.ended = true
	o.last = chunk{o.cur, o.spans}
	o.cur, o.spans = nil, nil
	o.start()
	close(o.chunks)
}

// Cancel gives up; the temporary file is removed.
func (o *outFile) Cancel() {
	o.canceled.Store(true)
	o.Finish()
}

// Status tells whether the file has ended and how. An error may show before Finish: then stop and Cancel. Any goroutine.
func (o *outFile) Status() (done bool, err error) {
	if c := o.outcome.Load(); c != nil {
		return true, c.err
	}
	return false, nil
}

// end sets the outcome, once.
func (o *outFile) end(err error) {
	o.outcome.CompareAndSwap(nil, &outcome{err})
	o.wake()
}

// run writes the file. It reads chunks to their end even after a failure, so that the loop is never stuck.
func (o *outFile) run() {
	yieldToLoop()
	f, err := o.fs.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		o.end(err)
	}
	var unsynced int64
	put := func(p []byte) {
		if len(p) == 0 || err != nil || o.canceled.Load() {
			return
		}
		var n int
		if n, err = f.Write(p); err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		o.size.Add(int64(n))
		if unsynced += int64(n); err == nil && unsynced >= fileSyncEvery {
			unsynced = 0
			err = f.Sync()
		}
		if err != nil {
			o.end(err)
		}
	}
	encode := o.encode
	if encode == nil {
		encode = func(c chunk, put func(p []byte)) { put(c.b) }
	}
	for c := range o.chunks {
		encode(c, put)
		if cap(c.b) <= 2*chunkBytes {
			select {
			case o.spent <- chunk{c.b[:0], c.spans[:0]}:
			default:
			}
		}
		o.wake()
		giveWay()
	}
	encode(o.last, put)
	if o.trailer != nil {
		put(o.trailer())
	}
	o.close(f, err)
}

// close syncs the file and has it completed.
func (o *outFile) close(f vfs.File, err error) {
	if f != nil {
		if err == nil && !o.canceled.Load() {
			err = f.Sync()
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err == nil && o.canceled.Load() {
		err = ErrCanceled
	}
	if err != nil {
		o.discard(err)
		return
	}
	o.complete()
}

// discard removes the file and ends with err.
func (o *outFile) discard(err error) {
	_ = o.fs.Remove(o.path) // at the next start at the latest
	o.end(err)
}
