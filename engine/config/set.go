package config

// CONFIG GET and CONFIG SET.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"redix/engine/glob"
)

// Pair is one directive and its value, as CONFIG GET shows them.
type Pair struct{ Name, Value string }

// Get returns the directives that one of the patterns names, each once and in any case. A pattern without * ? or [ is a
// name and comes back as it was written. Aliases are names of their own.
func (c *Config) Get(patterns ...string) []Pair {
	var out []Pair
	seen := make(map[string]bool)
	add := func(as, name string, d *Directive) {
		if !seen[name] {
			seen[name] = true
			out = append(out, Pair{as, d.Value(&c.Values)})
		}
	}
	for _, pattern := range patterns {
		lower := strings.ToLower(pattern)
		if !strings.ContainsAny(pattern, "*?[") {
			if d, ok := byName[lower]; ok && !d.Hidden {
				add(pattern, lower, d)
			}
			continue
		}
		for _, d := range table {
			if d.Hidden || d.ForTests {
				continue
			}
			for _, name := range [...]string{d.Name, d.Alias} {
				if name != "" && glob.MatchFold([]byte(pattern), []byte(name)) {
					add(name, name, d)
				}
			}
		}
	}
	return out
}

// Set gives new values to directives, all or none; pairs holds names and values in turn. local tells that the client
// that asks is on this machine. apply, when not nil, is called for each directive whose value has changed, with all new
// values in place; when it fails, every value is put back and apply is called again for those it has seen, so that the
// outside follows. The error is the complete error reply.
func (c *Config) Set(pairs []string, local bool, apply func(*Directive) error) error {
	before := c.Values
	after, rows, err := c.Trial(pairs, local)
	if err != nil {
		return err
	}
	c.Values = *after
	if apply == nil {
		return nil
	}
	changed := make([]*Directive, 0, len(rows))
	for _, d := range rows {
		if d.Value(&c.Values) == d.Value(&before) || slices.Contains(changed, d) {
			continue
		}
		changed = append(changed, d)
		if err := apply(d); err != nil {
			c.Values = before
			for _, seen := range changed {
				// The old value was in force a moment ago; should it fail now, the first error is still the one to report.
				_ = apply(seen)
			}
			return setError(d.Name, err)
		}
	}
	return nil
}

// Trial returns what Set would make of the values, and the rows of pairs, and changes nothing.
func (c *Config) Trial(pairs []string, local bool) (*Values, []*Directive, error) {
	rows, err := c.resolve(pairs, local)
	if err != nil {
		return nil, nil, err
	}
	trial := c.Values
	for i, d := range rows {
		if err := d.assign(&trial, []string{pairs[2*i+1]}, false); err != nil {
			return nil, nil, setError(strings.ToLower(pairs[2*i]), err)
		}
	}
	return &trial, rows, nil
}

// resolve finds the rows of pairs and refuses what may not be set, without looking at values. A name may come twice
// only as an alias.
func (c *Config) resolve(pairs []string, local bool) ([]*Directive, error) {
	if len(pairs) == 0 || len(pairs)%2 != 0 {
		return nil, errors.New("ERR syntax error")
	}
	rows := make([]*Directive, 0, len(pairs)/2)
	names := make(map[string]bool, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name := strings.ToLower(pairs[i])
		d, ok := byName[name]
		switch {
		case !ok, d.Hidden:
			return nil, fmt.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", oneLine(pairs[i]))
		case !d.Mutable:
			return nil, setError(pairs[i], errors.New("can't set immutable config"))
		case d.Protected && !c.ProtectedConfig.Allows(local):
			return nil, setError(pairs[i], errors.New("can't set protected config"))
		case names[name]:
			return nil, setError(pairs[i], errors.New("duplicate parameter"))
		}
		names[name] = true
		rows = append(rows, d)
	}
	return rows, nil
}

func setError(name string, err error) error {
	return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, oneLine(err.Error()))
}

// oneLine keeps a client's bytes from breaking the error reply they are quoted in.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}
