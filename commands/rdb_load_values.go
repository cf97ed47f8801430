package commands

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"redix/engine/intset"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/engine/packed"
	"redix/engine/zset"
)

// How EntryBuilder makes collections: packed as long as the limits of the configuration allow it, see the *_store.go of
// each type. A hash or set beyond them stays packed while it is small.

func (b *EntryBuilder) listLimit() list.Limit {
	return list.LimitOf(b.server.Config.ListMaxListpackSize)
}

// finishList makes a blob of a list that has only one chunk, within the limit.
func (b *EntryBuilder) finishList() {
	l := b.object.(*list.List)
	span, ok := l.One()
	if !ok || l.Len() > list.MaxBlob || b.listLimit().Exceeded(len(span), l.Len(), 0, 0) {
		return
	}
	b.enc = keyspace.EncListPacked
	b.blob = append(list.Blob(b.blob[:0]), span...)
	list.SetCount(b.blob, l.Len())
	for !l.FreeStep() {
	}
	b.object = nil
}

// addField adds a field to a hash.
func (b *EntryBuilder) addField(field, value []byte) error {
	if b.object == nil {
		cfg := b.server.Config
		longest, size := max(len(field), len(value)), len(b.blob)+len(field)+len(value)+20
		if b.enc == keyspace.EncHashPacked && (b.count > cfg.HashMaxListpackEntries || longest > cfg.HashMaxListpackBytes || size > listpackBytes) {
			b.enc = keyspace.EncHashPackedT
		}
		if b.enc == keyspace.EncHashPacked || b.count <= packedFields && size <= packedBytes {
			if b.seen.add(b.server.Keyspace.Hash(field)) {
				if _, _, _, found := packed.FindPair(b.blob, field); found {
					return errFieldTwice
				}
			}
			b.blob = packed.Append(b.blob, field, value)
			return nil
		}
		b.enc, b.object = keyspace.EncHashTable, b.server.Keyspace.NewTable()
		var roomF, roomV [20]byte
		for pos := packed.First(b.blob); pos < len(b.blob); {
			var f, v packed.Elem
			f, v, pos = nextPair(b.blob, pos)
			b.object.(*keyspace.Table).Set(elemBytes(f, roomF[:]), elemBytes(v, roomV[:]))
		}
	}
	if !b.object.(*keyspace.Table).Set(field, value) {
		return errFieldTwice
	}
	return nil
}

// addMember adds a member to a set.
func (b *EntryBuilder) addMember(m []byte) error {
	if b.enc == keyspace.EncSetInts {
		n, isInt := packed.ParseInt(m)
		if isInt && b.count <= min(b.server.Config.SetMaxIntsetEntries, intsBytes/8) {
			i, found := intset.Find(b.blob, n)
			if found {
				return errElemTwice
			}
			b.blob = intset.Insert(b.blob, i, n)
			return nil
		}
		b.fromInts(isInt)
	}
	if b.object == nil {
		if b.maySetPack(len(m)) {
			if b.seen.add(b.server.Keyspace.Hash(m)) {
				if _, _, found := packed.Find(b.blob, m); found {
					return errElemTwice
				}
			}
			b.blob = packed.Append(b.blob, m)
			return nil
		}
		b.toSetTable()
	}
	if !b.object.(*keyspace.Table).Add(m) {
		return errElemTwice
	}
	return nil
}

// maySetPack decides whether a packed set can take a member of so many bytes.
func (b *EntryBuilder) maySetPack(size int) bool {
	cfg, bytes := b.server.Config, len(b.blob)+size+10
	if b.enc == keyspace.EncSetPacked {
		if b.count <= cfg.SetMaxListpackEntries && size <= cfg.SetMaxListpackBytes && bytes <= listpackBytes {
			return true
		}
		b.enc = keyspace.EncSetPackedT
	}
	return b.count <= packedFields && bytes <= packedBytes
}

// fromInts makes a packed set of one of integers; tooMany tells that it is because of their number.
func (b *EntryBuilder) fromInts(tooMany bool) {
	ints := b.blob
	b.blob = append(make([]byte, 0, 2*len(ints)), emptyBlob...)
	b.enc = keyspace.EncSetPacked
	if tooMany {
		b.enc = keyspace.EncSetPackedT
	}
	n := b.count
	var room [20]byte
	eachInt(ints, func(v packed.Elem) bool {
		m := elemBytes(v, room[:])
		b.count = packed.Count(b.blob) + 1
		if b.object == nil && !b.maySetPack(len(m)) {
			b.toSetTable()
		}
		if b.object != nil {
			b.object.(*keyspace.Table).Add(m)
			return true
		}
		b.seen.add(b.server.Keyspace.Hash(m))
		b.blob = packed.Append(b.blob, m)
		return true
	})
	b.count = n
}

func (b *EntryBuilder) toSetTable() {
	t := b.server.Keyspace.NewTable()
	b.enc, b.object = keyspace.EncSetTable, t
	var room [20]byte
	eachElem(b.blob, func(v packed.Elem) bool {
		t.Add(elemBytes(v, room[:]))
		return true
	})
}

// heldMember is a member of a sorted set that is collected: a part of names, and its score.
type heldMember struct {
	from, to int
	score    float64
}

// addScored adds a member to a sorted set. They are collected, and put in order at the end, as long as they are few.
func (b *EntryBuilder) addScored(m []byte, score float64) error {
	if b.object == nil {
		cfg := b.server.Config
		if b.count <= cfg.ZsetMaxListpackEntries && len(m) <= cfg.ZsetMaxListpackBytes && len(b.names)+len(m)+20*b.count <= listpackBytes {
			from := len(b.names)
			b.names = append(b.names, m...)
			b.members = append(b.members, heldMember{from, len(b.names), score})
			return nil
		}
		t := zset.New(b.server.Keyspace)
		b.enc, b.object = keyspace.EncZsetTree, t
		for _, x := range b.members {
			if !t.Set(b.names[x.from:x.to], x.score) {
				return errElemTwice
			}
		}
	}
	if !b.object.(*zset.Tree).Set(m, score) {
		return errElemTwice
	}
	return nil
}

// finishZset puts the members of a packed sorted set in order.
func (b *EntryBuilder) finishZset() error {
	if b.object != nil {
		return nil
	}
	slices.SortFunc(b.members, func(x, y heldMember) int {
		if c := cmp.Compare(x.score, y.score); c != 0 {
			return c
		}
		return bytes.Compare(b.names[x.from:x.to], b.names[y.from:y.to])
	})
	b.blob = binary.AppendUvarint(b.blob[:0], uint64(2*len(b.members)))
	for _, x := range b.members {
		m := b.names[x.from:x.to]
		if b.seen.add(b.server.Keyspace.Hash(m)) && b.hasScored(m) {
			return errElemTwice
		}
		b.blob = appendScore(packed.AppendElem(b.blob, m), x.score)
	}
	return nil
}

// hasScored looks for a member in the blob in the making, whose count is ahead of its members.
func (b *EntryBuilder) hasScored(m []byte) bool {
	for pos := packed.First(b.blob); pos < len(b.blob); {
		var have packed.Elem
		if have, pos = packed.Next(b.blob, pos); have.Equal(m) {
			return true
		}
		pos = packed.Skip(b.blob, pos)
	}
	return false
}

// seenHashes remembers hashes of elements, so that looking for one that comes twice does not take a search for each. It is
// emptied by a new generation.
type seenHashes struct {
	slots []seenSlot // a power of two
	gen   uint32
	n     int
}

type seenSlot struct {
	gen, hash uint32
}

const seenMin = 64

func (s *seenHashes) reset() {
	s.n = 0
	if s.gen++; s.gen == 0 {
		clear(s.slots)
		s.gen = 1
	}
}

// add reports whether a hash was there before.
func (s *seenHashes) add(hash uint64) bool {
	if 2*s.n >= len(s.slots) {
		s.grow()
	}
	h := uint32(hash)
	for i := int(h); ; i++ {
		switch slot := &s.slots[i&(len(s.slots)-1)]; {
		case slot.gen != s.gen:
			*slot = seenSlot{s.gen, h}
			s.n++
			return false
		case slot.hash == h:
			return true
		}
	}
}

func (s *seenHashes) grow() {
	old := s.slots
	s.slots, s.n = make([]seenSlot, max(seenMin, 2*len(old))), 0
	for _, slot := range old {
		if slot.gen == s.gen {
			s.add(uint64(slot.hash))
		}
	}
}
