// Package reactor declares what turns socket readiness into events, once for both engines: epoll (our own loop, Linux)
// and evio (portable). It exists so that nothing above it knows which of the two is running, and so that what the two
// must do alike (addresses, socket options, unix socket paths, descriptors in reserve) is written once.
//
// One goroutine, the loop, makes every call of Handler and is the only one to call a Conn. A round, on epoll:
//
//	poll ─► Opened, Data, Ended, Writable, Woken (one per ready descriptor) ─► Tick if due ─► Closed ─► EndOfRound ─► poll
//	  ▲                                                                                              │
//	  └──────────────── without blocking if EndOfRound said there is more to do ◄────────────────────┘
//
// evio has no end of round: there, each event is a round of its own and ends with EndOfRound.
//
// What differs between the engines, and what a handler does about it:
//
//	                     epoll                          evio
//	ReadBuffer           asked before every read        never asked, own is always false
//	PauseReading         no reading, no cost            Data still arrives (CanPause is false): hold it, under a limit
//	Ended                before Closed                  never comes: the connection is closed
//	Writable             when the socket drains         found by a goroutine in poll(2), then a wake
//	CloseListeners       closes them                    refuses what connects
//	accept fails         the listener rests for 50 ms   all connections are lost, the listeners come back, Run goes on
package reactor

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// ReadSize is the size in bytes of the read buffer that all connections of a reactor share, unless Options say otherwise.
const ReadSize = 64 << 10

// Conn is one connection. Its methods are called on the loop only, and may be called until Closed returns.
type Conn interface {
	// Context returns what SetContext kept; nil at first.
	Context() any
	// SetContext keeps a value with the connection.
	SetContext(any)
	// Write hands bytes to the socket without blocking and keeps none: b is the caller's again when it returns.
	// n < len(b) with a nil error means that the socket is full; Writable follows once it has drained. An error
	// (net.ErrClosed after Close, else the socket's) means that nothing more can be sent: the caller closes.
	Write(b []byte) (n int, err error)
	// PauseReading turns reading off and on. A paused connection costs nothing, and its end is noticed only by a
	// failing Write or when reading is resumed. Where Reactor.CanPause is false it does nothing.
	PauseReading(paused bool)
	// Close ends the connection: no event but Closed follows, in this round or the next. Bytes that Write took are
	// still sent. Closing twice is harmless.
	Close()
	// RemoteAddr is "ip:port", "[ipv6]:port" or, on a unix socket, the path that it is bound to.
	RemoteAddr() string
	// LocalAddr has the same forms; "" once the socket is gone.
	LocalAddr() string
	// ListenIndex tells through which of Options.Listen the connection came; -1: none of them.
	ListenIndex() int
	// FD is the descriptor, for asking the kernel about it; reading, writing and closing it stay with the reactor.
	FD() int
}

// Handler is told what happened. All calls come from the loop, none is nested in another, and after Stop only Closed
// is called.
type Handler interface {
	// Refused is called for a connection that is closed instead of opened, since its descriptor is one of the reserve. It
	// returns what the peer is told.
	Refused() []byte
	// Opened announces a connection; it may be written to and closed at once.
	Opened(c Conn)
	// ReadBuffer says where the next bytes of c are to be read; empty means the shared buffer.
	ReadBuffer(c Conn) []byte
	// Data brings bytes, at least one. If own, in is the head of what ReadBuffer gave; otherwise it is the shared
	// buffer, and dies when Data returns.
	Data(c Conn, in []byte, own bool)
	// Ended tells that the peer sends no more; it may still read. No Data follows: the handler closes c, now or when it has
	// nothing left to write.
	Ended(c Conn)
	// Writable follows a short Write, once the socket takes bytes again or is broken (Write then tells why).
	Writable(c Conn)
	// Closed is the last call for c, exactly one for every Opened. err is nil after Close, Stop or the peer's regular end.
	Closed(c Conn, err error)
	// Woken follows one or more calls of Wake.
	Woken()
	// Tick is called once at the start and then whenever the delay that it returned last has passed; a delay of zero
	// or less means the next round.
	Tick(now time.Time) (next time.Duration)
	// EndOfRound is called when the events of a round are through. It returns true to have another round at once,
	// whether or not anything is ready.
	EndOfRound() (more bool)
}

// Reactor owns the listeners, the connections and the loop.
type Reactor interface {
	// Run works until Stop and then closes everything. It may be called once. Failing accepts never end it; an error
	// means that the engine itself cannot go on.
	Run() error
	// Wake makes the loop call Woken soon. Any goroutine may call it, at any time; many calls become one, none is lost.
	Wake()
	// CloseListeners stops accepting. Loop only.
	CloseListeners()
	// Stop makes Run return after this round, with every connection closed. Loop only, or before Run.
	Stop()
	// Name is "epoll" or "evio".
	Name() string
	// Addrs are the bound addresses in the order of Options.Listen, port 0 resolved; nil for an Optional one that
	// could not be bound.
	Addrs() []net.Addr
	// Now is the clock as read at the start of this round. Loop only.
	Now() time.Time
	// TickWithin makes the next Tick come after d at the latest, if it was to come later. Loop only.
	TickWithin(d time.Duration)
	// SetKeepAlive changes Options.KeepAlive for connections to come. Loop only.
	SetKeepAlive(d time.Duration)
	// CanPause tells whether PauseReading has an effect.
	CanPause() bool
}

// ErrFixed is why a reactor that is no Rebinder cannot listen elsewhere.
var ErrFixed = errors.New("the server has to be restarted to listen elsewhere")

// Rebinder is a Reactor that can listen elsewhere while it runs.
type Rebinder interface {
	// Rebind makes tcp the TCP addresses to listen on; connections and unix sockets stay as they are. On an error the
	// addresses from before are in use. A host must be an address: names are not looked up. Loop only.
	Rebind(tcp []Address) error
}

// Options say where to listen and how. The zero value of each field but Listen is usable.
type Options struct {
	// Listen holds the addresses to bind, all before New returns.
	Listen []Address
	// Backlog is the length of the queue of connections not yet accepted; 0 means 511. evio takes the system's maximum.
	Backlog int
	// KeepAlive is the idle time after which TCP probes begin (three, a third of it apart); below 1 s means none.
	KeepAlive time.Duration
	// ReadBufferSize is the size in bytes of the shared read buffer; 0 means ReadSize. evio's is fixed, 65,535.
	ReadBufferSize int
	// ReserveFDs is how many descriptors are kept for files: a connection that would take one of the last is closed
	// without being opened.
	ReserveFDs int
	// Log gets what no caller can be told; nil means nowhere.
	Log *slog.Logger
}

// WithDefaults returns o with its zero fields filled in.
func (o Options) WithDefaults() Options {
	if o.Backlog <= 0 {
		o.Backlog = 511
	}
	if o.ReadBufferSize <= 0 {
		o.ReadBufferSize = ReadSize
	}
	if o.ReserveFDs < 0 {
		o.ReserveFDs = 0
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
