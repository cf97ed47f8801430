// Reading ahead: a goroutine reads the files of a plan in order and hands over whole blocks, so that the loop never
// waits for the disk while it replays.
//
//	block.buf   [ headroom 64 KiB | up to 512 KiB read from the file ]
//	                    ▲ the unread end of the block before is copied to here, so that the frame that
//	                      straddles the two is in one piece and the rest is not copied at all
//
// Four blocks exist; those read go back to the goroutine.

package persistence

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"redix/persistence/vfs"
)

const (
	blockHead  = 64 << 10
	blockBody  = 512 << 10
	blockCount = 4
)

type block struct {
	buf  []byte
	n    int   // bytes of the body that are filled
	file int   // index into the plan
	err  error // instead of bytes
}

func (b *block) body() []byte { return b.buf[blockHead : blockHead+b.n] }

type readAhead struct {
	fs     vfs.FS
	files  []PlanFile
	full   chan *block
	empty  chan *block
	stop   chan struct{}
	hungry atomic.Bool // the reader of blocks found none and wants wake to be called
	wake   func()
}

func startReadAhead(fsys vfs.FS, files []PlanFile, wake func()) *readAhead {
	r := &readAhead{fs: fsys, files: files, full: make(chan *block, blockCount), empty: make(chan *block, blockCount),
		stop: make(chan struct{}), wake: wake}
	for range blockCount {
		r.empty <- &block{}
	}
	go r.run()
	return r
}

func (r *readAhead) run() {
	for i, f := range r.files {
		if !r.readFile(i, f) {
			return
		}
	}
}

// readFile hands over the Size bytes of one file. It is false when nothing more is to be read.
func (r *readAhead) readFile(i int, pf PlanFile) bool {
	if pf.Size == 0 {
		return true
	}
	f, err := r.fs.OpenFile(pf.Path, os.O_RDONLY, 0)
	if err != nil {
		return r.pass(&block{file: i, err: fmt.Errorf("journal: %w", err)}) && false
	}
	defer f.Close()
	for pos := int64(0); pos < pf.Size; {
		var b *block
		select {
		case b = <-r.empty:
		case <-r.stop:
			return false
		}
		want := min(blockBody, pf.Size-pos)
		if int64(len(b.buf)) < blockHead+want {
			b.buf = make([]byte, blockHead+want)
		}
		n, err := f.ReadAt(b.buf[blockHead:blockHead+want], pos)
		b.n, b.file, b.err = n, i, nil
		pos += int64(n)
		if n == 0 {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			b.err = fmt.Errorf("journal: reading %s at offset %d: %w", pf.Path, pos, err)
		}
		if !r.pass(b) || n == 0 {
			return false
		}
	}
	return true
}

func (r *readAhead) pass(b *block) bool {
	select {
	case r.full <- b:
	case <-r.stop:
		return false
	}
	if r.hungry.Swap(false) {
		r.wake()
	}
	return true
}

// next gives the next block: nil if none is there yet and wait is false; then wake is called once there is.
func (r *readAhead) next(wait bool) *block {
	if wait {
		return <-r.full
	}
	select {
	case b := <-r.full:
		return b
	default:
	}
	r.hungry.Store(true)
	select { // one may have come before hungry was seen
	case b := <-r.full:
		r.hungry.Store(false)
		return b
	default:
		return nil
	}
}
