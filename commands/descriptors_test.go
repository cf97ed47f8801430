package commands_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"redix/commands/servertest"
)

// leftOpen are descriptors that the program inherits from who starts it.
const leftOpen = 7

// withFiles runs the program under a limit of open files. It inherits leftOpen of them, and none that this process did.
func withFiles(t *testing.T, dir string, files int, args ...string) *child {
	t.Helper()
	binary := servertest.Binary(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	limited := append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, files), binary}, args...)
	for fd := 3; fd < 1024; fd++ {
		syscall.CloseOnExec(fd)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", limited...)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	cmd.ExtraFiles = slices.Repeat([]*os.File{null}, leftOpen)
	return startCommand(t, cmd, dir, nil)
}

// TestMaxClientsAndOpenFiles: more clients than the limit of open files has room for are refused by name, as many as
// CONFIG GET maxclients shows are served, and CONFIG SET does not promise more.
func TestMaxClientsAndOpenFiles(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		dir := t.TempDir()
		withFiles(t, dir, 80, "--io-reactor", reactor, "--port", unusedPort(t), "--unixsocket", "s", "--appendonly", "yes")
		addr := filepath.Join(dir, "s")
		first := dialWhenUp(t, addr)
		places, _ := strconv.Atoi(first.Must("CONFIG", "GET", "maxclients").Elems[1].Str)
		if places < 10 || places > 40 {
			t.Fatalf("%s: maxclients is %d with 80 open files", reactor, places)
		}
		want := fmt.Sprintf("ERR CONFIG SET failed (possibly related to argument 'maxclients') - "+
			"The operating system is not able to handle the specified number of clients, try with %d", places)
		if got := first.Do("CONFIG", "SET", "maxclients", "1000").Err(); got != want {
			t.Errorf("%s: %q, want %q", reactor, got, want)
		}
		eventually(t, "the first of the probes is gone", func() bool { return first.Info("clients")["connected_clients"] == "1" })
		for i := 2; i <= places; i++ {
			c, err := servertest.TryDial(t, addr)
			if err != nil {
				t.Fatal(err)
			}
			c.Must("PING")
		}
		for range 100 {
			c, err := servertest.TryDial(t, addr)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := c.TryReceive(); err != nil || v.Err() != "ERR max number of clients reached" {
				t.Errorf("%s: one too many gets %s, %v", reactor, v, err)
			}
			c.Close()
		}
		first.Must("SET", "k", "v")
	}
}

// TestTooFewOpenFiles: a server that could serve nobody does not start.
func TestTooFewOpenFiles(t *testing.T) {
	c := withFiles(t, t.TempDir(), 30, "--port", unusedPort(t))
	if code := c.code(); code != 1 || strings.Count(c.stderr.String(), "\n") != 1 || !strings.Contains(c.stderr.String(), "ulimit -n") {
		t.Errorf("exit code %d, %q", code, c.stderr.String())
	}
}
