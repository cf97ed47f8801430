//go:build race

package servertest

// UnderRace tells that the tests run under the race detector: everything takes some ten times as long, and more memory.
const UnderRace = true
