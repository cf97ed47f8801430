package commands_test

// A snapshot at start: what is refused, what is dropped, which type streams get.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"redix/commands"
	"redix/commands/servertest"
	"redix/engine/keyspace"
	"redix/persistence/rdb"
)

// TestDamagedSnapshotAtStart: the process ends with 1 and says where the damage is.
func TestDamagedSnapshotAtStart(t *testing.T) {
	good := corpusFile(t, "redis-7.2.6-plain.rdb.gz")
	flipped := append([]byte(nil), good...)
	flipped[5000] ^= 4
	str := func(key string) string { return string(rdb.AppendString([]byte{0}, []byte(key))) + "\x01v" }
	whole := func(items string) []byte {
		b := rdb.AppendEOF(append(rdb.AppendHeader(nil), items...))
		return rdb.AppendChecksum(b, rdb.CRC64(0, b))
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"cut", good[:100000], "cut short, at offset 100000"},
		{"flipped", flipped, "at offset"},
		{"a key twice", whole(str("a") + str("b") + str("a")), "a key that was there before, at offset 19"},
		{"a database too many", whole("\xfe\x10" + str("a")), "a database beyond those that there are (see databases), at offset 9"},
		{"an old version with a checksum", append([]byte("REDIS0003\xff"), "12345678"...), "8 bytes follow a file of version 3, at offset 10"},
		{"no snapshot", []byte("hello, world"), "not an RDB file"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(servertest.Binary(t), "--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v, no %q in\n%s", c.name, err, c.want, out)
		}
	}
}

// TestExpiredInSnapshot: a snapshot loses what has expired; a base file of the journal keeps it for the commands that follow.
func TestExpiredInSnapshot(t *testing.T) {
	b := rdb.AppendHeader(nil)
	for i, deadline := range []int64{0, 1000, 4102444800000} {
		if deadline != 0 {
			b = rdb.AppendExpire(b, deadline)
		}
		b = rdb.AppendLen(rdb.AppendString(rdb.AppendType(b, rdb.TypeList), fmt.Append(nil, "l", i)), 1)
		b = rdb.AppendString(b, []byte("x"))
	}
	b = rdb.AppendLen(rdb.AppendString(rdb.AppendType(b, rdb.TypeSet), []byte("empty")), 0)
	b = rdb.AppendEOF(b)
	b = rdb.AppendChecksum(b, rdb.CRC64(0, b))
	c := startWith(t, map[string][]byte{"dump.rdb": b})
	if got := c.Must("KEYS", "*").Sorted(false).Strings(); fmt.Sprint(got) != "[l0 l2]" {
		t.Errorf("the snapshot gives %q", got)
	}
	counted := func(c *servertest.Conn, loaded, expired string) {
		t.Helper()
		if f := c.Info("persistence"); f["rdb_last_load_keys_loaded"] != loaded || f["rdb_last_load_keys_expired"] != expired {
			t.Errorf("%s keys loaded, %s expired", f["rdb_last_load_keys_loaded"], f["rdb_last_load_keys_expired"])
		}
	}
	counted(c, "2", "1")
	c = startWith(t, map[string][]byte{
		"appendonlydir/appendonly.aof.1.base.rdb": b,
		"appendonlydir/appendonly.aof.1.incr.aof": []byte("*2\r\n$7\r\nPERSIST\r\n$2\r\nl1\r\n"),
		"appendonlydir/appendonly.aof.manifest":   []byte("file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"),
	}, "--appendonly", "yes")
	if got := c.Must("KEYS", "*").Sorted(false).Strings(); fmt.Sprint(got) != "[l0 l1 l2]" {
		t.Errorf("the journal gives %q", got)
	}
	counted(c, "3", "0")
}

// TestStreamTypes: a stream is written as the oldest type that loses nothing, up to rdb-version.
func TestStreamTypes(t *testing.T) {
	l := servertest.NewLocal(t)
	for _, cmd := range []string{"XADD plain 1 f v", "XGROUP CREATE plain g 0 ENTRIESREAD 0", "XADD trimmed 1 f v", "XADD trimmed 2 f v", "XTRIM trimmed MAXLEN 1",
		"XADD deleted 1 f v", "XADD deleted 2 f v", "XDEL deleted 1", "XADD read 1 f v", "XGROUP CREATE read g 1 ENTRIESREAD 0",
		"XADD idle 1 f v", "XGROUP CREATE idle g 0 ENTRIESREAD 0", "XGROUP CREATECONSUMER idle g c"} {
		if v := l.Do(strings.Fields(cmd)...); v.Kind == '-' {
			t.Fatal(cmd, v)
		}
	}
	for key, want := range map[string][3]rdb.Type{
		"plain":   {rdb.TypeStream, rdb.TypeStream, rdb.TypeStream},
		"trimmed": {rdb.TypeStream, rdb.TypeStream2, rdb.TypeStream2},
		"deleted": {rdb.TypeStream, rdb.TypeStream2, rdb.TypeStream2},
		"read":    {rdb.TypeStream, rdb.TypeStream2, rdb.TypeStream2},
		"idle":    {rdb.TypeStream, rdb.TypeStream, rdb.TypeStream3},
	} {
		for i, version := range []string{"9", "10", "11"} {
			l.Do("CONFIG", "SET", "rdb-version", version)
			if got := rdb.Type(l.Do("DUMP", key).Str[0]); got != want[i] {
				t.Errorf("%s, rdb-version %s: type %d, want %d", key, version, got, want[i])
			}
		}
	}
	l.Do("CONFIG", "SET", "rdb-version", "11")
	before := l.Do("XINFO", "STREAM", "idle", "FULL").String()
	l.Do("RESTORE", "idle", "0", l.Do("DUMP", "idle").Str, "REPLACE")
	if after := l.Do("XINFO", "STREAM", "idle", "FULL").String(); after != before {
		t.Errorf("after DUMP and RESTORE:\n%s\nbefore:\n%s", after, before)
	}
}

// TestEntryWriterKeepsNothing: an entry that was given up half way leaves no trace in the next one.
func TestEntryWriterKeepsNothing(t *testing.T) {
	l := servertest.NewLocal(t)
	for i := range 1000 {
		l.Do("SADD", "set", fmt.Sprint("member", i))
		l.Do("ZADD", "zset", fmt.Sprint(i), fmt.Sprint("member", i))
		l.Do("XADD", "stream", "*", "f", "v")
	}
	l.Do("XGROUP", "CREATE", "stream", "g", "0")
	l.Do("XREADGROUP", "GROUP", "g", "c", "COUNT", "500", "STREAMS", "stream", ">")
	db := l.Engine.Keyspace.DB(0)
	keys := []string{"set", "zset", "stream"}
	entry := func(key string) *keyspace.Entry {
		e, _ := db.Find([]byte(key))
		return &e
	}
	w := commands.NewEntryWriter(commands.RDBOptions{})
	for _, half := range keys {
		for _, key := range keys {
			b, done := w.Begin(nil, entry(half))
			for range 20 {
				if !done {
					b, done = w.Next(b, 100)
				}
			}
			got := w.DumpValue(nil, entry(key))
			want := commands.NewEntryWriter(commands.RDBOptions{}).DumpValue(nil, entry(key))
			if string(got) != string(want) {
				t.Errorf("%s after half of %s is %d bytes, want %d", key, half, len(got), len(want))
			}
		}
	}
}
