package commands

// The arguments of COMMAND DOCS, read from the synopsis in a row:
//
//	key                        a value; its type follows from its place (keys) or its name
//	min:double                 one of another type than that
//	NX                         a word to be given as it is: a token
//	EX seconds                 a token and its value
//	LIMIT offset count         a token and its values, when they stand alone in brackets of either sort
//	COUNT count [ANY]          a token, its one value, and what goes with them
//	[...]                      optional
//	<a | b>, [a | b]           one of these
//	key [key ...]              one or more
//	field value [field value ...]
//	[section [section ...]]    none or more
//	<a | b ...>, [a | b ...]   one or more, or none or more, each one of these
//	[GET pattern [GET pattern ...]]  none or more, the token before each
//	BYBOX=width height         a token that belongs to its first value alone
//	{name@6.2.0~7.0.0#1}       what is told of the argument or group before it: its name, where that is not its word, or for a group
//	                           not made of its members' names; since when it is there; since when it is deprecated; its key
//	                           specification. Each of these may be missing.

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// argument is one of a command's arguments, or a group of them.
type argument struct {
	name, kind, token  string
	optional, multiple bool
	repeatToken        bool   // of a multiple argument: the token is repeated, too
	keySpec            int    // place in Row.Keys, -1 none
	shown              string // the value's word in a line of help, if that is not its name
	since, deprecated  string // versions
	args               []argument
}

// Kinds of arguments, as COMMAND DOCS names them.
const (
	kindKey   = "key"
	kindToken = "pure-token"
	kindOneOf = "oneof"
	kindBlock = "block"
)

// parseSyntax reads a synopsis. What is not well formed ends early; a test reads those of all rows.
func parseSyntax(synopsis string) ([]argument, bool) {
	p := syntaxParser{words: splitSyntax(synopsis)}
	args := p.sequence()
	return args, p.at == len(p.words)
}

var syntaxMarks = strings.NewReplacer("[", " [ ", "]", " ] ", "<", " < ", ">", " > ", "|", " | ", "{", " {", "}", "} ")

// splitSyntax cuts a synopsis into words, the marks [ ] < > |, and what is in braces.
func splitSyntax(s string) []string { return strings.Fields(syntaxMarks.Replace(s)) }

var notForHelp = regexp.MustCompile(`\{[^}]*\}|:(string|integer|double|key|pattern|unix-time)\b`)

// plainSyntax is a synopsis as people read it.
func plainSyntax(synopsis string) string { return notForHelp.ReplaceAllString(synopsis, "") }

type syntaxParser struct {
	words []string
	at    int
}

func (p *syntaxParser) peek() string {
	if p.at == len(p.words) {
		return ""
	}
	return p.words[p.at]
}

// take skips a word if it is next.
func (p *syntaxParser) take(word string) bool {
	if p.peek() != word {
		return false
	}
	p.at++
	return true
}

// sequence reads arguments up to the end, a closing bracket or a bar.
func (p *syntaxParser) sequence() []argument {
	var args []argument
	for {
		switch w := p.peek(); w {
		case "", "]", ">", "|", "...":
			return args
		case "<":
			p.at++
			args = append(args, p.choice(">"))
		case "[":
			args = p.bracket(args)
		default:
			p.at++
			if !strings.ContainsAny(w, "{}") {
				args = append(args, p.word(w, len(args) == 0)...)
			} else if len(args) == 0 || !args[len(args)-1].tell(w) {
				p.words = append(p.words, "") // never equal to at: the parse is not whole
			}
		}
	}
}

// word reads a value, a token, or a token with its value. first tells that the word begins its sequence, whose rest
// then belongs to the token; not that behind a single value.
func (p *syntaxParser) word(w string, first bool) []argument {
	if token, of, ok := strings.Cut(w, "="); ok && token != "" && of != "" {
		a := value(of)
		a.token = token
		return []argument{a}
	}
	if !isToken(w) {
		return []argument{value(w)}
	}
	a := argument{name: strings.ToLower(w), kind: kindToken, token: w, keySpec: -1}
	if p.take("<") {
		of := p.choice(">")
		of.token = w
		return []argument{of}
	}
	if !isValue(p.peek()) {
		return []argument{a}
	}
	if !first {
		p.at++
		v := value(p.words[p.at-1])
		v.token = w
		return []argument{v}
	}
	rest := p.sequence()
	if rest[0].token == "" && (len(rest) == 1 || !rest[1].plain()) {
		rest[0].token = w
		return rest
	}
	a.kind, a.args = kindBlock, rest
	if n := len(rest) - 1; rest[n].token == w && rest[n].multiple && sameNames(rest[:n], rest[n].args) { // the whole once more
		a.args, a.multiple, a.repeatToken = rest[:n], true, true
	}
	return []argument{a}
}

// plain tells whether an argument is a value to be given, and nothing else.
func (a *argument) plain() bool {
	return len(a.args) == 0 && a.kind != kindToken && a.token == "" && !a.optional
}

// bracket reads an optional part; one that repeats what stands before it makes that multiple.
func (p *syntaxParser) bracket(before []argument) []argument {
	p.at++
	start := p.at
	inner := p.sequence()
	if p.take("...") && p.take("]") {
		n := len(inner)
		if k := len(before) - n; n > 0 && k >= 0 && sameNames(before[k:], inner) {
			again := repeated(before[k:])
			again.repeatToken = n == 1 && inner[0].token != ""
			return append(before[:k:k], again)
		}
		again := repeated(inner)
		again.optional = true
		return append(before, again)
	}
	p.at = start
	a := p.choice("]")
	a.optional = true
	return append(before, a)
}

// choice reads alternatives up to the closing mark; a single one is itself.
func (p *syntaxParser) choice(end string) argument {
	var of [][]argument
	for {
		of = append(of, p.sequence())
		if !p.take("|") {
			break
		}
	}
	again := p.take("...")
	if !p.take(end) {
		p.words = append(p.words, "") // never equal to at: the parse is not whole
	}
	a := oneOf(of)
	a.multiple = a.multiple || again
	return a
}

// oneOf makes one argument of alternatives.
func oneOf(sequences [][]argument) argument {
	var of []argument
	for _, s := range sequences {
		of = append(of, grouped(s))
	}
	if len(of) == 1 {
		return of[0]
	}
	return argument{name: joinNames(of), kind: kindOneOf, args: of, keySpec: -1}
}

// grouped makes one argument of a sequence.
func grouped(args []argument) argument {
	if len(args) == 1 {
		return args[0]
	}
	return argument{name: joinNames(args), kind: kindBlock, args: args, keySpec: -1}
}

func repeated(args []argument) argument {
	a := grouped(args)
	a.multiple = true
	return a
}

// joinNames names a group after its members, up to the third.
func joinNames(args []argument) string {
	var names []string
	for _, a := range args[:min(len(args), 3)] {
		names = append(names, a.name)
	}
	return strings.Join(names, "-")
}

func sameNames(a, b []argument) bool {
	return slices.EqualFunc(a, b, func(x, y argument) bool { return x.name == y.name && x.kind == y.kind })
}

// isToken tells a token from the name of a value: it has no small letters.
func isToken(w string) bool {
	return w != "" && w != "..." && strings.ToUpper(w) == w && !strings.ContainsAny(w[:1], "[]<>|{")
}

func isValue(w string) bool {
	return w != "" && w != "..." && !isToken(w) && !strings.ContainsAny(w[:1], "[]<>|{")
}

// told are the parts of what is in braces.
var told = regexp.MustCompile(`^\{([a-z-]*)(?:@(\d+\.\d+\.\d+))?(?:~(\d+\.\d+\.\d+))?(?:#(\d+))?\}$`)

// tell takes up what is in braces behind the argument.
func (a *argument) tell(text string) bool {
	m := told.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	if m[1] != "" {
		if len(a.args) == 0 && a.kind != kindToken {
			a.shown = a.name
		}
		a.name = m[1]
	}
	a.since, a.deprecated = m[2], m[3]
	if m[4] != "" {
		a.keySpec, _ = strconv.Atoi(m[4])
	}
	return true
}

// valueKinds are the types of values by their names; any other is a string.
var valueKinds = kindsOf(map[string]string{
	kindKey: "key", "pattern": "pattern", "unix-time": "unix-time-seconds unix-time-milliseconds",
	"integer": "bit bits client-id cluster-bus-port config-epoch count cursor db decrement destination-db end end-slot entries-added " +
		"entries-read frequency increment index index1 index2 len limit milliseconds min-idle-time min-match-len ms num-matches numkeys " +
		"numlocal numreplicas offset port protover rank seconds slot start start-slot stop ttl version weight",
	"double": "height latitude longitude radius score timeout width",
	"string": "", // known, so that a synopsis may name it
})

// kindsOf turns lists of names round.
func kindsOf(names map[string]string) map[string]string {
	kinds := map[string]string{}
	for kind, list := range names {
		for _, name := range strings.Fields(list) {
			kinds[name] = kind
		}
		kinds[":"+kind] = kind
	}
	return kinds
}

func value(name string) argument {
	kind := valueKinds[name]
	if i := strings.LastIndexByte(name, ':'); i > 0 && valueKinds[name[i:]] != "" {
		name, kind = name[:i], name[i+1:]
	}
	if kind == "" {
		kind = "string"
	}
	return argument{name: name, kind: kind, keySpec: -1}
}
