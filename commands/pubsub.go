package commands

// Publish and subscribe. Who listens to what, and how a message gets out, is in engine/pubsub.go.
//
// A subscription is answered by a message for each name, "subscribe", the name and how many names of both kinds
// (channels and patterns; shard channels are counted for themselves) the client has now: a push in RESP3.

import (
	"redix/engine"
	"redix/engine/glob"
)

const (
	subscribeFlags = engine.Pubsub | engine.Noscript | engine.Loading | engine.Stale | engine.InSubscriber
	publishFlags   = engine.Pubsub | engine.Loading | engine.Stale | engine.Fast | engine.MayReplicate
	pubsubFlags    = engine.Pubsub | engine.Loading | engine.Stale
)

// shardChannels are no keys, but they are routed like keys.
const shardChannels = "not_key"

var pubsubRows = []engine.Row{
	{Name: "psubscribe", Arity: -2, Flags: subscribeFlags, Group: "pubsub", Since: "2.0.0",
		Complexity: "O(N) where N is the number of patterns",
		Summary:    "Listens to all channels whose names match a pattern.", Syntax: "pattern [pattern ...]",
		Channels: engine.ChannelSpec{First: 1, Last: -1, Patterns: true}, Handler: psubscribe},
	{Name: "publish", Arity: 3, Flags: publishFlags, Group: "pubsub", Since: "2.0.0",
		Complexity: "O(N+M) where N is the number of listeners and M that of all patterns",
		Summary:    "Sends a message to those who listen to a channel.", Syntax: "channel message",
		Channels: engine.ChannelSpec{First: 1, Last: 1}, Handler: publish},
	{Name: "pubsub", Arity: -2, Group: "pubsub", Since: "2.8.0", Complexity: "Depends on subcommand.",
		Summary: "Tells about channels and who listens to them.", Subs: []engine.Row{
			{Name: "channels", Arity: -2, Flags: pubsubFlags, Since: "2.8.0", Syntax: "[pattern]",
				Complexity: "O(N) where N is the number of channels that have listeners",
				Summary:    "Names the channels that have listeners.", Handler: pubsubChannels},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "6.2.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "numpat", Arity: 2, Flags: pubsubFlags, Since: "2.8.0", Complexity: "O(1)",
				Summary: "Counts the patterns that have listeners.", Handler: pubsubNumPat},
			{Name: "numsub", Arity: -2, Flags: pubsubFlags, Since: "2.8.0", Syntax: "[channel [channel ...]]",
				Complexity: "O(N) where N is the number of channels asked for",
				Summary:    "Counts who listens to channels, patterns aside.", Handler: pubsubNumSub},
			{Name: "shardchannels", Arity: -2, Flags: pubsubFlags, Since: "7.0.0", Syntax: "[pattern]",
				Complexity: "O(N) where N is the number of shard channels that have listeners",
				Summary:    "Names the shard channels that have listeners.", Handler: pubsubShardChannels},
			{Name: "shardnumsub", Arity: -2, Flags: pubsubFlags, Since: "7.0.0",
				Syntax:     "[shardchannel [shardchannel ...]]",
				Complexity: "O(N) where N is the number of shard channels asked for",
				Summary:    "Counts who listens to shard channels.", Handler: pubsubShardNumSub},
		}},
	{Name: "punsubscribe", Arity: -1, Flags: subscribeFlags, Group: "pubsub", Since: "2.0.0",
		Complexity: "O(N) where N is the number of patterns",
		Summary:    "Ends listening to patterns, to all of them if none is named.", Syntax: "[pattern [pattern ...]]",
		Handler: punsubscribe},
	{Name: "spublish", Arity: 3, Flags: publishFlags, Keys: engine.OneKey(1, shardChannels), Group: "pubsub",
		Since: "7.0.0", Complexity: "O(N) where N is the number of listeners",
		Summary: "Sends a message to those who listen to a shard channel.", Syntax: "shardchannel message",
		Channels: engine.ChannelSpec{First: 1, Last: 1}, Handler: spublish},
	{Name: "ssubscribe", Arity: -2, Flags: subscribeFlags, Keys: engine.KeyRange(1, -1, 1, shardChannels),
		Group: "pubsub", Since: "7.0.0", Complexity: "O(N) where N is the number of shard channels",
		Summary: "Listens to shard channels.", Syntax: "shardchannel [shardchannel ...]",
		Channels: engine.ChannelSpec{First: 1, Last: -1}, Handler: ssubscribe},
	{Name: "subscribe", Arity: -2, Flags: subscribeFlags, Group: "pubsub", Since: "2.0.0",
		Complexity: "O(N) where N is the number of channels", Summary: "Listens to channels.",
		Syntax:   "channel [channel ...]",
		Channels: engine.ChannelSpec{First: 1, Last: -1}, Handler: subscribe},
	{Name: "sunsubscribe", Arity: -1, Flags: subscribeFlags, Keys: engine.KeyRange(1, -1, 1, shardChannels),
		Group: "pubsub", Since: "7.0.0", Complexity: "O(N) where N is the number of shard channels",
		Summary: "Ends listening to shard channels, to all of them if none is named.",
		Syntax:  "[shardchannel [shardchannel ...]]", Handler: sunsubscribe},
	{Name: "unsubscribe", Arity: -1, Flags: subscribeFlags, Group: "pubsub", Since: "2.0.0",
		Complexity: "O(N) where N is the number of channels",
		Summary:    "Ends listening to channels, to all of them if none is named.",
		Syntax:     "[channel [channel ...]]", Handler: unsubscribe},
}

var _ = register(pubsubRows)

func subscribe(c *engine.Client, args engine.Args)  { addNames(c, args, engine.Channels, "subscribe") }
func psubscribe(c *engine.Client, args engine.Args) { addNames(c, args, engine.Patterns, "psubscribe") }
func ssubscribe(c *engine.Client, args engine.Args) { addNames(c, args, engine.Shards, "ssubscribe") }

func unsubscribe(c *engine.Client, args engine.Args) {
	dropNames(c, args, engine.Channels, "unsubscribe")
}

func punsubscribe(c *engine.Client, args engine.Args) {
	dropNames(c, args, engine.Patterns, "punsubscribe")
}

func sunsubscribe(c *engine.Client, args engine.Args) {
	dropNames(c, args, engine.Shards, "sunsubscribe")
}

func addNames(c *engine.Client, args engine.Args, kind engine.SubKind, what string) {
	for _, name := range args[1:] {
		c.Subscribe(kind, name)
		confirm(c, kind, what, name)
	}
}

func dropNames(c *engine.Client, args engine.Args, kind engine.SubKind, what string) {
	for _, name := range args[1:] {
		c.Unsubscribe(kind, name)
		confirm(c, kind, what, name)
	}
	if len(args) > 1 {
		return
	}
	if c.Subscribed(kind) == 0 {
		confirm(c, kind, what, nil)
		return
	}
	c.Subscriptions(kind, func(name string) {
		b := []byte(name)
		c.Unsubscribe(kind, b)
		confirm(c, kind, what, b)
	})
}

// confirm tells the client of one name; nil says that there was nothing to end.
func confirm(c *engine.Client, kind engine.SubKind, what string, name []byte) {
	count := c.Subscribed(engine.Shards)
	if kind != engine.Shards {
		count = c.Subscribed(engine.Channels) + c.Subscribed(engine.Patterns)
	}
	r := c.Reply
	r.Push(3)
	r.BulkString(what)
	if name == nil {
		r.Null()
	} else {
		r.Bulk(name)
	}
	r.Int(int64(count))
}

func publish(c *engine.Client, args engine.Args) {
	c.Reply.Int(int64(c.Server().Publish(args[1], args[2])))
}

func spublish(c *engine.Client, args engine.Args) {
	c.Reply.Int(int64(c.Server().PublishShard(args[1], args[2])))
}

func pubsubChannels(c *engine.Client, args engine.Args)      { replyNames(c, args, engine.Channels) }
func pubsubShardChannels(c *engine.Client, args engine.Args) { replyNames(c, args, engine.Shards) }

// replyNames replies with the names that match the pattern, if there is one.
func replyNames(c *engine.Client, args engine.Args, kind engine.SubKind) {
	if len(args) > 3 {
		subcommandError(c, args)
		return
	}
	mark, n := c.Reply.Begin(), 0
	c.Server().Names(kind, func(name string, _ int) {
		if len(args) == 2 || glob.Match(args[2], []byte(name)) {
			c.Reply.BulkString(name)
			n++
		}
	})
	c.Reply.EndArray(mark, n)
}

func pubsubNumSub(c *engine.Client, args engine.Args)      { replyCounts(c, args, engine.Channels) }
func pubsubShardNumSub(c *engine.Client, args engine.Args) { replyCounts(c, args, engine.Shards) }

func replyCounts(c *engine.Client, args engine.Args, kind engine.SubKind) {
	c.Reply.Array(2 * len(args[2:]))
	for _, name := range args[2:] {
		c.Reply.Bulk(name)
		c.Reply.Int(int64(c.Server().NumSub(kind, name)))
	}
}

func pubsubNumPat(c *engine.Client, _ engine.Args) {
	c.Reply.Int(int64(c.Server().NumNames(engine.Patterns)))
}

// subcommandError replies what redis-server does to a subcommand with too many words.
func subcommandError(c *engine.Client, args engine.Args) {
	c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try PUBSUB HELP.", args[1])
}
