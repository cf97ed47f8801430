package resp

// INCRBYFLOAT and HINCRBYFLOAT add in C's long double, on amd64 the 80-bit format of the x87 unit, and print the sum in
// plain decimal notation: 0.1 + 0.2 is 0.3 there, which no arithmetic in float64 gives. Clients and journals see those
// digits, so the format is reproduced: a mantissa of 64 bits, rounded to nearest even, and its range.
//
//	largest            below 2^16384
//	smallest           2^-16445, subnormal; half of it and less reads as zero, which strtold calls out of range
//	printed places     17: subnormals all print as 0, so their loss of bits is of no account

import (
	"errors"
	"math"
	"math/big"
	"strconv"
)

const (
	longDoubleBits   = 64
	longDoubleMaxExp = 16384  // of a mantissa in [0.5, 1)
	longDoubleMinExp = -16445 // the same, and only above 0.5
	longDoubleDigits = 4940   // decimal exponents beyond ± this and a bit are out of range whatever the digits
	longDoubleShown  = -60    // below 2^-60 all 17 places are 0
	longDoubleText   = 5119   // bytes of text that redis-server reads at most
)

// ErrNotFloat tells that an operand is no long double; ErrNotFinite that a sum is no number.
var (
	ErrNotFloat  = errors.New("ERR value is not a valid float")
	ErrNotFinite = errors.New("ERR increment would produce NaN or Infinity")
)

// LongDouble is an 80-bit extended precision number, never not-a-number. Its zero value is 0.
type LongDouble struct{ f big.Float }

// ParseLongDouble reads what ParseFloat reads, in the wider format.
func ParseLongDouble(b []byte) (*LongDouble, bool) {
	if len(b) > longDoubleText {
		return nil, false
	}
	t, ok := scanNumber(b)
	if !ok {
		return nil, false
	}
	x := new(LongDouble)
	switch {
	case t.infinite:
		x.f.SetInf(t.negative)
		return x, true
	case t.zero:
		return x, true
	}
	digits, places := joinDigits(t.mantissa)
	if t.hex {
		ok = x.setHex(digits, t.exponent-4*places)
	} else {
		ok = x.setDecimal(digits, t.exponent-places)
	}
	if !ok {
		return nil, false
	}
	if t.negative {
		x.f.Neg(&x.f)
	}
	return x, x.inRange()
}

// joinDigits drops the point and leading zeros, and counts the places after the point.
func joinDigits(mantissa []byte) (digits string, places int) {
	joined := make([]byte, 0, len(mantissa))
	for i, c := range mantissa {
		if c == '.' {
			places = len(mantissa) - i - 1
		} else if c != '0' || len(joined) > 0 {
			joined = append(joined, c)
		}
	}
	return string(joined), places
}

// setHex sets x to digits × 2^scale.
func (x *LongDouble) setHex(digits string, scale int) bool {
	mantissa, ok := new(big.Int).SetString(digits, 16)
	if ok {
		x.f.SetPrec(longDoubleBits).SetInt(mantissa)
		x.f.SetMantExp(&x.f, scale)
	}
	return ok
}

// setDecimal sets x to digits × 10^scale with one rounding: both operands of the last step are exact. It is false for
// what is far out of range, before any power of that size is computed.
func (x *LongDouble) setDecimal(digits string, scale int) bool {
	x.f.SetPrec(longDoubleBits)
	size := max(scale, -scale)
	if len(digits) <= shortDigits && size < len(exactPowers) {
		mantissa, err := strconv.ParseUint(digits, 10, 64)
		x.f.SetUint64(mantissa)
		if scale >= 0 {
			x.f.Mul(&x.f, exactPowers[size])
		} else {
			x.f.Quo(&x.f, exactPowers[size])
		}
		return err == nil
	}
	if magnitude := scale + len(digits); magnitude > longDoubleDigits || magnitude < -longDoubleDigits-20 {
		return false
	}
	mantissa, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return false
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(size)), nil)
	if scale >= 0 {
		x.f.SetInt(power.Mul(power, mantissa))
	} else {
		x.f.Quo(new(big.Float).SetInt(mantissa), new(big.Float).SetInt(power))
	}
	return true
}

// shortDigits is how many decimal digits a uint64 takes whatever they are.
const shortDigits = 19

// exactPowers are the powers of ten that a 64-bit mantissa holds exactly.
var exactPowers = func() (powers [28]*big.Float) {
	power, ten := big.NewFloat(1).SetPrec(longDoubleBits), big.NewFloat(10)
	for i := range powers {
		powers[i] = new(big.Float).Copy(power)
		power.Mul(power, ten)
	}
	return powers
}()

func (x *LongDouble) inRange() bool {
	exp := x.f.MantExp(nil)
	return exp <= longDoubleMaxExp && (exp > longDoubleMinExp || exp == longDoubleMinExp && x.f.MinPrec() > 1)
}

// IsInf tells whether x is one of the two infinities.
func (x *LongDouble) IsInf() bool { return x.f.IsInf() }

// Add returns x + y, and false when that is infinite or not a number.
func (x *LongDouble) Add(y *LongDouble) (*LongDouble, bool) {
	if x.IsInf() || y.IsInf() {
		return nil, false
	}
	sum := new(LongDouble)
	sum.f.SetPrec(longDoubleBits).Add(&x.f, &y.f)
	return sum, sum.f.MantExp(nil) <= longDoubleMaxExp
}

// CeilTimes returns x times n, rounded up; what int64 cannot hold becomes its nearest end.
func (x *LongDouble) CeilTimes(n int64) int64 {
	product := new(big.Float).SetPrec(longDoubleBits).SetInt64(n)
	if x.f.Sign() == 0 || n == 0 {
		return 0
	}
	product.Mul(product, &x.f)
	c, acc := product.Int64()
	if acc == big.Below && c != math.MaxInt64 {
		c++
	}
	return c
}

// Append appends x in plain decimal notation, 17 places at most and no zeros at the end.
func (x *LongDouble) Append(dst []byte) []byte {
	if x.IsInf() {
		if x.f.Signbit() {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	}
	if x.f.MantExp(nil) < longDoubleShown {
		return append(dst, '0') // sixteen thousand binary places take milliseconds to print, to be cut off again
	}
	mark := len(dst)
	return trimZeros(x.f.Append(dst, 'f', humanPlaces), mark)
}

// AddLongDouble adds two numbers given as text and returns the digits that redis-server's INCRBYFLOAT gives. The
// error is ErrNotFloat or ErrNotFinite.
func AddLongDouble(a, b []byte) ([]byte, error) {
	x, ok := ParseLongDouble(a)
	if !ok {
		return nil, ErrNotFloat
	}
	y, ok := ParseLongDouble(b)
	if !ok {
		return nil, ErrNotFloat
	}
	sum, ok := x.Add(y)
	if !ok {
		return nil, ErrNotFinite
	}
	return sum.Append(nil), nil
}
