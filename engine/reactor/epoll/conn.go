//go:build linux

// One connection: what it waits for, reading, writing, closing.

package epoll

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

// conn is kept small: it is all that an idle connection costs here, 64 bytes (and 8 in Reactor.conns).
type conn struct {
	loop      *Reactor
	ctx       any
	peer      [16]byte // IPv4 in the first four
	zoneID    uint32
	fd        int32
	port      uint16
	index     uint16 // of the listener in Options.Listen
	mask      uint8  // what epoll has registered, maskNone if it does not know the descriptor
	kind      uint8
	paused    bool
	wantWrite bool
	parked    bool
	closing   bool
}

const (
	maskIn   = unix.EPOLLIN  // 1
	maskOut  = unix.EPOLLOUT // 4
	maskNone = 0xff
)

const (
	kindIPv4 = iota
	kindIPv6
	kindUnix
)

// ready handles one event. What can be read is read before a hang-up is believed: the end shows itself as a read of
// nothing, or as its error.
func (c *conn) ready(ev uint32) {
	const broken = unix.EPOLLHUP | unix.EPOLLERR
	if !c.paused && ev&(unix.EPOLLIN|broken) != 0 {
		c.read()
	}
	if c.closing || c.loop.stopping {
		return
	}
	if c.wantWrite && ev&(unix.EPOLLOUT|broken) != 0 {
		c.wantWrite = false
		c.loop.handler.Writable(c)
		if !c.closing {
			c.sync()
		}
		return
	}
	if c.paused && ev&broken != 0 {
		c.parked = true
		c.sync()
	}
}

// read takes one buffer full. If there is more, epoll says so in the next round, after the others had their turn.
func (c *conn) read() {
	h := c.loop.handler
	buf := h.ReadBuffer(c)
	own := len(buf) > 0
	if !own {
		buf = c.loop.buf
	}
	n, errno := recv(int(c.fd), buf)
	switch {
	case errno == 0 && n > 0:
		h.Data(c, buf[:n], own)
	case errno == 0:
		c.end(nil)
	case errno != unix.EAGAIN && errno != unix.EINTR:
		c.end(errno)
	}
}

// sync tells epoll what the connection waits for now, if it has changed.
func (c *conn) sync() {
	want := uint8(0)
	if !c.paused {
		want |= maskIn
	}
	if c.wantWrite {
		want |= maskOut
	}
	op := unix.EPOLL_CTL_MOD
	if c.parked && want == 0 {
		want, op = maskNone, unix.EPOLL_CTL_DEL
	}
	if want == c.mask {
		return
	}
	if c.mask == maskNone {
		op, c.parked = unix.EPOLL_CTL_ADD, false
	}
	c.mask = want
	if err := c.loop.control(op, int(c.fd), uint32(want)); err != nil {
		c.end(err)
	}
}

// end marks the connection closed; reap does the rest.
func (c *conn) end(err error) {
	if c.closing {
		return
	}
	c.closing = true
	c.loop.closing = append(c.loop.closing, ending{c, err})
}

// Write implements reactor.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.closing {
		return 0, net.ErrClosed
	}
	if len(b) == 0 {
		return 0, nil
	}
	n, errno := send(int(c.fd), b)
	for errno == unix.EINTR {
		n, errno = send(int(c.fd), b)
	}
	if errno != 0 && errno != unix.EAGAIN {
		return 0, errno
	}
	if n < len(b) {
		c.wantWrite = true
		if c.mask != maskNone || c.parked { // otherwise it is still being opened, which ends with sync
			c.sync()
		}
	}
	return n, nil
}

// PauseReading implements reactor.Conn.
func (c *conn) PauseReading(paused bool) {
	if c.paused == paused || c.closing {
		return
	}
	c.paused = paused
	if c.mask != maskNone || c.parked {
		c.sync()
	}
}

// Close implements reactor.Conn.
func (c *conn) Close() { c.end(nil) }

// Context implements reactor.Conn.
func (c *conn) Context() any { return c.ctx }

// SetContext implements reactor.Conn.
func (c *conn) SetContext(v any) { c.ctx = v }

// FD implements reactor.Conn.
func (c *conn) FD() int { return int(c.fd) }

// ListenIndex implements reactor.Conn.
func (c *conn) ListenIndex() int { return int(c.index) }

// RemoteAddr implements reactor.Conn.
func (c *conn) RemoteAddr() string {
	switch c.kind {
	case kindIPv4:
		return reactor.FormatIP(netip.AddrFrom4([4]byte(c.peer[:4])), c.port, 0)
	case kindIPv6:
		return reactor.FormatIP(netip.AddrFrom16(c.peer), c.port, c.zoneID)
	}
	return c.loop.opt.Listen[c.index].Addr
}

// LocalAddr implements reactor.Conn.
func (c *conn) LocalAddr() string {
	if c.kind == kindUnix {
		return c.loop.opt.Listen[c.index].Addr
	}
	if c.loop.conns[c.fd] != c {
		return "" // the number may be somebody else's by now
	}
	sa, err := unix.Getsockname(int(c.fd))
	if err != nil {
		return ""
	}
	return reactor.FormatSockaddr(sa)
}

// setPeer keeps the address that accept gave, without its pointers.
func (c *conn) setPeer(sa unix.Sockaddr) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		c.kind, c.port = kindIPv4, uint16(sa.Port)
		copy(c.peer[:], sa.Addr[:])
	case *unix.SockaddrInet6:
		c.kind, c.port, c.zoneID = kindIPv6, uint16(sa.Port), sa.ZoneId
		c.peer = sa.Addr
	default:
		c.kind = kindUnix
	}
}
