package engine

import (
	"math"

	"redix/engine/resp"
	"redix/engine/timerwheel"
)

// Blocking. A handler that finds nothing to serve calls Block: the client's command is copied and waits at its keys. An
// event of such a key makes the loop run the command again, after the one that fed the key (or the whole transaction) is
// through, for the waiting clients in the order in which they came, until one finds the key gone. A command that calls
// Block again keeps its place. The timer wheel ends the wait, with millisecond resolution.

// blocked is what a client waits with.
type blocked struct {
	row        *Row
	args       Args // a copy
	keys       []dbKey
	deadlineMs int64 // 0: for ever
	onTimeout  func(c *Client)
	onMissing  bool // run again also when the key is gone
	again      bool // Block was called while running again
	timer      uint64
}

// Wait says how a client waits.
type Wait struct {
	// DeadlineMs is when it ends, in Unix milliseconds; 0 is never.
	DeadlineMs int64
	// OnTimeout replies when it ends.
	OnTimeout func(c *Client)
	// OnMissing makes the command run again also when a key is deleted.
	OnMissing bool
}

// Block parks the client at keys of its database until one of them changes. It returns false where a client must not
// block, in a transaction or while the journal is loaded: the handler then replies as if the time were over.
func (c *Client) Block(keys [][]byte, w Wait) bool {
	s := c.server
	if s.inExec || c.conn == nil {
		return false
	}
	if b := c.blocked; b != nil { // running again, still nothing
		b.again = true
		return true
	}
	b := &blocked{row: c.LastRow, args: cloneArgs(s.running), deadlineMs: w.DeadlineMs, onTimeout: w.OnTimeout, onMissing: w.OnMissing}
	for _, k := range keys {
		at := dbKey{c.DB.ID, string(k)}
		b.keys = append(b.keys, at)
		if list := s.waitKeys[at]; len(list) == 0 || list[len(list)-1] != c {
			s.waitKeys[at] = append(list, c)
		}
	}
	c.blocked = b
	s.numBlocked++
	s.listen()
	if w.DeadlineMs > 0 {
		b.timer = s.timers.add(c, w.DeadlineMs)
		s.Reactor.TickWithin(s.untilMs(w.DeadlineMs))
	}
	return true
}

// Blocked reports whether the client waits for a key.
func (c *Client) Blocked() bool { return c.blocked != nil }

// NumBlocked returns how many clients wait, and at how many keys.
func (s *Server) NumBlocked() (clients, keys int) { return s.numBlocked, len(s.waitKeys) }

func cloneArgs(args Args) Args {
	own := make(Args, len(args))
	for i, a := range args {
		own[i] = append([]byte(nil), a...)
	}
	return own
}

// unblock takes the client out of all queues. Its reply has been, or is about to be, sent.
func (s *Server) unblock(c *Client) {
	b := c.blocked
	c.blocked = nil
	s.numBlocked--
	for _, at := range b.keys {
		if rest := without(s.waitKeys[at], c); len(rest) > 0 {
			s.waitKeys[at] = rest
		} else {
			delete(s.waitKeys, at)
		}
	}
	if b.timer != 0 {
		s.timers.cancel(b.timer)
	}
	s.listen()
	if !c.closed && len(c.query) > c.queryPos {
		s.makeReady(c)
	}
}

// keyReady notes that clients wait for a key that has changed.
func (s *Server) keyReady(db int, key []byte) {
	at := dbKey{db, string(key)}
	if len(s.waitKeys[at]) == 0 {
		return
	}
	for _, k := range s.readyKeys {
		if k == at {
			return
		}
	}
	s.readyKeys = append(s.readyKeys, at)
}

// serveReady runs the commands of clients that wait for keys that have changed. It is called when no command is running.
// Serving one client may make further keys ready.
func (s *Server) serveReady() {
	for len(s.readyKeys) > 0 {
		at := s.readyKeys[0]
		s.readyKeys = s.readyKeys[1:]
		for _, c := range append([]*Client(nil), s.waitKeys[at]...) {
			if c.blocked == nil || c.closed {
				continue
			}
			if _, ok := s.Keyspace.DB(at.db).Lookup([]byte(at.key)); !ok && !c.blocked.onMissing {
				continue
			}
			s.runAgain(c)
		}
	}
	s.readyKeys = nil
}

// runAgain runs a waiting client's command once more, beside whatever command's reply is in the scratch.
func (s *Server) runAgain(c *Client) {
	b := c.blocked
	b.again = false
	s.aside(c, func() {
		s.invoke(c, b.row, b.args, 0)
		b.row.Stats.Calls-- // it was counted when it came
		s.Stats.Commands--
		if b.again {
			s.replies.B = s.replies.B[:0]
			return
		}
		s.unblock(c)
	})
}

// aside runs f with an empty scratch for replies to c and sends them afterwards, waiting for the journal where needed.
func (s *Server) aside(c *Client, f func()) {
	replies, hold, reply, current := s.replies, s.holdUntil, c.Reply, s.current
	s.replies = resp.Reply{Proto: c.Proto}
	s.holdUntil, s.current = 0, c
	c.Reply = &s.replies
	f()
	b, until := s.replies.B, s.holdUntil
	s.replies, s.holdUntil, c.Reply, s.current = replies, hold, reply, current
	if c.closed || len(b) == 0 {
		return
	}
	if c == current {
		s.replies.B = append(s.replies.B, b...)
		s.holdUntil = max(s.holdUntil, until)
		return
	}
	s.send(c, b, until)
}

// Unblock ends a client's wait from outside: as if its time were over, or with an error. It returns false when the client
// does not wait.
func (s *Server) Unblock(c *Client, withError bool) bool {
	b := c.blocked
	if b == nil {
		return false
	}
	s.unblock(c)
	s.aside(c, func() {
		if withError {
			s.replies.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
		} else {
			b.onTimeout(c)
		}
	})
	return true
}

// endWaits ends the waits whose time is over.
func (s *Server) endWaits() {
	for more := true; more; {
		s.timers.due, more = s.timers.wheel.Advance(s.NowMs, s.timers.due[:0], 256)
		for _, r := range s.timers.due {
			if c := s.timers.take(r); c.blocked != nil && !c.closed {
				c.blocked.timer = 0
				s.Unblock(c, false)
			}
		}
	}
}

// timers are the deadlines of waiting clients: nodes for the timer wheel, by number from 1.
type timers struct {
	nodes []timerNode
	free  []uint64
	wheel *timerwheel.Wheel[timerLinks]
	due   []uint64
}

type timerNode struct {
	c          *Client
	deadlineMs int64
	next, prev uint64
}

type timerLinks struct{ t *timers }

func (l timerLinks) Deadline(r uint64) int64 { return l.t.nodes[r].deadlineMs }
func (l timerLinks) Links(r uint64) (next, prev uint64) {
	return l.t.nodes[r].next, l.t.nodes[r].prev
}
func (l timerLinks) SetNext(r uint64, v uint64) { l.t.nodes[r].next = v }
func (l timerLinks) SetPrev(r uint64, v uint64) { l.t.nodes[r].prev = v }

func newTimers(nowMs int64) *timers {
	t := &timers{nodes: make([]timerNode, 1)}
	t.wheel = timerwheel.New(timerLinks{t}, nowMs)
	return t
}

func (t *timers) add(c *Client, deadlineMs int64) uint64 {
	var r uint64
	if n := len(t.free); n > 0 {
		r, t.free = t.free[n-1], t.free[:n-1]
	} else {
		t.nodes = append(t.nodes, timerNode{})
		r = uint64(len(t.nodes) - 1)
	}
	t.nodes[r] = timerNode{c: c, deadlineMs: deadlineMs}
	t.wheel.Add(r)
	return r
}

func (t *timers) cancel(r uint64) {
	t.wheel.Cancel(r)
	t.take(r)
}

// take frees a node that is out of the wheel.
func (t *timers) take(r uint64) *Client {
	c := t.nodes[r].c
	t.nodes[r] = timerNode{}
	t.free = append(t.free, r)
	return c
}

// soonestMs is when the next wait may end.
func (t *timers) soonestMs() int64 {
	if at, ok := t.wheel.NextDeadlineMs(); ok {
		return at
	}
	return math.MaxInt64
}
