package commands

import (
	"math"
	"math/big"
)

// Sines, cosines and arcsines whose error is little more than half of the last digit, as those of C libraries are. With
// STOREDIST a distance is a score, which is told with all its digits, so that the last one of math.Sin (which may be off by a
// whole) shows. The method is the usual one of tables: x lies within 1/256 of a multiple of 1/128, whose sine and cosine are known
// to twice the precision; the addition theorem gives the small difference, in which a rounding error matters little.

const trigSteps = 128 // of the table, for each radian

// trigRow is the sine and the cosine of a multiple of 1/trigSteps, each a sum of two.
type trigRow struct{ sin, sinLow, cos, cosLow float64 }

var trigTable = newTrigTable()

// newTrigTable goes from 0 to a little past half of pi, each row from the one before.
func newTrigTable() (rows [trigSteps*11/7 + 2]trigRow) {
	const precision = 160
	number := func(f float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(f) }
	step := number(1.0 / trigSteps)
	sinStep, cosStep := number(0), number(0)
	for term, n := number(1), 0; n < 20; n += 2 { // the Taylor series of both
		cosStep.Add(cosStep, term)
		term.Quo(term.Mul(term, step), number(float64(n+1)))
		sinStep.Add(sinStep, term)
		term.Quo(term.Mul(term, step), number(float64(-n-2)))
	}
	split := func(f *big.Float) (high, low float64) {
		high, _ = f.Float64()
		low, _ = new(big.Float).Sub(f, number(high)).Float64()
		return high, low
	}
	product := func(a, b *big.Float) *big.Float { return new(big.Float).Mul(a, b) }
	sin, cos := number(0), number(1)
	for i := range rows {
		r := &rows[i]
		r.sin, r.sinLow = split(sin)
		r.cos, r.cosLow = split(cos)
		sin, cos = new(big.Float).Add(product(sin, cosStep), product(cos, sinStep)), new(big.Float).Sub(product(cos, cosStep), product(sin, sinStep))
	}
	return rows
}

// trigSmall is where the series of the sine alone is precise enough.
const trigSmall = 0.25

// sinRest is sin(x) - x for |x| < trigSmall.
func sinRest(x float64) float64 {
	y := x * x
	return x * y * (-1./6 + y*(1./120+y*(-1./5040+y*(1./362880+y*(-1./39916800+y*(1./6227020800-y/1307674368000))))))
}

// near returns the row next to x, 0 to half of pi, and sin(d) and cos(d)-1 of the distance d to it. low is a rest of x.
func near(x, low float64) (r *trigRow, sin, cosLess1 float64) {
	i := min(uint(math.Round(x*trigSteps)), uint(len(trigTable)-1)) // also where x is no number
	d := x - float64(i)/trigSteps + low
	y := d * d
	return &trigTable[i], d + d*y*(-1./6+y*(1./120-y/5040)), y * (-1./2 + y*(1./24-y/720))
}

// sinSum returns sin(x+low) as a sum of two for x from trigSmall to half of pi.
func sinSum(x, low float64) (high, rest float64) {
	r, sin, cosLess1 := near(x, low)
	return r.sin, r.sinLow + r.sin*cosLess1 + r.cos*sin
}

// preciseSin is the sine of x, at most pi from 0.
func preciseSin(x float64) float64 {
	const piLow = 1.2246467991473532e-16 // pi is math.Pi, rounded, and this
	a, low := math.Abs(x), 0.
	if a > math.Pi/2 {
		a, low = max(0, math.Pi-a), piLow
	}
	sin := a + (low*(1-a*a/2) + sinRest(a))
	if a >= trigSmall {
		high, rest := sinSum(a, low)
		sin = high + rest
	}
	return math.Copysign(sin, x)
}

// preciseCos is the cosine of x, at most half of pi from 0.
func preciseCos(x float64) float64 {
	r, sin, cosLess1 := near(math.Abs(x), 0)
	return r.cos + (r.cosLow + r.cos*cosLess1 - r.sin*sin)
}

// preciseAsin is the arcsine of z, 0 to 1: that of math with one step of Newton's method, but where that says nothing, next to 1.
func preciseAsin(z float64) float64 {
	a := math.Asin(z)
	cos := math.Cos(a)
	if !(cos >= 1./64) { // or z is past 1
		return a
	}
	if a < trigSmall {
		return a + (z-a-sinRest(a))/cos
	}
	high, rest := sinSum(a, 0)
	return a + (z-high-rest)/cos
}
