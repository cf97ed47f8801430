package engine

import (
	"redix/engine/config"
	"redix/engine/glob"
)

// Publish and subscribe. Each kind of subscription (channels, patterns, shard channels) is a map from name to the set of
// its clients. A message is encoded once for each protocol, and the outputs of those whose sockets do not take it share it.
// Few subscribers are sent it at once: it is appended to their outputs, which are written between the rounds. Many are
// visited between the rounds, some at a time (fanout.go), so that a message to ten thousand clients does not hold the loop.
// Who publishes to many gets no second turn in a round (fanoutPerTurn), and waits while many outputs are still to be
// written and many visits to be made (flushBacklog), or subscribers that read would reach their limits. A subscriber that does
// not read grows its own output only, up to client-output-buffer-limit pubsub.

const (
	// fanoutPerTurn is to how many subscribers a client may send in its turn of a round, its last message aside.
	fanoutPerTurn = 4096
	// flushBacklog is how many outputs may wait to be written, and visits to be made, before publishing waits; and what expires or
	// evicts keys, if that is published.
	flushBacklog = 16384
)

// SubKind is a kind of subscription.
type SubKind int

// The kinds.
const (
	Channels SubKind = iota
	Patterns
	Shards
	subKinds
)

// subscribers are the clients of one name, and where in order each of them is.
type subscribers struct {
	order []*Client
	at    map[*Client]int
}

func (set *subscribers) has(c *Client) bool {
	_, ok := set.at[c]
	return ok
}

// move puts the subscriber at one place to another.
func (set *subscribers) move(from, to int) {
	c := set.order[from]
	set.order[to], set.at[c] = c, to
}

// subscriptions are the names of one client.
type subscriptions struct {
	names [subKinds]map[string]struct{}
	bytes int   // of the names
	seen  int64 // see fanout.go
}

// Subscribed returns how many subscriptions of a kind the client has.
func (c *Client) Subscribed(kind SubKind) int {
	if c.subs == nil {
		return 0
	}
	return len(c.subs.names[kind])
}

// Subscriber reports whether the client has any subscription: then RESP2 allows few commands.
func (c *Client) Subscriber() bool {
	return c.subs != nil && len(c.subs.names[Channels])+len(c.subs.names[Patterns])+len(c.subs.names[Shards]) > 0
}

// Subscribe adds a subscription; false when there was one already.
func (c *Client) Subscribe(kind SubKind, name []byte) bool {
	s := c.server
	if c.subs == nil {
		c.subs = &subscriptions{}
	}
	if c.subs.names[kind] == nil {
		c.subs.names[kind] = map[string]struct{}{}
	}
	if _, ok := c.subs.names[kind][string(name)]; ok {
		return false
	}
	s.catchUp(c)
	n := string(name)
	c.subs.names[kind][n] = struct{}{}
	c.subs.bytes += len(n) + prefixBytes
	set := s.subs[kind][n]
	if set == nil {
		set = &subscribers{at: map[*Client]int{}}
		s.subs[kind][n] = set
	}
	set.at[c] = len(set.order)
	set.order = append(set.order, c)
	return true
}

// Unsubscribe ends a subscription; false when there was none.
func (c *Client) Unsubscribe(kind SubKind, name []byte) bool {
	s := c.server
	if c.subs == nil {
		return false
	}
	if _, ok := c.subs.names[kind][string(name)]; !ok {
		return false
	}
	delete(c.subs.names[kind], string(name))
	c.subs.bytes -= len(name) + prefixBytes
	set := s.subs[kind][string(name)]
	set.remove(c, s.fan.first())
	if len(set.order) == 0 {
		delete(s.subs[kind], string(name))
	}
	return true
}

// remove takes a client out. Its place goes to the last one, or if a job has passed it, to the last that the job has visited, whose
// place goes to the last one: nobody is missed or visited twice.
func (set *subscribers) remove(c *Client, first *fanJob) {
	i, last := set.at[c], len(set.order)-1
	if first != nil && first.set == set && i < first.next {
		first.next--
		set.move(first.next, i)
		i = first.next
	}
	if i != last {
		set.move(last, i)
	}
	set.order[last] = nil
	set.order = set.order[:last]
	delete(set.at, c)
}

// Subscriptions visits the names that the client has subscribed to.
func (c *Client) Subscriptions(kind SubKind, visit func(name string)) {
	if c.subs != nil {
		for name := range c.subs.names[kind] {
			visit(name)
		}
	}
}

// UnsubscribeAll is for a client that leaves.
func (c *Client) UnsubscribeAll() {
	if c.subs == nil {
		return
	}
	for kind := range c.subs.names {
		for name := range c.subs.names[kind] {
			c.Unsubscribe(SubKind(kind), []byte(name))
		}
	}
	c.subs = nil
}

// Names visits all names that have subscribers, with their number.
func (s *Server) Names(kind SubKind, visit func(name string, clients int)) {
	for name, set := range s.subs[kind] {
		visit(name, len(set.order))
	}
}

// NumSub returns the number of subscribers of a name, NumNames the number of names of a kind.
func (s *Server) NumSub(kind SubKind, name []byte) int {
	if set := s.subs[kind][string(name)]; set != nil {
		return len(set.order)
	}
	return 0
}

// NumNames returns how many names of a kind have subscribers.
func (s *Server) NumNames(kind SubKind) int { return len(s.subs[kind]) }

// Publish sends a message to the subscribers of a channel and of all patterns that match it. It returns how many that
// were, a client counting once for each of its subscriptions.
func (s *Server) Publish(channel, message []byte) int {
	if len(s.subs[Channels])+len(s.subs[Patterns]) == 0 {
		return 0
	}
	n := s.deliver(s.subs[Channels][string(channel)], "message", nil, channel, message)
	for pattern, set := range s.subs[Patterns] {
		if glob.Match([]byte(pattern), channel) {
			n += s.deliver(set, "pmessage", []byte(pattern), channel, message)
		}
	}
	return n
}

// PublishShard sends a message to the subscribers of a shard channel.
func (s *Server) PublishShard(channel, message []byte) int {
	return s.deliver(s.subs[Shards][string(channel)], "smessage", nil, channel, message)
}

func (s *Server) deliver(set *subscribers, kind string, pattern, channel, message []byte) int {
	if set == nil {
		return 0
	}
	n := len(set.order)
	s.fanout += n
	m := newMessage(set.order[0].Proto, kind, pattern, channel, message)
	if n > s.FanoutFrom {
		s.fanOut(set, m)
		return n
	}
	for i := 0; i < len(set.order); {
		c := set.order[i]
		s.push(c, m.in(c.Proto))
		if i < len(set.order) && set.order[i] == c { // else it has been disconnected, and another one has its place
			i++
		}
	}
	return n
}

// lateMessage is a message that must not come before a reply that is being made.
type lateMessage struct {
	c *Client
	b []byte
}

// push appends what is not a reply to a client's output. For the client whose command is running, or whose command has
// fed a key that another client's command, which runs now, has waited for, it comes after the reply.
func (s *Server) push(c *Client, b []byte) {
	switch {
	case c.closed || c.closing:
	case c == s.current || c == s.outer:
		s.late = append(s.late, lateMessage{c, b})
	default:
		if len(s.fan.jobs) > 0 && c.subs != nil {
			s.catchUp(c)
		}
		s.Stats.NetOutputBytes += int64(len(b))
		c.out.share(b)
		s.queued(c, 0)
	}
}

// Push sends the client whose command is running what is not a reply to it: it comes after the reply.
func (c *Client) Push(b []byte) { c.server.push(c, b) }

// takeLate appends the late messages of a client to b.
func (s *Server) takeLate(c *Client, b []byte) []byte {
	kept := s.late[:0]
	for _, m := range s.late {
		if m.c == c {
			b = append(b, m.b...)
		} else {
			kept = append(kept, m)
		}
	}
	clear(s.late[len(kept):])
	s.late = kept
	return b
}

// queueOutput appends to a client's output, to be written between the rounds, after the journal has reached offset; 0 is
// no condition.
func (s *Server) queueOutput(c *Client, b []byte, offset int64) {
	s.Stats.NetOutputBytes += int64(len(b))
	c.out.add(b)
	s.queued(c, offset)
}

// queued sees to it that what has been appended to an output is written, or that the client is disconnected.
func (s *Server) queued(c *Client, offset int64) {
	s.toWrite(c, offset)
	s.checkOutputLimit(c)
}

func (s *Server) toWrite(c *Client, offset int64) {
	o := &c.out
	if offset > s.maxOffset() {
		s.hold(c, offset)
	} else if o.holds == 0 {
		o.released = len(o.buf)
	}
	if !c.flushing {
		c.flushing = true
		s.toFlush = append(s.toFlush, c)
	}
	s.noteMemory(c)
}

// SendAll writes what is queued or on its way, as far as the sockets take it: for the end of the process.
func (s *Server) SendAll() {
	for s.flushSome() {
	}
}

// flushSome writes queued outputs, and in turn with them visits subscribers, for about a slice of time. It returns true when there
// is more of either.
func (s *Server) flushSome() bool {
	crowd := len(s.fan.jobs) > 0
	var used int64
	if crowd {
		used = threadNs()
	}
	end := s.nanotime() + sliceNs
	for work := 0; ; {
		queued, jobs := s.flushed < len(s.toFlush), len(s.fan.jobs) > 0
		if queued {
			work += s.flushNext()
		}
		if jobs {
			work += s.visit()
		}
		if !queued && !jobs {
			break
		}
		if work >= sliceWork {
			if work = 0; s.nanotime() > end {
				break
			}
		}
	}
	if crowd {
		s.Stats.FanoutUsedNsMax = max(s.Stats.FanoutUsedNsMax, threadNs()-used)
	}
	s.memory.told = 0
	if s.flushed > len(s.toFlush)/2 { // what is left moves at most once
		n := copy(s.toFlush, s.toFlush[s.flushed:])
		clear(s.toFlush[n:])
		s.toFlush, s.flushed = s.toFlush[:n], 0
	}
	return len(s.toFlush)+len(s.fan.jobs) > 0
}

// flushNext writes the next queued output. It returns the work of that.
func (s *Server) flushNext() int {
	c := s.toFlush[s.flushed]
	s.toFlush[s.flushed] = nil
	s.flushed++
	c.flushing = false
	if c.closed {
		return 1
	}
	before := c.out.pending()
	s.flush(c)
	return 1 + (before-c.out.pending())/workBytes
}

// outputClass is the class whose output limits hold for the client.
func (c *Client) outputClass() int {
	switch {
	case c.monitor: // see monitor.go
		return config.ClassReplica
	case c.Subscriber():
		return config.ClassPubSub
	}
	return config.ClassNormal
}
