package commands_test

// The RDB format in both directions, as a file and as DUMP gives it.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/commands"
	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/peer"
	"redix/persistence/rdb"
)

// allTypes returns commands that make values of all types, in all encodings, with and without deadlines, in several
// databases. What they make does not depend on the server.
func allTypes(seed uint64) (cmds [][]string) {
	rng := rand.New(rand.NewPCG(seed, 1))
	do := func(words ...string) { cmds = append(cmds, words) }
	many := func(n int, name, key string, elem func(i int) []string) {
		for i := 0; i < n; {
			words := []string{name, key}
			for ; i < n && len(words) < 400; i++ {
				words = append(words, elem(i)...)
			}
			do(words...)
		}
	}
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	member := func(i int) string {
		switch i % 5 {
		case 0:
			return strconv.Itoa(i*i*i*7919 - 100000)
		case 1:
			return fmt.Sprintf("member:%d", i)
		case 2:
			return strconv.FormatInt(int64(rng.Uint64()), 10)
		case 3:
			return noise(i%40) + strconv.Itoa(i)
		}
		return strings.Repeat(fmt.Sprint("abc", i), 1+i%9)
	}
	for i, s := range []string{"", "0", "-1", "127", "128", "-128", "-129", "32767", "32768", "2147483647", "-2147483648", "2147483648",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "-0", "+1", "abc", "\x00\xff\r\n", strings.Repeat("x", 20),
		strings.Repeat("x", 21), strings.Repeat("ab", 22), strings.Repeat("ab", 23), strings.Repeat("x", 63), strings.Repeat("x", 64), noise(100),
		strings.Repeat("x", 16383), noise(16384), strings.Repeat("y", 65535), strings.Repeat("y", 65536), noise(70000), strings.Repeat("z", 300000), noise(400000)} {
		do("SET", "s:"+strconv.Itoa(i), s)
	}
	for _, n := range []int{1, 5, 100, 128, 129, 511, 512, 513, 700, 3000} {
		k := strconv.Itoa(n)
		many(n, "RPUSH", "l:"+k, func(i int) []string { return []string{member(i)} })
		many(n, "SADD", "s:int:"+k, func(i int) []string { return []string{strconv.Itoa(i*i - 50)} })
		many(n, "SADD", "s:int64:"+k, func(i int) []string { return []string{strconv.FormatInt(int64(rng.Uint64()), 10)} })
		many(n, "SADD", "s:str:"+k, func(i int) []string { return []string{member(i)} })
		many(n, "HSET", "h:"+k, func(i int) []string { return []string{member(i), member(i + 1)} })
		many(n, "ZADD", "z:"+k, func(i int) []string {
			return []string{strconv.FormatFloat(rng.NormFloat64()*1e3, 'g', 17, 64), member(i)}
		})
		many(n, "ZADD", "z:int:"+k, func(i int) []string { return []string{strconv.Itoa(i % 7), member(i)} })
	}
	do("ZADD", "z:odd", "inf", "a", "-inf", "b", "-0", "c", "0", "d", "1e300", "e", "5e-324", "f", "9007199254740993", "g", "0.1", "h")
	do("RPUSH", "l:large", noise(70000), "x", strings.Repeat("v", 100000), "12", noise(5000))
	do("HSET", "h:long", "f", strings.Repeat("v", 65), "g", noise(200))
	do("HSET", "h:longest", noise(300), noise(70000))
	do("SADD", "set:long", strings.Repeat("v", 65), "1")
	do("ZADD", "z:long", "1", strings.Repeat("v", 65))
	do("PFADD", "hll", "a", "b", "c")
	do("SETBIT", "bits", "12345", "1")
	do("GEOADD", "geo", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania")
	id := func(i int) string { return fmt.Sprintf("%d-%d", 1000+i/3, i%3+1) }
	for _, n := range []int{1, 99, 100, 101, 500} {
		k := "x:" + strconv.Itoa(n)
		for i := range n {
			words := []string{"XADD", k, id(i), "name", member(i), "7", strconv.Itoa(i)}
			if i%10 == 7 {
				words = append(words, "more", noise(10))
			}
			do(words...)
		}
	}
	do("XADD", "x:max", "18446744073709551615-18446744073709551615", "f", "v")
	do("XADD", "x:empty", "5-5", "f", "v")
	do("XDEL", "x:empty", "5-5")
	do("XGROUP", "CREATE", "x:new", "g", "$", "MKSTREAM")
	do("XTRIM", "x:101", "MAXLEN", "50")
	do("XDEL", "x:500", id(3), id(200), id(201), id(499))
	for _, g := range []string{"g1", "g2"} {
		do("XGROUP", "CREATE", "x:500", g, "0")
		do("XREADGROUP", "GROUP", g, "alice", "COUNT", "130", "STREAMS", "x:500", ">")
		do("XREADGROUP", "GROUP", g, "bob", "COUNT", "20", "STREAMS", "x:500", ">")
		do("XREADGROUP", "GROUP", g, "bob", "COUNT", "5", "STREAMS", "x:500", "0")
		do("XACK", "x:500", g, id(0), id(7), id(131))
		do("XGROUP", "CREATECONSUMER", "x:500", g, "idle")
	}
	do("XGROUP", "CREATE", "x:500", "at", id(40), "ENTRIESREAD", "41")
	do("XGROUP", "CREATE", "x:99", "g", "0")
	do("XREADGROUP", "GROUP", "g", "alice", "STREAMS", "x:99", ">")
	for i, k := range []string{"s:3", "l:5", "l:3000", "s:int:5", "s:str:700", "h:100", "h:3000", "z:100", "z:3000", "x:1"} {
		do("PEXPIREAT", k, strconv.Itoa(4102444800000+i*1001))
	}
	for _, db := range []string{"1", "9", "15"} {
		do("SELECT", db)
		do("SET", "only here", db)
		do("RPUSH", "l", "a", db)
		do("SET", "soon", "x", "PXAT", "4102444800123")
	}
	do("SELECT", "0")
	return cmds
}

// fullDump is Dump and what it leaves out: deadlines, groups, what is pending. Times of consumers are relative to now, so
// they are left out here, too.
func fullDump(c *servertest.Conn) string {
	lines := []string{servertest.Dump(c)}
	for db := range 16 {
		c.Must("SELECT", strconv.Itoa(db))
		for _, key := range c.Must("KEYS", "*").Strings() {
			lines = append(lines, "")
			last := &lines[len(lines)-1]
			*last = fmt.Sprintf("%d %q at %d", db, key, c.Must("PEXPIRETIME", key).Int)
			if c.Must("TYPE", key).Str == "stream" {
				*last += streamState(c, key)
			}
		}
	}
	c.Must("SELECT", "0")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n")
}

// writeRDB writes all data of a server, as a snapshot does: in parts of budget bytes.
func writeRDB(s *engine.Server, o commands.RDBOptions, budget int) []byte {
	b := rdb.AppendHeader(nil)
	b = rdb.AppendAux(b, "redis-ver", engine.RedisVersion)
	w := commands.NewEntryWriter(o)
	for i := range s.Keyspace.Len() {
		db := s.Keyspace.DB(i)
		if db.Len() == 0 {
			continue
		}
		b = rdb.AppendSelectDB(b, i)
		b = rdb.AppendResizeDB(b, db.Len(), db.Expires())
		for cursor := uint64(0); ; {
			cursor = db.Scan(cursor, 100, func(e *keyspace.Entry) {
				var done bool
				for b, done = w.Begin(b, e); !done; {
					b, done = w.Next(b, budget)
				}
			})
			if cursor == 0 {
				break
			}
		}
	}
	b = rdb.AppendEOF(b)
	return rdb.AppendChecksum(b, rdb.CRC64(0, b))
}

// filled returns a server with values of all types.
func filled(t *testing.T) (*servertest.Server, *servertest.Conn) {
	t.Helper()
	s := servertest.Start(t, servertest.Reactors[0])
	c := s.Dial()
	for _, words := range allTypes(1) {
		c.Must(words...)
	}
	return s, c
}

// sameDump compares two dumps line by line.
func sameDump(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("%s: line %d is\n%.300s\nwant\n%.300s", what, i, a[i], b[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d", what, len(a), len(b))
}

// TestRDBWritten has redis-server load what is written, in parts of several sizes.
func TestRDBWritten(t *testing.T) {
	s, c := filled(t)
	want := fullDump(c)
	for i, budget := range []int{1, 500, 1 << 20} {
		var data []byte
		s.OnLoop(func(e *engine.Server) {
			data = writeRDB(e, commands.RDBOptions{Compress: i > 0}, budget)
		})
		dir := t.TempDir()
		path := filepath.Join(dir, "dump.rdb")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		redis := servertest.StartRedis(t, "--dir", dir)
		sameDump(t, fmt.Sprint("in parts of ", budget), fullDump(redis.Dial()), want)
		redis.Kill()
		if out, err := exec.Command(peer.Tool(t, "redis-check-rdb"), path).CombinedOutput(); err != nil {
			t.Fatalf("redis-check-rdb: %v\n%s", err, out)
		}
	}
}

// TestDumpExchanged takes every value to redis-server by DUMP and RESTORE, and back into another redix.
func TestDumpExchanged(t *testing.T) {
	s, c := filled(t)
	want := fullDump(c)
	r, back := servertest.StartRedis(t, "--proto-max-bulk-len", "512mb").Dial(), servertest.Start(t, servertest.Reactors[0]).Dial()
	for i, path := range [][2]*servertest.Conn{{c, r}, {r, back}} {
		exchange(t, path[0], path[1])
		sameDump(t, []string{"in redis-server", "back again"}[i], fullDump(path[1]), want)
	}
	s.OnLoop(func(e *engine.Server) { e.Config.RDBCompression = false })
	back.Must("FLUSHALL")
	exchange(t, c, back)
	sameDump(t, "not compressed", fullDump(back), want)
}

// exchange takes all keys from one server to another.
func exchange(t *testing.T, from, to *servertest.Conn) {
	t.Helper()
	for db := range 16 {
		from.Must("SELECT", strconv.Itoa(db))
		to.Must("SELECT", strconv.Itoa(db))
		for _, key := range from.Must("KEYS", "*").Strings() {
			payload := from.Must("DUMP", key).Str
			deadline := max(from.Must("PEXPIRETIME", key).Int, 0)
			if v := to.Do("RESTORE", key, strconv.FormatInt(deadline, 10), payload, "ABSTTL"); v.Str != "OK" {
				t.Fatalf("RESTORE %q: %s", key, v)
			}
		}
	}
	from.Must("SELECT", "0")
	to.Must("SELECT", "0")
}

// streamState is all of a stream but its entries and the times of consumers.
func streamState(c *servertest.Conn, key string) string {
	var out strings.Builder
	info := fieldsOf(c.Must("XINFO", "STREAM", key, "FULL", "COUNT", "0"))
	for _, f := range []string{"length", "last-generated-id", "max-deleted-entry-id", "entries-added", "recorded-first-entry-id"} {
		fmt.Fprintf(&out, " %s=%s", f, info[f])
	}
	for _, g := range info["groups"].Elems {
		group := fieldsOf(g)
		fmt.Fprintf(&out, "\n    group %s last=%s read=%s lag=%s", group["name"], group["last-delivered-id"], group["entries-read"], group["lag"])
		for _, p := range group["pending"].Elems {
			fmt.Fprintf(&out, " [%s %s %s %s]", p.Elems[0], p.Elems[1], p.Elems[2], p.Elems[3])
		}
		for _, m := range group["consumers"].Elems {
			consumer := fieldsOf(m)
			fmt.Fprintf(&out, "\n        consumer %s pel=%s", consumer["name"], consumer["pel-count"])
		}
	}
	return out.String()
}

func fieldsOf(v servertest.Value) map[string]servertest.Value {
	m := map[string]servertest.Value{}
	for i := 0; i+1 < len(v.Elems); i += 2 {
		m[v.Elems[i].Str] = v.Elems[i+1]
	}
	return m
}
