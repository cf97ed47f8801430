package commands

// CLIENT: connections as seen by themselves. Listing and killing others is in client_list.go.

import "redix/engine"

const (
	clientFlags = engine.Noscript | engine.Loading | engine.Stale | engine.KeepsCaching
	clientAdmin = clientFlags | engine.Admin
	clientAll   = "O(N) where N is the number of clients"
)

var clientRows = []engine.Row{
	{Name: "client", Arity: -2, Group: "connection", Since: "2.4.0", Complexity: "Depends on subcommand.",
		Summary: "Tells about connections and changes them.", Subs: []engine.Row{
			{Name: "caching", Arity: 3, Flags: clientFlags, Since: "6.0.0", Complexity: "O(1)", Syntax: "<YES | NO>{mode}",
				Summary: "Makes the next command's keys be tracked, or not be tracked.", Handler: clientCaching},
			{Name: "getname", Arity: 2, Flags: clientFlags, Since: "2.6.9", Complexity: "O(1)",
				Summary: "Replies with the connection's name.", Handler: clientGetName},
			{Name: "getredir", Arity: 2, Flags: clientFlags, Since: "6.0.0", Complexity: "O(1)",
				Summary: "Replies with the client that gets this one's invalidation messages.", Handler: clientGetRedir},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale | engine.KeepsCaching, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "id", Arity: 2, Flags: clientFlags, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Replies with the connection's number.", Handler: clientID},
			{Name: "info", Arity: 2, Flags: clientFlags, Since: "6.2.0", Complexity: "O(1)",
				Summary: "Describes this connection as CLIENT LIST does.", Hints: "nondeterministic_output", Handler: clientInfo},
			{Name: "kill", Arity: -3, Flags: clientAdmin, Since: "2.4.0", Complexity: clientAll,
				Syntax: "<ip:port{old-format~2.8.12} | <[ID client-id{@2.8.12}] | " +
					"[TYPE <NORMAL | MASTER{@3.2.0} | SLAVE | REPLICA{@5.0.0} | PUBSUB>{client-type@2.8.12}] | [USER username] | " +
					"[ADDR ip:port{addr}] | [LADDR ip:port{laddr@6.2.0}] | [SKIPME <YES | NO>{skipme}] ...>{new-format}>{filter}",
				Summary: "Closes connections.", History: []string{"2.8.12: Filters.", "3.2.0: TYPE master.",
					"5.0.0: TYPE replica, the new name of slave.", "6.2.0: LADDR."}, Handler: clientKill},
			{Name: "list", Arity: -2, Flags: clientAdmin, Since: "2.4.0", Complexity: clientAll,
				Syntax:  "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>{client-type@5.0.0}] [ID client-id [client-id ...]]{@6.2.0}",
				Summary: "Describes all connections, a line each.", Hints: "nondeterministic_output",
				History: []string{"2.8.12: id.", "5.0.0: TYPE.", "6.0.0: user.", "6.2.0: argv-mem, tot-mem, laddr, redir; ID.",
					"7.0.0: resp, multi-mem, rbs, rbp.", "7.0.3: ssub.", "7.2.0: lib-name, lib-ver."}, Handler: clientList},
			{Name: "no-evict", Arity: 3, Flags: clientAdmin, Since: "7.0.0", Complexity: "O(1)", Syntax: "<ON | OFF>{enabled}",
				Summary: "Spares this connection when memory for connections runs out.", Handler: clientNoEvict},
			{Name: "no-touch", Arity: 3, Flags: clientFlags, Since: "7.2.0", Complexity: "O(1)", Syntax: "<ON | OFF>{enabled}",
				Summary: "Makes this connection's commands not count as accesses of keys.", Handler: clientNoTouch},
			{Name: "pause", Arity: -3, Flags: clientAdmin, Since: "3.0.0", Complexity: "O(1)", Syntax: "timeout:integer [WRITE | ALL]{mode@6.2.0}",
				Summary: "Holds back commands of all connections for a while.",
				History: []string{"6.2.0: WRITE and ALL."}, Handler: clientPause},
			{Name: "reply", Arity: 3, Flags: clientFlags, Since: "3.2.0", Complexity: "O(1)", Syntax: "<ON | OFF | SKIP>{action}",
				Summary: "Turns replies off and on, or drops that of the next command.", Handler: clientReply},
			{Name: "setinfo", Arity: 4, Flags: clientFlags, Since: "7.2.0", Complexity: "O(1)",
				Syntax: "<LIB-NAME libname | LIB-VER libver>{attr}", Summary: "Tells which library is behind the connection.",
				Hints: "request_policy:all_nodes response_policy:all_succeeded", Handler: clientSetInfo},
			{Name: "setname", Arity: 3, Flags: clientFlags, Since: "2.6.9", Complexity: "O(1)", Syntax: "connection-name",
				Summary: "Gives the connection a name.",
				Hints:   "request_policy:all_nodes response_policy:all_succeeded", Handler: clientSetName},
			{Name: "tracking", Arity: -3, Flags: clientFlags, Since: "6.0.0", Complexity: "O(1). Some options may introduce additional complexity.",
				Syntax:  "<ON | OFF>{status} [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
				Summary: "Tells the connection, or another one, when keys that it has read change.", Handler: clientTracking},
			{Name: "trackinginfo", Arity: 2, Flags: clientFlags, Since: "6.2.0", Complexity: "O(1)",
				Summary: "Replies with how the connection is tracked.", Handler: clientTrackingInfo},
			{Name: "unblock", Arity: -3, Flags: clientAdmin, Since: "5.0.0", Complexity: clientAll,
				Syntax: "client-id [TIMEOUT | ERROR]{unblock-type}", Summary: "Ends another connection's wait in a blocking command.",
				Handler: clientUnblock},
			{Name: "unpause", Arity: 2, Flags: clientAdmin, Since: "6.2.0",
				Complexity: "O(N) Where N is the number of paused clients", Summary: "Ends CLIENT PAUSE.", Handler: clientUnpause},
		}},
}

var _ = register(clientRows)

func clientGetName(c *engine.Client, _ engine.Args) {
	if c.Name == "" {
		c.Reply.Null()
		return
	}
	c.Reply.BulkString(c.Name)
}

func clientGetRedir(c *engine.Client, _ engine.Args) { c.Reply.Int(c.TrackRedirect()) }

func clientID(c *engine.Client, _ engine.Args) { c.Reply.Int(c.ID) }

func clientInfo(c *engine.Client, _ engine.Args) { c.Reply.Verbatim("txt", appendClient(nil, c)) }

func clientNoEvict(c *engine.Client, args engine.Args) { setSwitch(c, args[2], &c.NoEvict) }

func clientNoTouch(c *engine.Client, args engine.Args) { setSwitch(c, args[2], &c.NoTouch) }

// setSwitch turns something of the client on or off.
func setSwitch(c *engine.Client, arg []byte, to *bool) {
	switch {
	case isWord(arg, "on"):
		*to = true
	case isWord(arg, "off"):
		*to = false
	default:
		c.Reply.Error(errSyntax)
		return
	}
	c.Reply.OK()
}

// clientReply answers only ON: the other two mean silence from here on.
func clientReply(c *engine.Client, args engine.Args) {
	switch {
	case isWord(args[2], "on"):
		c.ReplyAgain()
		c.Reply.OK()
	case isWord(args[2], "off"):
		c.ReplyOff = true
	case isWord(args[2], "skip"):
		c.ReplySkip = !c.ReplyOff
	default:
		c.Reply.Error(errSyntax)
	}
}

func clientSetInfo(c *engine.Client, args engine.Args) {
	var to *string
	switch {
	case isWord(args[2], "lib-name"):
		to = &c.LibName
	case isWord(args[2], "lib-ver"):
		to = &c.LibVersion
	default:
		c.Reply.Errorf("ERR Unrecognized option '%s'", args[2])
		return
	}
	if !isPlain(args[3]) {
		c.Reply.Errorf("ERR %s cannot contain spaces, newlines or special characters.", args[2])
		return
	}
	*to = string(args[3])
	c.Reply.OK()
}

func clientSetName(c *engine.Client, args engine.Args) {
	if !isPlain(args[2]) {
		c.Reply.Error(errClientName)
		return
	}
	c.Name = string(args[2])
	c.Reply.OK()
}

// clientUnblock replies with 1 when the client was waiting.
func clientUnblock(c *engine.Client, args engine.Args) {
	withError := false
	switch {
	case len(args) == 3, len(args) == 4 && isWord(args[3], "timeout"):
	case len(args) == 4 && isWord(args[3], "error"):
		withError = true
	case len(args) > 4:
		c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try CLIENT HELP.", args[1])
		return
	default:
		c.Reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		return
	}
	id, ok := intArg(c, args[2])
	if !ok {
		return
	}
	other := clientWithID(c.Server(), id)
	c.Reply.Int(boolNumber(other != nil && !other.Held() && c.Server().Unblock(other, withError)))
}

// clientWithID returns the client with a number, or nil.
func clientWithID(s *engine.Server, id int64) (found *engine.Client) {
	s.Clients(func(c *engine.Client) bool {
		if c.ID == id {
			found = c
		}
		return found == nil
	})
	return found
}

func clientPause(c *engine.Client, args engine.Args) {
	all := true
	switch {
	case len(args) == 3, len(args) == 4 && isWord(args[3], "all"):
	case len(args) == 4 && isWord(args[3], "write"):
		all = false
	case len(args) == 4:
		c.Reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
		return
	default:
		c.Reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try CLIENT HELP.", args[1])
		return
	}
	deadline, ok := millisArg(c, args[2])
	if !ok {
		return
	}
	s := c.Server()
	ms := int64(0)
	if deadline > 0 {
		ms = deadline - s.NowMs
	}
	s.Pause(ms, all)
	c.Reply.OK()
}

func clientUnpause(c *engine.Client, _ engine.Args) {
	c.Server().Unpause()
	c.Reply.OK()
}
