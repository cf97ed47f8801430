//go:build darwin || freebsd || linux

// Addresses to listen on, and the care that a unix socket's path needs: it may name somebody's directory, or the socket
// of a server that is alive.

package reactor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Address is one place to listen on.
type Address struct {
	// Network is "tcp" or "unix".
	Network string
	// Addr is host:port or a path. A host of "" or "*" is every IPv4 address, "::" or "::*" every IPv6 address; an
	// IPv6 listener never takes IPv4 connections.
	Addr string
	// Perm is the mode of a unix socket; 0 leaves it to the umask.
	Perm os.FileMode
	// Optional lets New go on when this machine has no such address or no such protocol; a port in use is an error
	// nevertheless.
	Optional bool
}

// String is the address as error messages show it.
func (a Address) String() string { return a.Addr }

// Literal reports whether the host needs no look-up.
func (a Address) Literal() bool {
	host, _, err := net.SplitHostPort(a.Addr)
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil || host == "" || host == "*" || host == "::*"
}

// Resolve turns a tcp address into an IP address and a port. The first address of a host name counts, IPv4 before IPv6.
func (a Address) Resolve() (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(a.Addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen on %s: %w", a.Addr, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen on %s: the port is not a number from 0 to 65535", a.Addr)
	}
	switch host {
	case "", "*":
		return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)), nil
	case "::*":
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)), nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		if ip, err = lookUp(host); err != nil {
			return netip.AddrPort{}, fmt.Errorf("listen on %s: %w", a.Addr, err)
		}
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
}

// Listen listens on a tcp address, for what has goroutines of its own.
func (a Address) Listen() (net.Listener, error) {
	at, err := a.Resolve()
	if err != nil {
		return nil, err
	}
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	return net.Listen(network, at.String())
}

func lookUp(host string) (netip.Addr, error) {
	found, err := net.LookupIP(host)
	if err != nil {
		return netip.Addr{}, err
	}
	var first netip.Addr
	for _, raw := range found {
		ip, ok := netip.AddrFromSlice(raw)
		if !ok {
			continue
		}
		if ip = ip.Unmap(); ip.Is4() {
			return ip, nil
		}
		if !first.IsValid() {
			first = ip
		}
	}
	if !first.IsValid() {
		return first, errors.New("no address for this host")
	}
	return first, nil
}

// Absent tells whether a bind error means that this machine has no such address or protocol, which Optional forgives.
func Absent(err error) bool {
	return errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT) ||
		errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.ENOPROTOOPT) ||
		errors.Is(err, unix.ESOCKTNOSUPPORT) || errors.Is(err, unix.EPFNOSUPPORT)
}

// maxUnixPath is what sun_path holds beside its final zero on the narrowest system (104 bytes on macOS and FreeBSD, 108 on Linux).
const maxUnixPath = 103

// ClearUnixPath makes room for a socket at path: it removes a stale socket, or an empty file, with which programs reserve a
// name (mktemp), and nothing else. The error says what is in the way: a file, a directory, a socket that a server answers on.
func ClearUnixPath(path string) error {
	if len(path) == 0 || len(path) > maxUnixPath {
		return fmt.Errorf("unix socket %q: a path has 1 to %d bytes", path, maxUnixPath)
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unix socket: %w", err)
	}
	if info.Mode().IsRegular() && info.Size() == 0 {
		return removeUnixPath(path)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("unix socket %s: something that is no socket is in its place, and is left alone", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("unix socket %s: %w: a server answers on it", path, unix.EADDRINUSE)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("unix socket %s: cannot tell whether it is stale: %w", path, err)
	}
	return removeUnixPath(path)
}

func removeUnixPath(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("unix socket: %w", err)
	}
	return nil
}

// UnixPath remembers which file a listener made, so that its end removes this file only.
type UnixPath struct {
	path string
	info fs.FileInfo
}

// MarkUnixPath notes the file that is at path now.
func MarkUnixPath(path string) UnixPath {
	info, err := os.Lstat(path)
	if err != nil {
		return UnixPath{}
	}
	return UnixPath{path: path, info: info}
}

// Remove deletes the noted file unless another has taken its name since.
func (p UnixPath) Remove() {
	if p.info == nil {
		return
	}
	if now, err := os.Lstat(p.path); err == nil && os.SameFile(p.info, now) {
		os.Remove(p.path)
	}
}

// FormatSockaddr is "ip:port" or "[ipv6]:port"; a unix address gives its path, "" for a peer that has none.
func FormatSockaddr(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return FormatIP(netip.AddrFrom4(sa.Addr), uint16(sa.Port), 0)
	case *unix.SockaddrInet6:
		return FormatIP(netip.AddrFrom16(sa.Addr), uint16(sa.Port), sa.ZoneId)
	case *unix.SockaddrUnix:
		return sa.Name
	}
	return ""
}

// FormatIP is "ip:port" or "[ipv6]:port"; zoneID is the scope of a link-local address, 0 for none.
func FormatIP(ip netip.Addr, port uint16, zoneID uint32) string {
	if zoneID != 0 {
		ip = ip.WithZone(strconv.FormatUint(uint64(zoneID), 10))
	}
	return netip.AddrPortFrom(ip, port).String()
}
