// Package auto picks the reactor that fits the machine.
package auto

import (
	"fmt"

	"redix/engine/config"
	"redix/engine/reactor"
	"redix/engine/reactor/evio"
)

// New binds the addresses of opt and returns the engine that choice names: our own epoll loop where there is one for
// this system, else evio. The error tells what could not be bound.
func New(choice config.IOReactor, opt reactor.Options, h reactor.Handler) (reactor.Reactor, error) {
	switch {
	case choice == config.ReactorEvio, choice == config.ReactorAuto && newNative == nil:
		r, err := evio.New(opt, h)
		if err != nil {
			return nil, err
		}
		return r, nil
	case newNative == nil:
		return nil, fmt.Errorf("io-reactor epoll: only on Linux")
	}
	return newNative(opt, h)
}

// Engine is New with the choice made.
func Engine(choice config.IOReactor) func(opt reactor.Options, h reactor.Handler) (reactor.Reactor, error) {
	return func(opt reactor.Options, h reactor.Handler) (reactor.Reactor, error) { return New(choice, opt, h) }
}
