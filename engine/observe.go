package engine

import (
	"slices"
	"time"
)

// Observation is what is measured only while somebody may look (http-port): which keys are used most, and how long rounds
// take. It is sampled, so that a command pays for a subtraction.
type Observation struct {
	// Rounds has the length of every sixteenth round, from its clock reading to the end of its background work.
	Rounds Histogram
	// Hot are the keys used most in the last whole window, the hottest first.
	Hot []HotKey

	until  int // commands until the next sample
	random uint64
	window hotWindow
}

// HotKey is a key and an estimate of how often it is used: never more than it is, by commands that name it first.
type HotKey struct {
	Key       string
	DB        int
	PerSecond float64
}

const (
	hotSample     = 64 // one command out of so many, on average, is looked at
	hotCounters   = 64
	hotShown      = 10
	hotKeyBytes   = 128 // of a key that are shown
	hotLeast      = 3   // samples that a key needs to be told from chance
	hotWindowTime = 10 * time.Second
)

// hotWindow finds frequent keys among the samples of one window, by the Space-Saving algorithm (Metwally, Agrawal, El Abbadi,
// 2005): a key that has no counter takes over the smallest, and remembers its count as the error it may have.
type hotWindow struct {
	begun    time.Time
	counters []hotCounter
}

type hotCounter struct {
	hash  uint64
	count int
	err   int
	db    int
	key   []byte
}

// Observe starts the measurements.
func (s *Server) Observe() { s.observed = &Observation{until: 1, random: 1} }

// Observed returns what was measured, or nil.
func (s *Server) Observed() *Observation { return s.observed }

// sample looks at the commands of a batch that are about to run.
func (o *Observation) sample(s *Server, c *Client, frames []frame) {
	o.until -= len(frames)
	for o.until <= 0 {
		if key := frames[len(frames)-1+o.until].firstKey(); key != nil {
			o.window.add(s.Keyspace.Hash(key)+uint64(c.DB.ID), c.DB.ID, key)
		}
		o.random ^= o.random << 13
		o.random ^= o.random >> 7
		o.random ^= o.random << 17
		o.until += 1 + int(o.random%(2*hotSample-1)) // so that no rhythm of the clients hides a key
	}
}

func (w *hotWindow) add(hash uint64, db int, key []byte) {
	least := 0
	for i := range w.counters {
		if w.counters[i].hash == hash {
			w.counters[i].count++
			return
		}
		if w.counters[i].count < w.counters[least].count {
			least = i
		}
	}
	if len(w.counters) < hotCounters {
		w.counters = append(w.counters, hotCounter{})
		least = len(w.counters) - 1
	}
	k := &w.counters[least]
	k.hash, k.db, k.err = hash, db, k.count
	k.count++
	k.key = append(k.key[:0], key[:min(len(key), hotKeyBytes)]...)
}

// roll ends the window when it is over.
func (o *Observation) roll(now time.Time) {
	w := &o.window
	if w.begun.IsZero() {
		w.begun = now
	}
	took := now.Sub(w.begun)
	if took < hotWindowTime {
		return
	}
	o.Hot = w.top(took)
	*w = hotWindow{begun: now}
}

func (w *hotWindow) top(took time.Duration) []HotKey {
	slices.SortFunc(w.counters, func(a, b hotCounter) int { return (b.count - b.err) - (a.count - a.err) })
	var out []HotKey
	for i := range w.counters {
		k := &w.counters[i]
		if sure := k.count - k.err; sure >= hotLeast && len(out) < hotShown {
			out = append(out, HotKey{string(k.key), k.db, float64(sure) * hotSample / took.Seconds()})
		}
	}
	return out
}
