package rdb

import (
	"encoding/binary"
	"math"
)

// streamValue reads a stream; its layout is in stream.go.
func (r *Reader) streamValue(t Type) error {
	at := r.Offset()
	nodes, err := r.count()
	if err != nil {
		return err
	}
	if err := r.begin(0); err != nil {
		return err
	}
	live, last := uint64(0), ID{}
	for ; nodes > 0; nodes-- {
		if err := r.node(&live, &last); err != nil {
			return err
		}
	}
	r.it.Offset = at
	if err := r.streamInfo(t, live, last); err != nil {
		return err
	}
	if err := r.times(func() error { return r.group(t) }); err != nil {
		return err
	}
	return r.finish()
}

// node reads a node and passes its entries on, those that have been deleted left out. last is the ID of the last entry so far.
func (r *Reader) node(live *uint64, last *ID) error {
	r.it.Offset = r.Offset()
	key, err := r.string()
	if err != nil {
		return err
	}
	if len(key) != idBytes {
		return r.fail(r.it.Offset, "the ID of a node has %d bytes", len(key))
	}
	base := getID(key)
	r.it.Offset = r.Offset()
	b, err := r.string()
	if err != nil {
		return err
	}
	n := nodeReader{r: r, base: base, last: last, text: r.text[:0]}
	err = n.read(b)
	if r.text = n.text; cap(r.text) > growBytes {
		r.text = nil
	}
	if err != nil {
		if wrong, ok := err.(Wrong); ok {
			return r.fail(r.it.Offset, "%s", string(wrong))
		}
		return err
	}
	*live += n.live
	return nil
}

func getID(b []byte) ID {
	return ID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// nodeReader takes the listpack of a node apart.
type nodeReader struct {
	r     *Reader
	base  ID
	last  *ID
	body  []byte
	pos   int
	elems int // elements
	live  uint64
	text  []byte // digits of integers among the fields
}

const badNode = Wrong("a node of a stream that makes no sense")

func (n *nodeReader) next() (lpElem, error) {
	e, pos, ok := nextElem(n.body, n.pos)
	if !ok {
		return e, badNode
	}
	n.pos = pos
	n.elems++
	return e, nil
}

// number reads an integer. Numbers that are strings are none: nobody writes them so.
func (n *nodeReader) number() (int64, error) {
	e, err := n.next()
	if err == nil && !e.isInt {
		err = badNode
	}
	return e.n, err
}

// small reads a count of elements that must still be there, each in two bytes at least.
func (n *nodeReader) small() (int, error) {
	v, err := n.number()
	if err == nil && (v < 0 || v > int64(len(n.body)-n.pos)/2) {
		err = badNode
	}
	return int(v), err
}

// words reads k elements as strings, to live until the listpack or n.text goes.
func (n *nodeReader) words(dst [][]byte, k int) ([][]byte, error) {
	for range k {
		e, err := n.next()
		if err != nil {
			return nil, err
		}
		dst = append(dst, e.own(&n.text))
	}
	return dst, nil
}

// own is text in a buffer that is not used again before it is given anew.
func (e *lpElem) own(text *[]byte) []byte {
	if !e.isInt {
		return e.str
	}
	from := len(*text)
	var room [20]byte
	*text = append(*text, e.text(room[:])...)
	return (*text)[from:len(*text):len(*text)]
}

func (n *nodeReader) read(b []byte) error {
	body, count, ok := listpackBody(b)
	if !ok {
		return badNode
	}
	n.body = body
	live, err := n.small()
	if err != nil {
		return err
	}
	deleted, err := n.small()
	if err != nil {
		return err
	}
	k, err := n.small()
	if err != nil {
		return err
	}
	names, err := n.words(n.r.names[:0], k)
	if err != nil {
		return err
	}
	n.r.names = names
	if zero, err := n.number(); err != nil || zero != 0 {
		return badNode
	}
	gone := 0
	for n.pos < len(n.body) {
		isDeleted, err := n.entry(names)
		if err != nil {
			return err
		}
		if isDeleted {
			gone++
		} else {
			n.live++
		}
	}
	if n.live != uint64(live) || gone != deleted || count >= 0 && n.elems != count {
		return badNode
	}
	return nil
}

// entry reads one entry and passes it on.
func (n *nodeReader) entry(names [][]byte) (isDeleted bool, err error) {
	flags, err := n.number()
	if err != nil || flags&^(flagDeleted|flagSame) != 0 {
		return false, badNode
	}
	ms, err := n.number()
	if err != nil {
		return false, err
	}
	seq, err := n.number()
	if err != nil {
		return false, err
	}
	id := ID{n.base.Ms + uint64(ms), n.base.Seq + uint64(seq)}
	if !n.last.Less(id) {
		return false, Wrong("entries of a stream that are not in order")
	}
	*n.last = id
	mark := len(n.text)
	fields, size := n.r.fields[:0], len(names)+3
	if flags&flagSame != 0 {
		for _, name := range names {
			e, err := n.next()
			if err != nil {
				return false, err
			}
			fields = append(fields, name, e.own(&n.text))
		}
	} else {
		k, err := n.small()
		if err != nil {
			return false, err
		}
		if fields, err = n.words(fields, 2*k); err != nil {
			return false, err
		}
		size = 2*k + 4
	}
	n.r.fields = fields
	if back, err := n.number(); err != nil || back != int64(size) || len(fields) == 0 {
		return false, badNode
	}
	if flags&flagDeleted == 0 {
		it := &n.r.it
		it.Op, it.ID, it.Fields = OpEntry, id, fields
		if err := n.r.emit(); err != nil {
			return false, err
		}
	}
	n.text = n.text[:mark]
	return flags&flagDeleted != 0, nil
}

func (r *Reader) idLens() (id ID, err error) {
	if id.Ms, err = r.count(); err == nil {
		id.Seq, err = r.count()
	}
	return id, err
}

// streamInfo reads what follows the nodes, of which live entries were passed on, the last with the ID last, deleted or not.
func (r *Reader) streamInfo(t Type, live uint64, last ID) error {
	var s StreamInfo
	var err error
	if s.Length, err = r.count(); err != nil {
		return err
	}
	if s.Last, err = r.idLens(); err != nil {
		return err
	}
	if t != TypeStream {
		if s.First, err = r.idLens(); err != nil {
			return err
		}
		if s.MaxDeleted, err = r.idLens(); err != nil {
			return err
		}
		if s.Added, err = r.count(); err != nil {
			return err
		}
		s.Added = min(s.Added, math.MaxInt64) // redis-server lets the number pass this and become negative
	}
	switch {
	case s.Length != live:
		return r.fail(r.it.Offset, "a stream that should have %d entries, and has %d", s.Length, live)
	case s.Last.Less(last):
		return r.fail(r.it.Offset, "a stream with an entry after its last ID")
	}
	r.it.Op, r.it.Info, r.it.Counts = OpStream, s, t != TypeStream
	r.it.Fields = nil
	return r.emit()
}

// group reads a group of a stream, with what is pending in it and its consumers.
func (r *Reader) group(t Type) error {
	r.it.Offset = r.Offset()
	name, err := r.string()
	if err != nil {
		return err
	}
	r.it.Op, r.it.Name = OpGroup, r.keep(name)
	if r.it.ID, err = r.idLens(); err != nil {
		return err
	}
	r.it.N, r.it.Counts = 0, t != TypeStream
	if t != TypeStream {
		if r.it.N, err = r.count(); err != nil {
			return err
		}
	}
	if err := r.emit(); err != nil {
		return err
	}
	if err := r.times(r.pending); err != nil {
		return err
	}
	return r.times(func() error { return r.consumer(t) })
}

// times reads a number, and so many things.
func (r *Reader) times(read func() error) error {
	n, err := r.count()
	for ; n > 0 && err == nil; n-- {
		err = read()
	}
	return err
}

func (r *Reader) rawID() (ID, error) {
	b, err := r.take(idBytes)
	if err != nil {
		return ID{}, err
	}
	return getID(b), nil
}

func (r *Reader) pending() (err error) {
	r.it.Op, r.it.Offset = OpPending, r.Offset()
	if r.it.ID, err = r.rawID(); err != nil {
		return err
	}
	if r.it.N, err = r.uint64(); err != nil {
		return err
	}
	if r.it.M, err = r.count(); err != nil {
		return err
	}
	return r.emit()
}

func (r *Reader) consumer(t Type) error {
	r.it.Offset = r.Offset()
	name, err := r.string()
	if err != nil {
		return err
	}
	r.it.Op, r.it.Name = OpConsumer, r.keep(name)
	if r.it.N, err = r.uint64(); err != nil {
		return err
	}
	if r.it.M = r.it.N; t == TypeStream3 {
		if r.it.M, err = r.uint64(); err != nil {
			return err
		}
	}
	if err := r.emit(); err != nil {
		return err
	}
	return r.times(r.own)
}

// own reads the ID of what is pending for a consumer.
func (r *Reader) own() (err error) {
	r.it.Op, r.it.Offset = OpOwn, r.Offset()
	if r.it.ID, err = r.rawID(); err != nil {
		return err
	}
	return r.emit()
}
