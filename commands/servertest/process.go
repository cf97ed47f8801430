package servertest

// Servers in a process of their own: redix built from this tree, and a real redis-server to compare with.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"redix/engine/peer"
)

// Process is a server in a child process.
type Process struct {
	Addr string // "127.0.0.1:port"
	Dir  string // its directory
	PID  int

	t    testing.TB
	cmd  *exec.Cmd
	log  lockedBuffer
	once sync.Once
	done chan struct{}
	exit error // valid once done is closed
}

var build struct {
	once sync.Once
	path string
	err  error
}

// Binary builds redix, once for all tests of a process, and returns the path of the program.
func Binary(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		dir, err := os.MkdirTemp("", "redix-test-")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "redix")
		args := []string{"build", "-o", build.path}
		if CoverDir() != "" {
			args = append(args, "-cover", "-coverpkg=redix/...")
		}
		if UnderRace {
			args = append(args, "-race")
			_ = os.Setenv("GORACE", "log_path="+filepath.Join(dir, raceReport)) // for the processes; this one has read it already
		}
		out, err := exec.Command("go", append(args, "redix")...).CombinedOutput()
		if err != nil {
			build.err = fmt.Errorf("building redix: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// CoverDir is where the processes write down which of their lines have run, as `make cover` wants it, when they end in good
// order; empty: nowhere. `go test -cover` gives GOCOVERDIR a value of its own, and redix takes names with REDIX_ for directives.
func CoverDir() string { return os.Getenv("TEST_COVERDIR") }

// raceReport begins the names of the files in which processes under the race detector tell what it found.
const raceReport = "race"

// Main runs the tests of a package whose tests use Binary; for TestMain. A race in any of the processes fails them.
func Main(m *testing.M) {
	code := m.Run()
	if build.path != "" {
		dir := filepath.Dir(build.path)
		reports, _ := filepath.Glob(filepath.Join(dir, raceReport+".*"))
		for _, name := range reports {
			text, _ := os.ReadFile(name)
			fmt.Printf("in a server that a test ran as a process:\n%s\n", text)
			code = 1
		}
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// StartProcess runs redix with flags on a free port of 127.0.0.1 until the test ends. Unless a flag says otherwise its
// directory is one of the test's. It has loaded its data when StartProcess returns.
func StartProcess(t testing.TB, flags ...string) *Process {
	t.Helper()
	return startProcess(t, Binary(t), append([]string{"--enable-debug-command", "yes", "--save", "", "--loglevel", "debug"}, flags...))
}

// StartConfigured is StartProcess with a configuration file.
func StartConfigured(t testing.TB, file string, flags ...string) *Process {
	t.Helper()
	return startProcess(t, Binary(t), append([]string{file}, flags...))
}

// StartRedis runs a real redis-server, or the one that REDIX_PEER names (see package peer), without persistence unless flags
// say otherwise, until the test ends. Without one on the machine the test is skipped, and says so.
func StartRedis(t testing.TB, flags ...string) *Process {
	t.Helper()
	return startProcess(t, peer.Server(t), append([]string{"--enable-debug-command", "yes", "--save", ""}, flags...))
}

// attempts are how often another free port is tried: between the search and the start someone else may take it.
const attempts = 5

func startProcess(t testing.TB, binary string, flags []string) *Process {
	t.Helper()
	file := []string(nil)
	if !strings.HasPrefix(flags[0], "--") {
		file, flags = flags[:1], flags[1:]
	}
	flags = slices.Concat(file, []string{"--bind", "127.0.0.1"}, flags)
	dir := ""
	for i, f := range flags {
		if f == "--dir" && i+1 < len(flags) {
			dir = flags[i+1]
		}
	}
	if dir == "" {
		dir = t.TempDir()
		flags = append(flags, "--dir", dir)
	}
	for range attempts {
		p, err := tryStart(t, binary, dir, flags)
		if err == nil {
			return p
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
	}
	t.Fatalf("no free port for %s in %d attempts", binary, attempts)
	return nil
}

func tryStart(t testing.TB, binary, dir string, flags []string) (*Process, error) {
	port := freePort(t)
	p := &Process{t: t, Dir: dir, Addr: "127.0.0.1:" + port, done: make(chan struct{})}
	p.cmd = exec.Command(binary, lastOfEach(append(flags, "--port", port))...)
	p.cmd.Dir = dir
	p.cmd.Env = append(withoutSettings(os.Environ()), "GOCOVERDIR="+CoverDir())
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.PID = p.cmd.Process.Pid
	go func() {
		p.exit = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		select {
		case <-p.done: // whether it was killed by the test or fell over, what it said may explain a failure
			if t.Failed() {
				t.Logf("log of %s:\n%s", filepath.Base(binary), p.log.tail())
			}
		default:
			if CoverDir() != "" {
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
				select {
				case <-p.done:
				case <-time.After(time.Second):
				}
			}
			p.Kill()
		}
	})
	return p, p.waitReady()
}

// withoutSettings drops the variables that redix reads as directives.
func withoutSettings(environ []string) []string {
	var out []string
	for _, e := range environ {
		if !strings.HasPrefix(e, "REDIX_") {
			out = append(out, e)
		}
	}
	return out
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// waitReady returns when the server answers and has loaded its data. A server that asks for a password is ready.
func (p *Process) waitReady() error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		select {
		case <-p.done:
			return fmt.Errorf("the server ended: %v\n%s", p.exit, p.log.tail())
		default:
		}
		conn, err := TryDial(p.t, p.Addr)
		if err != nil {
			continue
		}
		v, err := conn.TryDo("PING")
		conn.Close()
		if err == nil && (v.Str == "PONG" || strings.HasPrefix(v.Err(), "NOAUTH")) {
			return nil
		}
	}
	return fmt.Errorf("the server is not ready after %v\n%s", patience, p.log.tail())
}

// Dial connects to the server.
func (p *Process) Dial() *Conn {
	p.t.Helper()
	return Dial(p.t, p.Addr)
}

// Kill ends the process at once, as kill -9 does, and waits for its end.
func (p *Process) Kill() {
	p.once.Do(func() { _ = p.cmd.Process.Kill() })
	<-p.done
}

// Terminate asks the process to end in good order and returns its exit code.
func (p *Process) Terminate() int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.WaitExit()
}

// WaitExit waits for the process to end by itself and returns its exit code.
func (p *Process) WaitExit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
	}
	var ee *exec.ExitError
	if p.exit != nil && !errors.As(p.exit, &ee) {
		p.t.Fatal(p.exit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Log returns the end of what the process has printed.
func (p *Process) Log() string { return p.log.tail() }
