package commands_test

// Files that are to be right at once: the snapshot after FLUSHALL, and a base file of a journal that is off.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redix/commands/servertest"
)

// With save points, FLUSHALL answers when the file on disk is that of an empty server, also if one with keys was being written.
func TestFlushAllSaves(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, other := s.Dial(), s.Dial()
		file := filepath.Join(s.Dir, "dump.rdb")
		inFile := func(word string) bool {
			t.Helper()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Contains(b, []byte(word))
		}
		c.Must("SET", "thekey", "1")
		c.Must("SAVE")
		if !inFile("thekey") {
			t.Fatal("SAVE did not write the key")
		}
		for _, words := range [][]string{{"FLUSHALL"}, {"FLUSHALL", "ASYNC"}, {"FLUSHALL", "SYNC"}} {
			for i := range 20_000 {
				c.Send("SET", fmt.Sprintf("thekey:%d", i), "some value")
			}
			c.Send("BGSAVE")
			other.Send("SAVE") // waits until there is a file
			c.Send(words...)
			c.Send("SET", "after", "1") // waits behind it
			c.Flush()
			other.Flush()
			for range 20_000 + 1 { // that SAVE may have come before BGSAVE
				c.Receive()
			}
			if v := c.Receive(); v.Str != "OK" {
				t.Fatalf("%q: %s", words, v)
			}
			if inFile("thekey") || inFile("after") {
				t.Errorf("%q: keys are on disk when it answers", words)
			}
			c.Receive()
			if v := other.Receive(); v.Str != "OK" && v.Err() != "ERR Background save already in progress" {
				t.Errorf("SAVE beside %q: %s", words, v)
			}
			waitSaved(t, c)
		}
		c.Must("FLUSHALL")
		if n := c.Info("persistence")["rdb_changes_since_last_save"]; n != "0" {
			t.Errorf("changes after FLUSHALL: %s", n)
		}

		// In a transaction nobody can wait: the file follows.
		c.Must("SET", "thekey", "1")
		c.Must("SAVE")
		saves := c.Info("persistence")["rdb_saves"]
		c.Must("MULTI")
		c.Must("FLUSHALL")
		c.Must("EXEC")
		waitInfo(t, c, "the snapshot after EXEC", func(f map[string]string) bool { return f["rdb_saves"] != saves })
		if inFile("thekey") {
			t.Error("FLUSHALL in a transaction: keys are on disk")
		}

		// Without save points the file stays. One that is being written is given up, and SAVE gets another.
		c.Must("SET", "thekey", "1")
		c.Must("SAVE")
		c.Must("CONFIG", "SET", "save", "")
		c.Must("FLUSHALL")
		if !inFile("thekey") {
			t.Error("FLUSHALL has written a snapshot without save points")
		}
		c.Must("SET", "thekey", "1")
		c.Send("BGSAVE")
		c.Send("FLUSHALL")
		c.Send("INFO", "persistence")
		c.Flush()
		c.Receive()
		c.Receive()
		if _, f := infoLines(t, c.Receive().Str); f["rdb_bgsave_in_progress"] != "0" || f["rdb_last_bgsave_status"] != "ok" {
			t.Errorf("BGSAVE after FLUSHALL: in progress %s, status %s", f["rdb_bgsave_in_progress"], f["rdb_last_bgsave_status"])
		}

		// A file that cannot be written is no error of FLUSHALL, as in redis-server.
		c.Must("CONFIG", "SET", "save", "3600 1")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(file, "full"), 0o755); err != nil {
			t.Fatal(err)
		}
		c.Must("SET", "thekey", "1")
		c.Must("FLUSHALL")
		c.Must("SET", "thekey", "1")
	}, "--save", "3600 100")
}

// With a journal FLUSHALL does not wait, and the snapshot is written nevertheless, after a rewrite that runs.
func TestFlushAllSavesBesideJournal(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		for _, words := range [][]string{{"PING"}, {"BGREWRITEAOF"}} {
			saves := c.Info("persistence")["rdb_saves"]
			c.Must("SET", "thekey", "1")
			c.Must(words...)
			c.Must("FLUSHALL")
			waitInfo(t, c, "the snapshot", func(f map[string]string) bool {
				return f["rdb_saves"] != saves && f["rdb_changes_since_last_save"] == "0"
			})
		}
	}, "--appendonly", "yes", "--save", "3600 100")
}

// A journal that flushes what is empty anyway loads.
func TestFlushOfNothingLoads(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		for _, words := range [][]string{{"FLUSHALL"}, {"FLUSHDB"}, {"FLUSHALL", "ASYNC"}, {"FLUSHDB", "SYNC"}} {
			c.Must(words...)
			c.Must("MULTI")
			c.Must(words...)
			c.Must("EXEC")
			c.Must("SET", "k", words[0])
			c.Must("DEBUG", "LOADAOF")
			if v := c.Must("GET", "k"); v.Str != words[0] {
				t.Errorf("after %s: %s", words, v)
			}
			c.Must("DEL", "k")
		}
	}, "--appendonly", "yes", "--enable-debug-command", "yes", "--save", "3600 100")
}

// BGREWRITEAOF with appendonly no writes what a start with appendonly yes loads, here and in redis-server.
func TestRewriteWithoutJournal(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		if v := c.Do("DEBUG", "LOADAOF"); v.Err() == "" {
			t.Errorf("LOADAOF without files: %s", v)
		}
		for i, preamble := range []string{"yes", "no", "no"} {
			c.Must("FLUSHALL")
			fillAll(c, rand.New(rand.NewPCG(7, uint64(i))), 20, 500)
			c.Must("CONFIG", "SET", "aof-use-rdb-preamble", preamble)
			want := c.Must("DEBUG", "DIGEST").Str
			if v := c.Must("BGREWRITEAOF"); v.Str != "Background append only file rewriting started" {
				t.Fatalf("BGREWRITEAOF: %s", v)
			}
			c.Must("SET", "later", fmt.Sprint(i))
			waitSaved(t, c)
			f := c.Info("persistence")
			if f["aof_enabled"] != "0" || f["aof_rewrites"] != fmt.Sprint(i+1) || f["aof_last_bgrewrite_status"] != "ok" {
				t.Errorf("aof_enabled %s, aof_rewrites %s, status %s", f["aof_enabled"], f["aof_rewrites"], f["aof_last_bgrewrite_status"])
			}
			c.Must("DEBUG", "LOADAOF")
			if got := c.Must("DEBUG", "DIGEST").Str; got != want {
				t.Errorf("LOADAOF after BGREWRITEAOF: digest %s, want %s", got, want)
			}
			if files, _ := filepath.Glob(filepath.Join(s.Dir, "appendonlydir", "*")); len(files) != 3 {
				t.Errorf("files: %v", files)
			}
			p := servertest.StartRedis(t, "--dir", s.Dir, "--appendonly", "yes")
			if got := p.Dial().Must("DEBUG", "DIGEST").Str; got != want {
				t.Errorf("redis-server loads %s, want %s", got, want)
			}
			p.Kill()
		}
		// One that is overtaken by the journal itself, or by the end of the server.
		c.Send("BGREWRITEAOF")
		c.Send("CONFIG", "SET", "appendonly", "yes")
		c.Send("SET", "later", "journalled")
		c.Flush()
		c.Receive()
		if v := c.Receive(); v.Str != "OK" {
			t.Fatalf("CONFIG SET appendonly yes: %s", v)
		}
		c.Receive()
		waitSaved(t, c)
		want := c.Must("DEBUG", "DIGEST").Str
		c.Must("DEBUG", "LOADAOF")
		if got := c.Must("DEBUG", "DIGEST").Str; got != want {
			t.Errorf("LOADAOF of the journal: digest %s, want %s", got, want)
		}
		c.Must("CONFIG", "SET", "appendonly", "no")
		c.Must("FLUSHALL")
		c.Must("BGREWRITEAOF")
		s.Stop()
		if got := startedOn(t, s.Dir); got != want && got != "0000000000000000000000000000000000000000" {
			t.Errorf("after the end in the middle of a rewrite: digest %s", got)
		}
	})
}

// shutdown-on-sigterm and shutdown-on-sigint say how a signal ends the server.
func TestShutdownOnSignal(t *testing.T) {
	for _, c := range []struct {
		flags  []string
		signal syscall.Signal
		saved  bool
	}{
		{[]string{"--save", "3600 1000"}, syscall.SIGTERM, true},
		{[]string{"--save", "3600 1000", "--shutdown-on-sigterm", "nosave", "now"}, syscall.SIGTERM, false},
		{[]string{"--save", "3600 1000", "--shutdown-on-sigterm", "nosave now"}, syscall.SIGINT, true},
		{[]string{"--shutdown-on-sigint", "save"}, syscall.SIGINT, true},
		{[]string{"--shutdown-on-sigint", "save"}, syscall.SIGTERM, false},
	} {
		dir := t.TempDir()
		p := servertest.StartProcess(t, append([]string{"--dir", dir}, c.flags...)...)
		p.Dial().Must("SET", "k", "v")
		if err := syscall.Kill(p.PID, c.signal); err != nil {
			t.Fatal(err)
		}
		if code := p.WaitExit(); code != 0 {
			t.Errorf("%q, %v: exit code %d", c.flags, c.signal, code)
		}
		if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); (err == nil) != c.saved {
			t.Errorf("%q, %v: snapshot: %v", c.flags, c.signal, err)
		}
	}
	// With force a snapshot that cannot be written does not keep the server from ending.
	dir := t.TempDir()
	for words, end := range map[string]string{"save": "the server goes on", "save force": "stopped"} {
		p := servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes")
		if err := os.MkdirAll(filepath.Join(dir, "dump.rdb", "full"), 0o755); err != nil {
			t.Fatal(err)
		}
		p.Dial().Must("CONFIG", "SET", "shutdown-on-sigterm", words)
		if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, words+": "+end, func() bool { return strings.Contains(p.Log(), end) })
		p.Kill()
	}
}

// rdb-key-save-delay keeps a snapshot under way for as long as its keys take.
func TestKeySaveDelay(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Must("DEBUG", "POPULATE", "1000")
		c.Must("CONFIG", "SET", "rdb-key-save-delay", "100000") // 100 s for all
		c.Must("BGSAVE")
		waitInfo(t, c, "the first keys", func(f map[string]string) bool { return f["current_save_keys_processed"] != "0" })
		if f := c.Info("persistence"); f["rdb_bgsave_in_progress"] != "1" || f["current_save_keys_processed"] == "1000" {
			t.Errorf("in progress %s, keys %s", f["rdb_bgsave_in_progress"], f["current_save_keys_processed"])
		}
		c.Must("CONFIG", "SET", "rdb-key-save-delay", "0")
		waitSaved(t, c)
	})
}
