// Both ways with the real thing: redis-server loads what the journal wrote, and the journal what redis-server wrote.

package persistence

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"redix/engine/peer"
	"redix/persistence/vfs"
)

// redisServer runs redis-server on dir until stop is called.
type redisServer struct {
	t    *testing.T
	cmd  *exec.Cmd
	conn net.Conn
	r    *bufio.Reader
	log  string
}

func startRedis(t *testing.T, dir string, args ...string) *redisServer {
	t.Helper()
	s := &redisServer{t: t, log: filepath.Join(t.TempDir(), "log")}
	sock := filepath.Join(t.TempDir(), "sock")
	args = append([]string{"--port", "0", "--unixsocket", sock, "--dir", dir, "--appendonly", "yes", "--appenddirname", "aofdir",
		"--appendfilename", "a.aof", "--save", "", "--logfile", s.log, "--aof-use-rdb-preamble", "no"}, args...)
	s.cmd = exec.Command(peer.Server(t), args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("unix", sock)
		if err == nil {
			s.conn, s.r = conn, bufio.NewReader(conn)
			if reply := s.do("PING"); reply == "+PONG" {
				return s
			}
			_ = conn.Close()
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(s.log)
			t.Fatalf("redis-server does not come up: %s", log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *redisServer) stop() {
	if s.cmd.Process == nil || s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// do sends words and gives a status, error or integer as it is, a bulk string as its text.
func (s *redisServer) do(words string) string {
	s.t.Helper()
	_ = s.conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(s.conn, frame(words)); err != nil {
		s.t.Fatal(err)
	}
	line, err := s.r.ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	line = strings.TrimRight(line, "\r\n")
	var n int
	if _, err := fmt.Sscanf(line, "$%d", &n); err != nil || n < 0 {
		return line
	}
	body := make([]byte, n+2)
	if _, err := io.ReadFull(s.r, body); err != nil {
		s.t.Fatal(err)
	}
	return string(body[:n])
}

// check asks for the digest of records 0..n-1: every db's size and every value.
func (s *redisServer) check(n int) {
	s.t.Helper()
	for db := range 3 {
		if got := s.do(fmt.Sprint("SELECT ", db)); got != "+OK" {
			s.t.Fatal(got)
		}
		size := 0
		for i := range n {
			if dbOf(i) == db {
				size++
			}
		}
		if got, want := s.do("DBSIZE"), fmt.Sprintf(":%d", size); got != want {
			log, _ := os.ReadFile(s.log)
			s.t.Fatalf("db %d: DBSIZE %s, want %s\n%s", db, got, want, log)
		}
	}
	for i := range n {
		if i%50 == 0 || i > n-50 {
			s.do(fmt.Sprint("SELECT ", dbOf(i)))
			if got, want := s.do(fmt.Sprint("GET k", i)), fmt.Sprint("v", i); got != want {
				s.t.Fatalf("k%d is %s", i, got)
			}
		}
	}
}

func checkAOF(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.Command(peer.Tool(t, "redis-check-aof"), filepath.Join(dir, "aofdir", "a.aof.manifest")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All AOF files and manifest are valid") {
		t.Fatalf("redis-check-aof: %v\n%s", err, out)
	}
}

// Right after kill -9 under always, with fill at the end, redis-check-aof is content, redis-server loads everything and goes
// on, and what it added is loaded here.
func TestRedisServerAfterKill(t *testing.T) {
	peer.Server(t) // or skip
	dir := t.TempDir()
	said := killChild(t, dir, Always, 60)
	path := filepath.Join(dir, "aofdir", "a.aof.1.incr.aof")
	data, err := os.ReadFile(path)
	if err != nil || !isFill(data[len(data)/fillLine*fillLine-fillLine:], int64(len(data)/fillLine*fillLine-fillLine)) {
		t.Fatal("no fill at the end of the file", err)
	}
	checkAOF(t, dir)
	s := startRedis(t, dir)
	n := 0
	for db := range 3 {
		s.do(fmt.Sprint("SELECT ", db))
		size := 0
		if _, err := fmt.Sscanf(s.do("DBSIZE"), ":%d", &size); err != nil {
			t.Fatal(err)
		}
		n += size
	}
	if n < said {
		t.Fatalf("redis-server loaded %d records of %d", n, said)
	}
	s.check(n)
	s.do(fmt.Sprint("SELECT ", dbOf(n)))
	if got := s.do(fmt.Sprintf("SET k%d v%d", n, n)); got != "+OK" {
		t.Fatal(got)
	}
	s.stop()
	mustLoad(t, vfs.OS{}, dir, n+1)
}

func TestRedisServerLoadsOurs(t *testing.T) {
	peer.Server(t) // or skip
	dir := t.TempDir()
	fsys := vfs.NewFaulty(vfs.OS{})
	r := openRig(t, fsys, dir, EverySec)
	r.add(1000)
	b, err := r.j.StartBase()
	if err != nil {
		t.Fatal(err)
	}
	fill(b, 1000)
	r.add(1000)
	b.Finish()
	if err := r.ended(b); err != nil {
		t.Fatal(err)
	}
	// A failed sync, so that the size key is in the manifest as well.
	r.j.SetPolicy(Always)
	r.release()
	r.until("the end of history", func() bool {
		man, _ := os.ReadFile(filepath.Join(dir, "aofdir", "a.aof.manifest"))
		return !strings.Contains(string(man), "type h") || poke(r)
	})
	fsys.Add(vfs.Fault{Op: vfs.OpSync, First: fsys.Count(vfs.OpSync) + 1, Count: 1, Err: syscall.EIO})
	r.add(500)
	r.release()
	r.close()
	man, _ := os.ReadFile(filepath.Join(dir, "aofdir", "a.aof.manifest"))
	if !strings.Contains(string(man), " size ") || !strings.Contains(string(man), "type b") {
		t.Fatalf("%s", man)
	}
	checkAOF(t, dir)
	s := startRedis(t, dir)
	s.check(2500)
	// And back: redis-server appends to the same directory, then we load and append again.
	s.do(fmt.Sprint("SELECT ", dbOf(2500)))
	if got := s.do("SET k2500 v2500"); got != "+OK" {
		t.Fatal(got)
	}
	s.stop()
	r = openRig(t, vfs.OS{}, dir, Always)
	if r.count != 2501 {
		t.Fatal(r.count)
	}
	r.add(99)
	r.close()
	checkAOF(t, dir)
	s = startRedis(t, dir)
	s.check(2600)
}

func TestWeLoadRedisServers(t *testing.T) {
	peer.Server(t) // or skip
	for _, timestamps := range []string{"no", "yes"} {
		dir := t.TempDir()
		s := startRedis(t, dir, "--aof-timestamp-enabled", timestamps)
		n := 0
		add := func(count int) {
			for range count {
				s.do(fmt.Sprint("SELECT ", dbOf(n)))
				s.do(fmt.Sprintf("SET k%d v%d", n, n))
				n++
			}
		}
		add(300)
		if got := s.do("BGREWRITEAOF"); !strings.HasPrefix(got, "+") {
			t.Fatal(got)
		}
		add(30)
		for strings.Contains(s.do("INFO persistence"), "aof_rewrite_in_progress:1") {
			time.Sleep(5 * time.Millisecond)
		}
		add(30)
		s.stop()
		got := map[string]bool{}
		_, plan, err := Open(testOptions(vfs.OS{}, dir, Always))
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Files) < 2 || !plan.Files[0].Base {
			t.Fatalf("%+v", plan.Files)
		}
		if _, err := Replay(plan, func(db int, args [][]byte) error {
			got[fmt.Sprintf("%d %s", db, joined(args))] = true
			return nil
		}, nil); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if want := fmt.Sprintf("%d SET k%d v%d", dbOf(i), i, i); !got[want] {
				t.Fatalf("%s is missing among %d", want, len(got))
			}
		}
	}
}
