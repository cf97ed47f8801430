package commands_test

// A disk whose fsync takes very long, under a whole server with appendfsync everysec.

import (
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/persistence/vfs"
)

// TestSlowSync holds an fsync up until two more have been missed (ten seconds with REDIX_LONG): every write and read is
// answered meanwhile, none of them by luck, since the sync ends only after them; INFO and WAITAOF tell what is going on.
func TestSlowSync(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			t.Parallel() // nearly all of it is waiting
			gate := make(chan struct{})
			var hangs atomic.Bool
			fsys := vfs.NewFaulty(vfs.OS{})
			fsys.Before = func(op vfs.Op, _ string) {
				if op == vfs.OpSync && hangs.Load() {
					<-gate
				}
			}
			s := servertest.StartOn(t, fsys, reactor, "--appendonly", "yes", "--appendfsync", "everysec")
			c := s.Dial()
			reads := func(n int) (took []time.Duration) {
				for range n {
					began := time.Now()
					c.Must("GET", "k")
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				return took
			}
			c.Must("SET", "k", "0")
			before := reads(2000)
			hangs.Store(true)
			open := func() {
				hangs.Store(false)
				close(gate)
			}
			defer func() {
				if hangs.Load() {
					open()
				}
			}()
			least := time.Duration(0)
			if os.Getenv("REDIX_LONG") != "" {
				least = 10 * time.Second
			}
			writes, during := 0, []time.Duration(nil)
			began := time.Now()
			for delayed := 0; delayed < 2 || time.Since(began) < least; {
				writes++
				c.Must("SET", "k", strconv.Itoa(writes))
				during = append(during, reads(20)...)
				if got := c.Must("GET", "k").Str; got != strconv.Itoa(writes) {
					t.Fatalf("k is %s after %d writes", got, writes)
				}
				time.Sleep(time.Millisecond)
				f := c.Info("persistence")
				delayed, _ = strconv.Atoi(f["aof_delayed_fsync"])
				if delayed > 0 && f["aof_pending_bio_fsync"] != "1" {
					t.Fatalf("aof_delayed_fsync is %d, aof_pending_bio_fsync %s", delayed, f["aof_pending_bio_fsync"])
				}
				if time.Since(began) > time.Minute {
					t.Fatal("INFO does not tell that syncs are late")
				}
			}
			if v := c.Must("WAITAOF", "1", "0", "10"); v.Elems[0].Int != 0 {
				t.Errorf("WAITAOF while the sync hangs: %s", v)
			}
			hung := time.Since(began)
			open()
			if v := c.Must("WAITAOF", "1", "0", "0"); v.Elems[0].Int != 1 {
				t.Errorf("WAITAOF after the sync: %s", v)
			}
			if f := c.Info("persistence"); f["aof_last_write_status"] != "ok" {
				t.Errorf("aof_last_write_status:%s", f["aof_last_write_status"])
			}
			slices.Sort(during)
			t.Logf("the sync took %v; %d writes; 99 of 100 reads took %v at most before it, %v while it hung (%d reads)", hung.Round(time.Millisecond),
				writes, before[len(before)*99/100], during[len(during)*99/100], len(during))
		})
	}
}
