package engine

import (
	"redix/engine/acl"
	"redix/engine/keyspace"
	"redix/engine/reactor"
	"redix/engine/resp"
)

// Client is the loop's state for one connection.
//
//	query   bytes received that are not yet a whole frame, or whose turn has not come
//	out     replies that the socket did not take, or that wait for the journal (see output.go)
type Client struct {
	ID    int64
	Name  string
	DB    *keyspace.DB
	Reply *resp.Reply // the loop's scratch while one of this client's commands runs
	Proto int         // 2 or 3

	// What CLIENT LIST and INFO tell.
	LibName, LibVersion string
	CreatedMs           int64
	LastMs              int64 // clock of the last command or output
	LastRow             *Row
	Commands            int64

	User          *acl.User // who the client acts for
	Authenticated bool
	NoTouch       bool // CLIENT NO-TOUCH: reads do not count as accesses
	NoEvict       bool
	ReplyOff      bool // CLIENT REPLY OFF
	ReplySkip     bool // CLIENT REPLY SKIP: the next command's reply is dropped
	skipThis      bool

	counted    int64 // of Memory in Server.clientBytes
	countedBig int64 // and in Server.clientBigs
	server     *Server
	conn       reactor.Conn // nil for the client that replays the journal
	parser     resp.Parser

	query    []byte
	queryPos int          // bytes of query that are done
	big      keyspace.Ref // block for a large argument being received
	bigBuf   []byte
	bigHave  int            // bytes of it that have arrived
	bigSize  int            // its size with the line end
	bigs     []keyspace.Ref // blocks of the current frame's large arguments, not yet taken over
	bigArgs  []int          // and which arguments they are

	suspended *suspended // a command that waits for a snapshot and cannot be parsed again
	keysSaved int        // keys of the next command that a snapshot need not be asked for again

	out         output
	flushing    bool // in server.toFlush
	tx          *transaction
	track       *tracking
	subs        *subscriptions
	blocked     *blocked
	softSinceMs int64 // since when the pending output has been over the soft limit
	ended       bool  // the peer sends no more
	closing     bool  // close when the output is gone
	closed      bool
	ready       bool // in server.ready
	waiting     bool // in server.waiting: the journal is full, or a snapshot has to go on first
	postponed   bool // in server.pause.clients
	monitor     bool // in server.monitors
	next, prev  *Client
}

// Server returns the server that the client is connected to.
func (c *Client) Server() *Server { return c.server }

// Conn returns the connection; nil for the client that replays the journal.
func (c *Client) Conn() reactor.Conn { return c.conn }

// Loading reports whether the command comes from the journal: expiry is off and nothing is propagated.
func (c *Client) Loading() bool { return c.conn == nil }

// Changed counts n changes of the dataset. A write command that changed something is journalled as it came, unless the
// handler propagated something else.
func (c *Client) Changed(n int) { c.server.Dirty += int64(n) }

// TookLong tells that a command whose row calls it short was not: its time is its own and not shared with its batch.
func (c *Client) TookLong() { c.server.tookLong = true }

// Propagate journals a command in place of the one that is running: its normalised form. It may be called more than
// once; the args are copied.
func (c *Client) Propagate(args ...[]byte) {
	s := c.server
	s.propagated = true
	s.propArgs = append(s.propArgs[:0], args...)
	s.feed(c.DB, s.propArgs)
}

// PropagateArgs is Propagate for a slice that the caller built.
func (c *Client) PropagateArgs(db *keyspace.DB, args Args) {
	c.server.propagated = true
	c.server.feed(db, args)
}

// PropagateNothing keeps the running command out of the journal although it changed something.
func (c *Client) PropagateNothing() { c.server.propagated = true }

// LookupRead returns the live entry of key for a read: it counts a hit, or counts and tells a miss, and notes the access.
func (c *Client) LookupRead(key []byte) (e keyspace.Entry, ok bool) {
	if !c.DB.LookupInto(&e, key) {
		c.server.Stats.KeyspaceMisses++
		c.Event(EventMiss, "keymiss", key)
		return e, false
	}
	c.server.Stats.KeyspaceHits++
	if !c.NoTouch {
		c.server.noteAccess(&e)
	}
	return e, true
}

// LookupWrite returns the live entry of key for a change. When there is none, the entry is the place to create it.
func (c *Client) LookupWrite(key []byte) (e keyspace.Entry, ok bool) {
	ok = c.LookupWriteInto(&e, key)
	return e, ok
}

// LookupWriteInto is LookupWrite into an entry of the caller's, which must be zero.
func (c *Client) LookupWriteInto(e *keyspace.Entry, key []byte) bool {
	ok := c.DB.LookupInto(e, key)
	if ok && !c.NoTouch {
		c.server.noteAccess(e)
	}
	return ok
}

// TakeBig hands over the arena block that argument i was received in, if it has one: the caller owns it.
func (c *Client) TakeBig(i int) (keyspace.Ref, bool) {
	for k, arg := range c.bigArgs {
		if arg == i && c.bigs[k] != 0 {
			r := c.bigs[k]
			c.bigs[k] = 0
			return r, true
		}
	}
	return 0, false
}

// busy tells that the client waits for the server and not the other way round: for its turn, for the journal, for a key,
// for messages.
func (c *Client) busy() bool {
	return c.ready || c.waiting || c.postponed || c.out.holds > 0 || c.blocked != nil || c.Subscriber()
}

// unfinished tells that something that the client has sent is still to be run, or is being worked on by the server. What waits
// for somebody else is not: for a key, for the end of a pause.
func (c *Client) unfinished() bool {
	return c.ready || c.waiting || c.Held() || len(c.query) > c.queryPos && c.out.pending() >= stallOutput/2
}

// CloseAfterReply closes the connection once everything replied so far has been sent.
func (c *Client) CloseAfterReply() { c.closing = true }

// Local reports whether the client came over a loopback address or a unix socket.
func (c *Client) Local() bool { return c.conn == nil || IsLocal(c.conn.RemoteAddr()) }

// Addrs returns both ends of the connection. A unix socket has one address, its path, with 0 for a port.
func (c *Client) Addrs() (remote, local string, unix bool) {
	if c.conn == nil {
		return "", "", false
	}
	remote, local = c.conn.RemoteAddr(), c.conn.LocalAddr()
	if remote == "" || remote[0] == '/' || local != "" && local[0] == '/' {
		return local + ":0", local + ":0", true
	}
	return remote, local, false
}

// Addr is the client's own end.
func (c *Client) Addr() string {
	remote, _, _ := c.Addrs()
	return remote
}

// QueryBuffer returns the bytes received but not yet run, and the memory they take.
func (c *Client) QueryBuffer() (pending, capacity int) {
	return len(c.query) - c.queryPos + c.bigHave, cap(c.query) + len(c.bigBuf)
}

// PendingOutput returns the bytes of replies not yet sent.
func (c *Client) PendingOutput() int { return c.out.pending() }

// Memory returns an estimate of the bytes that the client takes.
func (c *Client) Memory() int64 {
	_, q := c.QueryBuffer()
	n := clientBytes + q + cap(c.out.buf) + c.out.moreBytes + c.parser.Pending() + c.MultiMemory() + len(c.Name) + len(c.LibName) + len(c.LibVersion)
	if c.subs != nil {
		n += c.subs.bytes
	}
	if c.track != nil {
		n += c.track.bytes
	}
	if c.blocked != nil {
		n += c.blocked.bytes
	}
	return int64(n)
}

// MultiMemory returns the bytes of queued commands and watched keys.
func (c *Client) MultiMemory() int {
	if c.tx == nil {
		return 0
	}
	return c.tx.bytes + c.tx.watchBytes
}

// ReplyAgain ends CLIENT REPLY OFF and SKIP, for the command that is running as well.
func (c *Client) ReplyAgain() { c.ReplyOff, c.ReplySkip, c.skipThis = false, false, false }

// Postponed reports whether the client's next command waits for the end of a pause.
func (c *Client) Postponed() bool { return c.postponed }

// Closing reports whether the connection will be closed when its replies have been sent.
func (c *Client) Closing() bool { return c.closing }

// WatchBroken reports whether a watched key has changed.
func (c *Client) WatchBroken() bool { return c.tx != nil && c.tx.broken }
