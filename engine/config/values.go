package config

// The typed side of the table: what the rest of the server reads. Slices in Values are replaced, never changed in
// place, so that a plain copy of the struct is a snapshot to roll back to.

import (
	"log/slog"
	"math"
)

// Values holds one field for each directive; aliases share the field of the name they stand for.
type Values struct {
	Bind             []string // addresses; a leading '-' marks one that may be missing on this machine
	Port             int      // 0: no TCP listener
	TCPBacklog       int
	UnixSocket       string // path, empty: no unix socket
	UnixSocketPerm   int    // permission bits, 0: left to the umask
	TimeoutSeconds   int    // a client idle for longer is closed; 0: never
	KeepAliveSeconds int    // 0: off
	IOReactor        IOReactor
	TLS              TLS
	HTTP             HTTP
	Idle             Idle

	ProtectedMode   bool
	RequirePass     string // empty: no password
	DebugCommand    Access
	ModuleCommand   Access
	ProtectedConfig Access

	Users            []Line // name and rules of a user each
	ACLFile          string // path, empty: none
	ACLLogMaxLen     int
	ACLPubSubDefault PubSubDefault
	RenamedCommands  []Line // name and new name each, "" for none

	MaxClients             int
	ClientQueryBufferBytes int
	ProtoMaxBulkBytes      int
	OutputLimits           [ClientClasses]OutputLimit
	TrackingTableMaxKeys   int // 0: no limit

	SlowlogSlowerUs    int // a command that takes as long is logged; negative: none
	SlowlogMaxLen      int
	LatencyThresholdMs int // of the latency monitor; 0: off
	LatencyTracking    bool
	LatencyPercentiles []float64

	Daemonize  bool
	Supervised Supervision
	PidFile    string // path, empty: none

	ShutdownOnSigterm, ShutdownOnSigint ShutdownWords

	LogLevel  LogLevel
	LogFile   string // path, empty: standard output
	Databases int
	Hz        int // cron rounds in a second, 1 to 500

	Dir                 string // absolute path
	from                string // directory that a relative path of dir starts at; empty: the working directory
	AppendOnly          bool
	AppendFsync         AppendFsync
	AppendDirname       string
	AppendFilename      string
	AOFLoadTruncated    bool
	AOFChecksum         bool
	AOFTimestamps       bool
	KeySaveDelayUs      int // time for each key of a snapshot, at least
	AutoRewritePercent  int // growth of the journal since its last base file that starts a rewrite; 0: never
	AutoRewriteMinBytes int // size below which it does not
	SavePoints          []SavePoint

	DBFilename                 string
	RDBCompression             bool
	RDBChecksum                bool
	RDBVersion                 int // 9 to 11: the newest format of streams
	SanitizeDumpPayload        int
	AOFUseRDBPreamble          bool
	StopWritesOnSaveError      bool
	RDBDelSyncFiles            bool
	RDBSaveIncrementalFsync    bool
	AOFRewriteIncrementalFsync bool

	NotifyEvents string // classes of keyspace notifications, as EventLetters, with A for all; empty: none

	DefaultTTLSeconds     int // given to keys written without a deadline; 0: none
	MaxMemoryBytes        int
	MaxMemoryPolicy       Policy
	MaxMemorySamples      int
	EvictionTenacity      int // 0 to 100
	LFULogFactor          int
	LFUDecayMinutes       int // 0: counters do not fall
	MaxMemoryClients      int // bytes; negative: percent of maxmemory
	LazyfreeLazyEviction  bool
	LazyfreeLazyExpire    bool
	LazyfreeLazyServerDel bool
	LazyfreeLazyUserDel   bool
	LazyfreeLazyUserFlush bool
	ActiveRehashing       bool

	ActiveDefrag        bool
	DefragIgnoreBytes   int // less than this is not worth it
	DefragLowerPercent  int // of used memory that is waste: from here on, with DefragMinPercent of the time
	DefragUpperPercent  int // and from here on with DefragMaxPercent
	DefragMinPercent    int
	DefragMaxPercent    int
	DefragMaxScanFields int
	JemallocBackground  bool

	HashMaxListpackEntries int
	HashMaxListpackBytes   int
	ListMaxListpackSize    int // entries when positive, -1 to -5: 4, 8, 16, 32, 64 KiB
	ListCompressDepth      int
	SetMaxIntsetEntries    int
	SetMaxListpackEntries  int
	SetMaxListpackBytes    int
	ZsetMaxListpackEntries int
	ZsetMaxListpackBytes   int
	StreamNodeMaxBytes     int
	StreamNodeMaxEntries   int
	HLLSparseMaxBytes      int
}

// Line is one line of a directive whose lines add up.
type Line struct {
	Words []string
	Place string // "redix.conf:7", for errors
}

// SavePoint asks for a snapshot once Seconds have passed with at least Changes changes.
type SavePoint struct{ Seconds, Changes int }

// OutputLimit bounds the pending output of one client: over HardBytes it is closed at once, over SoftBytes when it
// stays there for SoftSeconds. A zero is no limit.
type OutputLimit struct{ HardBytes, SoftBytes, SoftSeconds int }

// The client classes that index Values.OutputLimits.
const (
	ClassNormal = iota
	ClassReplica
	ClassPubSub
	ClientClasses // how many there are
)

// IOReactor says which engine serves the sockets.
type IOReactor int

// The values of io-reactor, in the order of its row.
const (
	ReactorAuto IOReactor = iota
	ReactorEpoll
	ReactorEvio
)

// AppendFsync says when the journal is synced.
type AppendFsync int

// The values of appendfsync, in the order of its row.
const (
	FsyncEverysec AppendFsync = iota
	FsyncAlways
	FsyncNo
)

// Access says which connections may use something guarded.
type Access int

// The values of enable-debug-command and its like, in the order of their rows.
const (
	AccessNo Access = iota
	AccessYes
	AccessLocal
)

// Allows reports whether a connection may pass; local is true for a loopback or unix-socket connection.
func (a Access) Allows(local bool) bool {
	return a == AccessYes || a == AccessLocal && local
}

// PubSubDefault is what a new ACL user may do with channels.
type PubSubDefault int

// The values of acl-pubsub-default, in the order of its row.
const (
	AllChannels PubSubDefault = iota
	ResetChannels
)

// Policy says which keys go when maxmemory is reached.
type Policy int

// The values of maxmemory-policy, in the order of its row.
const (
	VolatileLRU Policy = iota
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	NoEviction
	AllKeysS3FIFO
)

// LFU reports whether the policy looks at how often keys are used.
func (p Policy) LFU() bool { return p == VolatileLFU || p == AllKeysLFU }

// LRU reports whether the policy looks at when keys were last used, and at nothing else.
func (p Policy) LRU() bool { return p == VolatileLRU || p == AllKeysLRU }

// Volatile reports whether only keys with a deadline go.
func (p Policy) Volatile() bool { return p <= VolatileTTL }

// LogLevel is a value of loglevel.
type LogLevel int

// The values of loglevel, in the order of its row. LogError is an addition to redis-server's.
const (
	LogDebug LogLevel = iota
	LogVerbose
	LogNotice
	LogWarning
	LogError
	LogNothing
)

// Slog returns the lowest level that is logged, for slog.HandlerOptions. Verbose lies between slog's debug and
// info, nothing lies above every level in use.
func (l LogLevel) Slog() slog.Level {
	switch l {
	case LogDebug:
		return slog.LevelDebug
	case LogVerbose:
		return slog.LevelDebug + 2
	case LogNotice:
		return slog.LevelInfo
	case LogWarning:
		return slog.LevelWarn
	case LogError:
		return slog.LevelError
	}
	return slog.Level(math.MaxInt32)
}
