package httpport

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"redix/engine"
)

// windowTime is the least time that latencies and rates of the page are taken over, once there is so much.
const windowTime = 5 * time.Second

// window keeps older figures, so that the page can show what has happened lately and not since the start.
type window struct {
	mu     sync.Mutex
	older  *Figures // windowTime to twice that old
	middle *Figures
}

// before returns figures to compare with, nil at first.
func (w *window) before(f *Figures) *Figures {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.middle == nil || f.At.Sub(w.middle.At) > 4*windowTime { // nobody has looked for a while
		w.older, w.middle = nil, f
	} else if f.At.Sub(w.middle.At) > windowTime {
		w.older, w.middle = w.middle, f
	}
	if w.older == nil && w.middle != f {
		return w.middle
	}
	return w.older
}

// shownFigures is the JSON of /api/figures. Durations are microseconds.
type shownFigures struct {
	AtMs     int64              `json:"at"`
	Info     map[string]string  `json:"info"`
	Seconds  float64            `json:"seconds"` // that rates and latencies are of
	Rates    map[string]float64 `json:"rates"`
	HitRatio float64            `json:"hit_ratio"` // of the window; negative: no reads
	Commands []shownCommand     `json:"commands"`
	Rounds   shownLatency       `json:"rounds"`
	Slow     []shownSlow        `json:"slow"`
	SlowLen  int                `json:"slow_len"`
	Keys     Keys               `json:"keys"`
	Loading  bool               `json:"loading"`
	Loaded   float64            `json:"loaded"` // percent
	Refused  string             `json:"writes_refused"`
}

type shownCommand struct {
	Name    string       `json:"name"`
	Calls   int64        `json:"calls"`
	Failed  int64        `json:"failed"`
	Rate    float64      `json:"rate"`
	Mean    float64      `json:"mean"`
	Latency shownLatency `json:"latency"`
}

type shownLatency struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

type shownSlow struct {
	AtS    int64    `json:"at"`
	Micros int64    `json:"us"`
	Words  []string `json:"words"`
	Addr   string   `json:"addr"`
	Name   string   `json:"name"`
}

// rateFields are counters of INFO whose rates the page draws.
var rateFields = []string{"total_commands_processed", "total_net_input_bytes", "total_net_output_bytes", "expired_keys",
	"evicted_keys", "keyspace_hits", "keyspace_misses", "aof_fsyncs", "total_connections_received", "total_error_replies"}

func (w *window) shown(f *Figures) *shownFigures {
	before := w.before(f)
	out := &shownFigures{AtMs: f.At.UnixMilli(), Info: f.info(), Rates: map[string]float64{}, HitRatio: -1, SlowLen: f.SlowLen,
		Keys: f.Keys, Loading: f.Loading, Loaded: 100 * float64(f.Loaded) / float64(max(f.ToLoad, 1)), Refused: f.WritesRefused}
	var rounds *engine.Histogram
	old := map[string]*Command{}
	if before != nil {
		out.Seconds = f.At.Sub(before.At).Seconds()
		for _, name := range rateFields {
			now, ok1 := f.number(name)
			was, ok2 := before.number(name)
			if ok1 && ok2 && now >= was {
				out.Rates[name] = (now - was) / out.Seconds
			}
		}
		if reads := out.Rates["keyspace_hits"] + out.Rates["keyspace_misses"]; reads > 0 {
			out.HitRatio = out.Rates["keyspace_hits"] / reads
		}
		rounds = before.Rounds
		for i := range before.Commands {
			old[before.Commands[i].Name] = &before.Commands[i]
		}
	}
	out.Rounds = latency(difference(f.Rounds, rounds))
	for i := range f.Commands {
		out.Commands = append(out.Commands, f.Commands[i].shown(old[f.Commands[i].Name], out.Seconds))
	}
	slices.SortFunc(out.Commands, func(a, b shownCommand) int {
		return cmp.Or(cmp.Compare(b.Rate, a.Rate), cmp.Compare(b.Calls, a.Calls), strings.Compare(a.Name, b.Name))
	})
	for _, e := range f.Slow {
		out.Slow = append(out.Slow, shownSlow{e.UnixS, e.Micros, e.Words, e.Addr, e.Name})
	}
	return out
}

// shown compares a command with what it was; nil and 0 seconds show it since the start.
func (c *Command) shown(before *Command, seconds float64) shownCommand {
	out := shownCommand{Name: c.Name, Calls: c.Stats.Calls, Failed: c.Stats.Failed}
	var h *engine.Histogram
	calls, ns := c.Stats.Calls, c.Stats.Ns
	if before != nil && before.Stats.Calls <= calls && before.Stats.Ns <= ns {
		calls, ns, h = calls-before.Stats.Calls, ns-before.Stats.Ns, before.Latency
	}
	if seconds > 0 {
		out.Rate = float64(calls) / seconds
	}
	out.Mean = float64(ns) / float64(max(calls, 1)) / 1e3
	if c.Latency != nil {
		out.Latency = latency(difference(c.Latency, h))
	}
	return out
}

func latency(h *engine.Histogram) shownLatency {
	us := func(p float64) float64 {
		if h.Total == 0 {
			return 0
		}
		return float64(h.Percentile(p)) / 1e3
	}
	return shownLatency{h.Total, us(50), us(99), us(99.9), us(100)}
}
