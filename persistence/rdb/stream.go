package rdb

import (
	"encoding/binary"

	"redix/engine/packed"
)

// Streams. A value is
//
//	n, n nodes | length | last ID | [first ID | highest deleted ID | entries added] | n, n groups         [] types 19 and 21
//
//	node      ID of the node (a string of 16 bytes, big endian) | listpack (a string)
//	group     name | last ID | [entries read] | n, n pending | n, n consumers
//	pending   ID (16 bytes) | delivered (8 bytes, ms) | deliveries
//	consumer  name | seen (8 bytes, ms) | {active (8 bytes, ms)} | n, n IDs (16 bytes) of its pending entries    {} type 21
//
// Other IDs are two lengths. The listpack of a node:
//
//	live | deleted | k | k names | 0 | entry | entry | ...
//	entry     flags | ms | seq | k values | k+3                            flag 2: with the names of the node
//	          flags | ms | seq | k | k (name, value) | 2k+4                flag 1: deleted
//
// ms and seq are the distance from the ID of the node, modulo 2^64. The last element of an entry counts those before it.

const (
	idBytes     = 16
	flagDeleted = 1
	flagSame    = 2
)

// ID is the ID of a stream's entry.
type ID struct{ Ms, Seq uint64 }

// Less reports whether a comes before b.
func (a ID) Less(b ID) bool { return a.Ms < b.Ms || a.Ms == b.Ms && a.Seq < b.Seq }

// StreamInfo is what is known of a stream beside its entries.
type StreamInfo struct {
	Length uint64
	Last   ID
	// What follows is not in a TypeStream.
	First, MaxDeleted ID
	Added             uint64
}

// StreamType is the first type that loses nothing, as far as version allows it (9: TypeStream, 10: TypeStream2, 11: TypeStream3).
// counts tells that a reader of a TypeStream, which takes it that no entry was ever removed, would have other numbers of
// entries added or read; active, that some consumer was last active at another time than it was last seen.
func StreamType(version int, counts, active bool) Type {
	switch {
	case version >= 11 && active:
		return TypeStream3
	case version >= 10 && counts:
		return TypeStream2
	}
	return TypeStream
}

// NodeWriter builds nodes of streams, one after the other: Begin, Name for each name of the node, then for each entry Entry
// and Value for its values (names and values in turn where they are its own), and Append.
type NodeWriter struct {
	base  ID
	names []byte // elements of a listpack
	nname int
	body  []byte
	live  int
	elems int // in body
	left  int // elements that the entry still needs
	size  int // of the entry, in elements
	out   []byte
}

// Begin starts a node whose ID is that of its first entry, or below.
func (w *NodeWriter) Begin(base ID) {
	*w = NodeWriter{base: base, names: w.names[:0], body: w.body[:0], out: w.out}
}

// Name adds one of the names that entries share.
func (w *NodeWriter) Name(v packed.Elem) {
	w.names = appendElem(w.names, v)
	w.nname++
}

// Entry begins an entry with so many fields; same says that its names are those of the node.
func (w *NodeWriter) Entry(id ID, fields int, same bool) {
	flags := int64(0)
	w.left, w.size = 2*fields, 2*fields+4
	if same {
		flags, w.left, w.size = flagSame, fields, fields+3
	}
	w.body = appendInt(w.body, flags)
	w.body = appendInt(w.body, int64(id.Ms-w.base.Ms))
	w.body = appendInt(w.body, int64(id.Seq-w.base.Seq))
	if !same {
		w.body = appendInt(w.body, int64(fields))
	}
	w.live++
	w.elems += w.size + 1
	w.end()
}

// Value adds a value, or a name, to the entry.
func (w *NodeWriter) Value(v packed.Elem) {
	w.body = appendElem(w.body, v)
	w.left--
	w.end()
}

func (w *NodeWriter) end() {
	if w.left == 0 {
		w.body = appendInt(w.body, int64(w.size))
	}
}

// Append appends the node.
func (w *NodeWriter) Append(z *Compressor, dst []byte) []byte {
	b := append(w.out[:0], make([]byte, listpackHead)...)
	b = appendInt(b, int64(w.live))
	b = appendInt(b, 0)
	b = appendInt(b, int64(w.nname))
	b = append(b, w.names...)
	b = appendInt(b, 0)
	b = append(b, w.body...)
	b = endListpack(b, 4+w.nname+w.elems)
	w.out = b
	dst = appendID(append(dst, idBytes), w.base)
	return z.AppendString(dst, b)
}

func appendID(dst []byte, id ID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, id.Ms), id.Seq)
}

func appendIDLens(dst []byte, id ID) []byte { return AppendLen(AppendLen(dst, id.Ms), id.Seq) }

// AppendStreamInfo follows the nodes of a stream of type t.
func AppendStreamInfo(dst []byte, t Type, s StreamInfo) []byte {
	dst = appendIDLens(AppendLen(dst, s.Length), s.Last)
	if t == TypeStream {
		return dst
	}
	return AppendLen(appendIDLens(appendIDLens(dst, s.First), s.MaxDeleted), s.Added)
}

// AppendGroup begins a group of a stream of type t; read is negative when it is not known. The number of pending entries
// and these (AppendPending), the number of consumers and these (AppendConsumer) follow.
func AppendGroup(dst []byte, t Type, name string, last ID, read int64) []byte {
	dst = append(AppendLen(dst, uint64(len(name))), name...)
	dst = appendIDLens(dst, last)
	if t == TypeStream {
		return dst
	}
	return AppendLen(dst, uint64(read))
}

// AppendPending appends a pending entry of a group.
func AppendPending(dst []byte, id ID, deliveredMs, deliveries int64) []byte {
	dst = binary.LittleEndian.AppendUint64(appendID(dst, id), uint64(deliveredMs))
	return AppendLen(dst, uint64(deliveries))
}

// AppendConsumer begins a consumer of a group in a stream of type t, active at -1 if it never was. The number of its pending
// entries and their IDs (AppendPendingID) follow.
func AppendConsumer(dst []byte, t Type, name string, seenMs, activeMs int64) []byte {
	dst = append(AppendLen(dst, uint64(len(name))), name...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(seenMs))
	if t == TypeStream3 {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(activeMs))
	}
	return dst
}

// AppendPendingID appends the ID of one of a consumer's pending entries.
func AppendPendingID(dst []byte, id ID) []byte { return appendID(dst, id) }
