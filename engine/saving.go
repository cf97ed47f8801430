package engine

import (
	"strings"

	"redix/engine/config"
	"redix/engine/keyspace"
)

// Commands and the running snapshot. Most changes cost it a copy of the old state and nobody waits. A command waits, as it
// does for a full journal, when it would change a large value that is still to be written, or when there is no room for the
// old state (see keyspace.Snapshot); reads go on. One that names a great number of keys has them written ahead, in as
// many turns as that takes.
//
// What does not pass this gate (a pop that a blocked client had asked for, keys that a specification does not name, another
// database inside a transaction) is right all the same: the keyspace then writes what it must at once.

// Saving is what commands ask of the part that writes snapshots. Replies are texts for the client; errors are, too.
type Saving interface {
	// Save writes the snapshot file. done is called on the loop, later, when it is complete or has failed.
	Save(done func(err error)) error
	// SaveInBackground does without an answer. later: not at once, inside a transaction; schedule: after a rewrite that runs.
	SaveInBackground(later, schedule bool) (reply string, err error)
	// GiveUpSave drops the snapshot file that is being written, if any: its keys are about to go. Who waits for it waits for the next.
	GiveUpSave()
	// Rewrite writes a new base file for the journal, also for one that is off: the files of that are opened first. told is called on the
	// loop, at once or later, when it has begun or is going to, or cannot.
	Rewrite(later bool, told func(reply string, err error))
	// LastSaveMs is when the last snapshot file was complete, in Unix milliseconds.
	LastSaveMs() int64
	// Reload replaces the keyspace by what is on disk, before the next command. done is called on the loop afterwards.
	Reload(o ReloadOptions, done func(err error))

	// OpenJournal prepares for appendonly yes, which CONFIG SET is going to put in force. It returns nil when there is nothing to open.
	OpenJournal() JournalOpening
	// EndsJournal reports whether a journal is still in force that the configuration has switched off.
	EndsJournal() bool
	// EndJournal takes that journal out of force. wait returns when all of it is written and synced, for who is not on the loop;
	// nil: there is nothing to wait for.
	EndJournal() (wait func())
}

// JournalOpening makes the files of a journal for one CONFIG SET appendonly yes.
type JournalOpening interface {
	// Open waits for the disk and must not be called on the loop. v are the values that are going to be in force. What goes wrong
	// is told to who puts the journal in force.
	Open(v *config.Values)
	// Leave ends it, on the loop: the journal is in force, or is not going to be. Open has returned, or will not be called.
	Leave()
}

// ReloadOptions say what is loaded: the snapshot file, written right before unless NoSave is set, into an empty keyspace unless
// NoFlush is set, over keys of the same name with Merge; or the journal.
type ReloadOptions struct{ NoSave, NoFlush, Merge, Journal bool }

// FlushAll empties all databases and tells who watches or waits.
func (s *Server) FlushAll() {
	for i := range s.Keyspace.Len() {
		if db := s.Keyspace.DB(i); db.Len() > 0 {
			s.DBChanged(db, nil)
			db.Flush()
		}
	}
}

// manyKeys is how many keys a command names whose old states are not given out ahead.
const manyKeys = 64

// saveHolds reports whether c's next command has to wait for the snapshot. It remembers how far it got.
func (s *Server) saveHolds(c *Client, f *frame) bool {
	g := saveGate{ks: s.Keyspace, from: c.keysSaved}
	switch {
	case f.row.Flags&RunsInMulti != 0:
		if c.tx != nil {
			for i := range c.tx.queue {
				q := &c.tx.queue[i]
				g.command(c.DB, q.row, q.args)
			}
		}
	case c.tx != nil && c.tx.active: // it is only queued
	default:
		g.command(c.DB, s.subRow(f), f.args)
	}
	c.keysSaved = 0
	if g.held {
		c.keysSaved = g.seen
	}
	return g.held
}

// saveGate asks for one key after the other.
type saveGate struct {
	ks   *keyspace.Keyspace
	from int // keys that need not be asked for again
	seen int // keys asked for
	held bool
}

func (g *saveGate) command(db *keyspace.DB, row *Row, args Args) {
	many := len(args) > manyKeys
	for i := range row.Keys {
		spec := &row.Keys[i]
		if g.held || strings.HasPrefix(spec.Flags, "RO") {
			continue
		}
		overwrites := strings.HasPrefix(spec.Flags, "OW") || strings.HasPrefix(spec.Flags, "RM")
		spec.Each(args, func(i int) {
			switch {
			case g.held:
				return
			case g.seen < g.from:
			case g.ks.SnapshotHolds(db, args[i], overwrites):
				g.held = true
				return
			case many:
				g.ks.SaveNow(db, args[i])
			}
			g.seen++
		})
	}
}

// subRow returns the row of the subcommand that a frame names, or its own.
func (s *Server) subRow(f *frame) *Row {
	if f.row.Subs != nil && len(f.args) > 1 {
		if sub := s.Table.LookupSub(f.row, f.args[1]); sub != nil {
			return sub
		}
	}
	return f.row
}

// suspended is a command that waits and cannot be parsed once more: its words are in blocks of their own, which the client
// keeps; or it has begun, and goes on when it may (offload.go).
type suspended struct {
	row   *Row
	args  Args
	bigs  bool // the client's large arguments are this command's
	begun bool
}

// suspend keeps a parsed command for later.
func (s *Server) suspend(c *Client, f *frame) {
	own := make(Args, len(f.args))
	for i, a := range f.args {
		own[i] = a
		if !c.isBig(i) {
			own[i] = append([]byte(nil), a...)
		}
	}
	c.suspended = &suspended{row: f.row, args: own, bigs: len(c.bigs) > 0}
}

func (c *Client) isBig(arg int) bool {
	for _, i := range c.bigArgs[:len(c.bigs)] {
		if i == arg {
			return true
		}
	}
	return false
}

// resume runs a suspended command if it may run now.
func (s *Server) resume(c *Client) {
	f := frame{row: c.suspended.row, args: c.suspended.args}
	if s.pause.endMs != 0 && s.postpones(c, &f) {
		s.postpone(c)
		return
	}
	if s.memory.limit != 0 && !s.mayGrow(c, &f) {
		return
	}
	if s.writes(c, &f) && (s.journalFull() || s.Keyspace.Snapshotting() && s.saveHolds(c, &f)) {
		s.wait(c)
		return
	}
	it, bigs := c.suspended, c.bigs
	c.suspended = nil
	if !it.bigs {
		c.bigs = nil // those of the command that follows
	}
	if it.begun {
		s.goOn(c, f.row, f.args)
	} else {
		s.call(c, f.row, f.args)
	}
	if !it.bigs {
		c.bigs = bigs
	}
	if it.bigs || c.closed {
		s.dropBigs(c)
	}
}
