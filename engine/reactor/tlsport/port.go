//go:build darwin || freebsd || linux

package tlsport

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"redix/engine/config"
	"redix/engine/reactor"
)

const (
	// maxHandshakes is how many connections may be in their handshake at one time.
	maxHandshakes = 512
	// handshakeTimeout is how long a handshake may take.
	handshakeTimeout = 10 * time.Second
	// acceptRest is how long accepting rests after an error.
	acceptRest = 50 * time.Millisecond
)

// Port is a reactor with listeners for TLS beside those of the engine that it wraps; it may have none.
type Port struct {
	reactor.Reactor // the engine
	handler         reactor.Handler
	opt             reactor.Options
	plain           []reactor.Address // where the engine listens for TCP
	listeners       []listener        // the loop's once it runs
	running         bool
	credentials     credentials
	over            chan struct{} // closed at the end of Run
	slots           chan struct{} // one for each handshake
	keepAlive       atomic.Int64  // nanoseconds
	writers         sync.WaitGroup
	handshakeTime   time.Duration
	watchEvery      time.Duration

	// The loop's.
	conns   map[*conn]struct{}
	closing []ending
	taken   []*conn

	mu      sync.Mutex
	events  []*conn // have something for the loop
	stopped bool
}

// listener is one address for TLS.
type listener struct {
	at           reactor.Address
	net.Listener // nil: an Optional one that could not be bound
}

type ending struct {
	c   *conn
	err error
}

// New returns a Port around what engine makes. If settings have a port it listens on the addresses of listen, too. The
// error names the directive, the file or the address that is the cause.
func New(settings config.TLS, listen []reactor.Address, opt reactor.Options, h reactor.Handler,
	engine func(opt reactor.Options, h reactor.Handler) (reactor.Reactor, error)) (*Port, error) {
	opt = opt.WithDefaults()
	p := &Port{handler: h, opt: opt, over: make(chan struct{}), conns: map[*conn]struct{}{},
		slots: make(chan struct{}, maxHandshakes), handshakeTime: handshakeTimeout, watchEvery: watchEvery}
	p.credentials.log = opt.Log
	p.keepAlive.Store(int64(opt.KeepAlive))
	for _, a := range opt.Listen {
		if a.Network == "tcp" {
			p.plain = append(p.plain, a)
		}
	}
	if settings.Port != 0 {
		p.credentials.read(settings)
		if err := p.credentials.use(settings); err != nil {
			return nil, err
		}
		if err := p.listenAlso(listen); err != nil {
			p.closeOwn()
			return nil, err
		}
	}
	var err error
	if p.Reactor, err = engine(opt, events{h, p}); err != nil {
		p.closeOwn()
		return nil, err
	}
	return p, nil
}

// Run implements reactor.Reactor.
func (p *Port) Run() error {
	go p.credentials.watch(p.watchEvery, p.over)
	p.running = true
	for _, l := range p.listeners {
		p.begin(l)
	}
	err := p.Reactor.Run()
	p.finish()
	return err
}

// finish closes what is open after the last round, and waits until what was written is sent.
func (p *Port) finish() {
	p.closeOwn()
	close(p.over)
	p.mu.Lock()
	p.stopped = true
	left := p.events
	p.events = nil
	p.mu.Unlock()
	for _, c := range left {
		if !c.opened {
			c.hangUp()
		}
	}
	for c := range p.conns {
		c.end(nil)
	}
	p.reap()
	p.writers.Wait() // at most lingerTime
}

// Ahead reads what has to be read before the settings can come into force; any goroutine. The error says why they could not.
func (p *Port) Ahead(settings config.TLS) error {
	if settings.Port == 0 || p.credentials.inForce(settings) {
		return nil
	}
	return p.credentials.read(settings)
}

// Changed puts settings in force after CONFIG SET of a directive, with what Ahead has read for them. While there is no
// port nobody asks whether they are right.
func (p *Port) Changed(d *config.Directive, settings config.TLS) error {
	if settings.Port == 0 || !strings.HasPrefix(d.Name, "tls-") {
		return nil
	}
	return p.credentials.use(settings)
}

// accept is the goroutine of a listener.
func (p *Port) accept(l net.Listener) {
	var warn reactor.LogLimit
	for {
		select {
		case p.slots <- struct{}{}:
		case <-p.over:
			return
		}
		raw, err := l.Accept()
		if err != nil {
			<-p.slots
			if errors.Is(err, net.ErrClosed) {
				return
			}
			warn.Warn(p.opt.Log, time.Now(), "cannot accept TLS connections for now", "error", err)
			time.Sleep(acceptRest)
			continue
		}
		go p.serve(raw.(*net.TCPConn), p.opt.Log)
	}
}

// serve is the goroutine of a connection: first its handshake, then its reader.
func (p *Port) serve(raw *net.TCPConn, log *slog.Logger) {
	c, err := p.handshake(raw)
	<-p.slots
	if err != nil {
		log.Debug("TLS handshake failed", "addr", raw.RemoteAddr().String(), "error", err)
		raw.Close()
		return
	}
	p.writers.Add(1)
	go c.write()
	c.mu.Lock()
	c.queue()
	c.mu.Unlock()
	p.post(c)
	c.read()
}

func (p *Port) handshake(raw *net.TCPConn) (*conn, error) {
	fd, err := p.prepare(raw)
	if err != nil {
		return nil, err
	}
	t := tls.Server(raw, p.credentials.current.Load())
	ctx, cancel := context.WithTimeout(context.Background(), p.handshakeTime)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return newConn(p, t, raw, fd), nil
}

// prepare sets the socket's options and makes sure that the reserve of descriptors is left.
func (p *Port) prepare(raw *net.TCPConn) (fd int, err error) {
	sys, err := raw.SyscallConn()
	if err != nil {
		return 0, err
	}
	err2 := sys.Control(func(n uintptr) {
		fd = int(n)
		err = reactor.TuneTCP(fd, time.Duration(p.keepAlive.Load()))
	})
	if err = errors.Join(err, err2); err == nil && !reactor.HasRoom(fd, p.opt.ReserveFDs) {
		err = errors.New("its descriptor is one of the reserve")
	}
	return fd, err
}

// post tells the loop that there is something for it at c.
func (p *Port) post(c *conn) {
	p.mu.Lock()
	stopped := p.stopped
	if !stopped {
		p.events = append(p.events, c)
	}
	p.mu.Unlock()
	if !stopped {
		p.Wake()
		return
	}
	c.mu.Lock()
	c.last = true // for one whose handshake has outlasted the loop
	c.mu.Unlock()
	notify(c.work)
}

// events stands between the engine and the handler: it adds the events of TLS connections.
type events struct {
	reactor.Handler
	port *Port
}

// Woken implements reactor.Handler.
func (e events) Woken() {
	e.port.dispatch()
	e.Handler.Woken()
}

// EndOfRound implements reactor.Handler.
func (e events) EndOfRound() bool {
	more := e.Handler.EndOfRound()
	return e.port.reap() || more
}

// dispatch gives the handler what the goroutines have left.
func (p *Port) dispatch() {
	p.mu.Lock()
	p.taken, p.events = p.events, p.taken[:0]
	p.mu.Unlock()
	for i, c := range p.taken {
		p.taken[i] = nil
		p.dispatchOne(c)
	}
}

func (p *Port) dispatchOne(c *conn) {
	c.mu.Lock()
	c.queued = false
	drained := c.drained
	c.drained = false
	var in []byte
	if !c.paused {
		in, c.in = c.in, nil
	}
	ended, err := c.ended && c.in == nil && !c.paused, c.endErr
	c.mu.Unlock()
	if len(in) >= maxIn {
		notify(c.room)
	}
	if !c.opened {
		c.opened = true
		p.conns[c] = struct{}{}
		p.handler.Opened(c)
	}
	if len(in) > 0 && !c.closing {
		p.handler.Data(c, in, false)
	}
	giveBuffer(in)
	if drained && !c.closing {
		p.handler.Writable(c)
	}
	switch {
	case !ended || c.over || c.closing:
	case err != nil:
		c.end(err)
	default:
		c.over = true
		p.handler.Ended(c)
	}
}

// reap tells the handler which connections are closed, and whether there were any.
func (p *Port) reap() bool {
	any := len(p.closing) > 0
	for i := 0; i < len(p.closing); i++ {
		e := p.closing[i]
		p.closing[i] = ending{}
		delete(p.conns, e.c)
		p.handler.Closed(e.c, e.err)
	}
	p.closing = p.closing[:0]
	return any
}

// Addrs implements reactor.Reactor: the TLS listeners come last.
func (p *Port) Addrs() []net.Addr {
	addrs := slices.Clone(p.Reactor.Addrs())
	for _, l := range p.listeners {
		if l.Listener == nil {
			addrs = append(addrs, nil)
		} else {
			addrs = append(addrs, l.Addr())
		}
	}
	return addrs
}

// CloseListeners implements reactor.Reactor.
func (p *Port) CloseListeners() {
	p.closeOwn()
	p.Reactor.CloseListeners()
}

func (p *Port) closeOwn() {
	for _, l := range p.listeners {
		l.close()
	}
}

// SetKeepAlive implements reactor.Reactor.
func (p *Port) SetKeepAlive(d time.Duration) {
	p.keepAlive.Store(int64(d))
	p.Reactor.SetKeepAlive(d)
}
