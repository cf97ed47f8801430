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
	unread    bool // in Reactor.unread
	drain     bool // what there is to read ends, or has a break: it is read until there is nothing
	over      bool // the end has been read
	closing   bool
}

const (
	maskIn   = 1
	maskOut  = 2
	maskNone = 0xff
)

// interest is what a mask asks epoll for.
var interest = [...]uint32{
	0:                unix.EPOLLET,
	maskIn:           unix.EPOLLET | reading,
	maskOut:          unix.EPOLLET | unix.EPOLLOUT,
	maskIn | maskOut: unix.EPOLLET | reading | unix.EPOLLOUT,
}

const (
	reading = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLPRI
	broken  = unix.EPOLLHUP | unix.EPOLLERR
)

const (
	kindIPv4 = iota
	kindIPv6
	kindUnix
)

// ready handles one event. What can be read is read before a hang-up is believed: the end shows itself as a read of
// nothing, or as its error. A read stops at what the peer has marked as urgent, too, though there is more behind it.
func (c *conn) ready(ev uint32) {
	if ev&(unix.EPOLLRDHUP|unix.EPOLLPRI|broken) != 0 {
		c.drain = true
	}
	if ev&(reading|broken) != 0 {
		c.read()
	}
	if c.wantWrite && !c.closing && !c.loop.stopping && ev&(unix.EPOLLOUT|broken) != 0 {
		c.wantWrite = false
		c.loop.handler.Writable(c)
		if !c.closing {
			c.sync()
		}
	}
}

// read takes one buffer full. If there may be more, it is read in the next round, after the others had their turn: the
// buffer was full, or the end is to follow.
func (c *conn) read() {
	if c.paused || c.over || c.closing {
		return
	}
	h := c.loop.handler
	buf := h.ReadBuffer(c)
	own := len(buf) > 0
	if !own {
		buf = c.loop.buf
	}
	n, errno := recv(int(c.fd), buf)
	more := c.drain || n == len(buf)
	switch {
	case errno == 0 && n > 0:
		h.Data(c, buf[:n], own)
	case errno == 0:
		c.over, more = true, false
		h.Ended(c)
		if !c.closing {
			c.sync()
		}
	case errno == unix.EINTR:
		more = true
	case errno == unix.EAGAIN:
		more = false
	default:
		c.end(errno)
	}
	if more && !c.unread && !c.closing {
		c.unread = true
		c.loop.unread = append(c.loop.unread, c)
	}
}

// sync tells epoll what the connection waits for now, if it has changed.
func (c *conn) sync() {
	want := uint8(0)
	if !c.paused && !c.over {
		want |= maskIn
	}
	if c.wantWrite {
		want |= maskOut
	}
	if want == c.mask {
		return
	}
	op := unix.EPOLL_CTL_MOD
	if c.mask == maskNone {
		op = unix.EPOLL_CTL_ADD
	}
	c.mask = want
	if err := c.loop.control(op, int(c.fd), interest[want]); err != nil {
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
		if c.mask != maskNone { // otherwise it is still being opened, which ends with sync
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
	if c.mask != maskNone {
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
