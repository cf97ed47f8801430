package list

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/seeds"
)

func text(e packed.Elem) string { return string(e.AppendTo(nil)) }

func TestElements(t *testing.T) {
	values := []string{"", "a", "0", "127", "128", "-1", "4095", "-4096", "4096", "-4097", "32767", "-32768", "32768", "8388607", "-8388608",
		"8388608", "2147483647", "-2147483648", "2147483648", strconv.Itoa(math.MaxInt64), strconv.Itoa(math.MinInt64), "9223372036854775808",
		"007", "-0", "+1"}
	for _, n := range []int{1, 62, 63, 64, 124, 125, 126, 127, 128, 4094, 4095, 4096, 16375, 16376, 16377, 16378, 16379, 16380, 2097143, 2097144, 2097145, 2097146} {
		values = append(values, strings.Repeat("x", n))
	}
	var span []byte
	var places []int
	for _, v := range values {
		x := encode([]byte(v))
		places = append(places, len(span))
		span = append(span, make([]byte, x.size)...)
		x.put(span[places[len(places)-1]:])
	}
	for i, v := range values {
		e, next := Next(span, places[i])
		end := len(span)
		if i+1 < len(places) {
			end = places[i+1]
		}
		if text(e) != v || next != end || Skip(span, places[i]) != end || Prev(span, end) != places[i] {
			t.Errorf("%.30q: read %.30q, next %d, skip %d, want %d; prev %d, want %d", v, text(e), next, Skip(span, places[i]), end, Prev(span, end), places[i])
		}
		if _, err := strconv.ParseInt(v, 10, 64); e.IsInt != (err == nil && v != "007" && v != "-0" && v != "+1") {
			t.Errorf("%.30q: integer is %v", v, e.IsInt)
		}
		n := NeedleOf([]byte(v))
		for k, p := range places {
			if n.At(span, p) != (values[k] == v) {
				t.Errorf("%.30q found at %.30q", v, values[k])
			}
		}
	}
}

// TestElementSizes: these are the sizes in redis's listpack, by its documentation.
func TestElementSizes(t *testing.T) {
	for v, want := range map[string]int{"": 2, "5": 2, "-1": 3, "4095": 3, "5000": 4, "100000": 5, "10000000": 6, "10000000000": 10, "abc": 5} {
		if x := encode([]byte(v)); x.size != want {
			t.Errorf("%q takes %d bytes, want %d", v, x.size, want)
		}
	}
}

// check compares everything that can be read with the model, and the structure with its rules.
func check(t *testing.T, l *List, model []string) {
	t.Helper()
	if l.Len() != len(model) {
		t.Fatalf("Len is %d, want %d", l.Len(), len(model))
	}
	var got []string
	used := int64(0)
	for k := range l.chunks() {
		c, count := l.chunk(k)
		if c.start < chunkHead || c.end < c.start || c.end > len(c.b) || count == 0 {
			t.Fatalf("chunk %d: %d to %d of %d, %d elements", k, c.start, c.end, len(c.b), count)
		}
		used += int64(len(c.b))
		span := c.span()
		for pos := 0; pos < len(span); count-- {
			e, next := Next(span, pos)
			if Prev(span, next) != pos {
				t.Fatalf("Prev(%d) is %d, want %d", next, Prev(span, next), pos)
			}
			got = append(got, text(e))
			pos = next
		}
		if count != 0 {
			t.Fatalf("chunk %d: the count is off by %d", k, count)
		}
	}
	if !slices.Equal(got, model) {
		t.Fatalf("%q, want %q", got, model)
	}
	if l.dir != 0 {
		used += int64(l.arena.Size(l.dir))
	}
	if l.Bytes() != used {
		t.Fatalf("Bytes is %d, want %d", l.Bytes(), used)
	}
}

var testLimits = []int{-1, -2, -5, 1, 2, 5, 128, 0}

// play runs operations decoded from bytes against a slice of strings.
func play(t *testing.T, data []byte) {
	if len(data) == 0 {
		return
	}
	ks := keyspace.New(1, 0, nil)
	l := New(ks)
	lim := LimitOf(testLimits[int(data[0])%len(testLimits)])
	var model []string
	for data = data[1:]; len(data) >= 4; data = data[4:] {
		op, where, v := data[0], int(data[1])<<8|int(data[2]), value(data[3])
		at := 0
		if len(model) > 0 {
			at = where % len(model)
		}
		switch {
		case op < 50:
			l.PushBack([]byte(v), lim)
			model = append(model, v)
		case op < 90:
			l.PushFront([]byte(v), lim)
			model = slices.Insert(model, 0, v)
		case op < 150:
			at = where % (len(model) + 1)
			l.Insert(at, []byte(v), lim)
			model = slices.Insert(model, at, v)
		case len(model) == 0:
		case op < 165:
			if text(l.Front()) != model[0] {
				t.Fatalf("Front is %q, want %q", text(l.Front()), model[0])
			}
			l.DropFront()
			model = model[1:]
		case op < 180:
			if text(l.Back()) != model[len(model)-1] {
				t.Fatalf("Back is %q, want %q", text(l.Back()), model[len(model)-1])
			}
			l.DropBack()
			model = model[:len(model)-1]
		case op < 200:
			l.Set(at, []byte(v), lim)
			model[at] = v
		case op < 215:
			n := int(data[3]) % (len(model) - at + 1)
			l.Remove(at, n)
			model = slices.Delete(model, at, at+n)
		case op < 225:
			most, back, removed := int(op)-214, where%2 == 1, 0
			for k := range model {
				if back {
					k = len(model) - 1 - k
				}
				if removed < most && model[k] == v {
					model[k] = "\x00gone"
					removed++
				}
			}
			model = slices.DeleteFunc(model, func(s string) bool { return s == "\x00gone" })
			if n := l.RemoveEqual([]byte(v), most, back); n != removed {
				t.Fatalf("RemoveEqual removed %d, want %d", n, removed)
			}
		case op < 245:
			if got := text(l.At(at)); got != model[at] {
				t.Fatalf("At(%d) is %q, want %q", at, got, model[at])
			}
			n := int(data[3]) % (len(model) - at + 1)
			checkSpans(t, l, at, n, model[at:at+n])
		default:
			check(t, l, model)
		}
	}
	check(t, l, model)
	twin := l.Copy().(*List)
	check(t, twin, model)
	for _, x := range []*List{l, twin} {
		for !x.FreeStep() {
		}
	}
	for ks.FreeStep() {
	}
	if used := ks.Arena().Used(); used != 0 {
		t.Fatalf("%d bytes are left", used)
	}
}

func checkSpans(t *testing.T, l *List, at, n int, want []string) {
	t.Helper()
	var got []string
	l.Spans(at, n, func(span []byte, count int) bool {
		before := len(got)
		for pos := 0; pos < len(span); {
			var e packed.Elem
			e, pos = Next(span, pos)
			got = append(got, text(e))
		}
		return len(got)-before == count
	})
	if !slices.Equal(got, want) {
		t.Fatalf("Spans(%d, %d): %q, want %q", at, n, got, want)
	}
}

func value(b byte) string {
	switch b % 8 {
	case 0:
		return strconv.Itoa(int(b))
	case 1:
		return strings.Repeat("v", int(b)*9)
	case 2:
		return strconv.FormatInt(math.MinInt64>>(b%64), 10)
	case 3:
		if b > 240 {
			return strings.Repeat("L", 9000*int(b%4))
		}
	}
	return "element:" + strconv.Itoa(int(b/32))
}

func TestRandom(t *testing.T) {
	for range 300 {
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		data := make([]byte, 4*rng.IntN(3000))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if play(t, data); t.Failed() {
			t.FailNow()
		}
	}
}

func FuzzOps(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x01\x60\x00\x01\x09\xa0\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data[:min(len(data), 4000)]) })
}

// TestManyChunks goes through sizes that the random tests do not reach.
func TestManyChunks(t *testing.T) {
	ks := keyspace.New(1, 0, nil)
	l, lim := New(ks), LimitOf(-2)
	var model []string
	for i := range 60000 {
		v := fmt.Sprintf("an element of the list: %d", i)
		l.PushBack([]byte(v), lim)
		model = append(model, v)
	}
	for i := 0; i < len(model); i += 997 {
		if got := text(l.At(i)); got != model[i] {
			t.Fatalf("At(%d) is %q", i, got)
		}
	}
	for i := range 2000 {
		l.Insert(30000, []byte(strconv.Itoa(i)), lim)
		model = slices.Insert(model, 30000, strconv.Itoa(i))
	}
	check(t, l, model)
	l.Remove(1000, 50000)
	check(t, l, slices.Delete(model, 1000, 51000))
	for l.Len() > 1 {
		l.DropFront()
	}
	if l.Bytes() > 16<<10 {
		t.Errorf("one element takes %d bytes", l.Bytes())
	}
}

// TestQueue: a list that is pushed at one end and popped at the other stays small.
func TestQueue(t *testing.T) {
	ks := keyspace.New(1, 0, nil)
	l, lim := New(ks), LimitOf(-2)
	v := []byte("an element of the queue, 32 bytes")
	for range 100 {
		l.PushFront(v, lim)
	}
	for range 100000 {
		l.PushFront(v, lim)
		l.DropBack()
	}
	if l.Bytes() > 40<<10 {
		t.Errorf("100 elements take %d bytes", l.Bytes())
	}
}

func TestMemory(t *testing.T) {
	ks := keyspace.New(1, 0, nil)
	for _, front := range []bool{false, true} {
		l, lim := New(ks), LimitOf(-2)
		v := bytes.Repeat([]byte("x"), 32)
		for range 1_000_000 {
			if front {
				l.PushFront(v, lim)
			} else {
				l.PushBack(v, lim)
			}
		}
		if each := float64(l.Bytes()) / 1e6; each > 34.5 {
			t.Errorf("%.2f bytes each", each)
		}
		ks.DropObject(l)
	}
}

func TestAllocations(t *testing.T) {
	ks := keyspace.New(1, 0, nil)
	l, lim := New(ks), LimitOf(-2)
	v := []byte("some element")
	for range 3000 {
		l.PushBack(v, lim)
	}
	if n := testing.AllocsPerRun(1000, func() {
		l.PushFront(v, lim)
		l.PushBack(v, lim)
		l.Set(1500, v, lim)
		l.Insert(1500, v, lim)
		l.Remove(1200, 1)
		l.At(1600)
		l.DropBack()
		l.DropFront()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPushPop(b *testing.B) {
	ks := keyspace.New(1, 0, nil)
	l, lim := New(ks), LimitOf(-2)
	v := []byte("xxx")
	for b.Loop() {
		l.PushFront(v, lim)
		l.PushFront(v, lim)
		l.DropBack()
	}
}

func BenchmarkAtMiddle(b *testing.B) {
	ks := keyspace.New(1, 0, nil)
	l, lim := New(ks), LimitOf(-2)
	v := bytes.Repeat([]byte("x"), 32)
	for range 1_000_000 {
		l.PushBack(v, lim)
	}
	for b.Loop() {
		l.At(500_000)
	}
}
