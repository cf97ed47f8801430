package list

import "redix/engine/keyspace"

// Changes that are not at an end.

// Insert puts an element before element i; i may be Len(). s must not be a view of the list.
func (l *List) Insert(i int, s []byte, lim Limit) {
	if i == 0 {
		l.PushFront(s, lim)
		return
	}
	if i == l.n {
		l.PushBack(s, lim)
		return
	}
	k, at := l.find(i)
	c, count := l.chunk(k)
	x := encode(s)
	l.n++
	if lim.takes(c.size(), count, len(s)) {
		l.insertIn(k, at, &x, lim)
		return
	}
	if at == 0 {
		if before, n := l.chunk(k - 1); lim.takes(before.size(), n, len(s)) {
			l.insertIn(k-1, n, &x, lim)
			return
		}
		l.insertAlone(k, &x)
		return
	}
	l.split(k, at)
	if c, _ = l.chunk(k); lim.takes(c.size(), at, len(s)) {
		l.insertIn(k, at, &x, lim)
	} else if c, n := l.chunk(k + 1); lim.takes(c.size(), n, len(s)) {
		l.insertIn(k+1, 0, &x, lim)
	} else {
		l.insertAlone(k+1, &x)
		l.merge(k+2, lim)
	}
	l.merge(k+1, lim)
	l.merge(k, lim)
}

// insertIn puts an element before element at of chunk k, which takes it.
func (l *List) insertIn(k, at int, x *encoded, lim Limit) {
	c, count := l.chunk(k)
	if len(c.b)-c.end < x.size {
		l.grow(k, &c, x.size, false, lim)
	}
	pos := c.start + seek(c.span(), count, at)
	copy(c.b[pos+x.size:], c.b[pos:c.end])
	x.put(c.b[pos:])
	c.end += x.size
	c.save()
	l.setCount(k, count+1)
}

// insertAlone puts an element into a chunk of its own before chunk k.
func (l *List) insertAlone(k int, x *encoded) {
	c := l.newChunk(k, x.size, 0, false)
	x.put(c.b[c.start:])
	l.setCount(k, 1)
}

// split moves the elements of chunk k from element at on into a new chunk behind it.
func (l *List) split(k, at int) {
	c, count := l.chunk(k)
	cut := seek(c.span(), count, at)
	tail := c.span()[cut:]
	d := l.newChunk(k+1, len(tail), 0, false)
	copy(d.span(), tail)
	l.setCount(k+1, count-at)
	c.end = c.start + cut
	c.save()
	l.setCount(k, at)
}

// merge joins chunk k with the one before it if one chunk takes both.
func (l *List) merge(k int, lim Limit) {
	if k < 1 || k >= l.chunks() {
		return
	}
	c, n := l.chunk(k - 1)
	d, m := l.chunk(k)
	if lim.Exceeded(c.size()+d.size(), n+m, 0, 0) {
		return
	}
	if len(c.b)-c.end < d.size() {
		l.grow(k-1, &c, d.size(), false, lim)
	}
	c.end += copy(c.b[c.end:], d.span())
	c.save()
	l.dropChunk(k)
	l.setCount(k-1, n+m)
}

// Set replaces element i, which must exist. s must not be a view of the list.
func (l *List) Set(i int, s []byte, lim Limit) {
	k, at := l.find(i)
	c, count := l.chunk(k)
	x := encode(s)
	pos := c.start + seek(c.span(), count, at)
	old := Skip(c.b, pos) - pos
	if x.size != old {
		large := listpackHead+c.size() > lim.bytes // for a single element
		if count == 1 && large || count > 1 && !lim.takes(c.size()-old, count-1, len(s)) {
			l.Remove(i, 1)
			l.Insert(i, s, lim)
			return
		}
		if len(c.b)-c.end < x.size-old {
			before := pos - c.start
			l.grow(k, &c, x.size-old, false, lim)
			pos = c.start + before
		}
		copy(c.b[pos+x.size:], c.b[pos+old:c.end])
		c.end += x.size - old
		c.save()
	}
	x.put(c.b[pos:])
}

// Remove removes n elements from element i on, which must exist.
func (l *List) Remove(i, n int) {
	if n <= 0 {
		return
	}
	k, at := l.find(i)
	l.n -= n
	if c, count := l.chunk(k); at > 0 || n < count { // a part of the first chunk
		m := min(n, count-at)
		span := c.span()
		from := seek(span, count, at)
		to := len(span)
		if at+m < count {
			to = seek(span, count, at+m)
		}
		c.cut(from, to)
		l.setCount(k, count-m)
		n -= m
		k++
	}
	whole := 0
	for ; n > 0 && l.count(k+whole) <= n; whole++ {
		n -= l.count(k + whole)
		l.free(keyspace.Ref(l.word(k+whole) & refMask))
	}
	if whole > 0 {
		l.closeWords(k, whole)
	}
	if n > 0 { // a part of the last chunk
		c, count := l.chunk(k)
		c.cut(0, seek(c.span(), count, n))
		l.setCount(k, count-n)
	}
}

// cut takes the bytes from:to out of the span.
func (c *chunk) cut(from, to int) {
	if from == 0 {
		c.start += to
	} else {
		copy(c.b[c.start+from:], c.b[c.start+to:c.end])
		c.end -= to - from
	}
	c.save()
}

// RemoveEqual removes up to most elements equal to s, from the head on or from the tail back, and counts them.
func (l *List) RemoveEqual(s []byte, most int, back bool) (removed int) {
	needle := NeedleOf(s)
	total := l.chunks()
	for i := 0; i < total && removed < most; i++ {
		k := i
		if back {
			k = total - 1 - i
		}
		c, count := l.chunk(k)
		skip := 0
		if back {
			skip = max(0, needle.Count(c.span())-(most-removed))
		}
		left, n := needle.Remove(c.span(), skip, most-removed)
		if n == 0 {
			continue
		}
		c.end = c.start + len(left)
		c.save()
		l.setCount(k, count-n)
		removed += n
	}
	l.n -= removed
	l.sweep()
	return removed
}

// sweep frees the chunks without elements.
func (l *List) sweep() {
	kept := 0
	for k := range l.chunks() {
		w := l.word(k)
		if w>>refBits == 0 {
			l.free(keyspace.Ref(w & refMask))
			continue
		}
		l.setWord(kept, w)
		kept++
	}
	if n := l.chunks() - kept; n > 0 {
		l.closeWords(kept, n)
	}
}
