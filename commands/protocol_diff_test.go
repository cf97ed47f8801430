package commands_test

// Bytes that no client should send, to both servers: every byte of the answer, and whether the connection is then closed,
// must be the same. Also what the command table says about itself.

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/peer"
)

// rawInputs are sent as they are, each on a connection of its own, followed by a PING and the end of the stream. Left out
// is what depends on how the kernel cuts the stream: lines over 64 KiB (the tests of engine/resp have them).
var rawInputs = []string{
	"", "\r\n", "\n", "\r\n\r\n\n", "PING\r\n", "ping\n", "PING\r", "  PING  \r\n", "PING a b\r\n", "ECHO \"a\\x41\\n\"\r\n", "ECHO 'it\\'s'\r\n",
	"ECHO \"open\r\n", "ECHO 'open\r\n", "ECHO \"a\"b\r\n", "ECHO 'a'b\r\n", "ECHO \"\"\r\n", "ECHO a\"b\"\r\n", "ECHO \t\v a\r\n", "nosuch a b\r\n",
	"*\r\n", "*0\r\n", "*-1\r\n", "*-2147483649\r\n", "*1\r\n", "*abc\r\n", "*1a\r\n", "* 1\r\n", "*+1\r\n", "*01\r\n$4\r\nPING\r\n", "*1 \r\n",
	"*2147483647\r\n", "*2147483648\r\n", "*9223372036854775807\r\n", "*9223372036854775808\r\n", "*-9223372036854775808\r\n",
	"*1\r\n$-1\r\n", "*1\r\n$-2\r\n", "*1\r\n$\r\n", "*1\r\n$a\r\n", "*1\r\n$ 4\r\nPING\r\n", "*1\r\n$+4\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$4 \r\nPING\r\n",
	"*1\r\n$536870913\r\n", "*1\r\n$9223372036854775807\r\n", "*1\r\n$9223372036854775808\r\n", "*1\r\n$99999999999999999999999999\r\n",
	"*1\r\n:1\r\n", "*1\r\n+PING\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n", "*1\r\nPING\r\n", "*1\r\n\r\n", "*1\r\n\n", "*2\r\n$4\r\nECHO\r\n$1\r\nab\r\n",
	"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", "*1\n$4\nPING\n", "*1\r\n$0\r\n\r\n", "*2\r\n$0\r\n\r\n$1\r\na\r\n", "*1\r\n$4\r\nPI\r\nNG\r\n",
	"$4\r\nPING\r\n", ":1\r\n", "+OK\r\n", "-ERR\r\n", "%1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"SET k " + strings.Repeat("x", 65_000) + "\r\n",
	"*1\r\n$3\r\nFOO\r\n", "*2\r\n$3\r\nFOO\r\n$200\r\n" + strings.Repeat("y", 200) + "\r\n", "*1\r\n$300\r\n" + strings.Repeat("z", 300) + "\r\n",
	"*2\r\n$7\r\nFOO\r\nBA\r\n$3\r\na\r\n\r\n", "*2\r\n$6\r\nCONFIG\r\n$5\r\nNOS\r\n\r\n", "*2\r\n$6\r\nCLIENT\r\n$5\r\nnosuc\r\n", "*1\r\n$6\r\nCLIENT\r\n", "*1\r\n$6\r\nOBJECT\r\n",
	"QUIT\r\nPING\r\n", "*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n", "RESET\r\n", "HELLO\r\n", "HELLO 4\r\n", "HELLO abc\r\n", "HELLO 1\r\n", "HELLO 3 SETNAME\r\n", "HELLO 3 AUTH a\r\n",
	"HELLO 3 AUTH a b\r\n", "HELLO 3 FOO\r\n", "HELLO 3 SETNAME \"a b\"\r\n", "AUTH\r\n", "AUTH a\r\n", "AUTH a b\r\n", "AUTH default x\r\n", "AUTH a b c\r\n", "SELECT 16\r\n", "SELECT a\r\n", "SELECT -1\r\n",
}

// unauthenticated are sent to servers that ask for a password.
var unauthenticated = []string{
	"PING\r\n", "GET k\r\n", "nosuch\r\n", "QUIT\r\n", "*10\r\n", "*11\r\n", "*1\r\n$16384\r\n", "*1\r\n$16385\r\n", "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*11\r\n$4\r\nMGET\r\n" +
		strings.Repeat("$1\r\nk\r\n", 10), "AUTH wrong\r\n", "AUTH default secret\r\nGET k\r\n", "AUTH other secret\r\n", "AUTH secret\r\nRESET\r\nGET k\r\n", "HELLO 3\r\n",
	"HELLO 2 AUTH default secret\r\nGET k\r\n", "HELLO 3 AUTH default wrong\r\nGET k\r\n", "COMMAND\r\n", "CONFIG GET port\r\n", "RESET\r\n", "GET\r\n", "CLIENT\r\n",
}

// wantedText puts in what the servers call themselves, and the one text that has changed in 7.2.
func wantedText(s string) string {
	hello := func(name, version string) string {
		return fmt.Sprintf("$6\r\nserver\r\n$%d\r\n%s\r\n$7\r\nversion\r\n$%d\r\n%s\r\n", len(name), name, len(version), version)
	}
	s = strings.ReplaceAll(s, hello(strings.ToLower(against.Name), against.Version), hello("redis", "7.2.4"))
	if before72(against) {
		s = strings.ReplaceAll(s, "otherwise the HELLO AUTH", "otherwise the HELLO <proto> AUTH")
	}
	return s
}

func TestDiffProtocol(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs []string
		flags  []string
	}{
		{"open", rawInputs, nil},
		{"password", unauthenticated, []string{"--requirepass", "secret"}},
	} {
		for _, reactor := range servertest.Reactors {
			t.Run(c.name+"/"+reactor, func(t *testing.T) {
				ours, redis := servertest.Start(t, reactor, c.flags...), servertest.StartRedis(t, c.flags...)
				for _, in := range c.inputs {
					in += "*1\r\n$4\r\nPING\r\n"
					want, got := converse(t, redis.Addr, in), converse(t, ours.Addr, in)
					if got != want {
						t.Errorf("%.150q (%d bytes)\n ours  %.400q\n redis %.400q", in, len(in), got, want)
					}
				}
			})
		}
	}
}

// converse sends in and the end of the stream, and returns everything that comes back until the connection is closed.
func converse(t *testing.T, addr, in string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, in); err == nil {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	out, err := io.ReadAll(conn)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatalf("%.80q: not closed; received %.200q", in, out)
	}
	return maskIDs(wantedText(string(out)))
}

// maskIDs hides the client's number in the reply of HELLO.
func maskIDs(s string) string {
	const before = "$2\r\nid\r\n:"
	at := strings.Index(s, before)
	if at < 0 {
		return s
	}
	rest := s[at+len(before):]
	return s[:at+len(before)] + "N" + strings.TrimLeft(rest, "0123456789")
}

// tableDiffers lists the rows that differ in COMMAND INFO on purpose: from servers before 7.2, and from those with what came
// after it. With Redis 7.2 there must be none.
var tableDiffers = []struct {
	of   func(peer.Release) bool
	part string
	rows []string
}{
	{before72, "tips", []string{"acl|deluser", "acl|save", "acl|setuser", "client|setname", "config|resetstat", "config|rewrite", "latency|reset", "msetnx", "randomkey", "scan"}},
	{before72, "arity", []string{"command|getkeys", "command|getkeysandflags", "zrank", "zrevrank"}},
	// Scripts may call those that wait, since 7.2.
	{before72, "flags", []string{"wait", "blmove", "blpop", "brpop", "brpoplpush", "bzpopmax", "bzpopmin"}},
	{before72, "flags", []string{"cluster|shards", "cluster|slots"}}, // allowed while loading
	{after72, "key specifications", []string{"sinterstore"}},         // 12917, for 7.4
	{after72, "flags", []string{"wait", "waitaof"}},                  // 13042, for 7.4
	{after72, "categories", []string{"wait", "waitaof"}},
	{valkey, "flags", []string{"cluster|info", "cluster|myid", "cluster|myshardid", "cluster|nodes", "multi", "watch"}},
}

func rowDiffers(name, part string) bool {
	for _, d := range tableDiffers {
		if d.of(against) && d.part == part && slices.Contains(d.rows, name) {
			return true
		}
	}
	return false
}

func TestDiffCommandInfo(t *testing.T) {
	ours, redis := servertest.Start(t, servertest.Reactors[0]).Dial(), servertest.StartRedis(t).Dial()
	for _, row := range ours.Must("COMMAND").Elems {
		name := row.Elems[0].Str
		got, want := infoOf(ours, name), infoOf(redis, name)
		if want.Null() {
			unknownRow(t, name)
			continue
		}
		compareInfo(t, name, got, want)
	}
}

func unknownRow(t *testing.T, name string) {
	t.Helper()
	if before72(against) {
		t.Logf("%s: not in redis-server 7.0", name)
	} else {
		t.Errorf("%s: not in %s", name, against)
	}
}

func infoOf(c *servertest.Conn, name string) reply { return c.Must("COMMAND", "INFO", name).Elems[0] }

var infoParts = []string{"name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specifications", "subcommands"}

// compareInfo compares the parts of one row; sets of words, in any order.
func compareInfo(t *testing.T, name string, ours, redis reply) {
	t.Helper()
	if len(ours.Elems) != len(infoParts) || len(redis.Elems) != len(infoParts) {
		t.Errorf("%s: %d parts, redis-server %d", name, len(ours.Elems), len(redis.Elems))
		return
	}
	for i, part := range infoParts {
		a, b := ours.Elems[i], redis.Elems[i]
		if part == "subcommands" {
			compareSubs(t, a, b)
			continue
		}
		if part == "key specifications" {
			wordNotes(a)
			wordNotes(b)
		} else {
			a, b = a.Sorted(false), b.Sorted(false)
		}
		if !a.Equal(b) && !rowDiffers(name, part) {
			t.Errorf("%s: %s\n ours  %s\n redis %s", name, part, a, b)
		}
	}
}

// wordNotes puts a word in place of the notes of key specifications, which are prose: what counts is which have some.
func wordNotes(specs reply) {
	for _, spec := range specs.Elems {
		for pair := range slices.Chunk(spec.Elems, 2) {
			if pair[0].Str == "notes" && pair[1].Str != "" {
				pair[1].Str = "prose"
			}
		}
	}
}

func compareSubs(t *testing.T, ours, redis reply) {
	t.Helper()
	byName := map[string]reply{}
	for _, sub := range redis.Elems {
		byName[sub.Elems[0].Str] = sub
	}
	for _, sub := range ours.Elems {
		name := sub.Elems[0].Str
		if want, ok := byName[name]; ok {
			compareInfo(t, name, sub, want)
		} else {
			unknownRow(t, name)
		}
	}
}

// A wrong number of words is answered alike for every command and subcommand that both know.
func TestDiffArity(t *testing.T) {
	ours, redis := servertest.Start(t, servertest.Reactors[0]).Dial(), servertest.StartRedis(t).Dial()
	try := func(name string, arity int64) {
		words := strings.Split(strings.ToUpper(name), "|")
		short := max(int(arity), -int(arity)) - 1
		for len(words) < short {
			words = append(words, "x")
		}
		if len(words) == short {
			compareReplies(t, ours, redis, words)
		}
		if arity > 0 {
			compareReplies(t, ours, redis, append(words, strings.Fields(strings.Repeat("x ", int(arity)+1-len(words)))...))
		}
	}
	for _, row := range ours.Must("COMMAND").Elems {
		if infoOf(redis, row.Elems[0].Str).Null() {
			continue
		}
		try(row.Elems[0].Str, row.Elems[1].Int)
		for _, sub := range row.Elems[9].Elems {
			if infoOf(redis, sub.Elems[0].Str).Null() {
				continue
			}
			try(sub.Elems[0].Str, sub.Elems[1].Int)
		}
	}
}

func compareReplies(t *testing.T, ours, redis *servertest.Conn, words []string) {
	t.Helper()
	got, want := ours.Do(words...), redis.Do(words...)
	if !got.Equal(want) {
		t.Errorf("%s\n ours  %s\n redis %s", fmt.Sprint(words), got, want)
	}
}
