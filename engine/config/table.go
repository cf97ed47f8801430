package config

// The table of directives: names, ranges and defaults are redis-server 7.2's unless the help says otherwise. A new
// directive is a field in Values and a row here; go generate then writes it into redix.conf and the docs.

import "math"

const (
	maxInt32 = math.MaxInt32
	maxInt   = math.MaxInt
	mib      = 1 << 20
)

const (
	alwaysSynced = "Changes nothing: files are always synced as they are written, every 32 MiB."
	alwaysLazy   = "Changes nothing: memory is always freed in the background."
)

var table = join(networkRows, tlsRows, httpRows, securityRows, limitRows, generalRows, slowRows, journalRows, memoryRows, encodingRows)

// join puts the groups one behind the other and gives each row the name of its group.
func join(groups ...group) []*Directive {
	var rows []*Directive
	for _, g := range groups {
		for i := range g.rows {
			g.rows[i].Group = g.name
			rows = append(rows, &g.rows[i])
		}
	}
	return rows
}

type group struct {
	name string
	rows []Directive
}

var networkRows = group{"Network", []Directive{
	{Name: "bind", Default: "127.0.0.1 -::1", Mutable: true,
		kind: addresses(func(v *Values) *[]string { return &v.Bind }),
		Help: `Addresses to listen on; * and ::* stand for all of IPv4 and IPv6, a leading - marks an address that may be missing, "" means no TCP. redis-server without a file listens on all; this default is that of its sample file.`},
	{Name: "port", Default: "6379", Mutable: true,
		kind: integer(0, 65535, func(v *Values) *int { return &v.Port }),
		Help: "TCP port to listen on; 0 means no TCP."},
	{Name: "tcp-backlog", Default: "511",
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.TCPBacklog }),
		Help: "Connections that may wait to be accepted; the kernel has a limit of its own (net.core.somaxconn)."},
	{Name: "unixsocket", Default: "",
		kind: text(func(v *Values) *string { return &v.UnixSocket }),
		Help: "Path of a unix socket to listen on; empty means none."},
	{Name: "unixsocketperm", Default: "0",
		kind: octal(0777, func(v *Values) *int { return &v.UnixSocketPerm }),
		Help: "Permissions of the unix socket, in octal; 0 leaves them to the umask."},
	{Name: "timeout", Default: "0", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.TimeoutSeconds }),
		Help: "Seconds after which an idle client is disconnected; 0 means never."},
	{Name: "tcp-keepalive", Default: "300", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.KeepAliveSeconds }),
		Help: "Seconds of silence before TCP probes whether a client is still there; 0 means no probes."},
	{Name: "io-reactor", Default: "auto",
		kind: oneOf(func(v *Values) *IOReactor { return &v.IOReactor }, "auto", "epoll", "evio"),
		Help: "Engine that serves the sockets: epoll (Linux) or evio (portable); auto picks epoll where there is one. Not in redis-server."},
}}

var securityRows = group{"Security", []Directive{
	{Name: "protected-mode", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.ProtectedMode }),
		Help: "Without a password, serve only clients of this machine."},
	{Name: "requirepass", Default: "", Mutable: true, Sensitive: true,
		kind: text(func(v *Values) *string { return &v.RequirePass }),
		Help: "Password that clients have to give with AUTH; empty means none."},
	{Name: "enable-debug-command", Default: "no",
		kind: oneOf(func(v *Values) *Access { return &v.DebugCommand }, "no", "yes", "local"),
		Help: "Who may use DEBUG: nobody, everybody, or clients of this machine."},
	{Name: "enable-module-command", Default: "no",
		kind: oneOf(func(v *Values) *Access { return &v.ModuleCommand }, "no", "yes", "local"),
		Help: "Who may load modules: nobody, everybody, or clients of this machine. There are none to load here: this decides on the error only."},
	{Name: "enable-protected-configs", Default: "no",
		kind: oneOf(func(v *Values) *Access { return &v.ProtectedConfig }, "no", "yes", "local"),
		Help: "Who may change protected directives with CONFIG SET: nobody, everybody, or clients of this machine."},
	{Name: "user", Hidden: true, Sensitive: true, Example: "worker on +@list +@connection ~jobs:* >ffa9203c493aa99",
		kind: lines("a name and ACL rules", 1, maxInt, func(v *Values) *[]Line { return &v.Users }),
		Help: "An ACL user and its rules, as ACL SETUSER takes them; one line a user. Not together with aclfile. CONFIG REWRITE writes the users that differ from what the other directives say."},
	{Name: "aclfile", Default: "",
		kind: text(func(v *Values) *string { return &v.ACLFile }),
		Help: "File of ACL users, which ACL LOAD reads and ACL SAVE writes; empty means none, and users are lines of this file."},
	{Name: "acllog-max-len", Default: "128", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.ACLLogMaxLen }),
		Help: "Entries of ACL LOG, which lists what clients were denied."},
	{Name: "acl-pubsub-default", Default: "resetchannels", Mutable: true,
		kind: oneOf(func(v *Values) *PubSubDefault { return &v.ACLPubSubDefault }, "allchannels", "resetchannels"),
		Help: "Channels of a new ACL user: all or none."},
	{Name: "rename-command", Hidden: true, Example: `CONFIG ""`,
		kind: lines("a command and its new name", 2, 2, func(v *Values) *[]Line { return &v.RenamedCommands }),
		Help: `A command and the only name that it shall have from now on, or "" for none. ACL rules and the journal keep to its own name. ACL users are the better way to keep a command from clients.`},
}}

var limitRows = group{"Clients", []Directive{
	{Name: "maxclients", Default: "10000", Mutable: true,
		kind: integer(1, min(math.MaxUint32, maxInt), func(v *Values) *int { return &v.MaxClients }),
		Help: "Clients that may be connected at one time."},
	{Name: "client-query-buffer-limit", Default: "1gb", Mutable: true,
		kind: memory(mib, maxInt, func(v *Values) *int { return &v.ClientQueryBufferBytes }),
		Help: "Bytes of input held for one client before it is disconnected."},
	{Name: "proto-max-bulk-len", Default: "512mb", Mutable: true,
		kind: memory(mib, maxInt, func(v *Values) *int { return &v.ProtoMaxBulkBytes }),
		Help: "Largest size of a single argument, and of a string value."},
	{Name: "client-output-buffer-limit", Default: "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60", Mutable: true,
		kind: outputLimits(func(v *Values) *[ClientClasses]OutputLimit { return &v.OutputLimits }),
		Help: "Pending output at which a client of the class is disconnected: at once over the hard size, after the seconds over the soft size. 0 means no limit. Classes that are not named keep their limits. A client in MONITOR has the limits of a replica."},
	{Name: "maxmemory-clients", Default: "0", Mutable: true,
		kind: memoryOrPercent(func(v *Values) *int { return &v.MaxMemoryClients }),
		Help: "Memory of all clients together, in bytes or percent of maxmemory, over which those that take the most are disconnected; 0 means no limit. CLIENT NO-EVICT spares a client."},
	{Name: "tracking-table-max-keys", Default: "1000000", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.TrackingTableMaxKeys }),
		Help: "Keys that are remembered for clients with CLIENT TRACKING; over it, or over 512 bytes for each of so many (at least 1 MB), keys are forgotten at random and their clients told so. 0 means no limit."},
}}

var generalRows = group{"General", append(processRows, []Directive{
	{Name: "loglevel", Default: "notice", Mutable: true,
		kind: oneOf(func(v *Values) *LogLevel { return &v.LogLevel }, "debug", "verbose", "notice", "warning", "error", "nothing"),
		Help: "Least important level that is logged. redis-server has no error."},
	{Name: "logfile", Default: "",
		kind: text(func(v *Values) *string { return &v.LogFile }),
		Help: "File to log to; empty means standard output. It is opened anew on SIGHUP, after it has been moved away."},
	{Name: "databases", Default: "16",
		kind: integer(1, maxInt32, func(v *Values) *int { return &v.Databases }),
		Help: "Number of databases that SELECT can choose from."},
	{Name: "hz", Default: "10", Mutable: true,
		kind: clamped(1, 500, func(v *Values) *int { return &v.Hz }),
		Help: "Rounds of background work in a second."},
	{Name: "default-ttl", Default: "0", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.DefaultTTLSeconds }),
		Help: "Seconds to live for keys written without an expiry; 0 means for ever. Not in redis-server."},
	{Name: "notify-keyspace-events", Default: "", Mutable: true,
		kind: eventClasses(func(v *Values) *string { return &v.NotifyEvents }),
		Help: "Classes of keyspace events that are published, and where: K by key, E by event; g generic, $ strings, l lists, s sets, h hashes, z sorted sets, x expired, e evicted, t streams, d modules, A for all of these; n new keys, m misses. Empty means none."},
}...)}

var slowRows = group{"Slow commands and latency", []Directive{
	{Name: "slowlog-log-slower-than", Default: "10000", Mutable: true,
		kind: integer(-1, maxInt, func(v *Values) *int { return &v.SlowlogSlowerUs }),
		Help: "Microseconds from which on a command is kept in the slow log; 0 means all, -1 none. Below 1000 every command is timed by itself, which costs some tens of nanoseconds each."},
	{Name: "slowlog-max-len", Default: "128", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.SlowlogMaxLen }),
		Help: "Entries of the slow log; the oldest go first."},
	{Name: "latency-monitor-threshold", Default: "0", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.LatencyThresholdMs }),
		Help: "Milliseconds from which on LATENCY keeps a sample of what took long; 0 turns it off."},
	{Name: "latency-tracking", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.LatencyTracking }),
		Help: "Keep a histogram of the time that each command takes, for LATENCY HISTOGRAM and INFO latencystats."},
	{Name: "latency-tracking-info-percentiles", Default: "50 99 99.9", Mutable: true,
		kind: percentiles(func(v *Values) *[]float64 { return &v.LatencyPercentiles }),
		Help: `Percentiles that INFO latencystats shows, from 0 to 100; "" means none.`},
}}

var journalRows = group{"Persistence", []Directive{
	{Name: "dir", Default: "./", Mutable: true, Protected: true,
		kind: directory(func(v *Values) *string { return &v.Dir }),
		Help: "Existing directory for everything that is written."},
	{Name: "appendonly", Default: "no", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.AppendOnly }),
		Help: "Write every change to the journal (AOF) and load it at start."},
	{Name: "appendfsync", Default: "everysec", Mutable: true,
		kind: oneOf(func(v *Values) *AppendFsync { return &v.AppendFsync }, "everysec", "always", "no"),
		Help: "When the journal is synced to disk: once a second, before each reply, or when the kernel likes."},
	{Name: "appenddirname", Default: "appendonlydir",
		kind: baseName("appenddirname", "dirname", func(v *Values) *string { return &v.AppendDirname }),
		Help: "Directory of the journal's files, inside dir."},
	{Name: "appendfilename", Default: "appendonly.aof",
		kind: baseName("appendfilename", "filename", func(v *Values) *string { return &v.AppendFilename }),
		Help: "First part of the names of the journal's files."},
	{Name: "aof-load-truncated", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.AOFLoadTruncated }),
		Help: "Start with a journal whose last record is cut short, dropping that record; no means to refuse."},
	{Name: "aof-checksum", Default: "yes",
		kind: yesNo(func(v *Values) *bool { return &v.AOFChecksum }),
		Help: "Write a checksum with each batch of the journal, in comment lines that other servers skip, and check it at load."},
	{Name: "aof-timestamp-enabled", Default: "no", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.AOFTimestamps }),
		Help: "Write a line with the time into the journal each second that it grows."},
	{Name: "auto-aof-rewrite-percentage", Default: "100", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.AutoRewritePercent }),
		Help: "Rewrite the journal when it has grown by so many percent since its last base file; 0 means never."},
	{Name: "auto-aof-rewrite-min-size", Default: "64mb", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.AutoRewriteMinBytes }),
		Help: "Do not rewrite a journal smaller than this by itself."},
	{Name: "dbfilename", Default: "dump.rdb", Mutable: true, Protected: true,
		kind: baseName("dbfilename", "filename", func(v *Values) *string { return &v.DBFilename }),
		Help: "Name of the snapshot file in dir, loaded at start when appendonly is no."},
	{Name: "rdbcompression", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.RDBCompression }),
		Help: "Compress strings of 21 bytes to 64 KiB in snapshots, with LZF."},
	{Name: "rdbchecksum", Default: "yes",
		kind: yesNo(func(v *Values) *bool { return &v.RDBChecksum }),
		Help: "End snapshots with a CRC64, and check it when one is loaded."},
	{Name: "rdb-version", Default: "10", Mutable: true,
		kind: integer(9, 11, func(v *Values) *int { return &v.RDBVersion }),
		Help: "Newest format that streams are written in when an older one would lose something: 9 loads in redis-server 5 and up, but forgets what was deleted or read; 10 in 7.0 and up; 11, with the times at which consumers were active, in 7.2 and up. All other types are written for redis-server 5. Not in redis-server."},
	{Name: "sanitize-dump-payload", Default: "no", Mutable: true,
		NoEffect: "Changes nothing: what RESTORE or a snapshot brings is always checked in full, as with yes.",
		kind:     oneOf(func(v *Values) *int { return &v.SanitizeDumpPayload }, "no", "yes", "clients"),
		Help:     "When to check all bytes of a payload or a snapshot."},
	{Name: "save", Default: "3600 1 300 100 60 10000", Mutable: true,
		kind: savePoints(func(v *Values) *[]SavePoint { return &v.SavePoints }),
		Help: `Write a snapshot when so many seconds have passed with so many changes; "" means never.`},
	{Name: "aof-use-rdb-preamble", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.AOFUseRDBPreamble }),
		Help: "Write base files of the journal in the format of snapshots, which are smaller and load faster; no means as commands."},
	{Name: "stop-writes-on-bgsave-error", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.StopWritesOnSaveError }),
		Help: "Refuse writes when the last snapshot could not be written, if there are save points."},
	{Name: "rdb-del-sync-files", Default: "no", Mutable: true,
		NoEffect: "Changes nothing: there is no replication yet.",
		kind:     yesNo(func(v *Values) *bool { return &v.RDBDelSyncFiles }),
		Help:     "Delete snapshot files that only replication needed."},
	{Name: "rdb-save-incremental-fsync", Default: "yes", Mutable: true, NoEffect: alwaysSynced,
		kind: yesNo(func(v *Values) *bool { return &v.RDBSaveIncrementalFsync }),
		Help: "Sync a snapshot while it is written."},
	{Name: "aof-rewrite-incremental-fsync", Default: "yes", Mutable: true, NoEffect: alwaysSynced,
		kind: yesNo(func(v *Values) *bool { return &v.AOFRewriteIncrementalFsync }),
		Help: "Sync a base file of the journal while it is written."},
}}

var memoryRows = group{"Memory", []Directive{
	{Name: "maxmemory", Default: "0", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.MaxMemoryBytes }),
		Help: "Bytes to use at most for keys, clients' buffers and the journal's queue together; 0 means no limit. Beyond it keys are evicted, or commands that add data refused."},
	{Name: "maxmemory-policy", Default: "noeviction", Mutable: true,
		kind: oneOf(func(v *Values) *Policy { return &v.MaxMemoryPolicy }, "volatile-lru", "volatile-lfu",
			"volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction", "allkeys-s3fifo"),
		Help: "Which keys are evicted when maxmemory is reached, of those with an expiry (volatile) or of all: the longest not used (lru), the least often used (lfu), any (random), those that expire soonest (ttl), none. redis-server has no allkeys-s3fifo, which keeps what is used again and lets a scan pass."},
	{Name: "maxmemory-samples", Default: "5", Mutable: true,
		kind: integer(1, 64, func(v *Values) *int { return &v.MaxMemorySamples }),
		Help: "Keys that lru and lfu compare for each one that they evict."},
	{Name: "maxmemory-eviction-tenacity", Default: "10", Mutable: true,
		kind: integer(0, 100, func(v *Values) *int { return &v.EvictionTenacity }),
		Help: "Time for eviction in one round of the server: 50 microseconds for each step, at most 1 ms, so more than 20 changes nothing. redis-server has other steps, and no bound at 100."},
	{Name: "lfu-log-factor", Default: "10", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.LFULogFactor }),
		Help: "How much more seldom the counter of lfu grows the greater it is."},
	{Name: "lfu-decay-time", Default: "1", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.LFUDecayMinutes }),
		Help: "Minutes without an access after which the counter of lfu falls by one; 0 means never."},
	{Name: "lazyfree-lazy-eviction", Default: "no", Mutable: true, NoEffect: alwaysLazy,
		kind: yesNo(func(v *Values) *bool { return &v.LazyfreeLazyEviction }),
		Help: "Free evicted values in the background."},
	{Name: "lazyfree-lazy-expire", Default: "no", Mutable: true, NoEffect: alwaysLazy,
		kind: yesNo(func(v *Values) *bool { return &v.LazyfreeLazyExpire }),
		Help: "Free expired values in the background."},
	{Name: "lazyfree-lazy-server-del", Default: "no", Mutable: true, NoEffect: alwaysLazy,
		kind: yesNo(func(v *Values) *bool { return &v.LazyfreeLazyServerDel }),
		Help: "Free overwritten values in the background."},
	{Name: "lazyfree-lazy-user-del", Default: "no", Mutable: true, NoEffect: alwaysLazy,
		kind: yesNo(func(v *Values) *bool { return &v.LazyfreeLazyUserDel }),
		Help: "Let DEL free in the background, as UNLINK does."},
	{Name: "lazyfree-lazy-user-flush", Default: "no", Mutable: true, NoEffect: alwaysLazy,
		kind: yesNo(func(v *Values) *bool { return &v.LazyfreeLazyUserFlush }),
		Help: "Let FLUSHALL and FLUSHDB free in the background."},
	{Name: "activerehashing", Default: "yes", Mutable: true,
		NoEffect: "Changes nothing: the index grows by one segment at a time and never rehashes.",
		kind:     yesNo(func(v *Values) *bool { return &v.ActiveRehashing }),
		Help:     "Rehash the key index in idle time."},
}}

var encodingRows = group{"Encodings", []Directive{
	{Name: "hash-max-listpack-entries", Alias: "hash-max-ziplist-entries", Default: "512", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.HashMaxListpackEntries }),
		Help: "Fields up to which a hash is kept packed."},
	{Name: "hash-max-listpack-value", Alias: "hash-max-ziplist-value", Default: "64", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.HashMaxListpackBytes }),
		Help: "Bytes of a field or value up to which a hash is kept packed."},
	{Name: "list-max-listpack-size", Alias: "list-max-ziplist-size", Default: "-2", Mutable: true,
		kind: integer(math.MinInt32, maxInt32, func(v *Values) *int { return &v.ListMaxListpackSize }),
		Help: "Size of a list node: elements when positive, -1 to -5 for 4, 8, 16, 32 or 64 KiB."},
	{Name: "list-compress-depth", Default: "0", Mutable: true,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.ListCompressDepth }),
		Help: "Nodes at each end of a list that are left uncompressed; 0 means no compression."},
	{Name: "set-max-intset-entries", Default: "512", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.SetMaxIntsetEntries }),
		Help: "Members up to which a set of integers is kept as an array."},
	{Name: "set-max-listpack-entries", Default: "128", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.SetMaxListpackEntries }),
		Help: "Members up to which a set is kept packed."},
	{Name: "set-max-listpack-value", Default: "64", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.SetMaxListpackBytes }),
		Help: "Bytes of a member up to which a set is kept packed."},
	{Name: "zset-max-listpack-entries", Alias: "zset-max-ziplist-entries", Default: "128", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.ZsetMaxListpackEntries }),
		Help: "Members up to which a sorted set is kept packed."},
	{Name: "zset-max-listpack-value", Alias: "zset-max-ziplist-value", Default: "64", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.ZsetMaxListpackBytes }),
		Help: "Bytes of a member up to which a sorted set is kept packed."},
	{Name: "stream-node-max-bytes", Default: "4096", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.StreamNodeMaxBytes }),
		Help: "Bytes of one node of a stream; 0 means no limit."},
	{Name: "stream-node-max-entries", Default: "100", Mutable: true,
		kind: integer(0, maxInt, func(v *Values) *int { return &v.StreamNodeMaxEntries }),
		Help: "Entries of one node of a stream; 0 means no limit."},
	{Name: "hll-sparse-max-bytes", Default: "3000", Mutable: true,
		kind: memory(0, maxInt, func(v *Values) *int { return &v.HLLSparseMaxBytes }),
		Help: "Bytes up to which a HyperLogLog is kept in its sparse form."},
}}
