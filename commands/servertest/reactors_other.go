//go:build !linux

package servertest

func reactors() []string { return []string{"evio"} }
