package commands

import (
	"slices"
	"strconv"

	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/stream"
)

// The commands that make a stream from nothing, and its digest.

// rebuildStream passes one XADD for each entry, then for each group XGROUP CREATE, its consumers, and an XCLAIM for each
// pending entry, and at the end XSETID.
//
// XCLAIM takes only entries that exist. One that is pending and has been deleted is added for the time of the
// claims, without its fields, and taken out again: by XTRIM if it lay before the first entry, else by XDEL, which changes
// nothing that XSETID does not put right, because it had been used on that entry before.
func rebuildStream(e *keyspace.Entry, put func(args ...[]byte)) {
	s := viewStream(e)
	r := streamRebuild{s: s, key: e.Key(), put: put, ghosts: deletedPending(s)}
	r.entries()
	for _, g := range s.Groups() {
		r.group(g)
	}
	r.removeGhosts()
	r.setID()
}

type streamRebuild struct {
	s      *stream.Stream
	key    []byte
	put    func(args ...[]byte)
	ghosts []stream.ID // pending entries that have been deleted, in order
	args   [][]byte
}

// deletedPending returns the pending IDs whose entries have been deleted, in order.
func deletedPending(s *stream.Stream) (ids []stream.ID) {
	for _, g := range s.Groups() {
		for it := g.Range(nil, stream.ID{}, stream.MaxID); it.Next(); {
			if !s.Has(it.ID) {
				ids = append(ids, it.ID)
			}
		}
	}
	slices.SortFunc(ids, stream.ID.Compare)
	return slices.Compact(ids)
}

var ghostField = []byte("x")

// entries adds all entries and ghosts in order. A stream without any comes from one that is trimmed at once.
func (r *streamRebuild) entries() {
	ghosts := r.ghosts
	for it := r.s.Range(stream.ID{}, stream.MaxID); it.Next(); {
		for ; len(ghosts) > 0 && ghosts[0].Less(it.ID); ghosts = ghosts[1:] {
			r.put(wordXAdd, r.key, idText(ghosts[0]), ghostField, ghostField)
		}
		r.args = append(r.args[:0], wordXAdd, r.key, idText(it.ID))
		f := it.Fields()
		for name, value, ok := f.Next(); ok; name, value, ok = f.Next() {
			r.args = append(r.args, elemBytes(name, nil), elemBytes(value, nil))
		}
		r.put(r.args...)
	}
	for _, id := range ghosts {
		r.put(wordXAdd, r.key, idText(id), ghostField, ghostField)
	}
	if r.s.Len() == 0 && len(r.ghosts) == 0 {
		r.put(wordXAdd, r.key, wordMaxLen, wordZero, idText(stream.ID{Seq: 1}), ghostField, ghostField)
	}
}

func idText(id stream.ID) []byte { return id.AppendTo(nil) }

func intText(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// setID passes what is known of the stream besides its entries. It comes last, because all else changes that.
func (r *streamRebuild) setID() {
	r.args = append(r.args[:0], wordXSetID, r.key, idText(r.s.Last), wordEntriesAdded, intText(r.s.Added))
	if !r.s.MaxDeleted.IsZero() {
		r.args = append(r.args, wordMaxDeletedID, idText(r.s.MaxDeleted))
	}
	r.put(r.args...)
}

func (r *streamRebuild) group(g *stream.Group) {
	name := []byte(g.Name)
	r.put(wordXGroup, wordCreate, r.key, name, idText(g.Last), wordEntriesRead, intText(g.Read))
	for _, consumer := range g.Consumers() {
		r.put(wordXGroup, wordCreateConsumer, r.key, name, []byte(consumer.Name))
	}
	for it := g.Range(nil, stream.ID{}, stream.MaxID); it.Next(); {
		r.put(wordXClaim, r.key, name, []byte(it.Consumer.Name), wordZero, idText(it.ID), wordTime, intText(it.DeliveredMs),
			wordRetryCount, intText(it.Deliveries), wordForce, wordJustID)
	}
}

func (r *streamRebuild) removeGhosts() {
	if len(r.ghosts) == 0 {
		return
	}
	first := r.s.First()
	if r.s.Len() == 0 {
		first, _ = r.ghosts[len(r.ghosts)-1].Next()
	}
	r.put(wordXTrim, r.key, wordMinID, idText(first))
	for _, id := range r.ghosts {
		if first.Less(id) {
			r.put(wordXDel, r.key, idText(id))
		}
	}
}

var (
	wordMaxLen = []byte("MAXLEN")
	wordMinID  = []byte("MINID")
	wordXTrim  = []byte("XTRIM")
	wordXDel   = []byte("XDEL")
)

// stream takes in the entries of a stream: for each, mix("ms.seq"), then mix(name), mix(value) for each field. Groups do
// not count.
func (d *digest) stream(e *keyspace.Entry) {
	s := viewStream(e)
	var room, scratch [48]byte
	mix := func(e packed.Elem) { d.mix(elemBytes(e, scratch[:0])) }
	for it := s.Range(stream.ID{}, stream.MaxID); it.Next(); {
		id := strconv.AppendUint(room[:0], it.ID.Ms, 10)
		id = append(id, '.')
		d.mix(strconv.AppendUint(id, it.ID.Seq, 10))
		f := it.Fields()
		for name, value, ok := f.Next(); ok; name, value, ok = f.Next() {
			mix(name)
			mix(value)
		}
	}
}
