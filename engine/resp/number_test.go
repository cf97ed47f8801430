package resp

import (
	"math"
	"strconv"
	"testing"
)

func TestParseInt(t *testing.T) {
	for _, good := range []int64{0, 1, 9, 10, -1, -10, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1} {
		text := strconv.FormatInt(good, 10)
		if n, ok := ParseInt([]byte(text)); n != good || !ok {
			t.Errorf("%s: %d %v", text, n, ok)
		}
	}
	for _, bad := range []string{"", "-", "+1", "01", "-0", "00", "-01", " 1", "1 ", "1.", "x", "1x", "9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999", "123456789012345678901", "-99999999999999999999"} {
		if n, ok := ParseInt([]byte(bad)); ok {
			t.Errorf("%q is taken for %d", bad, n)
		}
	}
}

func TestParseFloat(t *testing.T) {
	for text, want := range map[string]float64{
		"1": 1, "+1.5": 1.5, "-.5": -.5, "5.": 5, "1e3": 1000, "1E+3": 1000, "1e-3": 0.001, "007": 7, "inf": math.Inf(1),
		"-INF": math.Inf(-1), "+Infinity": math.Inf(1), "0x10": 16, "0X.8p-1": 0.25, "0x1e5": 485, "-0x1.8P3": -12,
		"123456789012345678": 123456789012345678, "1e-320": 1e-320, "0e999999999999": 0, "0.1": 0.1, "999999999999999": 999999999999999,
	} {
		if f, ok := ParseFloat([]byte(text)); f != want || !ok {
			t.Errorf("%q: %v %v, want %v", text, f, ok, want)
		}
	}
	for _, bad := range []string{"", "-", "+", ".", "-.", "e1", "1e", "1e+", "0x", "0x.", "0x1p", "nan", "-nan", "nan(1)", " 1", "1 ",
		"1_0", "0x_1p0", "1e400", "-1e400", "1e-400", "infin", "in", "1.2.3", "--1", "1\x00", "0x1p99999", "0x1p-99999", "1p3"} {
		if f, ok := ParseFloat([]byte(bad)); ok {
			t.Errorf("%q is taken for %v", bad, f)
		}
	}
	if f, ok := ParseFloat([]byte("-0")); !ok || !math.Signbit(f) {
		t.Error("the sign of -0 is lost")
	}
}

func TestAppendDouble(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", -3: "-3", 3.25: "3.25", 0.1: "0.1", 0.001: "0.001", 1e-6: "0.000001", 1e-7: "1e-7", -1.5e-7: "-1.5e-7",
		0.00012345: "1.2345e-4", 0.0012345: "0.0012345", 0.000123: "0.000123", 123456.789: "123456.789", 1e17: "100000000000000000",
		1 << 62: "4611686018427387904", -(1 << 62): "-4611686018427387904", 1 << 63: "9223372036854776000", 1e19: "1e+19",
		1.2345e19: "1.2345e+19", 1e21: "1e+21", 1e22: "1e+22", 1e300: "1e+300", 1.5e300: "1.5e+300", -1e100: "-1e+100",
		1e-300: "1e-300", 5e-324: "5e-324", math.MaxFloat64: "1.7976931348623157e+308", math.Inf(1): "inf", math.Inf(-1): "-inf",
		3.14159265358979: "3.14159265358979", 0.30000000000000004: "0.30000000000000004", 1.0 / 3: "0.3333333333333333",
	} {
		if got := string(AppendDouble(nil, f)); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
	if got := string(AppendDouble([]byte("x"), math.NaN())) + string(AppendDouble(nil, math.Copysign(0, -1))); got != "xnan-0" {
		t.Error(got)
	}
}

func TestAppendDoubleReadsBack(t *testing.T) {
	rng := seeded(t)
	for range 100000 {
		f := math.Float64frombits(rng.Uint64())
		if rng.IntN(2) == 0 {
			f = float64(rng.Int64N(1e9)) / math.Pow10(rng.IntN(12))
		}
		if math.IsNaN(f) {
			continue
		}
		text := AppendDouble(nil, f)
		if back, ok := ParseFloat(text); back != f || !ok {
			t.Fatalf("%v is printed %s and reads %v, %v", f, text, back, ok)
		}
	}
}

func TestAppendHumanFloat(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 1: "1", 100: "100", -0.5: "-0.5", 0.1: "0.10000000000000001", 1e-18: "0",
		-1e-18: "0", 3e20: "300000000000000000000", math.Inf(-1): "-inf"} {
		if got := string(AppendHumanFloat(nil, f)); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestAddLongDouble(t *testing.T) {
	for _, tc := range []struct{ a, b, want string }{
		{"0.1", "0.2", "0.3"}, {"10.5", "0.1", "10.6"}, {"5.0e3", "2.0e2", "5200"}, {"1", "-1", "0"}, {"-0", "-1e-30", "0"},
		{"0x10", "0x.8", "16.5"}, {"3", "1.000000000000005", "4.000000000000005"}, {"-10", "0.25", "-9.75"},
		{"1e18", "0.5", "1000000000000000000.5"}, {"9223372036854775807", "1", "9223372036854775808"},
		{"1e-4940", "1", "1"}, {"3.7e-4951", "0", "0"}, {"1e-17", "0", "0.00000000000000001"}, {"4e-18", "0", "0"}, {"5.1e-18", "0", "0.00000000000000001"},
		{"1e-20", "1e-20", "0"},
	} {
		if got, err := AddLongDouble([]byte(tc.a), []byte(tc.b)); string(got) != tc.want || err != nil {
			t.Errorf("%s + %s = %s, %v; want %s", tc.a, tc.b, got, err, tc.want)
		}
	}
	for _, tc := range []struct {
		a, b string
		want error
	}{
		{"x", "1", ErrNotFloat}, {"1", "", ErrNotFloat}, {"1", "nan", ErrNotFloat}, {"1", "1e4933", ErrNotFloat},
		{"1", "1e-4960", ErrNotFloat}, {"1e99999999999", "1", ErrNotFloat}, {"inf", "1", ErrNotFinite},
		{"inf", "-inf", ErrNotFinite}, {"5e4931", "5e4931", nil}, {"1.1e4932", "1.1e4932", ErrNotFinite},
		{"0x1p16384", "1", ErrNotFloat}, {"0x1p-16446", "1", ErrNotFloat}, {"0x1p-16445", "1", nil},
	} {
		if _, err := AddLongDouble([]byte(tc.a), []byte(tc.b)); err != tc.want {
			t.Errorf("%s + %s: %v, want %v", tc.a, tc.b, err, tc.want)
		}
	}
}

func TestNumbersNoAllocs(t *testing.T) {
	dst := make([]byte, 0, 64)
	text, long := []byte("1234567"), []byte("-0.123456789e5")
	var ok bool
	for name, f := range map[string]func(){
		"ParseInt":          func() { _, ok = ParseInt(text) },
		"ParseFloat, short": func() { _, ok = ParseFloat(text) },
		"ParseFloat":        func() { _, ok = ParseFloat(long) },
		"AppendDouble":      func() { dst = AppendDouble(dst[:0], -1.2345e-9) },
		"AppendHumanFloat":  func() { dst = AppendHumanFloat(dst[:0], 1.25) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 || !ok && name[0] == 'P' {
			t.Errorf("%s: %v allocations, ok %v", name, n, ok)
		}
	}
}

func BenchmarkAddLongDouble(b *testing.B) {
	for b.Loop() {
		_, _ = AddLongDouble([]byte("10.50"), []byte("0.1"))
	}
}

func BenchmarkAppendDouble(b *testing.B) {
	dst := make([]byte, 0, 64)
	for b.Loop() {
		dst = AppendDouble(dst[:0], 0.30000000000000004)
	}
}

func BenchmarkParseInt(b *testing.B) {
	text := []byte("1234567")
	for b.Loop() {
		ParseInt(text)
	}
}
