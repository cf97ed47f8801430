package commands_test

// Promises about the whole path, from socket to socket: nothing is allocated for the commands that matter most, very large
// values travel, and a clock that jumps does no harm.

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// TestNothingIsAllocated counts the allocations of the process while a client talks to the server over a socket, with
// the journal on; the client's end is bare and allocates nothing itself.
func TestNothingIsAllocated(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		s := servertest.Start(t, reactor, "--appendonly", "yes", "--appendfsync", "no")
		s.WaitLoaded()
		conn := s.Dial()
		conn.Must("HSET", "h", "f", "v")
		for _, text := range []string{"SET k value", "GET k", "INCR n", "EXPIRE k 1000", "HGET h f", "HSET h f v", "PING", "GET none",
			"SET k value EX 100", "TTL k"} {
			out := []byte{}
			const pipeline = 8
			for range pipeline {
				out = servertest.AppendCommand(out, strings.Fields(text)...)
			}
			in := make([]byte, 256)
			exchange := func() {
				if _, err := conn.Write(out); err != nil {
					t.Fatal(err)
				}
				for lines := 0; lines < pipeline; {
					n, err := conn.Read(in)
					if err != nil || n == 0 || in[0] == '-' {
						t.Fatalf("%s: %q, %v", text, in[:n], err)
					}
					lines += repliesIn(in[:n])
				}
			}
			for range 50 { // buffers find their sizes
				exchange()
			}
			if n := testing.AllocsPerRun(300, exchange); n != 0 {
				t.Errorf("%s, %s: %v allocations in %d commands", reactor, text, n, pipeline)
			}
		}
	}
}

// repliesIn counts line ends, but not those of the lengths of bulk strings.
func repliesIn(b []byte) (n int) {
	for i, ch := range b {
		if ch == '\n' {
			n++
		}
		if ch == '$' && (i+1 == len(b) || b[i+1] != '-') {
			n--
		}
	}
	return n
}

// TestLargestValue goes with 6 MB, and with REDIX_LONG to the limit of 512 MB.
func TestLargestValue(t *testing.T) {
	size := 6 << 20
	if os.Getenv("REDIX_LONG") != "" {
		size = 512 << 20
	}
	limit := strconv.Itoa(size)
	for _, reactor := range servertest.Reactors {
		p := servertest.StartProcess(t, "--io-reactor", reactor, "--proto-max-bulk-len", limit, "--appendonly", "yes",
			"--auto-aof-rewrite-percentage", "0")
		conn := p.Dial()
		value := strings.Repeat("0123456789abcdef", size/16)
		conn.Must("SET", "k", value)
		if got := conn.Must("GET", "k"); got.Str != value {
			t.Errorf("GET: %d bytes", len(got.Str))
		}
		tooLong := "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
		for _, words := range [][]string{{"APPEND", "k", "x"}, {"SETRANGE", "k", limit, "x"}} {
			if got := conn.Do(words...); got.Err() != tooLong {
				t.Errorf("%s: %s", words[0], got)
			}
		}
		conn.Must("SET", "k", value[1:])
		if got := conn.Must("APPEND", "k", "!"); got.Int != int64(size) {
			t.Errorf("APPEND: %s", got)
		}
		if got := conn.Must("GETRANGE", "k", "-4", "-1"); got.Str != "def!" {
			t.Errorf("GETRANGE: %s", got)
		}
		conn.Must("APPEND", "half", value[:size/2])
		if got := conn.Must("APPEND", "half", value[:size/2]); got.Int != int64(size) {
			t.Errorf("APPEND: %s", got)
		}
		dir := p.Dir
		p.Kill()
		p = servertest.StartProcess(t, "--dir", dir, "--proto-max-bulk-len", limit, "--appendonly", "yes")
		if got := p.Dial().Must("GET", "half"); got.Str != value[:size/2]+value[:size/2] {
			t.Errorf("after a kill: %d bytes", len(got.Str))
		}
		v := p.Dial()
		v.SendRaw("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + strconv.Itoa(size+1) + "\r\n")
		v.Flush()
		if got := v.Receive(); got.Err() != "ERR Protocol error: invalid bulk length" {
			t.Errorf("one byte too many: %s", got)
		}
		p.Kill()
	}
}

// TestClockJumps moves the clock back by an hour and ahead by two months under keys with and without deadlines.
func TestClockJumps(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("SET", "stays", "v")
	l.Do("SET", "soon", "v", "PX", "1000")
	l.Do("SET", "year", "v", "EX", strconv.Itoa(365*24*3600))
	size := func(want int64, when string) {
		t.Helper()
		if got := l.Do("DBSIZE").Int; got != want {
			t.Errorf("%s: %d keys, want %d", when, got, want)
		}
	}
	l.Advance(-time.Hour)
	if ttl := l.Do("PTTL", "soon").Int; ttl != 3_601_000 {
		t.Errorf("PTTL after a jump of an hour back: %d", ttl)
	}
	l.Do("SET", "fresh", "v", "PX", "50")
	for range 10 {
		l.Advance(10 * time.Millisecond)
	}
	size(3, "a key that was set after the jump back has expired")
	l.Advance(time.Hour - 100*time.Millisecond)
	size(3, "at the time before the jump")
	l.Advance(1001 * time.Millisecond)
	size(2, "a second later")

	deadlines := []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 13 * 24 * time.Hour, 59 * 24 * time.Hour}
	for i, d := range deadlines {
		l.Do("SET", "key"+strconv.Itoa(i), "v", "PX", strconv.FormatInt(d.Milliseconds(), 10))
	}
	l.Do("SET", "later", "v", "PX", strconv.FormatInt((61*24*time.Hour).Milliseconds(), 10))
	l.Advance(60 * 24 * time.Hour)
	size(3, "after a jump of 60 days ahead")
	l.Advance(-60 * 24 * time.Hour)
	size(3, "and back again")
	l.Advance(62 * 24 * time.Hour)
	size(2, "and ahead by 62 days")
	if got := l.Do("TTL", "year").Int; got < 302*24*3600 || got > 303*24*3600 {
		t.Errorf("TTL year: %d", got)
	}
	if v := l.Do("GET", "stays"); v.Str != "v" {
		t.Errorf("GET stays: %s", v)
	}
}
