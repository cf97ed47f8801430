// The matcher against a real redis-server: KEYS for the exact form, COMMAND LIST for the one that ignores case.

package glob

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/engine/peer"
	"redix/engine/seeds"
)

// server is a connection to a redis-server that lives as long as the test.
type server struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func startServer(t *testing.T) *server {
	path := peer.Server(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatal("redis-server did not start")
		}
		if strings.Contains(lines.Text(), "ready to accept connections") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &server{t, c, bufio.NewReader(c)}
}

// do sends one command and reads a reply of strings; any other reply is one string.
func (s *server) do(args ...string) []string {
	s.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(s.c, b.String()); err != nil {
		s.t.Fatal(err)
	}
	kind, n := s.line()
	if kind != '*' {
		return []string{n}
	}
	count, err := strconv.Atoi(n)
	if err != nil {
		s.t.Fatal(err)
	}
	all := make([]string, count)
	for i := range all {
		all[i] = s.bulk()
	}
	return all
}

func (s *server) line() (kind byte, rest string) {
	line, err := s.r.ReadString('\n')
	if err != nil || len(line) < 3 || line[0] == '-' {
		s.t.Fatalf("reply %q: %v", line, err)
	}
	return line[0], line[1 : len(line)-2]
}

func (s *server) bulk() string {
	kind, n := s.line()
	if kind == '+' {
		return n
	}
	size, err := strconv.Atoi(n)
	if err != nil || size < 0 {
		s.t.Fatalf("bulk %q: %v", n, err)
	}
	b := make([]byte, size+2)
	if _, err := io.ReadFull(s.r, b); err != nil {
		s.t.Fatal(err)
	}
	return string(b[:size])
}

// compare checks a reply against what the matcher picks of all names.
func compare(t *testing.T, pattern string, all, got []string, match func(pattern, s []byte) bool) int {
	t.Helper()
	var want []string
	for _, name := range all {
		if match([]byte(pattern), []byte(name)) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Fatalf("pattern %q: redis-server has %q, we have %q", pattern, got, want)
	}
	return len(got)
}

func TestKeysAgainstRedis(t *testing.T) {
	s := startServer(t)
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	const alphabet = "ab\xff\x01]-^\\Z"
	all := []string{""}
	for from := 0; len(all[from]) < 3; from++ {
		for i := range len(alphabet) {
			all = append(all, all[from]+alphabet[i:i+1])
		}
	}
	args := []string{"MSET"}
	for _, key := range all {
		args = append(args, key, "x")
	}
	s.do(args...)
	total := 0
	for range 3000 {
		pattern := string(word(rng, alphabet+"***??[[[[]--^\\a", rng.IntN(10)))
		if pattern == "*" { // KEYS does not ask its matcher then
			continue
		}
		total += compare(t, pattern, all, s.do("KEYS", pattern), Match)
	}
	if total < 10_000 {
		t.Fatalf("only %d keys matched: the patterns test nothing", total)
	}
}

func TestFoldAgainstRedis(t *testing.T) {
	s := startServer(t)
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	all := s.do("COMMAND", "LIST", "FILTERBY", "PATTERN", "*")
	total := 0
	for range 3000 {
		// A command's name with some bytes replaced by tokens and some in the other case.
		var pattern strings.Builder
		for _, c := range []byte(all[rng.IntN(len(all))]) {
			switch rng.IntN(10) {
			case 0:
				pattern.WriteByte('*')
			case 1:
				pattern.WriteByte('?')
			case 2:
				pattern.Write(append([]byte("["), append(word(rng, "^aEzZ-\\]m", 4), ']')...))
			case 3:
				pattern.Write([]byte{'[', c, '-', "aAzZm\x80\xc3\xff"[rng.IntN(8)], ']'})
			case 4:
				pattern.WriteString("\\" + strings.ToUpper(string(c)))
			case 5, 6:
				pattern.WriteString(strings.ToUpper(string(c)))
			default:
				pattern.WriteByte(c)
			}
		}
		got := s.do("COMMAND", "LIST", "FILTERBY", "PATTERN", pattern.String())
		total += compare(t, pattern.String(), all, got, MatchFold)
	}
	if total < 1000 {
		t.Fatalf("only %d names matched: the patterns test nothing", total)
	}
}
