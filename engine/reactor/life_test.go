//go:build darwin || freebsd || linux

// Beginnings and ends, timers, and the addresses that must be refused.

package reactor_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

func TestTickCadence(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		for _, delay := range []time.Duration{300 * time.Microsecond, 2 * time.Millisecond} {
			const n = 50
			var times []time.Time
			done := make(chan struct{})
			h := &hooks{tick: func(now time.Time) time.Duration {
				if times = append(times, now); len(times) == n {
					close(done)
				}
				return delay
			}}
			s := serve(t, e, reactor.Options{}, h)
			wait(t, done, "the ticks")
			s.stop()
			for i := 1; i < n; i++ {
				if d := times[i].Sub(times[i-1]); d < delay {
					t.Errorf("tick %d came after %v, not %v", i, d, delay)
				}
			}
			// evio's own ticks can be 100 ms late each.
			if d := times[n-1].Sub(times[0]); d > n*delay+time.Second {
				t.Errorf("%d ticks of %v took %v", n, delay, d)
			}
		}
	})
}

func TestTickOfZeroComesEveryRound(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		n, done := 0, make(chan struct{})
		h := &hooks{tick: func(time.Time) time.Duration {
			if n++; n == 1000 {
				close(done)
				return time.Hour
			}
			return 0
		}}
		serve(t, e, reactor.Options{}, h)
		wait(t, done, "1000 ticks")
	})
}

func TestMoreWorkDoesNotBlock(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		n, done := 0, make(chan struct{})
		h := &hooks{tick: func(time.Time) time.Duration { return time.Hour }}
		h.endOfRound = func() bool {
			if n++; n == 2000 {
				close(done)
			}
			return n < 2000
		}
		serve(t, e, reactor.Options{}, h)
		wait(t, done, "2000 rounds without an event")
	})
}

func TestStop(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		dir := t.TempDir()
		nOpened, nClosed := 0, 0
		h := echo()
		h.opened = func(reactor.Conn) { nOpened++ }
		h.closed = func(c reactor.Conn, err error) {
			if nClosed++; err != nil {
				t.Errorf("closed with %v", err)
			}
		}
		opt := reactor.Options{Listen: []reactor.Address{
			{Network: "tcp", Addr: "127.0.0.1:0"}, {Network: "unix", Addr: dir + "/s"}}}
		s := serve(t, e, opt, h)
		var conns []net.Conn
		for i := range 10 {
			conns = append(conns, s.dial(i%2))
		}
		s.eventually(func() bool { return nOpened == 10 }, "ten connections")
		addr := s.r.Addrs()[0].String()
		s.stop()
		if nClosed != 10 {
			t.Errorf("%d of 10 closed", nClosed)
		}
		for _, c := range conns {
			mustEnd(t, c)
		}
		s.r.Wake() // after the end: nobody to wake, no harm
		s.r.Wake()
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		again, err := e.open(reactor.Options{Listen: []reactor.Address{{Network: "tcp", Addr: addr}}}, &hooks{})
		if err != nil {
			t.Fatalf("the address is not free again: %v", err)
		}
		again.Stop() // before Run
		if err := again.Run(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseListeners(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		s := serve(t, e, reactor.Options{}, echo())
		c := s.dial(0)
		mustWrite(t, c, []byte("a"))
		mustRead(t, c, 1)
		s.do(s.r.CloseListeners)
		if d, err := net.Dial("tcp", s.r.Addrs()[0].String()); err == nil {
			d.SetDeadline(time.Now().Add(patience))
			if got := mustEnd(t, d); len(got) > 0 {
				t.Errorf("served after CloseListeners: %q", got)
			}
			d.Close()
		}
		mustWrite(t, c, []byte("b")) // those that are open stay
		mustRead(t, c, 1)
	})
}

func TestBindErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	onEngines(t, func(t *testing.T, e engine) {
		for _, a := range []reactor.Address{
			{Network: "tcp", Addr: taken.Addr().String()},
			{Network: "tcp", Addr: taken.Addr().String(), Optional: true},
			{Network: "tcp", Addr: "203.0.113.7:0"},
			{Network: "tcp", Addr: "127.0.0.1:65536"},
			{Network: "tcp", Addr: "127.0.0.1"},
			{Network: "udp", Addr: "127.0.0.1:0"},
			{Network: "unix", Addr: ""},
			{Network: "unix", Addr: t.TempDir() + strings.Repeat("/x", 60)},
			{Network: "unix", Addr: t.TempDir() + "/none/s"},
		} {
			good := reactor.Address{Network: "tcp", Addr: "127.0.0.1:0"}
			_, err := e.open(reactor.Options{Listen: []reactor.Address{good, a}}, &hooks{})
			if err == nil {
				t.Errorf("%v was bound", a)
				continue
			}
			named := a.Addr
			if a.Network == "unix" {
				named = filepath.Dir(a.Addr) // evio binds another name in it
			}
			if strings.Contains(err.Error(), "\n") || a.Addr != "" && !strings.Contains(err.Error(), named) {
				t.Errorf("%v: unclear error %q", a, err)
			}
		}
	})
}

func TestUnixPath(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		dir := t.TempDir()
		open := func(path string) (reactor.Reactor, error) {
			return e.open(reactor.Options{Listen: []reactor.Address{{Network: "unix", Addr: path, Perm: 0o600}}}, echo())
		}
		precious := filepath.Join(dir, "d")
		os.MkdirAll(filepath.Join(precious, "data"), 0o755)
		file := filepath.Join(dir, "f")
		os.WriteFile(file, []byte("x"), 0o644)
		link := filepath.Join(dir, "l")
		os.Symlink(file, link)
		for _, path := range []string{precious, file, link} {
			if _, err := open(path); err == nil || !strings.Contains(err.Error(), "no socket") {
				t.Errorf("%s: error %v", path, err)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("deleted: %v", err)
			}
		}
		if _, err := os.Stat(filepath.Join(precious, "data")); err != nil {
			t.Errorf("deleted: %v", err)
		}

		path := filepath.Join(dir, "s")
		os.WriteFile(path, nil, 0o600) // as mktemp leaves it
		serve(t, e, reactor.Options{Listen: []reactor.Address{{Network: "unix", Addr: path, Perm: 0o600}}}, echo()).stop()
		twice := reactor.Address{Network: "unix", Addr: path}
		if _, err := e.open(reactor.Options{Listen: []reactor.Address{twice, twice}}, echo()); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("the same path twice: %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".rx*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		stale, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
		if err != nil {
			t.Fatal(err)
		}
		stale.SetUnlinkOnClose(false)
		if _, err := open(path); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("a socket that is served: %v", err)
		}
		stale.Close()
		s := serve(t, e, reactor.Options{Listen: []reactor.Address{{Network: "unix", Addr: path, Perm: 0o600}}}, echo())
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode: %v, %v", info, err)
		}
		c := s.dial(0)
		mustWrite(t, c, []byte("a"))
		mustRead(t, c, 1)
		// Another server has taken the name over: stopping must leave its socket alone.
		os.Remove(path)
		other, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		s.stop()
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("removed the other's socket: %v", err)
		}
	})
}

func TestSocketOptions(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		var conn reactor.Conn
		h := &hooks{opened: func(c reactor.Conn) { conn = c }}
		s := serve(t, e, reactor.Options{KeepAlive: 300 * time.Second}, h)
		check := func(keepAlive int) {
			t.Helper()
			s.do(func() { conn = nil })
			c := s.dial(0)
			defer c.Close()
			s.eventually(func() bool { return conn != nil }, "the connection")
			s.do(func() {
				noDelay, err1 := unix.GetsockoptInt(conn.FD(), unix.IPPROTO_TCP, unix.TCP_NODELAY)
				alive, err2 := unix.GetsockoptInt(conn.FD(), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
				count, err3 := unix.GetsockoptInt(conn.FD(), unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
				interval, err4 := unix.GetsockoptInt(conn.FD(), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
				flags, err5 := unix.FcntlInt(uintptr(conn.FD()), unix.F_GETFD, 0)
				if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
					t.Fatal(err)
				}
				if noDelay == 0 || (alive != 0) != (keepAlive > 0) || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("nodelay %d keepalive %d flags %d", noDelay, alive, flags)
				}
				if keepAlive > 0 && (count != 3 || interval != keepAlive/3) {
					t.Errorf("probes: %d, %d s apart", count, interval)
				}
			})
		}
		check(300)
		s.do(func() { s.r.SetKeepAlive(60 * time.Second) })
		check(60)
		s.do(func() { s.r.SetKeepAlive(0) })
		check(0)
	})
}
