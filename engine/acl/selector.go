package acl

import (
	"slices"
	"strings"
)

// Perm is what may be done to a key, or what a command does to one.
type Perm uint8

// The permissions. A command that only looks at what is not the value (EXISTS, TYPE, STRLEN) needs none of them: any
// pattern that matches the key lets it through.
const (
	Read Perm = 1 << iota
	Write
	ReadWrite = Read | Write
)

// keyPattern is a pattern of keys and what it allows.
type keyPattern struct {
	text []byte
	perm Perm
}

func (k *keyPattern) String() string {
	switch k.perm {
	case Read:
		return "%R~" + string(k.text)
	case Write:
		return "%W~" + string(k.text)
	}
	return "~" + string(k.text)
}

// Selector is one set of permissions of a user.
type Selector struct {
	allCommands bool // every command, those too that are not in the catalog yet
	allKeys     bool
	allChannels bool
	future      bool // +@all was the last rule for all commands: what describes them starts from it
	bits        [maxCommands / 64]uint64
	firstArgs   map[int][]string // of commands without their bit: the first arguments that are allowed; mostly nil
	keys        []keyPattern
	channels    [][]byte
	rules       []string // "+get", "-@write" ... since the last rule for all commands
}

func (s *Selector) clone() *Selector {
	n := *s
	n.keys, n.channels, n.rules = slices.Clone(s.keys), slices.Clone(s.channels), slices.Clone(s.rules)
	n.firstArgs = nil
	for id, args := range s.firstArgs {
		n.setFirstArgs(id, slices.Clone(args))
	}
	return &n
}

func (s *Selector) setFirstArgs(id int, args []string) {
	if s.firstArgs == nil {
		s.firstArgs = map[int][]string{}
	}
	s.firstArgs[id] = args
}

func (s *Selector) bit(id int) bool { return s.bits[id/64]&(1<<(id%64)) != 0 }

func (s *Selector) setBit(id int, on bool) {
	if on {
		s.bits[id/64] |= 1 << (id % 64)
		return
	}
	s.bits[id/64] &^= 1 << (id % 64)
	s.allCommands = false
}

// setCommand allows or forbids a command and its subcommands.
func (s *Selector) setCommand(cmd *Command, on bool) {
	s.setBit(cmd.ID, on)
	delete(s.firstArgs, cmd.ID)
	for _, sub := range cmd.Subs {
		s.setBit(sub.ID, on)
	}
}

func (s *Selector) setAllCommands(on bool) {
	fill := uint64(0)
	if on {
		fill = ^fill
	}
	for i := range s.bits {
		s.bits[i] = fill
	}
	s.allCommands, s.future = on, on
	s.rules, s.firstArgs = nil, nil
}

// setCategory allows or forbids the commands of a category. A container that belongs to it takes its subcommands along.
func (s *Selector) setCategory(cat *Catalog, c Category, on bool) {
	for _, cmd := range cat.Commands {
		if cmd.Categories&c != 0 {
			s.setCommand(cmd, on)
		}
	}
}

// note keeps a rule for the description in place of those that it makes idle: the same command or category, and what was
// said of the command's subcommands and first arguments.
func (s *Selector) note(rule string, on bool) {
	rule = strings.ToLower(rule)
	s.rules = slices.DeleteFunc(s.rules, func(old string) bool {
		return old[1:] == rule || strings.HasPrefix(old[1:], rule+"|")
	})
	sign := "-"
	if on {
		sign = "+"
	}
	s.rules = append(s.rules, sign+rule)
}

// CommandRules returns the rules for commands in their normal form: "-@all +get".
func (s *Selector) CommandRules() string {
	all := "-@all"
	if s.future {
		all = "+@all"
	}
	return strings.Join(append([]string{all}, s.rules...), " ")
}

// KeyRules returns the rules for keys, separated by spaces.
func (s *Selector) KeyRules() string {
	if s.allKeys {
		return "~*"
	}
	out := make([]string, len(s.keys))
	for i := range s.keys {
		out[i] = s.keys[i].String()
	}
	return strings.Join(out, " ")
}

// ChannelRules returns the rules for channels, separated by spaces.
func (s *Selector) ChannelRules() string {
	if s.allChannels {
		return "&*"
	}
	out := make([]string, len(s.channels))
	for i, c := range s.channels {
		out[i] = "&" + string(c)
	}
	return strings.Join(out, " ")
}

// String returns rules that make such a selector out of an empty one.
func (s *Selector) String() string {
	var out []string
	if keys := s.KeyRules(); keys != "" {
		out = append(out, keys)
	}
	if !s.allChannels {
		out = append(out, "resetchannels")
	}
	if channels := s.ChannelRules(); channels != "" {
		out = append(out, channels)
	}
	return strings.Join(append(out, s.CommandRules()), " ")
}
