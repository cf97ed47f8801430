package config

// The same CONFIG commands to redis-server and to this package must give the same replies. Where they differ on purpose
// the list is in `meant`.

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/engine/peer"
	"redix/engine/seeds"
)

// meant are names that redis-server does not have or that have another default, with the reason.
var meant = map[string]string{
	"bind":                       "redis-server without a file listens on every address",
	"port":                       "the test chooses it",
	"dir":                        "the test chooses it",
	"enable-protected-configs":   "the test needs it",
	"io-reactor":                 "ours",
	"default-ttl":                "ours",
	"rdb-version":                "ours",
	"aof-checksum":               "ours",
	"http-port":                  "ours",
	"http-bind":                  "ours",
	"http-pprof":                 "ours",
	"activedefrag":               "on by default here; redis-server needs its own jemalloc for it",
	"active-defrag-ignore-bytes": "another default",
}

// ofOthers are names that differ in redis-server before 7.2, in those with what came after, and in Valkey.
var ofOthers = []struct {
	of    func(peer.Release) bool
	why   string
	names []string
}{
	{peer.Release.Before72, "since redis-server 7.2",
		[]string{"locale-collate", "cluster-announce-human-nodename", "set-max-listpack-entries", "set-max-listpack-value"}},
	{peer.Release.Before72, "with an underscore before redis-server 7.2",
		[]string{"server-cpulist", "bio-cpulist", "aof-rewrite-cpulist", "bgsave-cpulist"}},
	{func(r peer.Release) bool { return r.Name != "Redis" }, "its own name", []string{"syslog-ident"}},
	{peer.Release.After72, "at most 64 (13000, for 7.4)", []string{"maxmemory-samples"}},
	{peer.Release.Valkey, "another default", []string{"lazyfree-lazy-eviction", "lazyfree-lazy-expire", "lazyfree-lazy-server-del",
		"lazyfree-lazy-user-del", "lazyfree-lazy-user-flush", "replica-lazy-flush", "slave-lazy-flush", "io-threads-do-reads", "repl-backlog-size"}},
}

func init() {
	for _, o := range ofOthers {
		for _, name := range o.names {
			if o.of(peer.Found()) {
				meant[name] = o.why
			}
		}
	}
}

// oracle is a redis-server with one connection to it.
type oracle struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// startOracle runs redis-server with args for the length of the test.
func startOracle(t *testing.T, args ...string) *oracle {
	t.Helper()
	binary := peer.Server(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)
	var log bytes.Buffer
	server := exec.Command(binary, append(args, "--port", port, "--save", "3600 1 300 100 60 10000")...)
	server.Dir = t.TempDir()
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return &oracle{t, conn, bufio.NewReader(conn)}
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v\n%s", err, log.String())
		}
	}
}

// do sends one command and returns its reply: the words of an array, or one word.
func (o *oracle) do(words ...string) []string {
	o.t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := o.conn.Write([]byte(out.String())); err != nil {
		o.t.Fatal(err)
	}
	return o.read()
}

func (o *oracle) read() []string {
	o.t.Helper()
	line, err := o.in.ReadString('\n')
	if err != nil {
		o.t.Fatal(err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line[0] != '*' && line[0] != '$' {
		return []string{line[1:]}
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil {
		o.t.Fatal(err)
	}
	if line[0] == '$' {
		word := make([]byte, n+2)
		if _, err := io.ReadFull(o.in, word); err != nil {
			o.t.Fatal(err)
		}
		return []string{string(word[:n])}
	}
	var words []string
	for range n {
		words = append(words, o.read()...)
	}
	return words
}

// ours gives the same command to c.
func ours(c *Config, words ...string) []string {
	if strings.EqualFold(words[1], "get") {
		var out []string
		for _, pair := range c.Get(words[2:]...) {
			out = append(out, pair.Name, pair.Value)
		}
		return out
	}
	if err := setNow(c, words[2:]...); err != nil {
		return []string{err.Error()}
	}
	return []string{"OK"}
}

// plain takes out of a reply what loglevel has gained since redis-server 7.0, and here.
func plain(reply []string) string {
	return strings.NewReplacer(", warning, error, nothing", ", warning", ", warning, nothing", ", warning").Replace(strings.Join(reply, "\n"))
}

func TestDifferentialDefaults(t *testing.T) {
	redis := startOracle(t)
	c := load(t, nil, nil)
	for _, pair := range c.Get("*") {
		if meant[pair.Name] != "" {
			continue
		}
		want := redis.do("CONFIG", "GET", pair.Name)
		if got := []string{pair.Name, pair.Value}; plain(got) != plain(want) {
			t.Errorf("CONFIG GET %s: %q, redis-server %q", pair.Name, got, want)
		}
	}
}

// setCases are commands whose replies, and the values they leave, must agree.
var setCases = [][]string{
	{"foo", "bar"}, {"foo\r\nx", "bar"}, {"maxclients", "0"}, {"MAXCLIENTS", "abc"}, {"maxclients", "4294967296"},
	{"maxclients", "99999999999999999999"}, {"maxclients", "1", "maxclients", "2"}, {"maxclients", "1", "MaxClients", "2", "foo", "1"},
	{"databases", "5"}, {"databases", "5", "foo", "1"}, {"foo", "1", "databases", "5"}, {"port", "70000", "foo", "1"},
	{"shutdown-on-sigterm", ""}, {"shutdown-on-sigterm", "Force now default NOSAVE"}, {"shutdown-on-sigint", "save nosave"},
	{"shutdown-on-sigint", "now now"}, {"shutdown-on-sigint", "abort"}, {"shutdown-on-sigterm", "default"}, {"rdb-key-save-delay", "5"},
	{"timeout", "5", "hz", "x"}, {"timeout", "5", "hz", "20"}, {"timeout", "05"}, {"timeout", "+5"}, {"timeout", " 5"},
	{"timeout", ""}, {"timeout", "-0"}, {"timeout", "-1"}, {"timeout", "2147483648"}, {"hz", "0"}, {"hz", "99999"},
	{"hz", "2147483648"}, {"tcp-keepalive", "-1"}, {"tcp-backlog", "3"}, {"unixsocket", "/x"}, {"unixsocketperm", "777"},
	{"logfile", "x"}, {"appenddirname", "x"}, {"appendfilename", "y"}, {"enable-debug-command", "yes"},
	{"enable-protected-configs", "no"}, {"loglevel", "loud"}, {"loglevel", "VERBOSE"}, {"appendfsync", "bad value"},
	{"appendfsync", "Always"}, {"protected-mode", "1"}, {"protected-mode", "NO"}, {"requirepass", ""},
	{"maxmemory", "1xb"}, {"maxmemory", "-1"}, {"maxmemory", "10%"}, {"maxmemory", "1 gb"}, {"maxmemory", "0gb"},
	{"maxmemory-policy", "noeviction"}, {"proto-max-bulk-len", "1"}, {"proto-max-bulk-len", "-5"},
	{"proto-max-bulk-len", "2MB"}, {"proto-max-bulk-len", "2m"}, {"client-query-buffer-limit", "5"},
	{"client-query-buffer-limit", "9223372036854775807"}, {"save", "3600"}, {"save", "a b"}, {"save", "0 1"},
	{"save", "10 -1"}, {"save", "900  1"}, {"save", " "}, {"save", "900 1 "}, {"save", ""}, {"save", "3600 1 300 100"},
	{"client-output-buffer-limit", "normal 1 2"}, {"client-output-buffer-limit", ""},
	{"latency-tracking-info-percentiles", "1 2 x"}, {"latency-tracking-info-percentiles", "50 100.1"},
	{"latency-tracking-info-percentiles", ""}, {"latency-tracking-info-percentiles", "99.999 0"},
	{"slowlog-log-slower-than", "-2"}, {"slowlog-max-len", "-1"}, {"latency-monitor-threshold", "-1"},
	{"client-output-buffer-limit", "foo 1 2 3"}, {"client-output-buffer-limit", "master 1 2 3"},
	{"client-output-buffer-limit", "normal a 2 3"}, {"client-output-buffer-limit", "normal 1mb 2 -3"},
	{"client-output-buffer-limit", "normal 1mb 2 3 foo 1 2 3"}, {"client-output-buffer-limit", "slave 1 2 3 PUBSUB 1mb 2mb 3"},
	{"client-output-buffer-limit", "replica 0 0 0"}, {"bind", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7"},
	{"dir", "/nonexistent"}, {"dir", "/etc/passwd"}, {"dir", ""}, {"dir", "/tmp"}, {"hash-max-ziplist-entries", "77"},
	{"hash-max-listpack-entries", "-1"}, {"hash-max-ziplist-entries", "-1"}, {"hash-max-listpack-value", "x"},
	{"hash-max-ziplist-entries", "7", "hash-max-listpack-entries", "8"}, {"list-max-listpack-size", "-9999999999"},
	{"list-max-ziplist-size", "-5"}, {"list-compress-depth", "-3"}, {"stream-node-max-bytes", "9kb"},
	{"stream-node-max-bytes", "100gb"}, {"stream-node-max-entries", "-1"}, {"hll-sparse-max-bytes", "3"},
	{"set-max-intset-entries", "9999999999999"}, {"lazyfree-lazy-eviction", "x"}, {"lazyfree-lazy-expire", "yes"},
	{"activerehashing", "no"}, {"aof-load-truncated", "no"}, {"timeout", "1", "hz"}, {"DataBases", "5"},
	{"Dir", "/nonexistent"}, {"notify-keyspace-events", "KEA"}, {"notify-keyspace-events", "mEtdxK$g"},
	{"notify-keyspace-events", "KEg$lshzxetd"}, {"notify-keyspace-events", "q"}, {"notify-keyspace-events", "KE k"},
	{"notify-keyspace-events", "nzKK"}, {"notify-keyspace-events", ""},
	{"oom-score-adj-values", "1 2"}, {"oom-score-adj-values", "1 2 x"}, {"oom-score-adj-values", "1 2 2001"}, {"oom-score-adj-values", "-2000 0 2000"},
	{"repl-backlog-size", "0"}, {"repl-backlog-size", "2mb"}, {"lua-time-limit", "-1"}, {"slave-priority", "7"}, {"repl-timeout", "0"},
	{"io-threads", "2"}, {"active-expire-effort", "11"}, {"repl-diskless-load", "on"}, {"replica-announce-port", "65536"},
}

func TestDifferentialSet(t *testing.T) {
	redis := startOracle(t, "--enable-protected-configs", "yes")
	c := load(t, []string{"--enable-protected-configs", "yes", "--bind", "*", "-::*"}, nil)
	for _, pairs := range setCases {
		if peer.Found().Valkey() && pairs[0] == "dir" && pairs[1] == "" {
			continue // a text of its own
		}
		compare(t, redis, c, append([]string{"CONFIG", "SET"}, pairs...))
	}
	for _, patterns := range [][]string{{"HZ"}, {"hz", "h[yz]"}, {"foo"}, {"[bad"}, {"Hz", "hz"}, {"tcp-?acklog"}, {"hash-max-ziplist-value"}} {
		compare(t, redis, c, append([]string{"CONFIG", "GET"}, patterns...))
	}
	compareValues(t, redis, c)
}

func TestDifferentialProtected(t *testing.T) {
	redis := startOracle(t)
	c := load(t, nil, nil)
	compare(t, redis, c, []string{"CONFIG", "SET", "dir", "/tmp"})
	compare(t, redis, c, []string{"CONFIG", "SET", "dir", "/tmp", "dir", "/tmp", "foo", "1"})
}

// Random values out of the pieces that parsers trip over, for every directive that both know.
func TestDifferentialRandomSet(t *testing.T) {
	random := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	redis := startOracle(t, "--bind", "127.0.0.1")
	c := load(t, []string{"--bind", "127.0.0.1"}, nil)
	var names []string
	for _, pair := range c.Get("*") {
		if d, _ := Lookup(pair.Name); d.Group == idleRows.name {
			continue // there it does something, to redis-server's process
		}
		// Left out: what needs a listener or a password, sizes that redis-server takes and this server does not, and what
		// redis-server looks at only once TLS is on.
		switch pair.Name {
		case "requirepass", "maxmemory", "maxmemory-policy", "maxclients", "appendonly":
		default:
			if meant[pair.Name] == "" && !strings.HasPrefix(pair.Name, "tls-") {
				names = append(names, pair.Name)
			}
		}
	}
	pieces := []string{"0", "1", "2", "9", "10", "-", "+", " ", "yes", "no", "normal ", "slave ", "pubsub ", "mb", "k", "kb", "B", "always", "debug",
		"2147483647", "4294967296", "9223372036854775807", "x", "\t", "1048576", "60 "}
	for range 1000 {
		words := []string{"CONFIG", "SET"}
		for len(words) < 4+2*random.IntN(2) {
			value := ""
			for range random.IntN(6) {
				value += pieces[random.IntN(len(pieces))]
			}
			if name := names[random.IntN(len(names))]; !isOdd(name, value) {
				words = append(words, name, value)
			}
		}
		compare(t, redis, c, words)
		if t.Failed() {
			return
		}
	}
	compareValues(t, redis, c)
}

// isOdd tells whether value holds a number that redis-server takes and this package refuses on purpose: sizes without
// digits, numbers that do not fit, and in save and the output limits what strtoll takes for a number ("", "+1", "01").
func isOdd(name, value string) bool {
	d, _ := Lookup(name)
	if !d.kind.several && !strings.Contains(d.kind.expects, "a memory size") {
		return false
	}
	for _, word := range strings.Split(value, " ") {
		digits := strings.TrimRight(word, "kmgbKMGB")
		if digits == "" || len(digits) > 9 {
			return true
		}
		if d.kind.several && strings.ContainsAny(digits[:1], "+-0\t") && len(digits) > 1 {
			return true
		}
	}
	return false
}

func compare(t *testing.T, redis *oracle, c *Config, words []string) {
	t.Helper()
	want := plain(redis.do(words...))
	if got := plain(ours(c, words...)); got != want {
		t.Errorf("%q:\n ours  %q\n redis %q", words, got, want)
	}
}

func compareValues(t *testing.T, redis *oracle, c *Config) {
	t.Helper()
	for _, pair := range c.Get("*") {
		if reason := meant[pair.Name]; reason == "" || pair.Name == "dir" && c.ProtectedConfig == AccessYes {
			compare(t, redis, c, []string{"CONFIG", "GET", pair.Name})
		}
	}
}

// The file that Debian's redis-server starts with is one that users bring along.
func TestDebiansFileLoads(t *testing.T) {
	const path = "/etc/redis/redis.conf"
	file, err := os.ReadFile(path)
	if err != nil {
		t.Skip("SKIPPED: Debian's redis-server is not installed, or its file may not be read: ", err)
	}
	// Where files and sockets are is this machine's.
	c, err := Load([]string{"-", "--dir", t.TempDir()}, nil, bytes.NewReader(regexp.MustCompile("(?m)^(dir|include) .*$").ReplaceAll(file, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Get("replica-priority"); len(got) != 1 || got[0].Value != "100" {
		t.Errorf("replica-priority: %q", got)
	}
}
