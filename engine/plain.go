package engine

import "math"

// The short way through call. Most commands of a pipeline are plain: they work on data, at once, and leave the state that
// the gates ask for as it is. While a client and the server are calm, the gates have nothing to say to such commands, and
// nothing is due after one; so all of that is asked for once, and not for each command of a batch.
//
// A gate that is new in mayRunFrame or gates, and whatever becomes due in invoke or endCall, has to be known to calm.

// plainBut are the flags of rows that are not plain: they wait, or change who the client is and what it may do.
const plainBut = Blocking | Pubsub | Admin | NoAuth | RunsInMulti | EndsMulti

// setPlain notes how many words a command that takes the short way has. It has to be short, since its time is shared.
func (r *Row) setPlain() {
	if r.Flags&(Fast|Brief) == 0 || r.Flags&(Write|Readonly|NeedsDisk) == 0 || r.Flags&plainBut != 0 || r.Handler == nil ||
		r.Subs != nil || r.Parent != nil || r.Guard != nil || r.Ahead != nil || r.Lane != 0 {
		return
	}
	r.plainMin, r.plainMax = r.Arity, r.Arity
	if r.Arity < 0 {
		r.plainMin, r.plainMax = -r.Arity, math.MaxInt
	}
}

// calm tells that no gate would refuse or hold back a plain command of c, and that nothing is to be done for one but what
// runPlain does.
func (s *Server) calm(c *Client) bool {
	return s.Journal == nil && s.memory.limit == 0 && !s.SaveFailed && s.pause.endMs == 0 && s.loader == nil &&
		len(s.monitors) == 0 && s.notify == 0 && s.fanout == 0 && !s.Keyspace.Snapshotting() && len(s.replies.B) < flushAt &&
		c.Authenticated && !c.User.Restricted && c.subs == nil && c.track == nil && !c.InMulti() && !c.monitor &&
		!c.ReplyOff && !c.ReplySkip && c.suspended == nil && len(c.bigs) == 0
}

// runPlain runs the plain commands at the start of frames; c is calm. It returns how many ran, and their bytes. It stops after
// one that was not short, and after one that has set off messages to others, or has ended c or made it wait.
func (s *Server) runPlain(c *Client, frames []frame, t *batchTime) (ran, bytes int) {
	r := &s.replies
	var last *Row
	c.skipThis, s.redactOf = false, nil
	for ran < len(frames) {
		f := &frames[ran]
		row := f.row
		if row == nil || len(f.args) < row.plainMin || len(f.args) > row.plainMax || f.size >= s.timeFrom {
			break
		}
		if row != last {
			last, c.LastRow = row, row
		}
		start := len(r.B)
		row.Handler(c, f.args)
		row.Stats.Calls++
		ran++
		bytes += f.size
		if len(r.B) > start && r.B[start] == '-' {
			row.Stats.Failed++
			s.noteError(r.B[start:])
		}
		if s.listening {
			s.endCall(c, row, start)
		}
		if s.tookLong || len(r.B)-start >= longReply {
			s.accountLong(c, row, f.args, t)
			break
		}
		f.short = row
		t.short++
		if s.fanout != 0 || c.closing || c.closed || c.blocked != nil {
			break
		}
	}
	c.Commands += int64(ran)
	s.Stats.Commands += int64(ran)
	return ran, bytes
}
