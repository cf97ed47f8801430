package engine

import (
	"math"
	"strconv"
	"time"
)

// What took long: the slow log, and the latency monitor's events. Commands get here from account, with the time of their
// handler in nanoseconds, when that reaches the smaller of the two thresholds.

const (
	slowWords    = 32  // words of a command that the slow log keeps
	slowWordSize = 128 // bytes of a word
)

// SlowEntry is one entry of the slow log.
type SlowEntry struct {
	ID     int64
	UnixS  int64
	Micros int64
	Words  []string // shortened
	Addr   string   // of the client
	Name   string
}

// slowLog keeps the newest entries, up to slowlog-max-len, in a ring.
type slowLog struct {
	ring   []SlowEntry
	next   int // place of the next entry, once the ring is full
	nextID int64
}

// SlowLog visits the entries, the newest first, until visit returns false.
func (s *Server) SlowLog(visit func(e *SlowEntry) bool) {
	l := &s.slow
	n := len(l.ring)
	for i := range n {
		if !visit(&l.ring[(l.next-1-i+2*n)%n]) {
			return
		}
	}
}

// SlowLogLen returns the number of entries.
func (s *Server) SlowLogLen() int { return len(s.slow.ring) }

// SlowLogReset drops all entries; their numbers go on.
func (s *Server) SlowLogReset() { s.slow.ring, s.slow.next = nil, 0 }

// resize keeps the newest entries when the bound has changed.
func (l *slowLog) resize(size int) {
	n := len(l.ring)
	if n < size && l.next == 0 || n == size {
		return
	}
	ordered := append(append(make([]SlowEntry, 0, n), l.ring[l.next:]...), l.ring[:l.next]...)
	l.ring, l.next = ordered[max(n-size, 0):], 0
}

func (l *slowLog) add(e SlowEntry, size int) {
	l.resize(size)
	e.ID = l.nextID
	l.nextID++
	if len(l.ring) < size {
		l.ring = append(l.ring, e)
		return
	}
	l.ring[l.next] = e
	l.next = (l.next + 1) % size
}

// shownWords are a command's words as the slow log keeps them, those redacted that the handler has named.
func (s *Server) shownWords(args Args) []string {
	n := min(len(args), slowWords)
	words := make([]string, n)
	for i := range words {
		switch a := args[i]; {
		case i == n-1 && len(args) > n:
			words[i] = "... (" + strconv.Itoa(len(args)-n+1) + " more arguments)"
		case s.isRedacted(args, i):
			words[i] = redacted
		case len(a) > slowWordSize:
			words[i] = string(a[:slowWordSize]) + "... (" + strconv.Itoa(len(a)-slowWordSize) + " more bytes)"
		default:
			words[i] = string(a)
		}
	}
	return words
}

// noticed is for a command that took as long as a threshold.
func (s *Server) noticed(c *Client, row *Row, args Args, ns int64) {
	if us := ns / 1000; row.Flags&SkipSlowlog == 0 && len(args) > 0 && s.Config.SlowlogMaxLen > 0 &&
		s.Config.SlowlogSlowerUs >= 0 && us >= int64(s.Config.SlowlogSlowerUs) {
		s.slow.add(SlowEntry{UnixS: s.NowMs / 1000, Micros: us, Words: s.shownWords(args), Addr: c.Addr(), Name: c.Name},
			s.Config.SlowlogMaxLen)
	}
	event := "command"
	if row.Flags&Fast != 0 {
		event = "fast-command"
	}
	s.AddLatency(event, ns)
}

// account notes how long a command took: that of one that waits, when it is over.
func (s *Server) account(c *Client, row *Row, args Args, ns int64) {
	if c.blocked != nil {
		c.blocked.ns += ns
		return
	}
	row.Stats.Ns += ns
	if s.Config.LatencyTracking {
		row.histogram().add(histBucket(ns), 1)
	}
	if ns >= s.noticeNs {
		s.noticed(c, row, args, ns)
	}
}

// histogram returns the row's histogram, made on first use: most commands are never called.
func (r *Row) histogram() *Histogram {
	if r.Latency == nil {
		r.Latency = &Histogram{}
	}
	return r.Latency
}

// add counts n durations of the same bucket.
func (h *Histogram) add(bucket, n int) {
	h.Counts[bucket] += int64(n)
	h.Total += int64(n)
}

const (
	// wordyFrame is the size in bytes from which on a fast command is timed by itself: it takes microseconds.
	wordyFrame = 1024
	// longReply is the length of a reply, in bytes, that makes it timed after the fact.
	longReply = 16 << 10
	// exactNs is a threshold below which the shared time of a batch is too coarse: everything is timed by itself.
	exactNs = int64(time.Millisecond)
)

// applySlow follows the thresholds of the configuration.
func (s *Server) applySlow() {
	s.noticeNs = math.MaxInt64
	s.timeFrom = wordyFrame
	if us := int64(s.Config.SlowlogSlowerUs); us >= 0 && s.Config.SlowlogMaxLen > 0 {
		s.noticeNs = min(us, math.MaxInt64/1000) * 1000
		if s.noticeNs < exactNs {
			s.timeFrom = 0
		}
	}
	if ms := int64(s.Config.LatencyThresholdMs); ms > 0 {
		s.noticeNs = min(s.noticeNs, min(ms, math.MaxInt64/1_000_000)*1_000_000)
	}
	s.slow.resize(max(s.Config.SlowlogMaxLen, 0))
}

// LatencySamples is how many samples of an event are kept.
const LatencySamples = 160

// LatencySample is one of an event of the latency monitor.
type LatencySample struct{ UnixS, Ms int64 }

// LatencyEvent is what the latency monitor knows of one kind of event.
type LatencyEvent struct {
	Name    string
	MaxMs   int64
	samples [LatencySamples]LatencySample
	next    int
	n       int
}

// Samples visits the samples from the oldest to the newest.
func (e *LatencyEvent) Samples(visit func(LatencySample)) {
	for i := range e.n {
		visit(e.samples[(e.next-e.n+i+LatencySamples)%LatencySamples])
	}
}

// Last returns the newest sample.
func (e *LatencyEvent) Last() LatencySample {
	return e.samples[(e.next-1+LatencySamples)%LatencySamples]
}

// AddLatency notes that something which should be short took so many nanoseconds, if that is over
// latency-monitor-threshold. The events of one second are one sample, of the longest.
func (s *Server) AddLatency(event string, ns int64) {
	ms := ns / int64(time.Millisecond)
	if s.Config.LatencyThresholdMs == 0 || ms < int64(s.Config.LatencyThresholdMs) {
		return
	}
	e := s.LatencyEvent(event)
	if e == nil {
		e = &LatencyEvent{Name: event}
		s.events = append(s.events, e)
	}
	e.MaxMs = max(e.MaxMs, ms)
	now := s.NowMs / 1000
	if e.n > 0 {
		if last := &e.samples[(e.next-1+LatencySamples)%LatencySamples]; last.UnixS == now {
			last.Ms = max(last.Ms, ms)
			return
		}
	}
	e.samples[e.next] = LatencySample{now, ms}
	e.next = (e.next + 1) % LatencySamples
	e.n = min(e.n+1, LatencySamples)
}

// LatencyEvents returns all events, in the order in which they were first seen.
func (s *Server) LatencyEvents() []*LatencyEvent { return s.events }

// LatencyEvent returns an event by its name, or nil.
func (s *Server) LatencyEvent(name string) *LatencyEvent {
	for _, e := range s.events {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// ResetLatency forgets an event; false when there was none.
func (s *Server) ResetLatency(name string) bool {
	for i, e := range s.events {
		if e.Name == name {
			s.events = append(s.events[:i], s.events[i+1:]...)
			return true
		}
	}
	return false
}

const redacted = "(redacted)"

// Redact hides words of the running command from MONITOR and the slow log: from the first place to the last.
func (c *Client) Redact(first, last int) {
	s := c.server
	if len(s.running) == 0 {
		return
	}
	if s.redactOf != &s.running[0] {
		s.redactOf, s.redactAt = &s.running[0], s.redactAt[:0]
	}
	s.redactAt = append(s.redactAt, [2]int{first, last})
}

// isRedacted tells whether a word of the command that has just run is hidden.
func (s *Server) isRedacted(args Args, i int) bool {
	if s.redactOf != &args[0] {
		return false
	}
	for _, r := range s.redactAt {
		if i >= r[0] && i <= r[1] {
			return true
		}
	}
	return false
}
