package commands_test

// A disk whose fsync takes very long, under a whole server.

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/persistence/vfs"
)

// syncsThatHang gives a file layer over the real one whose syncs, once hang was called, do not end before open is.
func syncsThatHang() (fsys *vfs.Faulty, hang, open func()) {
	gate := make(chan struct{})
	var hangs atomic.Bool
	fsys = vfs.NewFaulty(vfs.OS{})
	fsys.Before = func(op vfs.Op, _ string) {
		if op == vfs.OpSync && hangs.Load() {
			<-gate
		}
	}
	return fsys, func() { hangs.Store(true) }, sync.OnceFunc(func() {
		hangs.Store(false)
		close(gate)
	})
}

// TestSlowSync holds an fsync up until two more have been missed (ten seconds with REDIX_LONG): every write and read is
// answered meanwhile, none of them by luck, since the sync ends only after them; INFO and WAITAOF tell what is going on.
func TestSlowSync(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			t.Parallel() // nearly all of it is waiting
			fsys, hang, open := syncsThatHang()
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
			hang()
			defer open()
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

// TestSlowSyncUnderAlways holds an fsync up (for ten seconds with REDIX_LONG) under appendfsync always: writes, and reads of
// what they have changed, wait for it; whoever reads other keys is answered, and INFO tells of the sync.
func TestSlowSyncUnderAlways(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			t.Parallel()
			fsys, hang, open := syncsThatHang()
			s := servertest.StartOn(t, fsys, reactor, "--appendonly", "yes", "--appendfsync", "always")
			defer open()
			c := s.Dial()
			c.Must("MSET", "written", "old", "other", "old")
			hang()
			answers := make(chan string, 3)
			ask := func(words ...string) {
				conn := s.Dial()
				conn.Send(words...)
				conn.Flush()
				go func() {
					v, err := conn.TryReceive()
					answers <- fmt.Sprint(words, " ", v.Str, " ", err)
				}()
			}
			ask("SET", "written", "new")
			for end := time.Now().Add(20 * time.Second); c.Info("persistence")["aof_pending_bio_fsync"] != "1"; {
				if time.Now().After(end) {
					t.Fatal("INFO does not tell of the sync")
				}
			}
			ask("GET", "written")
			ask("SET", "other2", "new") // it is not even written yet
			least := time.Duration(0)
			if os.Getenv("REDIX_LONG") != "" {
				least = 10 * time.Second
			}
			began, reads := time.Now(), 0
			for ; reads < 2000 || time.Since(began) < least; reads++ {
				if v := c.Must("GET", "other"); v.Str != "old" {
					t.Fatalf("other is %s", v)
				}
			}
			if f := c.Info("persistence"); f["aof_pending_bio_fsync"] != "1" || f["aof_last_write_status"] != "ok" {
				t.Errorf("aof_pending_bio_fsync:%s aof_last_write_status:%s", f["aof_pending_bio_fsync"], f["aof_last_write_status"])
			}
			select {
			case got := <-answers:
				t.Errorf("before the sync: %s", got)
			default:
			}
			hung := time.Since(began)
			open()
			var got []string
			for range cap(answers) {
				select {
				case a := <-answers:
					got = append(got, a)
				case <-time.After(20 * time.Second):
					t.Fatalf("after the sync only %q", got)
				}
			}
			slices.Sort(got)
			want := []string{"[GET written] new <nil>", "[SET other2 new] OK <nil>", "[SET written new] OK <nil>"}
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			t.Logf("the sync took %v, %d reads meanwhile", hung.Round(time.Millisecond), reads)
		})
	}
}
