package servertest

// Replies as values. One type holds what either protocol can say; which of its forms came over the wire stays visible,
// because clients tell them apart.
//
//	Kind   from                 holds
//	'+'    simple string        Str
//	'-'    error                Str
//	':'    integer              Int, and Str as sent
//	'$'    bulk string          Str
//	'*'    array                Elems
//	'_'    $-1, *-1 or _        Str: the first byte as sent
//	'%'    map                  Elems: key, value, key, value ...
//	'~'    set                  Elems
//	'>'    push                 Elems
//	','    double               Str
//	'#'    boolean              Str: t or f
//	'='    verbatim string      Str: with its format, "txt:..."
//	'('    big number           Str

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Value is one reply.
type Value struct {
	Kind  byte
	Str   string
	Int   int64
	Elems []Value
}

// maxReplyBytes and maxReplyElems keep a broken length from taking the machine's memory.
const (
	maxReplyBytes = 1 << 30
	maxReplyElems = 1 << 26
)

// Read takes the next reply off r. Attributes are read and dropped.
func Read(r *bufio.Reader) (Value, error) {
	line, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return Value{}, err
	}
	text := string(line)
	if err != nil {
		rest, err := r.ReadString('\n')
		if err != nil {
			return Value{}, err
		}
		text += rest
	}
	if len(text) < 3 || !strings.HasSuffix(text, "\r\n") {
		return Value{}, fmt.Errorf("not a reply: %.80q", text)
	}
	return readRest(r, text[0], text[1:len(text)-2])
}

func readRest(r *bufio.Reader, kind byte, text string) (Value, error) {
	switch kind {
	case '+', '-', ',', '(':
		return Value{Kind: kind, Str: text}, nil
	case '#':
		if text != "t" && text != "f" {
			return Value{}, fmt.Errorf("not a boolean: %q", text)
		}
		return Value{Kind: kind, Str: text}, nil
	case '_':
		if text != "" {
			return Value{}, fmt.Errorf("a null with text: %q", text)
		}
		return Value{Kind: '_', Str: "_"}, nil
	case ':', '$', '=', '*', '%', '~', '>', '|':
	default:
		return Value{}, fmt.Errorf("not a reply: %.80q", string(kind)+text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.HasPrefix(text, "+") {
		return Value{}, fmt.Errorf("not a number: %.80q", string(kind)+text)
	}
	switch {
	case kind == ':':
		return Value{Kind: kind, Str: text, Int: n}, nil
	case n == -1 && (kind == '$' || kind == '*'):
		return Value{Kind: '_', Str: string(kind)}, nil
	case kind == '$' || kind == '=':
		return readBulk(r, kind, n)
	}
	return readElems(r, kind, n)
}

func readBulk(r *bufio.Reader, kind byte, n int64) (Value, error) {
	if n < 0 || n > maxReplyBytes {
		return Value{}, fmt.Errorf("impossible length: %c%d", kind, n)
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return Value{}, err
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return Value{}, fmt.Errorf("no line end after %d bytes", n)
	}
	return Value{Kind: kind, Str: string(b[:n])}, nil
}

func readElems(r *bufio.Reader, kind byte, n int64) (Value, error) {
	if n < 0 || n > maxReplyElems {
		return Value{}, fmt.Errorf("impossible length: %c%d", kind, n)
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	v := Value{Kind: kind}
	for range n {
		e, err := Read(r)
		if err != nil {
			return Value{}, err
		}
		v.Elems = append(v.Elems, e)
	}
	if kind == '|' {
		return Read(r)
	}
	return v, nil
}

// Null reports an absent value, of whatever form.
func (v Value) Null() bool { return v.Kind == '_' }

// Err returns the text of an error reply, and "" of any other.
func (v Value) Err() string {
	if v.Kind == '-' {
		return v.Str
	}
	return ""
}

// Strings returns the text of the elements, or of the value itself when it has none.
func (v Value) Strings() []string {
	switch v.Kind {
	case '*', '%', '~', '>':
		out := make([]string, 0, len(v.Elems))
		for _, e := range v.Elems {
			out = append(out, e.Strings()...)
		}
		return out
	}
	return []string{v.Str}
}

// Pairs returns a map, or a flat array of keys and values, as a map of the keys' and values' text.
func (v Value) Pairs() map[string]string {
	m := make(map[string]string, len(v.Elems)/2)
	for i := 0; i+1 < len(v.Elems); i += 2 {
		m[v.Elems[i].Str] = v.Elems[i+1].Str
	}
	return m
}

// Equal reports whether the two replies are the same on the wire.
func (v Value) Equal(o Value) bool {
	return v.Kind == o.Kind && v.Str == o.Str && slices.EqualFunc(v.Elems, o.Elems, Value.Equal)
}

// Sorted returns v with its elements in a fixed order: pairs by key for a map, and, when pairs is set, for a flat array
// of keys and values.
func (v Value) Sorted(pairs bool) Value {
	width := 1
	if v.Kind == '%' || pairs && len(v.Elems)%2 == 0 {
		width = 2
	}
	groups := slices.Collect(slices.Chunk(v.Elems, width))
	slices.SortFunc(groups, func(a, b []Value) int {
		return slices.CompareFunc(a, b, func(a, b Value) int { return strings.Compare(a.String(), b.String()) })
	})
	v.Elems = slices.Concat(groups...)
	return v
}

// shownBytes is how much of one string a failure shows.
const shownBytes = 160

// String shows the reply on one line, near to how redis-cli does.
func (v Value) String() string {
	var b strings.Builder
	v.format(&b)
	return b.String()
}

func (v Value) format(b *strings.Builder) {
	switch v.Kind {
	case '_':
		b.WriteString("null" + v.Str)
	case ':':
		b.WriteString(v.Str)
	case '+', '-', ',', '(', '#':
		b.WriteString(string(v.Kind) + v.Str)
	case '$', '=':
		if v.Kind == '=' {
			b.WriteByte('=')
		}
		if len(v.Str) > shownBytes {
			fmt.Fprintf(b, "%q... of %d bytes", v.Str[:shownBytes], len(v.Str))
			return
		}
		b.WriteString(strconv.Quote(v.Str))
	default:
		b.WriteString(string(v.Kind) + "[")
		for i, e := range v.Elems {
			if i > 0 {
				b.WriteByte(' ')
			}
			e.format(b)
		}
		b.WriteByte(']')
	}
}
