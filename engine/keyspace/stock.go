package keyspace

import "golang.org/x/sys/unix"

// Slabs made ready ahead. The first byte that is written to a slab of one huge page has the kernel find and clear all of it: some 5 ms on a
// virtual machine whose host has to find it, too. While data is loaded that is known to come, one slab after the other, so a goroutine
// maps slabs and has the kernel fill them; the loop takes what is ready, and never waits for one. Only slabs that would have asked for
// huge pages are taken from there.

// stockSlabs is how many are ready at most, beside the one in the making.
const stockSlabs = 2

type stock struct {
	ready chan []byte
	stop  chan struct{}
}

// MapAhead says whether a great many blocks are about to be allocated. The loop calls it at both ends of loading.
func (a *Arena) MapAhead(on bool) {
	a.ahead = on
	if !on && a.stock != nil {
		close(a.stock.stop)
		a.stock = nil
	}
}

// takeReady gives a slab with all of its memory, nil when none is ready.
func (a *Arena) takeReady() []byte {
	if a.stock == nil {
		a.stock = &stock{ready: make(chan []byte, stockSlabs), stop: make(chan struct{})}
		go a.stock.fill()
	}
	select {
	case mem := <-a.stock.ready:
		return mem
	default:
		return nil
	}
}

// fill is the goroutine. What nobody has taken in the end is unmapped.
func (s *stock) fill() {
	for {
		mem := mapMemory(slabBytes)
		adviseHuge(mem)
		populate(mem)
		select {
		case s.ready <- mem:
			continue
		case <-s.stop:
		}
		for {
			_ = unix.Munmap(mem) // it is a mapping of ours: this does not fail
			select {
			case mem = <-s.ready:
			default:
				return
			}
		}
	}
}
