package commands

import (
	"math"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// Sorted sets. How they are kept is in zset_store.go; ranges in zset_range.go, pops in zset_pop.go, ZRANDMEMBER in
// zset_random.go, unions and their like in zset_algebra.go, the rows in zset_rows.go.

const errNaN = "ERR resulting score is not a number (NaN)"

// zaddFlags are the options of ZADD.
type zaddFlags struct{ nx, xx, gt, lt, ch, incr bool }

// option reads one option.
func (f *zaddFlags) option(arg []byte) bool {
	switch {
	case isWord(arg, "nx"):
		f.nx = true
	case isWord(arg, "xx"):
		f.xx = true
	case isWord(arg, "gt"):
		f.gt = true
	case isWord(arg, "lt"):
		f.lt = true
	case isWord(arg, "ch"):
		f.ch = true
	case isWord(arg, "incr"):
		f.incr = true
	default:
		return false
	}
	return true
}

// check replies with what is wrong with the combination of options for so many words of scores and members.
func (f *zaddFlags) check(c *engine.Client, words int) bool {
	switch {
	case words == 0 || words%2 != 0:
		c.Reply.Error(errSyntax)
	case f.nx && f.xx:
		c.Reply.Error("ERR XX and NX options at the same time are not compatible")
	case f.gt && f.nx, f.lt && f.nx, f.gt && f.lt:
		c.Reply.Error("ERR GT, LT, and/or NX options at the same time are not compatible")
	case f.incr && words > 2:
		c.Reply.Error("ERR INCR option supports a single increment-element pair")
	default:
		return true
	}
	return false
}

func zadd(c *engine.Client, args engine.Args)    { zaddWith(c, args, zaddFlags{}) }
func zincrby(c *engine.Client, args engine.Args) { zaddWith(c, args, zaddFlags{incr: true}) } // takes options, too

func zaddWith(c *engine.Client, args engine.Args, f zaddFlags) {
	at := 2
	for at < len(args) && f.option(args[at]) {
		at++
	}
	pairs := args[at:]
	if !f.check(c, len(pairs)) {
		return
	}
	var room [8]float64
	scores := room[:0]
	for i := 0; i < len(pairs); i += 2 {
		score, ok := resp.ParseFloat(pairs[i])
		if !ok {
			c.Reply.Error(errNotFloat)
			return
		}
		scores = append(scores, score)
	}
	zaddPairs(c, args[1], scores, pairs, &f)
}

// zaddResult counts what ZADD does.
type zaddResult struct {
	added, updated, processed int
	score                     float64 // the last one set
	nan                       bool
}

// zaddPairs adds pairs of score and member, replies, and returns the number of changes.
func zaddPairs(c *engine.Client, key []byte, scores []float64, pairs [][]byte, f *zaddFlags) (changes int) {
	e, found, ok := writeOf(c, key, keyspace.TypeZset)
	if !ok {
		return 0
	}
	var r zaddResult
	if found || !f.xx {
		var z zsetEdit
		z.begin(c, e, key, len(pairs)/2, pairs[1])
		for i, score := range scores {
			zaddOne(&z, pairs[2*i+1], score, f, &r)
		}
		z.end()
		if r.nan {
			c.Reply.Error(errNaN)
			return 0
		}
	}
	if r.added+r.updated > 0 {
		c.Changed(r.added + r.updated)
		if f.incr {
			c.Event(engine.EventZset, "zincr", key)
		} else {
			c.Event(engine.EventZset, "zadd", key)
		}
	}
	switch {
	case f.incr && r.processed == 0:
		c.Reply.Null()
	case f.incr:
		c.Reply.Double(r.score)
	case f.ch:
		c.Reply.Int(int64(r.added + r.updated))
	default:
		c.Reply.Int(int64(r.added))
	}
	return r.added + r.updated
}

// zaddOne adds one member, or changes its score, as the options say.
func zaddOne(z *zsetEdit, member []byte, score float64, f *zaddFlags, r *zaddResult) {
	place, old, found := z.find(member)
	if found && f.nx || !found && f.xx {
		return
	}
	if found && f.incr {
		if score += old; math.IsNaN(score) {
			r.nan = true
			return
		}
	}
	if found && (f.lt && score >= old || f.gt && score <= old) {
		return
	}
	r.processed++
	r.score = score
	switch {
	case !found:
		z.add(member, score)
		r.added++
	case score != old:
		z.set(place, member, score)
		r.updated++
	}
}

func zrem(c *engine.Client, args engine.Args) {
	e, found, ok := writeOf(c, args[1], keyspace.TypeZset)
	if !ok {
		return
	}
	deleted := 0
	if found {
		var z zsetEdit
		z.begin(c, e, args[1], 0, nil)
		for _, member := range args[2:] {
			if z.del(member) {
				deleted++
			}
		}
		gone := z.end()
		zsetShrunk(c, args[1], deleted, gone, "zrem")
	}
	c.Reply.Int(int64(deleted))
}

// zsetShrunk tells that a set has lost members, and whether it is gone with them.
func zsetShrunk(c *engine.Client, key []byte, deleted int, gone bool, event string) {
	if deleted == 0 {
		return
	}
	c.Changed(deleted)
	c.Event(engine.EventZset, event, key)
	if gone {
		c.Event(engine.EventGeneric, "del", key)
	}
}

// zsetOf looks up a sorted set for a read. ok is false when the key has another type.
func zsetOf(c *engine.Client, key []byte) (z zsetView, found, ok bool) {
	e, found, ok := readOf(c, key, keyspace.TypeZset)
	if found {
		z = viewZset(&e)
	}
	return z, found, ok
}

func zcard(c *engine.Client, args engine.Args) {
	if z, found, ok := zsetOf(c, args[1]); found {
		c.Reply.Int(int64(z.len()))
	} else if ok {
		c.Reply.Int(0)
	}
}

func zscore(c *engine.Client, args engine.Args) {
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	if found {
		if score, has := z.score(args[2]); has {
			c.Reply.Double(score)
			return
		}
	}
	c.Reply.Null()
}

func zmscore(c *engine.Client, args engine.Args) {
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	c.Reply.Array(len(args) - 2)
	for _, member := range args[2:] {
		if found {
			if score, has := z.score(member); has {
				c.Reply.Double(score)
				continue
			}
		}
		c.Reply.Null()
	}
}

func zrank(c *engine.Client, args engine.Args)    { rankOf(c, args, "zrank", false) }
func zrevrank(c *engine.Client, args engine.Args) { rankOf(c, args, "zrevrank", true) }

func rankOf(c *engine.Client, args engine.Args, command string, reverse bool) {
	withScore := len(args) > 3
	if len(args) > 4 {
		arityError(c, command)
		return
	}
	if withScore && !isWord(args[3], "withscore") {
		c.Reply.Error(errSyntax)
		return
	}
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	rank, score := 0, 0.0
	if found {
		rank, score, found = z.rank(args[2])
	}
	switch {
	case !found && withScore:
		c.Reply.NullArray()
		return
	case !found:
		c.Reply.Null()
		return
	case reverse:
		rank = z.len() - 1 - rank
	}
	if withScore {
		c.Reply.Array(2)
	}
	c.Reply.Int(int64(rank))
	if withScore {
		c.Reply.Double(score)
	}
}
