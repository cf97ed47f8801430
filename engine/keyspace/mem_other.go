//go:build !linux

package keyspace

import "golang.org/x/sys/unix"

const mapNoReserve = 0

func adviseHuge([]byte) {}

func populate([]byte) {}

// remapMemory copies: only Linux moves pages.
func remapMemory(mem []byte, size int) []byte {
	out := mapMemory(size)
	copy(out, mem)
	_ = unix.Munmap(mem)
	return out
}
