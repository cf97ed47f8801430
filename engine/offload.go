package engine

import (
	"sync"
	"time"

	"redix/engine/config"
)

// Offload: work that has to wait for something, a disk say, on behalf of one client. It runs in a goroutine of its own
// while the client waits as in a blocking command; what it has found is dealt with on the loop. Work that touches the same
// files is of one lane: it begins when the one before has ended, so that of two clients that save the same file, the one that comes
// later has the last word. Lanes do not wait for each other: a dead disk under one file holds nobody who asks for another.
//
// A transaction runs at one stroke all the same. What its commands have to read is read before (Row.Ahead), all of it,
// while EXEC waits; what they write is written afterwards, while the reply of EXEC waits:
//
//	EXEC ─► Ahead of each command ══► reads ══► the queue runs ══► writes, in order ══► the reply, its gaps filled
//	                                            (on the loop)
//
// Before the queue runs, EXEC passes once more what holds commands back: a pause, say, may have begun while it read. What was read for a
// command that does not run after all is given up (abandon).

// Lane says which files a command reads or writes away from the loop.
type Lane uint8

// The lanes; 0 is that of commands without such work.
const (
	UsersFile  Lane = 1 + iota // ACL LOAD and SAVE
	ConfigFile                 // CONFIG REWRITE
	Settings                   // CONFIG SET: certificates, the directory, the journal
	laneEnd
)

// laneMost is how much work may wait in a lane, with what EXEC has read for and is to write still; what comes then is refused. What
// keeps that much waiting is a disk that does not answer, and clients that are gone leave their work behind.
const laneMost = 64

const errDiskBehind = "ERR Too many commands wait for a disk that does not answer, try again later"

type offload struct {
	mu       sync.Mutex
	finished []func()

	// The loop's.
	lanes    [laneEnd]lane
	then     func(c *Client) // the end of the command that EXEC runs next, whose reading is done
	deferred []deferredWork  // of the transaction that runs
}

type lane struct {
	last   chan struct{} // closed when the work that came last has ended
	queued int           // work that has not ended
}

// task is work in its lane. It must not touch the server.
type task struct {
	lane Lane
	work func()
}

// deferredWork is what a command in a transaction has left to be done, and where in EXEC's reply its own belongs.
type deferredWork struct {
	task
	begin func() (work func()) // gives task its work; nil: it has it
	at    int
	done  func(c *Client)
}

// Ahead prepares a call of a command that reads from a disk.
type Ahead func(c *Client, args Args, on *config.Config) Prepared

// Prepared is such a call.
type Prepared struct {
	// Work reads, in a goroutine, and must not touch the server; nil: there is nothing to read. The configuration that Ahead was given
	// is Work's: as it is, and as the work of commands before in the same transaction leaves it.
	Work func()
	// Then is the rest of the command, on the loop. The client is nil when it has gone meanwhile.
	Then func(c *Client)
	// Abandon is called in place of Then, on the loop and after Work if that has begun, when the command does not run: it is refused,
	// or its transaction is. It may be nil.
	Abandon func()
}

func (p *Prepared) abandon() {
	if p.Abandon != nil {
		p.Abandon()
	}
}

// RunAhead is the handler of a command with Row.Ahead.
func (s *Server) RunAhead(c *Client, args Args) {
	if then := s.offload.then; then != nil {
		s.offload.then = nil
		then(c)
		return
	}
	on := *s.Config
	p := c.LastRow.Ahead(c, args, &on)
	if p.Work == nil {
		p.Then(c)
	} else if !s.Offload(c, p.Work, p.Then) {
		p.abandon()
	}
}

// Offload runs work in a goroutine, in the lane of c's command, and then done on the loop, which replies; its client
// is nil when that has gone meanwhile. Inside a transaction the commands that follow do not wait, only EXEC's reply does. It replies with
// an error and returns false when that lane is full.
func (s *Server) Offload(c *Client, work func(), done func(c *Client)) bool {
	t := task{c.LastRow.Lane, work}
	switch {
	case s.inExec: // which has asked whether there is room
		s.offload.deferred = append(s.offload.deferred, deferredWork{task: t, at: len(c.Reply.B), done: done})
	case s.offload.full(t.lane):
		c.Reply.Error(errDiskBehind)
		return false
	default:
		s.start(c, []task{t}, done)
	}
	return true
}

// OffloadAfter is Offload of work that begin gives, on the loop: inside a transaction when all of its commands have run. There may be
// none: a nil.
func (s *Server) OffloadAfter(c *Client, begin func() (work func()), done func(c *Client)) {
	if s.inExec {
		s.offload.deferred = append(s.offload.deferred,
			deferredWork{task: task{lane: c.LastRow.Lane}, begin: begin, at: len(c.Reply.B), done: done})
		return
	}
	if work := begin(); work != nil {
		s.start(c, []task{{c.LastRow.Lane, work}}, done) // however full the lane is: it has begun
		return
	}
	done(c)
}

func (o *offload) full(lane Lane) bool { return o.lanes[lane].queued >= laneMost }

// start runs tasks when the work that came before in their lanes has ended, and then done. A transaction with tasks of several lanes
// holds them all until its last one has ended, so that what it read is not older than what others read and dealt with meanwhile.
func (s *Server) start(c *Client, tasks []task, done func(c *Client)) {
	if !c.Block(nil, Wait{Held: true, OnTimeout: done}) { // no connection, so nobody waits
		for _, t := range tasks {
			t.work()
		}
		done(c)
		return
	}
	waiting, ended := c.blocked, make(chan struct{})
	var lanes []*lane
	var before []chan struct{}
	for _, t := range tasks {
		l := &s.offload.lanes[t.lane]
		if l.last == ended { // another task of this transaction's
			continue
		}
		if l.last != nil {
			before = append(before, l.last)
		}
		l.last = ended
		l.queued++
		lanes = append(lanes, l)
	}
	finish := func() {
		for _, l := range lanes {
			l.queued--
		}
		if c.blocked == waiting {
			s.Unblock(c, false)
			return
		}
		done(nil)
	}
	go func() {
		for _, b := range before {
			<-b
		}
		for _, t := range tasks {
			t.work()
		}
		s.offload.mu.Lock()
		s.offload.finished = append(s.offload.finished, finish)
		s.offload.mu.Unlock()
		close(ended)
		s.Reactor.Wake()
	}()
}

// FinishFiles waits until what was begun of the users' and the configuration file is done, and replies, for the end of the process.
// It returns false when that takes longer than it may.
func (s *Server) FinishFiles(most time.Duration) bool {
	defer s.endOffloaded()
	timeout := time.After(most)
	for _, lane := range [...]Lane{UsersFile, ConfigFile} {
		if last := s.offload.lanes[lane].last; last != nil {
			select {
			case <-last:
			case <-timeout:
				return false
			}
		}
	}
	return true
}

// finishOffloaded deals with the work that has ended.
func (s *Server) finishOffloaded() {
	s.endOffloaded()
	if len(s.readyKeys) > 0 { // a transaction may have run
		s.serveReady()
	}
}

func (s *Server) endOffloaded() {
	s.offload.mu.Lock()
	finished := s.offload.finished
	s.offload.finished = nil
	s.offload.mu.Unlock()
	for _, f := range finished {
		f()
	}
}

// prepareExec has the queue's reading done. It returns false when EXEC goes on at once; otherwise it has replied, or is called again
// when everything is read.
func (s *Server) prepareExec(c *Client, tx *transaction) (ends bool) {
	if !tx.offloads || tx.refused || tx.broken {
		return false
	}
	tx.offloads = false
	for i := range tx.queue {
		if lane := tx.queue[i].row.Lane; lane != 0 && s.offload.full(lane) {
			c.Discard()
			c.Reply.Error(execAbort + errDiskBehind)
			return true
		}
	}
	var reads []task
	on := *s.Config
	for i := range tx.queue {
		q := &tx.queue[i]
		if q.row.Ahead == nil {
			continue
		}
		q.prepared = q.row.Ahead(c, q.args, &on)
		if work := q.prepared.Work; work != nil {
			reads = append(reads, task{q.row.Lane, work})
		}
	}
	if len(reads) == 0 {
		return false
	}
	tx.reading = true
	exec, args := c.LastRow, cloneArgs(s.running)
	s.start(c, reads, func(c *Client) {
		if tx.reading = false; c == nil {
			tx.abandon()
		} else {
			c.suspended = &suspended{row: exec, args: args, begun: true}
			s.makeReady(c)
		}
	})
	return true
}

// abandon gives up what was read for commands that have not run and are not going to.
func (tx *transaction) abandon() {
	for i := range tx.queue {
		tx.queue[i].prepared.abandon()
		tx.queue[i].prepared = Prepared{}
	}
}

// finishExec has what the transaction left done, and takes its reply, which begins at start, back until then.
func (s *Server) finishExec(c *Client, start int) {
	left := s.offload.deferred
	s.offload.deferred = nil
	tasks := make([]task, 0, len(left))
	for i := range left {
		d := &left[i]
		d.at -= start
		if d.begin != nil {
			d.work = d.begin()
		}
		if d.work != nil {
			tasks = append(tasks, d.task)
		}
	}
	r := c.Reply
	reply, until := append([]byte(nil), r.B[start:]...), s.holdUntil
	r.B = r.B[:start]
	s.start(c, tasks, func(c *Client) {
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
			s.holdUntil = max(s.holdUntil, min(until, s.appended())) // more than that is another journal's
		}
	})
}
