package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Error says what is wrong with a file or payload, and where.
type Error struct {
	Offset int64 // of the item, string or element that makes no sense, or where the bytes end
	What   string
	err    error
}

func (e *Error) Error() string { return fmt.Sprintf("rdb: %s, at offset %d", e.What, e.Offset) }

// Unwrap gives the error of the input, if it was that.
func (e *Error) Unwrap() error { return e.err }

// ErrShort is behind the errors of input that ends too early.
var ErrShort = io.ErrUnexpectedEOF

const (
	bufferBytes = 256 << 10
	partBytes   = 64 << 10 // a longer string is passed on in parts, where it is a value
	growBytes   = 1 << 20  // a buffer that has grown beyond is not kept

	maxString = math.MaxUint32 // bytes of a string
)

// Reader reads a file or a payload. It belongs to one goroutine.
type Reader struct {
	src  io.Reader
	buf  []byte
	pos  int   // of the next byte in buf
	end  int   // of the bytes in buf
	off  int64 // of buf[0] in the input
	err  error // of src
	crc  uint64
	done int // bytes of buf that crc covers
	sum  bool

	digits [32]byte
	plain  []byte // of a compressed string
	long   []byte // a string that does not fit into buf
	second []byte // a string that is kept while another one is read
	fields [][]byte
	names  [][]byte
	put    func(*Item) error
	it     Item
	text   []byte
	most   uint64 // bytes of a string that was compressed
	inform Summary
}

// NewReader returns a reader of a file. It reads ahead: see Rest.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: src, buf: make([]byte, bufferBytes), sum: true, most: maxString}
}

// newPayloadReader returns a reader of bytes in memory.
func newPayloadReader(p []byte, most uint64) *Reader {
	return &Reader{buf: p, end: len(p), err: io.EOF, most: min(most, maxString)}
}

// Offset is how many bytes have been read and understood.
func (r *Reader) Offset() int64 { return r.off + int64(r.pos) }

// Rest is what has been taken from the input and comes after the end of the file.
func (r *Reader) Rest() []byte { return r.buf[r.pos:r.end] }

// fail makes an error about what begins at an offset.
func (r *Reader) fail(offset int64, format string, args ...any) error {
	return &Error{Offset: offset, What: fmt.Sprintf(format, args...)}
}

// need makes sure that n bytes, not more than buf has, are in buf at pos.
func (r *Reader) need(n int) error {
	if r.end-r.pos >= n {
		return nil
	}
	return r.fill(n)
}

func (r *Reader) fill(n int) error {
	if r.err == nil && r.pos > 0 {
		r.cover()
		copy(r.buf, r.buf[r.pos:r.end])
		r.off += int64(r.pos)
		r.end -= r.pos
		r.pos, r.done = 0, 0
	}
	for r.end-r.pos < n {
		if r.err != nil {
			return r.short()
		}
		r.read(r.buf[r.end:])
	}
	return nil
}

// read takes bytes from the input to the end of those in buf.
func (r *Reader) read(room []byte) {
	for empty := 0; r.err == nil; empty++ {
		var n int
		n, r.err = r.src.Read(room)
		r.end += n
		if n > 0 {
			return
		}
		if empty > 100 {
			r.err = io.ErrNoProgress
		}
	}
}

// cover takes what has been used into the checksum.
func (r *Reader) cover() {
	if r.sum {
		r.crc = CRC64(r.crc, r.buf[r.done:r.pos])
	}
	r.done = r.pos
}

func (r *Reader) short() error {
	at := r.off + int64(r.end)
	if errors.Is(r.err, io.EOF) {
		return &Error{Offset: at, What: "cut short", err: ErrShort}
	}
	return &Error{Offset: at, What: r.err.Error(), err: r.err}
}

// take returns the next n bytes, n not more than bufferBytes; they live until the next call of a method of the reader.
func (r *Reader) take(n int) ([]byte, error) {
	if err := r.need(n); err != nil {
		return nil, err
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b, nil
}

func (r *Reader) byte() (byte, error) {
	if r.pos == r.end {
		if err := r.fill(1); err != nil {
			return 0, err
		}
	}
	r.pos++
	return r.buf[r.pos-1], nil
}

func (r *Reader) uint64() (uint64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// length reads a length; plain is false when it is the head of a string that is not its bytes, and n what kind that is.
func (r *Reader) length() (n uint64, plain bool, err error) {
	b, err := r.byte()
	if err != nil {
		return 0, false, err
	}
	switch {
	case b < len14:
		return uint64(b), true, nil
	case b < len32:
		low, err := r.byte()
		return uint64(b&^len14)<<8 | uint64(low), true, err
	case b >= special:
		return uint64(b), false, nil
	}
	size := 4
	switch b {
	case len32:
	case len64:
		size = 8
	default:
		return 0, false, r.fail(r.Offset()-1, "unknown length %02xh", b)
	}
	word, err := r.take(size)
	if err != nil {
		return 0, false, err
	}
	if size == 4 {
		return uint64(binary.BigEndian.Uint32(word)), true, nil
	}
	return binary.BigEndian.Uint64(word), true, nil
}

// count reads a length that may not be the head of a string.
func (r *Reader) count() (uint64, error) {
	at := r.Offset()
	n, plain, err := r.length()
	if err == nil && !plain {
		err = r.fail(at, "a string where a length should be")
	}
	return n, err
}

// string reads a string; it lives until the next call of a method of the reader.
func (r *Reader) string() ([]byte, error) {
	at := r.Offset()
	n, plain, err := r.length()
	if err != nil {
		return nil, err
	}
	if plain {
		return r.bytes(at, n)
	}
	return r.specialString(at, byte(n))
}

func (r *Reader) specialString(at int64, kind byte) ([]byte, error) {
	if kind == stringLZF {
		return r.compressed(at)
	}
	n, err := r.integer(at, kind)
	if err != nil {
		return nil, err
	}
	return strconv.AppendInt(r.digits[:0], n, 10), nil
}

func (r *Reader) integer(at int64, kind byte) (int64, error) {
	if kind < stringI8 || kind > stringI32 {
		return 0, r.fail(at, "unknown kind of string %02xh", kind)
	}
	b, err := r.take(1 << (kind - stringI8))
	if err != nil {
		return 0, err
	}
	switch kind {
	case stringI8:
		return int64(int8(b[0])), nil
	case stringI16:
		return int64(int16(binary.LittleEndian.Uint16(b))), nil
	}
	return int64(int32(binary.LittleEndian.Uint32(b))), nil
}

// bytes reads the n bytes of the string that began at an offset.
func (r *Reader) bytes(at int64, n uint64) ([]byte, error) {
	if n <= uint64(r.end-r.pos) || n <= bufferBytes && r.err == nil {
		return r.take(int(n))
	}
	if r.err != nil {
		return nil, r.short()
	}
	if n > maxString {
		return nil, r.fail(at, "a string of %d bytes", n)
	}
	return r.longString(int(n))
}

// longString reads a string that buf has no room for: room for it grows as its bytes arrive.
func (r *Reader) longString(n int) ([]byte, error) {
	b := append(r.long[:0], r.buf[r.pos:r.end]...)
	r.pos = r.end
	for len(b) < n {
		if err := r.need(1); err != nil {
			return nil, err
		}
		k := min(n-len(b), r.end-r.pos)
		b = append(b, r.buf[r.pos:r.pos+k]...)
		r.pos += k
	}
	if r.long = b; cap(b) > growBytes {
		r.long = nil
	}
	return b, nil
}

func (r *Reader) compressed(at int64) ([]byte, error) {
	n, err := r.count()
	if err != nil {
		return nil, err
	}
	size, err := r.count()
	if err != nil {
		return nil, err
	}
	if size > r.most {
		return nil, r.fail(at, "a compressed string of %d bytes", size)
	}
	b, err := r.bytes(at, n)
	if err != nil {
		return nil, err
	}
	out, ok := decompress(r.plain[:0], b, size)
	if !ok {
		return nil, r.fail(at, "a compressed string that does not give the %d bytes it should", size)
	}
	if r.plain = out; cap(out) > growBytes {
		r.plain = nil
	}
	return out, nil
}

// keep copies a string to where it lives until the next call of keep.
func (r *Reader) keep(b []byte) []byte {
	r.second = append(r.second[:0], b...)
	if cap(r.second) > growBytes {
		b, r.second = r.second, nil
		return b
	}
	return r.second
}
