//go:build darwin || freebsd || linux

// One connection: writing past evio, and closing through it.

package evio

import (
	"net"

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
	waiting bool // known to the drain
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
		c.loop.watch(c)
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
