package commands

import (
	"strings"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/stream"
)

// XGROUP, XACK and XPENDING.

// groupArgs are what the subcommands of XGROUP share.
type groupArgs struct {
	key, name []byte
	mkStream  bool
	read      int64
	s         *stream.Stream
	g         *stream.Group
	e         keyspace.Entry
}

// begin reads the options of CREATE and SETID, and looks up stream and group. needs tells that the group must exist.
func (a *groupArgs) begin(c *engine.Client, args engine.Args, create, needs bool) (ok bool) {
	a.key, a.name, a.read = args[2], args[3], stream.UnknownRead
	for i := 5; i < len(args); i++ {
		switch {
		case create && isWord(args[i], "mkstream"):
			a.mkStream = true
		case isWord(args[i], "entriesread") && i+1 < len(args):
			i++
			if a.read, ok = intArg(c, args[i]); !ok {
				return false
			}
			if a.read < 0 && a.read != stream.UnknownRead {
				c.Reply.Error("ERR value for ENTRIESREAD must be positive or -1")
				return false
			}
		default:
			streamSubcommandError(c, args)
			return false
		}
	}
	if a.s, a.e, ok = mutableStream(c, a.key); !ok {
		return false
	}
	switch {
	case a.s != nil:
		a.g = a.s.Group(a.name)
	case !a.mkStream:
		c.Reply.Error("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM " +
			"option to create an empty stream automatically.")
		return false
	}
	if needs && a.g == nil {
		noGroupAt(c, a.key, a.name)
		return false
	}
	return true
}

func noGroupAt(c *engine.Client, key, name []byte) {
	c.Reply.Errorf("NOGROUP No such consumer group '%s' for key name '%s'", beforeZero(name), beforeZero(key))
}

func noKeyOrGroup(c *engine.Client, key, name []byte) {
	c.Reply.Errorf("NOGROUP No such key '%s' or consumer group '%s'", beforeZero(key), beforeZero(name))
}

// streamSubcommandError is the reply to arguments that a subcommand cannot read.
func streamSubcommandError(c *engine.Client, args engine.Args) {
	c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try %s HELP.", beforeZero(args[1]), strings.ToUpper(c.LastRow.Parent.Name))
}

func xgroupCreate(c *engine.Client, args engine.Args) {
	var a groupArgs
	if !a.begin(c, args, true, false) {
		return
	}
	if len(args) > 8 {
		streamSubcommandError(c, args)
		return
	}
	id, ok := a.id(c, args[4], false)
	if !ok {
		return
	}
	if a.g != nil {
		c.Reply.Error("BUSYGROUP Consumer Group name already exists")
		return
	}
	class := streamQuiet
	if a.s == nil {
		a.s = newStream(c, &a.e, a.key)
		class = engine.EventStream
	}
	a.s.AddGroup(a.name, id, a.read)
	a.changed(c, class, "xgroup-create")
	c.Reply.OK()
}

// id reads where a group is to be; $ is the end of the stream.
func (a *groupArgs) id(c *engine.Client, arg []byte, loose bool) (id stream.ID, ok bool) {
	switch {
	case string(beforeZero(arg)) == "$":
		if a.s != nil {
			id = a.s.Last
		}
		return id, true
	case loose:
		return looseIDArg(c, arg, 0)
	}
	return idArg(c, arg)
}

func (a *groupArgs) changed(c *engine.Client, class engine.EventClass, event string) {
	c.Changed(1)
	c.Event(class, event, a.key)
}

func xgroupSetID(c *engine.Client, args engine.Args) {
	var a groupArgs
	if !a.begin(c, args, false, true) {
		return
	}
	if len(args) != 5 && len(args) != 7 {
		streamSubcommandError(c, args)
		return
	}
	id, ok := a.id(c, args[4], true)
	if !ok {
		return
	}
	a.g.Last, a.g.Read = id, a.read
	a.changed(c, streamQuiet, "xgroup-setid")
	c.Reply.OK()
}

func xgroupDestroy(c *engine.Client, args engine.Args) {
	var a groupArgs
	if !a.begin(c, args, false, false) {
		return
	}
	if a.g == nil {
		c.Reply.Int(0)
		return
	}
	a.s.RemoveGroup(a.g)
	c.Server().Keyspace.DropObject(a.g)
	a.changed(c, engine.EventStream, "xgroup-destroy")
	c.Reply.Int(1)
}

func xgroupCreateConsumer(c *engine.Client, args engine.Args) {
	var a groupArgs
	if !a.begin(c, args[:4], false, true) {
		return
	}
	if _, created := consumerOf(c, a.key, a.g, args[4]); created {
		c.Reply.Int(1)
	} else {
		c.Reply.Int(0)
	}
}

func xgroupDelConsumer(c *engine.Client, args engine.Args) {
	var a groupArgs
	if !a.begin(c, args[:4], false, true) {
		return
	}
	consumer := a.g.Consumer(args[4])
	if consumer == nil {
		c.Reply.Int(0)
		return
	}
	pending := a.g.RemoveConsumer(consumer)
	a.changed(c, streamQuiet, "xgroup-delconsumer")
	c.Reply.Int(int64(pending))
}

// groupOf looks up a group and its stream for a change, counting as a read as in redis-server. g is nil when there is no
// such key or group; ok is false when the key has another type.
func groupOf(c *engine.Client, key, name []byte) (s *stream.Stream, g *stream.Group, ok bool) {
	e, found, ok := readOf(c, key, keyspace.TypeStream)
	if !found {
		return nil, nil, ok
	}
	s = c.DB.MutableObject(&e).(*stream.Stream)
	return s, s.Group(name), true
}

func xack(c *engine.Client, args engine.Args) {
	_, g, ok := groupOf(c, args[1], args[2])
	if !ok {
		return
	}
	if g == nil {
		c.Reply.Int(0)
		return
	}
	for _, arg := range args[3:] {
		if _, ok := idArg(c, arg); !ok {
			return
		}
	}
	n := 0
	for _, arg := range args[3:] {
		if id, _ := parseID(arg, 0, nil); g.Remove(id) {
			n++
		}
	}
	c.Changed(n)
	c.Reply.Int(int64(n))
}

// pendingArgs are the arguments of XPENDING with a range.
type pendingArgs struct {
	minIdleMs, count int64
	from, to         stream.ID
	consumer         []byte
}

func (a *pendingArgs) parse(c *engine.Client, args engine.Args) (ok bool) {
	at := 3
	if isWord(args[at], "idle") {
		if a.minIdleMs, ok = intArg(c, args[at+1]); !ok {
			return false
		}
		if len(args) < 8 {
			c.Reply.Error(errSyntax)
			return false
		}
		at += 2
	}
	if a.count, ok = intArg(c, args[at+2]); !ok {
		return false
	}
	if a.from, ok = fromIDArg(c, args[at]); !ok {
		return false
	}
	if a.to, ok = toIDArg(c, args[at+1]); !ok {
		return false
	}
	if at+3 < len(args) {
		a.consumer = args[at+3]
	}
	return true
}

func xpending(c *engine.Client, args engine.Args) {
	if len(args) != 3 && (len(args) < 6 || len(args) > 9) {
		c.Reply.Error(errSyntax)
		return
	}
	var a pendingArgs
	if len(args) > 3 && !a.parse(c, args) {
		return
	}
	s, found, ok := streamOf(c, args[1])
	if !ok {
		return
	}
	var g *stream.Group
	if found {
		g = s.Group(args[2])
	}
	switch {
	case g == nil:
		noKeyOrGroup(c, args[1], args[2])
	case len(args) == 3:
		replyPendingSummary(c, g)
	default:
		a.reply(c, g)
	}
}

func replyPendingSummary(c *engine.Client, g *stream.Group) {
	r := c.Reply
	r.Array(4)
	r.Int(int64(g.Pending()))
	if g.Pending() == 0 {
		r.Null()
		r.Null()
		r.NullArray()
		return
	}
	low, high := g.Edges()
	replyID(c, low)
	replyID(c, high)
	mark, n := r.Begin(), 0
	for _, consumer := range g.Consumers() {
		if consumer.Pending() > 0 {
			r.Array(2)
			r.BulkString(consumer.Name)
			r.BulkInt(int64(consumer.Pending()))
			n++
		}
	}
	r.EndArray(mark, n)
}

// reply lists pending entries that have waited for long enough. A delivery time may lie in the future.
func (a *pendingArgs) reply(c *engine.Client, g *stream.Group) {
	r := c.Reply
	var consumer *stream.Consumer
	if a.consumer != nil {
		if consumer = g.Consumer(a.consumer); consumer == nil {
			r.Array(0)
			return
		}
	}
	now := c.Server().NowMs
	mark, n := r.Begin(), int64(0)
	for it := g.Range(consumer, a.from, a.to); n < a.count && it.Next(); {
		idle := now - it.DeliveredMs
		if a.minIdleMs != 0 && idle < a.minIdleMs {
			continue
		}
		n++
		r.Array(4)
		replyID(c, it.ID)
		r.BulkString(it.Consumer.Name)
		r.Int(max(idle, 0))
		r.Int(it.Deliveries)
	}
	r.EndArray(mark, int(n))
}
