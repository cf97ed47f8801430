// The marks of a checked journal. What one hand-over to the disk adds to a file is a batch, and each batch stands between
// two lines that every reader skips as comments:
//
//	offset of the batch in its file                                             next batch, or fill, or the end
//	▼                                                                           ▼
//	#{00000000004f,00000000,1a2b3c4d\n  *3\r\n$3\r\nSET\r\n ...  #}9f00c2d1----\n
//	  │            │        │           │                         │       └ up to 63 bytes that align the end
//	  │            │        │           │                         └ CRC-32C over: the one of the batch before in this file (0
//	  │            │        │           │                           for the first), the offset, opening line, records
//	  │            │        │           └ whole records, whole transactions
//	  │            │        └ CRC-32C over: this line up to here, the offset
//	  │            └ bytes of the file before this batch that no sync had covered when it was written (ffffffff: or more)
//	  └ bytes after this line, up to the end of the closing one
//
// Numbers are hexadecimal, lower case, of fixed width. The closing line finds a flipped bit in the batch; its chain finds a
// batch that is lost, doubled or out of order. The opening line is what makes an unfinished batch known for one, and tells
// an accident from damage: nobody was promised anything after the last sync, so an end that is broken there may be cut
// off; a batch that does not check and that some later batch knows to have been synced is damage.
//
// Records outside of marks were written by another server (or with aof-checksum no). They are loaded as they are.

package persistence

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	batchHeadSize = 2 + 12 + 1 + 8 + 1 + 8 + 1
	batchTailMin  = 2 + 8 + 1
	batchTailMax  = batchTailMin + fillLine - 1
	unsyncedMax   = 1<<32 - 1
	batchSizeMax  = 1 << 48
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchHead is what the opening line of a batch says.
type batchHead struct {
	size     int64 // of the whole batch in bytes, both marks included
	unsynced int64
}

// appendBatchHead writes the opening line of a batch at offset at, whose records and closing line take rest bytes.
func appendBatchHead(dst []byte, at, rest, unsynced int64) []byte {
	start := len(dst)
	dst = append(dst, '#', '{')
	dst = appendHex(dst, uint64(rest), 12)
	dst = append(dst, ',')
	dst = appendHex(dst, uint64(min(unsynced, unsyncedMax)), 8)
	dst = append(dst, ',')
	dst = appendHex(dst, uint64(headSum(dst[start:], at)), 8)
	return append(dst, '\n')
}

// headSum is the sum of an opening line and its offset; it uses 8 bytes of room behind the line, if there are any. (What is
// on the stack and given to crc32 is moved to the heap, and batches are written on the hot path.)
func headSum(line []byte, at int64) uint32 {
	return crc32.Checksum(binary.LittleEndian.AppendUint64(line, uint64(at)), castagnoli)
}

// parseBatchHead reads the opening line at the start of p, which lies at offset at.
func parseBatchHead(p []byte, at int64) (h batchHead, ok bool) {
	if len(p) < batchHeadSize || p[0] != '#' || p[1] != '{' || p[14] != ',' || p[23] != ',' || p[batchHeadSize-1] != '\n' {
		return h, false
	}
	rest, ok1 := parseHex(p[2:14])
	unsynced, ok2 := parseHex(p[15:23])
	sum, ok3 := parseHex(p[24:32])
	if !ok1 || !ok2 || !ok3 || uint32(sum) != headSum(p[:24:24], at) || rest < batchTailMin || rest > batchSizeMax {
		return h, false
	}
	return batchHead{size: batchHeadSize + int64(rest), unsynced: int64(unsynced)}, true
}

// seedSum begins the sum of a batch at offset at that follows one with the sum before. seed is room to work in.
func seedSum(seed *[12]byte, before uint32, at int64) uint32 {
	binary.LittleEndian.PutUint32(seed[:], before)
	binary.LittleEndian.PutUint64(seed[4:], uint64(at))
	return crc32.Checksum(seed[:], castagnoli)
}

// appendBatchTail writes the closing line with pad bytes of padding.
func appendBatchTail(dst []byte, sum uint32, pad int64) []byte {
	dst = append(dst, '#', '}')
	dst = appendHex(dst, uint64(sum), 8)
	for range pad {
		dst = append(dst, '-')
	}
	return append(dst, '\n')
}

// parseBatchTail finds the closing line at the end of p; size is its length, 0 if there is none.
func parseBatchTail(p []byte) (sum uint32, size int) {
	i := len(p) - 1
	if i < 0 || p[i] != '\n' {
		return 0, 0
	}
	for i--; i >= 0 && p[i] == '-'; i-- {
	}
	if start := i - 9; start >= 1 && len(p)-start <= batchTailMax && p[start-1] == '\n' && p[start] == '#' && p[start+1] == '}' {
		if v, ok := parseHex(p[start+2 : i+1]); ok {
			return uint32(v), len(p) - start
		}
	}
	return 0, 0
}

// checkBatch tells whether p is exactly one batch, at offset at, after a batch with the sum before; sum is its own.
func checkBatch(p []byte, at int64, before uint32) (sum uint32, ok bool) {
	sum, tail := parseBatchTail(p)
	if tail == 0 {
		return 0, false
	}
	return sum, sum == crc32.Update(seedSum(new([12]byte), before, at), castagnoli, p[:len(p)-tail])
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, v uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// parseHex reads at most 15 digits, lower case only: a flipped bit must not go unseen.
func parseHex(p []byte) (v uint64, ok bool) {
	for _, c := range p {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// framer puts records between marks, ready to be written. The zero value is ready; its buffers are kept for reuse.
type framer struct {
	out, head, tail []byte
	seed            [12]byte
	parts           [][]byte
}

// gatherMax is up to how many bytes are copied into one buffer to leave in one system call.
const gatherMax = 256 << 10

// raw gives records as they are.
func (f *framer) raw(records [][]byte) (parts [][]byte, size int64) {
	for _, r := range records {
		size += int64(len(r))
	}
	if len(records) == 1 || size > gatherMax {
		return records, size
	}
	f.out = f.out[:0]
	for _, r := range records {
		f.out = append(f.out, r...)
	}
	f.parts = append(f.parts[:0], f.out)
	return f.parts, size
}

// batch gives records as the batch at offset at, and its sum. With align its end is a multiple of fillLine.
func (f *framer) batch(records [][]byte, at, unsynced int64, before uint32, align bool) (parts [][]byte, size int64, sum uint32) {
	size = batchHeadSize + batchTailMin
	for _, r := range records {
		size += int64(len(r))
	}
	pad := int64(0)
	if align {
		pad = -(at + size) & (fillLine - 1)
		size += pad
	}
	f.head = appendBatchHead(f.head[:0], at, size-batchHeadSize, unsynced)
	sum = crc32.Update(seedSum(&f.seed, before, at), castagnoli, f.head)
	f.parts = f.parts[:0]
	if size <= gatherMax {
		f.out = append(f.out[:0], f.head...)
		for _, r := range records {
			f.out = append(f.out, r...)
		}
		sum = crc32.Update(sum, castagnoli, f.out[batchHeadSize:])
		f.out = appendBatchTail(f.out, sum, pad)
		f.parts = append(f.parts, f.out)
		return f.parts, size, sum
	}
	f.parts = append(f.parts, f.head)
	for _, r := range records {
		sum = crc32.Update(sum, castagnoli, r)
		f.parts = append(f.parts, r)
	}
	f.tail = appendBatchTail(f.tail[:0], sum, pad)
	f.parts = append(f.parts, f.tail)
	return f.parts, size, sum
}
