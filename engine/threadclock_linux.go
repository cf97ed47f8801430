package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// threadNs is the processor time of this thread, the loop's, in nanoseconds. What interrupts it does not count, unless that is a
// hypervisor.
func threadNs() int64 {
	var ts unix.Timespec // RawSyscall: it does not wait, and the Go scheduler need not hear of it
	_, _, _ = unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_THREAD_CPUTIME_ID, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}
