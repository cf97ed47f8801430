package rdb

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"redix/engine/seeds"
)

// corpus returns the snapshots that other servers wrote, by name.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	files := map[string][]byte{}
	paths, _ := filepath.Glob("../testdata/corpus/*.rdb.gz")
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			tb.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			tb.Fatal(err)
		}
		if files[filepath.Base(p)], err = io.ReadAll(z); err != nil {
			tb.Fatal(err)
		}
		f.Close()
	}
	older, _ := filepath.Glob("../testdata/corpus/older/*.rdb")
	for _, p := range older {
		data, err := os.ReadFile(p)
		if err != nil {
			tb.Fatal(err)
		}
		files[filepath.Base(p)] = data
	}
	if len(files) < 20 {
		tb.Fatalf("only %d files in the corpus", len(files))
	}
	return files
}

func nothing(*Item) error { return nil }

// reduced returns a file with the small values of all files, one of each type and encoding of strings at least.
func reduced(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	b := AppendHeader(nil)
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, r := files[name], NewReader(bytes.NewReader(files[name]))
		start := int64(0)
		take := func(it *Item) {
			value := data[start:r.Offset()]
			kind := fmt.Sprint(it.Type, value[len(value)/2]>>6)
			if len(value) < 3000 && (!seen[kind] || len(b) < 16<<10) {
				b = append(b, value...)
				seen[kind] = true
			}
		}
		err := r.Read(func(it *Item) error {
			if it.Op == OpKey {
				start = it.Offset
			}
			if it.Op == OpEnd || it.Op == OpKey && it.Kind == KindString && !it.More {
				take(it)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b = AppendEOF(b)
	return AppendChecksum(b, CRC64(0, b))
}

// TestDamage flips bits and cuts ends: every file is refused, with an offset that lies in it.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	data := reduced(t, corpus(t))
	if len(data) < 3*4096 {
		t.Fatalf("only %d bytes", len(data))
	}
	check := func(what string, at int, data []byte) {
		r := NewReader(bytes.NewReader(data))
		err := r.Read(nothing)
		if err == nil && r.Summary().Checksum == ChecksumNone && r.Offset() < int64(len(data)) {
			return // a version that had no checksum yet: what follows tells
		}
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Offset < 0 || wrong.Offset > int64(len(data)) {
			t.Fatalf("%s at %d: %v", what, at, err)
		}
	}
	for range 2000 {
		at := rng.IntN(len(data) * 8)
		data[at/8] ^= 1 << (at % 8)
		check("bit flipped", at, data)
		data[at/8] ^= 1 << (at % 8)
	}
	for n := len(data) - 4096; n < len(data); n++ {
		check("cut", n, data[:n])
	}
	r := NewReader(bytes.NewReader(data))
	if err := r.Read(nothing); err != nil || r.Summary().Checksum != ChecksumGood || r.Offset() != int64(len(data)) {
		t.Fatal(err, r.Summary())
	}
}

// TestDamageUnseen flips bits in all files and ignores the checksum: whatever that makes of them, nothing panics.
func TestDamageUnseen(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	for _, data := range corpus(t) {
		for range 10 {
			own := bytes.Clone(data)
			for range 1 + rng.IntN(3) {
				own[headerBytes+rng.IntN(len(own)-headerBytes)] = byte(rng.Uint32())
			}
			r := NewReader(bytes.NewReader(own))
			r.IgnoreChecksum()
			_ = r.Read(nothing)
		}
	}
}

// TestSlowInput reads files byte by byte, and in pieces with their end.
func TestSlowInput(t *testing.T) {
	for name, data := range corpus(t) {
		var items [3]int
		for i, in := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data)),
			iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(append(bytes.Clone(data), "tail"...))))} {
			r := NewReader(in)
			if err := r.Read(func(*Item) error { items[i]++; return nil }); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if r.Offset() != int64(len(data)) {
				t.Errorf("%s ends at %d, want %d", name, r.Offset(), len(data))
			}
		}
		if items[0] != items[1] || items[0] != items[2] {
			t.Errorf("%s: %v items", name, items)
		}
	}
}

// TestInputFails has the input fail: its error is that of the reader.
func TestInputFails(t *testing.T) {
	broken := errors.New("broken")
	data := corpus(t)["redis-7.2.6-plain.rdb.gz"]
	for _, n := range []int{0, 5, 9, 1000, 300000} {
		err := NewReader(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))).Read(nothing)
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
		if err := NewReader(bytes.NewReader(data[:n])).Read(nothing); !errors.Is(err, ErrShort) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// file puts items between a header and an end with the right checksum.
func file(version string, items ...string) []byte {
	b := append([]byte("REDIS"+version), strings.Join(items, "")...)
	b = AppendEOF(b)
	return AppendChecksum(b, CRC64(0, b))
}

const (
	huge32 = "\x80\xff\xff\xff\xff"
	huge64 = "\x81\xff\xff\xff\xff\xff\xff\xff\xff"
)

func listpackOf(elems ...string) string {
	b := make([]byte, listpackHead)
	for _, e := range elems {
		b = append(b, 0x80|byte(len(e)))
		b = append(append(b, e...), byte(len(e)+1))
	}
	b = endListpack(b, len(elems))
	return string(append(AppendLen(nil, uint64(len(b))), b...))
}

func intsetOf(width, count uint32, numbers ...int16) string {
	b := binary.LittleEndian.AppendUint32(nil, width)
	b = binary.LittleEndian.AppendUint32(b, count)
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	return string(append(AppendLen(nil, uint64(len(b))), b...))
}

func ziplistOf(tail, count int, entries string) string {
	b := binary.LittleEndian.AppendUint32(nil, uint32(11+len(entries)))
	b = binary.LittleEndian.AppendUint32(b, uint32(tail))
	b = binary.LittleEndian.AppendUint16(b, uint16(count))
	b = append(append(b, entries...), 0xff)
	return string(append(AppendLen(nil, uint64(len(b))), b...))
}

// TestRefused: what makes no sense is refused, in few bytes of memory, and the error says what it is.
func TestRefused(t *testing.T) {
	id := strings.Repeat("\x00", 15) + "\x01"
	for _, c := range []struct{ what, items string }{
		{"cut short", "\x00\x01k" + huge32},
		{"a string of", "\x00\x01k" + huge64},
		{"a string of", "\x00" + huge64},
		{"unknown kind of string", "\x01\x01k" + huge64},
		{"unknown kind of string", "\x02\x01k" + huge64 + "\x01a"},
		{"unknown kind of string", "\x04\x01k\x02\x01a\x01b\x01c"},
		{"cut short", "\xfa" + huge32 + "x"},
		{"unknown length", "\x00\x82k"},
		{"unknown kind of string", "\x00\xc4k"},
		{"a string where", "\x01\x01k\xc0\x01"},
		{"compressed string", "\x00\x01k\xc3\x02" + huge32 + "\x00a"},
		{"compressed string", "\x00\x01k\xc3\x02" + huge64 + "\x00a"},
		{"compressed string", "\x00\x01k\xc3\x02\x05\x00a"},
		{"compressed string", "\x00\x01k\xc3\x03\x05\x40\x00a"},
		{"compressed string", "\x00\x01k\xc3\x04\x05\x00a\x20\x05"},
		{"unknown type", "\x08\x01kxxxx"},
		{"unknown type", "\x1a\x01kxxxx"},
		{"unknown type", "\xf3\x01kxxxx"},
		{"value of a module", "\x06\x01kxxxx"},
		{"value of a module", "\x07\x01kxxxx"},
		{"MODULE_AUX", "\xf7\x01\x02"},
		{"release candidate", "\xf6\x01a\x01b"},
		{"database", "\xfe" + huge64},
		{"no number", "\x05\x01k\x01\x01m\x00\x00\x00\x00\x00\x00\xf8\x7f"},
		{"no number", "\x03\x01k\x01\x01m\xfd"},
		{"score of", "\x03\x01k\x01\x01m\x03abc"},
		{"score of", "\x03\x01k\x01\x01m\x000x1"},
		{"score of", "\x11\x01k" + listpackOf("m", "nan")},
		{"without its value", "\x11\x01k" + listpackOf("m")},
		{"without its value", "\x10\x01k" + listpackOf("a", "b", "c")},
		{"listpack", "\x10\x01k\x07\x07\x00\x00\x00\x01\x00\xfe"},
		{"listpack", "\x10\x01k\x06\x06\x00\x00\x00\x00\x00"},
		{"listpack", "\x10\x01k\x08\x09\x00\x00\x00\x00\x00\x05\xff"},
		{"listpack", "\x14\x01k\x0b\x0b\x00\x00\x00\x01\x00\x83ab\x04\xff"},
		{"listpack", "\x14\x01k\x0c\x0c\x00\x00\x00\x02\x00\x83abc\x04\xff"},
		{"listpack", "\x14\x01k\x0c\x0c\x00\x00\x00\x01\x00\x83abc\x05\xff"},
		{"listpack", "\x14\x01k\x0c\x0c\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff\xff"},
		{"intset", "\x0b\x01k" + intsetOf(2, 2, 1)},
		{"intset", "\x0b\x01k" + intsetOf(3, 1, 1)},
		{"intset", "\x0b\x01k" + intsetOf(0, 0xffffffff)},
		{"intset", "\x0b\x01k" + intsetOf(8, 0x20000000)},
		{"ascending", "\x0b\x01k" + intsetOf(2, 2, 5, 5)},
		{"ascending", "\x0b\x01k" + intsetOf(2, 2, 5, 4)},
		{"intset", "\x0b\x01k\x03abc"},
		{"ziplist", "\x0a\x01k" + ziplistOf(10, 2, "\x00\x01a")},
		{"ziplist", "\x0a\x01k" + ziplistOf(11, 1, "\x00\x01a")},
		{"ziplist", "\x0a\x01k" + ziplistOf(10, 1, "\x05\x01a")},
		{"ziplist", "\x0a\x01k" + ziplistOf(10, 1, "\x00\x3fa")},
		{"ziplist", "\x0a\x01k" + ziplistOf(10, 1, "\x00\x80\xff\xff\xff\xff")},
		{"ziplist", "\x0a\x01k" + ziplistOf(10, 1, "\xfe\x00\x00")},
		{"ziplist", "\x0a\x01k" + ziplistOf(10, 1, "\x00\xff")},
		{"zipmap", "\x09\x01k\x07\x01\xfe\xff\xff\xff\xff\xff"},
		{"zipmap", "\x09\x01k\x06\x01\x01a\x01\xf0\xff"},
		{"zipmap", "\x09\x01k\x04\x01\x01a\xff"},
		{"container", "\x12\x01k\x01\x03\x01a"},
		{"ID of a node", "\x0f\x01k\x01\x01a" + listpackOf("a")},
		{"node of a stream", "\x0f\x01k\x01\x10" + id + listpackOf("a")},
		{"should have 5 entries", "\x0f\x01k\x00\x05\x00\x00\x00"},
		{"time to live", "\x18\x01k\x01\x00\x00\x00\x00\x00\x00\x00\x01\x05\x01f\x01v"},
		{"time to live", "\x19\x01k\x01\x00\x00\x00\x00\x00\x00\x00" + listpackOf("f", "v", "7")},
	} {
		r := NewReader(bytes.NewReader(file("0011", c.items)))
		err := r.Read(nothing)
		if err == nil || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%q: %v, want %q", c.items, err, c.what)
		}
	}
}

// TestVersions: a version beyond those known, or none, is refused; the first four have no checksum.
func TestVersions(t *testing.T) {
	for _, v := range []string{"0000", "0013", "9999", "+011", "-001", "00 1", "abcd"} {
		if err := NewReader(bytes.NewReader(file(v))).Read(nothing); err == nil {
			t.Errorf("version %q is taken", v)
		}
	}
	for _, v := range []string{"0001", "0004"} {
		data := file(v, "\x00\x01k\x01v")
		r := NewReader(bytes.NewReader(data[:len(data)-8]))
		if err := r.Read(nothing); err != nil || r.Summary().Checksum != ChecksumNone {
			t.Errorf("version %s: %v", v, err)
		}
	}
	data := file("0011", "\x00\x01k\x01v")
	clear(data[len(data)-8:])
	r := NewReader(bytes.NewReader(data))
	if err := r.Read(nothing); err != nil || r.Summary().Checksum != ChecksumOff {
		t.Errorf("without a checksum: %v", err)
	}
}

// TestTaken reads forms that no file of the corpus has.
func TestTaken(t *testing.T) {
	for items, want := range map[string]string{
		"\xfd\x01\x00\x00\x00\x00\x01k\x01v":                             "k=v at 1000",
		"\xfc\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01k\x01v":             "k=v at 1",
		"\xf8\x05\x00\x01k\x01v":                                         "k=v idle 5",
		"\xf9\x07\x00\x01k\x01v":                                         "k=v freq 7",
		"\xf4\x01\x02\x03\x00\x01k\x01v":                                 "k=v",
		"\xf5\x03lib\x00\x01k\x01v":                                      "lib k=v",
		"\xfb\x05\x06\x00\x01k\x01v":                                     "k=v",
		"\x03\x01k\x03\x01a\xfe\x01b\xff\x01c\x031.5":                    "k a:+Inf b:-Inf c:1.5 end",
		"\x16\x01k\x02\x00\x01f\x01v\x00\x01g\x01w":                      "k f=v g=w end",
		"\x18\x01k\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01f\x01v":    "k f=v end",
		"\x17\x01k" + listpackOf("f", "v", "0"):                          "k f=v end",
		"\x12\x01k\x02\x01\x05plain\x02" + listpackOf("a", "b"):          "k plain a b end",
		"\x01\x01k\x00":                                                  "k end",
		"\x00\x01k\xc1\x00\x80":                                          "k=-32768",
		"\x00\x80\x00\x00\x00\x01k\x81\x00\x00\x00\x00\x00\x00\x00\x01v": "k=v",
	} {
		if got := told(t, file("0012", items)); got != want {
			t.Errorf("%q: %q, want %q", items, got, want)
		}
	}
}

// told reads a file and tells what it holds in words.
func told(t *testing.T, data []byte) string {
	t.Helper()
	var words []string
	err := NewReader(bytes.NewReader(data)).Read(func(it *Item) error {
		switch it.Op {
		case OpKey:
			w := string(it.Name)
			if it.Kind == KindString {
				w += "=" + string(it.Data)
			}
			if it.DeadlineMs != 0 {
				w += fmt.Sprint(" at ", it.DeadlineMs)
			}
			if it.Idle >= 0 {
				w += fmt.Sprint(" idle ", it.Idle)
			}
			if it.Freq >= 0 {
				w += fmt.Sprint(" freq ", it.Freq)
			}
			words = append(words, w)
		case OpElem, OpFunction:
			words = append(words, string(it.Data))
		case OpField:
			words = append(words, string(it.Name)+"="+string(it.Data))
		case OpMember:
			words = append(words, fmt.Sprintf("%s:%v", it.Name, it.Score))
		case OpEnd:
			words = append(words, "end")
		}
		return nil
	})
	if err != nil {
		t.Errorf("%q: %v", data, err)
	}
	return strings.Join(words, " ")
}

// FuzzReader reads anything, with the checksum ignored. Memory is bounded by what has come, and nothing panics.
func FuzzReader(f *testing.F) {
	for _, data := range corpus(f) {
		f.Add(data[:min(len(data), 2000)])
	}
	f.Add(file("0011", "\x0b\x01k"+intsetOf(2, 2, 1, 2), "\x0a\x01k"+ziplistOf(10, 1, "\x00\x01a"), "\x10\x01k"+listpackOf("a", "b")))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		r.IgnoreChecksum()
		bytesOut := 0
		_ = r.Read(func(it *Item) error {
			if bytesOut += len(it.Name) + len(it.Data); bytesOut > 100<<20 {
				return Wrong("enough")
			}
			return nil
		})
	})
}
