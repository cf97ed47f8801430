package acl

import (
	"bytes"
	"slices"

	"redix/engine/glob"
)

// Denial is why a call is not allowed; of two, the greater is the one to tell.
type Denial int

// The denials.
const (
	Allowed Denial = iota
	DeniedCommand
	DeniedKey
	DeniedAuth
	DeniedChannel
)

// String returns the word of ACL LOG.
func (d Denial) String() string {
	return [...]string{"", "command", "key", "auth", "channel"}[d]
}

// Ref is a key or a channel of a call.
type Ref struct {
	Place   int  // among the arguments
	Perm    Perm // of a key: what the command does to it
	Pattern bool // of a channel: it is a pattern
}

// Call is what a user wants to run.
type Call struct {
	Command        *Command
	Args           [][]byte
	Keys, Channels []Ref
}

// Check tells whether the user may make the call, and if not, which argument is why.
func (u *User) Check(c *Call) (d Denial, place int) {
	d = DeniedCommand
	for _, s := range u.Selectors {
		why, at := s.check(c)
		if why == Allowed {
			return Allowed, 0
		}
		if why > d || why == d && at > place {
			d, place = why, at
		}
	}
	return d, place
}

func (s *Selector) check(c *Call) (Denial, int) {
	if !s.allCommands && !c.Command.NoAuth && !s.bit(c.Command.ID) && !s.allowsFirstArg(c) {
		return DeniedCommand, 0
	}
	if !s.allKeys {
		for _, k := range c.Keys {
			if !s.allowsKey(c.Args[k.Place], k.Perm) {
				return DeniedKey, k.Place
			}
		}
	}
	if !s.allChannels {
		for _, r := range c.Channels {
			if !allowsChannel(s.channels, c.Args[r.Place], r.Pattern) {
				return DeniedChannel, r.Place
			}
		}
	}
	return Allowed, 0
}

func (s *Selector) allowsFirstArg(c *Call) bool {
	allowed := s.firstArgs[c.Command.ID]
	return len(c.Args) > 1 && slices.ContainsFunc(allowed, func(a string) bool {
		return equalFold(a, UntilNul(string(c.Args[1])))
	})
}

// equalFold compares in either case, of ASCII letters only: no other letter may pass for one of them.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

func (s *Selector) allowsKey(key []byte, perm Perm) bool {
	for i := range s.keys {
		if p := &s.keys[i]; p.perm&perm == perm && glob.Match(p.text, key) {
			return true
		}
	}
	return false
}

// allowsChannel tells whether patterns cover a channel. A pattern that somebody subscribes to must be one of them.
func allowsChannel(patterns [][]byte, channel []byte, isPattern bool) bool {
	for _, p := range patterns {
		if isPattern && bytes.Equal(p, channel) || !isPattern && glob.Match(p, channel) {
			return true
		}
	}
	return false
}

// AllowsAllKeys tells whether a selector that allows the call gives perm on every key there is, for calls that reach
// keys which their arguments do not name.
func (u *User) AllowsAllKeys(c *Call, perm Perm) bool {
	for _, s := range u.Selectors {
		if why, _ := s.check(c); why != Allowed {
			continue
		}
		if s.allKeys || slices.ContainsFunc(s.keys, func(k keyPattern) bool {
			return k.perm&perm == perm && string(k.text) == "*"
		}) {
			return true
		}
	}
	return false
}

// Channels are the channel patterns of a user, all selectors together.
type Channels struct{ patterns [][]byte }

// Lost returns what is left of the channels of now when he becomes then, or nil when he loses none.
func Lost(now, then *User) *Channels {
	left := &Channels{}
	for _, s := range then.Selectors {
		if s.allChannels {
			return nil
		}
		left.patterns = append(left.patterns, s.channels...)
	}
	for _, s := range now.Selectors {
		if s.allChannels || slices.ContainsFunc(s.channels, func(c []byte) bool { return !contains(left.patterns, c) }) {
			return left
		}
	}
	return nil
}

// Covers tells whether the channels cover a subscription.
func (c *Channels) Covers(name string, isPattern bool) bool {
	return allowsChannel(c.patterns, []byte(name), isPattern)
}
