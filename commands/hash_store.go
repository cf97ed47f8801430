package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
)

// How a hash is kept, and the two ways to it: hashGet and eachField to read, hashEdit to change.
//
//	encoding         shown as    while
//	EncHashPacked    listpack    within hash-max-listpack-entries and -value, and listpackBytes
//	EncHashPackedT   hashtable   it has been past these, but has at most packedFields and packedBytes
//	EncHashTable     hashtable   for good, once it has been past those too
//
// As in redis-server a hash never goes back up this list: OBJECT ENCODING shows the past. The middle row is ours. A
// table costs some 4 KiB before its first field and 20 bytes a field; a search of 2 KiB costs less than half a
// microsecond.

const (
	packedFields  = 128
	packedBytes   = 2 << 10
	listpackBytes = 1 << 20 // whatever redis.conf says: an edit moves that much
)

// hashLen counts the fields.
func hashLen(e *keyspace.Entry) int {
	if e.Encoding() == keyspace.EncHashTable {
		return e.DB().Table(e).Len()
	}
	return packed.Count(e.Value()) / 2
}

// hashGet returns a field's value, a view.
func hashGet(e *keyspace.Entry, field []byte) (value packed.Elem, ok bool) {
	if e.Encoding() == keyspace.EncHashTable {
		return tableGet(e.DB().Table(e), field)
	}
	return packedGet(e.Value(), field)
}

func tableGet(t *keyspace.Table, field []byte) (value packed.Elem, ok bool) {
	value.Str, ok = t.Get(field)
	return value, ok
}

func packedGet(blob, field []byte) (value packed.Elem, ok bool) {
	_, at, _, ok := packed.FindPair(blob, field)
	if ok {
		value, _ = packed.Next(blob, at)
	}
	return value, ok
}

// nextPair reads the field and value at pos of a packed blob.
func nextPair(blob []byte, pos int) (field, value packed.Elem, next int) {
	field, pos = packed.Next(blob, pos)
	value, next = packed.Next(blob, pos)
	return field, value, next
}

// eachField visits fields and values, views; visit must not change the keyspace.
func eachField(e *keyspace.Entry, visit func(field, value packed.Elem)) {
	if e.Encoding() == keyspace.EncHashTable {
		e.DB().Table(e).Each(func(field, value []byte) {
			visit(packed.Elem{Str: field}, packed.Elem{Str: value})
		})
		return
	}
	blob := e.Value()
	for pos := packed.First(blob); pos < len(blob); {
		var field, value packed.Elem
		field, value, pos = nextPair(blob, pos)
		visit(field, value)
	}
}

// elemBytes returns the bytes of an element: its own, or an integer's digits in scratch.
func elemBytes(v packed.Elem, scratch []byte) []byte {
	if v.IsInt {
		return v.AppendTo(scratch[:0])
	}
	return v.Str
}

// replyElem replies with an element as a bulk string.
func replyElem(c *engine.Client, v packed.Elem) {
	if v.IsInt {
		c.Reply.BulkInt(v.Int)
		return
	}
	c.Reply.Bulk(v.Str)
}

// hashEdit changes one hash, which may not exist yet, between begin and end. Edits of a packed hash are made in the
// server's scratch, going from one buffer to the other, and stored once at the end; only a value that keeps its
// encoded length is replaced in the record, at once.
type hashEdit struct {
	c     *engine.Client
	e     keyspace.Entry // by value: handlers keep it on the stack
	key   []byte
	enc   keyspace.Encoding
	table *keyspace.Table // nil while packed
	blob  []byte          // the record's bytes, or when edited is set, a scratch buffer
	next  int             // the scratch buffer that is free
	// edited tells that blob has to be stored.
	edited bool
}

var emptyBlob = packed.Empty()

func (h *hashEdit) begin(c *engine.Client, e keyspace.Entry, key []byte) {
	h.e = e
	h.edit(c, key)
}

// edit is begin for an entry that was looked up where it is, in h.e.
func (h *hashEdit) edit(c *engine.Client, key []byte) {
	h.c, h.key = c, key
	switch {
	case !h.e.Found():
		h.enc, h.blob = keyspace.EncHashPacked, emptyBlob
	case h.e.Encoding() == keyspace.EncHashTable:
		h.enc, h.table = keyspace.EncHashTable, c.DB.MutableTable(&h.e)
	default:
		h.enc, h.blob = h.e.Encoding(), h.e.Value()
	}
}

// get returns a field's value as edited so far, a view until the next edit.
func (h *hashEdit) get(field []byte) (value packed.Elem, ok bool) {
	if h.table != nil {
		return tableGet(h.table, field)
	}
	return packedGet(h.blob, field)
}

// set gives a field a value and reports whether it is new. Neither may be a view of the hash.
func (h *hashEdit) set(field, value []byte) bool {
	if h.table != nil {
		return h.table.Set(field, value)
	}
	_, at, end, found := packed.FindPair(h.blob, field)
	fields, size := packed.Count(h.blob)/2, len(h.blob)+len(value)+10
	if found {
		size -= end - at
	} else {
		fields++
		size += len(field) + 10
	}
	if !h.mayPack(fields, size, max(len(field), len(value))) {
		h.toTable()
		return h.table.Set(field, value)
	}
	switch {
	case found:
		h.replaceValue(at, end, value)
	case h.edited:
		buf := &h.c.Server().Scratch[1-h.next]
		*buf = packed.Append(h.blob, field, value)
		h.blob = *buf
	default:
		h.splice(len(h.blob), len(h.blob), 2, field, value)
	}
	return !found
}

// mayPack decides the encoding for so many fields, in so many bytes, the longest so long.
func (h *hashEdit) mayPack(fields, size, longest int) bool {
	if h.enc == keyspace.EncHashPacked {
		cfg := h.c.Server().Config
		if fields <= cfg.HashMaxListpackEntries && longest <= cfg.HashMaxListpackBytes && size <= listpackBytes {
			return true
		}
		h.enc = keyspace.EncHashPackedT
	}
	return fields <= packedFields && size <= packedBytes
}

func (h *hashEdit) replaceValue(at, end int, value []byte) {
	buf := &h.c.Server().Scratch[h.next]
	*buf = packed.AppendElem((*buf)[:0], value)
	switch {
	case len(*buf) != end-at || !h.edited && h.enc != h.e.Encoding():
		h.splice(at, end, 0, value)
	case h.edited:
		copy(h.blob[at:end], *buf)
	default:
		h.blob = h.c.DB.WritablePacked(&h.e)
		copy(h.blob[at:end], *buf)
	}
}

// del removes a field and reports whether it was there.
func (h *hashEdit) del(field []byte) bool {
	if h.table != nil {
		return h.table.Delete(field)
	}
	from, _, to, found := packed.FindPair(h.blob, field)
	if found {
		h.splice(from, to, -2)
	}
	return found
}

// splice is packed.Replace from the current blob into the free buffer.
func (h *hashEdit) splice(from, to, countDelta int, elems ...[]byte) {
	buf := &h.c.Server().Scratch[h.next]
	*buf = packed.Replace((*buf)[:0], h.blob, from, to, countDelta, elems...)
	h.blob, h.next, h.edited = *buf, 1-h.next, true
}

// toTable makes a Table of the hash, for good.
func (h *hashEdit) toTable() {
	if !h.edited { // the record is about to be written anew
		buf := &h.c.Server().Scratch[h.next]
		*buf = append((*buf)[:0], h.blob...)
		h.blob = *buf
	}
	h.table = h.c.DB.SetTable(&h.e, h.key, h.e.Deadline())
	h.enc, h.edited = keyspace.EncHashTable, false
	var roomF, roomV [20]byte
	for pos := packed.First(h.blob); pos < len(h.blob); {
		var field, value packed.Elem
		field, value, pos = nextPair(h.blob, pos)
		h.table.Set(elemBytes(field, roomF[:]), elemBytes(value, roomV[:]))
	}
}

// end stores what was edited. A hash without fields is deleted; end tells whether that has happened.
func (h *hashEdit) end() (gone bool) {
	switch {
	case h.table != nil:
		gone = h.table.Len() == 0
	case !h.edited:
		return false
	default:
		gone = packed.Count(h.blob) == 0
	}
	switch {
	case gone:
		h.c.DB.Delete(&h.e)
	case h.table == nil:
		h.c.DB.SetPacked(&h.e, h.key, h.enc, h.blob, h.e.Deadline())
	}
	return gone
}
