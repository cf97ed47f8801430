//go:build darwin || freebsd || linux

// Waking the loop: a byte on a connection to ourselves, through a unix socket in a directory that only this user can
// enter. evio's own Wake and Tick can come 100 ms late (row 4), because it looks at its notes before it empties the
// descriptor that announces them.
//
//	Wake ───► woken ────┐
//	timer ──► tickDue ──┼─► signal: if none is on its way, one byte ─► evio reads it ─► called: attend
//	poller ─► retryDue ─┘                                   (or a kick, while evio's server is down)
//
// attend clears "on its way" before it looks at the flags, so what is raised later sends another byte.

package evio

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/tidwall/evio"
)

// waker is the part of the Reactor that other goroutines touch: the timer, the poller and the callers of Wake.
type waker struct {
	woken    flag
	tickDue  flag
	retryDue flag
	onItsWay atomic.Bool
	line     atomic.Pointer[net.Conn] // our end of the connection to ourselves; nil while evio's server is down
	kick     chan struct{}
	ticker   *time.Timer
	tickAt   time.Time // when it fires
}

var wakeByte = []byte{0}

// signal makes the loop call attend. Any goroutine.
func (w *waker) signal() {
	if w.onItsWay.Swap(true) {
		return
	}
	if line := w.line.Load(); line != nil {
		if _, err := (*line).Write(wakeByte); err == nil {
			return
		}
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// raise sets a flag and signals, unless the flag's raiser before has that still to do.
func (w *waker) raise(f *flag) {
	if !f.Swap(true) {
		w.signal()
	}
}

// Wake implements reactor.Reactor.
func (r *Reactor) Wake() { r.raise(&r.woken) }

// attend does what was signalled, and is a round.
func (r *Reactor) attend() {
	r.onItsWay.Store(false)
	r.now = time.Now()
	if !r.stopping && r.retryDue.take() {
		r.retry()
	}
	if !r.stopping && r.woken.take() {
		r.handler.Woken()
	}
	if !r.stopping && r.tickDue.take() {
		r.tick()
	}
	r.endRound()
}

func (r *Reactor) tick() {
	delay := r.handler.Tick(r.now)
	if delay <= 0 {
		r.raise(&r.tickDue)
		return
	}
	r.setTick(delay)
}

func (r *Reactor) setTick(delay time.Duration) {
	r.tickAt = time.Now().Add(delay)
	if r.ticker == nil {
		r.ticker = time.AfterFunc(delay, func() { r.raise(&r.tickDue) })
		return
	}
	r.ticker.Reset(delay)
}

// plugged is the opening of the connection to ourselves, the first event of every life of evio's server.
func (r *Reactor) plugged(ev evio.Conn, fd int, err error) evio.Action {
	// If the loop ended now, evio might not be waiting for that yet and would wait for ever (row 5).
	time.Sleep(time.Millisecond)
	if r.plug != nil {
		return evio.Close // somebody of this user, curious about the socket
	}
	r.plug = ev
	if err == nil {
		err = checkDescriptor(fd, r.bound[ev.AddrIndex()].path)
	}
	if err != nil {
		r.broken = err
		return evio.Shutdown
	}
	r.removeWakeDir()
	close(r.alive)
	return evio.None
}

// called is the arrival of a byte from ourselves. Shutdown ends evio's loop, which closes every connection.
func (r *Reactor) called(ev evio.Conn) evio.Action {
	if ev != r.plug {
		return evio.Close // refused in opened
	}
	r.attend()
	if r.stopping {
		return evio.Shutdown
	}
	return evio.None
}

// unplug closes our end after evio's server has ended: from here on signal kicks.
func (r *Reactor) unplug() {
	if line := r.line.Swap(nil); line != nil {
		(*line).Close()
	}
	r.plug = nil
}
