package seeds

import "testing"

func TestDraw(t *testing.T) {
	t.Setenv("TEST_SEED", "7")
	for range 2 { // a test that runs again draws the same
		t.Run("test", func(t *testing.T) {
			if a, b := Draw(t), Draw(t); a != 7 || b != 7+step {
				t.Error(a, b)
			}
		})
	}
	t.Setenv("TEST_SEED", "")
	drawn := map[uint64]bool{}
	for range 3 {
		t.Run("test", func(t *testing.T) { drawn[Draw(t)], drawn[Draw(t)] = true, true })
	}
	if len(drawn) != 6 {
		t.Error(drawn)
	}
}

func TestCount(t *testing.T) {
	t.Setenv("TEST_COUNT", "12")
	if a, b := Count(t, "TEST_COUNT", 3), Count(t, "TEST_COUNT_OF_NOTHING", 3); a != 12 || b != 3 {
		t.Error(a, b)
	}
}
