package commands_test

// Commands that read and write files aside from the loop: what builds on each other in a transaction, a disk that does not answer, the
// end of the process.

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/config"
)

// TestConfigSetsThatBuildOnEachOther runs transactions of CONFIG SETs in redis-server and here: the same ones succeed, and the
// certificate that is served afterwards is the same.
func TestConfigSetsThatBuildOnEachOther(t *testing.T) {
	f := newTLSFiles(t)
	b, third, other := f.make(t, "b"), f.make(t, "third"), f.make(t, "other-authority")
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	start := map[string]func(t testing.TB, flags ...string) *servertest.Process{
		"redix": servertest.StartProcess, "redis-server": servertest.StartRedis,
	}
	outcome := map[string][]string{}
	for name := range start {
		t.Run(name, func(t *testing.T) {
			port := unusedPort(t)
			p := start[name](t, "--tls-port", port, "--tls-cert-file", f.server.Cert, "--tls-key-file", f.server.Key, "--tls-ca-cert-file", f.ca.File,
				"--tls-auth-clients", "no", "--enable-protected-configs", "yes", "--dir", dir)
			c := p.Dial()
			certB, keyB := "tls-cert-file "+b.Cert, "tls-key-file "+b.Key
			for _, queue := range [][]string{
				{certB, keyB}, // each alone does not fit
				{keyB, certB},
				{certB + " " + keyB, "tls-protocols TLSv1.2"},
				{"tls-protocols TLSv1.2", certB + " " + keyB},
				{certB + " " + keyB, "tls-cert-file " + third.Cert + " tls-key-file " + third.Key},
				{certB + " " + keyB, "tls-cert-file /none", "tls-ca-cert-file " + other.Cert, "tls-key-file " + third.Key},
				{"tls-port 0", certB, keyB, "tls-port " + port},
				{"tls-auth-clients yes", "tls-ca-cert-file " + other.Cert, certB + " " + keyB, "tls-auth-clients no"},
				{"dir " + dir, "dir a", certB + " " + keyB, "dir /none", "dir b maxmemory x", "dir b", "dir ../..", "dir a/b"},
			} {
				c.Must("MULTI")
				for _, words := range queue {
					c.Must(append([]string{"CONFIG", "SET"}, strings.Fields(words)...)...)
				}
				said := ""
				for _, v := range c.Must("EXEC").Elems {
					if said += "+"; v.Err() != "" {
						said = said[:len(said)-1] + "-"
					}
				}
				for _, directive := range []string{"tls-cert-file", "tls-key-file", "tls-ca-cert-file", "tls-protocols", "tls-auth-clients", "dir"} {
					said += " " + c.Must("CONFIG", "GET", directive).Strings()[1]
				}
				if !strings.Contains(queue[0], "tls-port") { // redis-server does not read them again there
					said += " " + serial(t, "127.0.0.1:"+port, f.config(t, false))
				}
				outcome[name] = append(outcome[name], strings.ReplaceAll(strings.Join(queue, "; "), port, "PORT")+" => "+said)
				c.Must("CONFIG", "SET", "tls-cert-file", f.server.Cert, "tls-key-file", f.server.Key, "tls-ca-cert-file", f.ca.File,
					"tls-auth-clients", "no", "tls-protocols", "", "dir", dir)
			}
		})
	}
	for i, want := range outcome["redis-server"] {
		if got := outcome["redix"][i]; got != want {
			t.Errorf("\n%s\nredis-server:\n%s", got, want)
		}
	}
}

// heldAtMost is how long a test lets something that should run beside the loop wait for what the loop should do meanwhile.
const heldAtMost = 5 * time.Second

// await gives what comes through a channel, unless that takes too long.
func await[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(2 * heldAtMost):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// CONFIG SET dir looks at the directory aside, alone and in a transaction.
func TestDirIsLookedAtAside(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		asked, gate := make(chan struct{}, 2), make(chan struct{})
		s.OnLoop(func(e *engine.Server) {
			e.Hooks.ConfigAhead = func(*config.Values) error { // which comes after the look at the directory
				asked <- struct{}{}
				select {
				case <-gate:
				case <-time.After(heldAtMost): // the loop, it seems: it has to go on for the test to end
					t.Error("the look at the directory holds the loop")
				}
				return nil
			}
		})
		c, other, dir := s.Dial(), s.Dial(), t.TempDir()
		for _, transaction := range []bool{false, true} {
			if transaction {
				dir = t.TempDir()
				c.Must("MULTI")
				c.Must("CONFIG", "SET", "dir", dir)
				c.Send("EXEC")
			} else {
				c.Send("CONFIG", "SET", "dir", dir)
			}
			c.Flush()
			await(t, "the look at the directory", asked)
			if v := other.Must("CONFIG", "GET", "dir").Strings(); v[1] == dir {
				t.Error("set before it was looked at")
			}
			other.Must("CONFIG", "SET", "maxmemory", "1gb") // waits for no disk
			select {
			case gate <- struct{}{}:
			case <-time.After(heldAtMost):
				t.Fatal("nobody waits at the gate")
			}
			v := c.Receive()
			if transaction && len(v.Elems) == 1 {
				v = v.Elems[0]
			}
			if v.Str != "OK" {
				t.Error(v)
			}
			if v := other.Must("CONFIG", "GET", "dir").Strings(); v[1] != dir {
				t.Errorf("dir is %s", v[1])
			}
		}
	}, "--enable-protected-configs", "yes")
}

// A process that is told to end finishes ACL SAVE and CONFIG REWRITE before, and answers. The disk that does not answer is a pipe that
// nobody writes into.
func TestEndWaitsForFiles(t *testing.T) {
	for _, how := range []string{"SIGTERM", "SHUTDOWN"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			users, conf := filepath.Join(dir, "users.acl"), filepath.Join(dir, "redix.conf")
			if err := os.WriteFile(users, []byte("user default on nopass ~* &* +@all\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(conf, []byte("aclfile "+users+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			p := servertest.StartConfigured(t, conf, "--dir", dir)
			if err := os.Remove(users); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(users, 0o600); err != nil {
				t.Fatal(err)
			}
			loads, saves, c := p.Dial(), p.Dial(), p.Dial()
			loads.Send("ACL", "LOAD")
			loads.Flush()
			eventually(t, "ACL LOAD to wait", func() bool { return c.Info("clients")["blocked_clients"] == "1" })
			c.Must("ACL", "SETUSER", "worker", "on")
			saves.Send("ACL", "SAVE")
			saves.Flush()
			eventually(t, "ACL SAVE to wait", func() bool { return c.Info("clients")["blocked_clients"] == "2" })
			c.Must("CONFIG", "SET", "maxmemory", "7mb") // neither of them holds others, or CONFIG REWRITE
			c.Must("CONFIG", "REWRITE")
			if how == "SIGTERM" {
				if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			} else {
				c.Send("SHUTDOWN", "NOSAVE")
				c.Flush()
			}
			pipe, err := os.OpenFile(users, os.O_WRONLY, 0) // when the server has opened it, too
			if err != nil {
				t.Fatal(err)
			}
			pipe.Close()
			if v, err := saves.TryReceive(); err != nil || v.Str != "OK" {
				t.Errorf("ACL SAVE: %s, %v", v, err)
			}
			if code := p.WaitExit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if b, err := os.ReadFile(users); err != nil || !strings.Contains(string(b), "user worker on") {
				t.Errorf("the file: %q, %v", b, err)
			}
			if b, err := os.ReadFile(conf); err != nil || !strings.Contains(string(b), "maxmemory 7mb") {
				t.Errorf("the configuration: %q, %v", b, err)
			}
		})
	}
}
