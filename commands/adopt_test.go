package commands_test

import (
	"os"
	"path/filepath"
	"testing"

	"redix/commands/servertest"
)

// TestJournalBeginsWithSnapshot: `--appendonly yes` where only a snapshot is loses nothing, not at the start, not by the save at the
// end, not by a rewrite, and redis-server loads the result.
func TestJournalBeginsWithSnapshot(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		dir := t.TempDir()
		p := servertest.StartProcess(t, "--dir", dir, "--io-reactor", reactor)
		c := p.Dial()
		c.Must("SET", "a", "1")
		c.Must("SET", "gone", "1", "PX", "1")
		c.Must("RPUSH", "l", "x", "y")
		c.Must("SELECT", "3")
		c.Must("SET", "b", "1", "EX", "1000")
		c.Must("SAVE")
		p.Kill()
		snapshot, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}

		journal := []string{"--dir", dir, "--io-reactor", reactor, "--appendonly", "yes", "--save", ""}
		p = servertest.StartProcess(t, journal...)
		c = p.Dial()
		if got := c.Must("LRANGE", "l", "0", "-1").String() + c.Must("EXISTS", "gone", "a").String(); got == "" || c.Must("DBSIZE").Int != 2 {
			t.Errorf("%s: after the first start %s", reactor, got)
		}
		c.Must("APPEND", "a", "2")
		p.Kill()

		p = servertest.StartProcess(t, journal...)
		c = p.Dial()
		if got := c.Must("GET", "a").Str; got != "12" {
			t.Errorf("%s: a is %q after the second start", reactor, got)
		}
		if now, err := os.ReadFile(filepath.Join(dir, "dump.rdb")); err != nil || string(now) != string(snapshot) {
			t.Errorf("%s: the snapshot has changed, %v", reactor, err)
		}
		want := c.Must("DEBUG", "DIGEST").Str
		c.Must("BGREWRITEAOF")
		waitInfo(t, c, "the end of the rewrite", func(f map[string]string) bool {
			return f["aof_rewrite_in_progress"] == "0" && f["aof_rewrite_scheduled"] == "0"
		})
		p.Kill()
		if now, err := os.ReadFile(filepath.Join(dir, "dump.rdb")); err != nil || string(now) != string(snapshot) {
			t.Errorf("%s: the snapshot has changed with the rewrite, %v", reactor, err)
		}
		p = servertest.StartProcess(t, journal...)
		if got := p.Dial().Must("DEBUG", "DIGEST").Str; got != want {
			t.Errorf("%s: digest %s, want %s", reactor, got, want)
		}
		p.Kill()
	}
}

// TestRedisLoadsAdoptedSnapshot has redis-server load a journal that began with a snapshot.
func TestRedisLoadsAdoptedSnapshot(t *testing.T) {
	dir := t.TempDir()
	p := servertest.StartProcess(t, "--dir", dir)
	c := p.Dial()
	c.Must("ZADD", "z", "1", "a")
	c.Must("SAVE")
	p.Kill()
	p = servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes", "--save", "")
	c = p.Dial()
	c.Must("ZADD", "z", "2", "b")
	want := c.Must("DEBUG", "DIGEST").Str
	p.Kill()
	r := servertest.StartRedis(t, "--dir", dir, "--appendonly", "yes")
	if got := r.Dial().Must("DEBUG", "DIGEST").Str; got != want {
		t.Errorf("redis-server has %s, want %s", got, want)
	}
}
