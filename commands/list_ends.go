package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Lists: what is done at their ends. The functions that push, pop and move take an entry that was looked up, so that
// blocking commands do the same.

func lpush(c *engine.Client, args engine.Args)  { push(c, args, true, false) }
func rpush(c *engine.Client, args engine.Args)  { push(c, args, false, false) }
func lpushx(c *engine.Client, args engine.Args) { push(c, args, true, true) }
func rpushx(c *engine.Client, args engine.Args) { push(c, args, false, true) }

func push(c *engine.Client, args engine.Args, front, mustExist bool) {
	var e keyspace.Entry // looked up here and not by writeOf: the copies of it would be much of what a push costs
	found := c.LookupWriteInto(&e, args[1])
	n := 0
	switch {
	case found && e.Encoding() == keyspace.EncListChunks:
		n = pushChunks(c, &e, args[1], args[2:], front)
	case found && e.Type() != keyspace.TypeList:
		c.Reply.Error(errWrongType)
		return
	case mustExist && !found:
		c.Reply.Int(0)
		return
	default:
		n = pushElems(c, e, args[1], args[2:], front)
	}
	c.Changed(len(args) - 2)
	c.Reply.Int(int64(n))
}

// pushChunks is pushElems for a list of chunks, which pushing keeps one.
func pushChunks(c *engine.Client, e *keyspace.Entry, key []byte, elems [][]byte, front bool) int {
	limit := list.LimitOf(c.Server().Config.ListMaxListpackSize)
	l := c.DB.MutableObject(e).(*list.List)
	for _, v := range elems {
		if front {
			l.PushFront(v, limit)
		} else {
			l.PushBack(v, limit)
		}
	}
	pushed(c, key, front)
	return l.Len()
}

// pushed tells of a push.
func pushed(c *engine.Client, key []byte, front bool) {
	if front {
		c.Event(engine.EventList, "lpush", key)
	} else {
		c.Event(engine.EventList, "rpush", key)
	}
}

// pushElems adds elements at one end of an entry's list, which may have to be created, and returns its length.
func pushElems(c *engine.Client, e keyspace.Entry, key []byte, elems [][]byte, front bool) int {
	var s listEdit
	s.begin(c, e, key)
	s.push(elems, front)
	pushed(c, key, front)
	return s.len()
}

func lpop(c *engine.Client, args engine.Args) { pop(c, args, true, "lpop") }
func rpop(c *engine.Client, args engine.Args) { pop(c, args, false, "rpop") }

func pop(c *engine.Client, args engine.Args, front bool, command string) {
	if len(args) > 3 {
		arityError(c, command)
		return
	}
	n := int64(0)
	if len(args) == 3 {
		var ok bool
		if n, ok = positiveArg(c, args[2]); !ok {
			return
		}
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeList)
	switch {
	case !ok:
	case !found && len(args) == 3:
		c.Reply.NullArray()
	case !found:
		c.Reply.Null()
	case len(args) == 2:
		popElem(c, e, args[1], front)
	case n == 0:
		c.Reply.Array(0)
	default:
		popElems(c, e, args[1], n, front)
	}
}

// popElem takes one element off an entry's list and replies with it.
func popElem(c *engine.Client, e keyspace.Entry, key []byte, front bool) {
	replyElem(c, listEnd(&e, front))
	removeEnd(c, e, key, 1, front)
}

// popElems takes up to n elements off an entry's list and replies with them as an array. It returns their number.
func popElems(c *engine.Client, e keyspace.Entry, key []byte, n int64, front bool) int {
	size := listLen(&e)
	k := int(min(n, int64(size)))
	c.Reply.Array(k)
	if front {
		listSpans(&e, 0, k, func(span []byte, count int) bool {
			replySpan(c.Reply, span, count)
			return true
		})
	} else {
		replyBackward(c, &e, k)
	}
	removeEnd(c, e, key, k, front)
	return k
}

// replyBackward replies with the last n elements, the very last first.
func replyBackward(c *engine.Client, e *keyspace.Entry, n int) {
	listSpansBack(e, func(span []byte, _ int) bool {
		for pos := len(span); pos > 0 && n > 0; n-- {
			pos = list.Prev(span, pos)
			v, _ := list.Next(span, pos)
			replyElem(c, v)
		}
		return n > 0
	})
}

// removeEnd takes n elements off an entry's list, and the list with its last one.
func removeEnd(c *engine.Client, e keyspace.Entry, key []byte, n int, front bool) {
	var s listEdit
	s.begin(c, e, key)
	s.drop(n, front)
	deleted := s.end()
	c.Changed(n)
	popped(c, key, front, deleted)
}

// popped tells of a pop.
func popped(c *engine.Client, key []byte, front, deleted bool) {
	if front {
		c.Event(engine.EventList, "lpop", key)
	} else {
		c.Event(engine.EventList, "rpop", key)
	}
	listGone(c, key, deleted)
}

// endArg reads LEFT or RIGHT.
func endArg(c *engine.Client, arg []byte) (front, ok bool) {
	front = isWord(arg, "left")
	if !front && !isWord(arg, "right") {
		c.Reply.Error(errSyntax)
		return false, false
	}
	return front, true
}

func lmove(c *engine.Client, args engine.Args) {
	from, ok := endArg(c, args[3])
	if !ok {
		return
	}
	if to, ok := endArg(c, args[4]); ok {
		moveList(c, args[1], args[2], from, to)
	}
}

func rpoplpush(c *engine.Client, args engine.Args) { moveList(c, args[1], args[2], false, true) }

func moveList(c *engine.Client, source, destination []byte, from, to bool) {
	e, found, ok := writeOf(c, source, keyspace.TypeList)
	if !found {
		if ok {
			c.Reply.Null()
		}
		return
	}
	moveElem(c, e, source, destination, from, to)
}

// moveElem takes an element off one end of an entry's list, puts it at an end of another list and replies with it; or with
// an error if the destination is no list.
func moveElem(c *engine.Client, e keyspace.Entry, source, destination []byte, from, to bool) {
	if string(source) == string(destination) {
		rotate(c, e, source, from, to)
		return
	}
	if _, _, ok := writeOf(c, destination, keyspace.TypeList); !ok {
		return
	}
	e, _ = c.DB.Find(source) // the destination may just have expired
	v := listEnd(&e, from)
	replyElem(c, v)
	moved := [1][]byte{copyElem(c, v)}
	var s listEdit
	s.begin(c, e, source)
	s.drop(1, from)
	deleted := s.end()
	e, _ = c.DB.Find(destination)
	pushElems(c, e, destination, moved[:], to)
	c.Changed(1)
	popped(c, source, from, deleted)
}

// rotate is moveElem within one list.
func rotate(c *engine.Client, e keyspace.Entry, key []byte, from, to bool) {
	v := listEnd(&e, from)
	replyElem(c, v)
	moved := [1][]byte{copyElem(c, v)}
	var s listEdit
	s.begin(c, e, key)
	s.drop(1, from)
	s.push(moved[:], to)
	s.end()
	c.Changed(1)
	pushed(c, key, to)
	popped(c, key, from, false)
}

// mpopOptions are the arguments of LMPOP and BLMPOP from the number of keys on.
type mpopOptions struct {
	keys  [][]byte
	front bool
	count int64
}

func mpopArgs(c *engine.Client, args engine.Args) (o mpopOptions, ok bool) {
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 {
		c.Reply.Error("ERR numkeys should be greater than 0")
		return o, false
	}
	if n >= int64(len(args)-1) {
		c.Reply.Error(errSyntax)
		return o, false
	}
	o.keys, args = args[1:1+n], args[1+n:]
	if o.front, ok = endArg(c, args[0]); !ok {
		return o, false
	}
	o.count = 1
	if args = args[1:]; len(args) == 0 {
		return o, true
	}
	if len(args) == 1 || !isWord(args[0], "count") {
		c.Reply.Error(errSyntax)
		return o, false
	}
	if o.count, ok = resp.ParseInt(args[1]); !ok || o.count < 1 {
		c.Reply.Error("ERR count should be greater than 0")
		return o, false
	}
	if len(args) > 2 {
		c.Reply.Error(errSyntax)
		return o, false
	}
	return o, true
}

func lmpop(c *engine.Client, args engine.Args) {
	if o, ok := mpopArgs(c, args[1:]); ok && !mpop(c, &o) {
		c.Reply.NullArray()
	}
}

// mpop pops from the first of the keys that is there; it returns false, and has not replied, when none is. It is journalled
// as the LPOP or RPOP that it came to.
func mpop(c *engine.Client, o *mpopOptions) bool {
	for _, key := range o.keys {
		e, found, ok := writeOf(c, key, keyspace.TypeList)
		if !ok {
			return true
		}
		if !found {
			continue
		}
		c.Reply.Array(2)
		c.Reply.Bulk(key)
		n := popElems(c, e, key, o.count, o.front)
		if o.front {
			c.Propagate(wordLPop, key, digits(c, int64(n)))
		} else {
			c.Propagate(wordRPop, key, digits(c, int64(n)))
		}
		return true
	}
	return false
}

// eachListElem visits all elements, views.
func eachListElem(e *keyspace.Entry, visit func(v packed.Elem)) {
	listSpans(e, 0, listLen(e), func(span []byte, _ int) bool {
		for pos := 0; pos < len(span); {
			var v packed.Elem
			v, pos = list.Next(span, pos)
			visit(v)
		}
		return true
	})
}
