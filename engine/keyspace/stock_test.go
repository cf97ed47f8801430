package keyspace

import "testing"

// TestMapAhead: blocks of slabs that were made ready are zero, count once as mapped, and MapAhead(false) tells the goroutine to end.
func TestMapAhead(t *testing.T) {
	a := NewArena()
	a.MapAhead(true)
	const size = 4096
	taken := 0
	for range 3 * hugeAfter * slabBytes / size {
		before := a.Mapped()
		b := a.Block(a.Alloc(size))
		for i, x := range b {
			if x != 0 {
				t.Fatalf("byte %d is %d", i, x)
			}
		}
		b[0], b[size-1] = 1, 1
		if a.Mapped() != before {
			taken++
		}
	}
	if got := a.Mapped(); got != int64(taken*slabBytes) || taken < 3*hugeAfter {
		t.Errorf("%d bytes mapped in %d slabs", got, taken)
	}
	s := a.stock
	if s == nil {
		t.Fatal("nothing was made ready")
	}
	a.MapAhead(false)
	a.MapAhead(false) // once more does no harm
	if a.stock != nil {
		t.Error("it goes on")
	}
	<-s.stop
}
