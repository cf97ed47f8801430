package engine

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// The loop's turning points, in the order of a round: events (input.go), Tick when due, EndOfRound.

const (
	// sliceNs is how long background work runs before the reactor is polled again.
	sliceNs = int64(50 * time.Microsecond)
	// urgentSliceNs is how long it runs while clients wait for it.
	urgentSliceNs = int64(500 * time.Microsecond)
	// expireBatch is how many keys expire between two looks at the clock.
	expireBatch = 32
	// loadBatch is how many commands are loaded between two looks at the clock.
	loadBatch = 64
)

// EndOfRound runs what was left over, hands the journal its batch, and does background work. It returns true when there
// is more to do.
func (s *Server) EndOfRound() (more bool) {
	s.Stats.Rounds++
	quiet, gathering := !s.inRound && len(s.ready) == 0, false
	s.beginRound()
	s.inRound = false
	if len(s.ready) > 0 {
		s.runReady()
	}
	if s.Journal != nil {
		gathering = s.Journal.Gather(quiet)
	}
	releasing := s.releaseDue // and has taken its time in this round
	s.releaseDue = false
	if !releasing && (s.Journal != nil || len(s.holds) > 0 || len(s.waiters) > 0) {
		releasing = s.release() // the goroutine may have finished meanwhile
	}
	handed := s.appended()
	more = s.background() || gathering || releasing
	if s.memory.limit != 0 {
		more = s.evictBetween() || more
	}
	if s.waitsDue {
		more = s.endWaits() || more
	}
	if len(s.readyKeys) > 0 {
		s.serveReady() // of keys that expired
	}
	if s.appended() != handed {
		s.Journal.HandOver()
	}
	if len(s.toBroadcast) > 0 {
		s.broadcastKeys()
	}
	if s.tableFull() || len(s.table.dead) > 0 {
		more = s.trimTable() || more
	}
	if s.clientsLimit != 0 && s.clientBytes+s.clientBigs > s.clientsLimit {
		s.evictClients()
	}
	if len(s.toFlush)+len(s.fan.jobs) > 0 {
		more = s.flushSome() || more
	}
	s.timeRound()
	return more || len(s.ready) > 0
}

// timeRound notes the length of the round that ends, which began at the reactor's clock: until it is over no other socket is
// looked at.
func (s *Server) timeRound() {
	took := max(s.nanotime()-int64(s.Reactor.Now().Sub(s.base)), 0)
	s.Stats.RoundsNs += took
	s.Stats.RoundNsMax = max(s.Stats.RoundNsMax, took)
	if s.observed != nil && s.Stats.Rounds%roundSampled == 0 {
		s.observed.Rounds.add(histBucket(took), 1)
	}
}

// runReady gives each client that has commands left one more turn.
func (s *Server) runReady() {
	n := len(s.ready)
	for _, c := range s.ready[:n] {
		c.ready = false
		s.run(c)
		if c.ended {
			s.closeEnded(c)
		}
		s.noteMemory(c)
	}
	left := copy(s.ready, s.ready[n:])
	clear(s.ready[left:]) // clients that are gone need not be kept
	s.ready = s.ready[:left]
}

// background works for at most a slice: loading, expiry, freeing. It returns true when more is to be done.
func (s *Server) background() bool {
	due := s.loader != nil || s.expiryDue() || s.Keyspace.Garbage() > 0 || s.defragDue()
	if !due && !s.HasWork {
		return false
	}
	start := s.nanotime()
	work := s.pace.may(start, s.Stats.Commands, s.Keyspace.SnapshotHolding())
	if !due && !work {
		s.Reactor.TickWithin(s.pace.wait(start))
		return false
	}
	event := "background-slice" // of the latency monitor
	if s.loader == nil && s.expiryDue() {
		event = "expire-cycle"
	}
	end := start + sliceNs
	if s.Keyspace.SnapshotHolding() {
		end = start + urgentSliceNs
	}
	used := threadNs()
	more := true
	for now := start; more && now < end; now = s.nanotime() {
		more = false
		if s.loader != nil {
			more = s.loadStep()
			continue
		}
		if s.expiryDue() {
			more = s.Keyspace.ExpireStep(expireBatch)
			s.Stats.ExpiryNs += s.nanotime() - now
		}
		if s.Keyspace.FreeStep() {
			more = true
		}
		if work && s.HasWork && s.Hooks.Work() {
			more = true
		}
		if s.defragDue() && s.defragStep() {
			more = true
		}
	}
	took := s.nanotime() - start
	used = threadNs() - used
	s.Stats.SliceNsMax = max(s.Stats.SliceNsMax, took)
	s.Stats.SliceUsedNsMax = max(s.Stats.SliceUsedNsMax, used)
	s.Stats.BackgroundNs += took
	s.AddLatency(event, took)
	if s.loader == nil && s.expiryDue() {
		s.Stats.ExpiryCut++
	}
	switch {
	case work:
		s.pace.worked(start+took, used)
	case s.HasWork:
		s.Reactor.TickWithin(s.pace.wait(start))
	}
	return more
}

// expiryDue tells that active expiry has something to do, and there is room for what it removes in a snapshot, and for what it
// publishes.
func (s *Server) expiryDue() bool {
	return s.Keyspace.SoonestMs() < s.Keyspace.NowMs && !s.NoActiveExpire && s.pause.endMs == 0 && !s.Keyspace.SnapshotCrowded() &&
		(s.notify == 0 || !s.crowded())
}

// loadStep loads some commands. It returns false when the disk has to bring more first, and true otherwise, also at the
// end: keys may be due to expire.
func (s *Server) loadStep() bool {
	done, err := s.loader.Step(loadBatch)
	if err == nil && !done {
		return !s.loader.Waiting()
	}
	s.loader = nil
	s.Keyspace.Arena().MapAhead(false)
	s.Keyspace.NowMs = s.NowMs
	s.Dirty = 0
	if s.Hooks.Loaded != nil {
		s.Hooks.Loaded(err)
	}
	return true
}

// Apply runs a command from the journal; the loader calls it from Step. Nothing is counted, timed or journalled.
func (s *Server) Apply(db int, args [][]byte) error {
	if db < 0 || db >= s.Keyspace.Len() {
		return fmt.Errorf("database %d is out of range (databases is %d)", db, s.Keyspace.Len())
	}
	if len(args) == 0 {
		return errors.New("a record without words")
	}
	row := s.Table.LookupOwn(args[0])
	if row == nil { // written under another name, by redis-server
		row = s.Table.Lookup(args[0])
	}
	if row == nil {
		return fmt.Errorf("unknown command '%.64s'", args[0])
	}
	c := s.replay
	c.DB = s.Keyspace.DB(db)
	s.replies.B, s.replies.Proto = s.scratch[:0], 2
	if row = s.resolve(c, row, args); row != nil {
		row.Handler(c, args)
	}
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
	s.finishOffloaded()
	s.releaseDue = s.release()
	s.endJournalWaits()
}

// Tick runs cron hz times a second, and makes a round for keys to expire in. It returns the time until the next of these.
func (s *Server) Tick(now time.Time) time.Duration {
	s.setClock(now)
	if !now.Before(s.cronAt) {
		if !s.NoCron {
			s.cron()
		}
		s.cronAt = now.Add(time.Second / time.Duration(max(s.Config.Hz, 1)))
	}
	s.endPause()
	s.endWaits()
	next := s.cronAt.Sub(now)
	if at := s.timers.soonestMs(); at < s.upMs+next.Milliseconds() {
		next = time.Duration(max(at-s.upMs, 1)) * time.Millisecond
	}
	if end := s.pause.endMs; end != 0 && end < s.upMs+next.Milliseconds() {
		next = time.Duration(max(end-s.upMs, 1)) * time.Millisecond
	}
	if at := s.Keyspace.SoonestMs(); s.loader == nil && !s.NoActiveExpire && s.pause.endMs == 0 && at < s.NowMs+next.Milliseconds() {
		next = time.Duration(max(at+1-s.NowMs, 1)) * time.Millisecond
	}
	return next
}

func (s *Server) cron() {
	if s.Hooks.Cron != nil {
		s.Hooks.Cron()
	}
	s.Stats.sampleRates(s.NowMs)
	s.Stats.PeakMemory = max(s.Stats.PeakMemory, s.Keyspace.Used())
	s.Stats.LateExpiryMs = s.Keyspace.ExpireBehindMs()
	s.checkClients()
	if s.observed != nil {
		s.observed.roll(s.Reactor.Now())
	}
	s.planDefrag()
}

// beginRound takes over the round's clock at the first event of a round.
func (s *Server) beginRound() {
	if !s.inRound {
		s.inRound = true
		s.setClock(s.Reactor.Now())
	}
}

func (s *Server) setClock(now time.Time) {
	s.clock = now
	s.NowMs = now.UnixMilli()
	if s.since.IsZero() {
		s.since = now
	}
	s.upMs = now.Sub(s.since).Milliseconds()
	if s.loader == nil {
		s.Keyspace.NowMs = s.NowMs
	}
	s.setAccessClock()
}

// longCommandNs is what makes the clock move on within a round.
const longCommandNs = int64(2 * time.Millisecond)

// moveClock takes the clock on by what a command took, by two readings of nanotime, if that is long: for whom it has fed, and for
// the commands behind it.
func (s *Server) moveClock(from, to int64) {
	from = max(from, s.clockNs)
	if to-from >= longCommandNs {
		s.clockNs = to
		s.setClock(s.clock.Add(time.Duration(to - from)))
	}
}

// checkClients looks at a part of the clients, so that all have been looked at once a second: who has been idle for too
// long (unless it is the server that it waits for), whose output has been over its soft limit for too long.
func (s *Server) checkClients() {
	limit := int64(s.Config.TimeoutSeconds) * 1000
	for range min(s.nclients, s.nclients/max(s.Config.Hz, 1)+5) {
		c := s.checkAt
		if c == nil {
			if c = s.first; c == nil {
				return
			}
		}
		s.checkAt = c.next
		if c.out.pending() > 0 {
			s.checkOutputLimit(c)
		}
		if limit > 0 && s.NowMs-c.LastMs > limit && !c.closed && !c.busy() {
			s.Stats.TimeoutDisconnections++
			s.kill(c)
		}
	}
}
