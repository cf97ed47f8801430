package engine

import "redix/engine/reactor"

// Input: from a read to commands. A read is parsed where the reactor put it; only what is left of it (half a frame, or
// commands whose turn has not come) is copied to the client's query buffer. A large argument gets a block of the
// arena, grown as its bytes arrive, that the reactor reads into directly and that SET takes over as the value.
//
// A client's commands wait, in its query buffer, while
//
//	its pending output is over stallOutput           until it has read (Writable)
//	the journal's queue is full and it writes        until the journal has caught up (Woken)
//	it would change what a snapshot has to write     until that is written (saving.go)
//	it may add data and memory is short              until enough has been evicted (evict.go)
//	it has run maxPerRound commands in this round    until the others have had their turn (EndOfRound)
//	or commands that took maxTurnNs
//	it has published to many, or would now           until the others have had theirs, or the messages are out

const (
	maxPerRound  = 2048      // commands of one client in a round: about 1 ms
	maxTurnNs    = 1e6       // time of one client in a round, of commands that are timed by themselves
	prefetchFrom = 3         // different keys in a batch from which on their cache misses are worth overlapping
	batchFrames  = 32        // frames parsed ahead, so that their keys' cache misses overlap
	flushAt      = 256 << 10 // replies are sent before the end of the read when they get this long
	bigArgument  = 256 << 10 // arguments from this size on are received in a block of their own
	bigStart     = 1 << 20   // first size of that block
	inlineLimit  = 64 << 10
	queryUnauth  = 1 << 20 // bytes that may wait before authentication
)

type reactorConn = reactor.Conn

func clientOf(conn reactor.Conn) *Client {
	c, _ := conn.Context().(*Client)
	return c
}

// frame is a parsed command that is about to run.
type frame struct {
	args  Args
	row   *Row // nil: unknown, or there are no words
	short *Row // ran as one of those that share the time of the batch
	size  int  // bytes of the query buffer
}

// ReadBuffer lets the reactor read a large argument straight into its block.
func (s *Server) ReadBuffer(conn reactor.Conn) []byte {
	c := clientOf(conn)
	if c == nil || c.bigBuf == nil || c.closed {
		return nil
	}
	if c.bigHave == len(c.bigBuf) {
		s.growBig(c)
	}
	return c.bigBuf[c.bigHave:]
}

// Data is called by the reactor with the bytes of one read.
func (s *Server) Data(conn reactor.Conn, in []byte, own bool) {
	c := clientOf(conn)
	if c == nil || c.closed || c.closing {
		return
	}
	s.beginRound()
	s.Stats.NetInputBytes += int64(len(in))
	s.Stats.Reads++
	c.LastMs = s.NowMs
	s.take(c, in, own)
	s.noteMemory(c)
}

func (s *Server) take(c *Client, in []byte, own bool) {
	if own {
		c.bigHave += len(in)
		if c.bigHave == c.bigSize {
			s.endBig(c)
			s.run(c)
		} else {
			s.checkQueryLimit(c)
		}
		return
	}
	for c.bigBuf != nil && len(in) > 0 { // the engine below does not read into our buffers
		if c.bigHave == len(c.bigBuf) {
			s.growBig(c)
		}
		n := copy(c.bigBuf[c.bigHave:], in)
		c.bigHave += n
		in = in[n:]
		if c.bigHave == c.bigSize {
			s.endBig(c)
		}
	}
	if len(c.query) > 0 || len(in) == 0 {
		s.keep(c, in)
		s.run(c)
		return
	}
	n := s.process(c, in)
	if !c.closed && n < len(in) {
		s.keep(c, in[n:])
		s.startBig(c)
	}
}

// keep appends to the query buffer.
func (s *Server) keep(c *Client, in []byte) {
	if c.query == nil {
		c.query = s.takeBuffer()
	}
	if c.queryPos > 0 && c.queryPos >= len(c.query)/2 {
		c.query = c.query[:copy(c.query, c.query[c.queryPos:])]
		c.queryPos = 0
	}
	c.query = append(c.query, in...)
	s.checkQueryLimit(c)
}

// checkQueryLimit disconnects a client of which more input waits than client-query-buffer-limit, or than a client may
// send before it has authenticated. Large arguments of a frame that is not whole yet count.
func (s *Server) checkQueryLimit(c *Client) {
	limit := s.Config.ClientQueryBufferBytes
	if c.mustLogIn() {
		limit = min(limit, queryUnauth)
	}
	if n := len(c.query) - c.queryPos + c.bigHave + c.parser.Pending(); n > limit {
		s.Log.Warn("client closed: query buffer limit", "id", c.ID, "addr", c.conn.RemoteAddr(), "bytes", n)
		s.Stats.QueryLimitDisconnections++
		s.kill(c)
	}
}

// run processes the query buffer. A client that has had its turn in this round waits for the next.
func (s *Server) run(c *Client) {
	if c.closed || c.ready || len(c.query) == c.queryPos && len(c.bigs) == 0 && c.suspended == nil {
		return
	}
	if c.bigBuf != nil {
		if c.suspended != nil {
			s.process(c, nil) // what is being received is of a later command
		}
		return
	}
	c.queryPos += s.process(c, c.query[c.queryPos:])
	if c.closed {
		return
	}
	if c.queryPos == len(c.query) {
		s.giveBuffer(c.query)
		c.query, c.queryPos = nil, 0
	}
	s.startBig(c)
}

// process parses and runs the commands at the start of buf and sends their replies. It returns how many bytes are done.
func (s *Server) process(c *Client, buf []byte) (done int) {
	if len(s.fan.jobs) > 0 && c.subs != nil {
		s.catchUp(c)
		s.checkOutputLimit(c)
	}
	r := &s.replies
	r.B, r.Proto = s.scratch[:0], c.Proto
	c.Reply, s.current = r, c
	s.holdUntil = 0
	s.fanout = 0
	count := 0
	more := true
	s.turnFrom, s.turnOver = 0, false
	if c.suspended != nil && !c.waiting && !c.postponed {
		s.resume(c)
	}
	for more && done < len(buf) && s.mayRun(c) {
		if count >= maxPerRound || s.turnOver {
			s.makeReady(c)
			break
		}
		var n int
		n, more = s.parseBatch(c, buf[done:])
		if n == 0 {
			break
		}
		if n >= prefetchFrom {
			s.prefetch(c, s.batch[:n])
		}
		ran, bytes := s.runBatch(c, s.batch[:n])
		done += bytes
		count += ran
		if ran < n {
			c.parser.Reset() // it has gone ahead of what has run
			more = true
		}
		if len(r.B) >= flushAt {
			s.send(c, r.B, s.holdUntil)
			r.B = r.B[:0]
		}
	}
	s.send(c, r.B, s.holdUntil)
	s.current = nil
	if len(s.owed) > 0 { // of a command that evicted, or found expired keys, and has to wait
		s.pushOwed()
	}
	if cap(r.B) <= 4*flushAt {
		s.scratch = r.B[:0]
	}
	if c.closing && !c.closed && c.out.pending() == 0 {
		s.kill(c)
	}
	return done
}

// mayRun reports whether c's next command may run now, as far as can be said before it is parsed. A frame with large
// arguments is not parsed before it can run, since it cannot be parsed twice.
func (s *Server) mayRun(c *Client) bool {
	if c.closed || c.closing || c.waiting || c.postponed || c.ready || c.blocked != nil || c.out.pending() >= stallOutput {
		return false
	}
	if len(c.bigs) == 0 {
		return true
	}
	if s.crowded() { // it may be one to publish
		s.makeReady(c)
		return false
	}
	if s.journalFull() {
		s.wait(c)
		return false
	}
	return s.memory.limit == 0 || s.mayGrow(c, nil)
}

// parseBatch parses up to batchFrames whole frames and looks up their rows. more is false when no whole frame is left in buf.
// Pipelines often repeat a command: a name that is as in the frame before is not looked up again.
func (s *Server) parseBatch(c *Client, buf []byte) (n int, more bool) {
	at, used := 0, 0
	var row *Row
	var name []byte
	known := !c.mustLogIn()
	for n < batchFrames && at < len(buf) {
		args, size, err := c.parser.Next(buf[at:], s.args[used:used:len(s.args)], &s.limits, known)
		if err != nil {
			s.batch[n] = frame{size: len(buf) - at}
			s.protocolError = err
			return n + 1, false
		}
		if size == 0 {
			return n, false
		}
		if len(args) == 0 {
			row = nil
		} else if row == nil || string(args[0]) != string(name) {
			name = args[0]
			row = s.Table.Lookup(name)
		}
		f := &s.batch[n] // written field by field: a literal is made on the stack and copied, and each copy waits for its stores
		f.args, f.row, f.short, f.size = args, row, nil, size
		if len(c.bigs) > 0 {
			c.bigArgs = append(c.bigArgs[:0], c.parser.BigIndexes()...)
		}
		n++
		at += size
		if used+len(args) <= len(s.args) { // else they are in memory of their own
			used += len(args)
		}
		if !known || len(c.bigs) > 0 {
			break // the next frame may have to be parsed by other rules
		}
	}
	return n, true
}

// prefetch touches the index slots and records of the first keys of the frames, so that the cache misses of many commands
// overlap. A key that is as in the frame before has been touched.
func (s *Server) prefetch(c *Client, frames []frame) {
	var last []byte
	s.keys = s.keys[:0]
	for i := range frames {
		key := frames[i].firstKey()
		if len(key) > 0 && string(key) != string(last) {
			s.keys = append(s.keys, key)
			last = key
		}
	}
	if len(s.keys) >= prefetchFrom {
		s.sink += c.DB.Prefetch(s.keys)
	}
}

// firstKey is the first key of a command, nil if it has none or is unknown.
func (f *frame) firstKey() []byte {
	if f.row == nil || f.row.FirstKey <= 0 || f.row.FirstKey >= len(f.args) {
		return nil
	}
	return f.args[f.row.FirstKey]
}

// startBig prepares for a large argument that the parser has met: a block for it, and the bytes that are here already.
func (s *Server) startBig(c *Client) {
	have, size := c.parser.WantBig()
	if size == 0 || c.closed {
		return
	}
	if c.queryPos+have > len(c.query) {
		return
	}
	c.bigSize = size + 2
	rest := c.query[c.queryPos+have:]
	a := s.Keyspace.Arena()
	c.big = a.Alloc(min(c.bigSize, max(bigStart, len(rest))))
	c.bigBuf = a.Block(c.big)
	if len(c.bigBuf) > c.bigSize {
		c.bigBuf = c.bigBuf[:c.bigSize]
	}
	c.bigHave = copy(c.bigBuf, rest) // less than all of it, or the parser would not ask
	c.query = c.query[:c.queryPos+have]
}

// growBig doubles the block, so that memory follows the bytes that have arrived and not what was announced.
func (s *Server) growBig(c *Client) {
	a := s.Keyspace.Arena()
	a.Grow(c.big, min(c.bigSize, 2*len(c.bigBuf)))
	c.bigBuf = a.Block(c.big)
	if len(c.bigBuf) > c.bigSize {
		c.bigBuf = c.bigBuf[:c.bigSize]
	}
}

// endBig gives the whole argument to the parser.
func (s *Server) endBig(c *Client) {
	c.parser.GiveBig(c.bigBuf)
	c.bigs = append(c.bigs, c.big)
	c.big, c.bigBuf, c.bigHave, c.bigSize = 0, nil, 0, 0
}

// dropBigs frees the large arguments that no command took over.
func (s *Server) dropBigs(c *Client) {
	for _, r := range c.bigs {
		if r != 0 {
			s.Keyspace.FreeLater(r)
		}
	}
	c.bigs, c.bigArgs = c.bigs[:0], c.bigArgs[:0]
	if c.big != 0 {
		s.Keyspace.FreeLater(c.big)
		c.big, c.bigBuf, c.bigHave, c.bigSize = 0, nil, 0, 0
	}
}
