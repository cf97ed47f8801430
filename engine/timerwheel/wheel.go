// Package timerwheel keeps deadlines in a hierarchical timer wheel of 64-slot rings.
//
// It exists so that expired keys are found in time proportional to what expires, never to what exists.
//
//	level   slot width   reach
//	0       1 ms         64 ms
//	1       64 ms        4.1 s
//	2       4.1 s        4.4 min
//	3       4.4 min      4.7 h
//	4       4.7 h        12.4 days
//
// # Terms
//
// A tick is one millisecond. next is the first tick that is not finished: everything due before it has been
// handed out. A slot of level n covers 64^n ticks; its number is bits 6n..6n+5 of the ticks it covers:
//
//	bit  ...  29    24 23    18 17    12 11     6 5      0
//	         | level 4 | level 3| level 2| level 1| level 0|
//
// # Placing
//
// A deadline goes to the level of the highest bit in which it differs from next. So levels 0 to 3 hold only slots of
// the block that next is in, at or after next's own number, and the first slot that is occupied on any level is one
// TrailingZeros of that level's bitmap: hours of empty slots are jumped over in one step. Level 4 is a ring read from
// next's number on. A deadline beyond its reach waits in the farthest slot of level 4 and is placed again when that
// slot comes round. A deadline already past goes into the slot of next.
//
// When next enters a slot of a level above 0, the slot cascades: its records that are due by now are handed out at once,
// the others are placed again, lower. Of slots that start together the lowest level comes first: its records are due,
// and a cascade may be long.
//
// A clock that leaps over the whole wheel would send far deadlines round once for each 12 days leapt. Such records
// wait in one list aside (limbo) until the wheel has arrived, and are placed from there.
//
// A clock that jumps back does not turn the wheel back: its ticks run on, ahead of the clock by a skew that makes up for
// the jump. What was placed before stands too early by that much then, is found there, and is placed again.
//
// # Records
//
// The wheel has no nodes. Each slot is a doubly linked list through two 40-bit fields inside the caller's records:
//
//	next  0 at the end of the list, else the record after this one
//	prev  bit 39 clear: the record before this one
//	      bit 39 set:   this one is first; bits 0..8 are level<<6 | slot
//	      0:            not in the wheel
//
// The heads are plain integers, so the garbage collector finds no pointer here. The wheel has no clock: callers pass
// the time. It belongs to one goroutine.
package timerwheel

import (
	"math"
	"math/bits"
)

// Ref names a record of the caller; 0 is none. A Ref is below 1<<39.
type Ref = uint64

// Links reads and writes the link fields inside the caller's records. Link values fit 40 bits and mean nothing to
// the store, which keeps them beside the record wherever it moves.
type Links interface {
	// Deadline is in absolute milliseconds; any value is allowed.
	Deadline(r Ref) int64
	Links(r Ref) (next, prev uint64)
	SetNext(r Ref, v uint64)
	SetPrev(r Ref, v uint64)
}

const (
	slotBits   = 6
	slotMask   = 1<<slotBits - 1
	levels     = 5
	top        = levels - 1
	topShift   = top * slotBits
	headBit    = 1 << 39 // in prev: the record is the first of its list
	limbo      = levels << slotBits
	numHeads   = limbo + 1
	maxTick    = math.MaxInt64
	ringFarOff = slotMask // the farthest slot of the top ring, counted from next's own
)

// Wheel holds records by deadline. Make one with New.
type Wheel[L Links] struct {
	links    L
	next     uint64           // first unfinished tick
	skew     uint64           // ticks that the wheel is ahead of the clock: the sum of all jumps back
	size     int              // records linked
	occupied [levels]uint64   // bit s of level n: heads[n<<6|s] is not 0
	heads    [numHeads]uint64 // first record of each slot, then of limbo
	hand     Ref              // where Step goes on; 0: at the head of the slot after handSlot
	handSlot uint64
}

// New makes an empty wheel whose next tick is the one after nowMs.
func New[L Links](links L, nowMs int64) *Wheel[L] {
	return &Wheel[L]{links: links, next: tickOf(nowMs) + 1}
}

// Len is the number of records in the wheel.
func (w *Wheel[L]) Len() int { return w.size }

// Add links a record that is not in the wheel, by its deadline. While the record is linked its deadline may move later
// without a word to the wheel, which places it again when its slot comes; to move it earlier, Cancel first.
func (w *Wheel[L]) Add(r Ref) {
	w.size++
	w.place(r, w.tickOf(w.links.Deadline(r)))
}

// Cancel unlinks a record. One whose links are 0 (never added, or handed out by Advance) is left as it is.
func (w *Wheel[L]) Cancel(r Ref) {
	next, prev := w.links.Links(r)
	if prev == 0 {
		return
	}
	if r == w.hand {
		w.hand = next
	}
	if next != 0 {
		w.links.SetPrev(next, prev)
	}
	if prev&headBit != 0 {
		w.setHead(prev&^headBit, next)
	} else {
		w.links.SetNext(prev, next)
	}
	w.unlink(r)
}

// Moved tells that a record's bytes, links included, were copied from old to r, which replaces it in its list.
// The bytes at old are not read.
func (w *Wheel[L]) Moved(old, r Ref) {
	next, prev := w.links.Links(r)
	if prev == 0 {
		return
	}
	if old == w.hand {
		w.hand = r
	}
	if next != 0 {
		w.links.SetPrev(next, r)
	}
	if prev&headBit != 0 {
		w.heads[prev&^headBit] = r
	} else {
		w.links.SetNext(prev, r)
	}
}

// Step goes round over the records in the wheel, slot by slot, each in the order of its list, and returns the next one, 0
// of an empty wheel. A record that changes its slot meanwhile may come twice in a round, or not.
func (w *Wheel[L]) Step() Ref {
	if w.size == 0 {
		return 0
	}
	for w.hand == 0 {
		w.handSlot = (w.handSlot + 1) % numHeads
		w.hand = w.heads[w.handSlot]
	}
	r := w.hand
	w.hand, _ = w.links.Links(r)
	return r
}

// Earliest returns the record with the nearest deadline, and that, among the first most of the slot that comes first; 0 of
// an empty wheel.
func (w *Wheel[L]) Earliest(most int) (r Ref, deadlineMs int64) {
	if w.size == 0 {
		return 0, 0
	}
	head, at := w.firstSlot()
	if at == math.MaxUint64 {
		head = limbo
	}
	for x := w.heads[head]; x != 0 && most > 0; most-- {
		if d := w.links.Deadline(x); r == 0 || d < deadlineMs {
			r, deadlineMs = x, d
		}
		x, _ = w.links.Links(x)
	}
	return r, deadlineMs
}

// Advance moves time to nowMs and appends the records whose deadline is at or before nowMs to due, unlinked, in no
// order within a slot. It handles at most budget records, handed out or cascaded, and visits no empty slot; if work is
// left it returns more, and is to be called again. A nowMs before that of an earlier call hands out nothing, and time goes
// on from there.
func (w *Wheel[L]) Advance(nowMs int64, due []Ref, budget int) (out []Ref, more bool) {
	now := w.tickOf(nowMs)
	if now+1 < w.next {
		w.skew += w.next - 1 - now
		now = w.next - 1
	}
	for {
		head, at := w.firstSlot()
		if at > now {
			break
		}
		if budget <= 0 {
			return due, true
		}
		w.next = at
		due, budget = w.drain(head, now, due, budget)
	}
	w.next = max(w.next, now+1)
	if w.heads[limbo] != 0 && budget > 0 {
		due, _ = w.drain(limbo, now, due, budget)
	}
	return due, w.heads[limbo] != 0
}

// NextDeadlineMs is a time before which nothing falls due: exact within 64 ms of the wheel's tick, a lower bound
// beyond. ok is false for an empty wheel.
func (w *Wheel[L]) NextDeadlineMs() (deadlineMs int64, ok bool) {
	if w.size == 0 {
		return 0, false
	}
	_, at := w.firstSlot()
	if w.heads[limbo] != 0 {
		at = min(at, w.next)
	}
	return int64(min(at-min(at, w.skew), maxTick)), true
}

// Behind is how many milliseconds before nowMs the oldest unfinished tick lies; 0 when no work is left at nowMs.
func (w *Wheel[L]) Behind(nowMs int64) int64 {
	now := w.tickOf(nowMs)
	if _, at := w.firstSlot(); at <= now {
		return int64(now - at)
	}
	return 0
}

// tickOf clamps a time to the ticks there are. Ticks are unsigned, so that sums with a slot width cannot overflow.
func tickOf(ms int64) uint64 { return uint64(max(ms, 0)) }

func (w *Wheel[L]) tickOf(ms int64) uint64 { return tickOf(ms) + w.skew }

// place links r at the head of the slot for a deadline.
func (w *Wheel[L]) place(r Ref, deadline uint64) {
	deadline = max(deadline, w.next)
	if diff := deadline ^ w.next; diff>>topShift == 0 {
		level := uint64(bits.Len64(diff|1)-1) / slotBits
		w.push(r, level<<slotBits|deadline>>(level*slotBits)&slotMask)
		return
	}
	slot := min(deadline>>topShift, w.next>>topShift+ringFarOff)
	w.push(r, top<<slotBits|slot&slotMask)
}

func (w *Wheel[L]) push(r Ref, head uint64) {
	first := w.heads[head]
	w.links.SetNext(r, first)
	w.links.SetPrev(r, headBit|head)
	if first != 0 {
		w.links.SetPrev(first, r)
	}
	w.setHead(head, r)
}

// setHead keeps the occupied bit in step with the head.
func (w *Wheel[L]) setHead(head uint64, first Ref) {
	w.heads[head] = first
	if head == limbo {
		return
	}
	bit := uint64(1) << (head & slotMask)
	if first != 0 {
		w.occupied[head>>slotBits] |= bit
	} else {
		w.occupied[head>>slotBits] &^= bit
	}
}

func (w *Wheel[L]) unlink(r Ref) {
	w.links.SetNext(r, 0)
	w.links.SetPrev(r, 0)
	w.size--
}

// firstSlot finds the occupied slot that comes first and the tick it starts at, never before next.
// An empty wheel answers with a tick past all others.
func (w *Wheel[L]) firstSlot() (head, at uint64) {
	at = math.MaxUint64
	for level, set := range w.occupied[:top] {
		if set == 0 {
			continue
		}
		slot := uint64(bits.TrailingZeros64(set))
		shift := level * slotBits
		block := w.next >> shift &^ slotMask
		if start := (block | slot) << shift; start < at {
			head, at = uint64(level)<<slotBits|slot, start
		}
	}
	if set := w.occupied[top]; set != 0 {
		own := w.next >> topShift
		ahead := uint64(bits.TrailingZeros64(bits.RotateLeft64(set, -int(own&slotMask))))
		if start := (own + ahead) << topShift; start < at {
			head, at = top<<slotBits|(own+ahead)&slotMask, start
		}
	}
	return head, at
}

// drain takes up to budget records off a list: those due by now go to due, the others are placed again. None comes back
// to the list it left: a slot drained is next's own, and place puts into that only what is due at next or before.
func (w *Wheel[L]) drain(head, now uint64, due []Ref, budget int) ([]Ref, int) {
	leap := now > w.next && now>>topShift-w.next>>topShift > ringFarOff
	r := w.heads[head]
	for ; r != 0 && budget > 0; budget-- {
		after, _ := w.links.Links(r)
		if r == w.hand {
			w.hand = after
		}
		switch deadline := w.tickOf(w.links.Deadline(r)); {
		case deadline <= now:
			w.unlink(r)
			due = append(due, r)
		case leap:
			w.push(r, limbo)
		default:
			w.place(r, deadline)
		}
		r = after
	}
	if r != 0 {
		w.links.SetPrev(r, headBit|head)
	}
	w.setHead(head, r)
	return due, budget
}
