package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

// Kind is what a key holds.
type Kind byte

// Kinds of values.
const (
	KindString Kind = iota
	KindList
	KindSet
	KindZset
	KindHash
	KindStream
	Kinds // how many there are
)

// String names the kind as TYPE does.
func (k Kind) String() string {
	return [...]string{"string", "list", "set", "zset", "hash", "stream", "unknown"}[min(k, Kinds)]
}

// Op says what an Item is.
type Op byte

// What a reader finds, and which fields of the Item count.
const (
	OpAux      Op = iota // Name, Data
	OpSelectDB           // N
	OpResizeDB           // N keys, M deadlines
	OpFunction           // Data: the source of a library of functions
	OpKey                // Name, Type, Kind, DeadlineMs, Idle, Freq, N elements or bytes; for a string all of it, or its start, in Data; More
	OpPart               // Data: a string goes on; More
	OpElem               // Data: of a list or set
	OpField              // Name, Data: of a hash
	OpMember             // Name, Score: of a sorted set
	OpEntry              // ID, Fields: names and values in turn
	OpStream             // Info, Counts
	OpGroup              // Name, ID last delivered, N entries read as an int64, Counts
	OpPending            // ID, N delivered (ms), M deliveries: of the group
	OpConsumer           // Name, N seen (ms), M active (ms)
	OpOwn                // ID: pending for the consumer
	OpEnd                // of a value that is not a string
)

// Item is one thing that a reader found. What it refers to dies when the function that was given it returns.
type Item struct {
	Op     Op
	Type   Type
	Kind   Kind
	More   bool  // the string goes on in an OpPart
	Counts bool  // Info has all its fields; N of an OpGroup counts
	Idle   int64 // seconds since the last access; -1: not told
	Freq   int   // LFU counter; -1: not told
	Offset int64 // of the key, or the element's blob

	Name, Data []byte
	N, M       uint64
	DeadlineMs int64 // 0: none
	Score      float64
	ID         ID
	Fields     [][]byte
	Info       StreamInfo
}

// Summary is what is known of a file after it has been read, or as far as it could be.
type Summary struct {
	Version  int
	Checksum Checksum
	Keys     [Kinds]uint64
	Expires  [Kinds]uint64
	Key      []byte // the last one that was begun
	DB       uint64 // it was in
}

// Checksum is what has become of the checksum of a file.
type Checksum byte

// Outcomes of the check.
const (
	ChecksumUnread  Checksum = iota // the file ends before it
	ChecksumNone                    // the version has none
	ChecksumOff                     // it was written without (rdbchecksum no)
	ChecksumIgnored                 // the reader was told to
	ChecksumGood
	ChecksumBad
)

// Summary tells what has been read.
func (r *Reader) Summary() Summary { return r.inform }

// IgnoreChecksum makes Read take a file whatever its checksum is.
func (r *Reader) IgnoreChecksum() { r.sum = false }

// Read reads a file and passes what it finds to put, whose error ends it. Every error of the file is an *Error. The bytes
// behind the file stay in Rest and in the input.
func (r *Reader) Read(put func(*Item) error) error {
	r.put = put
	if err := r.header(); err != nil {
		return err
	}
	k := noKey
	for {
		at := r.Offset()
		b, err := r.byte()
		if err != nil {
			return err
		}
		if Opcode(b) == opEOF {
			return r.checksum(at)
		}
		if Opcode(b) < firstOp {
			if err := r.entry(at, Type(b), &k); err != nil {
				return err
			}
			k = noKey
			continue
		}
		if err := r.item(at, Opcode(b), &k); err != nil {
			return err
		}
	}
}

// ReadPayload passes the value of a payload, as CheckPayload returned it, to put: OpKey without a name, and what follows it.
// most is how many bytes a string that is compressed there may have: it could be a hundred times those that have come.
func ReadPayload(p []byte, most uint64, put func(*Item) error) error {
	r := newPayloadReader(p, most)
	r.put = put
	t, err := r.byte()
	if err != nil {
		return err
	}
	r.it = Item{Op: OpKey, Type: Type(t), Idle: -1, Freq: -1}
	if err := r.value(0, Type(t)); err != nil {
		return err
	}
	if r.pos != r.end {
		return r.fail(r.Offset(), "%d bytes too many", r.end-r.pos)
	}
	return nil
}

func (r *Reader) header() error {
	b, err := r.take(headerBytes)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b, []byte("REDIS")) {
		return r.fail(0, "not an RDB file: it begins with %q", b[:5])
	}
	version, err := strconv.Atoi(string(b[5:]))
	if err != nil || version < 1 || version > MaxVersion || b[5] == '+' || b[5] == '-' {
		return r.fail(5, "version %q of the format is not known (1 to %d are)", b[5:], MaxVersion)
	}
	r.inform.Version = version
	return nil
}

// noKey is what stands before a key about which nothing is told.
var noKey = Item{Op: OpKey, Idle: -1, Freq: -1}

// item reads what is not a key. What it says of the key that follows goes to k.
func (r *Reader) item(at int64, op Opcode, k *Item) error {
	switch op {
	case opExpireMs, opExpire:
		return r.deadline(op, k)
	case opIdle:
		n, err := r.count()
		k.Idle = int64(min(n, math.MaxInt64))
		return err
	case opFreq:
		b, err := r.byte()
		k.Freq = int(b)
		return err
	case opAux:
		return r.aux()
	case opSelectDB:
		n, err := r.count()
		if err != nil {
			return err
		}
		if n > math.MaxInt32 {
			return r.fail(at, "database %d", n)
		}
		r.inform.DB = n
		return r.pass(Item{Op: OpSelectDB, N: n, Offset: at})
	case opResizeDB:
		n, err := r.count()
		if err != nil {
			return err
		}
		m, err := r.count()
		if err != nil {
			return err
		}
		return r.pass(Item{Op: OpResizeDB, N: n, M: m, Offset: at})
	case opSlotInfo:
		for range 3 {
			if _, err := r.count(); err != nil {
				return err
			}
		}
		return nil
	case opFunction2:
		code, err := r.string()
		if err != nil {
			return err
		}
		return r.pass(Item{Op: OpFunction, Data: code, Offset: at})
	case opFunctionPre:
		return r.fail(at, "functions in the format of a release candidate of Redis 7.0, which no release reads")
	case opModuleAux:
		return r.fail(at, "data of a module (MODULE_AUX); modules cannot be loaded here")
	}
	return r.fail(at, "unknown opcode %02xh", byte(op))
}

func (r *Reader) pass(it Item) error {
	r.it = it
	return r.emit()
}

// emit passes the item in it. What the receiver finds wrong with it gets an offset.
func (r *Reader) emit() error {
	err := r.put(&r.it)
	if wrong := (Wrong)(""); errors.As(err, &wrong) {
		return &Error{Offset: r.it.Offset, What: string(wrong)}
	}
	return err
}

// Wrong is the error of a receiver that finds that an item makes no sense.
type Wrong string

func (w Wrong) Error() string { return string(w) }

func (r *Reader) aux() error {
	at := r.Offset()
	name, err := r.string()
	if err != nil {
		return err
	}
	name = r.keep(name)
	value, err := r.string()
	if err != nil {
		return err
	}
	return r.pass(Item{Op: OpAux, Name: name, Data: value, Offset: at})
}

func (r *Reader) deadline(op Opcode, k *Item) error {
	if op == opExpire {
		b, err := r.take(4)
		if err != nil {
			return err
		}
		k.DeadlineMs = int64(int32(binary.LittleEndian.Uint32(b))) * 1000
	} else {
		n, err := r.uint64()
		if err != nil {
			return err
		}
		k.DeadlineMs = int64(n)
	}
	k.DeadlineMs = max(k.DeadlineMs, 1) // long past; 0 means none
	return nil
}

// entry reads a key and its value.
func (r *Reader) entry(at int64, t Type, k *Item) error {
	key, err := r.string()
	if err != nil {
		return err
	}
	r.inform.Key = append(r.inform.Key[:0], key...)
	r.it = *k
	r.it.Type, r.it.Name, r.it.Offset = t, r.inform.Key, at
	return r.value(at, t)
}

// checksum ends a file at its opEOF.
func (r *Reader) checksum(at int64) error {
	r.cover()
	if r.inform.Version < checksumSince {
		r.inform.Checksum = ChecksumNone
		return nil
	}
	crc := r.crc
	want, err := r.uint64()
	if err != nil {
		return err
	}
	r.done = r.pos
	switch {
	case want == 0:
		r.inform.Checksum = ChecksumOff
	case !r.sum:
		r.inform.Checksum = ChecksumIgnored
	case want == crc:
		r.inform.Checksum = ChecksumGood
	default:
		r.inform.Checksum = ChecksumBad
		return r.fail(at, "the checksum is %016x, that of the bytes before is %016x", want, crc)
	}
	return nil
}
