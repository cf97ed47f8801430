//go:build linux

// Raw non-blocking sockets and the epoll set they wait in. net.Conn is not used: its poller reads once in vain after
// every write, and runs a goroutine switch per reply.

package load

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Dial connects to 127.0.0.1:port and returns a blocking socket without Nagle's delay. The caller closes it.
func Dial(port int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("load: socket: %w", err)
	}
	if err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err == nil {
		err = ignoringEINTR(func() error {
			return unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
		})
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: connect to port %d: %w", port, err)
	}
	return fd, nil
}

// CloseNow closes fd with a reset, which leaves no TIME_WAIT entry to use up ports when there are thousands.
func CloseNow(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
	unix.Close(fd)
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// conn is one client connection of a loop.
type conn struct {
	fd      int
	buf     []byte // the batch in flight; the open loop's queue
	unsent  []byte // what the socket has not taken yet
	counter ReplyCounter
	waiting int   // replies outstanding
	sentNs  int64 // when the batch in flight was begun
	due     fifo  // due times of outstanding requests (open loop only)
	wantOut bool
}

// flush writes what is unsent. It leaves the rest for the next EPOLLOUT.
func (c *conn) flush(epfd int) error {
	for len(c.unsent) > 0 {
		n, err := send(c.fd, c.unsent)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return c.watch(epfd, true)
		}
		if err != nil {
			return fmt.Errorf("load: write: %w", err)
		}
		c.unsent = c.unsent[n:]
	}
	return c.watch(epfd, false)
}

// watch asks for EPOLLOUT only while there is something to send.
func (c *conn) watch(epfd int, out bool) error {
	if c.wantOut == out {
		return nil
	}
	c.wantOut = out
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.fd)}
	if out {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(epfd, unix.EPOLL_CTL_MOD, c.fd, &ev)
}

// receive reads once into scratch and returns how many replies that completed.
func (c *conn) receive(scratch []byte) (replies int, err error) {
	n, err := recv(c.fd, scratch)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("load: read: %w", err)
	}
	if n == 0 {
		return 0, fmt.Errorf("load: the server closed the connection: %w", io.ErrUnexpectedEOF)
	}
	replies, err = c.counter.Feed(scratch[:n])
	if err == nil && replies > c.waiting {
		err = fmt.Errorf("load: %d replies, %d expected", replies, c.waiting)
	}
	c.waiting -= replies
	return replies, err
}

// set is the epoll instance and the connections of one loop.
type set struct {
	epfd    int
	conns   []*conn
	byFd    map[int32]*conn
	events  [128]unix.EpollEvent
	scratch []byte
}

// open connects n clients.
func open(port, n int) (*set, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	s := &set{epfd: epfd, byFd: make(map[int32]*conn, n), scratch: make([]byte, 256<<10)}
	for range n {
		fd, err := Dial(port)
		if err != nil {
			s.close()
			return nil, err
		}
		c := &conn{fd: fd}
		s.conns = append(s.conns, c)
		s.byFd[int32(fd)] = c
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
		err = errors.Join(unix.SetNonblock(fd, true), unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &ev))
		if err != nil {
			s.close()
			return nil, fmt.Errorf("load: prepare connection: %w", err)
		}
	}
	return s, nil
}

func (s *set) close() {
	for _, c := range s.conns {
		unix.Close(c.fd)
	}
	unix.Close(s.epfd)
}

// wait returns the events that are ready, after at most timeoutMs (0: at once).
func (s *set) wait(timeoutMs int) ([]unix.EpollEvent, error) {
	n, err := poll(s.epfd, s.events[:], timeoutMs)
	if err == unix.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	return s.events[:n], nil
}

// errors sums the error replies of all connections.
func (s *set) errors() (n int64, first string) {
	for _, c := range s.conns {
		k, text := c.counter.Errors()
		if n == 0 {
			first = text
		}
		n += k
	}
	return n, first
}
