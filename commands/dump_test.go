package commands_test

// DUMP and RESTORE: options and errors, what is journalled, and payloads that somebody made up, with the right checksum.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine/seeds"
	"redix/persistence/rdb"
)

// payload ends a value as DUMP does.
func payload(value string) string { return string(rdb.AppendFooter([]byte(value), 0)) }

func TestRestore(t *testing.T) {
	do := servertest.Do
	one, bad := payload("\x00\x03one"), payload("\x00\x04one")
	servertest.Run(t,
		do("DUMP", "none").Null(), do("DUMP").Err("ERR wrong number of arguments for 'dump' command"),
		do("RESTORE", "k", "0").Err("ERR wrong number of arguments for 'restore' command"),
		do("SET", "n", "12").OK(), do("DUMP", "n").Bulk(payload("\x00\xc0\x0c")),
		do("RESTORE", "k", "0", one).OK(), do("GET", "k").Bulk("one"), do("TTL", "k").Int(-1),
		do("RESTORE", "k", "0", one).Err("BUSYKEY Target key name already exists."),
		do("RESTORE", "k", "x", "x").Err("BUSYKEY Target key name already exists."),
		do("RESTORE", "k", "x", "x", "REPLACE").Err("ERR value is not an integer or out of range"),
		do("RESTORE", "k", "-1", "x", "replace").Err("ERR Invalid TTL value, must be >= 0"),
		do("RESTORE", "k", "0", "x", "REPLACE").Err("ERR DUMP payload version or checksum are wrong"),
		do("RESTORE", "k", "0", "", "REPLACE").Err("ERR DUMP payload version or checksum are wrong"),
		do("RESTORE", "k", "0", one[:len(one)-1]+"x", "REPLACE").Err("ERR DUMP payload version or checksum are wrong"),
		do("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1").OK(), do("RESTORE", "k", "0", one[:len(one)-1]+"x", "REPLACE").OK(),
		do("RESTORE", "plain", "0", payload("\x12\x01\x01\x01x")).OK(), do("LRANGE", "plain", "0", "-1").Array("x"), do("DEL", "plain").Int(1),
		do("RESTORE", "plain", "0", payload("\x12\x01\x01\x00"), "REPLACE").Err("ERR Bad data format"),
		do("RESTORE", "k", "0", "short", "REPLACE").Err("ERR DUMP payload version or checksum are wrong"),
		do("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "0").OK(),
		do("RESTORE", "k", "0", one[:len(one)-1]+"x", "REPLACE").Err("ERR DUMP payload version or checksum are wrong"),
		do("RESTORE", "k", "0", bad, "REPLACE").Err("ERR Bad data format"), do("RESTORE", "x", "0", payload("")).Err("ERR Bad data format"),
		do("GET", "k").Bulk("one"),
		do("RESTORE", "k", "0", one, "IDLETIME").Err("ERR syntax error"), do("RESTORE", "k", "0", one, "FREQ").Err("ERR syntax error"),
		do("RESTORE", "k", "0", one, "NX").Err("ERR syntax error"),
		do("RESTORE", "k", "0", one, "IDLETIME", "1", "FREQ", "1").Err("ERR syntax error"),
		do("RESTORE", "k", "0", one, "FREQ", "1", "IDLETIME", "1").Err("ERR syntax error"),
		do("RESTORE", "k", "0", one, "IDLETIME", "-1").Err("ERR Invalid IDLETIME value, must be >= 0"),
		do("RESTORE", "k", "0", one, "IDLETIME", "x").Err("ERR value is not an integer or out of range"),
		do("RESTORE", "k", "0", one, "FREQ", "256").Err("ERR Invalid FREQ value, must be >= 0 and <= 255"),
		do("RESTORE", "k", "0", one, "REPLACE", "IDLETIME", "1000").OK(), do("OBJECT", "IDLETIME", "k").Between(1000, 1010),
		do("RESTORE", "k", "100000", one, "REPLACE").OK(), do("PTTL", "k").Between(90_000, 100_000),
		do("RESTORE", "k", "33177117420000", one, "REPLACE", "ABSTTL").OK(), do("PEXPIRETIME", "k").Int(33177117420000),
		do("RESTORE", "k", "1", one, "REPLACE", "ABSTTL").OK(), do("EXISTS", "k").Int(0),
		do("RESTORE", "k", "1", one, "ABSTTL").OK(), do("EXISTS", "k").Int(0),
		do("RESTORE", "k", "9223372036854775807", one).OK(), do("PEXPIRETIME", "k").Int(9223372036854775807),
		do("RPUSH", "l", "a").Int(1), do("RESTORE", "l", "0", one, "REPLACE").OK(), do("TYPE", "l").Simple("string"),
		do("RESTORE-ASKING", "m", "0", one).OK(), do("GET", "m").Bulk("one"),
	)
}

func TestJournalOfRestore(t *testing.T) {
	l := servertest.NewLocal(t)
	r := &recorder{}
	l.Engine.Journal = r
	one := payload("\x00\x03one")
	past, ahead := strconv.FormatInt(l.NowMs()-1, 10), strconv.FormatInt(l.NowMs()+5000, 10)
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"RESTORE", "k", "0", one}, "RESTORE k 0 " + one},
		{[]string{"RESTORE", "k", "0", one}, ""},
		{[]string{"RESTORE", "k", "5000", one, "replace"}, "RESTORE k " + ahead + " " + one + " replace ABSTTL"},
		{[]string{"RESTORE", "k", ahead, one, "ABSTTL", "REPLACE"}, "RESTORE k " + ahead + " " + one + " ABSTTL REPLACE"},
		{[]string{"RESTORE", "k", past, one, "ABSTTL", "REPLACE"}, "DEL k"},
		{[]string{"RESTORE", "k", past, one, "ABSTTL"}, ""},
		{[]string{"RESTORE", "k", "0", payload("\x00\x05one")}, ""},
	} {
		r.records = nil
		l.Do(c.words...)
		if got := strings.Join(r.records, "; "); got != c.want {
			t.Errorf("%q: journal has %q, want %q", c.words, got, c.want)
		}
	}
}

// corpusPayloads returns the values of the corpus as payloads, and those that redix writes, each of a type and size only once.
func corpusPayloads(tb testing.TB) (out []string) {
	tb.Helper()
	seen := map[string]bool{}
	for _, name := range corpusNames(tb, "*.rdb.gz") {
		data, start := corpusFile(tb, name), int64(0)
		r := rdb.NewReader(bytes.NewReader(data))
		err := r.Read(func(it *rdb.Item) error {
			if it.Op == rdb.OpKey {
				start = it.Offset + 1 + int64(len(rdb.AppendLen(nil, uint64(len(it.Name))))+len(it.Name))
			}
			if it.Op != rdb.OpEnd && (it.Op != rdb.OpKey || it.Kind != rdb.KindString || it.More) || start >= r.Offset() {
				return nil
			}
			value := string(byte(it.Type)) + string(data[start:r.Offset()])
			if id := fmt.Sprint(it.Type, len(value)/100); len(value) < 3000 && !seen[id] {
				seen[id] = true
				out = append(out, value)
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	l := servertest.NewLocal(tb)
	for _, words := range allTypes(1) {
		l.Do(words...)
	}
	for _, key := range l.Do("KEYS", "*").Strings() {
		if v := l.Do("DUMP", key).Str; len(v) < 3000 {
			out = append(out, v[:len(v)-10])
		}
	}
	return out
}

// restoreAnything restores a value that may be nonsense. What is taken must be a value like any other: it can be dumped and
// that be restored, with the same contents, and it can be read, changed and removed.
func restoreAnything(t *testing.T, l *servertest.Local, value string) (taken bool) {
	t.Helper()
	v := l.Do("RESTORE", "k", "0", payload(value), "REPLACE")
	if v.Str != "OK" {
		if v.Err() != "ERR Bad data format" {
			t.Fatalf("%q: %s", value, v)
		}
		return false
	}
	again := l.Do("RESTORE", "again", "0", l.Do("DUMP", "k").Str, "REPLACE")
	if again.Str != "OK" {
		t.Fatalf("%q: its DUMP is refused", value)
	}
	digests := l.Do("DEBUG", "DIGEST-VALUE", "k", "again").Strings()
	if len(digests) != 2 || digests[0] != digests[1] {
		t.Fatalf("%q: dumped and restored it is another", value)
	}
	use := map[string][]string{"string": {"APPEND", "k", "x"}, "list": {"LPOP", "k"}, "hash": {"HSET", "k", "f", "v"}, "set": {"SADD", "k", "zz"},
		"zset": {"ZADD", "k", "1", "zz"}, "stream": {"XTRIM", "k", "MAXLEN", "1"}}[l.Do("TYPE", "k").Str]
	if v := l.Do(use...); v.Kind == '-' {
		t.Fatalf("%q: %q: %s", value, use, v)
	}
	l.Do("DEL", "k", "again")
	return true
}

// damaged returns a value with bytes changed, taken out or added.
func damaged(rng *rand.Rand, value string) []byte {
	b := []byte(value)
	for range 1 + rng.IntN(3) {
		at := rng.IntN(len(b))
		switch rng.IntN(6) {
		case 0:
			b = append(b[:at], b[at+rng.IntN(len(b)-at):]...)
		case 1:
			b = append(b[:at], append([]byte{byte(rng.Uint32())}, b[at:]...)...)
		case 2:
			b[at] = [...]byte{0, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xf4, 0xfe, 0xff}[rng.IntN(9)]
		case 3:
			b[0] = byte(rng.IntN(28))
		default:
			b[at] ^= 1 << rng.IntN(8)
		}
		if len(b) == 0 {
			b = append(b, 0)
		}
	}
	return b
}

// TestRestoreHostile restores values with bytes changed, taken out or added, all with the right checksum.
func TestRestoreHostile(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	l := servertest.NewLocal(t)
	values := corpusPayloads(t)
	taken, refused := 0, 0
	for _, value := range values {
		if !restoreAnything(t, l, value) {
			t.Fatalf("%q is refused", value)
		}
		for range 25 {
			b := damaged(rng, value)
			if restoreAnything(t, l, string(b)) {
				taken++
			} else {
				refused++
			}
		}
	}
	if taken < 100 || refused < 1000 {
		t.Errorf("of %d values changed, %d were taken and %d refused", len(values), taken, refused)
	}
	if n := l.Engine.Keyspace.Used(); n > 1<<20 {
		t.Errorf("%d bytes are left", n)
	}
}

// TestRestoreTwice: what comes twice in a collection is refused, whatever its size and encoding.
// TestRestorePassedCounters: redis-server's counts of a stream wrap round when they pass the largest number, as after ENTRIESREAD
// 9223372036854775807 and an entry more; here they stay at it.
func TestRestorePassedCounters(t *testing.T) {
	do := servertest.Do
	const largest = 9223372036854775807
	wrapped := "\x81\x80\x00\x00\x00\x00\x00\x00\x00"
	s := payload("\x13\x00\x00\x05\x05\x00\x00\x00\x00" + wrapped + "\x01\x01g\x05\x05" + wrapped + "\x00\x00")
	servertest.Run(t,
		do("RESTORE", "s", "0", s).OK(),
		do("XINFO", "GROUPS", "s").Array(servertest.Map("name", "g", "consumers", 0, "pending", 0, "last-delivered-id", "5-5", "entries-read", largest, "lag", 0)),
		do("XINFO", "STREAM", "s").Map("length", 0, "radix-tree-keys", 0, "radix-tree-nodes", 1, "last-generated-id", "5-5", "max-deleted-entry-id", "0-0",
			"entries-added", largest, "recorded-first-entry-id", "0-0", "groups", 1, "first-entry", nil, "last-entry", nil),
	)
}

func TestRestoreTwice(t *testing.T) {
	l := servertest.NewLocal(t)
	for _, n := range []int{2, 20, 200, 2000} {
		var set, hash, zset, ints []byte
		for i := range n {
			name := []byte(fmt.Sprint("member", max(i, 1))) // members 0 and 1 are the same
			set = rdb.AppendString(set, name)
			hash = rdb.AppendString(rdb.AppendString(hash, name), name)
			zset = rdb.AppendScore(rdb.AppendString(zset, name), float64(i))
			ints = rdb.AppendInt(ints, int64(max(i, 1)))
		}
		for typ, elems := range map[rdb.Type][]byte{rdb.TypeSet: set, rdb.TypeHash: hash, rdb.TypeZset2: zset} {
			value := append(rdb.AppendLen([]byte{byte(typ)}, uint64(n)), elems...)
			if v := l.Do("RESTORE", "k", "0", payload(string(value))); v.Err() != "ERR Bad data format" {
				t.Errorf("type %d, %d elements: %s", typ, n, v)
			}
		}
		value := append(rdb.AppendLen([]byte{byte(rdb.TypeSet)}, uint64(n)), ints...)
		if v := l.Do("RESTORE", "k", "0", payload(string(value))); v.Err() != "ERR Bad data format" {
			t.Errorf("%d integers: %s", n, v)
		}
	}
}

// FuzzRestore restores anything that has the right checksum.
func FuzzRestore(f *testing.F) {
	for _, v := range corpusPayloads(f) {
		if len(v) < 300 { // of long ones the fuzzer tries more than it gets done
			f.Add([]byte(v))
		}
	}
	l := servertest.NewLocal(f) // one server for all: it is empty again after each
	f.Fuzz(func(t *testing.T, value []byte) {
		restoreAnything(t, l.For(t), string(value))
	})
}
