package servertest_test

// The harness itself: what it accepts, what it refuses, and that a server of each kind answers.

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

var do = servertest.Do

func TestRun(t *testing.T) {
	servertest.Run(t,
		do("PING").Simple("PONG"),
		do("ECHO", "a\r\n\x00b").Bulk("a\r\n\x00b"),
		do("GET", "k").Null(),
		do("SET", "k", strings.Repeat("x", 300_000)).OK(),
		do("STRLEN", "k").Int(300_000),
		do("GET", "k").Len(300_000),
		do("MGET", "k", "none").Array(servertest.Len(300_000), nil),
		do("DEL", "k", "k").Int(1),
		do("GET").Err("ERR wrong number of arguments for 'get' command"),
		do("INCR", "n").Between(1, 1),
		do("KEYS", "*").Sorted("n"),
	)
}

func read(t *testing.T, wire string) (servertest.Value, error) {
	t.Helper()
	return servertest.Read(bufio.NewReaderSize(strings.NewReader(wire), 16))
}

func TestRead(t *testing.T) {
	for wire, want := range map[string]string{
		"+OK\r\n": "+OK",
		"-ERR " + strings.Repeat("x", 80) + "\r\n": "-ERR " + strings.Repeat("x", 80),
		":-7\r\n":                       "-7",
		"$-1\r\n":                       "null$",
		"*-1\r\n":                       "null*",
		"_\r\n":                         "null_",
		"$0\r\n\r\n":                    `""`,
		"*2\r\n:1\r\n*1\r\n$1\r\na\r\n": `*[1 *["a"]]`,
		"%1\r\n+a\r\n,1.5\r\n":          "%[+a ,1.5]",
		"~1\r\n#t\r\n":                  "~[#t]",
		"|1\r\n+a\r\n+b\r\n:3\r\n":      "3",
		"=5\r\ntxt:a\r\n":               `="txt:a"`,
		"(123\r\n":                      "(123",
	} {
		v, err := read(t, wire)
		if err != nil || v.String() != want {
			t.Errorf("%q: %s, %v; want %s", wire, v, err, want)
		}
	}
	for _, wire := range []string{"", "\r\n", "+OK\n", ":x\r\n", ":\r\n", "$-2\r\n", "$3\r\nab\r\n", "$1\r\nabc", "*1\r\n",
		"$9223372036854775807\r\n", "*9223372036854775807\r\n", "#x\r\n", "?\r\n"} {
		if v, err := read(t, wire); err == nil {
			t.Errorf("%q was read as %s", wire, v)
		}
	}
}

func TestSorted(t *testing.T) {
	v, _ := read(t, "*4\r\n+b\r\n+1\r\n+a\r\n+2\r\n")
	if got := v.Sorted(true).String(); got != "*[+a +2 +b +1]" {
		t.Error(got)
	}
	if got := v.Sorted(false).String(); got != "*[+1 +2 +a +b]" {
		t.Error(got)
	}
}

// An expectation that is not met must be found.
func TestWantsCanFail(t *testing.T) {
	array, _ := read(t, "*2\r\n$1\r\na\r\n:1\r\n")
	for name, problem := range map[string]string{
		"bulk for simple":   servertest.Bulk("OK")(servertest.Value{Kind: '+', Str: "OK"}, 2),
		"other int":         servertest.Int(1)(servertest.Value{Kind: ':', Str: "2", Int: 2}, 2),
		"RESP2 null in 3":   servertest.Null()(servertest.Value{Kind: '_', Str: "$"}, 3),
		"error":             servertest.Err("ERR x")(servertest.Value{Kind: '-', Str: "WRONGTYPE"}, 2),
		"flat map in 3":     servertest.Map("a", 1)(array, 3),
		"order":             servertest.Array(1, "a")(array, 2),
		"missing":           servertest.Sorted("a", "a")(array, 2),
		"RESP2 double in 3": servertest.Double("1")(servertest.Value{Kind: '$', Str: "1"}, 3),
		"length":            servertest.Len(3)(array, 2),
		"pattern":           servertest.Match("^b")(array, 2),
	} {
		if problem == "" {
			t.Errorf("%s was accepted", name)
		}
	}
	for name, problem := range map[string]string{
		"array":  servertest.Array("a", 1)(array, 2),
		"sorted": servertest.Sorted(1, "a")(array, 2),
		"map":    servertest.Map("a", 1)(array, 2),
		"match":  servertest.Match("^a$")(array, 2),
	} {
		if problem != "" {
			t.Errorf("%s was refused: %s", name, problem)
		}
	}
}

func TestLocal(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("SET", "k", "v", "PX", "100")
	if v := l.Do("GET", "k"); v.Str != "v" {
		t.Errorf("GET: %s", v)
	}
	l.Advance(101 * time.Millisecond)
	if v := l.Do("GET", "k"); !v.Null() {
		t.Errorf("GET after its time: %s", v)
	}
	big := strings.Repeat("x", 3<<20)
	l.Do("SET", "big", big)
	if v := l.Do("GET", "big"); v.Str != big {
		t.Errorf("GET big: %s", v)
	}
	l.MustNotAllocate([]string{"SET", "a", "b"}, []string{"GET", "a"})
}

func TestBoth(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		if v := s.Dial().Do("PING"); v.Str != "PONG" {
			t.Error(v)
		}
	}, "--maxclients", "5")
}

func TestProcess(t *testing.T) {
	dir := t.TempDir()
	p := servertest.StartProcess(t, "--appendonly", "yes", "--appendfsync", "always", "--dir", dir)
	p.Dial().Must("SET", "k", "v")
	p.Kill()
	p = servertest.StartProcess(t, "--appendonly", "yes", "--dir", dir)
	if v := p.Dial().Must("GET", "k"); v.Str != "v" {
		t.Error(v)
	}
	if code := p.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestRedis(t *testing.T) {
	c := servertest.StartRedis(t).Dial()
	c.Hello(3)
	if v := c.Must("SET", "k", "v"); v.Str != "OK" {
		t.Error(v)
	}
}
