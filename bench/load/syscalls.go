//go:build linux

// System calls that the Go scheduler is not told of. It takes the processor from whoever is in one for over 20 microseconds, wakes
// another thread for it, and lets its monitor look each 20 microseconds for the next: a generator that waits for a server
// would pay for that with each reply, on the core that it needs. A signal, by which the collector stops all, ends the wait.

package load

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// result turns what a system call returns into what Go functions do.
func result(n uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// send writes b, which is not empty, to a socket.
func send(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	return result(n, errno)
}

// recv reads from a socket into b, which is not empty.
func recv(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	return result(n, errno)
}

// poll waits for events, at most timeoutMs. epoll_pwait, because arm64 has no epoll_wait.
func poll(epfd int, events []unix.EpollEvent, timeoutMs int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(timeoutMs), 0, 0)
	return result(n, errno)
}
