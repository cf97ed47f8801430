package commands_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// Lists: replies and errors, encodings, both encodings against a plain slice, journal forms, memory, allocations.

func TestListEnds(t *testing.T) {
	do := servertest.Do
	positive, keys, count := "ERR value is out of range, must be positive", "ERR numkeys should be greater than 0", "ERR count should be greater than 0"
	servertest.Run(t,
		do("RPUSH", "l", "a", "b").Int(2), do("LPUSH", "l", "c", "d").Int(4), do("LRANGE", "l", "0", "-1").Array("d", "c", "a", "b"),
		do("LLEN", "l").Int(4), do("LLEN", "none").Int(0), do("RPUSHX", "none", "a").Int(0), do("LPUSHX", "none", "a").Int(0),
		do("EXISTS", "none").Int(0), do("RPUSHX", "l", "e", "f").Int(6), do("LPUSHX", "l", "g").Int(7),
		do("LPOP", "l").Bulk("g"), do("RPOP", "l").Bulk("f"), do("LPOP", "none").Null(), do("RPOP", "none", "1").Null(),
		do("LPOP", "none", "0").Null(), do("LPOP", "l", "0").Array(), do("LPOP", "l", "2").Array("d", "c"), do("RPOP", "l", "2").Array("e", "b"),
		do("RPOP", "l", most).Array("a"), do("EXISTS", "l").Int(0), do("RPUSH", "l", "1").Int(1), do("LPOP", "l").Bulk("1"), do("EXISTS", "l").Int(0),
		do("LPOP", "none", "-1").Err(positive), do("RPOP", "none", "x").Err(positive), do("LPOP", "none", "1", "2").Err("ERR wrong number of arguments for 'lpop' command"),
		do("RPOP", "none", "1", "2").Err("ERR wrong number of arguments for 'rpop' command"), do("RPUSH", "l").Err("ERR wrong number"),

		do("RPUSH", "l", "1", "2", "3").Int(3), do("LMOVE", "l", "d", "LEFT", "right").Bulk("1"), do("RPOPLPUSH", "l", "d").Bulk("3"),
		do("LRANGE", "d", "0", "-1").Array("3", "1"), do("LMOVE", "l", "d", "RIGHT", "RIGHT").Bulk("2"), do("EXISTS", "l").Int(0),
		do("LMOVE", "d", "d", "LEFT", "RIGHT").Bulk("3"), do("LRANGE", "d", "0", "-1").Array("1", "2", "3"),
		do("LMOVE", "d", "d", "RIGHT", "LEFT").Bulk("3"), do("LMOVE", "d", "d", "LEFT", "LEFT").Bulk("3"), do("LRANGE", "d", "0", "-1").Array("3", "1", "2"),
		do("RPUSH", "one", "x").Int(1), do("EXPIRE", "one", "100").Int(1), do("RPOPLPUSH", "one", "one").Bulk("x"), do("TTL", "one").Between(98, 100),
		do("LMOVE", "none", "d", "LEFT", "LEFT").Null(), do("RPOPLPUSH", "none", "d").Null(), do("LMOVE", "d", "d", "UP", "LEFT").Err(syntax),
		do("LMOVE", "d", "d", "LEFT", "UP").Err(syntax),

		do("LMPOP", "2", "none", "d", "LEFT").Array("d", []any{"3"}), do("LMPOP", "1", "d", "RIGHT", "COUNT", "5").Array("d", []any{"2", "1"}),
		do("LMPOP", "1", "d", "LEFT").Null(), do("LMPOP", "0", "d", "LEFT").Err(keys), do("LMPOP", "x", "d", "LEFT").Err(keys),
		do("LMPOP", "2", "d", "LEFT").Err(syntax), do("LMPOP", most, "d", "LEFT").Err(syntax), do("LMPOP", "1", "d", "UP").Err(syntax),
		do("LMPOP", "1", "d", "LEFT", "COUNT").Err(syntax), do("LMPOP", "1", "d", "LEFT", "COUNT", "0").Err(count),
		do("LMPOP", "1", "d", "LEFT", "COUNT", "x").Err(count), do("LMPOP", "1", "d", "LEFT", "COUNT", "1", "COUNT", "1").Err(syntax),
		do("LMPOP", "1", "d", "LEFT", "FOO", "1").Err(syntax),

		do("SET", "s", "v").OK(), do("RPUSH", "s", "a").Err(wrongType), do("LPUSHX", "s", "a").Err(wrongType), do("LPOP", "s").Err(wrongType),
		do("RPOP", "s", "0").Err(wrongType), do("LPOP", "s", "x").Err(positive), do("LLEN", "s").Err(wrongType), do("RPOPLPUSH", "s", "s").Err(wrongType),
		do("RPOPLPUSH", "one", "s").Err(wrongType), do("LMOVE", "none", "s", "LEFT", "LEFT").Null(), do("LMPOP", "2", "none", "s", "LEFT").Err(wrongType),
		do("LRANGE", "one", "0", "-1").Array("x"),
	)
}

func TestListPlaces(t *testing.T) {
	do := servertest.Do
	noKey, outside := "ERR no such key", "ERR index out of range"
	rank := "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	bounds := "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	servertest.Run(t,
		do("RPUSH", "l", "a", "b", "c", "1", "a", "2").Int(6), do("LINDEX", "l", "0").Bulk("a"), do("LINDEX", "l", "-1").Bulk("2"),
		do("LINDEX", "l", "6").Null(), do("LINDEX", "l", "-7").Null(), do("LINDEX", "l", most).Null(), do("LINDEX", "l", least).Null(),
		do("LINDEX", "none", "x").Null(), do("LINDEX", "l", "x").Err(notInt),
		do("LRANGE", "l", "1", "2").Array("b", "c"), do("LRANGE", "l", "-2", "-1").Array("a", "2"), do("LRANGE", "l", "3", "2").Array(),
		do("LRANGE", "l", least, most).Len(6), do("LRANGE", "l", most, least).Array(), do("LRANGE", "l", "-100", "0").Array("a"),
		do("LRANGE", "l", "6", "9").Array(), do("LRANGE", "none", "0", "-1").Array(), do("LRANGE", "none", "x", "0").Err(notInt),
		do("LRANGE", "none", "0", "9223372036854775808").Err(notInt),
		do("LSET", "l", "1", "B").OK(), do("LSET", "l", "-1", "1000").OK(), do("LSET", "l", "6", "x").Err(outside), do("LSET", "l", "-7", "x").Err(outside),
		do("LSET", "l", "4294967296", "x").Err(outside), do("LSET", "none", "x", "v").Err(noKey), do("LSET", "l", "x", "v").Err(notInt),
		do("LRANGE", "l", "0", "-1").Array("a", "B", "c", "1", "a", "1000"),
		do("LINSERT", "l", "BEFORE", "a", "x").Int(7), do("LINSERT", "l", "after", "1000", "y").Int(8), do("LINSERT", "l", "AFTER", "c", "z").Int(9),
		do("LINSERT", "l", "AFTER", "none", "z").Int(-1), do("LINSERT", "none", "AFTER", "a", "z").Int(0), do("LINSERT", "none", "AT", "a", "z").Err(syntax),
		do("LRANGE", "l", "0", "-1").Array("x", "a", "B", "c", "z", "1", "a", "1000", "y"),

		do("LPOS", "l", "a").Int(1), do("LPOS", "l", "a", "RANK", "2").Int(6), do("LPOS", "l", "a", "RANK", "3").Null(), do("LPOS", "l", "a", "RANK", "-1").Int(6),
		do("LPOS", "l", "a", "RANK", "-2").Int(1), do("LPOS", "l", "a", "COUNT", "0").Array(1, 6), do("LPOS", "l", "a", "COUNT", "0", "RANK", "-1").Array(6, 1),
		do("LPOS", "l", "a", "COUNT", "1").Array(1), do("LPOS", "l", "a", "COUNT", "0", "MAXLEN", "6").Array(1), do("LPOS", "l", "a", "MAXLEN", "1").Null(),
		do("LPOS", "l", "a", "MAXLEN", "2", "RANK", "-1").Null(), do("LPOS", "l", "a", "MAXLEN", "3", "RANK", "-1").Int(6), do("LPOS", "l", "none").Null(),
		do("LPOS", "l", "none", "COUNT", "2").Array(), do("LPOS", "none", "a").Null(), do("LPOS", "none", "a", "COUNT", "2").Array(),
		do("LPOS", "l", "1000").Int(7), do("LPOS", "l", "a", "RANK", "0").Err(rank), do("LPOS", "l", "a", "RANK", least).Err(bounds),
		do("LPOS", "l", "a", "RANK", "x").Err(notInt), do("LPOS", "l", "a", "COUNT", "-1").Err("ERR COUNT can't be negative"),
		do("LPOS", "l", "a", "MAXLEN", "-1").Err("ERR MAXLEN can't be negative"), do("LPOS", "l", "a", "RANK").Err(syntax), do("LPOS", "l", "a", "FOO", "1").Err(syntax),
		do("LPOS", "l", "a", "RANK", "-9223372036854775807").Null(),

		do("LREM", "l", "1", "a").Int(1), do("LRANGE", "l", "0", "2").Array("x", "B", "c"), do("LREM", "l", "0", "none").Int(0), do("LREM", "none", "0", "a").Int(0),
		do("LREM", "none", "x", "a").Err(notInt), do("RPUSH", "r", "a", "b", "a", "b", "a").Int(5), do("LREM", "r", "-2", "a").Int(2),
		do("LRANGE", "r", "0", "-1").Array("a", "b", "b"), do("LREM", "r", least, "b").Int(2), do("LREM", "r", "5", "a").Int(1), do("EXISTS", "r").Int(0),
		do("RPUSH", "t", "1", "2", "3", "4", "5").Int(5), do("LTRIM", "t", "1", "-2").OK(), do("LRANGE", "t", "0", "-1").Array("2", "3", "4"),
		do("LTRIM", "t", least, most).OK(), do("LLEN", "t").Int(3), do("LTRIM", "t", "2", "1").OK(), do("EXISTS", "t").Int(0), do("LTRIM", "none", "0", "1").OK(),
		do("LTRIM", "none", "0", "x").Err(notInt),

		do("SET", "s", "v").OK(), do("LINDEX", "s", "x").Err(wrongType), do("LRANGE", "s", "0", "1").Err(wrongType), do("LRANGE", "s", "x", "1").Err(notInt),
		do("LSET", "s", "x", "v").Err(wrongType), do("LINSERT", "s", "AFTER", "a", "b").Err(wrongType), do("LPOS", "s", "a").Err(wrongType),
		do("LPOS", "s", "a", "RANK", "0").Err(rank), do("LREM", "s", "0", "a").Err(wrongType), do("LTRIM", "s", "0", "1").Err(wrongType),
	)
}

// TestListLarge runs both encodings, and large elements, over sockets and through the journal.
func TestListLarge(t *testing.T) {
	do := servertest.Do
	big := strings.Repeat("b", 100_000)
	steps := []*servertest.Step{do("RPUSH", "b", big, "small", big).Int(3), do("LINDEX", "b", "2").Bulk(big), do("LSET", "b", "0", "now small").OK(),
		do("LPOP", "b", "2").Array("now small", "small"), do("LMOVE", "b", "c", "LEFT", "LEFT").Bulk(big), do("LPUSH", "c", "x").Int(2), do("RPOP", "c").Bulk(big)}
	for i := range 100 {
		words := []string{"RPUSH", "l"}
		for k := range 30 {
			words = append(words, strings.Repeat("v", k)+strconv.Itoa(i))
		}
		steps = append(steps, do(words...).Int(int64(30*(i+1))))
	}
	steps = append(steps, do("OBJECT", "ENCODING", "l").Bulk("quicklist"), do("LINDEX", "l", "1500").Bulk("50"), do("LRANGE", "l", "-30", "-29").Array("99", "v99"),
		do("LRANGE", "l", "0", "-1").Len(3000), do("LINSERT", "l", "BEFORE", "vv70", "new").Int(3001), do("LPOS", "l", "new").Int(2102),
		do("LTRIM", "l", "2100", "2104").OK(), do("LRANGE", "l", "0", "-1").Array("70", "v70", "new", "vv70", "vvv70"),
		do("OBJECT", "ENCODING", "l").Bulk("listpack"))
	servertest.Run(t, steps...)
}

// TestListEncodings are the cases in which redis-server 7.2 converts.
func TestListEncodings(t *testing.T) {
	l := servertest.NewLocal(t)
	e := func(n int) string { return strings.Repeat("e", n) }
	push := func(elems ...string) { l.Do(append([]string{"RPUSH", "l"}, elems...)...) }
	limit := func(n string) { l.Do("CONFIG", "SET", "list-max-listpack-size", n) }
	for _, c := range []struct {
		what, want string
		make       func()
	}{
		{"an element", "listpack", func() { push("a") }},
		{"8185 bytes in one element", "listpack", func() { push(e(8185)) }},
		{"8186 bytes in one element", "quicklist", func() { push(e(8186)) }},
		{"two of 4000", "listpack", func() { push(e(4000)); push(e(4000)) }},
		{"two of 4088", "quicklist", func() { push(e(4088)); push(e(4098)) }},
		{"numbers that are judged by their digits", "listpack", func() { push(slices.Repeat([]string{"1000000"}, 1169)...) }},
		{"more numbers that are judged by their digits", "quicklist", func() { push(slices.Repeat([]string{"1000000"}, 1170)...) }},
		{"5 with a limit of 5", "listpack", func() { limit("5"); push("1", "2", "3", "4", "5") }},
		{"6 with a limit of 5", "quicklist", func() { limit("5"); push("1", "2", "3", "4", "5"); push("6") }},
		{"LSET that makes it large", "quicklist", func() { push("a", "b"); l.Do("LSET", "l", "0", e(8186)) }},
		{"LSET that makes it small", "listpack", func() { push("a", "b"); l.Do("LSET", "l", "0", e(8186)); l.Do("LSET", "l", "0", "a") }},
		{"LINSERT that makes it large", "quicklist", func() { push("a", "b"); l.Do("LINSERT", "l", "BEFORE", "a", e(8186)) }},
		{"LINSERT that could have", "quicklist", func() { push("a", "b"); l.Do("LINSERT", "l", "BEFORE", "none", e(8186)) }},
		{"pops down to half", "listpack", func() { limit("6"); push("1", "2", "3", "4", "5", "6", "7"); l.Do("RPOP", "l", "4") }},
		{"pops down to more than half", "quicklist", func() { limit("6"); push("1", "2", "3", "4", "5", "6", "7"); l.Do("RPOP", "l", "3") }},
		{"pops that leave two chunks", "quicklist", func() { limit("6"); push("1", "2", "3", "4", "5", "6", "7"); l.Do("LPOP", "l", "4") }},
		{"LTRIM down to half", "listpack", func() { limit("6"); push("1", "2", "3", "4", "5", "6", "7"); l.Do("LTRIM", "l", "2", "4") }},
		{"LREM down to half", "listpack", func() {
			limit("6")
			push("1", "2", "1", "4", "1", "1", "7")
			l.Do("LPOP", "l")
			l.Do("RPOP", "l")
			l.Do("LREM", "l", "0", "1")
		}},
		{"LMOVE down to half", "listpack", func() {
			limit("6")
			push("1", "2", "3", "4", "5", "6", "7")
			for range 4 {
				l.Do("LMOVE", "l", "o", "RIGHT", "LEFT")
			}
		}},
	} {
		l.Do("FLUSHALL")
		limit("-2")
		c.make()
		if got := l.Do("OBJECT", "ENCODING", "l"); got.Str != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

var listLimits = []string{"-2", "-1", "4", "1", "20"}

// listOps plays operations decoded from bytes on two lists and compares every reply with slices of strings.
func listOps(t *testing.T, l *servertest.Local, data []byte) {
	if len(data) == 0 {
		return
	}
	l.Do("CONFIG", "SET", "list-max-listpack-size", listLimits[int(data[0])%len(listLimits)])
	keys, models := [2]string{"l0", "l1"}, [2][]string{}
	for data = data[1:]; len(data) >= 4; data = data[4:] {
		op, which, at, v := data[0], int(data[1])&1, int(int8(data[2])), listValue(data[3])
		key, m := keys[which], &models[which]
		index, ok := at, true
		if index < 0 {
			index += len(*m)
		}
		ok = index >= 0 && index < len(*m)
		switch op % 12 {
		case 0:
			*m = append(*m, v, v+"x")
			expectReply(t, l, strconv.Itoa(len(*m)), "RPUSH", key, v, v+"x")
		case 1:
			*m = slices.Insert(*m, 0, v, v+"y")
			expectReply(t, l, strconv.Itoa(len(*m)), "LPUSH", key, v+"y", v)
		case 2:
			n := min(int(data[3]%8), len(*m))
			expectElems(t, (*m)[:n], l.Do("LPOP", key, strconv.Itoa(int(data[3]%8))))
			*m = (*m)[n:]
		case 3:
			if len(*m) > 0 {
				expectReply(t, l, (*m)[len(*m)-1], "RPOP", key)
				*m = (*m)[:len(*m)-1]
			}
		case 4:
			want := ""
			if ok {
				want = (*m)[index]
			}
			expectReply(t, l, want, "LINDEX", key, strconv.Itoa(at))
		case 5:
			if ok {
				expectReply(t, l, "OK", "LSET", key, strconv.Itoa(at), v)
				(*m)[index] = v
			}
		case 6, 7:
			p := slices.Index(*m, v)
			if len(*m) == 0 {
				break
			}
			if p < 0 {
				expectReply(t, l, "-1", "LINSERT", key, "AFTER", v, "new")
				break
			}
			*m = slices.Insert(*m, p+int(op&1), "new")
			expectReply(t, l, strconv.Itoa(len(*m)), "LINSERT", key, [2]string{"BEFORE", "AFTER"}[op&1], v, "new")
		case 8:
			removed := 0
			for range len(*m) {
				p := slices.Index(*m, v)
				if at < 0 {
					p = lastIndex(*m, v)
				}
				if p < 0 || at != 0 && removed == max(at, -at) {
					break
				}
				*m = slices.Delete(*m, p, p+1)
				removed++
			}
			expectReply(t, l, strconv.Itoa(removed), "LREM", key, strconv.Itoa(at), v)
		case 9:
			if data[3]%4 == 0 && len(*m) > 0 {
				from := min(max(index, 0), len(*m))
				expectReply(t, l, "OK", "LTRIM", key, strconv.Itoa(from), "-2")
				*m = (*m)[from:]
				*m = (*m)[:max(len(*m)-1, 0)]
			}
		case 10:
			if len(*m) > 0 {
				o := &models[int(data[3])&1]
				moved := (*m)[0]
				*m = (*m)[1:]
				*o = append(*o, moved)
				expectReply(t, l, moved, "LMOVE", key, keys[int(data[3])&1], "LEFT", "RIGHT")
			}
		case 11:
			want := ""
			if p := lastIndex(*m, v); p >= 0 {
				want = strconv.Itoa(p)
			}
			expectReply(t, l, want, "LPOS", key, v, "RANK", "-1")
		}
		models[0], models[1] = slices.Clone(models[0]), slices.Clone(models[1])
		expectElems(t, models[which], l.Do("LRANGE", key, "0", "-1"))
	}
	for i, key := range keys {
		expectElems(t, models[i], l.Do("LRANGE", key, "0", "-1"))
		expectReply(t, l, strconv.Itoa(len(models[i])), "LLEN", key)
		expectReply(t, l, boolInt(len(models[i]) > 0), "EXISTS", key)
	}
	l.Do("DEL", "l0", "l1")
}

func lastIndex(m []string, v string) int {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] == v {
			return i
		}
	}
	return -1
}

func expectElems(t *testing.T, want []string, got servertest.Value) {
	t.Helper()
	if got.Null() && len(want) == 0 {
		return
	}
	if have := got.Strings(); len(have) != len(want) || len(want) > 0 && !slices.Equal(have, want) {
		t.Fatalf("%.200q, want %.200q", have, want)
	}
}

func listValue(b byte) string {
	switch b % 5 {
	case 0:
		return strconv.Itoa(int(b/5) - 20)
	case 1:
		return strings.Repeat("v", int(b)*int(b)/4)
	}
	return fmt.Sprint("e", b/16)
}

func FuzzList(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\x00\x00\x06\x06\x00\x00\x00"))
	l := servertest.NewLocal(f) // one for all: it is empty again after each
	f.Fuzz(func(t *testing.T, data []byte) { listOps(t, l.For(t), data[:min(len(data), 2000)]) })
}

func TestListAgainstSlice(t *testing.T) {
	for range 40 {
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		data := make([]byte, 4*(1+rng.IntN(400)))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if listOps(t, servertest.NewLocal(t), data); t.Failed() {
			t.FailNow()
		}
	}
}

// TestListMemory: what a large list took comes back, and a copy shares nothing.
func TestListMemory(t *testing.T) {
	l := servertest.NewLocal(t)
	before := l.Engine.Keyspace.Used()
	for i := range 20000 {
		l.Do("RPUSH", "l", fmt.Sprint("an element of some length, number ", i))
	}
	l.Do("COPY", "l", "copy")
	l.Do("LTRIM", "l", "5000", "-5001")
	if v := l.Do("LINDEX", "copy", "12345"); v.Str != "an element of some length, number 12345" {
		t.Errorf("the copy has %s", v)
	}
	if v := l.Do("LINDEX", "l", "-1"); v.Str != "an element of some length, number 14999" {
		t.Errorf("the list ends with %s", v)
	}
	l.Do("DEL", "copy")
	l.Do("LPOP", "l", "10000")
	for l.Engine.Keyspace.FreeStep() {
	}
	if after := l.Engine.Keyspace.Used(); after != before {
		t.Errorf("%d bytes are in use, %d were before", after, before)
	}
}

func TestJournalOfLists(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"RPUSH l a b c", "RPUSH l a b c"}, {"LPUSH l x", "LPUSH l x"}, {"LPUSHX none x", ""}, {"RPUSHX l y", "RPUSHX l y"}, {"LPOP none", ""},
		{"LPOP l", "LPOP l"}, {"RPOP l 2", "RPOP l 2"}, {"LPOP l 0", ""}, {"LSET l 0 z", "LSET l 0 z"}, {"LSET l 9 z", ""},
		{"LINSERT l BEFORE z w", "LINSERT l BEFORE z w"}, {"LINSERT l BEFORE none w", ""}, {"LREM l 0 none", ""}, {"LREM l 0 w", "LREM l 0 w"},
		{"LTRIM l 0 -1", ""}, {"LTRIM l 0 0", "LTRIM l 0 0"}, {"RPUSH l 1 2 3", "RPUSH l 1 2 3"}, {"LMOVE l d LEFT RIGHT", "LMOVE l d LEFT RIGHT"},
		{"RPOPLPUSH l d", "RPOPLPUSH l d"}, {"LMPOP 2 none l LEFT COUNT 5", "LPOP l 2"}, {"LMPOP 1 d RIGHT", "RPOP d 1"}, {"LMPOP 1 none RIGHT", ""},
		{"LRANGE d 0 -1", ""}, {"LPOS d 1", ""}, {"LINDEX d 0", ""},
	})
}

func TestListsDoNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t)
	words := strings.Fields
	for i := range 20 {
		l.Do("RPUSH", "small", fmt.Sprint("element", i))
	}
	for i := range 3000 {
		l.Do("RPUSH", "large", fmt.Sprint("element", i))
	}
	for _, key := range []string{"small", "large"} {
		k := func(s string) []string { return words(strings.ReplaceAll(s, "KEY", key)) }
		l.MustNotAllocate(k("LPUSH KEY a b"), k("RPUSH KEY c 1000"), k("LPOP KEY"), k("RPOP KEY"), k("LPOP KEY 1"), k("RPOP KEY 1"), k("LINDEX KEY 10"),
			k("LSET KEY 3 other"), k("LINSERT KEY BEFORE other new"), k("LREM KEY 1 new"), k("LLEN KEY"), k("LRANGE KEY 0 15"), k("LMOVE KEY KEY LEFT RIGHT"))
	}
	l.MustNotAllocate(words("LPUSH tmp a"), words("RPOP tmp"), words("RPUSH tmp 1 2 3"), words("RPOPLPUSH tmp other"), words("LTRIM tmp 1 0"), words("LPOP other"))
}
