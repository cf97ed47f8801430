package engine

// Memory. What counts against maxmemory, and what INFO calls used_memory, is
//
//	data      the keyspace: all blocks of the arena that are in use and the directories of its indexes, exact, and for each large
//	          value, consumer group and consumer the Go object that holds it together; the ring of allkeys-s3fifo, the table of tracked keys
//	clients   query buffers, pending output with what subscribers have not read, queued transactions, what they watch, have
//	          subscribed to and wait at; once each, messages on their way to many, but no data goes for those: they are away soon
//	journal   what has been appended and is not yet written
//
// What else is on the Go heap (the server's own state, buffers kept for further use, garbage) does not grow with the data and
// is not counted: evictions could do nothing about it. INFO tells it apart.
//
// redis-server leaves the journal's buffer out of the limit, because an eviction adds a DEL to it: what it frees may be less
// than what it adds, and it would go on for ever. Here the queue counts up to a share of the limit (queueShare), so that
// this ends there, and data does not give way to what passes by itself; a longer queue makes writers wait until it is
// shorter, as one does that is full.

// queueShare is which part of maxmemory the journal's queue may take before writers wait for it.
const queueShare = 16

// Usage is the memory in use, in bytes.
type Usage struct {
	Data, Clients, Journal int64
	// NotCounted is what of Journal is left out of what maxmemory limits.
	NotCounted int64
}

// Used is the sum: INFO's used_memory.
func (u *Usage) Used() int64 { return u.Data + u.Clients + u.Journal }

// Usage returns the memory in use now.
func (s *Server) Usage() Usage {
	u := Usage{Data: s.Keyspace.Used() + int64(len(s.table.at))*trackBytes}
	if s.countClients {
		u.Clients = s.clientBytes
	} else {
		u.Clients = s.sumClients()
	}
	u.Clients += s.fan.bytes
	if s.Journal != nil {
		u.Journal = s.Journal.Appended() - s.Journal.Releasable()
		u.NotCounted = max(u.Journal-s.memory.limit/queueShare, 0)
	}
	return u
}

// queueTooLong tells that the limit is exceeded because of the journal's queue.
func (s *Server) queueTooLong() bool {
	u := s.Usage()
	return u.NotCounted > 0 && u.Used() > s.memory.limit
}

// UsedMemory returns the bytes in use; the peak follows.
func (s *Server) UsedMemory() int64 {
	u := s.Usage()
	s.Stats.PeakMemory = max(s.Stats.PeakMemory, u.Used())
	return u.Used()
}

// sumClients returns what all clients take outside of the arena.
func (s *Server) sumClients() (n int64) {
	for c := s.first; c != nil; c = c.next {
		n += c.Memory() - s.arenaBytes(c)
	}
	return n
}

// recount corrects clientBytes by what has changed at a client.
func (s *Server) recount(c *Client) {
	n, big := int64(0), int64(0)
	if !c.closed {
		big = s.arenaBytes(c)
		n = c.Memory() - big
	}
	s.clientBytes += n - c.counted
	s.clientBigs += big - c.countedBig
	c.counted, c.countedBig = n, big
}

// recountAll begins to count the clients' memory as it changes.
func (s *Server) recountAll() {
	s.clientBytes, s.clientBigs = 0, 0
	for c := s.first; c != nil; c = c.next {
		c.counted, c.countedBig = 0, 0
		s.recount(c)
	}
}
