//go:build linux

package epoll

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

// Rebind implements reactor.Rebinder. An address that is listened on already stays open. The others are closed before the
// new ones are bound, since * and 127.0.0.1 exclude each other; what waits there to be accepted is lost.
func (r *Reactor) Rebind(tcp []reactor.Address) error {
	for _, a := range tcp {
		if !a.Literal() {
			return fmt.Errorf("listen on %s: the loop looks up no names while it runs, use an address", a.Addr)
		}
	}
	var gone []reactor.Address
	kept := r.listeners[:0:0]
	for _, l := range r.listeners {
		if at := r.opt.Listen[l.index]; l.tcp && !slices.ContainsFunc(tcp, func(a reactor.Address) bool { return a.Addr == at.Addr }) {
			gone = append(gone, at)
			l.close()
		} else {
			kept = append(kept, l)
		}
	}
	r.listeners = kept
	fresh, err := r.listenAlso(tcp)
	if err == nil {
		return nil
	}
	r.listeners = slices.DeleteFunc(r.listeners, func(l listener) bool {
		if slices.Contains(fresh, l.fd) {
			l.close()
			return true
		}
		return false
	})
	if _, again := r.listenAlso(gone); again != nil {
		r.opt.Log.Error("cannot listen again where the server did before", "error", again)
	}
	return err
}

// listenAlso binds those of the addresses that have no listener yet. It returns the new listeners' descriptors.
func (r *Reactor) listenAlso(addrs []reactor.Address) (fds []int, err error) {
	for _, a := range addrs {
		if slices.ContainsFunc(r.listeners, func(l listener) bool { return l.tcp && r.opt.Listen[l.index].Addr == a.Addr }) {
			continue
		}
		l, err := listen(a, r.opt)
		if err != nil && a.Optional && reactor.Absent(err) {
			r.opt.Log.Warn("address not available, going on without it", "address", a.Addr, "error", err)
			continue
		}
		if err != nil {
			return fds, err
		}
		if l.index = slices.IndexFunc(r.opt.Listen, func(at reactor.Address) bool { return at.Addr == a.Addr }); l.index < 0 {
			l.index = len(r.opt.Listen)
			r.opt.Listen = append(r.opt.Listen, a)
			r.addrs = append(r.addrs, nil)
		}
		r.addrs[l.index] = l.addr
		r.listeners = append(r.listeners, l)
		fds = append(fds, l.fd)
		if err := r.control(unix.EPOLL_CTL_ADD, l.fd, unix.EPOLLIN); err != nil {
			return fds, err
		}
	}
	return fds, nil
}
