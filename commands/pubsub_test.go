package commands_test

// Publish and subscribe: what a subscriber is told in both protocols, what it may do, and that crowds of subscribers, and
// those who do not read, hold nobody up.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
)

// expectMessages receives messages and compares them, words joined by a space.
func expectMessages(t *testing.T, c *servertest.Conn, kind byte, want ...string) {
	t.Helper()
	for _, w := range want {
		v := c.Receive()
		if got := strings.Join(v.Strings(), " "); got != w || v.Kind != kind {
			t.Errorf("received %s, want %q", v, w)
		}
	}
}

func TestSubscribe(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		for proto, kind := range map[int]byte{2: '*', 3: '>'} {
			c, other := s.Dial(), s.Dial()
			c.Hello(proto)
			c.Send("SUBSCRIBE", "a", "b", "a")
			c.Send("PSUBSCRIBE", "a*", "h[ae]llo")
			c.Send("SSUBSCRIBE", "a", "s")
			c.Flush()
			expectMessages(t, c, kind, "subscribe a 1", "subscribe b 2", "subscribe a 2", "psubscribe a* 3", "psubscribe h[ae]llo 4",
				"ssubscribe a 1", "ssubscribe s 2")
			for _, step := range []struct {
				command string
				n       int64
				told    []string
			}{
				{"PUBLISH b hi", 1, []string{"message b hi"}}, {"PUBLISH ab x", 1, []string{"pmessage a* ab x"}},
				{"PUBLISH hello x", 1, []string{"pmessage h[ae]llo hello x"}}, {"PUBLISH none x", 0, nil}, {"PUBLISH s x", 0, nil},
				{"SPUBLISH s x", 1, []string{"smessage s x"}}, {"SPUBLISH b x", 0, nil}, {"SPUBLISH ab x", 0, nil},
				{"PUBLISH a ", 2, []string{"message a ", "pmessage a* a "}},
			} {
				if v := other.Do(strings.Split(step.command, " ")...); v.Int != step.n || v.Kind != ':' {
					t.Errorf("%s: %s, want %d", step.command, v, step.n)
				}
				expectMessages(t, c, kind, step.told...)
			}
			list := other.Must("CLIENT", "LIST", "TYPE", "pubsub").Str
			if !strings.Contains(list, " sub=2 psub=2 ssub=2 ") || strings.Count(list, "\n") != 1 || !strings.Contains(list, "flags=P ") {
				t.Errorf("CLIENT LIST TYPE pubsub: %s", list)
			}
			c.Send("UNSUBSCRIBE", "b", "none")
			c.Send("PUNSUBSCRIBE")
			c.Send("UNSUBSCRIBE")
			c.Send("SUNSUBSCRIBE", "a")
			c.Send("SUNSUBSCRIBE")
			c.Flush()
			var dropped []string
			for _, want := range []string{"unsubscribe b 3", "unsubscribe none 3"} {
				expectMessages(t, c, kind, want)
			}
			for range 2 {
				dropped = append(dropped, c.Receive().Strings()[1])
			}
			if slices.Sort(dropped); !slices.Equal(dropped, []string{"a*", "h[ae]llo"}) {
				t.Errorf("PUNSUBSCRIBE without words ended %q", dropped)
			}
			expectMessages(t, c, kind, "unsubscribe a 0", "sunsubscribe a 1", "sunsubscribe s 0")
			for _, words := range []string{"unsubscribe", "punsubscribe", "sunsubscribe"} {
				if v := c.Do(words); v.Elems[0].Str != words || !v.Elems[1].Null() || v.Elems[2].Int != 0 {
					t.Errorf("%s without a subscription: %s", words, v)
				}
			}
			if v := c.Do("GET", "k"); v.Kind == '-' {
				t.Errorf("a client that has no subscription any more: GET %s", v)
			}
			if v := other.Do("PUBLISH", "a", "x"); v.Int != 0 {
				t.Errorf("PUBLISH to nobody: %s", v)
			}
			c.Close()
		}
	})
}

func TestPubSubCommand(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, d := s.Dial(), s.Dial()
		c.Send("SUBSCRIBE", "a", "b")
		c.Send("PSUBSCRIBE", "p*")
		c.Send("SSUBSCRIBE", "s")
		d.Send("SUBSCRIBE", "a")
		d.Send("PSUBSCRIBE", "p*", "q")
		for _, conn := range []*servertest.Conn{c, d} {
			conn.Flush()
			for range 3 {
				conn.Receive()
			}
		}
		c.Receive()
		other := s.Dial()
		for command, want := range map[string]string{
			"CHANNELS": "a b", "CHANNELS a*": "a", "CHANNELS [ab]": "a b", "CHANNELS none": "", "NUMPAT": "2", "NUMSUB a none b": "a 2 none 0 b 1",
			"NUMSUB": "", "SHARDCHANNELS": "s", "SHARDCHANNELS a": "", "SHARDNUMSUB s a": "s 1 a 0", "NUMSUB p*": "p* 0",
		} {
			v := other.Must(append([]string{"PUBSUB"}, strings.Split(command, " ")...)...)
			if v.Kind == '*' && strings.HasSuffix(strings.Split(command, " ")[0], "CHANNELS") {
				v = v.Sorted(false)
			}
			if got := strings.Join(v.Strings(), " "); got != want {
				t.Errorf("PUBSUB %s: %s, want %s", command, got, want)
			}
		}
		if info := other.Info("stats"); info["pubsub_channels"] != "2" || info["pubsub_patterns"] != "2" || info["pubsubshard_channels"] != "1" {
			t.Errorf("INFO: %v", info)
		}
		for _, conn := range []*servertest.Conn{c, d} {
			conn.Close()
		}
		for other.Info("clients")["connected_clients"] != "1" {
		}
		for _, command := range []string{"CHANNELS", "SHARDCHANNELS"} {
			if v := other.Do("PUBSUB", command); len(v.Elems) != 0 {
				t.Errorf("PUBSUB %s after all are gone: %s", command, v)
			}
		}
		for command, want := range map[string]string{
			"CHANNELS a b": "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
			"NUMPAT x":     "ERR wrong number of arguments for 'pubsub|numpat' command", "NOSUCH": "ERR unknown subcommand 'NOSUCH'. Try PUBSUB HELP.",
		} {
			if v := other.Do(append([]string{"PUBSUB"}, strings.Split(command, " ")...)...); v.Err() != want {
				t.Errorf("PUBSUB %s: %s, want %s", command, v, want)
			}
		}
		if v := other.Do("PUBSUB", "HELP"); !strings.Contains(v.String(), "NUMPAT") {
			t.Error(v)
		}
	})
}

// TestSubscriberMode: what a RESP2 client with a subscription may do.
func TestSubscriberMode(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		for _, kind := range []string{"", "P", "S"} {
			c := s.Dial()
			c.Must(kind+"SUBSCRIBE", "x")
			const allowed = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
			for command, name := range map[string]string{"GET k": "get", "PUBLISH x y": "publish", "MULTI": "multi", "CLIENT ID": "client|id",
				"HELLO 3": "hello", "SELECT 1": "select"} {
				if v := c.Do(strings.Split(command, " ")...); v.Err() != "ERR Can't execute '"+name+"': "+allowed {
					t.Errorf("%s: %s", command, v)
				}
			}
			if v := c.Do("PING"); !slices.Equal(v.Strings(), []string{"pong", ""}) {
				t.Errorf("PING: %s", v)
			}
			if v := c.Do("PING", "hey"); !slices.Equal(v.Strings(), []string{"pong", "hey"}) {
				t.Errorf("PING hey: %s", v)
			}
			if v := c.Do("RESET"); v.Str != "RESET" {
				t.Error(v)
			}
			if v := c.Do("PING"); v.Str != "PONG" {
				t.Errorf("PING after RESET: %s", v)
			}
			c.Must(kind+"SUBSCRIBE", "x")
			c.Must("QUIT")
			c.MustClose()
		}
		c := s.Dial()
		c.Hello(3)
		c.Must("SUBSCRIBE", "x")
		if v := c.Do("SET", "k", "v"); v.Str != "OK" {
			t.Errorf("a RESP3 subscriber: SET %s", v)
		}
		if v := c.Do("PING"); v.Str != "PONG" {
			t.Errorf("a RESP3 subscriber: PING %s", v)
		}
	})
}

// TestPublishToOneself: a RESP3 client's own messages come after the reply; in a transaction after all of it.
func TestPublishToOneself(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Hello(3)
		c.Must("SUBSCRIBE", "x")
		c.Send("PUBLISH", "x", "1")
		c.Send("PUBLISH", "x", "2")
		c.Send("MULTI")
		c.Send("PUBLISH", "x", "3")
		c.Send("ECHO", "e")
		c.Send("EXEC")
		c.Flush()
		for _, want := range []string{":1", ">x 1", ":1", ">x 2", "+OK", "+QUEUED", "+QUEUED", "*1 e", ">x 3"} {
			v := c.Receive()
			words := v.Strings()
			if v.Kind == '>' {
				words = words[1:]
			}
			if got := string(v.Kind) + strings.Join(words, " "); got != want {
				t.Errorf("received %s, want %s", v, want)
			}
		}
	})
}

// TestSubscriberThatDoesNotRead is dropped at its limit while others get every message.
func TestSubscriberThatDoesNotRead(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		lazy, keen, c := s.Dial(), s.Dial(), s.Dial()
		lazy.Must("SUBSCRIBE", "x")
		keen.Must("SUBSCRIBE", "x")
		got := make(chan int)
		go func() {
			n := 0
			for {
				v, err := keen.TryReceive()
				if err != nil || v.Elems[2].Str == "end" {
					got <- n
					return
				}
				n++
			}
		}()
		message := strings.Repeat("m", 100_000)
		sent := 0
		for n := int64(2); n == 2; sent++ {
			if sent == 2000 {
				t.Fatal("the subscriber that does not read is still there")
			}
			n = c.Must("PUBLISH", "x", message).Int
		}
		c.Must("PUBLISH", "x", "end")
		if n := <-got; n != sent {
			t.Errorf("the subscriber that reads got %d of %d messages", n, sent)
		}
		if info := c.Info("stats"); info["client_output_buffer_limit_disconnections"] != "1" {
			t.Errorf("client_output_buffer_limit_disconnections: %s", info["client_output_buffer_limit_disconnections"])
		}
	}, "--client-output-buffer-limit", "pubsub 4mb 0 0")
}

// TestManySubscribers: a message to a crowd reaches all of it, and the loop does not stand still for long meanwhile.
func TestManySubscribers(t *testing.T) {
	const crowd, messages = 1500, 5
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		var conns []*servertest.Conn
		for range crowd {
			c := s.Dial()
			c.Send("SUBSCRIBE", "x")
			c.Flush()
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Receive()
		}
		pub, ping := s.Dial(), s.Dial()
		slowest := time.Duration(0)
		for i := range messages {
			if v := pub.Must("PUBLISH", "x", fmt.Sprint(i)); v.Int != crowd {
				t.Errorf("PUBLISH: %s", v)
			}
			start := time.Now()
			ping.Must("PING")
			slowest = max(slowest, time.Since(start))
		}
		for i, c := range conns {
			for k := range messages {
				if v := c.Receive(); v.Elems[2].Str != fmt.Sprint(k) {
					t.Fatalf("subscriber %d: message %d is %s", i, k, v)
				}
			}
		}
		t.Logf("slowest PING while %d messages went to %d subscribers: %v", messages, crowd, slowest)
		pub.Must("CLIENT", "KILL", "TYPE", "pubsub")
		for _, c := range conns {
			c.MustClose()
		}
		s.OnLoop(func(e *engine.Server) {
			if n := e.NumNames(engine.Channels); n != 0 {
				t.Errorf("%d channels have listeners after all are gone", n)
			}
		})
	})
}

// TestMessagesAreShared: subscribers that lag, each at another place, get the bytes of every message, although their outputs
// hold the same copy of the first.
func TestMessagesAreShared(t *testing.T) {
	const crowd = 12
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		var conns []*servertest.Conn
		for i := range crowd {
			c := s.Dial()
			c.Hello(2 + i%2)
			c.Must("SUBSCRIBE", "x")
			conns = append(conns, c)
		}
		var sizes []int
		pub := s.Dial()
		for i, size := range []int{3_000_000, 100, 2_000_000, 0, 700_000, 5} {
			if i == 2 { // some have read a part by now
				for k, c := range conns {
					if _, err := c.In.Peek(1 + k*5000); err != nil {
						t.Fatal(err)
					}
				}
			}
			sizes = append(sizes, size)
			if n := pub.Must("PUBLISH", "x", strings.Repeat(string(rune('a'+i)), size)); n.Int != crowd {
				t.Errorf("PUBLISH: %s", n)
			}
		}
		for k, c := range conns {
			for i, size := range sizes {
				got := c.Receive()
				if want := strings.Repeat(string(rune('a'+i)), size); len(got.Elems) != 3 || got.Elems[2].Str != want {
					t.Fatalf("subscriber %d: message %d is %.60s", k, i, got)
				}
			}
			c.Must("PING")
		}
	}, "--client-output-buffer-limit", "pubsub 0 0 0")
}

// TestPublishingInPipelines: who publishes to many as fast as it can has to wait, so that the subscribers, who read, are not
// taken for slow ones, and others have their turns.
func TestPublishingInPipelines(t *testing.T) {
	const crowd, messages = 300, 400
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		done := make(chan error, crowd)
		for range crowd {
			c := s.Dial()
			c.Must("SUBSCRIBE", "x")
			go func() {
				for i := range messages {
					v, err := c.TryReceive()
					if err != nil || v.Elems[2].Str[1000:] != fmt.Sprint(i) {
						done <- fmt.Errorf("message %d: %.50s %w", i, v, err)
						return
					}
				}
				done <- nil
			}()
		}
		pub, other := s.Dial(), s.Dial()
		for i := range messages {
			pub.Send("PUBLISH", "x", strings.Repeat("m", 1000)+fmt.Sprint(i))
		}
		pub.Flush()
		other.Must("PING")
		for range messages {
			if n := pub.Receive(); n.Int != crowd {
				t.Fatalf("PUBLISH: %s", n)
			}
		}
		for range crowd {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}, "--client-output-buffer-limit", "pubsub 8mb 1mb 1")
}

// TestSubscribeWithoutReplies: confirmations and messages come in spite of CLIENT REPLY, replies and errors do not.
func TestSubscribeWithoutReplies(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		for _, line := range []string{"CLIENT REPLY OFF", "SUBSCRIBE a", "PING", "SUBSCRIBE", "UNSUBSCRIBE a", "CLIENT REPLY ON", "CLIENT REPLY SKIP",
			"PSUBSCRIBE p*", "PING"} {
			c.Send(strings.Fields(line)...)
		}
		c.Flush()
		for _, want := range []string{`*["subscribe" "a" 1]`, `*["unsubscribe" "a" 0]`, "+OK", `*["psubscribe" "p*" 1]`, `*["pong" ""]`} {
			if got := c.Receive().String(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}
