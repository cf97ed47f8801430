package commands_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// Bitmaps: replies, errors and the order of checks as redis-server 7.2 has them, and against a plain model.

const (
	badOffset = "ERR bit offset is not an integer or out of range"
	badBit    = "ERR bit is not an integer or out of range"
	badType   = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
)

func TestSetBit(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("SETBIT", "k", "7", "1").Int(0), do("GET", "k").Bulk("\x01"), do("SETBIT", "k", "7", "1").Int(1),
		do("SETBIT", "k", "0", "1").Int(0), do("SETBIT", "k", "7", "0").Int(1), do("GET", "k").Bulk("\x80"),
		do("SETBIT", "k", "17", "0").Int(0), do("GET", "k").Bulk("\x80\x00\x00"), do("STRLEN", "k").Int(3),
		do("GETBIT", "k", "0").Int(1), do("GETBIT", "k", "1").Int(0), do("GETBIT", "k", "24").Int(0),
		do("GETBIT", "k", "4294967295").Int(0), do("GETBIT", "none", "5").Int(0), do("EXISTS", "none").Int(0),
		do("SETBIT", "zero", "0", "0").Int(0), do("GET", "zero").Bulk("\x00"),
		do("SET", "n", "1").OK(), do("GETBIT", "n", "2").Int(1), do("SETBIT", "n", "6", "1").Int(0),
		do("GET", "n").Bulk("3"), do("OBJECT", "ENCODING", "n").Bulk("raw"), do("INCR", "n").Int(4),
		do("SETBIT", "n", "6", "0").Int(0), do("OBJECT", "ENCODING", "n").Bulk("raw"),
		do("SET", "e", "v", "EX", "100").OK(), do("SETBIT", "e", "9", "1").Int(0), do("TTL", "e").Between(98, 100),
		do("SETBIT", "k", "-1", "1").Err(badOffset), do("SETBIT", "k", "x", "1").Err(badOffset),
		do("SETBIT", "k", "4294967296", "1").Err(badOffset), do("SETBIT", "k", most, "x").Err(badOffset),
		do("SETBIT", "k", "#1", "1").Err(badOffset), do("GETBIT", "k", "4294967296").Err(badOffset),
		do("SETBIT", "k", "1", "2").Err(badBit), do("SETBIT", "k", "1", "-1").Err(badBit), do("SETBIT", "k", "1", "x").Err(badBit),
		do("HSET", "h", "f", "v").Int(1), do("SETBIT", "h", "0", "2").Err(badBit), do("SETBIT", "h", "0", "1").Err(wrongType),
		do("GETBIT", "h", "x").Err(badOffset), do("GETBIT", "h", "0").Err(wrongType),
		do("SETBIT", "k", "1").Err("ERR wrong number"), do("GETBIT", "k").Err("ERR wrong number"),
	)
}

// TestSetBitAtTheEnd: the last bit of the longest string costs no time and no clearing.
func TestSetBitAtTheEnd(t *testing.T) {
	l := servertest.NewLocal(t)
	start := time.Now()
	if v := l.Do("SETBIT", "k", "4294967295", "1"); v.Int != 0 {
		t.Errorf("SETBIT: %s", v)
	}
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if v := l.Do("GETBIT", "k", "4294967295"); v.Int != 1 {
		t.Errorf("GETBIT: %s", v)
	}
	if v := l.Do("STRLEN", "k"); v.Int != 512<<20 {
		t.Errorf("STRLEN: %s", v)
	}
	if v := l.Do("BITCOUNT", "k", "-65536", "-1"); v.Int != 1 {
		t.Errorf("BITCOUNT: %s", v)
	}
}

func TestBitCount(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("SET", "k", "foobar").OK(), do("BITCOUNT", "k").Int(26), do("BITCOUNT", "k", "0", "0").Int(4),
		do("BITCOUNT", "k", "1", "1", "byte").Int(6), do("BITCOUNT", "k", "5", "30", "BIT").Int(17),
		do("BITCOUNT", "k", "-1", "-1", "bit").Int(0), do("BITCOUNT", "k", "-2", "-1", "bit").Int(1),
		do("BITCOUNT", "k", "-2", "-1").Int(7), do("BITCOUNT", "k", "3", "1").Int(0), do("BITCOUNT", "k", "6", "9").Int(0),
		do("BITCOUNT", "k", least, most).Int(26), do("BITCOUNT", "k", most, most).Int(0), do("BITCOUNT", "k", "1", least).Int(0),
		do("BITCOUNT", "k", "-3", "-5", "nonsense").Int(0), do("BITCOUNT", "k", "0", "-1", "nonsense").Err(syntax),
		do("BITCOUNT", "k", "0").Err(syntax), do("BITCOUNT", "k", "x").Err(syntax), do("BITCOUNT", "k", "x", "1").Err(notInt),
		do("BITCOUNT", "k", "0", "1.5").Err(notInt), do("BITCOUNT", "k", "0", "1", "bit", "bit").Err(syntax),
		do("BITCOUNT", "none").Int(0), do("BITCOUNT", "none", "x").Int(0), do("SET", "empty", "").OK(),
		do("BITCOUNT", "empty").Int(0), do("BITCOUNT", "empty", "0", "-1").Int(0), do("BITCOUNT", "empty", "0", "-1", "BIT").Int(0),
		do("SET", "n", "255").OK(), do("BITCOUNT", "n").Int(11), do("HSET", "h", "f", "v").Int(1),
		do("BITCOUNT", "h", "x").Err(wrongType),
	)
}

func TestBitPos(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("SET", "k", "\xff\xf0\x00").OK(), do("BITPOS", "k", "0").Int(12), do("BITPOS", "k", "1").Int(0),
		do("BITPOS", "k", "1", "2").Int(-1), do("BITPOS", "k", "0", "2").Int(16), do("BITPOS", "k", "0", "0", "0").Int(-1),
		do("BITPOS", "k", "1", "7", "15", "BIT").Int(7), do("BITPOS", "k", "1", "12", "15", "bit").Int(-1),
		do("BITPOS", "k", "0", "0", "11", "bit").Int(-1), do("BITPOS", "k", "0", "0", "12", "bit").Int(12),
		do("BITPOS", "k", "0", "-3", "-1").Int(12), do("BITPOS", "k", "1", "-24", "-13", "bit").Int(0),
		do("SET", "ones", "\xff\xff\xff").OK(), do("BITPOS", "ones", "0").Int(24), do("BITPOS", "ones", "0", "1").Int(24),
		do("BITPOS", "ones", "0", "0", "-1").Int(-1), do("BITPOS", "ones", "0", "3").Int(-1), do("BITPOS", "ones", "0", "9").Int(-1),
		do("BITPOS", "ones", "0", "0", most).Int(-1), do("BITPOS", "ones", "1", least, most).Int(0),
		do("SET", "zeros", strings.Repeat("\x00", 100)).OK(), do("BITPOS", "zeros", "1").Int(-1), do("BITPOS", "zeros", "0").Int(0),
		do("SETBIT", "zeros", "700", "1").Int(0), do("BITPOS", "zeros", "1").Int(700), do("BITPOS", "zeros", "1", "3").Int(700),
		do("SET", "empty", "").OK(), do("BITPOS", "empty", "0").Int(-1), do("BITPOS", "empty", "1").Int(-1),
		do("BITPOS", "empty", "0", "0").Int(-1), do("BITPOS", "none", "0").Int(0), do("BITPOS", "none", "1").Int(-1),
		do("BITPOS", "none", "0", "x", "y", "z").Int(0),
		do("BITPOS", "k", "2").Err("ERR The bit argument must be 1 or 0."), do("BITPOS", "k", "x").Err(notInt),
		do("BITPOS", "k", "1", "x").Err(notInt), do("BITPOS", "k", "1", "0", "x").Err(notInt),
		do("BITPOS", "k", "1", "0", "x", "y").Err(syntax), do("BITPOS", "k", "1", "x", "x", "y").Err(notInt),
		do("BITPOS", "k", "1", "0", "1", "bit", "z").Err(syntax), do("HSET", "h", "f", "v").Int(1),
		do("BITPOS", "h", "2").Err("ERR The bit"), do("BITPOS", "h", "1", "x").Err(wrongType),
	)
}

func TestBitOp(t *testing.T) {
	do := servertest.Do
	big := strings.Repeat("\x0f\xf0", 50_000)
	servertest.Run(t,
		do("SET", "a", "abc").OK(), do("SET", "b", "ab").OK(), do("SET", "n", "12").OK(),
		do("BITOP", "AND", "d", "a", "b").Int(3), do("GET", "d").Bulk("ab\x00"),
		do("BITOP", "or", "d", "a", "b").Int(3), do("GET", "d").Bulk("abc"),
		do("BITOP", "xor", "d", "a", "b", "a").Int(3), do("GET", "d").Bulk("ab\x00"),
		do("BITOP", "NOT", "d", "a").Int(3), do("GET", "d").Bulk("\x9e\x9d\x9c"),
		do("BITOP", "AND", "d", "a", "none").Int(3), do("GET", "d").Bulk("\x00\x00\x00"),
		do("BITOP", "OR", "d", "n", "none").Int(2), do("GET", "d").Bulk("12"), do("OBJECT", "ENCODING", "d").Bulk("raw"),
		do("EXPIRE", "d", "100").Int(1), do("BITOP", "OR", "d", "d", "n").Int(2), do("TTL", "d").Int(-1),
		do("BITOP", "NOT", "a", "a").Int(3), do("GET", "a").Bulk("\x9e\x9d\x9c"),
		do("BITOP", "OR", "d", "none").Int(0), do("EXISTS", "d").Int(0), do("BITOP", "OR", "d", "none").Int(0),
		do("SET", "empty", "").OK(), do("SET", "d", "v").OK(), do("BITOP", "AND", "d", "empty").Int(0), do("EXISTS", "d").Int(0),
		do("HSET", "h", "f", "v").Int(1), do("BITOP", "OR", "h", "b").Int(2), do("GET", "h").Bulk("ab"),
		do("SET", "big", big).OK(), do("BITOP", "NOT", "large", "big").Int(100_000), do("BITCOUNT", "large").Int(400_000),
		do("BITOP", "XOR", "large", "large", "big", "b").Int(100_000), do("BITCOUNT", "large", "2", "-1").Int(799_984),
		do("BITOP", "AND", "large", "large", "b").Int(100_000), do("BITCOUNT", "large", "2", "-1").Int(0),
		do("DEL", "h").Int(1), do("HSET", "h", "f", "v").Int(1), do("BITOP", "OR", "d", "b", "h").Err(wrongType),
		do("EXISTS", "d").Int(0), do("BITOP", "NAND", "d", "h").Err(syntax), do("BITOP", "OR", "d").Err("ERR wrong number"),
		do("BITOP", "NOT", "d", "h", "a").Err("ERR BITOP NOT must be called with a single source key."),
	)
}

func TestBitField(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("BITFIELD", "k").Array(), do("BITFIELD", "k", "GET", "u8", "0").Array(0), do("EXISTS", "k").Int(0),
		do("BITFIELD", "k", "SET", "u8", "0", "255", "GET", "i8", "0", "incrby", "u8", "0", "2").Array(0, -1, 1),
		do("GET", "k").Bulk("\x01"),
		do("BITFIELD", "k", "SET", "i5", "#3", "-7", "GET", "u5", "15", "GET", "u63", "0").Array(0, 25, 36248699344519168),
		do("GET", "k").Bulk("\x01\x01\x90"),
		do("BITFIELD", "k", "INCRBY", "i5", "15", "-10", "OVERFLOW", "SAT", "INCRBY", "i5", "15", "100", "INCRBY", "i5", "15", "-100",
			"OVERFLOW", "FAIL", "INCRBY", "i5", "15", "-1", "SET", "i5", "15", "16", "OVERFLOW", "wrap", "SET", "i5", "15", "16").
			Array(15, 15, -16, nil, nil, -16),
		do("BITFIELD", "s", "OVERFLOW", "SAT", "SET", "u8", "0", "-1", "SET", "u8", "8", "256", "SET", "i8", "16", "-200",
			"SET", "i8", "24", "200").Array(0, 0, 0, 0),
		do("GET", "s").Bulk("\xff\xff\x80\x7f"),
		do("BITFIELD", "m", "SET", "i64", "1", most, "INCRBY", "i64", "1", "1", "OVERFLOW", "SAT", "INCRBY", "i64", "1", least,
			"OVERFLOW", "FAIL", "INCRBY", "i64", "1", "-1").Array(0, int64(-1<<63), int64(-1<<63), nil),
		do("BITFIELD", "m", "SET", "u63", "5", most, "INCRBY", "u63", "5", "1", "INCRBY", "u63", "5", "-1", "GET", "i64", "4").
			Array(0, 0, int64(1<<63-1), int64(1<<63-1)),
		do("BITFIELD", "fail", "OVERFLOW", "FAIL", "INCRBY", "u2", "30", "9").Array(nil), do("GET", "fail").Bulk("\x00\x00\x00\x00"),
		do("SET", "n", "1").OK(), do("BITFIELD", "n", "GET", "u8", "0", "GET", "u8", "4").Array(49, 16),
		do("BITFIELD_RO", "n", "GET", "u8", "0").Array(49), do("BITFIELD_RO", "n").Array(), do("BITFIELD_RO", "none", "get", "i64", "4000000000").Array(0),
		do("BITFIELD_RO", "n", "SET", "u8", "0", "1").Err("ERR BITFIELD_RO only supports the GET subcommand"),
		do("BITFIELD", "k", "GET", "u64", "0").Err(badType), do("BITFIELD", "k", "GET", "i65", "0").Err(badType),
		do("BITFIELD", "k", "GET", "u0", "0").Err(badType), do("BITFIELD", "k", "GET", "I8", "0").Err(badType),
		do("BITFIELD", "k", "GET", "", "0").Err(badType), do("BITFIELD", "k", "GET", "i-1", "x").Err(badType),
		do("BITFIELD", "k", "GET", "u8", "-1").Err(badOffset), do("BITFIELD", "k", "GET", "u8", "##1").Err(badOffset),
		do("BITFIELD", "k", "GET", "u8", "#536870912").Err(badOffset), do("BITFIELD", "k", "GET", "u8", "#536870911").Array(0),
		do("BITFIELD", "k", "GET", "u63", "#"+most).Err(badOffset), do("BITFIELD", "k", "SET", "u8", "x", "y").Err(badOffset),
		do("BITFIELD", "k", "SET", "u8", "0", "y").Err(notInt), do("BITFIELD", "k", "SET", "u8", "0").Err(syntax),
		do("BITFIELD", "k", "GET", "u8").Err(syntax), do("BITFIELD", "k", "OVERFLOW").Err(syntax),
		do("BITFIELD", "k", "OVERFLOW", "none").Err("ERR Invalid OVERFLOW type specified"), do("BITFIELD", "k", "PUT", "u8", "0").Err(syntax),
		do("HSET", "h", "f", "v").Int(1), do("BITFIELD", "h").Err(wrongType), do("BITFIELD", "h", "GET", "u8", "0").Err(wrongType),
		do("BITFIELD", "h", "SET", "u8", "0", "1").Err(wrongType), do("BITFIELD_RO", "h", "SET", "u8", "0", "1").Err("ERR BITFIELD_RO"),
	)
}

// TestBitsAgainstModel compares counting, searching and fields with the same on a string of zeros and ones.
func TestBitsAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	l := servertest.NewLocal(t)
	for range 300 {
		b := make([]byte, 1+r.IntN(60))
		for i := range b {
			b[i] = [4]byte{0, 0xff, byte(r.Uint32()), byte(r.Uint32())}[r.IntN(4)>>r.IntN(2)]
		}
		l.Do("SET", "k", string(b))
		model := ""
		for _, x := range b {
			model += strconv.FormatUint(uint64(x)+256, 2)[1:]
		}
		first := r.IntN(len(model))
		last := first + r.IntN(len(model)-first)
		part := model[first : last+1]
		from, to := strconv.Itoa(first), strconv.Itoa(last)
		if v := l.Do("BITCOUNT", "k", from, to, "BIT"); v.Int != int64(strings.Count(part, "1")) {
			t.Fatalf("BITCOUNT %s %s of %s: %s", from, to, model, v)
		}
		for _, bit := range []string{"0", "1"} {
			want := int64(strings.Index(part, bit))
			if want >= 0 {
				want += int64(first)
			}
			if v := l.Do("BITPOS", "k", bit, from, to, "BIT"); v.Int != want {
				t.Fatalf("BITPOS %s %s %s of %s: %s, want %d", bit, from, to, model, v, want)
			}
		}
		width := 1 + r.IntN(63)
		want, _ := strconv.ParseUint((model + strings.Repeat("0", 64))[first:first+width], 2, 64)
		value := r.Uint64() >> (64 - width)
		typ := "u" + strconv.Itoa(width)
		v := l.Do("BITFIELD", "k", "GET", typ, from, "SET", typ, from, strconv.FormatUint(value, 10), "GET", typ, from)
		if uint64(v.Elems[0].Int) != want || uint64(v.Elems[1].Int) != want || uint64(v.Elems[2].Int) != value {
			t.Fatalf("BITFIELD %s %s of %s: %s, want %d, %d, %d", typ, from, model, v, want, want, value)
		}
		after := ""
		for _, x := range []byte(l.Do("GET", "k").Str) {
			after += strconv.FormatUint(uint64(x)+256, 2)[1:]
		}
		long := model + strings.Repeat("0", len(after)-len(model))
		text := strconv.FormatUint(value, 2)
		text = strings.Repeat("0", width-len(text)) + text
		if after != long[:first]+text+long[first+width:] {
			t.Fatalf("SET %s %s %d made %s of %s", typ, from, value, after, model)
		}
	}
}

// TestBitOpAgainstModel combines strings of all lengths around the chunks' borders, byte by byte.
func TestBitOpAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(seeds.Draw(t), 2))
	l := servertest.NewLocal(t)
	sizes := []int{0, 1, 7, 8, 9, 31, 32, 33, 100, 4095, 4096, 4097, 65535, 65536, 65537, 100_000}
	ops := map[string]func(a, b byte) byte{"AND": func(a, b byte) byte { return a & b },
		"OR": func(a, b byte) byte { return a | b }, "XOR": func(a, b byte) byte { return a ^ b }}
	for range 40 {
		for op, of := range ops {
			words := []string{"BITOP", op, "k0"}
			var want []byte
			for i := range 1 + r.IntN(20) {
				b := make([]byte, sizes[r.IntN(len(sizes)-r.IntN(6))])
				for j := range b {
					b[j] = byte(r.Uint32())
				}
				key := "k" + strconv.Itoa(i)
				l.Do("SET", key, string(b))
				words = append(words, key)
				if i == 0 {
					want = b
					continue
				}
				want = append(want, make([]byte, max(0, len(b)-len(want)))...)
				b = append(b, make([]byte, len(want)-len(b))...)
				for j := range want {
					want[j] = of(want[j], b[j])
				}
			}
			if v := l.Do(words...); v.Int != int64(len(want)) {
				t.Fatalf("%q: %s, want %d", words, v, len(want))
			}
			if got := l.Do("GETRANGE", "k0", "0", "-1").Str; got != string(want) {
				t.Fatalf("%q: another result", words)
			}
		}
	}
}

func TestBitsDoNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("SET", "n", "123456")
	l.Do("SETBIT", "k", "1000", "1")
	l.Do("SETBIT", "big", "1000000", "1")
	l.MustNotAllocate(
		[]string{"SETBIT", "k", "3", "1"}, []string{"SETBIT", "k", "3", "0"}, []string{"GETBIT", "k", "3"}, []string{"GETBIT", "n", "3"},
		[]string{"BITCOUNT", "k"}, []string{"BITCOUNT", "n", "1", "7", "BIT"}, []string{"BITPOS", "k", "1"},
		[]string{"BITFIELD", "k", "INCRBY", "u8", "#3", "1", "GET", "i64", "7", "OVERFLOW", "FAIL", "SET", "u4", "0", "99"},
		[]string{"BITFIELD_RO", "n", "GET", "u8", "0"}, []string{"BITOP", "XOR", "d", "k", "n"}, []string{"BITOP", "AND", "e", "big", "big"},
		[]string{"BITOP", "NOT", "d", "k"})
}

func TestJournalOfBits(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"SETBIT k 7 1", "SETBIT k 7 1"}, {"SETBIT k 7 1", ""}, {"SETBIT k 7 x", ""}, {"SETBIT k 77 0", "SETBIT k 77 0"},
		{"BITCOUNT k", ""}, {"BITFIELD k GET u8 0", ""}, {"BITFIELD k SET u8 0 1", ""},
		{"BITFIELD k INCRBY u8 0 1 GET u8 0", "BITFIELD k INCRBY u8 0 1 GET u8 0"},
		{"BITFIELD k OVERFLOW FAIL SET u8 0 256", ""},
		{"BITFIELD new OVERFLOW FAIL SET u8 0 256", "BITFIELD new OVERFLOW FAIL SET u8 0 256"},
		{"BITOP NOT k k", "BITOP NOT k k"}, {"BITOP AND none nothing", ""}, {"BITOP AND k nothing", "BITOP AND k nothing"},
	})
}

// Each operation that writes counts as one change for save points, also when it makes the key.
func TestChangesOfBits(t *testing.T) {
	l := servertest.NewLocal(t)
	for i, test := range []struct {
		words   string
		changes int64
	}{
		{"SETBIT k 0 0", 1}, {"SETBIT k 0 0", 0}, {"SETBIT k 0 1", 1}, {"SETBIT k 90 0", 1}, {"BITFIELD f SET i5 0 0", 1},
		{"BITFIELD f SET i5 0 0", 0}, {"BITFIELD g INCRBY i5 0 1", 1}, {"BITFIELD g INCRBY i5 0 1 SET i5 0 2", 1}, {"BITFIELD g SET i5 90 0 GET i5 0", 1},
		{"BITFIELD g SET i5 900 1 SET i5 0 7", 2},
	} {
		before := l.Engine.Dirty
		l.Do(strings.Fields(test.words)...)
		if got := l.Engine.Dirty - before; got != test.changes {
			t.Errorf("%d. %s: %d changes, want %d", i, test.words, got, test.changes)
		}
	}
}
