package keyspace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"redix/engine/seeds"
)

// The keyspace against Go maps: a string of bytes is read as operations, each is done to both, and both must agree. The
// model loses an expired entry when the keyspace says so (Observer), and the keyspace may not say so too early, nor
// keep one when asked.

type modelEntry struct {
	kind     byte // 's' string, 'p' packed, 't' table
	value    string
	fields   map[string]string
	deadline int64
}

func (m *modelEntry) clone() *modelEntry {
	n := *m
	n.fields = maps.Clone(m.fields)
	return &n
}

type modelDB map[string]*modelEntry

func (m modelDB) clone() modelDB {
	n := modelDB{}
	for k, e := range m {
		n[k] = e.clone()
	}
	return n
}

const modelDBs = 3

type machine struct {
	t     testing.TB
	ks    *Keyspace
	model [modelDBs]modelDB
	in    []byte
	steps int
	last  string // what was done last, for messages
	// latestMs is how far the wheels have turned: they do not turn back with the clock, and what is added
	// before that time waits for it.
	latestMs int64

	shot      *Snapshot
	saver     modelSaver
	shotModel [modelDBs]modelDB // what the snapshot must give out
	shotSeen  [modelDBs]modelDB
	expiredIn [modelDBs]map[string]bool // keys that a snapshot may leave out
}

func newMachine(t testing.TB, in []byte) *machine {
	m := &machine{t: t, in: in}
	m.ks = New(modelDBs, 1000, m)
	m.ks.partBytes = 4500 // a segment and some fields
	m.tick(0)
	for i := range m.model {
		m.model[i] = modelDB{}
	}
	return m
}

// Expired is the Observer.
func (m *machine) Created(*DB, []byte) {}

func (m *machine) Expired(db *DB, key []byte) {
	e := m.model[db.ID][string(key)]
	if e == nil || e.deadline == 0 || e.deadline >= m.ks.NowMs {
		m.fail("key %q of database %d expired at %d; the model has %+v", key, db.ID, m.ks.NowMs, e)
	}
	if m.shot != nil && !m.shot.keepExpired { // whichever database it was in
		for i := range m.shotModel {
			if old := m.shotModel[i][string(key)]; old != nil && old.deadline == e.deadline {
				m.expiredIn[i][string(key)] = true
			}
		}
	}
	delete(m.model[db.ID], string(key))
}

func (m *machine) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("step %d, %s: %s", m.steps, m.last, fmt.Sprintf(format, args...))
}

// number takes n bytes off the input; missing ones are 0.
func (m *machine) number(n int) uint64 {
	var b [8]byte
	m.in = m.in[copy(b[:n], m.in):]
	return binary.LittleEndian.Uint64(b[:])
}

func (m *machine) pick(n int) int { return int(m.number(2)) % n }

func (m *machine) db() *DB { return m.ks.DB(m.pick(modelDBs)) }

// key is one of some hundred, a few of them long.
func (m *machine) key() []byte {
	n := m.pick(300)
	switch {
	case n == 0:
		return []byte{}
	case n%50 == 1:
		return []byte(strings.Repeat("long", 40+n) + fmt.Sprint(n))
	}
	return fmt.Appendf(nil, "key:%d", n)
}

// value is a string of one of the sizes between which encodings change.
func (m *machine) value() []byte {
	c := byte('a' + m.pick(26))
	switch m.pick(24) {
	case 0:
		return []byte{}
	case 1, 2, 3:
		return fmt.Appendf(nil, "%d", int64(m.number(8)))
	case 4:
		return fmt.Appendf(nil, "0%d", m.number(2))
	case 5, 6:
		return bytes.Repeat([]byte{c}, 40+m.pick(10))
	case 7, 8:
		return bytes.Repeat([]byte{c}, 250+m.pick(12))
	case 9:
		return bytes.Repeat([]byte{c}, 1000+m.pick(2000))
	case 10:
		return bytes.Repeat([]byte{c}, largeMin-2+m.pick(4))
	case 11:
		return bytes.Repeat([]byte{c}, maxSlabBlok-100+m.pick(20000))
	}
	return bytes.Repeat([]byte{c}, 1+m.pick(30))
}

func (m *machine) deadline() int64 {
	switch m.pick(5) {
	case 0:
		return m.ks.NowMs + int64(m.pick(50))
	case 1:
		return m.ks.NowMs + int64(m.number(4))
	case 2:
		return max(1, m.ks.NowMs-int64(m.pick(20)))
	}
	return 0
}

// lookup looks a key up in both.
func (m *machine) lookup(db *DB, key []byte) (Entry, *modelEntry) {
	m.t.Helper()
	e, ok := db.Lookup(key)
	want := m.model[db.ID][string(key)]
	if want != nil && want.deadline != 0 && want.deadline < m.ks.NowMs {
		m.fail("Lookup left key %q, deadline %d, at %d", key, want.deadline, m.ks.NowMs)
	}
	if ok != (want != nil) || ok != e.Found() {
		m.fail("Lookup(%q) in %d: %v, model %+v", key, db.ID, ok, want)
	}
	if ok {
		m.compare(&e, want)
	}
	return e, want
}

// compare checks one entry against the model's.
func (m *machine) compare(e *Entry, want *modelEntry) {
	m.t.Helper()
	if problem := difference(e, want); problem != "" {
		m.fail("key %.60q in %d: %s", e.Key(), e.DB().ID, problem)
	}
}

func difference(e *Entry, want *modelEntry) string {
	if e.Deadline() != want.deadline {
		return fmt.Sprintf("deadline %d, model %d", e.Deadline(), want.deadline)
	}
	var digits [20]byte
	switch want.kind {
	case 's':
		if e.Type() != TypeString || string(e.Bytes(digits[:])) != want.value || e.StringLen() != len(want.value) {
			return fmt.Sprintf("type %d, encoding %d, length %d; model %.40q, length %d",
				e.Type(), e.Encoding(), e.StringLen(), want.value, len(want.value))
		}
	case 'p':
		if e.Type() != TypeHash || string(e.Value()) != want.value {
			return "packed value differs"
		}
	case 't':
		if e.Encoding() != EncHashTable {
			return fmt.Sprintf("encoding %d, model has a table", e.Encoding())
		}
		got := map[string]string{}
		e.DB().Table(e).Each(func(f, v []byte) { got[string(f)] = string(v) })
		if !maps.Equal(got, want.fields) {
			return fmt.Sprintf("%d fields, model %d", len(got), len(want.fields))
		}
	}
	return ""
}

// run does operations until the input is used up, and then takes everything down again.
func (m *machine) run() {
	for ; len(m.in) > 0; m.steps++ {
		op := m.pick(len(operations))
		m.last = operations[op].name
		operations[op].do(m)
		if m.steps%512 == 511 {
			m.checkAll()
		}
	}
	m.last = "end"
	m.checkAll()
	m.takeDown()
}

func (m *machine) checkAll() {
	m.ks.Choose(Oldest, false, 5, 0) // the ghosts of S3-FIFO are no entry's
	if m.shot == nil {               // a snapshot keeps flushed indexes alive
		freeAll(m.t, m.ks)
		checkKeyspace(m.t, m.ks)
	}
	for i, want := range m.model {
		db := m.ks.DB(i)
		if db.Len() != len(want) {
			m.fail("database %d has %d keys, model %d", i, db.Len(), len(want))
		}
		n := 0
		db.Scan(0, db.Len()+1, func(e *Entry) {
			w := want[string(e.Key())]
			if w == nil {
				m.fail("key %q in %d is not in the model", e.Key(), i)
			}
			m.compare(e, w)
			n++
		})
		if n != len(want) {
			m.fail("Scan of %d visited %d of %d", i, n, len(want))
		}
	}
}

// takeDown deletes every key one by one; nothing may be left.
func (m *machine) takeDown() {
	m.ks.Choose(Oldest, false, 5, 0)
	m.endSnapshot()
	for i, want := range m.model {
		db := m.ks.DB(i)
		for key := range want {
			if e, ok := db.Find([]byte(key)); ok {
				db.Delete(&e)
			} else {
				m.fail("key %q vanished", key)
			}
		}
	}
	freeAll(m.t, m.ks)
	if a := m.ks.arena; a.Used() != 0 || a.Blocks() != 0 {
		m.fail("%d bytes in %d blocks are left of an empty keyspace", a.Used(), a.Blocks())
	}
}

func (m *machine) startSnapshot() {
	for i := range m.model {
		m.shotModel[i] = m.model[i].clone()
		m.shotSeen[i] = modelDB{}
	}
	m.expiredIn = [modelDBs]map[string]bool{}
	for i := range m.expiredIn {
		m.expiredIn[i] = map[string]bool{}
	}
	m.saver = modelSaver{m: m}
	m.shot = m.ks.StartSnapshot(&m.saver, m.pick(2) == 0)
}

// modelSaver checks what a snapshot gives out.
type modelSaver struct {
	m             *machine
	full, crowded bool

	// The large value that is half written.
	key    string
	db     int
	cursor uint64
	fields map[string]string
	value  []byte
}

func (v *modelSaver) Full() bool    { return v.full || v.crowded }
func (v *modelSaver) Crowded() bool { return v.crowded }

func (v *modelSaver) Save(db int, e *Entry) {
	want := v.wanted(db, e)
	if problem := difference(e, want); problem != "" {
		v.m.fail("snapshot: key %.60q in %d: %s", e.Key(), db, problem)
	}
}

// wanted returns what the entry must be, which has not been given out before.
func (v *modelSaver) wanted(db int, e *Entry) *modelEntry {
	m, key := v.m, string(e.Key())
	want := m.shotModel[db][key]
	if want == nil || m.shotSeen[db][key] != nil {
		m.fail("snapshot: key %.60q in %d, in the model %v, seen before %v", key, db, want != nil, m.shotSeen[db][key] != nil)
	}
	m.shotSeen[db][key] = want
	return want
}

func (v *modelSaver) SavePart(db int, e *Entry) (done bool) {
	m := v.m
	if v.fields == nil {
		v.wanted(db, e)
		v.key, v.db, v.cursor, v.fields, v.value = string(e.Key()), db, 0, map[string]string{}, nil
	}
	if v.key != string(e.Key()) || v.db != db {
		m.fail("snapshot: a part of %.60q in %d in the middle of %.60q in %d", e.Key(), db, v.key, v.db)
	}
	want := m.shotModel[db][v.key]
	if want.kind == 's' {
		whole := e.Bytes(nil)
		v.value = append(v.value, whole[len(v.value):min(len(whole), len(v.value)+100_000)]...)
		done = len(v.value) == len(whole)
	} else {
		v.cursor = e.DB().Table(e).Scan(v.cursor, 5, func(f, val []byte) { v.fields[string(f)] = string(val) })
		done = v.cursor == 0
	}
	if done {
		if e.Deadline() != want.deadline || want.kind == 's' && string(v.value) != want.value ||
			want.kind == 't' && !maps.Equal(v.fields, want.fields) {
			m.fail("snapshot: key %.60q in %d is not what it was", v.key, v.db)
		}
		v.fields = nil
	}
	return done
}

func (m *machine) endSnapshot() {
	if m.shot == nil {
		return
	}
	m.saver.full, m.saver.crowded = false, false
	for range 1 << 20 {
		if m.shot.Step(16) {
			break
		}
	}
	m.shot = nil
	for i := range m.shotModel {
		for key := range m.expiredIn[i] { // it may have been given out before
			m.shotSeen[i][key] = m.shotModel[i][key]
		}
		if len(m.shotSeen[i]) != len(m.shotModel[i]) {
			m.fail("snapshot of %d gave out %d of %d", i, len(m.shotSeen[i]), len(m.shotModel[i]))
		}
	}
}

// TestModel is a run of FuzzModel over random bytes.
func TestModel(t *testing.T) {
	runs := 20
	if testing.Short() {
		runs = 5
	}
	for range runs {
		seed := seeds.Draw(t)
		rng := rand.New(rand.NewPCG(seed, 1))
		in := make([]byte, 1000+rng.IntN(60000))
		for i := range in {
			in[i] = byte(rng.Uint32())
		}
		ok := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { newMachine(t, in).run() })
		if !ok {
			return
		}
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 2))
		in := make([]byte, 2000)
		for i := range in {
			in[i] = byte(rng.Uint32())
		}
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<12 {
			in = in[:1<<12]
		}
		newMachine(t, in).run()
	})
}
