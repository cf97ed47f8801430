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
// that asks is on this machine. found is what Look has found out for the same pairs. apply, when not nil, is called for each
// directive whose value has changed, with all new values in place, last for those with Directive.Last; when it fails, every
// value is put back and apply is called again for those it has seen, so that the outside follows. The error is the complete
// error reply. Set does not wait for a disk.
func (c *Config) Set(pairs []string, local bool, found Found, apply func(*Directive) error) error {
	before := c.Values
	after, rows, err := c.trial(pairs, local, found.of)
	if err != nil {
		return err
	}
	c.Values = *after
	if apply == nil {
		return nil
	}
	changed := make([]*Directive, 0, len(rows))
	slices.SortStableFunc(rows, func(a, b *Directive) int {
		switch {
		case a.Last == b.Last:
			return 0
		case b.Last:
			return -1
		}
		return 1
	})
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

// Found is what the disk has said to new values, by the value.
type Found map[*Directive]answer

type answer struct {
	value string
	err   error
}

// ErrOutdated refuses a change that was prepared for other settings than are in force now.
const ErrOutdated = refusal("it depends on what has been changed meanwhile, try again")

func (f Found) of(d *Directive, v *Values) error {
	if a, ok := f[d]; ok && a.value == d.Value(v) {
		return a.err
	}
	return ErrOutdated
}

// AsksDisk reports whether Look has something to look at for these pairs.
func AsksDisk(pairs []string) bool {
	for i := 0; i < len(pairs); i += 2 {
		if d, ok := Lookup(pairs[i]); ok && (d.kind.disk != nil || d.Group == tlsRows.name) {
			return true
		}
	}
	return false
}

// Look finds out what Set needs to know of the disk, which it may wait for: c is not the configuration in force but a copy, and any
// goroutine's. read, when not nil, reads the files that the new values name. If Set is going to succeed as far as that can be told,
// the copy has the new values afterwards.
func (c *Config) Look(pairs []string, local bool, read func(*Values) error) Found {
	found := Found{}
	after, _, err := c.trial(pairs, local, func(d *Directive, v *Values) error {
		err := d.kind.disk(v)
		found[d] = answer{d.Value(v), err}
		return err
	})
	if err == nil && (read == nil || read(after) == nil) {
		c.Values = *after
	}
	return found
}

// Try returns the values that Set is going to put in force, as far as that can be told without the disk.
func (c *Config) Try(pairs []string, local bool) (*Values, error) {
	v, _, err := c.trial(pairs, local, func(*Directive, *Values) error { return nil })
	return v, err
}

// trial returns what pairs make of the values, and their rows, and changes nothing. Values that name something on the disk are
// judged by disk.
func (c *Config) trial(pairs []string, local bool, disk func(*Directive, *Values) error) (*Values, []*Directive, error) {
	rows, err := c.resolve(pairs, local)
	if err != nil {
		return nil, nil, err
	}
	trial := c.Values
	trial.from = c.Dir
	for i, d := range rows {
		err := d.assign(&trial, []string{pairs[2*i+1]}, false)
		if err == nil && d.kind.disk != nil {
			err = disk(d, &trial)
		}
		if err != nil {
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
