package commands

import (
	"encoding/binary"
	"slices"
	"strconv"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/engine/packed"
	"redix/engine/resp"
)

// How a list is kept, and the two ways to it: listSpans to read, listEdit to change.
//
//	encoding        shown as     while
//	EncListPacked   listpack     within list-max-listpack-size
//	EncListChunks   quicklist    it has been past that, until it has shrunk to one chunk of half of it
//
// These are the rules of redis-server 7.2, and sizes are counted as its listpacks have them.

// listLen counts the elements.
func listLen(e *keyspace.Entry) int {
	if e.Encoding() == keyspace.EncListChunks {
		return listOf(e).Len()
	}
	return list.Count(e.Value())
}

func listOf(e *keyspace.Entry) *list.List { return e.DB().Object(e).(*list.List) }

// listSpans visits n elements, which must exist, from element from on, as spans and their numbers of elements, until visit
// returns false; visit must not change the keyspace.
func listSpans(e *keyspace.Entry, from, n int, visit func(span []byte, count int) bool) {
	if e.Encoding() == keyspace.EncListChunks {
		listOf(e).Spans(from, n, visit)
		return
	}
	blob := e.Value()
	if n > 0 {
		visit(list.Slice(list.Span(blob), list.Count(blob), from, n), n)
	}
}

// listSpansBack visits all elements, the last span first.
func listSpansBack(e *keyspace.Entry, visit func(span []byte, count int) bool) {
	if e.Encoding() == keyspace.EncListChunks {
		listOf(e).SpansBack(visit)
		return
	}
	blob := e.Value()
	visit(list.Span(blob), list.Count(blob))
}

// listAt returns element i, which must exist, a view.
func listAt(e *keyspace.Entry, i int) packed.Elem {
	if e.Encoding() == keyspace.EncListChunks {
		return listOf(e).At(i)
	}
	blob := e.Value()
	span := list.Span(blob)
	v, _ := list.Next(span, list.Seek(span, list.Count(blob), i))
	return v
}

// listEnd returns the first or the last element, a view.
func listEnd(e *keyspace.Entry, front bool) packed.Elem {
	if e.Encoding() == keyspace.EncListChunks {
		if l := listOf(e); front {
			return l.Front()
		} else {
			return l.Back()
		}
	}
	span, at := list.Span(e.Value()), 0
	if !front {
		at = list.Prev(span, len(span))
	}
	v, _ := list.Next(span, at)
	return v
}

// bulkHeads are "$n\r\n" as 8 bytes to store, for strings of 0 to 63 bytes, with their lengths.
var bulkHeads = func() (heads [64]struct {
	bytes uint64
	size  int
}) {
	for n := range heads {
		var b [8]byte
		head := append(strconv.AppendInt([]byte{'$'}, int64(n), 10), '\r', '\n')
		copy(b[:], head)
		heads[n].bytes, heads[n].size = binary.LittleEndian.Uint64(b[:]), len(head)
	}
	return heads
}()

// spanRoom is how much longer an element may be in a reply than in a span, and some bytes to write in words.
const spanRoom = 24

// replySpan replies with the elements of a span as bulk strings. Short strings, the usual case, are written in words of
// 8 bytes into room that is made before.
func replySpan(r *resp.Reply, span []byte, count int) {
	const short = 16
	for pos := 0; pos < len(span); {
		b := slices.Grow(r.B, len(span)-pos+count*spanRoom+short)
		at := len(b)
		b = b[:cap(b)]
		for pos < len(span) && span[pos]-0x80 < 64 {
			n := int(span[pos] - 0x80)
			head := &bulkHeads[n]
			binary.LittleEndian.PutUint64(b[at:], head.bytes)
			at += head.size
			if body := span[pos+1:]; n <= short && len(body) >= short {
				binary.LittleEndian.PutUint64(b[at:], binary.LittleEndian.Uint64(body))
				binary.LittleEndian.PutUint64(b[at+8:], binary.LittleEndian.Uint64(body[8:]))
			} else {
				copy(b[at:], body[:n])
			}
			at += n
			b[at], b[at+1] = '\r', '\n'
			at += 2
			pos += n + 2
			count--
		}
		r.B = b[:at]
		for pos < len(span) && span[pos]-0x80 >= 64 {
			var v packed.Elem
			v, pos = list.Next(span, pos)
			if v.IsInt {
				r.BulkInt(v.Int)
			} else {
				r.Bulk(v.Str)
			}
			count--
		}
	}
}

// listEdit changes one list, which may not exist yet, between begin and end.
type listEdit struct {
	c     *engine.Client
	e     keyspace.Entry // by value: handlers keep it on the stack
	key   []byte
	limit list.Limit
	l     *list.List // nil while a blob
	// gone tells that nothing of the blob counts any more: its record is deleted, or written anew, and not made smaller first.
	gone bool
}

func (s *listEdit) begin(c *engine.Client, e keyspace.Entry, key []byte) {
	s.c, s.e, s.key = c, e, key
	s.limit = list.LimitOf(c.Server().Config.ListMaxListpackSize)
	if e.Found() && e.Encoding() == keyspace.EncListChunks {
		s.l = c.DB.MutableObject(&s.e).(*list.List)
	}
}

func (s *listEdit) len() int {
	switch {
	case s.l != nil:
		return s.l.Len()
	case s.gone || !s.e.Found():
		return 0
	}
	return list.Count(s.e.Value())
}

// coming makes chunks of a blob if it gets too large by these strings.
func (s *listEdit) coming(elems ...[]byte) {
	if s.l != nil {
		return
	}
	size, span, count := 0, []byte(nil), 0
	for _, v := range elems {
		size += len(v)
	}
	if s.len() > 0 {
		blob := s.e.Value()
		span, count = list.Span(blob), list.Count(blob)
	}
	if !s.limit.Exceeded(len(span), count, size, len(elems)) && count+len(elems) <= list.MaxBlob {
		return
	}
	if count > 0 {
		s.l = list.FromSpan(s.c.Server().Keyspace, span, count)
	} else {
		s.l = list.New(s.c.Server().Keyspace)
	}
	s.c.DB.SetObject(&s.e, s.key, keyspace.EncListChunks, s.l, s.e.Deadline())
}

// push adds elements at one end, one after the other.
func (s *listEdit) push(elems [][]byte, front bool) {
	s.coming(elems...)
	switch {
	case s.l == nil && front:
		s.splice(0, 0, len(elems), elems, true)
	case s.l == nil:
		end := 0
		if s.len() > 0 {
			end = len(list.Span(s.e.Value()))
		}
		s.splice(end, end, len(elems), elems, false)
	case front:
		for _, v := range elems {
			s.l.PushFront(v, s.limit)
		}
	default:
		for _, v := range elems {
			s.l.PushBack(v, s.limit)
		}
	}
}

// splice puts elems, in reverse order if so asked, in place of the bytes from:to of the blob's span.
func (s *listEdit) splice(from, to, countDelta int, elems [][]byte, reversed bool) {
	size := 0
	for _, v := range elems {
		size += list.Size(v)
	}
	if s.len() == 0 {
		s.create(elems, reversed)
		return
	}
	blob := s.c.DB.WritablePacked(&s.e)
	old, more := len(blob), size-(to-from)
	head := old - len(list.Span(blob))
	if more > 0 {
		blob = s.c.DB.ResizePacked(&s.e, old+more)
	}
	copy(blob[head+from+size:], blob[head+to:old])
	at := head + from
	for i := range elems {
		v := elems[i]
		if reversed {
			v = elems[len(elems)-1-i]
		}
		at += list.Put(blob[at:], v)
	}
	list.SetCount(blob, list.Count(blob)+countDelta)
	if more < 0 {
		s.c.DB.ResizePacked(&s.e, old+more)
	}
}

// create makes a blob of the elements.
func (s *listEdit) create(elems [][]byte, reversed bool) {
	b := list.Blob(s.c.Server().Scratch[0][:0])
	for i := range elems {
		v := elems[i]
		if reversed {
			v = elems[len(elems)-1-i]
		}
		b = list.Append(b, v)
	}
	list.SetCount(b, len(elems))
	s.c.Server().Scratch[0] = b
	s.c.DB.SetPacked(&s.e, s.key, keyspace.EncListPacked, b, s.e.Deadline())
	s.gone = false
}

// remove takes out n elements from element i on, which must exist.
func (s *listEdit) remove(i, n int) {
	switch {
	case n <= 0:
	case s.l == nil && n == s.len():
		s.gone = true
	case s.l == nil:
		blob := s.e.Value()
		span, count := list.Span(blob), list.Count(blob)
		s.splice(list.Seek(span, count, i), list.Seek(span, count, i+n), -n, nil, false)
	case n == 1 && i == 0:
		s.l.DropFront()
	case n == 1 && i == s.l.Len()-1:
		s.l.DropBack()
	default:
		s.l.Remove(i, n)
	}
}

// drop takes n elements off one end.
func (s *listEdit) drop(n int, front bool) {
	if front {
		s.remove(0, n)
	} else {
		s.remove(s.len()-n, n)
	}
}

// insert puts an element before element i; coming must have been called.
func (s *listEdit) insert(i int, v []byte) {
	if s.l != nil {
		s.l.Insert(i, v, s.limit)
		return
	}
	blob := s.e.Value()
	at := list.Seek(list.Span(blob), list.Count(blob), i)
	s.splice(at, at, 1, [][]byte{v}, false)
}

// set replaces element i; coming must have been called.
func (s *listEdit) set(i int, v []byte) {
	if s.l != nil {
		s.l.Set(i, v, s.limit)
		return
	}
	blob := s.e.Value()
	span := list.Span(blob)
	at := list.Seek(span, list.Count(blob), i)
	s.splice(at, list.Skip(span, at), 0, [][]byte{v}, false)
}

// removeEqual takes out up to most elements equal to v, from the head on or from the tail back.
func (s *listEdit) removeEqual(v []byte, most int, back bool) (removed int) {
	if s.l != nil {
		return s.l.RemoveEqual(v, most, back)
	}
	blob := s.c.DB.WritablePacked(&s.e)
	span, skip := list.Span(blob), 0
	needle := list.NeedleOf(v)
	if back {
		skip = max(0, needle.Count(span)-most)
	}
	left, removed := needle.Remove(span, skip, most)
	if removed > 0 {
		list.SetCount(blob, list.Count(blob)-removed)
		s.c.DB.ResizePacked(&s.e, len(blob)-len(span)+len(left))
	}
	return removed
}

// end deletes a list without elements, which it tells, and makes a blob of one that has shrunk enough.
func (s *listEdit) end() (deleted bool) {
	if s.len() == 0 {
		s.c.DB.Delete(&s.e)
		return true
	}
	if s.l == nil {
		return false
	}
	span, ok := s.l.One()
	if ok && s.limit.Half(len(span), s.l.Len()) {
		b := &s.c.Server().Scratch[0]
		*b = append(list.Blob((*b)[:0]), span...)
		list.SetCount(*b, s.l.Len())
		s.c.DB.SetPacked(&s.e, s.key, keyspace.EncListPacked, *b, s.e.Deadline())
	}
	return false
}
