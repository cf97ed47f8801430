//go:build darwin || freebsd || linux

// The descriptor of an evio connection, which evio keeps to itself (row 3). Reflection may read an unexported integer;
// if the library ever changes its layout, the connection to ourselves finds out before any client is served.

package evio

import (
	"fmt"
	"reflect"

	"github.com/tidwall/evio"
	"golang.org/x/sys/unix"
)

// descriptor reads the field fd of evio's connection.
func descriptor(ev evio.Conn) (int, error) {
	v := reflect.ValueOf(ev)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return -1, fmt.Errorf("evio: a connection is a %T, not a pointer to a structure: this version is not supported", ev)
	}
	fd := v.Elem().FieldByName("fd")
	if fd.Kind() != reflect.Int {
		return -1, fmt.Errorf("evio: %T has no integer field fd: this version is not supported", ev)
	}
	return int(fd.Int()), nil
}

// checkDescriptor makes sure that fd is the socket it should be, the accepted end of the connection to ourselves.
func checkDescriptor(fd int, path string) error {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("evio: field fd is not a socket: %w", err)
	}
	if at, ok := sa.(*unix.SockaddrUnix); !ok || at.Name != path {
		return fmt.Errorf("evio: field fd is another socket than expected: this version is not supported")
	}
	return nil
}
