package config

// The rows of running a server: the HTTP port.

// HTTP holds the directives of the port that shows how the server does.
type HTTP struct {
	Port  int      // 0: none
	Bind  []string // empty: those of bind
	PProf bool
}

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
