package commands

import (
	"slices"

	"redix/engine"
	"redix/engine/intset"
	"redix/engine/keyspace"
	"redix/engine/packed"
)

// How a set is kept, and the two ways to it: setHas and eachMember to read, setEdit to change.
//
//	encoding        shown as    while
//	EncSetInts      intset      all members are integers, within set-max-intset-entries
//	EncSetPacked    listpack    within set-max-listpack-entries and -value, and listpackBytes
//	EncSetPackedT   hashtable   it has been past these, but has at most packedFields members and packedBytes
//	EncSetTable     hashtable   for good, once it has been past those too
//
// As in redis-server 7.2 a set of integers that is given another member moves to the second row if that has room, else,
// like one with too many integers, to the third. Members are values without bytes in a table.

// intsBytes bounds a set of integers whatever redis.conf says: an edit moves that much.
const intsBytes = 1 << 20

// setLen counts the members.
func setLen(e *keyspace.Entry) int {
	switch e.Encoding() {
	case keyspace.EncSetInts:
		return intset.Len(e.Value())
	case keyspace.EncSetTable:
		return e.DB().Table(e).Len()
	}
	return packed.Count(e.Value())
}

// setHas tells whether a set has a member.
func setHas(e *keyspace.Entry, member []byte) bool {
	switch e.Encoding() {
	case keyspace.EncSetInts:
		n, ok := packed.ParseInt(member)
		return ok && intset.Has(e.Value(), n)
	case keyspace.EncSetTable:
		_, ok := e.DB().Table(e).Get(member)
		return ok
	}
	_, _, ok := packed.Find(e.Value(), member)
	return ok
}

// setHasElem is setHas for a member of another set.
func setHasElem(e *keyspace.Entry, m packed.Elem) bool {
	if m.IsInt && e.Encoding() == keyspace.EncSetInts {
		return intset.Has(e.Value(), m.Int)
	}
	var room [20]byte
	return setHas(e, elemBytes(m, room[:]))
}

// eachMember visits the members, views, until visit returns false; visit must not change the set.
func eachMember(e *keyspace.Entry, visit func(m packed.Elem) bool) {
	switch e.Encoding() {
	case keyspace.EncSetInts:
		eachInt(e.Value(), visit)
	case keyspace.EncSetTable:
		eachKey(e.DB().Table(e), visit)
	default:
		eachElem(e.Value(), visit)
	}
}

func eachInt(blob []byte, visit func(m packed.Elem) bool) {
	for i := range intset.Len(blob) {
		if !visit(packed.Elem{Int: intset.At(blob, i), IsInt: true}) {
			return
		}
	}
}

func eachElem(blob []byte, visit func(m packed.Elem) bool) {
	for pos := packed.First(blob); pos < len(blob); {
		var m packed.Elem
		if m, pos = packed.Next(blob, pos); !visit(m) {
			return
		}
	}
}

// tableStep is how many members a walk over a table takes at a time.
const tableStep = 512

func eachKey(t *keyspace.Table, visit func(m packed.Elem) bool) {
	more := true
	step := func(field, _ []byte) { more = more && visit(packed.Elem{Str: field}) }
	for cursor := t.Scan(0, tableStep, step); more && cursor != 0; {
		cursor = t.Scan(cursor, tableStep, step)
	}
}

// setEdit changes one set, which may not exist yet, between begin and end; or builds one that has no key yet, between
// beginNew and store. Blobs are edited in the server's scratch, integers in place, packed ones going from one buffer to
// the other, and stored once at the end.
type setEdit struct {
	c     *engine.Client
	e     keyspace.Entry // by value: handlers keep it on the stack
	key   []byte
	enc   keyspace.Encoding
	table *keyspace.Table // nil while a blob
	blob  []byte          // the record's bytes, or when edited is set, a scratch buffer
	next  int             // the scratch buffer that is free
	// edited tells that blob, or a table that is new, has to be stored.
	edited bool
}

// begin starts to change the set of an entry that writeOf has found. If there is none, the encoding follows from the
// first of the members to come and their number; so does whether one that exists is turned into a table at once.
func (s *setEdit) begin(c *engine.Client, e keyspace.Entry, key []byte, coming int, first []byte) {
	s.c, s.e, s.key = c, e, key
	if !e.Found() {
		s.beginNew(c, coming, first)
		return
	}
	s.enc = e.Encoding()
	if s.enc == keyspace.EncSetTable {
		s.table = c.DB.MutableTable(&s.e)
		return
	}
	s.blob = e.Value()
	cfg := c.Server().Config
	if s.enc == keyspace.EncSetPacked && coming > cfg.SetMaxListpackEntries ||
		s.enc == keyspace.EncSetInts && coming > cfg.SetMaxIntsetEntries {
		s.toHashtable(0, 0)
	}
}

// beginNew starts a set without members.
func (s *setEdit) beginNew(c *engine.Client, coming int, first []byte) {
	s.c, s.edited = c, true
	cfg := c.Server().Config
	_, isInt := packed.ParseInt(first)
	switch {
	case isInt && coming <= cfg.SetMaxIntsetEntries:
		s.enc = keyspace.EncSetInts
		s.setBlob(intset.Empty(s.free()))
		return
	case coming <= cfg.SetMaxListpackEntries:
		s.enc = keyspace.EncSetPacked
	case coming > packedFields:
		s.newTable()
		return
	default:
		s.enc = keyspace.EncSetPackedT
	}
	s.setBlob(append(s.free(), emptyBlob...))
}

// free returns the scratch buffer that may be overwritten.
func (s *setEdit) free() []byte { return s.c.Server().Scratch[s.next][:0] }

// setBlob makes b, which was built in the buffer that free gave, the blob.
func (s *setEdit) setBlob(b []byte) {
	s.c.Server().Scratch[s.next] = b
	s.blob, s.next, s.edited = b, 1-s.next, true
}

// grown keeps a blob that was changed in its own buffer.
func (s *setEdit) grown(b []byte) {
	s.c.Server().Scratch[1-s.next] = b
	s.blob = b
}

// own makes sure that the blob is in scratch.
func (s *setEdit) own() {
	if !s.edited {
		s.setBlob(append(s.free(), s.blob...))
	}
}

func (s *setEdit) len() int {
	switch {
	case s.table != nil:
		return s.table.Len()
	case s.enc == keyspace.EncSetInts:
		return intset.Len(s.blob)
	}
	return packed.Count(s.blob)
}

func (s *setEdit) each(visit func(m packed.Elem) bool) {
	switch {
	case s.table != nil:
		eachKey(s.table, visit)
	case s.enc == keyspace.EncSetInts:
		eachInt(s.blob, visit)
	default:
		eachElem(s.blob, visit)
	}
}

// add adds a member, which may not be a view of the set, and reports whether it is new.
func (s *setEdit) add(member []byte) bool {
	if s.table != nil {
		return s.table.Add(member)
	}
	if s.enc == keyspace.EncSetInts {
		if n, ok := packed.ParseInt(member); ok {
			return s.addInt(member, n)
		}
		s.fromInts(len(member))
		return s.add(member)
	}
	if _, _, found := packed.Find(s.blob, member); found {
		return false
	}
	if !s.mayPack(len(member)) {
		s.toTable()
		return s.table.Add(member)
	}
	if s.edited {
		s.grown(packed.Append(s.blob, member))
	} else {
		s.setBlob(packed.Replace(s.free(), s.blob, len(s.blob), len(s.blob), 1, member))
	}
	return true
}

func (s *setEdit) addInt(member []byte, n int64) bool {
	i, found := intset.Find(s.blob, n)
	if found {
		return false
	}
	limit := min(s.c.Server().Config.SetMaxIntsetEntries, intsBytes/8)
	if intset.Len(s.blob) >= limit {
		s.toHashtable(1, len(member))
		return s.add(member)
	}
	s.own()
	s.grown(intset.Insert(s.blob, i, n))
	return true
}

// mayPack decides whether a packed set can take one more member of so many bytes; it may have to be shown as a table.
func (s *setEdit) mayPack(size int) bool {
	count, bytes := packed.Count(s.blob), len(s.blob)+size+10
	if s.enc == keyspace.EncSetPacked {
		cfg := s.c.Server().Config
		if count < cfg.SetMaxListpackEntries && size <= cfg.SetMaxListpackBytes && bytes <= listpackBytes {
			return true
		}
		s.own()
		s.enc = keyspace.EncSetPackedT
	}
	return count < packedFields && bytes <= packedBytes
}

// fromInts turns a set of integers into a packed one, or a table, that has room for a member of so many bytes.
func (s *setEdit) fromInts(size int) {
	cfg := s.c.Server().Config
	count, longest := intset.Len(s.blob), 0
	if count > 0 {
		least, most := packed.Elem{Int: intset.At(s.blob, 0), IsInt: true}, packed.Elem{Int: intset.At(s.blob, count-1), IsInt: true}
		longest = max(least.Len(), most.Len())
	}
	if count < cfg.SetMaxListpackEntries && max(size, longest) <= cfg.SetMaxListpackBytes && count*10+size <= listpackBytes {
		s.pack(keyspace.EncSetPacked)
		return
	}
	s.toHashtable(1, size)
}

// toHashtable gives a set an encoding that is shown as hashtable, with room for so many more members of so many bytes.
func (s *setEdit) toHashtable(more, size int) {
	if s.enc == keyspace.EncSetInts {
		if n := intset.Len(s.blob) + more; n > packedFields || n*10+size > packedBytes {
			s.toTable()
			return
		}
		s.pack(keyspace.EncSetPackedT)
		return
	}
	if packed.Count(s.blob)+more > packedFields || len(s.blob)+size+10 > packedBytes {
		s.toTable()
		return
	}
	s.own()
	s.enc = keyspace.EncSetPackedT
}

// pack turns a set of integers into a packed one.
func (s *setEdit) pack(enc keyspace.Encoding) {
	b := append(s.free(), emptyBlob...)
	var room [20]byte
	for i := range intset.Len(s.blob) {
		m := packed.Elem{Int: intset.At(s.blob, i), IsInt: true}
		b = packed.Append(b, m.AppendTo(room[:0]))
	}
	s.setBlob(b)
	s.enc = enc
}

// toInts turns a packed set or a table, of integers only, into a set of integers, if it is within the limit.
func (s *setEdit) toInts() {
	if s.enc == keyspace.EncSetInts || s.len() > min(s.c.Server().Config.SetMaxIntsetEntries, intsBytes/8) {
		return
	}
	numbers := make([]int64, 0, s.len())
	s.each(func(m packed.Elem) bool {
		if !m.IsInt {
			m.Int, m.IsInt = packed.ParseInt(m.Str)
		}
		if m.IsInt {
			numbers = append(numbers, m.Int)
		}
		return m.IsInt
	})
	if len(numbers) < s.len() {
		return
	}
	slices.Sort(numbers)
	b := intset.Empty(s.free())
	for i, n := range numbers {
		b = intset.Insert(b, i, n)
	}
	s.drop()
	s.setBlob(b)
	s.enc = keyspace.EncSetInts
}

// toTable makes a Table of the set, for good.
func (s *setEdit) toTable() {
	blob, ints := s.blob, s.enc == keyspace.EncSetInts
	s.newTable()
	var room [20]byte
	add := func(m packed.Elem) bool {
		s.table.Add(elemBytes(m, room[:]))
		return true
	}
	if ints {
		eachInt(blob, add)
	} else {
		eachElem(blob, add)
	}
}

func (s *setEdit) newTable() {
	s.table = s.c.Server().Keyspace.NewTable()
	s.enc, s.blob, s.edited = keyspace.EncSetTable, nil, true
}

// del removes a member and reports whether it was there.
func (s *setEdit) del(member []byte) bool {
	if s.table != nil {
		return s.table.Delete(member)
	}
	if s.enc == keyspace.EncSetInts {
		n, ok := packed.ParseInt(member)
		if !ok {
			return false
		}
		i, found := intset.Find(s.blob, n)
		if found {
			s.own()
			s.grown(intset.Remove(s.blob, i))
		}
		return found
	}
	from, to, found := packed.Find(s.blob, member)
	if found {
		s.setBlob(packed.Replace(s.free(), s.blob, from, to, -1))
	}
	return found
}

// end stores what was edited. A set without members is deleted. It returns true when that has happened.
func (s *setEdit) end() (deleted bool) {
	if s.len() == 0 {
		s.drop()
		if s.e.Found() {
			s.c.DB.Delete(&s.e)
		}
		return true
	}
	if s.edited {
		s.put(&s.e, s.key, s.e.Deadline())
	}
	return false
}

// put makes the set, which has members, the value of an entry, whatever that held.
func (s *setEdit) put(e *keyspace.Entry, key []byte, deadline int64) {
	if s.table != nil {
		s.c.DB.SetObject(e, key, keyspace.EncSetTable, s.table, deadline)
		return
	}
	s.c.DB.SetPacked(e, key, s.enc, s.blob, deadline)
}

// drop frees a table that has not become the value of an entry.
func (s *setEdit) drop() {
	if s.table != nil && s.edited {
		s.c.Server().Keyspace.DropObject(s.table)
		s.table = nil
	}
}
