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

// Sets: replies and errors, encodings, each encoding against a plain map, scans, chances, journal forms, memory, allocations.

func TestSetMembers(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("SADD", "s", "a", "b", "a").Int(2), do("SADD", "s", "b", "10").Int(1), do("SCARD", "s").Int(3), do("SCARD", "none").Int(0),
		do("SISMEMBER", "s", "a").Int(1), do("SISMEMBER", "s", "z").Int(0), do("SISMEMBER", "none", "a").Int(0),
		do("SISMEMBER", "s", "010").Int(0), do("SMISMEMBER", "s", "a", "z", "10").Array(1, 0, 1), do("SMISMEMBER", "none", "a", "b").Array(0, 0),
		do("SMEMBERS", "s").Sorted("a", "b", "10"), do("SMEMBERS", "none").Sorted(),
		do("SREM", "s", "a", "a", "z").Int(1), do("SREM", "none", "a").Int(0), do("SREM", "s", "b", "10", "c").Int(2), do("EXISTS", "s").Int(0),
		do("SADD", "i", "3", "-1", "70000", most, least).Int(5), do("SMEMBERS", "i").Sorted("-9223372036854775808", "-1", "3", "70000", most),
		do("SREM", "i", "3", "x").Int(1), do("SISMEMBER", "i", "x").Int(0), do("SISMEMBER", "i", most).Int(1),
		do("EXPIRE", "i", "100").Int(1), do("SADD", "i", "x").Int(1), do("TTL", "i").Between(98, 100), do("SMEMBERS", "i").Len(5),
		do("SADD", "s", "").Int(1), do("SMEMBERS", "s").Sorted(""),

		do("DEL", "s", "i").Int(2), do("SADD", "s", "a", "b").Int(2), do("SMOVE", "s", "d", "a").Int(1), do("SMOVE", "s", "d", "a").Int(0),
		do("SMEMBERS", "d").Sorted("a"), do("SADD", "d", "b").Int(1), do("SMOVE", "s", "d", "b").Int(1), do("EXISTS", "s").Int(0),
		do("SMOVE", "d", "d", "b").Int(1), do("SMOVE", "d", "d", "z").Int(0), do("SMOVE", "none", "d", "a").Int(0), do("SCARD", "d").Int(2),

		do("SADD", "s").Err("ERR wrong number"), do("SET", "str", "v").OK(), do("SADD", "str", "a").Err(wrongType),
		do("SREM", "str", "a").Err(wrongType), do("SCARD", "str").Err(wrongType), do("SISMEMBER", "str", "a").Err(wrongType),
		do("SMISMEMBER", "str", "a").Err(wrongType), do("SMEMBERS", "str").Err(wrongType), do("SMOVE", "str", "d", "a").Err(wrongType),
		do("SMOVE", "d", "str", "none").Err(wrongType), do("SMOVE", "none", "str", "a").Int(0), do("SSCAN", "str", "0", "x").Err(wrongType),
		do("SPOP", "str").Err(wrongType), do("SPOP", "str", "1").Err(wrongType), do("SRANDMEMBER", "str").Err(wrongType),
		do("SRANDMEMBER", "str", "1").Err(wrongType),
	)
}

func TestSetScanAndRandom(t *testing.T) {
	do := servertest.Do
	bounds := "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	positive := "ERR value is out of range, must be positive"
	servertest.Run(t,
		do("SADD", "s", "a", "b", "10").Int(3), do("SSCAN", "s", "0").Array("0", servertest.Sorted("a", "b", "10")),
		do("SSCAN", "s", "7", "COUNT", "1", "MATCH", "1*").Array("0", []any{"10"}), do("SSCAN", "none", "0", "x").Array("0", []any{}),
		do("SSCAN", "none", "x").Err("ERR invalid cursor"), do("SSCAN", "s", "0", "COUNT", "0").Err(syntax),
		do("SSCAN", "s", "0", "COUNT", "x").Err(notInt), do("SSCAN", "s", "0", "MATCH").Err(syntax),
		do("SADD", "i", "1", "2").Int(2), do("SSCAN", "i", "0", "match", "2").Array("0", []any{"2"}),

		do("SRANDMEMBER", "s").Match("^(a|b|10)$"), do("SRANDMEMBER", "none").Null(), do("SRANDMEMBER", "none", "5").Array(),
		do("SRANDMEMBER", "s", "0").Array(), do("SRANDMEMBER", "s", "3").Sorted("a", "b", "10"), do("SRANDMEMBER", "s", "2").Len(2),
		do("SRANDMEMBER", "i", most).Sorted("1", "2"), do("SRANDMEMBER", "i", "-7").Len(7), do("SRANDMEMBER", "s", least).Err(bounds),
		do("SRANDMEMBER", "s", "-"+most).Err("ERR value is out of range"), do("SRANDMEMBER", "s", "x").Err(notInt),
		do("SRANDMEMBER", "s", "x", "y").Err(syntax),
		do("SPOP", "s", "x").Err(positive), do("SPOP", "s", "-1").Err(positive), do("SPOP", "s", "9223372036854775808").Err(positive),
		do("SPOP", "s", "1", "2").Err(syntax), do("SPOP", "none").Null(), do("SPOP", "none", "3").Sorted(), do("SPOP", "s", "0").Sorted(),
		do("SPOP", "s", most).Sorted("a", "b", "10"), do("EXISTS", "s").Int(0), do("SADD", "one", "1").Int(1), do("SPOP", "one").Bulk("1"),
		do("EXISTS", "one").Int(0), do("SADD", "two", "x", "y").Int(2), do("SADD", "kept", "x", "y", "5").Int(3),
		do("SREM", "kept", "5").Int(1), do("SPOP", "two", "2").Sorted("x", "y"),
	)
}

func TestSetAlgebra(t *testing.T) {
	do := servertest.Do
	few, many := "ERR numkeys should be greater than 0", "ERR Number of keys can't be greater than number of args"
	limit := "ERR LIMIT can't be negative"
	servertest.Run(t,
		do("SADD", "a", "1", "2", "3", "x").Int(4), do("SADD", "b", "3", "x", "y").Int(3), do("SADD", "i", "2", "3", "4").Int(3),
		do("SINTER", "a", "b").Sorted("3", "x"), do("SINTER", "a", "b", "i").Sorted("3"), do("SINTER", "a", "none").Sorted(),
		do("SINTER", "a").Sorted("1", "2", "3", "x"), do("SINTER", "none").Sorted(), do("SINTER", "a", "a", "a").Len(4),
		do("SUNION", "a", "b", "none").Sorted("1", "2", "3", "x", "y"), do("SUNION", "none").Sorted(),
		do("SUNION", "a", "b", "a", "b", "i", "i", "none", "a", "a", "a").Sorted("1", "2", "3", "4", "x", "y"),
		do("SDIFF", "a", "b").Sorted("1", "2"), do("SDIFF", "a", "none").Len(4), do("SDIFF", "none", "a").Sorted(), do("SDIFF", "a", "a").Sorted(),
		do("SDIFF", "a", "b", "i").Sorted("1"), do("SDIFF", "a").Len(4), do("SDIFF", "none").Sorted(), do("SDIFF", "a", "i", "a").Sorted(),
		do("SINTERCARD", "2", "a", "b").Int(2), do("SINTERCARD", "2", "a", "b", "LIMIT", "1").Int(1),
		do("SINTERCARD", "2", "a", "b", "limit", "0").Int(2), do("SINTERCARD", "2", "a", "none").Int(0),
		do("SINTERCARD", "0", "a").Err(few), do("SINTERCARD", "x", "a").Err(few), do("SINTERCARD", most, "a").Err(many),
		do("SINTERCARD", "2", "a").Err(many), do("SINTERCARD", "1", "a", "b").Err(syntax), do("SINTERCARD", "1", "a", "LIMIT").Err(syntax),
		do("SINTERCARD", "1", "a", "LIMIT", "-1").Err(limit), do("SINTERCARD", "1", "a", "LIMIT", "x").Err(limit),
		do("SINTERCARD", "1", "a", "LIMIT", "3", "LIMIT", "2").Int(2),

		do("SINTERSTORE", "d", "a", "b").Int(2), do("SMEMBERS", "d").Sorted("3", "x"), do("EXPIRE", "d", "100").Int(1),
		do("SUNIONSTORE", "d", "d", "b").Int(3), do("TTL", "d").Int(-1), do("SMEMBERS", "d").Sorted("3", "x", "y"),
		do("SDIFFSTORE", "d", "a", "d").Int(2), do("SMEMBERS", "d").Sorted("1", "2"), do("SDIFFSTORE", "d", "d", "a").Int(0),
		do("EXISTS", "d").Int(0), do("SINTERSTORE", "d", "a", "none").Int(0), do("SET", "str", "v").OK(),
		do("SINTERSTORE", "str", "a", "str").Err(wrongType), do("SUNIONSTORE", "str", "a").Int(4), do("TYPE", "str").Simple("set"),
		do("SET", "str", "v").OK(), do("SDIFFSTORE", "str", "none").Int(0), do("EXISTS", "str").Int(0), do("SET", "str", "v").OK(),
		do("SINTER", "a", "str").Err(wrongType), do("SINTER", "none", "str").Err(wrongType), do("SUNION", "none", "str").Err(wrongType),
		do("SDIFF", "none", "str").Err(wrongType), do("SINTERCARD", "2", "none", "str").Err(wrongType),
		do("SUNIONSTORE", "d", "none", "str").Err(wrongType), do("SDIFFSTORE", "d", "none", "str").Err(wrongType),
	)
}

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, strconv.Itoa(i))
	}
	return out
}

// TestSetEncodings are the cases in which redis-server 7.2 converts.
func TestSetEncodings(t *testing.T) {
	l := servertest.NewLocal(t)
	encoding := func(what, want string) {
		t.Helper()
		if got := l.Do("OBJECT", "ENCODING", "s"); got.Str != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	add := func(members ...string) { l.Do(append([]string{"SADD", "s"}, members...)...) }
	for _, c := range []struct {
		what, want string
		make       func()
	}{
		{"one integer", "intset", func() { add("1") }},
		{"one string", "listpack", func() { add("a") }},
		{"an integer in more than 64 bits", "listpack", func() { add("9223372036854775808") }},
		{"a number that is not canonical", "listpack", func() { add("01") }},
		{"512 integers", "intset", func() { add(numbers(0, 512)...) }},
		{"513 integers, one after the other", "hashtable", func() {
			for _, n := range numbers(0, 513) {
				add(n)
			}
		}},
		{"513 integers at once", "hashtable", func() { add(numbers(0, 513)...) }},
		{"127 integers and a string", "listpack", func() { add(numbers(0, 127)...); add("a") }},
		{"128 integers and a string", "hashtable", func() { add(numbers(0, 128)...); add("a") }},
		{"an integer and a string of 64 bytes", "listpack", func() { add("1"); add(strings.Repeat("a", 64)) }},
		{"an integer and a string of 65 bytes", "hashtable", func() { add("1"); add(strings.Repeat("a", 65)) }},
		{"a string and one of 65 bytes", "hashtable", func() { add("a"); add(strings.Repeat("a", 65)) }},
		{"a string of 65 bytes", "hashtable", func() { add(strings.Repeat("a", 65)) }},
		{"a string and 127 integers", "listpack", func() { add("a"); add(numbers(0, 127)...) }},
		{"a string and 128 integers", "hashtable", func() { add("a"); add(numbers(0, 128)...) }},
		{"a string and the same 129 times", "hashtable", func() { add("a"); add(slices.Repeat([]string{"a"}, 129)...) }},
		{"513 times the same integer", "listpack", func() {
			l.Do("CONFIG", "SET", "set-max-listpack-entries", "600")
			add(slices.Repeat([]string{"1"}, 513)...)
		}},
		{"back from a table", "hashtable", func() { add(numbers(0, 513)...); l.Do(append([]string{"SREM", "s"}, numbers(0, 512)...)...) }},
		{"SPOP that leaves few", "listpack", func() { add(numbers(0, 600)...); l.Do("SPOP", "s", "590") }},
		{"SPOP that leaves many", "hashtable", func() { add(numbers(0, 600)...); l.Do("SPOP", "s", "490") }},
		{"SINTERSTORE of integers out of a table", "intset", func() {
			add(append(numbers(0, 600), "x")...)
			l.Do("SADD", "o", "3", "4", "y")
			l.Do("SINTERSTORE", "s", "s", "o")
		}},
		{"SINTERSTORE of few members out of a table", "listpack", func() {
			add(append(numbers(0, 600), "x")...)
			l.Do("SADD", "o", "3", "x")
			l.Do("SINTERSTORE", "s", "s", "o")
		}},
		{"SUNIONSTORE of integers", "intset", func() { add("1"); l.Do("SADD", "o", "x"); l.Do("SREM", "o", "x"); l.Do("SUNIONSTORE", "s", "s", "o") }},
		{"SUNIONSTORE of integers and a string", "listpack", func() { add("1"); l.Do("SADD", "o", "x"); l.Do("SUNIONSTORE", "s", "s", "o") }},
		{"SDIFFSTORE that leaves integers", "intset", func() { add("1", "x"); l.Do("SADD", "o", "x"); l.Do("SDIFFSTORE", "s", "s", "o") }},
	} {
		l.Do("FLUSHALL")
		l.Do("CONFIG", "SET", "set-max-listpack-entries", "128")
		c.make()
		encoding(c.what, c.want)
	}
}

// setModel is a set as a map, with the name that OBJECT ENCODING must give it.
type setModel struct {
	members  map[string]bool
	encoding string
}

const setModelInts, setModelEntries, setModelBytes = 9, 12, 20 // of the servers that models are compared with

func isCanonical(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == s
}

// coming notes that n members will be added, the first of which is given.
func (m *setModel) coming(n int, first string) {
	switch {
	case len(m.members) == 0 && isCanonical(first) && n <= setModelInts:
		m.encoding = "intset"
	case len(m.members) == 0 && n <= setModelEntries:
		m.encoding = "listpack"
	case len(m.members) == 0, m.encoding == "listpack" && n > setModelEntries, m.encoding == "intset" && n > setModelInts:
		m.encoding = "hashtable"
	}
}

func (m *setModel) add(member string) {
	if m.members[member] {
		return
	}
	fits := len(m.members) < setModelEntries && len(member) <= setModelBytes
	switch {
	case m.encoding == "intset" && isCanonical(member):
		if len(m.members) >= setModelInts {
			m.encoding = "hashtable"
		}
	case m.encoding != "hashtable" && fits:
		m.encoding = "listpack"
	default:
		m.encoding = "hashtable"
	}
	m.members[member] = true
}

func newSetServer(t testing.TB) *servertest.Local {
	return servertest.NewLocal(t, "--set-max-intset-entries", strconv.Itoa(setModelInts),
		"--set-max-listpack-entries", strconv.Itoa(setModelEntries), "--set-max-listpack-value", strconv.Itoa(setModelBytes))
}

// setOps plays operations decoded from bytes on two sets and compares every reply.
func setOps(t *testing.T, l *servertest.Local, data []byte) {
	keys := [2]string{"s0", "s1"}
	models := [2]*setModel{{members: map[string]bool{}}, {members: map[string]bool{}}}
	for n := 0; len(data) >= 3; n++ {
		op, a, b := data[0], data[1], data[2]
		data = data[3:]
		key, m, o := keys[op>>7], models[op>>7], models[1-op>>7]
		member := opField(a)
		switch op % 8 {
		case 0, 1:
			m.coming(1, member)
			expectReply(t, l, boolInt(!m.members[member]), "SADD", key, member)
			m.add(member)
		case 2:
			words, before := []string{"SADD", key}, len(m.members)
			for k := range int(b)%20 + 1 {
				words = append(words, opField(a+byte(k)))
			}
			m.coming(len(words)-2, words[2])
			for _, w := range words[2:] {
				m.add(w)
			}
			expectReply(t, l, strconv.Itoa(len(m.members)-before), words...)
		case 3, 4:
			expectReply(t, l, boolInt(m.members[member]), "SREM", key, member)
			delete(m.members, member)
		case 5:
			had := m.members[member]
			expectReply(t, l, boolInt(had), "SMOVE", key, keys[1-op>>7], member)
			if had {
				delete(m.members, member)
				o.coming(1, member)
				o.add(member)
			}
		case 6:
			gone := l.Do("SPOP", key, strconv.Itoa(int(b)%4)).Strings() // never most of more than a few
			size := len(m.members)
			for _, w := range gone {
				if !m.members[w] {
					t.Fatalf("SPOP gave %q", w)
				}
				delete(m.members, w)
			}
			if len(gone) != min(size, int(b)%4) {
				t.Fatalf("SPOP gave %d", len(gone))
			}
			if len(m.members)*5 <= len(gone) && len(m.members) > 0 {
				m.encoding = l.Do("OBJECT", "ENCODING", key).Str
			}
		case 7:
			expectReply(t, l, boolInt(m.members[member]), "SISMEMBER", key, member)
			compareAlgebra(t, l, models)
		}
		if n%16 == 0 || len(data) < 3 {
			compareSet(t, l, keys[0], models[0])
			compareSet(t, l, keys[1], models[1])
		}
	}
	l.Do("DEL", "s0", "s1", "d")
}

func compareAlgebra(t *testing.T, l *servertest.Local, m [2]*setModel) {
	t.Helper()
	inter, union, diff := map[string]bool{}, maps.Clone(m[0].members), map[string]bool{}
	for w := range m[0].members {
		if m[1].members[w] {
			inter[w] = true
		} else {
			diff[w] = true
		}
	}
	maps.Copy(union, m[1].members)
	for _, c := range []struct {
		name string
		want map[string]bool
	}{{"SINTER", inter}, {"SUNION", union}, {"SDIFF", diff}} {
		sameMembers(t, c.name, l.Do(c.name, "s0", "s1").Strings(), c.want)
		expectReply(t, l, strconv.Itoa(len(c.want)), c.name+"STORE", "d", "s0", "s1")
		sameMembers(t, c.name+"STORE", l.Do("SMEMBERS", "d").Strings(), c.want)
	}
	expectReply(t, l, strconv.Itoa(len(inter)), "SINTERCARD", "2", "s0", "s1")
}

func sameMembers(t *testing.T, what string, got []string, want map[string]bool) {
	t.Helper()
	if members := slices.Sorted(maps.Keys(want)); !slices.Equal(slices.Sorted(slices.Values(got)), members) {
		t.Fatalf("%s: %q, want %q", what, got, members)
	}
}

// compareSet compares every way to read the set with the model.
func compareSet(t *testing.T, l *servertest.Local, key string, m *setModel) {
	t.Helper()
	sameMembers(t, "SMEMBERS", l.Do("SMEMBERS", key).Strings(), m.members)
	var scanned []string
	for cursor := "0"; ; {
		v := l.Do("SSCAN", key, cursor, "COUNT", "7")
		scanned = append(scanned, v.Elems[1].Strings()...)
		if cursor = v.Elems[0].Str; cursor == "0" {
			break
		}
	}
	sameMembers(t, "SSCAN", scanned, m.members)
	expectReply(t, l, strconv.Itoa(len(m.members)), "SCARD", key)
	if len(m.members) == 0 {
		expectReply(t, l, "0", "EXISTS", key)
		return
	}
	expectReply(t, l, m.encoding, "OBJECT", "ENCODING", key)
	chosen := l.Do("SRANDMEMBER", key, "5").Strings()
	if len(chosen) != min(5, len(m.members)) {
		t.Fatalf("SRANDMEMBER 5 of %d gave %q", len(m.members), chosen)
	}
	for _, w := range chosen {
		if !m.members[w] {
			t.Fatalf("SRANDMEMBER gave %q", w)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte{0, 1, 2, 4, 1, 0})
	f.Add([]byte("\x02\x00\x13\x02\x40\x13\x82\x80\x13\x04\x00\x00\x07\x04\x04\x05\x00\x00"))
	l := newSetServer(f) // one for all: it is empty again after each
	f.Fuzz(func(t *testing.T, data []byte) { setOps(t, l.For(t), data[:min(len(data), 3000)]) })
}

func TestSetAgainstMap(t *testing.T) {
	for range 20 {
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		data := make([]byte, 3*(1+rng.IntN(1000)))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		members := byte(1 << (1 + rng.IntN(7))) // how many different members
		for i := 1; i < len(data); i += 3 {
			data[i] %= members
		}
		if setOps(t, newSetServer(t), data); t.Failed() {
			t.FailNow()
		}
	}
}

// TestSetLarge: the ways that only large sets go, and that their memory comes back.
func TestSetLarge(t *testing.T) {
	l := servertest.NewLocal(t)
	before := l.Engine.Keyspace.Used()
	want := map[string]bool{}
	for i := range 5000 {
		m := fmt.Sprint("member:", i)
		want[m] = true
		l.Do("SADD", "a", m)
		if i%2 == 0 {
			l.Do("SADD", "b", m)
		}
	}
	if n := len(l.Do("SINTER", "a", "b").Elems); n != 2500 {
		t.Errorf("SINTER: %d", n)
	}
	if n := l.Do("SDIFFSTORE", "c", "a", "b", "none", "b", "b", "none").Int; n != 2500 {
		t.Errorf("SDIFFSTORE: %d", n)
	}
	if n := len(l.Do("SDIFF", "a", "x", "x", "x", "b", "x").Elems); n != 2500 {
		t.Errorf("SDIFF: %d", n)
	}
	if n := len(l.Do("SUNION", "a", "b", "c", "a", "b", "c", "a", "b", "c").Elems); n != 5000 {
		t.Errorf("SUNION: %d", n)
	}
	got := append(l.Do("SPOP", "a", "3000").Strings(), l.Do("SMEMBERS", "a").Strings()...)
	sameMembers(t, "SPOP and what it left", got, want)
	l.Do("COPY", "a", "copy")
	l.Do("SPOP", "a", "1999")
	l.Do("SPOP", "a")
	if n := l.Do("EXISTS", "a").Int; n != 0 {
		t.Error("an empty set is still there")
	}
	if n := l.Do("SCARD", "copy").Int; n != 2000 {
		t.Errorf("the copy has %d members", n)
	}
	l.Do("DEL", "b", "c", "copy")
	for l.Engine.Keyspace.FreeStep() {
	}
	if after := l.Engine.Keyspace.Used(); after != before {
		t.Errorf("%d bytes are in use, %d were before", after, before)
	}
}

// TestSetScanGuarantee changes a large set between the calls: what stays is seen exactly once.
func TestSetScanGuarantee(t *testing.T) {
	l := servertest.NewLocal(t)
	const stay = 3000
	for i := range stay {
		l.Do("SADD", "s", fmt.Sprint("stay", i), fmt.Sprint("go", i))
	}
	seen := map[string]int{}
	cursor := "0"
	for round := 0; round == 0 || cursor != "0"; round++ {
		v := l.Do("SSCAN", "s", cursor, "COUNT", "50", "MATCH", "stay*")
		cursor = v.Elems[0].Str
		for _, m := range v.Elems[1].Strings() {
			seen[m]++
		}
		for i := range 200 {
			l.Do("SREM", "s", fmt.Sprint("go", (round*200+i)%stay))
			l.Do("SADD", "s", fmt.Sprint("new", round, i))
		}
	}
	for i := range stay {
		if n := seen[fmt.Sprint("stay", i)]; n != 1 {
			t.Fatalf("member stay%d was seen %d times", i, n)
		}
	}
}

// TestSetRandomIsUniform allows six standard deviations.
func TestSetRandomIsUniform(t *testing.T) {
	for _, size := range []int{10, 90, 300} {
		l := servertest.NewLocal(t, "--set-max-listpack-entries", "100", "--set-max-intset-entries", "30")
		for i := range size {
			l.Do("SADD", "s", strconv.Itoa(i))
		}
		for _, count := range []string{"", "-20", "2", strconv.Itoa(size / 2), strconv.Itoa(size - 1)} {
			words := []string{"SRANDMEMBER", "s", count}
			if count == "" {
				words = words[:2]
			}
			seen, total := map[string]int{}, 0
			for total < 100*size {
				for _, m := range l.Do(words...).Strings() {
					seen[m]++
					total++
				}
			}
			mean := float64(total) / float64(size)
			for m, n := range seen {
				if math.Abs(float64(n)-mean) > 6*math.Sqrt(mean) {
					t.Errorf("size %d, count %q: member %s came %d times, the mean is %.0f", size, count, m, n, mean)
				}
			}
			if len(seen) != size {
				t.Errorf("size %d, count %q: %d members came", size, count, len(seen))
			}
		}
	}
}

func TestJournalOfSets(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"SADD s a b", "SADD s a b"}, {"SADD s a", ""}, {"SADD s a c", "SADD s a c"}, {"SREM s z", ""}, {"SREM s a z", "SREM s a z"},
		{"SMOVE s d z", ""}, {"SMOVE s d b", "SMOVE s d b"}, {"SMOVE s s c", ""}, {"SPOP s", "SREM s c"}, {"SPOP s", ""}, {"SPOP d 0", ""},
		{"SADD d a", "SADD d a"}, {"SPOP d 5", "DEL d"}, {"SADD a x y", "SADD a x y"}, {"SRANDMEMBER a", ""}, {"SINTERSTORE d a a", "SINTERSTORE d a a"},
		{"SINTERSTORE e a none", ""}, {"SDIFFSTORE d a a", "SDIFFSTORE d a a"}, {"SUNIONSTORE d none", ""}, {"SSCAN a 0", ""},
	})
	l := servertest.NewLocal(t)
	r := &recorder{}
	l.Do(append([]string{"SADD", "s"}, numbers(0, 3000)...)...)
	l.Engine.Journal = r
	gone := l.Do("SPOP", "s", "2500").Strings()
	var named []string
	for _, record := range r.records {
		words := strings.Fields(record)
		if words[0] != "SREM" || words[1] != "s" {
			t.Fatalf("the journal has %.60q", record)
		}
		named = append(named, words[2:]...)
	}
	if !slices.Equal(named, gone) || len(r.records) != 3 {
		t.Errorf("%d records name %d members, %d are gone", len(r.records), len(named), len(gone))
	}
}

func TestSetsDoNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t, "--set-max-listpack-entries", "16", "--set-max-intset-entries", "16")
	words := strings.Fields
	for _, key := range []string{"small", "medium", "large"} {
		for i := range map[string]int{"small": 5, "medium": 50, "large": 500}[key] {
			l.Do("SADD", key, fmt.Sprint("m", i))
		}
		k := func(s string) []string { return words(strings.ReplaceAll(s, "KEY", key)) }
		l.MustNotAllocate(k("SADD KEY m1"), k("SADD KEY new"), k("SREM KEY new"), k("SISMEMBER KEY m1"), k("SMISMEMBER KEY m1 none"),
			k("SCARD KEY"), k("SADD KEY 1000"), k("SREM KEY 1000"))
	}
	l.MustNotAllocate(words("SMEMBERS small"), words("SADD i 5 1 3"), words("SPOP i"), words("SREM i 1 3 5"), words("SPOP i"))
	l.MustNotAllocate(words("SADD tmp a b c d e"), words("SPOP tmp"), words("SPOP tmp"), words("SREM tmp a b c d e"), words("SPOP tmp"))
}
