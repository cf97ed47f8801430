package config

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
