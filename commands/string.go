package commands

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// Strings: commands that take and give whole values, and numbers. Their parts are in string_range.go and
// string_lcs.go, the rows in string_rows.go.

// storeString makes args[i] the entry's value. A large argument is taken over with the block that it was received in.
func storeString(c *engine.Client, e *keyspace.Entry, key []byte, args engine.Args, i int, deadline int64) {
	if block, ok := c.TakeBig(i); ok {
		c.DB.AdoptLarge(e, key, block, len(args[i]), deadline)
		return
	}
	c.DB.SetString(e, key, args[i], deadline)
}

// eventSet tells that a string was set, with a deadline maybe.
func eventSet(c *engine.Client, key []byte, deadline int64) {
	c.Event(engine.EventString, "set", key)
	if deadline != 0 {
		c.Event(engine.EventGeneric, "expire", key)
	}
}

// replyString replies with a string's value.
func replyString(c *engine.Client, e *keyspace.Entry) {
	if e.Encoding() == keyspace.EncInt {
		c.Reply.BulkInt(e.Int())
		return
	}
	c.Reply.Bulk(e.Value())
}

// replyOld replies with the value of a string or the absent value.
func replyOld(c *engine.Client, e *keyspace.Entry, found bool) {
	if found {
		replyString(c, e)
	} else {
		c.Reply.Null()
	}
}

func get(c *engine.Client, args engine.Args) {
	if e, found, ok := readOf(c, args[1], keyspace.TypeString); ok {
		replyOld(c, &e, found)
	}
}

// set is SET. A SET without any expiry option gives its key the deadline of default-ttl, if that is set; no other
// command does, as SETNX, MSET and the rest have no way to ask for less. Replay takes the journal's word for it.
//
// The journal gets SET key value, with PXAT or KEEPTTL where these apply: conditions have been met, GET changes nothing.
func set(c *engine.Client, args engine.Args) {
	if len(args) > 3 {
		setWithOptions(c, args)
		return
	}
	e, _ := c.LookupWrite(args[1])
	var deadline int64
	if ttl := c.Server().Config.DefaultTTLSeconds; ttl != 0 && !c.Loading() {
		deadline = c.Server().NowMs + int64(ttl)*1000
		c.Propagate(wordSet, args[1], args[2], wordPXAT, digits(c, deadline))
	}
	storeString(c, &e, args[1], args, 2, deadline)
	c.Changed(1)
	eventSet(c, args[1], deadline)
	c.Reply.OK()
}

// setOptions are what may follow SET key value and GETEX key.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool
	expiry
}

// setArgs reads them; forSet tells which of the two commands it is for. Options may come twice, the last one counts,
// but not together with another of their kind.
func setArgs(c *engine.Client, args engine.Args, forSet bool) (o setOptions, ok bool) {
	for i := 0; i < len(args); i++ {
		var x expiry
		switch a := args[i]; {
		case forSet && !o.xx && isWord(a, "nx"):
			o.nx = true
		case forSet && !o.nx && isWord(a, "xx"):
			o.xx = true
		case forSet && isWord(a, "get"):
			o.get = true
		case forSet && o.arg == nil && isWord(a, "keepttl"):
			o.keepTTL = true
		case !forSet && o.arg == nil && isWord(a, "persist"):
			o.persist = true
		case i+1 < len(args) && !o.keepTTL && !o.persist && x.option(a) &&
			(o.arg == nil || x.seconds == o.seconds && x.absolute == o.absolute):
			i++
			x.arg = args[i]
			o.expiry = x
		default:
			c.Reply.Error(errSyntax)
			return o, false
		}
	}
	return o, true
}

func setWithOptions(c *engine.Client, args engine.Args) {
	o, ok := setArgs(c, args[3:], true)
	if !ok {
		return
	}
	var deadline int64
	if o.arg != nil {
		if deadline, ok = o.deadline(c, "set"); !ok {
			return
		}
	} else if ttl := c.Server().Config.DefaultTTLSeconds; ttl != 0 && !o.keepTTL && !c.Loading() {
		deadline = c.Server().NowMs + int64(ttl)*1000
	}
	var e keyspace.Entry
	var found bool
	if o.get {
		if e, found, ok = readOf(c, args[1], keyspace.TypeString); !ok {
			return
		}
		replyOld(c, &e, found)
	} else {
		e, found = c.LookupWrite(args[1])
	}
	if o.nx && found || o.xx && !found {
		if !o.get {
			c.Reply.Null()
		}
		return
	}
	kept := int64(0)
	switch {
	case deadline != 0:
		c.Propagate(wordSet, args[1], args[2], wordPXAT, digits(c, deadline))
	case o.keepTTL:
		c.Propagate(wordSet, args[1], args[2], wordKeepTTL)
		kept = e.Deadline()
	default:
		c.Propagate(wordSet, args[1], args[2])
	}
	storeString(c, &e, args[1], args, 2, deadline+kept)
	c.Changed(1)
	eventSet(c, args[1], deadline)
	if !o.get {
		c.Reply.OK()
	}
}

func setnx(c *engine.Client, args engine.Args) {
	e, found := c.LookupWrite(args[1])
	if found {
		c.Reply.Int(0)
		return
	}
	storeString(c, &e, args[1], args, 2, 0)
	c.Changed(1)
	eventSet(c, args[1], 0)
	c.Reply.Int(1)
}

func setex(c *engine.Client, args engine.Args)  { setExpiring(c, args, true, "setex") }
func psetex(c *engine.Client, args engine.Args) { setExpiring(c, args, false, "psetex") }

func setExpiring(c *engine.Client, args engine.Args, seconds bool, command string) {
	x := expiry{arg: args[2], seconds: seconds}
	deadline, ok := x.deadline(c, command)
	if !ok {
		return
	}
	e, _ := c.LookupWrite(args[1])
	c.Propagate(wordSet, args[1], args[3], wordPXAT, digits(c, deadline))
	storeString(c, &e, args[1], args, 3, deadline)
	c.Changed(1)
	eventSet(c, args[1], deadline)
	c.Reply.OK()
}

func getset(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeString)
	if !ok {
		return
	}
	replyOld(c, &e, found)
	c.Propagate(wordSet, args[1], args[2])
	storeString(c, &e, args[1], args, 2, 0)
	c.Changed(1)
	eventSet(c, args[1], 0)
}

func getdel(c *engine.Client, args engine.Args) {
	e, found, ok := readOf(c, args[1], keyspace.TypeString)
	if !ok {
		return
	}
	replyOld(c, &e, found)
	if found {
		c.DB.Delete(&e)
		c.Changed(1)
		c.Propagate(wordDel, args[1])
		c.Event(engine.EventGeneric, "del", args[1])
	}
}

// getex is journalled as what it does to the deadline, if anything. An absolute time that is past deletes the key;
// while the journal is loaded nothing is past.
func getex(c *engine.Client, args engine.Args) {
	o, ok := setArgs(c, args[2:], false)
	if !ok {
		return
	}
	e, found, ok := readOf(c, args[1], keyspace.TypeString)
	if !ok {
		return
	}
	if !found {
		c.Reply.Null()
		return
	}
	var deadline int64
	if o.arg != nil {
		if deadline, ok = o.deadline(c, "getex"); !ok {
			return
		}
	}
	replyString(c, &e)
	event := ""
	switch {
	case o.absolute && deadline <= c.Server().NowMs && !c.Loading():
		c.DB.Delete(&e)
		c.Propagate(wordDel, args[1])
		event = "del"
	case deadline != 0:
		c.DB.SetDeadline(&e, deadline)
		c.Propagate(wordPExpireAt, args[1], digits(c, deadline))
		event = "expire"
	case o.persist && e.Deadline() != 0:
		c.DB.SetDeadline(&e, 0)
		c.Propagate(wordPersist, args[1])
		event = "persist"
	default:
		return
	}
	c.Changed(1)
	c.Event(engine.EventGeneric, event, args[1])
}

// prefetchKeys is how many keys of MGET are brought into the cache ahead of their look-ups.
const prefetchKeys = 32

func mget(c *engine.Client, args engine.Args) {
	keys := args[1:]
	c.Reply.Array(len(keys))
	for i, key := range keys {
		if i%prefetchKeys == 0 && len(keys) >= 4 {
			c.DB.Prefetch(keys[i:min(i+prefetchKeys, len(keys))])
		}
		e, found := c.LookupRead(key)
		replyOld(c, &e, found && e.Type() == keyspace.TypeString)
	}
}

func mset(c *engine.Client, args engine.Args) {
	if len(args)%2 == 0 {
		arityError(c, "mset")
		return
	}
	setPairs(c, args)
	c.Reply.OK()
}

func msetnx(c *engine.Client, args engine.Args) {
	if len(args)%2 == 0 {
		arityError(c, "msetnx")
		return
	}
	for i := 1; i < len(args); i += 2 {
		if _, found := c.LookupWrite(args[i]); found {
			c.Reply.Int(0)
			return
		}
	}
	setPairs(c, args)
	c.Reply.Int(1)
}

func setPairs(c *engine.Client, args engine.Args) {
	for i := 1; i < len(args); i += 2 {
		e, _ := c.LookupWrite(args[i])
		if setAgain(args, i) {
			c.DB.SetString(&e, args[i], args[i+1], 0)
		} else {
			storeString(c, &e, args[i], args, i+1, 0)
		}
		eventSet(c, args[i], 0)
	}
	c.Changed(len(args) / 2)
}

// adoptWords is the number of MSET's words up to which large values are taken over.
const adoptWords = 1024

// setAgain reports whether the value at i+1, a large one, must be copied because its key comes again later: the block
// would be freed then, and the journal has yet to read the argument. In long commands it does not search for the key.
func setAgain(args engine.Args, i int) bool {
	if len(args[i+1]) < minBig {
		return false
	}
	if len(args) > adoptWords {
		return true
	}
	for k := i + 2; k < len(args); k += 2 {
		if string(args[k]) == string(args[i]) {
			return true
		}
	}
	return false
}

// minBig is below the size of any argument that is received in a block of its own.
const minBig = 64 << 10

func incr(c *engine.Client, args engine.Args) { addInt(c, args[1], 1) }
func decr(c *engine.Client, args engine.Args) { addInt(c, args[1], -1) }

func incrby(c *engine.Client, args engine.Args) {
	if n, ok := intArg(c, args[2]); ok {
		addInt(c, args[1], n)
	}
}

func decrby(c *engine.Client, args engine.Args) {
	n, ok := intArg(c, args[2])
	if !ok {
		return
	}
	if n == math.MinInt64 {
		c.Reply.Error("ERR decrement would overflow")
		return
	}
	addInt(c, args[1], -n)
}

func addInt(c *engine.Client, key []byte, delta int64) {
	var e keyspace.Entry
	found, ok := writeInto(c, &e, key, keyspace.TypeString)
	if !ok {
		return
	}
	var n int64
	switch {
	case !found:
	case e.Encoding() == keyspace.EncInt:
		n = e.Int()
	default:
		if n, ok = intArg(c, e.Value()); !ok {
			return
		}
	}
	if overflows(n, delta) {
		c.Reply.Error(errOverflow)
		return
	}
	c.DB.SetInt(&e, key, n+delta, e.Deadline())
	c.Changed(1)
	c.Event(engine.EventString, "incrby", key)
	c.Reply.Int(n + delta)
}

func overflows(n, delta int64) bool {
	return delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta
}

// incrbyfloat is journalled as the SET of its result.
func incrbyfloat(c *engine.Client, args engine.Args) {
	e, found, ok := writeOf(c, args[1], keyspace.TypeString)
	if !ok {
		return
	}
	var room [20]byte
	old := append(room[:0], '0')
	if found {
		old = e.Bytes(room[:])
	}
	sum, err := resp.AddLongDouble(old, args[2])
	if err != nil {
		c.Reply.Error(err.Error())
		return
	}
	c.DB.SetString(&e, args[1], sum, e.Deadline())
	c.Changed(1)
	c.Propagate(wordSet, args[1], sum, wordKeepTTL)
	c.Event(engine.EventString, "incrbyfloat", args[1])
	c.Reply.Bulk(sum)
}
