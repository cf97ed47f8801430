package commands_test

// CLIENT TRACKING with many clients and many keys, the bounds of its table, CLIENT PAUSE and time, eviction of clients, and
// what all of it costs who does not use it.

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
)

// received returns what a connection has been sent until now.
func received(c *servertest.Conn) (got []reply) {
	c.Send("PING", "end of it")
	c.Flush()
	for {
		v := c.Receive()
		if v.Str == "end of it" {
			return got
		}
		got = append(got, v)
	}
}

// TestTrackingManyClients: each of many clients hears of exactly the keys that it has read, once.
func TestTrackingManyClients(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		const clients, keys = 200, 50
		writer := s.Dial()
		var readers []*servertest.Conn
		for i := range clients {
			c := s.Dial()
			c.Hello(3)
			c.Must("CLIENT", "TRACKING", "ON")
			for k := i % 2; k < keys; k += 2 {
				c.Send("GET", fmt.Sprint("key:", k))
			}
			c.Flush()
			for k := i % 2; k < keys; k += 2 {
				c.Receive()
			}
			readers = append(readers, c)
		}
		info := writer.Info("stats")
		if info["tracking_total_keys"] != "50" || info["tracking_total_items"] != fmt.Sprint(clients*keys/2) {
			t.Errorf("%s keys, %s items", info["tracking_total_keys"], info["tracking_total_items"])
		}
		for range 2 {
			for k := range keys {
				writer.Must("SET", fmt.Sprint("key:", k), "v")
			}
		}
		for i, c := range readers {
			got := received(c)
			if len(got) != keys/2 {
				t.Fatalf("client %d: %d messages, want %d", i, len(got), keys/2)
			}
			for n, v := range got {
				if want := fmt.Sprintf(`>["invalidate" *["key:%d"]]`, i%2+2*n); v.String() != want {
					t.Fatalf("client %d: %s, want %s", i, v, want)
				}
			}
		}
		if n := writer.Info("stats")["tracking_total_items"]; n != "0" {
			t.Errorf("%s items are left", n)
		}
	})
}

// TestTrackingBroadcastMany: one round's changes are one message for each client of a prefix.
func TestTrackingBroadcastMany(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		const clients = 100
		writer := s.Dial()
		var readers []*servertest.Conn
		for i := range clients {
			c := s.Dial()
			c.Hello(3)
			c.Must("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", fmt.Sprint("p", i%4, ":"))
			readers = append(readers, c)
		}
		for k := range 8 {
			writer.Send("SET", fmt.Sprintf("p%d:%d", k%4, k), "v")
		}
		writer.Flush()
		for range 8 {
			writer.Receive()
		}
		for i, c := range readers {
			got := received(c)
			if want := fmt.Sprintf(`[>["invalidate" *["p%d:%d" "p%d:%d"]]]`, i%4, i%4, i%4, i%4+4); fmt.Sprint(got) != want {
				t.Fatalf("client %d: %v, want %s", i, got, want)
			}
		}
	})
}

// TestTrackingTableIsBounded in keys and in bytes: what is forgotten is told as changed.
func TestTrackingTableIsBounded(t *testing.T) {
	for _, x := range []struct {
		name  string
		limit int
		key   string
		n     int
		keeps int
	}{{"keys", 100, "k:%d", 1000, 100}, {"bytes", 100, strings.Repeat("x", 64<<10) + "%d", 40, 16}} {
		t.Run(x.name, func(t *testing.T) {
			l := servertest.NewLocal(t, "--tracking-table-max-keys", fmt.Sprint(x.limit))
			l.Do("HELLO", "3")
			l.Do("CLIENT", "TRACKING", "ON")
			pushed := 0
			for i := range x.n {
				out := l.Feed(servertest.AppendCommand(nil, "GET", fmt.Sprintf(x.key, i)))
				pushed += strings.Count(string(out), "invalidate")
			}
			st := l.Engine.Tracking()
			if st.Keys > x.keeps || pushed != x.n-st.Keys || st.Keys < x.keeps/2 {
				t.Errorf("%d keys are kept, %d told, of %d", st.Keys, pushed, x.n)
			}
			used := l.Engine.Keyspace.Used()
			l.Do("CLIENT", "TRACKING", "OFF")
			l.Advance(time.Second)
			if st := l.Engine.Tracking(); st.Keys != 0 || st.Items != 0 || st.Bytes != 0 || l.Engine.Keyspace.Used() >= used {
				t.Errorf("after the last client has gone: %+v", st)
			}
		})
	}
}

// TestTrackingExpiry: keys that expire, by the wheel or by a look at them, are told, to NOLOOP clients too.
func TestTrackingExpiry(t *testing.T) {
	for _, active := range []bool{true, false} {
		l := servertest.NewLocal(t)
		l.Engine.NoActiveExpire = !active
		l.Do("HELLO", "3")
		l.Do("CLIENT", "TRACKING", "ON", "BCAST", "NOLOOP")
		l.Do("SET", "k", "v", "PX", "10")
		l.Feed([]byte("PING\r\n")) // takes the message of SET away
		l.Advance(20 * time.Millisecond)
		out := string(l.Conn().(interface{ Output() []byte }).Output())
		out += string(l.Feed(servertest.AppendCommand(nil, "GET", "k"))) + string(l.Feed([]byte("PING\r\n")))
		if !strings.Contains(out, "invalidate\r\n*1\r\n$1\r\nk\r\n") {
			t.Errorf("active %v: %q", active, out)
		}
	}
}

// TestPauseHoldsExpiry: during a pause a key that is due is not there, and not gone. It goes when the pause is over, by the
// clock.
func TestPauseHoldsExpiry(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("SET", "k", "v", "PX", "50")
	l.Do("SET", "stays", "v")
	l.Do("CLIENT", "PAUSE", "1000", "WRITE")
	l.Advance(100 * time.Millisecond)
	replies(t, l, 2, servertest.Null(), "GET", "k")
	replies(t, l, 2, servertest.Int(2), "DBSIZE")
	if out := l.Feed([]byte("SET a b\r\nGET stays\r\n")); len(out) != 0 {
		t.Errorf("a write was answered during the pause: %q", out)
	}
	if out := l.Feed([]byte("GET stays\r\n")); len(out) != 0 {
		t.Errorf("a command overtook another: %q", out)
	}
	if n, _ := l.Engine.NumBlocked(); n != 1 {
		t.Errorf("%d clients are blocked", n)
	}
	l.Advance(950 * time.Millisecond)
	if out := string(l.Conn().(interface{ Output() []byte }).Output()); out != "+OK\r\n$1\r\nv\r\n$1\r\nv\r\n" {
		t.Errorf("after the pause: %q", out)
	}
	replies(t, l, 2, servertest.Int(2), "DBSIZE") // a has come, k has gone
}

// TestClientEviction: the clients that take the most go, those with NO-EVICT stay.
func TestClientEviction(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		control := s.Dial()
		control.Must("CLIENT", "NO-EVICT", "on")
		control.Must("CONFIG", "SET", "maxmemory-clients", "3mb")
		fill := func(size int, words ...string) *servertest.Conn {
			c := s.Dial()
			for _, w := range words {
				c.Must(strings.Fields(w)...)
			}
			c.SendRaw(fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$%d\r\n%s", 2*size, strings.Repeat("x", size)))
			c.Flush()
			return c
		}
		spared := fill(200<<10, "CLIENT NO-EVICT on", "CLIENT SETNAME spared")
		small := fill(20<<10, "CLIENT SETNAME small")
		for range 20 {
			fill(230 << 10)
		}
		evicted := func() string { return control.Info("stats")["evicted_clients"] }
		for end := time.Now().Add(20 * time.Second); evicted() == "0"; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nobody was evicted")
			}
		}
		list := control.Must("CLIENT", "LIST").Str
		if n := strings.Count(list, "\n"); n >= 23 {
			t.Errorf("%d clients are left", n)
		}
		if !strings.Contains(list, "name=spared") || !strings.Contains(list, "name=small") {
			t.Errorf("%s", list)
		}
		_, _ = spared, small
	})
}

// TestTracksWithoutAllocation: latency tracking and a tracked client cost the hot path no memory.
func TestTracksWithoutAllocation(t *testing.T) {
	l := servertest.NewLocal(t, "--latency-tracking", "yes")
	l.MustNotAllocate([]string{"SET", "k", "v"}, []string{"GET", "k"}, []string{"INCR", "n"}, []string{"PING"})
	l.Do("CLIENT", "TRACKING", "ON")
	l.MustNotAllocate([]string{"GET", "k"}, []string{"GET", "n"})
	l.Do("CLIENT", "TRACKING", "OFF")
	l.Do("CLIENT", "PAUSE", "0")
	l.Advance(time.Second)
	l.MustNotAllocate([]string{"SET", "k", "v"}, []string{"GET", "k"})
}

// TestMonitorIsBounded: a client that monitors and does not read is disconnected over the limits of the replica class.
func TestMonitorIsBounded(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		m, c := s.Dial(), s.Dial()
		m.Must("MONITOR")
		value := strings.Repeat("v", 64<<10)
		for range 400 {
			c.Must("SET", "k", value)
		}
		monitors := -1
		s.OnLoop(func(e *engine.Server) {
			monitors = 0
			e.Clients(func(c *engine.Client) bool {
				if c.Monitoring() {
					monitors++
				}
				return true
			})
		})
		if monitors != 0 || c.Info("stats")["client_output_buffer_limit_disconnections"] != "1" {
			t.Errorf("%d clients monitor", monitors)
		}
	}, "--client-output-buffer-limit", "replica 1mb 0 0")
}

// TestEvictionTellsTrackers: what clients are told of evictions is written before it counts, else each long key that goes would
// cost more than it frees and take all others with it.
func TestEvictionTellsTrackers(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		const clients, keys = 10, 300
		writer := s.Dial()
		key := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", 1000)) }
		for i := range keys {
			writer.Must("SET", key(i), "v")
		}
		var readers []*servertest.Conn
		for range clients {
			c := s.Dial()
			c.Hello(3)
			c.Must("CLIENT", "TRACKING", "ON")
			for i := range keys {
				c.Must("GET", key(i))
			}
			readers = append(readers, c)
		}
		used, err := strconv.Atoi(writer.Info("memory")["used_memory"])
		if err != nil {
			t.Fatal(err)
		}
		writer.Must("CONFIG", "SET", "maxmemory", strconv.Itoa(used-40_000))
		eventually(t, "enough is evicted", func() bool { return overBy(t, writer) <= 0 })
		gone := keys - int(writer.Do("DBSIZE").Int)
		if gone < 20 || gone > 100 {
			t.Errorf("%d of %d keys were evicted to free 40,000 bytes", gone, keys)
		}
		for i, c := range readers {
			if got := received(c); len(got) != gone {
				t.Errorf("client %d: %d messages of %d evictions", i, len(got), gone)
			}
		}
	}, "--maxmemory-policy", "allkeys-lru", "--maxmemory-eviction-tenacity", "100")
}

// overBy returns by how many bytes the memory in use is over maxmemory.
func overBy(t *testing.T, c *servertest.Conn) int {
	t.Helper()
	info := c.Info("memory")
	used, err := strconv.Atoi(info["used_memory"])
	limit, err2 := strconv.Atoi(info["maxmemory"])
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return used - limit
}
