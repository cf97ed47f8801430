package keyspace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const mapNoReserve = unix.MAP_NORESERVE

// adviseHuge asks for huge pages: fewer TLB misses for slabs that will be filled anyway. A refusal costs only speed.
func adviseHuge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }

// populate has the kernel give a mapping all of its memory now. Before Linux 5.14 it does nothing.
func populate(mem []byte) { _ = unix.Madvise(mem, unix.MADV_POPULATE_WRITE) }

// remapMemory enlarges a mapping by moving its page table entries, not its bytes.
func remapMemory(mem []byte, size int) []byte {
	out, err := unix.Mremap(mem, size, unix.MREMAP_MAYMOVE)
	if err != nil {
		panic(fmt.Sprintf("keyspace: mremap to %d bytes: %v", size, err))
	}
	return out
}
