package list

import "encoding/binary"

// Blobs: a count of 2 bytes and a span. Their owner edits the span in place; the functions here are what that takes.

const blobHead = 2

// MaxBlob is the greatest count of a blob; the limits of redis.conf are below it for all elements that there are.
const MaxBlob = 1<<16 - 1

// Blob appends a blob without elements.
func Blob(dst []byte) []byte { return append(dst, 0, 0) }

// Count is the number of elements of a blob.
func Count(blob []byte) int { return int(binary.LittleEndian.Uint16(blob)) }

// SetCount changes it.
func SetCount(blob []byte, n int) { binary.LittleEndian.PutUint16(blob, uint16(n)) }

// Span is the elements of a blob.
func Span(blob []byte) []byte { return blob[blobHead:] }

// Size is how many bytes an element takes.
func Size(s []byte) int {
	x := encode(s)
	return x.size
}

// Put writes an element at the start of b and returns its size.
func Put(b, s []byte) int {
	x := encode(s)
	x.put(b)
	return x.size
}

// Append appends an element to a span.
func Append(dst, s []byte) []byte {
	x := encode(s)
	at := len(dst)
	dst = append(dst, x.head[:x.headSize]...)
	dst = append(dst, x.body...)
	var back [5]byte
	n := x.size - (len(dst) - at)
	putBack(back[:n], len(dst)-at)
	return append(dst, back[:n]...)
}

// Seek is the position of element i of count in a span; i may be count.
func Seek(span []byte, count, i int) int { return seek(span, count, i) }

// Slice is n elements from element from on.
func Slice(span []byte, count, from, n int) []byte {
	if from > 0 {
		span = span[seek(span, count, from):]
		count -= from
	}
	if n < count {
		span = span[:seek(span, count, n)]
	}
	return span
}
