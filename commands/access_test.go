package commands_test

// Ways to keep commands from clients without users: new names, guards; and what a stranger may not make the server hold.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

const notAllowed = `ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a ` +
	"local connection, otherwise you need to set this option in the configuration file, and then restart the server."

func TestRenamedCommands(t *testing.T) {
	const long = "b840fc02d524045429941cc15f59e41cb7be6c52"
	dir := t.TempDir()
	conf := filepath.Join(dir, "r.conf")
	lines := "rename-command SET put\nrename-command get " + long + "\nrename-command FLUSHALL \"\"\nrename-command config Settings\nrename-command DEL get\n"
	if err := os.WriteFile(conf, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	p := servertest.StartConfigured(t, conf, "--dir", dir, "--appendonly", "yes", "--appendfsync", "always")
	c := p.Dial()
	refuses(t, c, "ERR unknown command 'SET', with args beginning with: 'k' 'v' ", "SET", "k", "v")
	refuses(t, c, "ERR unknown command 'FLUSHALL', with args beginning with: ", "FLUSHALL")
	c.Must("PUT", "k", "v")
	c.Must("PUT", "gone", "v")
	if v := c.Must(strings.ToUpper(long), "k"); v.Str != "v" {
		t.Errorf("GET by its new name: %s", v)
	}
	if v := c.Must("GET", "gone"); v.Int != 1 {
		t.Errorf("DEL by the old name of GET: %s", v)
	}
	c.Must("SETTINGS", "get", "port")
	c.Must("MULTI")
	c.Must("put", "m", "1")
	c.Must("INCR", "m")
	c.Must("EXEC")
	if v := c.Must("COMMAND", "INFO", "set", "put", "flushall"); !v.Elems[0].Null() || v.Elems[1].Elems[0].Str != "set" || !v.Elems[2].Null() {
		t.Errorf("COMMAND INFO: %s", v)
	}
	// users are about the commands, whatever they are called
	c.Must("ACL", "SETUSER", "u", "on", "nopass", "~*", "+get")
	u := p.Dial()
	u.Must("AUTH", "u", "x")
	u.Must(long, "k")
	refuses(t, u, noCommand("u", "del"), "GET", "k")
	p.Kill()
	// the journal keeps to the commands' own names: it is loaded by a server that has renamed nothing
	c = servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes").Dial()
	if v := c.Must("MGET", "k", "gone", "m"); v.Elems[0].Str != "v" || !v.Elems[1].Null() || v.Elems[2].Str != "2" {
		t.Errorf("loaded %s", v)
	}
}

func TestWrongAccessSettings(t *testing.T) {
	file := func(lines string) string {
		path := filepath.Join(t.TempDir(), "r.conf")
		if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	acl := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(acl, []byte("user u on >secret nosuch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lines string
		want  []string
	}{
		{"hz 10\nrename-command nosuch x\n", []string{"r.conf:2: rename-command:", "no command 'nosuch'"}},
		{"rename-command get set\n", []string{"r.conf:1: rename-command:", "'set' already"}},
		{"rename-command get\n", []string{"r.conf:1: rename-command:", "expected a command and its new name"}},
		{"user u on +nosuch\n", []string{"r.conf:1: user u:", "'+nosuch': Unknown command"}},
		{"user u on\nuser v on\nuser u off\n", []string{"r.conf:3: user u:", "Duplicate user found"}},
		{"user u #secret\n", []string{"r.conf:1: user u:", "must be exactly 64 characters"}},
		{"user u (+get\n", []string{"r.conf:1: user u:", "Unmatched parenthesis"}},
		{"user \"a b\" on\n", []string{"r.conf:1: user a b:", "spaces are not allowed"}},
		{"user u on\naclfile " + acl + "\n", []string{"r.conf:1: user:", "not both"}},
		{"aclfile " + acl + "\n", []string{"aclfile: ", "users.acl:1: Syntax error"}},
		{"aclfile no/where\n", []string{"aclfile: ", "opening file 'no/where': No such file or directory"}},
	} {
		e := runToEnd(t, t.TempDir(), nil, file(c.lines), "--port", "0", "--unixsocket", "s")
		e.refused(t, c.want...)
		if strings.Contains(e.stderr+e.stdout, "secret") {
			t.Errorf("%q: a password was shown: %s", c.lines, e.stderr)
		}
	}
}

// Guards come before the login, as in redis-server.
func TestGuards(t *testing.T) {
	for access, want := range map[string][2]string{"no": {notAllowed, notAllowed}, "yes": {"", ""}, "local": {"", notAllowed}} {
		s := servertest.Start(t, servertest.Reactors[0], "--enable-debug-command", access, "--bind", "0.0.0.0", "--protected-mode", "no")
		for i, host := range []string{"127.0.0.1", ""} {
			if host == "" {
				host = outside(t)
			}
			c := servertest.Dial(t, host+s.Addr[strings.LastIndexByte(s.Addr, ':'):])
			if v := c.Do("DEBUG", "HELP"); v.Err() != want[i] {
				t.Errorf("enable-debug-command %s, from %s: %s, want %q", access, host, v, want[i])
			}
		}
	}
	c := servertest.Start(t, servertest.Reactors[0], "--enable-debug-command", "no", "--requirepass", "x").Dial()
	refuses(t, c, notAllowed, "DEBUG", "HELP")
	refuses(t, c, "NOAUTH Authentication required.", "PING")
}

// A stranger who does not read makes the server hold a megabyte or so and no more, even where clients have no limit.
func TestOutputBeforeLogin(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		admin := s.Dial()
		admin.Must("AUTH", "x")
		c := s.Dial()
		in := []byte(strings.Repeat("*1\r\n$4\r\nPING\r\n", 4096))
		sent := 0
		_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
		for ; sent < 256<<20; sent += len(in) {
			if _, err := c.Write(in); err != nil {
				break
			}
		}
		if sent >= 256<<20 {
			t.Error("no end to what a stranger may send")
		}
		eventually(t, "the stranger is gone", func() bool { return admin.Info("clients")["connected_clients"] == "1" })
		stats := admin.Info("stats")
		// whichever of the two fills first: what he has sent waits while he does not read
		if stats["client_output_buffer_limit_disconnections"]+stats["client_query_buffer_limit_disconnections"] == "00" {
			t.Errorf("closed by another limit: %v", stats)
		}
	}, "--requirepass", "x", "--client-output-buffer-limit", "normal", "0", "0", "0")
}
