//go:build darwin || freebsd || linux

// Socket options and descriptor limits, the same for both engines.

package reactor

import (
	"log/slog"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// TuneTCP sets TCP_NODELAY, and keepalive as redis-server has it: the first probe after the idle time, then two more a
// third of it apart. Below one second keepalive is off.
func TuneTCP(fd int, keepAlive time.Duration) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	idleSec := int(min(keepAlive/time.Second, 32767)) // the largest the kernel takes
	if idleSec < 1 {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
		return err
	}
	return setProbes(fd, idleSec, max(idleSec/3, 1), 3)
}

// HasRoom tells whether a connection may keep this descriptor. The kernel gives the lowest free number, so one within
// the last reserve numbers means that only those are left.
func HasRoom(fd, reserve int) bool {
	var limit unix.Rlimit
	if reserve <= 0 || unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return true
	}
	return uint64(fd)+uint64(reserve) < uint64(limit.Cur)
}

// MaxConns tells how many connections the limit of descriptors allows beside others, which are taken or kept free, and those that
// the process was started with. It is for the start: it takes for these whatever is not close-on-exec.
func MaxConns(others int) int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxInt32
	}
	files := int(min(uint64(limit.Cur), math.MaxInt32))
	for fd := 3; fd < min(files, inheritedBelow); fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			others++
		}
	}
	return files - others
}

// inheritedBelow bounds the search for descriptors that were left open: they have low numbers.
const inheritedBelow = 1024

// LogLimit lets one line a second through and counts the rest. It belongs to one goroutine.
type LogLimit struct {
	next   time.Time
	hidden int
}

// Warn logs, or counts the line when the last was less than a second before now.
func (l *LogLimit) Warn(log *slog.Logger, now time.Time, msg string, args ...any) {
	if now.Before(l.next) {
		l.hidden++
		return
	}
	if l.hidden > 0 {
		args = append(args, "suppressed", l.hidden)
	}
	log.Warn(msg, args...)
	l.next, l.hidden = now.Add(time.Second), 0
}
