package config

import (
	"slices"
	"strings"
)

// The rows of running a server: the HTTP port, and what starts and watches the process.

// HTTP holds the directives of the port that shows how the server does.
type HTTP struct {
	Port  int      // 0: none
	Bind  []string // empty: those of bind
	PProf bool
}

// Supervision says who watches over the process.
type Supervision int

// The values of supervised, in the order of its row.
const (
	SupervisedUpstart Supervision = iota
	SupervisedSystemd
	SupervisedAuto
	SupervisedNo
)

var httpRows = group{"HTTP", []Directive{
	{Name: "http-port", Default: "0",
		kind: integer(0, 65535, func(v *Values) *int { return &v.HTTP.Port }),
		Help: "TCP port that shows how the server does: a live page at /, /metrics for Prometheus, /healthz, /readyz; 0 means none. It asks for name and password where clients need them, but for /healthz and /readyz. Not in redis-server."},
	{Name: "http-bind", Default: "",
		kind: addresses(func(v *Values) *[]string { return &v.HTTP.Bind }),
		Help: `Addresses of the HTTP port, as those of bind; "" means those of bind. Not in redis-server.`},
	{Name: "http-pprof", Default: "no", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.HTTP.PProf }),
		Help: "Serve Go's profiles on the HTTP port, at /debug/pprof/. A profile of the processor costs a little while it runs; one of the heap shows no values of keys. Not in redis-server."},
}}

var processRows = []Directive{
	{Name: "shutdown-on-sigterm", Default: "default", Mutable: true,
		kind: shutdownWords(func(v *Values) *ShutdownWords { return &v.ShutdownOnSigterm }),
		Help: "How the signal SIGTERM ends the server, in the words of SHUTDOWN: default (a snapshot is written if there are save points), save or nosave, force (end also if what is to be written cannot be), now (which changes nothing: there are no replicas to wait for)."},
	{Name: "shutdown-on-sigint", Default: "default", Mutable: true,
		kind: shutdownWords(func(v *Values) *ShutdownWords { return &v.ShutdownOnSigint }),
		Help: "The same for SIGINT, a terminal's Ctrl-C."},
	{Name: "daemonize", Default: "no",
		kind: yesNo(func(v *Values) *bool { return &v.Daemonize }),
		Help: "Go on in the background, in a session of its own: the command returns once the server listens. Under systemd or in a container leave it at no."},
	{Name: "supervised", Default: "no",
		kind: oneOf(func(v *Values) *Supervision { return &v.Supervised }, "upstart", "systemd", "auto", "no"),
		Help: "Tell who has started the server when it is ready, has something to say or stops: systemd (sd_notify, with its watchdog) or upstart (a stop of its own at start); auto tells from the environment."},
	{Name: "pidfile", Default: "",
		kind: text(func(v *Values) *string { return &v.PidFile }),
		Help: "File to write the process number to, removed at a regular end; empty means none, with daemonize yes /var/run/redix.pid. One that cannot be written is a warning."},
}

// ShutdownWords are words of SHUTDOWN, a bit each; none is the default.
type ShutdownWords int

// The bits, in the order of their names in shutdownNames.
const (
	ShutdownSave ShutdownWords = 1 << iota
	ShutdownNoSave
	ShutdownNow
	ShutdownForce
)

var shutdownNames = [...]string{"save", "nosave", "now", "force"}

// shutdownWords is a choice of these words.
func shutdownWords(at func(*Values) *ShutdownWords) kind {
	get := func(v *Values) string {
		var words []string
		for i, name := range shutdownNames {
			if *at(v)>>i&1 != 0 {
				words = append(words, name)
			}
		}
		if words == nil {
			return "default"
		}
		return strings.Join(words, " ")
	}
	return kind{
		expects: "default, or words out of save, nosave, now, force",
		several: true,
		set: func(v *Values, words []string, _ bool) error {
			var chosen ShutdownWords
			for _, word := range words {
				i := slices.IndexFunc(shutdownNames[:], func(name string) bool { return strings.EqualFold(name, word) })
				switch {
				case i >= 0:
					chosen |= 1 << i
				case !strings.EqualFold(word, "default"):
					return refusal("argument(s) must be one of the following: default, " + strings.Join(shutdownNames[:], ", "))
				}
			}
			if chosen&ShutdownSave != 0 && chosen&ShutdownNoSave != 0 {
				return refusal("shutdown options SAVE and NOSAVE can't be used simultaneously")
			}
			*at(v) = chosen
			return nil
		},
		get:   get,
		lines: func(v *Values) []string { return []string{get(v)} },
	}
}
