// Checking a file before it is loaded, ahead of the replay and on another goroutine (readahead.go): the replay is given
// bytes of batches that check, bytes that carry no marks because another server wrote them, and nothing else.
//
// Behind the last batch that checks there may be
//
//	nothing                                       a file that was closed in good order
//	fill (fill.go)                                one that was not
//	records without marks, perhaps after fill     redis-server went on with the file
//	parts of batches that were being written      a torn tail: cut off, or refused (aof-load-truncated)
//	anything else                                 damage: refused, with the offset
//
// The last two are told apart by what a write that was cut short can leave: whole sectors of 512 bytes, each new or as it
// was before (fill, or nothing, which reads as zeros), and a file that ends too early. See judge.

package persistence

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"redix/persistence/vfs"
)

// sectorSize is what a disk writes whole or not at all, in bytes.
const sectorSize = 512

// tornBatch: the file ends in a batch that was not written to its end.
type tornBatch struct {
	tail tail // the last good batch
}

func (e *tornBatch) Error() string { return errTorn.Error() }

// damageError: bytes that were once on disk as they should be are not so any more.
type damageError struct {
	at  int64
	why string
}

func (e *damageError) Error() string { return e.why }

// checker walks over one file. What lies before at is good.
type checker struct {
	f       vfs.File
	size    int64 // bytes of the file that count
	at      int64
	sum     uint32 // of the last batch
	batches int64
	synced  int64 // up to here a sync had come when the last of them was written
	foreign int64 // offset from which on there are no marks; math.MaxInt64 until that is known
	ended   bool  // at is the end of the data: what follows is fill
	buf     []byte
}

func newChecker(f vfs.File, size int64) *checker {
	return &checker{f: f, size: size, foreign: math.MaxInt64}
}

// whole gives how many bytes of win, the bytes at c.at, are whole batches that check, and moves on behind them.
func (c *checker) whole(win []byte) int {
	n := 0
	for {
		h, ok := parseBatchHead(win[n:], c.at)
		if !ok || h.size > int64(len(win)-n) {
			return n
		}
		sum, ok := checkBatch(win[n:n+int(h.size)], c.at, c.sum)
		if !ok {
			return n
		}
		c.pass(h, sum)
		n += int(h.size)
	}
}

func (c *checker) pass(h batchHead, sum uint32) {
	if h.unsynced < unsyncedMax {
		c.synced = max(c.synced, c.at-h.unsynced)
	}
	c.at += h.size
	c.sum = sum
	c.batches++
}

// next looks at what whole did not want: it moves on behind a batch too large for the window, or finds that the rest
// is foreign or that the data ends, or gives a *tornBatch, a *damageError or an error of reading.
func (c *checker) next() error {
	head, err := c.read(c.at, batchHeadSize)
	if err != nil {
		return err
	}
	head = bytes.Clone(head)
	if h, ok := parseBatchHead(head, c.at); ok {
		if h.size <= c.size-c.at {
			sum, ok, err := c.sumOf(c.at, h.size, c.sum)
			if err != nil {
				return err
			}
			if ok {
				c.pass(h, sum)
				return nil
			}
		} else if c.size-c.at == batchHeadSize {
			c.ended = true // opened and nothing put in: nothing is lost
			return nil
		}
		return c.judge(h)
	}
	return c.unmarked(head)
}

// sumOf checks a batch of any size without holding it.
func (c *checker) sumOf(at, size int64, before uint32) (sum uint32, ok bool, err error) {
	tail, err := c.read(at+max(size-batchTailMax-1, 0), int(min(size, batchTailMax+1)))
	if err != nil {
		return 0, false, err
	}
	sum, n := parseBatchTail(tail)
	if n == 0 {
		return 0, false, nil
	}
	got := seedSum(new([12]byte), before, at)
	err = c.each(at, at+size-int64(n), 0, func(p []byte, _ int64) bool {
		got = crc32.Update(got, castagnoli, p)
		return true
	})
	return sum, err == nil && got == sum, err
}

// records gives what the batch at c.at holds, and moves on behind it.
func (c *checker) records() ([]byte, error) {
	head, err := c.read(c.at, batchHeadSize)
	if err != nil {
		return nil, err
	}
	h, ok := parseBatchHead(head, c.at)
	if !ok || h.size > c.size-c.at {
		return nil, fmt.Errorf("no batch at offset %d", c.at)
	}
	p := make([]byte, h.size)
	if n, err := c.f.ReadAt(p, c.at); n < len(p) {
		return nil, fmt.Errorf("reading at offset %d: %w", c.at, err)
	}
	sum, ok := checkBatch(p, c.at, c.sum)
	if !ok {
		return nil, fmt.Errorf("the checksum of the batch at offset %d is wrong", c.at)
	}
	_, tail := parseBatchTail(p)
	c.pass(h, sum)
	return p[batchHeadSize : len(p)-tail], nil
}

// read gives up to n bytes at off, fewer at the end of what counts. They live until the next call.
func (c *checker) read(off int64, n int) ([]byte, error) {
	if c.buf == nil {
		c.buf = make([]byte, min(blockBody, c.size))
	}
	n = int(min(int64(n), c.size-off, int64(len(c.buf))))
	if n <= 0 {
		return nil, nil
	}
	got, err := c.f.ReadAt(c.buf[:n], off)
	if got == n || err == io.EOF && got > 0 {
		return c.buf[:got], nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, fmt.Errorf("reading at offset %d: %w", off, err)
}

// each passes the bytes from..to to fn in pieces, each with overlap bytes of the one before, until fn is false.
func (c *checker) each(from, to int64, overlap int64, fn func(p []byte, at int64) bool) error {
	for from < to {
		p, err := c.read(from, int(min(to-from, blockBody)))
		if err != nil {
			return err
		}
		if len(p) == 0 || !fn(p, from) {
			return nil
		}
		if from += int64(len(p)); from < to {
			from -= min(overlap, int64(len(p))-1)
		}
	}
	return nil
}

// unmarked decides what stands at c.at, where no batch opens; head is its first bytes.
func (c *checker) unmarked(head []byte) error {
	if len(head) == 0 {
		c.ended = true
		return nil
	}
	// A mark that is cut off by the end of the file.
	if len(head) < batchHeadSize && bytes.HasPrefix(head, []byte("#{")) && !bytes.Contains(head, []byte{'\n'}) || string(head) == "#" {
		return c.torn()
	}
	known, err := c.knownSynced()
	if err != nil {
		return err
	}
	if known >= 0 {
		return &damageError{c.at, fmt.Sprintf("no batch opens here, but the one at offset %d follows", known)}
	}
	// A sector of zeros is one that was not written, though the file was made longer.
	zeros, err := c.blank(c.at, sectorSize-c.at%sectorSize)
	if err != nil || zeros || openingTorn(head, c.at) {
		return c.orTorn(err)
	}
	if !isFill(head, c.at) {
		if bytes.HasPrefix(head, []byte("#{")) || c.batches > 0 && head[0] != '*' && !bytes.HasPrefix(head, []byte("#TS:")) {
			return &damageError{c.at, "neither a batch nor a record begins here"}
		}
		c.foreign = c.at
		return nil
	}
	start, err := c.fillEnd(c.at)
	prepared := false
	if err == nil {
		prepared, err = c.onlyPrepared(start)
	}
	switch {
	case err != nil:
		return err
	case prepared:
		c.ended = true
		return nil
	}
	// Something stands behind fill: what a server wrote that went on with the file, or parts of a batch.
	other, exact, err := c.wentOn(c.at, start)
	switch {
	case err != nil:
		return err
	case other < 0:
		return c.torn()
	case other != start || !exact:
		return &damageError{start, "neither a batch nor a record begins here"}
	}
	// Fill never ends where a sector does (startFill). There, these are most likely records from the middle of a batch.
	if start%sectorSize == 0 {
		if plain, err := c.plainFrom(start); err != nil || !plain {
			return c.orTorn(err)
		}
	}
	c.foreign = c.at
	return nil
}

// openingTorn tells whether head may be an opening line of which a part was not written: zeros or fill are in it, or it lies in
// two sectors.
func openingTorn(head []byte, at int64) bool {
	if head[0] != '#' {
		return false
	}
	if bytes.IndexByte(head, 0) > 0 {
		return true
	}
	return head[1] == '{' && (fillFrom(head, at) < len(head) || at%sectorSize+batchHeadSize > sectorSize)
}

func orDamage(err error, at int64, why string) error {
	if err != nil {
		return err
	}
	return &damageError{at, why}
}

func (c *checker) torn() error {
	return &tornBatch{tail{size: c.at, synced: c.synced, sum: c.sum, checked: true}}
}

func (c *checker) orTorn(err error) error {
	if err != nil {
		return err
	}
	return c.torn()
}

// judge decides about a batch that is not as its opening line says.
func (c *checker) judge(h batchHead) error {
	known, err := c.knownSynced()
	if err != nil {
		return err
	}
	if known >= 0 {
		return &damageError{c.at, fmt.Sprintf("the checksum of the batch (%d bytes) is wrong, and the batch at offset %d was written after it was synced",
			h.size, known)}
	}
	if c.at+h.size > c.size {
		return c.torn()
	}
	missing := false
	err = c.each(c.at, c.at+h.size, 0, func(p []byte, at int64) bool {
		missing = missing || sectorMissing(p, at) || at+int64(len(p)) == c.at+h.size && p[len(p)-1] == 0
		return !missing
	})
	if err == nil && !missing {
		end := c.at + h.size
		var p []byte
		p, err = c.read(end-min(h.size, batchTailMax+1), batchTailMax+1)
		missing = err == nil && tailMissing(p, end-int64(len(p)))
	}
	if err != nil || !missing {
		return orDamage(err, c.at, fmt.Sprintf("the checksum of the batch (%d bytes) is wrong, though every sector of it was written", h.size))
	}
	if other, _, err := c.wentOn(c.at+h.size, c.at+h.size); err != nil || other >= 0 {
		return orDamage(err, c.at, fmt.Sprintf("the batch (%d bytes) is unfinished, but at offset %d another server went on with the file", h.size, other))
	}
	return c.torn()
}

// tailMissing tells whether p, the end of a batch at offset at, shows that its closing line was not written: there is fill in its
// place, right behind the last record. In a large batch it is a write of its own, and may share its sector with the one before.
func tailMissing(p []byte, at int64) bool {
	k := fillFrom(p, at)
	return k > 0 && p[k-1] == '\n' && len(p)-k >= batchTailMin
}

// sectorMissing tells whether p, the bytes of a batch at offset at, shows a sector, or the end of one, that was not written:
// there are zeros, or fill.
func sectorMissing(p []byte, at int64) bool {
	for len(p) > 0 {
		n := int(min(int64(len(p)), sectorSize-at%sectorSize))
		end := max(n-fillLine, 0)
		if n-end >= batchTailMin && len(bytes.Trim(p[end:n], "\x00")) == 0 || n-end == fillLine && isFillAll(p[end:n], at+int64(end)) {
			return true
		}
		p, at = p[n:], at+int64(n)
	}
	return false
}

// knownSynced looks for a batch behind c.at that was written when what is at c.at had been synced. It gives the batch's
// offset, or -1.
func (c *checker) knownSynced() (int64, error) {
	found := int64(-1)
	err := c.heads(c.at+1, func(h batchHead, at int64) bool {
		if h.unsynced < unsyncedMax && at-h.unsynced > c.at {
			found = at
		}
		return found < 0
	})
	return found, err
}

// heads passes every opening line at or behind from to fn until fn is false. Text inside a value can look like one only
// if it knows its own offset.
func (c *checker) heads(from int64, fn func(h batchHead, at int64) bool) error {
	return c.each(from, c.size, batchHeadSize-1, func(p []byte, at int64) bool {
		for i := 0; ; i++ {
			k := bytes.Index(p[i:], []byte("#{"))
			if k < 0 {
				return true
			}
			i += k
			if h, ok := parseBatchHead(p[i:], at+int64(i)); ok && !fn(h, at+int64(i)) {
				return false
			}
		}
	})
}

// blank tells whether the file has zeros only in the n bytes at offset at, as many of them as there are.
func (c *checker) blank(at, n int64) (bool, error) {
	p, err := c.read(at, int(n))
	return err == nil && len(p) > 0 && len(bytes.Trim(p, "\x00")) == 0, err
}

// selectFrame is what redis-server begins with when it goes on with a file.
const selectFrame = "*2\r\n$6\r\nSELECT\r\n$"

// wentOn looks, from offset from on, for the place where another server went on behind fill, whose first bytes end at start. It gives the
// offset, or -1. exact is false when the bytes there are so only nearly.
func (c *checker) wentOn(from, start int64) (found int64, exact bool, err error) {
	const stamp = 16 // "#TS:1700000000\r\n"
	lineEnd := []byte("--------\n")
	found = -1
	err = c.each(max(from-fillLine, 0), c.size, fillLine+stamp, func(p []byte, at int64) bool {
		for rest := p; found < 0; {
			k := bytes.Index(rest, lineEnd)
			if k < 0 {
				break
			}
			rest = rest[k+len(lineEnd):]
			place := at + int64(len(p)-len(rest))
			// No line of fill ends here: it is a value that has such a line. Or the fill ends where a sector does, as it never should
			// (startFill): sectors of a batch were not written, and the next one was.
			if place != from && place != start && (place < from || place%fillLine != 0 || place%sectorSize == 0) {
				continue
			}
			plain, stamped := alike(rest, selectFrame), 0
			if len(rest) > stamp && alike(rest, "#TS:") >= 2 {
				stamped = alike(rest[stamp:], selectFrame)
			}
			if max(plain, stamped) >= len(selectFrame)-2 {
				found = place
				exact = plain == len(selectFrame) || stamped == len(selectFrame) && bytes.HasPrefix(rest, []byte("#TS:"))
			}
		}
		return found < 0
	})
	return found, exact, err
}

// plainFrom tells whether there are whole records and nothing else from at to the end of the file.
func (c *checker) plainFrom(at int64) (bool, error) {
	var win []byte
	var scan frameScanner
	for end := at; ; {
		size, err := scan.next(win, c.size-at)
		switch {
		case err != nil:
			return false, nil
		case size > 0:
			win, at = win[size:], at+int64(size)
			scan.reset()
		case at == c.size:
			return true, nil
		case end == c.size:
			return false, nil
		default:
			p, err := c.read(end, blockBody)
			if err != nil {
				return false, err
			}
			win, end = append(win, p...), end+int64(len(p))
		}
	}
}

// alike counts the bytes at the start of p that are as in want.
func alike(p []byte, want string) (n int) {
	for i := range min(len(p), len(want)) {
		if p[i] == want[i] {
			n++
		}
	}
	return n
}

// onlyPrepared tells whether there is nothing but fill behind from, and zeros: sectors of the next piece of fill that were not written. No
// batch goes there before that is synced (fill.go).
func (c *checker) onlyPrepared(from int64) (bool, error) {
	prepared := true
	err := c.each(from, c.size, 0, func(p []byte, at int64) bool {
		for i, b := range p {
			prepared = prepared && (b == 0 || b == fillByte(at+int64(i)))
		}
		return prepared
	})
	return prepared, err
}

// fillEnd gives the offset of the first byte at or behind at that is not fill.
func (c *checker) fillEnd(at int64) (int64, error) {
	end := c.size
	err := c.each(at, c.size, 0, func(p []byte, from int64) bool {
		for i, b := range p {
			if b != fillByte(from+int64(i)) {
				end = from + int64(i)
				return false
			}
		}
		return true
	})
	// A line that is not fill to its end is not fill at all.
	if end < c.size {
		end = max(at, end/fillLine*fillLine)
	}
	return end, err
}
