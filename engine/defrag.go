package engine

// Active defragmentation: when to compact the arena (keyspace/compact.go), and how much of the time may go into it.
//
// Cron looks at the waste, what is in slabs and not in use. Above both active-defrag-ignore-bytes and
// active-defrag-threshold-lower (percent of what is in use) a compaction begins; while it runs, each cron grants it a share
// of the time since the last one, which the loop takes in its slices of background work:
//
//	waste            share
//	lower threshold  active-defrag-cycle-min
//	upper threshold  active-defrag-cycle-max; in between, in between

type defrag struct {
	grantNs int64 // still to be used
	lastNs  int64 // when grants were given last
	percent int64 // of the time, now; 0: not running
	spentNs int64 // in all
	purge   bool  // asked for: it runs to its end whatever the directives say
	retryMs int64 // a compaction that found nothing to move is not tried again before
}

// defragRetryMs is how long nothing is tried again after a compaction has changed little.
const defragRetryMs = 2000

// planDefrag is cron's part.
func (s *Server) planDefrag() {
	d := &s.defrag
	now := s.nanotime()
	since := now - d.lastNs
	d.lastNs = now
	cfg := s.Config
	if !cfg.ActiveDefrag && !d.purge || s.loader != nil {
		s.stopDefrag()
		return
	}
	if !s.Keyspace.Compacting() && s.upMs < d.retryMs {
		return
	}
	a := s.Keyspace.Arena()
	waste := a.Waste()
	percent := int(waste * 100 / max(a.Used(), 1))
	if !s.Keyspace.Compacting() {
		if waste < int64(cfg.DefragIgnoreBytes) || percent < cfg.DefragLowerPercent {
			return
		}
		if !s.Keyspace.StartCompaction(false) {
			d.retryMs = s.upMs + defragRetryMs
			return
		}
		d.grantNs = 0
		since = min(since, 1e9/int64(max(cfg.Hz, 1)))
	}
	low, high := cfg.DefragMinPercent, max(cfg.DefragMaxPercent, cfg.DefragMinPercent)
	share := high
	if span := cfg.DefragUpperPercent - cfg.DefragLowerPercent; span > 0 && percent < cfg.DefragUpperPercent {
		share = low + (high-low)*max(percent-cfg.DefragLowerPercent, 0)/span
	}
	if d.purge {
		share = high
	}
	d.percent = int64(max(share, 1))
	d.grantNs = min(d.grantNs, 0) + since*d.percent/100
}

// Purge starts a compaction now, however little there is to gain, and unmaps spare slabs.
func (s *Server) Purge() {
	s.Keyspace.Arena().TrimSpares()
	if s.loader == nil && (s.Keyspace.Compacting() || s.Keyspace.StartCompaction(false)) {
		s.defrag.purge = true
	}
}

// stopDefrag ends a compaction.
func (s *Server) stopDefrag() {
	if s.Keyspace.Compacting() {
		s.Keyspace.StopCompaction()
	}
	s.defrag.percent, s.defrag.grantNs, s.defrag.purge = 0, 0, false
}

func (s *Server) defragDue() bool { return s.defrag.grantNs > 0 && s.loader == nil }

// defragStep is a part of a slice of background work. It returns true when there is more, and time for it.
func (s *Server) defragStep() bool {
	d := &s.defrag
	start := s.nanotime()
	more := s.Keyspace.CompactStep()
	took := s.nanotime() - start
	d.spentNs += took
	if d.grantNs -= took; !more {
		d.grantNs, d.percent, d.purge = 0, 0, false
		d.retryMs = s.upMs + defragRetryMs
	}
	return more && d.grantNs > 0
}

// Defragging returns the percentage of the time that goes into it now, 0 when none does, and the nanoseconds spent in all.
func (s *Server) Defragging() (percent, spentNs int64) { return s.defrag.percent, s.defrag.spentNs }
