package commands_test

// Streams in the crash test: what entries, groups, consumers and pending entries must be after the commands that were
// acknowledged. IDs are the writer's own count, so that every command's effect is known before it is sent.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"redix/commands/servertest"
)

// crashStream is a stream whose IDs are n-0.
type crashStream struct {
	entries          map[int]string
	last, maxDeleted int
	added            int
	groups           map[string]*crashGroup
}

type crashGroup struct {
	last      int
	consumers map[string]bool
	pending   map[int]crashPending
}

type crashPending struct {
	consumer   string
	deliveries int
}

func newCrashStream() *crashStream {
	return &crashStream{entries: map[int]string{}, groups: map[string]*crashGroup{}}
}

func (s *crashStream) clone() *crashStream {
	c := *s
	c.entries, c.groups = maps.Clone(s.entries), map[string]*crashGroup{}
	for name, g := range s.groups {
		c.groups[name] = &crashGroup{g.last, maps.Clone(g.consumers), maps.Clone(g.pending)}
	}
	return &c
}

// String is what a test compares, and what fetchStream makes of the server's replies.
func (s *crashStream) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "last %d-0, deleted %d-0, added %d\n", s.last, s.maxDeleted, s.added)
	for _, id := range slices.Sorted(maps.Keys(s.entries)) {
		fmt.Fprintf(&b, "%d-0 %s\n", id, s.entries[id])
	}
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[name]
		fmt.Fprintf(&b, "group %s at %d-0 with %q\n", name, g.last, slices.Sorted(maps.Keys(g.consumers)))
		for _, id := range slices.Sorted(maps.Keys(g.pending)) {
			fmt.Fprintf(&b, "%d-0 %s %d\n", id, g.pending[id].consumer, g.pending[id].deliveries)
		}
	}
	return b.String()
}

func fetchStream(conn *servertest.Conn, key string) string {
	var b strings.Builder
	info := named(conn.Must("XINFO", "STREAM", key))
	fmt.Fprintf(&b, "last %s, deleted %s, added %s\n", info["last-generated-id"].Str, info["max-deleted-entry-id"].Str, info["entries-added"].Str)
	for _, e := range conn.Must("XRANGE", key, "-", "+").Elems {
		fmt.Fprintf(&b, "%s %s\n", e.Elems[0].Str, strings.Join(e.Elems[1].Strings(), " "))
	}
	groups := map[string]map[string]servertest.Value{}
	for _, g := range conn.Must("XINFO", "GROUPS", key).Elems {
		groups[named(g)["name"].Str] = named(g)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		consumers := []string{}
		for _, c := range conn.Must("XINFO", "CONSUMERS", key, name).Elems {
			consumers = append(consumers, named(c)["name"].Str)
		}
		slices.Sort(consumers)
		fmt.Fprintf(&b, "group %s at %s with %q\n", name, groups[name]["last-delivered-id"].Str, consumers)
		for _, p := range conn.Must("XPENDING", key, name, "-", "+", "100000").Elems {
			fmt.Fprintf(&b, "%s %s %s\n", p.Elems[0].Str, p.Elems[1].Str, p.Elems[3].Str)
		}
	}
	return b.String()
}

// named gives the values of a reply that is a list of names and values.
func named(v servertest.Value) map[string]servertest.Value {
	m := map[string]servertest.Value{}
	for i := 0; i+1 < len(v.Elems); i += 2 {
		m[v.Elems[i].Str] = v.Elems[i+1]
	}
	return m
}

func (s *crashStream) add(id int, text string) {
	s.entries[id] = text
	s.last = id
	s.added++
}

// trim leaves the most newest entries.
func (s *crashStream) trim(most int) {
	for _, id := range slices.Sorted(maps.Keys(s.entries)) {
		if len(s.entries) <= most {
			return
		}
		delete(s.entries, id)
	}
}

func (s *crashStream) remove(id int) {
	if _, ok := s.entries[id]; ok {
		delete(s.entries, id)
		s.maxDeleted = max(s.maxDeleted, id)
	}
}

func (s *crashStream) read(g *crashGroup, consumer string, count int, noAck bool) {
	g.consumers[consumer] = true
	for _, id := range slices.Sorted(maps.Keys(s.entries)) {
		if id <= g.last || count == 0 {
			continue
		}
		count--
		g.last = id
		if !noAck {
			g.pending[id] = crashPending{consumer, 1}
		}
	}
}

// claim takes what is pending at ids, which may name one twice; what is deleted is not pending any more.
func (s *crashStream) claim(g *crashGroup, consumer string, ids []int, just bool) {
	g.consumers[consumer] = true
	for _, id := range ids {
		p, ok := g.pending[id]
		if !ok {
			continue
		}
		if _, ok := s.entries[id]; !ok {
			delete(g.pending, id)
			continue
		}
		p.consumer = consumer
		if !just {
			p.deliveries++
		}
		g.pending[id] = p
	}
}

func (g *crashGroup) dropConsumer(name string) {
	delete(g.consumers, name)
	maps.DeleteFunc(g.pending, func(_ int, p crashPending) bool { return p.consumer == name })
}

// onStream is a change of a stream that need not be there.
func onStream(key string, fn func(s *crashStream), words ...string) change {
	return change{words: words, apply: func(d *crashData, _ outcome) {
		if s := d.streams[key]; s != nil {
			fn(s)
		}
	}}
}

// onGroup is a change of a group; without one the command fails.
func onGroup(key, group, failure string, fn func(s *crashStream, g *crashGroup), words ...string) change {
	ch := onStream(key, func(s *crashStream) {
		if g := s.groups[group]; g != nil {
			fn(s, g)
		}
	}, words...)
	ch.mayFail = failure
	return ch
}

// addTo is an XADD, which makes the stream if there is none.
func addTo(key string, id int, text string, maxLen int, words ...string) change {
	return change{words: words, apply: func(d *crashData, _ outcome) {
		s := d.streams[key]
		if s == nil {
			s = newCrashStream()
			d.streams[key] = s
		}
		s.add(id, text)
		s.trim(maxLen)
	}}
}

const crashStreamMax = 60 // entries

// drawStream makes the next change of the writer's stream.
func (w *crashWriter) drawStream() change {
	w.n++
	n, id := w.n, strconv.Itoa(w.n)+"-0"
	x, g := w.key("x"), "g"+strconv.Itoa(w.rand.IntN(2))
	c := "c" + strconv.Itoa(w.rand.IntN(3))
	recent := func() int { return max(1, n-w.rand.IntN(80)) }
	ids, words := []int{recent(), recent(), recent()}, []string(nil)
	for _, id := range ids {
		words = append(words, strconv.Itoa(id)+"-0")
	}
	switch w.rand.IntN(20) {
	case 0:
		return onStream(x, func(s *crashStream) {
			for _, id := range ids {
				s.remove(id)
			}
		}, append([]string{"XDEL", x}, words...)...)
	case 1:
		most := w.rand.IntN(crashStreamMax)
		return onStream(x, func(s *crashStream) { s.trim(most) }, "XTRIM", x, "MAXLEN", "=", strconv.Itoa(most))
	case 2, 3:
		ch := change{words: []string{"XGROUP", "CREATE", x, g, "0", "MKSTREAM"}, mayFail: "BUSYGROUP"}
		ch.apply = func(d *crashData, _ outcome) {
			if d.streams[x] == nil {
				d.streams[x] = newCrashStream()
			}
			if d.streams[x].groups[g] == nil {
				d.streams[x].groups[g] = &crashGroup{consumers: map[string]bool{}, pending: map[int]crashPending{}}
			}
		}
		return ch
	case 4, 5, 6:
		count := 1 + w.rand.IntN(8)
		return onGroup(x, g, "NOGROUP", func(s *crashStream, g *crashGroup) { s.read(g, c, count, false) },
			"XREADGROUP", "GROUP", g, c, "COUNT", strconv.Itoa(count), "STREAMS", x, ">")
	case 7:
		return onGroup(x, g, "NOGROUP", func(s *crashStream, g *crashGroup) { s.read(g, c, 2, true) },
			"XREADGROUP", "GROUP", g, c, "COUNT", "2", "NOACK", "STREAMS", x, ">")
	case 8, 9:
		return onGroup(x, g, "", func(_ *crashStream, g *crashGroup) {
			for _, id := range ids {
				delete(g.pending, id)
			}
		}, append([]string{"XACK", x, g}, words...)...)
	case 10:
		return onGroup(x, g, "NOGROUP", func(s *crashStream, g *crashGroup) { s.claim(g, c, ids, false) },
			append([]string{"XCLAIM", x, g, c, "0"}, words...)...)
	case 11:
		return onGroup(x, g, "NOGROUP", func(s *crashStream, g *crashGroup) { s.claim(g, c, ids, true) },
			append(append([]string{"XCLAIM", x, g, c, "0"}, words...), "JUSTID")...)
	case 12:
		return onGroup(x, g, "NOGROUP", func(s *crashStream, g *crashGroup) {
			s.claim(g, c, slices.Collect(maps.Keys(g.pending)), false)
		}, "XAUTOCLAIM", x, g, c, "0", "-", "COUNT", "1000")
	case 13:
		return w.drawGroup(x, g, c, recent())
	}
	text := strconv.Itoa(n)
	if w.rand.IntN(4) == 0 {
		return addTo(x, n, "f "+text+" other "+c, 1<<30, "XADD", x, id, "f", text, "other", c)
	}
	return addTo(x, n, "f "+text, crashStreamMax, "XADD", x, "MAXLEN", "=", strconv.Itoa(crashStreamMax), id, "f", text)
}

// drawGroup makes one of the rarer changes.
func (w *crashWriter) drawGroup(x, g, c string, at int) change {
	switch w.rand.IntN(6) {
	case 0:
		ch := onStream(x, func(s *crashStream) { delete(s.groups, g) }, "XGROUP", "DESTROY", x, g)
		ch.mayFail = "ERR The XGROUP subcommand requires the key"
		return ch
	case 1:
		return change{words: []string{"DEL", x}, apply: func(d *crashData, _ outcome) { delete(d.streams, x) }}
	case 2:
		return onGroup(x, g, "ERR The XGROUP subcommand requires the key|NOGROUP", func(_ *crashStream, g *crashGroup) { g.last = at },
			"XGROUP", "SETID", x, g, strconv.Itoa(at)+"-0")
	case 3:
		return onGroup(x, g, "ERR The XGROUP subcommand requires the key|NOGROUP", func(_ *crashStream, g *crashGroup) { g.dropConsumer(c) },
			"XGROUP", "DELCONSUMER", x, g, c)
	}
	return onGroup(x, g, "ERR The XGROUP subcommand requires the key|NOGROUP", func(_ *crashStream, g *crashGroup) { g.consumers[c] = true },
		"XGROUP", "CREATECONSUMER", x, g, c)
}
