//go:build linux

// The system calls of the hot path. recv, send and pollNow never block, so they are made raw: the Go scheduler is not
// told, which saves its bookkeeping on every command. A raw call cannot be interrupted by the garbage collector, so
// transfers that take long (a large bulk is copied at some 5 GB/s) go the ordinary way. This is the only file of the
// package that needs unsafe.

package epoll

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// recv reads into buf, which is not empty. n == 0 without an error is the end of the stream.
func recv(fd int, buf []byte) (n int, errno unix.Errno) {
	const flags = unix.MSG_DONTWAIT
	var r uintptr
	if len(buf) <= maxRaw {
		r, _, errno = unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), flags, 0, 0)
	} else {
		r, _, errno = unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), flags, 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// send writes b, which is not empty, as far as the socket takes it.
func send(fd int, b []byte) (n int, errno unix.Errno) {
	const flags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	var r uintptr
	if len(b) <= maxRaw {
		r, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
	} else {
		r, _, errno = unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// pollNow returns what is ready. epoll_pwait, because arm64 has no epoll_wait.
func pollNow(epfd int, events []unix.EpollEvent) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// pwait2 is a variable for tests, which stand for a kernel without it.
var pwait2 uintptr = unix.SYS_EPOLL_PWAIT2

// timespec is the kernel's, 64 bits wide on every architecture, which unix.Timespec is not.
type timespec struct{ sec, nsec int64 }

// unknown tells that the kernel does not know a system call, or that a sandbox refuses it for that.
func unknown(errno unix.Errno) bool { return errno == unix.ENOSYS || errno == unix.EPERM }

// roundedUp is a delay in milliseconds, for kernels before 5.11, which know no nanoseconds here.
func roundedUp(delay time.Duration) uintptr {
	return uintptr(min(delay+time.Millisecond-1, 24*time.Hour).Milliseconds())
}

// pollOpen waits until something is ready, however long, without telling the Go scheduler.
func pollOpen(epfd int, events []unix.EpollEvent) (n int, errno unix.Errno) {
	const forever = ^uintptr(0)
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), forever, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// pollNap is pollWait without telling the Go scheduler, for delays under a second.
func pollNap(epfd int, events []unix.EpollEvent, delay time.Duration) (n int, errno unix.Errno) {
	ts := timespec{0, int64(delay)}
	r, _, errno := unix.RawSyscall6(pwait2, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	if unknown(errno) {
		r, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), roundedUp(delay), 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// pollWait sleeps until something is ready or the delay is over.
func pollWait(epfd int, events []unix.EpollEvent, delay time.Duration) (n int, errno unix.Errno) {
	ts := timespec{int64(delay / time.Second), int64(delay % time.Second)}
	r, _, errno := unix.Syscall6(pwait2, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	if unknown(errno) {
		r, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), roundedUp(delay), 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}
