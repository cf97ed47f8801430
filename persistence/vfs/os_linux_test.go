package vfs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A large file that is removed is cut piece by piece, but neither under another name nor below somebody who has it open.
func TestGiveBack(t *testing.T) {
	const size = 2*giveBackStep + 100
	for _, other := range []string{"nobody", "a name", "a reader"} {
		t.Run(other, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			fd, err := unix.Dup(int(f.Fd())) // the same open file: not somebody else
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			want := int64(size)
			switch other {
			case "nobody":
				want = 100
			case "a name":
				err = os.Link(path, path+".backup")
			case "a reader":
				r, rerr := os.Open(path)
				defer r.Close()
				err = rerr
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			giveBack(f, size)
			var st unix.Stat_t
			if err := unix.Fstat(fd, &st); err != nil {
				t.Fatal(err)
			}
			if st.Size != want {
				t.Fatalf("%d bytes are left, want %d", st.Size, want)
			}
		})
	}
}
