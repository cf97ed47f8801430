package commands

// CLIENT TRACKING, TRACKINGINFO and CACHING: options and their errors. How keys are tracked is in engine/tracking.go.

import (
	"fmt"
	"slices"
	"strings"

	"redix/engine"
	"redix/engine/resp"
)

const (
	errNoCaching = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
	errSwitch    = "mode before disabling tracking for this client, and then re-enabling it with a different mode."
)

// trackOptions are the arguments of CLIENT TRACKING.
type trackOptions struct {
	mode     engine.TrackMode
	to       *engine.Client
	prefixes []string
}

var trackWords = []struct {
	word string
	mode engine.TrackMode
}{
	{"bcast", engine.TrackBcast}, {"optin", engine.TrackOptIn}, {"optout", engine.TrackOptOut}, {"noloop", engine.TrackNoLoop},
}

// parse returns the error reply, or "".
func (o *trackOptions) parse(c *engine.Client, args engine.Args) string {
	for i := 3; i < len(args); i++ {
		more := i+1 < len(args)
		at := slices.IndexFunc(trackWords, func(w struct {
			word string
			mode engine.TrackMode
		}) bool {
			return isWord(args[i], w.word)
		})
		switch {
		case at >= 0:
			o.mode |= trackWords[at].mode
		case isWord(args[i], "redirect") && more:
			i++
			if o.to != nil {
				return "ERR A client can only redirect to a single other client"
			}
			id, ok := resp.ParseInt(args[i])
			if !ok {
				return errNotInt
			}
			if o.to = clientWithID(c.Server(), id); o.to == nil {
				return "ERR The client ID you want redirect to does not exist"
			}
		case isWord(args[i], "prefix") && more:
			i++
			o.prefixes = append(o.prefixes, string(args[i]))
		default:
			return errSyntax
		}
	}
	return ""
}

// conflict returns the error reply of options that do not go together, or not with the state that the client is in.
func (o *trackOptions) conflict(c *engine.Client) string {
	has := func(mode, of engine.TrackMode) bool { return mode&of != 0 }
	old, tracked := c.Tracked()
	switch {
	case !has(o.mode, engine.TrackBcast) && len(o.prefixes) > 0:
		return "ERR PREFIX option requires BCAST mode to be enabled"
	case tracked && has(old, engine.TrackBcast) != has(o.mode, engine.TrackBcast):
		return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	case has(o.mode, engine.TrackBcast) && has(o.mode, engine.TrackOptIn|engine.TrackOptOut):
		return "ERR OPTIN and OPTOUT are not compatible with BCAST"
	case has(o.mode, engine.TrackOptIn) && has(o.mode, engine.TrackOptOut):
		return "ERR You can't specify both OPTIN mode and OPTOUT mode"
	case has(o.mode, engine.TrackOptIn) && has(old, engine.TrackOptOut), has(o.mode, engine.TrackOptOut) && has(old, engine.TrackOptIn):
		return "ERR You can't switch OPTIN/OPTOUT " + errSwitch
	}
	return o.overlap(c.TrackPrefixes())
}

// overlap finds two prefixes of which one begins with the other. Sorted, such two have everything between them in common,
// so that neighbours tell whether there are any.
func (o *trackOptions) overlap(existing []string) string {
	all := slices.Concat(existing, o.prefixes)
	slices.Sort(all)
	clash := false
	for i := 1; i < len(all); i++ {
		clash = clash || strings.HasPrefix(all[i], all[i-1])
	}
	if !clash {
		return ""
	}
	const text = "ERR Prefix '%s' overlaps with %s prefix '%s'. Prefixes for a single client must not overlap."
	meet := func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
	most := 1000 // prefixes that are compared with each other for the text
	for i, p := range o.prefixes[:min(len(o.prefixes), most)] {
		for _, q := range existing[:min(len(existing), most)] {
			if meet(p, q) {
				return fmt.Sprintf(text, p, "an existing", q)
			}
		}
		for _, q := range o.prefixes[i+1 : min(len(o.prefixes), most)] {
			if meet(p, q) {
				return fmt.Sprintf(text, p, "another provided", q)
			}
		}
	}
	return ""
}

func clientTracking(c *engine.Client, args engine.Args) {
	var o trackOptions
	if problem := o.parse(c, args); problem != "" {
		c.Reply.Error(problem)
		return
	}
	switch {
	case isWord(args[2], "on"):
		if problem := o.conflict(c); problem != "" {
			c.Reply.Error(problem)
			return
		}
		c.Track(o.mode, o.to, o.prefixes)
	case isWord(args[2], "off"):
		c.Untrack()
	default:
		c.Reply.Error(errSyntax)
		return
	}
	c.Reply.OK()
}

func clientCaching(c *engine.Client, args engine.Args) {
	mode, tracked := c.Tracked()
	switch {
	case !tracked:
		c.Reply.Error(errNoCaching)
	case isWord(args[2], "yes") && mode&engine.TrackOptIn == 0:
		c.Reply.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	case isWord(args[2], "no") && mode&engine.TrackOptOut == 0:
		c.Reply.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
	case isWord(args[2], "yes"), isWord(args[2], "no"):
		c.SetCaching()
		c.Reply.OK()
	default:
		c.Reply.Error(errSyntax)
	}
}

func clientTrackingInfo(c *engine.Client, _ engine.Args) {
	mode, tracked := c.Tracked()
	flags := []string{"off"}
	if tracked {
		flags[0] = "on"
	}
	for _, w := range trackWords {
		if mode&w.mode == 0 {
			continue
		}
		flags = append(flags, w.word)
		if c.TrackCaching() && w.mode == engine.TrackOptIn {
			flags = append(flags, "caching-yes")
		}
		if c.TrackCaching() && w.mode == engine.TrackOptOut {
			flags = append(flags, "caching-no")
		}
	}
	if c.TrackBroken() {
		flags = append(flags, "broken_redirect")
	}
	r := c.Reply
	r.Map(3)
	r.BulkString("flags")
	r.Set(len(flags))
	for _, f := range flags {
		r.BulkString(f)
	}
	r.BulkString("redirect")
	r.Int(c.TrackRedirect())
	r.BulkString("prefixes")
	r.Array(len(c.TrackPrefixes()))
	for _, p := range c.TrackPrefixes() {
		r.BulkString(p)
	}
}
