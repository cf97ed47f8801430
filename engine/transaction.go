package engine

// Transactions. After MULTI the commands that pass the gates are copied and queued; EXEC runs them one after the other
// through invoke, with nothing between them. What they journal is enclosed in MULTI and EXEC, in one batch, so that
// replay takes all of it or nothing.
//
// WATCH: Server.watched lists, for each key, the clients that watch it. An event of the key breaks their transactions.
// A key that has expired by the time of EXEC breaks it, too, unless it had when it was watched.

type transaction struct {
	active  bool // between MULTI and EXEC
	refused bool // a command could not be queued: EXEC will say so
	broken  bool // a watched key has changed
	queue   []queued
	flags   Flags // of all queued commands together
	bytes   int   // of the queued words
	// offloads: a queued command may have to read from a disk before EXEC runs the queue, or to write afterwards.
	offloads  bool
	reading   bool // it reads, in a goroutine: what it finds cannot be given up yet
	needsData bool // a queued command may not run while the data is being loaded
	watches   []watch
	watchAt   map[dbKey]int // where a key is in watches, once there are many

	watchBytes int // of the watched keys
}

type queued struct {
	row      *Row
	args     Args
	prepared Prepared // what it reads has been read, and Then is in place of its handler's beginning
}

// dbKey is a key of a database, as index of a map.
type dbKey struct {
	db  int
	key string
}

type watch struct {
	at      dbKey
	expired bool // already when WATCH came
}

const (
	queuedWord = "QUEUED"
	execAbort  = "EXECABORT Transaction discarded because of: "
)

// txn returns the client's transaction, made on first use: most clients have none.
func (c *Client) txn() *transaction {
	if c.tx == nil {
		c.tx = &transaction{}
	}
	return c.tx
}

// InMulti reports whether commands are being queued, InExec whether EXEC is running the queue: a handler must not block
// then.
func (c *Client) InMulti() bool { return c.tx != nil && c.tx.active }

// InExec reports whether the command runs inside EXEC.
func (c *Client) InExec() bool { return c.server.inExec }

// executing reports whether the client's queue is being run.
func (c *Client) executing() bool { return c.server.inExec && c == c.server.current }

// ShownRow is the last command as CLIENT LIST shows it: EXEC for those that it runs.
func (c *Client) ShownRow() *Row {
	if c.executing() {
		return c.server.execRow
	}
	return c.LastRow
}

// Queued returns the number of queued commands, -1 outside of MULTI; and the number of watched keys.
func (c *Client) Queued() (commands, watching int) {
	if c.executing() {
		return c.server.execLen, 0
	}
	if c.tx == nil {
		return -1, 0
	}
	if !c.tx.active {
		return -1, len(c.tx.watches)
	}
	return len(c.tx.queue), len(c.tx.watches)
}

// Multi begins to queue.
func (c *Client) Multi() { c.txn().active = true }

// Discard ends the transaction without running it and forgets the watches.
func (c *Client) Discard() {
	if tx := c.tx; tx != nil {
		c.Unwatch()
		c.tx = nil
		if !tx.reading {
			tx.abandon()
		}
	}
}

// enqueue keeps a command for EXEC.
func (s *Server) enqueue(c *Client, row *Row, args Args) {
	if row.Flags&NoMulti != 0 {
		s.refuse(c, row, "ERR Command not allowed inside a transaction")
		c.tx.refused = true
		return
	}
	size := 0
	for _, a := range args {
		size += len(a)
	}
	c.tx.bytes += size + 24*len(args) + 64
	if c.tx.bytes > s.Config.ClientQueryBufferBytes {
		s.Log.Warn("client closed: transaction larger than the query buffer limit", "id", c.ID, "addr", c.conn.RemoteAddr())
		s.Stats.QueryLimitDisconnections++
		c.closing = true
		return
	}
	words := make([]byte, 0, size) // one allocation for all words
	own := make(Args, len(args))
	for i, a := range args {
		words = append(words, a...)
		own[i] = words[len(words)-len(a) : len(words) : len(words)]
	}
	c.tx.queue = append(c.tx.queue, queued{row: row, args: own})
	c.tx.flags |= row.Flags
	c.tx.offloads = c.tx.offloads || row.Lane != 0
	c.tx.needsData = c.tx.needsData || row.Flags&Loading == 0
	s.replies.Simple(queuedWord)
}

// Exec runs the queue. The handler of EXEC calls it when InMulti. The queued commands have passed the gates when they
// came; only the journal is asked once more.
func (c *Client) Exec() {
	s, tx := c.server, c.tx
	if s.prepareExec(c, tx) {
		return
	}
	for _, w := range tx.watches {
		if !w.expired && s.hasExpired(w.at) {
			tx.broken = true
		}
	}
	broken := tx.broken // Unwatch forgets it
	c.Unwatch()
	c.tx = nil
	defer tx.abandon()
	switch problem := s.journalProblem(c, tx.flags); {
	case problem != "":
		c.Reply.Error(execAbort + problem)
		return
	case s.loader != nil && tx.needsData && !c.Loading():
		c.Reply.Error(execAbort + errLoading)
		return
	case tx.refused:
		c.Reply.Error("EXECABORT Transaction discarded because of previous errors.")
		return
	case broken:
		c.Reply.NullArray()
		return
	}
	exec := c.LastRow
	s.inExec, s.execFed = true, false
	s.execRow, s.execLen = exec, len(tx.queue)
	start := len(c.Reply.B)
	c.Reply.Array(len(tx.queue))
	begun := s.nanotime()
	before := begun
	for i := range tx.queue {
		q := &tx.queue[i]
		if c.User.Restricted || !c.Authenticated {
			if text := s.deniedInExec(c, q.row, q.args); text != "" {
				start := len(c.Reply.B)
				c.Reply.Error(text)
				s.noteError(c.Reply.B[start:])
				continue
			}
		}
		s.offload.then, q.prepared = q.prepared.Then, Prepared{}
		s.invoke(c, q.row, q.args, len(c.Reply.B))
		now := s.nanotime()
		s.account(c, q.row, q.args, now-before)
		before = now
	}
	s.inExec, s.offload.then, c.LastRow = false, nil, exec
	s.moveClock(begun, before)
	s.holdExpiry()
	if s.execFed {
		s.Journal.Append(s.execDB, wordExec)
		s.holdUntil = s.Journal.Appended()
	}
	if len(s.offload.deferred) > 0 {
		s.finishExec(c, start)
	}
}

// openExec journals MULTI ahead of the first record of a transaction.
func (s *Server) openExec(db int) {
	if s.inExec && !s.execFed {
		s.execFed = true
		s.Journal.Append(db, wordMulti)
	}
	s.execDB = db
}

var wordMulti, wordExec = []byte("MULTI"), []byte("EXEC")

// Watch breaks the client's next transaction if the key changes before it.
func (c *Client) Watch(key []byte) {
	s := c.server
	at := dbKey{c.DB.ID, string(key)}
	tx := c.txn()
	if tx.watch(at) != nil {
		return
	}
	tx.addWatch(watch{at, s.hasExpired(at)})
	tx.watchBytes += len(key) + prefixBytes
	s.watched[at] = append(s.watched[at], c)
	s.listen()
}

// Unwatch forgets all watches.
func (c *Client) Unwatch() {
	if c.tx == nil {
		return
	}
	s := c.server
	for _, w := range c.tx.watches {
		if rest := without(s.watched[w.at], c); len(rest) > 0 {
			s.watched[w.at] = rest
		} else {
			delete(s.watched, w.at)
		}
	}
	c.tx.watches, c.tx.watchAt, c.tx.broken, c.tx.watchBytes = nil, nil, false, 0
	s.listen()
}

// watch returns what the client's watch of a key has seen, or nil.
func (tx *transaction) watch(at dbKey) *watch {
	if tx.watchAt != nil {
		if i, ok := tx.watchAt[at]; ok {
			return &tx.watches[i]
		}
		return nil
	}
	for i := range tx.watches {
		if tx.watches[i].at == at {
			return &tx.watches[i]
		}
	}
	return nil
}

// manyWatches is from how many on they are found by a map: one search through all for each of some thousand would hold everybody
// up.
const manyWatches = 32

func (tx *transaction) addWatch(w watch) {
	tx.watches = append(tx.watches, w)
	switch n := len(tx.watches); {
	case n == manyWatches:
		tx.watchAt = make(map[dbKey]int)
		for i := range tx.watches {
			tx.watchAt[tx.watches[i].at] = i
		}
	case n > manyWatches:
		tx.watchAt[w.at] = n - 1
	}
}

// breakWatches breaks the transactions of those who watch a key. That one which had expired when it was watched is gone
// now is no change to them.
func (s *Server) breakWatches(db int, key []byte, gone bool) {
	for _, c := range s.watched[dbKey{db, string(key)}] {
		if gone {
			if w := c.tx.watch(dbKey{db, string(key)}); w.expired {
				w.expired = false
				continue
			}
		}
		c.tx.broken = true
	}
}

// replaceWatched does the same when a key which was there (here) or not gives way to another, or to none (there); stale: one
// that has expired. To those who watch, one that has expired is as good as none.
func (s *Server) replaceWatched(at dbKey, here, there, stale bool) {
	for _, c := range s.watched[at] {
		switch w := c.tx.watch(at); {
		case w.expired && !there:
			w.expired = false
		case w.expired && stale:
		case !w.expired && !here && stale:
			w.expired = true
		default:
			c.tx.broken = true
		}
	}
}

func (s *Server) hasExpired(at dbKey) bool {
	e, ok := s.Keyspace.DB(at.db).Find([]byte(at.key))
	return ok && e.Deadline() != 0 && e.Deadline() < s.Keyspace.NowMs
}

// without removes a client from a list, keeping the order.
func without(list []*Client, c *Client) []*Client {
	for i, x := range list {
		if x == c {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
