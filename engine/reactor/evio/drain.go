//go:build darwin || freebsd || linux

// Waiting until a socket takes bytes again. evio does that only for output that it holds itself, and then it stops
// reading (row 2), so connections with a short Write are watched by a goroutine of ours that sits in poll(2):
//
//	loop: short Write ─► watched ─► poller: poll(2) says writable ─► ready, signal ─► loop: retry ─► Writable
//	                        ▲                     ▲
//	                        └── closed removes    └── a byte in the pipe makes it look at the list again
//
// A client that never reads costs nothing. (Asking every 10 ms from a timer was tried: 5 % of a processor for one such
// client, nearly all of it the runtime's waking of threads.)
//
// evio closes descriptors without asking, so the poller may watch a number that is closed or somebody else's already.
// That is harmless: its answer names the connection, and the loop drops the answer if that is closed. The pipe makes
// it let go, since a poll keeps the socket behind a closed number open.

package evio

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// drain is shared by the loop and the poller; everything below mu is.
type drain struct {
	pipe    [2]int        // read end, write end
	exited  chan struct{} // nil until the poller is started, at the first short Write
	mu      sync.Mutex
	watched []*conn
	ready   []*conn
	over    bool

	taken []*conn // the loop's: what retry is working on
}

func (d *drain) open() error {
	if err := unix.Pipe(d.pipe[:]); err != nil {
		return err
	}
	for _, fd := range d.pipe {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
	}
	return nil
}

// kick makes the poller look at the list again. A full pipe does too.
func (d *drain) kick() { _, _ = unix.Write(d.pipe[1], wakeByte) }

// watch has Writable called when c takes bytes again. Loop only, like all but poll and move.
func (r *Reactor) watch(c *conn) {
	d := &r.drain
	c.waiting = true
	d.mu.Lock()
	d.watched = append(d.watched, c)
	d.mu.Unlock()
	if d.exited == nil {
		d.exited = make(chan struct{})
		go d.poll(func() { r.raise(&r.retryDue) })
	}
	d.kick()
}

// unwatch forgets a connection that is closed.
func (r *Reactor) unwatch(c *conn) {
	d := &r.drain
	d.mu.Lock()
	if i := slices.Index(d.watched, c); i >= 0 {
		d.watched = slices.Delete(d.watched, i, i+1)
	}
	d.mu.Unlock()
	d.kick()
}

// retry tells the handler which connections take bytes again.
func (r *Reactor) retry() {
	d := &r.drain
	d.mu.Lock()
	d.taken, d.ready = d.ready, d.taken[:0]
	d.mu.Unlock()
	for i, c := range d.taken {
		d.taken[i] = nil
		c.waiting = false
		if !c.closing && !r.stopping {
			r.handler.Writable(c)
		}
	}
}

// poll is the poller: it moves connections from watched to ready and reports that there are some.
func (d *drain) poll(report func()) {
	defer close(d.exited)
	var asked []*conn
	var fds []unix.PollFd
	var sink [64]byte
	for {
		fds = append(fds[:0], unix.PollFd{Fd: int32(d.pipe[0]), Events: unix.POLLIN})
		d.mu.Lock()
		if d.over {
			d.mu.Unlock()
			return
		}
		clear(asked)
		asked = append(asked[:0], d.watched...)
		d.mu.Unlock()
		for _, c := range asked {
			fds = append(fds, unix.PollFd{Fd: int32(c.fd), Events: unix.POLLOUT})
		}
		if n, err := unix.Poll(fds, -1); err != nil || n <= 0 {
			continue // EINTR
		}
		for n := len(sink); fds[0].Revents != 0 && n == len(sink); {
			n, _ = unix.Read(d.pipe[0], sink[:])
		}
		if d.move(asked, fds[1:]) {
			report()
		}
	}
}

// move makes ready what poll found so and is still watched.
func (d *drain) move(asked []*conn, fds []unix.PollFd) (found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range asked {
		if fds[i].Revents == 0 {
			continue
		}
		if at := slices.Index(d.watched, c); at >= 0 {
			d.watched = slices.Delete(d.watched, at, at+1)
			d.ready = append(d.ready, c)
			found = true
		}
	}
	return found
}

// close ends the poller, after the loop has ended.
func (d *drain) close() {
	if d.exited != nil {
		d.mu.Lock()
		d.over = true
		d.mu.Unlock()
		d.kick()
		<-d.exited
	}
	for _, fd := range d.pipe {
		if fd > 0 {
			unix.Close(fd)
		}
	}
}
