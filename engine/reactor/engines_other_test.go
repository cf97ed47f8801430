//go:build darwin || freebsd

// Which engines the tests run on: here the portable one.

package reactor_test

import (
	"redix/engine/reactor"
	"redix/engine/reactor/evio"
)

var engines = []engine{
	{"evio", func(o reactor.Options, h reactor.Handler) (reactor.Reactor, error) { return evio.New(o, h) }},
}
