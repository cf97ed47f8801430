//go:build linux

// Binding and accepting. The options of a TCP connection are set once, on its listener: Linux hands TCP_NODELAY and
// keepalive on to what is accepted.

package epoll

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

type listener struct {
	fd    int
	index int // in Options.Listen
	tcp   bool
	addr  net.Addr
	file  reactor.UnixPath
}

func listen(a reactor.Address, opt reactor.Options) (listener, error) {
	switch a.Network {
	case "tcp":
		return listenTCP(a, opt)
	case "unix":
		return listenUnix(a, opt)
	}
	return listener{}, fmt.Errorf("listen on %s: unknown network %q", a.Addr, a.Network)
}

func listenTCP(a reactor.Address, opt reactor.Options) (listener, error) {
	at, err := a.Resolve()
	if err != nil {
		return listener{}, err
	}
	family, sa, err := sockaddr(at)
	if err != nil {
		return listener{}, fmt.Errorf("listen on %s: %w", a.Addr, err)
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return listener{}, fmt.Errorf("listen on %s: %w", a.Addr, err)
	}
	l := listener{fd: fd, tcp: true}
	if err := l.startTCP(family, sa, opt); err != nil {
		unix.Close(fd)
		return listener{}, fmt.Errorf("listen on %s: %w", a.Addr, err)
	}
	return l, nil
}

func (l *listener) startTCP(family int, sa unix.Sockaddr, opt reactor.Options) error {
	if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(l.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	if err := reactor.TuneTCP(l.fd, opt.KeepAlive); err != nil {
		return err
	}
	if err := unix.Bind(l.fd, sa); err != nil {
		return err
	}
	if err := unix.Listen(l.fd, opt.Backlog); err != nil {
		return err
	}
	bound, err := unix.Getsockname(l.fd)
	if err != nil {
		return err
	}
	at, err := netip.ParseAddrPort(reactor.FormatSockaddr(bound))
	if err != nil {
		return err
	}
	l.addr = net.TCPAddrFromAddrPort(at)
	return nil
}

func sockaddr(at netip.AddrPort) (family int, sa unix.Sockaddr, err error) {
	if at.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}, nil
	}
	zone, err := zoneID(at.Addr().Zone())
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: zone}, err
}

func zoneID(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(ifi.Index), nil
}

func listenUnix(a reactor.Address, opt reactor.Options) (listener, error) {
	if err := reactor.ClearUnixPath(a.Addr); err != nil {
		return listener{}, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return listener{}, fmt.Errorf("unix socket %s: %w", a.Addr, err)
	}
	l := listener{fd: fd, addr: &net.UnixAddr{Net: "unix", Name: a.Addr}}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: a.Addr}); err == nil {
		l.file = reactor.MarkUnixPath(a.Addr)
		if a.Perm != 0 {
			err = os.Chmod(a.Addr, a.Perm) // before listen: until then nobody can connect
		}
		if err == nil {
			err = unix.Listen(fd, opt.Backlog)
		}
	}
	if err != nil {
		l.close()
		return listener{}, fmt.Errorf("unix socket %s: %w", a.Addr, err)
	}
	return l, nil
}

func (l *listener) close() {
	unix.Close(l.fd)
	l.file.Remove()
}

// accept takes what is waiting, a bounded number of connections.
func (r *Reactor) accept(l *listener) {
	for i := 0; i < maxAccepts && !r.stopping && l.fd >= 0; i++ {
		fd, sa, err := unix.Accept4(l.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			r.admit(l, fd, sa)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.ENOPROTOOPT, unix.EPERM, unix.EOPNOTSUPP, unix.ENETDOWN,
			unix.ENETUNREACH, unix.ENONET, unix.EHOSTDOWN, unix.EHOSTUNREACH:
			// This one connection failed before it was accepted, and is gone from the queue.
		default:
			r.rest(err)
			return
		}
	}
}

// rest stops asking all listeners for a while: descriptors or memory are short, the waiting connections stay ready, and
// level-triggered they would make the loop spin.
func (r *Reactor) rest(err error) {
	r.acceptWarn.Warn(r.opt.Log, r.now, "cannot accept connections for now", "error", err)
	r.listenAt = r.now.Add(acceptRest)
	for _, l := range r.listeners {
		r.control(unix.EPOLL_CTL_MOD, l.fd, 0)
	}
}

func (r *Reactor) admit(l *listener, fd int, sa unix.Sockaddr) {
	if !reactor.HasRoom(fd, r.opt.ReserveFDs) || fd > math.MaxInt32 {
		r.acceptWarn.Warn(r.opt.Log, r.now, "connection refused: its descriptor is one of the reserve", "fd", fd)
		_, _ = unix.Write(fd, r.handler.Refused()) // a client that does not take it loses only the reason
		unix.Close(fd)
		return
	}
	if fd >= len(r.conns) {
		grown := make([]*conn, max(fd+1, 2*len(r.conns)))
		copy(grown, r.conns)
		r.conns = grown
	}
	c := &conn{loop: r, fd: int32(fd), index: uint16(l.index), mask: maskNone}
	c.setPeer(sa)
	r.conns[fd] = c
	r.handler.Opened(c)
	if !c.closing {
		c.sync()
	}
}

// CloseListeners implements reactor.Reactor.
func (r *Reactor) CloseListeners() {
	for i := range r.listeners {
		r.listeners[i].close()
		r.listeners[i].fd = -1
	}
	r.listeners = nil
	r.listenAt = time.Time{}
}

// TickWithin implements reactor.Reactor.
func (r *Reactor) TickWithin(d time.Duration) {
	if at := time.Now().Add(d); at.Before(r.tickAt) {
		r.tickAt = at
	}
}

// SetKeepAlive implements reactor.Reactor.
func (r *Reactor) SetKeepAlive(d time.Duration) {
	r.opt.KeepAlive = d
	for _, l := range r.listeners {
		if l.tcp {
			if err := reactor.TuneTCP(l.fd, d); err != nil {
				r.opt.Log.Warn("cannot set keepalive", "error", err)
			}
		}
	}
}
