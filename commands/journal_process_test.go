package commands_test

// The journal of a whole server: switched on, off and on again under load, cut short, damaged, long.

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// baseWritten waits until no base file is being written, and reports whether the last one turned out well.
func baseWritten(t *testing.T, conn *servertest.Conn) {
	t.Helper()
	eventually(t, "the base file is written", func() bool { return conn.Info("persistence")["aof_rewrite_in_progress"] == "0" })
	if got := conn.Info("persistence"); got["aof_enabled"] != "1" || got["aof_last_bgrewrite_status"] != "ok" {
		t.Errorf("aof_enabled:%s aof_last_bgrewrite_status:%s", got["aof_enabled"], got["aof_last_bgrewrite_status"])
	}
}

// TestSwitchJournalUnderLoad switches the journal on, off and on while others write, and kills the server once it is on.
func TestSwitchJournalUnderLoad(t *testing.T) {
	for i, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			c := newCrash(t, policy)
			p := servertest.StartProcess(t, "--appendonly", "no", "--appendfsync", policy, "--dir", c.dir,
				"--io-reactor", servertest.Reactors[i%len(servertest.Reactors)])
			conn := p.Dial()
			conn.Must("DEBUG", "POPULATE", "30000", "many", "100") // so that a base file takes its time
			c.loadUntil(p, func() {
				conn.Must("CONFIG", "SET", "appendonly", "yes")
				baseWritten(t, conn)
				conn.Must("CONFIG", "SET", "appendonly", "no")
				conn.Must("SET", "while", "off")
				conn.Must("CONFIG", "SET", "appendonly", "yes")
				conn.Must("SET", "while base", "is written")
				baseWritten(t, conn)
				conn.Must("SET", "in the end", "on")
				p.Kill()
			})
			p = servertest.StartProcess(t, "--appendonly", "yes", "--appendfsync", policy, "--dir", c.dir)
			c.check(p)
			conn = p.Dial()
			for key, want := range map[string]string{"while": "off", "while base": "is written", "in the end": "on", "many:0": "value:0"} {
				if got := conn.Do("GET", key); !strings.HasPrefix(got.Str, want) {
					t.Errorf("%s: %s, want %s", key, got, want)
				}
			}
		})
	}
}

// A journal is not loaded with appendonly no, nor harmed; --appendonly yes finds it again.
func TestJournalLeftAlone(t *testing.T) {
	dir := t.TempDir()
	flags := func(appendonly string) []string { return []string{"--dir", dir, "--appendonly", appendonly} }
	p := servertest.StartProcess(t, flags("yes")...)
	p.Dial().Must("SET", "k", "v")
	p.Kill()
	p = servertest.StartProcess(t, flags("no")...)
	if got := p.Dial().Must("DBSIZE"); got.Int != 0 {
		t.Errorf("DBSIZE: %s", got)
	}
	p.Dial().Must("SET", "other", "v")
	p.Terminate()
	p = servertest.StartProcess(t, flags("yes")...)
	if got := p.Dial().Must("KEYS", "*").Strings(); len(got) != 1 || got[0] != "k" {
		t.Errorf("KEYS: %q", got)
	}
}

// incrFile returns the only incr file of a journal.
func incrFile(t *testing.T, dir string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if len(found) != 1 {
		t.Fatalf("incr files: %q", found)
	}
	return found[0]
}

func TestTornAndDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	p := servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes")
	conn := p.Dial()
	for i := range 100 {
		conn.Must("SET", fmt.Sprint("key", i), fmt.Sprint("value", i))
	}
	p.Kill()
	path := incrFile(t, dir)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--dir", dir, "--appendonly", "yes", "--port", unusedPort(t), "--aof-load-truncated"}
	last := bytes.LastIndex(good, []byte("#{")) // the offset of a batch is what is told

	write(good[:len(good)-3])
	runToEnd(t, dir, nil, append(args, "no")...).refused(t, filepath.Base(path), strconv.Itoa(last))
	if now, _ := os.ReadFile(path); len(now) != len(good)-3 {
		t.Errorf("a refused file of %d bytes has %d now", len(good)-3, len(now))
	}
	p = servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes", "--aof-load-truncated", "yes")
	conn = p.Dial()
	if n := conn.Must("DBSIZE").Int; n != 99 {
		t.Errorf("%d keys after the loss of the last record of 100", n)
	}
	conn.Must("SET", "key99", "again")
	p.Kill()
	p = servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes", "--aof-load-truncated", "no")
	if got := p.Dial().Must("GET", "key99"); got.Str != "again" {
		t.Errorf("key99: %s", got)
	}
	p.Kill()

	middle := bytes.Index(good, []byte("*3\r\n$3\r\nSET\r\n$5\r\nkey50\r\n"))
	batch := bytes.LastIndex(good[:middle], []byte("#{"))
	for _, damage := range []string{"\x00\x00\x00\x00", "*x\r\n", "*-1\r", "$3\r\n"} {
		bad := bytes.Clone(good)
		copy(bad[middle:], damage)
		write(bad)
		for _, truncated := range []string{"yes", "no"} {
			runToEnd(t, dir, nil, append(args, truncated)...).refused(t, filepath.Base(path), strconv.Itoa(batch))
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, bad) {
			t.Error("a refused file was changed")
		}
	}
}

// loadKeys is the number of records in the journal that TestLoading loads; with REDIX_LONG it has some 110 MB.
const loadKeys, loadKeysLong = 250_000, 1_000_000

// While the journal is loaded, clients are told so at once; only what needs no data is answered.
func TestLoading(t *testing.T) {
	n := loadKeys
	if os.Getenv("REDIX_LONG") != "" {
		n = loadKeysLong
	}
	dir := t.TempDir()
	writeJournal(t, dir, n)
	port := unusedPort(t)
	c := start(t, dir, nil, "--appendonly", "yes", "--port", port, "--bind", "127.0.0.1")
	conn := dialWhenUp(t, "127.0.0.1:"+port)
	loading, slowest := 0, time.Duration(0)
	for {
		begun := time.Now()
		v := conn.Do("GET", "key:0000001")
		slowest = max(slowest, time.Since(begun))
		if v.Kind != '-' {
			break
		}
		if !strings.HasPrefix(v.Err(), "LOADING Redis is loading the dataset in memory") {
			t.Fatal(v)
		}
		if loading++; loading == 1 {
			info := conn.Info("persistence")
			if total, _ := strconv.Atoi(info["loading_total_bytes"]); info["loading"] != "1" || total < n*100 {
				t.Errorf("loading:%s loading_total_bytes:%s", info["loading"], info["loading_total_bytes"])
			}
			if v := conn.Do("SET", "k", "v"); !strings.HasPrefix(v.Err(), "LOADING") {
				t.Errorf("SET: %s", v)
			}
		}
	}
	if loading == 0 {
		t.Error("nobody was told that the server is loading")
	}
	if got := conn.Must("DBSIZE").Int; got != int64(n) {
		t.Errorf("DBSIZE: %d of %d", got, n)
	}
	t.Logf("%d commands refused while loading, the slowest after %v", loading, slowest)
	_ = c.Process.Kill()
	_ = c.Wait()
	if n == loadKeysLong && !strings.Contains(c.stdout.String(), "loading the journal") {
		t.Errorf("no line about the progress:\n%s", c.stdout.String())
	}
}

// writeJournal makes a journal of n SETs of 110 bytes each.
func writeJournal(t *testing.T, dir string, n int) {
	t.Helper()
	dir = filepath.Join(dir, "appendonlydir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "appendonly.aof.1.incr.aof"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var b []byte
	value := strings.Repeat("v", 64)
	for i := range n {
		b = servertest.AppendCommand(b[:0], "SET", fmt.Sprintf("key:%07d", i), value)
		_, _ = w.Write(b)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	manifest := "file appendonly.aof.1.incr.aof seq 1 type i\n"
	if err := os.WriteFile(filepath.Join(dir, "appendonly.aof.manifest"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
}
