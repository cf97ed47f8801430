package commands_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// Hashes: replies and errors, each encoding against a plain map, scans, chances, allocations.

func TestHash(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("HSET", "h", "a", "1", "b", "two").Int(2), do("HSET", "h", "a", "3", "c", "4", "c", "5").Int(1),
		do("HGET", "h", "a").Bulk("3"), do("HGET", "h", "c").Bulk("5"), do("HGET", "h", "z").Null(), do("HGET", "none", "a").Null(),
		do("HMSET", "h", "d", "").OK(), do("HMGET", "h", "a", "z", "d").Array("3", nil, ""), do("HMGET", "none", "a", "b").Array(nil, nil),
		do("HGETALL", "h").Map("a", "3", "b", "two", "c", "5", "d", ""), do("HGETALL", "none").Map(),
		do("HKEYS", "h").Sorted("a", "b", "c", "d"), do("HVALS", "h").Sorted("3", "two", "5", ""), do("HKEYS", "none").Array(),
		do("HVALS", "none").Array(), do("HLEN", "h").Int(4), do("HLEN", "none").Int(0),
		do("HEXISTS", "h", "a").Int(1), do("HEXISTS", "h", "z").Int(0), do("HEXISTS", "none", "z").Int(0),
		do("HSTRLEN", "h", "b").Int(3), do("HSTRLEN", "h", "z").Int(0), do("HSTRLEN", "none", "z").Int(0),
		do("HSETNX", "h", "a", "9").Int(0), do("HSETNX", "h", "e", least).Int(1), do("HSTRLEN", "h", "e").Int(20),
		do("EXPIRE", "h", "100").Int(1), do("HSET", "h", "a", "a longer value").Int(0), do("TTL", "h").Between(98, 100),
		do("HDEL", "h", "a", "a", "z").Int(1), do("HDEL", "none", "a").Int(0), do("HDEL", "h", "b", "c", "d", "e", "f").Int(4),
		do("EXISTS", "h").Int(0), do("HSET", "h", "", "").Int(1), do("HGETALL", "h").Map("", ""), do("TTL", "h").Int(-1),
		do("HSET", "h", "a").Err("ERR wrong number of arguments for 'hset' command"),
		do("HSET", "h", "a", "1", "b").Err("ERR wrong number of arguments for 'hset' command"),
		do("HMSET", "h", "a", "1", "b").Err("ERR wrong number of arguments for 'hmset' command"), do("HGET", "h").Err("ERR wrong number"),
		do("SET", "s", "v").OK(), do("HSET", "s", "a", "1").Err(wrongType), do("HMSET", "s", "a", "1").Err(wrongType),
		do("HSETNX", "s", "a", "1").Err(wrongType), do("HGET", "s", "a").Err(wrongType), do("HMGET", "s", "a").Err(wrongType),
		do("HGETALL", "s").Err(wrongType), do("HKEYS", "s").Err(wrongType), do("HVALS", "s").Err(wrongType),
		do("HLEN", "s").Err(wrongType), do("HEXISTS", "s", "a").Err(wrongType), do("HSTRLEN", "s", "a").Err(wrongType),
		do("HDEL", "s", "a").Err(wrongType), do("HSCAN", "s", "0", "foo").Err(wrongType), do("HRANDFIELD", "s").Err(wrongType),
		do("HRANDFIELD", "s", "1").Err(wrongType),
	)
}

func TestHashNumbers(t *testing.T) {
	do := servertest.Do
	notInteger, noFloat := "ERR hash value is not an integer", "ERR hash value is not a float"
	servertest.Run(t,
		do("HINCRBY", "h", "n", "5").Int(5), do("HINCRBY", "h", "n", "-7").Int(-2), do("HGET", "h", "n").Bulk("-2"),
		do("HSET", "h", "n", most).Int(0), do("HINCRBY", "h", "n", "1").Err(overflow), do("HINCRBY", "h", "n", least).Int(-1),
		do("HINCRBY", "h", "n", "1.5").Err(notInt), do("HSET", "h", "s", "007").Int(1), do("HINCRBY", "h", "s", "1").Err(notInteger),
		do("HSET", "h", "s", "").Int(0), do("HINCRBY", "h", "s", "1").Err(notInteger), do("HINCRBYFLOAT", "h", "s", "1").Err(noFloat),
		do("HINCRBYFLOAT", "h", "f", "0.1").Bulk("0.1"), do("HINCRBYFLOAT", "h", "f", "0.2").Bulk("0.3"),
		do("HINCRBYFLOAT", "h", "n", "1e2").Bulk("99"), do("HINCRBY", "h", "n", "1").Int(100), do("HINCRBY", "h", "f", "1").Err(notInteger),
		do("HINCRBYFLOAT", "h", "f", "x").Err(notFloat), do("HINCRBYFLOAT", "h", "f", "inf").Err("ERR value is NaN or Infinity"),
		do("HSET", "h", "s", "inf").Int(0), do("HINCRBYFLOAT", "h", "s", "1").Err("ERR increment would produce NaN or Infinity"),
		do("SET", "k", "v").OK(), do("HINCRBY", "k", "f", "1").Err(wrongType), do("HINCRBY", "k", "f", "x").Err(notInt),
		do("HINCRBYFLOAT", "k", "f", "1").Err(wrongType), do("HINCRBYFLOAT", "k", "f", "x").Err(notFloat),
	)
}

func TestHashScanAndRandom(t *testing.T) {
	do := servertest.Do
	bounds := "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	pair := servertest.Want(func(v servertest.Value, proto int) string {
		if proto == 3 {
			return servertest.Array([]any{"a", "1"}, []any{"a", "1"})(v, proto)
		}
		return servertest.Array("a", "1", "a", "1")(v, proto)
	})
	servertest.Run(t,
		do("HSET", "h", "a", "1", "b", "2", "10", "x").Int(3), do("HSCAN", "h", "0").Array("0", servertest.Sorted("a", "1", "b", "2", "10", "x")),
		do("HSCAN", "h", "7", "COUNT", "1", "MATCH", "1*").Array("0", []any{"10", "x"}), do("HSCAN", "h", "0", "match", "*").Array("0", servertest.Len(6)),
		do("HSCAN", "none", "0", "foo").Array("0", []any{}), do("HSCAN", "none", "x").Err("ERR invalid cursor"),
		do("HSCAN", "h", "").Array("0", servertest.Len(6)), do("HSCAN", "h", "+5").Array("0", servertest.Len(6)),
		do("HSCAN", "h", "18446744073709551615").Array("0", servertest.Len(6)), do("HSCAN", "h", "-1").Array("0", servertest.Len(6)),
		do("HSCAN", "h", "18446744073709551616").Err("ERR invalid cursor"), do("HSCAN", "h", "1x").Err("ERR invalid cursor"),
		do("HSCAN", "h", " 1").Err("ERR invalid cursor"), do("HSCAN", "h", "-").Err("ERR invalid cursor"),
		do("HSCAN", "h", "0", "COUNT", "0").Err(syntax), do("HSCAN", "h", "0", "COUNT", "x").Err(notInt),
		do("HSCAN", "h", "0", "MATCH").Err(syntax), do("HSCAN", "h", "0", "TYPE", "string").Err(syntax),

		do("HRANDFIELD", "h").Match("^(a|b|10)$"), do("HRANDFIELD", "none").Null(), do("HRANDFIELD", "none", "5").Array(),
		do("HRANDFIELD", "h", "0").Array(), do("HRANDFIELD", "h", "3").Sorted("a", "b", "10"), do("HRANDFIELD", "h", "2").Len(2),
		do("HRANDFIELD", "h", most).Sorted("a", "b", "10"), do("HRANDFIELD", "h", "-7").Len(7),
		do("HRANDFIELD", "h", least).Err(bounds), do("HRANDFIELD", "h", least, "WITHVALUES").Err(bounds),
		do("HRANDFIELD", "h", "-"+most, "WITHVALUES").Err("ERR value is out of range"), do("HRANDFIELD", "h", "-"+most).Err("ERR value is out of range"),
		do("HRANDFIELD", "h", most, "WITHVALUES").Err("ERR value is out of range"), do("HRANDFIELD", "h", "1", "foo").Err(syntax),
		do("HRANDFIELD", "h", "1", "WITHVALUES", "x").Err(syntax), do("HRANDFIELD", "h", "x", "foo").Err(notInt),
		do("HSET", "one", "a", "1").Int(1), do("HRANDFIELD", "one", "-2", "withvalues").Want(pair),
	)
}

// model is a hash as a map, with the name that OBJECT ENCODING must give it.
type model struct {
	fields    map[string]string
	hashtable bool
}

const modelEntries, modelBytes = 12, 20 // of the servers that models are compared with

func (m *model) note(field, value string) {
	m.fields[field] = value
	m.hashtable = m.hashtable || len(m.fields) > modelEntries || max(len(field), len(value)) > modelBytes
}

func newHashServer(t testing.TB) *servertest.Local {
	return servertest.NewLocal(t, "--hash-max-listpack-entries", strconv.Itoa(modelEntries), "--hash-max-listpack-value", strconv.Itoa(modelBytes))
}

// hashOps plays operations decoded from bytes, three or more each, and compares every reply.
func hashOps(t *testing.T, l *servertest.Local, data []byte) {
	m := model{fields: map[string]string{}}
	for n := 0; len(data) >= 3; n++ {
		op, a, b := data[0], data[1], data[2]
		data = data[3:]
		field, value := opField(a), opValue(b)
		old, had := m.fields[field]
		switch op % 8 {
		case 0, 1, 2:
			expectReply(t, l, boolInt(!had), "HSET", "h", field, value)
			m.note(field, value)
		case 3:
			words, created := []string{"HSET", "h"}, 0
			for k := range int(b)%20 + 1 {
				field := opField(a + byte(k))
				if _, had := m.fields[field]; !had {
					created++
				}
				words = append(words, field, value)
				m.note(field, value)
			}
			expectReply(t, l, strconv.Itoa(created), words...)
		case 4, 5:
			expectReply(t, l, boolInt(had), "HDEL", "h", field)
			delete(m.fields, field)
		case 6:
			before, err := strconv.ParseInt(old, 10, 64)
			if had && (err != nil || strconv.FormatInt(before, 10) != old) {
				break
			}
			delta := int64(b) - 100
			if delta > 0 && before > math.MaxInt64-delta || delta < 0 && before < math.MinInt64-delta {
				break
			}
			expectReply(t, l, strconv.FormatInt(before+delta, 10), "HINCRBY", "h", field, strconv.FormatInt(delta, 10))
			m.note(field, strconv.FormatInt(before+delta, 10))
		case 7:
			expectReply(t, l, old, "HGET", "h", field)
		}
		if len(m.fields) == 0 {
			m.hashtable = false
		}
		if n%16 == 0 || len(data) < 3 {
			compareHash(t, l, &m)
		}
	}
	l.Do("DEL", "h")
}

// opField and opValue have few and many, short and long, numbers and texts.
func opField(b byte) string {
	switch b % 4 {
	case 0:
		return strconv.Itoa(int(b) - 128)
	case 1:
		return strings.Repeat("f", int(b)/8)
	}
	return fmt.Sprintf("field:%d", b)
}

func opValue(b byte) string {
	switch b % 8 {
	case 0:
		return strings.Repeat("v", int(b)*3)
	case 1, 2, 3:
		return strconv.FormatInt(math.MaxInt64>>(b%64)*int64(1-b%2*2), 10)
	}
	return strings.Repeat("w", int(b)%24)
}

func boolInt(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func expectReply(t *testing.T, l *servertest.Local, want string, words ...string) {
	t.Helper()
	if v := l.Do(words...); v.Str != want && !(want == "" && v.Null()) {
		t.Fatalf("%s: %s, want %q", servertest.Words(words), v, want)
	}
}

// compareHash compares every way to read the hash with the model.
func compareHash(t *testing.T, l *servertest.Local, m *model) {
	t.Helper()
	if got := l.Do("HGETALL", "h").Pairs(); !maps.Equal(got, m.fields) {
		t.Fatalf("HGETALL: %q, want %q", got, m.fields)
	}
	scanned := map[string]string{}
	for cursor := "0"; ; {
		v := l.Do("HSCAN", "h", cursor, "COUNT", "7")
		maps.Copy(scanned, v.Elems[1].Pairs())
		if cursor = v.Elems[0].Str; cursor == "0" {
			break
		}
	}
	if !maps.Equal(scanned, m.fields) {
		t.Fatalf("HSCAN: %q, want %q", scanned, m.fields)
	}
	expectReply(t, l, strconv.Itoa(len(m.fields)), "HLEN", "h")
	if len(m.fields) == 0 {
		expectReply(t, l, "0", "EXISTS", "h")
		return
	}
	encoding := "listpack"
	if m.hashtable {
		encoding = "hashtable"
	}
	expectReply(t, l, encoding, "OBJECT", "ENCODING", "h")
	chosen := l.Do("HRANDFIELD", "h", "5", "WITHVALUES").Pairs()
	if len(chosen) != min(5, len(m.fields)) {
		t.Fatalf("HRANDFIELD 5 of %d gave %q", len(m.fields), chosen)
	}
	for f, v := range chosen {
		if have, ok := m.fields[f]; !ok || have != v {
			t.Fatalf("HRANDFIELD gave %q: %q, the hash has %q", f, v, have)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add([]byte{0, 1, 2, 4, 1, 0})
	f.Add([]byte("\x03\x00\x13\x03\x40\x13\x03\x80\x13\x04\x00\x00\x06\x04\x04"))
	l := newHashServer(f) // one for all: it is empty again after each
	f.Fuzz(func(t *testing.T, data []byte) { hashOps(t, l.For(t), data[:min(len(data), 3000)]) })
}

func TestHashAgainstMap(t *testing.T) {
	for range 20 {
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		data := make([]byte, 3*(1+rng.IntN(1500)))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		fields := byte(1 << (1 + rng.IntN(7))) // how many different fields
		for i := 1; i < len(data); i += 3 {
			data[i] %= fields
		}
		if hashOps(t, newHashServer(t), data); t.Failed() {
			t.FailNow()
		}
	}
}

// TestHashScanGuarantee changes a large hash between the calls: what stays is seen exactly once.
func TestHashScanGuarantee(t *testing.T) {
	l := servertest.NewLocal(t)
	const stay = 3000
	for i := range stay {
		l.Do("HSET", "h", fmt.Sprint("stay", i), "v", fmt.Sprint("go", i), "v")
	}
	seen := map[string]int{}
	cursor := "0"
	for round := 0; round == 0 || cursor != "0"; round++ {
		v := l.Do("HSCAN", "h", cursor, "COUNT", "50", "MATCH", "stay*")
		cursor = v.Elems[0].Str
		for f := range v.Elems[1].Pairs() {
			seen[f]++
		}
		for i := range 200 {
			l.Do("HDEL", "h", fmt.Sprint("go", (round*200+i)%stay))
			l.Do("HSET", "h", fmt.Sprint("new", round, i), "v")
		}
	}
	for i := range stay {
		if n := seen[fmt.Sprint("stay", i)]; n != 1 {
			t.Fatalf("field stay%d was seen %d times", i, n)
		}
	}
}

// TestHashRandomIsUniform allows six standard deviations.
func TestHashRandomIsUniform(t *testing.T) {
	for _, size := range []int{10, 300} {
		l := servertest.NewLocal(t, "--hash-max-listpack-entries", "100")
		for i := range size {
			l.Do("HSET", "h", strconv.Itoa(i), "v")
		}
		for _, count := range []string{"", "-20", "2", strconv.Itoa(size / 2), strconv.Itoa(size - 1)} {
			words := []string{"HRANDFIELD", "h", count}
			if count == "" {
				words = words[:2]
			}
			seen, total := map[string]int{}, 0
			for total < 100*size {
				v := l.Do(words...)
				fields := v.Strings()
				if slices.Sort(fields); count != "" && count[0] != '-' && len(slices.Compact(fields)) != len(v.Elems) {
					t.Fatalf("size %d, count %s: a field came twice", size, count)
				}
				for _, f := range v.Strings() {
					seen[f]++
					total++
				}
			}
			mean := float64(total) / float64(size)
			for f, n := range seen {
				if math.Abs(float64(n)-mean) > 6*math.Sqrt(mean) {
					t.Errorf("size %d, count %q: field %s came %d times, the mean is %.0f", size, count, f, n, mean)
				}
			}
			if len(seen) != size {
				t.Errorf("size %d, count %q: %d fields came", size, count, len(seen))
			}
		}
	}
}

func TestHashesDoNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t, "--hash-max-listpack-entries", "16")
	words := func(s string) []string { return strings.Fields(s) }
	for _, key := range []string{"small", "medium", "large"} {
		for i := range map[string]int{"small": 5, "medium": 50, "large": 500}[key] {
			l.Do("HSET", key, fmt.Sprint("f", i), fmt.Sprint("v", i))
		}
		k := func(s string) []string { return words(strings.ReplaceAll(s, "KEY", key)) }
		l.MustNotAllocate(k("HSET KEY f1 x1"), k("HSET KEY f1 longer f2 other"), k("HGET KEY f1"), k("HMGET KEY f1 f2 none"),
			k("HEXISTS KEY f1"), k("HSTRLEN KEY f1"), k("HLEN KEY"), k("HINCRBY KEY n 1000"), k("HSET KEY new 1"), k("HDEL KEY new"),
			k("HSETNX KEY f1 v"), k("HRANDFIELD KEY"))
	}
	l.MustNotAllocate(words("HGETALL small"), words("HKEYS small"), words("HVALS small"))
	l.MustNotAllocate(words("HSET tmp a 1 b 2 c 3 d 4 e 5"), words("HDEL tmp a b c d e"))
}
