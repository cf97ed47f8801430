package commands

import (
	"strconv"

	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Rebuilding: the commands that make an entry from nothing. The base file of the journal consists of them.

const (
	rebuildFields = 64  // fields in one HSET
	rebuildElems  = 128 // members or elements in one SADD or RPUSH
)

// Rebuild passes the commands that make e to put, whose args die when it returns.
func Rebuild(e *keyspace.Entry, put func(args ...[]byte)) {
	var digits, deadline [20]byte
	at := strconv.AppendInt(deadline[:0], e.Deadline(), 10)
	if e.Type() == keyspace.TypeString {
		if e.Deadline() == 0 {
			put(wordSet, e.Key(), e.Bytes(digits[:]))
		} else {
			put(wordSet, e.Key(), e.Bytes(digits[:]), wordPXAT, at)
		}
		return
	}
	switch e.Type() {
	case keyspace.TypeHash:
		rebuildHash(e, put)
	case keyspace.TypeSet:
		rebuildSet(e, put)
	case keyspace.TypeList:
		rebuildList(e, put)
	case keyspace.TypeZset:
		rebuildZset(e, put)
	case keyspace.TypeStream:
		rebuildStream(e, put)
	}
	if e.Deadline() != 0 {
		put(wordPExpireAt, e.Key(), at)
	}
}

func rebuildHash(e *keyspace.Entry, put func(args ...[]byte)) {
	args := make([][]byte, 0, 2+2*rebuildFields)
	args = append(args, wordHSet, e.Key())
	add := func(field, value []byte) {
		if args = append(args, field, value); len(args) == cap(args) {
			put(args...)
			args = args[:2]
		}
	}
	if e.Encoding() == keyspace.EncHashTable {
		e.DB().Table(e).Each(add)
	} else {
		blob := e.Value()
		for pos := packed.First(blob); pos < len(blob); {
			var field, value packed.Elem
			field, pos = packed.Next(blob, pos)
			value, pos = packed.Next(blob, pos)
			add(field.AppendTo(nil), value.AppendTo(nil))
		}
	}
	if len(args) > 2 {
		put(args...)
	}
}

func rebuildList(e *keyspace.Entry, put func(args ...[]byte)) {
	args := make([][]byte, 0, 2+rebuildElems)
	args = append(args, wordRPush, e.Key())
	eachListElem(e, func(v packed.Elem) {
		if args = append(args, elemBytes(v, nil)); len(args) == cap(args) {
			put(args...)
			args = args[:2]
		}
	})
	if len(args) > 2 {
		put(args...)
	}
}

func rebuildSet(e *keyspace.Entry, put func(args ...[]byte)) {
	args := make([][]byte, 0, 2+rebuildElems)
	args = append(args, wordSAdd, e.Key())
	eachMember(e, func(m packed.Elem) bool {
		if args = append(args, elemBytes(m, nil)); len(args) == cap(args) {
			put(args...)
			args = args[:2]
		}
		return true
	})
	if len(args) > 2 {
		put(args...)
	}
}

// rebuildZset passes scores in digits that read back the same, in order: a tree is then built at its end.
func rebuildZset(e *keyspace.Entry, put func(args ...[]byte)) {
	args := make([][]byte, 0, 2+2*rebuildFields)
	args = append(args, wordZAdd, e.Key())
	z := viewZset(e)
	z.each(0, z.len(), false, func(m packed.Elem, score float64) bool {
		args = append(args, resp.AppendDouble(nil, score), elemBytes(m, nil))
		if len(args) == cap(args) {
			put(args...)
			args = args[:2]
		}
		return true
	})
	if len(args) > 2 {
		put(args...)
	}
}
