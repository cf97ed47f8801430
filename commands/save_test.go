package commands_test

// Snapshots as clients see them: what is in the file, what the commands say, what goes on meanwhile. What a snapshot gives
// out while everything changes is tested in engine/keyspace; here a real redis-server loads the files.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// fillAll creates keys of all types, small and large, in two databases, some with deadlines.
func fillAll(c *servertest.Conn, rng *rand.Rand, small, large int) {
	word := func() string {
		return strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(60)) + strconv.Itoa(rng.IntN(1000))
	}
	list := func(n int, each func(i int) []string) (all []string) {
		for i := range n {
			all = append(all, each(i)...)
		}
		return all
	}
	for db := range 2 {
		c.Must("SELECT", strconv.Itoa(db))
		for i := range small {
			k := strconv.Itoa(i)
			c.Must("SET", "s"+k, word())
			c.Must("SET", "n"+k, strconv.Itoa(rng.IntN(1e9)-5e8), "PX", strconv.Itoa(1e8+i))
			c.Must(append([]string{"HSET", "h" + k}, list(1+rng.IntN(20), func(i int) []string { return []string{word(), word()} })...)...)
			c.Must(append([]string{"SADD", "i" + k}, list(1+rng.IntN(20), func(i int) []string { return []string{strconv.Itoa(rng.IntN(1e6))} })...)...)
			c.Must(append([]string{"SADD", "t" + k}, list(1+rng.IntN(20), func(i int) []string { return []string{word()} })...)...)
			c.Must(append([]string{"RPUSH", "l" + k}, list(1+rng.IntN(20), func(i int) []string { return []string{word()} })...)...)
			c.Must(append([]string{"ZADD", "z" + k}, list(1+rng.IntN(20), func(i int) []string { return []string{strconv.Itoa(i), word()} })...)...)
			c.Must("XADD", "x"+k, "*", word()+"f", word())
		}
		c.Must(append([]string{"HSET", "H"}, list(large, func(i int) []string { return []string{"f" + strconv.Itoa(i), word()} })...)...)
		c.Must(append([]string{"SADD", "T"}, list(large, func(i int) []string { return []string{"m" + strconv.Itoa(i)} })...)...)
		c.Must(append([]string{"RPUSH", "L"}, list(large, func(i int) []string { return []string{word()} })...)...)
		c.Must(append([]string{"ZADD", "Z"}, list(large, func(i int) []string { return []string{strconv.Itoa(rng.IntN(1000)), "m" + strconv.Itoa(i)} })...)...)
		c.Must("XGROUP", "CREATE", "X", "g", "0", "MKSTREAM")
		for i := range large / 20 {
			c.Send("XADD", "X", fmt.Sprintf("%d-1", i+1), "field", word())
		}
		c.Flush()
		for range large / 20 {
			c.Receive()
		}
		c.Must("XREADGROUP", "GROUP", "g", "reader", "COUNT", strconv.Itoa(large/40), "STREAMS", "X", ">")
		c.Must("SET", "S", strings.Repeat(word(), 2+(large*80)/max(len(word()), 1)))
	}
	c.Must("SELECT", "0")
}

// loadedBy gives the digest of a file of dir as a real redis-server loads it.
func loadedBy(t *testing.T, dir string) string {
	t.Helper()
	p := servertest.StartRedis(t, "--dir", dir)
	defer p.Kill()
	return p.Dial().Must("DEBUG", "DIGEST").Str
}

// startedOn gives the digest of the journal of dir as redix loads it.
func startedOn(t *testing.T, dir string) string {
	t.Helper()
	p := servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes")
	defer p.Kill()
	return p.Dial().Must("DEBUG", "DIGEST").Str
}

// mixedChange does something to a random key of fillAll, large ones among them.
func mixedChange(rng *rand.Rand, small int) []string {
	k := strconv.Itoa(rng.IntN(small))
	big := [][]string{
		{"HSET", "H", "f" + strconv.Itoa(rng.IntN(1000)), "changed"}, {"HDEL", "H", "f" + strconv.Itoa(rng.IntN(1000))},
		{"SREM", "T", "m" + strconv.Itoa(rng.IntN(1000))}, {"LPUSH", "L", "changed"}, {"RPOP", "L"}, {"ZADD", "Z", "5", "m" + strconv.Itoa(rng.IntN(1000))},
		{"XADD", "X", "MAXLEN", "~", "1000", "*", "field", "changed"}, {"XACK", "X", "g", strconv.Itoa(rng.IntN(50)) + "-1"},
		{"APPEND", "S", "changed"}, {"SETRANGE", "S", strconv.Itoa(rng.IntN(1000)), "changed"}, {"RENAME", "H", "H2"}, {"RENAME", "H2", "H"},
		{"PEXPIRE", "Z", "10000000"}, {"PERSIST", "Z"}, {"MOVE", "T", "1"}, {"DEL", "L"}, {"SET", "S", "short"}, {"SWAPDB", "0", "1"},
		{"COPY", "Z", "Z2", "REPLACE"}, {"UNLINK", "X"}, {"FLUSHDB"}, {"MSET", "s" + k, "x", "h" + k, "y", "L", "z"},
	}
	little := [][]string{
		{"SET", "s" + k, "changed"}, {"DEL", "s" + k}, {"INCR", "n" + k}, {"HSET", "h" + k, "field", "changed"}, {"DEL", "h" + k},
		{"SADD", "i" + k, "word"}, {"SPOP", "t" + k}, {"LPUSH", "l" + k, "changed"}, {"ZADD", "z" + k, "77", "changed"}, {"XADD", "x" + k, "*", "f", "v"},
		{"RENAME", "s" + k, "r" + k}, {"PEXPIRE", "h" + k, "1"}, {"PEXPIRE", "z" + k, "100000"}, {"APPEND", "s" + k, "more"}, {"MOVE", "l" + k, "1"},
	}
	if rng.IntN(30) == 0 {
		return big[rng.IntN(len(big))]
	}
	return little[rng.IntN(len(little))]
}

// A snapshot is of one moment, whatever is done to keys of all types while it is written; a real redis-server reads it. The
// moment is that of a BGSAVE inside a pipeline, and the digest is taken right before it.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	const small, large = 300, 4000
	seed := seeds.Draw(t)
	for i, reactor := range servertest.Reactors {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		s := servertest.Start(t, reactor, "--rdbcompression", []string{"yes", "no"}[i%2])
		c := s.Dial()
		for range 3 {
			c.Must("FLUSHALL")
			fillAll(c, rng, small, large)
			c.Send("DEBUG", "DIGEST")
			c.Send("BGSAVE")
			words := [][]string{}
			for range 4000 {
				words = append(words, mixedChange(rng, small))
				c.Send(words[len(words)-1]...)
			}
			c.Flush()
			want := c.Receive().Str
			if v := c.Receive(); v.Str != "Background saving started" {
				t.Fatalf("BGSAVE: %s", v)
			}
			for range words {
				c.Receive() // some find another type, or nothing
			}
			waitSaved(t, c)
			if got := loadedBy(t, s.Dir); got != want {
				t.Fatalf("redis-server loads %s, the moment's digest was %s", got, want)
			}
		}
		s.Stop()
	}
}

// waitSaved returns when no snapshot is being written; the last one must have succeeded.
func waitSaved(t *testing.T, c *servertest.Conn) {
	t.Helper()
	waitInfo(t, c, "the end of the snapshot", func(f map[string]string) bool {
		if f["rdb_last_bgsave_status"] != "ok" {
			t.Fatal("the snapshot failed")
		}
		return f["rdb_bgsave_in_progress"] == "0" && f["aof_rewrite_in_progress"] == "0"
	})
}

// waitInfo waits until INFO persistence shows something.
func waitInfo(t *testing.T, c *servertest.Conn, what string, cond func(f map[string]string) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		_, f := infoLines(t, c.Must("INFO", "persistence").Str)
		if cond(f) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s: %v", what, f)
		}
	}
}

func TestSaveCommands(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		rng := rand.New(rand.NewPCG(1, 2))
		fillAll(c, rng, 20, 3000)
		before := c.Must("LASTSAVE").Int
		if before < time.Now().Unix()-60 || before > time.Now().Unix() {
			t.Errorf("LASTSAVE %d", before)
		}
		c.Must("SAVE")
		if c.Must("LASTSAVE").Int < before {
			t.Error("LASTSAVE went back")
		}
		fields := func() map[string]string {
			_, f := infoLines(t, c.Must("INFO", "persistence").Str)
			return f
		}
		f := fields()
		if f["rdb_changes_since_last_save"] != "0" || f["rdb_saves"] != "1" || f["rdb_last_bgsave_status"] != "ok" ||
			f["rdb_last_bgsave_time_sec"] != "0" || f["rdb_current_bgsave_time_sec"] != "-1" {
			t.Errorf("after SAVE: %v", f)
		}
		c.Must("SET", "k", "v")
		c.Must("SET", "k", "w")
		if f := fields(); f["rdb_changes_since_last_save"] != "2" {
			t.Errorf("after two changes: %s", f["rdb_changes_since_last_save"])
		}
		// One at a time. All commands of a pipeline run before the first slice is written.
		c.Send("BGSAVE")
		c.Send("BGSAVE")
		c.Send("BGSAVE", "SCHEDULE")
		c.Send("SAVE")
		c.Send("BGREWRITEAOF")
		c.Send("INFO", "persistence")
		c.Flush()
		for _, want := range []string{"Background saving started", "ERR Background save already in progress",
			"ERR Background save already in progress", "ERR Background save already in progress"} {
			if v := c.Receive(); v.Str != want && v.Err() != want {
				t.Errorf("got %s, want %s", v, want)
			}
		}
		c.Receive()
		_, f = infoLines(t, c.Receive().Str)
		if f["rdb_bgsave_in_progress"] != "1" || f["current_save_keys_total"] == "0" || f["rdb_current_bgsave_time_sec"] == "-1" {
			t.Errorf("while one is written: %v", f)
		}
		waitSaved(t, c)
		if v := c.Do("BGSAVE", "now"); v.Err() != syntax {
			t.Errorf("BGSAVE now: %s", v)
		}
		c.Must("MULTI")
		c.Must("SET", "k", "x")
		c.Must("BGSAVE")
		if v := c.Do("SAVE"); v.Err() != "ERR Command not allowed inside a transaction" {
			t.Errorf("SAVE inside MULTI: %s", v)
		}
		c.Must("DISCARD")
		c.Must("MULTI")
		c.Must("BGSAVE")
		c.Must("SET", "in", "the transaction")
		if v := c.Must("EXEC"); v.Elems[0].Str != "Background saving scheduled" {
			t.Errorf("BGSAVE inside MULTI: %s", v)
		}
		waitInfo(t, c, "the snapshot after the transaction", func(f map[string]string) bool { return f["rdb_saves"] == "3" })
		want := c.Must("DEBUG", "DIGEST").Str
		if got := loadedBy(t, s.Dir); got != want {
			t.Error("what was scheduled inside the transaction has not all of it")
		}
		names, _ := filepath.Glob(filepath.Join(s.Dir, "temp-*"))
		if len(names) > 0 {
			t.Errorf("left behind: %v", names)
		}
	})
}

// With journal and snapshot: a rewrite that runs refuses or delays a snapshot, as in redis-server.
func TestSaveBesideRewrite(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		fillAll(c, rand.New(rand.NewPCG(3, 4)), 20, 3000)
		c.Send("BGREWRITEAOF")
		c.Send("BGREWRITEAOF")
		c.Send("BGSAVE")
		c.Send("BGSAVE", "SCHEDULE")
		c.Send("SAVE") // waits for both
		c.Send("PING")
		c.Flush()
		for _, want := range []string{"Background append only file rewriting started",
			"ERR Background append only file rewriting already in progress",
			"ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
			"Background saving scheduled", "OK", "PONG"} {
			if v := c.Receive(); v.Str != want && v.Err() != want {
				t.Errorf("got %s, want %s", v, want)
			}
		}
		_, f := infoLines(t, c.Must("INFO", "persistence").Str)
		if f["rdb_saves"] != "1" || f["aof_rewrites"] != "1" {
			t.Errorf("rdb_saves %s, aof_rewrites %s", f["rdb_saves"], f["aof_rewrites"])
		}
		c.Send("BGSAVE")
		c.Send("BGREWRITEAOF")
		c.Flush()
		c.Receive()
		if v := c.Receive(); v.Str != "Background append only file rewriting scheduled" {
			t.Errorf("BGREWRITEAOF during BGSAVE: %s", v)
		}
		waitInfo(t, c, "the second rewrite", func(f map[string]string) bool { return f["aof_rewrites"] == "2" })
		if got, want := loadedBy(t, s.Dir), c.Must("DEBUG", "DIGEST").Str; got != want {
			t.Error("the snapshot differs from what is there")
		}
	}, "--appendonly", "yes")
}

// One snapshot serves a SAVE that waits for a rewrite and a BGSAVE that is scheduled behind it: its failure is that of both.
func TestSaveAndScheduledSaveFail(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		fillAll(c, rand.New(rand.NewPCG(5, 6)), 20, 3000)
		if err := os.MkdirAll(filepath.Join(s.Dir, "dump.rdb", "full"), 0o755); err != nil { // renaming fails
			t.Fatal(err)
		}
		fails := func(status string, words ...string) {
			c.Send("BGREWRITEAOF")
			for _, word := range words {
				c.Send(strings.Fields(word)...)
			}
			c.Send("SAVE")
			c.Flush()
			for range words {
				c.Receive()
			}
			c.Receive()
			if v := c.Receive(); v.Err() != "ERR" {
				t.Errorf("SAVE: %s", v)
			}
			if _, f := infoLines(t, c.Must("INFO", "persistence").Str); f["rdb_last_bgsave_status"] != status || f["rdb_saves"] != "0" {
				t.Errorf("after %q: rdb_last_bgsave_status %s, want %s", words, f["rdb_last_bgsave_status"], status)
			}
		}
		fails("ok")
		fails("err", "BGSAVE SCHEDULE")
	}, "--appendonly", "yes")
}

// Save points, what happens when a snapshot cannot be written, and the end of the process.
func TestSavePoints(t *testing.T) {
	dir := t.TempDir()
	p := servertest.StartProcess(t, "--dir", dir, "--save", "1 3")
	c := p.Dial()
	file := filepath.Join(dir, "dump.rdb")
	c.Must("MSET", "a", "1", "b", "2")
	if _, err := os.Stat(file); err == nil {
		t.Fatal("a snapshot before the save point")
	}
	c.Must("SET", "c", "3")
	waitInfo(t, c, "the save point", func(f map[string]string) bool { return f["rdb_saves"] == "1" })
	// A directory in the file's place: renaming fails.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if v := c.Do("SAVE"); v.Err() != "ERR" {
		t.Errorf("SAVE: %s", v)
	}
	c.Must("SET", "d", "3") // who asked has been told
	if v := c.Do("SHUTDOWN"); v.Err() != "ERR Errors trying to SHUTDOWN. Check logs." {
		t.Errorf("SHUTDOWN: %s", v)
	}
	c.Must("SET", "d", "3")
	c.Must("BGSAVE")
	waitInfo(t, c, "the failure", func(f map[string]string) bool { return f["rdb_last_bgsave_status"] == "err" })
	const misconf = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
	if v := c.Do("SET", "d", "4"); v.Err() != misconf {
		t.Errorf("a write after a failure: %s", v)
	}
	if v := c.Do("PING"); v.Err() != misconf {
		t.Errorf("PING after a failure: %s", v)
	}
	if v := c.Do("GET", "c"); v.Str != "3" {
		t.Errorf("a read after a failure: %s", v)
	}
	c.Must("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	c.Must("SET", "d", "4")
	if v := c.Do("SHUTDOWN"); v.Err() != "ERR Errors trying to SHUTDOWN. Check logs." {
		t.Errorf("SHUTDOWN: %s", v)
	}
	c.Must("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes", "save", "")
	c.Must("SET", "e", "5") // without save points nothing is refused
	c.Must("CONFIG", "SET", "save", "3600 1")
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	c.Must("BGSAVE")
	waitInfo(t, c, "the snapshot", func(f map[string]string) bool { return f["rdb_last_bgsave_status"] == "ok" })
	c.Must("SET", "f", "6")
	want := c.Must("DEBUG", "DIGEST").Str
	if err := os.WriteFile(filepath.Join(dir, "temp-redix-dump.rdb.1-1.rdb"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := p.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := loadedBy(t, dir); got != want {
		t.Error("SIGTERM with save points has not saved what was there")
	}
	p = servertest.StartProcess(t, "--dir", dir)
	if names, _ := filepath.Glob(filepath.Join(dir, "temp-*")); len(names) > 0 {
		t.Errorf("not removed at start: %v", names)
	}
	p.Kill()
}

// What is written comes back: through the snapshot, and through the journal, with a base in either format.
func TestReload(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		rng := rand.New(rand.NewPCG(5, 6))
		fillAll(c, rng, 50, 2500)
		want := c.Must("DEBUG", "DIGEST").Str
		same := func(what string) {
			t.Helper()
			if got := c.Must("DEBUG", "DIGEST").Str; got != want {
				t.Errorf("after %s: digest %s, want %s", what, got, want)
			}
		}
		c.Must("DEBUG", "RELOAD")
		same("RELOAD")
		c.Must("DEBUG", "LOADAOF")
		same("LOADAOF")
		for _, preamble := range []string{"yes", "no"} {
			c.Must("CONFIG", "SET", "aof-use-rdb-preamble", preamble)
			c.Must("BGREWRITEAOF")
			waitSaved(t, c)
			c.Must("INCR", "after")
			want = c.Must("DEBUG", "DIGEST").Str
			c.Must("DEBUG", "LOADAOF")
			same("LOADAOF, aof-use-rdb-preamble " + preamble)
			bases, _ := filepath.Glob(filepath.Join(s.Dir, "appendonlydir", "*.base."+map[string]string{"yes": "rdb", "no": "aof"}[preamble]))
			if len(bases) != 1 {
				t.Errorf("aof-use-rdb-preamble %s: bases %v", preamble, bases)
			}
		}
		c.Must("SET", "lost", "1")
		c.Must("DEBUG", "RELOAD", "NOSAVE")
		if v := c.Must("EXISTS", "lost"); v.Int != 0 {
			t.Errorf("after RELOAD NOSAVE: EXISTS %s", v)
		}
		if v := c.Do("DEBUG", "RELOAD", "NOFLUSH"); v.Err() != "ERR Error trying to load the RDB dump, check server logs." {
			t.Errorf("RELOAD NOFLUSH over the same keys: %s", v)
		}
		c.Must("DEBUG", "CHANGE-REPL-ID")
	}, "--appendonly", "yes")
}

// DEBUG RELOAD with each of its options, and what INFO tells of it, beside redis-server.
func TestReloadOptions(t *testing.T) {
	steps := [][]string{
		{"SET", "same", "file"}, {"RPUSH", "list", "1", "2"}, {"SET", "other", "file", "PX", "100000"}, {"HSET", "changes", "f", "v"},
		{"SET", "large", strings.Repeat("x", 100_000)},
		{"SAVE"},
		{"APPEND", "same", " then memory"}, {"DEL", "list"}, {"SET", "list", "a string now"}, {"PERSIST", "other"}, {"SADD", "changes", "x"},
		{"DEL", "changes"}, {"SADD", "changes", "x"}, {"SET", "large", "small"}, {"SET", "memory", "only"},
		{"DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "merge"}, {"GET", "same"}, {"LRANGE", "list", "0", "-1"}, {"PERSIST", "other"}, {"HGETALL", "changes"},
		{"STRLEN", "large"}, {"GET", "memory"}, {"DBSIZE"}, {"DEBUG", "RELOAD", "MERGE"}, {"DBSIZE"}, {"GET", "memory"}, {"SET", "more", "1"},
		{"DEBUG", "RELOAD", "NOSAVE"}, {"DBSIZE"}, {"GET", "more"}, {"DEBUG", "RELOAD", "MERGE", "MERGE", "NOSAVE", "NOSAVE"}, {"DBSIZE"},
		{"DEBUG", "RELOAD", "NOTHING"},
	}
	redis := servertest.StartRedis(t).Dial()
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		redis.Must("FLUSHALL")
		for _, words := range steps {
			got, want := c.Do(words...), redis.Do(words...)
			if got.String() != want.String() {
				t.Errorf("%.80q: %s, redis-server says %s", words, got, want)
			}
			if words[0] == "DEBUG" && words[1] == "RELOAD" {
				for _, field := range []string{"rdb_last_load_keys_loaded", "rdb_last_load_keys_expired"} {
					if got, want := c.Info("persistence")[field], redis.Info("persistence")[field]; got != want {
						t.Errorf("after %q: %s is %s, in redis-server %s", words, field, got, want)
					}
				}
			}
		}
	})
}

// Commands that would change a large value before it is written wait, whichever way they came: as usual, inline, with an
// argument in a block of its own, in a transaction. Everybody else goes on, and replies keep their order.
func TestChangesWaitForSnapshot(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, other := s.Dial(), s.Dial()
		for i := range 60 { // one large value for each way
			words := []string{"HSET", []string{"H1", "H2", "H3"}[i%3]}
			for j := range 1000 {
				words = append(words, fmt.Sprintf("f%d", i/3*1000+j), "a value of some bytes")
			}
			c.Must(words...)
		}
		long := strings.Repeat("x", 400_000)
		c.Must("SET", "S", long)
		want := c.Must("DEBUG", "DIGEST").Str
		c.Send("BGSAVE")
		c.SendRaw("HDEL H1 f2 f3\r\n")
		c.SendRaw("HEXISTS H1 f2\r\n")
		c.Send("HSET", "H2", "large", long) // its words are in a block of their own
		c.Send("HSTRLEN", "H2", "large")
		c.Send("HSET", "H3", "f1", "changed")
		c.Send("HGET", "H3", "f1")
		c.Send("MULTI")
		c.Send("APPEND", "S", "y")
		c.Send("SETRANGE", "S", "0", long)
		c.Send("EXEC")
		c.Send("STRLEN", "S")
		c.Flush()
		other.Must("SET", "other", "1")
		for i, want := range []string{"Background saving started", "2", "0", "1", "400000", "0", "changed", "OK", "QUEUED", "QUEUED", "", "400001"} {
			if v := c.Receive(); want != "" && v.Str != want {
				t.Errorf("reply %d: %s, want %s", i, v, want)
			}
		}
		waitSaved(t, c)
		if got := loadedBy(t, s.Dir); got != want {
			t.Errorf("redis-server loads %s, the moment's digest was %s", got, want)
		}
	})
}
