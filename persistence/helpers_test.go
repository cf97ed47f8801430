// What the tests of this package share: a journal whose waits are short, the loop's part played by a test, and a reader
// that gives back what a directory holds.

package persistence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"redix/persistence/vfs"
)

// fastTuning makes retries and everysec quick enough to test without waiting.
var fastTuning = tuning{retryMin: 50 * time.Microsecond, retryMax: 200 * time.Microsecond, syncEvery: 500 * time.Microsecond,
	retainLimit: 1 << 20, fillMin: 1 << 10, fillMax: 4 << 10, gatherFor: 200 * time.Microsecond}

// rig is a journal and the loop that feeds it.
type rig struct {
	t     *testing.T
	j     *Journal
	wake  chan struct{}
	count int     // records appended: record i is SET k<i> v<i> in database dbOf(i)
	ends  []int64 // offset after each
}

func testOptions(fsys vfs.FS, dir string, policy Policy) Options {
	return Options{FS: fsys, Dir: dir, AppendDirName: "aofdir", AppendFilename: "a.aof", Policy: policy, LoadTruncated: true, Checksum: true}
}

// openRig loads what is there, checks that it is records 0..n-1, and continues from n.
func openRig(t *testing.T, fsys vfs.FS, dir string, policy Policy) *rig {
	t.Helper()
	return openRigWith(t, fsys, dir, policy, true)
}

func openRigWith(t *testing.T, fsys vfs.FS, dir string, policy Policy, checked bool) *rig {
	t.Helper()
	r, err := tryRig(t, fsys, dir, policy, checked)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryRig(t *testing.T, fsys vfs.FS, dir string, policy Policy, checked bool) (*rig, error) {
	r := &rig{t: t, wake: make(chan struct{}, 1)}
	opts := testOptions(fsys, dir, policy)
	opts.Checksum = checked
	opts.Wake = func() {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	j, plan, err := Open(opts)
	if err != nil {
		return nil, err
	}
	j.tune = fastTuning
	if r.count, err = replayRecords(plan); err != nil {
		return nil, err
	}
	if err := j.Start(); err != nil {
		return nil, err
	}
	r.j = j
	return r, nil
}

// dbOf changes now and then only: a file or batch that begins in the middle of a run depends on a SELECT of its own.
func dbOf(i int) int { return i / 4 % 3 }

func checkRecord(i, db int, args [][]byte) error {
	want := fmt.Sprintf("%d SET k%d v%d", dbOf(i), i, i)
	if got := fmt.Sprintf("%d %s", db, joined(args)); got != want {
		return fmt.Errorf("record %d is %q, want %q", i, got, want)
	}
	return nil
}

func joined(args [][]byte) string {
	var out []string
	for _, a := range args {
		out = append(out, string(a))
	}
	return strings.Join(out, " ")
}

// add appends n records as one round.
func (r *rig) add(n int) {
	for range n {
		r.j.Append(dbOf(r.count), []byte("SET"), fmt.Appendf(nil, "k%d", r.count), fmt.Appendf(nil, "v%d", r.count))
		r.count++
		r.ends = append(r.ends, r.j.Appended())
	}
	r.j.HandOver()
}

// until waits for cond, looking at it after every Wake.
func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-r.wake:
		case <-deadline.C:
			r.t.Fatalf("waited in vain for: %s (appended %d, written %d, synced %d, err %v)", what, r.j.Appended(), r.j.Written(),
				r.j.Synced(), r.j.Err())
		}
	}
}

func (r *rig) release() {
	r.t.Helper()
	r.until("release", func() bool { return r.j.Releasable() == r.j.Appended() && r.j.Err() == nil })
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.j.Close(20 * time.Second); err != nil {
		r.t.Fatal(err)
	}
}

// load gives the number of records in a directory, which must be 0..n-1 without a gap or a double.
func load(fsys vfs.FS, dir string) (n int, err error) {
	_, plan, err := Open(testOptions(fsys, dir, Always))
	if err != nil {
		return 0, err
	}
	return replayRecords(plan)
}

// replayRecords gives the number of records in a plan, n, if they are records 0..n-1. The first of them may be in a base file
// in RDB format, where they have no order.
func replayRecords(plan *Plan) (n int, err error) {
	base := &recordsBuilder{}
	_, err = ReplayWith(plan, ReplayOptions{Base: func() Builder { return base }, Apply: func(db int, args [][]byte) error {
		if n == 0 {
			if n, err = base.complete(); err != nil {
				return err
			}
		}
		if err := checkRecord(n, db, args); err != nil {
			return err
		}
		n++
		return nil
	}}, nil)
	if n == 0 && err == nil {
		n, err = base.complete()
	}
	return n, err
}

func mustLoad(t *testing.T, fsys vfs.FS, dir string, want int) {
	t.Helper()
	n, err := load(fsys, dir)
	if err != nil || n != want {
		t.Fatalf("loaded %d records, error %v; want %d", n, err, want)
	}
}

// startAlways starts a journal whose policy is always, in "/", tuned otherwise than usual if so asked.
func startAlways(t *testing.T, fs vfs.FS, tune ...tuning) *Journal {
	t.Helper()
	j, _, err := Open(testOptions(fs, "/", Always))
	if err != nil {
		t.Fatal(err)
	}
	if len(tune) > 0 {
		j.tune = tune[0]
	}
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	return j
}

// syncAll hands over what has been appended and waits until it is synced.
func syncAll(j *Journal) {
	for j.HandOver(); j.Synced() < j.Appended(); time.Sleep(50 * time.Microsecond) {
	}
}
