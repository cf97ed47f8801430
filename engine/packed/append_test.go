package packed

import (
	"bytes"
	"strconv"
	"testing"
)

// TestAppend builds blobs of growing counts in two ways; the count's head gets wider at 128 and 16384 elements.
func TestAppend(t *testing.T) {
	appended := Empty()
	for i := range 17000 {
		elem := []byte("e" + strconv.Itoa(i%100))
		if i%3 == 0 {
			elem = []byte(strconv.Itoa(i))
		}
		var want []byte
		near := i < 300 || i > 16300 && i < 16500
		if near {
			want = Replace(nil, appended, len(appended), len(appended), 1, elem)
		}
		if appended = Append(appended, elem); near && !bytes.Equal(appended, want) {
			t.Fatalf("%d elements: % x, want % x", i+1, appended[:8], want[:8])
		}
	}
	if err := Check(appended); err != nil {
		t.Fatal(err)
	}
	if got := Append([]byte{0}, []byte("a"), []byte("1")); !bytes.Equal(got, []byte{2, 1, 'a', 0x81}) {
		t.Errorf("two elements: % x", got)
	}
	room, elem := make([]byte, 1, 64), []byte("field")
	if n := testing.AllocsPerRun(100, func() { room[0] = 0; Append(room, elem, elem) }); n != 0 {
		t.Errorf("%v allocations with room", n)
	}
}
