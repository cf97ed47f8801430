//go:build !linux

package auto

import "redix/engine/reactor"

// newNative is nil: there is no engine of our own for this system.
var newNative func(opt reactor.Options, h reactor.Handler) (reactor.Reactor, error)
