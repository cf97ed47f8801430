package commands_test

// Blocking commands where they need not wait: replies, errors, what they journal, transactions; and how long they wait.

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

func TestBlockingCommands(t *testing.T) {
	do := servertest.Do
	const (
		notFloat = "ERR timeout is not a float or out of range"
		negative = "ERR timeout is negative"
		outOf    = "ERR timeout is out of range"
	)
	servertest.Run(t,
		do("RPUSH", "l", "1", "2", "3", "4", "5", "6", "7", "8").Int(8), do("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d", "5", "e").Int(5),
		do("SET", "s", "v").OK(),
		// lists
		do("BLPOP", "none", "l", "s", "0").Array("l", "1"), do("BRPOP", "l", "0.5").Array("l", "8"), do("BLPOP", "none", "s", "l", "0").Err(wrongType),
		do("BLMOVE", "l", "m", "left", "RIGHT", "0").Bulk("2"), do("BRPOPLPUSH", "l", "m", "0").Bulk("7"), do("LRANGE", "m", "0", "-1").Array("7", "2"),
		do("BLMOVE", "l", "l", "LEFT", "RIGHT", "0").Bulk("3"), do("LRANGE", "l", "0", "-1").Array("4", "5", "6", "3"),
		do("BLMPOP", "0", "2", "none", "l", "LEFT").Array("l", []any{"4"}), do("BLMPOP", "0", "1", "l", "right", "count", "9").Array("l", []any{"3", "6", "5"}),
		do("EXISTS", "l").Int(0), do("BLMOVE", "m", "s", "LEFT", "LEFT", "0").Err(wrongType), do("LLEN", "m").Int(2),
		do("BLMOVE", "s", "m", "LEFT", "LEFT", "0").Err(wrongType),
		// sorted sets
		do("BZPOPMIN", "none", "z", "0").Array("z", "a", servertest.Double("1")), do("BZPOPMAX", "z", "0").Array("z", "e", servertest.Double("5")),
		do("BZPOPMIN", "s", "z", "0").Err(wrongType),
		do("BZMPOP", "0", "2", "none", "z", "MIN").Array("z", []any{[]any{"b", servertest.Double("2")}}),
		do("BZMPOP", "0", "1", "z", "max", "COUNT", "9").Array("z", []any{[]any{"d", servertest.Double("4")}, []any{"c", servertest.Double("3")}}),
		do("EXISTS", "z").Int(0),
		// nothing there: over at once
		do("BLPOP", "none", "0.001").Null(), do("BLMOVE", "none", "m", "LEFT", "LEFT", "0.001").Null(), do("BRPOPLPUSH", "none", "m", "1e-9").Null(),
		do("BLMPOP", "0x1p-10", "1", "none", "LEFT").Null(), do("BZPOPMIN", "none", "0.001").Null(), do("BZMPOP", "0.001", "1", "none", "MIN").Null(),
		// timeouts
		do("BLPOP", "l", "x").Err(notFloat), do("BLPOP", "l", "nan").Err(notFloat), do("BLPOP", "l", " 1").Err(notFloat), do("BLPOP", "l", "").Err(notFloat),
		do("BLPOP", "l", "-1").Err(negative), do("BLPOP", "l", "-inf").Err(negative), do("BLPOP", "l", "inf").Err(outOf), do("BLPOP", "l", "1e300").Err(outOf),
		do("BLPOP", "l", "9223372036854775.807").Err(outOf), do("BZPOPMAX", "z", "-0.002").Err(negative), do("BZPOPMIN", "s", "x").Err(notFloat),
		do("BLMOVE", "s", "m", "LEFT", "LEFT", "x").Err(notFloat), do("BLMOVE", "s", "m", "UP", "LEFT", "x").Err(syntax),
		do("BLMPOP", "x", "0", "s", "LEFT").Err("ERR numkeys should be greater than 0"), do("BLMPOP", "x", "1", "s", "LEFT").Err(notFloat),
		do("BLMPOP", "0", "1", "s", "LEFT", "COUNT", "0").Err("ERR count should be greater than 0"), do("BLMPOP", "0", "2", "s", "LEFT").Err(syntax),
		do("BZMPOP", "x", "1", "s", "MIN", "COUNT", "-1").Err("ERR count should be greater than 0"), do("BZMPOP", "-1", "1", "z", "MIN").Err(negative),
		// no waiting within a transaction
		do("MULTI").OK(), do("BLPOP", "none", "0").Want(queued), do("BLMOVE", "none", "m", "LEFT", "LEFT", "0").Want(queued),
		do("BRPOPLPUSH", "none", "m", "0").Want(queued), do("BLMPOP", "0", "1", "none", "LEFT").Want(queued), do("BZPOPMIN", "none", "0").Want(queued),
		do("BZMPOP", "0", "1", "none", "MIN").Want(queued), do("EXEC").Array(nil, nil, nil, nil, nil, nil),
	)
}

// TestBlockingNulls: RESP2 has two forms of nothing, and redis-server's choice follows from its code more than from sense.
func TestBlockingNulls(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("MULTI")
	for _, words := range [][]string{{"BLPOP", "k", "0"}, {"BLMOVE", "k", "k", "LEFT", "LEFT", "0"}, {"BRPOPLPUSH", "k", "k", "0"},
		{"BLMPOP", "0", "1", "k", "LEFT"}, {"BZPOPMIN", "k", "0"}, {"BZMPOP", "0", "1", "k", "MIN"}} {
		l.Do(words...)
	}
	if got, want := string(l.Feed(servertest.AppendCommand(nil, "EXEC"))), "*6\r\n*-1\r\n$-1\r\n$-1\r\n*-1\r\n*-1\r\n*-1\r\n"; got != want {
		t.Errorf("EXEC: %q, want %q", got, want)
	}
}

// TestBlockingTimes: no wait is shorter than asked for, and those that end are answered soon.
func TestBlockingTimes(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		for _, ms := range []int{1, 2, 7, 30, 100} {
			start := time.Now()
			v := c.Do("BLPOP", "none", strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64))
			took := time.Since(start)
			if !v.Null() || took < time.Duration(ms)*time.Millisecond || took > time.Duration(ms)*time.Millisecond+5*time.Second {
				t.Errorf("BLPOP for %d ms: %s after %v", ms, v, took)
			}
		}
	})
}

func TestJournalOfBlocking(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"RPUSH l 1 2 3 4 5 6", "RPUSH l 1 2 3 4 5 6"}, {"BLPOP none l 0", "LPOP l"}, {"BRPOP l 0", "RPOP l"},
		{"BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT"}, {"BRPOPLPUSH l m 0", "RPOPLPUSH l m"}, {"BLMOVE l l LEFT LEFT 0", "LMOVE l l LEFT LEFT"},
		{"BLMPOP 0 1 l RIGHT COUNT 9", "RPOP l 2"}, {"ZADD z 1 a 2 b 3 c 4 d", "ZADD z 1 a 2 b 3 c 4 d"}, {"BZPOPMIN z 0", "ZPOPMIN z 1"},
		{"BZPOPMAX z 0", "ZPOPMAX z 1"}, {"BZMPOP 0 1 z MIN COUNT 9", "ZPOPMIN z 2"}, {"SET s v", "SET s v"}, {"BLMOVE m s LEFT LEFT 0", ""},
		{"BLPOP l x", ""},
	})
}

// TestBlockingForEver: a timeout that is almost too long is not taken for a short one.
func TestBlockingForEver(t *testing.T) {
	l := servertest.NewLocal(t)
	most := (math.MaxInt64 - l.NowMs() - 2000) / 1000
	if got := l.Feed(servertest.AppendCommand(nil, "BLPOP", "none", strconv.FormatInt(most, 10))); len(got) != 0 {
		t.Errorf("BLPOP with the longest timeout: %q", got)
	}
	l.Advance(1000 * time.Hour)
	if got := l.Feed(servertest.AppendCommand(nil, "PING")); len(got) != 0 {
		t.Errorf("the wait has ended: %q", got)
	}
}

// TestLongCommandTakesTime: what expires while a command runs has expired for those behind it in the same read, and for whom
// it has fed. Within a transaction time stands still.
func TestLongCommandTakesTime(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, waiting := s.Dial(), s.Dial()
		c.Must("DEBUG", "SET-ACTIVE-EXPIRE", "0")
		waiting.Send("BLPOP", "l", "0")
		waiting.Flush()
		eventually(t, "BLPOP waits", func() bool { return c.Info("clients")["blocked_clients"] == "1" })
		for _, line := range []string{"SET k v PX 20", "DEBUG SLEEP 0.03", "EXISTS k", "MULTI", "RPUSH l a", "PEXPIRE l 20", "DEBUG SLEEP 0.03", "EXISTS l", "EXEC", "RPUSH l b"} {
			c.Send(strings.Split(line, " ")...)
		}
		c.Flush()
		var got []string
		for range 10 {
			got = append(got, c.Receive().String())
		}
		if got[2] != "0" || !strings.HasSuffix(got[8], " 1]") || got[9] != "1" {
			t.Errorf("%q", got)
		}
		if v := waiting.Receive().String(); !strings.Contains(v, `"b"`) {
			t.Errorf("served with %s", v)
		}
	})
}

// TestBlockingCounts: a command that waits is in the figures and in the slow log when it has replied, once, however often it was run
// and found nothing.
func TestBlockingCounts(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, waiting := s.Dial(), s.Dial()
		c.Must("CONFIG", "SET", "slowlog-log-slower-than", "0")
		told := func() (calls string, entries int) {
			for _, e := range c.Must("SLOWLOG", "GET", "-1").Elems {
				if e.Elems[3].Elems[0].Str == "XREAD" {
					entries++
				}
			}
			calls, _, _ = strings.Cut(c.Info("commandstats")["cmdstat_xread"], ",")
			return calls, entries
		}
		waiting.Send("XREAD", "BLOCK", "0", "STREAMS", "s", "5")
		waiting.Flush()
		eventually(t, "XREAD waits", func() bool { return c.Info("clients")["blocked_clients"] == "1" })
		c.Must("XADD", "s", "4", "f", "v") // it runs, and waits again
		c.Must("XADD", "s", "5", "f", "v")
		if calls, entries := told(); calls != "" || entries != 0 {
			t.Errorf("while it waits: %q, %d entries", calls, entries)
		}
		c.Must("XADD", "s", "6", "f", "v")
		waiting.Receive()
		if calls, entries := told(); calls != "calls=1" || entries != 1 {
			t.Errorf("when it has replied: %q, %d entries", calls, entries)
		}
		waiting.Must("XREAD", "BLOCK", "1", "STREAMS", "s", "$")
		if calls, entries := told(); calls != "calls=2" || entries != 2 {
			t.Errorf("when its time is over: %q, %d entries", calls, entries)
		}
	})
}
