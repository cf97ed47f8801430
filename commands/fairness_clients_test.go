//go:build linux

package commands_test

// Clients that are lazy, greedy or mute: what they cost the others, and the server.

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// A client may write a pipeline of any length before it reads a byte.
func TestPipelineBeforeReading(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		const count, size = 200_000, 1000
		c := s.Dial()
		value := strings.Repeat("v", size)
		c.Must("SET", "key", value)
		request := servertest.AppendCommand(nil, "GET", "key")
		for range count / 1000 {
			c.SendRaw(strings.Repeat(string(request), 1000))
			c.Flush()
		}
		one := fmt.Sprintf("$%d\r\n%s\r\n", size, value)
		got := make([]byte, len(one))
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		for i := range count {
			if _, err := io.ReadFull(c.In, got); err != nil || string(got) != one {
				t.Fatalf("reply %d: %.40q, %v", i, got, err)
			}
		}
		if v := c.Do("ECHO", "end"); v.Str != "end" {
			t.Errorf("behind the pipeline: %s", v)
		}
	})
}

// settleCPU waits until the process has used no more than a tick of processor time for a while, or gives up.
func settleCPU(t *testing.T, p *servertest.Process) {
	t.Helper()
	const window = 150 * time.Millisecond
	for end := time.Now().Add(20 * time.Second); ; {
		before := p.CPU()
		time.Sleep(window) // processor time is only used while time passes
		if p.CPU()-before <= 10*time.Millisecond {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server does not come to rest")
		}
	}
}

// Clients that never read cost no processor time while they wait, and memory within bounds, however much they ask for.
func TestClientsThatNeverRead(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			p := servertest.StartProcess(t, "--io-reactor", reactor)
			const clients, size, requests = 20, 100 << 10, 2000
			other := p.Dial()
			other.Must("SET", "big", strings.Repeat("x", size))
			settleCPU(t, p)
			before := p.RSS()
			pipeline := strings.Repeat(string(servertest.AppendCommand(nil, "GET", "big")), requests)
			for range clients { // each asks for 200 MB
				c := p.Dial()
				c.SendRaw(pipeline)
				c.Flush()
			}
			settleCPU(t, p)
			const window = 500 * time.Millisecond
			used := p.CPU()
			time.Sleep(window)
			used = p.CPU() - used
			grown := p.RSS() - before
			t.Logf("processor time %v in %v, memory %d KiB a client", used, window, grown/clients>>10)
			if used > window/10 {
				t.Errorf("%v of processor time in %v while nobody reads", used, window)
			}
			if grown > clients*(4<<20)+64<<20 {
				t.Errorf("%d MiB of memory for %d clients that do not read", grown>>20, clients)
			}
			if v := other.Do("PING"); v.Str != "PONG" {
				t.Error(v)
			}
		})
	}
}

// An endless pipeline of one client does not keep another waiting.
func TestPipelineDoesNotStarveOthers(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		greedy := s.Dial()
		greedy.Must("SET", "key", "value")
		pipeline := []byte(strings.Repeat(string(servertest.AppendCommand(nil, "GET", "key")), 20_000))
		go func() {
			for {
				if _, err := greedy.Write(pipeline); err != nil {
					return
				}
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, greedy.Conn) }()
		c := s.Dial()
		const pings = 300
		took := make([]time.Duration, pings)
		for i := range took {
			start := time.Now()
			c.Must("PING")
			took[i] = time.Since(start)
		}
		greedy.Close()
		slices.Sort(took)
		t.Logf("PING beside an endless pipeline: median %v, 99%% %v, longest %v", took[pings/2], took[pings*99/100], took[pings-1])
		if took[pings/2] > 25*time.Millisecond { // about 1 ms on an idle machine
			t.Errorf("the median is %v", took[pings/2])
		}
	})
}

// Many clients that each send a byte of their command at a time are all served.
func TestManySlowClients(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		conns := make([]*servertest.Conn, 300)
		for i := range conns {
			conns[i] = s.Dial()
		}
		for i, request := 0, servertest.AppendCommand(nil, "INCR", "n"); i < len(request); i++ {
			for _, c := range conns {
				if _, err := c.Write(request[i : i+1]); err != nil {
					t.Fatal(err)
				}
			}
		}
		sum := int64(0)
		for _, c := range conns {
			sum += c.Receive().Int
		}
		if n := int64(len(conns)); sum != n*(n+1)/2 {
			t.Errorf("the replies add up to %d", sum)
		}
	})
}

// A client that goes away with its pipeline half done, replies unread, leaves nothing behind.
func TestClientsThatVanish(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Must("SET", "big", strings.Repeat("x", 300_000))
		pipeline := strings.Repeat(string(servertest.AppendCommand(nil, "GET", "big")), 50) + "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$900000\r\nabc"
		for i := range 50 {
			gone := s.Dial()
			gone.Must("PING")
			gone.SendRaw(pipeline)
			gone.Flush()
			if i%2 == 0 {
				_ = gone.Conn.(*net.TCPConn).SetLinger(0)
			}
			gone.Close()
		}
		eventually(t, "the clients are gone", func() bool { return c.Info("clients")["connected_clients"] == "1" })
		if v := c.Must("STRLEN", "big"); v.Int != 300_000 {
			t.Errorf("STRLEN: %s", v)
		}
	})
}

// A pipeline of commands that take long is run in turns of about a millisecond, so that others need not wait for its end.
func TestLongCommandsTakeTurns(t *testing.T) {
	l := servertest.NewLocal(t)
	rounds := 0
	l.AroundRound = func(round func() bool) bool {
		rounds++
		return round()
	}
	const count = 100
	for range 12 {
		l.Do(append([]string{"RPUSH", "l"}, strings.Fields(strings.Repeat("x ", 2000))...)...)
	}
	request := servertest.AppendCommand(nil, "LREM", "l", "1", "none") // looks at all 24,000 elements
	rounds = 0
	if out := string(l.Feed([]byte(strings.Repeat(string(request), count)))); out != strings.Repeat(":0\r\n", count) {
		t.Errorf("replies %.100q", out)
	}
	if rounds < 5 {
		t.Errorf("%d rounds for %d commands", rounds, count)
	}
}
