package commands_test

// Keys that expire, in the crash test: deadlines pass while the server runs, while it is dead and after it is back. A key must
// be there until its deadline and not afterwards, and what was acknowledged of EXPIRE and PERSIST holds.
//
// When a command ran is known only to lie between its sending and its reply; so is the deadline of SET PX. Whether a key was
// still there when PERSIST came is known from the reply; of one whose reply was never seen, both are possible.

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"redix/commands/servertest"
)

const (
	crashLasting = 8 // keys of a writer; the last two are hashes
	crashStrings = 6
	neverMs      = math.MaxInt64
	// clockSlackMs: the server reads its clock once a round, and a busy machine may stop it between that and a command.
	clockSlackMs = 500
)

// lasting is a key that is there until its deadline, as far as that is known. Deadlines are Unix milliseconds, 0 for none.
type lasting struct {
	value    string
	lo, hi   int64 // its deadline is between them
	goneFrom int64 // from when on it may be absent
}

// found is a key that the server has.
type found struct {
	value    string
	deadline int64
}

// outcome is what is known of how a command went.
type outcome struct {
	known          bool // it was acknowledged with reply
	reply          servertest.Value
	sentMs, doneMs int64 // it ran between them
	complain       func(format string, args ...any)
}

// overBefore tells whether the key was surely gone at a moment.
func (l lasting) overBefore(ms int64) bool { return l.hi > 0 && l.hi+clockSlackMs < ms }

// was takes note that the command found the key, or not; it returns whether the key may be there.
func (d *crashData) was(key string, o outcome, there bool) {
	l, ok := d.lasting[key]
	switch {
	case there && !ok:
		o.complain("%s is there, and should not be", key)
	case there && l.overBefore(o.sentMs):
		o.complain("%s is there %d ms after its deadline", key, o.sentMs-l.hi)
	case !there && ok && o.doneMs < l.goneFrom:
		o.complain("%s is gone %d ms before its deadline", key, l.goneFrom-o.doneMs)
	}
	if !there {
		delete(d.lasting, key)
	}
}

// ifThere is a command that changes a key if it is there, which its reply tells: 1 or 0.
func ifThere(key string, fn func(l lasting, o outcome) lasting, words ...string) change {
	return change{words: words, apply: func(d *crashData, o outcome) {
		if o.known {
			d.was(key, o, o.reply.Int == 1)
		}
		l, ok := d.lasting[key]
		switch {
		case !ok:
		case !o.known && l.overBefore(o.sentMs):
			delete(d.lasting, key)
		default:
			next := fn(l, o)
			if !o.known { // it may have been gone already
				next.goneFrom = min(next.goneFrom, l.goneFrom)
			}
			d.lasting[key] = next
		}
	}}
}

// until gives the deadline of a key that is to last for ttl from when the command ran.
func (l lasting) until(o outcome, ttl int64) lasting {
	l.lo, l.hi = o.sentMs+ttl-clockSlackMs, o.doneMs+ttl
	l.goneFrom = l.lo
	return l
}

func (l lasting) at(deadline int64) lasting {
	l.lo, l.hi, l.goneFrom = deadline, deadline, deadline
	return l
}

// drawLasting makes the next changes of a key that expires.
func (w *crashWriter) drawLasting() []change {
	w.n++
	text := strconv.Itoa(w.n)
	i := w.rand.IntN(crashLasting)
	key := w.key("e" + strconv.Itoa(i))
	ttl := 1 + w.rand.Int64N(400)
	switch w.rand.IntN(8) {
	case 0:
		ttl = 1000 + w.rand.Int64N(4000)
	case 1:
		ttl = 10_000_000
	}
	deadline := time.Now().UnixMilli() + ttl
	at := strconv.FormatInt(deadline, 10)
	switch w.rand.IntN(10) {
	case 0:
		return []change{ifThere(key, func(l lasting, _ outcome) lasting { return l.at(deadline) }, "PEXPIREAT", key, at)}
	case 1:
		return []change{ifThere(key, func(l lasting, o outcome) lasting { return l.until(o, ttl) }, "PEXPIRE", key, strconv.FormatInt(ttl, 10))}
	case 2:
		return []change{persist(key)}
	case 3:
		return []change{{words: []string{"DEL", key}, apply: func(d *crashData, o outcome) {
			if o.known {
				d.was(key, o, o.reply.Int == 1)
			}
			delete(d.lasting, key)
		}}}
	case 4, 5:
		return []change{{words: []string{"EXISTS", key}, apply: func(d *crashData, o outcome) {
			if o.known {
				d.was(key, o, o.reply.Int == 1)
			}
		}}}
	}
	if i >= crashStrings {
		return []change{nothing("MULTI"), nothing("DEL", key), nothing("HSET", key, "f", text), nothing("PEXPIREAT", key, at),
			{words: []string{"EXEC"}, apply: func(d *crashData, _ outcome) { d.lasting[key] = lasting{value: text}.at(deadline) }}}
	}
	if w.rand.IntN(2) == 0 {
		return []change{{words: []string{"SET", key, text, "PXAT", at}, apply: func(d *crashData, _ outcome) {
			d.lasting[key] = lasting{value: text}.at(deadline)
		}}}
	}
	return []change{{words: []string{"SET", key, text, "PX", strconv.FormatInt(ttl, 10)}, apply: func(d *crashData, o outcome) {
		d.lasting[key] = lasting{value: text}.until(o, ttl)
	}}}
}

// persist is known to have found a deadline by its reply; 0 leaves open whether the key is there.
func persist(key string) change {
	return change{words: []string{"PERSIST", key}, apply: func(d *crashData, o outcome) {
		l, ok := d.lasting[key]
		if o.known && (!ok || l.hi > 0) {
			d.was(key, o, o.reply.Int == 1)
			l, ok = d.lasting[key]
		} else if o.known && o.reply.Int == 1 {
			o.complain("%s had a deadline, and should not have had one", key)
		}
		if ok && !o.known && l.overBefore(o.sentMs) {
			delete(d.lasting, key)
			return
		}
		if ok {
			l.lo, l.hi = 0, 0
			if o.known {
				l.goneFrom = neverMs
			}
			d.lasting[key] = l
		}
	}}
}

// fetchLasting reads the keys that expire, each with its deadline at one moment.
func (w *crashWriter) fetchLasting(conn *servertest.Conn) map[string]found {
	w.c.t.Helper()
	have := map[string]found{}
	for i := range crashLasting {
		key := w.key("e" + strconv.Itoa(i))
		conn.Must("MULTI")
		if i < crashStrings {
			conn.Must("GET", key)
		} else {
			conn.Must("HGET", key, "f")
		}
		conn.Must("PEXPIRETIME", key)
		v := conn.Must("EXEC")
		switch deadline := v.Elems[1].Int; {
		case deadline != -2:
			have[key] = found{v.Elems[0].Str, max(deadline, 0)}
		case !v.Elems[0].Null():
			w.c.t.Errorf("%s has a value and is not there", key)
		}
	}
	return have
}

// lastingDiffers tells what is not as it must be in what was fetched between two moments; "" if all is.
func (d *crashData) lastingDiffers(have map[string]found, fromMs, toMs int64) string {
	for key, f := range have {
		l, ok := d.lasting[key]
		switch {
		case !ok:
			return fmt.Sprintf("%s is %v and should not be there", key, f)
		case f.value != l.value || f.deadline < l.lo || f.deadline > l.hi:
			return fmt.Sprintf("%s is %v, acknowledged was %+v", key, f, l)
		case l.overBefore(fromMs) || f.deadline > 0 && f.deadline+clockSlackMs < fromMs:
			return fmt.Sprintf("%s is %v, %d ms after its deadline", key, f, fromMs-l.hi)
		}
	}
	for key, l := range d.lasting {
		if _, ok := have[key]; !ok && toMs < l.goneFrom {
			return fmt.Sprintf("%s is gone, %d ms before its deadline: %+v", key, l.goneFrom-toMs, l)
		}
	}
	return ""
}

// pin replaces what is known of deadlines by what the server says, and counts the keys that are gone.
func (d *crashData) pin(have map[string]found) (gone int64) {
	for key := range d.lasting {
		if _, ok := have[key]; !ok {
			gone++
		}
	}
	clear(d.lasting)
	for key, f := range have {
		l := lasting{value: f.value, lo: f.deadline, hi: f.deadline, goneFrom: f.deadline}
		if f.deadline == 0 {
			l.goneFrom = neverMs
		}
		d.lasting[key] = l
	}
	return gone
}
