package commands_test

// XREAD and XREADGROUP that wait.

import (
	"fmt"
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
	waitsForSeveral = steps{ // fed one by one: see waitsAtOne
		waits: []string{"XREAD BLOCK 0 STREAMS a b $ $", "XREAD BLOCK 0 STREAMS b c a $ $ $", "XREADGROUP GROUP g c BLOCK 0 STREAMS a b > >", "XREADGROUP GROUP g d BLOCK 0 COUNT 1 STREAMS c b > >",
			"XREADGROUP GROUP g e NOACK BLOCK 0 STREAMS L >"},
		others: []string{"XADD L 1-* f v", "XADD L 1-* f w", "XGROUP CREATE L g $ MKSTREAM", "XGROUP CREATE L g $ MKSTREAM", "XADD L MAXLEN 2 1-* f v", "XTRIM L MAXLEN 1",
			"MULTI;XADD c 1-* f 1;XADD c 1-* f 2;EXEC", "CLIENT UNBLOCK @", "CLIENT UNBLOCK @ ERROR"},
	}
)

func TestDiffBlockingOnStreams(t *testing.T) {
	for i, kind := range []*steps{&waitsForGroups, &waitsForEntries, &waitsForSeveral, &waitsForGroups, &waitsForEntries, &waitsForSeveral} {
		proto, name := 2+i/3, servertest.Reactors[i%len(servertest.Reactors)]
		t.Run(fmt.Sprintf("%s/RESP%d/%d", name, proto, i%3+1), func(t *testing.T) {
			if kind == &waitsForSeveral && !before72(against) {
				t.Skip("from 7.2 on a client whose command has run in vain comes last at all its keys; here it keeps its place, as in 7.0")
			}
			compareCrowds(t, name, proto, kind)
		})
	}
}

// blockedReader sends a command that waits, and returns once the server says so.
func blockedReader(t *testing.T, s *servertest.Server, words ...string) *servertest.Conn {
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
