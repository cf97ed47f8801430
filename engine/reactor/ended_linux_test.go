package reactor_test

// What epoll's edges must not lose, and evio does its own way: the end of what the peer sends, and bytes that make a read
// stop early.

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

// A peer that sends no more still gets what the handler writes, also later and in pieces, until that closes.
func TestEndedConnectionIsWrittenTo(t *testing.T) {
	const size = 8 << 20 // more than sockets take
	var conn reactor.Conn
	closed, left := 0, size
	write := func(c reactor.Conn) {
		for left > 0 {
			n, err := c.Write(make([]byte, min(left, 1<<20)))
			if left -= n; err != nil || n == 0 {
				return
			}
		}
		c.Close()
	}
	h := &hooks{ended: func(c reactor.Conn) { conn = c }, writable: write, closed: func(reactor.Conn, error) { closed++ }}
	s := serve(t, engines[0], reactor.Options{Listen: []reactor.Address{
		{Network: "tcp", Addr: "127.0.0.1:0"}, {Network: "unix", Addr: t.TempDir() + "/s"}}}, h)
	for i := range 2 {
		c := s.dial(i)
		mustWrite(t, c, []byte("x"))
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		s.eventually(func() bool { return conn != nil }, "the end")
		for range 5 {
			s.do(func() {})
		}
		s.do(func() {
			if closed != i {
				t.Error("closed by itself")
			}
			write(conn)
		})
		if n, err := io.Copy(io.Discard, c); n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		s.eventually(func() bool { return closed == i+1 }, "the call of Closed")
		s.do(func() { conn, left = nil, size })
	}
	gone := s.dial(0) // one that is reset while it is written to
	mustWrite(t, gone, []byte("x"))
	if err := gone.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s.eventually(func() bool { return conn != nil }, "the end")
	s.do(func() {
		h.writable = func(c reactor.Conn) {
			if _, err := c.Write(make([]byte, 1)); err != nil {
				c.Close()
			}
		}
		for n := 1; n > 0; {
			n, _ = conn.Write(make([]byte, 1<<20))
		}
	})
	gone.Close()
	s.eventually(func() bool { return closed == 3 }, "the end of a connection that was reset")
}

// A read stops at urgent bytes: what is behind them has come already and makes no edge of its own.
func TestUrgentBytesStopNobody(t *testing.T) {
	got := 0
	s := serve(t, engines[0], reactor.Options{}, &hooks{data: func(_ reactor.Conn, in []byte, _ bool) { got += len(in) }})
	c := s.dial(0)
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	s.do(func() { // the loop is here while all of it arrives
		mustWrite(t, c, []byte("before"))
		if err := raw.Write(func(fd uintptr) bool { return unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil) != unix.EAGAIN }); err != nil {
			t.Error(err)
		}
		mustWrite(t, c, []byte("behind"))
	})
	s.eventually(func() bool { return got == len("before")+len("behind") }, "what is behind the urgent byte")
}
