package commands

// CONFIG: the directives while the server runs. engine/config knows them; this file speaks the protocol.

import (
	"errors"

	"redix/engine"
	"redix/engine/config"
	"redix/engine/reactor"
)

const adminFlags = engine.Admin | engine.Noscript | engine.Loading | engine.Stale

var configRows = []engine.Row{
	{Name: "config", Arity: -2, Group: "server", Since: "2.0.0", Complexity: "Depends on subcommand.",
		Summary: "Reads and changes the configuration.", Subs: []engine.Row{
			{Name: "get", Arity: -3, Flags: adminFlags, Since: "2.0.0",
				Complexity: "O(N) where N is the number of directives", Syntax: "parameter [parameter ...]",
				Summary: "Replies with the directives that match one of the patterns.",
				History: []string{"7.0.0: Takes several patterns."}, Handler: configGet},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "resetstat", Arity: 2, Flags: adminFlags, Since: "2.0.0", Complexity: "O(1)",
				Summary: "Sets the counters of INFO to zero.",
				Hints:   "request_policy:all_nodes response_policy:all_succeeded", Handler: configResetStat},
			{Name: "rewrite", Arity: 2, Flags: adminFlags, Since: "2.8.0", Complexity: "O(1)",
				Summary: "Writes the directives in force to the configuration file.",
				Hints:   "request_policy:all_nodes response_policy:all_succeeded", Handler: configRewrite,
				Lane: engine.ConfigFile},
			{Name: "set", Arity: -4, Flags: adminFlags, Since: "2.0.0",
				Complexity: "O(N) where N is the number of directives", Syntax: "parameter value [parameter value ...]{data}",
				Summary: "Changes directives, all of them or none.",
				Hints:   "request_policy:all_nodes response_policy:all_succeeded",
				History: []string{"7.0.0: Takes several directives."}, Handler: configSet,
				Lane: engine.Settings, Ahead: readForConfigSet},
		}},
}

var _ = register(configRows)

func configGet(c *engine.Client, args engine.Args) {
	pairs := c.Server().Config.Get(texts(args[2:])...)
	c.Reply.Map(len(pairs))
	for _, p := range pairs {
		c.Reply.BulkString(p.Name)
		c.Reply.BulkString(p.Value)
	}
}

func configSet(c *engine.Client, args engine.Args) {
	s := c.Server()
	for i := 2; i+1 < len(args); i += 2 {
		if d, ok := config.Lookup(string(args[i])); ok && d.Sensitive {
			c.Redact(i+1, i+1)
		}
	}
	s.RunAhead(c, args)
}

// readForConfigSet is engine.Ahead.
func readForConfigSet(c *engine.Client, args engine.Args, on *config.Config) (p engine.Prepared) {
	s, pairs, local := c.Server(), texts(args[2:]), c.Local()
	var found config.Found
	journal := openingFor(s, on, pairs, local)
	if read := s.Hooks.ConfigAhead; journal != nil || config.AsksDisk(pairs) {
		p.Work = func() {
			found = on.Look(pairs, local, read)
			if journal != nil && on.AppendOnly { // else it is refused for something else
				journal.Open(&on.Values)
			}
		}
	}
	p.Abandon = func() {
		if journal != nil {
			journal.Leave()
		}
	}
	p.Then = func(c *engine.Client) {
		if c != nil {
			setConfig(c, pairs, local, found)
		}
		p.Abandon()
	}
	return p
}

// openingFor prepares for a journal that is going to be switched on.
func openingFor(s *engine.Server, on *config.Config, pairs []string, local bool) engine.JournalOpening {
	if s.Hooks.Saving == nil {
		return nil
	}
	if trial, err := on.Try(pairs, local); err != nil || !trial.AppendOnly {
		return nil
	}
	return s.Hooks.Saving.OpenJournal()
}

// setConfig changes directives, all or none, and replies: when a journal that has been switched off is on disk.
func setConfig(c *engine.Client, pairs []string, local bool, found config.Found) {
	s := c.Server()
	err := s.Config.Set(pairs, local, found, func(d *config.Directive) error { return applyDirective(s, d) })
	saving := s.Hooks.Saving
	switch {
	case err != nil:
		c.Reply.Error(err.Error())
	case saving != nil && saving.EndsJournal():
		s.OffloadAfter(c, saving.EndJournal, func(c *engine.Client) {
			if c != nil {
				c.Reply.OK()
			}
		})
	default:
		c.Reply.OK()
	}
}

// listening are the directives that say where the server listens, and what redis-server replies when it cannot.
var listening = map[string]string{
	"port":     "Unable to listen on this port. Check server logs.",
	"tls-port": "Unable to listen on this port. Check server logs.",
	"bind":     "Failed to bind to specified addresses.",
}

// applyDirective makes the server follow a directive whose new value is in place; an error takes the value back.
func applyDirective(s *engine.Server, d *config.Directive) error {
	if failed, ok := listening[d.Name]; ok {
		if s.Hooks.Listen == nil {
			return reactor.ErrFixed
		}
		if s.Hooks.ConfigChanged != nil {
			if err := s.Hooks.ConfigChanged(d); err != nil {
				return err
			}
		}
		err := s.Hooks.Listen()
		if err != nil && !errors.Is(err, reactor.ErrFixed) {
			s.Log.Warn("cannot listen there", "error", err)
			err = errors.New(failed)
		}
		return err
	}
	s.ApplyConfig()
	LogLevel.Set(s.Config.LogLevel.Slog())
	followUsers(s, d)
	if s.Hooks.ConfigChanged != nil {
		return s.Hooks.ConfigChanged(d)
	}
	return nil
}

func configResetStat(c *engine.Client, _ engine.Args) {
	s := c.Server()
	s.Stats.Reset()
	s.Keyspace.Expired, s.Keyspace.ExpiredActive, s.Keyspace.Freed = 0, 0, 0
	s.Keyspace.ResetCompactionStats()
	eachRow(s.Table, func(r *engine.Row) { r.Stats, r.Latency = engine.CallStats{}, nil })
	c.Reply.OK()
}

func configRewrite(c *engine.Client, _ engine.Args) {
	s := c.Server()
	now := *s.Config
	now.Users = userLines(s)
	var err error
	s.Offload(c, func() { err = now.Rewrite() }, func(c *engine.Client) {
		if err != nil {
			s.Log.Warn("the configuration file could not be rewritten", "error", err)
		} else {
			s.Log.Info("the configuration file was rewritten", "file", now.File)
		}
		switch {
		case c == nil:
		case err != nil:
			c.Reply.Error(err.Error())
		default:
			c.Reply.OK()
		}
	})
}

// texts copies arguments into strings.
func texts(args engine.Args) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = string(a)
	}
	return out
}

// eachRow visits all commands and subcommands, a container before its own.
func eachRow(t *engine.Table, visit func(r *engine.Row)) {
	for _, r := range t.Rows {
		visit(r)
		for i := range r.Subs {
			visit(&r.Subs[i])
		}
	}
}
