package commands_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

// TestEvictionOfLargeValues: what is large goes in pieces, so that even where values of megabytes make room for small ones no
// slice of eviction is long. The time that counts is the processor's, of the thread; some attempts, since an interrupt may fall in.
func TestEvictionOfLargeValues(t *testing.T) {
	for _, policy := range []string{"allkeys-lru", "allkeys-s3fifo"} {
		var longest time.Duration
		for range heldAttempts {
			if longest = longestEviction(t, policy); longest <= heldMax {
				break
			}
		}
		if longest > heldMax {
			t.Errorf("%s: the loop was held for %v", policy, longest)
		}
	}
}

// longestEviction is the longest round while a lower limit makes 60 MB of large values go: strings of their own mappings, hashes, lists
// and sorted sets of many elements.
func longestEviction(t *testing.T, policy string) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := servertest.NewLocal(t, "--maxmemory-policy", policy)
	for i := range 8 {
		n := strconv.Itoa(i)
		l.Do("SET", "string:"+n, strings.Repeat("x", 5<<20))
		for from := 0; from < 20_000; from += 1000 {
			hash, list, zset := []string{"HSET", "hash:" + n}, []string{"RPUSH", "list:" + n}, []string{"ZADD", "zset:" + n}
			for j := from; j < from+1000; j++ {
				member := "member:" + strconv.Itoa(j)
				hash, list, zset = append(hash, member, "v"), append(list, member), append(zset, strconv.Itoa(j), member)
			}
			l.Do(hash...)
			l.Do(list...)
			l.Do(zset...)
		}
	}
	evicted := l.Engine.Stats.Evicted
	r := watchRounds(l)
	l.Do("CONFIG", "SET", "maxmemory", strconv.FormatInt(l.Engine.UsedMemory()/20, 10))
	for range 2_000_000 {
		if l.Engine.UsedMemory() <= int64(l.Engine.Config.MaxMemoryBytes) {
			break
		}
		l.Advance(time.Millisecond)
	}
	if n := l.Engine.Stats.Evicted - evicted; n < 8 {
		t.Fatalf("%s: %d evicted, %d of %d bytes in use", policy, n, l.Engine.UsedMemory(), l.Engine.Config.MaxMemoryBytes)
	}
	t.Logf("%s: longest round %v, longest slice by the clock %v", policy, r.longest, time.Duration(l.Engine.Stats.EvictionSliceNsMax))
	return r.longest
}
