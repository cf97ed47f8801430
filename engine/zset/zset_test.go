package zset

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"redix/engine/keyspace"
	"redix/engine/seeds"
)

// pair is a member of the model: a sorted slice.
type pair struct {
	member string
	score  float64
}

func comparePairs(a, b pair) int {
	return cmp.Or(cmp.Compare(a.score+0, b.score+0), cmp.Compare(a.member, b.member))
}

type model struct {
	pairs  []pair
	scores map[string]float64
}

func (m *model) set(member string, score float64) (added bool) {
	if old, ok := m.scores[member]; ok {
		if old == score {
			return false
		}
		m.remove(member)
		defer func() { added = false }()
	}
	p := pair{member, score}
	i, _ := slices.BinarySearchFunc(m.pairs, p, comparePairs)
	m.pairs = slices.Insert(m.pairs, i, p)
	m.scores[member] = score
	return true
}

func (m *model) rank(member string) int {
	i, _ := slices.BinarySearchFunc(m.pairs, pair{member, m.scores[member]}, comparePairs)
	return i
}

func (m *model) remove(member string) bool {
	if _, ok := m.scores[member]; !ok {
		return false
	}
	i := m.rank(member)
	m.pairs = slices.Delete(m.pairs, i, i+1)
	delete(m.scores, member)
	return true
}

func (m *model) removeRange(from, to int) {
	for _, p := range m.pairs[from:to] {
		delete(m.scores, p.member)
	}
	m.pairs = slices.Delete(m.pairs, from, to)
}

func newKeyspace() *keyspace.Keyspace { return keyspace.New(1, 1, nil) }

// check walks the whole tree and tests every invariant.
func (t *Tree) check() error {
	if t.root == 0 {
		if t.count != 0 || t.first != 0 || t.last != 0 {
			return fmt.Errorf("an empty tree with count %d, first %d, last %d", t.count, t.first, t.last)
		}
		return nil
	}
	var leaves []keyspace.Ref
	bytes := int64(0)
	n, err := t.checkNode(t.root, t.height, &leaves, &bytes)
	if err != nil {
		return err
	}
	if n != t.count || bytes != t.bytes {
		return fmt.Errorf("count %d, have %d; bytes %d, have %d", t.count, n, t.bytes, bytes)
	}
	if t.first != leaves[0] || t.last != leaves[len(leaves)-1] {
		return fmt.Errorf("the ends of the list are wrong")
	}
	for i, r := range leaves {
		prev, next := keyspace.Ref(0), keyspace.Ref(0)
		if i > 0 {
			prev = leaves[i-1]
		}
		if i+1 < len(leaves) {
			next = leaves[i+1]
		}
		if l := t.leafAt(r); l.prev() != prev || l.next() != next {
			return fmt.Errorf("leaf %d of %d is not linked well", i, len(leaves))
		}
	}
	return t.checkOrder()
}

func (t *Tree) checkNode(r keyspace.Ref, level int, leaves *[]keyspace.Ref, bytes *int64) (int, error) {
	*bytes += int64(t.arena.Size(r))
	if level == 0 {
		*leaves = append(*leaves, r)
		l := t.leafAt(r)
		for i := range l.count() {
			*bytes += int64(t.arena.Size(l.ref(i)))
		}
		if l.count() == 0 || l.count() > l.capacity() {
			return 0, fmt.Errorf("a leaf of %d entries", l.count())
		}
		return l.count(), nil
	}
	x := t.innerAt(r)
	if x.level() != level || x.count() == 0 || x.count() > innerMax || level == t.height && x.count() == 1 {
		return 0, fmt.Errorf("a node of %d children, level %d at %d of %d", x.count(), x.level(), level, t.height)
	}
	total := 0
	for i := range x.count() {
		n, err := t.checkNode(x.child(i), level-1, leaves, bytes)
		if err != nil {
			return 0, err
		}
		if n != x.size(i) {
			return 0, fmt.Errorf("size %d, have %d", x.size(i), n)
		}
		if low := t.lowest(x.child(i), level-1); i > 0 && low != x.low(i) {
			return 0, fmt.Errorf("low entry %v, have %v", x.low(i), low)
		}
		total += n
	}
	return total, nil
}

func (t *Tree) lowest(r keyspace.Ref, level int) entry {
	for ; level > 0; level-- {
		r = t.innerAt(r).child(0)
	}
	l := t.leafAt(r)
	return entry{l.score(0), l.ref(0)}
}

func (t *Tree) checkOrder() error {
	var prev []byte
	prevScore := math.Inf(-1)
	for c := t.At(0); c.Valid(); c.Next() {
		if c.Score() < prevScore || c.Score() == prevScore && prev != nil && bytes.Compare(prev, c.Member()) >= 0 {
			return fmt.Errorf("%q %v comes before %q %v", prev, prevScore, c.Member(), c.Score())
		}
		prev, prevScore = c.Member(), c.Score()
		if s, ok := t.Score(prev); !ok || s != prevScore {
			return fmt.Errorf("%q has score %v in the index, %v in the tree", prev, s, prevScore)
		}
	}
	return nil
}

// play decodes operations, four bytes each, and compares their effects with the model.
func play(t *testing.T, data []byte, every int) {
	ks := newKeyspace()
	used := ks.Arena().Used()
	tree, m := New(ks), &model{scores: map[string]float64{}}
	for n := 0; len(data) >= 4; n++ {
		op, a, b := data[0], int(binary.LittleEndian.Uint16(data[1:])), data[3]
		data = data[4:]
		operate(t, tree, m, op, a, b)
		if n%every == 0 {
			if err := tree.check(); err != nil {
				t.Fatalf("after %d operations, the last %d %d %d: %v", n, op, a, b, err)
			}
		}
	}
	compare(t, tree, m)
	twin := tree.Copy().(*Tree)
	compare(t, twin, m)
	for !twin.FreeStep() {
	}
	if tree.count > 0 {
		for !tree.FreeStep() {
		}
	}
	if tree.bytes != 0 || twin.bytes != 0 || ks.Arena().Used() != used {
		t.Fatalf("%d and %d bytes are left, the arena has %d, had %d", tree.bytes, twin.bytes, ks.Arena().Used(), used)
	}
}

func memberName(a int) string {
	if a%97 == 0 {
		return string(bytes.Repeat([]byte{'m'}, a%700)) + fmt.Sprint(a)
	}
	return fmt.Sprint("m", a)
}

func scoreFrom(b byte, a int) float64 {
	switch {
	case b < 16:
		return []float64{0, math.Copysign(0, -1), 1, math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324, -1}[b%8]
	case b < 128:
		return float64(b % 8)
	}
	return float64(a)
}

func operate(t *testing.T, tree *Tree, m *model, op byte, a int, b byte) {
	member, score := memberName(a), scoreFrom(b, a)
	switch op % 8 {
	case 0, 1, 2, 3:
		if got, want := tree.Set([]byte(member), score), m.set(member, score); got != want {
			t.Fatalf("Set %q %v: %v, want %v", member, score, got, want)
		}
	case 4:
		if got, want := tree.Remove([]byte(member)), m.remove(member); got != want {
			t.Fatalf("Remove %q: %v, want %v", member, got, want)
		}
	case 5:
		if len(m.pairs) > 0 {
			from := a % len(m.pairs)
			to := min(from+int(b)%40, len(m.pairs))
			tree.RemoveRange(from, to)
			m.removeRange(from, to)
		}
	case 6:
		if len(m.pairs) > 0 { // change the score a little
			p := m.pairs[a%len(m.pairs)]
			if s := p.score + float64(b%3) - 1; !math.IsNaN(s) {
				tree.Set([]byte(p.member), s)
				m.set(p.member, s)
			}
		}
	case 7:
		ask(t, tree, m, member, score)
	}
}

func ask(t *testing.T, tree *Tree, m *model, member string, score float64) {
	rank, s, ok := tree.Rank([]byte(member))
	if want, has := m.scores[member]; ok != has || ok && (s != want || rank != m.rank(member)) {
		t.Fatalf("Rank %q: %d %v %v, want %d %v %v", member, rank, s, ok, m.rank(member), want, has)
	}
	below, upTo := 0, 0
	for _, p := range m.pairs {
		if p.score < score {
			below++
		}
		if p.score <= score {
			upTo++
		}
	}
	if a, b := tree.CountBelow(score, false), tree.CountBelow(score, true); a != below || b != upTo {
		t.Fatalf("CountBelow %v: %d and %d, want %d and %d", score, a, b, below, upTo)
	}
	if tree.Len() != len(m.pairs) {
		t.Fatalf("Len %d, want %d", tree.Len(), len(m.pairs))
	}
}

func compare(t *testing.T, tree *Tree, m *model) {
	t.Helper()
	if err := tree.check(); err != nil {
		t.Fatal(err)
	}
	i := 0
	for c := tree.At(0); c.Valid(); c.Next() {
		if p := m.pairs[i]; p.member != string(c.Member()) || p.score != c.Score() {
			t.Fatalf("rank %d: %q %v, want %v", i, c.Member(), c.Score(), p)
		}
		i++
	}
	for c := tree.At(len(m.pairs) - 1); c.Valid(); c.Prev() {
		i--
		if p := m.pairs[i]; p.member != string(c.Member()) {
			t.Fatalf("backwards, rank %d: %q, want %v", i, c.Member(), p)
		}
	}
	if i != 0 {
		t.Fatalf("backwards: %d left", i)
	}
	for i, p := range m.pairs {
		if c := tree.At(i); string(c.Member()) != p.member {
			t.Fatalf("At %d: %q, want %q", i, c.Member(), p.member)
		}
	}
}

func TestModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for _, shape := range []struct{ names, ops, kinds int }{{30, 300, 8}, {60, 500, 8}, {3000, 20000, 5}, {65536, 30000, 4}, {20000, 40000, 8}} {
		data := make([]byte, 4*shape.ops)
		for i := 0; i < len(data); i += 4 {
			data[i], data[i+3] = byte(rng.IntN(shape.kinds)), byte(rng.IntN(256))
			binary.LittleEndian.PutUint16(data[i+1:], uint16(rng.IntN(shape.names)))
		}
		play(t, data, shape.ops/20)
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef"))
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data, 50) })
}

// TestShapes builds large trees in orders that are special to it, and takes them down again.
func TestShapes(t *testing.T) {
	const n = 30000
	orders := map[string]func(i int) float64{
		"rising": func(i int) float64 { return float64(i) }, "falling": func(i int) float64 { return float64(-i) },
		"both ends": func(i int) float64 { return float64(i) * float64(1-i%2*2) }, "equal": func(int) float64 { return 1 },
		"middle": func(i int) float64 { return float64(1-i%2*2) / float64(i+1) },
	}
	for name, order := range orders {
		ks := newKeyspace()
		used := ks.Arena().Used()
		tree := New(ks)
		for i := range n {
			tree.Set(fmt.Appendf(nil, "%06d", i*7919%n), order(i))
		}
		if err := tree.check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if leaves := n * leafBytes(leafMax) / leafMax; (name == "rising" || name == "falling") && tree.bytes > int64(n*20+leaves*11/10) {
			t.Errorf("%s: %d bytes, the leaves are not full", name, tree.bytes)
		}
		for tree.Len() > 0 {
			switch name {
			case "rising":
				tree.RemoveRange(0, 1)
			case "falling":
				tree.RemoveRange(tree.Len()-1, tree.Len())
			case "equal":
				tree.RemoveRange(tree.Len()/2, tree.Len()/2+1)
			default:
				tree.RemoveRange(tree.Len()/3, min(tree.Len(), tree.Len()/3+1000))
			}
			if tree.Len()%5000 == 0 {
				if err := tree.check(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		if tree.Bytes() != 0 || ks.Arena().Used() != used {
			t.Errorf("%s: %d bytes are left", name, tree.Bytes())
		}
	}
}

func TestLex(t *testing.T) {
	tree := New(newKeyspace())
	for i := range 1000 {
		tree.Set(fmt.Appendf(nil, "%04d", i*2), 0)
	}
	for i := range 2001 {
		name := fmt.Appendf(nil, "%04d", i)
		if a, b := tree.CountBefore(name, false), tree.CountBefore(name, true); a != min((i+1)/2, 1000) || b != min(i/2+1, 1000) {
			t.Fatalf("CountBefore %s: %d and %d", name, a, b)
		}
	}
}

// TestScan: members that are there all the time are visited, whatever happens meanwhile.
func TestScan(t *testing.T) {
	tree := New(newKeyspace())
	for i := range 5000 {
		tree.Set(fmt.Appendf(nil, "keep%d", i), float64(i%10))
	}
	seen := map[string]bool{}
	cursor, round := uint64(0), 0
	for {
		cursor = tree.Scan(cursor, 10, func(member []byte, score float64) { seen[string(member)] = true })
		if cursor == 0 {
			break
		}
		for i := range 50 {
			if name := fmt.Appendf(nil, "other%d", round*50+i); round < 150 {
				tree.Set(name, 1)
			} else {
				tree.Remove(fmt.Appendf(nil, "other%d", (round-150)*50+i))
			}
		}
		round++
	}
	for i := range 5000 {
		if !seen[fmt.Sprint("keep", i)] {
			t.Fatalf("keep%d was not visited", i)
		}
	}
}

// TestMemory holds the promise of 66 bytes a member (0.7 of redis-server's 94) without the runtime's own.
func TestMemory(t *testing.T) {
	const n = 1_000_000
	ks := newKeyspace()
	used := ks.Arena().Used()
	tree := New(ks)
	rng := rand.New(rand.NewPCG(1, 2))
	name := make([]byte, 0, 16)
	for i := range n {
		name = fmt.Appendf(name[:0], "member:%06d", i)
		tree.Set(name, rng.Float64())
	}
	if got := ks.Arena().Used() - used + tree.Bytes() - tree.arenaBytes(); got != tree.Bytes() {
		t.Errorf("the arena has grown by %d, Bytes is %d", got, tree.Bytes())
	}
	each := float64(tree.Bytes()) / n
	t.Logf("%.1f bytes a member, %.1f mapped", each, float64(ks.Mapped())/n)
	if each > 60 {
		t.Errorf("%.1f bytes a member", each)
	}
	start, steps, longest := time.Now(), 0, time.Duration(0)
	for done := false; !done; steps++ {
		s := time.Now()
		done = tree.FreeStep()
		longest = max(longest, time.Since(s))
	}
	t.Logf("freed in %d steps, %v each, the longest %v", steps, time.Since(start)/time.Duration(steps), longest)
	if ks.Arena().Used() != used {
		t.Errorf("%d bytes are left", ks.Arena().Used()-used)
	}
}

// arenaBytes is what of Bytes is in the arena: all but the index's directory.
func (t *Tree) arenaBytes() int64 { return t.Bytes() - t.members.Directory() }

func TestAllocations(t *testing.T) {
	tree := New(newKeyspace())
	for i := range 10000 {
		tree.Set(fmt.Appendf(nil, "m%d", i), float64(i))
	}
	member, other, i := []byte("m5000"), []byte("other"), 0.0
	got := testing.AllocsPerRun(1000, func() {
		i++
		tree.Set(member, 5000+i)
		tree.Score(member)
		tree.Rank(member)
		tree.CountBelow(i, true)
		tree.Set(other, i)
		tree.Remove(other)
		for c, n := tree.At(int(i)), 0; n < 100; n++ {
			c.Member()
			c.Next()
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}
