package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// DefaultName is the user of a connection that has not said who it is.
const DefaultName = "default"

// Defaults are directives that decide what a new user or selector may do.
type Defaults struct {
	AllChannels bool // acl-pubsub-default allchannels
}

// User is who a connection acts for. Changes are made in place, so that all its connections follow.
type User struct {
	Name         string
	Enabled      bool // may log in
	NoPass       bool // with any password
	SkipSanitize bool // RESTORE need not check payloads; shown, nothing else: payloads are always checked
	Selectors    []*Selector
	// Restricted is false when the user may run everything, so that nothing need be asked.
	Restricted bool

	passwords [][sha256.Size]byte
}

// newUser returns a user who may do nothing.
func newUser(name string, d Defaults) *User {
	return &User{Name: name, Selectors: []*Selector{{allChannels: d.AllChannels}}, Restricted: true}
}

// Unrestricted returns a user who may do everything and belongs to no list.
func Unrestricted(name string) *User {
	u := newUser(name, Defaults{})
	u.makeUnrestricted()
	return u
}

// makeUnrestricted is "on nopass ~* &* +@all".
func (u *User) makeUnrestricted() {
	root := &Selector{allKeys: true, allChannels: true}
	root.setAllCommands(true)
	u.Enabled, u.NoPass, u.passwords = true, true, nil
	u.Selectors = []*Selector{root}
	u.settle()
}

// settle finds out what follows from the selectors.
func (u *User) settle() {
	u.Restricted = !slices.ContainsFunc(u.Selectors, func(s *Selector) bool {
		return s.allCommands && s.allKeys && s.allChannels
	})
}

func (u *User) clone() *User {
	n := *u
	n.passwords = slices.Clone(u.passwords)
	n.Selectors = make([]*Selector, len(u.Selectors))
	for i, s := range u.Selectors {
		n.Selectors[i] = s.clone()
	}
	return &n
}

// become takes over everything but the name.
func (u *User) become(other *User) {
	name := u.Name
	*u = *other
	u.Name = name
}

// check compares a password with all that the user has, in a time that does not depend on which of them it is like.
func (u *User) check(password []byte) bool {
	if !u.Enabled {
		return false
	}
	hash := sha256.Sum256(password)
	same := 0
	for i := range u.passwords {
		same |= subtle.ConstantTimeCompare(hash[:], u.passwords[i][:])
	}
	return u.NoPass || same == 1
}

// Flags returns the user's flags in redis-server's order.
func (u *User) Flags() []string {
	out := []string{"off"}
	if u.Enabled {
		out[0] = "on"
	}
	if u.NoPass {
		out = append(out, "nopass")
	}
	if u.SkipSanitize {
		return append(out, "skip-sanitize-payload")
	}
	return append(out, "sanitize-payload")
}

// Passwords returns the hashes of the passwords in hexadecimal digits.
func (u *User) Passwords() []string {
	out := make([]string, len(u.passwords))
	for i := range u.passwords {
		out[i] = hex.EncodeToString(u.passwords[i][:])
	}
	return out
}

// String returns rules that make such a user out of a new one.
func (u *User) String() string {
	out := u.Flags()
	for _, p := range u.Passwords() {
		out = append(out, "#"+p)
	}
	out = append(out, u.Selectors[0].String())
	for _, s := range u.Selectors[1:] {
		out = append(out, "("+s.String()+")")
	}
	return strings.Join(out, " ")
}

// Users are all users by name.
type Users struct {
	Default  *User // always the same one; it cannot be deleted
	Defaults Defaults
	Catalog  *Catalog
	// Unsaved is what is being written to the ACL file, nil in between.
	Unsaved []byte
	byName  map[string]*User
}

// NewUsers returns a list with the default user, who may do everything.
func NewUsers(cat *Catalog, d Defaults) *Users {
	us := &Users{Catalog: cat, Defaults: d, Default: Unrestricted(DefaultName)}
	us.byName = map[string]*User{DefaultName: us.Default}
	return us
}

// Get returns a user, or nil.
func (us *Users) Get(name []byte) *User { return us.byName[string(name)] }

// Len returns the number of users.
func (us *Users) Len() int { return len(us.byName) }

// All returns the users in the order of their names.
func (us *Users) All() []*User {
	out := make([]*User, 0, len(us.byName))
	for _, name := range slices.Sorted(maps.Keys(us.byName)) {
		out = append(out, us.byName[name])
	}
	return out
}

// Authenticate returns the user of the name if he may log in with the password, else nil. A name that does not exist
// takes about as long as one that does.
func (us *Users) Authenticate(name, password []byte) *User {
	u := us.byName[string(name)]
	if u == nil {
		nobody.check(password)
		return nil
	}
	if !u.check(password) {
		return nil
	}
	return u
}

// nobody has a password that no text has.
var nobody = &User{Enabled: true, passwords: make([][sha256.Size]byte, 1)}

// NeedsLogin tells whether a new connection has to log in before it may do anything.
func (us *Users) NeedsLogin() bool { return !us.Default.NoPass || !us.Default.Enabled }

// Set changes or creates a user by rules, all of them or, on an error, none. The error is a *RuleError or a
// *BracketError. before, when not nil, is called with the user as he is and as he will be.
func (us *Users) Set(name string, rules []string, before func(now, then *User)) error {
	rules, err := joinSelectors(rules)
	if err != nil {
		return err
	}
	u := us.byName[name]
	var then *User
	if u != nil {
		then = u.clone()
	} else {
		then = newUser(name, us.Defaults)
	}
	for _, r := range rules {
		if err := then.apply(us.Catalog, r, us.Defaults); err != nil {
			return &RuleError{r, err.(Problem)}
		}
	}
	then.settle()
	if u == nil {
		us.byName[name] = then
		return nil
	}
	if before != nil {
		before(u, then)
	}
	u.become(then)
	return nil
}

// SetDefaultPassword is what requirepass does: the password is the only one, and none at all lets everybody in.
func (us *Users) SetDefaultPassword(password string) {
	us.Default.NoPass, us.Default.passwords = password == "", nil
	if password != "" {
		us.Default.passwords = [][sha256.Size]byte{sha256.Sum256([]byte(password))}
	}
}

// Delete removes a user, who must not be the default one; nil if there was none of that name.
func (us *Users) Delete(name []byte) *User {
	u := us.byName[string(name)]
	delete(us.byName, string(name))
	return u
}
