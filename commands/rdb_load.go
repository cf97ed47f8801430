package commands

import (
	"redix/engine"
	"redix/engine/intset"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/persistence/rdb"
)

// From RDB to entries: what loading a snapshot and RESTORE build. The encoding follows from the configuration, as if the
// elements came by commands, not from the type in the file.
//
// A value is built apart and becomes an entry when it is complete: half of one is never seen.

// EntryBuilder builds entries from what a rdb.Reader passes. It belongs to the loop.
type EntryBuilder struct {
	made, expired, empty int64
	keys                 [][]byte // of the items at hand
	sink                 byte     // means nothing: see keyspace.DB.PrefetchNew

	server      *engine.Server
	nowMs       int64
	keepExpired bool
	merge       bool
	apart       bool // values do not become entries by themselves: see restore

	// The key.
	db       *keyspace.DB
	key      []byte
	deadline int64
	access   keyAccess
	skip     bool // its value is not wanted

	// Its value, as it will be kept: one of blob, object, block.
	kind   rdb.Kind
	enc    keyspace.Encoding
	count  int    // elements
	blob   []byte // reused
	object keyspace.Object
	block  keyspace.Ref // of a large string
	size   int          // that it will have
	filled int          // bytes that it has

	seen    seenHashes
	members []heldMember // of a sorted set, while it is small
	names   []byte       // of members
	stream  streamBuilder
}

// keyAccess is what a file tells of the last access to a key.
type keyAccess struct {
	idle int64
	freq int
}

// NewEntryBuilder returns a builder for a server's keyspace. keepExpired takes in keys whose deadline has passed, too: the
// commands that follow in a journal may count on them. With merge they replace keys that are there; without it those are an error.
func NewEntryBuilder(s *engine.Server, keepExpired, merge bool) *EntryBuilder {
	return &EntryBuilder{server: s, db: s.Keyspace.DB(0), nowMs: s.NowMs, keepExpired: keepExpired, merge: merge}
}

// PutAll takes some items, in order. An error is final, and i the place of the item that it is about.
func (b *EntryBuilder) PutAll(items []rdb.Item) (i int, err error) {
	keys := b.keys[:0]
	for i := range items {
		if items[i].Op == rdb.OpKey {
			keys = append(keys, items[i].Name)
		}
	}
	b.sink += b.db.PrefetchNew(keys)
	clear(keys)
	b.keys = keys[:0]
	for i := range items {
		if err := b.Put(&items[i]); err != nil {
			return i, err
		}
	}
	return len(items), nil
}

// Made tells how many entries it has made, and how many were left out: those whose time is over, those without elements.
func (b *EntryBuilder) Made() (keys, expired, empty int64) { return b.made, b.expired, b.empty }

// Put takes one item. An error is final.
func (b *EntryBuilder) Put(it *rdb.Item) error {
	switch it.Op {
	case rdb.OpKey:
		return b.begin(it)
	case rdb.OpSelectDB:
		if it.N >= uint64(b.server.Keyspace.Len()) {
			return rdb.Wrong("a database beyond those that there are (see databases)")
		}
		b.db = b.server.Keyspace.DB(int(it.N))
		return nil
	case rdb.OpAux, rdb.OpResizeDB, rdb.OpFunction:
		return nil
	case rdb.OpPart:
		return b.part(it)
	case rdb.OpEnd:
		return b.end()
	}
	if b.skip {
		return nil
	}
	return b.element(it)
}

func (b *EntryBuilder) element(it *rdb.Item) error {
	b.count++
	switch it.Op {
	case rdb.OpElem:
		if b.kind == rdb.KindList {
			b.object.(*list.List).PushBack(it.Data, b.listLimit())
			return nil
		}
		return b.addMember(it.Data)
	case rdb.OpField:
		return b.addField(it.Name, it.Data)
	case rdb.OpMember:
		return b.addScored(it.Name, it.Score)
	}
	return b.stream.put(b, it)
}

// begin starts a value; a short string is made an entry at once.
func (b *EntryBuilder) begin(it *rdb.Item) error {
	b.skip = false
	if b.apart {
		return b.beginValue(it)
	}
	b.access = keyAccess{it.Idle, it.Freq}
	b.deadline = it.DeadlineMs
	if b.deadline != 0 && b.deadline < b.nowMs && !b.keepExpired {
		b.expired++
		b.skip = true
		return nil
	}
	if it.Kind == rdb.KindString && !it.More {
		e, found := b.db.Find(it.Name)
		if found && !b.merge {
			return errKeyTwice
		}
		b.db.SetString(&e, it.Name, it.Data, b.deadline)
		b.noteMade(&e)
		return nil
	}
	b.key = append(b.key[:0], it.Name...)
	return b.beginValue(it)
}

const (
	errKeyTwice   = rdb.Wrong("a key that was there before")
	errFieldTwice = rdb.Wrong("a field that comes twice")
	errElemTwice  = rdb.Wrong("a member that comes twice")
)

// beginValue starts a value that becomes an entry later.
func (b *EntryBuilder) beginValue(it *rdb.Item) error {
	ks, cfg := b.server.Keyspace, b.server.Config
	b.kind, b.count = it.Kind, 0
	b.object, b.block, b.blob = nil, 0, append(b.blob[:0], emptyBlob...)
	b.seen.reset()
	b.members, b.names = b.members[:0], b.names[:0]
	switch it.Kind {
	case rdb.KindString:
		return b.beginString(it)
	case rdb.KindList:
		b.enc, b.object = keyspace.EncListChunks, list.New(ks)
	case rdb.KindHash:
		b.enc = keyspace.EncHashPacked
	case rdb.KindZset:
		b.enc = keyspace.EncZsetPacked
	case rdb.KindSet:
		switch {
		case it.Type == rdb.TypeSetListpack:
			b.enc = keyspace.EncSetPacked
		case it.N > uint64(max(cfg.SetMaxIntsetEntries, packedFields)):
			b.enc, b.object = keyspace.EncSetTable, ks.NewTable()
		default:
			b.enc, b.blob = keyspace.EncSetInts, intset.Empty(b.blob[:0])
		}
	case rdb.KindStream:
		b.enc = keyspace.EncStream
		b.stream.begin(b)
	}
	return nil
}

// beginString takes a string whole, or its start into a block of the arena.
func (b *EntryBuilder) beginString(it *rdb.Item) error {
	if !it.More {
		b.enc, b.blob = keyspace.EncRaw, append(b.blob[:0], it.Data...)
		return nil
	}
	b.enc, b.size, b.filled = keyspace.EncLarge, int(it.N), 0
	b.block = b.server.Keyspace.Arena().Alloc(min(b.size, largeStart))
	b.append(it.Data)
	return nil
}

// largeStart is the room for a large string before its bytes have come. It is a mapping, which can grow.
const largeStart = 1 << 20

func (b *EntryBuilder) append(data []byte) {
	a := b.server.Keyspace.Arena()
	if need := b.filled + len(data); need > a.Size(b.block) {
		a.Grow(b.block, min(2*need, b.size))
	}
	b.filled += copy(a.Block(b.block)[b.filled:], data)
}

// part goes on with a large string.
func (b *EntryBuilder) part(it *rdb.Item) error {
	if b.skip {
		return nil
	}
	if b.append(it.Data); it.More {
		return nil
	}
	return b.end()
}

// end completes a value.
func (b *EntryBuilder) end() error {
	if b.skip {
		return nil
	}
	if b.count == 0 && b.kind != rdb.KindString && b.kind != rdb.KindStream {
		b.Drop()
		if b.apart {
			return rdb.Wrong("a value without elements")
		}
		b.empty++
		return nil
	}
	switch b.kind {
	case rdb.KindList:
		b.finishList()
	case rdb.KindZset:
		if err := b.finishZset(); err != nil {
			return err
		}
	case rdb.KindStream:
		if err := b.stream.finish(); err != nil {
			return err
		}
	}
	if b.apart {
		return nil
	}
	e, found := b.db.Find(b.key)
	if found && !b.merge {
		return errKeyTwice
	}
	b.store(b.db, &e, b.key, b.deadline)
	b.noteMade(&e)
	return nil
}

// store makes the value that is complete that of an entry, whatever it held.
func (b *EntryBuilder) store(db *keyspace.DB, e *keyspace.Entry, key []byte, deadline int64) {
	switch {
	case b.block != 0:
		db.AdoptLarge(e, key, b.block, b.filled, deadline)
	case b.object != nil:
		db.SetObject(e, key, b.enc, b.object, deadline)
	case b.kind == rdb.KindString:
		db.SetString(e, key, b.blob, deadline)
	default:
		db.SetPacked(e, key, b.enc, b.blob, deadline)
	}
	b.object, b.block = nil, 0
}

// noteMade is called for each entry made: it notes the last access.
func (b *EntryBuilder) noteMade(e *keyspace.Entry) {
	b.made++
	b.access.note(b.server, e)
}

// note gives an entry the last access, or the frequency of accesses, told.
func (a keyAccess) note(s *engine.Server, e *keyspace.Entry) {
	if a.freq >= 0 {
		s.SetFrequency(e, uint8(a.freq))
	}
	if a.idle >= 0 {
		s.SetIdleSeconds(e, a.idle)
	}
}

// Drop gives up the value in the making, or one that has not become an entry's.
func (b *EntryBuilder) Drop() {
	ks := b.server.Keyspace
	if b.object != nil {
		ks.DropObject(b.object)
	}
	if b.block != 0 {
		ks.FreeLater(b.block)
	}
	b.object, b.block = nil, 0
}
