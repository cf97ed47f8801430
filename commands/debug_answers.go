package commands

// Subcommands of DEBUG that test suites of clients and of redis-server use. Where this server has nothing of the kind that
// one changes (rehashing, plain list nodes, reply buffers), it is answered, and its help says that it changes nothing.

import (
	"fmt"
	"math/bits"
	"strings"

	"redix/engine"
	"redix/engine/glob"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

func init() {
	debugSubs = append(debugSubs, []debugSub{
		{"change-repl-id", 0, 0, "", "Gives the data set a new replication ID.", debugChangeReplID},
		{"client-eviction", 0, 0, "", "Lists the clients by the memory that they take, as maxmemory-clients sees them.", debugClientEviction},
		{"dict-resizing", 1, 1, " <0|1>", "Changes nothing: the index has no resizing to turn off.", debugOK},
		{"error", 1, 1, " <string>", "Replies with the string as an error.", debugError},
		{"htstats", 1, 2, " <dbid> [full]", "Describes the index of a database.", debugHTStats},
		{"htstats-key", 1, 2, " <key> [full]", "Describes the table of a value.", debugHTStatsKey},
		{"listpack", 1, 1, " <key>", "Logs the layout of a packed value.", debugListpack},
		{"log", 1, 1, " <message>", "Writes a message to the log.", debugLog},
		{"pause-cron", 1, 1, " <0|1>", "Stops the work that is done at regular times.", debugPauseCron},
		{"protocol", 1, 1, " <type>", "Replies with an example of a type of the protocol.", debugProtocol},
		{"quicklist-packed-threshold", 1, 1, " <size>", "Changes nothing: large elements of lists have no nodes of their own.", debugPackedThreshold},
		{"replybuffer", 2, 2, " <PEAK-RESET-TIME|RESIZING> <value>", "Changes nothing: clients have no reply buffers.", debugReplyBuffer},
		{"set-disable-deny-scripts", 1, 1, " <0|1>", "Changes nothing: there are no scripts.", debugOK},
		{"stringmatch-len", 2, 2, " <pattern> <string>", "Tells whether a pattern matches, 1 or 0.", debugStringMatch},
	}...)
}

func debugOK(c *engine.Client, _ engine.Args) { c.Reply.OK() }

func debugChangeReplID(c *engine.Client, _ engine.Args) {
	replicationID = randomHex()
	c.Reply.OK()
}

func debugError(c *engine.Client, args engine.Args) { c.Reply.Error(string(args[2])) }

func debugLog(c *engine.Client, args engine.Args) {
	c.Server().Log.Warn("DEBUG LOG", "message", string(args[2]))
	c.Reply.OK()
}

func debugPauseCron(c *engine.Client, args engine.Args) {
	n, _ := resp.ParseInt(args[2]) // a word is 0, as for redis-server
	c.Server().NoCron = n != 0
	c.Reply.OK()
}

func debugStringMatch(c *engine.Client, args engine.Args) {
	c.Reply.Int(boolNumber(glob.Match(args[2], args[3])))
}

func debugReplyBuffer(c *engine.Client, args engine.Args) {
	if !isWord(args[2], "peak-reset-time") && !isWord(args[2], "resizing") {
		c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try DEBUG HELP.", args[1])
		return
	}
	c.Reply.OK()
}

// debugPackedThreshold takes what redis-server takes: a memory size up to 4 GB.
func debugPackedThreshold(c *engine.Client, args engine.Args) {
	digits := strings.TrimRight(strings.ToLower(string(args[2])), "kmgb")
	unit := map[string]int64{"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}[strings.ToLower(string(args[2]))[len(digits):]]
	n, ok := resp.ParseInt([]byte(digits))
	if !ok || unit == 0 || n < 0 || n > (4<<30)/unit {
		c.Reply.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
		return
	}
	c.Reply.OK()
}

func debugListpack(c *engine.Client, args engine.Args) {
	e, ok := c.DB.Lookup(args[2])
	if !ok {
		c.Reply.Error(errNoSuchKey)
		return
	}
	if encodingNames[e.Encoding()] != "listpack" {
		c.Reply.Error("ERR Not a listpack encoded object.")
		return
	}
	c.Server().Log.Warn("DEBUG LISTPACK", "key", string(args[2]), "bytes", valueBytes(&e), "layout", fmt.Sprintf("%.4096x", e.Value()))
	c.Reply.Simple("Listpack structure printed to the log")
}

// debugHTStats describes the index in redis-server's headings.
func debugHTStats(c *engine.Client, args engine.Args) {
	n, ok := intArg(c, args[2])
	if !ok {
		return
	}
	ks := c.Server().Keyspace
	if n < 0 || n >= int64(ks.Len()) {
		c.Reply.Error("ERR Out of range database")
		return
	}
	db := ks.DB(int(n))
	b := fmt.Appendf(nil, "[Dictionary HT]\nindex of segments, split one at a time\n number of elements: %d\n", db.Len())
	b = fmt.Appendf(b, "[Expires HT]\nlists of the timer wheel\n number of elements: %d\n", db.Expires())
	c.Reply.Verbatim("txt", b)
}

func debugHTStatsKey(c *engine.Client, args engine.Args) {
	e, ok := c.DB.Lookup(args[2])
	if !ok {
		c.Reply.Error(errNoSuchKey)
		return
	}
	switch e.Encoding() {
	case keyspace.EncHashTable, keyspace.EncSetTable, keyspace.EncZsetTree:
		c.Reply.Verbatim("txt", fmt.Appendf(nil, "%s\n bytes: %d\n", encodingNames[e.Encoding()], valueBytes(&e)))
	default:
		c.Reply.Error("ERR The value stored at the specified key is not represented using an hash table")
	}
}

// debugClientEviction counts clients and their bytes by powers of two.
func debugClientEviction(c *engine.Client, _ engine.Args) {
	if c.Server().Config.MaxMemoryClients == 0 {
		c.Reply.Error("ERR maxmemory-clients is disabled.")
		return
	}
	var clients, bytes [64]int64
	c.Server().Clients(func(other *engine.Client) bool {
		at := bits.Len64(uint64(other.Memory()))
		clients[at]++
		bytes[at] += other.Memory()
		return true
	})
	var b []byte
	for i := range clients {
		if clients[i] > 0 {
			b = fmt.Appendf(b, "Bucket %19d: tot-mem: %19d clients: %d\n", int64(1)<<i, bytes[i], clients[i])
		}
	}
	c.Reply.Verbatim("txt", b)
}

// debugProtocol replies with redis-server's examples.
func debugProtocol(c *engine.Client, args engine.Args) {
	r := c.Reply
	switch name := strings.ToLower(string(args[2])); name {
	case "string":
		r.BulkString("Hello World")
	case "integer":
		r.Int(12345)
	case "double":
		r.Double(3.141)
	case "null":
		r.Null()
	case "array", "set":
		if name == "set" {
			r.Set(3)
		} else {
			r.Array(3)
		}
		for i := range 3 {
			r.Int(int64(i))
		}
	case "map":
		r.Map(3)
		for i := range 3 {
			r.Int(int64(i))
			r.Bool(i == 1)
		}
	case "push":
		if c.Proto < 3 {
			r.Error("ERR RESP2 is not supported by this command")
			return
		}
		push := resp.Reply{Proto: c.Proto}
		push.Push(2)
		push.BulkString("server-cpu-usage")
		push.Int(42)
		c.Push(push.B)
		r.BulkString("Some real reply following the push reply") // for clients that only wait for one
	case "attrib":
		if c.Proto >= 3 {
			r.Attribute(1)
			r.BulkString("key-popularity")
			r.Array(2)
			r.BulkString("key:123")
			r.Int(90)
		}
		r.BulkString("Some real reply following the attribute")
	case "verbatim":
		r.Verbatim("txt", []byte("This is a verbatim\nstring"))
	case "true":
		r.Bool(true)
	case "false":
		r.Bool(false)
	case "bignum":
		r.BigNumber("1234567999999999999999999999999999999")
	default:
		r.Error("ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
	}
}
