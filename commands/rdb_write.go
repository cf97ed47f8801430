package commands

import (
	"redix/engine/config"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/engine/packed"
	"redix/engine/stream"
	"redix/engine/zset"
	"redix/persistence/rdb"
)

// From entries to RDB: what a snapshot and DUMP write. Types are those that redis-server 5 knows; numbers in rdb/doc.go. With
// compression, a packed collection of ziplistMin to ziplistMax bytes is written as one ziplist, since LZF finds little in
// its elements one by one; any other as its elements, which take no more bytes.
//
//	encoding                      type       at once, or in parts of
//	EncInt, EncEmbstr, EncRaw     string     at once (below 64 KiB)
//	EncLarge                      string     largePart bytes
//	EncHashPacked, -T             hash       at once (up to listpackBytes)
//	EncHashTable                  hash       some fields
//	EncSetInts                    intset     at once
//	EncSetPacked, -T              set        at once
//	EncSetTable                   set        some members
//	EncZsetPacked                 zset 2     at once
//	EncZsetTree                   zset 2     members, the last first: so redis-server, too, always adds before the first
//	EncListPacked                 list       at once
//	EncListChunks                 list       elements of a chunk
//	EncStream                     stream     a block; a group's entries and consumers

// RDBOptions say how entries are written.
type RDBOptions struct {
	Compress bool // strings of 21 bytes to 64 KiB, with LZF (rdbcompression)
	// Later, if not nil, gets a note of each of them, for rdb.Compressor.Recompress, in place of compressing it.
	Later   *[]rdb.Span
	Version int // rdb-version: the newest version of the format whose types are used; 0: the default
	// Access, if not nil, appends what is known of the last access to an entry (rdb.AppendIdle or AppendFreq).
	Access func(dst []byte, e *keyspace.Entry) []byte
}

// RDBOptionsOf returns the options that the configuration asks for.
func RDBOptionsOf(c *config.Config) RDBOptions {
	return RDBOptions{Compress: c.RDBCompression, Version: c.RDBVersion}
}

// EntryWriter writes entries one after the other; one of a large collection in parts, between which only that entry must not
// be changed. It holds no buffers but those for compression, for one ziplist and for one block of a stream.
//
//	dst, done := w.Begin(dst, e)
//	for !done {
//		dst, done = w.Next(dst, budget)
//	}
type EntryWriter struct {
	RDBOptions
	strings rdb.Compressor
	node    rdb.NodeWriter
	zip     rdb.ZiplistWriter

	// next appends about so many bytes of what is left of the entry; nil when there is nothing left.
	next func(dst []byte, budget int) ([]byte, bool)

	// Where it is in the entry, by type.
	large  []byte
	table  *keyspace.Table
	cursor uint64
	set    bool
	tree   *zset.Tree
	list   *list.List
	i      int // element, rank or group
	stream streamWriter
}

// NewEntryWriter returns a writer.
func NewEntryWriter(o RDBOptions) *EntryWriter {
	w := new(EntryWriter)
	w.Configure(o)
	return w
}

// Configure changes the options, between two entries.
func (w *EntryWriter) Configure(o RDBOptions) {
	w.RDBOptions = o
	if w.Version == 0 {
		w.Version = defaultRDBVersion
	}
	w.strings.Compress, w.strings.Later = o.Compress, o.Later
}

// defaultRDBVersion is the default of rdb-version.
const defaultRDBVersion = 10

// Begin appends an entry: deadline, access, type, key, and its value or the start of that. e is not kept. done: the entry is
// written; otherwise Next has to be called until it is.
func (w *EntryWriter) Begin(dst []byte, e *keyspace.Entry) (out []byte, done bool) {
	if deadline := e.Deadline(); deadline != 0 {
		dst = rdb.AppendExpire(dst, deadline)
	}
	if w.Access != nil {
		dst = w.Access(dst, e)
	}
	dst = rdb.AppendType(dst, w.typeOf(e))
	dst = w.strings.AppendString(dst, e.Key())
	return w.beginValue(dst, e)
}

// BeginValue appends what DUMP gives of an entry: type and value, without key and deadline.
func (w *EntryWriter) BeginValue(dst []byte, e *keyspace.Entry) (out []byte, done bool) {
	return w.beginValue(rdb.AppendType(dst, w.typeOf(e)), e)
}

// Next appends about budget bytes more; a single element or block may take more.
func (w *EntryWriter) Next(dst []byte, budget int) (out []byte, done bool) {
	if w.next == nil {
		return dst, true
	}
	dst, done = w.next(dst, max(budget, 1))
	if done {
		w.next = nil
		w.large, w.table, w.tree, w.list, w.stream.s = nil, nil, nil, nil, nil
	}
	return dst, done
}

// Bytes of a packed collection that is written as a ziplist.
const (
	ziplistMin = 128
	ziplistMax = 32 << 10
)

// asZiplist tells whether an entry is written as a ziplist, and of which type it is then. (There is none for sets.)
func (w *EntryWriter) asZiplist(e *keyspace.Entry) (rdb.Type, bool) {
	var t rdb.Type
	switch e.Encoding() {
	case keyspace.EncHashPacked, keyspace.EncHashPackedT:
		t = rdb.TypeHashZiplist
	case keyspace.EncZsetPacked:
		t = rdb.TypeZsetZiplist
	case keyspace.EncListPacked:
		t = rdb.TypeListQuicklist
	default:
		return 0, false
	}
	n := len(e.Value())
	return t, w.Compress && n >= ziplistMin && n <= ziplistMax
}

func (w *EntryWriter) typeOf(e *keyspace.Entry) rdb.Type {
	if t, ok := w.asZiplist(e); ok {
		return t
	}
	switch e.Type() {
	case keyspace.TypeHash:
		return rdb.TypeHash
	case keyspace.TypeList:
		return rdb.TypeList
	case keyspace.TypeZset:
		return rdb.TypeZset2
	case keyspace.TypeSet:
		if e.Encoding() == keyspace.EncSetInts {
			return rdb.TypeSetIntset
		}
		return rdb.TypeSet
	case keyspace.TypeStream:
		return streamType(viewStream(e), w.Version)
	}
	return rdb.TypeString
}

func (w *EntryWriter) beginValue(dst []byte, e *keyspace.Entry) (out []byte, done bool) {
	w.i, w.cursor = 0, 0
	if t, ok := w.asZiplist(e); ok {
		return w.ziplist(dst, e, t), true
	}
	switch e.Encoding() {
	case keyspace.EncInt:
		return rdb.AppendInt(dst, e.Int()), true
	case keyspace.EncEmbstr, keyspace.EncRaw:
		return w.strings.AppendString(dst, e.Value()), true
	case keyspace.EncLarge:
		w.large, w.next = e.Value(), w.nextLarge
		return rdb.AppendLen(dst, uint64(len(w.large))), false
	case keyspace.EncSetInts:
		blob := e.Value()
		return rdb.AppendIntset(dst, int(blob[0]), blob[1:]), true
	case keyspace.EncHashPacked, keyspace.EncHashPackedT, keyspace.EncSetPacked, keyspace.EncSetPackedT:
		return w.packed(dst, e), true
	case keyspace.EncZsetPacked:
		return w.zset(dst, viewZset(e)), true
	case keyspace.EncListPacked:
		blob := e.Value()
		return w.span(rdb.AppendLen(dst, uint64(list.Count(blob))), list.Span(blob)), true
	case keyspace.EncHashTable, keyspace.EncSetTable:
		w.table, w.set, w.next = e.DB().Table(e), e.Encoding() == keyspace.EncSetTable, w.nextFields
		return rdb.AppendLen(dst, uint64(w.table.Len())), false
	case keyspace.EncZsetTree:
		w.tree, w.next = viewZset(e).tree, w.nextRanks
		return rdb.AppendLen(dst, uint64(w.tree.Len())), false
	case keyspace.EncListChunks:
		w.list, w.next = listOf(e), w.nextElems
		return rdb.AppendLen(dst, uint64(w.list.Len())), false
	}
	w.next = w.nextOfStream
	return w.beginStream(dst, viewStream(e)), false
}

func (w *EntryWriter) nextLarge(dst []byte, budget int) ([]byte, bool) {
	n := min(budget, len(w.large))
	dst = append(dst, w.large[:n]...)
	w.large = w.large[n:]
	return dst, len(w.large) == 0
}

// packed writes the elements of a hash or set.
func (w *EntryWriter) packed(dst []byte, e *keyspace.Entry) []byte {
	blob, n := e.Value(), setLen(e)
	if e.Type() == keyspace.TypeHash {
		n /= 2
	}
	dst = rdb.AppendLen(dst, uint64(n))
	for pos := packed.First(blob); pos < len(blob); {
		var v packed.Elem
		v, pos = packed.Next(blob, pos)
		dst = w.strings.AppendElem(dst, v)
	}
	return dst
}

// ziplist writes a packed collection as a ziplist.
func (w *EntryWriter) ziplist(dst []byte, e *keyspace.Entry, t rdb.Type) []byte {
	w.zip.Begin()
	switch t {
	case rdb.TypeHashZiplist:
		blob := e.Value()
		for pos := packed.First(blob); pos < len(blob); {
			var v packed.Elem
			v, pos = packed.Next(blob, pos)
			w.zip.Elem(v)
		}
	case rdb.TypeZsetZiplist:
		z := viewZset(e)
		z.each(0, z.len(), false, func(m packed.Elem, score float64) bool {
			w.zip.Elem(m)
			w.zip.Score(score)
			return true
		})
	case rdb.TypeListQuicklist:
		span := list.Span(e.Value())
		for pos := 0; pos < len(span); {
			var v packed.Elem
			v, pos = list.Next(span, pos)
			w.zip.Elem(v)
		}
		dst = rdb.AppendLen(dst, 1) // nodes
	}
	return w.zip.Append(&w.strings, dst)
}

// zset writes a packed sorted set, in the order of redis-server: see nextRanks.
func (w *EntryWriter) zset(dst []byte, z zsetView) []byte {
	dst = rdb.AppendLen(dst, uint64(z.len()))
	z.each(0, z.len(), true, func(m packed.Elem, score float64) bool {
		dst = rdb.AppendScore(w.strings.AppendElem(dst, m), score)
		return true
	})
	return dst
}

func (w *EntryWriter) span(dst, span []byte) []byte {
	for pos := 0; pos < len(span); {
		var v packed.Elem
		v, pos = list.Next(span, pos)
		dst = w.strings.AppendElem(dst, v)
	}
	return dst
}

// fieldStep is how many fields of a table are written between two looks at the budget.
const fieldStep = 8

func (w *EntryWriter) nextFields(dst []byte, budget int) ([]byte, bool) {
	for end := len(dst) + budget; ; {
		w.cursor = w.table.Scan(w.cursor, fieldStep, func(field, value []byte) {
			dst = w.strings.AppendString(dst, field)
			if !w.set {
				dst = w.strings.AppendString(dst, value)
			}
		})
		if w.cursor == 0 || len(dst) >= end {
			return dst, w.cursor == 0
		}
	}
}

func (w *EntryWriter) nextRanks(dst []byte, budget int) ([]byte, bool) {
	end := len(dst) + budget
	c := w.tree.At(w.tree.Len() - 1 - w.i)
	for c.Valid() {
		dst = rdb.AppendScore(w.strings.AppendString(dst, c.Member()), c.Score())
		w.i++
		c.Prev()
		if len(dst) >= end {
			break
		}
	}
	return dst, !c.Valid()
}

func (w *EntryWriter) nextElems(dst []byte, budget int) ([]byte, bool) {
	end := len(dst) + budget
	w.list.Spans(w.i, w.list.Len()-w.i, func(span []byte, count int) bool {
		dst = w.span(dst, span)
		w.i += count
		return len(dst) < end
	})
	return dst, w.i == w.list.Len()
}

// DumpValue appends the payload of DUMP for an entry.
func (w *EntryWriter) DumpValue(dst []byte, e *keyspace.Entry) []byte {
	start := len(dst)
	dst, done := w.BeginValue(dst, e)
	for !done {
		dst, done = w.Next(dst, dumpStep)
	}
	return rdb.AppendFooter(dst, start)
}

const dumpStep = 1 << 20

// streamWriter is where an EntryWriter is in a stream.
type streamWriter struct {
	s      *stream.Stream
	typ    rdb.Type
	state  streamState
	from   stream.ID // from where on the next block, or pending entry, is looked for
	last   bool      // there is none: the last one had the greatest ID
	groups []*stream.Group
	// of the first of groups
	consumers []*stream.Consumer
}

type streamState uint8

const (
	inBlocks    streamState = iota
	atGroup                 // a group follows, or the end
	inPending               // of the first group
	inConsumers             // a consumer follows, or the next group
	inOwn                   // pending entries of the first consumer
)

// streamType tells what is lost in a TypeStream: its readers take the entries that there are for all that ever were.
func streamType(s *stream.Stream, version int) rdb.Type {
	counts := s.Added != int64(s.Len()) || !s.MaxDeleted.IsZero()
	active := false
	for _, g := range s.Groups() {
		counts = counts || g.Read != s.CountTo(g.Last)
		for _, c := range g.Consumers() {
			active = active || c.ActiveMs != c.SeenMs
		}
	}
	return rdb.StreamType(version, counts, active)
}

func rdbID(id stream.ID) rdb.ID { return rdb.ID{Ms: id.Ms, Seq: id.Seq} }

func (w *EntryWriter) beginStream(dst []byte, s *stream.Stream) []byte {
	w.stream = streamWriter{s: s, typ: streamType(s, w.Version), groups: s.Groups()}
	blocks, _ := s.Blocks()
	return rdb.AppendLen(dst, uint64(blocks))
}

func (w *EntryWriter) nextOfStream(dst []byte, budget int) ([]byte, bool) {
	at := &w.stream
	for end := len(dst) + budget; len(dst) < end; {
		switch at.state {
		case inBlocks:
			dst = w.nextBlock(dst)
		case atGroup:
			if len(at.groups) == 0 {
				return dst, true
			}
			g := at.groups[0]
			dst = rdb.AppendGroup(dst, at.typ, g.Name, rdbID(g.Last), g.Read)
			dst = rdb.AppendLen(dst, uint64(g.Pending()))
			at.enter(inPending)
		case inPending:
			dst = at.pending(dst, end)
		case inConsumers:
			if len(at.consumers) == 0 {
				at.groups, at.state = at.groups[1:], atGroup
				continue
			}
			c := at.consumers[0]
			dst = rdb.AppendConsumer(dst, at.typ, c.Name, c.SeenMs, c.ActiveMs)
			dst = rdb.AppendLen(dst, uint64(c.Pending()))
			at.enter(inOwn)
		case inOwn:
			dst = at.own(dst, end)
		}
	}
	return dst, false
}

// nextBlock writes a block, or when there are no more what follows them.
func (w *EntryWriter) nextBlock(dst []byte) []byte {
	at := &w.stream
	b, ok := at.s.BlockFrom(at.from)
	if !ok || at.last {
		groups := at.s.Groups()
		at.groups, at.state = groups, atGroup
		dst = rdb.AppendStreamInfo(dst, at.typ, rdb.StreamInfo{Length: uint64(at.s.Len()), Last: rdbID(at.s.Last),
			First: rdbID(at.s.First()), MaxDeleted: rdbID(at.s.MaxDeleted), Added: uint64(at.s.Added)})
		return rdb.AppendLen(dst, uint64(len(groups)))
	}
	w.node.Begin(rdbID(b.Base))
	names := b.Names()
	for name, ok := names.Next(); ok; name, ok = names.Next() {
		w.node.Name(name)
	}
	for it := b.Entries(); it.Next(); {
		same := it.Shared()
		w.node.Entry(rdbID(it.ID), it.Len(), same)
		f := it.Fields()
		for name, value, ok := f.Next(); ok; name, value, ok = f.Next() {
			if !same {
				w.node.Value(name)
			}
			w.node.Value(value)
		}
	}
	at.passed(b.Base)
	return w.node.Append(&w.strings, dst)
}

func (at *streamWriter) enter(s streamState) { at.state, at.from, at.last = s, stream.ID{}, false }

func (at *streamWriter) passed(id stream.ID) {
	next, ok := id.Next()
	at.from, at.last = next, !ok
}

// pending writes pending entries of the first group, and when all are there, how many consumers follow.
func (at *streamWriter) pending(dst []byte, end int) []byte {
	g := at.groups[0]
	it := g.Range(nil, at.from, stream.MaxID)
	for len(dst) < end {
		if at.last || !it.Next() {
			at.consumers, at.state = g.Consumers(), inConsumers
			return rdb.AppendLen(dst, uint64(len(at.consumers)))
		}
		dst = rdb.AppendPending(dst, rdbID(it.ID), it.DeliveredMs, it.Deliveries)
		at.passed(it.ID)
	}
	return dst
}

// own writes the IDs of what is pending for the first consumer.
func (at *streamWriter) own(dst []byte, end int) []byte {
	it := at.groups[0].Range(at.consumers[0], at.from, stream.MaxID)
	for len(dst) < end {
		if at.last || !it.Next() {
			at.consumers, at.state = at.consumers[1:], inConsumers
			return dst
		}
		dst = rdb.AppendPendingID(dst, rdbID(it.ID))
		at.passed(it.ID)
	}
	return dst
}
