package commands

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// threadUsage is the processor time of this thread: the loop's, which main keeps on one thread.
func threadUsage() (u syscall.Rusage, ok bool) {
	return u, syscall.Getrusage(unix.RUSAGE_THREAD, &u) == nil
}
