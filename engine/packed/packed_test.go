// Blobs are tested against a slice of strings, by operations decoded from bytes, for a printed seed and for the fuzzer.

package packed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/engine/seeds"
)

// edges are values at each change of form.
var edges = func() (all []string) {
	for shift := range 64 {
		for _, d := range []int64{-1, 0, 1} {
			n := int64(1)<<shift + d
			all = append(all, strconv.FormatInt(n, 10), strconv.FormatInt(-n, 10))
		}
	}
	for _, n := range []int{0, 1, 62, 63, 64, 65, 255, 256, 8190, 8191, 8192, 8193, 70_000} {
		all = append(all, strings.Repeat("x", n))
	}
	return append(all, "-", "-0", "00", "01", "+1", " 1", "1 ", "1.0", "1e3", "9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999", "\xff", "\x00", "1\x00")
}()

func build(elems ...string) []byte {
	args := make([][]byte, len(elems))
	for i, e := range elems {
		args[i] = []byte(e)
	}
	blob := Empty()
	return Replace(nil, blob, len(blob), len(blob), len(args), args...)
}

// agree fails unless the blob reads as the elements of the model, by every way there is to read it.
func agree(t *testing.T, blob []byte, want []string) {
	t.Helper()
	if err := Check(blob); err != nil {
		t.Fatalf("%v: % x", err, blob)
	}
	if Count(blob) != len(want) {
		t.Fatalf("Count %d, want %d", Count(blob), len(want))
	}
	pos := First(blob)
	for i, s := range want {
		if at, ok := Seek(blob, i); !ok || at != pos {
			t.Fatalf("Seek(%d) = %d %v, want %d", i, at, ok, pos)
		}
		e, next := Next(blob, pos)
		if got := string(e.AppendTo(nil)); got != s {
			t.Fatalf("element %d is %q, want %q", i, got, s)
		}
		if _, err := strconv.ParseInt(s, 10, 64); e.IsInt && err != nil {
			t.Fatalf("%q became the integer %d", s, e.Int)
		}
		if e.Len() != len(s) || !e.Equal([]byte(s)) || e.Equal([]byte(s+"0")) || e.Equal([]byte("0"+s)) {
			t.Fatalf("element %q: Len %d or Equal wrong", s, e.Len())
		}
		if Skip(blob, pos) != next {
			t.Fatalf("element %q: Skip %d, Next %d", s, Skip(blob, pos), next)
		}
		pos = next
	}
	if pos != len(blob) {
		t.Fatalf("walk ends at %d of %d", pos, len(blob))
	}
	if _, ok := Seek(blob, len(want)); ok {
		t.Fatal("Seek past the end")
	}
	if _, ok := Seek(blob, -1); ok {
		t.Fatal("Seek before the start")
	}
}

// agreeFind looks s up among all elements and, where they pair up, among the keys.
func agreeFind(t *testing.T, blob []byte, want []string, s string) {
	t.Helper()
	i := slices.Index(want, s)
	pos, end, ok := Find(blob, []byte(s))
	if ok != (i >= 0) {
		t.Fatalf("Find(%q) %v in %q", s, ok, want)
	}
	if ok {
		at, _ := Seek(blob, i)
		if pos != at || end != Skip(blob, at) {
			t.Fatalf("Find(%q) = %d %d, want %d", s, pos, end, at)
		}
	}
	if len(want)%2 != 0 {
		return
	}
	i = -1
	for k := 0; k < len(want) && i < 0; k += 2 {
		if want[k] == s {
			i = k
		}
	}
	keyPos, valPos, endPos, ok := FindPair(blob, []byte(s))
	if ok != (i >= 0) {
		t.Fatalf("FindPair(%q) %v in %q", s, ok, want)
	}
	if ok {
		at, _ := Seek(blob, i)
		if keyPos != at || valPos != Skip(blob, at) || endPos != Skip(blob, valPos) {
			t.Fatalf("FindPair(%q) = %d %d %d, key at %d", s, keyPos, valPos, endPos, at)
		}
	}
}

func TestEdges(t *testing.T) {
	agree(t, Empty(), nil)
	for _, s := range edges {
		agree(t, build(s), []string{s})
		for _, other := range []string{"", "5", "abc", s + "x"} {
			all := []string{other, s, s, other}
			blob := build(all...)
			agree(t, blob, all)
			agreeFind(t, blob, all, s)
			agreeFind(t, blob, all, other)
		}
	}
	blob := build(edges...)
	agree(t, blob, edges)
	for _, s := range edges {
		agreeFind(t, blob, edges, s)
	}
}

// TestSizes pins the layout that the package comment draws.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		value string
		want  string
	}{
		{"", "\x00"}, {"a", "\x01a"}, {"0", "\x80"}, {"127", "\xff"},
		{"128", "\x60\x80"}, {"-1", "\x6f\xff"}, {"2047", "\x67\xff"}, {"-2048", "\x68\x00"},
		{"2048", "\x70\x00\x08"}, {"-32768", "\x70\x00\x80"}, {"32768", "\x71\x00\x80\x00"},
		{"8388608", "\x72\x00\x00\x80\x00"}, {"2147483648", "\x73\x00\x00\x00\x80\x00\x00"},
		{"140737488355328", "\x74\x00\x00\x00\x00\x00\x80\x00\x00"},
		{strings.Repeat("y", 64), "\x40\x40" + strings.Repeat("y", 64)},
		{strings.Repeat("y", 63), "\x3f" + strings.Repeat("y", 63)},
		{strings.Repeat("y", 8191), "\x5f\xff" + strings.Repeat("y", 8191)},
		{strings.Repeat("y", 8192), "\x75\x80\x40" + strings.Repeat("y", 8192)},
	} {
		if got := string(AppendElem(nil, []byte(c.value))); got != c.want {
			t.Errorf("%q is % x, want % x", c.value, got, c.want)
		}
	}
}

// run decodes edits of two or three bytes and applies them to a blob and to a slice.
func run(t *testing.T, ops []byte) {
	var model []string
	blob := Empty()
	value := func(n byte) string {
		if n < 128 {
			return strconv.Itoa(int(n) % 20)
		}
		return edges[int(n)%len(edges)]
	}
	for ; len(ops) >= 4; ops = ops[4:] {
		from := int(ops[1]) % (len(model) + 1)
		to := min(from+int(ops[0]>>3)%4, len(model))
		var put []string
		var elems [][]byte
		for range int(ops[0]) % 4 {
			s := value(ops[2] + byte(len(put))*ops[3])
			put = append(put, s)
			elems = append(elems, []byte(s))
		}
		at := func(i int) int {
			if pos, ok := Seek(blob, i); ok {
				return pos
			}
			return len(blob)
		}
		before := bytes.Clone(blob)
		next := Replace([]byte("keep"), blob, at(from), at(to), len(put)-(to-from), elems...)
		if !bytes.Equal(before, blob) || string(next[:4]) != "keep" {
			t.Fatal("Replace changed its source or what dst held")
		}
		blob = next[4:]
		model = slices.Replace(model, from, to, put...)
		agree(t, blob, model)
		agreeFind(t, blob, model, value(ops[3]))
	}
}

func TestAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 150 {
		ops := make([]byte, 4*rng.IntN(120))
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		run(t, ops)
	}
}

func FuzzEdits(f *testing.F) {
	f.Add([]byte{3, 0, 130, 1, 8, 0, 200, 3})
	f.Fuzz(func(t *testing.T, ops []byte) { run(t, ops[:min(len(ops), 400)]) })
}

// FuzzCheck holds that what Check accepts is exactly what building from its own elements gives, and that walking it is
// safe.
func FuzzCheck(f *testing.F) {
	f.Add([]byte{0})
	f.Add(build("a", "1", "-5", "1000000", strings.Repeat("z", 100)))
	f.Add([]byte{1, 0x75, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, blob []byte) {
		if err := Check(blob); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again := binary.AppendUvarint(nil, uint64(Count(blob)))
		var all []string
		for pos := First(blob); pos < len(blob); {
			var e Elem
			e, pos = Next(blob, pos)
			all = append(all, string(e.AppendTo(nil)))
			again = AppendElem(again, []byte(all[len(all)-1]))
		}
		if !bytes.Equal(blob, again) {
			t.Fatalf("% x accepted, rebuilt as % x", blob, again)
		}
		agree(t, blob, all)
	})
}

// TestCheckDamage cuts a blob at every byte, and changes every byte: Check must refuse or what it accepts must hold.
func TestCheckDamage(t *testing.T) {
	blob := build("field", "1", "", "-77", "70000", strings.Repeat("v", 70), "12345678901", "-1234567890123456789")
	for n := range blob {
		if err := Check(blob[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if Check(append(bytes.Clone(blob), 0)) == nil {
		t.Fatal("a byte too many accepted")
	}
	for i := range blob {
		for b := range 256 {
			damaged := bytes.Clone(blob)
			damaged[i] = byte(b)
			if Check(damaged) != nil {
				continue
			}
			n := 0
			for pos := First(damaged); pos < len(damaged); n++ {
				_, pos = Next(damaged, pos)
			}
			if n != Count(damaged) {
				t.Fatalf("byte %d = %#x: %d elements, counted %d", i, b, n, Count(damaged))
			}
		}
	}
	for _, c := range []struct{ what, blob string }{
		{"no count", ""}, {"count cut", "\x80"}, {"count too long", "\x80\x00"},
		{"count huge", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		{"unused head", "\x01\x76"}, {"integer as a string", "\x01\x015"}, {"negative as a string", "\x01\x02-5"},
		{"int12 that fits 7 bits", "\x01\x60\x05"}, {"int64 that fits 16", "\x01\x74\x00\x08\x00\x00\x00\x00\x00\x00"},
		{"long length of a short string", "\x01\x40\x01a"}, {"length cut", "\x01\x40"}, {"long length cut", "\x01\x75"},
		{"long length with a zero", "\x01\x75\x81\x00a"},
		{"length past int64", "\x01\x75\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
	} {
		if err := Check([]byte(c.blob)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestParseInt(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for i := range 200_000 {
		var s string
		if i < len(edges) {
			s = edges[i]
		} else if n := int64(rng.Uint64()) >> rng.IntN(64); i%2 == 0 {
			s = strconv.FormatInt(n, 10)
		} else {
			b := []byte(strconv.FormatInt(n, 10))
			b[rng.IntN(len(b))] = "0123456789-+ x/:"[rng.IntN(16)]
			s = string(b)
		}
		n, ok := ParseInt([]byte(s))
		want, err := strconv.ParseInt(s, 10, 64)
		wantOK := err == nil && strconv.FormatInt(want, 10) == s
		if ok != wantOK || ok && n != want {
			t.Fatalf("ParseInt(%q) = %d %v, want %d %v", s, n, ok, want, wantOK)
		}
	}
	if n, ok := ParseInt([]byte("-9223372036854775808")); !ok || n != math.MinInt64 {
		t.Fatal(n, ok)
	}
}

func TestAllocs(t *testing.T) {
	blob := build("name", "alice", "age", "42", "city", "Paris", "big", "1234567890123")
	scratch := make([]byte, 0, 512)
	field, missing, value := []byte("city"), []byte("zip"), []byte("Berlin")
	if n := testing.AllocsPerRun(100, func() {
		keyPos, valPos, endPos, ok := FindPair(blob, field)
		if !ok || keyPos == 0 {
			t.Fatal("not found")
		}
		scratch = Replace(scratch[:0], blob, valPos, endPos, 0, value)
		if _, _, ok := Find(blob, missing); ok {
			t.Fatal("found")
		}
		scratch = Replace(scratch[:0], blob, len(blob), len(blob), 2, missing, value)
		for pos := First(scratch); pos < len(scratch); {
			var e Elem
			e, pos = Next(scratch, pos)
			if e.Len() == 0 || e.Equal(missing) && e.IsInt {
				t.Fatal("empty")
			}
		}
		if Check(scratch) != nil {
			t.Fatal("corrupt")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
