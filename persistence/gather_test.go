package persistence

import (
	"sync/atomic"
	"testing"
	"time"

	"redix/persistence/vfs"
)

// What came during a sync waits for its like, up to three quarters of all, and for no more; not once the loop has nothing to do.
func TestGather(t *testing.T) {
	fsys := vfs.NewFaulty(vfs.NewMem())
	opts := testOptions(fsys, "/", Always)
	opts.Checksum = false // fill would be synced, too
	var hours atomic.Int64
	opts.Clock = func() time.Time { return time.Unix(3600*hours.Add(1), 0) } // so that each sync takes long
	wake := make(chan struct{}, 1)
	opts.Wake = func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	j, _, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	j.tune.gatherFor = time.Minute
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	entered, gate := make(chan struct{}, 1), make(chan struct{})
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync {
			entered <- struct{}{}
			<-gate
		}
	}
	add := func(n int) int64 {
		for range n {
			j.Append(0, []byte("SET"), []byte("k"), []byte("v"))
		}
		return j.Appended()
	}
	gather := func(quiet, want bool) {
		t.Helper()
		if got := j.Gather(quiet); got != want {
			t.Fatalf("waits: %v, want %v", got, want)
		}
	}
	synced := func(offset int64) { // lets the sync that runs end
		t.Helper()
		gate <- struct{}{}
		for j.Synced() < offset {
			select {
			case <-wake:
			case <-time.After(20 * time.Second):
				t.Fatalf("synced %d, want %d", j.Synced(), offset)
			}
		}
	}
	for _, end := range []string{"enough", "quiet", "more than three quarters"} {
		first := add(10)
		j.HandOver()
		<-entered
		add(2)
		if end == "more than three quarters" {
			add(30)
		}
		gather(false, false) // the writer is busy
		synced(first)
		switch end {
		case "enough":
			gather(false, true)
			add(6)
			gather(false, true)
			add(2)
			gather(false, false)
		case "quiet":
			gather(false, true)
			gather(true, false)
		}
		<-entered
		synced(j.Appended())
	}
	fsys.Before = nil
	if err := j.Close(20 * time.Second); err != nil {
		t.Fatal(err)
	}
}
