//go:build darwin || freebsd || linux

// What the tests of the reactor stand on: a handler made of functions, a server that runs it, and a client.

package reactor_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"redix/engine/reactor"
)

type engine struct {
	name string
	open func(reactor.Options, reactor.Handler) (reactor.Reactor, error)
}

// patience is how long a test waits for what must happen, on a busy machine.
const patience = 10 * time.Second

// hooks is a Handler; what is nil does nothing.
type hooks struct {
	opened     func(c reactor.Conn)
	readBuffer func(c reactor.Conn) []byte
	data       func(c reactor.Conn, in []byte, own bool)
	ended      func(c reactor.Conn)
	writable   func(c reactor.Conn)
	closed     func(c reactor.Conn, err error)
	woken      func()
	tick       func(now time.Time) time.Duration
	endOfRound func() bool
}

func (h *hooks) Refused() []byte { return []byte("refused\n") }

func (h *hooks) Opened(c reactor.Conn) {
	if h.opened != nil {
		h.opened(c)
	}
}

func (h *hooks) ReadBuffer(c reactor.Conn) []byte {
	if h.readBuffer != nil {
		return h.readBuffer(c)
	}
	return nil
}

func (h *hooks) Data(c reactor.Conn, in []byte, own bool) {
	if h.data != nil {
		h.data(c, in, own)
	}
}

func (h *hooks) Ended(c reactor.Conn) {
	if h.ended != nil {
		h.ended(c)
	} else {
		c.Close()
	}
}

func (h *hooks) Writable(c reactor.Conn) {
	if h.writable != nil {
		h.writable(c)
	}
}

func (h *hooks) Closed(c reactor.Conn, err error) {
	if h.closed != nil {
		h.closed(c, err)
	}
}

func (h *hooks) Woken() {
	if h.woken != nil {
		h.woken()
	}
}

func (h *hooks) Tick(now time.Time) time.Duration {
	if h.tick != nil {
		return h.tick(now)
	}
	return time.Second
}

func (h *hooks) EndOfRound() bool { return h.endOfRound != nil && h.endOfRound() }

// server is a reactor that runs in a goroutine. do runs a function on its loop.
type server struct {
	t       *testing.T
	r       reactor.Reactor
	mu      sync.Mutex
	queue   []func()
	done    chan error
	stopped bool
}

func serve(t *testing.T, e engine, opt reactor.Options, h *hooks) *server {
	t.Helper()
	if opt.Listen == nil {
		opt.Listen = []reactor.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}
	}
	s := &server{t: t, done: make(chan error, 1)}
	woken := h.woken
	h.woken = func() {
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, f := range queue {
			f()
		}
		if woken != nil {
			woken()
		}
	}
	r, err := e.open(opt, h)
	if err != nil {
		t.Fatal(err)
	}
	s.r = r
	go func() { s.done <- r.Run() }()
	t.Cleanup(s.stop)
	return s
}

func (s *server) do(f func()) {
	s.t.Helper()
	ran := make(chan struct{})
	s.mu.Lock()
	s.queue = append(s.queue, func() { f(); close(ran) })
	s.mu.Unlock()
	s.r.Wake()
	wait(s.t, ran, "a function on the loop")
}

func (s *server) stop() {
	s.t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	s.mu.Lock()
	s.queue = append(s.queue, s.r.Stop)
	s.mu.Unlock()
	s.r.Wake()
	if err := wait(s.t, s.done, "the end of Run"); err != nil {
		s.t.Errorf("Run: %v", err)
	}
}

// dial connects to the i-th address.
func (s *server) dial(i int) net.Conn {
	s.t.Helper()
	at := s.r.Addrs()[i]
	c, err := net.Dial(at.Network(), at.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(3 * patience))
	return c
}

func wait[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// eventually asks on the loop until the condition holds.
func (s *server) eventually(cond func() bool, what string) {
	s.t.Helper()
	end := time.Now().Add(patience)
	for ok := false; !ok; {
		s.do(func() { ok = cond() })
		if !ok && time.Now().After(end) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func mustWrite(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, c net.Conn, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// mustEnd reads until the connection is over, in one way or another.
func mustEnd(t *testing.T, c net.Conn) []byte {
	t.Helper()
	b, err := io.ReadAll(c)
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		t.Fatal("the connection was not closed")
	}
	return b
}

// echo sends back what it gets and holds what does not fit.
func echo() *hooks {
	push := func(c reactor.Conn, out []byte) {
		n, err := c.Write(out)
		if err != nil {
			c.Close()
			return
		}
		c.SetContext(append([]byte(nil), out[n:]...))
	}
	return &hooks{
		data: func(c reactor.Conn, in []byte, own bool) {
			if held, _ := c.Context().([]byte); len(held) > 0 {
				c.SetContext(append(held, in...))
				return
			}
			push(c, in)
		},
		writable: func(c reactor.Conn) {
			if held, _ := c.Context().([]byte); len(held) > 0 {
				push(c, held)
			}
		},
	}
}

// onEngines runs a test on every engine.
func onEngines(t *testing.T, f func(t *testing.T, e engine)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { f(t, e) })
	}
}
