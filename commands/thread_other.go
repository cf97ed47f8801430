//go:build !linux

package commands

import "syscall"

// threadUsage is not to be had here.
func threadUsage() (u syscall.Rusage, ok bool) { return u, false }
