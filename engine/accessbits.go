package engine

import (
	"redix/engine/config"
	"redix/engine/keyspace"
)

// Accesses. What a look-up notes in the entry depends on maxmemory-policy: the quarter of a second (LRU), the second (policies
// that do not look at accesses), or a use of the counter (LFU, S3-FIFO). What was noted under one of them means nothing to
// another until the entry is used again; but then an entry not used since a change from seconds to LRU is older than all others.

// noteAccess notes that the entry was looked up.
func (s *Server) noteAccess(e *keyspace.Entry) {
	if s.counts {
		s.countAccess(e)
		return
	}
	e.SetAccess(s.accessTick)
}

func (s *Server) countAccess(e *keyspace.Entry) {
	if s.Config.MaxMemoryPolicy.LFU() {
		e.CountAccess(s.Config.LFULogFactor, s.Config.LFUDecayMinutes)
		return
	}
	e.CountUse()
}

// CountsAccesses tells whether the policy keeps a counter for each entry, in place of the exact time of its last access.
func (s *Server) CountsAccesses() bool { return s.Config.MaxMemoryPolicy.LFU() }

// EvictsByAccess tells that there is a limit, and a policy that looks at accesses.
func (s *Server) EvictsByAccess() bool {
	policy := s.Config.MaxMemoryPolicy
	return s.Config.MaxMemoryBytes != 0 && (s.counts || policy.LRU())
}

// accessMs is the unit, in milliseconds, of the times that entries were last accessed.
func (s *Server) accessMs() int64 {
	if s.Config.MaxMemoryPolicy.LRU() {
		return keyspace.OldestMs
	}
	return 1000
}

// IdleSeconds returns the seconds since the entry was last accessed; under LFU, which knows minutes, it is not exact.
func (s *Server) IdleSeconds(e *keyspace.Entry) int64 {
	bits := e.Access()
	switch {
	case s.Config.MaxMemoryPolicy.LFU():
		return int64((uint32(s.NowMs/60000)-bits>>8)&0xffff) * 60
	case s.Config.MaxMemoryPolicy == config.AllKeysS3FIFO:
		return int64((uint32(s.NowMs/1000)-bits)&0xffffff) &^ 15
	case bits == 0: // loaded from the journal and not accessed since
		bits = uint32(s.Stats.StartMs / s.accessMs())
	}
	return int64((uint32(s.NowMs/s.accessMs())-bits)&0xffffff) * s.accessMs() / 1000
}

// SetIdleSeconds makes the entry one that was last accessed so many seconds ago: RESTORE IDLETIME, and snapshots.
func (s *Server) SetIdleSeconds(e *keyspace.Entry, seconds int64) {
	unit := s.accessMs()
	at := uint32((s.NowMs - min(min(max(seconds, 0), 1<<24)*1000, (1<<24-1)*unit)) / unit)
	switch {
	case s.Config.MaxMemoryPolicy.LFU(): // an LFU policy has no use for it
	case s.Config.MaxMemoryPolicy == config.AllKeysS3FIFO:
		e.SetAccess(at&^15 | e.Access()&15)
	default:
		e.SetAccess(at)
	}
}

// Frequency returns the entry's counter under an LFU policy.
func (s *Server) Frequency(e *keyspace.Entry) uint8 {
	return keyspace.Frequency(e.Access(), s.NowMs, s.Config.LFUDecayMinutes)
}

// SetFrequency sets it; under other policies nothing: RESTORE FREQ, and snapshots.
func (s *Server) SetFrequency(e *keyspace.Entry, counter uint8) {
	if s.Config.MaxMemoryPolicy.LFU() {
		e.SetAccess(keyspace.CounterBits(counter, s.NowMs))
	}
}

// setAccessClock follows the round's clock.
func (s *Server) setAccessClock() {
	s.accessTick = uint32(s.NowMs / s.accessMs())
	s.Keyspace.NewAccess = s.accessTick
	if s.counts && s.Config.MaxMemoryPolicy.LFU() {
		s.Keyspace.NewAccess = keyspace.CounterBits(keyspace.NewFrequency, s.NowMs)
	}
}
