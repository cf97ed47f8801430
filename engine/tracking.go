package engine

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"redix/engine/keyspace"
	"redix/engine/resp"
)

// Tracking: clients that keep copies of keys are told when those change. Two ways:
//
//	default    a read by such a client enters its keys in the table: key ─► numbers of the clients. A change of the key
//	           takes the entry out and tells those clients; they hear of the key again only after they have read it again.
//	broadcast  a client names prefixes. Changed keys are gathered for each prefix, and told at the end of the round.
//
// Changes come from Server.event. A message goes to the client itself (RESP3) or to the one that it redirects to; for the
// client whose command is running it comes after the reply, as all pushes do; what that client is told of its own changes
// comes last, wherever it is told.
//
// The table is bounded: over tracking-table-max-keys, or over tableKeyBytes for each of so many keys, keys are taken out
// at random and told as if they had changed. An entry is a block of the arena, reached by the hash of its key, so that the
// garbage collector has nothing to look at:
//
//	clients uint32 | room uint32 | key length uint32 | room × client number uint64, ascending | key
//
// Should two keys have the same hash, the newer one takes the place of the older, which is told as changed.

// TrackMode says how a client is tracked.
type TrackMode uint8

// The modes; none of them is the default mode.
const (
	TrackBcast   TrackMode = 1 << iota
	TrackOptIn             // only keys read right after CLIENT CACHING YES
	TrackOptOut            // not keys read right after CLIENT CACHING NO
	TrackNoLoop            // not keys that the client changes itself
	trackCaching           // CLIENT CACHING came
	trackBroken            // the client redirected to is gone
)

// tracking is what a tracked client has.
type tracking struct {
	mode       TrackMode
	redirect   *Client // nil: the client itself
	redirectID int64   // 0: the client itself
	prefixes   []string
	bytes      int // of the prefixes
}

const (
	trackHeader   = 12
	trackIDSize   = 8
	tableKeyBytes = 512
	tableBytesMin = 1 << 20
	trackBytes    = 32 // of an entry in the map of the table, at most, about
	// trackChannel is where a redirection to a RESP2 client goes.
	trackChannel = "__redis__:invalidate"
)

// trackTable is the table of the default mode.
type trackTable struct {
	at    map[uint64]keyspace.Ref
	items int64 // pairs of key and client
	bytes int64

	dead []map[uint64]keyspace.Ref // dropped as a whole, to be freed in slices
}

// deadBatch is how many entries are freed between two looks at the clock.
const deadBatch = 256

// broadcast is one prefix.
type broadcast struct {
	prefix  string
	clients []*Client
	keys    map[string]*Client // changed in this round, and who was the first; nil: nobody's command
}

// TrackingStats are the figures of INFO.
type TrackingStats struct {
	Clients, Keys, Prefixes int
	Items, Bytes            int64
}

// Tracking returns the figures.
func (s *Server) Tracking() TrackingStats {
	return TrackingStats{len(s.trackers), len(s.table.at), len(s.prefixes), s.table.items, s.table.bytes}
}

// Tracked returns how the client is tracked; ok is false when it is not.
func (c *Client) Tracked() (mode TrackMode, ok bool) {
	if c.track == nil {
		return 0, false
	}
	return c.track.mode & (TrackBcast | TrackOptIn | TrackOptOut | TrackNoLoop), true
}

// TrackCaching reports whether CLIENT CACHING is in force, TrackBroken whether the client that this one redirects to is gone.
func (c *Client) TrackCaching() bool { return c.track != nil && c.track.mode&trackCaching != 0 }

// TrackBroken reports whether the client that this one redirects to is gone.
func (c *Client) TrackBroken() bool { return c.track != nil && c.track.mode&trackBroken != 0 }

// SetCaching is CLIENT CACHING, for the next command or transaction.
func (c *Client) SetCaching() { c.track.mode |= trackCaching }

// TrackRedirect returns the number of the client that gets the messages, 0 for this one, -1 when it is not tracked.
func (c *Client) TrackRedirect() int64 {
	if c.track == nil {
		return -1
	}
	return c.track.redirectID
}

// TrackPrefixes returns the prefixes of a client in broadcast mode, in order.
func (c *Client) TrackPrefixes() []string {
	if c.track == nil {
		return nil
	}
	return c.track.prefixes
}

// Track turns tracking on, or changes its options; prefixes are added. to is the client that gets the messages, or nil.
func (c *Client) Track(mode TrackMode, to *Client, prefixes []string) {
	s := c.server
	if c.track == nil {
		c.track = &tracking{}
		s.trackers[c.ID] = c
	}
	t := c.track
	t.mode, t.redirect, t.redirectID = mode, to, 0
	if to != nil {
		t.redirectID = to.ID
	}
	if mode&TrackBcast != 0 {
		if len(prefixes) == 0 {
			prefixes = []string{""}
		}
		for _, p := range prefixes {
			s.addPrefix(c, p)
		}
		slices.Sort(t.prefixes)
	}
	s.listen()
}

// Untrack turns tracking off. What the table has of the client is forgotten as the keys change.
func (c *Client) Untrack() {
	if c.track == nil {
		return
	}
	s := c.server
	for _, p := range c.track.prefixes {
		b := s.prefixes[p]
		if b.clients = without(b.clients, c); len(b.clients) == 0 {
			delete(s.prefixes, p)
			if n := s.prefixLens[len(p)] - 1; n > 0 {
				s.prefixLens[len(p)] = n
			} else {
				delete(s.prefixLens, len(p))
			}
		}
	}
	c.track = nil
	delete(s.trackers, c.ID)
	if len(s.trackers) == 0 && len(s.table.at) > 0 {
		s.table.drop()
	}
	s.listen()
}

func (s *Server) addPrefix(c *Client, prefix string) {
	b := s.prefixes[prefix]
	if b == nil {
		b = &broadcast{prefix: prefix}
		s.prefixes[prefix] = b
		s.prefixLens[len(prefix)]++
	}
	if slices.Contains(b.clients, c) {
		return
	}
	b.clients = append(b.clients, c)
	c.track.prefixes = append(c.track.prefixes, prefix)
	c.track.bytes += len(prefix) + prefixBytes
}

// rememberKeys enters the keys of a read in the table.
func (s *Server) rememberKeys(c *Client, row *Row, args Args) {
	m := c.track.mode
	if m&TrackBcast != 0 || m&TrackOptIn != 0 && m&trackCaching == 0 || m&TrackOptOut != 0 && m&trackCaching != 0 {
		return
	}
	s.eachKey(row, args, func(key []byte) { s.table.remember(s, c.ID, key) })
}

// entry is a view of a block of the table.
type trackEntry struct{ b []byte }

func (e trackEntry) count() int { return int(binary.LittleEndian.Uint32(e.b)) }
func (e trackEntry) room() int  { return int(binary.LittleEndian.Uint32(e.b[4:])) }
func (e trackEntry) id(i int) int64 {
	return int64(binary.LittleEndian.Uint64(e.b[trackHeader+i*trackIDSize:]))
}
func (e trackEntry) key() []byte {
	at := trackHeader + e.room()*trackIDSize
	return e.b[at : at+int(binary.LittleEndian.Uint32(e.b[8:]))]
}

// find returns the place of a client, and whether it is there.
func (e trackEntry) find(id int64) (int, bool) {
	n := e.count()
	i := sort.Search(n, func(i int) bool { return e.id(i) >= id })
	return i, i < n && e.id(i) == id
}

// alloc makes a block with room for so many clients.
func (t *trackTable) alloc(a *keyspace.Arena, room int, key []byte) (keyspace.Ref, trackEntry) {
	r := a.Alloc(trackHeader + room*trackIDSize + len(key))
	e := trackEntry{a.Block(r)}
	binary.LittleEndian.PutUint32(e.b, 0)
	binary.LittleEndian.PutUint32(e.b[4:], uint32(room))
	binary.LittleEndian.PutUint32(e.b[8:], uint32(len(key)))
	copy(e.b[trackHeader+room*trackIDSize:], key)
	t.bytes += int64(a.Size(r))
	return r, e
}

func (t *trackTable) free(a *keyspace.Arena, r keyspace.Ref) {
	t.bytes -= int64(a.Size(r))
	a.Free(r) // a key of megabytes has a mapping of its own: as long as its reader took
}

// drop empties the table.
func (t *trackTable) drop() {
	t.dead = append(t.dead, t.at)
	t.at, t.items = map[uint64]keyspace.Ref{}, 0
}

// freeDead frees some entries of a table that was dropped.
func (s *Server) freeDead() {
	t := &s.table
	n := 0
	for h, r := range t.dead[0] {
		delete(t.dead[0], h)
		t.bytes -= int64(s.Keyspace.Arena().Size(r))
		s.Keyspace.FreeLater(r)
		if n++; n == deadBatch {
			return
		}
	}
	t.dead = t.dead[1:]
}

func (t *trackTable) remember(s *Server, id int64, key []byte) {
	a, h := s.Keyspace.Arena(), s.Keyspace.Hash(key)
	r, ok := t.at[h]
	var e trackEntry
	if ok {
		if e = (trackEntry{a.Block(r)}); !bytes.Equal(e.key(), key) {
			s.takeOut(h, r, true)
			ok = false
		}
	}
	if !ok {
		r, e = t.alloc(a, 1, key)
		t.at[h] = r
	}
	i, there := e.find(id)
	if there {
		return
	}
	n := e.count()
	if n == e.room() {
		old := r
		var grown trackEntry
		r, grown = t.alloc(a, 2*n, key)
		copy(grown.b[trackHeader:], e.b[trackHeader:trackHeader+n*trackIDSize])
		t.free(a, old)
		t.at[h], e = r, grown
	}
	ids := e.b[trackHeader : trackHeader+(n+1)*trackIDSize]
	copy(ids[(i+1)*trackIDSize:], ids[i*trackIDSize:])
	binary.LittleEndian.PutUint64(ids[i*trackIDSize:], uint64(id))
	binary.LittleEndian.PutUint32(e.b, uint32(n+1))
	t.items++
}

// takeOut removes an entry and, with tell, tells its clients that the key has changed.
func (s *Server) takeOut(h uint64, r keyspace.Ref, tell bool) {
	a := s.Keyspace.Arena()
	e := trackEntry{a.Block(r)}
	delete(s.table.at, h)
	n := e.count()
	s.table.items -= int64(n)
	if tell {
		m := invalidation{keys: [][]byte{e.key()}}
		for i := range n {
			c := s.trackers[e.id(i)]
			if c == nil || c.track.mode&TrackBcast != 0 || c.track.mode&TrackNoLoop != 0 && c == s.current {
				continue
			}
			s.invalidate(c, &m)
		}
		s.fanout += n // who changes keys of many clients waits its turn, as who publishes to many does
	}
	s.table.free(a, r)
}

// keyInvalid is told of every change of a key, by the command that runs; own is false when it is nobody's: expiry, eviction.
func (s *Server) keyInvalid(key []byte, own bool) {
	for n := range s.prefixLens {
		if n > len(key) {
			continue
		}
		if b := s.prefixes[string(key[:n])]; b != nil {
			if b.keys == nil {
				b.keys = map[string]*Client{}
				s.toBroadcast = append(s.toBroadcast, b)
			}
			if _, ok := b.keys[string(key)]; !ok {
				var by *Client
				if own {
					by = s.current
				}
				b.keys[string(key)] = by
			}
		}
	}
	if len(s.table.at) == 0 {
		return
	}
	h := s.Keyspace.Hash(key)
	if r, ok := s.table.at[h]; ok && bytes.Equal(trackEntry{s.Keyspace.Arena().Block(r)}.key(), key) {
		s.takeOut(h, r, true)
	}
}

// Flushed tells all tracked clients that every key may have changed: after FLUSHALL and FLUSHDB.
func (s *Server) Flushed() {
	if len(s.trackers) == 0 {
		return
	}
	m := invalidation{}
	s.Clients(func(c *Client) bool { // in the order of their connection
		if c.track != nil {
			s.invalidate(c, &m)
		}
		return true
	})
	s.table.drop()
}

// broadcastKeys tells the keys that have changed in this round to the clients of their prefixes.
func (s *Server) broadcastKeys() {
	slices.SortFunc(s.toBroadcast, func(a, b *broadcast) int { return cmp.Compare(a.prefix, b.prefix) })
	for _, b := range s.toBroadcast {
		names := make([]string, 0, len(b.keys))
		for k := range b.keys {
			names = append(names, k)
		}
		slices.Sort(names)
		all := invalidation{keys: make([][]byte, len(names))}
		for i, k := range names {
			all.keys[i] = []byte(k)
		}
		for _, c := range slices.Clone(b.clients) { // one that does not read may be disconnected
			if c.track == nil {
				continue
			}
			if c.track.mode&TrackNoLoop == 0 {
				s.invalidate(c, &all)
				continue
			}
			var others invalidation
			for i, k := range names {
				if b.keys[k] != c {
					others.keys = append(others.keys, all.keys[i])
				}
			}
			if len(others.keys) > 0 {
				s.invalidate(c, &others)
			}
		}
		b.keys = nil
	}
	clear(s.toBroadcast)
	s.toBroadcast = s.toBroadcast[:0]
}

// invalidation is a message, encoded once for each form. Without keys it means all.
type invalidation struct {
	keys    [][]byte
	encoded [2][]byte // published in RESP2, pushed in RESP3
}

func (m *invalidation) in(proto int) []byte {
	b := &m.encoded[proto-2]
	if *b != nil {
		return *b
	}
	r := resp.Reply{Proto: proto}
	if proto == 3 {
		r.Push(2)
		r.BulkString("invalidate")
	} else {
		r.Array(3)
		r.BulkString("message")
		r.BulkString(trackChannel)
	}
	if m.keys == nil {
		r.Null()
	} else {
		r.Array(len(m.keys))
		for _, k := range m.keys {
			r.Bulk(k)
		}
	}
	*b = r.B
	return *b
}

// invalidate sends a message to a client or to the one that it redirects to. A RESP2 client understands it only as a
// subscriber, and only of another's keys.
func (s *Server) invalidate(c *Client, m *invalidation) {
	t, to := c.track, c
	if t.redirect != nil {
		if to = t.redirect; to.closed {
			t.mode |= trackBroken
			if c.Proto == 3 {
				r := resp.Reply{Proto: 3}
				r.Push(2)
				r.BulkString("tracking-redir-broken")
				r.Int(t.redirectID)
				s.push(c, r.B)
			}
			return
		}
	}
	if to.Proto != 3 && (t.redirect == nil || !to.Subscriber()) {
		return
	}
	if c == s.current {
		s.owed = append(s.owed, lateMessage{to, m.in(to.Proto)})
		return
	}
	s.push(to, m.in(to.Proto))
}

// pushOwed sends what the client whose command has ended is told itself of its changes: after what that command has told
// others, which shows when one client hears of both.
func (s *Server) pushOwed() {
	for _, m := range s.owed {
		s.push(m.c, m.b)
	}
	clear(s.owed)
	s.owed = s.owed[:0]
}

// tableFull reports whether the table is over its bounds.
func (s *Server) tableFull() bool {
	n := len(s.table.at)
	limit := s.Config.TrackingTableMaxKeys
	return n > 0 && limit > 0 && (n > limit || s.table.bytes > max(tableBytesMin, int64(limit)*tableKeyBytes))
}

// trimTable takes random keys out of a full table, and frees dropped ones, for about a slice. It returns true when more
// have to go.
func (s *Server) trimTable() bool {
	end := s.nanotime() + sliceNs
	for s.nanotime() < end && (s.tableFull() || len(s.table.dead) > 0) {
		if !s.tableFull() {
			s.freeDead()
			continue
		}
		for range 16 {
			for h, r := range s.table.at { // a map's iteration starts at a random place
				s.takeOut(h, r, true)
				break
			}
			if !s.tableFull() {
				break
			}
		}
	}
	return s.tableFull() || len(s.table.dead) > 0
}
