package commands

// Snapshots and base files of the journal, as far as clients ask for them. SAVE holds only the client that asks: the others
// are served while the file is written.

import "redix/engine"

const errNoPersistence = "ERR There is no persistence in this server"

// saveWait is a client in SAVE, or in FLUSHALL where there are save points.
type saveWait struct {
	done bool
	err  error
}

func save(c *engine.Client, _ engine.Args) {
	s := c.Server()
	if s.Hooks.Saving == nil {
		c.Reply.Error(errNoPersistence)
		return
	}
	var w saveWait
	err := s.Hooks.Saving.Save(func(err error) {
		w.done, w.err = true, err
		s.Unblock(c, false)
	})
	if err != nil {
		c.Reply.Error("ERR " + err.Error())
		return
	}
	w.look(c)
}

// look replies when the file is written, and goes on waiting otherwise.
func (w *saveWait) look(c *engine.Client) {
	switch {
	case !w.done && c.Block(nil, engine.Wait{OnTimeout: w.look, Held: true}):
	case !w.done || w.err != nil:
		c.Reply.Error("ERR")
	default:
		c.Reply.OK()
	}
}

// saveFlushed replies to FLUSHALL. Where there are save points the snapshot file is written first, so that a restart does not bring
// the keys back; as with redis-server, a file that cannot be written is told in the log only. With a journal the client need not wait
// for it, and in a transaction it cannot.
func saveFlushed(c *engine.Client) {
	s := c.Server()
	saving := s.Hooks.Saving
	if saving == nil || c.Loading() || len(s.Config.SavePoints) == 0 {
		c.Reply.OK()
		return
	}
	if c.InExec() || s.Journal != nil {
		_, _ = saving.SaveInBackground(c.InExec(), true) // none runs that it could refuse for
		c.Reply.OK()
		return
	}
	var w saveWait // without its error
	_ = saving.Save(func(error) {
		w.done = true
		s.Unblock(c, false)
	})
	w.look(c)
}

func bgSave(c *engine.Client, args engine.Args) {
	schedule := len(args) == 2 && isWord(args[1], "schedule")
	if len(args) > 1 && !schedule {
		c.Reply.Error(errSyntax)
		return
	}
	s := c.Server()
	if s.Hooks.Saving == nil {
		c.Reply.Error(errNoPersistence)
		return
	}
	replyStarted(c)(s.Hooks.Saving.SaveInBackground(c.InExec(), schedule))
}

func replyStarted(c *engine.Client) func(text string, err error) {
	return func(text string, err error) {
		if err != nil {
			c.Reply.Error("ERR " + err.Error())
		} else {
			c.Reply.Simple(text)
		}
	}
}

func bgRewriteAOF(c *engine.Client, _ engine.Args) {
	s := c.Server()
	if s.Hooks.Saving == nil {
		c.Reply.Error(errNoPersistence)
		return
	}
	var w startWait
	s.Hooks.Saving.Rewrite(c.InExec(), func(text string, err error) {
		w.done, w.text, w.err = true, text, err
		s.Unblock(c, false)
	})
	w.look(c)
}

// startWait is a client in BGREWRITEAOF, until it is known whether the files can be made.
type startWait struct {
	saveWait
	text string
}

func (w *startWait) look(c *engine.Client) {
	if w.done || !c.Block(nil, engine.Wait{OnTimeout: w.look, Held: true}) {
		replyStarted(c)(w.text, w.err)
	}
}

func debugReload(c *engine.Client, args engine.Args) {
	var o engine.ReloadOptions
	for _, a := range args[2:] {
		switch {
		case isWord(a, "nosave"):
			o.NoSave = true
		case isWord(a, "noflush"):
			o.NoFlush = true
		case isWord(a, "merge"):
			o.Merge = true
		default:
			c.Reply.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
			return
		}
	}
	reload(c, o, "ERR Error trying to load the RDB dump, check server logs.")
}

func debugLoadAOF(c *engine.Client, _ engine.Args) {
	reload(c, engine.ReloadOptions{Journal: true}, "ERR Error trying to load the AOF files, check server logs.")
}

// reload waits, and everybody with it, until the data is there again.
func reload(c *engine.Client, o engine.ReloadOptions, failure string) {
	s := c.Server()
	w := &reloadWait{failure: failure}
	if s.Hooks.Saving == nil || !c.Block(nil, engine.Wait{OnTimeout: w.look, Held: true}) {
		c.Reply.Error("ERR DEBUG RELOAD and LOADAOF need persistence, and no transaction around them")
		return
	}
	s.Hooks.Saving.Reload(o, func(err error) {
		w.done, w.err = true, err
		s.Unblock(c, false)
	})
}

type reloadWait struct {
	saveWait
	failure string
}

func (w *reloadWait) look(c *engine.Client) {
	switch {
	case !w.done && c.Block(nil, engine.Wait{OnTimeout: w.look, Held: true}):
	case !w.done || w.err != nil:
		c.Reply.Error(w.failure)
	default:
		c.Reply.OK()
	}
}

func lastSave(c *engine.Client, _ engine.Args) {
	s := c.Server()
	ms := s.Stats.StartMs
	if s.Hooks.Saving != nil {
		ms = s.Hooks.Saving.LastSaveMs()
	}
	c.Reply.Int(ms / 1000)
}
