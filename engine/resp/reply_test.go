package resp

import (
	"math"
	"strings"
	"testing"
)

func TestReply(t *testing.T) {
	for _, tc := range []struct {
		name         string
		do           func(r *Reply)
		resp2, resp3 string // resp3 empty: the same
	}{
		{"ok", func(r *Reply) { r.OK() }, "+OK\r\n", ""},
		{"simple", func(r *Reply) { r.Simple("PONG") }, "+PONG\r\n", ""},
		{"error", func(r *Reply) { r.Error("ERR no\r\nsuch\nkey\r\n") }, "-ERR no  such key\r\n", ""},
		{"errorf", func(r *Reply) { r.Errorf("ERR %q of %d", "a", 3) }, "-ERR \"a\" of 3\r\n", ""},
		{"int", func(r *Reply) { r.Int(math.MinInt64); r.Int(7) }, ":-9223372036854775808\r\n:7\r\n", ""},
		{"bulk", func(r *Reply) { r.Bulk([]byte("a\r\nb")); r.Bulk(nil) }, "$4\r\na\r\nb\r\n$0\r\n\r\n", ""},
		{"bulk string", func(r *Reply) { r.BulkString(strings.Repeat("x", 10)) }, "$10\r\nxxxxxxxxxx\r\n", ""},
		{"bulk int", func(r *Reply) { r.BulkInt(-12) }, "$3\r\n-12\r\n", ""},
		{"null", func(r *Reply) { r.Null() }, "$-1\r\n", "_\r\n"},
		{"null array", func(r *Reply) { r.NullArray() }, "*-1\r\n", "_\r\n"},
		{"array", func(r *Reply) { r.Array(12) }, "*12\r\n", ""},
		{"map", func(r *Reply) { r.Map(6) }, "*12\r\n", "%6\r\n"},
		{"set", func(r *Reply) { r.Set(3) }, "*3\r\n", "~3\r\n"},
		{"push", func(r *Reply) { r.Push(10) }, "*10\r\n", ">10\r\n"},
		{"attribute", func(r *Reply) {
			if r.Attribute(1) {
				r.Int(1)
				r.Int(2)
			}
			r.Int(3)
		}, ":3\r\n", "|1\r\n:1\r\n:2\r\n:3\r\n"},
		{"double", func(r *Reply) { r.Double(0.1); r.Double(math.Inf(-1)) }, "$3\r\n0.1\r\n$4\r\n-inf\r\n", ",0.1\r\n,-inf\r\n"},
		{"bool", func(r *Reply) { r.Bool(true); r.Bool(false) }, ":1\r\n:0\r\n", "#t\r\n#f\r\n"},
		{"verbatim", func(r *Reply) { r.Verbatim("txt", []byte("hello")) }, "$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n"},
		{"big number", func(r *Reply) { r.BigNumber("123456789012345678901234567890") },
			"$30\r\n123456789012345678901234567890\r\n", "(123456789012345678901234567890\r\n"},
		{"raw", func(r *Reply) { r.Raw([]byte("+x\r\n")) }, "+x\r\n", ""},
		{"deferred", func(r *Reply) {
			outer := r.Begin()
			inner := r.Begin()
			r.Int(1)
			r.Int(2)
			r.EndMap(inner, 1)
			inner = r.Begin()
			r.EndSet(inner, 0)
			r.EndArray(outer, 2)
			inner = r.Begin()
			r.Int(5)
			r.EndPush(inner, 1)
		}, "*2\r\n*2\r\n:1\r\n:2\r\n*0\r\n*1\r\n:5\r\n", "*2\r\n%1\r\n:1\r\n:2\r\n~0\r\n>1\r\n:5\r\n"},
	} {
		for proto, want := range map[int]string{0: tc.resp2, 2: tc.resp2, 3: tc.resp3} {
			if want == "" {
				want = tc.resp2
			}
			r := Reply{B: []byte("before"), Proto: proto}
			tc.do(&r)
			if string(r.B) != "before"+want {
				t.Errorf("%s, RESP%d: %q, want %q", tc.name, proto, r.B, want)
			}
		}
	}
}

func TestReplyNoAllocs(t *testing.T) {
	value := []byte("0123456789")
	for _, proto := range []int{2, 3} {
		r := Reply{B: make([]byte, 0, 1024), Proto: proto}
		if n := testing.AllocsPerRun(100, func() {
			r.B = r.B[:0]
			mark := r.Begin()
			r.OK()
			r.Simple("PONG")
			r.Error("ERR no such key")
			r.Int(123456)
			r.Bulk(value)
			r.BulkString("value")
			r.BulkInt(-123456)
			r.Null()
			r.Double(1.5e-9)
			r.Verbatim("txt", value)
			r.Map(100)
			r.EndArray(mark, 11)
		}); n != 0 {
			t.Errorf("RESP%d: %v allocations", proto, n)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	value := []byte(strings.Repeat("v", 64))
	r := Reply{B: make([]byte, 0, 1024), Proto: 2}
	b.Run("bulk64", func(b *testing.B) {
		for b.Loop() {
			r.B = r.B[:0]
			r.Bulk(value)
		}
	})
	b.Run("int", func(b *testing.B) {
		for b.Loop() {
			r.B = r.B[:0]
			r.Int(123456)
		}
	})
}
