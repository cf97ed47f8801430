package list

import "redix/engine/keyspace"

// The directory: words in a block with room at both ends, so that chunks come and go there without moving the others.

const firstWords = 4

// openWord makes a place for a chunk before chunk k, moving the shorter side. Its word is undefined.
func (l *List) openWord(k int) {
	if l.dir == 0 || k <= l.chunks()/2 && l.lo == 0 || k > l.chunks()/2 && l.hi == l.dirSize {
		l.roomForWords()
	}
	b := l.arena.Block(l.dir)
	if k <= l.chunks()/2 && l.lo > 0 {
		copy(b[(l.lo-1)*wordBytes:], b[l.lo*wordBytes:(l.lo+k)*wordBytes])
		l.lo--
		return
	}
	copy(b[(l.lo+k+1)*wordBytes:], b[(l.lo+k)*wordBytes:l.hi*wordBytes])
	l.hi++
}

// roomForWords moves the words to the middle of the directory, which gets twice their size if it is more than half full:
// so each side has room for a quarter as many chunks again.
func (l *List) roomForWords() {
	n := l.chunks()
	var from, to []byte
	old := l.dir
	if old != 0 {
		to = l.arena.Block(old)
		from = to[l.lo*wordBytes : l.hi*wordBytes]
	}
	if 2*n >= l.dirSize {
		l.dir, to = l.alloc(max(2*n+2, firstWords) * wordBytes)
		l.dirSize = len(to) / wordBytes
	}
	l.lo = (l.dirSize - n) / 2
	l.hi = l.lo + n
	copy(to[l.lo*wordBytes:], from)
	if old != 0 && old != l.dir {
		l.free(old)
	}
}

// closeWords takes the places of n chunks from k on away, moving the shorter side. The directory of an empty list is freed.
func (l *List) closeWords(k, n int) {
	if n == l.chunks() {
		l.free(l.dir)
		l.dir, l.dirSize, l.lo, l.hi = 0, 0, 0, 0
		return
	}
	b := l.arena.Block(l.dir)
	if k < l.chunks()-k-n {
		copy(b[(l.lo+n)*wordBytes:], b[l.lo*wordBytes:(l.lo+k)*wordBytes])
		l.lo += n
		return
	}
	copy(b[(l.lo+k)*wordBytes:], b[(l.lo+k+n)*wordBytes:l.hi*wordBytes])
	l.hi -= n
}

// Bytes implements keyspace.Object.
func (l *List) Bytes() int64 { return l.bytes }

// Copy implements keyspace.Object.
func (l *List) Copy() keyspace.Object {
	twin := New(l.ks)
	for k := range l.chunks() {
		c, count := l.chunk(k)
		d := twin.newChunk(k, c.size(), chunkHead+c.size(), false)
		copy(d.span(), c.span())
		twin.setCount(k, count)
	}
	twin.n = l.n
	return twin
}

// freeChunks is how many chunks one FreeStep gives back, freeBytes how much of one that is a large mapping.
const (
	freeChunks = 256
	freeBytes  = 1 << 20
)

// FreeStep implements keyspace.Object.
func (l *List) FreeStep() bool {
	for range freeChunks {
		if l.chunks() == 0 {
			return true
		}
		last := l.chunks() - 1
		r := keyspace.Ref(l.word(last) & refMask)
		size := l.arena.Size(r)
		if !l.arena.FreeStep(r, freeBytes) {
			return false
		}
		l.bytes -= int64(size)
		l.closeWords(last, 1)
		if size > freeBytes {
			return l.chunks() == 0
		}
	}
	return l.chunks() == 0
}
