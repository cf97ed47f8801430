package commands

// CLIENT LIST and CLIENT KILL: one line for a client, and filters over all of them.

import (
	"strconv"

	"redix/engine"
	"redix/engine/acl"
	"redix/engine/resp"
)

// appendClient describes a client in one line of CLIENT LIST.
func appendClient(b []byte, c *engine.Client) []byte {
	s := c.Server()
	number := func(name string, n int64) { b = strconv.AppendInt(append(b, name...), n, 10) }
	text := func(name, value string) { b = append(append(b, name...), value...) }
	pending, room := c.QueryBuffer()
	out := int64(c.PendingOutput())
	addr, laddr, _ := c.Addrs()
	number("id=", c.ID)
	text(" addr=", addr)
	text(" laddr=", laddr)
	number(" fd=", int64(c.Conn().FD()))
	text(" name=", c.Name)
	number(" age=", max(s.NowMs-c.CreatedMs, 0)/1000)
	number(" idle=", max(s.NowMs-c.LastMs, 0)/1000)
	text(" flags=", clientFlagLetters(c))
	number(" db=", int64(c.DB.ID))
	number(" sub=", int64(c.Subscribed(engine.Channels)))
	number(" psub=", int64(c.Subscribed(engine.Patterns)))
	number(" ssub=", int64(c.Subscribed(engine.Shards)))
	queued, _ := c.Queued()
	number(" multi=", int64(queued))
	number(" qbuf=", int64(pending))
	number(" qbuf-free=", int64(max(room-pending, 0)))
	text(" argv-mem=0", "") // words are not copied
	number(" multi-mem=", int64(c.MultiMemory()))
	text(" rbs=0 rbp=0 obl=0", "") // replies have no buffer of their own while they are made
	oll := int64(0)
	if out > 0 {
		oll = 1
	}
	number(" oll=", oll)
	number(" omem=", out)
	number(" tot-mem=", c.Memory())
	events := "r"
	if out > 0 {
		events = "rw"
	}
	text(" events=", events)
	last := "NULL"
	if row := c.ShownRow(); row != nil {
		last = row.FullName
	}
	text(" cmd=", last)
	text(" user=", c.User.Name)
	number(" redir=", c.TrackRedirect())
	number(" resp=", int64(c.Proto))
	text(" lib-name=", c.LibName)
	text(" lib-ver=", c.LibVersion)
	return append(b, '\n')
}

func clientFlagLetters(c *engine.Client) string {
	_, _, unix := c.Addrs()
	mode, tracked := c.Tracked()
	queued, _ := c.Queued()
	letters := ""
	for _, f := range []struct {
		letter string
		set    bool
	}{
		{"O", c.Monitoring()}, {"P", c.Subscriber()}, {"x", queued >= 0}, {"b", c.Blocked() || c.Postponed()}, {"t", tracked},
		{"R", c.TrackBroken()}, {"B", mode&engine.TrackBcast != 0}, {"d", c.WatchBroken()}, {"c", c.Closing()}, {"U", unix},
		{"e", c.NoEvict}, {"T", c.NoTouch},
	} {
		if f.set {
			letters += f.letter
		}
	}
	if letters == "" {
		return "N"
	}
	return letters
}

// typeArg reads a class of clients; on a mistake it has replied.
func typeArg(c *engine.Client, word []byte) (class string, ok bool) {
	for _, name := range []string{"normal", "master", "replica", "pubsub"} {
		if isWord(word, name) || name == "replica" && isWord(word, "slave") {
			return name, true
		}
	}
	c.Reply.Errorf("ERR Unknown client type '%s'", word)
	return "", false
}

// isOfType tells whether a client belongs to a class; "" is any. There are neither masters nor replicas.
func isOfType(c *engine.Client, class string) bool {
	switch class {
	case "":
		return true
	case "normal":
		return !c.Subscriber()
	}
	return class == "pubsub" && c.Subscriber()
}

func clientList(c *engine.Client, args engine.Args) {
	class := ""
	var ids []int64
	switch n := len(args); {
	case n == 4 && isWord(args[2], "type"):
		var ok bool
		if class, ok = typeArg(c, args[3]); !ok {
			return
		}
	case n > 3 && isWord(args[2], "id"):
		for _, a := range args[3:] {
			id, ok := resp.ParseInt(a)
			if !ok {
				c.Reply.Error("ERR Invalid client ID")
				return
			}
			ids = append(ids, id)
		}
	case n != 2:
		c.Reply.Error(errSyntax)
		return
	}
	var b []byte
	asked := map[int64]*engine.Client{} // the order and the repetitions of the question are those of the answer
	for _, id := range ids {
		asked[id] = nil
	}
	c.Server().Clients(func(other *engine.Client) bool {
		if ids == nil && isOfType(other, class) {
			b = appendClient(b, other)
		} else if _, ok := asked[other.ID]; ok {
			asked[other.ID] = other
		}
		return true
	})
	for _, id := range ids {
		if other := asked[id]; other != nil {
			b = appendClient(b, other)
		}
	}
	c.Reply.Verbatim("txt", b)
}

// killFilter is what CLIENT KILL looks for; what is not given matches all.
type killFilter struct {
	id          int64
	addr, laddr string
	class       string
	user        *acl.User
	skipMe      bool
}

func (f *killFilter) matches(me, c *engine.Client) bool {
	addr, laddr, _ := c.Addrs()
	return isOfType(c, f.class) && (f.id == 0 || f.id == c.ID) && (f.addr == "" || f.addr == addr) &&
		(f.laddr == "" || f.laddr == laddr) && (f.user == nil || f.user == c.User) && (!f.skipMe || c != me)
}

// clientKill replies with the number of clients that filters have matched, or to the old form, an address, with OK.
func clientKill(c *engine.Client, args engine.Args) {
	f, old := killFilter{skipMe: true}, len(args) == 3
	if old {
		f = killFilter{addr: string(args[2])}
	} else if !parseKill(c, args, &f) {
		return
	}
	killed := int64(0)
	s := c.Server()
	s.Clients(func(other *engine.Client) bool {
		if !f.matches(c, other) {
			return true
		}
		killed++
		if other == c {
			c.CloseAfterReply()
		} else {
			s.Kill(other)
		}
		return true
	})
	switch {
	case !old:
		c.Reply.Int(killed)
	case killed == 0:
		c.Reply.Error("ERR No such client")
	default:
		c.Reply.OK()
	}
}

// parseKill reads the filters; on a mistake it has replied.
func parseKill(c *engine.Client, args engine.Args, f *killFilter) bool {
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			c.Reply.Error(errSyntax)
			return false
		}
		v := args[i+1]
		switch name := args[i]; {
		case isWord(name, "id"):
			id, ok := resp.ParseInt(v)
			if !ok || id < 1 {
				c.Reply.Error("ERR client-id should be greater than 0")
				return false
			}
			f.id = id
		case isWord(name, "type"):
			class, ok := typeArg(c, v)
			if !ok {
				return false
			}
			f.class = class
		case isWord(name, "addr"):
			f.addr = string(v)
		case isWord(name, "laddr"):
			f.laddr = string(v)
		case isWord(name, "user"):
			if f.user = c.Server().Users.Get(v); f.user == nil {
				c.Reply.Errorf("ERR No such user '%s'", v)
				return false
			}
		case isWord(name, "skipme") && (isWord(v, "yes") || isWord(v, "no")):
			f.skipMe = isWord(v, "yes")
		default:
			c.Reply.Error(errSyntax)
			return false
		}
	}
	return true
}
