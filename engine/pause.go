package engine

import (
	"math"
	"time"
)

// CLIENT PAUSE. While it lasts, commands (all, or those that write) wait in the query buffers of their clients, and
// nothing is expired or evicted: a key whose deadline passes is hidden, but stays. It ends by the clock, or by Unpause.
//
// The commands of a transaction that pauses go on; the pause begins after it.

type pause struct {
	endMs   int64 // of Server.upMs; 0: there is none
	all     bool  // not only writes
	clients []*Client
}

// Pause begins or prolongs a pause for ms milliseconds; all includes reads. A pause that is running is never cut short, nor
// made to let more pass.
func (s *Server) Pause(ms int64, all bool) {
	end := int64(math.MaxInt64)
	if ms < math.MaxInt64-s.upMs-1 {
		end = s.upMs + ms
	}
	s.pause.endMs = max(s.pause.endMs, end, 1)
	s.pause.all = s.pause.all || all
	s.holdExpiry()
	s.Reactor.TickWithin(time.Duration(min(max(ms, 1), maxTickMs)) * time.Millisecond)
}

// Unpause ends a pause.
func (s *Server) Unpause() {
	s.pause.endMs, s.pause.all = 0, false
	s.holdExpiry()
	for i, c := range s.pause.clients {
		s.pause.clients[i] = nil
		c.postponed = false
		s.makeReady(c)
	}
	s.pause.clients = s.pause.clients[:0]
}

// Paused tells whether a pause is running, whether it is one of all commands, and for how many milliseconds more.
func (s *Server) Paused() (running, all bool, leftMs int64) {
	if s.pause.endMs == 0 {
		return false, false, 0
	}
	return true, s.pause.all, max(s.pause.endMs-s.upMs, 0)
}

// Evicting reports whether keys may be evicted: not during a pause, but for the transaction that began it.
func (s *Server) Evicting() bool { return s.pause.endMs == 0 || s.inExec }

// holdExpiry makes the keyspace keep expired keys, or stop that.
func (s *Server) holdExpiry() { s.Keyspace.HoldExpired = s.pause.endMs != 0 && !s.inExec }

// endPause is called by the clock.
func (s *Server) endPause() {
	if s.pause.endMs != 0 && s.upMs >= s.pause.endMs {
		s.Unpause()
	}
}

// postpone holds a client's commands back until the end of the pause.
func (s *Server) postpone(c *Client) {
	if !c.postponed {
		c.postponed = true
		s.pause.clients = append(s.pause.clients, c)
	}
}

// postpones tells whether a command has to wait for the end of the pause. What will be refused need not.
func (s *Server) postpones(c *Client, f *frame) bool {
	row := f.row
	if row == nil || c.monitor {
		return false
	}
	if row.Subs != nil && len(f.args) > 1 {
		if row = s.Table.LookupSub(row, f.args[1]); row == nil {
			return false
		}
	}
	if n := len(f.args); row.Arity > 0 && n != row.Arity || n < -row.Arity || !c.Authenticated && row.Flags&NoAuth == 0 && s.Users.NeedsLogin() ||
		c.Proto == 2 && row.Flags&InSubscriber == 0 && c.Subscriber() {
		return false
	}
	const writing = Write | MayReplicate
	return s.pause.all || row.Flags&writing != 0 || row.Flags&EndsMulti != 0 && c.tx != nil && c.tx.flags&writing != 0
}
