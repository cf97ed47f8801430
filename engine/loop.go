package engine

import (
	"bytes"
	"fmt"
	"time"
)

// The loop's turning points, in the order of a round: events (input.go), Tick when due, EndOfRound.

const (
	// sliceNs is how long background work runs before the reactor is polled again.
	sliceNs = int64(50 * time.Microsecond)
	// expireBatch is how many keys expire between two looks at the clock.
	expireBatch = 32
	// loadBatch is how many commands are loaded between two looks at the clock.
	loadBatch = 64
)

// EndOfRound runs what was left over, hands the journal its batch, and does background work. It returns true when there
// is more to do.
func (s *Server) EndOfRound() (more bool) {
	s.Stats.Rounds++
	s.beginRound()
	s.inRound = false
	if len(s.ready) > 0 {
		s.runReady()
	}
	if s.Journal != nil {
		s.Journal.HandOver()
		s.release() // the goroutine may have finished meanwhile
	}
	more = s.background()
	return more || len(s.ready) > 0
}

// runReady gives each client that has commands left one more turn.
func (s *Server) runReady() {
	n := len(s.ready)
	for _, c := range s.ready[:n] {
		c.ready = false
		s.run(c)
	}
	s.ready = s.ready[:copy(s.ready, s.ready[n:])]
}

// background works for at most a slice: loading, expiry, freeing. It returns true when more is to be done.
func (s *Server) background() bool {
	if s.loader == nil && !s.expiryDue() && s.Keyspace.Garbage() == 0 && !s.HasWork {
		return false
	}
	start := s.nanotime()
	end := start + sliceNs
	more := true
	for now := start; more && now < end; now = s.nanotime() {
		more = false
		if s.loader != nil {
			more = s.loadStep()
			continue
		}
		if s.expiryDue() {
			more = s.Keyspace.ExpireStep(expireBatch)
		}
		if s.Keyspace.FreeStep() {
			more = true
		}
		if s.HasWork && s.Hooks.Work() {
			more = true
		}
	}
	if took := s.nanotime() - start; took > s.Stats.SliceNsMax {
		s.Stats.SliceNsMax = took
	}
	s.Stats.BackgroundNs += s.nanotime() - start
	return more
}

func (s *Server) expiryDue() bool {
	return !s.NoActiveExpire && s.Keyspace.SoonestMs() < s.Keyspace.NowMs
}

func (s *Server) loadStep() bool {
	done, err := s.loader.Step(loadBatch)
	if err == nil && !done {
		return true
	}
	s.loader = nil
	s.Keyspace.NowMs = s.NowMs
	s.Dirty = 0
	if s.Hooks.Loaded != nil {
		s.Hooks.Loaded(err)
	}
	return false
}

// Apply runs a command from the journal; the loader calls it from Step.
func (s *Server) Apply(db int, args [][]byte) error {
	if db < 0 || db >= s.Keyspace.Len() {
		return fmt.Errorf("database %d is out of range (databases is %d)", db, s.Keyspace.Len())
	}
	row := s.Table.Lookup(args[0])
	if row == nil {
		return fmt.Errorf("unknown command '%.64s'", args[0])
	}
	c := s.replay
	c.DB = s.Keyspace.DB(db)
	s.replies.B, s.replies.Proto = s.scratch[:0], 2
	s.call(c, row, args)
	if len(s.replies.B) > 0 && s.replies.B[0] == '-' {
		return fmt.Errorf("%.64s failed: %s", args[0], bytes.TrimSpace(s.replies.B[1:]))
	}
	if cap(s.replies.B) <= 4*flushAt {
		s.scratch = s.replies.B[:0]
	}
	return nil
}

// Woken is called by the reactor after Reactor.Wake: the journal has made progress.
func (s *Server) Woken() {
	s.beginRound()
	if s.Hooks.Woken != nil {
		s.Hooks.Woken()
	}
	s.release()
	if len(s.waiters) == 0 || s.journalFull() {
		return
	}
	for _, c := range s.waiters {
		c.waiting = false
		s.makeReady(c)
	}
	s.waiters = s.waiters[:0]
}

// Tick is cron. It returns the time until it is needed next.
func (s *Server) Tick(now time.Time) time.Duration {
	s.setClock(now)
	if s.Hooks.Cron != nil {
		s.Hooks.Cron()
	}
	s.Stats.sampleRates(s.NowMs)
	s.Stats.PeakMemory = max(s.Stats.PeakMemory, s.Keyspace.Used())
	s.Stats.LateExpiryMs = s.Keyspace.ExpireBehindMs()
	s.closeIdle()
	next := time.Second / time.Duration(max(s.Config.Hz, 1))
	if at := s.Keyspace.SoonestMs(); !s.NoActiveExpire && at < s.NowMs+next.Milliseconds() {
		next = time.Duration(max(at+1-s.NowMs, 1)) * time.Millisecond
	}
	return next
}

// beginRound takes over the round's clock at the first event of a round.
func (s *Server) beginRound() {
	if !s.inRound {
		s.inRound = true
		s.setClock(s.Reactor.Now())
	}
}

func (s *Server) setClock(now time.Time) {
	s.NowMs = now.UnixMilli()
	if s.loader == nil {
		s.Keyspace.NowMs = s.NowMs
	}
}

// closeIdle looks at a part of the clients, so that all have been looked at once a second.
func (s *Server) closeIdle() {
	limit := int64(s.Config.TimeoutSeconds) * 1000
	if limit <= 0 {
		return
	}
	for range s.nclients/max(s.Config.Hz, 1) + 5 {
		c := s.timeoutAt
		if c == nil {
			if c = s.first; c == nil {
				return
			}
		}
		s.timeoutAt = c.next
		if s.NowMs-c.LastMs > limit && len(c.query) == 0 {
			s.Stats.TimeoutDisconnections++
			s.kill(c)
		}
	}
}
