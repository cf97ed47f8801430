package engine

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"redix/engine/acl"
	"redix/engine/config"
)

// Rows are what the server knows of its commands. Each is declared once, beside its handler; COMMAND, COMMAND DOCS,
// arity errors, key extraction and the gates of call read nothing else.

// Args are a command's words, its name first. They point into the query buffer and die when the handler returns.
type Args = [][]byte

// Handler runs a command. It replies through c.Reply exactly once.
type Handler func(c *Client, args Args)

// Flags say how a command may be used; the words of COMMAND INFO.
type Flags uint32

// The flags, named as in COMMAND INFO.
const (
	Write Flags = 1 << iota
	Readonly
	DenyOOM
	Admin
	Pubsub
	Noscript
	Blocking
	Loading // may run while the journal is being loaded
	Stale
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth       // may run before authentication
	MayReplicate // waits during CLIENT PAUSE WRITE as a write does (COMMAND INFO does not say so)
	NoAsyncLoading
	NoMulti
	MovableKeys
	AllowBusy
	RunsInMulti  // runs at once inside MULTI (engine only): EXEC, DISCARD
	EndsMulti    // drops the transaction when it is refused (engine only): EXEC
	InSubscriber // allowed to a RESP2 client that has subscriptions (engine only)
	Brief        // as short as a Fast command, though COMMAND INFO does not say so (engine only): SET
	ForServers   // for the use of other servers: "syscmd" of COMMAND DOCS (engine only): REPLCONF
	KeepsCaching // CLIENT CACHING stays in force after it (engine only): CLIENT
	NeedsDisk    // refused as a write is while the disk fails, so that whoever watches the server hears of it (engine only): PING
	AllKeys      // reads or changes keys that its arguments do not name (engine only): KEYS, FLUSHALL
)

// FlagNames gives the words of COMMAND INFO in their order; those of the engine have none.
var FlagNames = []struct {
	Flag Flags
	Name string
}{
	{Write, "write"}, {Readonly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"}, {Pubsub, "pubsub"},
	{Noscript, "noscript"}, {Blocking, "blocking"}, {Loading, "loading"}, {Stale, "stale"},
	{SkipMonitor, "skip_monitor"}, {SkipSlowlog, "skip_slowlog"}, {Asking, "asking"}, {Fast, "fast"},
	{NoAuth, "no_auth"}, {NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"}, {MovableKeys, "movablekeys"}, {AllowBusy, "allow_busy"},
}

// KeySpec tells where a command's keys are, as COMMAND INFO's key specifications do.
type KeySpec struct {
	Flags string // "RO access", "RW update", "OW update" ...
	Note  string // prose for who reads COMMAND INFO: why the flags are more, or the place less, than one would think

	Index   int    // the first key's place, from 1; 0: search Keyword
	Keyword string // the first key comes after this word, looked for from StartFrom on
	Start   int
	// EachKeyword finds one key behind every occurrence of Keyword, where a command takes the last of them. What stands behind
	// another option's word is found, too: a key too many is checked rather than one too few.
	EachKeyword bool

	Last int // of a range: last key relative to the first; negative counts from the end
	Step int // of a range
	Lim  int

	NumKeys  bool // the keys are counted by a number at the first place + KeyNum
	KeyNum   int
	FirstKey int // relative to the first place

	Incomplete bool // the specification does not cover all keys

	// Find returns the place of the key, 0 for none, in a specification that says nothing else and is unknown to clients.
	Find func(args Args) int
}

// OneKey is a key at a fixed place.
func OneKey(index int, flags string) []KeySpec {
	return []KeySpec{{Flags: flags, Index: index, Last: 0, Step: 1}}
}

// NotedKeys are keys with a note to each specification.
func NotedKeys(keys []KeySpec, note string) []KeySpec {
	for i := range keys {
		keys[i].Note = note
	}
	return keys
}

// KeyRange is keys from place first to place last (negative: from the end), every step-th word.
func KeyRange(first, last, step int, flags string) []KeySpec {
	if last > 0 {
		last -= first
	}
	return []KeySpec{{Flags: flags, Index: first, Last: last, Step: step}}
}

// Row is one command, or one subcommand of a container.
type Row struct {
	Name  string // lower case; of a subcommand only its own word
	Arity int    // number of words with the name (and the container's); negative: at least
	Flags Flags
	Keys  []KeySpec

	Categories string // ACL categories that do not follow from flags and group: "dangerous keyspace"
	Group      string // of COMMAND DOCS: "string", "hash", "generic", "connection", "server"
	Since      string
	Complexity string
	Summary    string
	Syntax     string   // the arguments in redis-cli's notation: "key value [NX | XX] [EX seconds | PX milliseconds]"
	History    []string // "6.2.0: Added the GET option."
	Hints      string   // command tips, separated by spaces
	Replaced   string   // deprecated in favour of; with DeprecatedSince
	Deprecated string   // version
	Subs       []Row    // of a container; Handler then serves the bare container if it may be called so

	Channels ChannelSpec // channels among the arguments
	Guard    *Guard      // of a command that is closed unless a directive opens it; of a container's, on its subcommands

	// KeyFlags gives the flags of the keys of a certain call, where they depend on its arguments ("variable_flags").
	KeyFlags func(args Args) string
	Handler  Handler
	// Lane is set where a call may read or write files away from the loop; Ahead, where it reads: Handler then calls RunAhead.
	Lane  Lane
	Ahead Ahead

	// Filled in by NewTable.
	FullName string // "config|get"
	Parent   *Row
	FirstKey int // place of the first key for routing, 0 none
	onlyKey  int // place of the only key, 0 if there may be several or its place depends on the arguments
	plainMin int // words that it may have to take the short way (plain.go): none if it may not
	plainMax int
	ACL      *acl.Command
	perms    []acl.Perm // of Keys
	Stats    CallStats
	Latency  *Histogram // nil until it has been called under latency-tracking
	Renamed  bool       // rename-command: what is journalled has Name all the same
	folded   foldedName
}

// Guard is a directive that opens a command.
type Guard struct {
	Directive string
	Access    func(v *config.Values) config.Access
}

// CallStats counts the calls of one command.
type CallStats struct {
	Calls    int64
	Ns       int64 // time in the handler
	Rejected int64 // refused before the handler ran
	Failed   int64 // the handler replied with an error
}

// foldedName is a name of up to 23 bytes in lower case, with its length in the last byte: three words to compare at once.
type foldedName [3]uint64

const tableSlots = 2048

// Table finds rows by name. Names are case-insensitive.
type Table struct {
	Rows    []*Row
	Catalog acl.Catalog // all rows, for ACL rules
	slots   [tableSlots]*Row
	long    map[string]*Row // by names that no slot takes: rename-command makes them
	subs    map[*Row]map[string]*Row
	own     map[string]*Row // by the names that they were declared with; nil as long as these are all in use
}

// NewTable joins copies of the groups of rows. It panics on a duplicate: that is a mistake in the table, found by any
// test.
func NewTable(groups ...[]Row) *Table {
	t := &Table{subs: map[*Row]map[string]*Row{}}
	for _, g := range groups {
		for _, r := range g {
			r.Subs = slices.Clone(r.Subs)
			t.add(&r)
		}
	}
	return t
}

func (t *Table) add(r *Row) {
	r.FullName = r.Name
	r.setup()
	if t.Lookup([]byte(r.Name)) != nil {
		panic("engine: two commands named " + r.Name)
	}
	t.Rows = append(t.Rows, r)
	t.insert(r, r.Name)
	r.enroll(&t.Catalog)
	if r.Subs == nil {
		return
	}
	m := map[string]*Row{}
	for i := range r.Subs {
		s := &r.Subs[i]
		s.Parent, s.FullName, s.Group = r, r.Name+"|"+s.Name, r.Group
		s.setup()
		s.enroll(&t.Catalog)
		m[s.Name] = s
	}
	t.subs[r] = m
}

// insert makes a row known by a name.
func (t *Table) insert(r *Row, name string) {
	w, ok := foldName([]byte(name))
	if !ok {
		if t.long == nil {
			t.long = map[string]*Row{}
		}
		t.long[strings.ToLower(name)] = r
		return
	}
	r.folded = w
	i := w.hash()
	for t.slots[i] != nil {
		i = (i + 1) % tableSlots
	}
	t.slots[i] = r
}

// Rename makes a command known by another name only, or by none if that is empty. ACL rules and the journal keep to the
// name that it was declared with.
func (t *Table) Rename(from, to string) error {
	r := t.Lookup([]byte(from))
	if r == nil {
		return fmt.Errorf("there is no command '%s' to rename", from)
	}
	if to != "" && t.Lookup([]byte(to)) != nil {
		return fmt.Errorf("there is a command '%s' already", to)
	}
	if t.own == nil {
		t.own = map[string]*Row{}
		for _, row := range t.Rows {
			t.own[row.Name] = row
		}
	}
	slots := t.slots
	t.slots = [tableSlots]*Row{}
	for _, other := range slots { // taking one out of the middle of a chain of slots would cut it
		if other != nil && other != r {
			i := other.folded.hash()
			for t.slots[i] != nil {
				i = (i + 1) % tableSlots
			}
			t.slots[i] = other
		}
	}
	delete(t.long, strings.ToLower(from))
	t.Rows = slices.DeleteFunc(t.Rows, func(other *Row) bool { return other == r })
	r.Renamed = true
	if to != "" {
		t.Rows = append(t.Rows, r)
		t.insert(r, to)
	}
	return nil
}

// LookupOwn returns the row of a command by the name that it was declared with, in any case, or nil.
func (t *Table) LookupOwn(name []byte) *Row {
	if t.own == nil {
		return t.Lookup(name)
	}
	return t.own[strings.ToLower(string(name))]
}

func (r *Row) setup() {
	if len(r.Keys) > 0 && r.Keys[0].Index > 0 && !r.Keys[0].NumKeys {
		r.FirstKey = r.Keys[0].Index
	}
	r.setPlain()
	if k := r.Keys; len(k) == 1 && r.FirstKey > 0 && r.Flags&AllKeys == 0 && k[0].Last == 0 && !k[0].EachKeyword && k[0].Keyword == "" {
		r.onlyKey = r.FirstKey
	}
}

// Lookup returns the row of a command, or nil.
func (t *Table) Lookup(name []byte) *Row {
	w, ok := foldName(name)
	if !ok {
		if t.long == nil {
			return nil
		}
		return t.long[strings.ToLower(string(name))]
	}
	for i := w.hash(); t.slots[i] != nil; i = (i + 1) % tableSlots {
		if t.slots[i].folded == w {
			return t.slots[i]
		}
	}
	return nil
}

// LookupSub returns the row of a container's subcommand, or nil.
func (t *Table) LookupSub(r *Row, name []byte) *Row {
	var buf [32]byte
	if len(name) > len(buf) {
		return nil
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return t.subs[r][string(buf[:len(name)])]
}

func foldName(name []byte) (w foldedName, ok bool) {
	if len(name) > 23 {
		return w, false
	}
	w[2] = uint64(len(name)) << 56
	at := 0
	for ; len(name) >= 8; name = name[8:] {
		w[at] = lower8(binary.LittleEndian.Uint64(name))
		at++
	}
	var rest uint64
	for i := len(name) - 1; i >= 0; i-- {
		rest = rest<<8 | uint64(name[i])
	}
	w[at] |= lower8(rest)
	return w, true
}

// lower8 makes eight bytes lower case at once. The sums have the top bit of each byte set from 'A' on, and from past 'Z' on.
func lower8(x uint64) uint64 {
	const each, top = 0x0101010101010101, 0x8080808080808080
	low := x &^ top
	upper := (low + (0x80-'A')*each) &^ (low + (0x80-'Z'-1)*each) &^ x & top
	return x | upper>>2
}

func (w foldedName) hash() int {
	return int((w[0]*0x9e3779b97f4a7c15 ^ w[1]*0xc2b2ae3d27d4eb4f ^ w[2]) >> 53)
}
