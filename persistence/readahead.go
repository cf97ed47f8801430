// Reading ahead: a goroutine reads the files of a plan in order and hands over whole blocks, so that the loop never
// waits for the disk while it replays.
//
//	block.buf   [ headroom 64 KiB | up to 512 KiB read from the file ]
//	                    ▲ the unread end of the block before is copied to here, so that the frame that
//	                      straddles the two is in one piece and the rest is not copied at all
//
// Four blocks exist; those read go back to the goroutine. Only bytes that were checked are handed over (check.go).

package persistence

import (
	"fmt"
	"io"
	"os"

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
	end  *tail // instead of bytes: the file ends here

	unmarked bool // what is in it was not checked
}

func (b *block) body() []byte { return b.buf[blockHead : blockHead+b.n] }

type readAhead struct {
	fs    vfs.FS
	files []PlanFile
	empty chan *block
	handOff[block]
}

func startReadAhead(fsys vfs.FS, files []PlanFile, wake func()) *readAhead {
	r := &readAhead{fs: fsys, files: files, empty: make(chan *block, blockCount), handOff: newHandOff[block](blockCount, wake)}
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

// readFile hands over what one file holds, and its end. It is false when nothing more is to be read.
func (r *readAhead) readFile(i int, pf PlanFile) bool {
	f, err := r.fs.OpenFile(pf.Path, os.O_RDONLY, 0)
	if err != nil {
		return r.fail(i, fmt.Errorf("journal: %w", err))
	}
	defer f.Close()
	c := newChecker(f, pf.Size)
	pos := pf.skip
	c.at = pos
	for pos < pf.Size && !c.ended {
		var b *block
		select {
		case b = <-r.empty:
		case <-r.stop:
			return false
		}
		b.file, b.err, b.end, b.unmarked = i, nil, nil, false
		err := r.fill(b, f, c, pos)
		if err != nil {
			return r.fail(i, err)
		}
		pos += int64(b.n)
		if b.n == 0 {
			r.empty <- b
		} else if !r.put(b) {
			return false
		}
	}
	return r.put(&block{file: i, end: &tail{size: pos, synced: c.synced, sum: c.sum, checked: c.foreign > pos}})
}

func (r *readAhead) fail(file int, err error) bool {
	return r.put(&block{file: file, err: err}) && false
}

// fill reads what lies at pos into b, as much of it as has been checked.
func (r *readAhead) fill(b *block, f vfs.File, c *checker, pos int64) error {
	want := min(blockBody, c.size-pos)
	if c.at > pos { // a large batch, checked before
		want = min(want, c.at-pos)
	}
	if int64(len(b.buf)) < blockHead+want {
		b.buf = make([]byte, blockHead+want)
	}
	n, err := f.ReadAt(b.buf[blockHead:blockHead+want], pos)
	if n == 0 {
		if err == io.EOF || err == nil {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading at offset %d: %w", pos, err)
	}
	b.n = n
	if pos >= c.foreign {
		b.unmarked = true
		return nil
	}
	if c.at == pos {
		if b.n = c.whole(b.body()); b.n == 0 {
			return c.next()
		}
	}
	return nil
}
