package stream

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"redix/engine/keyspace"
	"redix/engine/seeds"
)

func newKeyspace() *keyspace.Keyspace { return keyspace.New(1, 1, nil) }

func seeded(t *testing.T) *rand.Rand { return rand.New(rand.NewPCG(seeds.Draw(t), 1)) }

// check walks the whole tree and tests every invariant.
func (t *tree) check() error {
	if t.root == 0 {
		if t.count != 0 || t.first != 0 || t.last != 0 || t.height != 0 || t.bytes != 0 || t.nodes != 0 {
			return fmt.Errorf("an empty tree: %+v", *t)
		}
		return nil
	}
	w := walk{t: t}
	if err := w.node(t.root, t.height, ID{}, MaxID, true); err != nil {
		return err
	}
	if w.count != t.count || w.bytes != t.bytes || w.nodes != t.nodes {
		return fmt.Errorf("count %d, bytes %d, nodes %d; have %d, %d, %d", t.count, t.bytes, t.nodes, w.count, w.bytes, w.nodes)
	}
	if t.first != w.leaves[0] || t.last != w.leaves[len(w.leaves)-1] {
		return fmt.Errorf("wrong ends")
	}
	for i, r := range w.leaves {
		prev, next := keyspace.Ref(0), keyspace.Ref(0)
		if i > 0 {
			prev = w.leaves[i-1]
		}
		if i+1 < len(w.leaves) {
			next = w.leaves[i+1]
		}
		if n := t.leaf(r); n.prev() != prev || n.next() != next {
			return fmt.Errorf("leaf %d of %d is not linked well", i, len(w.leaves))
		}
	}
	return nil
}

type walk struct {
	t            *tree
	leaves       []keyspace.Ref
	count, nodes int
	bytes        int64
	last         ID
}

func (w *walk) node(r keyspace.Ref, level int, low, high ID, root bool) error {
	w.bytes += int64(w.t.arena.Size(r))
	w.nodes++
	if level > 0 {
		x := w.t.inner(r)
		if x.count() == 0 || x.count() > x.capacity() || root && x.count() == 1 {
			return fmt.Errorf("an inner node of %d", x.count())
		}
		for i := range x.count() {
			from, to := low, high
			if i > 0 {
				from = x.id(i)
			}
			if i+1 < x.count() {
				to = x.id(i + 1)
			}
			if from.Less(low) || high.Less(from) {
				return fmt.Errorf("bound %v outside of %v to %v", from, low, high)
			}
			if err := w.node(x.ref(i), level-1, from, to, false); err != nil {
				return err
			}
		}
		return nil
	}
	w.leaves = append(w.leaves, r)
	n := w.t.leaf(r)
	if n.count() == 0 || n.count() > n.capacity() {
		return fmt.Errorf("a leaf of %d", n.count())
	}
	for i := range n.count() {
		id := n.id(i)
		if w.count > 0 && !w.last.Less(id) || id.Less(low) || high.Less(id) {
			return fmt.Errorf("%v after %v, between %v and %v", id, w.last, low, high)
		}
		w.last = id
		w.count++
	}
	return nil
}

// TestTree plays random changes, in phases that grow and shrink, against a sorted slice.
func TestTree(t *testing.T) {
	for _, width := range []int{0, 5, pendingBytes} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			r := seeded(t)
			ks := newKeyspace()
			tr := newTree(ks.Arena(), width)
			empty := ks.Arena().Used()
			var model []ID
			next := uint64(1000)
			for step := range 60_000 {
				growing := step/8000%2 == 0
				draw := func() ID { return ID{r.Uint64N(400), r.Uint64N(40)} }
				switch k := r.IntN(10); {
				case k < 3 && growing: // in order
					next++
					playInsert(t, &tr, &model, ID{next, 0})
				case k < 7 == growing:
					playInsert(t, &tr, &model, draw())
				case len(model) > 0 && k%2 == 0:
					playRemove(t, &tr, &model, model[0])
				case len(model) > 0 && k%3 == 0:
					playRemove(t, &tr, &model, model[r.IntN(len(model))])
				default:
					playRemove(t, &tr, &model, draw())
				}
				if step%500 == 0 {
					if err := tr.check(); err != nil {
						t.Fatal(err)
					}
				}
				playSeek(t, &tr, model, draw())
			}
			compareTree(t, &tr, model)
			twin := tr.copyOf(nil)
			compareTree(t, &twin, model)
			if err := twin.check(); err != nil {
				t.Fatal(err)
			}
			for _, id := range model {
				if !tr.remove(id) {
					t.Fatal("not there:", id)
				}
			}
			if err := tr.check(); err != nil {
				t.Fatal(err)
			}
			for !twin.freeStep() {
			}
			if ks.Arena().Used() != empty || twin.bytes != 0 || twin.nodes != 0 {
				t.Error("bytes are left:", ks.Arena().Used()-empty, twin.bytes)
			}
		})
	}
}

// valueOf is what the tests keep for an ID.
func valueOf(id ID) uint32 { return uint32(id.Ms*31 + id.Seq) }

func playInsert(t *testing.T, tr *tree, model *[]ID, id ID) {
	i, found := slices.BinarySearchFunc(*model, id, ID.Compare)
	v, added := tr.insert(id)
	if added == found {
		t.Fatalf("insert %v: %v", id, added)
	}
	if added {
		*model = slices.Insert(*model, i, id)
		if tr.width > 0 {
			binary.LittleEndian.PutUint32(v, valueOf(id))
		}
	} else if tr.width > 0 && binary.LittleEndian.Uint32(v) != valueOf(id) {
		t.Fatalf("the value of %v is %d", id, v)
	}
}

func playRemove(t *testing.T, tr *tree, model *[]ID, id ID) {
	i, found := slices.BinarySearchFunc(*model, id, ID.Compare)
	if tr.remove(id) != found {
		t.Fatalf("remove %v: not %v", id, found)
	}
	if found {
		*model = slices.Delete(*model, i, i+1)
	}
}

func playSeek(t *testing.T, tr *tree, model []ID, id ID) {
	i, found := slices.BinarySearchFunc(model, id, ID.Compare)
	if v := tr.find(id); (v != nil) != found {
		t.Fatalf("find %v: %v", id, v)
	}
	from, upTo := tr.from(id), tr.upTo(id)
	if from.valid() != (i < len(model)) || from.valid() && from.id() != model[i] {
		t.Fatalf("from %v", id)
	}
	if !found {
		i--
	}
	if upTo.valid() != (i >= 0) || i >= 0 && upTo.id() != model[i] {
		t.Fatalf("up to %v", id)
	}
}

func compareTree(t *testing.T, tr *tree, model []ID) {
	i := 0
	for c := tr.begin(); c.valid(); c.next() {
		if i >= len(model) || c.id() != model[i] || tr.width > 0 && binary.LittleEndian.Uint32(c.value()) != valueOf(c.id()) {
			t.Fatalf("place %d: %v", i, c.id())
		}
		i++
	}
	if i != len(model) {
		t.Fatalf("%d IDs, want %d", i, len(model))
	}
	for c := tr.end(); c.valid(); c.prev() {
		if i--; c.id() != model[i] {
			t.Fatalf("backwards, place %d: %v", i, c.id())
		}
	}
}
