package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// others holds a value that differs from the default for each directive that has one.
var others = map[string]string{
	"bind": "10.0.0.1 -fe80::1", "port": "7000", "tcp-backlog": "1", "unixsocket": "/tmp/a b", "unixsocketperm": "770",
	"timeout": "60", "tcp-keepalive": "0", "io-reactor": "evio", "protected-mode": "no", "requirepass": "se cret\"",
	"enable-module-command": "local", "user": "alice on >pw (+get ~a)", "aclfile": "users.acl", "acllog-max-len": "0",
	"acl-pubsub-default": "allchannels", "rename-command": "config secret",
	"enable-debug-command": "local", "enable-protected-configs": "yes", "maxclients": "4294967295",
	"client-query-buffer-limit": "2097152", "proto-max-bulk-len": "1048577",
	"client-output-buffer-limit": "normal 1048576 2 3 slave 4 5 6 pubsub 7 8 9",
	"loglevel":                   "nothing", "logfile": "log", "databases": "1", "hz": "500", "notify-keyspace-events": "glKEm", "default-ttl": "86400", "dir": "/",
	"appendonly": "yes", "appendfsync": "always", "appenddirname": "d", "appendfilename": "f", "aof-load-truncated": "no", "aof-checksum": "no", "aof-timestamp-enabled": "yes",
	"auto-aof-rewrite-percentage": "50", "auto-aof-rewrite-min-size": "1048576",
	"dbfilename": "f.rdb", "rdbcompression": "no", "rdbchecksum": "no", "rdb-version": "11", "sanitize-dump-payload": "clients",
	"aof-use-rdb-preamble": "no", "stop-writes-on-bgsave-error": "no", "rdb-del-sync-files": "yes", "rdb-save-incremental-fsync": "no",
	"aof-rewrite-incremental-fsync": "no",
	"save":                          "1 2 3 4", "lazyfree-lazy-eviction": "yes", "lazyfree-lazy-expire": "yes", "lazyfree-lazy-server-del": "yes",
	"lazyfree-lazy-user-del": "yes", "lazyfree-lazy-user-flush": "yes", "activerehashing": "no",
	"hash-max-listpack-entries": "9223372036854775807", "hash-max-listpack-value": "1", "list-max-listpack-size": "-2147483648",
	"list-compress-depth": "3", "set-max-intset-entries": "0", "set-max-listpack-entries": "7", "set-max-listpack-value": "6",
	"zset-max-listpack-entries": "5", "zset-max-listpack-value": "4", "stream-node-max-bytes": "0",
	"maxmemory": "1073741824", "maxmemory-policy": "allkeys-s3fifo", "maxmemory-samples": "64",
	"maxmemory-eviction-tenacity": "100", "lfu-log-factor": "0", "lfu-decay-time": "7",
	"tls-port": "7001", "tls-cert-file": "c.pem", "tls-key-file": "k.pem", "tls-key-file-pass": "p w", "tls-ca-cert-file": "ca.pem",
	"tls-ca-cert-dir": "/certs", "tls-auth-clients": "optional", "tls-protocols": "TLSv1.3", "tls-ciphers": "ECDHE-RSA-AES128-GCM-SHA256",
	"tls-prefer-server-ciphers": "yes", "tls-session-caching": "no", "tls-session-cache-size": "1", "tls-session-cache-timeout": "2",
	"tls-replication": "yes", "tls-cluster": "yes", "tls-client-cert-file": "cc.pem", "tls-client-key-file": "ck.pem",
	"tls-client-key-file-pass": "q", "http-port": "7002", "http-bind": "::1", "http-pprof": "yes", "daemonize": "yes", "supervised": "auto", "pidfile": "/run/redix.pid",
	"activedefrag": "no", "active-defrag-ignore-bytes": "1", "active-defrag-threshold-lower": "0",
	"active-defrag-threshold-upper": "1000", "active-defrag-cycle-min": "99", "active-defrag-cycle-max": "1",
	"active-defrag-max-scan-fields": "7", "jemalloc-bg-thread": "no",
	"stream-node-max-entries": "2", "hll-sparse-max-bytes": "1",
	"slowlog-log-slower-than": "-1", "slowlog-max-len": "0", "latency-monitor-threshold": "100", "latency-tracking": "no",
	"latency-tracking-info-percentiles": "0 12.5 100", "maxmemory-clients": "12%", "tracking-table-max-keys": "0",
	"always-show-logo": "yes", "set-proc-title": "no", "proc-title-template": "some \"text\"", "syslog-ident": "some \"text\"",
	"syslog-facility": "local7", "crash-log-enabled": "no", "crash-memcheck-enabled": "no", "oom-score-adj": "absolute",
	"oom-score-adj-values": "-2000 0 2000", "disable-thp": "no", "dynamic-hz": "no", "active-expire-effort": "10",
	"io-threads": "128", "io-threads-do-reads": "yes", "server-cpulist": "some \"text\"", "bio-cpulist": "some \"text\"",
	"aof-rewrite-cpulist": "some \"text\"", "bgsave-cpulist": "some \"text\"", "ignore-warnings": "some \"text\"",
	"bind-source-addr": "some \"text\"", "no-appendfsync-on-rewrite": "yes", "busy-reply-threshold": "9223372036854775807",
	"propagation-error-behavior": "panic-on-replicas", "masteruser": "some \"text\"", "masterauth": "some \"text\"", "min-replicas-max-lag": "2147483647",
	"replica-serve-stale-data": "no", "replica-read-only": "no", "replica-lazy-flush": "yes", "replica-ignore-maxmemory": "no",
	"replica-ignore-disk-write-errors": "yes", "replica-priority": "2147483647", "replica-announced": "no",
	"replica-announce-ip": "some \"text\"", "replica-announce-port": "65535", "repl-timeout": "2147483647",
	"repl-ping-replica-period": "2147483647", "repl-disable-tcp-nodelay": "yes", "repl-backlog-size": "9223372036854775807",
	"repl-backlog-ttl": "9223372036854775807", "repl-diskless-sync": "no", "repl-diskless-sync-delay": "2147483647",
	"repl-diskless-sync-max-replicas": "2147483647", "repl-diskless-load": "swapdb",
	"shutdown-on-sigterm": "nosave force", "shutdown-on-sigint": "save now", "rdb-key-save-delay": "2147483647", "shutdown-timeout": "0",
	"use-exit-on-panic": "yes", "enable-debug-assert": "yes", "loading-process-events-interval-bytes": "1024", "cluster-config-file": "n.conf",
	"cluster-port": "1", "cluster-node-timeout": "9223372036854775807", "cluster-migration-barrier": "0", "cluster-replica-validity-factor": "0",
	"cluster-replica-no-failover": "yes", "cluster-require-full-coverage": "no", "cluster-allow-reads-when-down": "yes",
	"cluster-allow-pubsubshard-when-down": "no", "cluster-allow-replica-migration": "no", "cluster-announce-ip": "1.2.3.4",
	"cluster-announce-port": "65535", "cluster-announce-tls-port": "1", "cluster-announce-bus-port": "1", "cluster-announce-hostname": "a.b",
	"cluster-announce-human-nodename": "some \"text\"", "cluster-preferred-endpoint-type": "hostname", "cluster-link-sendbuf-limit": "1048576",
}

// onlyDefault take nothing but their default.
var onlyDefault = map[string]bool{"tls-ciphersuites": true, "tls-dh-params-file": true,
	"syslog-enabled": true, "socket-mark-id": true, "cluster-enabled": true, "min-replicas-to-write": true, "locale-collate": true, "aof-disable-auto-gc": true,
	"watchdog-period": true, "key-load-delay": true, "replicaof": true}

// Every directive is written by assign and read back by Value, by CONFIG GET under each of its names, by a file line
// made by render, and it changes no other directive.
func TestEveryDirectiveRoundTrips(t *testing.T) {
	for _, d := range table {
		other, ok := others[d.Name]
		if !ok {
			if !onlyDefault[d.Name] {
				t.Errorf("%s: no value to try", d.Name)
			}
			continue
		}
		c := load(t, nil, nil)
		before := map[string]string{}
		for _, row := range table {
			before[row.Name] = row.Value(&c.Values)
		}
		if err := d.assign(&c.Values, []string{other}, false); err != nil {
			t.Errorf("%s %s: %v", d.Name, other, err)
			continue
		}
		for _, row := range table {
			got, want := row.Value(&c.Values), before[row.Name]
			if row == d {
				want = other
			}
			if got != want {
				t.Errorf("after %s: %s is %q, want %q", d.Name, row.Name, got, want)
			}
		}
		if before[d.Name] == other {
			t.Errorf("%s: %q is the default, the test shows nothing", d.Name, other)
		}
		again, err := Load([]string{"-"}, nil, strings.NewReader(joinLines(d.render(&c.Values))))
		if err != nil || d.Value(&again.Values) != other {
			t.Errorf("%s: rendered as %q, which is not %q (%v)", d.Name, d.render(&c.Values), other, err)
		}
		for _, name := range []string{d.Name, d.Alias} {
			if name == "" || d.Hidden {
				continue
			}
			if got := c.Get(name); len(got) != 1 || got[0] != (Pair{name, other}) {
				t.Errorf("GET %s: %q", name, got)
			}
		}
	}
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range table {
		for _, name := range []string{d.Name, d.Alias} {
			if name != "" && seen[name] {
				t.Errorf("%s is declared twice", name)
			}
			seen[name] = true
			if name != strings.ToLower(name) || name == d.Name && strings.ContainsAny(name, "_ ") {
				t.Errorf("%s: expected lower case and dashes", name)
			}
		}
		if d.Help == "" || d.Group == "" || d.kind.expects == "" {
			t.Errorf("%s lacks a help line, a group or a type", d.Name)
		}
		if d.Protected && !d.Mutable {
			t.Errorf("%s: protected says who may change it, yet nobody may", d.Name)
		}
	}
}

func TestGet(t *testing.T) {
	c := load(t, nil, nil)
	for _, test := range []struct{ patterns, want string }{
		{"port", "[{port 6379}]"},
		{"PORT port p?rt", "[{PORT 6379}]"},
		{"no-such", "[]"},
		{"key-load-dela?", "[]"},
		{"KEY-load-delay", "[{KEY-load-delay 0}]"},
		{"[bad", "[]"},
		{"hash-MAX-*-value", "[{hash-max-listpack-value 64} {hash-max-ziplist-value 64}]"},
		{"timeout append*name", "[{timeout 0} {appenddirname appendonlydir} {appendfilename appendonly.aof}]"},
		{"save", "[{save 3600 1 300 100 60 10000}]"},
		{"proto-max-bulk-len", "[{proto-max-bulk-len 536870912}]"},
		{"client-output-buffer-limit", "[{client-output-buffer-limit normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60}]"},
	} {
		if got := fmt.Sprint(c.Get(strings.Fields(test.patterns)...)); got != test.want {
			t.Errorf("GET %s: %s, want %s", test.patterns, got, test.want)
		}
	}
	aliases := 0
	for _, d := range table {
		if d.Hidden || d.ForTests {
			aliases--
		}
		if d.Alias != "" {
			aliases++
		}
	}
	if got := len(c.Get("*")); got != len(table)+aliases {
		t.Errorf("GET *: %d names, want %d", got, len(table)+aliases)
	}
}

func TestSetIsAllOrNothing(t *testing.T) {
	c := load(t, nil, nil)
	before := c.Get("*")
	var applied []string
	apply := func(d *Directive) error {
		applied = append(applied, d.Name+"="+d.Value(&c.Values))
		if d.Name == "bind" && len(c.Bind) == 1 {
			return errors.New("Failed to bind to specified addresses.")
		}
		return nil
	}
	err := c.Set([]string{"timeout", "9", "hz", "10", "SAVE", "1 1", "bind", "1.1.1.1"}, true, nil, apply)
	const want = "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses."
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if after := c.Get("*"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a refused SET left %v", after)
	}
	// hz has not changed and is not applied; what was applied is applied again with the old value.
	if got := strings.Join(applied, ","); got != "timeout=9,save=1 1,bind=1.1.1.1,timeout=0,save=3600 1 300 100 60 10000,bind=127.0.0.1 -::1" {
		t.Errorf("applied %s", got)
	}
	if err := c.Set([]string{"timeout", "9", "appendfsync", "x"}, true, nil, apply); err == nil || c.TimeoutSeconds != 0 {
		t.Errorf("%v, timeout %d", err, c.TimeoutSeconds)
	}
	applied = nil
	if err := c.Set([]string{"Timeout", "9", "hash-max-ziplist-entries", "7", "hash-max-listpack-entries", "8"}, true, nil, apply); err != nil {
		t.Error(err)
	}
	if c.TimeoutSeconds != 9 || c.HashMaxListpackEntries != 8 || len(applied) != 2 {
		t.Errorf("timeout %d, entries %d, applied %q", c.TimeoutSeconds, c.HashMaxListpackEntries, applied)
	}
	if err := c.Set([]string{"hz"}, true, nil, nil); err == nil || err.Error() != "ERR syntax error" {
		t.Error(err)
	}
	if err := c.Set([]string{"a\r\nb", "1"}, true, nil, nil); err == nil || strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("%q", err)
	}
}

// setNow asks the disk, and sets.
func setNow(c *Config, pairs ...string) error {
	on := *c
	return c.Set(pairs, true, on.Look(pairs, true, nil), nil)
}

// Of dir, Set takes what Look has found, and nothing that it has not looked at. Relative paths begin where the server is.
func TestDirIsLookedAtBefore(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, []string{"--enable-protected-configs", "yes", "--dir", home}, nil)
	refused := func(found Found, want string, pairs ...string) {
		t.Helper()
		before := c.Dir
		if err := c.Set(pairs, true, found, nil); err == nil || !strings.HasSuffix(err.Error(), want) || c.Dir != before {
			t.Errorf("%q: %v, dir %s", pairs, err, c.Dir)
		}
	}
	refused(nil, "'dir') - it depends on what has been changed meanwhile, try again", "dir", filepath.Join(home, "a"))
	for _, test := range []struct{ word, want string }{
		{"a", "a"}, {"b", "a/b"}, {"b", ""}, {"..", "a"}, {"../file", ""}, {"../none", ""}, {home, ""}, {filepath.Join(home, "a", "b"), "a/b"},
	} {
		err := setNow(c, "dir", test.word)
		if test.word == home {
			test.want = "."
		}
		if (err == nil) != (test.want != "") || err == nil && c.Dir != filepath.Join(home, test.want) {
			t.Errorf("%s: %v, dir %s", test.word, err, c.Dir)
		}
	}
	// The first value that is wrong is the one that is told.
	for _, test := range []struct{ want, pairs string }{
		{"'dir') - No such file or directory", "dir /none maxmemory x"}, {"'maxmemory') - argument must be a memory value", "maxmemory x dir /none"},
		{"'dir') - Not a directory", "dir ../../file maxmemory x"},
	} {
		on, pairs := *c, strings.Fields(test.pairs)
		refused(on.Look(pairs, true, nil), test.want, pairs...)
	}
	// What was looked at is another directory by now.
	on, pairs := *c, []string{"dir", ".."}
	found := on.Look(pairs, true, nil)
	if on.Dir != filepath.Join(home, "a") {
		t.Errorf("the copy is at %s", on.Dir)
	}
	c.Dir = home
	refused(found, "try again", pairs...)
}

func TestProtected(t *testing.T) {
	for _, test := range []struct {
		access string
		local  bool
		ok     bool
	}{{"no", true, false}, {"local", false, false}, {"local", true, true}, {"yes", false, true}} {
		c := load(t, []string{"--enable-protected-configs", test.access}, nil)
		dir := t.TempDir()
		pairs, on := []string{"dir", dir}, *c
		err := c.Set(pairs, test.local, on.Look(pairs, test.local, nil), nil)
		if (err == nil) != test.ok || (c.Dir == dir) != test.ok {
			t.Errorf("%+v: %v, dir %s", test, err, c.Dir)
		}
	}
}

// The output limits of one line are taken together or not at all.
func TestOutputLimitsKeepOtherClasses(t *testing.T) {
	c := load(t, nil, nil)
	if err := c.Set([]string{"client-output-buffer-limit", "Replica 1k 2kb 3 pubsub 4 5 6"}, true, nil, nil); err != nil {
		t.Fatal(err)
	}
	want := [ClientClasses]OutputLimit{{}, {1000, 2048, 3}, {4, 5, 6}}
	if c.OutputLimits != want {
		t.Errorf("%v, want %v", c.OutputLimits, want)
	}
	if err := c.Set([]string{"client-output-buffer-limit", "normal 1 1 1 pubsub 1 1 x"}, true, nil, nil); err == nil || c.OutputLimits != want {
		t.Errorf("%v: %v, want %v", err, c.OutputLimits, want)
	}
}

func TestMemoryUnits(t *testing.T) {
	for word, want := range map[string]int{
		"0": 0, "1b": 1, "1k": 1000, "1K": 1000, "1kb": 1024, "2Mb": 2 << 20, "1m": 1000000, "3gb": 3 << 30, "1g": 1000000000,
		"9223372036854775807": maxInt, "8589934591gb": 8589934591 << 30,
	} {
		if got, err := parseMemory(word); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", word, got, err, want)
		}
	}
	for _, word := range []string{"", "k", "-1", "1.5mb", "1tb", "1bk", "1kbb", "1 kb", "9223372036854775808", "8589934592gb", "+1"} {
		if got, err := parseMemory(word); err == nil {
			t.Errorf("%q: %d, want an error", word, got)
		}
	}
	for size, want := range map[int]string{0: "0", 1: "1", 1023: "1023", 1024: "1kb", 3 << 20: "3mb", 1 << 40: "1024gb"} {
		if got := formatMemory(size); got != want {
			t.Errorf("%d: %s, want %s", size, got, want)
		}
	}
}
