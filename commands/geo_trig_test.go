package commands

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestPreciseTrig compares with the series of sine and cosine in numbers of 300 bits: the error is at most 0.52 of the last digit,
// where that of math.Sin reaches more.
func TestPreciseTrig(t *testing.T) {
	const most = 0.52
	g := rand.New(rand.NewPCG(1, 2))
	worst := map[string]float64{}
	check := func(name string, arg, got float64, exact *big.Float) {
		t.Helper()
		high, _ := exact.Float64()
		unit := math.Nextafter(math.Abs(high), math.Inf(1)) - math.Abs(high)
		difference, _ := new(big.Float).Sub(exact, big.NewFloat(got)).Float64()
		if e := math.Abs(difference) / unit; e > worst[name] {
			if worst[name] = e; e > most {
				t.Errorf("%s(%v) = %v, off by %.3f of the last digit", name, arg, got, e)
			}
		}
	}
	for _, reach := range []float64{1e-6, 0.01, 0.3, math.Pi / 2, math.Pi} {
		for range 2000 {
			x := (2*g.Float64() - 1) * reach
			sin, cos := series(x)
			check("sin", x, preciseSin(x), sin)
			if math.Abs(x) <= 1.5 { // 86 degrees
				check("cos", x, preciseCos(x), cos)
			}
			if x > 0 && x < 1.55 {
				z := math.Sin(x)
				a := preciseAsin(z)
				sin, cos := series(a) // the arcsine is a and a little more: what is left of z over the slope
				rest := new(big.Float).Sub(big.NewFloat(z).SetPrec(300), sin)
				check("asin", z, a, new(big.Float).SetPrec(300).Add(rest.Quo(rest, cos), big.NewFloat(a)))
			}
		}
	}
	t.Logf("errors at most: %v", worst)
	for _, x := range []float64{0, math.Copysign(0, -1), math.Pi, -math.Pi, math.Pi / 2, trigSmall, math.NaN(), math.Inf(1), 4, 1e300} {
		for _, f := range []func(float64) float64{preciseSin, preciseCos, preciseAsin} {
			f(x) // does not panic
		}
	}
	if s := preciseSin(math.Copysign(0, -1)); s != 0 || !math.Signbit(s) {
		t.Errorf("sin(-0) = %v", s)
	}
}

// series returns the sine and the cosine of x by their Taylor series.
func series(x float64) (sin, cos *big.Float) {
	const precision = 300
	f := new(big.Float).SetPrec(precision).SetFloat64(x)
	sin, cos = new(big.Float).SetPrec(precision), new(big.Float).SetPrec(precision)
	term := new(big.Float).SetPrec(precision).SetInt64(1)
	for n := int64(0); n < 60; n += 2 {
		cos.Add(cos, term)
		term.Quo(term.Mul(term, f), new(big.Float).SetInt64(n+1))
		sin.Add(sin, term)
		term.Quo(term.Mul(term, f), new(big.Float).SetInt64(-n-2))
	}
	return sin, cos
}

func BenchmarkDistance(b *testing.B) {
	from, to := position{2.1909389952632, 41.433791470673}, position{2.187376320362091, 41.40634178640635}
	sum := 0.
	for i := range b.N {
		to.lat = 41 + float64(i&1023)/100
		sum += distance(from, to)
	}
	if sum == 0 {
		b.Fatal("no distance")
	}
}

func BenchmarkTrigTable(b *testing.B) {
	for range b.N {
		newTrigTable()
	}
}
