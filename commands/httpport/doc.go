// Package httpport shows how the server does, over HTTP (http-port):
//
//	/               a live page
//	/api/figures    what the page shows, JSON
//	/metrics        Prometheus; names are redis_exporter's where it has one, and redix_... else
//	/healthz        200 while the loop answers
//	/readyz         200 once the data is loaded, 503 before
//	/debug/pprof/   Go's profiles, with http-pprof yes
//
// Its goroutines never touch what the loop owns. They ask (Source), and the loop hands over a copy of its figures, the same
// one for all who ask within a fifth of a second.
//
// The one who asks needs what a client needs: from another machine a password unless protected-mode is off, and where
// clients have to log in, name and password (basic authentication) of a user who may ask for as much. /healthz and /readyz need nothing and tell
// nothing but the state. Where there is no password in protected mode, the Host must be an address or localhost: else a web
// page in a browser on this machine could read the figures through a name of its own that points here.
package httpport
