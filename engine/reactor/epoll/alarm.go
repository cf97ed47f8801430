//go:build linux

package epoll

import (
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a timer descriptor in the epoll set that ends naps, so that a nap needs no time limit: with one the kernel reads
// its clock twice in each epoll_wait, and programs a timer for each sleep and takes it back. The alarm is set once in the time
// of a nap, however many naps end before it rings. It is registered edge-triggered: each ring is an event, and it is not read.
type alarm struct {
	fd int       // negative: there is none
	at time.Time // when it rings at the latest; zero: it is not set
}

// openAlarm is called once. Without a descriptor naps have time limits.
func (r *Reactor) openAlarm() {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return
	}
	if r.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLET) != nil {
		unix.Close(fd)
		return
	}
	r.alarm.fd = fd
}

// within makes it ring after d at the latest, which is more than zero; now is the round's clock. It returns false when that
// cannot be had.
func (a *alarm) within(now time.Time, d time.Duration) bool {
	if a.fd < 0 {
		return false
	}
	at := now.Add(d)
	if !a.at.IsZero() && !a.at.After(at) {
		return true
	}
	if unix.TimerfdSettime(a.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil) != nil {
		return false
	}
	a.at = at
	return true
}

// rung tells that the alarm is all that has come.
func (r *Reactor) rung(n int) bool { return n == 1 && int(r.events[0].Fd) == r.alarm.fd }
