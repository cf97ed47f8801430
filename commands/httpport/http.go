package httpport

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"redix/engine/reactor"
)

const (
	// patience is how long the loop may take for an answer before it counts as not healthy.
	patience = 2 * time.Second
	// maxConns is how many connections are served at one time.
	maxConns = 128
)

//go:embed page
var assets embed.FS

// Server is the HTTP port.
type Server struct {
	source  Source
	log     *slog.Logger
	http    http.Server
	window  window
	metrics http.Handler
	page    http.Handler

	listeners []net.Listener
}

// Listen opens the port at each of the addresses.
func Listen(source Source, log *slog.Logger, addrs []reactor.Address) (*Server, error) {
	s := &Server{source: source, log: log}
	for _, a := range addrs {
		l, err := a.Listen()
		if err != nil && a.Optional && reactor.Absent(err) {
			log.Warn("address not available, going on without it", "address", a.Addr, "error", err)
			continue
		}
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("http-port: %w", err)
		}
		s.listeners = append(s.listeners, l)
	}
	files, err := fs.Sub(assets, "page")
	if err != nil {
		return nil, err
	}
	s.page = http.FileServerFS(files)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.metrics = s.metricsHandler(registry)
	s.http = http.Server{Handler: noted(s.handler()), ConnContext: connContext, ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return s, nil
}

// Addrs are the addresses that are listened at.
func (s *Server) Addrs() []net.Addr {
	var out []net.Addr
	for _, l := range s.listeners {
		out = append(out, l.Addr())
	}
	return out
}

// Serve serves until Close.
func (s *Server) Serve() {
	conns := &pool{}
	for _, l := range s.listeners {
		s.log.Info("HTTP port", "address", l.Addr().String())
		go func() {
			if err := s.http.Serve(&listener{l, conns}); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("the HTTP port has failed", "address", l.Addr().String(), "error", err)
			}
		}()
	}
}

// Close ends what is served.
func (s *Server) Close() {
	s.http.Close()
	for _, l := range s.listeners {
		l.Close() // a second time, if Serve was called
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /{file...}", s.guarded(func(w http.ResponseWriter, r *http.Request, _ Answer) { s.page.ServeHTTP(w, r) }))
	mux.Handle("GET /api/figures", s.guarded(s.figures))
	mux.Handle("GET /metrics", s.guarded(func(w http.ResponseWriter, r *http.Request, a Answer) {
		s.metrics.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), figuresKey{}, a.Figures)))
	}))
	profiles := http.NewServeMux()
	profiles.HandleFunc("/debug/pprof/", pprof.Index)
	profiles.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	profiles.HandleFunc("/debug/pprof/profile", pprof.Profile)
	profiles.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	profiles.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /debug/pprof/", s.guarded(func(w http.ResponseWriter, r *http.Request, a Answer) {
		if !a.PProf {
			http.Error(w, "Profiles are off: http-pprof is no.", http.StatusNotFound)
			return
		}
		profiles.ServeHTTP(w, r)
	}))
	return mux
}

// guarded lets those through who may know.
func (s *Server) guarded(serve func(w http.ResponseWriter, r *http.Request, a Answer)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := Question{Addr: r.RemoteAddr}
		q.User, q.Password, q.HasPassword = r.BasicAuth()
		a, ok := s.ask(w, r, q)
		if !ok {
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		switch {
		case a.Access == NeedPassword:
			h.Set("WWW-Authenticate", `Basic realm="redix", charset="UTF-8"`)
			http.Error(w, "A name and a password are needed, of a user who may run INFO, SLOWLOG GET and SCAN and read all keys.", http.StatusUnauthorized)
		case a.Access == Protected:
			http.Error(w, "Redix is in protected mode and has no password: it tells its figures on its own machine only.", http.StatusForbidden)
		case a.Access == GrantedHere && !isOwnHost(r.Host):
			http.Error(w, "Without a password this is told to those who ask for an address or for localhost.", http.StatusForbidden)
		default:
			serve(w, r, a)
		}
	})
}

// isOwnHost tells whether a Host header names an address or localhost.
func isOwnHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil || strings.EqualFold(name, "localhost")
}

// ask asks the loop; when that does not answer it has replied.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, q Question) (Answer, bool) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	a, err := s.source.Ask(ctx, q)
	if err != nil {
		http.Error(w, "The loop does not answer: "+err.Error(), http.StatusServiceUnavailable)
	}
	return a, err == nil
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.ask(w, r, Question{Addr: r.RemoteAddr, Open: true}); ok {
		fmt.Fprintln(w, "ok")
	}
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	a, ok := s.ask(w, r, Question{Addr: r.RemoteAddr, Open: true})
	switch {
	case !ok:
	case a.Figures.Loading:
		http.Error(w, fmt.Sprintf("loading: %.0f %%", 100*float64(a.Figures.Loaded)/float64(max(a.Figures.ToLoad, 1))), http.StatusServiceUnavailable)
	case a.Figures.WritesRefused != "":
		fmt.Fprintln(w, "ready, but writes are refused: the journal cannot be written")
	default:
		fmt.Fprintln(w, "ready")
	}
}

func (s *Server) figures(w http.ResponseWriter, _ *http.Request, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.window.shown(a.Figures)); err != nil {
		s.log.Debug("a request for figures ended early", "error", err)
	}
}

type figuresKey struct{}

// metricsHandler has one registry for the process and one of the figures that came with the request.
func (s *Server) metricsHandler(process prometheus.Gatherer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, _ := r.Context().Value(figuresKey{}).(*Figures)
		mine := prometheus.NewRegistry()
		mine.MustRegister(collector{f})
		promhttp.HandlerFor(prometheus.Gatherers{mine, process}, promhttp.HandlerOpts{
			ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)}).ServeHTTP(w, r)
	})
}
