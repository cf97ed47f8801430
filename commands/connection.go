package commands

// The connection group but for CLIENT: who a client is, which protocol it speaks, which database it uses.
//
// Who is who, and what he may do, is in engine/acl; ACL changes it. requirepass is the password of the user default, for
// whom everybody acts who has not said otherwise. A client that was let in stays so when a password changes.

import (
	"bytes"

	"redix/engine"
	"redix/engine/acl"
	"redix/engine/resp"
)

const (
	errWrongPass  = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPassword = "ERR AUTH <password> called without any password configured for the default user. Are you sure your " +
		"configuration is correct?"
	errHelloNoAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH " +
		"<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errClientName = "ERR Client names cannot contain spaces, newlines or special characters."
)

const connectionFlags = engine.Noscript | engine.Loading | engine.Stale | engine.Fast | engine.NoAuth | engine.AllowBusy

// anywhere marks what runs whatever state the connection is in.
const anywhere = engine.RunsInMulti | engine.InSubscriber

var connectionRows = []engine.Row{
	{Name: "auth", Arity: -2, Flags: connectionFlags, Group: "connection", Since: "1.0.0",
		Complexity: "O(N) where N is the number of passwords of the user",
		Summary:    "Tells the server who the client is.", Syntax: "[username{@6.0.0}] password",
		History: []string{"6.0.0: A user name may come first."}, Handler: auth},
	{Name: "echo", Arity: 2, Flags: engine.Loading | engine.Stale | engine.Fast, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Replies with its argument.", Syntax: "message", Handler: echo},
	{Name: "hello", Arity: -1, Flags: connectionFlags, Group: "connection", Since: "6.0.0", Complexity: "O(1)",
		Summary: "Chooses the protocol version, and authenticates and names the client in the same step.",
		Syntax:  "[protover [AUTH username password] [SETNAME clientname]]{arguments}",
		History: []string{"6.2.0: Without arguments it describes the connection as it is."}, Handler: hello},
	{Name: "ping", Arity: -1, Flags: engine.Fast | engine.InSubscriber | engine.NeedsDisk, Group: "connection", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Replies with PONG or with its argument.", Syntax: "[message]",
		Hints: "request_policy:all_shards response_policy:all_succeeded", Handler: ping},
	{Name: "quit", Arity: -1, Flags: connectionFlags | anywhere, Group: "connection", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Closes the connection.", Replaced: "just closing the connection", Deprecated: "7.2.0", Handler: quit},
	{Name: "reset", Arity: 1, Flags: connectionFlags | anywhere, Group: "connection", Since: "6.2.0", Complexity: "O(1)",
		Summary: "Puts the connection back into the state of a new one.", Handler: reset},
	{Name: "select", Arity: 2, Flags: engine.Loading | engine.Stale | engine.Fast, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Chooses the database of the connection.", Syntax: "index", Handler: selectDB},
}

var _ = register(connectionRows)

// auth takes a password for the default user, or a user and a password.
func auth(c *engine.Client, args engine.Args) {
	c.Redact(1, len(args)-1)
	switch {
	case len(args) > 3:
		c.Reply.Error(errSyntax)
	case len(args) == 2 && c.Server().Users.Default.NoPass:
		c.Reply.Error(errNoPassword)
	case len(args) == 2 && !authenticate(c, args[0], []byte(acl.DefaultName), args[1]),
		len(args) == 3 && !authenticate(c, args[0], args[1], args[2]):
		c.Reply.Error(errWrongPass)
	default:
		c.Reply.OK()
	}
}

// authenticate checks user and password and lets the client in, or logs that it did not; command is what has asked.
func authenticate(c *engine.Client, command, user, password []byte) bool {
	s := c.Server()
	u := s.Users.Authenticate(user, password)
	if u == nil {
		s.LogDenial(c, acl.Entry{Reason: acl.DeniedAuth, Object: string(command), User: string(user)})
		return false
	}
	c.LogIn(u)
	return true
}

func echo(c *engine.Client, args engine.Args) { c.Reply.Bulk(args[1]) }

// ping replies to a subscriber in the form of a message, which is all that it can read in RESP2.
func ping(c *engine.Client, args engine.Args) {
	switch {
	case len(args) > 2:
		arityError(c, "ping")
	case c.Proto == 2 && c.Subscriber():
		c.Reply.Array(2)
		c.Reply.BulkString("pong")
		c.Reply.Bulk(bytes.Join(args[1:], nil))
	case len(args) == 1:
		c.Reply.Pong()
	default:
		c.Reply.Bulk(args[1])
	}
}

func quit(c *engine.Client, _ engine.Args) {
	c.Reply.OK()
	c.CloseAfterReply()
}

// reset leaves the library's name and version alone: they describe what is behind the connection.
func reset(c *engine.Client, _ engine.Args) {
	s := c.Server()
	c.Discard()
	c.UnsubscribeAll()
	c.Untrack()
	c.Unmonitor()
	c.DB = s.Keyspace.DB(0)
	c.Name = ""
	c.ReplyOff, c.ReplySkip, c.NoTouch, c.NoEvict = false, false, false, false
	c.LogOut()
	setProto(c, 2)
	c.Reply.Simple("RESET")
}

func setProto(c *engine.Client, proto int) {
	c.Proto = proto
	c.Reply.Proto = proto
}

func selectDB(c *engine.Client, args engine.Args) {
	if db, ok := databaseArg(c, args[1]); ok {
		c.DB = db
		c.Reply.OK()
	}
}

// helloOptions are the arguments of HELLO.
type helloOptions struct {
	proto          int
	user, password []byte // nil: no AUTH
	name           []byte // nil: no SETNAME
}

func hello(c *engine.Client, args engine.Args) {
	o, problem := parseHello(c, args)
	switch {
	case problem != "":
		c.Reply.Error(problem)
		return
	case o.user != nil && !authenticate(c, args[0], o.user, o.password):
		c.Reply.Error(errWrongPass)
		return
	case !c.Authenticated:
		c.Reply.Error(errHelloNoAuth)
		return
	}
	if o.name != nil {
		c.Name = string(o.name)
	}
	setProto(c, o.proto)
	r := c.Reply
	r.Map(7)
	r.BulkString("server")
	r.BulkString("redis")
	r.BulkString("version")
	r.BulkString(engine.RedisVersion)
	r.BulkString("proto")
	r.Int(int64(o.proto))
	r.BulkString("id")
	r.Int(c.ID)
	r.BulkString("mode")
	r.BulkString("standalone")
	r.BulkString("role")
	r.BulkString("master")
	r.BulkString("modules")
	r.Array(0)
}

// parseHello checks the arguments before anything takes effect; problem is the error reply.
func parseHello(c *engine.Client, args engine.Args) (o helloOptions, problem string) {
	o.proto = c.Proto
	if len(args) == 1 {
		return o, ""
	}
	v, ok := resp.ParseInt(args[1])
	if !ok {
		return o, "ERR Protocol version is not an integer or out of range"
	}
	if v != 2 && v != 3 {
		return o, "NOPROTO unsupported protocol version"
	}
	o.proto = int(v)
	for i := 2; i < len(args); i++ {
		left := len(args) - 1 - i
		switch {
		case isWord(args[i], "auth") && left >= 2:
			c.Redact(i+1, i+2)
			o.user, o.password = args[i+1], args[i+2]
			i += 2
		case isWord(args[i], "setname") && left >= 1:
			if !isPlain(args[i+1]) {
				return o, errClientName
			}
			o.name = args[i+1]
			i++
		default:
			return o, "ERR Syntax error in HELLO option '" + string(args[i]) + "'"
		}
	}
	return o, ""
}

// isPlain tells whether a name has only printable characters and no spaces, so that CLIENT LIST stays readable.
func isPlain(name []byte) bool {
	for _, c := range name {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}
