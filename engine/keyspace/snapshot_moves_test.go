package keyspace

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

// churn is a keyspace and its copy in a map, for snapshots of many segments; the machine of model_test.go has few keys and all
// operations.
type churn struct {
	t     *testing.T
	rng   *rand.Rand
	ks    *Keyspace
	model map[string]string // key to deadline and value
	saver churnSaver
}

const churnKeys = 30_000

// churnSaver keeps what it is given; large strings in two parts.
type churnSaver struct {
	t    *testing.T
	seen map[string]string
	half string // the key of one that is half written
}

func picture(e *Entry) string {
	var digits [20]byte
	value := e.Bytes(digits[:])
	if e.Encoding() == EncHashTable {
		var sum uint64 // of fields in any order
		n := 0
		e.DB().Table(e).Each(func(f, v []byte) {
			sum += e.DB().ks.Hash(append(bytes.Clone(f), v...))
			n++
		})
		value = fmt.Appendf(nil, "table of %d: %x", n, sum)
	}
	return fmt.Sprintf("%d %s", e.Deadline(), value)
}

func (s *churnSaver) Save(_ int, e *Entry) {
	if _, twice := s.seen[string(e.Key())]; twice {
		s.t.Fatalf("%s is given out twice", e.Key())
	}
	s.seen[string(e.Key())] = picture(e)
}

func (s *churnSaver) SavePart(db int, e *Entry) bool {
	if s.half == "" {
		s.half = string(e.Key())
		return false
	}
	if s.half != string(e.Key()) {
		s.t.Fatalf("a part of %s in the middle of %s", e.Key(), s.half)
	}
	s.half = ""
	s.Save(db, e)
	return true
}
func (s *churnSaver) Full() bool    { return false }
func (s *churnSaver) Crowded() bool { return false }

func (c *churn) set(i int) {
	db, key := c.ks.DB(0), fmt.Appendf(nil, "key:%d", i)
	e, _ := db.Lookup(key)
	var deadline int64
	if c.rng.IntN(4) == 0 {
		deadline = c.ks.NowMs + 1_000_000 + int64(c.rng.IntN(1_000_000)) // never reached
	}
	fill := byte('a' + c.rng.IntN(26))
	switch n := c.rng.IntN(2000); {
	case n == 0: // bytes with a mapping of their own
		db.SetString(&e, key, bytes.Repeat([]byte{fill}, maxSlabBlok+100), deadline)
	case n < 20: // a block of its own, which a compaction moves
		db.SetString(&e, key, bytes.Repeat([]byte{fill}, largeMin+c.rng.IntN(100)), deadline)
	case n < 60:
		tb := db.SetTable(&e, key, deadline)
		for j := range 1 + c.rng.IntN(300) {
			tb.Set(fmt.Appendf(nil, "field:%d", j), bytes.Repeat([]byte{fill}, 20))
		}
	case n < 400:
		db.SetInt(&e, key, c.rng.Int64(), deadline)
	default:
		db.SetString(&e, key, bytes.Repeat([]byte{fill}, c.rng.IntN(300)), deadline)
	}
	e, _ = db.Find(key)
	c.model[string(key)] = picture(&e)
}

func (c *churn) delete(i int) {
	key := fmt.Appendf(nil, "key:%d", i)
	if e, ok := c.ks.DB(0).Lookup(key); ok {
		c.ks.DB(0).Delete(&e)
		delete(c.model, string(key))
	}
}

// evict removes some entries by a random order, and returns how many of them the snapshot had yet to give out.
func (c *churn) evict() (unsaved int) {
	order := Order(c.rng.IntN(5))
	c.ks.Choose(order, order == Soonest || order != Queues && c.rng.IntN(2) == 0, 5, 1)
	for range 1 + c.rng.IntN(20) {
		e, found, _ := c.ks.Victim()
		if !found {
			continue
		}
		if _, seen := c.saver.seen[string(e.Key())]; !seen {
			unsaved++
		}
		delete(c.model, string(e.Key()))
		c.ks.DB(0).Delete(&e)
	}
	return unsaved
}

// Evictions and compactions go on while a snapshot walks. What it gives out is the keyspace of its moment, whatever goes
// meanwhile and wherever records, segments, fields and large strings are moved to.
func TestSnapshotThroughEvictionsAndMoves(t *testing.T) {
	seed := seeds.Draw(t)
	c := &churn{t: t, rng: rand.New(rand.NewPCG(seed, 0)), ks: New(1, 1000, nil), model: map[string]string{}}
	c.ks.NowMs = 1
	c.ks.partBytes = 8 << 10 // tables of some hundred fields are written in parts
	for range 3 {
		for range churnKeys / 2 {
			c.set(c.rng.IntN(churnKeys))
		}
		want := maps.Clone(c.model)
		c.saver = churnSaver{t: t, seen: map[string]string{}}
		moved := c.ks.CompactionStats().Moved
		s := c.ks.StartSnapshot(&c.saver, true)
		var evicted, walked int
		done := false
		for turn := 0; !done; turn++ {
			for range 20 {
				switch c.rng.IntN(8) {
				case 0, 1:
					c.set(c.rng.IntN(churnKeys))
				case 2:
					c.delete(c.rng.IntN(churnKeys))
				case 3:
					c.evict()
				default:
					c.ks.CompactStep()
				}
			}
			if turn%8 == 0 {
				evicted += c.evict()
			}
			if !c.ks.Compacting() {
				c.ks.StartCompaction(c.rng.IntN(3) == 0)
			}
			c.ks.FreeStep()
			done = s.Step(1 + c.rng.IntN(100))
			walked++
		}
		moved = c.ks.CompactionStats().Moved - moved
		for key, is := range c.saver.seen {
			if was, ok := want[key]; !ok || was != is {
				t.Fatalf("%s is given out as %.60q, it was %.60q", key, is, was)
			}
		}
		if len(c.saver.seen) != len(want) {
			t.Fatalf("%d entries given out, there were %d", len(c.saver.seen), len(want))
		}
		if moved < int64(len(want)) || evicted < 100 {
			t.Fatalf("%d blocks of %d entries moved in %d steps, %d entries evicted before they were given out: nothing is shown",
				moved, len(want), walked, evicted)
		}
		t.Logf("%d entries, %d steps, %d moves, %d evicted before their turn", len(want), walked, moved, evicted)
		checkIndex(t, c.ks.DB(0).idx)
	}
	for key, want := range c.model {
		e, ok := c.ks.DB(0).Find([]byte(key))
		if !ok || picture(&e) != want {
			t.Fatalf("%s is not what it is in the model", key)
		}
	}
	if c.ks.DB(0).Len() != len(c.model) {
		t.Fatalf("%d entries, the model has %d", c.ks.DB(0).Len(), len(c.model))
	}
	c.ks.StopCompaction()
	c.ks.Choose(Oldest, false, 5, 0)
	freeAll(t, c.ks)
	checkKeyspace(t, c.ks)
}
