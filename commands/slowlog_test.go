package commands_test

// SLOWLOG and LATENCY: what gets there, and in which form.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
)

func TestSlowlog(t *testing.T) {
	do := servertest.Do
	entry := func(words ...any) servertest.Want {
		return func(v servertest.Value, proto int) string {
			if len(v.Elems) != 6 {
				return fmt.Sprintf("%s: not six elements", v)
			}
			return servertest.Array(words...)(v.Elems[3], proto)
		}
	}
	var long, many []string
	for i := range 40 {
		many = append(many, fmt.Sprint(i))
	}
	long = []string{"SET", "k", strings.Repeat("x", 130)}
	shown := []any{"RPUSH", "l"}
	for i := range 29 {
		shown = append(shown, fmt.Sprint(i))
	}
	shown = append(shown, "... (11 more arguments)")
	servertest.RunWith(t, []string{"--slowlog-log-slower-than", "-1", "--slowlog-max-len", "3"},
		do("SLOWLOG", "LEN").Int(0), do("SLOWLOG", "GET").Array(),
		do("CONFIG", "SET", "slowlog-log-slower-than", "0").OK(), // is logged itself
		do("SLOWLOG", "LEN").Int(1),
		do("SLOWLOG", "RESET").OK(), do("CLIENT", "SETNAME", "me").OK(), do(long...).OK(),
		do(append([]string{"RPUSH", "l"}, many...)...).Int(40),
		do("SLOWLOG", "GET", "2").Array(entry(shown...), entry("SET", "k", strings.Repeat("x", 128)+"... (2 more bytes)")),
		do("MULTI").OK(), do("GET", "k").Simple("QUEUED"), do("EXEC").Len(1),
		do("SLOWLOG", "GET", "-1").Array(entry("GET", "k"), entry("MULTI"), entry("SLOWLOG", "GET", "2")),
		do("AUTH", "a", "b").Any(), do("HELLO", "2", "AUTH", "default", "x", "SETNAME", "n").Any(),
		do("CONFIG", "SET", "requirepass", "").OK(),
		do("SLOWLOG", "GET").Array(entry("CONFIG", "SET", "requirepass", "(redacted)"),
			entry("HELLO", "2", "AUTH", "(redacted)", "(redacted)", "SETNAME", "n"), entry("AUTH", "(redacted)", "(redacted)")),
		do("CONFIG", "SET", "slowlog-max-len", "1").OK(), do("SLOWLOG", "LEN").Int(1),
		do("CONFIG", "SET", "slowlog-log-slower-than", "-1").OK(),
		do("SLOWLOG", "GET", "-2").Err("ERR count should be greater than or equal to -1"), do("SLOWLOG", "GET", "x").Err("ERR count should be"),
		do("SLOWLOG", "GET", "1").Match(`^127\.0\.0\.1:\d+$`), do("SLOWLOG", "GET", "0").Array(),
		do("SLOWLOG", "HELP").Match(`^GET \[count\]$`), do("SLOWLOG", "x").Err("ERR unknown subcommand 'x'. Try SLOWLOG HELP."),
	)
}

// TestSlowlogFindsSlowFastCommands: what is slow hides in no batch, though the commands of a batch share its time.
func TestSlowlogFindsSlowFastCommands(t *testing.T) {
	l := servertest.NewLocal(t, "--slowlog-log-slower-than", "1000", "--latency-monitor-threshold", "1")
	big := make([]string, 0, 200_000)
	for i := range cap(big) {
		big = append(big, fmt.Sprint(i))
	}
	var in []byte
	in = servertest.AppendCommand(in, "GET", "none")
	in = servertest.AppendCommand(in, append([]string{"SADD", "set"}, big...)...)
	in = servertest.AppendCommand(in, "GET", "none")
	l.Feed(in)
	v := l.Do("SLOWLOG", "GET")
	if len(v.Elems) != 1 || v.Elems[0].Elems[3].Elems[0].Str != "SADD" || v.Elems[0].Elems[2].Int < 1000 {
		t.Errorf("slow log: %s", v)
	}
	if v := l.Do("LATENCY", "LATEST"); len(v.Elems) == 0 || v.Elems[0].Elems[0].Str != "fast-command" {
		t.Errorf("latency: %s", v)
	}
	for i := range 2000 { // a long reply of a fast command, timed after the fact
		l.Do("HSET", "h", fmt.Sprint(i), strings.Repeat("v", 1000))
	}
	l.Do("CONFIG", "RESETSTAT")
	hmget := []string{"HMGET", "h"}
	for i := range 20 {
		hmget = append(hmget, fmt.Sprint(i))
	}
	in = servertest.AppendCommand(servertest.AppendCommand(in[:0], "PING"), hmget...)
	l.Feed(in)
	var calls int64
	l.Engine.Clients(func(c *engine.Client) bool {
		calls = c.Server().Table.Lookup([]byte("hmget")).Latency.Total + c.Server().Table.Lookup([]byte("ping")).Latency.Total
		return true
	})
	if calls != 2 {
		t.Errorf("%d calls in the histograms, want 2", calls)
	}
}

func TestLatency(t *testing.T) {
	do := servertest.Do
	servertest.RunWith(t, []string{"--latency-monitor-threshold", "100"},
		do("LATENCY", "HISTORY", "command").Array(),
		do("LATENCY", "GRAPH", "command").Err("ERR No samples available for event 'command'"),
		do("DEBUG", "SLEEP", "0.12").OK(),
		do("LATENCY", "LATEST").Want(func(v servertest.Value, proto int) string {
			for _, e := range v.Elems {
				if e.Elems[0].Str == "command" && e.Elems[2].Int >= 120 && e.Elems[2].Int <= e.Elems[3].Int {
					return ""
				}
			}
			return "no command of 120 ms: " + v.String()
		}),
		do("LATENCY", "HISTORY", "command").Want(func(v servertest.Value, proto int) string {
			if len(v.Elems) == 0 || len(v.Elems[0].Elems) != 2 || v.Elems[0].Elems[1].Int < 120 {
				return v.String()
			}
			return ""
		}),
		do("LATENCY", "GRAPH", "command").Match(`(?s)^(txt:)?command - high \d+ ms, low \d+ ms \(all time high \d+ ms\)\n-{80}\n.*_\n\n\d`),
		do("LATENCY", "DOCTOR").Match("(?s)command: 1 seconds with a sample.*SLOWLOG"),
		do("LATENCY", "RESET", "command", "nosuch").Int(1), do("CONFIG", "SET", "latency-monitor-threshold", "0").OK(), do("DEBUG", "SLEEP", "0.12").OK(),
		do("LATENCY", "RESET").Any(), do("LATENCY", "LATEST").Array(), do("LATENCY", "DOCTOR").Match("latency monitor is off"),
		do("CONFIG", "RESETSTAT").OK(), do("PING"), do("PING"),
		do("LATENCY", "HISTOGRAM", "PING", "nosuch").Map("ping", servertest.Want(func(v servertest.Value, proto int) string {
			if len(v.Elems) != 4 || v.Elems[1].Int != 2 || v.Elems[3].Elems[len(v.Elems[3].Elems)-1].Int != 2 {
				return v.String()
			}
			return ""
		})),
		do("LATENCY", "HISTOGRAM", "config").Want(func(v servertest.Value, proto int) string {
			if len(v.Elems) != 2 || v.Elems[0].Str != "config|resetstat" {
				return v.String()
			}
			return ""
		}),
		do("INFO", "latencystats").Match(`latency_percentiles_usec_ping:p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}\r\n`),
		do("CONFIG", "SET", "latency-tracking-info-percentiles", "12.5").OK(),
		do("INFO", "latencystats").Match(`latency_percentiles_usec_ping:p12\.5=\d+\.\d{3}\r\n`),
		do("CONFIG", "SET", "latency-tracking", "no").OK(), do("PING"), do("INFO", "latencystats").Match(`# Latencystats\r\n$`),
		do("LATENCY", "HELP").Match(`^GRAPH event$`),
	)
}

// TestLatencySamples: one sample a second, the longest, and 160 of them.
func TestLatencySamples(t *testing.T) {
	l := servertest.NewLocal(t, "--latency-monitor-threshold", "10")
	if v := l.Do("LATENCY", "DOCTOR"); !strings.HasPrefix(v.Str, "Nothing has taken longer than 10 milliseconds") {
		t.Error(v)
	}
	for i := range 200 {
		l.Engine.AddLatency("x", int64(20+i)*1e6)
		l.Engine.AddLatency("x", 9*1e6) // below the threshold
		l.Engine.AddLatency("x", 15*1e6)
		l.Advance(time.Second)
	}
	v := l.Do("LATENCY", "HISTORY", "x")
	if len(v.Elems) != engine.LatencySamples || v.Elems[0].Elems[1].Int != 60 || v.Elems[159].Elems[1].Int != 219 {
		t.Errorf("%d samples: %.300s", len(v.Elems), v)
	}
	if v := l.Do("LATENCY", "GRAPH", "x"); !strings.Contains(v.Str, "high 219 ms, low 140 ms (all time high 219 ms)") {
		t.Error(v)
	}
}
