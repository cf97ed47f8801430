//go:build darwin || freebsd || linux

package tlsport

import (
	"fmt"
	"slices"

	"redix/engine/reactor"
)

// listenAlso listens on those of the addresses that have no listener yet.
func (p *Port) listenAlso(addrs []reactor.Address) error {
	for _, a := range addrs {
		if slices.ContainsFunc(p.listeners, func(l listener) bool { return l.at.Addr == a.Addr }) {
			continue
		}
		l, err := a.Listen()
		if err != nil && a.Optional && reactor.Absent(err) {
			p.opt.Log.Warn("address not available, going on without it", "address", a.Addr, "error", err)
		} else if err != nil {
			return fmt.Errorf("listen on %s: %w", a.Addr, err)
		}
		fresh := listener{a, l}
		p.listeners = append(p.listeners, fresh)
		if p.running {
			p.begin(fresh)
		}
	}
	return nil
}

// begin lets a listener take connections.
func (p *Port) begin(l listener) {
	if l.Listener != nil {
		go p.accept(l.Listener)
	}
}

func (l listener) close() {
	if l.Listener != nil {
		l.Close() // a second time is an error that nobody needs
	}
}

// Rebind makes the addresses of plain and encrypted those to listen on for TCP; connections and unix sockets stay as they
// are. An address that is listened on already stays open, the others are closed before new ones are bound, since they
// may exclude each other. On an error the addresses from before are in use. Loop only.
func (p *Port) Rebind(plain, encrypted []reactor.Address) error {
	for _, a := range encrypted {
		if !a.Literal() {
			return fmt.Errorf("listen on %s: the loop looks up no names while it runs, use an address", a.Addr)
		}
	}
	plainBefore, before := p.plain, make([]reactor.Address, len(p.listeners))
	for i, l := range p.listeners {
		before[i] = l.at
	}
	p.keep(encrypted)
	err := p.rebindPlain(plain)
	if err == nil {
		err = p.listenAlso(encrypted)
	}
	if err == nil {
		return nil
	}
	p.keep(before)
	again := p.rebindPlain(plainBefore)
	if again == nil {
		again = p.listenAlso(before)
	}
	if again != nil {
		p.opt.Log.Error("cannot listen again where the server did before", "error", again)
	}
	return err
}

// keep closes the listeners at other addresses.
func (p *Port) keep(addrs []reactor.Address) {
	p.listeners = slices.DeleteFunc(p.listeners, func(l listener) bool {
		gone := !slices.ContainsFunc(addrs, func(a reactor.Address) bool { return a.Addr == l.at.Addr })
		if gone {
			l.close()
		}
		return gone
	})
}

func (p *Port) rebindPlain(addrs []reactor.Address) error {
	if slices.Equal(addrs, p.plain) {
		return nil
	}
	engine, ok := p.Reactor.(reactor.Rebinder)
	if !ok {
		return reactor.ErrFixed
	}
	if err := engine.Rebind(addrs); err != nil {
		return err
	}
	p.plain = addrs
	return nil
}
