// Random histories: a journal that is written to, rewritten, switched off and on, on a disk that fails; ended by a kill, a power cut or in
// good order; started again on what is left, with other settings; and so on, several generations in a row.
//
// The unit is what a client sends at once: a command, or a transaction. The model is the list of units so far. What a start must find:
//
//	it starts, or an operation was made to fail   (aof-load-truncated no: or something was torn)
//	it finds a prefix of the list                 none twice, none left out, none half, none of a generation that was lost
//	the prefix is as long as was promised         after a kill what was written, after a power cut what was synced
//
//	REDIX_HISTORIES=n              that many histories
//	TEST_SEED=n REDIX_HISTORIES=1  repeats one, as far as the timing of the goroutines lets it

package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"redix/engine/keyspace"
	"redix/engine/seeds"
	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

const (
	histories      = 150
	historyDBs     = 5
	generationsMax = 6
	historyShards  = 8
)

func TestHistories(t *testing.T) {
	count := seeds.Count(t, "REDIX_HISTORIES", histories)
	first := seeds.Draw(t)
	var mu sync.Mutex
	var sum historyCounts
	t.Cleanup(func() {
		t.Logf("%d histories: %+v", count, sum)
		if !t.Failed() && count >= histories && (sum.Kills == 0 || sum.Cuts == 0 || sum.Torn == 0 || sum.Failed == 0 || sum.Bases == 0 || sum.Switched == 0 ||
			sum.Replaced == 0) {
			t.Error("something was never tried")
		}
	})
	for shard := range historyShards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel() // they wait a good deal
			for i := shard; i < count; i += historyShards {
				h := newHistory(t, first+uint64(i))
				h.run()
				mu.Lock()
				sum.add(h.counts)
				mu.Unlock()
			}
		})
	}
}

type historyCounts struct {
	Units, Generations, Kills, Cuts, Torn, Failed, Bases, Switched, Replaced int
}

func (c *historyCounts) add(o historyCounts) {
	c.Units += o.Units
	c.Generations += o.Generations
	c.Kills += o.Kills
	c.Cuts += o.Cuts
	c.Torn += o.Torn
	c.Failed += o.Failed
	c.Bases += o.Bases
	c.Switched += o.Switched
	c.Replaced += o.Replaced
}

// unit is a SET, or a transaction of several.
type unit struct {
	id    uint64
	parts int
	size  int // bytes of each value
}

func (u unit) db(part int) int     { return int(u.id>>8+uint64(part)*(u.id>>16)) % historyDBs }
func (u unit) key(part int) []byte { return fmt.Appendf(nil, "%016x.%d", u.id, part) }

// value is of one of the kinds that a reader might take for something else: zeros, fill, marks.
func (u unit) value(part int) []byte {
	pattern := fmt.Appendf(nil, "v%x/%d\r\n", u.id, part)
	switch u.id % 8 {
	case 0:
		pattern = []byte{0}
	case 1:
		pattern = fillBlock[:fillLine]
	case 2:
		pattern = []byte("#{00000000004f,00000000,1a2b3c4d\n#}9f00c2d1----\n")
	}
	return bytes.Repeat(pattern, u.size/len(pattern)+1)[:u.size]
}

func (u unit) set(part int) [][]byte { return [][]byte{[]byte("SET"), u.key(part), u.value(part)} }

// promise is how many units a start must find, and what kind of end that is for.
type promise struct{ kill, cut int }

// history is one run. What the hooks of the file layer see is guarded by mu.
type history struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand
	logMu  sync.Mutex
	log    []string
	counts historyCounts

	mem     *vfs.Mem
	fsys    *vfs.Faulty
	checked bool
	plain   bool // what is not synced may have no checksums
	whole   bool // nothing can be torn
	lasting bool // and will not be by a power cut
	dead    bool // a start in the middle of a generation has failed
	units   []unit
	nextID  uint64

	j     *Journal // nil: off
	wake  chan struct{}
	fresh *BaseWriter
	stamp atomic.Bool

	mu      sync.Mutex
	base    promise // whatever j says
	feeding *Journal
	offsets []int64
	from    int
	unsure  int64 // up to this offset a sync means nothing: the manifest may not be durable
	ops     int
	crashAt int
	end     func(*vfs.Mem) *vfs.Mem // what the crash leaves
	isCut   bool
	left    *vfs.Mem // what it left
	owed    promise  // what must be found there, and what if the power is cut then
	sides   []side
	luck    *rand.Rand
	every   int
	slow    atomic.Bool // syncs take a while
}

// side is a crash that the history does not go on from.
type side struct {
	what string
	disk *vfs.Mem
	owed int
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), luck: rand.New(rand.NewPCG(seed, 8)), mem: vfs.NewMem()}
	f := fnv.New64()
	fmt.Fprint(f, seed)
	h.nextID = f.Sum64()
	return h
}

func (h *history) note(format string, args ...any) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

func (h *history) fatal(format string, args ...any) {
	h.t.Helper()
	h.logMu.Lock()
	defer h.logMu.Unlock()
	h.t.Fatalf("seed %d: %s\nmanifest: %q\n%s", h.seed, fmt.Sprintf(format, args...), manifestOf(h.mem), strings.Join(h.log, "\n"))
}

func (h *history) run() {
	for range 2 + h.rng.IntN(generationsMax-1) {
		h.generation()
	}
	h.note("last start")
	h.mustLoad(h.mem, h.base.kill, !h.whole, "at the end")
}

// before is called ahead of each operation of the file system.
func (h *history) before(op vfs.Op, name string) {
	if op == vfs.OpSync && h.slow.Load() {
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left != nil || op == vfs.OpRead || op == vfs.OpStat {
		return
	}
	h.ops++
	if h.ops == h.crashAt {
		h.crash(fmt.Sprintf("before operation %d, %v %s", h.ops, op, name), false)
		return
	}
	if h.every > 0 && h.ops%h.every == 0 && len(h.sides) < 12 {
		p := h.promised()
		what := fmt.Sprintf("before operation %d, %v %s", h.ops, op, name)
		switch h.ops / h.every % 3 {
		case 0:
			h.sides = append(h.sides, side{what + ", killed", h.mem.Kill(), p.kill})
		case 1:
			h.sides = append(h.sides, side{what + ", power cut with luck", h.mem.PowerCut(h.luck), p.cut})
		case 2:
			h.sides = append(h.sides, side{what + ", power cut", h.mem.PowerCut(nil), p.cut})
		}
	}
}

// promised is what a start has to find from now on. mu is held.
func (h *history) promised() promise {
	p := h.base
	if h.feeding == nil {
		return p
	}
	p.kill = max(p.kill, h.within(h.feeding.Written()))
	if synced := h.feeding.Synced(); synced > h.unsure {
		p.cut = max(p.cut, h.within(synced))
	}
	return p
}

// within gives how many units lie below an offset of the journal.
func (h *history) within(offset int64) int {
	n := h.from
	for _, end := range h.offsets {
		if end > offset {
			break
		}
		n++
	}
	return n
}

// crash takes what is left. mu is held.
func (h *history) crash(what string, whole bool) {
	h.whole = whole
	p := h.promised() // before the disk: what is promised later holds for a later one
	h.left = h.end(h.mem)
	h.owed = p
	if h.isCut {
		h.owed.kill = p.cut
	}
	h.note("  CRASH %s; owed %+v of %d units, power cut %v", what, h.owed, len(h.units), h.isCut)
}

func (h *history) crashed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.left != nil
}

// generation is one process.
func (h *history) generation() {
	h.counts.Generations++
	h.dead = false
	h.checked = h.rng.IntN(4) > 0
	h.plain = h.plain || !h.checked
	h.mem.Holes = !h.plain
	h.fsys = vfs.NewFaulty(h.mem)
	h.fsys.Before = h.before
	policy := Policy(h.rng.IntN(3))
	h.mu.Lock()
	h.left, h.ops, h.sides, h.feeding = nil, 0, nil, nil
	h.crashAt = 1 + h.rng.IntN(160)
	if h.rng.IntN(3) == 0 {
		h.crashAt = -1
	}
	h.every = 5 + h.rng.IntN(30)
	h.end, h.isCut = (*vfs.Mem).Kill, false
	switch h.rng.IntN(3) {
	case 0:
		h.end, h.isCut = func(m *vfs.Mem) *vfs.Mem { return m.PowerCut(nil) }, true
	case 1:
		h.end, h.isCut = func(m *vfs.Mem) *vfs.Mem { return m.PowerCut(h.luck) }, true
	}
	h.mu.Unlock()
	h.note("generation: %v, checksum %v, crash at %d (power cut %v); %d units, owed %+v", policy, h.checked, h.crashAt, h.isCut, len(h.units), h.base)
	for range max(0, h.rng.IntN(5)-1) {
		f := vfs.Fault{Op: []vfs.Op{vfs.OpOpen, vfs.OpWrite, vfs.OpWrite, vfs.OpSync, vfs.OpSync, vfs.OpTruncate, vfs.OpRename, vfs.OpSyncDir, vfs.OpRemove,
			vfs.OpClose, vfs.OpLink, vfs.OpRead, vfs.OpMkdir}[h.rng.IntN(13)],
			First: 1 + h.rng.IntN(5+h.rng.IntN(40)), Count: 1 + h.rng.IntN(3)/2*h.rng.IntN(4), Err: []error{syscall.EIO, syscall.ENOSPC}[h.rng.IntN(2)]}
		if h.rng.IntN(2) == 0 {
			f.Short = h.rng.IntN(1 << h.rng.IntN(20))
		}
		h.note("  fault %v %d..+%d short %d", f.Op, f.First, f.Count, f.Short)
		h.fsys.Add(f)
	}
	h.slow.Store(h.rng.IntN(3) == 0)
	if h.start(policy) {
		for range 3 + h.rng.IntN(25) {
			if h.crashed() || h.dead {
				break
			}
			h.step()
		}
	}
	h.finish()
	for _, s := range h.sides {
		h.mustLoad(s.disk, s.owed, true, s.what)
	}
}

func (h *history) options(policy Policy) Options {
	o := testOptions(h.fsys, "/", policy)
	o.Checksum = h.checked
	o.LoadTruncated = !h.whole
	o.Timestamps = &h.stamp
	h.wake = make(chan struct{}, 1)
	wake := h.wake
	o.Wake = func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return o
}

func (h *history) tune(j *Journal) {
	j.tune = fastTuning
	if h.rng.IntN(2) == 0 {
		j.tune.fillMin, j.tune.fillMax = 64<<10, 1<<20
	}
}

// start opens the journal. It is false when that failed, as it may when an operation did.
func (h *history) start(policy Policy) bool {
	j, plan, err := Open(h.options(policy))
	var n int
	if err == nil {
		h.tune(j)
		n, err = h.replay(plan)
	}
	if err == nil && n < h.base.kill {
		h.fatal("found %d units, owed %d", n, h.base.kill)
	}
	if err == nil {
		err = j.Start()
	}
	if err != nil {
		h.note("  start: %v", err)
		h.counts.Failed++
		if h.fsys.Fired() == 0 {
			h.fatal("it does not start: %v", err)
		}
		return false
	}
	h.note("  started with %d units", n)
	h.mu.Lock()
	h.units = h.units[:n]
	h.base = promise{n, n} // Start has synced what it found
	h.follow(j, n)
	h.mem.Holes = h.checked
	h.mu.Unlock()
	h.j, h.fresh, h.whole, h.lasting = j, nil, false, false
	h.plain = !h.checked
	return true
}

// follow makes j the journal whose offsets count. mu is held.
func (h *history) follow(j *Journal, from int) {
	h.feeding, h.from, h.offsets, h.unsure = j, from, nil, -1
}

// replay gives how many units there are.
func (h *history) replay(plan *Plan) (n int, err error) {
	m := &historyModel{units: h.units}
	r, err := ReplayWith(plan, ReplayOptions{Base: m.builder, Apply: m.apply}, nil)
	if err == nil {
		err = m.whole()
	}
	if bad := (*modelError)(nil); errors.As(err, &bad) {
		h.fatal("%v", err)
	}
	if err == nil && r.TruncatedFile != "" {
		h.counts.Torn++
		h.note("  cut off: %+v", r)
	}
	return m.n, err
}

// mustLoad starts on a disk where nothing fails.
func (h *history) mustLoad(disk *vfs.Mem, owed int, torn bool, what string) {
	o := testOptions(disk, "/", Always)
	o.LoadTruncated = torn
	_, plan, err := Open(o)
	n := 0
	if err == nil {
		n, err = h.replay(plan)
	}
	if bad := (*LoadError)(nil); errors.As(err, &bad) {
		data, _ := vfs.ReadFile(disk, bad.Path, 64<<20)
		from := max(0, int(bad.Offset)-600)
		h.note("%s has %d bytes; from %d on: %.1300q", bad.Path, len(data), from, data[from:])
		if now, err := vfs.ReadFile(h.mem, bad.Path, 64<<20); err == nil {
			h.note("here it has %d bytes; from %d on: %.1300q", len(now), from, now[min(from, len(now)):])
		}
	}
	if err != nil || n < owed {
		h.fatal("%s: found %d units, owed %d: %v\nmanifest there: %q", what, n, owed, err, manifestOf(disk))
	}
}

// until waits, but no longer than until the crash.
func (h *history) until(what string, cond func() bool) (ok bool) {
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if h.crashed() {
			return false
		}
		select {
		case <-h.wake:
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			h.fatal("waited in vain for: %s (appended %d, written %d, synced %d, %v)", what, h.j.Appended(), h.j.Written(), h.j.Synced(), h.j.Err())
		}
	}
	return true
}

func (h *history) released() bool { return h.j.Releasable() == h.j.Appended() && h.j.Err() == nil }

func (h *history) step() {
	h.settleFresh()
	switch k := h.rng.IntN(100); {
	case h.j == nil && k < 50:
		h.switchOn()
	case h.j == nil:
		h.add(1 + h.rng.IntN(5))
	case k < 45:
		h.add(1 + h.rng.IntN(8))
	case k < 60:
		h.note("  release")
		h.until("release", h.released)
	case k < 75:
		p := Policy(h.rng.IntN(3))
		h.note("  policy %v", p)
		h.j.SetPolicy(p)
	case k < 80:
		h.stamp.Store(!h.stamp.Load())
	case k < 90:
		h.rewrite()
	case k < 93:
		h.switchOff()
	case k < 95:
		h.restart()
	default:
		h.idleCrash()
	}
}

// add appends units as one round.
func (h *history) add(n int) {
	h.note("  add %d to %d units", n, len(h.units))
	for range n {
		h.nextID = h.nextID*6364136223846793005 + 1442695040888963407
		u := unit{id: h.nextID ^ h.nextID>>29, parts: 1, size: h.rng.IntN(60)}
		switch k := h.rng.IntN(60); {
		case k == 0:
			u.size = gatherMax - 200 + h.rng.IntN(400<<10)
		case k < 4:
			u.size = h.rng.IntN(20 << 10)
		case k < 8:
			u.size = h.rng.IntN(1200)
		}
		if h.rng.IntN(5) == 0 {
			u.parts = 2 + h.rng.IntN(4)
		}
		h.mu.Lock()
		h.units = append(h.units, u)
		h.mu.Unlock()
		h.counts.Units++
		if h.j == nil {
			continue
		}
		if u.parts > 1 {
			h.j.Append(u.db(0), []byte("MULTI"))
		}
		for p := range u.parts {
			h.j.Append(u.db(p), u.set(p)...)
		}
		if u.parts > 1 {
			h.j.Append(u.db(u.parts-1), []byte("EXEC"))
		}
		h.mu.Lock()
		h.offsets = append(h.offsets, h.j.Appended())
		h.mu.Unlock()
	}
	if h.j != nil {
		h.j.HandOver()
	}
}

// fill gives a base file the first n units.
func (h *history) fill(b *BaseWriter, n int) {
	if h.rng.IntN(2) == 0 {
		h.note("  base of commands, %d units", n)
		for _, u := range h.units[:n] {
			for p := range u.parts {
				b.Append(u.db(p), u.set(p)...)
			}
			for b.Full() && !h.crashed() {
				if done, _ := b.Status(); done {
					b.Cancel()
					return
				}
				time.Sleep(100 * time.Microsecond)
			}
		}
		b.Finish()
		return
	}
	h.note("  base in RDB format, %d units", n)
	ks := keyspace.New(historyDBs, 1, nil)
	for _, u := range h.units[:n] {
		for p := range u.parts {
			e, _ := ks.DB(u.db(p)).Lookup(u.key(p))
			ks.DB(u.db(p)).SetString(&e, u.key(p), u.value(p), 0)
		}
	}
	if !fillRDB(b, ks, func(func() bool) { time.Sleep(100 * time.Microsecond) }) {
		b.Cancel()
	}
}

func (h *history) rewrite() {
	if h.fresh != nil {
		return
	}
	b, err := h.j.StartBase()
	if err != nil {
		h.note("  rewrite: %v", err)
		return
	}
	h.counts.Bases++
	n := len(h.units)
	if h.rng.IntN(2) == 0 {
		h.add(1 + h.rng.IntN(3))
	}
	if h.rng.IntN(8) == 0 {
		h.note("  rewrite canceled")
		b.Cancel()
		return
	}
	h.fill(b, n)
	if h.rng.IntN(2) == 0 {
		h.until("rewrite", func() bool { done, _ := b.Status(); return done })
	}
}

// switchOff is CONFIG SET appendonly no.
func (h *history) switchOff() {
	h.note("  off")
	h.counts.Switched++
	h.close()
}

// close ends the journal in good order.
func (h *history) close() {
	h.settleFresh()
	j := h.j
	if j == nil {
		return
	}
	if err := j.Close(20 * time.Second); err != nil {
		h.fatal("close: %v", err)
	}
	h.settleFresh()
	h.mu.Lock()
	if h.feeding == j {
		h.base = promise{len(h.units), len(h.units)}
		h.whole, h.lasting = h.whole || h.left == nil, h.lasting || h.left == nil
	}
	h.counts.Replaced += int(j.Stats().Replaced)
	h.feeding = nil
	h.mu.Unlock()
	h.j, h.fresh = nil, nil
}

// switchOn is CONFIG SET appendonly yes: a journal that begins with all units.
func (h *history) switchOn() {
	j, _, err := Open(h.options(Policy(h.rng.IntN(3))))
	if err == nil {
		h.tune(j)
		err = j.OpenFresh()
	}
	if err != nil {
		h.note("  on: %v", err)
		if h.fsys.Fired() == 0 {
			h.fatal("it cannot be switched on: %v", err)
		}
		return
	}
	if h.rng.IntN(5) == 0 {
		h.note("  on, and not wanted")
		j.DiscardFresh()
		return
	}
	h.note("  on")
	b := j.LaunchFresh()
	h.j, h.fresh, h.whole, h.lasting = j, b, false, false
	n := len(h.units)
	h.mu.Lock()
	h.feeding = nil
	h.from, h.offsets = n, nil
	h.mu.Unlock()
	if h.rng.IntN(2) == 0 {
		h.add(1 + h.rng.IntN(3))
	}
	h.fill(b, n)
	if h.rng.IntN(2) == 0 {
		h.until("first base", func() bool { done, _ := b.Status(); return done })
	}
}

// settleFresh looks whether the first base file of a journal is there.
func (h *history) settleFresh() {
	if h.fresh == nil || h.j == nil {
		return
	}
	done, err := h.fresh.Status()
	if !done {
		return
	}
	h.fresh = nil
	if err != nil {
		h.note("  the first base failed: %v", err)
		_ = h.j.Close(20 * time.Second)
		h.j = nil
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.base.kill = max(h.base.kill, h.from)
	if h.left == nil {
		h.feeding, h.unsure = h.j, h.j.Appended()
	}
}

// restart ends the process in good order and starts it again.
func (h *history) restart() {
	h.note("  restart")
	h.close()
	if h.crashed() {
		return
	}
	h.dead = !h.start(Policy(h.rng.IntN(3)))
}

// idleCrash is a crash while nothing is under way.
func (h *history) idleCrash() {
	if h.fresh != nil || !h.until("release", h.released) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left == nil {
		h.lasting = h.checked && h.j.Policy() == Always && h.j.Synced() == h.j.Appended()
		h.crash("while idle", !h.isCut || h.lasting)
	}
}

// finish goes over to what the generation left.
func (h *history) finish() {
	if h.j != nil {
		h.mu.Lock()
		if h.left == nil && h.rng.IntN(2) == 0 {
			h.crash("at the end", false)
		}
		h.mu.Unlock()
		h.fsys.Clear()
		if h.crashed() {
			if err := h.j.Close(20 * time.Second); err != nil {
				h.fatal("close: %v", err)
			}
			h.counts.Replaced += int(h.j.Stats().Replaced)
			h.j, h.fresh = nil, nil
		} else {
			h.close()
			h.note("  closed")
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left == nil {
		h.crash("after the end", h.whole && (!h.isCut || h.lasting))
	}
	if h.isCut {
		h.counts.Cuts++
	} else {
		h.counts.Kills++
	}
	h.mem, h.base = h.left, h.owed
	h.feeding = nil
}

// modelError: what was loaded is wrong.
type modelError struct{ string }

func (e *modelError) Error() string { return e.string }

// historyModel takes what is loaded and compares it with the units.
type historyModel struct {
	units []unit
	n     int // whole units
	part  int // parts of the next one
	base  map[string][]byte
	last  string
	db    int
	seen  bool // the base has been counted
}

func (m *historyModel) builder() Builder {
	m.base = map[string][]byte{}
	return m
}

func (m *historyModel) wrong(format string, args ...any) error {
	return &modelError{fmt.Sprintf(format, args...)}
}

func (m *historyModel) PutAll(items []rdb.Item) (int, error) {
	for i := range items {
		switch it := &items[i]; it.Op {
		case rdb.OpSelectDB:
			m.db = int(it.N)
		case rdb.OpKey:
			m.last = fmt.Sprintf("%d/%s", m.db, it.Name)
			if m.base[m.last] != nil {
				return i, m.wrong("%s is in the base file twice", m.last)
			}
			m.base[m.last] = append([]byte{}, it.Data...)
		case rdb.OpPart:
			m.base[m.last] = append(m.base[m.last], it.Data...)
		}
	}
	return len(items), nil
}

func (m *historyModel) Drop() {}

func (m *historyModel) Made() (keys, expired, empty int64) { return int64(len(m.base)), 0, 0 }

// count turns the keys of an RDB base file into units.
func (m *historyModel) count() error {
	if m.seen {
		return nil
	}
	m.seen = true
	keys := 0
	for keys < len(m.base) {
		if m.n == len(m.units) {
			return m.wrong("the base file has %d keys, which is more than all %d units", len(m.base), m.n)
		}
		u := m.units[m.n]
		for p := range u.parts {
			if got, there := m.base[fmt.Sprintf("%d/%s", u.db(p), u.key(p))]; !there || !bytes.Equal(got, u.value(p)) {
				return m.wrong("the base file has %d keys, and %s, part %d of unit %d, is %d, %.60q", len(m.base), u.key(p), p, m.n, len(got), got)
			}
		}
		keys += u.parts
		m.n++
	}
	m.base = nil
	return nil
}

func (m *historyModel) apply(db int, args [][]byte) error {
	if err := m.count(); err != nil {
		return err
	}
	if is(args[0], "MULTI") || is(args[0], "EXEC") {
		if m.part != 0 {
			return m.wrong("%s within unit %d", args[0], m.n)
		}
		return nil
	}
	if m.n == len(m.units) {
		return m.wrong("%.60q follows, and there are %d units", args, m.n)
	}
	u := m.units[m.n]
	if want := u.set(m.part); db != u.db(m.part) || len(args) != 3 || !bytes.Equal(args[1], want[1]) || !bytes.Equal(args[2], want[2]) {
		return m.wrong("part %d of unit %d: database %d, %.60q; want %d, %.60q", m.part, m.n, db, args, u.db(m.part), want)
	}
	if m.part++; m.part == u.parts {
		m.n, m.part = m.n+1, 0
	}
	return nil
}

// whole tells that the last unit is there to its end.
func (m *historyModel) whole() error {
	if err := m.count(); err != nil {
		return err
	}
	if m.part != 0 {
		return m.wrong("unit %d has %d parts of %d", m.n, m.part, m.units[m.n].parts)
	}
	return nil
}
