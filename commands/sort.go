package commands

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"redix/engine"
	"redix/engine/acl"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// SORT and SORT_RO. Looking up weights and values may make other keys expire, so the elements are copied first and
// everything that follows works on the copy:
//
//	text    [ element | element | ... | weight | weight | ... ]    bytes, one after the other
//	items   where each element is in it, and its weight            sorted
//
// Elements that compare equal stay in the order in which they came, but those of a set, whose order means nothing, are
// compared themselves: replay must sort in the same way. Patterns are in sort_pattern.go, rows in sort_rows.go.

// sortOptions are what the arguments ask for.
type sortOptions struct {
	by            []byte   // pattern; nil: by the element itself
	gets          [][]byte // patterns; none: the element itself
	store         []byte   // destination; nil: reply
	descending    bool
	alpha         bool
	unsorted      bool // by is constant: keep the order
	offset, count int64
}

func sortKey(c *engine.Client, args engine.Args)   { sortAny(c, args, false) }
func sortKeyRO(c *engine.Client, args engine.Args) { sortAny(c, args, true) }

// sortArgs reads the options; SORT_RO has no STORE.
//
// What BY and GET look up is named by no argument, so it takes the right to read every key.
func sortArgs(c *engine.Client, command engine.Args, readonly bool) (o sortOptions, ok bool) {
	args := command[2:]
	o.count = -1
	for i := 0; i < len(args); i++ {
		switch left := len(args) - i - 1; {
		case isWord(args[i], "asc"):
			o.descending = false
		case isWord(args[i], "desc"):
			o.descending = true
		case isWord(args[i], "alpha"):
			o.alpha = true
		case left >= 2 && isWord(args[i], "limit"):
			if o.offset, ok = intArg(c, args[i+1]); !ok {
				return o, false
			}
			if o.count, ok = intArg(c, args[i+2]); !ok {
				return o, false
			}
			i += 2
		case left >= 1 && !readonly && isWord(args[i], "store"):
			i++
			o.store = args[i]
		case left >= 1 && isWord(args[i], "by"):
			i++
			o.by = args[i]
			if bytes.IndexByte(o.by, '*') < 0 {
				o.unsorted = true // even if another BY follows
			} else if !c.MayReachAllKeys(command, acl.Read) {
				c.Reply.Error("ERR BY option of SORT denied due to insufficient ACL permissions.")
				return o, false
			}
		case left >= 1 && isWord(args[i], "get"):
			i++
			if !c.MayReachAllKeys(command, acl.Read) {
				c.Reply.Error("ERR GET option of SORT denied due to insufficient ACL permissions.")
				return o, false
			}
			o.gets = append(o.gets, args[i])
		default:
			c.Reply.Error(errSyntax)
			return o, false
		}
	}
	return o, true
}

func sortAny(c *engine.Client, args engine.Args, readonly bool) {
	o, ok := sortArgs(c, args, readonly)
	if !ok {
		return
	}
	e, found := c.LookupRead(args[1])
	kind := e.Type()
	if found && kind != keyspace.TypeList && kind != keyspace.TypeSet && kind != keyspace.TypeZset {
		c.Reply.Error(errWrongType)
		return
	}
	if kind == keyspace.TypeSet && o.unsorted && o.store != nil { // what is stored must not depend on how a set is kept
		o.unsorted, o.alpha, o.by = false, true, nil
	}
	text := &c.Server().Scratch[1]
	s := sorter{c: c, o: &o, ofSet: kind == keyspace.TypeSet, text: (*text)[:0]}
	defer func() { *text = s.text }()
	from, to := 0, 0
	if found {
		from, to = s.load(&e)
	}
	if !o.unsorted {
		if !s.weigh() {
			c.Reply.Error("ERR One or more scores can't be converted into double")
			return
		}
		s.sort(from, to)
	} else {
		s.items = s.items[from:to]
	}
	if o.store != nil {
		s.store()
		return
	}
	s.reply()
}

// sortItem is an element: text[at:end], with its score, or its weight text[weightAt:weightEnd].
type sortItem struct {
	at, end             int
	weightAt, weightEnd int // -1: there is none
	score               float64
	isInt               bool // score is already the element, an integer
}

// sorter is one sorting.
type sorter struct {
	c     *engine.Client
	o     *sortOptions
	ofSet bool
	text  []byte
	items []sortItem
}

func (s *sorter) element(it *sortItem) []byte { return s.text[it.at:it.end:it.end] }

// add copies an element.
func (s *sorter) add(v packed.Elem) {
	it := sortItem{at: len(s.text)}
	if v.IsInt {
		s.text = v.AppendTo(s.text)
		it.score, it.isInt = float64(v.Int), true
	} else {
		s.text = append(s.text, v.Str...)
	}
	it.end = len(s.text)
	s.items = append(s.items, it)
}

// window is which of n elements LIMIT leaves.
func (o *sortOptions) window(n int) (from, to int) {
	from = int(min(max(o.offset, 0), int64(n)))
	if o.count < 0 {
		return from, n
	}
	return from, from + int(min(o.count, int64(n-from)))
}

// load copies the elements and returns which of the copied ones LIMIT leaves once they are sorted. Of lists and sorted
// sets that keep their order it copies no others; DESC turns these round.
func (s *sorter) load(e *keyspace.Entry) (from, to int) {
	var n int
	switch e.Type() {
	case keyspace.TypeList:
		n = listLen(e)
	case keyspace.TypeSet:
		n = setLen(e)
	default:
		n = viewZset(e).len()
	}
	from, to = s.o.window(n)
	first, last := 0, n
	if s.o.unsorted && !s.ofSet {
		first, last = from, to
		from, to = 0, to-from
		if s.o.descending {
			first, last = n-last, n-first
		}
	}
	s.items = make([]sortItem, 0, last-first)
	switch e.Type() {
	case keyspace.TypeList:
		eachListElemIn(e, first, last-first, s.add)
		if s.o.unsorted && s.o.descending {
			slices.Reverse(s.items)
		}
	case keyspace.TypeSet:
		eachMember(e, func(m packed.Elem) bool {
			s.add(m)
			return true
		})
	default:
		viewZset(e).each(first, last, s.o.unsorted && s.o.descending, func(m packed.Elem, _ float64) bool {
			s.add(m)
			return true
		})
	}
	return from, to
}

// weigh finds what each element is sorted by. ok is false when that is to be a number and is none.
func (s *sorter) weigh() (ok bool) {
	var p sortPattern
	if s.o.by != nil {
		p = parseSortPattern(s.o.by)
	}
	for i := range s.items {
		it := &s.items[i]
		if s.o.by == nil && (s.o.alpha || it.isInt) {
			continue
		}
		it.score, it.weightAt, it.weightEnd = 0, -1, -1
		weight := s.element(it)
		if s.o.by != nil {
			found := false
			if weight, found = p.lookup(s.c, weight); !found {
				continue
			}
			if s.o.alpha {
				it.weightAt = len(s.text)
				s.text = append(s.text, weight...)
				it.weightEnd = len(s.text)
			}
		}
		if !s.o.alpha {
			if it.score, ok = sortScore(weight); !ok {
				return false
			}
		}
	}
	return true
}

// sortScore reads a number as strtod does: after spaces, up to a zero byte; nothing at all is 0.
func sortScore(b []byte) (score float64, ok bool) {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if len(b) == 0 {
		return 0, true
	}
	if b[0] <= ' ' {
		b = bytes.TrimLeft(b, " \t\n\v\f\r")
	}
	return resp.ParseFloat(b)
}

// sortRank is what moves while sorting: an item and a number that decides most comparisons. Where two are equal, compare
// does.
type sortRank struct {
	key  uint64 // of a score, its bits so that they order; of text, the first 8 bytes
	item int
}

// sort orders the items and keeps those from from to to-1. Those of equal rank are compared only if some of them are kept.
func (s *sorter) sort(from, to int) {
	ranks := make([]sortRank, len(s.items))
	for i := range s.items {
		key := s.rank(&s.items[i])
		if s.o.descending {
			key = ^key
		}
		ranks[i] = sortRank{key, i}
	}
	ranks = sortByKey(ranks)
	for start := 0; start < to; {
		end := start + 1
		for end < len(ranks) && ranks[end].key == ranks[start].key {
			end++
		}
		if end > from && end-start > 1 {
			slices.SortFunc(ranks[start:end], func(a, b sortRank) int {
				return s.compare(&s.items[a.item], &s.items[b.item])
			})
		}
		start = end
	}
	kept := make([]sortItem, 0, to-from)
	for _, r := range ranks[from:to] {
		kept = append(kept, s.items[r.item])
	}
	s.items = kept
}

// radixFrom is how many ranks are sorted by digits and no longer by comparisons.
const radixFrom = 256

// sortByKey orders ranks by their keys, in place or in new memory: many by one byte after the other, the lowest first, but
// for bytes that are the same in all.
func sortByKey(ranks []sortRank) []sortRank {
	if len(ranks) < radixFrom {
		slices.SortFunc(ranks, func(a, b sortRank) int { return cmp.Compare(a.key, b.key) })
		return ranks
	}
	var counts [8][256]int
	for i := range ranks {
		key := ranks[i].key
		for digit := range counts {
			counts[digit][byte(key>>(8*digit))]++
		}
	}
	other := make([]sortRank, len(ranks))
	for digit := range counts {
		shift, places := 8*digit, &counts[digit]
		if places[byte(ranks[0].key>>shift)] == len(ranks) {
			continue
		}
		sum := 0
		for v, n := range places {
			places[v] = sum
			sum += n
		}
		for _, r := range ranks {
			place := &places[byte(r.key>>shift)]
			other[*place] = r
			*place++
		}
		ranks, other = other, ranks
	}
	return ranks
}

func (s *sorter) rank(it *sortItem) uint64 {
	if !s.o.alpha {
		bits := math.Float64bits(it.score + 0) // no negative zero
		if bits>>63 != 0 {
			return ^bits
		}
		return bits | 1<<63
	}
	b := s.element(it)
	if s.o.by != nil {
		if it.weightAt < 0 {
			return 0
		}
		b = s.text[it.weightAt:it.weightEnd]
	}
	var head [8]byte
	copy(head[:], b)
	return binary.BigEndian.Uint64(head[:])
}

// compare orders two items whose ranks are equal.
func (s *sorter) compare(a, b *sortItem) int {
	var order int
	switch {
	case !s.o.alpha:
		order = bytes.Compare(s.element(a), s.element(b)) // the scores are equal
	case s.o.by == nil:
		order = bytes.Compare(s.element(a), s.element(b))
	case a.weightAt < 0 || b.weightAt < 0:
		order = cmp.Compare(min(a.weightAt, 0), min(b.weightAt, 0))
	default:
		order = bytes.Compare(s.text[a.weightAt:a.weightEnd], s.text[b.weightAt:b.weightEnd])
	}
	if order == 0 && s.ofSet {
		order = bytes.Compare(s.element(a), s.element(b))
	}
	if s.o.descending {
		order = -order
	}
	if order == 0 {
		order = cmp.Compare(a.at, b.at)
	}
	return order
}

// each visits the results in order: the elements, or what the GET patterns lead to from each.
func (s *sorter) each(visit func(v []byte, found bool)) {
	patterns := make([]sortPattern, len(s.o.gets))
	for i, g := range s.o.gets {
		patterns[i] = parseSortPattern(g)
	}
	for i := range s.items {
		element := s.element(&s.items[i])
		if len(patterns) == 0 {
			visit(element, true)
		}
		for k := range patterns {
			visit(patterns[k].lookup(s.c, element))
		}
	}
}

func (s *sorter) results() int { return len(s.items) * max(len(s.o.gets), 1) }

func (s *sorter) reply() {
	s.c.Reply.Array(s.results())
	s.each(func(v []byte, found bool) {
		if found {
			s.c.Reply.Bulk(v)
		} else {
			s.c.Reply.Null()
		}
	})
}

// store makes a list of the results at the destination, with empty strings for what is missing.
func (s *sorter) store() {
	elems := make([][]byte, 0, s.results())
	s.each(func(v []byte, _ bool) {
		if len(s.o.gets) > 0 {
			v = bytes.Clone(v)
		}
		elems = append(elems, v)
	})
	c, key := s.c, s.o.store
	e, found := c.LookupWrite(key)
	if found {
		ks := c.Server().Keyspace
		defer func(was bool) { ks.TellCreated = was }(ks.TellCreated)
		ks.TellCreated = false // it is no new key
		c.DB.Delete(&e)
	}
	switch {
	case len(elems) > 0:
		var l listEdit
		e, _ = c.LookupWrite(key)
		l.begin(c, e, key)
		l.push(elems, false)
		l.end()
		c.Event(engine.EventList, "sortstore", key)
		c.Changed(len(elems))
	case found:
		c.Event(engine.EventGeneric, "del", key)
		c.Changed(1)
	}
	c.Reply.Int(int64(len(elems)))
}
