// On Linux fdatasync spares the inode's times; the size, if it grew, is still made durable.

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func dataSync(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("fdatasync", err)
		}
		return nil
	}
}

// StartWriteback implements WritebackStarter.
func (f osFile) StartWriteback(from, size int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, size, unix.SYNC_FILE_RANGE_WRITE) // a hint: Sync tells what went wrong
}
