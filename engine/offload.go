package engine

import "sync"

// Offload: work that has to wait for something, a disk say, on behalf of one client. It runs in a goroutine of its own
// while the client waits as in a blocking command; what it has found is dealt with on the loop.

type offload struct {
	mu       sync.Mutex
	finished []func()
}

// Offload runs work in a goroutine, which must not touch the server, and then done on the loop, which replies; its client
// is nil when that has gone meanwhile. Where a client cannot wait, inside a transaction, both run at once.
func (s *Server) Offload(c *Client, work func(), done func(c *Client)) {
	ended := false
	waits := c.Block(nil, Wait{OnTimeout: func(c *Client) {
		if !ended { // CLIENT UNBLOCK; the work goes on
			c.Reply.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
			return
		}
		done(c)
	}})
	if !waits {
		work()
		done(c)
		return
	}
	waiting := c.blocked
	go func() {
		work()
		s.offload.mu.Lock()
		s.offload.finished = append(s.offload.finished, func() {
			ended = true
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
}
