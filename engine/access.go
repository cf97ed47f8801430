package engine

import (
	"strings"

	"redix/engine/acl"
)

// Access: what of acl the engine asks. A client acts for a user; one who may do everything costs a test of a flag. For
// the others the call is described (which keys it names and what it does to them, which channels) and checked before the
// handler runs, when a transaction runs what it has queued, and when a client that has waited is served.

// ChannelSpec tells which arguments are channels that a command listens to or publishes on. The zero value is none.
type ChannelSpec struct {
	First, Last int // -1 is the last argument
	Patterns    bool
}

// notKey is the permission of what is routed like a key but is none.
const notKey = acl.Perm(0xff)

// permOf reads what a command does to a key out of the flags of its specification.
func permOf(flags string) (p acl.Perm) {
	for word := ""; flags != ""; {
		word, flags, _ = strings.Cut(flags, " ")
		switch word {
		case "access":
			p |= acl.Read
		case "update", "insert", "delete":
			p |= acl.Write
		case "not_key":
			return notKey
		}
	}
	return p
}

// groupCategories are the ACL categories that go with a group; the other groups have none.
var groupCategories = map[string]string{
	"string": "string", "hash": "hash", "list": "list", "set": "set", "sorted-set": "sortedset", "stream": "stream",
	"bitmap": "bitmap", "hyperloglog": "hyperloglog", "geo": "geo", "generic": "keyspace", "connection": "connection",
	"scripting": "scripting", "transactions": "transaction", // pubsub goes with the flag
}

// flagCategories are those that go with a flag.
var flagCategories = []struct {
	flag  Flags
	words string
}{
	{Write, "write"}, {Readonly, "read"}, {Admin, "admin dangerous"}, {Pubsub, "pubsub"}, {Fast, "fast"}, {Blocking, "blocking"},
}

// categories are those that follow from flags and group, and the row's own; a word with a minus in the row takes one
// away. A container belongs to no group: its subcommands do.
func (r *Row) categories() (set acl.Category) {
	add := func(words string) {
		for w := range strings.FieldsSeq(words) {
			name, minus := strings.CutPrefix(w, "-")
			c := acl.CategoryNamed(name)
			if c == 0 {
				panic("engine: no ACL category " + name)
			}
			if set |= c; minus {
				set &^= c
			}
		}
	}
	if r.Subs == nil {
		add(groupCategories[r.Group])
	}
	for _, f := range flagCategories {
		if r.Flags&f.flag != 0 {
			add(f.words)
		}
	}
	if r.Flags&Fast == 0 {
		add("slow")
	}
	add(r.Categories)
	return set
}

// enroll puts the row into the catalog that ACL rules are about.
func (r *Row) enroll(cat *acl.Catalog) {
	r.ACL = &acl.Command{Name: r.FullName, Categories: r.categories(), NoAuth: r.Flags&NoAuth != 0}
	if r.Parent != nil {
		r.ACL.Parent = r.Parent.ACL
	}
	cat.Add(r.ACL)
	r.perms = make([]acl.Perm, len(r.Keys))
	for i := range r.Keys {
		r.perms[i] = permOf(r.Keys[i].Flags)
	}
}

// describe says what a call names, for acl; the result lives until the next call of describe.
func (s *Server) describe(row *Row, args Args) *acl.Call {
	call := &s.aclCall
	call.Command, call.Args = row.ACL, args
	call.Keys, call.Channels = call.Keys[:0], call.Channels[:0]
	for i := range row.Keys {
		perm := row.perms[i]
		if perm == notKey {
			continue
		}
		if row.KeyFlags != nil {
			perm = permOf(row.KeyFlags(args))
		}
		row.Keys[i].Each(args, func(place int) { call.Keys = append(call.Keys, acl.Ref{Place: place, Perm: perm}) })
	}
	if ch := &row.Channels; ch.First > 0 {
		last := ch.Last
		if last < 0 {
			last += len(args)
		}
		for place := ch.First; place <= last && place < len(args); place++ {
			call.Channels = append(call.Channels, acl.Ref{Place: place, Pattern: ch.Patterns})
		}
	}
	return call
}

// Check tells whether a user may run a command, and if not, which argument is why.
func (s *Server) Check(u *acl.User, row *Row, args Args) (acl.Denial, int) {
	if !u.Restricted {
		return acl.Allowed, 0
	}
	return u.Check(s.describe(row, args))
}

// denied checks a restricted client's call. If it is not allowed that is logged, and the error reply returned.
func (s *Server) denied(c *Client, row *Row, args Args) (text string) {
	why, place := s.Check(c.User, row, args)
	switch why {
	case acl.Allowed:
		return ""
	case acl.DeniedCommand:
		c.LastRow = row // for those who read the log
		s.logDenial(c, why, row.FullName)
		return "NOPERM User " + c.User.Name + " has no permissions to run the '" + row.FullName + "' command"
	case acl.DeniedKey:
		text = "NOPERM No permissions to access a key"
	default:
		text = "NOPERM No permissions to access a channel"
	}
	c.LastRow = row
	s.logDenial(c, why, string(args[place]))
	return text
}

func (s *Server) logDenial(c *Client, why acl.Denial, object string) {
	s.LogDenial(c, acl.Entry{Reason: why, Object: object, User: c.User.Name})
}

// LogDenial keeps what a client was denied for ACL LOG; e has Reason, Object and User.
func (s *Server) LogDenial(c *Client, e acl.Entry) {
	e.CreatedMs, e.Context = s.NowMs, acl.ContextTopLevel
	if c.InMulti() || s.inExec {
		e.Context = acl.ContextMulti
	}
	s.ACLLog.Add(e, s.Config.ACLLogMaxLen, func() string {
		if s.Hooks.ClientInfo == nil {
			return ""
		}
		return s.Hooks.ClientInfo(c)
	})
}

// deniedInExec is denied for a queued command: the user has changed since.
func (s *Server) deniedInExec(c *Client, row *Row, args Args) (text string) {
	if c.mustLogIn() {
		return errNoAuth
	}
	why, place := s.Check(c.User, row, args)
	reason := ""
	switch why {
	case acl.Allowed:
		return ""
	case acl.DeniedCommand:
		s.logDenial(c, why, row.FullName)
		reason = "no permission to execute the command or subcommand"
	case acl.DeniedKey:
		s.logDenial(c, why, string(args[place]))
		reason = "no permission to touch the specified keys"
	default:
		s.logDenial(c, why, string(args[place]))
		reason = "no permission to access one of the channels used as arguments to the command"
	}
	return "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: " + reason
}

// MayReachAllKeys tells whether the client's user may do perm to every key, whichever the running command finds.
func (c *Client) MayReachAllKeys(args Args, perm acl.Perm) bool {
	return !c.User.Restricted || c.User.AllowsAllKeys(c.server.describe(c.LastRow, args), perm)
}

// mustLogIn tells that the client has to authenticate before anything else.
func (c *Client) mustLogIn() bool { return !c.Authenticated && c.server.Users.NeedsLogin() }

// LogIn makes the client act for a user.
func (c *Client) LogIn(u *acl.User) { c.User, c.Authenticated = u, true }

// LogOut makes the client act for the default user, as a new connection does.
func (c *Client) LogOut() {
	c.User = c.server.Users.Default
	c.Authenticated = !c.server.Users.NeedsLogin()
}

// Expel closes a client whose user is gone or has lost what the client uses; one whose command is running, after its
// reply.
func (s *Server) Expel(c *Client) {
	c.User, c.Authenticated = s.Users.Default, false
	if c == s.current || c == s.outer {
		c.closing = true
	} else {
		s.kill(c)
	}
}

// UserChanged closes the clients of a user that listen to channels which they may no longer listen to. It is called
// before now becomes then.
func (s *Server) UserChanged(now, then *acl.User) {
	if s.NumNames(Channels)+s.NumNames(Patterns)+s.NumNames(Shards) == 0 {
		return
	}
	left := acl.Lost(now, then)
	if left == nil {
		return
	}
	s.Clients(func(c *Client) bool {
		if c.User == now && c.listensBeyond(left) {
			s.Expel(c)
		}
		return true
	})
}

// listensBeyond tells whether the client has a subscription that the channels do not cover.
func (c *Client) listensBeyond(channels *acl.Channels) (beyond bool) {
	for kind := range subKinds {
		c.Subscriptions(kind, func(name string) {
			beyond = beyond || !channels.Covers(name, kind == Patterns)
		})
	}
	return beyond
}

// ExpelUser closes all clients of a user.
func (s *Server) ExpelUser(u *acl.User) {
	s.Clients(func(c *Client) bool {
		if c.User == u {
			s.Expel(c)
		}
		return true
	})
}
