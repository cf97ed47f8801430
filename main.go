// Redix is a Redis-compatible in-memory server. See README.md; docs/architecture.md shows how the parts meet.
//
// This file joins them: configuration, log, table, loop, reactor, journal, signals, exit codes.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"redix/commands"
	"redix/commands/httpport"
	"redix/engine"
	"redix/engine/config"
	"redix/engine/reactor"
	"redix/engine/reactor/auto"
	"redix/engine/reactor/tlsport"
	"redix/engine/supervise"
	"redix/persistence"
	"redix/persistence/rdb"
)

// reserveFDs are kept for the journal, its rewrite and the log when clients take all others.
const reserveFDs = 32

// ownFDs are those in use with no client there: the log, the journal, what the reactor and the scheduler wait on. Listeners come
// on top, twice each with evio.
const ownFDs = 20

// logTimeout is how long whatever takes the log is waited for.
const logTimeout = time.Second

// filesTimeout is how long the end waits for an ACL SAVE or a CONFIG REWRITE that is under way.
const filesTimeout = 10 * time.Second

// init keeps the goroutine of main, which becomes the loop, on the process's main thread: its processor time can then be told.
func init() { runtime.LockOSThread() }

func main() {
	args, ping := os.Args[1:], false
	if len(args) > 0 {
		if tool := tools[args[0]]; tool != nil {
			os.Exit(tool(args[1:], os.Stdout))
		}
	}
	if len(args) > 0 && args[0] == "--ping" {
		args, ping = args[1:], true
	}
	cfg, err := config.Load(args, os.Environ(), os.Stdin)
	switch {
	case errors.Is(err, config.ErrHelp):
		_ = config.Help(os.Stdout)
		return
	case errors.Is(err, config.ErrVersion):
		fmt.Println("Redix", engine.Version)
		return
	}
	switch {
	case err != nil:
	case ping:
		err = supervise.Ping(cfg)
	case cfg.Daemonize:
		detached, code, failed := supervise.Detach()
		if err = failed; detached && err == nil {
			os.Exit(code)
		}
		if err == nil {
			err = serve(cfg)
		}
	default:
		err = serve(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "redix:", err)
		os.Exit(1)
	}
}

// serve runs the server until it is told to stop.
func serve(cfg *config.Config) (err error) {
	// The loop keeps one processor of the scheduler's, the journal's writer has one while it waits for the disk. As long as
	// another is idle, the monitor thread lets both keep theirs; otherwise it takes them away every 20 microseconds.
	if runtime.GOMAXPROCS(0) < 4 {
		runtime.GOMAXPROCS(4)
	}
	listen, listenTLS := addresses(cfg), tcpAddresses(cfg.Bind, cfg.TLS.Port)
	if len(listen)+len(listenTLS) == 0 {
		return errors.New("nowhere to listen: expected a port and an address to bind, or a unixsocket")
	}
	if err := os.Chdir(cfg.Dir); err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	file, err := openLog(cfg)
	if err != nil {
		return err
	}
	log := file.Logger
	defer file.flush()
	if cfg.LogFile != "" { // whoever reads it should find there why the server is gone
		defer func() {
			if err != nil {
				log.Error("the server ends", "error", err)
			}
		}()
	}
	room := reactor.MaxConns(reserveFDs + ownFDs + 2*(len(listen)+len(listenTLS)))
	if err := fitClients(cfg, room, log); err != nil {
		return err
	}
	s := engine.NewServer(cfg, commands.NewTable(), log)
	commands.Attach(s)
	if err := commands.Secure(s); err != nil {
		return err
	}
	port, err := tlsport.New(cfg.TLS, listenTLS, reactor.Options{
		Listen:     listen,
		Backlog:    cfg.TCPBacklog,
		KeepAlive:  time.Duration(cfg.KeepAliveSeconds) * time.Second,
		ReserveFDs: reserveFDs,
		Log:        log,
	}, s, auto.Engine(cfg.IOReactor))
	if err != nil {
		return err
	}
	s.Reactor = port
	s.Hooks.Listen = func() error {
		return port.Rebind(tcpAddresses(cfg.Bind, cfg.Port), tcpAddresses(cfg.Bind, cfg.TLS.Port))
	}
	s.Hooks.ConfigAhead = func(trial *config.Values) error { return port.Ahead(trial.TLS) }
	p := &process{server: s, log: file}
	aof, err := persistence.Attach(s, log, persistence.Formats{
		Rebuild: commands.Rebuild,
		Entries: func(later *[]rdb.Span) persistence.EntryWriter {
			o := commands.RDBOptionsOf(s.Config)
			o.Later = later
			return commands.NewEntryWriter(o)
		},
		Builder: func(o persistence.BuilderOptions) persistence.Builder {
			return commands.NewEntryBuilder(s, o.KeepExpired, o.Merge)
		},
	})
	if err != nil {
		return err
	}
	p.aof = aof
	follow := s.Hooks.ConfigChanged
	s.Hooks.ConfigChanged = func(d *config.Directive) error {
		if d.Name == "maxclients" && cfg.MaxClients > room {
			// redis-server's text
			return errors.New(fmt.Sprint("The operating system is not able to handle the specified number of clients, try with ", room))
		}
		return errors.Join(port.Changed(d, cfg.TLS), follow(d))
	}
	s.Hooks.Shutdown = p.stop
	s.Hooks.Fatal = func(err error) { p.failure = err; s.Reactor.Stop() }
	p.watchSignals()
	defer p.supervise()()
	if cfg.HTTP.Port != 0 {
		port, err := httpport.Listen(commands.Observe(s), log, httpAddresses(cfg))
		if err != nil {
			return err
		}
		defer port.Close()
		port.Serve()
	}
	for _, a := range s.Reactor.Addrs() {
		if a != nil {
			log.Info("Ready to accept connections", "address", a.String(), "reactor", s.Reactor.Name())
		}
	}
	file.flush() // standard output is about to go
	if err := supervise.Detached(); err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	if err := s.Reactor.Run(); err != nil {
		return err
	}
	return p.failure
}

// process is what ends with the process: signals, the last sync, the exit code.
type process struct {
	server   *engine.Server
	aof      *persistence.Attachment
	log      *logFile
	notifier *supervise.Notifier
	signaled atomic.Int32 // the signal that ends it; 0: none
	failure  error
}

// supervise tells the service manager how the server gets on and writes the pid file; what it returns is for the end.
func (p *process) supervise() (end func()) {
	s, cfg := p.server, p.server.Config
	var err error
	if p.notifier, err = supervise.NewNotifier(cfg.Supervised, os.Getenv); err != nil {
		p.log.Warn("nobody is told when the server is ready", "error", err)
	}
	commands.Supervised = p.notifier.Name()
	cron, told, said := s.Hooks.Cron, false, time.Time{}
	s.Hooks.Cron = func() {
		cron()
		p.notifier.Beat()
		loading, done, total := s.LoadProgress()
		switch now := s.Reactor.Now(); {
		case !loading && !told:
			told = true
			p.notifier.Ready()
		case loading && now.Sub(said) > time.Second:
			said = now
			p.notifier.Progress(fmt.Sprintf("Loading: %.0f %%", 100*float64(done)/float64(max(total, 1))))
		}
	}
	if cfg.PidFile == "" {
		if !cfg.Daemonize {
			return func() {}
		}
		cfg.PidFile = "/var/run/redix.pid"
	}
	remove, err := supervise.PidFile(cfg.PidFile)
	if err != nil {
		p.log.Warn("cannot write the pid file", "error", err)
	}
	return remove
}

// watchSignals lets SIGTERM and SIGINT stop the server in good order; a second one ends it at once.
func (p *process) watchSignals() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			p.log.flush()
			if err := p.log.reopen(); err != nil {
				p.log.Error("the log file cannot be opened anew", "error", err)
			}
		}
	}()
	p.server.Hooks.Woken = func() {
		p.aof.Woken()
		if s := p.signaled.Load(); s != 0 && p.stop(p.optionsOf(syscall.Signal(s))) != nil {
			p.log.Error("the server goes on; send the signal once more to end it as it is")
			p.signaled.Store(0)
		}
	}
	go func() {
		s := <-signals
		p.log.Info("stopping", "signal", s.String())
		p.signaled.Store(int32(s.(syscall.Signal)))
		p.server.Reactor.Wake()
		<-signals
		p.log.flush()
		os.Exit(1)
	}()
}

// optionsOf are those of shutdown-on-sigterm and shutdown-on-sigint.
func (p *process) optionsOf(s syscall.Signal) engine.ShutdownOptions {
	words := p.server.Config.ShutdownOnSigterm
	if s == syscall.SIGINT {
		words = p.server.Config.ShutdownOnSigint
	}
	return engine.ShutdownOptions{Save: words&config.ShutdownSave != 0, NoSave: words&config.ShutdownNoSave != 0,
		Force: words&config.ShutdownForce != 0}
}

// stop writes a snapshot if there are save points or it is asked for, finishes the round, writes and syncs the journal, sends
// what waited for it, and ends the loop. It returns an error when the snapshot cannot be written and the server goes on. With
// Force it ends whatever cannot be written.
func (p *process) stop(o engine.ShutdownOptions) error {
	loading, _, _ := p.server.LoadProgress()
	if !loading && (o.Save || len(p.server.Config.SavePoints) > 0 && !o.NoSave) {
		p.notifier.Progress("Saving")
		if err := p.aof.SaveNow(); err != nil {
			p.log.Error("the snapshot could not be written", "error", err)
			if !o.Force {
				return err
			}
		}
	}
	p.notifier.Stopping()
	if !p.server.FinishFiles(filesTimeout) {
		p.log.Error("ACL SAVE, ACL LOAD or CONFIG REWRITE is not done: the disk does not answer")
	}
	p.server.Reactor.CloseListeners()
	if err := p.aof.Close(); err != nil {
		p.log.Error("the journal could not be written to its end", "error", err)
		if !o.Force {
			p.failure = err
		}
	}
	p.server.ReleaseAll()
	p.server.SendAll()
	p.server.Reactor.Stop()
	p.log.Info("stopped")
	return nil
}

// fitClients lowers maxclients to the connections that there is room for, so that one too many is told so instead of being cut off.
func fitClients(cfg *config.Config, room int, log *slog.Logger) error {
	if room < 1 {
		return fmt.Errorf("the limit of open files (ulimit -n) is too low for even one client, expected %d more", 1-room)
	}
	if cfg.MaxClients > room {
		log.Warn("maxclients is lowered to what the limit of open files (ulimit -n) has room for", "from", cfg.MaxClients, "to", room)
		cfg.MaxClients = room
	}
	return nil
}

// addresses lists where to listen.
func addresses(cfg *config.Config) []reactor.Address {
	out := tcpAddresses(cfg.Bind, cfg.Port)
	if cfg.UnixSocket != "" {
		path := cfg.UnixSocket
		if !filepath.IsAbs(path) {
			path = filepath.Join(cfg.Dir, path)
		}
		out = append(out, reactor.Address{Network: "unix", Addr: path, Perm: os.FileMode(cfg.UnixSocketPerm)})
	}
	return out
}

// httpAddresses are those of http-bind, or of bind.
func httpAddresses(cfg *config.Config) []reactor.Address {
	if len(cfg.HTTP.Bind) > 0 {
		return tcpAddresses(cfg.HTTP.Bind, cfg.HTTP.Port)
	}
	return tcpAddresses(cfg.Bind, cfg.HTTP.Port)
}

// tcpAddresses are those of a directive like bind, with a port; none with port 0.
func tcpAddresses(bind []string, port int) []reactor.Address {
	var out []reactor.Address
	for _, host := range bind {
		name, optional := strings.CutPrefix(host, "-")
		if port != 0 {
			out = append(out, reactor.Address{Network: "tcp", Addr: net.JoinHostPort(name, strconv.Itoa(port)), Optional: optional})
		}
	}
	return out
}

// logFile is where the log goes. Nobody waits for it.
type logFile struct {
	*slog.Logger
	lines  *supervise.Log
	reopen func() error
}

// openLog opens the configured file or takes standard output; the level follows the configuration.
func openLog(cfg *config.Config) (*logFile, error) {
	l := &logFile{reopen: func() error { return nil }}
	var out io.Writer = os.Stdout
	if cfg.LogFile != "" {
		f, err := supervise.OpenLog(cfg.LogFile)
		if err != nil {
			return nil, err
		}
		out, l.reopen = f, f.Reopen
	}
	commands.LogLevel.Set(cfg.LogLevel.Slog())
	l.lines = supervise.NewLog(out)
	l.Logger = slog.New(slog.NewTextHandler(l.lines, &slog.HandlerOptions{Level: &commands.LogLevel}))
	return l, nil
}

// flush waits until the log has what was said, but not for ever.
func (l *logFile) flush() { l.lines.Flush(logTimeout) }
