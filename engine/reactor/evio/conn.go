//go:build darwin || freebsd || linux

// One connection, and the list of those whose output did not fit.
//
// evio reports that a socket can be written to only while it holds output itself, and then it stops reading (row 2). So
// connections with a short Write are asked with poll(2), all in one call that does not block: after 1 ms, then at
// doubling intervals up to 10 ms while none of them drains. A client that never reads costs 100 such calls a second,
// some 0.1 % of a processor, whether there is one or a hundred; a second goroutine that blocks in poll would cost
// nothing, but would have to be kept from watching a number that evio has closed and the kernel given out again.

package evio

import (
	"net"
	"time"

	"github.com/tidwall/evio"
	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

type conn struct {
	ev      evio.Conn
	loop    *Reactor
	ctx     any
	fd      int
	index   int // in Options.Listen
	closing bool
	gone    bool // evio has closed the descriptor
	waiting bool // listed in pending
}

// action asks evio to close what was closed during the event.
func (c *conn) action() evio.Action {
	if c.closing {
		return evio.Close
	}
	return evio.None
}

// Write implements reactor.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.closing {
		return 0, net.ErrClosed
	}
	if len(b) == 0 {
		return 0, nil
	}
	n, err := unix.Write(c.fd, b)
	for err == unix.EINTR {
		n, err = unix.Write(c.fd, b)
	}
	if err != nil && err != unix.EAGAIN {
		return 0, err
	}
	n = max(n, 0) // -1 on EAGAIN
	if n < len(b) && !c.waiting {
		c.waiting = true
		c.loop.pending.add(c)
	}
	return n, nil
}

// PauseReading implements reactor.Conn: evio cannot, and Reactor.CanPause says so.
func (c *conn) PauseReading(bool) {}

// Close implements reactor.Conn. The descriptor is evio's to close; a socket that is shut down reads as ended, which
// makes evio do it. What the kernel holds is still sent.
func (c *conn) Close() {
	if c.closing {
		return
	}
	c.closing = true
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR) // ENOTCONN if the peer has reset it, which reads as an end too
}

// Context implements reactor.Conn.
func (c *conn) Context() any { return c.ctx }

// SetContext implements reactor.Conn.
func (c *conn) SetContext(v any) { c.ctx = v }

// FD implements reactor.Conn.
func (c *conn) FD() int { return c.fd }

// ListenIndex implements reactor.Conn.
func (c *conn) ListenIndex() int { return c.index }

// RemoteAddr implements reactor.Conn.
func (c *conn) RemoteAddr() string {
	if at, ok := c.ev.RemoteAddr().(*net.TCPAddr); ok {
		return at.String()
	}
	return c.loop.opt.Listen[c.index].Addr
}

// LocalAddr implements reactor.Conn. evio knows the listener's address only.
func (c *conn) LocalAddr() string {
	if c.loop.opt.Listen[c.index].Network == "unix" {
		return c.loop.opt.Listen[c.index].Addr
	}
	if c.gone {
		return ""
	}
	sa, err := unix.Getsockname(c.fd)
	if err != nil {
		return ""
	}
	return reactor.FormatSockaddr(sa)
}

const (
	minRetry = time.Millisecond
	maxRetry = 10 * time.Millisecond
)

// pending is the list of connections with a short Write.
type pending struct {
	conns []*conn
	asked []*conn // those of the call being made
	fds   []unix.PollFd
	delay time.Duration
	timer *time.Timer
}

func (p *pending) add(c *conn) {
	p.conns = append(p.conns, c)
	if len(p.conns) == 1 {
		p.delay = minRetry
		p.arm(c.loop)
	}
}

func (p *pending) arm(r *Reactor) {
	if p.timer == nil {
		p.timer = time.AfterFunc(p.delay, func() { r.raise(&r.retryDue) })
		return
	}
	p.timer.Reset(p.delay)
}

// retry asks the kernel which of the connections take bytes again and tells the handler.
func (p *pending) retry(r *Reactor) {
	p.asked, p.conns = p.conns, p.asked[:0]
	p.fds = p.fds[:0]
	n := 0
	for _, c := range p.asked {
		if c.closing {
			c.waiting = false
			continue
		}
		p.asked[n] = c
		n++
		p.fds = append(p.fds, unix.PollFd{Fd: int32(c.fd), Events: unix.POLLOUT})
	}
	clear(p.asked[n:])
	p.asked = p.asked[:n]
	ready := 0
	if n > 0 {
		ready, _ = unix.Poll(p.fds, 0)
	}
	for i, c := range p.asked {
		p.asked[i] = nil
		if ready <= 0 || p.fds[i].Revents == 0 {
			p.conns = append(p.conns, c)
			continue
		}
		c.waiting = false
		if !c.closing && !r.stopping {
			r.handler.Writable(c)
		}
	}
	p.delay = min(2*p.delay, maxRetry)
	if ready > 0 {
		p.delay = minRetry
	}
	if len(p.conns) > 0 {
		p.arm(r)
	}
}

func (p *pending) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
