package commands

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"redix/engine"
)

// write is the way back: the synopsis of parsed arguments.
func write(args []argument) string {
	var words []string
	for _, a := range args {
		word := writeOne(a)
		if a.kind == kindBlock && !a.optional && !a.multiple && len(args) > 1 && tellOf(a) == "" {
			word = "<" + word + ">"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// tellOf is what the synopsis says in braces behind the argument.
func tellOf(a argument) string {
	usual := a.name
	switch {
	case a.shown != "":
		usual = a.shown
	case a.kind == kindToken, a.kind == kindBlock && a.token != "":
		usual = strings.ToLower(a.token)
	case len(a.args) > 0:
		usual = joinNames(a.args)
	}
	text := ""
	if a.name != usual {
		text = a.name
	}
	for _, v := range [][2]string{{"@", a.since}, {"~", a.deprecated}} {
		if v[1] != "" {
			text += v[0] + v[1]
		}
	}
	if a.keySpec >= 0 {
		text += fmt.Sprint("#", a.keySpec)
	}
	if text == "" {
		return ""
	}
	return "{" + text + "}"
}

func writeOne(a argument) string {
	inner, tell, leaf := cmp.Or(a.shown, a.name), tellOf(a), len(a.args) == 0
	switch {
	case leaf && a.kind != kindToken && a.kind != value(inner).kind:
		inner += ":" + a.kind
	case a.kind == kindToken:
		inner = a.token
	case a.kind == kindOneOf:
		var of []string
		for _, x := range a.args {
			of = append(of, writeOne(x))
		}
		if inner = strings.Join(of, " | "); a.multiple {
			inner += " ..."
		}
		if !a.optional || a.token != "" {
			inner = "<" + inner + ">"
		}
	case a.kind == kindBlock:
		inner = write(a.args)
	}
	if (leaf || a.kind == kindOneOf && a.token != "") && !a.multiple {
		inner, tell = inner+tell, "" // at the word itself
	}
	if a.token != "" && a.kind != kindToken {
		inner = a.token + " " + inner
	}
	if a.multiple && a.kind != kindOneOf {
		bare := inner
		if !a.repeatToken {
			bare = strings.TrimPrefix(inner, a.token+" ")
		}
		inner += " [" + bare + " ...]"
	}
	if a.optional {
		inner = "[" + inner + "]"
	} else if tell != "" && a.kind == kindBlock && !a.multiple {
		inner = "<" + inner + ">"
	}
	return inner + tell
}

// TestSyntaxOfAllRows reads every synopsis and writes it again.
func TestSyntaxOfAllRows(t *testing.T) {
	table := NewTable()
	eachRow(table, func(r *engine.Row) {
		args, whole := parseSyntax(r.Syntax)
		if got := write(args); got != strings.ReplaceAll(r.Syntax, "BYBOX=", "BYBOX ") || !whole {
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
		{"[A b | [C] d ...]", "b-c-d:oneof?*(A=b:string c-d:block(C:pure-token? d:string))"},
		{"<A | B ...>", "a-b:oneof*(A:pure-token B:pure-token)"},
		{"<A=b c>{x}", "x:block(A=b:string c:string)"},
		{"key{@1.0.0#2} A b{x~2.0.0}", "key:key@1.0.0#2 A=x(b):string~2.0.0"},
		{"<A | B>{x} [C{@1.0.0}] [D e [D e ...]]{y@2.0.0~3.0.0#1}", "x:oneof(A:pure-token B:pure-token) C:pure-token?@1.0.0 D=y(e):string?*@2.0.0~3.0.0#1"},
		{"a b [a b ...]{x} [D <E | F>{y}]", "x:block*(a:string b:string) D=y:oneof?(E:pure-token F:pure-token)"},
	} {
		args, whole := parseSyntax(x.synopsis)
		if got := shape(args); got != x.want || !whole {
			t.Errorf("%s:\n%s, want\n%s", x.synopsis, got, x.want)
		}
	}
	for _, bad := range []string{"[a", "a]", "<a | b", "a | b", "[a ...", "...", "[]x]", "{x}", "[{x}]", "a{x y}", "a{@1}", "a{x", "a}", "a{#1@1.0.0}", "<a | b> ..."} {
		if _, whole := parseSyntax(bad); whole {
			t.Errorf("%q is taken for well formed", bad)
		}
	}
}

// shape shows arguments as [TOKEN=]name[(word)]:kind[?][*][@since][~deprecated][#key specification][(members)].
func shape(args []argument) string {
	var out []string
	for _, a := range args {
		s := a.name
		if a.shown != "" {
			s += "(" + a.shown + ")"
		}
		s += ":" + a.kind
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
		if a.since != "" {
			s += "@" + a.since
		}
		if a.deprecated != "" {
			s += "~" + a.deprecated
		}
		if a.keySpec >= 0 {
			s += fmt.Sprint("#", a.keySpec)
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
		"sort": {0, 1, -1, 1, -1, -1, 2}, "cluster|keyslot": {-1}} {
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
