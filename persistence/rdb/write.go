package rdb

import (
	"encoding/binary"
	"math"
	"strconv"

	"redix/engine/packed"
)

// Writing: every function appends to a buffer. A file is
//
//	AppendHeader, AppendAux ..., then for each database AppendSelectDB, AppendResizeDB and for each key
//	[AppendExpire] [AppendIdle or AppendFreq] AppendType, AppendString (the key), the value; AppendEOF, AppendChecksum
//
// and a value of n elements is AppendLen(n) and its strings. So whoever writes can stop after any of them.

// AppendHeader begins a file.
func AppendHeader(dst []byte) []byte { return append(dst, "REDIS0009"...) }

// AppendAux tells something of the file as a whole.
func AppendAux(dst []byte, name, value string) []byte {
	dst = append(dst, byte(opAux))
	dst = AppendString(dst, []byte(name))
	return AppendString(dst, []byte(value))
}

// AppendSelectDB says which database the keys that follow are in.
func AppendSelectDB(dst []byte, db int) []byte {
	return AppendLen(append(dst, byte(opSelectDB)), uint64(db))
}

// AppendResizeDB says how many keys and deadlines follow in this database.
func AppendResizeDB(dst []byte, keys, expires int) []byte {
	return AppendLen(AppendLen(append(dst, byte(opResizeDB)), uint64(keys)), uint64(expires))
}

// AppendExpire gives the key that follows a deadline in Unix milliseconds.
func AppendExpire(dst []byte, deadlineMs int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, byte(opExpireMs)), uint64(deadlineMs))
}

// AppendIdle says for how many seconds the key that follows has not been used.
func AppendIdle(dst []byte, seconds uint64) []byte {
	return AppendLen(append(dst, byte(opIdle)), seconds)
}

// AppendFreq gives the access counter of the key that follows.
func AppendFreq(dst []byte, counter byte) []byte { return append(dst, byte(opFreq), counter) }

// AppendType begins a value; its key stands after the type.
func AppendType(dst []byte, t Type) []byte { return append(dst, byte(t)) }

// AppendEOF ends the items.
func AppendEOF(dst []byte) []byte { return append(dst, byte(opEOF)) }

// AppendChecksum ends a file, whose bytes gave crc (CRC64 from 0 on, the byte of AppendEOF included); 0 says that there is
// no checksum.
func AppendChecksum(dst []byte, crc uint64) []byte { return binary.LittleEndian.AppendUint64(dst, crc) }

// AppendLen appends a length.
func AppendLen(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, byte(n))
	case n < 1<<14:
		return append(dst, len14|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, len32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, len64), n)
}

// maxIntDigits is the length of the longest string that may be written as an integer, -2147483648.
const maxIntDigits = 11

// AppendString appends a string; one that is the decimal form of an int32 as that number.
func AppendString(dst, s []byte) []byte {
	if len(s) <= maxIntDigits {
		if n, ok := packed.ParseInt(s); ok && int64(int32(n)) == n {
			return AppendInt(dst, n)
		}
	}
	return append(AppendLen(dst, uint64(len(s))), s...)
}

// AppendInt appends the decimal form of n as a string.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case n == int64(int8(n)):
		return append(dst, stringI8, byte(n))
	case n == int64(int16(n)):
		return append(dst, stringI16, byte(n), byte(n>>8))
	case n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(dst, stringI32), uint32(n))
	}
	var room [20]byte
	digits := strconv.AppendInt(room[:0], n, 10)
	return append(append(dst, byte(len(digits))), digits...)
}

// AppendElem appends an element of a collection as a string.
func (z *Compressor) AppendElem(dst []byte, v packed.Elem) []byte {
	if v.IsInt {
		return AppendInt(dst, v.Int)
	}
	return z.AppendString(dst, v.Str)
}

// AppendScore appends a score of a sorted set, of TypeZset2.
func AppendScore(dst []byte, score float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(score))
}

// AppendIntset appends the value of a TypeSetIntset: width 2, 4 or 8, and the integers, little endian and ascending.
func AppendIntset(dst []byte, width int, numbers []byte) []byte {
	dst = AppendLen(dst, uint64(intsetHead+len(numbers)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(width))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(numbers)/width))
	return append(dst, numbers...)
}

// intsetHead is the bytes of width and count.
const intsetHead = 8
