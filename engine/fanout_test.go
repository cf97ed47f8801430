package engine

// Fan-out: that jobs change nothing of what a client is sent, nor of its order, whatever comes between.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/engine/resp"
	"redix/engine/seeds"
)

// hearer is what a client must be sent, by a model that sends everything at once.
type hearer struct {
	conn   *fakeConn
	proto  int
	subs   [subKinds]map[string]bool
	expect []byte
	late   []byte
	silent bool // CLIENT REPLY OFF
	waits  bool // for the key
	ends   bool // it is sent nothing more
	lost   bool // killed: it may have been sent less
	gone   bool // noteLost has seen that it is disconnected
}

// hall is the model: clients, one key, and who is running a command.
type hall struct {
	*world
	rng     *rand.Rand
	all     []*hearer
	waiting []*hearer
	value   string // of the key; empty: there is none
	running []*hearer
	serial  int
}

var hallNames = [subKinds][]string{
	Channels: {"x", "y", "__keyspace@0__:k", "__keyevent@0__:set", "__keyevent@0__:del"},
	Patterns: {"x*", "__keyevent*"}, // a name matches one at most: patterns have no order
	Shards:   {"s", "x"},
}

func hallRows() []Row {
	subscribe := func(kind SubKind) Handler {
		return func(c *Client, a Args) { c.Subscribe(kind, a[1]); c.Reply.OK() }
	}
	unsubscribe := func(kind SubKind) Handler {
		return func(c *Client, a Args) { c.Unsubscribe(kind, a[1]); c.Reply.OK() }
	}
	who := func(c *Client, id []byte) (found *Client) {
		n, _ := resp.ParseInt(id)
		c.Server().Clients(func(x *Client) bool {
			if x.ID == n {
				found = x
			}
			return true
		})
		return found
	}
	return []Row{
		{Name: "sub0", Arity: 2, Handler: subscribe(Channels)}, {Name: "unsub0", Arity: 2, Handler: unsubscribe(Channels)},
		{Name: "sub1", Arity: 2, Handler: subscribe(Patterns)}, {Name: "unsub1", Arity: 2, Handler: unsubscribe(Patterns)},
		{Name: "sub2", Arity: 2, Handler: subscribe(Shards)}, {Name: "unsub2", Arity: 2, Handler: unsubscribe(Shards)},
		{Name: "reset", Arity: 1, Handler: func(c *Client, _ Args) {
			c.UnsubscribeAll()
			c.ReplyOff, c.Proto, c.Reply.Proto = false, 2, 2
			c.Reply.OK()
		}},
		{Name: "spublish", Arity: 3, Handler: func(c *Client, a Args) { c.Reply.Int(int64(c.Server().PublishShard(a[1], a[2]))) }},
		{Name: "hello", Arity: 2, Handler: func(c *Client, a Args) {
			c.Proto = int(a[1][0] - '0')
			c.Reply.Proto = c.Proto
			c.Reply.OK()
		}},
		{Name: "tell", Arity: 3, Handler: func(c *Client, a Args) {
			if x := who(c, a[1]); x != nil {
				c.Server().push(x, append([]byte(nil), "+"+string(a[2])+"\r\n"...))
			}
			c.Reply.OK()
		}},
		{Name: "fell", Arity: 2, Handler: func(c *Client, a Args) {
			if x := who(c, a[1]); x != nil && x != c {
				c.Server().Kill(x)
			}
			c.Reply.OK()
		}},
		{Name: "on", Arity: 1, Handler: func(c *Client, _ Args) { c.ReplyOff = false; c.Reply.OK() }},
	}
}

func newHall(t *testing.T, rng *rand.Rand, flags ...string) *hall {
	h := &hall{world: newWorld(t, rng.IntN(styles), append(flags, "--notify-keyspace-events", "KEg$")...), rng: rng}
	rows := slices.Concat(h.rows(), blockRows(), hallRows())
	for i := range rows {
		rows[i].Flags |= InSubscriber
	}
	h.s.Table = NewTable(rows)
	return h
}

// enter opens a client. A write takes so long that a slice is eight of them.
func (h *hall) enter() *hearer {
	x := &hearer{conn: h.open(), proto: 2}
	for kind := range x.subs {
		x.subs[kind] = map[string]bool{}
	}
	x.conn.written = func(*fakeConn) { h.s.base = h.s.base.Add(-time.Duration(sliceNs) / 7) }
	if h.rng.IntN(3) == 0 {
		x.conn.room = h.rng.IntN(5000)
	}
	return x
}

// say gives a client a message: those whose commands are running, after their replies.
func (h *hall) say(x *hearer, b string) {
	switch {
	case x.ends:
	case slices.Contains(h.running, x):
		x.late = append(x.late, b...)
	default:
		x.expect = append(x.expect, b...)
	}
}

func (h *hall) reply(x *hearer, b string) {
	if !x.silent {
		x.expect = append(x.expect, b...)
	}
}

func (x *hearer) takeLate() { x.expect, x.late = append(x.expect, x.late...), nil }

// publish returns how many were told.
func (h *hall) publish(kind SubKind, channel, text string) (n int) {
	tell := func(kind SubKind, name string, words ...string) {
		for _, x := range h.all {
			if x.conn.closed || !x.subs[kind][name] {
				continue
			}
			n++
			b := fmt.Appendf(nil, "%c%d\r\n", "*>"[x.proto-2], len(words))
			for _, word := range words {
				b = append(b, bulk(word)...)
			}
			h.say(x, string(b))
		}
	}
	if kind == Shards {
		tell(Shards, channel, "smessage", channel, text)
		return n
	}
	tell(Channels, channel, "message", channel, text)
	for _, pattern := range hallNames[Patterns] {
		if strings.HasPrefix(channel, strings.TrimSuffix(pattern, "*")) {
			tell(Patterns, pattern, "pmessage", pattern, channel, text)
		}
	}
	return n
}

func (h *hall) event(name string) {
	h.publish(Channels, "__keyspace@0__:k", name)
	h.publish(Channels, "__keyevent@0__:"+name, "k")
}

// take is the command that waits for the key; it returns false when it has to.
func (h *hall) take(x *hearer) bool {
	if h.value == "" {
		return false
	}
	value := h.value
	h.value = ""
	h.event("del")
	h.reply(x, bulk(value))
	return true
}

// serve lets the first who waits for the key have it, after by's command.
func (h *hall) serve() {
	for len(h.waiting) > 0 && h.value != "" {
		x := h.waiting[0]
		h.waiting = h.waiting[1:]
		if x.conn.closed || x.ends {
			continue
		}
		x.waits = false
		h.running = append(h.running, x)
		h.take(x)
		h.running = h.running[:len(h.running)-1]
		x.takeLate()
	}
}

func (x *hearer) listens() bool {
	return len(x.subs[Channels])+len(x.subs[Patterns])+len(x.subs[Shards]) > 0
}

// draw makes a command of x's up and notes what it leads to. With one, it is none of which others notice that it is lost with its
// client, if that is a subscriber.
func (h *hall) draw(x *hearer, one bool) (frame []byte) {
	h.serial++
	text := fmt.Sprint("m", h.serial)
	switch h.rng.IntN(40) {
	case 0:
		text += strings.Repeat("-", h.rng.IntN(30_000))
	case 1, 2, 3:
		text += strings.Repeat("-", h.rng.IntN(1500))
	}
	h.running = []*hearer{x}
	defer func() {
		h.running = nil
		x.takeLate()
	}()
	kind := SubKind(h.rng.IntN(int(subKinds)))
	name := hallNames[kind][h.rng.IntN(len(hallNames[kind]))]
	other := h.all[h.rng.IntN(len(h.all))]
	choice := h.rng.IntN(24)
	if one && (choice > 8 && x.listens() || choice > 13 && choice < 17) {
		choice = 7
	}
	switch choice {
	case 0, 1, 2, 3, 4:
		x.subs[kind][name] = true
		h.reply(x, ok)
		return frm(fmt.Sprint("sub", int(kind)), name)
	case 5, 6:
		delete(x.subs[kind], name)
		h.reply(x, ok)
		return frm(fmt.Sprint("unsub", int(kind)), name)
	case 7:
		h.reply(x, pong)
		return frm("ping")
	case 8:
		n := 2 + h.rng.IntN(2)
		x.proto = n
		h.reply(x, ok)
		return frm("hello", fmt.Sprint(n))
	case 9:
		if h.rng.IntN(4) == 0 {
			for kind := range x.subs {
				clear(x.subs[kind])
			}
			x.proto, x.silent = 2, false
			h.reply(x, ok)
			return frm("reset")
		}
		h.say(other, "+"+text+"\r\n")
		h.reply(x, ok)
		return frm("tell", fmt.Sprint(other.conn.client().ID), text)
	case 10:
		if x.silent = !x.silent; x.silent {
			return frm("off")
		}
		h.reply(x, ok)
		return frm("on")
	case 11:
		if h.rng.IntN(4) > 0 || other == x || other.conn.closed {
			h.reply(x, bulk(text))
			return frm("echo", text)
		}
		other.lost, other.ends = true, true
		other.conn.closed = true // for publish; undone below, since it has not happened
		defer func() { other.conn.closed = false }()
		for kind := range other.subs {
			clear(other.subs[kind])
		}
		h.reply(x, ok)
		return frm("fell", fmt.Sprint(other.conn.client().ID))
	case 12, 13:
		h.value = text
		h.event("set")
		h.reply(x, ok)
		x.takeLate()
		h.serve()
		return frm("put", "k", text)
	case 14, 15:
		if !h.take(x) {
			x.waits = true
			h.waiting = append(h.waiting, x)
		}
		return frm("take", "0", "k")
	case 16:
		frame = frm("multi")
		h.reply(x, ok)
		n := 1 + h.rng.IntN(4)
		replies := fmt.Sprintf("*%d\r\n", n)
		for i := range n {
			frame = append(frame, frm("publish", "x", fmt.Sprint(text, i))...)
			h.reply(x, "+QUEUED\r\n")
			replies += fmt.Sprintf(":%d\r\n", h.publish(Channels, "x", fmt.Sprint(text, i)))
		}
		h.reply(x, replies)
		return append(frame, frm("exec")...)
	}
	if name == "s" || kind == Shards {
		n := h.publish(Shards, name, text)
		h.reply(x, fmt.Sprintf(":%d\r\n", n))
		return frm("spublish", name, text)
	}
	n := h.publish(Channels, name, text)
	h.reply(x, fmt.Sprintf(":%d\r\n", n))
	return frm("publish", name, text)
}

// step lets one client send some commands, or end, or read; or the server go on.
func (h *hall) step(one bool) {
	at := h.rng.IntN(len(h.all))
	x := h.all[at]
	if x.conn.closed {
		h.check(x)
		h.all[at] = h.enter()
		return
	}
	switch n := h.rng.IntN(100); {
	case n < 50 && !x.waits && !x.ends:
		var in []byte
		mayQuit := !one || !x.listens()
		for range 1 + h.rng.IntN(4) {
			in = append(in, h.draw(x, one)...)
			if one || x.waits {
				break
			}
		}
		if h.rng.IntN(40) == 0 && !x.waits && mayQuit {
			in = append(in, frm("quit")...)
			h.reply(x, ok)
			x.ends = true
		}
		h.read(x.conn, in)
	case n < 51:
		h.s.Kill(x.conn.client())
		x.lost, x.ends = true, true
	case n < 52:
		h.s.Ended(x.conn)
		x.ends, x.waits = true, false
		h.waiting = slices.DeleteFunc(h.waiting, func(y *hearer) bool { return x == y })
		h.world.event()
	case n < 70:
		h.drain(x.conn, h.rng.IntN(1<<h.rng.IntN(15)))
	case n < 75 && h.j != nil:
		h.j.done += h.rng.Int64N(h.j.handed - h.j.done + 1)
		h.s.Woken()
		h.world.event()
	default:
		h.round()
	}
}

// check compares what a client was sent with what it must have been; all of that, unless it was killed.
func (h *hall) check(x *hearer) {
	h.t.Helper()
	got := x.conn.out
	if x.lost && len(got) < len(x.expect) {
		x.expect = x.expect[:len(got)]
	}
	if string(got) != string(x.expect) {
		h.t.Fatalf("client %d: %s", x.conn.client().ID, difference(got, x.expect))
	}
}

// TestFanoutOrder lets clients subscribe, publish, change keys, wait for one, read and leave, in random order, while messages are
// on their way in jobs: everybody is sent what it would be if messages were there at once.
func TestFanoutOrder(t *testing.T) {
	seed := seeds.Draw(t)
	pending, most := 0, 0
	for run := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, run))
		h := newHall(t, rng)
		h.s.FanoutFrom = []int{0, 0, 1, 3, 8, 1000}[rng.IntN(6)]
		if rng.IntN(3) == 0 {
			h.journal(rng.IntN(2) == 0)
		}
		for range 20 {
			h.all = append(h.all, h.enter())
		}
		for range 700 {
			h.step(false)
			if n := len(h.s.fan.jobs) - h.s.fan.done; n > 0 {
				pending++
				most = max(most, n)
			}
			if t.Failed() {
				t.Fatalf("run %d", run)
			}
		}
		h.finish()
		if n := h.s.Stats.OutputLimitDisconnections; n > 0 {
			t.Errorf("run %d: %d were disconnected", run, n)
		}
	}
	t.Logf("after %d steps messages were on their way, up to %d", pending, most)
	if pending == 0 {
		t.Error("no message was ever on its way")
	}
}

// TestFanoutLimits is the same where subscribers that do not read are disconnected, whenever their messages reach them: what they
// have been sent until then is right, and so is everything of the others.
func TestFanoutLimits(t *testing.T) {
	seed := seeds.Draw(t)
	cut := int64(0)
	for run := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, run))
		h := newHall(t, rng, "--client-output-buffer-limit", "pubsub 4000 2000 1", "--maxmemory-clients", "1gb")
		h.s.FanoutFrom = 0
		for range 20 {
			h.all = append(h.all, h.enter())
		}
		for range 500 {
			before := h.s.Stats.OutputLimitDisconnections
			h.step(true)
			h.noteLost(h.s.Stats.OutputLimitDisconnections > before)
		}
		h.finish()
		cut += h.s.Stats.OutputLimitDisconnections
		if sum := h.s.sumClients(); sum != h.s.clientBytes {
			t.Errorf("run %d: the clients take %d bytes, counted as %d", run, sum, h.s.clientBytes)
		}
	}
	if cut == 0 {
		t.Error("nobody reached a limit")
	}
	t.Log(cut, "disconnections")
}

// noteLost notes who has been disconnected at a limit since the last call. limit tells that somebody has: that may be one who was about to
// end, with output pending, too.
func (h *hall) noteLost(limit bool) {
	for _, x := range h.all {
		if x.conn.closed && !x.gone {
			x.lost = x.lost || limit || !x.ends
			x.ends, x.gone = true, true
		}
	}
}

// TestFanoutAtTheEnd: what is on its way when the process ends is sent before.
func TestFanoutAtTheEnd(t *testing.T) {
	w := newWorld(t, native)
	subs := crowd(w, 200, time.Duration(sliceNs/5), func() {})
	w.read(w.open(), frm("publish", "x", "hello"))
	w.s.SendAll()
	for _, c := range subs {
		c.want("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$5\r\nhello\r\n")
	}
}

// TestFanoutJoins: a subscriber is sent all that is on its way to it by one write.
func TestFanoutJoins(t *testing.T) {
	w := newWorld(t, native)
	writes := 0
	subs := crowd(w, 100, 0, func() { writes++ })
	publisher := w.open()
	for range 5 {
		w.read(publisher, frm("publish", "x", "hello"))
	}
	w.settle()
	if writes != len(subs) {
		t.Errorf("%d writes to %d subscribers", writes, len(subs))
	}
	for _, c := range subs {
		c.want(strings.Repeat("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$5\r\nhello\r\n", 5))
	}
}

// deaf takes everything and keeps nothing.
type deaf struct{ *fakeConn }

func (deaf) Write(b []byte) (int, error) { return len(b), nil }

// TestFanoutIsBounded: what publishes to many waits while much is on its way: PUBLISH, alone and in a transaction, with a large message,
// and commands and expiry where events are published. Other commands do not wait.
func TestFanoutIsBounded(t *testing.T) {
	w := newWorld(t, native, "--notify-keyspace-events", "KEA")
	w.s.Table = NewTable(w.rows(), blockRows())
	w.s.Table.Lookup([]byte("publish")).Flags |= Pubsub
	const size = flushBacklog / 4
	for i, c := range crowd(w, size, 0, func() {}) {
		if i > 0 {
			c.client().conn = deaf{c}
		}
		c.client().Subscribe(Channels, []byte("__keyevent@0__:set"))
		c.client().Subscribe(Channels, []byte("__keyevent@0__:expired"))
	}
	publishers := []*fakeConn{w.open(), w.open(), w.open(), w.open(), w.open(), w.open()}
	other := w.open()
	w.settle()
	w.read(other, frm("setpx", "gone", "10", "v"))
	other.want(ok)
	later := w.open()
	w.read(later, frm("multi"))
	w.read(later, frm("publish", "x", "m"))
	later.want(ok + "+QUEUED\r\n")
	big := strings.Repeat("b", bigArgument)
	for i, c := range publishers {
		w.read(c, frm("publish", "x", "m"))
		if i < 4 {
			c.want(fmt.Sprintf(":%d\r\n", size))
		}
	}
	w.read(later, frm("exec"))
	w.read(publishers[0], frm("publish", "x", big))
	w.read(publishers[1], frm("put", "k", "v"))
	w.read(publishers[2], frm("get", "none"))
	w.later(time.Second)
	w.s.Tick(w.r.now)
	if w.s.expiryDue() {
		t.Error("expiry goes on")
	}
	w.read(other, frm("ping"))
	other.want(pong)
	for _, c := range append(publishers, later) {
		c.want("")
	}
	if jobs := len(w.s.fan.jobs); jobs != 4 {
		t.Errorf("%d jobs", jobs)
	}
	w.settle()
	publishers[0].want(fmt.Sprintf(":%d\r\n", size))
	publishers[1].want(ok)
	publishers[2].want(null)
	publishers[4].want(fmt.Sprintf(":%d\r\n", size))
	later.want(fmt.Sprintf("*1\r\n:%d\r\n", size))
	if n := w.s.Keyspace.DB(0).Len(); n != 1 {
		t.Errorf("%d keys", n)
	}
	if got := w.conns[0].take(); strings.Count(got, "$1\r\nm\r\n") != 7 || strings.Count(got, big) != 1 || strings.Count(got, "gone") != 1 {
		t.Errorf("a subscriber got %s", brief(got))
	}
}

// TestFanoutMemory: messages on their way count once as used memory, and no key goes for them.
func TestFanoutMemory(t *testing.T) {
	w := newWorld(t, native, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
	crowd(w, 100, 0, func() {})
	publisher := w.open()
	w.settle()
	before := w.s.UsedMemory()
	w.s.memory.limit = before + 10_000
	w.read(publisher, frm("publish", "x", strings.Repeat("m", 100_000)))
	if n := w.s.UsedMemory() - before; n < 100_000 || n > 150_000 {
		t.Errorf("%d bytes for a message on its way", n)
	}
	if w.s.overLimit() {
		t.Error("keys would go for it")
	}
	w.settle()
	if n := w.s.UsedMemory() - before; n > 20_000 {
		t.Errorf("%d bytes are left of it", n)
	}
}

// TestPublishAllocations: a message to many costs its encoding, in each protocol.
func TestPublishAllocations(t *testing.T) {
	w := newWorld(t, native)
	for i, c := range crowd(w, 100, 0, func() {}) {
		c.client().Proto = 2 + i%2
	}
	w.settle()
	channel, text := []byte("x"), []byte(strings.Repeat("m", 200))
	n := testing.AllocsPerRun(100, func() {
		w.s.Publish(channel, text)
		w.s.SendAll()
		for _, c := range w.conns {
			c.out = c.out[:0]
		}
	})
	if n > 2 {
		t.Errorf("%v allocations", n)
	}
}

// finish lets everything come to its end, and compares.
func (h *hall) finish() {
	h.t.Helper()
	before := h.s.Stats.OutputLimitDisconnections
	h.settle()
	for h.j != nil && h.j.done < h.j.appended {
		h.progress(h.j.appended)
	}
	for _, x := range h.all {
		h.drain(x.conn, plenty)
	}
	h.settle()
	h.noteLost(h.s.Stats.OutputLimitDisconnections > before)
	for _, x := range h.all {
		h.check(x)
	}
	if f := &h.s.fan; len(f.jobs) > 0 || f.left != 0 || f.bytes != 0 {
		h.t.Fatalf("%d jobs, %d visits, %d bytes are left", len(f.jobs), f.left, f.bytes)
	}
}
