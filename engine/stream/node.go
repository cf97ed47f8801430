package stream

import (
	"encoding/binary"

	"redix/engine/keyspace"
)

// Nodes of a tree are blocks of the arena, read and written through byte slices:
//
//	count 1 | capacity 1 | next 5 | prev 5 | capacity x ID 16 | capacity x value
//
// In a leaf a value is what the tree keeps for an ID; next and prev link the leaves. In an inner node a value is the
// Ref of a child, 5 bytes, and the ID beside it is not above any ID in that child, nor below any in the children before
// it. The ID beside child 0 means nothing. Only a leaf that is the root has fewer places than the full number: it
// grows from leafMin by doubling.

const (
	leafMin    = 4
	countAt    = 0
	capacityAt = 1
	nextAt     = 2
	prevAt     = 7
	nodeHead   = 12
	refBytes   = 5
)

// fullCapacity is the number of places in a node with values of so many bytes: what fits into 1 or 2 KiB.
func fullCapacity(width int) int {
	size := 1024
	if width > 8 {
		size = 2048
	}
	return (size - nodeHead) / (idBytes + width)
}

func get40(b []byte) keyspace.Ref {
	return keyspace.Ref(binary.LittleEndian.Uint32(b)) | keyspace.Ref(b[4])<<32
}

func put40(b []byte, r keyspace.Ref) {
	binary.LittleEndian.PutUint32(b, uint32(r))
	b[4] = byte(r >> 32)
}

// node is a view of a node's block.
type node struct {
	b     []byte
	width int // bytes of a value
}

func (n node) count() int     { return int(n.b[countAt]) }
func (n node) setCount(k int) { n.b[countAt] = byte(k) }
func (n node) capacity() int  { return int(n.b[capacityAt]) }

func (n node) next() keyspace.Ref     { return get40(n.b[nextAt:]) }
func (n node) prev() keyspace.Ref     { return get40(n.b[prevAt:]) }
func (n node) setNext(r keyspace.Ref) { put40(n.b[nextAt:], r) }
func (n node) setPrev(r keyspace.Ref) { put40(n.b[prevAt:], r) }

func (n node) id(i int) ID            { return getID(n.b[nodeHead+idBytes*i:]) }
func (n node) setID(i int, id ID)     { putID(n.b[nodeHead+idBytes*i:], id) }
func (n node) valueAt(i int) int      { return nodeHead + idBytes*n.capacity() + n.width*i }
func (n node) value(i int) []byte     { return n.b[n.valueAt(i):n.valueAt(i+1)] }
func (n node) ref(i int) keyspace.Ref { return get40(n.value(i)) }

// search returns the number of IDs below id.
func (n node) search(id ID) int {
	low, high := 0, n.count()
	for low < high {
		mid := (low + high) / 2
		if n.id(mid).Less(id) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// child returns the place of the child of an inner node that id belongs to.
func (n node) child(id ID) int {
	low, high := 1, n.count()
	for low < high {
		mid := (low + high) / 2
		if id.Less(n.id(mid)) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low - 1
}

// insert makes place i of a node that has room one for id. Its value is undefined.
func (n node) insert(i int, id ID) {
	n.copyTo(i, n.count()-i, n, i+1)
	n.setID(i, id)
	n.setCount(n.count() + 1)
}

// remove takes out place i.
func (n node) remove(i int) {
	n.copyTo(i+1, n.count()-i-1, n, i)
	n.setCount(n.count() - 1)
}

// copyTo copies k places from i on to place j of a node, maybe the same one; counts stay.
func (n node) copyTo(i, k int, to node, j int) {
	copy(to.b[nodeHead+idBytes*j:], n.b[nodeHead+idBytes*i:nodeHead+idBytes*(i+k)])
	copy(to.b[to.valueAt(j):], n.b[n.valueAt(i):n.valueAt(i+k)])
}
