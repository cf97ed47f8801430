//go:build !linux

package servertest

// See reactors_linux.go.

func reactors() []string { return []string{"evio"} }
