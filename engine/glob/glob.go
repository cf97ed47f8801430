// Package glob matches bytes against the patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules, byte for byte as
// redis-server on x86-64 does, in time that no pattern can make exponential.
//
// # Patterns
//
//	token     matches
//	*         any bytes, also none
//	?         one byte
//	[ab-d]    one byte of these; the ends of a range may come in either order
//	[^ab-d]   one byte that is none of these
//	\x        x itself; in a class too
//
// And where redis-server surprises:
//
//	empty string   matches the empty pattern only, not "*". KEYS and SCAN know "*" before they ask.
//	[abc           a class that is not closed ends with the pattern; "[^" is one byte, any
//	[]  [^]        "]" always closes: no byte, and any byte
//	[a-]b]         "-" always takes the next byte as its end, so this is "a" to "]", "b"
//	[a-\xff]       ends are compared as signed bytes: \xff is -1 and lies before "a"
//	\ at the end   is itself
//	nocase         ASCII letters only; an escaped byte in a class keeps its case; the ends of a range are put in
//	               order before they lose theirs, so [Z-a] is empty; \x80 to \xfe count as positive there
//
// One difference is meant: redis-server 7.2.6 says no to a pattern that nests over 1000 stars, as a guard for its
// stack. There is no recursion here to guard.
//
// # Work
//
// Every token but "*" takes exactly one byte. So if the tokens between two stars match at several places, the first of
// these leaves the most for the rest, and no other need be tried: when a later token fails, only the last star is given
// one byte more. A star that has been passed is never looked at again.
//
//	string    a x x b c y d z
//	pattern   a *   b c * d ?
//	            |       only this star is moved
//	            settled with the first "bc"
//
// A segment between stars is tried at most once for each byte of the string, and costs at most its own length each
// time, so the whole is at most len(pattern) * len(string) steps. When the string ends before the tokens after the last
// star do, moving that star leaves them still less: the answer is no at once. A segment that begins with plain
// bytes is looked for with bytes.Index.
package glob

import "bytes"

// Match tells whether the pattern matches the whole of s.
func Match(pattern, s []byte) bool {
	ok, _ := match(pattern, s, false)
	return ok
}

// MatchFold is Match with no difference between ASCII capitals and small letters.
func MatchFold(pattern, s []byte) bool {
	ok, _ := match(pattern, s, true)
	return ok
}

// IsLiteral tells whether the pattern has no special byte: it matches itself alone.
func IsLiteral(pattern []byte) bool { return plain(pattern) == len(pattern) }

// Prefix is what everything that the pattern matches begins with, as a slice of the pattern: its bytes before the first
// special one.
func Prefix(pattern []byte) []byte { return pattern[:plain(pattern)] }

// plain counts the bytes before the first special one.
func plain(pattern []byte) int {
	for i, b := range pattern {
		switch b {
		case '*', '?', '[', '\\':
			return i
		}
	}
	return len(pattern)
}

// match also counts its steps: pattern and string bytes looked at.
func match(pattern, s []byte, fold bool) (ok bool, steps int) {
	if len(s) == 0 {
		return len(pattern) == 0, 0
	}
	var i, j int           // positions in pattern and string
	segment, from := -1, 0 // after the last star: where its segment begins, and where in the string it is tried
	run := 0               // plain bytes that the segment begins with
	for j < len(s) {
		if i < len(pattern) && pattern[i] == '*' {
			for i < len(pattern) && pattern[i] == '*' {
				i++
			}
			if i == len(pattern) {
				return true, steps
			}
			segment, from = i, j
			if !fold {
				run = plain(pattern[i:])
			}
		} else if hit, next := one(pattern, i, s[j], fold); hit {
			steps += next - i
			i, j = next, j+1
			continue
		} else if segment < 0 {
			return false, steps
		} else {
			steps += next - i
			from++
		}
		skipped := bytes.Index(s[from:], pattern[segment:segment+run])
		if skipped < 0 {
			return false, steps + len(s) - from
		}
		from += skipped
		i, j = segment+run, from+run
		steps += skipped + run + 1
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern), steps
}

// one matches one byte against the token at i, which is not a star, and tells where the next token begins. The end of
// the pattern matches no byte.
func one(pattern []byte, i int, c byte, fold bool) (hit bool, next int) {
	if i == len(pattern) {
		return false, i
	}
	b := pattern[i]
	switch b {
	case '?':
		return true, i + 1
	case '[':
		return class(pattern, i+1, c, fold)
	case '\\':
		if i+1 < len(pattern) {
			i++
			b = pattern[i]
		}
	}
	return b == c || fold && lower(b) == lower(c), i + 1
}

// class matches one byte against the class whose bracket opened before i.
func class(pattern []byte, i int, c byte, fold bool) (hit bool, next int) {
	not := i < len(pattern) && pattern[i] == '^'
	if not {
		i++
	}
	for ; i < len(pattern); i++ {
		b, left := pattern[i], len(pattern)-i
		switch {
		case b == '\\' && left >= 2:
			i++
			hit = hit || pattern[i] == c
		case b == ']':
			return hit != not, i + 1
		case left >= 3 && pattern[i+1] == '-':
			i += 2
			hit = hit || within(b, pattern[i], c, fold)
		default:
			hit = hit || b == c || fold && lower(b) == lower(c)
		}
	}
	return hit != not, i
}

// within tells whether c lies between two ends. They are put in order as signed bytes.
func within(a, b, c byte, fold bool) bool {
	low, high := min(int8(a), int8(b)), max(int8(a), int8(b))
	if fold {
		return ctype(byte(low)) <= ctype(c) && ctype(c) <= ctype(byte(high))
	}
	return low <= int8(c) && int8(c) <= high
}

// ctype is what tolower of the GNU C library makes of a signed byte in the C locale: a negative one becomes positive,
// except -1, which means the end of a file.
func ctype(b byte) int {
	if b == 0xff {
		return -1
	}
	return int(lower(b))
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
