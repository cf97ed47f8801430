//go:build !linux

package persistence

import "time"

// parker lets one goroutine sleep until another wakes it.
type parker struct {
	token chan struct{}
	timer *time.Timer
}

func (p *parker) init() {
	p.token = make(chan struct{}, 1)
	p.timer = time.NewTimer(time.Hour)
	p.timer.Stop()
}

// wait sleeps until wake, or for d; a negative d is forever. A wake that came before counts.
func (p *parker) wait(d time.Duration) {
	if d < 0 {
		<-p.token
		return
	}
	p.timer.Reset(d)
	defer p.timer.Stop()
	select {
	case <-p.token:
	case <-p.timer.C:
	}
}

// wake ends the wait, or the next one. Any goroutine; it does not block.
func (p *parker) wake() {
	select {
	case p.token <- struct{}{}:
	default:
	}
}
