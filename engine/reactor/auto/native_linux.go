package auto

import (
	"redix/engine/reactor"
	"redix/engine/reactor/epoll"
)

// newNative makes the engine that io-reactor auto prefers.
var newNative = func(opt reactor.Options, h reactor.Handler) (reactor.Reactor, error) {
	r, err := epoll.New(opt, h)
	if err != nil {
		return nil, err
	}
	return r, nil
}
