//go:build darwin || freebsd || linux

// What an event and an idle connection cost.

package reactor_test

import (
	"io"
	"net"
	"runtime"
	"testing"

	"redix/engine/reactor"
)

func TestEventsAllocateNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		h := &hooks{data: func(c reactor.Conn, in []byte, own bool) { c.Write(in) }}
		s := serve(t, e, reactor.Options{}, h)
		c := s.dial(0)
		out, in := make([]byte, 100), make([]byte, 100)
		n := testing.AllocsPerRun(1000, func() {
			s.r.Wake()
			mustWrite(t, c, out)
			if _, err := io.ReadFull(c, in); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%v allocations per round trip", n)
		}
	})
}

// Both ends are in this process, and the client's is the heavier one: what the server's end costs is the difference
// between connections that nobody accepts and the same ones accepted.
func TestIdleConnectionIsSmall(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		n := 1500 // below the backlog
		if runtime.GOOS != "linux" {
			n = 100
		}
		accepted := 0
		h := &hooks{opened: func(reactor.Conn) { accepted++ }}
		listen := []reactor.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}
		r, err := e.open(reactor.Options{Listen: listen, Backlog: 2000}, h)
		if err != nil {
			t.Fatal(err)
		}
		var conns []net.Conn
		for range n {
			c, err := net.Dial("tcp", r.Addrs()[0].String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
		}
		heap := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before := heap()
		all, done := make(chan struct{}), make(chan error, 1)
		reported := false
		h.endOfRound = func() bool {
			if accepted == n && !reported {
				reported = true
				close(all)
			}
			return false
		}
		h.woken = r.Stop
		go func() { done <- r.Run() }()
		wait(t, all, "all connections")
		perConn := float64(heap()-before) / float64(n)
		t.Logf("%.0f bytes of heap for an idle connection", perConn)
		if limit := map[string]float64{"epoll": 128, "evio": 768}[e.name]; perConn > limit {
			t.Errorf("%.0f bytes of heap for an idle connection, more than %.0f", perConn, limit)
		}
		r.Wake()
		if err := wait(t, done, "the end of Run"); err != nil {
			t.Error(err)
		}
		runtime.KeepAlive(conns)
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			h := &hooks{data: func(c reactor.Conn, in []byte, own bool) { c.Write(in) }}
			r, err := e.open(reactor.Options{Listen: []reactor.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}}, h)
			if err != nil {
				b.Fatal(err)
			}
			h.woken = r.Stop
			done := make(chan error, 1)
			go func() { done <- r.Run() }()
			c, err := net.Dial("tcp", r.Addrs()[0].String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			buf := make([]byte, 40)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
			r.Wake()
			if err := <-done; err != nil {
				b.Error(err)
			}
		})
	}
}
