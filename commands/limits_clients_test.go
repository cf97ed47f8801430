package commands_test

// Limits on clients, and the ways in: maxclients, timeout, buffers, unix socket, IPv6, protected mode.

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

func TestMaxClients(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		first := s.Dial()
		first.Must("PING")
		s.Dial().Must("PING")
		got := s.Dial().MustClose()
		if len(got) != 1 || got[0].Err() != "ERR max number of clients reached" {
			t.Errorf("the third client received %v", got)
		}
		if n := first.Info("stats")["rejected_connections"]; n != "1" {
			t.Errorf("rejected_connections:%s", n)
		}
		first.Close()
		eventually(t, "a place is free", func() bool {
			c, err := servertest.TryDial(t, s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			v, err := c.TryDo("PING")
			return err == nil && v.Str == "PONG"
		})
	}, "--maxclients", "2")
}

func TestTimeout(t *testing.T) {
	l := servertest.NewLocal(t, "--timeout", "10")
	for range 30 {
		l.Advance(9 * time.Second)
		if l.Do("PING"); l.Closed() {
			t.Fatal("closed after 9 s of 10")
		}
	}
	for range 11 {
		l.Advance(time.Second)
	}
	if !l.Closed() {
		t.Error("not closed after 11 s of 10")
	}
}

func TestTimeoutOfConnections(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			t.Parallel() // it waits for a second
			s := servertest.Start(t, reactor, "--timeout", "1")
			start := time.Now()
			if got := s.Dial().MustClose(); len(got) != 0 || time.Since(start) < time.Second {
				t.Errorf("closed after %v with %v", time.Since(start), got)
			}
		})
	}
}

// A frame that does not end is taken up to the limit. redis-server looks at its buffer only, which it empties word by
// word: there, many small words have no limit.
func TestQueryBufferLimit(t *testing.T) {
	const limit = 1 << 20
	frames := map[string]string{
		"many small words": "*1000000\r\n" + strings.Repeat("$4\r\nabcd\r\n", 200_000),
		"one large word":   "*2\r\n$3\r\nGET\r\n$100000000\r\n" + strings.Repeat("x", 2*limit),
	}
	check := func(t *testing.T, addr string, names ...string) {
		for _, name := range names {
			c := servertest.Dial(t, addr)
			c.SendRaw(frames[name])
			_ = c.TryFlush() // it may be closed before everything is written
			if got := c.MustClose(); len(got) != 0 {
				t.Errorf("%s: received %v", name, got)
			}
		}
	}
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		check(t, s.Addr, "many small words", "one large word")
		if n := s.Dial().Info("stats")["client_query_buffer_limit_disconnections"]; n != "2" {
			t.Errorf("client_query_buffer_limit_disconnections:%s", n)
		}
	}, "--client-query-buffer-limit", "1mb")
	t.Run("redis-server", func(t *testing.T) {
		check(t, servertest.StartRedis(t, "--client-query-buffer-limit", "1mb").Addr, "one large word")
	})
}

func TestOutputBufferLimit(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		other := s.Dial()
		other.Must("SET", "big", strings.Repeat("x", 64<<20))
		c := s.Dial()
		c.Must("PING")
		c.Send("GET", "big")
		c.Flush()
		eventually(t, "the client is gone", func() bool { return other.Info("clients")["connected_clients"] == "1" })
		if n := other.Info("stats")["client_output_buffer_limit_disconnections"]; n != "1" {
			t.Errorf("client_output_buffer_limit_disconnections:%s", n)
		}
	}, "--client-output-buffer-limit", "normal 2mb 0 0")
}

func TestUnixSocket(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			flags := []string{"--io-reactor", reactor, "--unixsocket", path, "--unixsocketperm", "700"}
			p := servertest.StartProcess(t, flags...)
			if v := servertest.Dial(t, path).Must("SET", "k", "v"); v.Str != "OK" {
				t.Error(v)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info, err)
			}
			p.Kill() // the socket stays behind and must not hinder the next
			p = servertest.StartProcess(t, flags...)
			servertest.Dial(t, path).Must("PING")
			if code := p.Terminate(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("the socket was left behind: %v", err)
			}
		})
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("SKIPPED: this machine has no IPv6 loopback address")
	}
	l.Close()
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		if v := c.Must("CLIENT", "INFO"); !strings.Contains(v.Str, "addr=[::1]:") {
			t.Errorf("CLIENT INFO: %s", v)
		}
	}, "--bind", "::1")
}

// outside returns an address of this machine that is not loopback.
func outside(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("SKIPPED: this machine has no address but loopback")
	return ""
}

func TestProtectedModeAddresses(t *testing.T) {
	host := outside(t)
	for _, c := range []struct {
		flags []string
		from  string
		want  string // beginning of the reply to PING
	}{
		{nil, host, "DENIED "},
		{nil, "127.0.0.1", "PONG"},
		{[]string{"--protected-mode", "no"}, host, "PONG"},
		{[]string{"--requirepass", "x"}, host, "NOAUTH"},
	} {
		servertest.Both(t, func(t *testing.T, s *servertest.Server) {
			_, port, _ := net.SplitHostPort(s.Addr)
			conn := servertest.Dial(t, net.JoinHostPort(c.from, port))
			conn.Send("PING")
			_ = conn.TryFlush() // a refused client may be closed already
			if v, err := conn.TryReceive(); err != nil || !strings.HasPrefix(v.Str, c.want) {
				t.Errorf("%v from %s: %s, %v", c.flags, c.from, v, err)
			}
		}, append([]string{"--bind", "0.0.0.0"}, c.flags...)...)
	}
}

// eventually asks until the condition holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
