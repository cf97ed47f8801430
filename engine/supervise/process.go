package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
)

// readyFD names the descriptor on which a process in the background tells that it is ready.
const readyFD = "_REDIX_READY_FD"

// Detach starts this program once more, in a session of its own, and waits until it is ready or has ended. detached is
// false in the process that goes on. code is the exit code for the one that has started it.
func Detach() (detached bool, code int, err error) {
	if os.Getenv(readyFD) != "" {
		return false, 0, nil
	}
	self, err := os.Executable()
	if err != nil {
		return true, 1, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return true, 1, err
	}
	c := exec.Command(self, os.Args[1:]...)
	c.Env = append(os.Environ(), readyFD+"=3")
	c.Stdout, c.Stderr, c.ExtraFiles = os.Stdout, os.Stderr, []*os.File{out}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return true, 1, err
	}
	out.Close()
	if n, _ := in.Read(make([]byte, 1)); n == 1 {
		return true, 0, nil
	}
	err = c.Wait()
	var failed *exec.ExitError
	if errors.As(err, &failed) { // it has said why
		return true, failed.ExitCode(), nil
	}
	return true, 1, err
}

// Detached tells the one who waits in Detach that the server is ready, and lets go of the terminal. In a process that was
// not started so it does nothing.
func Detached() error {
	fd, err := strconv.Atoi(os.Getenv(readyFD))
	if err != nil {
		return nil
	}
	os.Unsetenv(readyFD)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for std := range 3 {
		if err := dup(int(null.Fd()), std); err != nil {
			return err
		}
	}
	ready := os.NewFile(uintptr(fd), "ready")
	defer ready.Close()
	_, err = ready.Write([]byte{1})
	return err
}

// PidFile writes the process's number to a file and returns what removes it.
func PidFile(path string) (remove func(), err error) {
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return func() {}, fmt.Errorf("pidfile: %w", err)
	}
	return func() { os.Remove(path) }, nil
}

// LogFile is a log that can be moved away while it is written to.
type LogFile struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// OpenLog opens a file to append to.
func OpenLog(path string) (*LogFile, error) {
	l := &LogFile{path: path}
	return l, l.Reopen()
}

// Reopen goes on in the file that has the name now, which it makes if there is none. On an error the old one stays.
func (l *LogFile) Reopen() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("logfile: %w", err)
	}
	l.mu.Lock()
	old := l.f
	l.f = f
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return nil
}

// Write implements io.Writer.
func (l *LogFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(b)
}
