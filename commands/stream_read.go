package commands

import (
	"math"
	"strconv"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
	"redix/engine/stream"
)

// XREAD and XREADGROUP.
//
// A client that waits has its command run again, see engine/blocking.go: $ is replaced by an ID before that.
//
// XREADGROUP changes the group, and is journalled as what came of it: an XCLAIM for each entry given out, then where the
// group is now; the consumer, if it is new and no XCLAIM makes it.

// readArgs are the arguments of XREAD and XREADGROUP.
type readArgs struct {
	isGroup         bool
	group, consumer []byte
	count           int64 // 0: no limit
	block           bool
	deadlineMs      int64 // 0: none
	noAck           bool
	keys, ids       engine.Args
}

// parse reads everything but the IDs.
func (a *readArgs) parse(c *engine.Client, args engine.Args) bool {
	for i := 1; i < len(args); i++ {
		more := len(args) - 1 - i
		switch arg := args[i]; {
		case more > 0 && isWord(arg, "block"):
			i++
			if !a.parseBlock(c, args[i]) {
				return false
			}
		case more > 0 && isWord(arg, "count"):
			i++
			n, ok := intArg(c, args[i])
			if !ok {
				return false
			}
			a.count = max(n, 0)
		case more > 0 && isWord(arg, "streams"):
			return a.parseStreams(c, args[i+1:])
		case more > 1 && isWord(arg, "group"):
			if !a.groupOnly(c, "GROUP") {
				return false
			}
			a.group, a.consumer = args[i+1], args[i+2]
			i += 2
		case isWord(arg, "noack"):
			if !a.groupOnly(c, "NOACK") {
				return false
			}
			a.noAck = true
		default:
			c.Reply.Error(errSyntax)
			return false
		}
	}
	c.Reply.Error(errSyntax)
	return false
}

func (a *readArgs) groupOnly(c *engine.Client, option string) bool {
	if !a.isGroup {
		c.Reply.Error("ERR The " + option + " option is only supported by XREADGROUP. You called XREAD instead.")
	}
	return a.isGroup
}

// parseBlock reads the time to wait. A command that runs again does not begin to wait anew.
func (a *readArgs) parseBlock(c *engine.Client, arg []byte) bool {
	ms, ok := resp.ParseInt(arg)
	switch now := c.Server().NowMs; {
	case !ok:
		c.Reply.Error("ERR timeout is not an integer or out of range")
		return false
	case ms < 0:
		c.Reply.Error("ERR timeout is negative")
		return false
	case ms > math.MaxInt64-now && !c.Blocked():
		c.Reply.Error("ERR timeout is out of range")
		return false
	case ms > 0:
		a.deadlineMs = now + ms
	}
	a.block = true
	return true
}

func (a *readArgs) parseStreams(c *engine.Client, rest engine.Args) bool {
	if len(rest)%2 != 0 {
		if a.isGroup {
			c.Reply.Error("ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.")
		} else {
			c.Reply.Error("ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.")
		}
		return false
	}
	if a.isGroup && a.group == nil {
		c.Reply.Error("ERR Missing GROUP option for XREADGROUP")
		return false
	}
	n := len(rest) / 2
	a.keys, a.ids = rest[:n], rest[n:]
	return true
}

// source is one of the streams to read from.
type source struct {
	after stream.ID
	fresh bool // ">": what no consumer has been given
	group *stream.Group
}

// resolve reads the ID of stream i, and looks up its group.
func (a *readArgs) resolve(c *engine.Client, i int, src *source) (ok bool) {
	s, found, ok := streamOf(c, a.keys[i])
	if !ok {
		return false
	}
	if a.isGroup {
		if found {
			src.group = s.Group(a.group)
		}
		if src.group == nil {
			c.Reply.Errorf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option",
				beforeZero(a.keys[i]), beforeZero(a.group))
			return false
		}
	}
	switch id := beforeZero(a.ids[i]); {
	case string(id) == "$" && a.isGroup:
		c.Reply.Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer " +
			"by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.")
		return false
	case string(id) == "$":
		if found {
			src.after = s.Last
		}
		return true
	case string(id) == ">" && !a.isGroup:
		c.Reply.Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.")
		return false
	case string(id) == ">":
		src.fresh = true
		return true
	}
	if src.after, ok = idArg(c, a.ids[i]); ok && a.isGroup && src.after == stream.MaxID {
		src.fresh = true // it stands for ">" in redis-server
	}
	return ok
}

func xread(c *engine.Client, args engine.Args) { readStreams(c, args, &readArgs{}) }

func xreadgroup(c *engine.Client, args engine.Args) {
	c.PropagateNothing()
	readStreams(c, args, &readArgs{isGroup: true})
}

func readStreams(c *engine.Client, args engine.Args, a *readArgs) {
	if !a.parse(c, args) {
		return
	}
	if !a.isGroup && c.Blocked() && a.awaitsOtherType(c) {
		c.Block(a.keys, a.wait())
		return
	}
	var room [4]source
	sources := room[:0]
	for i := range a.keys {
		var src source
		if !a.resolve(c, i, &src) {
			return
		}
		sources = append(sources, src)
	}
	mark, n := c.Reply.Begin(), 0
	for i := range a.keys {
		if a.serve(c, a.keys[i], &sources[i]) {
			n++
		}
	}
	switch {
	case n > 0 && c.Reply.Proto == 3:
		c.Reply.EndMap(mark, n)
	case n > 0:
		c.Reply.EndArray(mark, n)
	case a.block && a.park(c, sources):
	default:
		c.Reply.NullArray()
	}
}

// awaitsOtherType tells whether a key that the client waits for has become something else while the others have nothing to
// read: XREAD waits on then.
func (a *readArgs) awaitsOtherType(c *engine.Client) (other bool) {
	for i, key := range a.keys {
		e, found := peek(c, key)
		switch {
		case !found:
		case e.Type() != keyspace.TypeStream:
			other = true
		default:
			if after, ok := parseID(a.ids[i], 0, nil); ok && after.Less(viewStream(&e).LastEntry()) {
				return false
			}
		}
	}
	return other
}

// wait is for streams; a group is missed when its key holds anything else, or nothing.
func (a *readArgs) wait() engine.Wait {
	return engine.Wait{DeadlineMs: a.deadlineMs, Type: keyspace.TypeStream, OnTimeout: replyNullArray, OnMissing: a.isGroup}
}

func replyNullArray(c *engine.Client) { c.Reply.NullArray() }

// park makes the client wait, with the IDs that $ stands for now.
func (a *readArgs) park(c *engine.Client, sources []source) bool {
	for i := range a.ids {
		if string(beforeZero(a.ids[i])) == "$" {
			a.ids[i] = sources[i].after.AppendTo(nil)
		}
	}
	return c.Block(a.keys, a.wait())
}

// serve replies with what there is to read from one stream; it returns false, without a reply, when that is nothing.
func (a *readArgs) serve(c *engine.Client, key []byte, src *source) bool {
	e, found := c.LookupRead(key)
	if !found {
		return false
	}
	if !a.isGroup {
		s := c.DB.Object(&e).(*stream.Stream)
		if !src.after.Less(s.Last) || !src.after.Less(s.LastEntry()) {
			return false
		}
		replyStreamHead(c, key)
		from, _ := src.after.Next()
		it := s.Range(from, stream.MaxID)
		replyEntries(c, &it, a.count)
		return true
	}
	s := c.DB.MutableObject(&e).(*stream.Stream)
	d := delivery{c: c, key: key, name: a.group, s: s, g: src.group, nowMs: c.Server().NowMs}
	d.consumer, d.created = consumerOf(c, key, src.group, a.consumer)
	d.consumer.SeenMs = d.nowMs
	switch {
	case !src.fresh:
		replyStreamHead(c, key)
		d.history(src.after, a.count)
	case src.group.Last.Less(s.Last) && src.group.Last.Less(s.LastEntry()):
		replyStreamHead(c, key)
		d.fresh(a.count, a.noAck)
	default:
		d.journalConsumer()
		return false
	}
	d.journalConsumer()
	return true
}

// replyStreamHead begins the reply for one stream: a pair in RESP2, an item of the map in RESP3.
func replyStreamHead(c *engine.Client, key []byte) {
	if c.Reply.Proto != 3 {
		c.Reply.Array(2)
	}
	c.Reply.Bulk(key)
}

// consumerOf returns the consumer of a name, made if need be.
func consumerOf(c *engine.Client, key []byte, g *stream.Group, name []byte) (consumer *stream.Consumer, created bool) {
	if consumer = g.Consumer(name); consumer != nil {
		return consumer, false
	}
	consumer = g.AddConsumer(name, c.Server().NowMs)
	c.Changed(1)
	c.Event(streamQuiet, "xgroup-createconsumer", key)
	return consumer, true
}

// delivery gives entries of one stream to a consumer of a group, and journals that.
type delivery struct {
	c         *engine.Client
	key, name []byte // of the stream, of the group
	s         *stream.Stream
	g         *stream.Group
	consumer  *stream.Consumer
	nowMs     int64
	created   bool // the consumer is new
	claimed   bool // a record that makes the consumer has been journalled
}

// fresh gives out entries after the group's last one.
func (d *delivery) fresh(count int64, noAck bool) {
	if noAck {
		d.journalConsumer()
		d.claimed = true
	}
	mark, n := d.c.Reply.Begin(), 0
	from, _ := d.g.Last.Next()
	for it := d.s.Range(from, stream.MaxID); (count == 0 || int64(n) < count) && it.Next(); n++ {
		d.g.Deliver(d.s, it.ID)
		replyEntry(d.c, &it.Entry)
		if noAck {
			continue
		}
		p := stream.Pending{ID: it.ID, Consumer: d.consumer, DeliveredMs: d.nowMs, Deliveries: 1}
		d.g.Set(p)
		d.consumer.ActiveMs = d.nowMs
		d.journalClaim(&p)
	}
	d.c.Reply.EndArray(mark, n)
	d.c.Changed(1)
	d.journalGroup()
}

// history gives out again what the consumer has not acknowledged. As in redis-server that is not journalled.
func (d *delivery) history(after stream.ID, count int64) {
	mark, n := d.c.Reply.Begin(), 0
	from, ok := after.Next()
	for it := d.g.Range(d.consumer, from, stream.MaxID); ok && (count == 0 || int64(n) < count) && it.Next(); n++ {
		entry, there := d.s.Get(it.ID)
		if !there {
			d.c.Reply.Array(2)
			replyID(d.c, it.ID)
			d.c.Reply.NullArray()
			continue
		}
		replyEntry(d.c, &entry)
		p := it.Pending
		p.DeliveredMs = d.nowMs
		p.Count()
		d.g.Set(p)
	}
	d.c.Reply.EndArray(mark, n)
}

// The words of what is journalled about groups.
var (
	wordTime           = []byte("TIME")
	wordRetryCount     = []byte("RETRYCOUNT")
	wordForce          = []byte("FORCE")
	wordJustID         = []byte("JUSTID")
	wordLastID         = []byte("LASTID")
	wordSetID          = []byte("SETID")
	wordCreate         = []byte("CREATE")
	wordEntriesRead    = []byte("ENTRIESREAD")
	wordEntriesAdded   = []byte("ENTRIESADDED")
	wordMaxDeletedID   = []byte("MAXDELETEDID")
	wordCreateConsumer = []byte("CREATECONSUMER")
)

// journals tells whether anybody takes records: building them costs more than the rest.
func journals(c *engine.Client) bool { return c.Server().Journal != nil && !c.Loading() }

// words builds the numbers and names of a record in one buffer.
type words struct {
	b  []byte
	at [6]int
	n  int
}

// add ends a word that has been appended to b.
func (w *words) add(b []byte) {
	w.b = b
	w.n++
	w.at[w.n] = len(b)
}

func (w *words) get(i int) []byte { return w.b[w.at[i]:w.at[i+1]] }

// journalClaim journals who has an entry: an XCLAIM with all there is to say, which gives the same result whatever was
// there before.
func (d *delivery) journalClaim(p *stream.Pending) {
	if !journals(d.c) {
		return
	}
	d.claimed = d.claimed || p.Consumer == d.consumer
	w := words{b: d.c.Server().Scratch[0][:0]}
	w.add(append(w.b, p.Consumer.Name...))
	w.add(p.ID.AppendTo(w.b))
	w.add(strconv.AppendInt(w.b, p.DeliveredMs, 10))
	w.add(strconv.AppendInt(w.b, p.Deliveries, 10))
	w.add(d.g.Last.AppendTo(w.b))
	d.c.Server().Scratch[0] = w.b
	d.c.Propagate(wordXClaim, d.key, d.name, w.get(0), wordZero, w.get(1), wordTime, w.get(2), wordRetryCount, w.get(3), wordForce,
		wordJustID, wordLastID, w.get(4))
}

// journalGroup journals how far the group has read.
func (d *delivery) journalGroup() {
	if !journals(d.c) {
		return
	}
	w := words{b: d.c.Server().Scratch[0][:0]}
	w.add(d.g.Last.AppendTo(w.b))
	w.add(strconv.AppendInt(w.b, d.g.Read, 10))
	d.c.Server().Scratch[0] = w.b
	d.c.Propagate(wordXGroup, wordSetID, d.key, d.name, w.get(0), wordEntriesRead, w.get(1))
}

// journalConsumer journals a new consumer that no XCLAIM has made.
func (d *delivery) journalConsumer() {
	if d.created && !d.claimed && journals(d.c) {
		d.c.Propagate(wordXGroup, wordCreateConsumer, d.key, d.name, append(d.c.Server().Scratch[0][:0], d.consumer.Name...))
	}
}
