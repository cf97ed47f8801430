//go:build linux

package epoll

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A kernel that knows no nanoseconds naps and sleeps all the same, and does not spin.
func TestOldKernelsWait(t *testing.T) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(epfd)
	events := make([]unix.EpollEvent, 1)
	for name, poll := range map[string]func(int, []unix.EpollEvent, time.Duration) (int, unix.Errno){"nap": pollNap, "wait": pollWait} {
		for _, number := range []uintptr{unix.SYS_EPOLL_PWAIT2, 1 << 20} { // which no kernel has
			pwait2 = number
			start := time.Now()
			n, errno := poll(epfd, events, 2500*time.Microsecond)
			pwait2 = unix.SYS_EPOLL_PWAIT2
			if took := time.Since(start); errno == unix.EINTR {
				t.Logf("%s: interrupted", name)
			} else if n != 0 || errno != 0 || took < 2500*time.Microsecond {
				t.Errorf("%s by %d: %d, %v after %v", name, number, n, errno, took)
			}
		}
	}
}
