package commands_test

// The process beside others: systemd's notifications, daemonize, pidfile, log rotation, --ping.

import (
	"fmt"
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

// The service manager is told READY after the data has been loaded and not before, WATCHDOG while the loop runs, STOPPING.
func TestNotifiesSystemd(t *testing.T) {
	dir := t.TempDir()
	files := filepath.Join(dir, "appendonlydir")
	if err := os.Mkdir(files, 0o755); err != nil {
		t.Fatal(err)
	}
	var journal []byte
	for i := range 1_000_000 {
		journal = servertest.AppendCommand(journal, "SET", fmt.Sprint("key:", i), "value")
	}
	for name, content := range map[string][]byte{"appendonly.aof.1.incr.aof": journal,
		"appendonly.aof.manifest": []byte("file appendonly.aof.1.incr.aof seq 1 type i\n")} {
		if err := os.WriteFile(filepath.Join(files, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	port := unusedPort(t)
	pidfile := filepath.Join(dir, "redix.pid")
	c := start(t, dir, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=600000"}, "--port", port, "--appendonly", "yes", "--supervised", "auto",
		"--pidfile", pidfile, "--save", "")
	message := func(prefix string) string {
		t.Helper()
		b := make([]byte, 1000)
		_ = socket.SetReadDeadline(time.Now().Add(time.Minute))
		for {
			n, err := socket.Read(b)
			if err != nil {
				t.Fatalf("waiting for %s: %v", prefix, err)
			}
			if m := string(b[:n]); strings.HasPrefix(m, prefix) || prefix == "" {
				return m
			}
		}
	}
	first := message("")
	for ; strings.HasPrefix(first, "WATCHDOG"); first = message("") {
	}
	if !strings.HasPrefix(first, "STATUS=Loading: ") && !strings.HasPrefix(first, "READY=1") {
		t.Errorf("first %q", first)
	}
	if !strings.HasPrefix(first, "READY=1") {
		message("READY=1")
	}
	conn := dialWhenUp(t, "127.0.0.1:"+port)
	if n := conn.Must("DBSIZE").Int; n != 1_000_000 {
		t.Errorf("ready with %d keys", n)
	}
	if s := conn.Info("server")["process_supervised"]; s != "systemd" {
		t.Errorf("process_supervised:%s", s)
	}
	message("WATCHDOG=1")
	message("WATCHDOG=1")
	if b, err := os.ReadFile(pidfile); err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(c.Process.Pid) {
		t.Errorf("pidfile: %q, %v", b, err)
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	message("STOPPING=1")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(pidfile); !os.IsNotExist(err) {
		t.Errorf("the pid file is left: %v", err)
	}
}

// A log that has been moved away goes on in a new file after SIGHUP, without a line lost.
func TestLogRotation(t *testing.T) {
	dir := t.TempDir()
	port := unusedPort(t)
	c := start(t, dir, nil, "--port", port, "--logfile", "log", "--save", "")
	conn := dialWhenUp(t, "127.0.0.1:"+port)
	conn.Must("PING") // the loop runs, so signals are watched, too: the port is open a little earlier
	log := filepath.Join(dir, "log")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a new file", func() bool { _, err := os.Stat(log); return err == nil })
	conn.Must("PING")
	_ = c.Process.Signal(syscall.SIGTERM)
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	before, _ := os.ReadFile(log + ".1")
	after, _ := os.ReadFile(log)
	if !strings.Contains(string(before), "Ready to accept") || !strings.Contains(string(after), "msg=stopped") {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
}

// daemonize returns when the server listens, leaves the terminal, and tells why it could not start.
func TestDaemonize(t *testing.T) {
	dir := t.TempDir()
	port := unusedPort(t)
	pidfile := filepath.Join(dir, "pid")
	flags := []string{"--daemonize", "yes", "--dir", dir, "--port", port, "--bind", "127.0.0.1", "--pidfile", pidfile, "--logfile", "log", "--save", ""}
	out, err := exec.Command(servertest.Binary(t), flags...).CombinedOutput() // returns when the last writer lets go of the pipe
	if err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(pidfile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	conn := servertest.Dial(t, "127.0.0.1:"+port)
	if got := conn.Info("server")["process_id"]; got != strconv.Itoa(pid) {
		t.Errorf("process_id %s, pid file %d", got, pid)
	}
	if out, err := exec.Command(servertest.Binary(t), "--ping", "--port", port).CombinedOutput(); err != nil {
		t.Errorf("--ping: %v: %s", err, out)
	}
	out, err = exec.Command(servertest.Binary(t), flags...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("a second one: %v: %s", err, out)
	}
	conn.Send("SHUTDOWN")
	conn.Flush()
	eventually(t, "it is gone", func() bool { _, err := os.Stat(pidfile); return os.IsNotExist(err) })
	if out, err := exec.Command(servertest.Binary(t), "--ping", "--port", port).CombinedOutput(); err == nil {
		t.Errorf("--ping of nobody: %s", out)
	}
}

// --ping finds servers with a password, on a unix socket, and through TLS.
func TestPingFlag(t *testing.T) {
	f := newTLSFiles(t)
	for _, flags := range [][]string{
		{"--requirepass", "secret", "--port", unusedPort(t)}, {"--port", "0", "--unixsocket", "s"},
		append(f.flags("--tls-auth-clients", "no", "--port", "0")[2:], "--tls-port", unusedPort(t)), {"--bind", "*", "--protected-mode", "no", "--port", unusedPort(t)},
	} {
		dir := t.TempDir()
		all := append([]string{"--dir", dir, "--save", ""}, flags...)
		start(t, dir, nil, all...)
		eventually(t, "--ping "+strings.Join(flags, " "), func() bool {
			return exec.Command(servertest.Binary(t), append([]string{"--ping"}, all...)...).Run() == nil
		})
	}
}

// Nobody waits for a log that is not read: the pipe is full, and clients are served.
func TestLogThatNobodyReads(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	defer in.Close()
	port := unusedPort(t)
	cmd := exec.CommandContext(t.Context(), servertest.Binary(t), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(),
		"--enable-debug-command", "local")
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn := dialWhenUp(t, "127.0.0.1:"+port)
	for range 200 {
		conn.Must("DEBUG", "LOG", strings.Repeat("x", 1000)) // a pipe takes 64 KiB
	}
	conn.Must("PING")
	start := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
}
