package commands

import (
	"math"
	"slices"

	"redix/engine/stream"
	"redix/persistence/rdb"
)

// How EntryBuilder makes streams. Entries that were deleted do not come; what a TypeStream does not tell is taken as
// redis-server takes it: that no entry was ever removed.

// streamBuilder is where an EntryBuilder is in a stream.
type streamBuilder struct {
	s       *stream.Stream
	scratch []byte
	group   *stream.Group
	member  *stream.Consumer
	pending []unowned // of the group, in order; who they belong to comes later
	owned   int
}

type unowned struct {
	id                  stream.ID
	deliveredMs, number int64
	owned               bool
}

func (x *streamBuilder) begin(b *EntryBuilder) {
	x.s = stream.New(b.server.Keyspace)
	x.group, x.member = nil, nil
	b.object = x.s
}

func (x *streamBuilder) put(b *EntryBuilder, it *rdb.Item) error {
	id := stream.ID(it.ID)
	switch it.Op {
	case rdb.OpEntry:
		return x.entry(b, id, it.Fields)
	case rdb.OpStream:
		x.s.Last = stream.ID(it.Info.Last)
		x.s.Added = int64(x.s.Len())
		if it.Counts {
			x.s.MaxDeleted, x.s.Added = stream.ID(it.Info.MaxDeleted), int64(it.Info.Added)
		}
		return nil
	case rdb.OpGroup:
		return x.addGroup(it)
	case rdb.OpPending:
		return x.addPending(it)
	case rdb.OpConsumer:
		if x.group.Consumer(it.Name) != nil {
			return rdb.Wrong("a consumer that comes twice")
		}
		x.member = x.group.AddConsumer(it.Name, int64(it.N))
		x.member.ActiveMs = int64(it.M)
		return nil
	}
	return x.own(id)
}

func (x *streamBuilder) entry(b *EntryBuilder, id stream.ID, fields [][]byte) error {
	size := 0
	for _, f := range fields {
		if size += len(f); size > stream.MaxEntryBytes {
			return rdb.Wrong("an entry of a stream that is too large")
		}
	}
	cfg := b.server.Config
	x.scratch = x.s.Append(id, fields, stream.Limits{Bytes: cfg.StreamNodeMaxBytes, Entries: cfg.StreamNodeMaxEntries}, x.scratch)
	return nil
}

// addGroup completes the group before and begins another.
func (x *streamBuilder) addGroup(it *rdb.Item) error {
	if err := x.endGroup(); err != nil {
		return err
	}
	last, read := stream.ID(it.ID), int64(it.N)
	if !it.Counts {
		read = x.s.CountTo(last)
	}
	if read < stream.UnknownRead { // redis-server's number has passed the largest, where ours stays
		read = math.MaxInt64
	}
	if x.group = x.s.AddGroup(it.Name, last, read); x.group == nil {
		return rdb.Wrong("a group that comes twice")
	}
	x.pending, x.owned = x.pending[:0], 0
	return nil
}

func (x *streamBuilder) addPending(it *rdb.Item) error {
	id := stream.ID(it.ID)
	if n := len(x.pending); n > 0 && !x.pending[n-1].id.Less(id) {
		return rdb.Wrong("pending entries that are not in order")
	}
	x.pending = append(x.pending, unowned{id, int64(it.N), int64(min(it.M, math.MaxInt64)), false})
	return nil
}

// own gives what is pending under an ID to the consumer.
func (x *streamBuilder) own(id stream.ID) error {
	i, found := slices.BinarySearchFunc(x.pending, id, func(p unowned, id stream.ID) int { return p.id.Compare(id) })
	if !found || x.pending[i].owned {
		return rdb.Wrong("a pending entry of a consumer that is not one of the group, or another's")
	}
	p := &x.pending[i]
	p.owned = true
	x.owned++
	x.group.Set(stream.Pending{ID: id, Consumer: x.member, DeliveredMs: p.deliveredMs, Deliveries: p.number})
	return nil
}

func (x *streamBuilder) endGroup() error {
	if x.group != nil && x.owned != len(x.pending) {
		return rdb.Wrong("pending entries that no consumer has")
	}
	return nil
}

// finish completes a stream.
func (x *streamBuilder) finish() error {
	err := x.endGroup()
	if x.s, x.group, x.member = nil, nil, nil; cap(x.pending) > keptPending {
		x.pending = nil
	}
	return err
}

// keptPending is the length of a list that is kept for the next stream.
const keptPending = 1 << 12
