package list

import "redix/engine/keyspace"

var _ keyspace.Compactor = (*List)(nil)

// Compact implements keyspace.Compactor; at[0] is the next chunk.
func (l *List) Compact(at *keyspace.Cursor) bool {
	if l.dir == 0 {
		return true
	}
	if at[0] == 0 {
		l.dir = l.arena.Relocate(l.dir)
	}
	for range 64 {
		k := int(at[0])
		if k >= l.chunks() {
			return true
		}
		w := l.word(k)
		l.setWord(k, w&^refMask|uint64(l.arena.Relocate(keyspace.Ref(w&refMask))))
		at[0]++
	}
	return false
}
