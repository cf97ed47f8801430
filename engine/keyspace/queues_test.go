package keyspace

import (
	"fmt"
	"testing"
)

// Entries that the ring of small has lost can go even when there are no others: after SWAPDB all of few keys, say.
func TestEntriesLostFromTheRingCanGo(t *testing.T) {
	for _, n := range []int{1, 5, 40, 63} {
		ks := New(2, 1000, nil)
		ks.Choose(Queues, false, 5, 1)
		for i := range n {
			key := fmt.Appendf(nil, "key%d", i)
			e, _ := ks.DB(0).Lookup(key)
			ks.DB(0).SetString(&e, key, []byte("v"), 0)
		}
		ks.Swap(0, 1)
		gone := 0
		for range 1000 {
			if e, found, more := ks.Victim(); found {
				e.DB().Delete(&e)
				gone++
			} else if !more {
				break
			}
		}
		if gone != n {
			t.Errorf("%d of %d keys have gone", gone, n)
		}
	}
}
