package keyspace

import (
	"bytes"
	"fmt"
	"strconv"
)

// operations of the machine in model_test.go. Each reads what it needs from the input.
var operations = []struct {
	name string
	do   func(m *machine)
}{
	{"SetString", (*machine).setString},
	{"SetString", (*machine).setString},
	{"SetString", (*machine).setString},
	{"SetInt", (*machine).setInt},
	{"AdoptLarge", (*machine).adoptLarge},
	{"Resize", (*machine).resize},
	{"Resize", (*machine).resize},
	{"Writable", (*machine).writable},
	{"SetPacked", (*machine).setPacked},
	{"SetTable", (*machine).setTable},
	{"Table.Set", (*machine).tableSet},
	{"Table.Set", (*machine).tableSet},
	{"Table.Delete", (*machine).tableDelete},
	{"SetDeadline", (*machine).setDeadline},
	{"SetDeadline", (*machine).setDeadline},
	{"Delete", (*machine).delete},
	{"Delete", (*machine).delete},
	{"Transfer", (*machine).transfer},
	{"Duplicate", (*machine).duplicate},
	{"Lookup", func(m *machine) { m.lookup(m.db(), m.key()) }},
	{"Random", (*machine).random},
	{"Swap", (*machine).swap},
	{"Flush", (*machine).flush},
	{"FreeStep", (*machine).freeStep},
	{"ExpireStep", (*machine).expireStep},
	{"time", func(m *machine) { m.tick(int64(m.pick(30))) }},
	{"time", (*machine).leap},
	{"snapshot", (*machine).snapshot},
	{"snapshot", (*machine).snapshot},
	{"SnapshotHolds", (*machine).snapshotHolds},
	{"compaction", func(m *machine) { m.ks.StartCompaction(m.pick(4) > 0) }},
	{"CompactStep", (*machine).compactStep},
	{"CompactStep", (*machine).compactStep},
	{"Victim", (*machine).victim},
	{"SaveNow", func(m *machine) { m.ks.SaveNow(m.db(), m.key()) }},
}

func (m *machine) compactStep() {
	for range m.pick(8) {
		m.ks.CompactStep()
	}
}

// victim evicts one entry, or finds none, by any order.
func (m *machine) victim() {
	order, volatile := Order(m.pick(5)), m.pick(2) == 0
	switch order {
	case Queues:
		volatile = false
	case Soonest:
		volatile = true
	}
	m.ks.Choose(order, volatile, 5, 1)
	for range 1 + m.pick(3) {
		e, found, more := m.ks.Victim()
		if !found {
			if !more && m.ks.HasVictims() {
				m.fail("Victim of order %d found nothing", order)
			}
			continue
		}
		if volatile && e.Deadline() == 0 || order == Soonest && e.Deadline() == 0 {
			m.fail("Victim of order %d has no deadline", order)
		}
		delete(m.model[e.DB().ID], string(e.Key()))
		e.DB().Delete(&e)
	}
}

func (m *machine) put(db *DB, key []byte, e *modelEntry) { m.model[db.ID][string(key)] = e }

func (m *machine) setString() {
	db, key := m.db(), m.key()
	e, _ := m.lookup(db, key)
	val, at := m.value(), m.deadline()
	db.SetString(&e, key, val, at)
	m.put(db, key, &modelEntry{kind: 's', value: string(val), deadline: at})
	m.compare(&e, m.model[db.ID][string(key)])
}

func (m *machine) setInt() {
	db, key := m.db(), m.key()
	e, old := m.lookup(db, key)
	n, at := int64(m.number(8)), m.deadline()
	if old != nil && m.pick(2) == 0 {
		at = old.deadline
	}
	db.SetInt(&e, key, n, at)
	m.put(db, key, &modelEntry{kind: 's', value: strconv.FormatInt(n, 10), deadline: at})
	if e.Int() != n {
		m.fail("Int is %d, set %d", e.Int(), n)
	}
}

func (m *machine) adoptLarge() {
	db, key := m.db(), m.key()
	e, _ := m.lookup(db, key)
	n := largeMin + m.pick(1000)
	if m.pick(3) == 0 {
		n = maxSlabBlok + 1 + m.pick(5000)
	}
	a := m.ks.Arena()
	r := a.Alloc(n + 2)
	b := a.Block(r)
	val := bytes.Repeat([]byte{byte(m.number(1))}, n)
	copy(b, val)
	copy(b[n:], "\r\n")
	at := m.deadline()
	db.AdoptLarge(&e, key, r, n, at)
	m.put(db, key, &modelEntry{kind: 's', value: string(val), deadline: at})
}

// resize changes a string's length and fills what is new; new bytes must have been zero.
func (m *machine) resize() {
	db, key := m.db(), m.key()
	e, old := m.lookup(db, key)
	if old == nil || old.kind != 's' {
		return
	}
	n := len(old.value)
	switch m.pick(6) {
	case 0:
		n = m.pick(n + 1)
	case 1:
		n += largeMin
	case 2:
		n += m.pick(700)
	default:
		n += m.pick(20)
	}
	b := db.Resize(&e, n)
	if len(b) != n {
		m.fail("Resize to %d gave %d bytes", n, len(b))
	}
	k := min(n, len(old.value))
	if string(b[:k]) != old.value[:k] {
		m.fail("Resize changed the head")
	}
	for i, c := range b[k:] {
		if c != 0 {
			m.fail("Resize from %d to %d: byte %d is %d", len(old.value), n, k+i, c)
		}
	}
	for i := range b[k:] {
		b[k+i] = byte('A' + i%26)
	}
	old.value = string(b)
	m.compare(&e, old)
}

func (m *machine) writable() {
	db, key := m.db(), m.key()
	e, old := m.lookup(db, key)
	if old == nil || old.kind != 's' {
		return
	}
	b := db.Writable(&e)
	if string(b) != old.value {
		m.fail("Writable changed the value")
	}
	if len(b) > 0 {
		b[m.pick(len(b))] = byte(m.number(1))
	}
	old.value = string(b)
	if e.Encoding() != EncRaw && e.Encoding() != EncLarge {
		m.fail("encoding %d is not raw", e.Encoding())
	}
}

func (m *machine) setPacked() {
	db, key := m.db(), m.key()
	e, _ := m.lookup(db, key)
	val, at := m.value(), m.deadline()
	enc := EncHashPacked
	if m.pick(2) == 0 {
		enc = EncHashPackedT
	}
	db.SetPacked(&e, key, enc, val, at)
	m.put(db, key, &modelEntry{kind: 'p', value: string(val), deadline: at})
	if len(val) > 0 {
		i := m.pick(len(val))
		db.WritablePacked(&e)[i] = 'Z'
		val[i] = 'Z'
		m.put(db, key, &modelEntry{kind: 'p', value: string(val), deadline: at})
	}
}

func (m *machine) setTable() {
	db, key := m.db(), m.key()
	e, _ := m.lookup(db, key)
	at := m.deadline()
	db.SetTable(&e, key, at)
	m.put(db, key, &modelEntry{kind: 't', fields: map[string]string{}, deadline: at})
}

// table picks a table, one that exists if there is any in the database.
func (m *machine) table() (*DB, Entry, *modelEntry) {
	db := m.db()
	key := m.key()
	e, old := m.lookup(db, key)
	if old == nil {
		at := m.deadline()
		db.SetTable(&e, key, at)
		old = &modelEntry{kind: 't', fields: map[string]string{}, deadline: at}
		m.put(db, key, old)
	}
	return db, e, old
}

func (m *machine) tableSet() {
	db, e, old := m.table()
	if old.kind != 't' {
		return
	}
	table := db.MutableTable(&e)
	n := 1 + m.pick(20)
	if m.pick(20) == 0 {
		n = 1500 // enough for splits
	}
	first := m.pick(2000)
	val := m.value()
	for i := range n {
		f := fmt.Sprintf("f%d", first+i)
		_, had := old.fields[f]
		if fresh := table.Set([]byte(f), val); fresh == had {
			m.fail("Set of field %s: new %v", f, fresh)
		}
		old.fields[f] = string(val)
		if i > 20 {
			val = val[:len(val)/2]
		}
	}
	m.compare(&e, old)
}

func (m *machine) tableDelete() {
	db, e, old := m.table()
	if old.kind != 't' {
		return
	}
	table := db.MutableTable(&e)
	first := m.pick(2000)
	for i := range 1 + m.pick(2000) {
		f := fmt.Sprintf("f%d", first+i)
		_, had := old.fields[f]
		if got := table.Delete([]byte(f)); got != had {
			m.fail("Delete of field %s: %v, model %v", f, got, had)
		}
		delete(old.fields, f)
	}
	m.compare(&e, old)
	for f, v := range old.fields {
		if got, ok := table.Get([]byte(f)); !ok || string(got) != v {
			m.fail("Get of field %s: %v", f, ok)
		}
		break
	}
}

func (m *machine) setDeadline() {
	db, key := m.db(), m.key()
	e, old := m.lookup(db, key)
	if old == nil {
		return
	}
	at := m.deadline()
	db.SetDeadline(&e, at)
	old.deadline = at
	m.compare(&e, old)
}

func (m *machine) delete() {
	db, key := m.db(), m.key()
	e, old := m.lookup(db, key)
	if old == nil {
		return
	}
	db.Delete(&e)
	delete(m.model[db.ID], string(key))
	if e.Found() {
		m.fail("entry is found after Delete")
	}
}

func (m *machine) transfer() {
	from, to, key, name := m.db(), m.db(), m.key(), m.key()
	if _, old := m.lookup(from, key); old == nil {
		return
	}
	if _, taken := m.lookup(to, name); taken != nil {
		return
	}
	old := m.model[from.ID][string(key)]
	e, _ := from.Find(key)
	from.Transfer(&e, to, name)
	delete(m.model[from.ID], string(key))
	m.put(to, name, old)
	m.lookup(from, key)
	m.lookup(to, name)
}

func (m *machine) duplicate() {
	from, to, key, name := m.db(), m.db(), m.key(), m.key()
	if _, old := m.lookup(from, key); old == nil {
		return
	}
	if _, taken := m.lookup(to, name); taken != nil {
		return
	}
	old := m.model[from.ID][string(key)]
	e, _ := from.Find(key)
	enc := e.Encoding()
	from.Duplicate(&e, to, name)
	m.put(to, name, old.clone())
	m.lookup(from, key)
	if d, _ := m.lookup(to, name); d.Found() && d.Encoding() != enc {
		m.fail("encoding %d became %d", enc, d.Encoding())
	}
}

func (m *machine) random() {
	db := m.db()
	e, ok := db.Random()
	if ok != (len(m.model[db.ID]) > 0) {
		m.fail("Random found %v among %d", ok, len(m.model[db.ID]))
	}
	if !ok {
		return
	}
	want := m.model[db.ID][string(e.Key())]
	if want == nil {
		m.fail("Random gave %q", e.Key())
	}
	m.compare(&e, want)
	if m.pick(4) == 0 { // its slot is known, so it can be changed through
		delete(m.model[db.ID], string(e.Key()))
		db.Delete(&e)
	}
}

func (m *machine) swap() {
	a, b := m.pick(modelDBs), m.pick(modelDBs)
	m.ks.Swap(a, b)
	m.model[a], m.model[b] = m.model[b], m.model[a]
}

func (m *machine) flush() {
	if m.pick(8) != 0 {
		return
	}
	db := m.db()
	db.Flush()
	m.model[db.ID] = modelDB{}
}

func (m *machine) freeStep() {
	for range m.pick(8) {
		m.ks.FreeStep()
	}
}

// expireStep removes what is due, completely or in part; complete, nothing expired may be left.
func (m *machine) expireStep() {
	if m.pick(2) == 0 {
		m.ks.ExpireStep(1 + m.pick(5))
		return
	}
	behind := m.ks.NowMs < m.latestMs
	m.tick(1) // a deadline that was past when it was set waits for the next millisecond
	for m.ks.ExpireStep(1 + m.pick(5)) {
	}
	if behind {
		return
	}
	for i, db := range m.model {
		for key, e := range db {
			if e.deadline != 0 && e.deadline < m.ks.NowMs {
				m.fail("ExpireStep left key %q of %d: deadline %d, now %d", key, i, e.deadline, m.ks.NowMs)
			}
			if e.deadline != 0 && e.deadline < m.ks.SoonestMs() {
				m.fail("key %q of %d ends at %d, soonest is %d", key, i, e.deadline, m.ks.SoonestMs())
			}
		}
	}
	if late := m.ks.ExpireBehindMs(); late != 0 {
		m.fail("behind by %d ms after everything expired", late)
	}
}

func (m *machine) tick(ms int64) {
	m.ks.NowMs = max(1, m.ks.NowMs+ms)
	m.latestMs = max(m.latestMs, m.ks.NowMs)
}

// leap moves the clock a long way, back too.
func (m *machine) leap() {
	switch m.pick(6) {
	case 0:
		m.tick(int64(m.number(4)))
	case 1:
		m.tick(-int64(m.pick(1000)))
	default:
		m.tick(int64(m.pick(1000)))
	}
}

func (m *machine) snapshot() {
	switch {
	case m.shot == nil:
		m.startSnapshot()
	case m.pick(8) == 0:
		m.saver.full, m.saver.crowded = m.pick(3) == 0, m.pick(6) == 0
	case m.pick(20) == 0:
		m.shot.Cancel()
		m.shot = nil
	case m.shot.Step(1 + m.pick(100)):
		m.endSnapshot()
	}
}

// snapshotHolds asks as a client that is about to write does, and waits as long as it is told to.
func (m *machine) snapshotHolds() {
	db, key, overwrites := m.db(), m.key(), m.pick(3) == 0
	if !m.ks.SnapshotHolds(db, key, overwrites) {
		return
	}
	m.saver.crowded = false
	for range 10_000 {
		if !m.ks.SnapshotHolding() {
			break
		}
		m.shot.Step(1)
	}
	if m.ks.SnapshotHolds(db, key, overwrites) || m.ks.SnapshotHolding() {
		m.fail("key %.60q of %d is still held", key, db.ID)
	}
}
