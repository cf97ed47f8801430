package engine

import (
	"fmt"
	"runtime"
	"testing"
)

// What clients make the Go heap keep is counted: the keys that they wait at, and those that the table of tracked keys has. In both cases
// the count is near what the heap has grown by.
func TestHeapIsCounted(t *testing.T) {
	const n = 20_000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what the first has found in pools
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	near := func(t *testing.T, counted, grown int64) {
		t.Helper()
		t.Logf("%d bytes counted, %d on the heap", counted, grown)
		if counted < grown*2/3 || counted > grown*2 {
			t.Errorf("%d bytes counted, the heap has grown by %d", counted, grown)
		}
	}
	words := []string{"take", "0"}
	for i := range n {
		words = append(words, fmt.Sprint("key:", i))
	}
	t.Run("a wait", func(t *testing.T) {
		w := blockWorld(t, native)
		c, frame := w.open(), frm(words...)
		w.send(c, frame) // so that buffers have their sizes
		w.s.Unblock(c.client(), false)
		used, before := w.s.UsedMemory(), heap()
		w.send(c, frame)
		if !c.client().Blocked() {
			t.Fatal("it does not wait")
		}
		near(t, w.s.UsedMemory()-used, heap()-before)
		runtime.KeepAlive([]any{w, words, frame})
	})
	t.Run("tracking", func(t *testing.T) {
		w := newWorld(t, native)
		used, before := w.s.UsedMemory(), heap()
		arena := w.s.Keyspace.Used()
		for _, key := range words[2:] {
			w.s.table.remember(w.s, 1, []byte(key))
		}
		near(t, w.s.UsedMemory()-used-(w.s.Keyspace.Used()-arena), heap()-before)
		runtime.KeepAlive([]any{w, words})
	})
}
