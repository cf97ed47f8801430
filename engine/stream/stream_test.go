package stream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// record is an entry of the model.
type record struct {
	id     ID
	fields []string
}

func textOf(e *Entry) (fields []string) {
	f := e.Fields()
	for name, value, ok := f.Next(); ok; name, value, ok = f.Next() {
		fields = append(fields, string(name.AppendTo(nil)), string(value.AppendTo(nil)))
	}
	if e.Len() != len(fields)/2 {
		panic("wrong number of fields")
	}
	return fields
}

func bytesOf(fields []string) (b [][]byte) {
	for _, f := range fields {
		b = append(b, []byte(f))
	}
	return b
}

func (s *Stream) append(id ID, lim Limits, fields ...string) { s.Append(id, bytesOf(fields), lim, nil) }

// check compares the stream with the model, forwards, backwards and entry by entry.
func (s *Stream) check(model []record) error {
	if err := s.dir.check(); err != nil {
		return err
	}
	if s.Len() != len(model) {
		return fmt.Errorf("length %d, want %d", s.Len(), len(model))
	}
	bytes, blocks := int64(0), 0
	for at := s.dir.begin(); at.valid(); at.next() {
		r := at.n.ref(at.i)
		b := s.block(r)
		bytes += int64(s.arena.Size(r))
		blocks++
		live, deleted := 0, 0
		var e place
		pos := b.entries()
		for ; pos < b.used(); pos = e.next {
			e = b.at(pos, at.id())
			if back, start := b.before(e.next, at.id()); start != pos || back != e {
				return fmt.Errorf("at %d in a block, but %d backwards", pos, start)
			}
			if live++; b.isDeleted(e) {
				live--
				deleted++
			}
		}
		if pos != b.used() || live == 0 || live != b.live() || deleted != b.deleted() {
			return fmt.Errorf("a block of %d live and %d deleted in %d bytes; head: %d, %d, %d", live, deleted, pos, b.live(), b.deleted(), b.used())
		}
	}
	if end := s.dir.end(); bytes != s.bytes || s.tail == 0 != !end.valid() || end.valid() && (end.n.ref(end.i) != s.tail || end.id() != s.tailBase) {
		return fmt.Errorf("bytes %d, want %d; tail %d", s.bytes, bytes, s.tail)
	}
	if err := sameEntries(s.Range(ID{}, MaxID), model); err != nil {
		return err
	}
	back := slices.Clone(model)
	slices.Reverse(back)
	if err := sameEntries(s.RangeBack(ID{}, MaxID), back); err != nil {
		return fmt.Errorf("backwards: %w", err)
	}
	first := ID{}
	if len(model) > 0 {
		first = model[0].id
	}
	if s.First() != first {
		return fmt.Errorf("first %v, want %v", s.First(), first)
	}
	return nil
}

func sameEntries(it Iter, want []record) error {
	for i, w := range want {
		if !it.Next() || it.ID != w.id || !slices.Equal(textOf(&it.Entry), w.fields) {
			return fmt.Errorf("entry %d is %v, want %v", i, it.ID, w.id)
		}
	}
	if it.Next() {
		return fmt.Errorf("%v after the last of %d", it.ID, len(want))
	}
	return nil
}

// drawFields draws names and values: mostly the same names.
func drawFields(r *rand.Rand) (fields []string) {
	names := [][]string{{"a", "b", "c"}, {"a", "b"}, {"7", "-1", strings.Repeat("n", 70)}}[max(0, r.IntN(6)-3)]
	for _, n := range names {
		v := strconv.FormatInt(r.Int64()>>r.IntN(64), 10)
		if r.IntN(3) == 0 {
			v = strings.Repeat("v", r.IntN(1<<r.IntN(11)))
		}
		fields = append(fields, n, v)
	}
	return fields
}

// nextOf draws an ID above the last one, near and far.
func nextOf(r *rand.Rand, last ID) ID {
	switch r.IntN(4) {
	case 0:
		return ID{last.Ms, last.Seq + 1 + r.Uint64N(3)}
	case 1:
		return ID{last.Ms + 1 + r.Uint64N(1<<r.IntN(30)), r.Uint64N(1 << r.IntN(64))}
	}
	return ID{last.Ms + 1, 0}
}

func TestStream(t *testing.T) {
	for _, lim := range []Limits{{4096, 100}, {0, 7}, {300, 0}, {1, 0}} {
		t.Run(fmt.Sprint(lim), func(t *testing.T) {
			r := seeded(t)
			ks := newKeyspace()
			empty := ks.Arena().Used()
			s := New(ks)
			var model []record
			for step := range 4000 {
				playStream(t, r, s, &model, lim)
				if step%50 == 0 {
					if err := s.check(model); err != nil {
						t.Fatal(step, err)
					}
				}
			}
			twin := s.Copy().(*Stream)
			s.append(nextOf(r, s.Last), lim, "only", "here")
			if err := twin.check(model); err != nil {
				t.Fatal("copy: ", err)
			}
			twin.append(nextOf(r, twin.Last), lim, "x", "y")
			used := ks.Arena().Used() - empty
			if used != s.Bytes()+twin.Bytes() {
				t.Errorf("%d bytes are used, the streams tell of %d", used, s.Bytes()+twin.Bytes())
			}
			for !s.FreeStep() || !twin.FreeStep() {
			}
			if used := ks.Arena().Used(); used != empty {
				t.Errorf("%d bytes are left", used-empty)
			}
		})
	}
}

func playStream(t *testing.T, r *rand.Rand, s *Stream, model *[]record, lim Limits) {
	m := *model
	switch k := r.IntN(20); {
	case k < 14:
		rec := record{nextOf(r, s.Last), drawFields(r)}
		if rec.id.Ms > math.MaxUint64/2 {
			return
		}
		s.append(rec.id, lim, rec.fields...)
		*model = append(m, rec)
	case k < 17 && len(m) > 0:
		i := r.IntN(len(m))
		if k == 16 {
			i = 0
		}
		if !s.Delete(m[i].id) || s.Delete(m[i].id) {
			t.Fatalf("deleting %v", m[i].id)
		}
		*model = slices.Delete(m, i, i+1)
	case k == 17 && len(m) > 0: // trim to a length, or to an ID
		i := r.IntN(1 + r.IntN(len(m)))
		trim := Trim{MaxLen: int64(len(m) - i)}
		if r.IntN(2) == 0 {
			trim = Trim{ByID: true, MinID: m[i].id}
		}
		trim.Approx = r.IntN(2) == 0
		n := s.Trim(&trim)
		if n > i || n < i && !trim.Approx {
			t.Fatalf("trimmed %d, want %d: %+v", n, i, trim)
		}
		*model = slices.Delete(m, 0, n)
	case k == 18 && len(m) > 0: // from somewhere to somewhere
		i, j := r.IntN(len(m)), r.IntN(len(m))
		var want []record
		if i <= j {
			want = slices.Clone(m[i : j+1])
		}
		if err := sameEntries(s.Range(m[i].id, m[j].id), want); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(want)
		if err := sameEntries(s.RangeBack(m[i].id, m[j].id), want); err != nil {
			t.Fatal("backwards: ", err)
		}
	case k == 19:
		id := nextOf(r, ID{r.Uint64N(s.Last.Ms + 1), 0})
		i, found := slices.BinarySearchFunc(m, id, func(rec record, id ID) int { return rec.id.Compare(id) })
		if s.Has(id) != found {
			t.Fatalf("has %v: not %v", id, found)
		}
		if err := sameEntries(s.Range(id, MaxID), m[i:]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIDs: the last IDs there are, and distances that need all 64 bits.
func TestIDs(t *testing.T) {
	s := New(newKeyspace())
	var model []record
	for _, id := range []ID{{0, 1}, {0, math.MaxUint64}, {1, 0}, {math.MaxUint64 - 1, math.MaxUint64}, {math.MaxUint64, 0}, MaxID} {
		s.append(id, Limits{}, "f", "v")
		model = append(model, record{id, []string{"f", "v"}})
	}
	if err := s.check(model); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.NextID(5); ok {
		t.Error("an ID after the last")
	}
	if next, ok := (ID{3, math.MaxUint64}).Next(); !ok || next != (ID{4, 0}) {
		t.Error(next)
	}
	if prev, ok := (ID{4, 0}).Prev(); !ok || prev != (ID{3, math.MaxUint64}) {
		t.Error(prev)
	}
	if MaxID.String() != "18446744073709551615-18446744073709551615" || len(MaxID.String()) != maxIDText {
		t.Error(MaxID)
	}
}

func TestLargeEntries(t *testing.T) {
	ks := newKeyspace()
	empty := ks.Arena().Used()
	s := New(ks)
	var model []record
	for i := range 6 {
		rec := record{ID{uint64(i + 1), 0}, []string{"f", strings.Repeat("x", 100_000<<i), "g", "1"}}
		s.append(rec.id, Limits{Bytes: 1 << 20}, rec.fields...)
		model = append(model, rec)
	}
	if err := s.check(model); err != nil {
		t.Fatal(err)
	}
	for !s.FreeStep() {
	}
	if used := ks.Arena().Used(); used != empty {
		t.Errorf("%d bytes are left", used-empty)
	}
}

// TestMemory holds the bytes that a million entries of three small fields take under what redis-server takes.
func TestMemory(t *testing.T) {
	ks := newKeyspace()
	s := New(ks)
	fields := bytesOf([]string{"user", "", "action", "click", "value", ""})
	var scratch []byte
	const n = 1_000_000
	for i := range n {
		fields[1] = strconv.AppendInt([]byte("u"), int64(i%50_000), 10)
		fields[5] = strconv.AppendInt(fields[5][:0], int64(i), 10)
		scratch = s.Append(ID{1_700_000_000_000 + uint64(i/10), uint64(i % 10)}, fields, Limits{4096, 100}, scratch)
	}
	perEntry := float64(s.Bytes()) / n
	t.Logf("%.1f bytes an entry", perEntry)
	if perEntry > 26 {
		t.Errorf("%.1f bytes an entry", perEntry)
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	ks := newKeyspace()
	s := New(ks)
	fields := bytesOf([]string{"field", "value", "n", "12345"})
	scratch := make([]byte, 0, 1024)
	id := ID{1, 0}
	g := s.AddGroup([]byte("g"), ID{}, 0)
	c := g.AddConsumer([]byte("c"), 1)
	name := []byte("c")
	if n := testing.AllocsPerRun(20_000, func() {
		id, _ = id.Next()
		scratch = s.Append(id, fields, Limits{4096, 100}, scratch)
		g.Set(Pending{id, g.Consumer(name), 5, 1})
		g.Deliver(s, id)
		it := s.Range(id, MaxID)
		if !it.Next() || it.Len() != 2 {
			panic("not there")
		}
		if s.Len() > 1000 {
			s.Trim(&Trim{MaxLen: 999})
			if low, _ := g.Edges(); !g.Remove(low) {
				panic("not pending")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if c.Pending() != g.Pending() {
		t.Error(c.Pending(), g.Pending())
	}
}
