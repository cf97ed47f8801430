package engine

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// crowd opens n clients that subscribe to x, of which each write takes so long.
func crowd(w *world, n int, takes time.Duration, written func()) []*fakeConn {
	subs := make([]*fakeConn, n)
	for i := range subs {
		subs[i] = w.open()
		subs[i].client().Subscribe(Channels, []byte("x"))
		subs[i].written = func(*fakeConn) {
			for begun := time.Now(); time.Since(begun) < takes; {
			}
			written()
		}
	}
	return subs
}

// TestPublishIsSpread: a message to many subscribers goes out in slices, with a look at the other clients between them. What a slice is
// shows in the number of writes: where each takes a fifth of a slice, the first look at the clock ends it.
func TestPublishIsSpread(t *testing.T) {
	const subscribers, inSlice = 1000, 8
	runtime.LockOSThread() // its processor time is read
	defer runtime.UnlockOSThread()
	w := newWorld(t, native)
	writes, most, rounds := 0, 0, 0
	subs := crowd(w, subscribers, time.Duration(sliceNs/5), func() { writes++ })
	publisher, other := w.open(), w.open()
	w.settle()
	w.read(publisher, frm("publish", "x", "hello"))
	publisher.want(":1000\r\n")
	for w.settled = false; !w.settled; rounds++ {
		before := writes
		w.round()
		most = max(most, writes-before)
		w.read(other, frm("ping"))
		other.want(pong)
	}
	if used := w.s.Stats.FanoutUsedNsMax; used <= 0 {
		t.Errorf("the longest slice took %d ns", used)
	}
	if writes != subscribers || most > inSlice || rounds < subscribers/inSlice {
		t.Errorf("%d writes in %d rounds, up to %d in one", writes, rounds, most)
	}
	for _, c := range subs {
		c.want("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$5\r\nhello\r\n")
	}
}

// TestPublisherTakesTurns: who publishes to many in a pipeline runs as many commands a round as reach fanoutPerTurn subscribers, and
// none while flushBacklog outputs are to be written.
func TestPublisherTakesTurns(t *testing.T) {
	const subscribers, messages = fanoutPerTurn/2 + 1, 10
	w := newWorld(t, native)
	subs := crowd(w, subscribers, 0, func() {})
	publisher := w.open()
	w.settle()
	w.read(publisher, []byte(strings.Repeat(string(frm("publish", "x", "hello")), messages)))
	for done := 2; ; done += 2 {
		if n := strings.Count(string(publisher.out), ":"); n != min(done, messages) {
			t.Fatalf("%d messages in the turns of %d rounds", n, done/2)
		}
		if done >= messages {
			break
		}
		w.round()
	}
	w.settle()
	for _, c := range subs {
		if n := strings.Count(c.take(), "hello"); n != messages {
			t.Fatalf("%d messages", n)
		}
	}
}
