package commands

import (
	"math"
	"strconv"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Pops of sorted sets.

var (
	wordZPopMin = []byte("ZPOPMIN")
	wordZPopMax = []byte("ZPOPMAX")
)

func zpopmin(c *engine.Client, args engine.Args) { popEnd(c, args, false) }
func zpopmax(c *engine.Client, args engine.Args) { popEnd(c, args, true) }

func popEnd(c *engine.Client, args engine.Args, high bool) {
	if len(args) > 3 {
		c.Reply.Error(errSyntax)
		return
	}
	count := int64(1)
	if len(args) == 3 {
		var ok bool
		if count, ok = positiveArg(c, args[2]); !ok {
			return
		}
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeZset)
	switch {
	case !ok:
	case !found || count == 0:
		c.Reply.Array(0)
	default:
		nested := len(args) == 3 && c.Reply.Proto == 3
		n := min(count, int64(zsetLen(&e)))
		if nested {
			c.Reply.Array(int(n))
		} else {
			c.Reply.Array(int(2 * n))
		}
		zpopMembers(c, args[1], e, high, int(n), nested)
	}
}

func zsetLen(e *keyspace.Entry) int { return viewZset(e).len() }

// zpopMembers removes n members, of which the set must have as many, from its low or high end, and replies with each and
// its score: as pairs when nested, else one after the other. The caller has replied with the array's header, and sees to
// the journal where the command's own words will not do.
func zpopMembers(c *engine.Client, key []byte, e keyspace.Entry, high bool, n int, nested bool) {
	var z zsetEdit
	z.begin(c, e, key, 0, nil)
	from, to, event := 0, n, "zpopmin"
	if high {
		from, to, event = z.len()-n, z.len(), "zpopmax"
	}
	z.each(from, to, high, func(m packed.Elem, score float64) bool {
		if nested {
			c.Reply.Array(2)
		}
		replyElem(c, m)
		c.Reply.Double(score)
		return true
	})
	z.delRange(from, to)
	gone := z.end()
	zsetShrunk(c, key, n, gone, event)
}

// propagatePop journals a pop as ZPOPMIN or ZPOPMAX with a count.
func propagatePop(c *engine.Client, key []byte, high bool, n int) {
	var room [20]byte
	word := wordZPopMin
	if high {
		word = wordZPopMax
	}
	c.Propagate(word, key, strconv.AppendInt(room[:0], int64(n), 10))
}

// multiPop is what ZMPOP asks for.
type multiPop struct {
	keys  [][]byte
	high  bool
	count int64
}

// parse reads the arguments of ZMPOP from the number of keys on.
func (p *multiPop) parse(c *engine.Client, args [][]byte) bool {
	numKeys, ok := resp.ParseInt(args[0])
	if !ok || numKeys < 1 {
		c.Reply.Error("ERR numkeys should be greater than 0")
		return false
	}
	if numKeys > int64(len(args)-2) {
		c.Reply.Error(errSyntax)
		return false
	}
	p.keys = args[1 : 1+numKeys]
	rest := args[1+numKeys:]
	p.high = isWord(rest[0], "max")
	if !p.high && !isWord(rest[0], "min") {
		c.Reply.Error(errSyntax)
		return false
	}
	p.count = 1
	switch {
	case len(rest) == 1:
		return true
	case len(rest) < 3 || !isWord(rest[1], "count"):
		c.Reply.Error(errSyntax)
		return false
	}
	if p.count, ok = resp.ParseInt(rest[2]); !ok || p.count < 1 {
		c.Reply.Error("ERR count should be greater than 0")
		return false
	}
	if len(rest) > 3 {
		c.Reply.Error(errSyntax)
		return false
	}
	return true
}

// run pops from the first key that exists. done is false when there is none, and it has replied with nothing then.
func (p *multiPop) run(c *engine.Client) (done bool) {
	for _, key := range p.keys {
		e, found, ok := writeOf(c, key, keyspace.TypeZset)
		if !ok {
			return true
		}
		if !found {
			continue
		}
		n := int(min(p.count, int64(zsetLen(&e)), math.MaxInt32))
		c.Reply.Array(2)
		c.Reply.Bulk(key)
		c.Reply.Array(n)
		zpopMembers(c, key, e, p.high, n, true)
		propagatePop(c, key, p.high, n)
		return true
	}
	return false
}

func zmpop(c *engine.Client, args engine.Args) {
	var p multiPop
	if p.parse(c, args[1:]) && !p.run(c) {
		c.Reply.NullArray()
	}
}
