package stream

import "redix/engine/packed"

// Blocks one by one, for those who write a stream down: what entries of a block share need be written only once.

// BlockView is a block of entries.
type BlockView struct {
	Base ID // that of its first entry, which may have been deleted

	s  *Stream
	b  block
	at cursor
}

// BlockFrom returns the first block whose Base is not below an ID; ok is false when there is none. The view dies at the stream's
// next change.
func (s *Stream) BlockFrom(id ID) (v BlockView, ok bool) {
	at := s.dir.from(id)
	if !at.valid() {
		return v, false
	}
	return BlockView{at.id(), s, s.block(at.n.ref(at.i)), at}, true
}

// Names returns an iterator over the names that entries of the block share.
func (v *BlockView) Names() Names {
	n, pos := uvarint(v.b, namesAt)
	return Names{v.b, pos, int(n)}
}

// Len returns the number of entries, without deleted ones.
func (v *BlockView) Len() int { return v.b.live() }

// Entries returns an iterator over the entries of the block.
func (v *BlockView) Entries() Iter {
	last, _ := v.b.before(v.b.used(), v.Base)
	return Iter{s: v.s, at: v.at, b: v.b, base: v.Base, pos: v.b.entries(), to: last.id}
}

// Shared reports whether an entry has the names of its block.
func (e *Entry) Shared() bool { return e.names != 0 }

// Names walks over the names of a block.
type Names struct {
	b    block
	pos  int
	left int
}

// Next returns the next name; ok is false when there is none.
func (n *Names) Next() (name packed.Elem, ok bool) {
	if n.left == 0 {
		return name, false
	}
	n.left--
	name, n.pos = packed.Next(n.b, n.pos)
	return name, true
}
