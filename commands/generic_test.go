package commands_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// Keys as wholes: delete, count, rename, move, copy, sample, look into. Replies and errors are redis-server's.

const (
	noSuchKey = "ERR no such key"
	sameKey   = "ERR source and destination objects are the same"
	dbRange   = "ERR DB index is out of range"
	intRange  = "ERR value is out of range, value must between -2147483648 and 2147483647"
)

func TestDelExistsTouchType(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("EXISTS", "a").Int(0), do("TYPE", "a").Simple("none"), do("DEL", "a").Int(0), do("UNLINK", "a", "b").Int(0),
		do("SET", "a", "1").OK(), do("SET", "b", "2").OK(), do("HSET", "h", "f", "v").Int(1),
		do("EXISTS", "a", "b", "none", "a").Int(3), do("TOUCH", "a", "none", "a", "h").Int(3),
		do("TYPE", "a").Simple("string"), do("TYPE", "h").Simple("hash"),
		do("DEL", "a", "a", "none").Int(1), do("UNLINK", "h", "b", "h").Int(2), do("DBSIZE").Int(0),
		do("SET", "", "empty").OK(), do("EXISTS", "").Int(1), do("DEL", "").Int(1),
		do("DEL").Err("ERR wrong number of arguments for 'del' command"),
		do("EXISTS").Err("ERR wrong number"), do("TOUCH").Err("ERR wrong number"), do("UNLINK").Err("ERR wrong number"),
		do("TYPE").Err("ERR wrong number"), do("TYPE", "a", "b").Err("ERR wrong number"),
	)
}

func TestRename(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("RENAME", "none", "none").Err(noSuchKey), do("RENAMENX", "none", "none").Err(noSuchKey),
		do("RENAMENX", "none", "k").Err(noSuchKey),
		do("SET", "k", "v").OK(), do("RENAME", "none", "k").Err(noSuchKey), do("GET", "k").Bulk("v"),
		do("RENAME", "k", "k").OK(), do("RENAMENX", "k", "k").Int(0), do("GET", "k").Bulk("v"),
		do("PEXPIREAT", "k", "33177117420000").Int(1), do("RENAME", "k", "a much longer name than before").OK(),
		do("PEXPIRETIME", "a much longer name than before").Int(33177117420000), do("EXISTS", "k").Int(0),
		do("SET", "x", "y").OK(), do("RENAME", "x", "a much longer name than before").OK(),
		do("TTL", "a much longer name than before").Int(-1), do("DBSIZE").Int(1),
		do("SET", "x", "y").OK(), do("RENAMENX", "x", "a much longer name than before").Int(0), do("RENAMENX", "x", "z").Int(1),
		do("HSET", "h", "f", "v").Int(1), do("RENAME", "h", "z").OK(), do("HGET", "z", "f").Bulk("v"),
		do("RENAME", "z").Err("ERR wrong number"), do("RENAMENX", "z", "a", "b").Err("ERR wrong number"),
	)
}

func TestMove(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("MOVE", "none", "1").Int(0), do("MOVE", "none", "0").Err(sameKey), do("MOVE", "none", "16").Err(dbRange),
		do("MOVE", "none", "-1").Err(dbRange), do("MOVE", "none", "99999999999").Err(intRange),
		do("MOVE", "none", "x").Err(notInt), do("MOVE", "none", "1.0").Err(notInt),
		do("SET", "k", "v", "PXAT", "33177117420000").OK(), do("MOVE", "k", "15").Int(1), do("EXISTS", "k").Int(0),
		do("SET", "k", "w").OK(), do("MOVE", "k", "15").Int(0), do("GET", "k").Bulk("w"),
		do("SELECT", "15").OK(), do("GET", "k").Bulk("v"), do("PEXPIRETIME", "k").Int(33177117420000),
		do("MOVE", "k", "15").Err(sameKey), do("MOVE", "k", "0").Int(0), do("MOVE", "k", "3").Int(1), do("DBSIZE").Int(0),
	)
}

func TestCopy(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("COPY", "none", "k").Int(0), do("COPY", "k", "k").Err(sameKey), do("COPY", "k", "k", "DB", "0").Err(sameKey),
		do("COPY", "k", "l", "DB", "16").Err(dbRange), do("COPY", "k", "l", "DB", "-1").Err(dbRange),
		do("COPY", "k", "l", "DB", "99999999999").Err(intRange), do("COPY", "k", "l", "DB", "x").Err(notInt),
		do("COPY", "k", "l", "DB").Err(syntax), do("COPY", "k", "l", "x").Err(syntax),
		do("COPY", "k").Err("ERR wrong number of arguments for 'copy' command"),
		do("SET", "k", "v", "PXAT", "33177117420000").OK(), do("COPY", "k", "l").Int(1), do("PEXPIRETIME", "l").Int(33177117420000),
		do("APPEND", "l", "w").Int(2), do("GET", "k").Bulk("v"), do("COPY", "k", "l").Int(0), do("GET", "l").Bulk("vw"),
		do("COPY", "k", "l", "replace").Int(1), do("GET", "l").Bulk("v"),
		do("COPY", "k", "k", "db", "5").Int(1), do("COPY", "k", "k", "DB", "5").Int(0),
		do("COPY", "k", "k", "REPLACE", "DB", "5", "REPLACE").Int(1), do("COPY", "k", "m", "DB", "5", "DB", "0").Int(1),
		do("PERSIST", "k").Int(1), do("COPY", "k", "m", "REPLACE").Int(1), do("TTL", "m").Int(-1), do("TTL", "l").Between(1e9, 1e12),
		do("SET", "n", "12345").OK(), do("COPY", "n", "n2").Int(1), do("OBJECT", "ENCODING", "n2").Bulk("int"),
		do("INCR", "n2").Int(12346), do("GET", "n").Bulk("12345"),
		do("HSET", "h", "f", "v", "g", "w").Int(2), do("COPY", "h", "h2").Int(1), do("HDEL", "h", "f").Int(1),
		do("HGETALL", "h2").Map("f", "v", "g", "w"), do("HSET", "h2", "g", "x").Int(0), do("HGET", "h", "g").Bulk("w"),
		do("COPY", "h", "k", "REPLACE").Int(1), do("TYPE", "k").Simple("hash"),
		do("APPEND", "raw", "5").Int(1), do("APPEND", "raw", "5").Int(2), do("OBJECT", "ENCODING", "raw").Bulk("raw"),
		do("COPY", "raw", "raw2").Int(1), do("OBJECT", "ENCODING", "raw2").Bulk("raw"), do("INCR", "raw2").Int(56),
	)
}

// TestCopyLarge: strings in blocks of their own and hashes of many fields are copied deeply, and what they leave behind
// is freed.
func TestCopyLarge(t *testing.T) {
	l := servertest.NewLocal(t)
	empty := l.Engine.Keyspace.Used()
	for _, size := range []int{60_000, 70_000, 300_000, 3 << 20} {
		big := strings.Repeat("b", size)
		l.Do("SET", "big", big)
		l.Do("COPY", "big", "copy", "REPLACE")
		l.Do("APPEND", "big", "x")
		l.Do("SETRANGE", "big", "0", "y")
		if got := l.Do("GET", "copy").Str; got != big {
			t.Errorf("the copy of %d bytes has %d, beginning with %.10q", size, len(got), got)
		}
	}
	for i := range 2000 {
		l.Do("HSET", "h", fmt.Sprint("field", i), strings.Repeat("v", i%100))
	}
	l.Do("COPY", "h", "h2")
	l.Do("DEL", "h")
	if got := l.Do("OBJECT", "ENCODING", "h2").Str; got != "hashtable" {
		t.Errorf("encoding %s", got)
	}
	pairs := l.Do("HGETALL", "h2").Pairs()
	for i := range 2000 {
		if got, ok := pairs[fmt.Sprint("field", i)]; !ok || got != strings.Repeat("v", i%100) {
			t.Fatalf("field %d: %q", i, got)
		}
	}
	if n := l.Do("DEL", "big", "copy", "h2").Int; n != 3 {
		t.Errorf("DEL removed %d", n)
	}
	if left := l.Engine.Keyspace.Used() - empty; left != 0 {
		t.Errorf("%d bytes are left", left)
	}
}

// Under a policy that goes by accesses redis-server shares no integers; what it says of a key is decided when that is set, here
// when it is asked for.
func TestSharedIntegers(t *testing.T) {
	do := servertest.Do
	var steps []*servertest.Step
	for _, p := range []struct {
		policy, limit string
		shared        bool
	}{
		{"noeviction", "0", true}, {"noeviction", "1gb", true}, {"allkeys-random", "1gb", true}, {"volatile-ttl", "1gb", true},
		{"allkeys-lru", "0", true}, {"allkeys-lfu", "0", true},
		{"allkeys-lru", "1gb", false}, {"volatile-lru", "1gb", false}, {"allkeys-lfu", "1gb", false},
		{"volatile-lfu", "1gb", false}, {"allkeys-s3fifo", "1gb", false},
	} {
		count := int64(1)
		if p.shared {
			count = math.MaxInt32
		}
		steps = append(steps, do("CONFIG", "SET", "maxmemory", p.limit, "maxmemory-policy", p.policy).OK(),
			do("SET", "n", "7").OK(), do("OBJECT", "REFCOUNT", "n").Int(count),
			do("DEBUG", "OBJECT", "n").Match(fmt.Sprintf(`refcount:%d encoding:int`, count)),
			do("SET", "big", "10000").OK(), do("OBJECT", "REFCOUNT", "big").Int(1))
	}
	steps = append(steps, // a switch leaves the bits of accesses as they are: 5 is what LFU gives to a new key, 0 what it sees in a second
		do("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "maxmemory", "1gb").OK(), do("SET", "new", "7").OK(),
		do("OBJECT", "FREQ", "new").Int(5),
		do("OBJECT", "IDLETIME", "new").Err("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that "+
			"when switching between policies at runtime LRU and LFU data will take some time to adjust."),
		do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru").OK(), do("SET", "new", "8").OK(), do("OBJECT", "IDLETIME", "new").Between(0, 2))
	servertest.Run(t, steps...)
}

func TestObject(t *testing.T) {
	do := servertest.Do
	long := strings.Repeat("x", 45)
	steps := []*servertest.Step{
		do("OBJECT", "ENCODING", "none").Null(), do("OBJECT", "REFCOUNT", "none").Null(), do("OBJECT", "IDLETIME", "none").Null(),
		do("OBJECT", "FREQ", "none").Null(),
		do("SET", "k", "v").OK(), do("OBJECT", "FREQ", "k").Err("ERR An LFU maxmemory policy is not selected, access frequency not " +
			"tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."),
		do("OBJECT", "REFCOUNT", "k").Int(1), do("OBJECT", "IDLETIME", "k").Between(0, 1),
		do("SET", "n", "9999").OK(), do("OBJECT", "REFCOUNT", "n").Int(math.MaxInt32),
		do("SET", "n", "10000").OK(), do("OBJECT", "REFCOUNT", "n").Int(1),
		do("OBJECT").Err("ERR wrong number of arguments for 'object' command"),
		do("OBJECT", "x").Err("ERR unknown subcommand 'x'. Try OBJECT HELP."),
		do("OBJECT", "FREQ").Err("ERR wrong number of arguments for 'object|freq' command"),
		do("OBJECT", "HELP", "x").Err("ERR wrong number of arguments for 'object|help' command"),
		do("OBJECT", "HELP").Match("ENCODING key"),
	}
	for value, encoding := range map[string]string{"12": "int", "-9223372036854775808": "int", "012": "embstr", "": "embstr",
		long[1:]: "embstr", long: "raw", strings.Repeat("x", 100_000): "raw"} {
		steps = append(steps, do("SET", "k", value).OK(), do("OBJECT", "encoding", "k").Bulk(encoding))
	}
	steps = append(steps, do("HSET", "h", "f", "v"), do("OBJECT", "ENCODING", "h").Bulk("listpack"),
		do("HSET", "h", "f", strings.Repeat("x", 65)), do("OBJECT", "ENCODING", "h").Bulk("hashtable"))
	servertest.Run(t, steps...)
}

func TestIdletime(t *testing.T) {
	for _, policy := range []string{"noeviction", "volatile-ttl", "allkeys-lru", "volatile-lru"} { // in seconds, or finer
		t.Run(policy, func(t *testing.T) { idletime(t, servertest.NewLocal(t, "--maxmemory-policy", policy)) })
	}
}

func idletime(t *testing.T, l *servertest.Local) {
	idle := func(want int64) {
		t.Helper()
		if got := l.Do("OBJECT", "IDLETIME", "k").Int; got < want || got > want+1 {
			t.Errorf("idle for %d s, want %d", got, want)
		}
	}
	l.Do("SET", "k", "v")
	idle(0)
	l.Advance(100 * time.Second)
	for _, words := range [][]string{{"TTL", "k"}, {"EXISTS", "k"}, {"TYPE", "k"}, {"OBJECT", "ENCODING", "k"}, {"SCAN", "0"}} {
		l.Do(words...)
		idle(100)
	}
	l.Do("GET", "k")
	idle(0)
	l.Advance(50 * time.Second)
	l.Do("TOUCH", "k")
	idle(0)
	l.Advance(50 * time.Second)
	l.Do("EXPIRE", "k", "1000")
	idle(0)
	l.Advance(7 * time.Second)
	e, _ := l.Engine.Keyspace.DB(0).Find([]byte("k"))
	e.SetAccess(0) // as the journal leaves it
	idle(100 + 50 + 50 + 7)
	payload := l.Do("DUMP", "k").Str
	for _, seconds := range []int64{0, 1, 1000, 4_000_000} {
		l.Do("RESTORE", "k", "0", payload, "REPLACE", "IDLETIME", strconv.FormatInt(seconds, 10))
		idle(seconds)
	}
	l.Do("RESTORE", "k", "0", payload, "REPLACE", "IDLETIME", "9223372036854775807")
	if got := l.Do("OBJECT", "IDLETIME", "k").Int; got < 4_000_000 {
		t.Errorf("idle for %d s after the longest time there is", got)
	}
}

func TestRandomKey(t *testing.T) {
	l := servertest.NewLocal(t)
	if v := l.Do("RANDOMKEY"); !v.Null() {
		t.Errorf("RANDOMKEY of nothing: %s", v)
	}
	l.Do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	l.Engine.NoActiveExpire = true
	for i := range 3000 {
		l.Do("SET", fmt.Sprint("gone", i), "v", "PX", "5")
	}
	for i := range 3 {
		l.Do("SET", fmt.Sprint("stay", i), "v")
	}
	l.Advance(6 * time.Millisecond)
	seen := map[string]int{}
	for range 300 {
		seen[l.Do("RANDOMKEY").Str]++
	}
	if len(seen) != 3 || min(seen["stay0"], seen["stay1"], seen["stay2"]) < 50 {
		t.Errorf("300 draws gave %v", seen)
	}
	l.Do("DEL", "stay0", "stay1", "stay2")
	if v := l.Do("RANDOMKEY"); !v.Null() || l.Do("DBSIZE").Int != 0 {
		t.Errorf("RANDOMKEY with nothing alive: %s, %d keys left", v, l.Do("DBSIZE").Int)
	}
}

func TestJournalOfGeneric(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"SET k v", "SET k v"}, {"SET l v", "SET l v"}, {"DEL none", ""}, {"DEL k none", "DEL k none"}, {"UNLINK l", "UNLINK l"},
		{"SET k v", "SET k v"}, {"RENAME k k", ""}, {"RENAME none k", ""}, {"RENAME k l", "RENAME k l"},
		{"RENAMENX l k", "RENAMENX l k"}, {"RENAMENX k k", ""}, {"TOUCH k", ""}, {"EXISTS k", ""}, {"TYPE k", ""},
		{"COPY k l", "COPY k l"}, {"COPY k l", ""}, {"COPY k l REPLACE DB 3", "COPY k l REPLACE DB 3"},
		{"MOVE k 0", ""}, {"MOVE k 3", "MOVE k 3"}, {"MOVE l 3", ""}, {"RANDOMKEY", ""}, {"KEYS *", ""}, {"SCAN 0", ""},
		{"OBJECT ENCODING k", ""},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"RENAME l gone", "DEL gone; RENAME l gone"},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"DEL gone", "DEL gone"},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"KEYS *", "DEL gone"},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"SCAN 0", "DEL gone"},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"KEYS gone", "DEL gone"},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"RANDOMKEY", "DEL gone"},
	})
}

func TestGenericDoesNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Engine.Journal = silentJournal{}
	words := strings.Fields
	l.MustNotAllocate(words("SET a 1"), words("SET b 2"), words("EXISTS a b c"), words("TOUCH a b c"), words("TYPE a"),
		words("RENAME a c"), words("RENAMENX c a"), words("COPY a b REPLACE"), words("MOVE a 3"), words("RANDOMKEY"),
		words("OBJECT ENCODING b"), words("OBJECT IDLETIME b"), words("DEL a b"), words("SELECT 3"), words("DEL a"), words("SELECT 0"))
	l.MustNotAllocate(words("SET a 1"), words("EXPIRE a 100"), words("PEXPIRE a 100000 GT"), words("TTL a"), words("PTTL a"),
		words("EXPIRETIME a"), words("PEXPIREAT a 33177117420000 XX"), words("PERSIST a"), words("EXPIRE none 10"),
		words("EXPIRE a -1"))
}

// silentJournal takes everything and keeps nothing.
type silentJournal struct{}

func (silentJournal) Append(int, ...[]byte) {}
func (silentJournal) Appended() int64       { return 0 }
func (silentJournal) HandOver()             {}
func (silentJournal) Gather(bool) bool      { return false }
func (silentJournal) Releasable() int64     { return 0 }
func (silentJournal) Always() bool          { return false }
func (silentJournal) Full() bool            { return false }
func (silentJournal) Err() error            { return nil }
