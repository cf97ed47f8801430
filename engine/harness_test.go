package engine

// What the tests of this package drive the server with: a reactor, connections and a journal that do what a script says,
// and a small table of commands. Nothing here waits: time, socket space and the journal's progress are set by the test.

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"testing"
	"time"

	"redix/engine/config"
	"redix/engine/reactor"
	"redix/engine/resp"
)

// The ways in which bytes reach the server: as the epoll engine reads (large arguments into their own blocks), as evio
// does (never), with rounds that end after each event.
const (
	native = iota
	portable
	styles
)

type fakeReactor struct {
	reactor.Reactor
	now   time.Time
	woken chan struct{} // a token for each Wake
}

func (r *fakeReactor) Wake() { r.woken <- struct{}{} }

func (r *fakeReactor) Now() time.Time               { return r.now }
func (r *fakeReactor) SetKeepAlive(d time.Duration) {}
func (r *fakeReactor) TickWithin(d time.Duration)   {}

// fakeConn takes as many bytes as room says.
type fakeConn struct {
	reactor.Conn
	w         *world
	ctx       any
	out       []byte
	room      int
	full      bool // a Write was short: Writable is owed
	closed    bool
	announced bool // Closed was called
	written   func(c *fakeConn)
}

const plenty = 1 << 40

func (c *fakeConn) Context() any       { return c.ctx }
func (c *fakeConn) SetContext(v any)   { c.ctx = v }
func (c *fakeConn) RemoteAddr() string { return "127.0.0.1:1" }
func (c *fakeConn) LocalAddr() string  { return "127.0.0.1:2" }

func (c *fakeConn) Write(b []byte) (int, error) {
	if c.closed {
		return 0, errors.New("closed")
	}
	n := min(len(b), c.room)
	c.out = append(c.out, b[:n]...)
	c.room -= n
	c.full = n < len(b)
	if c.written != nil {
		c.written(c)
	}
	return n, nil
}

func (c *fakeConn) Close() { c.closed = true }

func (c *fakeConn) client() *Client { return c.ctx.(*Client) }

// take returns what was sent since the last take.
func (c *fakeConn) take() string {
	s := string(c.out)
	c.out = c.out[:0]
	return s
}

// want fails the test unless exactly s was sent since the last take.
func (c *fakeConn) want(s string) {
	c.w.t.Helper()
	if got := c.take(); got != s {
		c.w.t.Fatalf("sent %s, want %s", brief(got), brief(s))
	}
}

func brief(s string) string {
	if len(s) <= 200 {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%d bytes %q...%q", len(s), s[:80], s[len(s)-80:])
}

// fakeJournal is as durable as the test says.
type fakeJournal struct {
	appended, handed, done int64
	limit                  int64 // Full above this many bytes not done; 0: never
	always                 bool
	gathers                bool // batches wait until there is nothing to do
	err                    error
	records                []string
	appendedTo             func(args [][]byte, offset int64)
}

func (j *fakeJournal) Append(db int, args ...[]byte) {
	j.appended += int64(len(args))
	j.records = append(j.records, fmt.Sprintf("%d:%s", db, bytes.Join(args, []byte(" "))))
	if j.appendedTo != nil {
		j.appendedTo(args, j.appended)
	}
}
func (j *fakeJournal) Appended() int64 { return j.appended }
func (j *fakeJournal) HandOver()       { j.handed = j.appended }
func (j *fakeJournal) Gather(quiet bool) bool {
	if j.gathers && !quiet {
		return true
	}
	j.HandOver()
	return false
}
func (j *fakeJournal) Releasable() int64 { return j.done }
func (j *fakeJournal) Always() bool      { return j.always }
func (j *fakeJournal) Full() bool        { return j.limit > 0 && j.appended-j.done > j.limit }
func (j *fakeJournal) Err() error        { return j.err }

// world is a server and what surrounds it.
type world struct {
	t       testing.TB
	s       *Server
	r       *fakeReactor
	j       *fakeJournal
	style   int
	conns   []*fakeConn
	shared  []byte
	calls   int  // of handlers
	settled bool // the last round wanted no other
}

func newWorld(t testing.TB, style int, flags ...string) *world {
	t.Helper()
	cfg, err := config.Load(append([]string{"--dir", t.TempDir()}, flags...), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, style: style, r: &fakeReactor{now: time.UnixMilli(1_700_000_000_000), woken: make(chan struct{}, 100)}, shared: make([]byte, 64<<10)}
	w.s = NewServer(cfg, NewTable(w.rows()), slog.New(slog.DiscardHandler))
	w.s.Reactor = w.r
	w.s.TurnNs = math.MaxInt64 // what a turn holds does not depend on how fast the machine is
	return w
}

// journal gives the server a journal.
func (w *world) journal(always bool) *fakeJournal {
	w.j = &fakeJournal{always: always}
	w.s.Journal = w.j
	return w.j
}

func (w *world) open() *fakeConn {
	c := &fakeConn{w: w, room: plenty}
	w.conns = append(w.conns, c)
	w.s.Opened(c)
	w.event()
	return c
}

// event ends what is a round of its own in one style.
func (w *world) event() {
	if w.style == portable {
		w.round()
	}
}

// round ends a round.
func (w *world) round() {
	for _, c := range w.conns {
		if c.closed && !c.announced {
			c.announced = true
			w.s.Closed(c, nil)
		}
	}
	w.settled = !w.s.EndOfRound()
}

// settle makes rounds until the server wants no more.
func (w *world) settle() {
	w.t.Helper()
	for range 100_000 {
		if w.round(); w.settled {
			return
		}
	}
	w.t.Fatal("the server never came to rest")
}

// read passes bytes on as one or more reads.
func (w *world) read(c *fakeConn, in []byte) {
	for len(in) > 0 && !c.closed {
		var buf []byte
		if w.style == native {
			buf = w.s.ReadBuffer(c)
		}
		own := len(buf) > 0
		if !own {
			buf = w.shared
		}
		n := copy(buf, in)
		in = in[n:]
		w.s.Data(c, buf[:n], own)
		for i := range w.shared[:min(n, len(w.shared))] {
			w.shared[i] = 0xaa // what is read next
		}
		w.event()
	}
}

// send is a read followed by the end of the round.
func (w *world) send(c *fakeConn, frames ...[]byte) {
	w.t.Helper()
	w.read(c, bytes.Join(frames, nil))
	w.settle()
}

// drain lets the peer read n bytes.
func (w *world) drain(c *fakeConn, n int) {
	c.room += n
	if c.full && !c.closed {
		c.full = false
		w.s.Writable(c)
		w.event()
	}
}

// progress lets the journal get as far as offset.
func (w *world) progress(offset int64) {
	w.j.done = offset
	w.s.Woken()
	w.settle()
}

func (w *world) later(d time.Duration) { w.r.now = w.r.now.Add(d) }

func frm(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, x := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(x), x)
	}
	return b
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

const (
	ok   = "+OK\r\n"
	pong = "+PONG\r\n"
	null = "$-1\r\n"
)

// rows are the commands that the tests use.
func (w *world) rows() []Row {
	count := func(h Handler) Handler {
		return func(c *Client, args Args) { w.calls++; h(c, args) }
	}
	key := OneKey(1, "RW")
	rows := []Row{
		{Name: "ping", Arity: 1, Flags: Fast, Handler: func(c *Client, _ Args) { c.Reply.Simple("PONG") }},
		{Name: "echo", Arity: 2, Handler: func(c *Client, a Args) { c.Reply.Bulk(a[1]) }},
		{Name: "repeat", Arity: 2, Handler: func(c *Client, a Args) {
			n, _ := resp.ParseInt(a[1])
			c.Reply.Bulk(bytes.Repeat([]byte("x"), int(n)))
		}},
		{Name: "get", Arity: 2, Flags: Readonly | Fast, Keys: key, Handler: doGet},
		{Name: "set", Arity: 3, Flags: Write, Keys: key, Handler: doSet},
		{Name: "setpx", Arity: 4, Flags: Write, Keys: key, Handler: doSetPX},
		{Name: "size", Arity: 1, Flags: Readonly | AllKeys, Handler: func(c *Client, _ Args) { c.Reply.Int(int64(c.DB.Len())) }},
		{Name: "flush", Arity: 1, Flags: Write | AllKeys, Handler: func(c *Client, _ Args) {
			c.DB.Flush()
			c.Changed(1)
			c.Reply.OK()
		}},
		{Name: "mset", Arity: -3, Flags: Write, Keys: KeyRange(1, -1, 2, "OW"), Handler: doMSet},
		{Name: "box", Arity: -2, Subs: []Row{
			{Name: "put", Arity: 4, Flags: Write, Keys: OneKey(2, "OW"), Handler: func(c *Client, a Args) { doSet(c, a[1:]) }},
			{Name: "hello", Arity: 2, Handler: func(c *Client, _ Args) { c.Reply.OK() }},
		}},
		{Name: "auth", Arity: 1, Flags: NoAuth, Handler: func(c *Client, _ Args) { c.Authenticated = true; c.Reply.OK() }},
		{Name: "quit", Arity: 1, Handler: func(c *Client, _ Args) { c.CloseAfterReply(); c.Reply.OK() }},
		{Name: "killme", Arity: 1, Handler: func(c *Client, _ Args) { c.Server().Kill(c); c.Reply.OK() }},
		{Name: "killall", Arity: 1, Handler: func(c *Client, _ Args) {
			n := 0
			c.Server().Clients(func(x *Client) bool {
				if x != c {
					c.Server().Kill(x)
					n++
				}
				return true
			})
			c.Reply.Int(int64(n))
		}},
		{Name: "deathwish", Arity: 2, Handler: func(c *Client, a Args) {
			s := c.Server()
			s.Kill(c)
			s.send(s.first, bytes.Repeat([]byte("x"), 5000), 0)
			s.send(s.first, a[1], 0)
		}},
		{Name: "multi", Arity: 1, Handler: func(c *Client, _ Args) { c.Multi(); c.Reply.OK() }},
		{Name: "exec", Arity: 1, Flags: RunsInMulti, Handler: func(c *Client, _ Args) { c.Exec() }},
		{Name: "journal", Arity: 2, Handler: func(c *Client, a Args) {
			if w.s.ReleaseAll(); string(a[1]) == "on" {
				w.journal(false)
			}
			c.Reply.OK()
		}},
		{Name: "await", Arity: 2, Handler: func(c *Client, a Args) { c.Block(a[1:], Wait{}) }},
		{Name: "publish", Arity: 3, Handler: func(c *Client, a Args) { c.Reply.Int(int64(c.Server().Publish(a[1], a[2]))) }},
		{Name: "state", Arity: 1, Flags: Loading, Handler: func(c *Client, _ Args) { c.Reply.OK() }},
		{Name: "off", Arity: 1, Handler: func(c *Client, _ Args) { c.ReplyOff = true }},
		{Name: "skip", Arity: 1, Handler: func(c *Client, _ Args) { c.ReplySkip = true }},
	}
	for i := range rows {
		if rows[i].Handler != nil {
			rows[i].Handler = count(rows[i].Handler)
		}
	}
	return rows
}

func doGet(c *Client, a Args) {
	e, ok := c.LookupRead(a[1])
	if !ok {
		c.Reply.Null()
		return
	}
	var digits [20]byte
	c.Reply.Bulk(e.Bytes(digits[:]))
}

func doSet(c *Client, a Args) { put(c, a[1], a[2], len(a)-1, 0); c.Reply.OK() }

// put stores a value, taking over the block that it may have been received in.
func put(c *Client, key, val []byte, place int, deadline int64) {
	e, _ := c.LookupWrite(key)
	if block, ok := c.TakeBig(place); ok {
		c.DB.AdoptLarge(&e, key, block, len(val), deadline)
	} else {
		c.DB.SetString(&e, key, val, deadline)
	}
	c.Changed(1)
}

func doSetPX(c *Client, a Args) {
	ms, _ := resp.ParseInt(a[2])
	put(c, a[1], a[3], 3, c.Server().NowMs+ms)
	c.Reply.OK()
}

func doMSet(c *Client, a Args) {
	for i := 1; i+1 < len(a); i += 2 {
		put(c, a[i], a[i+1], i+1, 0)
	}
	c.Reply.OK()
}
