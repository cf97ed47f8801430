package engine

import "redix/engine/resp"

// Fan-out: how a message gets to a crowd. PUBLISH to more than FanoutFrom subscribers makes a job and is done; the job's
// subscribers are visited in slices between the rounds, and a visit sends a client what it is still missing, of later jobs too:
//
//	jobs        ─── done ───┬── first ──┬── later ──┬── newest
//	subscribers             0 ... next ...  len(order)
//
// Every client must see messages, pushes and replies in the order in which they came to be. So whatever else is appended to an
// output comes after the messages of the jobs that are pending by then (catchUp): at the beginning of a client's turn, before a
// push, before a reply that comes outside of its turn. A client whose command is running is given a message when the job is
// made, after its reply; so during its turn nothing is missing. seen is the number of the last job whose message a client has, if
// it is among that job's subscribers; who subscribes begins with the newest.
//
// Jobs are done one after the other: only the first has visited anybody, and Unsubscribe keeps those that it has visited before
// those that it has not.

const (
	// fanoutFrom is how many subscribers are sent a message at once, at some 150 ns each.
	fanoutFrom = 64
	// fanoutUnit is how many bytes of a message weigh as much in the backlog as a visit.
	fanoutUnit = 1024
	// fanoutGather is up to how many bytes messages that a client is missing are joined for one write.
	fanoutGather = 16 << 10
	// visitJobs is of how many jobs one visit sends the messages, at most: a transaction may have made any number.
	visitJobs = 16
	// keepJobs is up to how many jobs their memory is kept.
	keepJobs = 1024
)

// Slices look at the clock after so much work; a visit, or an output that is flushed, is 1, and each workBytes sent 1 more.
const (
	sliceWork = 8
	workBytes = 16 << 10
)

// fanout is what has been published and is not with all subscribers yet.
type fanout struct {
	jobs   []fanJob
	done   int   // of them
	newest int64 // number of the last job that was made; the jobs are numbered in order
	left   int   // visits that pending jobs have to make, and the weight of their messages: part of the backlog
	bytes  int64 // of their messages

	missing [][]byte // scratch: what a client is missing
	joined  []byte   // scratch: the same for one write
}

// fanJob is one message on its way.
type fanJob struct {
	set  *subscribers
	m    message
	next int // the subscriber that is visited next
	left int // its part of fanout.left
}

// message is something published, encoded for both protocols as it is needed.
type message [2][]byte

// newMessage encodes for one protocol.
func newMessage(proto int, kind string, pattern, channel, text []byte) (m message) {
	r := resp.Reply{Proto: proto, B: make([]byte, 0, len(kind)+len(pattern)+len(channel)+len(text)+messageRoom)}
	if pattern == nil {
		r.Push(3)
	} else {
		r.Push(4)
	}
	r.BulkString(kind)
	if pattern != nil {
		r.Bulk(pattern)
	}
	r.Bulk(channel)
	r.Bulk(text)
	m[proto-2] = r.B
	return m
}

// messageRoom is enough for the lengths in an encoded message.
const messageRoom = 64

// in returns the message in a protocol. In RESP2 it is an array, in RESP3 a push: the first byte is all that differs.
func (m *message) in(proto int) []byte {
	b := &m[proto-2]
	if *b == nil {
		*b = append([]byte(nil), m[3-proto]...)
		(*b)[0] = "*>"[proto-2]
	}
	return *b
}

func (m *message) size() int64 { return int64(len(m[0]) + len(m[1])) }

// messageIn returns a job's message for a client.
func (f *fanout) messageIn(j *fanJob, proto int) []byte {
	size := j.m.size()
	b := j.m.in(proto)
	f.bytes += j.m.size() - size
	return b
}

// crowded tells that so much is to be sent that publishing waits.
func (s *Server) crowded() bool { return len(s.toFlush)-s.flushed+s.fan.left >= flushBacklog }

// publishes tells whether a command, or the transaction that it may run, may publish something.
func (s *Server) publishes(c *Client, f *frame) bool {
	if f.row == nil {
		return false
	}
	flags := s.subRow(f).Flags
	if flags&RunsInMulti != 0 && c.tx != nil {
		flags |= c.tx.flags
	}
	return flags&Pubsub != 0 || s.notify != 0 && flags&(Write|Readonly) != 0
}

// fanOut makes a job.
func (s *Server) fanOut(set *subscribers, m message) {
	f := &s.fan
	size := m.size()
	left := len(set.order) + int(size/fanoutUnit)
	f.jobs = append(f.jobs, fanJob{set: set, m: m, left: left})
	f.newest++
	f.left += left
	f.bytes += size
	j := &f.jobs[len(f.jobs)-1]
	s.fanOutTo(s.current, j)
	if s.outer != s.current {
		s.fanOutTo(s.outer, j)
	}
}

// fanOutTo gives the newest message to a client whose command is running, if there is one and it has subscribed to it.
func (s *Server) fanOutTo(c *Client, j *fanJob) {
	if c != nil && j.set.has(c) {
		c.subs.seen = s.fan.newest
		s.push(c, s.fan.messageIn(j, c.Proto))
	}
}

// misses tells whether a subscriber of the first pending job has not been given its message yet, and did not subscribe after it.
func (f *fanout) misses(c *Client) bool { return f.newest-c.subs.seen >= int64(len(f.jobs)-f.done) }

// take returns the messages that a subscriber is missing, in order and of no more than most jobs; they are good until the next call.
// in is a set that holds it, or nil.
func (f *fanout) take(c *Client, in *subscribers, most int) [][]byte {
	list := f.missing[:0]
	from := max(f.done, len(f.jobs)-int(f.newest-c.subs.seen))
	to := min(len(f.jobs), from+most)
	for i := from; i < to; i++ {
		if j := &f.jobs[i]; j.set == in || j.set.has(c) {
			list = append(list, f.messageIn(j, c.Proto))
		}
	}
	c.subs.seen = f.newest - int64(len(f.jobs)-to)
	f.missing = list
	return list
}

// first returns the job that is at work, if there is one.
func (f *fanout) first() *fanJob {
	if len(f.jobs) == 0 {
		return nil
	}
	return &f.jobs[f.done]
}

// catchUp appends to a subscriber's output what it is missing. No limit is looked at: the caller may have more to do with it.
func (s *Server) catchUp(c *Client) {
	list := s.fan.take(c, nil, len(s.fan.jobs))
	if len(list) == 0 {
		return
	}
	if !c.closed && !c.closing {
		for _, b := range list {
			s.Stats.NetOutputBytes += int64(len(b))
			c.out.share(b)
		}
		s.toWrite(c, 0)
	}
	clear(list)
}

// visit goes one step on in the first job: the next subscriber, or the job's end. It returns what work that was.
func (s *Server) visit() (work int) {
	f := &s.fan
	j := &f.jobs[f.done]
	if j.next >= len(j.set.order) {
		f.endJob(j)
		return 1
	}
	c := j.set.order[j.next]
	j.next++
	if j.left > 0 { // the set may have grown
		j.left--
		f.left--
	}
	if !f.misses(c) {
		return 1
	}
	list := f.take(c, j.set, visitJobs)
	if !c.closing {
		work = s.sendMessages(c, list)
	}
	clear(list)
	return work + 1
}

func (f *fanout) endJob(j *fanJob) {
	f.left -= j.left
	f.bytes -= j.m.size()
	*j = fanJob{}
	f.done++
	switch n := len(f.jobs); {
	case f.done < n && f.done <= n/2:
	case f.done < n: // what is left moves at most once
		n = copy(f.jobs, f.jobs[f.done:])
		clear(f.jobs[n:])
		f.jobs, f.done = f.jobs[:n], 0
	case cap(f.jobs) > keepJobs:
		f.jobs, f.done = nil, 0
	default:
		f.jobs, f.done = f.jobs[:0], 0
	}
}

// sendMessages writes messages to a subscriber as far as its socket takes them. What it does not take, and what comes behind other
// output, is kept there, shared. It returns the work of that.
func (s *Server) sendMessages(c *Client, list [][]byte) (work int) {
	for _, b := range list {
		s.Stats.NetOutputBytes += int64(len(b))
	}
	o := &c.out
	for len(list) > 0 && o.buf == nil && o.holds == 0 {
		b, count := s.fan.join(list)
		if s.overHard(c, len(b)) {
			return work
		}
		n, err := c.conn.Write(b)
		s.Stats.Writes++
		if err != nil {
			s.kill(c)
			return work
		}
		c.LastMs = s.NowMs
		work += n / workBytes
		for ; count > 0 && n >= len(list[0]); count-- {
			n -= len(list[0])
			list = list[1:]
		}
		if count > 0 {
			b, list = list[0], list[1:]
			o.buf, o.shared, o.at, o.released = b[:len(b):len(b)], true, n, len(b)
		}
	}
	for _, b := range list {
		o.share(b)
	}
	if o.buf != nil {
		s.queued(c, 0)
	}
	return work
}

// join returns what of the messages goes out by one write, and how many these are.
func (f *fanout) join(list [][]byte) (b []byte, count int) {
	if len(list) == 1 || len(list[0])+len(list[1]) > fanoutGather {
		return list[0], 1
	}
	f.joined = f.joined[:0]
	for count < len(list) && len(f.joined)+len(list[count]) <= fanoutGather {
		f.joined = append(f.joined, list[count]...)
		count++
	}
	return f.joined, count
}
