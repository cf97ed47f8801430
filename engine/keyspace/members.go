package keyspace

import "encoding/binary"

// Members are records of a name and eight bytes, for structures that keep elements in an order of their own and must
// also find one by its name: the members of a sorted set with their scores. A record has the layout of a Table's field. It
// is known by its Ref, and stays where it is until it is freed; the index finds those that were entered in it.
type Members struct {
	ks    *Keyspace
	idx   *Index
	freed int // directory places of idx that FreeStep is done with
}

const memberValue = 8

// NewMembers returns an empty index of members.
func (ks *Keyspace) NewMembers() *Members { return &Members{ks: ks, idx: newIndex(ks.arena)} }

// NewMember makes a record, which is in no index.
func (ks *Keyspace) NewMember(name []byte, value uint64) Ref {
	size, flags := recordSize(flagField, len(name), memberValue)
	r := ks.arena.Alloc(size)
	b := ks.arena.at(r)
	h := writeHeader(b, flags, len(name), memberValue)
	copy(b[h.keyAt:], name)
	binary.LittleEndian.PutUint64(b[h.valAt:], value)
	return r
}

// Member returns the name, a view, and the value of a record.
func (ks *Keyspace) Member(r Ref) (name []byte, value uint64) {
	b := ks.arena.at(r)
	if b[0] == flagField { // by far the most
		end := 3 + int(b[1])
		return b[3:end:end], binary.LittleEndian.Uint64(b[end:])
	}
	h := parse(b)
	return b[h.keyAt:h.valAt:h.valAt], binary.LittleEndian.Uint64(b[h.valAt:])
}

// MemberIs reports whether a record has this name.
func (ks *Keyspace) MemberIs(r Ref, name []byte) bool { return keyEqual(ks.arena.at(r), name) }

// SetMember changes the value of a record.
func (ks *Keyspace) SetMember(r Ref, value uint64) {
	b := ks.arena.at(r)
	binary.LittleEndian.PutUint64(b[parse(b).valAt:], value)
}

// Bytes returns the memory of the index, without the records.
func (m *Members) Bytes() int64 { return m.idx.Bytes() }

// Find returns the record with a name, 0 when there is none.
func (m *Members) Find(name []byte) Ref {
	_, r := m.idx.find(m.ks.Hash(name), name)
	return r
}

// Enter adds a record whose name is known to be absent.
func (m *Members) Enter(r Ref) {
	name, _ := m.ks.Member(r)
	m.idx.insert(m.ks.Hash(name), r)
}

// Leave takes out a record, which the caller frees.
func (m *Members) Leave(r Ref) {
	name, _ := m.ks.Member(r)
	hash := m.ks.Hash(name)
	if at, ok := m.idx.findRef(hash, r); ok {
		m.idx.remove(hash, at)
	}
}

// Scan visits records from a cursor on; see Index.Scan.
func (m *Members) Scan(cursor uint64, count int, visit func(Ref)) uint64 {
	return m.idx.Scan(cursor, count, visit)
}

// FreeStep frees some segments of the index, not the records, and returns true when all are gone.
func (m *Members) FreeStep() bool {
	x := m.idx
	for range 256 {
		if m.freed >= len(x.dir) {
			x.setDir(nil)
			return true
		}
		s := x.dir[m.freed]
		m.freed += 1 << (x.depth - s.depth)
		m.ks.arena.Free(s.ref)
	}
	return false
}

// Directory returns the bytes of the index that are not in the arena.
func (m *Members) Directory() int64 { return int64(cap(m.idx.dir)) * 8 }
