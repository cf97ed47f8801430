//go:build !linux

package persistence

// yieldToLoop does nothing: the priority of a single thread cannot be set everywhere.
func yieldToLoop() {}

// giveWay does nothing either.
func giveWay() {}
