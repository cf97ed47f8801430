// The wheel is tested against a map of deadlines, by operations decoded from bytes: the same decoder runs random
// strings with a printed seed and the fuzzer's.

package timerwheel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"redix/engine/seeds"
)

// record is what a store keeps; its number in the slice is its Ref.
type record struct {
	deadline   int64
	next, prev uint64
}

type store struct{ records []record }

type storeLinks struct{ s *store }

func (l storeLinks) Deadline(r Ref) int64 { return l.s.records[r].deadline }
func (l storeLinks) Links(r Ref) (next, prev uint64) {
	rec := &l.s.records[r]
	return rec.next, rec.prev
}
func (l storeLinks) SetNext(r Ref, v uint64) { l.s.records[r].next = v }
func (l storeLinks) SetPrev(r Ref, v uint64) { l.s.records[r].prev = v }

func newWheel(n int, nowMs int64) (*Wheel[storeLinks], *store) {
	s := &store{records: make([]record, n+1)}
	return New(storeLinks{s}, nowMs), s
}

// check walks every list and panics the test where the drawing in the package comment does not hold.
func check(t *testing.T, w *Wheel[storeLinks]) {
	t.Helper()
	seen := 0
	for head := range uint64(numHeads) {
		if head != limbo {
			bit := w.occupied[head>>slotBits]>>(head&slotMask)&1 == 1
			if bit != (w.heads[head] != 0) {
				t.Fatalf("head %d: occupied bit %v, first record %d", head, bit, w.heads[head])
			}
		}
		want := headBit | head
		for r := w.heads[head]; r != 0; {
			next, prev := w.links.Links(r)
			if prev != want {
				t.Fatalf("record %d in list %d: prev %#x, want %#x", r, head, prev, want)
			}
			if prev>>40 != 0 || next>>39 != 0 {
				t.Fatalf("record %d: links %#x %#x do not fit", r, next, prev)
			}
			seen++
			want, r = r, next
		}
	}
	if seen != w.Len() {
		t.Fatalf("%d records linked, Len %d", seen, w.Len())
	}
}

// model is what the wheel must agree with: each linked record's deadline, or the tick after the time it was added at
// if that is later.
type model struct {
	t     *testing.T
	w     *Wheel[storeLinks]
	s     *store
	due   map[Ref]int64
	free  []Ref
	nowMs int64 // as the wheel was last told
	topMs int64 // the latest it was ever told
	given int
}

const modelRecords = 200

func (m *model) add(deadline int64) {
	if len(m.free) == 0 {
		return
	}
	r := m.free[len(m.free)-1]
	m.free = m.free[:len(m.free)-1]
	m.s.records[r].deadline = deadline
	m.due[r] = max(deadline, m.topMs+1)
	m.w.Add(r)
}

// pick chooses a linked record by a number, the same one in every run.
func (m *model) pick(n uint64) Ref {
	if len(m.due) == 0 {
		return 0
	}
	for r := n % modelRecords; ; r = (r + 1) % modelRecords {
		if _, ok := m.due[r]; ok && r != 0 {
			return r
		}
	}
}

func (m *model) cancel(r Ref) {
	if r == 0 {
		return
	}
	m.w.Cancel(r)
	m.w.Cancel(r) // a second one is harmless
	delete(m.due, r)
	m.free = append(m.free, r)
}

func (m *model) move(r Ref) {
	if r == 0 || len(m.free) == 0 {
		return
	}
	to := m.free[0]
	m.free[0] = r
	m.s.records[to] = m.s.records[r]
	m.s.records[r] = record{next: 1<<40 - 1, prev: 1<<40 - 1} // nothing may read it
	m.w.Moved(r, to)
	m.s.records[r] = record{}
	m.due[to] = m.due[r]
	delete(m.due, r)
}

func (m *model) postpone(r Ref, ms int64) {
	if r == 0 {
		return
	}
	rec := &m.s.records[r]
	if rec.deadline > math.MaxInt64-ms {
		return
	}
	rec.deadline += ms
	m.due[r] = max(m.due[r], rec.deadline)
}

func (m *model) advance(nowMs int64, budget int, whole bool) {
	m.nowMs, m.topMs = nowMs, max(m.topMs, nowMs)
	for {
		before := m.w.Len()
		out, more := m.w.Advance(nowMs, nil, budget)
		if len(out) > budget {
			m.t.Fatalf("%d records from a budget of %d", len(out), budget)
		}
		if m.w.Len() != before-len(out) {
			m.t.Fatalf("Len %d after %d of %d were handed out", m.w.Len(), len(out), before)
		}
		for _, r := range out {
			if d := m.s.records[r].deadline; d > nowMs && d > 0 {
				m.t.Fatalf("record %d due at %d handed out at %d", r, d, nowMs)
			}
			if _, ok := m.due[r]; !ok {
				m.t.Fatalf("record %d handed out, not in the wheel", r)
			}
			if rec := m.s.records[r]; rec.next != 0 || rec.prev != 0 {
				m.t.Fatalf("record %d handed out linked", r)
			}
			delete(m.due, r)
			m.free = append(m.free, r)
			m.given++
		}
		if !more {
			m.settled()
			return
		}
		if !whole {
			return
		}
	}
}

// settled checks that nothing due is left, and the bounds the wheel gives on what is.
func (m *model) settled() {
	first := int64(math.MaxInt64)
	for r, at := range m.due {
		if at <= m.nowMs {
			m.t.Fatalf("record %d due at %d still waits at %d", r, at, m.nowMs)
		}
		first = min(first, at)
	}
	at, ok := m.w.NextDeadlineMs()
	if ok != (len(m.due) > 0) || ok && at > first {
		m.t.Fatalf("NextDeadlineMs %d %v, the first of %d is due at %d", at, ok, len(m.due), first)
	}
	if b := m.w.Behind(m.nowMs); b != 0 {
		m.t.Fatalf("Behind %d with nothing due", b)
	}
}

// run decodes operations of ten bytes: what, how far (a shift, so that every level is met), a number.
func run(t *testing.T, ops []byte) *model {
	m := &model{t: t, due: map[Ref]int64{}, nowMs: 1_700_000_000_000}
	m.topMs = m.nowMs
	m.w, m.s = newWheel(modelRecords, m.nowMs)
	for r := Ref(modelRecords) - 1; r > 0; r-- {
		m.free = append(m.free, r)
	}
	for ; len(ops) >= 10; ops = ops[10:] {
		n := binary.LittleEndian.Uint64(ops[2:])
		span := int64(n >> (1 + ops[1]%63))
		near := span % (64 << 30)
		switch ops[0] % 16 {
		case 0, 1, 2, 3, 4, 5:
			m.add(m.nowMs + near)
		case 6:
			m.add(m.nowMs - near)
		case 7:
			m.add(int64(n)) // any value, negative ones too
		case 8:
			m.cancel(m.pick(n))
		case 9:
			m.move(m.pick(n))
		case 10:
			m.postpone(m.pick(n), near)
		case 11:
			m.advance(m.topMs-near%100, 1000, true) // the clock may jump back
		case 12:
			m.advance(max(m.topMs, m.nowMs+near%5000), 1+int(n%7), false)
		case 13:
			m.advance(satAdd(m.topMs, near), 1+int(n%50), true)
		case 14:
			m.advance(satAdd(m.topMs, near%100), 1000, true)
		case 15:
			m.advance(satAdd(m.topMs, span%(1<<42)), 3, n&1 == 0)
		}
		check(t, m.w)
	}
	m.advance(math.MaxInt64-1, 64, true)
	check(t, m.w)
	return m
}

func satAdd(a, b int64) int64 {
	if a > math.MaxInt64-1-b {
		return math.MaxInt64 - 1
	}
	return a + b
}

func TestAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	given := 0
	for range 400 {
		ops := make([]byte, 10*(1+rng.IntN(600)))
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		given += run(t, ops).given
	}
	if given < 10_000 {
		t.Fatalf("only %d records fell due: the operations test nothing", given)
	}
}

func FuzzWheel(f *testing.F) {
	f.Add([]byte("0123456789"))
	f.Add([]byte{0, 40, 255, 255, 255, 255, 255, 255, 255, 255, 13, 20, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		run(t, ops[:min(len(ops), 10_000)])
	})
}

// TestEveryTick turns the wheel one tick at a time over two turns of level 1, so that each cascade is met on its edge.
func TestEveryTick(t *testing.T) {
	const n = 10_000
	start := int64(1<<24 - 3000) // crosses a boundary of all levels
	w, s := newWheel(n, start)
	for r := Ref(1); r <= n; r++ {
		s.records[r].deadline = start + int64(r)
		w.Add(r)
	}
	var due []Ref
	for now := start; now <= start+n; now++ {
		var more bool
		due, more = w.Advance(now, due[:0], 1<<20)
		want := []Ref{Ref(now - start)}
		if now == start {
			want = []Ref{}
		}
		if more || !slices.Equal(due, want) {
			t.Fatalf("at %d: due %v more %v, want %v", now-start, due, more, want)
		}
	}
	if w.Len() != 0 {
		t.Fatalf("%d left", w.Len())
	}
}

func TestDeadlinePast(t *testing.T) {
	for _, deadline := range []int64{math.MinInt64, -1, 0, 999, 1000} {
		w, s := newWheel(1, 1000)
		s.records[1].deadline = deadline
		w.Add(1)
		if due, _ := w.Advance(1000, nil, 10); len(due) != 0 {
			t.Fatalf("deadline %d: due in the tick that is finished", deadline)
		}
		if due, _ := w.Advance(1001, nil, 10); !slices.Equal(due, []Ref{1}) {
			t.Fatalf("deadline %d: not due in the next tick: %v", deadline, due)
		}
	}
}

// TestClockJumpsBack has a record from before the jump, one added after it, and one that was past already.
func TestClockJumpsBack(t *testing.T) {
	w, s := newWheel(3, 5000)
	s.records[1].deadline = 5500
	s.records[2].deadline = 4600
	s.records[3].deadline = 4000
	w.Add(1)
	w.Advance(5400, nil, 10)
	if due, more := w.Advance(4500, nil, 10); len(due) != 0 || more {
		t.Fatalf("the jump itself hands out %v %v", due, more)
	}
	w.Add(2)
	w.Add(3)
	for now := int64(4501); now < 6000; now++ {
		due, more := w.Advance(now, nil, 10)
		var want []Ref
		switch now {
		case 4501:
			want = []Ref{3}
		case 4600:
			want = []Ref{2}
		case 5500:
			want = []Ref{1}
		}
		if more || !slices.Equal(due, want) {
			t.Fatalf("at %d: due %v more %v, want %v", now, due, more, want)
		}
		if at, ok := w.NextDeadlineMs(); ok && at <= now {
			t.Fatalf("at %d: NextDeadlineMs %d", now, at)
		}
	}
}

// TestClockLeaps starts a wheel in 1970 and sets the clock right: 56 years, with records that outlive the leap.
func TestClockLeaps(t *testing.T) {
	const n, now, year = 10_000, 1_780_000_000_000, 365 * 86_400_000
	w, s := newWheel(n, 0)
	for r := Ref(1); r <= n; r++ {
		s.records[r].deadline = now - n/2 + int64(r)
		if r > n/2 {
			s.records[r].deadline = now + int64(r)*year/n
		}
		w.Add(r)
	}
	got, calls := 0, 0
	for more := true; more; calls++ {
		var due []Ref
		due, more = w.Advance(now, nil, 100)
		got += len(due)
	}
	if got != n/2 {
		t.Fatalf("%d due, want %d", got, n/2)
	}
	if calls > 5*n/100 {
		t.Fatalf("%d calls: records go round with the wheel", calls)
	}
	check(t, w)
	out, more := w.Advance(now+year, nil, 1<<30)
	if len(out) != n/2 || more {
		t.Fatalf("%d due a year later, more %v", len(out), more)
	}
}

// TestBudget puts everything into one far slot, so that the cascade itself must be cut into pieces, and cancels
// and adds between the pieces.
func TestBudget(t *testing.T) {
	const n, budget = 5000, 7
	w, s := newWheel(n, 0)
	const at = 1<<18 + 5
	for r := Ref(1); r <= n; r++ {
		s.records[r].deadline = at
		w.Add(r)
	}
	if _, more := w.Advance(1<<18, nil, budget); !more {
		t.Fatal("a cascade of 5000 fitted into 7")
	}
	if b := w.Behind(1<<18 + 3); b != 3 {
		t.Fatalf("Behind %d, want 3", b)
	}
	first := Ref(w.heads[3<<slotBits|1])
	w.Cancel(first)
	s.records[first].deadline = 1 // past: the next tick
	w.Add(first)
	got := 0
	for now, more := int64(1<<18), true; more || now <= at; {
		check(t, w)
		var due []Ref
		due, more = w.Advance(now, nil, budget)
		got += len(due)
		for _, r := range due {
			if (now < at) != (r == first) {
				t.Fatalf("record %d due at %d", r, now)
			}
		}
		if !more {
			now++
		}
	}
	if got != n {
		t.Fatalf("%d due of %d", got, n)
	}
}

// TestCoincidence meets slots of all levels that start at the same tick, and checks that NextDeadlineMs is exact for
// near deadlines.
func TestCoincidence(t *testing.T) {
	w, s := newWheel(5, 1<<24-2)
	for r := Ref(1); r <= 5; r++ {
		s.records[r].deadline = 1<<24 - 1 + int64(r) // the first at the boundary of all levels
		w.Add(r)
	}
	for r := Ref(1); r <= 5; r++ {
		at, ok := w.NextDeadlineMs()
		if want := s.records[r].deadline; !ok || at > want || r > 1 && at != want {
			t.Fatalf("NextDeadlineMs %d %v, want %d", at, ok, want)
		}
		if due, _ := w.Advance(s.records[r].deadline, nil, 100); !slices.Equal(due, []Ref{r}) {
			t.Fatalf("due %v, want %d", due, r)
		}
	}
	if at, ok := w.NextDeadlineMs(); ok {
		t.Fatalf("an empty wheel names %d", at)
	}
}

func TestAllocs(t *testing.T) {
	w, s := newWheel(1000, 0)
	due := make([]Ref, 0, 1000)
	now := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		for r := Ref(1); r <= 1000; r++ {
			s.records[r].deadline = now + int64(r)*7
			w.Add(r)
		}
		for r := Ref(1); r <= 1000; r += 2 {
			w.Cancel(r)
		}
		now += 7000
		due, _ = w.Advance(now, due[:0], 1<<20)
		w.NextDeadlineMs()
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if len(due) != 500 {
		t.Fatalf("%d due", len(due))
	}
}
