package persistence

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// saverNice is the niceness of the thread that compresses and writes a snapshot: about a fifth of a processor that it has
// to share with a busy loop, all of one that is idle.
const saverNice = 6

// saverSlice is the shortest slice of time that Linux gives on request, since 6.12; before, it gives its own.
const saverSlice = 100 * time.Microsecond

// yieldToLoop keeps the calling goroutine on a thread of its own, which gives way to the loop where the two have to share a
// processor. The thread ends with the goroutine.
func yieldToLoop() {
	runtime.LockOSThread()
	attr := unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: saverNice, Runtime: uint64(saverSlice)}
	_ = unix.SchedSetAttr(0, &attr, 0) // without it the loop is slower, no more
}

// giveWay lets the loop go on where the two share a processor. The kernel would let the thread finish what has gathered while a sync
// took long, up to its next tick (4 ms), though the loop is ready to run.
func giveWay() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
