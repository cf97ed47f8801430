package stream

import (
	"fmt"
	"slices"
	"testing"

	"redix/engine/keyspace"
)

// pendingModel is what a group has pending, by ID.
type pendingModel map[ID]Pending

// check compares the group's list and each consumer's with the model.
func (g *Group) check(m pendingModel) error {
	if err := g.pending.check(); err != nil {
		return err
	}
	ids := make([]ID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, ID.Compare)
	if g.Pending() != len(m) {
		return fmt.Errorf("%d pending, want %d", g.Pending(), len(m))
	}
	if err := samePending(g.Range(nil, ID{}, MaxID), m, ids); err != nil {
		return err
	}
	for _, c := range g.Consumers() {
		if err := c.pending.check(); err != nil {
			return err
		}
		own := slices.DeleteFunc(slices.Clone(ids), func(id ID) bool { return m[id].Consumer != c })
		if c.Pending() != len(own) {
			return fmt.Errorf("%s has %d pending, want %d", c.Name, c.Pending(), len(own))
		}
		if err := samePending(g.Range(c, ID{}, MaxID), m, own); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

func samePending(it PendingIter, m pendingModel, ids []ID) error {
	for _, id := range ids {
		if !it.Next() || it.Pending != m[id] {
			return fmt.Errorf("%+v, want %+v", it.Pending, m[id])
		}
	}
	if it.Next() {
		return fmt.Errorf("%v after the last", it.ID)
	}
	return nil
}

// TestGroup plays random deliveries, claims, acknowledgements, and consumers that come and go.
func TestGroup(t *testing.T) {
	r := seeded(t)
	ks := newKeyspace()
	empty := ks.Used()
	s := New(ks)
	g := s.AddGroup([]byte("g"), ID{}, 0)
	if s.AddGroup([]byte("g"), ID{}, 0) != nil || s.Group([]byte("g")) != g || s.Group([]byte("h")) != nil {
		t.Fatal("groups are not told apart")
	}
	m := pendingModel{}
	next := uint64(0)
	for step := range 20_000 {
		name := []byte(fmt.Sprint("c", r.IntN(6)))
		c := g.Consumer(name)
		if c == nil {
			c = g.AddConsumer(name, int64(step))
		}
		id := ID{1 + r.Uint64N(next+1), 0}
		switch k := r.IntN(100); {
		case k < 45:
			next++
			id = ID{next, 0}
			fallthrough
		case k < 60:
			p := Pending{id, c, int64(step), 1 + r.Int64N(9)}
			g.Set(p)
			m[id] = p
		case k < 99:
			_, there := m[id]
			if p, ok := g.Find(id); ok != there || p != m[id] {
				t.Fatalf("%v: %+v, want %+v", id, p, m[id])
			}
			if g.Remove(id) != there {
				t.Fatalf("removing %v", id)
			}
			delete(m, id)
		default:
			n := len(m)
			for id, p := range m {
				if p.Consumer == c {
					delete(m, id)
				}
			}
			if got := g.RemoveConsumer(c); got != n-len(m) || g.Consumer(name) != nil {
				t.Fatalf("a consumer of %d, want %d", got, n-len(m))
			}
		}
		if step%500 == 0 {
			if err := g.check(m); err != nil {
				t.Fatal(step, err)
			}
		}
	}
	twin := s.Copy().(*Stream).Groups()[0]
	if used := ks.Used() - empty; used != s.Bytes()+twin.Bytes() {
		t.Errorf("%d bytes are used, groups tell of %d and %d", used, s.Bytes(), twin.Bytes())
	}
	of := pendingModel{}
	for id, p := range m {
		p.Consumer = twin.Consumer([]byte(p.Consumer.Name))
		of[id] = p
	}
	if err := twin.check(of); err != nil {
		t.Error("copy: ", err)
	}
	s.RemoveGroup(g)
	for !g.FreeStep() || !twin.FreeStep() {
	}
	if used := ks.Used(); used != empty {
		t.Errorf("%d bytes are left", used-empty)
	}
}

// TestManyGroups has groups and consumers, which are on the Go heap, count as memory, and what is done with all of them done in steps.
func TestManyGroups(t *testing.T) {
	const many = 20000
	ks := newKeyspace()
	empty := ks.Used()
	s := New(ks)
	for i := range many {
		s.AddGroup(fmt.Appendf(nil, "group:%05d", i), ID{}, 0)
	}
	g := s.Group([]byte("group:00007"))
	for i := range many {
		g.AddConsumer(fmt.Appendf(nil, "consumer:%05d", i), 1)
	}
	g.Set(Pending{ID: ID{1, 1}, Consumer: g.Consumers()[many-1]})
	used := ks.Used() - empty
	if used != s.Bytes() || used < 2*many*100 || used > 2*many*400 {
		t.Errorf("%d bytes are used, the stream tells of %d", used, s.Bytes())
	}
	other := s.Copy().(*Stream)
	if both := ks.Used() - empty; both != 2*used || other.Bytes() != used {
		t.Errorf("%d bytes are used by two, one tells of %d", both, other.Bytes())
	}
	var at keyspace.Cursor
	steps := 1
	for ; !s.Compact(&at); steps++ {
	}
	if steps < 2*many/compactTrees {
		t.Errorf("compacted in %d steps", steps)
	}
	s.RemoveGroup(g)
	if got := s.Bytes() + g.Bytes(); got != used {
		t.Errorf("a stream and its former group tell of %d bytes, before of %d", got, used)
	}
	for what, o := range map[string]keyspace.Object{"stream": s, "group": g, "copy": other} {
		steps := 1
		for ; !o.FreeStep(); steps++ {
		}
		if steps < many/freeGroups {
			t.Errorf("%s: freed in %d steps", what, steps)
		}
	}
	if used := ks.Used(); used != empty {
		t.Errorf("%d bytes are left", used-empty)
	}
}
