package commands_test

// redis-cli's modes of its own, against redix: they rest on SCAN, TYPE, MEMORY USAGE, INFO, COMMAND and the exact shapes of
// their replies.

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redix/commands/servertest"
	"redix/engine/peer"
)

// cli returns redis-cli with arguments, connected to s.
func cli(t *testing.T, s *servertest.Server, args ...string) *exec.Cmd {
	t.Helper()
	path := peer.Tool(t, "redis-cli")
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-h", host, "-p", port}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "HOME="+t.TempDir(), "LC_ALL=C")
	return cmd
}

// fillForCLI makes a key of each type; those of a type differ in size.
func fillForCLI(s *servertest.Server) {
	c := s.Dial()
	for i := range 300 {
		c.Must("SET", fmt.Sprintf("k:%03d", i), strings.Repeat("v", i))
	}
	for i := range 40 {
		n := fmt.Sprint(i)
		c.Must("RPUSH", "list", n)
		c.Must("SADD", "set", "m"+n)
		c.Must("ZADD", "zset", n, "m"+n)
		c.Must("HSET", "hash", "f"+n, "v")
		c.Must("XADD", "stream", n+"-1", "f", "v")
	}
	c.Must("HSET", "hash2", "f", "v")
}

// TestCLI runs the modes that end by themselves. Each want is a pattern that the output must match.
func TestCLI(t *testing.T) {
	var pipe strings.Builder
	for i := range 1000 {
		pipe.Write(servertest.AppendCommand(nil, "SET", fmt.Sprint("piped", i), "v"))
	}
	biggest := []string{`Sampled 306 keys in the keyspace!`, `300 strings with 44850 bytes`, `1 lists with 40 items`, `1 sets with 40 members`,
		`2 hashs with 41 fields`, `1 zsets with 40 members`, `1 streams with 40 entries`, `(?m)^Biggest   hash found '"hash"' has 40 fields`,
		`(?m)^Biggest string found '"k:299"' has 299 bytes`, `(?m)^Biggest stream found '"stream"' has 40 entries`}
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		fillForCLI(s)
		for _, test := range []struct {
			args  string
			input string
			want  []string
		}{
			{"--bigkeys", "", biggest},
			{"-3 --bigkeys", "", biggest},
			{"--memkeys", "", []string{`Sampled 306 keys in the keyspace!`, `(?m)^Biggest   zset found '"zset"' has \d{3,} bytes`,
				`(?m)^Biggest string found '"k:299"' has [34]\d\d bytes`, `2 hashs with \d+ bytes`}},
			{"--scan", "", []string{`^(\S+\n){306}$`}},
			{"--scan --pattern k:29?", "", []string{`^(k:29\d\n){10}$`}},
			{"--scan --pattern *s*", "", []string{`^(\S+\n){6}$`}},
			{"--latency -i 0.2", "", []string{`^\d+ \d+ \d+\.\d\d \d+\n$`}},
			{"--pipe", pipe.String(), []string{`errors: 0, replies: 1000`}},
			{"--pipe", pipe.String() + "HGET k:001 f\r\n", []string{`errors: 1, replies: 1001`, `WRONGTYPE`}},
			{"-3 --no-raw HGETALL hash2", "", []string{`^1# "f" => "v"\n$`}},
			{"-3 --no-raw SMEMBERS none", "", []string{`^\(empty set\)\n$`}},
			{"-3 --no-raw ZSCORE zset m3", "", []string{`^\(double\) 3\n$`}},
			{"-2 --no-raw ZSCORE zset m3", "", []string{`^"3"\n$`}},
			{"--no-raw GETDEL list", "", []string{`^\(error\) WRONGTYPE `}},
			{"-r 3 -i 0 INCR n", "", []string{`^1\n2\n3\n$`}},
			{"-n 5 DBSIZE", "", []string{`^0\n$`}},
			{"-x SETRANGE x 0", "from stdin", []string{`^10\n$`}},
			{"--csv LRANGE list 0 1", "", []string{`^"0","1"\n$`}},
		} {
			cmd := cli(t, s, strings.Fields(test.args)...)
			cmd.Stdin = strings.NewReader(test.input)
			out, err := cmd.CombinedOutput()
			if err != nil && test.args != "--pipe" && !strings.Contains(test.args, "GETDEL") { // it tells of error replies by its exit code
				t.Errorf("redis-cli %s: %v", test.args, err)
			}
			for _, want := range test.want {
				if !regexp.MustCompile(want).Match(out) {
					t.Errorf("redis-cli %s: no %q in\n%.3000s", test.args, want, out)
				}
			}
		}
	})
}

// TestCLIStat reads some lines of --stat, which does not end.
func TestCLIStat(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		fillForCLI(s)
		cmd := cli(t, s, "--stat", "-i", "0.02")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed, so it fails
		}()
		row := regexp.MustCompile(`^306\s+[\d.]+[KMG]\s+\d+\s+0\s+\d+ \(\+\d+\)\s+\d+`)
		lines, rows := bufio.NewScanner(out), 0
		for rows < 3 && lines.Scan() {
			if row.MatchString(lines.Text()) {
				rows++
			} else if rows > 0 {
				t.Errorf("line %q", lines.Text())
			}
		}
		if rows < 3 {
			t.Errorf("%d rows of figures", rows)
		}
	})
}

// terminal opens a pseudo terminal, by the ioctls of pty(7), and starts cmd in it.
func terminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 200}); err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, so it fails
	})
	return master
}

// TestCLIInteractive types into redis-cli: it asks for the commands at its start, shows what a command takes while it is
// being typed, and answers.
func TestCLIInteractive(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		tty := terminal(t, cli(t, s))
		screen := make(chan string, 1000)
		go func() {
			buf := make([]byte, 4096)
			for {
				n, err := tty.Read(buf)
				if err != nil {
					close(screen)
					return
				}
				screen <- string(buf[:n])
			}
		}()
		shown := ""
		escapes := regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]|\r`)
		await := func(pattern string) {
			t.Helper()
			want, late := regexp.MustCompile("(?s)"+pattern), time.After(20*time.Second)
			for !want.MatchString(escapes.ReplaceAllString(shown, "")) {
				select {
				case more, ok := <-screen:
					if shown += more; !ok {
						t.Fatalf("redis-cli ended; %q", shown)
					}
				case <-late:
					t.Fatalf("no %q in %q", pattern, shown)
				}
			}
			shown = ""
		}
		write := func(keys string) {
			t.Helper()
			if _, err := io.WriteString(tty, keys); err != nil {
				t.Fatal(err)
			}
		}
		const prompt = `\d> $` // behind it, what is typed is edited, and so redrawn, with hints
		await(prompt)
		write("zadd ")
		await(`key .*\[NX.XX\].*score member`)
		write("z 1 m\r")
		await(`\(integer\) 1\n.*` + prompt)
		write("xgroup create ")
		await(`key (group|groupname) `)
		write("\x15multi\r") // ctrl-U
		await(`OK\n.*\(TX\)> $`)
		write("zscore z m\r")
		await(`QUEUED\n.*\(TX\)> $`)
		write("exec\r")
		await(`1\) "1"\n.*` + prompt)
		write("help lpush\r")
		await(`LPUSH key element .*since: 1.0.0.*group: list.*` + prompt)
		write("nosuch a\r")
		await(`\(error\) ERR unknown command 'nosuch', with args beginning with: 'a'.*` + prompt)
		if stats := s.Dial().Info("commandstats"); stats["cmdstat_command|docs"] == "" && stats["cmdstat_command"] == "" {
			t.Error("redis-cli has not asked for the commands")
		}
	})
}
