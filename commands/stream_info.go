package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/stream"
)

// XINFO.

// infoStream looks up the key of a subcommand; when there is no stream, it has replied.
func infoStream(c *engine.Client, args engine.Args) *stream.Stream {
	s, found, ok := streamOf(c, args[2])
	if ok && !found {
		c.Reply.Error(errNoSuchKey)
	}
	return s
}

func infoInt(c *engine.Client, name string, n int64) {
	c.Reply.BulkString(name)
	c.Reply.Int(n)
}

func infoID(c *engine.Client, name string, id stream.ID) {
	c.Reply.BulkString(name)
	replyID(c, id)
}

// infoKnown is infoInt for a number that may not be known.
func infoKnown(c *engine.Client, name string, n int64, known bool) {
	c.Reply.BulkString(name)
	if known {
		c.Reply.Int(n)
	} else {
		c.Reply.Null()
	}
}

// groupFields are what XINFO GROUPS and STREAM FULL tell of how far a group has read.
func groupFields(c *engine.Client, s *stream.Stream, g *stream.Group) {
	infoID(c, "last-delivered-id", g.Last)
	infoKnown(c, "entries-read", g.Read, g.Read != stream.UnknownRead)
	lag, known := s.Lag(g)
	infoKnown(c, "lag", lag, known)
}

func infoName(c *engine.Client, name string) {
	c.Reply.BulkString("name")
	c.Reply.BulkString(name)
}

func xinfoGroups(c *engine.Client, args engine.Args) {
	s := infoStream(c, args)
	if s == nil {
		return
	}
	c.Reply.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		c.Reply.Map(6)
		infoName(c, g.Name)
		infoInt(c, "consumers", int64(len(g.Consumers())))
		infoInt(c, "pending", int64(g.Pending()))
		groupFields(c, s, g)
	}
}

func xinfoConsumers(c *engine.Client, args engine.Args) {
	s := infoStream(c, args)
	if s == nil {
		return
	}
	g := s.Group(args[3])
	if g == nil {
		noGroupAt(c, args[2], args[3])
		return
	}
	now := c.Server().NowMs
	c.Reply.Array(len(g.Consumers()))
	for _, consumer := range g.Consumers() {
		inactive := int64(-1)
		if consumer.ActiveMs != -1 {
			inactive = max(now-consumer.ActiveMs, 0)
		}
		c.Reply.Map(4)
		infoName(c, consumer.Name)
		infoInt(c, "pending", int64(consumer.Pending()))
		infoInt(c, "idle", max(now-consumer.SeenMs, 0))
		infoInt(c, "inactive", inactive)
	}
}

// defaultFull is how many entries, and pending entries of each kind, XINFO STREAM FULL lists.
const defaultFull = 10

func xinfoStream(c *engine.Client, args engine.Args) {
	s := infoStream(c, args)
	if s == nil {
		return
	}
	options := args[3:]
	full, count := len(options) > 0, int64(defaultFull)
	if full {
		if len(options) != 1 && len(options) != 3 || !isWord(options[0], "full") || len(options) == 3 && !isWord(options[1], "count") {
			streamSubcommandError(c, args)
			return
		}
		if len(options) == 3 {
			var ok bool
			if count, ok = intArg(c, options[2]); !ok {
				return
			}
			if count < 0 {
				count = defaultFull
			}
		}
	}
	fields := 10
	if full {
		fields = 9
	}
	blocks, nodes := s.Blocks()
	c.Reply.Map(fields)
	infoInt(c, "length", int64(s.Len()))
	infoInt(c, "radix-tree-keys", int64(blocks))
	infoInt(c, "radix-tree-nodes", int64(nodes+1))
	infoID(c, "last-generated-id", s.Last)
	infoID(c, "max-deleted-entry-id", s.MaxDeleted)
	infoInt(c, "entries-added", s.Added)
	infoID(c, "recorded-first-entry-id", s.First())
	if full {
		infoFull(c, s, count)
		return
	}
	infoInt(c, "groups", int64(len(s.Groups())))
	first, last := s.Range(stream.ID{}, stream.MaxID), s.RangeBack(stream.ID{}, stream.MaxID)
	infoEntry(c, "first-entry", &first)
	infoEntry(c, "last-entry", &last)
}

func infoEntry(c *engine.Client, name string, it *stream.Iter) {
	c.Reply.BulkString(name)
	if it.Next() {
		replyEntry(c, &it.Entry)
	} else {
		c.Reply.Null()
	}
}

// infoFull lists entries and groups, at most count of each kind; 0 is no limit.
func infoFull(c *engine.Client, s *stream.Stream, count int64) {
	r := c.Reply
	r.BulkString("entries")
	it := s.Range(stream.ID{}, stream.MaxID)
	replyEntries(c, &it, count)
	r.BulkString("groups")
	r.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		r.Map(7)
		infoName(c, g.Name)
		groupFields(c, s, g)
		infoInt(c, "pel-count", int64(g.Pending()))
		infoPending(c, g, nil, count)
		r.BulkString("consumers")
		r.Array(len(g.Consumers()))
		for _, consumer := range g.Consumers() {
			r.Map(5)
			infoName(c, consumer.Name)
			infoInt(c, "seen-time", consumer.SeenMs)
			infoInt(c, "active-time", consumer.ActiveMs)
			infoInt(c, "pel-count", int64(consumer.Pending()))
			infoPending(c, g, consumer, count)
		}
	}
}

// infoPending lists what is pending; of a group's with the consumers' names.
func infoPending(c *engine.Client, g *stream.Group, consumer *stream.Consumer, count int64) {
	r := c.Reply
	r.BulkString("pending")
	mark, n := r.Begin(), 0
	for it := g.Range(consumer, stream.ID{}, stream.MaxID); (count == 0 || int64(n) < count) && it.Next(); n++ {
		if consumer != nil {
			r.Array(3)
			replyID(c, it.ID)
		} else {
			r.Array(4)
			replyID(c, it.ID)
			r.BulkString(it.Consumer.Name)
		}
		r.Int(it.DeliveredMs)
		r.Int(it.Deliveries)
	}
	r.EndArray(mark, n)
}

// viewStream returns the stream of an entry, for reading.
func viewStream(e *keyspace.Entry) *stream.Stream { return e.DB().Object(e).(*stream.Stream) }
