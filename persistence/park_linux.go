// Where the writer goroutine sleeps: in the kernel, on a futex, so that waking it is one system call and one switch of threads. The
// Go scheduler would find another thread for it first, which takes several of each, and the loop and the writer wake
// each other twice for each group of replies.

package persistence

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	futexWait = 0 | 128 // FUTEX_WAIT | FUTEX_PRIVATE_FLAG
	futexWake = 1 | 128
)

// parker lets one goroutine sleep until another wakes it. The zero value is ready.
type parker struct {
	token atomic.Uint32 // 1: woken, and not yet seen
}

// init is for the portable parker; here there is nothing to make.
func (p *parker) init() {}

// wait sleeps until wake, or for d; a negative d is forever. A wake that came before counts. It may return early.
func (p *parker) wait(d time.Duration) {
	if p.token.Swap(0) == 1 {
		return
	}
	var timeout *unix.Timespec
	if d >= 0 {
		ts := unix.NsecToTimespec(int64(d))
		timeout = &ts
	}
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&p.token)), futexWait, 0, uintptr(unsafe.Pointer(timeout)), 0, 0)
	p.token.Store(0)
}

// wake ends the wait, or the next one. Any goroutine; it does not block.
func (p *parker) wake() {
	if p.token.Swap(1) == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&p.token)), futexWake, 1)
	}
}
