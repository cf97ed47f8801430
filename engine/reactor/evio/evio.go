//go:build darwin || freebsd || linux

// Package evio is the reactor for systems without epoll, on github.com/tidwall/evio v1.0.8, and the only code that
// imports it. That library is finished, so its habits are met here, each where it shows (DESIGN.md numbers them):
//
//	row  evio                                            here
//	1    output and actions are overwritten by a Wake    Data and Opened never return bytes; its Wake is not used
//	2    does not read while it holds output             it never holds any, so it always reads (drain.go)
//	3    returned bytes cost a second round              Write goes to the descriptor (fd.go)
//	4    wakes and ticks can be 100 ms late              a byte on a connection to ourselves, timers of our own (wake.go)
//	5    a failing accept ends Serve, without an error   a margin of descriptors, and a new life for the server (serve.go)
//	6    no TCP_NODELAY, no close-on-exec, fd 0          set in opened; occupied in New
//	7    removes whatever is at a unix socket's path     sees private names only, renamed afterwards (serve.go)
//	8    late ticks write into closed descriptors        its Tick is not used; epoll_ctl errors still panic
//	9    one read buffer for all                         Handler.Data promises its bytes for the call only
//
// It compiles for Linux, macOS and FreeBSD; the other BSDs' system call packages lack EVFILT_USER.
//
// evio has no end of round. Every event is a round here: it ends with EndOfRound, and if that wants more, with a byte
// to ourselves. Close cannot close: it shuts the socket down, which evio then reads as an end.
package evio

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/tidwall/evio"
	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

// Reactor is the evio engine. Its loop is evio's goroutine, or Run's own while evio's server is down.
type Reactor struct {
	opt     reactor.Options
	handler reactor.Handler
	addrs   []net.Addr
	bound   []binding // what evio is given, in its order; the last is the connection to ourselves
	wakeDir string

	start  chan struct{} // closed by Run: until then evio waits in Serving
	ended  chan error    // evio.Serve has returned
	alive  chan struct{} // closed when the connection to ourselves is open
	broken error         // found by the check of evio's layout
	plug   evio.Conn     // evio's end of the connection to ourselves

	now        time.Time
	stopping   bool
	refusing   bool // CloseListeners was called
	acceptWarn reactor.LogLimit

	waker
	drain drain
}

// New binds the addresses of opt; the handler is first called by Run, which must follow to release them. The error
// names the address that could not be bound.
func New(opt reactor.Options, h reactor.Handler) (*Reactor, error) {
	if err := occupyZero(); err != nil {
		return nil, err
	}
	r := &Reactor{opt: opt.WithDefaults(), handler: h, start: make(chan struct{}), now: time.Now()}
	r.kick = make(chan struct{}, 1)
	r.tickDue.Store(true)
	if err := r.drain.open(); err != nil {
		r.release()
		return nil, fmt.Errorf("evio: cannot make a pipe: %w", err)
	}
	if err := r.plan(); err != nil {
		r.release()
		return nil, err
	}
	if err := r.serve(); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// occupyZero keeps number 0 from being a socket's: evio takes an event on it for a note (row 6).
func occupyZero() error {
	if _, err := unix.FcntlInt(0, unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		return nil
	}
	_, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	return err
}

// Run implements reactor.Reactor. The loop runs on evio's goroutine while Run waits for it.
func (r *Reactor) Run() error {
	defer r.release()
	close(r.start)
	for {
		select {
		case <-r.alive:
			<-r.ended
		case <-r.ended:
		case <-time.After(10 * time.Second):
			// evio loses the end of its loop if that comes before it waits for it (row 5), and would be silent for ever.
			return errors.New("evio: the loop did not start within 10 s")
		}
		r.unplug()
		if r.broken != nil {
			return r.broken
		}
		if r.stopping || !r.limp() {
			return nil
		}
	}
}

// opened comes for every accepted connection, our own included.
func (r *Reactor) opened(ev evio.Conn) ([]byte, evio.Options, evio.Action) {
	none := evio.Options{ReuseInputBuffer: true}
	fd, err := descriptor(ev)
	b := &r.bound[ev.AddrIndex()]
	if b.wake {
		return nil, none, r.plugged(ev, fd, err)
	}
	r.now = time.Now()
	if err != nil || r.stopping || r.refusing {
		return nil, none, evio.Close
	}
	if !reactor.HasRoom(fd, max(r.opt.ReserveFDs, r.margin())) {
		r.acceptWarn.Warn(r.opt.Log, r.now, "connection refused: its descriptor is one of the reserve", "fd", fd)
		_, _ = unix.Write(fd, r.handler.Refused()) // a client that does not take it loses only the reason
		return nil, none, evio.Close
	}
	unix.CloseOnExec(fd)
	if b.path == "" {
		_ = reactor.TuneTCP(fd, r.opt.KeepAlive) // fails only if the peer is gone already, which Data or Closed will tell
	}
	c := &conn{ev: ev, loop: r, fd: fd, index: b.index}
	ev.SetContext(c)
	r.handler.Opened(c)
	r.endRound()
	return nil, none, c.action()
}

// data comes for every read, never for a Wake since none is used.
func (r *Reactor) data(ev evio.Conn, in []byte) ([]byte, evio.Action) {
	c, ok := ev.Context().(*conn)
	if !ok {
		return nil, r.called(ev)
	}
	r.now = time.Now()
	if !c.closing && !r.stopping {
		r.handler.Data(c, in, false)
		r.endRound()
	}
	return nil, c.action()
}

// closed comes for every connection, also for those that opened refused. The descriptor is closed by now.
func (r *Reactor) closed(ev evio.Conn, err error) evio.Action {
	c, ok := ev.Context().(*conn)
	if !ok {
		return evio.None
	}
	if c.closing || r.stopping {
		err = nil
	}
	c.closing, c.gone = true, true
	if c.waiting {
		r.unwatch(c)
	}
	r.now = time.Now()
	r.handler.Closed(c, err)
	r.endRound()
	return evio.None
}

// endRound ends what every event is here, a round.
func (r *Reactor) endRound() {
	if !r.stopping && r.handler.EndOfRound() {
		r.signal()
	}
}

// Stop implements reactor.Reactor.
func (r *Reactor) Stop() {
	r.stopping = true
	r.signal()
}

// CloseListeners implements reactor.Reactor. evio's listeners live as long as its server: what connects is closed.
func (r *Reactor) CloseListeners() { r.refusing = true }

// TickWithin implements reactor.Reactor.
func (r *Reactor) TickWithin(d time.Duration) {
	if r.ticker != nil && time.Now().Add(d).Before(r.tickAt) {
		r.setTick(d)
	}
}

// SetKeepAlive implements reactor.Reactor.
func (r *Reactor) SetKeepAlive(d time.Duration) { r.opt.KeepAlive = d }

// Name implements reactor.Reactor.
func (r *Reactor) Name() string { return "evio" }

// Addrs implements reactor.Reactor.
func (r *Reactor) Addrs() []net.Addr { return r.addrs }

// Now implements reactor.Reactor. Here an event is a round.
func (r *Reactor) Now() time.Time { return r.now }

// CanPause implements reactor.Reactor: evio reads whatever arrives.
func (r *Reactor) CanPause() bool { return false }

// flag is an event that several causes raise and the loop takes once.
type flag struct{ atomic.Bool }

func (f *flag) take() bool { return f.Load() && f.Swap(false) }
