//go:build darwin || freebsd || linux

// A library whose layout has changed must be refused in words, before a client is served.

package evio

import (
	"os"
	"strings"
	"testing"

	"github.com/tidwall/evio"
)

type withoutFD struct {
	evio.Conn
	number int
}

type wrongFD struct {
	evio.Conn
	fd string
}

type byValue struct {
	evio.Conn
	fd int
}

func TestChangedLayoutIsRefused(t *testing.T) {
	for _, c := range []evio.Conn{&withoutFD{number: 1}, &wrongFD{fd: "1"}, byValue{fd: 1}} {
		if _, err := descriptor(c); err == nil || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%T: error %v", c, err)
		}
	}
	if fd, err := descriptor(&byValue{fd: 7}); fd != 7 || err != nil {
		t.Errorf("%d, %v", fd, err)
	}
}

func TestWrongDescriptorIsRefused(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := checkDescriptor(int(f.Fd()), "/x"); err == nil {
		t.Error("a file was taken for the wake socket")
	}
}
