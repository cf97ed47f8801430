package resp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"redix/engine/seeds"
)

func testLimits() *Limits {
	return &Limits{MaxBulk: 512 << 20, MaxInline: 64 << 10, BigBulk: 256 << 10}
}

func seeded(t testing.TB) *rand.Rand { return rand.New(rand.NewPCG(seeds.Draw(t), 0)) }

// outcome is what a stream of bytes means: its frames, then an error or an unfinished rest.
type outcome struct {
	frames [][]string
	err    string
	rest   int // bytes of the frame that is not whole; 0 after an error
}

func (o outcome) String() string { return fmt.Sprintf("%q err=%q rest=%d", o.frames, o.err, o.rest) }

// run parses a stream that arrives in the pieces given by cut, each of which is handed over in memory of its own, and
// takes big bulks in place when takeBig is set.
func run(stream []byte, l *Limits, authenticated bool, takeBig bool, cut func(left int) int) outcome {
	var (
		p    Parser
		o    outcome
		buf  []byte
		args [][]byte
		big  int // bytes of the frame that are in big buffers
	)
	for {
		for {
			var n int
			var err error
			args, n, err = p.Next(buf, args, l, authenticated)
			if err != nil {
				o.err = err.Error()
				return o
			}
			if n == 0 {
				break
			}
			frame := make([]string, len(args))
			for i, a := range args {
				frame[i] = string(a)
			}
			o.frames = append(o.frames, frame)
			buf, big = buf[n:], 0
			if len(buf) == 0 {
				break
			}
		}
		if have, size := p.WantBig(); takeBig && size > 0 && size < 1<<20 && len(buf)-have+len(stream) >= size+2 {
			b := make([]byte, size+2)
			read := copy(b, buf[have:])
			stream = stream[copy(b[read:], stream):]
			buf = buf[:have:have]
			p.GiveBig(b)
			big += len(b)
			continue
		}
		if len(stream) == 0 {
			o.rest = len(buf) + big
			return o
		}
		next := min(max(1, cut(len(stream))), len(stream))
		if len(buf) < 4096 {
			buf = append(make([]byte, 0, len(buf)+next), buf...) // so that it moves
		}
		buf = append(buf, stream[:next]...)
		stream = stream[next:]
	}
}

func whole(left int) int  { return left }
func byByte(left int) int { return 1 }

func frameOf(words ...string) string {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return string(b)
}

func TestParser(t *testing.T) {
	long := strings.Repeat("x", 65536)
	for _, tc := range []struct{ in, want string }{
		{"*1\r\n$4\r\nPING\r\n", `[["PING"]] err="" rest=0`},
		{"*3\r\n$3\r\nSET\r\n$12\r\nabcdefghijkl\r\n$0\r\n\r\n", `[["SET" "abcdefghijkl" ""]] err="" rest=0`},
		{"*1\rx$4\r\nPINGzz*0\r\n*-1\r\n", `[["PING"] [] []] err="" rest=0`},
		{"*-9223372036854775808\r\n\r\n \t\r\n\n", `[[] [] [] []] err="" rest=0`},
		{"*2147483647\r\n$1\r\na\r\n", `[] err="" rest=20`},
		{"*2147483648\r\n", `[] err="Protocol error: invalid multibulk length" rest=0`},
		{"*3000000000\r\n", `[] err="Protocol error: invalid multibulk length" rest=0`},
		{"*9223372036854775807\r\n", `[] err="Protocol error: invalid multibulk length" rest=0`},
		{"*01\r\n", `[] err="Protocol error: invalid multibulk length" rest=0`},
		{"*\r\n", `[] err="Protocol error: invalid multibulk length" rest=0`},
		{"*-0\r\n", `[] err="Protocol error: invalid multibulk length" rest=0`},
		{"*1\r\n$-2\r\n", `[] err="Protocol error: invalid bulk length" rest=0`},
		{"*1\r\n$\r\n", `[] err="Protocol error: invalid bulk length" rest=0`},
		{"*1\r\n$00\r\n", `[] err="Protocol error: invalid bulk length" rest=0`},
		{"*1\r\n$9223372036854775807\r\n", `[] err="Protocol error: invalid bulk length" rest=0`},
		{"*1\r\n$536870913\r\n", `[] err="Protocol error: invalid bulk length" rest=0`},
		{"*1\r\n$536870912\r\n", `[] err="" rest=16`},
		{"*1\r\n:1\r\n", `[] err="Protocol error: expected '$', got ':'" rest=0`},
		{"*1\r\n\xff\r\n", `[] err="Protocol error: expected '$', got '\xff'" rest=0`},
		{"*1\r\n\r\n", `[] err="Protocol error: expected '$', got ' '" rest=0`},
		{"*1\r\n\n\r\n", `[] err="Protocol error: expected '$', got ' '" rest=0`},
		{"*1" + long, `[] err="Protocol error: too big mbulk count string" rest=0`},
		{"*1\r\n" + long + "x", `[] err="Protocol error: too big bulk count string" rest=0`},
		{"*1\r\n" + long, `[] err="" rest=65540`},
		{long + "x", `[] err="Protocol error: too big inline request" rest=0`},
		{long, `[] err="" rest=65536`},
		{"GET k\r\nPING\n", `[["GET" "k"] ["PING"]] err="" rest=0`},
		{`a "b c" 'd e' f"g h" ""` + "\r\n", `[["a" "b c" "d e" "fg h" ""]] err="" rest=0`},
		{`"\n\r\t\b\a\x41\x4g\q\"\\" '\'\n\'` + "'\n", `[["\n\r\t\b\aAx4gq\"\\" "'\\n'"]] err="" rest=0`},
		{"a\rb \vc\vd\f e\x00f\n", `[["a" "b" "c\vd\f" "e\x00f"]] err="" rest=0`},
		{`"a`, `[] err="" rest=2`},
		{`"a` + "\n", `[] err="Protocol error: unbalanced quotes in request" rest=0`},
		{`"a"b` + "\n", `[] err="Protocol error: unbalanced quotes in request" rest=0`},
		{`a"` + "\n", `[] err="Protocol error: unbalanced quotes in request" rest=0`},
		{`"a\` + "\n", `[] err="Protocol error: unbalanced quotes in request" rest=0`},
		{`"\x4` + "\n", `[] err="Protocol error: unbalanced quotes in request" rest=0`},
		{"", `[] err="" rest=0`},
		{"*", `[] err="" rest=1`},
	} {
		name := tc.in[:min(len(tc.in), 40)]
		if got := run([]byte(tc.in), testLimits(), true, false, whole).String(); got != tc.want {
			t.Errorf("%q whole:\n got %s\nwant %s", name, got, tc.want)
		}
		if got := run([]byte(tc.in), testLimits(), true, false, byByte).String(); got != tc.want {
			t.Errorf("%q byte by byte:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

func TestParserUnauthenticated(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"*11\r\n", "Protocol error: unauthenticated multibulk length"},
		{"*10\r\n", ""},
		{"*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length"},
		{"*1\r\n$16384\r\n", ""},
		{frameOf("AUTH", "x"), ""},
		{"a b c d e f g h i j k l m\r\n", ""}, // no limit but the line's
	} {
		for _, cut := range []func(int) int{whole, byByte} {
			if got := run([]byte(tc.in), testLimits(), false, false, cut).err; got != tc.want {
				t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
			}
			if got := run([]byte(tc.in), testLimits(), true, false, cut).err; got != "" {
				t.Errorf("%q authenticated: got %q", tc.in, got)
			}
		}
	}
}

// TestParserPieces sends frames of many shapes in random pieces, with and without taking big bulks in place.
func TestParserPieces(t *testing.T) {
	rng := seeded(t)
	l := &Limits{MaxBulk: 1 << 20, MaxInline: 100, BigBulk: 50}
	for range 2000 {
		var stream []byte
		var want [][]string
		for range 1 + rng.IntN(5) {
			words := make([]string, rng.IntN(14))
			for i := range words {
				word := make([]byte, rng.IntN(1+rng.IntN(120)))
				for j := range word {
					word[j] = "ab\r\n$*\x00"[rng.IntN(7)]
				}
				words[i] = string(word)
			}
			stream = append(stream, frameOf(words...)...)
			want = append(want, words)
		}
		expect := fmt.Sprintf("%q", want)
		for _, takeBig := range []bool{false, true} {
			pieces := func(int) int { return 1 + rng.IntN(40) }
			for name, cut := range map[string]func(int) int{"whole": whole, "bytes": byByte, "pieces": pieces} {
				got := run(stream, l, true, takeBig, cut)
				if fmt.Sprintf("%q", got.frames) != expect || got.err != "" || got.rest != 0 {
					t.Fatalf("%s, big %v: %q\n got %s\nwant %s", name, takeBig, stream, got, expect)
				}
			}
		}
	}
}

// TestParserForgetsScan: a first line that came in two pieces once left its search position to the next frame, whose
// line end was then missed.
func TestParserForgetsScan(t *testing.T) {
	var p Parser
	stream := []byte("*0\r\n\r\n")
	for _, step := range []struct{ from, to, n int }{{0, 3, 0}, {0, 6, 4}, {4, 6, 2}} {
		_, n, err := p.Next(stream[step.from:step.to], nil, testLimits(), true)
		if n != step.n || err != nil {
			t.Fatalf("%q: n %d, %v, want %d", stream[step.from:step.to], n, err, step.n)
		}
	}
}

// TestParserBig walks through the taking of two big bulks in one frame.
func TestParserBig(t *testing.T) {
	l := &Limits{MaxBulk: 1 << 20, MaxInline: 100, BigBulk: 10}
	first, second := strings.Repeat("1", 10), strings.Repeat("2", 20)
	stream := frameOf("MSET", "k", first, "q", second, "end")
	var p Parser
	var args [][]byte

	at := strings.Index(stream, first)
	buf := []byte(stream[:at+3])
	args, n, err := p.Next(buf, args, l, true)
	if n != 0 || err != nil {
		t.Fatal(n, err)
	}
	have, size := p.WantBig()
	if have != at || size != 10 {
		t.Fatalf("have %d size %d, want %d and 10", have, size, at)
	}
	if _, ok := p.BigIndex(); ok {
		t.Error("BigIndex before the frame is whole")
	}
	big1 := []byte(first + "\r\n")
	p.GiveBig(big1)
	if p.Pending() < 12 {
		t.Errorf("Pending %d does not count the big buffer", p.Pending())
	}
	buf = append(buf[:have], "\r\n"...) // what buf held of the payload is gone; the next header follows
	at2 := strings.Index(stream, second)
	buf = append(buf[:have], stream[at+12:at2]...)
	args, n, err = p.Next(buf, args, l, true)
	if n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if have, size = p.WantBig(); have != len(buf) || size != 20 {
		t.Fatalf("have %d size %d, want %d and 20", have, size, len(buf))
	}
	big2 := []byte(second + "xx")
	p.GiveBig(big2)
	buf = append(buf, stream[at2+22:]...)
	buf = append(buf, "PING\r\n"...)
	args, n, err = p.Next(buf, args, l, true)
	if err != nil || n != len(buf)-6 {
		t.Fatalf("n %d of %d, %v", n, len(buf), err)
	}
	if got, want := fmt.Sprintf("%q", args), fmt.Sprintf("%q", []string{"MSET", "k", first, "q", second, "end"}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if i, ok := p.BigIndex(); i != 2 || !ok {
		t.Errorf("BigIndex %d %v", i, ok)
	}
	if got := fmt.Sprint(p.BigIndexes()); got != "[2 4]" {
		t.Errorf("BigIndexes %s", got)
	}
	if unsafe.SliceData(args[4]) != unsafe.SliceData(big2) {
		t.Error("the big argument was copied")
	}
	args, n, err = p.Next(buf[n:], args, l, true)
	if n != 6 || err != nil || string(args[0]) != "PING" {
		t.Fatal(n, err, args)
	}
	if _, ok := p.BigIndex(); ok || p.BigIndexes() != nil || p.Pending() != 0 {
		t.Error("the next frame still has the last one's big arguments")
	}
}

// TestParserBigLast covers a frame that is whole by its big buffer alone.
func TestParserBigLast(t *testing.T) {
	l := &Limits{MaxBulk: 1 << 20, MaxInline: 100, BigBulk: 10}
	var p Parser
	buf := []byte("*1\r\n$10\r\n")
	if _, n, err := p.Next(buf, nil, l, true); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	p.GiveBig([]byte("0123456789\r\n"))
	args, n, err := p.Next(buf, nil, l, true)
	if err != nil || n != len(buf) || len(args) != 1 || string(args[0]) != "0123456789" {
		t.Fatal(args, n, err)
	}
}

func TestGiveBigUnasked(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	new(Parser).GiveBig(make([]byte, 2))
}

// TestParserKeepsNoMore checks that announced counts and sizes cost nothing before their bytes arrive.
func TestParserKeepsNoMore(t *testing.T) {
	l := testLimits()
	var p Parser
	var args [][]byte
	buf := []byte("*2147483647\r\n")
	for range 1000 {
		var n int
		var err error
		if args, n, err = p.Next(buf, args, l, true); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		buf = append(buf, "$1\r\na\r\n"...)
	}
	if cap(args) > 16 || p.Pending() > 2*8*1000 {
		t.Errorf("%d args and %d bytes held for 7 KB", cap(args), p.Pending())
	}
	p.Reset()
	if p != (Parser{}) || p.Pending() != 0 {
		t.Error("Reset leaves something")
	}
	if size := unsafe.Sizeof(p); size > 96 {
		t.Errorf("a parser is %d bytes", size)
	}
}

// TestParserLinear feeds one long header line and one long frame byte by byte: quadratic work would not end in time.
func TestParserLinear(t *testing.T) {
	l := testLimits()
	l.MaxInline = 4 << 20
	stream := append(bytes.Repeat([]byte{'x'}, 2<<20), '\n')
	stream = append(stream, "*100000\r\n"...)
	stream = append(stream, bytes.Repeat([]byte("$1\r\na\r\n"), 100000)...)
	var p Parser
	var args [][]byte
	frames, start := 0, 0
	for end := 1; end <= len(stream); end++ {
		var n int
		var err error
		if args, n, err = p.Next(stream[start:end], args, l, true); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			start += n
			frames++
		}
	}
	if frames != 2 || start != len(stream) || len(args) != 100000 {
		t.Errorf("%d frames, %d bytes, %d args", frames, start, len(args))
	}
}

func TestParserNoAllocs(t *testing.T) {
	l := testLimits()
	buf := []byte(frameOf("SET", "key:000000000001", strings.Repeat("v", 64)))
	half := []byte(frameOf("SET", "k", "v", "EX", "100"))
	inline := []byte("SET key value\r\n")
	args := make([][]byte, 0, 16)
	var p Parser
	for name, f := range map[string]func(){
		"whole": func() { args, _, _ = p.Next(buf, args, l, true) },
		"halves": func() {
			args, _, _ = p.Next(half[:20], args, l, true)
			args, _, _ = p.Next(half, args, l, true)
		},
		"inline": func() { args, _, _ = p.Next(inline, args, l, true) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if len(args) < 3 {
			t.Errorf("%s: %q", name, args)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	l := testLimits()
	for _, size := range []int{16, 64, 1024} {
		b.Run(fmt.Sprint("set", size), func(b *testing.B) {
			buf := []byte(frameOf("SET", "key:000000000001", strings.Repeat("v", size)))
			args := make([][]byte, 0, 16)
			var p Parser
			for b.Loop() {
				args, _, _ = p.Next(buf, args, l, true)
			}
		})
	}
	b.Run("get", func(b *testing.B) {
		buf := []byte(frameOf("GET", "key:000000000001"))
		args := make([][]byte, 0, 16)
		var p Parser
		for b.Loop() {
			args, _, _ = p.Next(buf, args, l, true)
		}
	})
	b.Run("halves", func(b *testing.B) {
		buf := []byte(frameOf("SET", "key:000000000001", strings.Repeat("v", 64)))
		args := make([][]byte, 0, 16)
		var p Parser
		for b.Loop() {
			args, _, _ = p.Next(buf[:30], args, l, true)
			args, _, _ = p.Next(buf, args, l, true)
		}
	})
	b.Run("inline", func(b *testing.B) {
		buf := []byte("SET key:000000000001 value\r\n")
		args := make([][]byte, 0, 16)
		var p Parser
		for b.Loop() {
			args, _, _ = p.Next(buf, args, l, true)
		}
	})
}
