package engine

import "sync"

// Offload: work that has to wait for something, a disk say, on behalf of one client. It runs in a goroutine of its own
// while the client waits as in a blocking command; what it has found is dealt with on the loop. One work begins when the one
// before has ended: of two clients that save the same file, the one that comes later has the last word.
//
// A transaction runs at one stroke all the same. What its commands have to read is read before (Row.Ahead), all of it,
// while EXEC waits; what they write is written afterwards, while the reply of EXEC waits:
//
//	EXEC ─► Ahead of each command ══► reads ══► the queue runs ══► writes, in order ══► the reply, its gaps filled
//	                                            (on the loop)
//
// Before the queue runs, EXEC passes once more what holds commands back: a pause, say, may have begun while it read.

type offload struct {
	mu       sync.Mutex
	finished []func()

	// The loop's.
	last     chan struct{}   // closed when the work that was offloaded last has ended
	then     func(c *Client) // the end of the command that EXEC runs next, whose reading is done
	deferred []deferredWork  // of the transaction that runs
}

// deferredWork is what a command in a transaction has left to be done, and where in EXEC's reply its own belongs.
type deferredWork struct {
	at   int
	work func()
	done func(c *Client)
}

// Ahead prepares a call of a command that reads from a disk: work reads, in a goroutine, and must not touch the server;
// then is the rest of the command, on the loop. A nil work says that there is nothing to read.
type Ahead func(c *Client, args Args) (work func(), then func(c *Client))

// RunAhead is the handler of a command with Row.Ahead. The client is nil for then when it has gone meanwhile.
func (s *Server) RunAhead(c *Client, args Args, ahead Ahead) {
	if then := s.offload.then; then != nil {
		s.offload.then = nil
		then(c)
		return
	}
	work, then := ahead(c, args)
	if work == nil {
		then(c)
		return
	}
	s.Offload(c, work, then)
}

// Offload runs work in a goroutine, which must not touch the server, and then done on the loop, which replies; its client
// is nil when that has gone meanwhile. Inside a transaction the commands that follow do not wait, only EXEC's reply does.
func (s *Server) Offload(c *Client, work func(), done func(c *Client)) {
	if s.inExec {
		s.offload.deferred = append(s.offload.deferred, deferredWork{len(c.Reply.B), work, done})
		return
	}
	if !c.Block(nil, Wait{Held: true, OnTimeout: done}) { // no connection, so nobody waits
		work()
		done(c)
		return
	}
	waiting, before, ended := c.blocked, s.offload.last, make(chan struct{})
	s.offload.last = ended
	go func() {
		if before != nil {
			<-before
		}
		work()
		close(ended)
		s.offload.mu.Lock()
		s.offload.finished = append(s.offload.finished, func() {
			if c.blocked == waiting {
				s.Unblock(c, false)
				return
			}
			done(nil)
		})
		s.offload.mu.Unlock()
		s.Reactor.Wake()
	}()
}

// finishOffloaded deals with the work that has ended.
func (s *Server) finishOffloaded() {
	s.offload.mu.Lock()
	finished := s.offload.finished
	s.offload.finished = nil
	s.offload.mu.Unlock()
	for _, f := range finished {
		f()
	}
	if len(s.readyKeys) > 0 { // a transaction may have run
		s.serveReady()
	}
}

// prepareExec has the queue's reading done. It returns false when EXEC goes on at once; otherwise it is called again
// then.
func (s *Server) prepareExec(c *Client, tx *transaction) (waits bool) {
	if !tx.readsAhead || tx.refused || tx.broken {
		return false
	}
	tx.readsAhead = false
	var reads []func()
	for i := range tx.queue {
		q := &tx.queue[i]
		if q.row.Ahead == nil {
			continue
		}
		if work, then := q.row.Ahead(c, q.args); work != nil {
			reads = append(reads, work)
			q.then = then
		}
	}
	if len(reads) == 0 {
		return false
	}
	exec, args := c.LastRow, cloneArgs(s.running)
	s.Offload(c, inOrder(reads), func(c *Client) {
		if c != nil {
			c.suspended = &suspended{row: exec, args: args, begun: true}
			s.makeReady(c)
		}
	})
	return true
}

// finishExec has what the transaction left done, and takes its reply, which begins at start, back until then.
func (s *Server) finishExec(c *Client, start int) {
	left := s.offload.deferred
	s.offload.deferred = nil
	works := make([]func(), len(left))
	for i := range left {
		works[i] = left[i].work
		left[i].at -= start
	}
	r := c.Reply
	reply, until := append([]byte(nil), r.B[start:]...), s.holdUntil
	r.B = r.B[:start]
	s.Offload(c, inOrder(works), func(c *Client) {
		from := 0
		for _, d := range left {
			if c != nil {
				c.Reply.B = append(c.Reply.B, reply[from:d.at]...)
				from = d.at
			}
			d.done(c)
		}
		if c != nil {
			c.Reply.B = append(c.Reply.B, reply[from:]...)
			s.holdUntil = max(s.holdUntil, until)
		}
	})
}

func inOrder(works []func()) func() {
	return func() {
		for _, work := range works {
			work()
		}
	}
}
