// Which engines the tests run on: here both.

package reactor_test

import (
	"redix/engine/reactor"
	"redix/engine/reactor/epoll"
	"redix/engine/reactor/evio"
)

var engines = []engine{
	{"epoll", func(o reactor.Options, h reactor.Handler) (reactor.Reactor, error) { return epoll.New(o, h) }},
	{"evio", func(o reactor.Options, h reactor.Handler) (reactor.Reactor, error) { return evio.New(o, h) }},
}
