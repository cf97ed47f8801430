//go:build linux

// The generator is tried against a small RESP server in the same process, whose answers and delays are known.

package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/redcon"
)

// echoServer answers every command with its last argument, after asking hold. It returns its port and a counter of
// the commands seen.
func echoServer(t *testing.T, hold func(n int64)) (port int, seen *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen = new(atomic.Int64)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go serveEcho(nc, seen, hold)
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port, seen
}

func serveEcho(nc net.Conn, seen *atomic.Int64, hold func(n int64)) {
	defer nc.Close()
	rd := redcon.NewReader(bufio.NewReader(nc))
	for {
		cmds, err := rd.ReadCommands()
		if err != nil {
			return
		}
		var out []byte
		for _, cmd := range cmds {
			n := seen.Add(1)
			if hold != nil {
				hold(n)
			}
			last := cmd.Args[len(cmd.Args)-1]
			if string(last) == "fail" {
				out = redcon.AppendError(out, "ERR told to fail")
				continue
			}
			out = redcon.AppendBulk(out, last)
		}
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}

func echo(dst []byte, i int) []byte { return Command(dst, "ECHO", fmt.Sprint("value", i)) }

func TestReplyCounterAtEveryCut(t *testing.T) {
	stream := "+OK\r\n$-1\r\n:12\r\n$3\r\nfoo\r\n$0\r\n\r\n*0\r\n*-1\r\n" +
		"*2\r\n*2\r\n:1\r\n$5\r\na\r\nbc\r\n$-1\r\n-ERR no\r\n%1\r\n+k\r\n,1.5\r\n_\r\n#t\r\n-WRONG\r\n"
	const replies = 13
	for cut := 0; cut <= len(stream); cut++ {
		for second := cut; second <= len(stream); second += 7 {
			var c ReplyCounter
			total := 0
			for _, part := range []string{stream[:cut], stream[cut:second], stream[second:]} {
				n, err := c.Feed([]byte(part))
				if err != nil {
					t.Fatalf("cut at %d, %d: %v", cut, second, err)
				}
				total += n
			}
			if n, first := c.Errors(); total != replies || n != 2 || first != "ERR no" {
				t.Fatalf("cut at %d, %d: %d replies, %d errors, first %q", cut, second, total, n, first)
			}
		}
	}
}

func TestReplyCounterRefuses(t *testing.T) {
	for _, bad := range []string{"hello\r\n", "\r\n", "$-2\r\n", "$9223372036854775807\r\n", "*3000000000\r\n", "+a\n",
		"$\r\n", "*1x\r\n", "%2147483647\r\n%2147483647\r\n%2147483647\r\n", "+" + strings.Repeat("a", maxLineBytes+1)} {
		var c ReplyCounter
		if n, err := c.Feed([]byte(bad)); err == nil {
			t.Errorf("%.30q: accepted, %d replies", bad, n)
		}
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	script := NewScript(8, 16, echo)
	replies := []byte(strings.Repeat("$5\r\nhello\r\n+OK\r\n*2\r\n:1\r\n:2\r\n", 16))
	var c ReplyCounter
	h := newHistogram()
	if n := testing.AllocsPerRun(100, func() {
		script.Next(nil)
		if _, err := c.Feed(replies); err != nil {
			t.Fatal(err)
		}
		recordTime(h, 1500, 16)
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestScriptRepeats(t *testing.T) {
	s := NewScript(2, 2, echo)
	var got []string
	for range 3 {
		b, n := s.Next(nil)
		if n != 2 {
			t.Fatalf("%d commands in a batch", n)
		}
		got = append(got, string(b))
	}
	if want := string(echo(echo(nil, 2), 3)); got[0] == got[1] || got[0] != got[2] || got[1] != want {
		t.Errorf("batches %q", got)
	}
}

func TestClosedSendsTheWholeSequence(t *testing.T) {
	port, seen := echoServer(t, nil)
	stats, err := Closed{Port: port, Conns: 7, Source: &Sequence{Count: 1003, Depth: 16, Encode: echo}}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Commands != 1003 || seen.Load() != 1003 || stats.Errors != 0 || stats.Latency.TotalCount() != 1003 {
		t.Errorf("%+v, server saw %d", stats, seen.Load())
	}
}

func TestClosedBigBatchesPassThroughSmallBuffers(t *testing.T) {
	port, seen := echoServer(t, nil)
	big := strings.Repeat("x", 1000)
	encode := func(dst []byte, _ int) []byte { return Command(dst, "ECHO", big) }
	stats, err := Closed{Port: port, Conns: 2, Source: &Sequence{Count: 20000, Depth: 5000, Encode: encode}}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Commands != 20000 || seen.Load() != 20000 {
		t.Errorf("%d replies, server saw %d", stats.Commands, seen.Load())
	}
}

func TestClosedCountsErrorsAndMarks(t *testing.T) {
	port, _ := echoServer(t, nil)
	var marks []string
	stats, err := Closed{Port: port, Conns: 3, Warmup: 5 * time.Millisecond, Duration: 20 * time.Millisecond,
		Source: NewScript(1, 4, func(dst []byte, i int) []byte {
			if i == 1 {
				return Command(dst, "ECHO", "fail")
			}
			return echo(dst, i)
		}),
		Begin: func() { marks = append(marks, "begin") }, End: func() { marks = append(marks, "end") },
	}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Errors == 0 || stats.FirstError != "ERR told to fail" || stats.PerSecond() <= 0 {
		t.Errorf("%+v", stats)
	}
	if len(marks) != 2 || marks[0] != "begin" || marks[1] != "end" {
		t.Errorf("marks %v", marks)
	}
	if stats.Elapsed < 20*time.Millisecond {
		t.Errorf("measured only %v", stats.Elapsed)
	}
}

func TestClosedReportsABrokenConnection(t *testing.T) {
	port, _ := echoServer(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if nc, err := ln.Accept(); err == nil {
			nc.Close()
		}
	}()
	hangsUp := ln.Addr().(*net.TCPAddr).Port
	if _, err := (Closed{Port: hangsUp, Conns: 1, Source: NewScript(1, 1, echo)}).Run(context.Background()); err == nil {
		t.Error("no error from a server that hangs up")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Closed{Port: port, Conns: 1, Source: NewScript(1, 1, echo)}).Run(ctx); err != context.Canceled {
		t.Errorf("ended context: %v", err)
	}
}

// A stall of 100 ms must be charged to the requests that fell due in it, not only to the one that met it.
func TestPacedChargesAStallToEveryDueRequest(t *testing.T) {
	const stall = 100 * time.Millisecond
	port, _ := echoServer(t, func(n int64) {
		if n == 100 {
			time.Sleep(stall)
		}
	})
	stats, err := Paced{Port: port, Conns: 1, Source: NewScript(4, 1, echo), Rate: 1000,
		Done: func(d time.Duration) bool { return d > 400*time.Millisecond }}.RunPaced(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := stats.Latency.TotalCount(); n < 350 || n > 450 {
		t.Errorf("%d requests in 400 ms at 1000 a second", n)
	}
	if longest := time.Duration(stats.Latency.Max()); longest < stall*9/10 {
		t.Errorf("longest latency %v under a stall of %v", longest, stall)
	}
	// About 100 of 400 requests fell due in the stall, half of them more than 50 ms before its end.
	if q := Quantile(stats.Latency, 0.92); q < 20*time.Millisecond {
		t.Errorf("p92 %v: the stall is hidden", q)
	}
	if stats.Errors != 0 {
		t.Errorf("%d errors", stats.Errors)
	}
}

func TestPacedNeedsARate(t *testing.T) {
	if _, err := (Paced{Conns: 1}).RunPaced(context.Background()); err != errRate {
		t.Errorf("%v", err)
	}
}

func BenchmarkReplyCounter(b *testing.B) {
	replies := []byte(strings.Repeat("+OK\r\n", 64))
	var c ReplyCounter
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Feed(replies); err != nil {
			b.Fatal(err)
		}
	}
}
