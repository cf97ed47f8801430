package engine

import (
	"math"
	"slices"
	"sort"
	"time"

	"redix/engine/keyspace"
	"redix/engine/resp"
	"redix/engine/timerwheel"
)

// Blocking. A handler that finds nothing to serve calls Block: the client's command is copied and waits at its keys. An
// event of such a key makes the loop run the command again, after the one that fed the key (or the whole transaction) is
// through, for the waiting clients in the order in which they came, until one finds the key gone. A client whose command
// calls Block again comes last from then on, at all its keys, as in Redis since 7.2. The timer wheel ends the wait, with
// millisecond resolution.
//
//	event of a key ─► its waitQueue, once ─► readyKeys ─► after the command: each client's command again, in order
//	                                                      ├─► it replies: the client goes on
//	                                                      └─► Block again: to the end of all its queues
//
// What such commands reply leaves at the end of the round. A command counts as a call when it has replied, with the time of
// all its runs; one whose client goes away before that, or is refused, does not.

// blocked is what a client waits with.
type blocked struct {
	Wait
	row    *Row
	args   Args // a copy
	queues []*waitQueue
	serial int64 // of the wait: the order in which clients came, or were last looked at in vain
	timer  uint64
	again  bool  // Block was called while running again
	silent bool  // CLIENT REPLY SKIP came before
	bytes  int   // of the copied words, and of what it takes to wait at keys
	ns     int64 // what the runs took that did not end it
}

// waitQueue are the clients that wait at a key, by their serial.
type waitQueue struct {
	at        dbKey
	clients   []*Client
	ready     bool // in readyKeys
	onMissing int  // how many are to be served when the key is gone
}

const (
	wordBytes  = 24  // of a copied word beside its bytes
	queueBytes = 128 // of a waitQueue beside its key, with its place in the map
)

// Wait says how a client waits.
type Wait struct {
	// DeadlineMs is when it ends, in Unix milliseconds; 0 is never. It ends when this millisecond is over.
	DeadlineMs int64
	// Type is what a key must hold for the command to be run again; TypeNone is anything.
	Type keyspace.Type
	// OnMissing makes the command run again whatever happens to a key, also when it is deleted.
	OnMissing bool
	// OnTimeout replies when the time is over.
	OnTimeout func(c *Client)
	// OnJournal makes the journal's progress count as the end of the time. OnTimeout may block the client again.
	OnJournal bool
	// Held keeps CLIENT UNBLOCK from ending it.
	Held bool
}

// journalWait is a client that waits for the journal, by the serial of its wait.
type journalWait struct {
	c      *Client
	serial int64
}

func (w journalWait) over() bool { return w.c.blocked == nil || w.c.blocked.serial != w.serial }

// waitForJournal notes a wait. Those that ended otherwise are forgotten now and then.
func (s *Server) waitForJournal(c *Client, serial int64) {
	if len(s.journalWaits) > 2*s.numBlocked+16 {
		s.journalWaits = slices.DeleteFunc(s.journalWaits, journalWait.over)
	}
	s.journalWaits = append(s.journalWaits, journalWait{c, serial})
}

// endJournalWaits lets those who wait for the journal look at it.
func (s *Server) endJournalWaits() {
	if len(s.journalWaits) == 0 {
		return
	}
	waits := s.journalWaits
	s.journalWaits = nil
	for _, w := range waits {
		if !w.over() {
			s.Unblock(w.c, false)
		}
	}
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
	s.waitSerial++
	b := &blocked{Wait: w, row: c.LastRow, args: cloneArgs(s.running), serial: s.waitSerial, silent: c.skipThis}
	for _, a := range b.args {
		b.bytes += len(a) + wordBytes
	}
	for _, k := range keys {
		if q := s.queueAt(dbKey{c.DB.ID, string(k)}); len(q.clients) == 0 || q.clients[len(q.clients)-1] != c {
			q.clients = append(q.clients, c)
			if w.OnMissing {
				q.onMissing++
			}
			b.queues = append(b.queues, q)
			b.bytes += len(k) + queueBytes
		}
	}
	c.blocked = b
	s.numBlocked++
	s.uncount(b.row)
	s.tookLong = true // its time is kept until it is over
	if w.OnJournal {
		s.waitForJournal(c, b.serial)
	}
	s.listen()
	if w.DeadlineMs > 0 {
		lasts := min(w.DeadlineMs-s.NowMs, math.MaxInt64/2) + 1
		b.timer = s.timers.add(c, s.upMs+lasts)
		s.Reactor.TickWithin(time.Duration(min(max(lasts, 1), maxTickMs)) * time.Millisecond)
	}
	return true
}

// uncount takes back the call that invoke counts for a run that ends in waiting.
func (s *Server) uncount(row *Row) {
	row.Stats.Calls--
	s.Stats.Commands--
}

// maxTickMs bounds a distance in time before it becomes a Duration.
const maxTickMs = 1000

// queueAt returns the queue at a key, made if there is none.
func (s *Server) queueAt(at dbKey) *waitQueue {
	q := s.waitKeys[at]
	if q == nil {
		q = &waitQueue{at: at}
		s.waitKeys[at] = q
	}
	return q
}

// Blocked reports whether the client waits for a key.
func (c *Client) Blocked() bool { return c.blocked != nil }

// Held reports whether CLIENT UNBLOCK may not end the client's wait.
func (c *Client) Held() bool { return c.blocked != nil && c.blocked.Held }

// NumBlocked returns how many clients wait, for a key or for the end of a pause, and at how many keys.
func (s *Server) NumBlocked() (clients, keys int) {
	return s.numBlocked + len(s.pause.clients), len(s.waitKeys)
}

// Waits returns how many clients wait for a limited time, and how many of the keys are waited at also by those who want to
// know when they are gone.
func (s *Server) Waits() (timed, onMissing int) {
	for _, q := range s.waitKeys {
		if q.onMissing > 0 {
			onMissing++
		}
	}
	return len(s.timers.nodes) - 1 - len(s.timers.free), onMissing
}

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
	s.numBlocked--
	for _, q := range b.queues {
		q.remove(b.serial)
		if b.OnMissing {
			q.onMissing--
		}
		if len(q.clients) == 0 {
			delete(s.waitKeys, q.at)
		}
	}
	c.blocked = nil
	if b.timer != 0 {
		s.timers.cancel(b.timer)
	}
	s.listen()
	if len(c.query) > c.queryPos || c.ended {
		s.makeReady(c)
	}
}

// after returns the place of the first client that came after the one with that serial.
func (q *waitQueue) after(serial int64) int {
	return sort.Search(len(q.clients), func(i int) bool { return q.clients[i].blocked.serial > serial })
}

// remove takes out the client with that serial. Mostly it is among the first, so that what is before it moves, if that is less.
func (q *waitQueue) remove(serial int64) {
	i := q.after(serial - 1)
	if n := len(q.clients); i >= n/2 {
		q.clients = slices.Delete(q.clients, i, i+1)
		return
	}
	copy(q.clients[1:], q.clients[:i])
	q.clients[0] = nil
	q.clients = q.clients[1:]
}

// comesLast puts a client that has been looked at in vain at the end of all its queues.
func (s *Server) comesLast(c *Client) {
	b := c.blocked
	for _, q := range b.queues {
		q.remove(b.serial)
	}
	s.waitSerial++
	b.serial = s.waitSerial
	for _, q := range b.queues {
		q.clients = append(q.clients, c)
	}
}

// keyChanged notes that a key has changed, for those who wait at it. That it is gone concerns only those with OnMissing.
func (s *Server) keyChanged(db int, key []byte) {
	q := s.waitKeys[dbKey{db, string(key)}]
	if q == nil || q.ready {
		return
	}
	if _, ok := s.Keyspace.DB(db).Find(key); ok || q.onMissing > 0 {
		s.queueReady(q)
	}
}

func (s *Server) queueReady(q *waitQueue) {
	if !q.ready {
		q.ready = true
		s.readyKeys = append(s.readyKeys, q)
	}
}

// serveReady runs the commands of clients that wait for keys that have changed. It is called when no command is running.
// Serving one client may make further keys ready.
func (s *Server) serveReady() {
	for i := 0; i < len(s.readyKeys); i++ {
		q := s.readyKeys[i]
		q.ready = false
		s.serve(q)
	}
	clear(s.readyKeys)
	s.readyKeys = s.readyKeys[:0]
}

// serve runs the commands of those who wait at a key, each once: as many as wait there at the start, since who has been looked at in
// vain stands behind them.
func (s *Server) serve(q *waitQueue) {
	at := 0
	for n := len(q.clients); n > 0 && at < len(q.clients); n-- {
		c := q.clients[at]
		e, ok := s.Keyspace.DB(q.at.db).Lookup([]byte(q.at.key))
		switch {
		case c.blocked.OnMissing, ok && (e.Type() == c.blocked.Type || c.blocked.Type == keyspace.TypeNone):
			s.runAgain(c)
		case !ok && q.onMissing == 0:
			return
		}
		if at < len(q.clients) && q.clients[at] == c { // it stays where it is, or is last as before
			at++
		}
	}
}

// runAgain runs a waiting client's command once more, beside whatever command's reply is in the scratch.
func (s *Server) runAgain(c *Client) {
	b := c.blocked
	b.again = false
	s.aside(c, b.silent, func() {
		if c.User.Restricted {
			if text := s.denied(c, b.row, b.args); text != "" { // its rights have changed since it came
				s.unblock(c)
				s.refuse(c, b.row, text)
				s.noteError(s.replies.B)
				return
			}
		}
		start := s.nanotime()
		s.again = true
		s.invoke(c, b.row, b.args, 0)
		s.again = false
		b.ns += s.nanotime() - start
		if b.again {
			s.comesLast(c)
			s.uncount(b.row)
			s.replies.B = s.replies.B[:0]
			return
		}
		if c.blocked != nil { // else it has lost its connection
			s.unblock(c)
		}
		s.account(c, b.row, b.args, b.ns)
	})
}

// aside runs f with an empty scratch for replies to c and queues them, waiting for the journal where needed.
func (s *Server) aside(c *Client, silent bool, f func()) {
	if len(s.fan.jobs) > 0 && c.subs != nil {
		s.catchUp(c)
	}
	replies, hold, reply, outer := s.replies, s.holdUntil, c.Reply, s.current
	s.replies = resp.Reply{Proto: c.Proto}
	s.holdUntil, s.current, s.outer = 0, c, outer
	c.Reply = &s.replies
	f()
	s.pushOwed()
	b, until := s.replies.B, s.holdUntil
	s.replies, s.holdUntil, c.Reply, s.current, s.outer = replies, hold, reply, outer, nil
	if silent || c.ReplyOff {
		b = nil
	}
	if c != outer {
		b = s.takeLate(c, b)
	}
	switch {
	case c.closed || len(b) == 0:
	case c == outer:
		s.replies.B = append(s.replies.B, b...)
		s.holdUntil = max(s.holdUntil, until)
	default:
		s.queueOutput(c, b, until)
	}
}

// Unblock ends a client's wait from outside: as if its time were over, or with an error. It returns false when the client
// does not wait.
func (s *Server) Unblock(c *Client, withError bool) bool {
	b := c.blocked
	if b == nil {
		return false
	}
	s.unblock(c)
	running := s.running
	b.row.Stats.Calls++
	s.Stats.Commands++
	s.aside(c, b.silent, func() {
		s.running = b.args // for OnTimeout to block with; the words of the command that ran last may be gone
		if withError {
			s.replies.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
			b.row.Stats.Failed++
			s.noteError(s.replies.B)
		} else {
			b.OnTimeout(c)
		}
	})
	s.running = running
	s.account(c, b.row, b.args, b.ns)
	return true
}

// waitsBatch is how many waits end between two looks at the clock.
const waitsBatch = 16

// endWaits ends waits whose time is over, for at most a slice. It returns true when there are more.
func (s *Server) endWaits() (more bool) {
	stop := s.nanotime() + sliceNs
	for more = true; more && s.nanotime() < stop; {
		s.timers.due, more = s.timers.wheel.Advance(s.upMs, s.timers.due[:0], waitsBatch)
		for _, r := range s.timers.due {
			if c := s.timers.take(r); c != nil {
				c.blocked.timer = 0
				s.Unblock(c, false)
			}
		}
	}
	s.waitsDue = more
	return more
}

// timers are the ends of waits, in milliseconds of Server.upMs: nodes for the timer wheel, by number from 1.
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

func newTimers() *timers {
	t := &timers{nodes: make([]timerNode, 1)}
	t.wheel = timerwheel.New(timerLinks{t}, 0)
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

// take frees a node that is out of the wheel; nil when it was free.
func (t *timers) take(r uint64) *Client {
	c := t.nodes[r].c
	if c != nil {
		t.nodes[r] = timerNode{}
		t.free = append(t.free, r)
	}
	return c
}

// soonestMs is when the next wait may end, on the same clock.
func (t *timers) soonestMs() int64 {
	if at, ok := t.wheel.NextDeadlineMs(); ok {
		return at
	}
	return math.MaxInt64
}
