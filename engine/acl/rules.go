package acl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"redix/engine/config"
)

// Problem is why a rule is not taken; the text is redis-server's.
type Problem string

// Error returns the text.
func (p Problem) Error() string { return string(p) }

// The problems.
const (
	problemUnknown  = Problem("Unknown command or category name in ACL")
	problemSyntax   = Problem("Syntax error")
	problemKeys     = Problem("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	problemChannels = Problem("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels")
	problemPassword = Problem("The password you are trying to remove from the user does not exist")
	problemHash     = Problem("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	problemFirstArg = Problem("Allowing first-arg of a subcommand is not supported")
)

// RuleError tells which rule was not taken and why.
type RuleError struct {
	Rule    string
	Problem Problem
}

// Error returns the text of ACL SETUSER.
func (e *RuleError) Error() string {
	return "Error in ACL SETUSER modifier '" + UntilNul(e.Rule) + "': " + string(e.Problem)
}

// BracketError tells at which rule a selector begins that has no end.
type BracketError struct{ Rule string }

// Error returns the text of ACL SETUSER.
func (e *BracketError) Error() string {
	return "Unmatched parenthesis in acl selector starting at '" + UntilNul(e.Rule) + "'."
}

// UntilNul returns s up to its first zero byte, which redis-server takes for the end of a text.
func UntilNul(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// HasSpaces tells whether a name or a pattern cannot stand in a list of rules: it has white space or a zero byte.
func HasSpaces(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' || r == 0 })
}

// joinSelectors puts the words of selectors together: "(+get", "~a)" are one rule.
func joinSelectors(rules []string) ([]string, error) {
	var out []string
	open := -1
	for i, r := range rules {
		switch {
		case open >= 0:
			out[len(out)-1] += " " + UntilNul(r)
			if strings.HasSuffix(r, ")") {
				open = -1
			}
		default:
			out = append(out, r)
			if strings.HasPrefix(r, "(") && !strings.HasSuffix(r, ")") {
				open = i
			}
		}
	}
	if open >= 0 {
		return nil, &BracketError{rules[open]}
	}
	return out, nil
}

// apply changes the user by one rule.
func (u *User) apply(cat *Catalog, rule string, d Defaults) error {
	if rule == "" {
		return nil
	}
	switch rule[0] {
	case '>', '<':
		return u.changePassword(sha256.Sum256([]byte(rule[1:])), rule[0] == '>')
	case '#', '!':
		hash, ok := parseHash(rule[1:])
		if !ok {
			return problemHash
		}
		return u.changePassword(hash, rule[0] == '#')
	case '(':
		if strings.HasSuffix(rule, ")") {
			return u.addSelector(cat, rule[1:len(rule)-1], d)
		}
	}
	switch strings.ToLower(UntilNul(rule)) {
	case "on":
		u.Enabled = true
	case "off":
		u.Enabled = false
	case "nopass":
		u.NoPass, u.passwords = true, nil
	case "resetpass":
		u.NoPass, u.passwords = false, nil
	case "skip-sanitize-payload":
		u.SkipSanitize = true
	case "sanitize-payload":
		u.SkipSanitize = false
	case "clearselectors":
		u.Selectors = u.Selectors[:1]
	case "reset":
		*u = *newUser(u.Name, d)
	default:
		return u.Selectors[0].apply(cat, rule)
	}
	return nil
}

func (u *User) changePassword(hash [sha256.Size]byte, add bool) error {
	place := slices.Index(u.passwords, hash)
	switch {
	case add:
		if place < 0 {
			u.passwords = append(u.passwords, hash)
		}
		u.NoPass = false
	case place < 0:
		return problemPassword
	default:
		u.passwords = slices.Delete(u.passwords, place, place+1)
	}
	return nil
}

// parseHash reads a SHA-256 hash in lower-case hexadecimal digits.
func parseHash(s string) (hash [sha256.Size]byte, ok bool) {
	if len(s) != 2*sha256.Size || strings.ToLower(s) != s {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(s))
	return hash, err == nil
}

// addSelector adds a selector by its rules, without the parentheses. redis-server takes a pattern that ends in one, and cannot
// load the file that it then writes: there, the word ends the selector.
func (u *User) addSelector(cat *Catalog, rules string, d Defaults) error {
	list, err := config.SplitWords(UntilNul(rules))
	if err != nil {
		list = nil // redis-server takes nothing of it
	}
	s := &Selector{allChannels: d.AllChannels}
	for _, r := range list {
		if strings.HasSuffix(r, ")") {
			return problemSyntax
		}
		if err := s.apply(cat, r); err != nil {
			return err
		}
	}
	u.Selectors = append(u.Selectors, s)
	return nil
}

// apply changes the selector by one rule.
func (s *Selector) apply(cat *Catalog, rule string) error {
	if rule == "" {
		return problemSyntax
	}
	switch strings.ToLower(UntilNul(rule)) {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
		return nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
		return nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
		return nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
		return nil
	case "allcommands", "+@all":
		s.setAllCommands(true)
		return nil
	case "nocommands", "-@all":
		s.setAllCommands(false)
		return nil
	}
	switch rule[0] {
	case '~', '%':
		return s.addKeys(rule)
	case '&':
		return s.addChannels(rule[1:])
	case '+', '-':
		return s.applyCommand(cat, UntilNul(rule[1:]), rule[0] == '+')
	}
	return problemSyntax
}

// addKeys takes ~pattern, or % and letters out of RW before it. A pattern that is there already gains the permission.
func (s *Selector) addKeys(rule string) error {
	if s.allKeys {
		return problemKeys
	}
	perm, at := ReadWrite, 1
	if rule[0] == '%' {
		for perm = 0; at < len(rule) && rule[at] != '~'; at++ {
			var p Perm
			switch rule[at] {
			case 'r', 'R':
				p = Read
			case 'w', 'W':
				p = Write
			}
			if p == 0 || perm&p != 0 {
				return problemSyntax
			}
			perm |= p
		}
		if perm == 0 {
			return problemSyntax
		}
		at = min(at+1, len(rule))
	}
	if HasSpaces(rule[at:]) {
		return problemSyntax
	}
	pattern := []byte(rule[at:])
	for i := range s.keys {
		if bytes.Equal(s.keys[i].text, pattern) {
			s.keys[i].perm |= perm
			return nil
		}
	}
	s.keys = append(s.keys, keyPattern{pattern, perm})
	return nil
}

func (s *Selector) addChannels(pattern string) error {
	if s.allChannels {
		return problemChannels
	}
	if HasSpaces(pattern) {
		return problemSyntax
	}
	if !contains(s.channels, []byte(pattern)) {
		s.channels = append(s.channels, []byte(pattern))
	}
	return nil
}

func contains(list [][]byte, b []byte) bool {
	return slices.ContainsFunc(list, func(x []byte) bool { return bytes.Equal(x, b) })
}

// applyCommand takes a command, a subcommand "config|get", a category "@read", or the first argument of a command that
// has no subcommands, "select|0", which may only be added.
func (s *Selector) applyCommand(cat *Catalog, name string, on bool) error {
	if strings.HasPrefix(name, "@") {
		c := CategoryNamed(name[1:])
		if c == 0 {
			return problemUnknown
		}
		s.setCategory(cat, c, on)
		s.note(name, on)
		return nil
	}
	if bar := strings.LastIndexByte(name, '|'); on && bar >= 0 {
		cmd := cat.Lookup(name[:bar])
		switch {
		case cmd == nil:
			return problemUnknown
		case cmd.Parent != nil:
			return problemFirstArg
		case bar+1 == len(name):
			return problemSyntax
		case cmd.Subs == nil:
			first := name[bar+1:]
			if !slices.ContainsFunc(s.firstArgs[cmd.ID], func(a string) bool { return equalFold(a, first) }) {
				s.setFirstArgs(cmd.ID, append(s.firstArgs[cmd.ID], first))
			}
			s.note(name, true)
			return nil
		}
	}
	cmd := cat.Lookup(name)
	if cmd == nil {
		return problemUnknown
	}
	s.setCommand(cmd, on)
	s.note(cmd.Name, on)
	return nil
}
