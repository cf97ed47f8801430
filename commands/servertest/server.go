package servertest

// Servers in the test's own process: the wiring of main.go, with a random port, a directory of the test, and an end.

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redix/commands"
	"redix/commands/httpport"
	"redix/engine"
	"redix/engine/config"
	"redix/engine/reactor"
	"redix/engine/reactor/auto"
	"redix/engine/reactor/tlsport"
	"redix/persistence"
	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

// Reactors are the engines of this system, by the names that io-reactor takes.
var Reactors = reactors()

// Server is a server that runs in a goroutine of the test.
type Server struct {
	Engine *engine.Server // belongs to the loop: see OnLoop
	Addr   string         // of the first TCP listener
	TLS    string         // of the first TLS listener; its port is a free one, whatever tls-port says
	HTTP   string         // of the HTTP port, likewise
	Dir    string         // its directory

	t       testing.TB
	aof     *persistence.Attachment
	log     lockedBuffer
	mu      sync.Mutex
	queue   []func()
	done    chan error
	stopped bool
}

// Start runs a server on the named reactor with flags as main takes them ("--maxclients", "10"), until the test ends.
func Start(t testing.TB, reactorName string, flags ...string) *Server {
	t.Helper()
	return StartOn(t, nil, reactorName, flags...)
}

// StartOn is Start with a file layer below journal and snapshots; nil: the real one.
func StartOn(t testing.TB, fsys vfs.FS, reactorName string, flags ...string) *Server {
	t.Helper()
	s := &Server{t: t, done: make(chan error, 1)}
	cfg := loadConfig(t, append([]string{"--io-reactor", reactorName, "--bind", "127.0.0.1"}, flags...))
	s.Dir = cfg.Dir
	log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Engine = engine.NewServer(cfg, commands.NewTable(), log)
	commands.Attach(s.Engine)
	if err := commands.Secure(s.Engine); err != nil {
		t.Fatal(err)
	}
	listen := listeners(cfg)
	port, err := tlsport.New(cfg.TLS, listen[:1], reactor.Options{Listen: listen, Log: log}, s.Engine, auto.Engine(cfg.IOReactor))
	if err != nil {
		t.Fatal(err)
	}
	s.Engine.Reactor = port
	s.Engine.Hooks.ConfigAhead = func(trial *config.Values) error { return port.Ahead(trial.TLS) }
	if s.aof, err = persistence.Attach(s.Engine, log, persistence.Formats{
		FS:      fsys,
		Rebuild: commands.Rebuild,
		Entries: func(later *[]rdb.Span) persistence.EntryWriter {
			o := commands.RDBOptionsOf(s.Engine.Config)
			o.Later = later
			return commands.NewEntryWriter(o)
		},
		Builder: func(o persistence.BuilderOptions) persistence.Builder {
			return commands.NewEntryBuilder(s.Engine, o.KeepExpired, o.Merge)
		},
	}); err != nil {
		t.Fatal(err)
	}
	follow := s.Engine.Hooks.ConfigChanged
	s.Engine.Hooks.ConfigChanged = func(d *config.Directive) error {
		return errors.Join(port.Changed(d, cfg.TLS), follow(d))
	}
	s.Addr = s.Engine.Reactor.Addrs()[0].String()
	if cfg.TLS.Port != 0 {
		s.TLS = s.Engine.Reactor.Addrs()[len(listen)].String()
	}
	s.Engine.Hooks.Shutdown = func(engine.ShutdownOptions) error { s.end(); return nil }
	s.Engine.Hooks.Fatal = func(err error) { t.Errorf("the server gave up: %v", err); s.Engine.Reactor.Stop() }
	s.Engine.Hooks.Woken = func() {
		s.aof.Woken()
		s.runQueue()
	}
	if cfg.HTTP.Port != 0 {
		port, err := httpport.Listen(commands.Observe(s.Engine), log, listen[:1])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(port.Close)
		port.Serve()
		s.HTTP = port.Addrs()[0].String()
	}
	go func() { s.done <- s.Engine.Reactor.Run() }()
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() && s.log.tail() != "" {
			t.Logf("log of the server:\n%s", s.log.tail())
		}
	})
	return s
}

// loadConfig reads flags as main does; unless they say otherwise the directory is the test's and there are no save points.
func loadConfig(t testing.TB, flags []string) *config.Config {
	t.Helper()
	dir := []string{"--dir", t.TempDir(), "--enable-debug-command", "yes", "--save", ""}
	cfg, err := config.Load(lastOfEach(append(dir, flags...)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// lastOfEach keeps the last setting of each flag: within one source some directives add up.
func lastOfEach(flags []string) []string {
	var order []string
	words := map[string][]string{}
	for i := 0; i < len(flags); {
		name := flags[i]
		end := i + 1
		for end < len(flags) && !strings.HasPrefix(flags[end], "--") {
			end++
		}
		if _, ok := words[name]; !ok {
			order = append(order, name)
		}
		words[name] = flags[i+1 : end]
		i = end
	}
	var out []string
	for _, name := range order {
		out = append(append(out, name), words[name]...)
	}
	return out
}

func listeners(cfg *config.Config) []reactor.Address {
	var out []reactor.Address
	for _, host := range cfg.Bind {
		name, optional := strings.CutPrefix(host, "-")
		out = append(out, reactor.Address{Network: "tcp", Addr: net.JoinHostPort(name, "0"), Optional: optional})
	}
	if cfg.UnixSocket != "" {
		path := cfg.UnixSocket
		if !filepath.IsAbs(path) {
			path = filepath.Join(cfg.Dir, path)
		}
		out = append(out, reactor.Address{Network: "unix", Addr: path, Perm: os.FileMode(cfg.UnixSocketPerm)})
	}
	return out
}

// Dial connects to the server's first TCP listener.
func (s *Server) Dial() *Conn {
	s.t.Helper()
	return Dial(s.t, s.Addr)
}

// OnLoop runs f on the loop, where Engine may be touched, and waits for it.
func (s *Server) OnLoop(f func(e *engine.Server)) {
	s.t.Helper()
	ran := make(chan struct{})
	s.mu.Lock()
	s.queue = append(s.queue, func() { f(s.Engine); close(ran) })
	s.mu.Unlock()
	s.Engine.Reactor.Wake()
	select {
	case <-ran:
	case <-time.After(patience):
		s.t.Fatal("the loop does not answer")
	}
}

func (s *Server) runQueue() {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, f := range queue {
		f()
	}
}

// end is main's orderly stop.
func (s *Server) end() {
	s.Engine.Reactor.CloseListeners()
	if err := s.aof.Close(); err != nil {
		s.t.Errorf("closing the journal: %v", err)
	}
	s.Engine.ReleaseAll()
	s.Engine.Reactor.Stop()
}

// Stop ends the server in good order, as SIGTERM does; its Dir remains until the test ends.
func (s *Server) Stop() {
	s.t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	s.mu.Lock()
	s.queue = append(s.queue, s.end)
	s.mu.Unlock()
	s.Engine.Reactor.Wake()
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("the reactor ended: %v", err)
		}
	case <-time.After(patience):
		s.t.Error("the server does not stop")
	}
}

// WaitLoaded returns once the journal is loaded.
func (s *Server) WaitLoaded() {
	s.t.Helper()
	waitLoaded(s.t, s.Dial())
}

func waitLoaded(t testing.TB, c *Conn) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		v := c.Do("PING")
		if v.Str == "PONG" {
			return
		}
		if !strings.HasPrefix(v.Err(), "LOADING") || time.Now().After(end) {
			t.Fatalf("PING: %s", v)
		}
	}
}

// Both runs a test on each reactor, with a server of its own.
func Both(t *testing.T, f func(t *testing.T, s *Server), flags ...string) {
	t.Helper()
	for _, name := range Reactors {
		t.Run(name, func(t *testing.T) { f(t, Start(t, name, flags...)) })
	}
}

// lockedBuffer is where a server logs while the test may look.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 8 << 10
	s := l.b.String()
	if len(s) > most {
		s = "... " + s[len(s)-most:]
	}
	return s
}

// Log returns the end of what the server has logged.
func (s *Server) Log() string { return s.log.tail() }
