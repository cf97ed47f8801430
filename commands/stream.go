package commands

import (
	"strconv"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
	"redix/engine/stream"
)

// Streams. How they are kept is in engine/stream. Here are the commands that change entries; ranges and reading are in
// stream_read.go, groups in stream_group.go, claims in stream_claim.go, XINFO in stream_info.go, the rows in
// stream_rows.go.
//
// A command whose journalled form differs from it in single words changes these in its args: what the handler leaves there
// is journalled.

var (
	wordEquals = []byte("=")
	wordXAdd   = []byte("XADD")
	wordXSetID = []byte("XSETID")
	wordXClaim = []byte("XCLAIM")
	wordXGroup = []byte("XGROUP")
)

// streamQuiet is the class of events that give nothing to who waits for a stream.
const streamQuiet = engine.EventStream | engine.EventQuiet

// streamOf looks up a stream for a read. ok is false when the key has another type.
func streamOf(c *engine.Client, key []byte) (s *stream.Stream, found, ok bool) {
	e, found, ok := readOf(c, key, keyspace.TypeStream)
	if found {
		s = c.DB.Object(&e).(*stream.Stream)
	}
	return s, found, ok
}

// mutableStream looks up a stream for a change. ok is false when the key has another type; when there is none, the entry is
// the place to create it.
func mutableStream(c *engine.Client, key []byte) (s *stream.Stream, e keyspace.Entry, ok bool) {
	e, found, ok := writeOf(c, key, keyspace.TypeStream)
	if found {
		s = c.DB.MutableObject(&e).(*stream.Stream)
	}
	return s, e, ok
}

// newStream makes a stream at the place of an entry.
func newStream(c *engine.Client, e *keyspace.Entry, key []byte) *stream.Stream {
	s := stream.New(c.Server().Keyspace)
	c.DB.SetObject(e, key, keyspace.EncStream, s, 0)
	return s
}

// addArgs are the options of XADD and XTRIM.
type addArgs struct {
	trim       stream.Trim
	trims      bool
	limitGiven bool
	noMkStream bool
	trimAt     int // place of the trimming's number or ID
	idAt       int // place of the ID
	id         stream.ID
	idGiven    bool
	autoSeq    bool
}

// parse reads options from place 2 on; for XADD up to the ID, for XTRIM to the end.
func (a *addArgs) parse(c *engine.Client, args engine.Args, isAdd bool) bool {
	i := 2
	for ; i < len(args); i++ {
		more := len(args) - 1 - i
		switch arg := args[i]; {
		case isAdd && string(beforeZero(arg)) == "*":
			a.idAt = i
			return a.check(c, isAdd)
		case more > 0 && isWord(arg, "maxlen"), more > 0 && isWord(arg, "minid"):
			var ok bool
			if i, ok = a.parseTrim(c, args, i); !ok {
				return false
			}
		case more > 0 && isWord(arg, "limit"):
			i++
			n, ok := intArg(c, args[i])
			if !ok {
				return false
			}
			if n < 0 {
				c.Reply.Error("ERR The LIMIT argument must be >= 0.")
				return false
			}
			a.trim.Limit, a.limitGiven = n, true
		case isAdd && isWord(arg, "nomkstream"):
			a.noMkStream = true
		case isAdd:
			var ok bool
			if a.id, ok = parseID(arg, 0, &a.autoSeq); !ok {
				c.Reply.Error(errStreamID)
				return false
			}
			a.idAt, a.idGiven = i, true
			return a.check(c, isAdd)
		default:
			c.Reply.Error(errSyntax)
			return false
		}
	}
	a.idAt = i
	return a.check(c, isAdd)
}

// parseTrim reads MAXLEN or MINID at place i and returns the place of its last word.
func (a *addArgs) parseTrim(c *engine.Client, args engine.Args, i int) (int, bool) {
	if a.trims {
		c.Reply.Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
		return i, false
	}
	a.trim.ByID = isWord(args[i], "minid")
	i++
	if more := len(args) - 1 - i; more > 0 {
		switch string(beforeZero(args[i])) {
		case "~":
			a.trim.Approx = true
			i++
		case "=":
			i++
		}
	}
	var ok bool
	if a.trim.ByID {
		a.trim.MinID, ok = idArg(c, args[i])
	} else if a.trim.MaxLen, ok = intArg(c, args[i]); ok && a.trim.MaxLen < 0 {
		c.Reply.Error("ERR The MAXLEN argument must be >= 0.")
		ok = false
	}
	a.trims, a.trimAt = true, i
	return i, ok
}

const (
	mostTrimmed     = 1000000 // entries that ~ removes at once at most, if no LIMIT is given
	mostTrimmedElse = 10000   // the same without stream-node-max-entries
)

// check completes the options, with redis-server's order of complaints.
func (a *addArgs) check(c *engine.Client, isAdd bool) bool {
	if a.trim.Limit != 0 && !a.trims {
		c.Reply.Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
		return false
	}
	if !isAdd && !a.trims {
		c.Reply.Error("ERR syntax error, XTRIM must be called with a trimming strategy")
		return false
	}
	switch {
	case c.Loading(): // how far trimming went is in the journal
		a.trim.Limit = 0
	case a.limitGiven && !a.trim.Approx:
		c.Reply.Error("ERR syntax error, LIMIT cannot be used without the special ~ option")
		return false
	case !a.limitGiven && a.trim.Approx:
		if a.trim.Limit = mostTrimmedElse; c.Server().Config.StreamNodeMaxEntries > 0 {
			a.trim.Limit = min(100*int64(min(c.Server().Config.StreamNodeMaxEntries, mostTrimmed)), mostTrimmed)
		}
	}
	return true
}

// exact changes ~ in the args to what it has come to.
func (a *addArgs) exact(c *engine.Client, args engine.Args, s *stream.Stream) {
	if !a.trim.Approx {
		return
	}
	args[a.trimAt-1] = wordEquals
	b := &c.Server().Scratch[2]
	if a.trim.ByID {
		first := s.First()
		if s.Len() == 0 {
			first = stream.MaxID
		}
		*b = first.AppendTo((*b)[:0])
	} else {
		*b = strconv.AppendInt((*b)[:0], int64(s.Len()), 10)
	}
	args[a.trimAt] = *b
}

func xadd(c *engine.Client, args engine.Args) {
	var a addArgs
	if !a.parse(c, args, true) {
		return
	}
	fields := args[min(a.idAt+1, len(args)):]
	if len(fields) < 2 || len(fields)%2 == 1 {
		arityError(c, "xadd")
		return
	}
	if a.idGiven && !a.autoSeq && a.id.IsZero() {
		c.Reply.Error("ERR The ID specified in XADD must be greater than 0-0")
		return
	}
	s, e, ok := mutableStream(c, args[1])
	if !ok {
		return
	}
	if s == nil && a.noMkStream {
		c.Reply.Null()
		return
	}
	id, ok := a.newID(c, s, fields)
	if !ok {
		return
	}
	if s == nil {
		s = newStream(c, &e, args[1])
	}
	appendEntry(c, s, id, fields)
	text := &c.Server().Scratch[1]
	*text = id.AppendTo((*text)[:0])
	c.Reply.Bulk(*text)
	c.Changed(1)
	c.Event(engine.EventStream, "xadd", args[1])
	if a.trims {
		if s.Trim(&a.trim) > 0 {
			c.Event(engine.EventStream, "xtrim", args[1])
		}
		a.exact(c, args, s)
	}
	if !a.idGiven || a.autoSeq {
		args[a.idAt] = *text
	}
}

// appendEntry adds an entry with an ID that is above the last one.
func appendEntry(c *engine.Client, s *stream.Stream, id stream.ID, fields [][]byte) {
	cfg, b := c.Server().Config, &c.Server().Scratch[0]
	*b = s.Append(id, fields, stream.Limits{Bytes: cfg.StreamNodeMaxBytes, Entries: cfg.StreamNodeMaxEntries}, (*b)[:0])
}

// newID decides on the ID of a new entry. s is nil when there is no stream yet.
func (a *addArgs) newID(c *engine.Client, s *stream.Stream, fields [][]byte) (id stream.ID, ok bool) {
	var last stream.ID
	if s != nil {
		last = s.Last
	}
	if last == stream.MaxID {
		c.Reply.Error("ERR The stream has exhausted the last possible ID, unable to add more items")
		return id, false
	}
	switch {
	case !a.idGiven:
		if id = (stream.ID{Ms: uint64(c.Server().NowMs)}); id.Ms <= last.Ms {
			id, _ = last.Next()
		}
	case a.autoSeq && a.id.Ms == last.Ms:
		id = last // if there is no sequence number left, it is refused below
		if next, _ := last.Next(); next.Ms == last.Ms {
			id = next
		}
	default:
		id = a.id
	}
	if !last.Less(id) {
		c.Reply.Error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
		return id, false
	}
	size := len(fields)
	for _, f := range fields {
		size += len(f)
	}
	if size > stream.MaxEntryBytes {
		c.Reply.Error("ERR Elements are too large to be stored")
		return id, false
	}
	return id, true
}

func xlen(c *engine.Client, args engine.Args) {
	if s, found, ok := streamOf(c, args[1]); found {
		c.Reply.Int(int64(s.Len()))
	} else if ok {
		c.Reply.Int(0)
	}
}

func xdel(c *engine.Client, args engine.Args) {
	s, _, ok := mutableStream(c, args[1])
	if !ok {
		return
	}
	if s == nil {
		c.Reply.Int(0)
		return
	}
	for _, arg := range args[2:] {
		if _, ok := idArg(c, arg); !ok {
			return
		}
	}
	deleted := 0
	for _, arg := range args[2:] {
		if id, _ := parseID(arg, 0, nil); s.Delete(id) {
			deleted++
		}
	}
	if deleted > 0 {
		c.Changed(deleted)
		c.Event(streamQuiet, "xdel", args[1])
	}
	c.Reply.Int(int64(deleted))
}

func xtrim(c *engine.Client, args engine.Args) {
	var a addArgs
	if !a.parse(c, args, false) {
		return
	}
	s, _, ok := mutableStream(c, args[1])
	if !ok {
		return
	}
	deleted := 0
	if s != nil {
		deleted = s.Trim(&a.trim)
	}
	if deleted > 0 {
		c.Changed(deleted)
		c.Event(streamQuiet, "xtrim", args[1])
		a.exact(c, args, s)
	}
	c.Reply.Int(int64(deleted))
}

// setIDArgs are the arguments of XSETID.
type setIDArgs struct {
	id, maxDeleted stream.ID
	added          int64 // -1: not given
}

func (a *setIDArgs) parse(c *engine.Client, args engine.Args) (ok bool) {
	a.added = -1
	if a.id, ok = idArg(c, args[2]); !ok {
		return false
	}
	for i := 3; i < len(args); i += 2 {
		switch {
		case i+1 < len(args) && isWord(args[i], "entriesadded"):
			if a.added, ok = intArg(c, args[i+1]); !ok {
				return false
			}
			if a.added < 0 {
				c.Reply.Error("ERR entries_added must be positive")
				return false
			}
		case i+1 < len(args) && isWord(args[i], "maxdeletedid"):
			if a.maxDeleted, ok = idArg(c, args[i+1]); !ok {
				return false
			}
			if a.id.Less(a.maxDeleted) {
				c.Reply.Error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
				return false
			}
		default:
			c.Reply.Error(errSyntax)
			return false
		}
	}
	return true
}

func xsetid(c *engine.Client, args engine.Args) {
	var a setIDArgs
	if !a.parse(c, args) {
		return
	}
	s, _, ok := mutableStream(c, args[1])
	switch {
	case !ok:
		return
	case s == nil:
		c.Reply.Error(errNoSuchKey)
		return
	case a.id.Less(s.MaxDeleted):
		c.Reply.Error("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
		return
	case s.Len() > 0 && a.id.Less(s.LastEntry()):
		c.Reply.Error("ERR The ID specified in XSETID is smaller than the target stream top item")
		return
	case s.Len() > 0 && a.added != -1 && int64(s.Len()) > a.added:
		c.Reply.Error("ERR The entries_added specified in XSETID is smaller than the target stream length")
		return
	}
	s.Last = a.id
	if a.added != -1 {
		s.Added = a.added
	}
	if !a.maxDeleted.IsZero() {
		s.MaxDeleted = a.maxDeleted
	}
	c.Changed(1)
	c.Event(streamQuiet, "xsetid", args[1])
	c.Reply.OK()
}

// replyEntry replies with one entry: its ID, and names and values in turn.
func replyEntry(c *engine.Client, e *stream.Entry) {
	r := c.Reply
	r.Array(2)
	replyID(c, e.ID)
	r.Array(2 * e.Len())
	f := e.Fields()
	for name, value, ok := f.Next(); ok; name, value, ok = f.Next() {
		replyElem(c, name)
		replyElem(c, value)
	}
}

// replyEntries replies with what an iterator gives, count entries at most; 0 is no limit.
func replyEntries(c *engine.Client, it *stream.Iter, count int64) {
	mark, n := c.Reply.Begin(), 0
	for (count == 0 || int64(n) < count) && it.Next() {
		replyEntry(c, &it.Entry)
		n++
	}
	c.Reply.EndArray(mark, n)
}

func xrange(c *engine.Client, args engine.Args)    { rangeOf(c, args, false) }
func xrevrange(c *engine.Client, args engine.Args) { rangeOf(c, args, true) }

func rangeOf(c *engine.Client, args engine.Args, reverse bool) {
	from, to := args[2], args[3]
	if reverse {
		from, to = to, from
	}
	start, ok := fromIDArg(c, from)
	if !ok {
		return
	}
	end, ok := toIDArg(c, to)
	if !ok {
		return
	}
	count := int64(-1)
	for i := 4; i < len(args); i += 2 {
		if !isWord(args[i], "count") || i+1 == len(args) {
			c.Reply.Error(errSyntax)
			return
		}
		if count, ok = resp.ParseInt(args[i+1]); !ok {
			c.Reply.Error(errNotInt)
			return
		}
		count = max(count, 0)
	}
	s, found, ok := streamOf(c, args[1])
	switch {
	case !ok:
	case !found:
		c.Reply.Array(0)
	case count == 0:
		c.Reply.NullArray()
	default:
		it := s.Range(start, end)
		if reverse {
			it = s.RangeBack(start, end)
		}
		replyEntries(c, &it, max(count, 0))
	}
}
