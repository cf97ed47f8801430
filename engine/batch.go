package engine

// A batch: frames that were parsed together run one after the other, by the short way (plain.go) or by call, and share their time.

// batchTime is how the time of a batch is shared out. A clock reading costs as much as a tenth of a short command. So short
// commands share the time of the batch; what is not short by its flags, its size or its reply is timed by itself, so that no
// command that may take long hides in a batch (account, slow.go).
type batchTime struct {
	last  int64 // the last clock reading
	from  int   // the first frame that shares the time since then
	short int   // how many do
}

// runBatch runs parsed frames until one has to wait. It returns how many ran and their bytes.
func (s *Server) runBatch(c *Client, frames []frame) (ran, bytes int) {
	if s.observed != nil {
		s.observed.sample(s, c, frames)
	}
	t := batchTime{last: s.nanotime()}
	if s.turnFrom == 0 {
		s.turnFrom = t.last
	}
	calm := s.calm(c)
	for ran < len(frames) {
		if calm {
			n, size := s.runPlain(c, frames[ran:], &t)
			ran, bytes = ran+n, bytes+size
			if ran == len(frames) || c.closing || c.closed || c.blocked != nil {
				break
			}
		}
		f := &frames[ran]
		if !s.mayRunFrame(c, f) {
			if c.suspended != nil {
				ran, bytes = ran+1, bytes+f.size
			}
			break
		}
		ran, bytes = ran+1, bytes+f.size
		if f.args == nil && s.protocolError != nil {
			s.refuseProtocol(c)
			break
		}
		if len(f.args) > 0 {
			s.runFrame(c, frames[:ran], &t)
		}
		if len(c.bigs) > 0 {
			s.dropBigs(c)
		}
		if len(f.args) > len(s.args) {
			f.args = nil // the frame is kept for later batches, its many words need not be
		}
		if c.closing || c.closed || c.blocked != nil || t.last-s.turnFrom > s.TurnNs {
			break
		}
		calm = s.calm(c)
	}
	s.turnOver = t.last-s.turnFrom > s.TurnNs
	if t.short > 0 {
		s.accountShort(c, frames[t.from:ran], t.short, s.nanotime()-t.last)
	}
	return ran, bytes
}

// runFrame runs the last of frames by call.
func (s *Server) runFrame(c *Client, frames []frame, t *batchTime) {
	i := len(frames) - 1
	f := &frames[i]
	if f.row == nil || f.row.Flags&(Fast|Brief) == 0 || f.size >= s.timeFrom {
		before := s.nanotime()
		if t.short > 0 {
			s.accountShort(c, frames[t.from:i], t.short, before-t.last)
		}
		t.from, t.short = i+1, 0
		row := s.call(c, f.row, f.args)
		s.tookLong = false // it is timed by itself anyway
		t.last = s.nanotime()
		s.moveClock(before, t.last)
		if row != nil {
			s.account(c, row, f.args, t.last-before)
		}
		return
	}
	mark := len(s.replies.B)
	row := s.call(c, f.row, f.args)
	switch {
	case row == nil:
	case len(s.replies.B)-mark < longReply && !s.tookLong:
		f.short = row
		t.short++
	default:
		s.accountLong(c, row, f.args, t)
	}
}

// accountLong is for a command that was to be short and was not: what ran since the last reading is little beside it.
func (s *Server) accountLong(c *Client, row *Row, args Args, t *batchTime) {
	s.tookLong = false
	now := s.nanotime()
	s.account(c, row, args, now-t.last)
	t.last = now
}

// accountShort shares the time of a batch out over its short commands. Should it be over a threshold, the batch was
// held up by something that is not one of them; the longest of them is noticed in their place.
func (s *Server) accountShort(c *Client, frames []frame, n int, ns int64) {
	each := ns / int64(n)
	bucket := histBucket(each)
	track := s.Config.LatencyTracking
	for i := 0; i < len(frames); {
		row, calls := frames[i].short, 0 // pipelines repeat a command
		for i < len(frames) && frames[i].short == row {
			i, calls = i+1, calls+1
		}
		if row == nil {
			continue
		}
		row.Stats.Ns += int64(calls) * each
		if track {
			row.histogram().add(bucket, calls)
		}
	}
	if ns < s.noticeNs {
		return
	}
	var longest *frame
	for i := range frames {
		if f := &frames[i]; f.short != nil && (longest == nil || f.size > longest.size) {
			longest = f
		}
	}
	s.noticed(c, longest.short, longest.args, ns)
}
