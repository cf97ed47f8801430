package config

// What a row of the table says, and how a row is found.

import "strings"

// Directive is one row: everything there is to know about a directive except its value.
type Directive struct {
	Name    string
	Alias   string // second name that reads and sets the same value, or empty
	Group   string // heading in the sample file and the docs
	Default string // as in a file, words separated by spaces
	Help    string // one or two sentences; the unit of the value when it has one

	// NoEffect tells why setting the directive changes nothing yet, empty when it does change something. Such
	// directives are here because clients read them or configuration files carry them.
	NoEffect string

	Mutable   bool // CONFIG SET may change it
	Protected bool // CONFIG SET needs enable-protected-configs
	Sensitive bool // the value must not reach a log or an error text
	Last      bool // CONFIG SET has the outside follow it after all others: that is not taken back
	ForTests  bool // CONFIG GET finds it by its whole name only: redis-server has it for its tests
	Hidden    bool // CONFIG GET and CONFIG SET do not know it: lines of the file that are no value

	Example string // of a hidden directive, for the sample file

	kind kind
}

// Expects describes the values that the directive takes.
func (d *Directive) Expects() string { return d.kind.expects }

// Value returns the value in v as CONFIG GET shows it.
func (d *Directive) Value(v *Values) string { return d.kind.get(v) }

// Directives returns the table, in the order of the sample file. It must not be changed.
func Directives() []*Directive { return table }

// byName finds a row by lower-case name or alias.
var byName = index(table)

func index(rows []*Directive) map[string]*Directive {
	names := make(map[string]*Directive, 2*len(rows))
	for _, d := range rows {
		names[d.Name] = d
		if d.Alias != "" {
			names[d.Alias] = d
		}
	}
	return names
}

// Lookup finds a directive by its name or alias in any case.
func Lookup(name string) (*Directive, bool) {
	d, ok := byName[strings.ToLower(name)]
	return d, ok
}

// assign gives words to the directive; a single word of a directive that takes several is split at each space.
func (d *Directive) assign(v *Values, words []string, more bool) error {
	if d.kind.several && len(words) == 1 {
		words = strings.Split(words[0], " ")
	}
	return d.kind.set(v, words, more)
}

// defaults returns Values with every row's default. Relative paths start at from; empty: the working directory.
func defaults(from string) (*Values, error) {
	v := new(Values)
	v.from = from
	for _, d := range table {
		if err := d.assign(v, []string{d.Default}, false); err != nil {
			return nil, &placeError{"default", d.Name, err.Error()}
		}
	}
	return v, nil
}

// placeError is the one line that start-up prints for a directive that cannot be taken.
type placeError struct{ place, name, problem string }

func (e *placeError) Error() string {
	if e.name == "" {
		return e.place + ": " + e.problem
	}
	return e.place + ": " + e.name + ": " + e.problem
}
