package engine

import (
	"redix/engine/config"
	"redix/engine/keyspace"
)

// Eviction: how maxmemory is kept. See memory.go for what counts.
//
//	used ≤ maxmemory                 nothing happens
//	used > maxmemory                 entries go, in slices between the rounds, until it is not
//	and a command may add data       it runs only if data is not above floor: the data when used was last within the
//	(flag denyoom), or is queued     limit, or the least seen since. So every such command pays, by evictions before the
//	by MULTI                         next one, for what it has added, and data only shrinks while memory is short. What
//	                                 cannot be paid in this round waits in the client's query buffer for a later one
//	and nothing may go               it is refused with OOM
//
// So data exceeds the limit by at most what a single command (or EXEC) adds; buffers of clients and the journal's queue can
// exceed it further, and are paid for with data without holding anybody back. A maxmemory that is set far below what is
// used does not stop writers either: floor starts at what is there.
//
// A round spends at most budget on evictions: 50 µs for each step of maxmemory-eviction-tenacity, no more than 1 ms. Where
// much is to go at once (one large value for many small ones) the others' commands run between these slices.

const errOOM = "OOM command not allowed when used memory > 'maxmemory'."

const (
	evictUnit   = sliceNs
	evictLongNs = 1_000_000
	evictBatch  = 8 // evictions between two looks at the clock
	// toldMax is how many bytes of messages (invalidations, events) evictions queue before these are written. Until then they do
	// not count: otherwise a long key that many clients track would add more than it frees, and every other key would go for it.
	toldMax = 16 << 10
)

// memory is the state of eviction.
type memory struct {
	limit   int64 // maxmemory; 0: none
	floor   int64 // see above
	budget  int64 // ns of a round
	spent   int64 // of it in this round
	oom     bool  // over the limit, and nothing may go
	waiters []*Client
	key     []byte // of the entry that goes
	told    int64  // bytes of messages about evictions, queued since outputs were last flushed
	since   int64  // s.nanotime since when used has been over the limit; 0: it is not
}

// applyMemory follows the directives.
func (s *Server) applyMemory() {
	m := &s.memory
	m.limit = int64(s.Config.MaxMemoryBytes)
	m.floor = s.Keyspace.Used()
	m.oom = false
	m.budget = min(max(int64(s.Config.EvictionTenacity)*evictUnit, evictUnit/2), evictLongNs)
	policy := s.Config.MaxMemoryPolicy
	s.counts = policy.LFU() || policy == config.AllKeysS3FIFO
	s.Keyspace.Choose(orders[policy], policy.Volatile(), s.Config.MaxMemorySamples, s.Config.LFUDecayMinutes)
	s.setAccessClock()
}

// orders are how each policy chooses; under noeviction nobody asks.
var orders = [...]keyspace.Order{
	config.VolatileLRU: keyspace.Oldest, config.AllKeysLRU: keyspace.Oldest, config.NoEviction: keyspace.Oldest,
	config.VolatileLFU: keyspace.Rarest, config.AllKeysLFU: keyspace.Rarest,
	config.VolatileRandom: keyspace.Any, config.AllKeysRandom: keyspace.Any,
	config.VolatileTTL: keyspace.Soonest, config.AllKeysS3FIFO: keyspace.Queues,
}

// overLimit tells whether more memory is used than may be.
func (s *Server) overLimit() bool {
	u := s.Usage()
	m := &s.memory
	over := u.Used()-u.NotCounted-m.told-s.fan.bytes > m.limit
	switch {
	case !over:
		m.floor, m.oom = u.Data, false
		if m.since != 0 {
			s.Stats.EvictionExceededNs += s.nanotime() - m.since
			m.since = 0
		}
	case m.since == 0:
		m.since = max(s.nanotime(), 1)
		fallthrough
	default:
		m.floor = min(m.floor, u.Data)
	}
	return over
}

// EvictionExceededNs returns for how long used memory has been over the limit, now and in sum.
func (s *Server) EvictionExceededNs() (now, total int64) {
	if s.memory.since != 0 {
		now = s.nanotime() - s.memory.since
	}
	return now, s.Stats.EvictionExceededNs + now
}

// unpaid tells whether there is more data than commands may add to, and something that may go.
func (s *Server) unpaid() bool {
	m := &s.memory
	if !s.overLimit() {
		return false
	}
	m.oom = s.stuck()
	return !m.oom && s.Keyspace.Used() > m.floor
}

// mayGrow is asked before each frame while there is a limit; f is nil for one that is not parsed yet. It evicts what has to
// go before a command that adds data, and returns false when the client has to wait for that. While nothing may go,
// commands run, or are refused by the gates.
func (s *Server) mayGrow(c *Client, f *frame) bool {
	if s.loader != nil {
		return true
	}
	m := &s.memory
	for s.unpaid() && (f == nil || s.needsMemory(c, f)) {
		if m.spent >= m.budget || s.evictionWaits() {
			m.waiters = append(m.waiters, c)
			c.waiting = true
			return false
		}
		s.evictSlice(m.floor)
	}
	return true
}

// needsMemory tells whether a frame must not run while there is none left: what denyoom says of the command, of the
// subcommand it names, or of the transaction it runs; and whatever would be queued.
func (s *Server) needsMemory(c *Client, f *frame) bool {
	row := f.row
	if row == nil {
		return false
	}
	if row.Subs != nil && len(f.args) > 1 {
		if sub := s.Table.LookupSub(row, f.args[1]); sub != nil {
			row = sub
		}
	}
	return c.deniedOOM(row)
}

func (c *Client) deniedOOM(row *Row) bool {
	if c.tx != nil && c.tx.active {
		return row.Flags&RunsInMulti == 0 || row.Flags&EndsMulti != 0 && c.tx.flags&DenyOOM != 0
	}
	return row.Flags&DenyOOM != 0
}

// evictionWaits tells that nothing can be evicted now, because the journal or a snapshot, which would get it, is full, or in
// this round, because messages are to be written first.
func (s *Server) evictionWaits() bool {
	return !s.Evicting() || s.journalFull() || s.Keyspace.SnapshotCrowded() || s.memory.told >= toldMax || s.notify != 0 && s.crowded()
}

// stuck tells whether nothing can go: no entry, nothing that is being freed.
func (s *Server) stuck() bool {
	if s.Keyspace.Freeing() {
		return false
	}
	return s.Config.MaxMemoryPolicy == config.NoEviction || !s.Keyspace.HasVictims()
}

// evictSlice frees and evicts until used is within the limit, or data is not above goal, or the round's budget is spent.
func (s *Server) evictSlice(goal int64) {
	start := s.nanotime()
	end := start + s.memory.budget - s.memory.spent
	for now := start; now < end; now = s.nanotime() {
		if s.Keyspace.Freeing() {
			s.Keyspace.FreeStep()
		} else if s.Config.MaxMemoryPolicy == config.NoEviction || !s.evictSome() {
			break
		}
		if s.evictionWaits() || !s.overLimit() || s.Keyspace.Used() <= goal {
			break
		}
	}
	took := s.nanotime() - start
	s.memory.spent += took
	s.Stats.EvictionNs += took
	s.AddLatency("eviction-cycle", took)
	s.Stats.EvictionSliceNsMax = max(s.Stats.EvictionSliceNsMax, took)
}

// evictSome removes a few entries; false when there are none that may go. What is large is freed later, before others go.
func (s *Server) evictSome() bool {
	for range evictBatch {
		e, found, more := s.Keyspace.Victim()
		if !found {
			return more
		}
		s.evict(&e)
		if s.Keyspace.Freeing() || s.memory.told >= toldMax || !s.overLimit() {
			break
		}
	}
	return true
}

// evict removes an entry. It is journalled as DEL and told as an event of class e.
func (s *Server) evict(e *keyspace.Entry) {
	db := e.DB()
	m := &s.memory
	m.key = append(m.key[:0], e.Key()...)
	queued := s.Stats.NetOutputBytes
	db.Delete(e)
	s.Stats.Evicted++
	s.Event(db.ID, EventEvicted, "evicted", m.key)
	m.told += s.Stats.NetOutputBytes - queued
	s.feedDel(db, m.key)
}

// evictBetween is eviction's part of the end of a round. It returns true when there is more to do.
func (s *Server) evictBetween() (more bool) {
	m := &s.memory
	m.spent = 0
	if s.loader != nil {
		return false
	}
	if s.overLimit() {
		if m.oom = s.stuck(); !m.oom && m.told >= toldMax {
			more = true
		} else if !m.oom && !s.evictionWaits() {
			s.evictSlice(0)
			more = true
		}
		m.spent = 0
	}
	if len(m.waiters) > 0 && !s.unpaid() {
		for i, c := range m.waiters {
			m.waiters[i] = nil
			c.waiting = false
			s.makeReady(c)
		}
		m.waiters = m.waiters[:0]
		more = true
	}
	return more
}
