//go:build darwin || freebsd || linux

package tlsport

// What strangers can cost before their handshake, and how much waits on either side of the loop.

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"redix/engine/config"
	"redix/engine/reactor"
	"redix/engine/reactor/auto"
	"redix/engine/reactor/tlsport/testcert"
)

// echo sends back what it gets, as far as the connection takes it, and tells what happens.
type echo struct {
	opened, closed, writable chan reactor.Conn
	data                     func(c reactor.Conn, in []byte)
	port                     reactor.Reactor
	over                     atomic.Bool
}

func (e *echo) Refused() []byte                        { return nil }
func (e *echo) Opened(c reactor.Conn)                  { e.opened <- c }
func (e *echo) ReadBuffer(reactor.Conn) []byte         { return nil }
func (e *echo) Data(c reactor.Conn, in []byte, _ bool) { e.data(c, in) }
func (e *echo) Ended(c reactor.Conn)                   { c.Close() }
func (e *echo) Writable(c reactor.Conn)                { e.writable <- c }
func (e *echo) Closed(c reactor.Conn, _ error)         { e.closed <- c }
func (e *echo) Woken() {
	if e.over.Load() {
		e.port.Stop()
	}
}
func (e *echo) Tick(time.Time) time.Duration { return time.Second }
func (e *echo) EndOfRound() bool             { return false }

// start runs a port with the handler until the test ends.
func start(t *testing.T, e *echo, change func(p *Port)) string {
	t.Helper()
	dir := t.TempDir()
	ca, err := testcert.NewCA(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Make(dir, "server")
	if err != nil {
		t.Fatal(err)
	}
	e.opened, e.closed, e.writable = make(chan reactor.Conn, 100), make(chan reactor.Conn, 100), make(chan reactor.Conn, 100)
	settings := config.TLS{Port: 1, CertFile: pair.Cert, KeyFile: pair.Key, AuthClients: config.TLSAuthNo}
	r, err := New(settings, []reactor.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}, reactor.Options{}, e, auto.Engine(config.ReactorAuto))
	if err != nil {
		t.Fatal(err)
	}
	e.port = r
	change(r)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		e.over.Store(true)
		r.Wake()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r.Addrs()[0].String()
}

func dial(t *testing.T, addr string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Mute connections hold the places for handshakes for handshakeTime and no longer; others wait in the kernel meanwhile.
func TestMuteHandshakes(t *testing.T) {
	const places = 3
	e := &echo{data: func(c reactor.Conn, in []byte) { _, _ = c.Write(in) }}
	addr := start(t, e, func(p *Port) {
		p.slots, p.handshakeTime = make(chan struct{}, places), 100*time.Millisecond
	})
	for range 4 * places {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	begun := time.Now()
	c := dial(t, addr) // after four times 100 ms
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("served after %v: the mute ones did not hold the places", took)
	}
	if n := len(e.opened); n != 1 {
		t.Errorf("%d connections were announced", n)
	}
}

// Write takes what fits, Writable follows when the peer reads, and input waits while the loop does not take it.
func TestBounds(t *testing.T) {
	const size = 1 << 20
	taken := make(chan int, 1000)
	whole := make([]byte, size)
	var sent int
	e := &echo{}
	e.data = func(c reactor.Conn, in []byte) {
		if len(in) > maxIn+largeRead {
			t.Errorf("%d bytes at once", len(in))
		}
		if sent == 0 {
			n, err := c.Write(whole)
			if err != nil || n > maxOut {
				t.Errorf("Write took %d bytes, %v", n, err)
			}
			sent = n
		}
		taken <- len(in)
	}
	addr := start(t, e, func(*Port) {})
	c := dial(t, addr)
	if _, err := c.Write(whole); err != nil { // more than is taken at once
		t.Fatal(err)
	}
	for got := 0; got < size; {
		got += <-taken
	}
	if _, err := io.ReadFull(c, make([]byte, maxOut)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.writable:
	case <-time.After(time.Minute):
		t.Fatal("Writable does not follow a short Write")
	}
	c.Close()
	select {
	case <-e.closed:
	case <-time.After(time.Minute):
		t.Fatal("Closed does not follow the peer's end")
	}
}
