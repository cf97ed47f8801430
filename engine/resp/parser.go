package resp

// The frame parser. A request is an array of bulk strings:
//
//	*3\r\n      header: how many arguments
//	$3\r\n      bulk header: how long the next payload is
//	SET\r\n     payload and two bytes that are skipped, whatever they are
//	$1\r\n k\r\n $1\r\n v\r\n
//
// Next first tries the whole frame in one pass that keeps everything in registers and writes nothing but args. Where
// that pass meets the end of buf, or anything that it does not recognise at a glance, it parks what it has in the
// Parser and leaves the rest to resume, which knows every rule and every error. The states:
//
//	idle ──"*N\r\n"──► header ──"$n\r\n"──► payload ──n+2 bytes──► header ── N arguments ──► whole
//	  └── anything else ──"\n"──► an inline frame
//
// What is parked of a frame is the size of every argument read so far, eight bytes each, and no position: numbers have
// one spelling only (no leading zero, no plus), so a header's length follows from the number in it, and the places
// of all arguments follow from their sizes when the frame is whole. buf may therefore move between calls. Nothing is
// reserved for arguments that were announced and have not arrived.

import (
	"bytes"
	"math"
	"slices"
)

// Limits bounds what one frame may hold. All parsers share one value; only the loop changes it.
type Limits struct {
	MaxBulk   int64 // longest argument in bytes (proto-max-bulk-len)
	MaxInline int   // longest inline request and longest header line in bytes, without its end; 64 or more
	BigBulk   int   // a bulk of at least so many bytes may be read into a buffer of its own; 0: none
}

const (
	maxArgs         = math.MaxInt32
	maxSize         = 1 << 46 // above it no buffer can exist, and sums could overflow
	maxArgsUnauth   = 10      // before authentication: arguments in a frame
	maxBulkUnauth   = 16384   // before authentication: bytes in an argument
	sizesInParser   = 5       // sizes parked without an allocation
	bytesASize      = 8
	shortHeaderSize = 12 // marker, nine digits, two bytes of line end
)

// ProtocolError is a frame that no client may send. The caller replies "-ERR " and the text, then closes.
type ProtocolError struct{ text string }

// Error returns the text that redis-server sends, without the error code.
func (e *ProtocolError) Error() string { return e.text }

var (
	errCount       = &ProtocolError{"Protocol error: invalid multibulk length"}
	errCountUnauth = &ProtocolError{"Protocol error: unauthenticated multibulk length"}
	errCountLine   = &ProtocolError{"Protocol error: too big mbulk count string"}
	errSize        = &ProtocolError{"Protocol error: invalid bulk length"}
	errSizeUnauth  = &ProtocolError{"Protocol error: unauthenticated bulk length"}
	errSizeLine    = &ProtocolError{"Protocol error: too big bulk count string"}
	errInline      = &ProtocolError{"Protocol error: too big inline request"}
	errQuotes      = &ProtocolError{"Protocol error: unbalanced quotes in request"}
)

type stage uint8

const (
	stageIdle    stage = iota // at the start of a frame; scan may be set
	stageHeader               // at a bulk header, or at the end of the frame when have == want
	stagePayload              // inside an argument of size bytes
	stageBig                  // the frame returned last held big arguments; the next call forgets them
)

// Parser holds what is known of a frame that has arrived in part. Its zero value is ready and it is 88 bytes.
type Parser struct {
	pos   int                // where parsing goes on: the line or the payload that starts here is not whole yet
	scan  int                // everything before it has been searched for the end of that line
	size  int                // stagePayload: the size announced
	want  int32              // arguments announced
	have  int32              // arguments read
	stage stage              //
	big   bool               // stagePayload: the argument may be read into a buffer of its own
	few   [sizesInParser]int // sizes of the first arguments; ^i for the i-th big one
	more  *overflow          // what does not fit above, nil for nearly every frame
}

// overflow is the part of a parked frame that small frames do without.
type overflow struct {
	sizes    []int    // sizes from the sizesInParser-th argument on
	bigs     [][]byte // big arguments, without their line ends
	bigBytes int      // memory that bigs keep alive
	index    []int    // which arguments the bigs are
}

// Next parses the frame at the start of buf.
//
//   - n > 0: a whole frame of n bytes. Its arguments, appended to args[:0], point into buf or into a buffer given to
//     GiveBig, and die when that memory is reused; those of a line with quotes are a copy. buf stays as it is, so a frame
//     without big arguments can be parsed again. A frame may be empty ("*0\r\n", "*-1\r\n", a blank line): skip it.
//   - n == 0 and err == nil: more bytes are needed. The next call gets the same bytes followed by more (buf may have
//     moved, limits may have changed) and goes on where this one stopped; nothing is searched or read twice, but the
//     sizes of a parked frame's arguments, once, when it is whole.
//   - err is a *ProtocolError. The parser is of no use then until Reset.
func (p *Parser) Next(buf []byte, args [][]byte, l *Limits, authenticated bool) (_ [][]byte, n int, err error) {
	args = args[:0]
	if p.stage == stageBig {
		p.Reset()
	}
	if p.stage != stageIdle || p.scan != 0 || len(buf) < 4 || buf[0] != '*' || !authenticated {
		return p.resume(buf, args, l, authenticated)
	}
	count, pos := uint(buf[1]-'0'), uint(4)
	if count > 9 || buf[2] != '\r' {
		if count, pos = shortHeader(buf, 0); pos == 0 {
			return p.resume(buf, args, l, authenticated)
		}
	}
	maxBulk, length := uint(max(l.MaxBulk, 0)), uint(len(buf))
	for range count {
		if pos+4 > length || buf[pos] != '$' {
			return p.park(buf, args, l, count, pos)
		}
		size, start := uint(buf[pos+1]-'0'), pos+4
		if size > 9 || buf[pos+2] != '\r' {
			if second := uint(buf[pos+2] - '0'); second <= 9 && size-1 < 9 && buf[pos+3] == '\r' {
				size, start = size*10+second, pos+5
			} else if size, start = shortHeader(buf, pos); start == 0 {
				return p.park(buf, args, l, count, pos)
			}
		}
		end := start + size
		if size > maxBulk || end+2 > length {
			return p.park(buf, args, l, count, pos)
		}
		args = append(args, buf[start:end:end])
		pos = end + 2
	}
	return args, int(pos), nil
}

// shortHeader reads a number of one to nine digits between the marker at buf[pos] and a line end. next is where the line
// after it starts, or 0 when buf does not hold such a header whole; that says nothing about whether it is right.
func shortHeader(buf []byte, pos uint) (number, next uint) {
	b := buf[pos:]
	if len(b) > shortHeaderSize {
		b = b[:shortHeaderSize]
	}
	if len(b) < 4 || b[1] == '0' && b[2] != '\r' {
		return 0, 0
	}
	for i := 1; i < len(b)-1; i++ {
		d := b[i] - '0'
		if d > 9 {
			if b[i] == '\r' && i > 1 {
				return number, pos + uint(i) + 2
			}
			return 0, 0
		}
		number = number*10 + uint(d)
	}
	return 0, 0
}

// park keeps what Next's first pass has read, then lets resume go on at pos.
func (p *Parser) park(buf []byte, args [][]byte, l *Limits, count, pos uint) ([][]byte, int, error) {
	p.want, p.pos, p.scan, p.stage = int32(count), int(pos), int(pos), stageHeader
	if extra := len(args) - sizesInParser; extra > 0 {
		p.more = &overflow{sizes: make([]int, 0, 2*extra)}
	}
	for _, arg := range args {
		p.push(len(arg))
	}
	return p.resume(buf, args[:0], l, true)
}

// resume parses by the book, from wherever the last call stopped.
func (p *Parser) resume(buf []byte, args [][]byte, l *Limits, authenticated bool) ([][]byte, int, error) {
	if p.stage == stageIdle {
		if len(buf) == 0 {
			return args, 0, nil
		}
		if buf[0] != '*' {
			return p.inline(buf, args, l)
		}
		count, next, err := p.readCount(buf, l, authenticated)
		if next == 0 || err != nil {
			return args, 0, err
		}
		if count <= 0 {
			p.Reset()
			return args, next, nil
		}
		p.want, p.pos, p.stage = int32(count), next, stageHeader
	}
	for {
		if p.stage == stageHeader {
			if p.have == p.want {
				return p.finish(buf, args)
			}
			size, next, err := p.readSize(buf, l, authenticated)
			if next == 0 || err != nil {
				return args, 0, err
			}
			p.size, p.pos, p.stage = size, next, stagePayload
			p.big = l.BigBulk > 0 && size >= l.BigBulk
		}
		if len(buf)-p.pos-2 < p.size {
			return args, 0, nil
		}
		p.push(p.size)
		p.pos += p.size + 2
		p.stage = stageHeader
	}
}

// readCount reads "*count\r\n". next is 0 while the line is not whole.
func (p *Parser) readCount(buf []byte, l *Limits, authenticated bool) (count, next int, err error) {
	cr, next, err := p.endOfHeader(buf, l, errCountLine)
	if next == 0 || err != nil {
		return 0, 0, err
	}
	n, ok := ParseInt(buf[1:cr])
	if !ok || n > maxArgs {
		return 0, 0, errCount
	}
	if n > maxArgsUnauth && !authenticated {
		return 0, 0, errCountUnauth
	}
	return int(max(n, 0)), next, nil
}

// readSize reads "$size\r\n". next is 0 while the line is not whole.
func (p *Parser) readSize(buf []byte, l *Limits, authenticated bool) (size, next int, err error) {
	cr, next, err := p.endOfHeader(buf, l, errSizeLine)
	if next == 0 || err != nil {
		return 0, 0, err
	}
	if marker := buf[p.pos]; marker != '$' {
		if marker == '\r' || marker == '\n' {
			marker = ' '
		}
		// Built from bytes: string(marker) would be a rune, two bytes from 0x80 on.
		return 0, 0, &ProtocolError{"Protocol error: expected '$', got '" + string([]byte{marker}) + "'"}
	}
	n, ok := ParseInt(buf[p.pos+1 : cr])
	if !ok || n < 0 || n > min(l.MaxBulk, maxSize) {
		return 0, 0, errSize
	}
	if n > maxBulkUnauth && !authenticated {
		return 0, 0, errSizeUnauth
	}
	return int(n), next, nil
}

// endOfHeader finds the carriage return that ends the header line at p.pos; the byte after it belongs to the line
// whatever it is, and the next line starts at next. next is 0 while the line is not whole.
func (p *Parser) endOfHeader(buf []byte, l *Limits, tooLong error) (cr, next int, err error) {
	cr, err = p.find(buf, '\r', l, tooLong)
	if cr < 0 || err != nil {
		return 0, 0, err
	}
	if cr+1 == len(buf) {
		p.scan = cr
		return 0, 0, nil
	}
	return cr, cr + 2, nil
}

// find returns where end is in the line at p.pos, or -1 when it has not arrived. A line longer than l.MaxInline is
// an error even when its end is there, so that a request means the same in whatever pieces it arrives.
func (p *Parser) find(buf []byte, end byte, l *Limits, tooLong error) (int, error) {
	limit := min(len(buf), p.pos+l.MaxInline+1)
	from := min(max(p.pos, p.scan), limit)
	if i := bytes.IndexByte(buf[from:limit], end); i >= 0 {
		return from + i, nil
	}
	if limit-p.pos > l.MaxInline {
		return -1, tooLong
	}
	p.scan = limit
	return -1, nil
}

// push parks the size of one more argument.
func (p *Parser) push(size int) {
	if p.have < sizesInParser {
		p.few[p.have] = size
	} else {
		m := p.overflow()
		m.sizes = append(m.sizes, size)
	}
	p.have++
}

func (p *Parser) overflow() *overflow {
	if p.more == nil {
		p.more = &overflow{}
	}
	return p.more
}

// finish lays out the arguments of a frame that is whole.
func (p *Parser) finish(buf []byte, args [][]byte) ([][]byte, int, error) {
	args = slices.Grow(args, int(p.have))
	at := headerSize(int(p.want))
	for i := range int(p.have) {
		var size int
		if i < sizesInParser {
			size = p.few[i]
		} else {
			size = p.more.sizes[i-sizesInParser]
		}
		if size < 0 {
			arg := p.more.bigs[^size]
			at += headerSize(len(arg)) // the payload is not in buf
			args = append(args, arg)
			continue
		}
		at += headerSize(size)
		args = append(args, buf[at:at+size:at+size])
		at += size + 2
	}
	n, more := p.pos, p.more
	p.Reset()
	if more != nil && len(more.index) > 0 {
		p.stage, p.more = stageBig, &overflow{index: more.index}
	}
	return args, n, nil
}

// headerSize is the length of a marker, number and a line end.
func headerSize(number int) int {
	size := 4
	for ; number > 9; number /= 10 {
		size++
	}
	return size
}

// WantBig tells, after Next asked for more bytes, that the argument being read is a large one of size bytes whose
// payload starts at buf[have]; size is 0 otherwise. The caller may then read the payload in place: take a buffer of
// exactly size+2 bytes, copy into it what buf holds from have on, read from the connection straight into the rest,
// and call GiveBig when it is full. It may also ignore the offer and go on appending to buf.
func (p *Parser) WantBig() (have, size int) {
	if p.stage != stagePayload || !p.big {
		return 0, 0
	}
	return p.pos, p.size
}

// GiveBig hands over the buffer that WantBig asked for: the payload and the two bytes after it. The caller has cut its
// query buffer to the have that WantBig told, and calls Next again even if no byte has arrived since: the frame may be
// whole. The argument will be b without its last two bytes; b belongs to the frame until then.
func (p *Parser) GiveBig(b []byte) {
	if p.stage != stagePayload || !p.big || len(b) != p.size+2 {
		panic("resp: a big buffer that was not asked for")
	}
	m := p.overflow()
	m.index = append(m.index, int(p.have))
	m.bigs = append(m.bigs, b[:p.size:p.size])
	m.bigBytes += cap(b)
	p.push(^(len(m.bigs) - 1))
	p.stage = stageHeader
}

// BigIndex returns the first argument of the frame that Next has just returned which lies in a buffer of its own, so
// that a handler can keep that buffer instead of copying it. ok is false when there is none.
func (p *Parser) BigIndex() (index int, ok bool) {
	if p.stage != stageBig {
		return 0, false
	}
	return p.more.index[0], true
}

// BigIndexes returns all arguments that BigIndex speaks of, ascending. The slice dies with the next call of Next.
func (p *Parser) BigIndexes() []int {
	if p.stage != stageBig {
		return nil
	}
	return p.more.index
}

// Pending returns the bytes of memory that a half-read frame holds outside the query buffer: its parked sizes and the
// big buffers given so far.
func (p *Parser) Pending() int {
	if p.more == nil {
		return 0
	}
	return p.more.bigBytes + bytesASize*(cap(p.more.sizes)+cap(p.more.index))
}

// Reset forgets a half-read frame. The next call of Next starts at the start of a frame.
func (p *Parser) Reset() { *p = Parser{} }
