package stream

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unsafe"

	"redix/engine/keyspace"
)

// Group is a consumer group: how far it has read, and what it has been given and not yet acknowledged.
//
// Each pending entry is in two trees: the group's, with what is known of it, and its consumer's, which is only
// there to be walked. In the group's tree a consumer is a number; numbers of deleted consumers are used again.
type Group struct {
	Name string
	Last ID    // the last entry given to anybody
	Read int64 // entries given so far, UnknownRead if that cannot be told

	arena     *keyspace.Arena
	pending   tree
	consumers []*Consumer // by name
	byNumber  []*Consumer
	kept      account // trees, consumers and the group itself
	own       int64   // the group itself, until it is freed
}

// account sums up bytes, for one group and for all groups of a stream: with a million consumers it is too late to ask each.
type account struct {
	bytes int64
	of    *account // may be nil
}

func (a *account) take(n int64) {
	for ; a != nil; a = a.of {
		a.bytes += n
	}
}

// keep counts n bytes on the Go heap, for a group or one of its consumers.
func (g *Group) keep(n int64) {
	g.arena.OnHeap(n)
	g.kept.take(n)
}

// Consumer is a member of a group.
type Consumer struct {
	Name     string
	SeenMs   int64 // Unix milliseconds of its last command
	ActiveMs int64 // and of the last one that gave it an entry; -1: none yet

	number  uint32
	pending tree
}

// Pending is an entry given to a consumer and not yet acknowledged.
type Pending struct {
	ID          ID
	Consumer    *Consumer
	DeliveredMs int64
	Deliveries  int64
}

// Count counts one more delivery, up to what an int64 holds.
func (p *Pending) Count() { p.Deliveries = oneMore(p.Deliveries) }

func oneMore(n int64) int64 {
	if n == math.MaxInt64 {
		return n
	}
	return n + 1
}

// What the Go object of a group and a consumer take, with the pointers to them and without the name.
const (
	groupBytes    = int64(unsafe.Sizeof(Group{})) + 8
	consumerBytes = int64(unsafe.Sizeof(Consumer{})) + 16
)

func (c *Consumer) bytes() int64 { return consumerBytes + int64(len(c.Name)) }

// The value of a group's tree: delivery time 8 | deliveries 8 | number of the consumer 4.
const pendingBytes = 20

// Groups returns the groups, ordered by name; it must not be changed.
func (s *Stream) Groups() []*Group { return s.groups }

// Group returns the group with a name, or nil.
func (s *Stream) Group(name []byte) *Group {
	i, ok := slices.BinarySearchFunc(s.groups, name, func(g *Group, name []byte) int { return compareName(g.Name, name) })
	if !ok {
		return nil
	}
	return s.groups[i]
}

// compareName is cmp.Compare of two names; converting name allocates nothing in a comparison.
func compareName(have string, name []byte) int {
	switch {
	case have == string(name):
		return 0
	case have < string(name):
		return -1
	}
	return 1
}

// AddGroup makes a group; it returns nil when there is one of this name.
func (s *Stream) AddGroup(name []byte, last ID, read int64) *Group {
	g := &Group{Name: string(name), Last: last, Read: read, arena: s.arena, pending: newTree(s.arena, pendingBytes)}
	i, ok := slices.BinarySearchFunc(s.groups, g, func(a, b *Group) int { return strings.Compare(a.Name, b.Name) })
	if ok {
		return nil
	}
	s.groups = slices.Insert(s.groups, i, g)
	g.begin(&s.kept)
	return g
}

// begin has a new group count what it takes, as part of what a stream's groups take.
func (g *Group) begin(of *account) {
	g.kept, g.own = account{of: of}, groupBytes+int64(len(g.Name))
	g.pending.kept = &g.kept
	g.keep(g.own)
}

// RemoveGroup takes a group out; what it holds is to be freed by its FreeStep.
func (s *Stream) RemoveGroup(g *Group) {
	i := slices.Index(s.groups, g)
	s.groups = slices.Delete(s.groups, i, i+1)
	s.kept.take(-g.kept.bytes)
	g.kept.of = nil
}

// Lag returns how many entries the group has not been given yet; ok is false when that cannot be told.
func (s *Stream) Lag(g *Group) (n int64, ok bool) {
	if s.Added == 0 {
		return 0, true
	}
	if g.Read != UnknownRead && !s.HasGaps(g.Last) {
		return s.Added - g.Read, true
	}
	if n := s.CountTo(g.Last); n != UnknownRead {
		return s.Added - n, true
	}
	return 0, false
}

// Deliver notes that an entry beyond Last has been given out.
func (g *Group) Deliver(s *Stream, id ID) {
	if g.Read != UnknownRead && !s.HasGaps(id) {
		g.Read = oneMore(g.Read)
	} else if s.Added != 0 {
		g.Read = s.CountTo(id)
	}
	g.Last = id
}

// Consumers returns the consumers, ordered by name; it must not be changed.
func (g *Group) Consumers() []*Consumer { return g.consumers }

// Consumer returns the consumer with a name, or nil.
func (g *Group) Consumer(name []byte) *Consumer {
	i, ok := slices.BinarySearchFunc(g.consumers, name, func(c *Consumer, name []byte) int { return compareName(c.Name, name) })
	if !ok {
		return nil
	}
	return g.consumers[i]
}

// AddConsumer makes a consumer of a name that no other has.
func (g *Group) AddConsumer(name []byte, nowMs int64) *Consumer {
	c := &Consumer{Name: string(name), SeenMs: nowMs, ActiveMs: -1, pending: newTree(g.arena, 0)}
	c.pending.kept = &g.kept
	g.keep(c.bytes())
	at := len(g.byNumber)
	if at > len(g.consumers) { // a number is free
		at = slices.Index(g.byNumber, nil)
	} else {
		g.byNumber = append(g.byNumber, nil)
	}
	g.byNumber[at], c.number = c, uint32(at)
	i, _ := slices.BinarySearchFunc(g.consumers, c, func(a, b *Consumer) int { return cmp.Compare(a.Name, b.Name) })
	g.consumers = slices.Insert(g.consumers, i, c)
	return c
}

// RemoveConsumer removes a consumer with what it has pending, and returns how much that was.
func (g *Group) RemoveConsumer(c *Consumer) int {
	n := c.pending.count
	for at := c.pending.begin(); at.valid(); at.next() {
		g.pending.remove(at.id())
	}
	for !c.pending.freeStep() {
	}
	g.keep(-c.bytes())
	g.byNumber[c.number] = nil
	i := slices.Index(g.consumers, c)
	g.consumers = slices.Delete(g.consumers, i, i+1)
	return n
}

// Pending returns the number of pending entries.
func (g *Group) Pending() int { return g.pending.count }

// Pending returns the number of the consumer's pending entries.
func (c *Consumer) Pending() int { return c.pending.count }

func (g *Group) decode(id ID, v []byte) Pending {
	return Pending{id, g.byNumber[binary.LittleEndian.Uint32(v[16:])], int64(binary.LittleEndian.Uint64(v)),
		int64(binary.LittleEndian.Uint64(v[8:]))}
}

func (p *Pending) encode(v []byte) {
	binary.LittleEndian.PutUint64(v, uint64(p.DeliveredMs))
	binary.LittleEndian.PutUint64(v[8:], uint64(p.Deliveries))
	binary.LittleEndian.PutUint32(v[16:], p.Consumer.number)
}

// Find returns what is pending under an ID.
func (g *Group) Find(id ID) (p Pending, ok bool) {
	v := g.pending.find(id)
	if v == nil {
		return p, false
	}
	return g.decode(id, v), true
}

// Set makes an entry pending, or changes what is known of it, its consumer included.
func (g *Group) Set(p Pending) {
	v, added := g.pending.insert(p.ID)
	if !added {
		old := g.byNumber[binary.LittleEndian.Uint32(v[16:])]
		if old != p.Consumer {
			old.pending.remove(p.ID)
			added = true
		}
	}
	if added {
		p.Consumer.pending.insert(p.ID)
	}
	p.encode(v)
}

// Remove makes an entry no longer pending; it returns false when it was not.
func (g *Group) Remove(id ID) bool {
	v := g.pending.find(id)
	if v == nil {
		return false
	}
	g.byNumber[binary.LittleEndian.Uint32(v[16:])].pending.remove(id)
	return g.pending.remove(id)
}

// PendingIter walks over pending entries in the order of their IDs. It dies when one is added or removed; Set of one that
// is there, with the same consumer, does no harm.
type PendingIter struct {
	Pending
	g  *Group
	at cursor
	to ID
}

// Range returns an iterator over the pending entries of a consumer, or of the group if c is nil, from one ID to another,
// both included.
func (g *Group) Range(c *Consumer, from, to ID) PendingIter {
	t := &g.pending
	if c != nil {
		t = &c.pending
	}
	return PendingIter{g: g, at: t.from(from), to: to}
}

// Next goes to the next pending entry, which is then in Pending; it returns false when there is none.
func (it *PendingIter) Next() bool {
	if !it.at.valid() || it.to.Less(it.at.id()) {
		return false
	}
	id := it.at.id()
	if it.at.t == &it.g.pending {
		it.Pending = it.g.decode(id, it.at.value())
	} else {
		it.Pending, _ = it.g.Find(id)
	}
	it.at.next()
	return true
}

// Edges returns the lowest and the highest pending ID, if any is.
func (g *Group) Edges() (low, high ID) {
	if first, last := g.pending.begin(), g.pending.end(); first.valid() {
		return first.id(), last.id()
	}
	return ID{}, ID{}
}

// copyOf returns a group with the same contents that counts what it takes as part of what a stream's groups take.
func (g *Group) copyOf(of *account) *Group {
	twin := *g
	twin.begin(of)
	twin.pending = g.pending.copyOf(&twin.kept)
	twin.consumers = make([]*Consumer, len(g.consumers))
	twin.byNumber = make([]*Consumer, len(g.byNumber))
	for i, c := range g.consumers {
		own := *c
		own.pending = c.pending.copyOf(&twin.kept)
		twin.keep(own.bytes())
		twin.consumers[i], twin.byNumber[c.number] = &own, &own
	}
	return &twin
}

// A group that has been taken out of its stream is freed like an object of its own.
var _ keyspace.Object = (*Group)(nil)

// Bytes implements keyspace.Object.
func (g *Group) Bytes() int64 { return g.kept.bytes }

// Copy implements keyspace.Object.
func (g *Group) Copy() keyspace.Object { return g.copyOf(nil) }

// FreeStep implements keyspace.Object.
func (g *Group) FreeStep() bool {
	if !g.pending.freeStep() {
		return false
	}
	for range freeGroups {
		last := len(g.consumers) - 1
		if last < 0 {
			g.keep(-g.own)
			g.own = 0
			return true
		}
		c := g.consumers[last]
		if !c.pending.freeStep() {
			return false
		}
		g.keep(-c.bytes())
		g.consumers = g.consumers[:last]
	}
	return false
}
