package servertest

// Local is a server without sockets: the test is its reactor. What runs is exactly what a socket's read would start, so
// that allocations can be counted, and time passes only when the test says so.

import (
	"bufio"
	"bytes"
	"log/slog"
	"net"
	"testing"
	"time"

	"redix/commands"
	"redix/engine"
	"redix/engine/reactor"
)

// Local is a server and one client that run in the goroutine of the caller.
type Local struct {
	Engine *engine.Server
	// AroundRound, if set, is given each end of a round to run, for tests that measure it.
	AroundRound func(round func() (more bool)) (more bool)

	t     testing.TB
	clock *localReactor
	conn  *localConn
	words []byte
}

// NewLocal returns a server with flags as main takes them and a connected client. There is no journal.
func NewLocal(t testing.TB, flags ...string) *Local {
	t.Helper()
	l := &Local{t: t, clock: &localReactor{now: time.Now()}, conn: &localConn{}}
	l.Engine = engine.NewServer(loadConfig(t, flags), commands.NewTable(), slog.New(slog.DiscardHandler))
	commands.Attach(l.Engine)
	if err := commands.Secure(l.Engine); err != nil {
		t.Fatal(err)
	}
	l.Engine.Reactor = l.clock
	l.Engine.Tick(l.clock.now)
	l.Engine.Opened(l.conn)
	return l
}

// For makes failures from now on those of t, for a server that outlives tests.
func (l *Local) For(t testing.TB) *Local {
	l.t = t
	return l
}

// Do runs one command and returns its reply.
func (l *Local) Do(words ...string) Value {
	l.t.Helper()
	l.words = AppendCommand(l.words[:0], words...)
	v, err := Read(bufio.NewReader(bytes.NewReader(l.Feed(l.words))))
	if err != nil {
		l.t.Fatalf("%s: %v", Words(words), err)
	}
	return v
}

// Feed gives the server the bytes of one read and returns what it sends; that is overwritten by the next call.
func (l *Local) Feed(in []byte) []byte {
	l.conn.out = l.conn.out[:0]
	e := l.Engine
	for len(in) > 0 && !l.conn.closed {
		if own := e.ReadBuffer(l.conn); len(own) > 0 {
			n := copy(own, in)
			e.Data(l.conn, own[:n], true)
			in = in[n:]
			continue
		}
		n := min(len(in), reactor.ReadSize)
		e.Data(l.conn, in[:n], false)
		in = in[n:]
	}
	l.settle()
	return l.conn.out
}

// settle runs rounds until there is nothing more to do.
func (l *Local) settle() {
	for more := true; more; {
		if l.AroundRound != nil {
			more = l.AroundRound(l.Engine.EndOfRound)
		} else {
			more = l.Engine.EndOfRound()
		}
	}
}

// Conn is the client's connection as the server has it, for tests that call the server's events themselves.
func (l *Local) Conn() reactor.Conn { return l.conn }

// Advance lets time pass: cron runs once at the end of it, and everything that is due by then is done.
func (l *Local) Advance(d time.Duration) {
	l.clock.now = l.clock.now.Add(d)
	l.Engine.Tick(l.clock.now)
	l.settle()
}

// NowMs is the server's clock in Unix milliseconds.
func (l *Local) NowMs() int64 { return l.clock.now.UnixMilli() }

// Closed reports whether the server has closed the connection.
func (l *Local) Closed() bool { return l.conn.closed }

// MustNotAllocate fails the test if running the commands, as one pipeline, allocates.
func (l *Local) MustNotAllocate(commands ...[]string) {
	l.t.Helper()
	var in []byte
	for _, words := range commands {
		in = AppendCommand(in, words...)
	}
	for range 3 { // buffers find their sizes
		l.Feed(in)
	}
	if n := testing.AllocsPerRun(100, func() { l.Feed(in) }); n != 0 {
		l.t.Errorf("%v allocations in %q; last output %.200q", n, commands, l.conn.out)
	}
}

type localReactor struct{ now time.Time }

func (r *localReactor) Run() error                 { return nil }
func (r *localReactor) Wake()                      {}
func (r *localReactor) CloseListeners()            {}
func (r *localReactor) Stop()                      {}
func (r *localReactor) Name() string               { return "local" }
func (r *localReactor) Addrs() []net.Addr          { return nil }
func (r *localReactor) Now() time.Time             { return r.now }
func (r *localReactor) SetKeepAlive(time.Duration) {}
func (r *localReactor) CanPause() bool             { return true }
func (r *localReactor) TickWithin(time.Duration)   {}

type localConn struct {
	context any
	out     []byte
	closed  bool
}

// Output is what the server has sent since the last Feed.
func (c *localConn) Output() []byte     { return c.out }
func (c *localConn) Context() any       { return c.context }
func (c *localConn) SetContext(v any)   { c.context = v }
func (c *localConn) PauseReading(bool)  {}
func (c *localConn) Close()             { c.closed = true }
func (c *localConn) RemoteAddr() string { return "127.0.0.1:1" }
func (c *localConn) LocalAddr() string  { return "127.0.0.1:2" }
func (c *localConn) ListenIndex() int   { return 0 }
func (c *localConn) FD() int            { return -1 }

func (c *localConn) Write(b []byte) (int, error) {
	if c.closed {
		return 0, net.ErrClosed
	}
	c.out = append(c.out, b...)
	return len(b), nil
}
