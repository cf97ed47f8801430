//go:build linux

// Package epoll is the reactor that Redix runs on where it can: one edge-triggered epoll loop, small enough to read
// on one screen (Run). It exists because a direct write inside the event, one shared read buffer and system calls that
// do not enter the Go scheduler measure level with redis-server, and because it knows when a round ends.
//
// Descriptors and events. conns[fd] is the connection with that descriptor, nil for listeners and the wake descriptor.
// A closed connection keeps its descriptor until its round is over (reap), so no number is given out anew while events
// of the same poll are still to be looked at: an event can be late, never for somebody else.
//
// What a connection waits for is derived from its flags (conn.sync), and epoll_ctl is called when that changes:
//
//	reads  wantWrite   registered
//	yes    no          EPOLLIN | EPOLLRDHUP | EPOLLPRI
//	yes    yes         EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLOUT
//	no     yes         EPOLLOUT
//	no     no          nothing but EPOLLERR and EPOLLHUP, which cannot be refused
//
// It reads unless it is paused or the peer's end has been read.
//
// Edge-triggered, an event tells once that something has arrived, and the kernel need not look at the socket a second time
// to find that it has been read; epoll_ctl looks anew. A read that leaves room in the buffer has read all that
// there was. Connections of which that is not known are in unread, and are read again in the next round. Listeners are
// level-triggered: what maxAccepts leaves comes again.
package epoll

import (
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

const (
	maxEvents  = 512                   // taken from the kernel in one round
	maxAccepts = 64                    // per listener and round, so that a storm of connects starves nobody
	acceptRest = 50 * time.Millisecond // how long listeners rest when the system has no descriptor or memory
	maxRaw     = 64 << 10              // more bytes than this are moved by an ordinary system call: they take long
	firstConns = 64                    // length of conns at the start; it doubles
)

// wakeIncrement is what a Wake writes: an eventfd takes 64-bit numbers.
var wakeIncrement = binary.NativeEndian.AppendUint64(nil, 1)

// Reactor is the epoll engine.
type Reactor struct {
	opt       reactor.Options
	handler   reactor.Handler
	epfd      int
	listeners []listener
	addrs     []net.Addr
	conns     []*conn
	closing   []ending
	unread    []*conn // may have more to read
	events    []unix.EpollEvent
	buf       []byte
	stopping  bool

	now        time.Time // read once per round
	set        time.Time // when the clock on the wall was read last
	tickAt     time.Time
	listenAt   time.Time // when resting listeners are asked again; zero if none rests
	acceptWarn reactor.LogLimit

	// wake is an eventfd, registered edge-triggered: each write is an event, and it need never be read. It is an
	// os.File because that makes a late Wake harmless: the number cannot be written to after it is closed.
	wake    *os.File
	wakeFD  int
	busy    bool // the last two events came within a nap's time
	soon    bool // the last one did
	eventAt time.Time
	nap     time.Duration
	alarm   alarm
	woken   atomic.Bool
}

// ending is a connection that is closed at the end of the round, and why.
type ending struct {
	c   *conn
	err error
}

// New binds the addresses of opt and makes the loop; the handler is first called by Run. The error names the address
// that could not be bound.
func New(opt reactor.Options, h reactor.Handler) (*Reactor, error) {
	r := &Reactor{opt: opt.WithDefaults(), handler: h, epfd: -1, alarm: alarm{fd: -1}, now: time.Now()}
	r.events = make([]unix.EpollEvent, maxEvents)
	r.buf = make([]byte, r.opt.ReadBufferSize)
	r.conns = make([]*conn, firstConns)
	if err := r.open(); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

func (r *Reactor) open() error {
	var err error
	if r.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if r.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	r.wake = os.NewFile(uintptr(r.wakeFD), "wake")
	if err := r.control(unix.EPOLL_CTL_ADD, r.wakeFD, unix.EPOLLIN|unix.EPOLLET); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	r.openAlarm()
	for i, a := range r.opt.Listen {
		l, err := listen(a, r.opt)
		if err != nil && a.Optional && reactor.Absent(err) {
			r.opt.Log.Warn("address not available, going on without it", "address", a.Addr, "error", err)
			r.addrs = append(r.addrs, nil)
			continue
		}
		if err != nil {
			return err
		}
		l.index = i
		r.listeners = append(r.listeners, l)
		r.addrs = append(r.addrs, l.addr)
		if err := r.control(unix.EPOLL_CTL_ADD, l.fd, unix.EPOLLIN); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	return nil
}

// A nap, in which the loop keeps its processor of the scheduler's while it waits, lasts this long after an event. It is longer
// than between two ticks of the kernel: so setting the alarm, or a timer, seldom means programming the hardware, which in a virtual
// machine costs as much as a command. Where the scheduler has so few processors that others may need this one, it is short.
const (
	longNap  = 20 * time.Millisecond
	shortNap = 500 * time.Microsecond
	longFrom = 3 // processors from which on naps are long
)

// setNap follows the number of the scheduler's processors.
func (r *Reactor) setNap() {
	r.nap = shortNap
	if runtime.GOMAXPROCS(0) >= longFrom {
		r.nap = longNap
	}
}

// Run is the loop.
func (r *Reactor) Run() error {
	defer r.shut()
	more := false
	r.now = time.Now()
	r.tickAt, r.set = r.now, r.now
	r.setNap()
	for !r.stopping {
		unread := len(r.unread)
		n, err := r.poll(more || unread > 0)
		if err != nil {
			return err
		}
		before := r.now
		r.readClock()
		if n > 0 && !r.rung(n) {
			soon := r.now.Sub(before) < r.nap
			r.busy, r.soon, r.eventAt = soon && r.soon, soon, r.now
		}
		for i := 0; i < n && !r.stopping; i++ {
			r.dispatch(int(r.events[i].Fd), r.events[i].Events)
		}
		r.readOn(unread)
		r.timers()
		r.reap()
		more = !r.stopping && r.handler.EndOfRound()
		if r.reap() {
			more = true // Closed may have left work behind
		}
	}
	return nil
}

// wallAge is how old a reading of the clock on the wall may be.
const wallAge = 50 * time.Millisecond

// readClock reads the monotonic clock, which is half of what time.Now does: that leaves a reading for the end of the round.
// The clock on the wall goes as fast, and is read again from time to time, since it may be set.
func (r *Reactor) readClock() {
	since := time.Since(r.set)
	if since >= wallAge {
		r.set = time.Now()
		since = 0
	}
	r.now = r.set.Add(since)
}

// poll returns what is ready. If that is nothing it naps, and only then goes to sleep. The Go scheduler is told of
// the sleep alone. It takes the processor from whoever is in a system call that it knows of for over 20 microseconds, and
// its monitor thread then looks every 20 microseconds; a server that is not quite saturated would pay for that with
// each command. While it naps the loop keeps its processor (there are more); a signal, which the collector sends when it
// wants all to stop, ends the nap. An idle server does not nap, nor one that would sleep again before the next event: the
// monitor thread looks every 20 microseconds at first, and costs half a millisecond each time that it is got up. Two events that
// come soon are asked for, since one may be the journal's about the last.
func (r *Reactor) poll(more bool) (int, error) {
	var delay time.Duration
	if !more {
		delay = r.delay()
	}
	left := r.nap - r.now.Sub(r.eventAt)
	r.busy = r.busy && left > 0
	var n int
	var errno unix.Errno
	switch {
	case delay <= 0 || !r.busy:
		n, errno = pollNow(r.epfd, r.events)
	case r.nap == longNap && r.alarm.within(r.now, min(delay, left)):
		n, errno = pollOpen(r.epfd, r.events)
	default:
		n, errno = pollNap(r.epfd, r.events, min(delay, left))
		delay -= left
	}
	if n == 0 && errno == 0 && delay > 0 {
		r.busy = false
		n, errno = pollWait(r.epfd, r.events, delay)
	}
	if errno == unix.EINTR {
		return 0, nil
	}
	if errno != 0 {
		return 0, os.NewSyscallError("epoll_wait", errno)
	}
	return n, nil
}

// delay is how long the loop may sleep, as of the beginning of the round: that saves a clock reading.
func (r *Reactor) delay() time.Duration {
	next := r.tickAt
	if !r.listenAt.IsZero() && r.listenAt.Before(next) {
		next = r.listenAt
	}
	return next.Sub(r.now)
}

func (r *Reactor) dispatch(fd int, ev uint32) {
	var c *conn
	if fd < len(r.conns) {
		c = r.conns[fd]
	}
	switch {
	case c != nil:
		if !c.closing {
			c.ready(ev)
		}
	case fd == r.wakeFD:
		// Cleared before Woken looks at what the wakers left: whoever comes later writes again.
		r.woken.Store(false)
		r.handler.Woken()
	case fd == r.alarm.fd:
		r.alarm.at = time.Time{}
	default:
		for i := range r.listeners {
			if r.listeners[i].fd == fd {
				r.accept(&r.listeners[i])
				return
			}
		}
	}
}

// readOn gives the first n connections of unread another read.
func (r *Reactor) readOn(n int) {
	if n == 0 {
		return
	}
	for _, c := range r.unread[:n] {
		c.unread = false
		if !r.stopping {
			c.read()
		}
	}
	left := copy(r.unread, r.unread[n:])
	clear(r.unread[left:])
	r.unread = r.unread[:left]
}

func (r *Reactor) timers() {
	if r.stopping {
		return
	}
	if !r.now.Before(r.tickAt) {
		r.tickAt = r.now.Add(r.handler.Tick(r.now))
		r.setNap()
	}
	if !r.listenAt.IsZero() && !r.now.Before(r.listenAt) {
		r.listenAt = time.Time{}
		for _, l := range r.listeners {
			r.control(unix.EPOLL_CTL_MOD, l.fd, unix.EPOLLIN)
		}
	}
}

// reap closes what was closed in this round, including what Closed itself closes, and tells whether there was any.
func (r *Reactor) reap() bool {
	any := len(r.closing) > 0
	for i := 0; i < len(r.closing); i++ {
		c, err := r.closing[i].c, r.closing[i].err
		r.closing[i] = ending{}
		r.conns[c.fd] = nil
		unix.Close(int(c.fd)) // which takes it out of epoll
		r.handler.Closed(c, err)
	}
	r.closing = r.closing[:0]
	return any
}

// shut ends what is open after the last round.
func (r *Reactor) shut() {
	r.stopping = true
	for _, c := range r.conns {
		if c != nil {
			c.end(nil)
		}
	}
	r.reap()
	r.release()
}

func (r *Reactor) release() {
	r.CloseListeners()
	if r.wake != nil {
		r.wake.Close()
	}
	if r.alarm.fd >= 0 {
		unix.Close(r.alarm.fd)
		r.alarm.fd = -1
	}
	if r.epfd >= 0 {
		unix.Close(r.epfd)
		r.epfd = -1
	}
}

// Wake implements reactor.Reactor.
func (r *Reactor) Wake() {
	if r.woken.Swap(true) {
		return
	}
	r.wake.Write(wakeIncrement) // fails only once Run is over, when there is nobody to wake
}

// Stop implements reactor.Reactor.
func (r *Reactor) Stop() { r.stopping = true }

// Name implements reactor.Reactor.
func (r *Reactor) Name() string { return "epoll" }

// Addrs implements reactor.Reactor.
func (r *Reactor) Addrs() []net.Addr { return r.addrs }

// Now implements reactor.Reactor.
func (r *Reactor) Now() time.Time { return r.now }

// CanPause implements reactor.Reactor.
func (r *Reactor) CanPause() bool { return true }

// control is epoll_ctl with the descriptor as the event's tag.
func (r *Reactor) control(op, fd int, events uint32) error {
	return unix.EpollCtl(r.epfd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}
