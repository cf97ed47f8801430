package servertest

// Tables of steps, one line for each command and its reply:
//
//	var do = servertest.Do
//
//	servertest.Run(t,
//		do("SET", "k", "v").OK(),
//		do("GETDEL", "k").Bulk("v"),
//		do("GETDEL", "k").Null(),
//		do("GETDEL").Err("ERR wrong number"))
//
// Run plays the table against fresh servers in every combination of
//
//	reactor     epoll, evio
//	protocol    RESP2, RESP3
//	delivery    whole (command, reply, command ...), byte by byte, pipelined (everything in one write)
//
// and once more with a journal, from which the data must come back the same. Each step is checked each time, and the
// data must be the same after all of them. An expectation says what is meant, and the protocol decides
// on its form: Null matches $-1, *-1 and _, Map a map or a flat array.

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Step is one command and what its reply must be.
type Step struct {
	words []string
	want  []Want
	where string
}

// Want checks a reply that came under protocol proto; it returns what is wrong with it, or "".
type Want func(v Value, proto int) string

// Do starts a step. Without any expectation the reply may be anything but an error.
func Do(words ...string) *Step { return &Step{words: words, where: caller()} }

func (s *Step) expect(w Want) *Step {
	s.want = append(s.want, w)
	return s
}

// OK expects the simple string OK.
func (s *Step) OK() *Step { return s.expect(Simple("OK")) }

// Simple expects a simple string.
func (s *Step) Simple(text string) *Step { return s.expect(Simple(text)) }

// Bulk expects a bulk string.
func (s *Step) Bulk(text string) *Step { return s.expect(Bulk(text)) }

// Int expects an integer.
func (s *Step) Int(n int64) *Step { return s.expect(Int(n)) }

// Between expects an integer from low to high.
func (s *Step) Between(low, high int64) *Step { return s.expect(Between(low, high)) }

// Null expects an absent value.
func (s *Step) Null() *Step { return s.expect(Null()) }

// Double expects a number: a double in RESP3, a bulk string in RESP2.
func (s *Step) Double(digits string) *Step { return s.expect(Double(digits)) }

// Bool expects a truth value: an integer 0 or 1 in RESP2.
func (s *Step) Bool(b bool) *Step { return s.expect(Bool(b)) }

// Err expects an error whose text begins so.
func (s *Step) Err(prefix string) *Step { return s.expect(Err(prefix)) }

// Array expects an array. Elements are a string (bulk), an integer, a bool, nil (null), a []any (array) or a Want.
func (s *Step) Array(elems ...any) *Step { return s.expect(Array(elems...)) }

// Sorted expects an array or a set of these elements, in any order.
func (s *Step) Sorted(elems ...any) *Step { return s.expect(Sorted(elems...)) }

// Map expects these keys and values, in any order: a map in RESP3, a flat array in RESP2.
func (s *Step) Map(pairs ...any) *Step { return s.expect(Map(pairs...)) }

// Match expects a reply whose text, or an element's, matches the regular expression.
func (s *Step) Match(expr string) *Step { return s.expect(Match(expr)) }

// Len expects an array, set or map of n elements (pairs), or a string of n bytes.
func (s *Step) Len(n int) *Step { return s.expect(Len(n)) }

// Any accepts every reply, errors too.
func (s *Step) Any() *Step { return s.expect(func(Value, int) string { return "" }) }

// Want adds an expectation of the caller's own.
func (s *Step) Want(w Want) *Step { return s.expect(w) }

// check returns what is wrong with the reply.
func (s *Step) check(v Value, proto int) string {
	if len(s.want) == 0 && v.Kind == '-' {
		return fmt.Sprintf("%s, which was not expected", v)
	}
	for _, w := range s.want {
		if problem := w(v, proto); problem != "" {
			return problem
		}
	}
	return ""
}

func mismatch(v Value, want string, args ...any) string {
	return fmt.Sprintf("%s, want ", v) + fmt.Sprintf(want, args...)
}

func exactly(kind byte, text string) Want {
	want := Value{Kind: kind, Str: text}
	return func(v Value, _ int) string {
		if !v.Equal(want) {
			return mismatch(v, "%s", want)
		}
		return ""
	}
}

// Simple wants a simple string.
func Simple(text string) Want { return exactly('+', text) }

// Bulk wants a bulk string.
func Bulk(text string) Want { return exactly('$', text) }

// Int wants an integer.
func Int(n int64) Want { return exactly(':', strconv.FormatInt(n, 10)) }

// Between wants an integer from low to high.
func Between(low, high int64) Want {
	return func(v Value, _ int) string {
		if v.Kind != ':' || v.Int < low || v.Int > high {
			return mismatch(v, "%d to %d", low, high)
		}
		return ""
	}
}

// Null wants an absent value: $-1 or *-1 in RESP2, _ in RESP3.
func Null() Want {
	return func(v Value, proto int) string {
		if !v.Null() || (v.Str == "_") != (proto == 3) {
			return mismatch(v, "null in RESP%d", proto)
		}
		return ""
	}
}

// Double wants a number in these digits.
func Double(digits string) Want {
	return func(v Value, proto int) string { return exactly(byProto(proto, '$', ','), digits)(v, proto) }
}

// Bool wants a truth value.
func Bool(b bool) Want {
	return func(v Value, proto int) string {
		text := map[bool]string{true: "t", false: "f"}[b]
		if proto != 3 {
			text = map[bool]string{true: "1", false: "0"}[b]
		}
		return exactly(byProto(proto, ':', '#'), text)(v, proto)
	}
}

func byProto(proto int, two, three byte) byte {
	if proto == 3 {
		return three
	}
	return two
}

// Err wants an error whose text begins with prefix.
func Err(prefix string) Want {
	return func(v Value, _ int) string {
		if v.Kind != '-' || !strings.HasPrefix(v.Str, prefix) {
			return mismatch(v, "-%s...", prefix)
		}
		return ""
	}
}

// Array wants an array of these elements; see Step.Array.
func Array(elems ...any) Want {
	return func(v Value, proto int) string {
		if v.Kind != '*' || len(v.Elems) != len(elems) {
			return mismatch(v, "an array of %d: %v", len(elems), elems)
		}
		for i, e := range elems {
			if problem := wantOf(e)(v.Elems[i], proto); problem != "" {
				return fmt.Sprintf("%s; element %d: %s", v, i, problem)
			}
		}
		return ""
	}
}

// Sorted wants these elements in any order, as an array or a set.
func Sorted(elems ...any) Want {
	return func(v Value, proto int) string {
		if v.Kind != '*' && v.Kind != '~' || len(v.Elems) != len(elems) {
			return mismatch(v, "%d elements: %v", len(elems), elems)
		}
		left := slices.Clone(v.Elems)
		for _, e := range elems {
			i := slices.IndexFunc(left, func(got Value) bool { return wantOf(e)(got, proto) == "" })
			if i < 0 {
				return mismatch(v, "an element %v", e)
			}
			left = slices.Delete(left, i, i+1)
		}
		return ""
	}
}

// Map wants these keys and values in any order.
func Map(pairs ...any) Want {
	return func(v Value, proto int) string {
		if v.Kind != byProto(proto, '*', '%') || len(v.Elems) != len(pairs) {
			return mismatch(v, "a map of %d pairs in RESP%d: %v", len(pairs)/2, proto, pairs)
		}
		left := slices.Collect(slices.Chunk(v.Elems, 2))
		for pair := range slices.Chunk(pairs, 2) {
			i := slices.IndexFunc(left, func(got []Value) bool {
				return wantOf(pair[0])(got[0], proto) == "" && wantOf(pair[1])(got[1], proto) == ""
			})
			if i < 0 {
				return mismatch(v, "%v: %v", pair[0], pair[1])
			}
			left = slices.Delete(left, i, i+1)
		}
		return ""
	}
}

// Match wants a text that matches the regular expression.
func Match(expr string) Want {
	re := regexp.MustCompile(expr)
	return func(v Value, _ int) string {
		if !slices.ContainsFunc(v.Strings(), re.MatchString) {
			return mismatch(v, "a match of %s", expr)
		}
		return ""
	}
}

// Len wants so many elements, pairs or bytes.
func Len(n int) Want {
	return func(v Value, _ int) string {
		got := len(v.Elems)
		switch v.Kind {
		case '%':
			got /= 2
		case '$', '+', '=':
			got = len(v.Str)
		case '*', '~', '>':
		default:
			return mismatch(v, "something of length %d", n)
		}
		if got != n {
			return mismatch(v, "length %d, have %d", n, got)
		}
		return ""
	}
}

func wantOf(e any) Want {
	switch e := e.(type) {
	case Want:
		return e
	case func(Value, int) string:
		return e
	case string:
		return Bulk(e)
	case int:
		return Int(int64(e))
	case int64:
		return Int(e)
	case bool:
		return Bool(e)
	case nil:
		return Null()
	case []any:
		return Array(e...)
	}
	panic(fmt.Sprintf("servertest: no expectation is made of a %T", e))
}
