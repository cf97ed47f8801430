package commands

// DEBUG: what tests need to look inside. Closed by enable-debug-command unless it is opened.

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"redix/engine"
	"redix/engine/config"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// debugGuard closes DEBUG unless it is opened.
var debugGuard = &engine.Guard{Directive: "enable-debug-command",
	Access: func(v *config.Values) config.Access { return v.DebugCommand }}

var debugRows = []engine.Row{
	{Name: "debug", Arity: -2, Flags: engine.ForServers | adminFlags | engine.AllKeys, Group: "server", Since: "1.0.0",
		Complexity: "Depends on subcommand.", Summary: "Looks inside the server, for its tests.", Guard: debugGuard,
		Handler: debug},
}

var _ = register(debugRows)

// debugSub is a subcommand of DEBUG. They are no commands of their own: COMMAND does not show them.
type debugSub struct {
	name     string // lower case
	min, max int    // number of words after it
	syntax   string
	help     string
	run      func(c *engine.Client, args engine.Args)
}

var debugSubs = []debugSub{
	{"digest", 0, 0, "", "Replies with the digest of all databases.", debugDigest},
	{"digest-value", 0, math.MaxInt32, " <key> [<key> ...]", "Replies with the digests of values.", debugDigestValue},
	{"loadaof", 0, 0, "", "Loads the append-only file again.", debugLoadAOF},
	{"object", 1, 1, " <key>", "Tells how a value is kept.", debugObject},
	{"populate", 1, 3, " <count> [<prefix>] [<size>]", "Creates strings, unless they exist: key:0, key:1 and so on.", debugPopulate},
	{"reload", 0, math.MaxInt32, " [MERGE] [NOFLUSH] [NOSAVE]", "Writes a snapshot (unless NOSAVE), empties the databases (unless NOFLUSH) and " +
		"loads it, over keys of the same name with MERGE.", debugReload},
	{"set-active-expire", 1, 1, " <0|1>", "Turns active expiry off and on.", debugSetActiveExpire},
	{"set-skip-checksum-validation", 1, 1, " <0|1>", "Lets RESTORE take payloads whatever their checksums.", debugSkipChecksum},
	{"sleep", 1, 1, " <seconds>", "Stops the server for a while.", debugSleep},
}

func debug(c *engine.Client, args engine.Args) {
	if isWord(args[1], "help") && len(args) == 2 {
		debugHelp(c)
		return
	}
	for i := range debugSubs {
		if s := &debugSubs[i]; isWord(args[1], s.name) && len(args)-2 >= s.min && len(args)-2 <= s.max {
			s.run(c, args)
			return
		}
	}
	c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try DEBUG HELP.", args[1])
}

func debugHelp(c *engine.Client) {
	lines := []string{helpHead("debug")}
	for i := range debugSubs {
		lines = append(lines, helpLines(debugSubs[i].name+debugSubs[i].syntax, debugSubs[i].help)...)
	}
	replyHelp(c, lines)
}

func debugDigest(c *engine.Client, _ engine.Args) {
	d := dataDigest(c.Server().Keyspace)
	c.Reply.Simple(d.String())
}

func debugDigestValue(c *engine.Client, args engine.Args) {
	c.Reply.Array(len(args) - 2)
	for _, key := range args[2:] {
		var d digest
		if e, ok := c.DB.Lookup(key); ok {
			d.value(&e)
		}
		c.Reply.Simple(d.String())
	}
}

func debugObject(c *engine.Client, args engine.Args) {
	e, ok := c.DB.Lookup(args[2])
	if !ok {
		c.Reply.Error(errNoSuchKey)
		return
	}
	s := c.Server()
	c.Reply.Simple(fmt.Sprintf("Value at:0x%x refcount:%d encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		s.Keyspace.Hash(args[2]), references(s, &e), encodingNames[e.Encoding()], serializedBytes(s, &e), e.Access(), s.IdleSeconds(&e)))
}

func valueBytes(e *keyspace.Entry) int64 {
	switch {
	case e.HasObject():
		return e.DB().Object(e).Bytes()
	case e.Type() == keyspace.TypeString:
		return int64(e.StringLen())
	}
	return int64(len(e.Value()))
}

// debugPopulate is, as in redis-server, neither journalled nor counted as a change.
func debugPopulate(c *engine.Client, args engine.Args) {
	count, prefix, size := int64(0), []byte("key"), int64(0)
	count, ok := positiveArg(c, args[2])
	if !ok {
		return
	}
	if len(args) > 3 {
		prefix = args[3]
	}
	if len(args) > 4 {
		if size, ok = positiveArg(c, args[4]); !ok || !lengthArg(c, 0, size) {
			return
		}
	}
	var key, value []byte
	for i := range count {
		key = strconv.AppendInt(append(append(key[:0], prefix...), ':'), i, 10)
		e, exists := c.DB.Lookup(key)
		if exists {
			continue
		}
		value = strconv.AppendInt(append(value[:0], "value:"...), i, 10)
		if have := int64(len(value)); size > 0 && have < size {
			value = append(value, make([]byte, size-have)...)
		} else if size > 0 {
			value = value[:size]
		}
		c.DB.SetString(&e, key, value, 0)
	}
	c.Reply.OK()
}

// positiveArg reads a number that is not negative.
func positiveArg(c *engine.Client, arg []byte) (int64, bool) {
	n, ok := resp.ParseInt(arg)
	if !ok || n < 0 {
		c.Reply.Error("ERR value is out of range, must be positive")
		return 0, false
	}
	return n, true
}

func debugSetActiveExpire(c *engine.Client, args engine.Args) {
	n, _ := resp.ParseInt(args[2]) // a word is 0, as for redis-server
	c.Server().NoActiveExpire = n == 0
	c.Reply.OK()
}

func debugSkipChecksum(c *engine.Client, args engine.Args) {
	n, _ := resp.ParseInt(args[2]) // a word is 0, as for redis-server
	c.Server().AnyChecksum = n != 0
	c.Reply.OK()
}

// debugSleep stops the loop, which is what it is for.
func debugSleep(c *engine.Client, args engine.Args) {
	seconds, _ := resp.ParseFloat(args[2]) // a word is 0, as for redis-server
	time.Sleep(time.Duration(min(max(seconds, 0), math.MaxInt32) * float64(time.Second)))
	c.Reply.OK()
}
