package commands_test

// The program as its users start and stop it: what it refuses, where its settings come from, how it ends.

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"redix/commands/servertest"
)

// environment is never empty: exec takes that for the test's own, which may have settings.
// GOCOVERDIR is for the lines that have run (make cover), GORACE for the races that are found (make race).
func environment(env []string) []string {
	return append([]string{"LANG=C", "GOCOVERDIR=" + servertest.CoverDir(), "GORACE=" + os.Getenv("GORACE")}, env...)
}

// ended is a run of the program that came to its end by itself.
type ended struct {
	code           int
	stdout, stderr string
}

// runToEnd starts the program in dir with these variables and arguments only.
func runToEnd(t *testing.T, dir string, env []string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, servertest.Binary(t), args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, environment(env), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%q %q does not end:\n%s%s", env, args, stdout.String(), stderr.String())
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// refused checks the end of a program that could not start: exit code 1 and one line of stderr with all these parts.
func (e ended) refused(t *testing.T, parts ...string) {
	t.Helper()
	if e.code != 1 || strings.Count(e.stderr, "\n") != 1 || !strings.HasSuffix(e.stderr, "\n") {
		t.Errorf("exit code %d, stderr %q; want 1 and one line with %q", e.code, e.stderr, parts)
	}
	for _, part := range parts {
		if !strings.Contains(e.stderr, part) {
			t.Errorf("stderr %q does not contain %q", e.stderr, part)
		}
	}
}

// A wrong setting is found before anything is bound or written: each run here also asks for a port that is taken and for
// a socket and a journal that must not appear.
func TestWrongSettings(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, c := range []struct {
		file string
		env  string
		args string
		want []string
	}{
		{file: "maxclients 5\n\nbnid 1\n", want: []string{"r.conf:3:", "bnid", "expected"}},
		{file: "hz 10\nmaxclients many", want: []string{"r.conf:2:", "maxclients", "expected an integer"}},
		{file: "save 1", want: []string{"r.conf:1:", "save"}},
		{file: "requirepass \"x", want: []string{"r.conf:1:", "expected a closing quote"}},
		{env: "REDIX_MAXCLIENTS=0", want: []string{"REDIX_MAXCLIENTS:", "expected an integer"}},
		{env: "REDIX_PROT=1", want: []string{"REDIX_PROT:", "expected"}},
		{env: "REDIX_LOG_LEVEL=loud", want: []string{"REDIX_LOG_LEVEL:", "expected DEBUG, INFO, WARN or ERROR"}},
		{env: "REDIX_CONNECTION_IDLE_TIMEOUT=90", want: []string{"REDIX_CONNECTION_IDLE_TIMEOUT:", "expected a duration"}},
		{args: "--bnid 1", want: []string{"--bnid:", "expected"}},
		{args: "--appendfsync sometimes", want: []string{"--appendfsync:", "expected one of"}},
		{args: "--io-reactor uring", want: []string{"--io-reactor:", "expected one of auto, epoll, evio"}},
		{args: "--dir nowhere", want: []string{"--dir:", "expected an existing directory"}},
		{args: "--databases", want: []string{"--databases:", "expected an integer"}},
	} {
		dir := t.TempDir()
		var env []string
		if c.env != "" {
			env = []string{c.env}
		}
		if err := os.WriteFile(filepath.Join(dir, "r.conf"), []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"r.conf", "--port", port, "--bind", "127.0.0.1", "--unixsocket", "s", "--appendonly", "yes"},
			strings.Fields(c.args)...)
		e := runToEnd(t, dir, env, args...)
		e.refused(t, c.want...)
		if names, _ := os.ReadDir(dir); len(names) != 1 || e.stdout != "" {
			t.Errorf("%+v left %v and said %q", c, names, e.stdout)
		}
	}
}

func TestCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, reactor := range servertest.Reactors {
		dir := t.TempDir()
		base := []string{"--io-reactor", reactor, "--appendonly", "yes", "--bind", "127.0.0.1", "--port"}
		runToEnd(t, dir, nil, append(base, port)...).refused(t, "127.0.0.1:"+port, "address already in use")
		runToEnd(t, dir, nil, append(base, port, "--unixsocket", "s")...).refused(t, "127.0.0.1:"+port)
		runToEnd(t, dir, nil, append(base, "0", "--unixsocket", dir)...).refused(t, dir, "no socket")
		runToEnd(t, dir, nil, append(base, "0")...).refused(t, "port", "unixsocket")
		if names, _ := os.ReadDir(dir); len(names) != 0 {
			t.Errorf("left behind: %v", names)
		}
	}
	runToEnd(t, t.TempDir(), nil, "--port", "0", "--unixsocket", "s", "--logfile", "no/where").refused(t, "logfile", "no/where")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte("REDIS0011broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	runToEnd(t, dir, nil, "--port", "0", "--unixsocket", "s", "--dir", dir, "--logfile", "log").refused(t, "dump.rdb")
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || !strings.Contains(string(log), `msg="the server ends"`) || !strings.Contains(string(log), "dump.rdb") {
		t.Errorf("logfile: %v, %q", err, log)
	}
}

// child is the program with an environment and arguments of the test's choice.
type child struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer // to be read after Wait
}

// start runs the program until the test ends.
func start(t *testing.T, dir string, env []string, args ...string) *child {
	t.Helper()
	return startCommand(t, exec.Command(servertest.Binary(t), args...), dir, env)
}

// startCommand is start of a command that becomes the program.
func startCommand(t *testing.T, cmd *exec.Cmd, dir string, env []string) *child {
	t.Helper()
	c := &child{Cmd: cmd}
	c.Dir, c.Env, c.Cmd.Stdout, c.Cmd.Stderr = dir, environment(env), &c.stdout, &c.stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("output of the server:\n%.4000s%s", c.stdout.String(), c.stderr.String())
		}
	})
	return c
}

// code waits for the end of the program.
func (c *child) code() int {
	_ = c.Wait()
	return c.ProcessState.ExitCode()
}

// dialWhenUp connects as soon as somebody listens.
func dialWhenUp(t *testing.T, addr string) (conn *servertest.Conn) {
	t.Helper()
	eventually(t, "somebody listens on "+addr, func() bool {
		var err error
		conn, err = servertest.TryDial(t, addr)
		return err == nil
	})
	return conn
}

// unusedPort returns a port that nobody listened on a moment ago.
func unusedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestSettingsFromEverywhere has each directive in one place more than the one before; the strongest counts.
func TestSettingsFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	file := "port 1\ntimeout 11\nhz 11\nmaxclients 11\nloglevel warning\nbind 127.0.0.1\n"
	if err := os.WriteFile(filepath.Join(dir, "r.conf"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	port := unusedPort(t)
	c := start(t, dir, []string{"REDIX_PORT=" + port, "REDIX_CONNECTION_IDLE_TIMEOUT=1m30s", "REDIX_LOG_LEVEL=DEBUG", "REDIX_HZ=22",
		"REDIX_APPENDFSYNC=always"}, "r.conf", "--hz", "33", "--logfile", "log.txt", "--io-reactor", "evio")
	conn := dialWhenUp(t, "127.0.0.1:"+port)
	for name, want := range map[string]string{"port": port, "timeout": "90", "loglevel": "debug", "hz": "33", "maxclients": "11",
		"appendfsync": "always", "databases": "16", "io-reactor": "evio"} {
		if got := conn.Must("CONFIG", "GET", name).Strings(); len(got) != 2 || got[1] != want {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
	if name := conn.Info("server")["multiplexing_api"]; name != "evio" {
		t.Errorf("multiplexing_api:%s", name)
	}
	conn.Must("SET", "k", "v")
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	log, err := os.ReadFile(filepath.Join(dir, "log.txt"))
	if err != nil || !bytes.Contains(log, []byte("Ready to accept")) || !bytes.Contains(log, []byte("stopped")) {
		t.Errorf("logfile: %v, %q", err, log)
	}
	if c.stdout.Len() > 0 || c.stderr.Len() > 0 {
		t.Errorf("with a logfile it prints %q %q", c.stdout.String(), c.stderr.String())
	}
}

// A relative logfile is inside dir, as the other files are, and LOG_LEVEL=ERROR keeps quiet.
func TestRelativePathsAndQuietLog(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir, []string{"REDIX_LOG_LEVEL=ERROR"}, "--dir", "data", "--port", "0", "--unixsocket", "s", "--logfile", "log")
	conn := dialWhenUp(t, filepath.Join(dir, "data", "s"))
	conn.Must("PING")
	_ = c.Process.Signal(syscall.SIGTERM)
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "data", "log")); err != nil || len(log) != 0 {
		t.Errorf("logfile: %v, %q", err, log)
	}
}

// A signal in the middle of the work ends it in good order: everything acknowledged is there after the next start.
func TestSignalsUnderLoad(t *testing.T) {
	for i, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) {
			c := newCrash(t, policy)
			for j, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
				p := servertest.StartProcess(t, "--appendonly", "yes", "--appendfsync", policy, "--dir", c.dir,
					"--io-reactor", servertest.Reactors[(i+j)%len(servertest.Reactors)])
				c.check(p)
				c.loadUntil(p, func() {
					if err := syscall.Kill(p.PID, sig); err != nil {
						t.Error(err)
					}
					if code := p.WaitExit(); code != 0 {
						t.Errorf("%v: exit code %d", sig, code)
					}
				})
			}
			c.check(servertest.StartProcess(t, "--appendonly", "yes", "--dir", c.dir))
		})
	}
}

// A shutdown that hangs - here the loop is asleep - ends with the second signal.
func TestSecondSignal(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		p := servertest.StartProcess(t, "--io-reactor", reactor)
		conn, other := p.Dial(), p.Dial()
		id := other.Must("CLIENT", "ID").String()
		conn.Send("DEBUG", "SLEEP", "600")
		conn.Flush()
		eventually(t, "the loop sleeps", func() bool { return asleep(other) })
		begun := time.Now()
		_ = syscall.Kill(p.PID, syscall.SIGTERM)
		eventually(t, "the first signal is taken", func() bool { return strings.Contains(p.Log(), "msg=stopping") })
		_ = syscall.Kill(p.PID, syscall.SIGINT)
		if code := p.WaitExit(); code != 1 {
			t.Errorf("client %s: exit code %d after two signals", id, code)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

// asleep reports whether the server leaves a PING without a reply for a while.
func asleep(c *servertest.Conn) bool {
	c.Send("PING")
	c.Flush()
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	_, err := servertest.Read(c.In)
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// A storm of connections over maxclients: as many as there are places are served, each other is told why not, and the
// places are free again afterwards.
func TestMaxClientsInAStorm(t *testing.T) {
	const places, storm = 40, 400
	for _, reactor := range servertest.Reactors {
		p := servertest.StartProcess(t, "--io-reactor", reactor, "--maxclients", strconv.Itoa(places))
		eventually(t, "the first client is gone", func() bool {
			c := p.Dial()
			defer c.Close()
			return c.Info("clients")["connected_clients"] == "1"
		})
		for round := range 3 {
			conns := make([]*servertest.Conn, storm)
			for i := range conns {
				conns[i] = p.Dial()
			}
			served, refused := 0, 0
			for _, c := range conns {
				c.Send("PING")
				_ = c.TryFlush() // a refused client may be closed already
				switch v, err := c.TryReceive(); {
				case err != nil || v.Err() == "ERR max number of clients reached":
					refused++ // the line may be lost with the connection when the client writes
				case v.Str == "PONG":
					served++
				default:
					t.Errorf("%s", v)
				}
			}
			if served < places-1 || served > places || served+refused != storm {
				t.Errorf("%s, round %d: %d served and %d refused of %d with %d places", reactor, round, served, refused, storm, places)
			}
			for _, c := range conns {
				c.Close()
			}
			eventually(t, "all places are free", func() bool {
				c := p.Dial()
				defer c.Close()
				c.Send("INFO", "clients")
				_ = c.TryFlush()
				v, err := c.TryReceive()
				return err == nil && strings.Contains(v.Str, "connected_clients:1\r\n")
			})
		}
	}
}
