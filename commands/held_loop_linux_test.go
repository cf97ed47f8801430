package commands_test

// How long the loop is held: by deleting what is large, by expiry of very much at once. What counts is the processor time
// of the thread, which a busy machine does not stretch; yet an interrupt may fall into it, so there are some attempts.

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redix/commands/servertest"
	"redix/engine"
)

const (
	heldMax      = time.Millisecond
	heldAttempts = 6
	manyKeys     = 200_000
	manyKeysLong = 3_000_000 // with REDIX_LONG
	manyFields   = 100_000
	manyBytes    = 64 << 20
)

// rounds is the longest that one go of a Local has taken since it was set to 0: the end of a round with its slice of
// background work.
type rounds struct{ longest time.Duration }

func watchRounds(l *servertest.Local) *rounds {
	r := &rounds{}
	l.AroundRound = func(round func() bool) bool {
		begun := threadTime()
		more := round()
		r.longest = max(r.longest, threadTime()-begun)
		return more
	}
	return r
}

// threadTime is the processor time that this thread has used; the caller has locked it.
func threadTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// fill makes many keys and a key of each type that has many members.
func fill(l *servertest.Local, keys int, deadline string) {
	l.Do("DEBUG", "POPULATE", strconv.Itoa(keys), "key", "100")
	for i := 0; i < manyFields; i += 1000 {
		hash, set := []string{"HSET", "hash"}, []string{"SADD", "set"}
		for j := i; j < i+1000; j++ {
			hash = append(hash, "field:"+strconv.Itoa(j), "value")
			set = append(set, "member:"+strconv.Itoa(j))
		}
		l.Do(hash...)
		l.Do(set...)
	}
	l.Do("SET", "string", strings.Repeat("x", manyBytes))
	if deadline != "" {
		for i := range keys {
			l.Do("PEXPIREAT", "key:"+strconv.Itoa(i), deadline)
		}
		for _, key := range []string{"hash", "set", "string"} {
			l.Do("PEXPIREAT", key, deadline)
		}
	}
}

func TestDeletingDoesNotHoldTheLoop(t *testing.T) {
	keys := manyKeys
	if os.Getenv("REDIX_LONG") != "" {
		keys = manyKeysLong
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, words := range [][]string{{"DEL", "hash"}, {"UNLINK", "set"}, {"DEL", "string"}, {"SET", "hash", "x"},
		{"RENAME", "key:1", "set"}, {"FLUSHDB"}, {"FLUSHALL", "SYNC"}, {"FLUSHALL", "ASYNC"}} {
		var seen []string
		for range heldAttempts {
			l := servertest.NewLocal(t)
			fill(l, keys, "")
			before := l.Engine.Keyspace.Used()
			r := watchRounds(l)
			begun := threadTime()
			l.Engine.Data(l.Conn(), servertest.AppendCommand(nil, words...), false)
			command := threadTime() - begun
			l.Advance(0)
			if after := l.Engine.Keyspace.Used(); after >= before || after > before/4 && strings.HasPrefix(words[0], "FLUSH") {
				t.Errorf("%q leaves %d of %d bytes", words, after, before)
			}
			if command < heldMax && r.longest < heldMax {
				seen = nil
				break
			}
			seen = append(seen, fmt.Sprintf("%v and %v", command, r.longest))
		}
		if seen != nil {
			t.Errorf("%q: held the loop for (command, longest round after it) %v", words, seen)
		}
	}
}

func TestExpiryDoesNotHoldTheLoop(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var seen []time.Duration
	for range heldAttempts {
		l := servertest.NewLocal(t)
		fill(l, manyKeys, strconv.FormatInt(l.NowMs()+1000, 10))
		r := watchRounds(l)
		l.Advance(2 * time.Second)
		if n := l.Do("DBSIZE").Int; n != 0 {
			t.Fatalf("%d keys left", n)
		}
		if r.longest < heldMax {
			return
		}
		seen = append(seen, r.longest)
	}
	t.Errorf("held the loop for %v", seen)
}

// TestServedWhileDeleting is the same seen by another client, over sockets: it is served before a flush has freed all.
func TestServedWhileDeleting(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		conn, other := s.Dial(), s.Dial()
		best := 0
		for range heldAttempts {
			conn.Must("DEBUG", "POPULATE", strconv.Itoa(manyKeys), "key", "200")
			conn.Must("FLUSHALL")
			served := 0
			for garbage := 1; garbage > 0; served++ {
				other.Must("PING")
				s.OnLoop(func(e *engine.Server) { garbage = e.Keyspace.Garbage() })
			}
			if best = max(best, served); best >= 10 {
				return
			}
		}
		t.Errorf("another client was served %d times at most until all was freed", best)
	})
}
