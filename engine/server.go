package engine

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"redix/engine/acl"
	"redix/engine/config"
	"redix/engine/keyspace"
	"redix/engine/reactor"
	"redix/engine/resp"
)

// Version is Redix's own; INFO shows it beside the version of Redis whose behaviour it follows.
const Version = "0.1.0"

// RedisVersion is what clients read to know what they may use. It is the version that Valkey reports, too.
const RedisVersion = "7.2.4"

// Server is the loop's state. Nothing outside the loop touches it while Run works.
type Server struct {
	Config   *config.Config
	Table    *Table
	Keyspace *keyspace.Keyspace
	Journal  Journal // nil: appendonly no
	Log      *slog.Logger
	Reactor  reactor.Reactor
	Stats    Stats
	Users    *acl.Users
	ACLLog   acl.Log

	// NowMs is the round's clock in Unix milliseconds. Keyspace.NowMs is the same but while the journal is loaded: then
	// it is 0 and nothing expires.
	NowMs int64
	// Dirty counts changes of the dataset since the start.
	Dirty int64
	// NoActiveExpire is DEBUG SET-ACTIVE-EXPIRE 0.
	NoActiveExpire bool
	// AnyChecksum is DEBUG SET-SKIP-CHECKSUM-VALIDATION 1: RESTORE does not look at a payload's checksum.
	AnyChecksum bool
	// NoCron is DEBUG PAUSE-CRON 1.
	NoCron bool
	// Scratch are buffers for commands to build values in: a handler may use them until it returns, and leaves them
	// to the next one, grown maybe.
	Scratch [3][]byte
	// FanoutFrom is how many subscribers a message is sent at once; more are visited between the rounds (fanout.go).
	FanoutFrom int
	// TurnNs is how long a client's turn in a round may take, of commands that are timed by themselves.
	TurnNs int64
	// SaveFailed: the last snapshot file could not be written; stop-writes-on-bgsave-error may refuse writes then.
	SaveFailed bool
	// HasWork makes the loop call Hooks.Work between its rounds.
	HasWork bool
	// Hooks are called by the engine where other packages keep state of their own.
	Hooks Hooks

	aclCall acl.Call
	offload offload
	limits  resp.Limits
	replies resp.Reply
	scratch []byte
	args    [][]byte
	batch   [batchFrames]frame
	keys    [][]byte
	sink    byte

	trackers    map[int64]*Client // clients that are tracked, by number
	table       trackTable
	prefixes    map[string]*broadcast
	prefixLens  map[int]int  // lengths of prefixes, and how many have it
	toBroadcast []*broadcast // prefixes with keys that have changed in this round
	monitors    []*Client
	pause       pause
	again       bool // the command that runs has waited, and was shown before

	clientsLimit int64 // maxmemory-clients in bytes; 0: none
	countClients bool  // clientBytes is kept

	slow     slowLog
	events   []*LatencyEvent
	noticeNs int64 // how long a command may take before noticed looks at it
	tookLong bool  // see Client.TookLong
	timeFrom int   // size of the frames from which on commands are timed one by one
	redactOf *[]byte
	redactAt [][2]int

	protocolError error
	turnFrom      int64 // when the turn of the current client began, 0 before its first batch
	turnOver      bool  // it has taken its time
	holdUntil     int64 // journal offset that the replies in scratch wait for
	propagated    bool
	propArgs      [][]byte
	expireArgs    [][]byte
	marks         readMarks

	first, last  *Client
	nclients     int
	nextID       int64
	ready        []*Client // have commands to run without waiting for the socket
	waiters      []*Client // held back by a full journal, or a snapshot
	holds        []hold
	journalWaits []journalWait
	firstHold    int
	releaseDue   bool    // more of them may leave than have left in this round
	retired      Journal // that takes no more, and whose replies may still wait; only while Journal is nil
	buffers      [][]byte
	checkAt      *Client // where checkClients goes on

	memory      memory
	defrag      defrag
	clientBytes int64  // of all clients outside of the arena, kept while there is a limit (countClients)
	clientBigs  int64  // what they have in the arena, kept with it
	accessTick  uint32 // of the round's clock, in units of accessMs
	counts      bool   // accesses are counted: LFU, S3-FIFO

	loader    Loader
	replay    *Client
	cronAt    time.Time
	base      time.Time
	clock     time.Time // of NowMs
	clockNs   int64     // the reading of nanotime up to which it was moved on within a round
	since     time.Time // of the first round
	upMs      int64     // since then; the system's clock may be set, this one may not
	running   Args      // words of the command that is running
	current   *Client   // whose command that is
	outer     *Client   // whose command it was before a command that had waited was run, or nil
	late      []lateMessage
	owed      []lateMessage // what the running command's client is told of its own changes
	inExec    bool
	execFed   bool // MULTI has been journalled
	execDB    int
	execRow   *Row // EXEC, and the length of its queue
	execLen   int
	listening bool // somebody listens to events (events.go)
	notify    EventClass
	channel   []byte
	watched   map[dbKey][]*Client
	subs      [subKinds]map[string]*subscribers
	toFlush   []*Client // outputs to be written between the rounds
	flushed   int       // of them
	fanout    int       // subscribers that messages went to in this turn
	fan       fanout    // messages on their way to many

	waitKeys   map[dbKey]*waitQueue // who waits for a key
	readyKeys  []*waitQueue         // of keys that have changed
	waitSerial int64
	numBlocked int
	timers     *timers
	waitsDue   bool // waits whose time is over have not all been ended

	pace workPace

	inRound bool

	observed *Observation // nil unless somebody may look
}

// Hooks let main and the commands act at the loop's turning points; each may be nil.
type Hooks struct {
	// Loaded is called when the data from disk is there, or why it could not be loaded.
	Loaded func(err error)
	// Cron is called with each tick, Woken when the reactor was woken.
	Cron, Woken func()
	// Greet may refuse a new client by returning the text of an error.
	Greet func(conn reactor.Conn) string
	// Opened prepares a new client.
	Opened func(c *Client)
	// ClientInfo describes a client as CLIENT INFO does, for ACL LOG.
	ClientInfo func(c *Client) string
	// Work does some tens of microseconds of work while HasWork is set. It returns false when it has to wait for the
	// disk: it is then called again in a later round, at the latest after the reactor was woken.
	Work func() (more bool)
	// ConfigChanged is told of directives that CONFIG SET has changed, with the new values in place; an error takes the
	// change back.
	ConfigChanged func(d *config.Directive) error
	// ConfigAhead reads from the disk, in a goroutine, what has to be read before ConfigChanged or Listen can follow a change to
	// the values of trial. The error says that they will not.
	ConfigAhead func(trial *config.Values) error
	// Persistence tells how the journal is doing; nil without one.
	Persistence func() PersistenceStatus
	// Listen makes the reactor follow bind, port and tls-port; nil: it cannot.
	Listen func() error
	// Unknown sees a command that is in no table, before it is refused; it returns true when it has dealt with it.
	Unknown func(c *Client, args Args) bool
	// Saving writes snapshot files and base files of the journal; nil without persistence.
	Saving Saving
	// Shutdown ends the server in good order. It returns an error when the server goes on.
	Shutdown func(o ShutdownOptions) error
	// Fatal ends the server because it cannot go on.
	Fatal func(err error)
}

// NewServer returns a server with empty databases. The caller sets Reactor, and Journal or a Loader, before Run.
func NewServer(cfg *config.Config, table *Table, log *slog.Logger) *Server {
	s := &Server{Config: cfg, Table: table, Log: log, base: time.Now(), TurnNs: maxTurnNs}
	s.NowMs = s.base.UnixMilli()
	s.Stats.StartMs = s.NowMs
	s.Keyspace = keyspace.New(cfg.Databases, s.NowMs, s)
	s.args = make([][]byte, 1024)
	s.scratch = make([]byte, 0, 64<<10)
	s.Users = acl.NewUsers(&table.Catalog, acl.Defaults{AllChannels: cfg.ACLPubSubDefault == config.AllChannels})
	s.Users.SetDefaultPassword(cfg.RequirePass)
	s.replay = &Client{server: s, DB: s.Keyspace.DB(0), Proto: 2, User: acl.Unrestricted(""), Authenticated: true, Reply: &s.replies}
	s.watched, s.waitKeys = map[dbKey][]*Client{}, map[dbKey]*waitQueue{}
	s.trackers, s.table.at = map[int64]*Client{}, map[uint64]keyspace.Ref{}
	s.prefixes, s.prefixLens = map[string]*broadcast{}, map[int]int{}
	s.FanoutFrom = fanoutFrom
	for kind := range s.subs {
		s.subs[kind] = map[string]*subscribers{}
	}
	s.timers = newTimers()
	s.ApplyConfig()
	return s
}

// ApplyConfig makes the loop follow directives that it keeps a copy of. CONFIG SET calls it.
func (s *Server) ApplyConfig() {
	s.limits = resp.Limits{MaxBulk: int64(s.Config.ProtoMaxBulkBytes), MaxInline: inlineLimit, BigBulk: bigArgument}
	if s.Journal != nil { // under always, reads must wait for what was written under another policy, too
		s.marks.all, s.marks.last = s.Journal.Appended(), s.Journal.Appended()
	}
	s.notifications(s.Config.NotifyEvents)
	s.applySlow()
	s.applyMemory()
	s.applyClientsLimit()
	if s.Reactor != nil {
		s.Reactor.SetKeepAlive(time.Duration(s.Config.KeepAliveSeconds) * time.Second)
	}
}

// Load makes the server bring its data back before it serves: until the loader is done clients get LOADING.
func (s *Server) Load(l Loader) {
	s.loader = l
	s.Keyspace.Arena().MapAhead(true)
	s.Keyspace.NowMs = 0
}

// LoadProgress tells whether the data is still being loaded, and how far that is.
func (s *Server) LoadProgress() (loading bool, done, total int64) {
	if s.loader == nil {
		return false, 0, 0
	}
	done, total = s.loader.Progress()
	return true, done, total
}

// Clients visits the clients in the order of their connection, until visit returns false. visit may kill any client.
func (s *Server) Clients(visit func(c *Client) bool) {
	for c := s.first; c != nil; {
		next := c.next
		if !c.closed && !visit(c) { // closed: killed by a visit before, together with others
			return
		}
		c = next
	}
}

// NumClients returns the number of connected clients.
func (s *Server) NumClients() int { return s.nclients }

// NumWaiting returns how many replies wait for the journal, and how many clients for room in its queue.
func (s *Server) NumWaiting() (replies, writers int) {
	return len(s.holds) - s.firstHold, len(s.waiters)
}

// Kill closes a client; what it has not been sent is dropped.
func (s *Server) Kill(c *Client) { s.kill(c) }

// ClientsMemory returns the bytes that all clients take.
func (s *Server) ClientsMemory() int64 {
	var n int64
	for c := s.first; c != nil; c = c.next {
		n += c.Memory()
	}
	return n
}

// arenaBytes returns what of c's memory is in the arena: blocks for large arguments.
func (s *Server) arenaBytes(c *Client) int64 {
	n := int64(len(c.bigBuf))
	for _, r := range c.bigs {
		if r != 0 {
			n += int64(s.Keyspace.Arena().Size(r))
		}
	}
	return n
}

const errMaxClients = "ERR max number of clients reached"

// Refused is called by the reactor for a connection that there are no descriptors for.
func (s *Server) Refused() []byte {
	s.Stats.Rejected++
	return []byte("-" + errMaxClients + "\r\n")
}

// Opened is called by the reactor for a new connection.
func (s *Server) Opened(conn reactor.Conn) {
	s.beginRound()
	refusal := ""
	if s.nclients >= s.Config.MaxClients {
		refusal = errMaxClients
	} else if s.Hooks.Greet != nil {
		refusal = s.Hooks.Greet(conn)
	}
	if refusal != "" {
		s.Stats.Rejected++
		_, _ = conn.Write([]byte("-" + refusal + "\r\n")) // a client that does not take it loses only the reason
		conn.Close()
		return
	}
	s.Stats.Connections++
	s.nextID++
	c := &Client{ID: s.nextID, server: s, conn: conn, DB: s.Keyspace.DB(0), Proto: 2,
		CreatedMs: s.NowMs, LastMs: s.NowMs}
	c.LogOut()
	conn.SetContext(c)
	c.prev = s.last
	if s.last != nil {
		s.last.next = c
	} else {
		s.first = c
	}
	s.last = c
	s.nclients++
	if s.Hooks.Opened != nil {
		s.Hooks.Opened(c)
	}
	s.noteMemory(c)
}

// Ended is called by the reactor when the peer sends no more. It may still read: what it has sent is run and answered, whatever
// waits for its turn or for the disk, and then the connection is closed.
func (s *Server) Ended(conn reactor.Conn) {
	c := clientOf(conn)
	if c == nil {
		conn.Close()
		return
	}
	s.beginRound()
	c.ended = true
	s.closeEnded(c)
}

// closeEnded closes a client that sends no more, when all is done.
func (s *Server) closeEnded(c *Client) {
	if c.closed || c.unfinished() {
		return
	}
	if len(s.fan.jobs) > 0 && c.subs != nil {
		s.catchUp(c)
	}
	if c.blocked != nil {
		s.unblock(c)
	}
	if c.out.pending() == 0 {
		s.kill(c)
	} else {
		c.closing = true
	}
}

// Closed is called by the reactor when a connection is gone.
func (s *Server) Closed(conn reactor.Conn, err error) {
	if c := clientOf(conn); c != nil {
		if err != nil {
			s.Log.Debug("connection lost", "id", c.ID, "error", err)
		}
		s.forget(c)
	}
}

func (s *Server) kill(c *Client) {
	if !c.closed && c.conn != nil {
		s.forget(c)
		c.conn.Close()
	}
}

// forget takes the client out of everything but the queues, which skip closed clients.
func (s *Server) forget(c *Client) {
	if c.closed {
		return
	}
	c.closed = true
	if s.checkAt == c {
		s.checkAt = c.next
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		s.last = c.prev
	}
	s.nclients--
	c.Discard()
	c.UnsubscribeAll()
	c.Untrack()
	c.Unmonitor()
	if c.postponed {
		s.pause.clients = without(s.pause.clients, c)
	}
	if c.blocked != nil {
		s.unblock(c)
	}
	s.dropBigs(c)
	s.noteMemory(c)
	c.parser.Reset()
	s.dropBuffer(&c.out)
	c.out.more, c.out.moreBytes = nil, 0
	c.suspended = nil
	c.query = nil // a command that is running may still read its words in query
	c.out.at, c.out.released = 0, 0
}

func (s *Server) makeReady(c *Client) {
	if !c.ready && !c.closed {
		c.ready = true
		s.ready = append(s.ready, c)
	}
}

// ShutdownOptions are the words of SHUTDOWN: write a snapshot whatever the save points say (Save), or do not (NoSave); end
// even if something cannot be written (Force).
type ShutdownOptions struct{ Save, NoSave, Force bool }

// journalFull tells that writers must wait for the disk: its queue is at its limit, or has taken its share of a memory that is
// full. While the disk fails they need not: they are refused.
func (s *Server) journalFull() bool {
	return s.Journal != nil && (s.Journal.Full() || s.memory.limit != 0 && s.queueTooLong()) && s.Journal.Err() == nil
}

// wait holds c's commands back until the journal has caught up and no client waits for a snapshot.
func (s *Server) wait(c *Client) {
	if !c.waiting {
		c.waiting = true
		s.waiters = append(s.waiters, c)
	}
}

// nanotime is a monotonic clock in nanoseconds.
func (s *Server) nanotime() int64 { return int64(time.Since(s.base)) }

// IsLocal tells whether an address of reactor.Conn is of this machine: loopback, or a unix socket.
func IsLocal(addr string) bool {
	if strings.HasPrefix(addr, "/") || addr == "" {
		return true // a unix socket
	}
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}
