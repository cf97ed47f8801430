//go:build linux

// Sources decide what is sent. Measured loops replay commands encoded beforehand, so that encoding is not part of
// what is timed; loading encodes as it goes, because ten million commands are not worth keeping.

package load

import "github.com/tidwall/redcon"

// Source yields the batches to send. Calls come from one goroutine.
type Source interface {
	// Next returns a connection's next batch and how many replies it will get; 0 ends the load. dst is the batch
	// the same connection got before (nil at first): all of it has been sent, and its memory may be used again.
	// The batch is only read, until it comes back as dst.
	Next(dst []byte) (batch []byte, replies int)
}

// Encode appends command number i to dst.
type Encode func(dst []byte, i int) []byte

// Command appends one command in RESP to dst.
func Command(dst []byte, args ...string) []byte {
	dst = redcon.AppendArray(dst, len(args))
	for _, a := range args {
		dst = redcon.AppendBulkString(dst, a)
	}
	return dst
}

// Script is a Source that repeats the same encoded batches for ever.
type Script struct {
	buf   []byte
	ends  []int // ends[i] is where batch i stops in buf
	depth int
	next  int
}

// NewScript encodes commands 0 to batches*depth-1 into batches of depth commands. Both must be at least 1.
func NewScript(batches, depth int, encode Encode) *Script {
	s := &Script{ends: make([]int, 0, batches), depth: depth}
	for i := range batches {
		for j := range depth {
			s.buf = encode(s.buf, i*depth+j)
		}
		s.ends = append(s.ends, len(s.buf))
	}
	return s
}

// Next returns the next batch, and the first one after the last.
func (s *Script) Next([]byte) ([]byte, int) {
	start := 0
	if s.next > 0 {
		start = s.ends[s.next-1]
	}
	batch := s.buf[start:s.ends[s.next]]
	s.next++
	if s.next == len(s.ends) {
		s.next = 0
	}
	return batch, s.depth
}

// Sequence is a Source that encodes commands 0 to Count-1 once, Depth at a time.
type Sequence struct {
	Count  int
	Depth  int
	Encode Encode
	next   int
}

// Next encodes the next batch into dst.
func (s *Sequence) Next(dst []byte) ([]byte, int) {
	n := min(s.Depth, s.Count-s.next)
	dst = dst[:0]
	for i := range n {
		dst = s.Encode(dst, s.next+i)
	}
	s.next += n
	return dst, n
}
