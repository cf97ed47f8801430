package commands_test

import (
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// Strings: replies, errors and the order of checks as redis-server 7 has them; time, allocations and large values.

const (
	wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	notInt    = "ERR value is not an integer or out of range"
	notFloat  = "ERR value is not a valid float"
	tooLong   = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	overflow  = "ERR increment or decrement would overflow"
	syntax    = "ERR syntax error"
	most      = "9223372036854775807"
	least     = "-9223372036854775808"
)

func TestSet(t *testing.T) {
	do := servertest.Do
	expire := "ERR invalid expire time in 'set' command"
	servertest.Run(t,
		do("SET", "k", "v").OK(), do("GET", "k").Bulk("v"),
		do("SET", "k", "w", "NX").Null(), do("GET", "k").Bulk("v"),
		do("SET", "k", "w", "nx", "get").Bulk("v"), do("SET", "new", "w", "nx", "get").Null(), do("GET", "new").Bulk("w"),
		do("SET", "k", "w", "XX").OK(), do("SET", "none", "w", "XX").Null(), do("SET", "none", "w", "XX", "GET").Null(),
		do("EXISTS", "none").Int(0),
		do("SET", "k", "x", "GET").Bulk("w"), do("SET", "k", "", "GET", "XX").Bulk("x"), do("GET", "k").Bulk(""),
		do("SET", "k", "1", "EX", "100").OK(), do("TTL", "k").Between(98, 100),
		do("SET", "k", "2", "KEEPTTL").OK(), do("TTL", "k").Between(98, 100), do("GET", "k").Bulk("2"),
		do("SET", "k", "3").OK(), do("TTL", "k").Int(-1), do("SET", "k", "3", "keepttl", "keepttl").OK(),
		do("SET", "k", "4", "px", "200000").OK(), do("PTTL", "k").Between(150_000, 200_000),
		do("SET", "k", "4", "EXAT", "99999999999").OK(), do("EXPIRETIME", "k").Int(99999999999),
		do("SET", "k", "4", "PXAT", most, "GET").Bulk("4"), do("PEXPIRETIME", "k").Int(9223372036854775807),
		do("SET", "k", "4", "EX", "1", "ex", "500").OK(), do("TTL", "k").Between(498, 500),
		do("SET", "k", "5", "PXAT", "1").OK(), do("GET", "k").Null(),
		do("SET", "k", "v", "EX", "0").Err(expire), do("SET", "k", "v", "EX", "-1").Err(expire),
		do("SET", "k", "v", "PX", "0").Err(expire), do("SET", "k", "v", "PX", most).Err(expire),
		do("SET", "k", "v", "EX", "9223372036854775").Err(expire), do("SET", "k", "v", "EXAT", "9223372036854776").Err(expire),
		do("SET", "k", "v", "EXAT", "0").Err(expire), do("SET", "k", "v", "EX", "x").Err(notInt),
		do("SET", "k", "v", "EX", "1.5").Err(notInt),
		do("SET", "k", "v", "EX").Err(syntax), do("SET", "k", "v", "NX", "XX").Err(syntax),
		do("SET", "k", "v", "XX", "NX").Err(syntax), do("SET", "k", "v", "KEEPTTL", "EX", "1").Err(syntax),
		do("SET", "k", "v", "EX", "1", "KEEPTTL").Err(syntax), do("SET", "k", "v", "EX", "1", "PX", "1").Err(syntax),
		do("SET", "k", "v", "PERSIST").Err(syntax), do("SET", "k", "v", "w").Err(syntax),
		do("SET", "k").Err("ERR wrong number of arguments for 'set' command"), do("EXISTS", "k").Int(0),
		do("HSET", "h", "f", "v").Int(1), do("SET", "h", "v", "GET").Err(wrongType),
		do("SET", "h", "v", "GET", "EX", "0").Err(expire), do("SET", "h", "v", "NX").Null(), do("TYPE", "h").Simple("hash"),
		do("SET", "h", "v").OK(), do("GET", "h").Bulk("v"),
	)
}

func TestSetFamily(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("HSET", "h", "f", "v").Int(1),
		do("SETNX", "k", "1").Int(1), do("SETNX", "k", "2").Int(0), do("SETNX", "h", "2").Int(0), do("GET", "k").Bulk("1"),
		do("SETEX", "k", "100", "v").OK(), do("TTL", "k").Between(98, 100), do("GET", "k").Bulk("v"),
		do("PSETEX", "k", "200000", "12").OK(), do("TTL", "k").Between(150, 200), do("OBJECT", "ENCODING", "k").Bulk("int"),
		do("SETEX", "k", "0", "v").Err("ERR invalid expire time in 'setex' command"),
		do("PSETEX", "k", "-1", "v").Err("ERR invalid expire time in 'psetex' command"),
		do("SETEX", "k", "x", "v").Err(notInt), do("SETEX", "k", "1").Err("ERR wrong number"),
		do("GETSET", "k", "new").Bulk("12"), do("TTL", "k").Int(-1), do("GETSET", "none", "x").Null(),
		do("GETSET", "h", "x").Err(wrongType), do("GET", "h").Err(wrongType), do("GET", "nothing").Null(),
		do("GETDEL", "k").Bulk("new"), do("GETDEL", "k").Null(), do("GETDEL", "h").Err(wrongType),
		do("MSET", "a", "1", "b", "2", "a", "3").OK(), do("MGET", "a", "nothing", "h", "b").Array("3", nil, nil, "2"),
		do("SETEX", "t", "100", "v").OK(), do("MSET", "t", "v").OK(), do("TTL", "t").Int(-1),
		do("MSET", "a").Err("ERR wrong number of arguments for 'mset' command"),
		do("MSET", "a", "1", "b").Err("ERR wrong number of arguments for 'mset' command"),
		do("MSETNX", "c", "1", "d").Err("ERR wrong number of arguments for 'msetnx' command"),
		do("MSETNX", "c", "1", "a", "2").Int(0), do("EXISTS", "c").Int(0),
		do("MSETNX", "c", "1", "c", "2").Int(1), do("GET", "c").Bulk("2"),
		do("MSET", "h", "v").OK(), do("GET", "h").Bulk("v"),
	)
}

func TestGetEx(t *testing.T) {
	do := servertest.Do
	expire := "ERR invalid expire time in 'getex' command"
	servertest.Run(t,
		do("SET", "k", "v").OK(), do("GETEX", "k").Bulk("v"), do("TTL", "k").Int(-1),
		do("GETEX", "k", "EX", "100").Bulk("v"), do("TTL", "k").Between(98, 100), do("GETEX", "k").Bulk("v"),
		do("TTL", "k").Between(98, 100), do("GETEX", "k", "persist").Bulk("v"), do("TTL", "k").Int(-1),
		do("GETEX", "k", "PERSIST").Bulk("v"), do("GETEX", "k", "PX", "200000").Bulk("v"), do("TTL", "k").Between(150, 200),
		do("GETEX", "k", "EXAT", "99999999999").Bulk("v"), do("EXPIRETIME", "k").Int(99999999999),
		do("GETEX", "k", "PXAT", "99999999999999").Bulk("v"), do("PEXPIRETIME", "k").Int(99999999999999),
		do("GETEX", "k", "EX", "0").Err(expire), do("GETEX", "k", "PXAT", "-1").Err(expire),
		do("GETEX", "k", "EX", most).Err(expire), do("GETEX", "k", "EX", "x").Err(notInt),
		do("GETEX", "k", "EX", "1", "PERSIST").Err(syntax), do("GETEX", "k", "PERSIST", "EX", "1").Err(syntax),
		do("GETEX", "k", "EX").Err(syntax), do("GETEX", "k", "KEEPTTL").Err(syntax), do("GETEX", "k", "NX").Err(syntax),
		do("GETEX", "none", "EX", "0").Null(), do("GETEX", "none", "EX").Err(syntax),
		do("GETEX", "k", "PXAT", "1").Bulk("v"), do("EXISTS", "k").Int(0),
		do("HSET", "h", "f", "v").Int(1), do("GETEX", "h", "EX", "0").Err(wrongType),
	)
}

func TestNumbers(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("INCR", "n").Int(1), do("INCRBY", "n", "41").Int(42), do("DECR", "n").Int(41), do("DECRBY", "n", "50").Int(-9),
		do("DECR", "fresh").Int(-1), do("OBJECT", "ENCODING", "n").Bulk("int"),
		do("EXPIRE", "n", "100").Int(1), do("INCR", "n").Int(-8), do("TTL", "n").Between(98, 100),
		do("SET", "n", most).OK(), do("INCR", "n").Err(overflow), do("DECR", "n").Int(1<<63-2),
		do("SET", "n", least).OK(), do("DECR", "n").Err(overflow), do("INCRBY", "n", most).Int(-1),
		do("INCRBY", "n", least).Err(overflow), do("DECRBY", "n", least).Err("ERR decrement would overflow"),
		do("INCRBY", "n", "x").Err(notInt), do("INCRBY", "n", " 1").Err(notInt), do("DECRBY", "n", "1.0").Err(notInt),
		do("SET", "s", "007").OK(), do("INCR", "s").Err(notInt), do("SET", "s", "").OK(), do("INCR", "s").Err(notInt),
		do("SET", "s", "9223372036854775808").OK(), do("INCR", "s").Err(notInt), do("GET", "s").Bulk("9223372036854775808"),
		do("APPEND", "raw", "1").Int(1), do("APPEND", "raw", "0").Int(2), do("OBJECT", "ENCODING", "raw").Bulk("raw"),
		do("INCR", "raw").Int(11),
		do("HSET", "h", "f", "v").Int(1), do("INCR", "h").Err(wrongType), do("INCRBY", "h", "x").Err(notInt),
		do("SET", "f", "0.1").OK(), do("INCRBYFLOAT", "f", "0.2").Bulk("0.3"), do("INCRBYFLOAT", "f", "-5").Bulk("-4.7"),
		do("INCRBYFLOAT", "none", "5.0e3").Bulk("5000"), do("EXPIRE", "f", "100").Int(1),
		do("INCRBYFLOAT", "f", "1e2").Bulk("95.3"), do("TTL", "f").Between(98, 100),
		do("INCRBYFLOAT", "f", "inf").Err("ERR increment would produce NaN or Infinity"),
		do("INCRBYFLOAT", "f", "nan").Err(notFloat), do("INCRBYFLOAT", "f", "x").Err(notFloat),
		do("INCRBYFLOAT", "h", "x").Err(wrongType), do("SET", "s", "abc").OK(), do("INCRBYFLOAT", "s", "1").Err(notFloat),
		do("SET", "s", "1 ").OK(), do("INCRBYFLOAT", "s", "1").Err(notFloat),
	)
}

func TestRanges(t *testing.T) {
	do := servertest.Do
	offset := "ERR offset is out of range"
	servertest.Run(t,
		do("APPEND", "k", "Hello").Int(5), do("OBJECT", "ENCODING", "k").Bulk("embstr"),
		do("APPEND", "k", " World").Int(11), do("OBJECT", "ENCODING", "k").Bulk("raw"), do("APPEND", "k", "").Int(11),
		do("STRLEN", "k").Int(11), do("STRLEN", "none").Int(0),
		do("GETRANGE", "k", "0", "4").Bulk("Hello"), do("GETRANGE", "k", "-5", "-1").Bulk("World"),
		do("SUBSTR", "k", "0", "-1").Bulk("Hello World"), do("GETRANGE", "k", "3", "1").Bulk(""),
		do("GETRANGE", "k", "-1", "-5").Bulk(""), do("GETRANGE", "k", "-100", "100").Bulk("Hello World"),
		do("GETRANGE", "k", "100", "200").Bulk(""), do("GETRANGE", "k", "-100", "-50").Bulk("H"),
		do("GETRANGE", "k", least, most).Bulk("Hello World"), do("GETRANGE", "k", "0", least).Bulk("H"),
		do("GETRANGE", "none", "0", "-1").Bulk(""), do("GETRANGE", "k", "a", "0").Err(notInt),
		do("GETRANGE", "k", "0", "b").Err(notInt), do("SET", "n", "-123").OK(), do("GETRANGE", "n", "0", "1").Bulk("-1"),
		do("STRLEN", "n").Int(4), do("SETRANGE", "n", "1", "9").Int(4), do("GET", "n").Bulk("-923"),
		do("OBJECT", "ENCODING", "n").Bulk("raw"),
		do("SETRANGE", "k", "6", "Redix").Int(11), do("GET", "k").Bulk("Hello Redix"),
		do("SETRANGE", "k", "13", "!").Int(14), do("GET", "k").Bulk("Hello Redix\x00\x00!"),
		do("SETRANGE", "z", "2", "ab").Int(4), do("GET", "z").Bulk("\x00\x00ab"), do("SETRANGE", "z", "0", "").Int(4),
		do("SETRANGE", "none", "5", "").Int(0), do("EXISTS", "none").Int(0),
		do("SETRANGE", "k", "-1", "x").Err(offset), do("SETRANGE", "k", "x", "x").Err(notInt),
		do("SETRANGE", "k", "536870912", "x").Err(tooLong), do("SETRANGE", "none", most, "x").Err(tooLong),
		do("SETRANGE", "none", "536870911", "xx").Err(tooLong), do("EXISTS", "none").Int(0),
		do("HSET", "h", "f", "v").Int(1), do("SETRANGE", "h", "0", "x").Err(wrongType), do("SETRANGE", "h", "0", "").Err(wrongType),
		do("APPEND", "h", "x").Err(wrongType), do("STRLEN", "h").Err(wrongType), do("GETRANGE", "h", "0", "1").Err(wrongType),
	)
}

// TestLargeStrings has sizes on both sides of each change of form: records, blocks, mappings, large arguments.
func TestLargeStrings(t *testing.T) {
	do := servertest.Do
	x := strings.Repeat("x", 300_000)
	y := strings.Repeat("y", 400_000)
	servertest.Run(t,
		do("SET", "k", x).OK(), do("STRLEN", "k").Int(300_000), do("SET", "k", "small").OK(), do("GET", "k").Bulk("small"),
		do("SET", "k", y, "GET").Bulk("small"), do("GETRANGE", "k", "399998", "-1").Bulk("yy"),
		do("MSET", "k", x, "k", y).OK(), do("STRLEN", "k").Int(400_000), do("MSET", "k", x, "k", "1").OK(), do("GET", "k").Bulk("1"),
		do("MSET", "a", x, "b", y).OK(), do("MGET", "a", "b").Array(x, y),
		do("APPEND", "app", x).Int(300_000), do("APPEND", "app", "z").Int(300_001), do("APPEND", "app", y).Int(700_001),
		do("GETRANGE", "app", "299999", "300001").Bulk("xzy"),
		do("SETRANGE", "range", "0", x).Int(300_000), do("SETRANGE", "range", "300001", "e").Int(300_002),
		do("GETRANGE", "range", "299999", "-1").Bulk("x\x00e"), do("SETRANGE", "range", "10", y).Int(400_010),
		do("SETRANGE", "range", "0", x).Int(400_010), do("GETRANGE", "range", "299999", "300000").Bulk("xy"),
		do("SETNX", "nx", x).Int(1), do("SETNX", "nx", y).Int(0), do("SETEX", "ex", "100000", x).OK(), do("GETSET", "ex", y).Len(300_000),
		do("GETDEL", "ex").Len(400_000), do("HSET", "hash", "f", x, "g", "1").Int(2), do("HGET", "hash", "f").Len(300_000),
		do("SET", "k", x, "FOO", y).Err(syntax), do("GET", "k").Bulk("1"),
	)
}

func TestStringExpiry(t *testing.T) {
	l := servertest.NewLocal(t, "--default-ttl", "100")
	expect := func(want string, words ...string) {
		t.Helper()
		if got := l.Do(words...); got.Str != want && got.String() != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
	expect("OK", "SET", "k", "v")
	expect("100", "TTL", "k")
	expect("OK", "SET", "k", "v", "KEEPTTL")
	expect("OK", "SET", "none", "v", "KEEPTTL")
	expect("-1", "TTL", "none")
	expect("OK", "SET", "k", "v", "XX")
	expect("100", "TTL", "k")
	expect("OK", "SET", "k2", "v", "EX", "10")
	expect("OK", "MSET", "m", "v")
	expect("-1", "TTL", "m")
	expect("2", "APPEND", "new", "ab")
	expect("-1", "TTL", "new")
	l.Advance(10 * time.Second)
	expect("v", "GET", "k2") // in the last of its milliseconds
	l.Advance(time.Millisecond)
	if got := l.Do("GET", "k2"); !got.Null() {
		t.Errorf("GET after the deadline: %s", got)
	}
	l.Advance(90 * time.Second)
	if got := l.Do("GET", "k"); !got.Null() {
		t.Errorf("GET after the default deadline: %s", got)
	}
	expect("v", "GET", "none")
}

func TestStringsDoNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t)
	words := func(s string) []string { return strings.Fields(s) }
	l.MustNotAllocate(words("SET k v"), words("GET k"), words("SET k 12345"), words("GET k"), words("GET none"),
		words("STRLEN k"), words("SETNX k v"), words("GETSET k w"), words("GETRANGE k 0 3"))
	l.MustNotAllocate(words("SET t v EX 100"), words("SET t v PX 1000000 GET"), words("SETEX t 100 v"), words("SET t w KEEPTTL"),
		words("GETEX t EX 5"), words("GETEX t PERSIST"), words("GETDEL t"))
	l.MustNotAllocate(words("INCR n"), words("DECRBY n 3"), words("INCRBY n 1000"), words("GET n"))
	l.MustNotAllocate(words("MSET a 1 b 2 c 3 d 4"), words("MGET a b c d e"), words("MSETNX a 1 z 2"))
	l.MustNotAllocate(words("SET app x"), words("APPEND app yyyyyyyyyyyyyyyyyy"), words("SETRANGE app 3 abc"), words("STRLEN app"))
}
