package persistence

import "sync/atomic"

// handOff passes values from a goroutine that reads the disk to the loop, which does not wait for them.
type handOff[T any] struct {
	full   chan *T
	hungry atomic.Bool   // the loop found none and wants wake to be called
	wake   func()        // nil: it never asks without waiting
	stop   chan struct{} // closed when nobody wants more
}

func newHandOff[T any](size int, wake func()) handOff[T] {
	return handOff[T]{full: make(chan *T, size), wake: wake, stop: make(chan struct{})}
}

// put passes v on, when there is room for it. It is false when nobody wants more.
func (h *handOff[T]) put(v *T) bool {
	select {
	case h.full <- v:
	case <-h.stop:
		return false
	}
	if h.hungry.Swap(false) {
		h.wake()
	}
	return true
}

// get gives the next value: nil if none is there yet and wait is false; then wake is called once there is.
func (h *handOff[T]) get(wait bool) *T {
	if wait {
		return <-h.full
	}
	select {
	case v := <-h.full:
		return v
	default:
	}
	h.hungry.Store(true)
	select { // one may have come before hungry was seen
	case v := <-h.full:
		h.hungry.Store(false)
		return v
	default:
		return nil
	}
}
