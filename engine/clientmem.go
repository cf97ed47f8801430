package engine

import "math/bits"

// Eviction of clients: over maxmemory-clients, those that take the most memory are disconnected until the rest is under
// it. Their memory is counted as maxmemory counts it (memory.go); nothing is while there is neither limit.

// noteMemory corrects the sum of the clients' memory after something has changed at one of them.
func (s *Server) noteMemory(c *Client) {
	if s.countClients {
		s.recount(c)
	}
}

// applyClientsLimit follows maxmemory-clients, a size or a percentage of maxmemory.
func (s *Server) applyClientsLimit() {
	s.clientsLimit = int64(s.Config.MaxMemoryClients)
	if s.clientsLimit < 0 {
		s.clientsLimit = int64(float64(s.Config.MaxMemoryBytes) * float64(-s.clientsLimit) / 100)
	}
	before := s.countClients
	if s.countClients = s.clientsLimit != 0 || s.memory.limit != 0; s.countClients && !before {
		s.recountAll()
	}
}

// evictClients disconnects clients, those in the highest power of two of memory first.
func (s *Server) evictClients() {
	for s.clientBytes+s.clientBigs > s.clientsLimit {
		top := 0
		for c := s.first; c != nil; c = c.next {
			if !c.NoEvict {
				top = max(top, bits.Len64(uint64(c.counted+c.countedBig)))
			}
		}
		if top == 0 {
			return // nobody is left who may be disconnected
		}
		s.Clients(func(c *Client) bool {
			if !c.NoEvict && bits.Len64(uint64(c.counted+c.countedBig)) == top {
				s.Log.Warn("client evicted: the clients take more than maxmemory-clients", "id", c.ID, "addr", c.Addr(),
					"name", c.Name, "memory", c.counted+c.countedBig, "all", s.clientBytes+s.clientBigs)
				s.Stats.EvictedClients++
				s.kill(c)
			}
			return s.clientBytes+s.clientBigs > s.clientsLimit
		})
	}
}
