package commands_test

// XREAD and XREADGROUP that wait.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// What clients that wait for streams do, as in block_diff_test.go. redis-server 7.0 answers in words of its own to
// XREADGROUP whose key goes away, so that only XREAD meets that; and it wakes clients for a stream without entries, so that none
// is emptied.
var (
	waitsForGroups = steps{
		waits: []string{"XREADGROUP GROUP g c BLOCK 0 STREAMS L >", "XREADGROUP GROUP g d BLOCK 0 COUNT 1 STREAMS L >", "XREADGROUP GROUP g e BLOCK 0 NOACK STREAMS L >",
			"XREAD BLOCK 0 STREAMS L $", "XREAD BLOCK 0 COUNT 1 STREAMS L 1-2", "XREADGROUP GROUP g c BLOCK 0 STREAMS L 0"},
		others: []string{"XADD L 1-* f v", "XADD L 1-* f w", "XGROUP CREATE L g $ MKSTREAM", "XGROUP CREATE L g 0 MKSTREAM", "XGROUP CREATE L g $ MKSTREAM", "XADD L MAXLEN 2 1-* f v",
			"MULTI;XADD a 1-* f 1;XADD a 1-* f 2;EXEC", "MULTI;XREADGROUP GROUP g c BLOCK 0 STREAMS L >;EXEC", "XTRIM L MAXLEN 1", "XACK L g 1-1",
			"XPENDING L g", "XGROUP SETID L g $", "XADD L 0-1 f v", "XDEL L 1-3", "CLIENT UNBLOCK @", "CLIENT UNBLOCK @ ERROR"},
	}
	waitsForEntries = steps{
		waits: []string{"XREAD BLOCK 0 STREAMS L $", "XREAD COUNT 1 BLOCK 0 STREAMS L 1-4", "XREAD BLOCK 0 STREAMS L 0"},
		others: []string{"XADD L 1-* f v", "XADD L 1-* f w", "DEL L", "SET t v", "SET L v", "DEL L", "XADD L 2-* f v;DEL L", "MULTI;DEL L;XADD L 9-* f v;EXEC", "FLUSHALL", "XTRIM L MAXLEN 1",
			"MULTI;XADD L 1-* f v;DEL L;EXEC", "MULTI;XREAD BLOCK 0 STREAMS L $;EXEC", "RENAME L L", "SELECT 1;XADD L 1-* f v;SELECT 0", "SELECT 1;FLUSHDB;XADD L 3-* f v;SWAPDB 0 1;SELECT 0",
			"COPY L L REPLACE", "CLIENT UNBLOCK @", "CLIENT UNBLOCK @ ERROR"},
	}
	// Who has been looked at in vain comes last from 7.2 on, and what wakes is a stream's creation, end, or new entry, or the end of a group.
	waitsForSeveral = steps{
		waits: []string{"XREAD BLOCK 0 STREAMS a b $ $", "XREAD BLOCK 0 STREAMS t b a $ 1-99 $", "XREAD BLOCK 0 STREAMS b c a $ $ $", "XREADGROUP GROUP g c BLOCK 0 STREAMS a b > >", "XREADGROUP GROUP g d BLOCK 0 COUNT 1 STREAMS c b > >",
			"XREADGROUP GROUP g e NOACK BLOCK 0 STREAMS L >"},
		others: []string{"XADD L 1-* f v", "XADD L 1-* f w", "XGROUP CREATE L g $ MKSTREAM", "XGROUP CREATE L g $ MKSTREAM", "XADD L MAXLEN 2 1-* f v", "XTRIM L MAXLEN 1",
			"MULTI;XADD c 1-* f 1;XADD c 1-* f 2;EXEC", "CLIENT UNBLOCK @", "CLIENT UNBLOCK @ ERROR", "XGROUP SETID L g 0", "XGROUP SETID L g $", "XDEL L 1-2 1-3 1-4", "XSETID L 1-90",
			"EXPIRE L 1000;PERSIST L", "XGROUP CREATECONSUMER L g f", "XGROUP DELCONSUMER L g d", "MULTI;XADD b 1-* f 1;XADD a 1-* f 2;EXEC", "MULTI;XTRIM a MAXLEN 1;XADD c 1-* f 1;XADD a 1-* f 2;EXEC",
			"MULTI;DEL t;XADD b 1-* f v;XADD t 1-* f w;EXEC", "DEL t", "XREADGROUP GROUP g f STREAMS L >"},
	}
)

func TestDiffBlockingOnStreams(t *testing.T) {
	for i, kind := range []*steps{&waitsForGroups, &waitsForEntries, &waitsForSeveral, &waitsForGroups, &waitsForEntries, &waitsForSeveral} {
		proto, name := 2+i/3, servertest.Reactors[i%len(servertest.Reactors)]
		t.Run(fmt.Sprintf("%s/RESP%d/%d", name, proto, i%3+1), func(t *testing.T) {
			if kind == &waitsForSeveral && against.Name != "" && before72(against) {
				t.Skip("SKIPPED: " + against.String() + " leaves who was looked at in vain in its place (TestWaitersOrder; REDIX_PEER names another server)")
			}
			compareCrowds(t, name, proto, kind)
		})
	}
}

// blockedReader sends a command that waits, and returns once the server says so.
func blockedReader(t *testing.T, s interface{ Dial() *servertest.Conn }, words ...string) *servertest.Conn {
	t.Helper()
	c, control := s.Dial(), s.Dial()
	before := control.Must("INFO", "clients").Str
	c.Send(words...)
	c.Flush()
	for control.Must("INFO", "clients").Str == before {
	}
	return c
}

// TestGroupGoesAway: what 7.2 replies to XREADGROUP that waits when there is nothing left to wait for.
func TestGroupGoesAway(t *testing.T) {
	const noGroup = "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
	for _, step := range []struct {
		why  []string
		text string
	}{
		{[]string{"DEL", "s"}, noGroup}, {[]string{"XGROUP", "DESTROY", "s", "g"}, noGroup}, {[]string{"FLUSHALL"}, noGroup}, {[]string{"RENAME", "s", "t"}, noGroup},
		{[]string{"SET", "s", "v"}, "WRONGTYPE Operation against a key holding the wrong kind of value"}, {[]string{"EXPIRE", "s", "-1"}, noGroup},
		{[]string{"MOVE", "s", "1"}, noGroup}, {[]string{"SWAPDB", "0", "1"}, noGroup},
	} {
		t.Run(step.why[0], func(t *testing.T) {
			servertest.Both(t, func(t *testing.T, s *servertest.Server) {
				control := s.Dial()
				control.Must("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
				c := blockedReader(t, s, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
				control.Must(step.why...)
				if v := c.Receive(); v.Kind != '-' || v.Str != step.text {
					t.Errorf("%s", v)
				}
			})
		})
	}
}

// waiterSteps are commands after which the second of two clients is served before the first, or not. The first waits for a group at
// the keys a and b, the second at b alone.
var waiterSteps = []struct {
	commands string
	second   bool
}{
	{"MULTI;XADD a * f v;XREADGROUP GROUP g x STREAMS a >;EXEC", true}, {"XGROUP DESTROY a other", true}, {"MULTI;RENAME a d;RENAME d a;EXEC", true},
	{"MULTI;DEL a;RESTORE a 0 @;EXEC", true}, {"COPY a d;COPY d a REPLACE", true}, {"RESTORE a 0 @ REPLACE", true},
	{"XTRIM a MAXLEN 0", false}, {"XDEL a 1-1", false}, {"XSETID a 9-9", false}, {"XGROUP SETID a g 0", false}, {"XGROUP SETID a g $", false}, {"EXPIRE a 100", false},
	{"EXPIRE a 100;PERSIST a", false}, {"XGROUP CREATE a new $", false}, {"XGROUP CREATECONSUMER a g x", false}, {"XGROUP DELCONSUMER a g x", false},
	{"XREADGROUP GROUP other x STREAMS a >", false}, {"XACK a g 1-1", false}, {"MULTI;XADD d * f v;DEL d;EXEC", false},
}

// TestWaitersOrder: who has been looked at in vain comes last at all its keys, and what gives nothing to who waits is no reason to look.
func TestWaitersOrder(t *testing.T) {
	play := func(t *testing.T, s interface{ Dial() *servertest.Conn }) {
		control := s.Dial()
		for _, step := range waiterSteps {
			control.Must("FLUSHALL")
			for _, key := range []string{"a", "b"} {
				control.Must("XADD", key, "1-1", "f", "v")
				control.Must("XGROUP", "CREATE", key, "g", "$")
			}
			control.Must("XGROUP", "CREATE", "a", "other", "$")
			first := blockedReader(t, s, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "a", "b", ">", ">")
			second := blockedReader(t, s, "XREADGROUP", "GROUP", "g", "d", "BLOCK", "0", "STREAMS", "b", ">")
			dump := control.Must("DUMP", "a").Str
			for line := range strings.SplitSeq(step.commands, ";") {
				words := strings.Split(line, " ")
				for i, w := range words {
					words[i] = strings.Replace(w, "@", dump, 1)
				}
				control.Must(words...)
			}
			if step.second {
				first, second = second, first
			}
			for i, c := range []*servertest.Conn{first, second} {
				id := fmt.Sprintf("2-%d", i+1)
				control.Must("XADD", "b", id, "f", "v")
				if got := c.Receive().String(); !strings.Contains(got, `"b"`) || !strings.Contains(got, id) {
					t.Errorf("%s: %s is served with %s", step.commands, id, got)
				}
				c.Close()
			}
		}
	}
	servertest.Both(t, func(t *testing.T, s *servertest.Server) { play(t, s) })
	if !before72(against) {
		t.Run(against.String(), func(t *testing.T) { play(t, servertest.StartRedis(t)) })
	}
}

// TestReadTimesOut: null when the time is over, and not before; then the connection goes on.
func TestReadTimesOut(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Must("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
		for _, words := range [][]string{{"XREAD", "BLOCK", "20", "STREAMS", "s", "$"}, {"XREADGROUP", "GROUP", "g", "c", "BLOCK", "20", "STREAMS", "s", ">"}} {
			start := time.Now()
			c.Send(words...)
			c.Send("PING")
			c.Flush()
			if v := c.Receive(); !v.Null() || time.Since(start) < 19*time.Millisecond {
				t.Errorf("%s after %v", v, time.Since(start))
			}
			if v := c.Receive(); v.Str != "PONG" {
				t.Errorf("%s", v)
			}
		}
	})
}

// TestReaderWaitsThroughOtherTypes: XREAD goes on waiting while its key holds something else.
func TestReaderWaitsThroughOtherTypes(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Must("XADD", "s", "1-1", "f", "v")
		reader := blockedReader(t, s, "XREAD", "BLOCK", "0", "STREAMS", "s", "1-1")
		c.Must("SET", "s", "v")
		c.Must("DEL", "s")
		c.Must("LPUSH", "s", "v")
		c.Must("DEL", "s")
		c.Must("XADD", "s", "2-1", "f", "w")
		if got := reader.Receive().String(); got != `*[*["s" *[*["2-1" *["f" "w"]]]]]` {
			t.Error(got)
		}
	})
}
