//go:build darwin || freebsd || linux

// Bytes, wakes, ticks and ends, the same on every engine.

package reactor_test

import (
	"bytes"
	"math/rand"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redix/engine/reactor"
	"redix/engine/seeds"
)

func TestEcho(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		opt := reactor.Options{Listen: []reactor.Address{
			{Network: "tcp", Addr: "127.0.0.1:0"},
			{Network: "tcp", Addr: "[::1]:0", Optional: true},
			{Network: "unix", Addr: t.TempDir() + "/s"},
			{Network: "tcp", Addr: "203.0.113.7:0", Optional: true},
		}}
		h := echo()
		var remote, local string
		var index int
		h.opened = func(c reactor.Conn) { remote, local, index = c.RemoteAddr(), c.LocalAddr(), c.ListenIndex() }
		s := serve(t, e, opt, h)
		if s.r.Name() != e.name {
			t.Fatalf("Name %q", s.r.Name())
		}
		if s.r.Addrs()[3] != nil {
			t.Fatalf("an address of no machine was bound: %v", s.r.Addrs()[3])
		}
		for i := range 3 {
			if s.r.Addrs()[i] == nil {
				continue
			}
			c := s.dial(i)
			mustWrite(t, c, []byte("hello"))
			if got := mustRead(t, c, 5); string(got) != "hello" {
				t.Fatalf("got %q", got)
			}
			wantRemote, wantLocal := c.LocalAddr().String(), c.RemoteAddr().String()
			if i == 2 {
				wantRemote, wantLocal = opt.Listen[2].Addr, opt.Listen[2].Addr
			}
			s.do(func() {
				if remote != wantRemote || local != wantLocal || index != i {
					t.Errorf("remote %q local %q index %d, want %q %q %d", remote, local, index, wantRemote, wantLocal, i)
				}
			})
		}
	})
}

func TestManyClientsPipelining(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		seed := int64(seeds.Draw(t))
		s := serve(t, e, reactor.Options{}, echo())
		var wg sync.WaitGroup
		for i := range 200 {
			c := s.dial(0)
			wg.Go(func() {
				rnd := rand.New(rand.NewSource(seed + int64(i)))
				for range 20 {
					out := make([]byte, 1+rnd.Intn(5000))
					rnd.Read(out)
					if _, err := c.Write(out); err != nil {
						t.Error(err)
						return
					}
					if in := mustRead(t, c, len(out)); !bytes.Equal(in, out) {
						t.Error("echo differs")
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// A client may write any amount before it reads its first byte (evio by itself stops reading then).
func TestWriteAllThenRead(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		s := serve(t, e, reactor.Options{}, echo())
		c := s.dial(0)
		c.(*net.TCPConn).SetReadBuffer(32 << 10)
		out := make([]byte, 5<<20)
		rand.New(rand.NewSource(1)).Read(out)
		mustWrite(t, c, out)
		if !bytes.Equal(mustRead(t, c, len(out)), out) {
			t.Fatal("echo differs")
		}
	})
}

func TestShortWriteThenWritable(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		out := make([]byte, 24<<20)
		rand.New(rand.NewSource(2)).Read(out)
		left := out
		full, nWritable, rounds := make(chan struct{}), 0, atomic.Int64{}
		push := func(c reactor.Conn) {
			n, err := c.Write(left)
			if err != nil {
				c.Close()
				return
			}
			left = left[n:]
		}
		h := &hooks{opened: func(c reactor.Conn) { push(c); close(full) }}
		h.writable = func(c reactor.Conn) { nWritable++; push(c) }
		h.endOfRound = func() bool { rounds.Add(1); return false }
		s := serve(t, e, reactor.Options{}, h)
		c := s.dial(0)
		wait(t, full, "a full socket")
		s.do(func() {
			if len(left) == 0 {
				t.Fatal("the socket took everything: this tests nothing")
			}
		})
		// While the client does not read, the loop is quiet.
		before := rounds.Load()
		time.Sleep(100 * time.Millisecond)
		if n := rounds.Load() - before; n > 20 {
			t.Errorf("%d rounds in 100 ms for a client that does not read", n)
		}
		if !bytes.Equal(mustRead(t, c, len(out)), out) {
			t.Fatal("the bytes differ")
		}
		s.do(func() {
			if nWritable == 0 || len(left) != 0 {
				t.Errorf("%d calls of Writable, %d bytes left", nWritable, len(left))
			}
			nWritable = 0
		})
		for range 20 {
			s.do(func() {})
		}
		s.do(func() {
			if nWritable > 0 {
				t.Errorf("%d calls of Writable with nothing to write", nWritable)
			}
		})
	})
}

func TestWakeIsNeverLost(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		const wakers, each = 8, 1250
		var posted atomic.Int64
		seen := make(chan struct{})
		ack := make(chan int64, 1)
		all := false
		h := &hooks{}
		h.woken = func() {
			n := posted.Load()
			if n == wakers*each && !all {
				all = true
				close(seen)
			} else if n > wakers*each {
				select {
				case ack <- n:
				default: // an older answer is still there; its reader will wake again
				}
			}
		}
		s := serve(t, e, reactor.Options{}, h)
		for range wakers {
			go func() {
				for range each {
					posted.Add(1)
					s.r.Wake()
				}
			}()
		}
		wait(t, seen, "the last of 10,000 wakes")
		// One at a time: a wake that came late (evio's own by 100 ms) would show in the sum.
		start := time.Now()
		for range 500 {
			n := posted.Add(1)
			s.r.Wake()
			for got := int64(0); got < n; {
				if got = wait(t, ack, "a wake"); got < n {
					s.r.Wake()
				}
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("500 wakes took %v", d)
		}
	})
}

func TestCloseInsideEvents(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		var first reactor.Conn
		closed := map[reactor.Conn]int{}
		late := 0
		h := &hooks{}
		h.opened = func(c reactor.Conn) {
			if first == nil {
				first = c
			}
		}
		h.data = func(c reactor.Conn, in []byte, own bool) {
			if closed[c] > 0 || c.Context() != nil {
				late++
			}
			if in[0] == '2' { // closes the other connection as well
				first.SetContext("closed")
				first.Close()
				first.Close()
			}
			if _, err := c.Write([]byte("bye")); err != nil {
				t.Errorf("Write: %v", err)
			}
			c.SetContext("closed")
			c.Close()
			if n, err := c.Write([]byte("x")); n != 0 || err != net.ErrClosed {
				t.Errorf("Write after Close: %d, %v", n, err)
			}
		}
		h.closed = func(c reactor.Conn, err error) {
			if closed[c]++; err != nil {
				t.Errorf("Closed: %v", err)
			}
		}
		s := serve(t, e, reactor.Options{}, h)
		a := s.dial(0)
		s.eventually(func() bool { return first != nil }, "the first connection")
		b := s.dial(0)
		mustWrite(t, b, []byte("2"))
		if got := mustEnd(t, b); string(got) != "bye" {
			t.Errorf("got %q", got)
		}
		if got := mustEnd(t, a); len(got) > 0 {
			t.Errorf("got %q", got)
		}
		s.eventually(func() bool { return len(closed) == 2 }, "two ends")
		s.do(func() {
			for _, n := range closed {
				if n != 1 || late > 0 {
					t.Errorf("closed %d times, %d late events", n, late)
				}
			}
		})
	})
}

func TestCloseInOpened(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		nClosed := 0
		h := &hooks{}
		h.opened = func(c reactor.Conn) { c.Write([]byte("-ERR full\r\n")); c.Close() }
		h.data = func(reactor.Conn, []byte, bool) { t.Error("Data after Close") }
		h.closed = func(reactor.Conn, error) { nClosed++ }
		s := serve(t, e, reactor.Options{}, h)
		for range 20 {
			if got := mustEnd(t, s.dial(0)); string(got) != "-ERR full\r\n" {
				t.Fatalf("got %q", got)
			}
		}
		s.eventually(func() bool { return nClosed == 20 }, "20 ends")
	})
}

// Descriptor numbers come back at once; no event of the old connection may reach the new one.
func TestReusedDescriptors(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		seed := int64(seeds.Draw(t))
		rnd := rand.New(rand.NewSource(seed))
		nOpened, nClosed := 0, 0
		fds := map[int]int{}
		h := &hooks{}
		h.opened = func(c reactor.Conn) { nOpened++; fds[c.FD()]++ }
		h.data = func(c reactor.Conn, in []byte, own bool) {
			id, known := c.Context().(byte)
			for _, b := range in {
				if known && b&^1 != id {
					t.Errorf("byte %d on the connection of %d", b, id)
				}
				id, known = b&^1, true
				if b&1 == 1 {
					c.Close()
					return
				}
			}
			c.SetContext(id)
		}
		h.closed = func(c reactor.Conn, err error) { nClosed++ }
		s := serve(t, e, reactor.Options{}, h)
		total := 0
		for range 40 {
			var conns []net.Conn
			for i := range 20 {
				c := s.dial(0)
				total++
				conns = append(conns, c)
				id := byte(i << 1)
				c.Write([]byte{id})
				if rnd.Intn(2) == 0 {
					c.Write([]byte{id | 1, id, id}) // the server closes, and bytes are left over
				}
			}
			for _, c := range conns {
				c.Close()
			}
		}
		s.eventually(func() bool { return nOpened == total && nClosed == total }, "every end")
		s.do(func() {
			if len(fds) == total {
				t.Error("no descriptor was reused: this tests nothing")
			}
		})
	})
}

func TestEndsAndErrors(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		ends := make(chan error, 1)
		got := make(chan string, 1)
		h := &hooks{}
		h.closed = func(c reactor.Conn, err error) { ends <- err }
		h.data = func(c reactor.Conn, in []byte, own bool) { got <- string(in) }
		s := serve(t, e, reactor.Options{}, h)
		c := s.dial(0)
		mustWrite(t, c, []byte("last words")) // read before the end is believed
		c.Close()
		if in := wait(t, got, "data"); in != "last words" {
			t.Errorf("got %q", in)
		}
		if err := wait(t, ends, "the end"); err != nil {
			t.Errorf("a regular end is reported as %v", err)
		}
		c = s.dial(0)
		mustWrite(t, c, []byte("x"))
		wait(t, got, "data")
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
		if err := wait(t, ends, "the end"); err == nil {
			t.Error("a reset is reported as a regular end")
		}
	})
}

func TestPauseReading(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		var conn reactor.Conn
		var in []byte
		var rounds, nClosed int
		h := &hooks{}
		h.opened = func(c reactor.Conn) { conn = c; c.PauseReading(true) }
		h.data = func(c reactor.Conn, b []byte, own bool) { in = append(in, b...) }
		h.closed = func(c reactor.Conn, err error) { nClosed++ }
		h.endOfRound = func() bool { rounds++; return false }
		s := serve(t, e, reactor.Options{}, h)
		if !s.r.CanPause() {
			t.Skip("this engine cannot pause")
		}
		c := s.dial(0)
		mustWrite(t, c, []byte("one"))
		s.eventually(func() bool { return conn != nil }, "the connection")
		for range 50 {
			s.do(func() {})
		}
		s.do(func() {
			if len(in) > 0 {
				t.Errorf("got %q while paused", in)
			}
			conn.PauseReading(false)
			conn.PauseReading(true)
			conn.PauseReading(false)
		})
		s.eventually(func() bool { return string(in) == "one" }, "data after the pause")
		s.do(func() { conn.PauseReading(true) })
		mustWrite(t, c, []byte("two"))
		c.(*net.TCPConn).SetLinger(0)
		c.Close() // a reset cannot be masked in epoll: it must not make the loop spin
		before := 0
		s.do(func() { before = rounds })
		time.Sleep(20 * time.Millisecond)
		s.do(func() {
			if n := rounds - before; n > 10 {
				t.Errorf("%d rounds while a reset connection is paused", n)
			}
			if nClosed != 0 {
				t.Error("closed while paused")
			}
			conn.PauseReading(false)
		})
		s.eventually(func() bool { return nClosed == 1 }, "the end after the pause")
	})
}

func TestReadBuffer(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		big := make([]byte, 1<<20)
		var got []byte
		var foreign bool
		h := &hooks{readBuffer: func(reactor.Conn) []byte { return big[len(got):] }}
		h.data = func(c reactor.Conn, in []byte, own bool) {
			if own && &in[0] != &big[len(got)] {
				foreign = true
			}
			if !own && e.name == "epoll" {
				foreign = true
			}
			got = append(got, in...)
		}
		s := serve(t, e, reactor.Options{}, h)
		out := make([]byte, 600<<10)
		rand.New(rand.NewSource(3)).Read(out)
		mustWrite(t, s.dial(0), out)
		s.eventually(func() bool { return len(got) == len(out) }, "all bytes")
		if foreign || !bytes.Equal(got, out) {
			t.Errorf("foreign buffer %v, equal %v", foreign, bytes.Equal(got, out))
		}
	})
}

// What has come is told once by the kernel. Nothing of it may be forgotten: more bytes than the buffer takes, exactly as many, an
// end that came with the bytes or while reading was paused.
func TestAllOfWhatCameAtOnceIsRead(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		const size = 4096 // of the buffer; evio's is its own
		got, ended := map[string]int{}, map[string]int{}
		var conns []reactor.Conn
		h := &hooks{
			opened: func(c reactor.Conn) { conns = append(conns, c) },
			data: func(c reactor.Conn, in []byte, own bool) {
				if c.Context() == nil {
					c.SetContext(string(in[:1]))
				}
				got[c.Context().(string)] += len(in)
				if in[0] == 'p' {
					c.PauseReading(true)
				}
			},
			closed: func(c reactor.Conn, err error) {
				if name, ok := c.Context().(string); ok && err == nil {
					ended[name]++
				}
			},
		}
		s := serve(t, e, reactor.Options{ReadBufferSize: size, Listen: []reactor.Address{
			{Network: "tcp", Addr: "127.0.0.1:0"}, {Network: "unix", Addr: t.TempDir() + "/s"}}}, h)
		sizes := map[string]int{"a": 1, "b": size - 1, "c": size, "d": size + 1, "e": 5 * size, "o": 5 * size, "p": 3 * size}
		for i := range 2 {
			for name, n := range sizes {
				c := s.dial(i)
				s.do(func() { // the loop is here while all of it arrives
					mustWrite(t, c, bytes.Repeat([]byte(name), n))
					if name == "o" { // which stays open
						return
					}
					if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
						t.Error(err)
					}
				})
			}
			for range 10 {
				s.do(func() {})
			}
			s.do(func() {
				if got["p"] != size+i*3*size && s.r.CanPause() {
					t.Errorf("%d bytes for a connection that reads one buffer full and pauses", got["p"])
				}
				if ended["p"] != i && s.r.CanPause() {
					t.Errorf("%d ends while paused", ended["p"])
				}
			})
			for n := range 3 { // each read of it pauses again
				s.eventually(func() bool { return !s.r.CanPause() || got["p"] >= (i*3+n+1)*size }, "the next read")
				s.do(func() {
					for _, c := range conns {
						c.PauseReading(false)
					}
				})
			}
			s.eventually(func() bool { return len(ended) == len(sizes)-1 && ended["p"] == i+1 && got["o"] >= (i+1)*sizes["o"] }, "all bytes and ends")
			s.do(func() {
				for name, n := range sizes {
					if got[name] != (i+1)*n || name != "o" && ended[name] != i+1 {
						t.Errorf("%s: %d bytes and %d ends, want %d and %d", name, got[name], ended[name], (i+1)*n, i+1)
					}
				}
			})
		}
	})
}
