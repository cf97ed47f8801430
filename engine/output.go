package engine

// Output. Replies of one read are gathered in the loop's scratch and leave in one write. What the socket does not take,
// or what must wait for the journal, is kept in the client's output, in order. Positions count bytes of its stream:
//
//	... sent ─────────────── released ───────────── appended
//	     waits for the socket     waits for the journal
//
// released moves when the journal reports progress (Server.release). A reply behind held ones waits with them.

const (
	// stallOutput is the pending output in bytes from which on a client's further commands wait until it reads.
	stallOutput = 1 << 20
	// outputUnauth is the pending output at which a client that has not authenticated is disconnected.
	outputUnauth = 1 << 20
	// outputFree is the size in bytes up to which a reply that the socket takes at once is within any output limit.
	outputFree = 16 << 10
	// clientBytes is what a client takes without any buffer: the structs Client and the reactor's conn.
	clientBytes = 768
	// prefixBytes is what a prefix or a subscription takes beside its name.
	prefixBytes = 64
	// keepBuffer is the capacity up to which an emptied buffer is kept for the next client that needs one.
	keepBuffer = 64 << 10
	// newBuffer is the capacity of a new one.
	newBuffer = 16 << 10
	// keepBuffers is how many are kept.
	keepBuffers = 64
)

type output struct {
	buf      []byte // from sent on
	at       int    // bytes of buf that are sent
	released int    // bytes of buf that may be sent
	base     int64  // position of buf[0]
	holds    int    // entries of this client in Server.holds
	shared   bool   // buf is a message that other clients' outputs hold, too: it may be read, and no more

	// Shared messages that come after buf; only where there is one. Nothing in them waits for the journal.
	more      [][]byte
	moreBytes int
}

const (
	// shareFrom is from what size in bytes on a message is always shared rather than copied behind what is pending.
	shareFrom = 1024
	// fewShared is how many shorter ones are shared in any case, and shareAverage from what average size on there may be more:
	// a crowd that gets the next message before it has all of the last is not given a buffer each.
	fewShared    = 4
	shareAverage = 64
)

func (o *output) pending() int { return len(o.buf) - o.at + o.moreBytes }

// add appends b. Shared messages are copied then: a client that gets replies is seldom one that lags behind messages.
func (o *output) add(b []byte) {
	for i, m := range o.more {
		o.buf, o.more[i] = append(o.buf, m...), nil
		o.shared = false
	}
	if o.holds == 0 {
		o.released = len(o.buf)
	}
	o.more, o.moreBytes = nil, 0
	o.buf = append(o.buf, b...)
	o.shared = false
}

// share is add for a message that nobody changes any more: it is kept as it is where that is possible. A shared buf has no
// capacity left, so that whatever is appended goes to a copy.
func (o *output) share(b []byte) {
	switch {
	case o.buf == nil:
		o.buf, o.shared = b[:len(b):len(b)], true
	case o.holds > 0 || len(b) < shareFrom && !o.sharesShort():
		o.add(b)
	default:
		o.more = append(o.more, b[:len(b):len(b)])
		o.moreBytes += len(b)
	}
}

// sharesShort tells whether one more short message is shared: behind other shared ones, unless those are many and small.
func (o *output) sharesShort() bool {
	if o.more == nil {
		return o.shared
	}
	return len(o.more) < fewShared || o.moreBytes >= shareAverage*len(o.more)
}

// next makes the next shared message the buffer, or several of them, copied, when they are short: what was in the buffer has
// been sent. It returns false when there is none.
func (s *Server) next(o *output) bool {
	s.dropBuffer(o)
	o.at, o.released = 0, 0
	if len(o.more) == 0 {
		o.more = nil
		return false
	}
	if o.buf = o.more[0]; len(o.buf) >= newBuffer/2 {
		o.shared = true
		o.skipMore(1)
	} else {
		o.buf = s.takeBuffer()
		n := 0
		for n < len(o.more) && len(o.buf)+len(o.more[n]) <= newBuffer {
			o.buf = append(o.buf, o.more[n]...)
			n++
		}
		o.skipMore(n)
	}
	o.released = len(o.buf)
	return true
}

// skipMore takes n shared messages, which are in the buffer now, out of the queue.
func (o *output) skipMore(n int) {
	o.moreBytes -= len(o.buf)
	clear(o.more[:n])
	o.more = o.more[n:]
}

// dropBuffer lets go of the buffer of an output.
func (s *Server) dropBuffer(o *output) {
	if !o.shared {
		s.giveBuffer(o.buf)
	}
	o.buf, o.shared = nil, false
}

// hold is a position in a client's output that waits for the journal to reach offset.
type hold struct {
	c      *Client
	end    int64
	offset int64
}

// send passes b to c: at once where it can, else through its pending output. It waits until the journal has reached
// offset; 0 is no condition.
func (s *Server) send(c *Client, b []byte, offset int64) {
	if c.closed || len(b) == 0 {
		return
	}
	s.Stats.NetOutputBytes += int64(len(b))
	held := offset != 0 && offset > s.maxOffset()
	o := &c.out
	if len(b) >= outputFree && s.overHard(c, len(b)) {
		return
	}
	if !held && o.pending() == 0 {
		n, err := c.conn.Write(b)
		s.Stats.Writes++
		if err != nil {
			s.kill(c)
			return
		}
		if n == len(b) {
			return
		}
		b = b[n:]
	}
	if o.buf == nil {
		o.buf = s.takeBuffer()
	}
	o.add(b)
	if held {
		s.hold(c, offset)
	} else if o.holds == 0 {
		o.released = len(o.buf)
	}
	s.checkOutputLimit(c)
}

// hold queues the end of c's output until offset. The queue is worked off in order: a read's reply that waits for an old
// record, behind one that waits for a new one, waits a little longer than it must.
func (s *Server) hold(c *Client, offset int64) {
	c.out.holds++
	s.holds = append(s.holds, hold{c: c, end: c.out.base + int64(len(c.out.buf)), offset: offset})
}

// releaseBatch is how many replies are let go of between two looks at the clock.
const releaseBatch = 16

// release sends what waited for the journal and need not any more, for at most half a millisecond, and lets clients go on that a full
// journal or a snapshot held back. It returns true when there is more to send. After a sync that took long, that may be the
// replies of all clients.
func (s *Server) release() (more bool) {
	more = s.releaseHeld(urgentSliceNs)
	if len(s.waiters) == 0 || s.journalFull() || s.Keyspace.SnapshotHolding() {
		return more
	}
	for i, c := range s.waiters {
		s.waiters[i] = nil
		c.waiting = false
		s.makeReady(c)
	}
	s.waiters = s.waiters[:0]
	return more
}

// releaseHeld works the queue of held replies off for about a time in nanoseconds, as far as the journal has got.
func (s *Server) releaseHeld(most int64) (more bool) {
	limit := s.maxOffset()
	var end int64
	for n := 1; s.firstHold < len(s.holds) && s.holds[s.firstHold].offset <= limit; n++ {
		if n%releaseBatch == 0 {
			now := s.nanotime()
			if end == 0 {
				end = now + most // what a few replies take is not worth a reading at the start
			} else if more = now > end; more {
				break
			}
		}
		h := s.holds[s.firstHold]
		s.holds[s.firstHold] = hold{}
		s.firstHold++
		c := h.c
		c.out.holds--
		if c.closed {
			continue
		}
		c.out.released = int(h.end - c.out.base)
		if c.out.holds == 0 {
			c.out.released = len(c.out.buf)
		}
		s.flush(c)
	}
	if s.firstHold == len(s.holds) {
		s.holds, s.firstHold = s.holds[:0], 0
	} else if s.firstHold > len(s.holds)/2 && s.firstHold > 1024 {
		s.holds, s.firstHold = s.holds[:copy(s.holds, s.holds[s.firstHold:])], 0
	}
	return more
}

// ReleaseAll sends what waited for the journal, after it has been closed; what a full socket does not take is lost.
func (s *Server) ReleaseAll() {
	s.RetireJournal()
	s.JournalEnded()
	for s.release() {
	}
}

// RetireJournal takes the journal out of force while it still writes: what waits for it goes on to wait. JournalEnded has to follow,
// and no other journal may be in force before.
func (s *Server) RetireJournal() {
	if s.Journal != nil {
		s.retired, s.Journal = s.Journal, nil
	}
	s.marks, s.execFed = readMarks{}, false // none of this is true of another journal
}

// JournalEnded lets go of all that waits for the journal that was retired: it is synced, or has been given up. It leaves between the
// rounds.
func (s *Server) JournalEnded() {
	s.retired, s.holdUntil = nil, 0
	for i := s.firstHold; i < len(s.holds); i++ {
		s.holds[i].offset = 0
	}
	s.releaseDue = true
}

// maxOffset is the journal offset up to which replies may leave; without a journal nothing waits.
func (s *Server) maxOffset() int64 {
	switch {
	case s.Journal != nil:
		return s.Journal.Releasable()
	case s.retired != nil:
		return s.retired.Releasable()
	}
	return 1<<63 - 1
}

// flush writes pending output that is released, and lets a client that was stalled by it go on.
func (s *Server) flush(c *Client) {
	s.flushOutput(c)
	s.noteMemory(c)
}

func (s *Server) flushOutput(c *Client) {
	o := &c.out
	for more := true; more && o.released > o.at; {
		n, err := c.conn.Write(o.buf[o.at:o.released])
		s.Stats.Writes++
		if err != nil {
			s.kill(c)
			return
		}
		o.at += n
		c.LastMs = s.NowMs
		more = o.at == len(o.buf) && len(o.more) > 0
		if more {
			o.base += int64(o.at)
			s.next(o)
		}
	}
	switch {
	case o.at == len(o.buf):
		o.base += int64(o.at)
		s.next(o)
		c.softSinceMs = 0
		if c.closing {
			s.kill(c)
			return
		}
	case o.at > len(o.buf)/2 && o.at > 4096 && !o.shared:
		n := copy(o.buf, o.buf[o.at:])
		o.base += int64(o.at)
		o.released -= o.at
		o.buf, o.at = o.buf[:n], 0
	}
	if o.pending() < stallOutput/2 && len(c.query) > c.queryPos && !c.waiting {
		s.makeReady(c)
	}
}

// Writable is called by the reactor when a full socket has drained.
func (s *Server) Writable(conn reactorConn) {
	if c := clientOf(conn); c != nil && !c.closed {
		s.beginRound()
		s.flush(c)
	}
}

// overHard disconnects a client if a reply of n bytes takes it over the hard limit of its class, even if the socket would take
// all of it: what a limit lets through does not depend on how much the kernel buffers.
func (s *Server) overHard(c *Client, n int) bool {
	n += c.out.pending()
	hard := s.Config.OutputLimits[c.outputClass()].HardBytes
	if hard <= 0 || n < hard {
		return false
	}
	s.overLimitOut(c, n)
	return true
}

// checkOutputLimit disconnects a client whose pending output is over the hard limit of its class, or over the soft
// limit for longer than it may.
func (s *Server) checkOutputLimit(c *Client) {
	l := s.Config.OutputLimits[c.outputClass()]
	n := c.out.pending()
	switch {
	case n >= outputUnauth && c.mustLogIn():
	case l.HardBytes > 0 && n >= l.HardBytes:
	case l.SoftBytes > 0 && n >= l.SoftBytes:
		if c.softSinceMs == 0 {
			c.softSinceMs = s.NowMs
			return
		}
		if s.NowMs-c.softSinceMs <= int64(l.SoftSeconds)*1000 {
			return
		}
	default:
		c.softSinceMs = 0
		return
	}
	s.overLimitOut(c, n)
}

func (s *Server) overLimitOut(c *Client, pending int) {
	s.Log.Warn("client closed: output buffer limit", "id", c.ID, "addr", c.conn.RemoteAddr(), "pending", pending)
	s.Stats.OutputLimitDisconnections++
	s.kill(c)
}

// takeBuffer returns an empty buffer, giveBuffer keeps one for the next client: idle clients have none.
func (s *Server) takeBuffer() []byte {
	if n := len(s.buffers); n > 0 {
		b := s.buffers[n-1]
		s.buffers = s.buffers[:n-1]
		return b
	}
	return make([]byte, 0, newBuffer)
}

func (s *Server) giveBuffer(b []byte) {
	if cap(b) >= newBuffer && cap(b) <= keepBuffer && len(s.buffers) < keepBuffers {
		s.buffers = append(s.buffers, b[:0])
	}
}
