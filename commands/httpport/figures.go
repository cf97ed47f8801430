package httpport

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"redix/engine"
)

// Source answers for the loop. Any goroutine may call it.
type Source interface {
	// Ask returns what the loop says to one who shows these credentials from this address ("ip:port"). The error is that
	// of the context, when the loop does not answer in time.
	Ask(ctx context.Context, q Question) (Answer, error)
}

// Question is what a request wants to know.
type Question struct {
	Addr           string // of the peer
	User, Password string
	HasPassword    bool
	Open           bool // nothing secret is asked for: no credentials are needed
}

// Answer is the loop's.
type Answer struct {
	Access  Access
	Figures *Figures // nil unless access is granted
	PProf   bool     // http-pprof
}

// Access tells whether the one who asks may know.
type Access int

// What the loop says to credentials.
const (
	Granted      Access = iota
	GrantedHere         // because it is this machine, in protected mode without a password
	NeedPassword        // none or a wrong one was shown
	Protected           // protected-mode keeps out other machines
)

// Figures are a copy of what the loop knows at one moment. Nothing of it changes afterwards.
type Figures struct {
	At       time.Time
	Text     []byte // of INFO
	Commands []Command
	Slow     []engine.SlowEntry // the newest first
	SlowLen  int
	Rounds   *engine.Histogram // of the lengths of rounds, sampled
	Keys     Keys

	Loading        bool
	Loaded, ToLoad int64  // bytes
	WritesRefused  string // why, or empty
	parseInfo      sync.Once
	fields         map[string]string
	names          []string
}

// Command is what is counted of one.
type Command struct {
	Name    string
	Stats   engine.CallStats
	Latency *engine.Histogram // nil when there is none
}

// Keys is what a walk over the keyspace has found, and what samples of the commands tell.
type Keys struct {
	Types    []TypeOfKeys
	Biggest  []BigKey
	Hottest  []engine.HotKey
	Visited  int64   // keys, by the walk that goes on
	Total    int64   // keys that there are
	WalkSecs float64 // that the last whole walk took; 0: none yet
}

// TypeOfKeys is what keys of one type take, estimated from those that the walk has seen.
type TypeOfKeys struct {
	Name        string
	Keys, Bytes int64
}

// BigKey is a large key.
type BigKey struct {
	Key, Type string
	DB        int
	Bytes     int64
}

// info parses the text of INFO, once.
func (f *Figures) info() map[string]string {
	f.parseInfo.Do(func() {
		f.fields = map[string]string{}
		for line := range strings.Lines(string(f.Text)) {
			if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok && name[0] != '#' {
				f.fields[name] = value
				f.names = append(f.names, name)
			}
		}
	})
	return f.fields
}

// number returns a field of INFO as a number; ok is false when it is not there or no number. A percent sign is left out.
func (f *Figures) number(name string) (v float64, ok bool) {
	text, found := f.info()[name]
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	return v, found && err == nil
}

// parts splits a value like keys=1,expires=0.
func parts(value string) map[string]string {
	out := map[string]string{}
	for word := range strings.SplitSeq(value, ",") {
		if name, v, ok := strings.Cut(word, "="); ok {
			out[name] = v
		}
	}
	return out
}

// difference is what h has counted since before; nil counts from the start, and so does a histogram that was reset.
func difference(h, before *engine.Histogram) *engine.Histogram {
	if before == nil || before.Total > h.Total {
		return h
	}
	d := &engine.Histogram{Total: h.Total - before.Total}
	for i := range h.Counts {
		d.Counts[i] = h.Counts[i] - before.Counts[i]
		if d.Counts[i] < 0 {
			return h
		}
	}
	return d
}
