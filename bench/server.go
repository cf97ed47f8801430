//go:build linux

// Servers under test: started fresh for every run, on a free port, in a directory of their own, on their own CPU.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// candidate is a server program to measure.
type candidate struct {
	name string
	// command is the program and its arguments. Where no argument holds {port}, the flags of redis-server follow;
	// else {port} and {dir} are filled in and only a scenario's own flags follow.
	command []string
	// version is the program's own answer to --version, filled in once at start.
	version string
}

// parseOther reads the value of -other: name=command with arguments split at blanks.
func parseOther(text string) (candidate, error) {
	name, command, ok := strings.Cut(text, "=")
	fields := strings.Fields(command)
	if !ok || name == "" || len(fields) == 0 {
		return candidate{}, fmt.Errorf("-other %q: want name=command", text)
	}
	return candidate{name: name, command: fields}, nil
}

// arguments returns the full command line.
func (c candidate) arguments(port int, dir string, flags []string) []string {
	fill := strings.NewReplacer("{port}", strconv.Itoa(port), "{dir}", dir)
	var args []string
	templated := false
	for _, a := range c.command {
		templated = templated || strings.Contains(a, "{port}")
		args = append(args, fill.Replace(a))
	}
	if !templated {
		args = append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "")
	}
	return append(args, flags...)
}

// ask fills in the version.
func (c *candidate) ask() {
	out, err := exec.Command(c.command[0], "--version").Output()
	c.version = "version unknown"
	if err == nil {
		c.version = strings.TrimSpace(string(out))
	}
}

// server is a running candidate.
type server struct {
	name    string
	pid     int
	port    int
	dir     string
	cmd     *exec.Cmd
	exited  chan struct{}
	control *control
}

// startLimit is how long a server may take until it answers PING.
const startLimit = 20 * time.Second

// start runs a candidate under parent and waits until it answers.
func start(ctx context.Context, c candidate, cpu int, parent string, flags []string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, c.name+"-")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer log.Close()
	args := c.arguments(port, dir, flags)
	s := &server{name: c.name, port: port, dir: dir, cmd: exec.Command(args[0], args[1:]...), exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = log, log, dir
	// An interrupt at the terminal is for this program alone; if it is killed itself, its servers go with it. The kernel's scheduler may
	// take a session for a group of its own, which favour needs.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if cpu < 0 {
		err = s.cmd.Start()
	} else {
		err = onCPU(cpu, s.cmd.Start)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", c.name, err), os.RemoveAll(dir))
	}
	s.pid = s.cmd.Process.Pid
	go func() {
		_ = s.cmd.Wait() // how it ended is of no interest once stop has asked for it
		close(s.exited)
	}()
	if err := s.awaitReady(ctx); err != nil {
		err = fmt.Errorf("%s: %w; its log ends: %s", c.name, err, s.logTail())
		s.stop()
		return nil, err
	}
	return s, nil
}

// awaitReady connects and asks PING until the answer is PONG.
func (s *server) awaitReady(ctx context.Context) error { return s.awaitReadyFor(ctx, startLimit) }

func (s *server) awaitReadyFor(ctx context.Context, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		if s.control == nil {
			s.control, _ = dialControl(s.port) // refused until it listens
		}
		if s.control != nil {
			if pong, err := s.control.do("PING"); err == nil && pong == "PONG" {
				return nil
			}
		}
		select {
		case <-s.exited:
			return errors.New("exited at start")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no PONG after %v", limit)
		}
	}
}

// logTail returns the last bytes of what the server printed, on one line.
func (s *server) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(string(b[max(0, len(b)-400):])), " ")
}

// stop ends the server by its pid and removes its directory. It may be called once.
func (s *server) stop() {
	if s.control != nil {
		s.control.close()
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // already gone is as good
	select {
	case <-s.exited:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// freePort asks the kernel for one. Nothing else is likely to take it in the moment before the server does.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// lookProgram returns the absolute path of a program given by name or by path.
func lookProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return filepath.Abs(path)
}

// forgetRounds sets the counters of INFO back, the longest round among them.
func (s *server) forgetRounds() error {
	_, err := s.control.do("CONFIG", "RESETSTAT")
	return err
}

// longestRound adds what the longest round of the server's loop has been since then, by its own clock, and the most that a slice
// of fan-out took of the processor, where it tells.
func (s *server) longestRound(r result) error {
	for _, metric := range []string{metricRound, metricFanout} {
		us, ok, err := s.control.infoNumber("stats", metric)
		if err != nil {
			return err
		}
		if ok && us > 0 { // no fan-out, no figure
			r[metric] = us
		}
	}
	return nil
}
