package rdb

import "encoding/binary"

// LZF, the compression of strings. The compressed form is a sequence of
//
//	000lllll                     l+1 bytes follow as they are
//	lllooooo oooooooo            a copy of l+2 bytes (l from 1 to 6) that lie o+1 bytes before
//	111ooooo llllllll oooooooo   a copy of l+9 bytes
//
// Copies may overlap what they make. (The format is that of Marc Lehmann's LibLZF.)

const (
	lzfMinBytes  = 20      // shorter strings are left alone
	lzfMaxBytes  = 1 << 16 // longer ones too, for what it takes to compress them
	lzfWindow    = 1 << 13
	lzfMaxCopy   = 264
	lzfMaxRun    = 32
	lzfMinCopy   = 3
	lzfHashBits  = 13
	lzfShort     = 512 // strings up to this length use a small part of the table, which stays in cache
	lzfShortBits = 9
	lzfSkipShift = 4 // after 2^4 bytes without a copy every second place is looked at, and so on
)

// Compressor appends strings, compressed where that makes them shorter. The zero value does not compress; Compress makes
// it. It remembers nothing between strings but its table.
type Compressor struct {
	Compress bool
	// Later, if not nil, gets a note of each string that might get shorter, and the string is appended as it is:
	// Recompress does the rest, elsewhere.
	Later *[]Span

	yield yield

	table *[1 << lzfHashBits]uint32 // place of the last three bytes with a hash, counted from base
	base  uint32
	out   []byte
}

// Span is a string that may be compressed later: where it begins in a buffer, with its length, and how long it is in bytes.
type Span struct{ At, Size uint32 }

// End is where the string ends in the buffer.
func (s Span) End() int { return int(s.At) + lenBytes(int(s.Size)) + int(s.Size) }

// Recompress appends src, whose strings at spans it compresses where that makes them shorter. Spans are in order; src lies at
// from in the buffer that they count from. While compressing saves next to nothing only some are tried (see yield).
func (z *Compressor) Recompress(dst, src []byte, from int, spans []Span) []byte {
	at := 0
	for _, sp := range spans {
		if !z.yield.worthTrying() {
			continue
		}
		begin := int(sp.At) - from
		dst = append(dst, src[at:begin]...)
		at = sp.End() - from
		before := len(dst)
		dst = z.AppendString(dst, src[at-int(sp.Size):at])
		z.yield.note(int(sp.Size), at-begin-(len(dst)-before))
	}
	return append(dst, src[at:]...)
}

// yield is what compressing has saved lately, of how many bytes. While that is less than one part in yieldWorth, one string in some
// eight is tried, in strides of changing length: strings that take turns are all met. What is lost so is less than that part.
type yield struct {
	tried, saved int // bytes, of the last yieldWindow and some before
	turn, skip   int
}

const (
	yieldWorth  = 32
	yieldEnough = 16 << 10 // bytes to judge by
	yieldWindow = 64 << 10
	yieldStride = 4 // strides are of this length to yieldStride+yieldTurns-1
	yieldTurns  = 8
)

func (y *yield) worthTrying() bool {
	if y.skip > 0 {
		y.skip--
		return false
	}
	return true
}

func (y *yield) note(size, saved int) {
	y.tried += size
	y.saved += saved
	if y.tried >= yieldEnough && y.saved*yieldWorth < y.tried {
		y.turn = (y.turn + 1) % yieldTurns
		y.skip = yieldStride + y.turn - 1
	}
	if y.tried > yieldWindow {
		y.tried, y.saved = y.tried/2, y.saved/2
	}
}

// lenBytes is what AppendLen takes for the length of a string that is compressed.
func lenBytes(n int) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<14:
		return 2
	}
	return 5
}

// AppendString appends a string as AppendString does, or compressed.
func (z *Compressor) AppendString(dst, s []byte) []byte {
	if !z.Compress || len(s) <= lzfMinBytes || len(s) > lzfMaxBytes {
		return AppendString(dst, s)
	}
	if z.Later != nil {
		*z.Later = append(*z.Later, Span{uint32(len(dst)), uint32(len(s))})
		return append(AppendLen(dst, uint64(len(s))), s...)
	}
	if !z.compress(s) {
		return append(AppendLen(dst, uint64(len(s))), s...)
	}
	dst = AppendLen(append(dst, stringLZF), uint64(len(z.out)))
	return append(AppendLen(dst, uint64(len(s))), z.out...)
}

// compress leaves the compressed form of s in out; it returns false when that does not save more than four bytes.
func (z *Compressor) compress(s []byte) bool {
	if z.table == nil {
		z.table = new([1 << lzfHashBits]uint32)
		z.out = make([]byte, 0, lzfMaxBytes)
	}
	// Places of earlier strings are below base, so that the table need not be cleared.
	if z.base > 1<<31 {
		*z.table, z.base = [1 << lzfHashBits]uint32{}, 0
	}
	base := z.base + 1
	z.base += uint32(len(s)) + 1
	shift := 32 - lzfHashBits
	if len(s) <= lzfShort {
		shift = 32 - lzfShortBits
	}
	out := z.out[:0]
	limit := len(s) - 4
	run := 0 // where the bytes begin that have not been dealt with
	for i := 0; i+4 <= len(s); {
		word := binary.LittleEndian.Uint32(s[i:])
		slot := &z.table[word<<8*2654435761>>shift]
		at := int(*slot) - int(base)
		*slot = base + uint32(i)
		if at < 0 || i-at > lzfWindow || s[at] != s[i] || s[at+1] != s[i+1] || s[at+2] != s[i+2] {
			i += 1 + (i-run)>>lzfSkipShift
			continue
		}
		n := lzfMinCopy
		for most := min(len(s)-i, lzfMaxCopy); n < most && s[at+n] == s[i+n]; n++ {
		}
		out = appendRuns(out, s[run:i])
		if len(out)+3 > limit {
			return false
		}
		out = appendCopy(out, i-at-1, n)
		i += n
		run = i
	}
	if left := len(s) - run; len(out)+left+(left+lzfMaxRun-1)/lzfMaxRun >= limit {
		return false
	}
	z.out = appendRuns(out, s[run:])
	return true
}

func appendRuns(out, s []byte) []byte {
	for len(s) > 0 {
		n := min(len(s), lzfMaxRun)
		out = append(append(out, byte(n-1)), s[:n]...)
		s = s[n:]
	}
	return out
}

func appendCopy(out []byte, back, n int) []byte {
	if n -= 2; n < 7 {
		return append(out, byte(n<<5|back>>8), byte(back))
	}
	return append(out, byte(7<<5|back>>8), byte(n-7), byte(back))
}

// decompress appends to dst the size bytes that s stands for; ok is false when s does not give as many exactly. dst grows
// no faster than s explains it.
func decompress(dst, s []byte, size uint64) (out []byte, ok bool) {
	if size > uint64(len(s))*lzfMaxCopy { // three bytes give 264 at most
		return dst, false
	}
	start, end := len(dst), len(dst)+int(size)
	for len(s) > 0 {
		n := int(s[0])
		if n < lzfMaxRun {
			n++
			if len(s) <= n || len(dst)+n > end {
				return dst, false
			}
			dst = append(dst, s[1:1+n]...)
			s = s[1+n:]
			continue
		}
		back, head := n&0x1f<<8, 2
		if n >>= 5; n == 7 {
			if len(s) < 3 {
				return dst, false
			}
			n += int(s[1])
			head = 3
		}
		if len(s) < head {
			return dst, false
		}
		back |= int(s[head-1])
		s = s[head:]
		n += 2
		from := len(dst) - back - 1
		if from < start || len(dst)+n > end {
			return dst, false
		}
		for n > 0 { // what overlaps is copied in pieces that do not
			k := min(n, len(dst)-from)
			dst = append(dst, dst[from:from+k]...)
			n -= k
		}
	}
	return dst, len(dst) == end
}
