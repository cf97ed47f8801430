// On Linux fdatasync spares the inode's times; the size, if it grew, is still made durable.

package vfs

import (
	"os"
	"time"

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

const (
	giveBackStep  = 2 << 20              // bytes of a removed file that are freed in one go
	giveBackPause = 5 * time.Millisecond // between two of these
)

// giveBack closes a file of size bytes that was removed, having cut it piece by piece. Only if it is nobody else's: under another
// name it is somebody's backup, and who has it open may be copying it. A lease for writing is refused while anybody has.
func giveBack(f *os.File, size int64) {
	var st unix.Stat_t
	fd := int(f.Fd())
	if unix.Fstat(fd, &st) == nil && st.Nlink == 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err == nil {
			for size > giveBackStep {
				size -= giveBackStep
				if f.Truncate(size) != nil {
					break
				}
				time.Sleep(giveBackPause)
			}
		}
	}
	_ = f.Close()
}
