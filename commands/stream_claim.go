package commands

import (
	"slices"

	"redix/engine"
	"redix/engine/resp"
	"redix/engine/stream"
)

// XCLAIM and XAUTOCLAIM.

// claimArgs are the options of XCLAIM.
type claimArgs struct {
	minIdleMs   int64
	ids         engine.Args
	deliveredMs int64 // -1: not given
	retries     int64 // -1: not given
	force       bool
	justID      bool
	last        stream.ID
}

func (a *claimArgs) parse(c *engine.Client, args engine.Args) (ok bool) {
	if a.minIdleMs, ok = resp.ParseInt(args[4]); !ok {
		c.Reply.Error("ERR Invalid min-idle-time argument for XCLAIM")
		return false
	}
	a.minIdleMs = max(a.minIdleMs, 0)
	at := 5
	for ; at < len(args); at++ {
		if _, ok := parseID(args[at], 0, nil); !ok {
			break
		}
	}
	a.ids, a.deliveredMs, a.retries = args[5:at], -1, -1
	for ; at < len(args); at++ {
		switch arg, more := args[at], at+1 < len(args); {
		case isWord(arg, "force"):
			a.force = true
		case isWord(arg, "justid"):
			a.justID = true
		case more && isWord(arg, "idle"):
			at++
			if a.deliveredMs, ok = claimNumber(c, args[at], "IDLE"); !ok {
				return false
			}
			a.deliveredMs = c.Server().NowMs - a.deliveredMs
		case more && isWord(arg, "time"):
			at++
			if a.deliveredMs, ok = claimNumber(c, args[at], "TIME"); !ok {
				return false
			}
		case more && isWord(arg, "retrycount"):
			at++
			if a.retries, ok = claimNumber(c, args[at], "RETRYCOUNT"); !ok {
				return false
			}
		case more && isWord(arg, "lastid"):
			at++
			if a.last, ok = idArg(c, args[at]); !ok {
				return false
			}
		default:
			c.Reply.Errorf("ERR Unrecognized XCLAIM option '%s'", beforeZero(arg))
			return false
		}
	}
	return true
}

func claimNumber(c *engine.Client, arg []byte, option string) (n int64, ok bool) {
	if n, ok = resp.ParseInt(arg); !ok {
		c.Reply.Error("ERR Invalid " + option + " option argument for XCLAIM")
	}
	return n, ok
}

// claimant returns what gives entries to a consumer, which is made if need be.
func claimant(c *engine.Client, args engine.Args, s *stream.Stream, g *stream.Group) delivery {
	d := delivery{c: c, key: args[1], name: args[2], s: s, g: g, nowMs: c.Server().NowMs}
	d.consumer, d.created = consumerOf(c, d.key, g, args[3])
	d.consumer.SeenMs = d.nowMs
	return d
}

// drop makes an entry that has been deleted from the stream no longer pending.
func (d *delivery) drop(p *stream.Pending) {
	d.journalClaim(p)
	d.g.Remove(p.ID)
	d.c.Changed(1)
}

// take gives an entry to the consumer and replies with it.
func (d *delivery) take(p stream.Pending, entry *stream.Entry, justID bool) {
	p.Consumer = d.consumer
	d.g.Set(p)
	if justID {
		replyID(d.c, p.ID)
	} else {
		replyEntry(d.c, entry)
	}
	d.consumer.ActiveMs = d.nowMs
	d.journalClaim(&p)
	d.c.Changed(1)
}

// xclaim is journalled as one XCLAIM for each entry.
func xclaim(c *engine.Client, args engine.Args) {
	c.PropagateNothing()
	s, g, ok := groupOf(c, args[1], args[2])
	if !ok {
		return
	}
	if g == nil {
		noKeyOrGroup(c, args[1], args[2])
		return
	}
	var a claimArgs
	if !a.parse(c, args) {
		return
	}
	moved := g.Last.Less(a.last)
	if moved {
		g.Last = a.last
	}
	d := claimant(c, args, s, g)
	if a.deliveredMs < 0 || a.deliveredMs > d.nowMs { // a client's clock may be wrong: that is no reason to refuse
		a.deliveredMs = d.nowMs
	}
	mark, n, before := c.Reply.Begin(), 0, c.Server().Dirty
	for _, arg := range a.ids {
		id, _ := parseID(arg, 0, nil)
		if a.claim(&d, id) {
			n++
		}
	}
	c.Reply.EndArray(mark, n)
	if moved && c.Server().Dirty == before {
		c.Changed(1)
		d.journalGroup()
	}
	d.journalConsumer()
}

// claim deals with one ID; it returns true when it has replied with it.
func (a *claimArgs) claim(d *delivery, id stream.ID) bool {
	p, pending := d.g.Find(id)
	entry, there := d.s.Get(id)
	switch {
	case !there && pending:
		d.drop(&p)
		return false
	case !there, !pending && !a.force:
		return false
	case !pending:
		p = stream.Pending{ID: id, Deliveries: 1}
	case a.minIdleMs > 0 && d.nowMs-p.DeliveredMs < a.minIdleMs:
		return false
	}
	p.DeliveredMs = a.deliveredMs
	if a.retries >= 0 {
		p.Deliveries = a.retries
	} else if !a.justID {
		p.Count()
	}
	d.take(p, &entry, a.justID)
	return true
}

// autoClaimArgs are the arguments of XAUTOCLAIM.
type autoClaimArgs struct {
	minIdleMs int64
	from      stream.ID
	count     int64
	justID    bool
}

const (
	defaultClaims = 100
	claimAttempts = 10 // for each entry asked for, so many pending ones are looked at
	maxClaims     = (1<<63 - 1) / 16
)

func (a *autoClaimArgs) parse(c *engine.Client, args engine.Args) (ok bool) {
	if a.minIdleMs, ok = resp.ParseInt(args[4]); !ok {
		c.Reply.Error("ERR Invalid min-idle-time argument for XAUTOCLAIM")
		return false
	}
	a.minIdleMs = max(a.minIdleMs, 0)
	if a.from, ok = fromIDArg(c, args[5]); !ok {
		return false
	}
	a.count = defaultClaims
	for i := 6; i < len(args); i++ {
		switch {
		case i+1 < len(args) && isWord(args[i], "count"):
			i++
			if a.count, ok = resp.ParseInt(args[i]); !ok || a.count < 1 || a.count > maxClaims {
				c.Reply.Error("ERR COUNT must be > 0")
				return false
			}
		case isWord(args[i], "justid"):
			a.justID = true
		default:
			c.Reply.Error(errSyntax)
			return false
		}
	}
	return true
}

// xautoclaim is journalled as one XCLAIM for each entry.
func xautoclaim(c *engine.Client, args engine.Args) {
	c.PropagateNothing()
	var a autoClaimArgs
	if !a.parse(c, args) {
		return
	}
	s, g, ok := groupOf(c, args[1], args[2])
	if !ok {
		return
	}
	if g == nil {
		noKeyOrGroup(c, args[1], args[2])
		return
	}
	d := claimant(c, args, s, g)
	c.Reply.Array(3)
	mark, n := c.Reply.Begin(), 0
	var deleted []stream.ID
	next, more := a.from, true
	attempts := a.count
	if attempts <= maxClaims/claimAttempts {
		attempts *= claimAttempts
	}
	for left := a.count; left > 0 && attempts > 0 && more; attempts-- {
		it := g.Range(nil, next, stream.MaxID)
		if more = it.Next(); !more {
			break
		}
		p := it.Pending
		next, more = p.ID.Next()
		entry, there := s.Get(p.ID)
		switch {
		case !there:
			d.drop(&p)
			deleted = append(deleted, p.ID)
			left--
		case a.minIdleMs == 0 || d.nowMs-p.DeliveredMs >= a.minIdleMs:
			p.DeliveredMs = d.nowMs
			if !a.justID {
				p.Count()
			}
			d.take(p, &entry, a.justID)
			n++
			left--
		}
	}
	a.replyRest(c, mark, n, g, next, more, deleted)
	d.journalConsumer()
}

// replyRest completes the reply: where to go on, the entries, which lie behind mark already, and the deleted IDs.
func (a *autoClaimArgs) replyRest(c *engine.Client, mark, n int, g *stream.Group, next stream.ID, more bool, deleted []stream.ID) {
	c.Reply.EndArray(mark, n)
	var cursor stream.ID
	if it := g.Range(nil, next, stream.MaxID); more && it.Next() {
		cursor = it.ID
	}
	b := &c.Server().Scratch[0]
	head := resp.Reply{B: (*b)[:0]} // the cursor is known last and comes first
	var room [48]byte
	head.Bulk(cursor.AppendTo(room[:0]))
	*b = head.B
	c.Reply.B = slices.Insert(c.Reply.B, mark, head.B...)
	c.Reply.Array(len(deleted))
	for _, id := range deleted {
		replyID(c, id)
	}
}
