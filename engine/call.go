package engine

import (
	"bytes"
	"fmt"
	"strings"

	"redix/engine/keyspace"
	"redix/engine/resp"
)

// call is the only road to a handler: look up, pass the gates in redis-server's order, run, count, feed the journal.

// Error texts of the gates.
const (
	errNoAuth  = "NOAUTH Authentication required."
	errLoading = "LOADING Redis is loading the dataset in memory"
	// errSaveFailed is what writes get after a snapshot could not be written.
	errSaveFailed = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands " +
		"that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB " +
		"snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
)

// mayRunFrame holds back what must wait: commands after a pending close or a full output, writes while the journal's
// queue is full or a snapshot cannot take the old state.
func (s *Server) mayRunFrame(c *Client, f *frame) bool {
	if len(s.replies.B) >= stallOutput {
		return false // process sends, and then looks whether the client may go on
	}
	if s.fanout >= fanoutPerTurn || s.crowded() && s.publishes(c, f) {
		if len(c.bigs) == 0 { // which cannot be parsed again
			s.makeReady(c) // see pubsub.go
			return false
		}
	}
	if s.pause.endMs != 0 && s.postpones(c, f) {
		if len(c.bigs) > 0 {
			s.suspend(c, f)
		}
		s.postpone(c)
		return false
	}
	if s.memory.limit != 0 && len(c.bigs) == 0 && !s.mayGrow(c, f) { // for those mayRun has asked
		return false
	}
	if f.row == nil || f.row.Flags&(Write|RunsInMulti) == 0 && f.row.Subs == nil {
		return true
	}
	if s.journalFull() && s.writes(c, f) {
		s.wait(c)
		return false
	}
	if s.Keyspace.Snapshotting() && s.writes(c, f) && s.saveHolds(c, f) {
		if len(c.bigs) > 0 {
			s.suspend(c, f)
		}
		s.wait(c)
		return false
	}
	return true
}

// writes tells whether a command, the subcommand that it names, or the transaction that it may run, is one that writes.
func (s *Server) writes(c *Client, f *frame) bool {
	row := f.row
	if row.Flags&RunsInMulti != 0 && c.tx != nil && c.tx.flags&Write != 0 {
		return true
	}
	return s.subRow(f).Flags&Write != 0
}

func (s *Server) refuseProtocol(c *Client) {
	err := s.protocolError
	s.protocolError = nil
	s.Log.Debug("protocol error", "id", c.ID, "addr", c.conn.RemoteAddr(), "error", err)
	s.replies.Error("ERR " + err.Error())
	s.Stats.countError("ERR")
	c.closing = true
}

// call runs one command. row is what Lookup said of its first word; call returns the row that ran, a subcommand's maybe,
// or nil when none ran: it was refused or queued.
func (s *Server) call(c *Client, row *Row, args Args) *Row {
	r := &s.replies
	start := len(r.B)
	c.Commands++
	c.skipThis = c.ReplySkip
	c.ReplySkip = false
	asked := row
	switch row = s.resolve(c, row, args); {
	case row == nil:
		c.LastRow = s.named(asked, args)
		s.noteError(r.B[start:])
		if len(s.monitors) > 0 && asked != nil && asked.Flags&EndsMulti != 0 { // so that they see the end of what MULTI began
			s.feedMonitors(c, args)
		}
		if c.tx != nil {
			c.tx.refused = c.tx.active
		}
	case c.tx != nil && c.tx.active && row.Flags&RunsInMulti == 0:
		c.LastRow = row
		s.enqueue(c, row, args)
		row = nil
	default:
		s.invoke(c, row, args, start)
	}
	s.endCall(c, row, start)
	return row
}

// named is the row that a call's words name, nil when there is none.
func (s *Server) named(row *Row, args Args) *Row {
	if row != nil && row.Subs != nil && len(args) > 1 {
		return s.Table.LookupSub(row, args[1])
	}
	return row
}

// goOn runs the rest of a command that was interrupted.
func (s *Server) goOn(c *Client, row *Row, args Args) {
	start := len(s.replies.B)
	c.LastRow, s.running, s.redactOf = row, args, nil
	row.Handler(c, args)
	s.endCall(c, row, start)
}

// endCall does what is due after a command, to its reply, which begins at start, and for others.
func (s *Server) endCall(c *Client, row *Row, start int) {
	r := &s.replies
	if c.track != nil && c.track.mode&trackCaching != 0 && !c.InMulti() && (row == nil || row.Flags&KeepsCaching == 0) {
		c.track.mode &^= trackCaching
	}
	if (c.ReplyOff || c.skipThis) && !pushed(row, r.B[start:]) {
		r.B = r.B[:start]
	}
	if len(s.owed) > 0 {
		s.pushOwed()
	}
	if len(s.late) > 0 {
		r.B = s.takeLate(c, r.B)
	}
	if len(s.readyKeys) > 0 {
		s.serveReady()
		r.B = s.takeLate(c, r.B)
	}
}

// pushed tells whether what a command has appended are messages and no reply: the confirmations of subscriptions, which
// CLIENT REPLY does not hold back.
func pushed(row *Row, b []byte) bool {
	const subscribes = Pubsub | InSubscriber
	return row != nil && row.Flags&subscribes == subscribes && len(b) > 0 && b[0] != '-'
}

func (s *Server) invoke(c *Client, row *Row, args Args, start int) {
	r := &s.replies
	dirty := s.Dirty
	s.propagated = false
	offset := s.appended()
	db := c.DB
	c.LastRow = row
	s.running, s.redactOf = args, nil
	row.Handler(c, args)
	row.Stats.Calls++
	s.Stats.Commands++
	if c.track != nil && row.Flags&(Readonly|Pubsub) == Readonly {
		s.rememberKeys(c, row, args)
	}
	if len(s.monitors) > 0 && row.Flags&(SkipMonitor|Admin) == 0 && !s.again {
		s.feedMonitors(c, args)
	}
	if s.Dirty != dirty && !s.propagated && row.Flags&Write != 0 {
		s.feed(db, ownName(row, args))
	}
	if s.Journal != nil && !c.Loading() {
		s.awaitJournal(c, row, args, offset)
	}
	if len(r.B) > start && r.B[start] == '-' {
		row.Stats.Failed++
		s.noteError(r.B[start:])
	}
}

// resolve finds the row to run and passes the gates; on refusal it has replied and returns nil.
func (s *Server) resolve(c *Client, row *Row, args Args) *Row {
	if row == nil {
		if s.Hooks.Unknown != nil && s.Hooks.Unknown(c, args) {
			return nil
		}
		s.replies.Error(unknownCommand(args))
		return nil
	}
	if row.Subs != nil && len(args) > 1 {
		sub := s.Table.LookupSub(row, args[1])
		if sub == nil {
			s.replies.Error(unknownSubcommand(row, args[1]))
			return nil
		}
		row = sub
	}
	if n := len(args); row.Arity > 0 && n != row.Arity || n < -row.Arity {
		return s.refuse(c, row, "ERR wrong number of arguments for '"+row.FullName+"' command")
	}
	return s.gates(c, row, args)
}

// gates are the checks that depend on the state of client and server.
func (s *Server) gates(c *Client, row *Row, args Args) *Row {
	if row.Guard != nil && !s.opens(c, row) {
		return s.refuse(c, row, notOpen(row))
	}
	if !c.Authenticated && row.Flags&NoAuth == 0 && s.Users.NeedsLogin() {
		return s.refuse(c, row, errNoAuth)
	}
	if c.User.Restricted {
		if text := s.denied(c, row, args); text != "" {
			return s.refuse(c, row, text)
		}
	}
	if s.memory.oom && c.conn != nil && c.deniedOOM(row) {
		return s.refuse(c, row, errOOM)
	}
	if c.subs != nil && c.Proto == 2 && row.Flags&InSubscriber == 0 && c.Subscriber() {
		return s.refuse(c, row, "ERR Can't execute '"+row.FullName+"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	}
	if s.loader != nil && row.Flags&Loading == 0 && !c.Loading() {
		return s.refuse(c, row, errLoading)
	}
	if problem := s.journalProblem(c, row.Flags); problem != "" {
		return s.refuse(c, row, problem)
	}
	if c.monitor && row.Flags&(Write|Readonly|MayReplicate) != 0 {
		return s.refuse(c, row, "ERR Replica can't interact with the keyspace")
	}
	return row
}

// journalProblem is why commands with such flags cannot be run at present: what they write would not last.
func (s *Server) journalProblem(c *Client, flags Flags) string {
	if flags&(Write|NeedsDisk) == 0 || c.Loading() {
		return ""
	}
	if s.SaveFailed && s.Config.StopWritesOnSaveError && len(s.Config.SavePoints) > 0 {
		return errSaveFailed
	}
	if s.Journal != nil {
		if err := s.Journal.Err(); err != nil {
			return "MISCONF Errors writing to the AOF file: " + err.Error()
		}
	}
	return ""
}

// opens tells whether the client may use a command that is closed unless a directive opens it.
func (s *Server) opens(c *Client, row *Row) bool {
	return row.Guard.Access(&s.Config.Values).Allows(c.Local())
}

func notOpen(row *Row) string {
	name := row.Name
	if row.Parent != nil {
		name = row.Parent.Name
	}
	return "ERR " + strings.ToUpper(name) + " command not allowed. If the " + row.Guard.Directive + ` option is set to "local", ` +
		"you can run it from a local connection, otherwise you need to set this option in the configuration file, and then " +
		"restart the server."
}

// refuse replies with an error in place of running the command. A refused EXEC drops its transaction.
func (s *Server) refuse(c *Client, row *Row, text string) *Row {
	row.Stats.Rejected++
	if row.Flags&EndsMulti != 0 {
		c.Discard()
		text = execAbort + strings.TrimPrefix(text, "ERR ")
	}
	s.replies.Error(text)
	return nil
}

// ownName returns args with the name that the command was declared with, so that a journal can be replayed whatever
// commands are called by then.
func ownName(row *Row, args Args) Args {
	if row.Parent != nil {
		row = row.Parent
	}
	if !row.Renamed {
		return args
	}
	return append(Args{[]byte(row.Name)}, args[1:]...)
}

// feed journals one record.
func (s *Server) feed(db *keyspace.DB, args Args) {
	if s.Journal != nil && s.loader == nil {
		s.openExec(db.ID)
		s.Journal.Append(db.ID, args...)
	}
}

func (s *Server) appended() int64 {
	if s.Journal == nil {
		return 0
	}
	return s.Journal.Appended()
}

// awaitJournal notes until which offset the reply of the command that has just run must wait: for its own records, and
// under always, for those that a read may have shown.
func (s *Server) awaitJournal(c *Client, row *Row, args Args, before int64) {
	now := s.Journal.Appended()
	if now != before {
		s.holdUntil = now
	}
	if !s.Journal.Always() {
		return
	}
	m := &s.marks
	switch {
	case row.onlyKey > 0 && row.onlyKey < len(args): // what follows, for most commands
		hash := s.Keyspace.Hash(args[row.onlyKey])
		if now != before {
			m.note(hash, now)
		} else {
			s.holdUntil = max(s.holdUntil, m.of(hash))
		}
	case now != before && row.Flags&AllKeys != 0:
		m.all = now
	case now != before:
		s.eachKey(row, args, func(key []byte) { m.note(s.Keyspace.Hash(key), now) })
	case row.Flags&AllKeys != 0:
		s.holdUntil = max(s.holdUntil, m.last)
	default:
		s.eachKey(row, args, func(key []byte) {
			s.holdUntil = max(s.holdUntil, m.of(s.Keyspace.Hash(key)))
		})
	}
	m.last = now
}

// eachKey visits the keys of a command, by its specifications.
func (s *Server) eachKey(row *Row, args Args, visit func(key []byte)) {
	for i := range row.Keys {
		row.Keys[i].Each(args, func(i int) { visit(args[i]) })
	}
}

// Expired journals the end of a key whose deadline has passed; it is keyspace.Observer.
func (s *Server) Expired(db *keyspace.DB, key []byte) {
	s.Event(db.ID, EventExpired, "expired", key)
	s.feedDel(db, key)
}

// feedDel journals the end of a key that no command has removed.
func (s *Server) feedDel(db *keyspace.DB, key []byte) {
	if s.Journal == nil || s.loader != nil {
		return
	}
	s.openExec(db.ID)
	s.expireArgs = append(s.expireArgs[:0], wordDel, key)
	s.Journal.Append(db.ID, s.expireArgs...)
	if s.Journal.Always() {
		s.marks.note(s.Keyspace.Hash(key), s.Journal.Appended())
		s.marks.last = s.Journal.Appended()
	}
}

var wordDel = []byte("DEL")

// noteError counts an error reply by its first word.
func (s *Server) noteError(reply []byte) {
	if len(reply) == 0 || reply[0] != '-' {
		return
	}
	s.Stats.ErrorReplies++
	end := 1
	for end < len(reply) && end < 40 && reply[end] != ' ' && reply[end] != '\r' {
		end++
	}
	s.Stats.countError(string(reply[1:end]))
}

// quoteMax is how many bytes of a word, and of all arguments together, an error text repeats.
const quoteMax = 128

// unknownCommand is redis-server's text, which clients look for.
func unknownCommand(args Args) string {
	b := []byte("ERR unknown command '")
	b = append(b, quotable(args[0], quoteMax)...)
	b = append(b, "', with args beginning with: "...)
	mark := len(b)
	for _, a := range args[1:] {
		room := quoteMax - (len(b) - mark)
		if room <= 0 {
			break
		}
		b = append(b, '\'')
		b = append(b, quotable(a, room)...)
		b = append(b, "' "...)
	}
	return string(b)
}

func unknownSubcommand(row *Row, sub []byte) string {
	return fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", quotable(sub, quoteMax), strings.ToUpper(row.Name))
}

// quotable returns the first max bytes of b, and none from a zero byte on: redis-server takes that for the end.
func quotable(b []byte, max int) []byte {
	b = b[:min(len(b), max)]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// Each visits the places of the keys that the specification finds in args.
func (k *KeySpec) Each(args Args, visit func(place int)) {
	first := k.Index
	if first == 0 && k.Keyword == "" {
		if k.Find == nil {
			return
		}
		if i := k.Find(args); i > 0 {
			visit(i)
		}
		return
	}
	if k.EachKeyword {
		for i := k.Start; i+1 < len(args); i++ {
			if strings.EqualFold(string(args[i]), k.Keyword) {
				visit(i + 1)
			}
		}
		return
	}
	if k.Keyword != "" {
		if first = k.findKeyword(args); first < 0 {
			return
		}
	}
	if first >= len(args) {
		return
	}
	if k.NumKeys {
		if first+k.KeyNum >= len(args) {
			return
		}
		n, ok := resp.ParseInt(args[first+k.KeyNum])
		from := first + k.FirstKey
		if !ok || n < 0 || n > int64(len(args)-from) {
			return
		}
		for i := range int(n) {
			if from+i*k.Step < len(args) {
				visit(from + i*k.Step)
			}
		}
		return
	}
	last := first + k.Last
	if k.Last < 0 {
		last = len(args) + k.Last
		if k.Lim > 1 {
			last = first + (len(args)-first)/k.Lim + k.Last
		}
	}
	for i := first; i <= last && i < len(args); i += max(k.Step, 1) {
		visit(i)
	}
}

func (k *KeySpec) findKeyword(args Args) int {
	start, step := k.Start, 1
	if start < 0 {
		start, step = len(args)+start, -1
	}
	for i := start; i > 0 && i < len(args); i += step {
		if strings.EqualFold(string(args[i]), k.Keyword) {
			return i + 1
		}
	}
	return -1
}
