package commands

import (
	"strings"
	"testing"

	"redix/engine"
)

// write is the way back: the synopsis of parsed arguments.
func write(args []argument) string {
	var words []string
	for _, a := range args {
		word := writeOne(a)
		if a.kind == kindBlock && !a.optional && !a.multiple && len(args) > 1 {
			word = "<" + word + ">"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func writeOne(a argument) string {
	inner := a.name
	switch {
	case len(a.args) == 0 && a.kind != kindToken && a.kind != value(a.name).kind:
		inner += ":" + a.kind
	case a.kind == kindToken:
		inner = a.token
	case a.kind == kindOneOf:
		var of []string
		for _, x := range a.args {
			of = append(of, writeOne(x))
		}
		if inner = strings.Join(of, " | "); !a.optional || a.token != "" {
			inner = "<" + inner + ">"
		}
	case a.kind == kindBlock:
		inner = write(a.args)
	}
	if a.token != "" && a.kind != kindToken {
		inner = a.token + " " + inner
	}
	if a.multiple {
		bare := inner
		if a.kind != kindOneOf && !a.repeatToken {
			bare = strings.TrimPrefix(inner, a.token+" ")
		}
		inner += " [" + bare + " ...]"
	}
	if a.optional {
		inner = "[" + inner + "]"
	}
	return inner
}

// TestSyntaxOfAllRows reads every synopsis and writes it again.
func TestSyntaxOfAllRows(t *testing.T) {
	table := NewTable()
	eachRow(table, func(r *engine.Row) {
		args, whole := parseSyntax(r.Syntax)
		if got := write(args); got != r.Syntax || !whole {
			t.Errorf("%s: %q\nbecomes %q", r.FullName, r.Syntax, got)
		}
		if r.Subs == nil && (r.Arity > 2 || r.Arity < -2) && r.Syntax == "" {
			t.Errorf("%s takes arguments and has no synopsis", r.FullName)
		}
	})
}

func TestSyntax(t *testing.T) {
	for _, x := range []struct{ synopsis, want string }{
		{"key", "key:key"},
		{"key [key ...]", "key:key*"},
		{"[section [section ...]]", "section:string?*"},
		{"field value [field value ...]", "field-value:block*(field:string value:string)"},
		{"[NX | XX] [GET]", "nx-xx:oneof?(NX:pure-token XX:pure-token) GET:pure-token?"},
		{"[EX seconds | KEEPTTL]", "seconds-keepttl:oneof?(EX=seconds:integer KEEPTTL:pure-token)"},
		{"[LIMIT offset count]", "LIMIT=limit:block?(offset:integer count:integer)"},
		{"[ID client-id [client-id ...]]", "ID=client-id:integer?*"},
		{"<LEFT | RIGHT> x", "left-right:oneof(LEFT:pure-token RIGHT:pure-token) x:string"},
		{"STORE key", "STORE=key:key"},
		{"key min:double ip:port count:string", "key:key min:double ip:port:string count:string"},
		{"[COUNT count [ANY]] [TO a b [C]]", "count-any:block?(COUNT=count:integer ANY:pure-token?) TO=to:block?(a:string b:string C:pure-token?)"},
		{"<A b c> [D]", "A=a:block(b:string c:string) D:pure-token?"},
		{"[a [B c]]", "a-c:block?(a:string B=c:string?)"},
		{"[GET a [GET a ...]]", "GET=a:string?*"},
		{"[GET a b [GET a b ...]]", "GET=get:block?*(a:string b:string)"},
		{"[A b | [C] d [A b | [C] d ...]]", "b-c-d:oneof?*(A=b:string c-d:block(C:pure-token? d:string))"},
	} {
		args, whole := parseSyntax(x.synopsis)
		if got := shape(args); got != x.want || !whole {
			t.Errorf("%s:\n%s, want\n%s", x.synopsis, got, x.want)
		}
	}
	for _, bad := range []string{"[a", "a]", "<a | b", "a | b", "[a ...", "...", "[]x]"} {
		if _, whole := parseSyntax(bad); whole {
			t.Errorf("%q is taken for well formed", bad)
		}
	}
}

// shape shows arguments as [TOKEN=]name:kind[?][*][(members)].
func shape(args []argument) string {
	var out []string
	for _, a := range args {
		s := a.name + ":" + a.kind
		if a.kind == kindToken {
			s = a.token + ":" + a.kind
		} else if a.token != "" {
			s = a.token + "=" + s
		}
		if a.optional {
			s += "?"
		}
		if a.multiple {
			s += "*"
		}
		if len(a.args) > 0 {
			s += "(" + shape(a.args) + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// TestKeysOfDocs finds the arguments that are keys.
func TestKeysOfDocs(t *testing.T) {
	table := NewTable()
	for name, want := range map[string][]int{"set": {0, -1, -1, -1, -1}, "rename": {0, 1}, "memory|usage": {0, -1},
		"del": {0}, "mset": {0}, "ping": {-1}, "lcs": {0, 0, -1, -1, -1, -1}, "pfmerge": {0, 1}, "spublish": {-1, -1},
		"sort": {0, -1, -1, -1, -1, -1, 2}, "cluster|keyslot": {-1}} {
		var got []int
		for _, a := range argumentsOf(rowNamed(table, name)) {
			if len(a.args) > 0 && a.keySpec < 0 && a.kind == kindBlock {
				a = a.args[0]
			}
			got = append(got, a.keySpec)
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}
