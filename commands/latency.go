package commands

// LATENCY: the events of the latency monitor, and the histograms of the commands.

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"redix/engine"
)

var latencyRows = []engine.Row{
	{Name: "latency", Arity: -2, Group: "server", Since: "2.8.13", Complexity: "Depends on subcommand.",
		Summary: "Container of the commands that tell what took long.", Subs: []engine.Row{
			{Name: "doctor", Arity: 2, Flags: adminFlags, Since: "2.8.13", Complexity: "O(1)",
				Summary: "Replies with a report on the events of the latency monitor, in words.",
				Hints:   "nondeterministic_output request_policy:all_nodes response_policy:special", Handler: latencyDoctor},
			{Name: "graph", Arity: 3, Flags: adminFlags, Since: "2.8.13", Complexity: "O(1)", Syntax: "event",
				Summary: "Draws the samples of an event.",
				Hints:   "nondeterministic_output request_policy:all_nodes response_policy:special", Handler: latencyGraph},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "2.8.13", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "histogram", Arity: -2, Flags: adminFlags, Since: "7.0.0",
				Complexity: "O(N) where N is the number of commands with latency information being retrieved.",
				Syntax:     "[command [command ...]]", Summary: "Replies with the distribution of the time that commands take.",
				Hints: "nondeterministic_output request_policy:all_nodes response_policy:special", Handler: latencyHistogram},
			{Name: "history", Arity: 3, Flags: adminFlags, Since: "2.8.13", Complexity: "O(1)", Syntax: "event",
				Summary: "Replies with the samples of an event.",
				Hints:   "nondeterministic_output request_policy:all_nodes response_policy:special", Handler: latencyHistory},
			{Name: "latest", Arity: 2, Flags: adminFlags, Since: "2.8.13", Complexity: "O(1)",
				Summary: "Replies with the last sample of each event.",
				Hints:   "nondeterministic_output request_policy:all_nodes response_policy:special", Handler: latencyLatest},
			{Name: "reset", Arity: -2, Flags: adminFlags, Since: "2.8.13", Complexity: "O(1)", Syntax: "[event [event ...]]",
				Summary: "Forgets the samples of some events, or of all.",
				Hints:   "request_policy:all_nodes response_policy:agg_sum", Handler: latencyReset},
		}},
}

var _ = register(latencyRows)

// sortedEvents are the monitor's events by name.
func sortedEvents(s *engine.Server) []*engine.LatencyEvent {
	events := slices.Clone(s.LatencyEvents())
	slices.SortFunc(events, func(a, b *engine.LatencyEvent) int { return cmp.Compare(a.Name, b.Name) })
	return events
}

func latencyLatest(c *engine.Client, _ engine.Args) {
	events := sortedEvents(c.Server())
	c.Reply.Array(len(events))
	for _, e := range events {
		last := e.Last()
		c.Reply.Array(4)
		c.Reply.BulkString(e.Name)
		c.Reply.Int(last.UnixS)
		c.Reply.Int(last.Ms)
		c.Reply.Int(e.MaxMs)
	}
}

func latencyHistory(c *engine.Client, args engine.Args) {
	mark, n := c.Reply.Begin(), 0
	if e := c.Server().LatencyEvent(string(args[2])); e != nil {
		e.Samples(func(x engine.LatencySample) {
			c.Reply.Array(2)
			c.Reply.Int(x.UnixS)
			c.Reply.Int(x.Ms)
			n++
		})
	}
	c.Reply.EndArray(mark, n)
}

func latencyReset(c *engine.Client, args engine.Args) {
	s := c.Server()
	n := int64(0)
	if len(args) == 2 {
		for _, e := range slices.Clone(s.LatencyEvents()) {
			s.ResetLatency(e.Name)
			n++
		}
	}
	for _, name := range args[2:] {
		if s.ResetLatency(string(name)) {
			n++
		}
	}
	c.Reply.Int(n)
}

// latencyHistogram replies for commands that have been called, subcommands under their full names.
func latencyHistogram(c *engine.Client, args engine.Args) {
	mark, n := c.Reply.Begin(), 0
	one := func(r *engine.Row) {
		if r.Latency != nil {
			c.Reply.BulkString(r.FullName)
			replyHistogram(c, r.Latency)
			n++
		}
	}
	if len(args) == 2 {
		eachRow(c.Server().Table, one)
	}
	for _, name := range args[2:] {
		if r := rowNamed(c.Server().Table, string(name)); r != nil {
			one(r)
			for i := range r.Subs {
				one(&r.Subs[i])
			}
		}
	}
	c.Reply.EndMap(mark, n)
}

// replyHistogram replies with counts of calls up to bounds in microseconds: powers of two, rounded as the histogram is.
func replyHistogram(c *engine.Client, h *engine.Histogram) {
	r := c.Reply
	r.Map(2)
	r.BulkString("calls")
	r.Int(h.Total)
	r.BulkString("histogram_usec")
	mark, n := r.Begin(), 0
	h.Cumulative(func(boundNs, count int64) {
		r.Int(boundNs / 1000)
		r.Int(count)
		n++
	})
	r.EndMap(mark, n)
}

// infoLatencyStats writes the percentiles of all commands that have been called.
func infoLatencyStats(w *infoWriter, s *engine.Server) {
	if !s.Config.LatencyTracking {
		return
	}
	eachRow(s.Table, func(r *engine.Row) {
		if r.Latency == nil {
			return
		}
		var parts []string
		for _, p := range s.Config.LatencyPercentiles {
			parts = append(parts, "p"+strconv.FormatFloat(p, 'f', -1, 64)+"="+
				strconv.FormatFloat(float64(r.Latency.Percentile(p))/1000, 'f', 3, 64))
		}
		w.text("latency_percentiles_usec_"+r.FullName, strings.Join(parts, ","))
	})
}

// graphColumns is how many of the newest samples LATENCY GRAPH draws; graphRows how high it is.
const (
	graphColumns = 80
	graphRows    = 4
)

// latencyGraph draws one column for each sample: full rows, and above them what is over. Under each stands, from top to
// bottom, how long ago it was.
func latencyGraph(c *engine.Client, args engine.Args) {
	s := c.Server()
	e := s.LatencyEvent(string(args[2]))
	if e == nil {
		c.Reply.Errorf("ERR No samples available for event '%.128s'", args[2])
		return
	}
	var samples []engine.LatencySample
	e.Samples(func(x engine.LatencySample) { samples = append(samples, x) })
	samples = samples[max(len(samples)-graphColumns, 0):]
	low, high := samples[0].Ms, samples[0].Ms
	for _, x := range samples {
		low, high = min(low, x.Ms), max(high, x.Ms)
	}
	head := fmt.Sprintf("%s - high %d ms, low %d ms (all time high %d ms)\n", e.Name, high, low, e.MaxMs)
	b := append([]byte(head), strings.Repeat("-", graphColumns)+"\n"...)
	const steps = "_o#" // of a row, from below
	for row := graphRows - 1; row >= 0; row-- {
		for _, x := range samples {
			fill := 0
			if high > low {
				fill = int((x.Ms - low) * (graphRows*int64(len(steps)) - 1) / (high - low))
			}
			switch at := fill - row*len(steps); {
			case at < 0:
				b = append(b, ' ')
			case at >= len(steps):
				b = append(b, '|')
			default:
				b = append(b, steps[at])
			}
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	ages := make([]string, len(samples))
	longest := 0
	for i, x := range samples {
		ages[i] = age(max(s.NowMs/1000-x.UnixS, 0))
		longest = max(longest, len(ages[i]))
	}
	for i := range longest {
		for _, a := range ages {
			if i < len(a) {
				b = append(b, a[i])
			} else {
				b = append(b, ' ')
			}
		}
		b = append(b, '\n')
	}
	c.Reply.Verbatim("txt", b)
}

// age words a time in its largest unit.
func age(seconds int64) string {
	for _, u := range []struct {
		seconds int64
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "m"}} {
		if seconds >= u.seconds {
			return strconv.FormatInt(seconds/u.seconds, 10) + u.name
		}
	}
	return strconv.FormatInt(seconds, 10) + "s"
}

// latencyAdvice says what may be behind an event.
var latencyAdvice = map[string]string{
	"command":          "Look at SLOWLOG GET: commands over many elements take as long as there are elements. Ask for less at a time.",
	"fast-command":     "Commands that should be quick were not. SLOWLOG GET names them; long values and a machine without free CPU time do this.",
	"expire-cycle":     "A slice of the expiry took longer than planned: the machine had no CPU time for the server.",
	"background-slice": "A slice of background work took longer than planned: the machine had no CPU time for the server.",
	"eviction-cycle":   "Evicting took long: writers fill memory faster than it can be freed, or the machine has no CPU time.",
	"aof-write":        "Writing to the journal took long: the disk, or what shares it, is slow. Clients wait only for the replies to their writes.",
	"aof-fsync-always": "Syncing the journal took long: with appendfsync always each reply to a write waits for it. A faster disk or everysec helps.",
}

func latencyDoctor(c *engine.Client, _ engine.Args) {
	s := c.Server()
	if s.Config.LatencyThresholdMs == 0 {
		c.Reply.Verbatim("txt", []byte("The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it "+
			"on: choose the time from which on something is too slow for you.\n"))
		return
	}
	events := sortedEvents(s)
	if len(events) == 0 {
		c.Reply.Verbatim("txt", []byte("Nothing has taken longer than "+strconv.Itoa(s.Config.LatencyThresholdMs)+
			" milliseconds since the latency monitor was turned on or reset.\n"))
		return
	}
	b := fmt.Appendf(nil, "What took longer than %d milliseconds:\n\n", s.Config.LatencyThresholdMs)
	for i, e := range events {
		var n, sum int64
		first := int64(0)
		e.Samples(func(x engine.LatencySample) {
			if n == 0 {
				first = x.UnixS
			}
			n++
			sum += x.Ms
		})
		b = fmt.Appendf(b, "%d. %s: %d seconds with a sample since %s ago, on average %d ms, at most %d ms, the last %s ago.\n",
			i+1, e.Name, n, age(max(s.NowMs/1000-first, 0)), sum/n, e.MaxMs, age(max(s.NowMs/1000-e.Last().UnixS, 0)))
		if advice := latencyAdvice[e.Name]; advice != "" {
			b = append(b, "   "+advice+"\n"...)
		}
	}
	c.Reply.Verbatim("txt", b)
}
