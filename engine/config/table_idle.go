package config

// The rows of what redis-server has and this server does not need, or does not have: files written for redis-server carry
// them, so they are taken, checked and shown. Where another value than one would promise something that is not done, only
// that one is taken.

import "strings"

// Idle holds the values of directives that nothing reads. Rows take the places one after the other.
type Idle struct {
	numbers  [40]int
	switches [32]bool
	texts    [20]string
}

// How many places of Idle the rows below have taken.
var idleNumbers, idleSwitches, idleTexts int

func idleNumber(low, high int) kind { return integer(low, high, nextIdleNumber()) }

func idleMemory(low, high int) kind { return memory(low, high, nextIdleNumber()) }

func idleOneOf(names ...string) kind { return oneOf(nextIdleNumber(), names...) }

// idleEmpty takes only "".
func idleEmpty() kind {
	k := idleOneOf("")
	k.expects = `""`
	return k
}

func nextIdleNumber() func(v *Values) *int {
	place := idleNumbers
	idleNumbers++
	return func(v *Values) *int { return &v.Idle.numbers[place] }
}

func idleYesNo() kind {
	place := idleSwitches
	idleSwitches++
	return yesNo(func(v *Values) *bool { return &v.Idle.switches[place] })
}

func idleText() kind {
	place := idleTexts
	idleTexts++
	return text(func(v *Values) *string { return &v.Idle.texts[place] })
}

// idleScores are the three words of oom-score-adj-values.
func idleScores() kind {
	k := idleText()
	keep := k.set
	k.expects, k.several = "three integers, -2000 to 2000", true
	k.set = func(v *Values, words []string, more bool) error {
		if len(words) != 3 {
			return refusal("wrong number of arguments")
		}
		for _, word := range words {
			if n, err := parseInt(word); err != nil || n < -2000 || n > 2000 {
				return refusal("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
			}
		}
		return keep(v, []string{strings.Join(words, " ")}, more)
	}
	k.lines = func(v *Values) []string { return []string{k.get(v)} }
	return k
}

const (
	oneLoop        = "Changes nothing: one loop serves all clients."
	goTraces       = "Changes nothing: Go's runtime writes its trace to the standard error."
	ownCPUs        = "Changes nothing: bind the process with taskset, or CPUAffinity of systemd."
	noReplication  = "Changes nothing: there is no replication."
	onlyThisNoRepl = "No other value is taken: there is no replication."
	noCluster      = "Changes nothing: there is no cluster."
)

var idleRows = group{"Taken from redis.conf", []Directive{
	{Name: "always-show-logo", Default: "no", NoEffect: "Changes nothing: there is no logo.",
		kind: idleYesNo(), Help: "Show a logo in the log at start."},
	{Name: "set-proc-title", Default: "yes", NoEffect: "Changes nothing: the process keeps its title.",
		kind: idleYesNo(), Help: "Show addresses and mode in the title of the process."},
	{Name: "proc-title-template", Default: "{title} {listen-addr} {server-mode}", Mutable: true,
		NoEffect: "Changes nothing: the process keeps its title.", kind: idleText(), Help: "What the title of the process shows."},
	{Name: "syslog-enabled", Default: "no",
		kind: idleOneOf("no"), Help: "Log to syslog. Only no is taken: systemd's journal, or what reads the standard output, does that."},
	{Name: "syslog-ident", Default: "redis", NoEffect: "Changes nothing: there is no syslog.",
		kind: idleText(), Help: "Name in syslog."},
	{Name: "syslog-facility", Default: "local0", NoEffect: "Changes nothing: there is no syslog.",
		kind: idleOneOf("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"), Help: "Facility in syslog."},
	{Name: "crash-log-enabled", Default: "yes", Mutable: true, NoEffect: goTraces,
		kind: idleYesNo(), Help: "Write a report to the log when the server crashes."},
	{Name: "crash-memcheck-enabled", Default: "yes", Mutable: true, NoEffect: goTraces,
		kind: idleYesNo(), Help: "Test the memory when the server crashes."},
	{Name: "oom-score-adj", Default: "no", Mutable: true,
		NoEffect: "Changes nothing: the process keeps the score that it was started with (OOMScoreAdjust of systemd sets one).",
		kind:     idleOneOf("no", "yes", "relative", "absolute"), Help: "Tell the kernel how soon to end the process when memory runs out."},
	{Name: "oom-score-adj-values", Default: "0 200 800", Mutable: true, NoEffect: "Changes nothing, as oom-score-adj.",
		kind: idleScores(), Help: "That score for a master, a replica and a child."},
	{Name: "disable-thp", Default: "yes",
		NoEffect: "Changes nothing: huge pages do no harm where nothing forks, and the slabs ask for them.",
		kind:     idleYesNo(), Help: "Keep the kernel from using transparent huge pages."},
	{Name: "dynamic-hz", Default: "yes", Mutable: true, NoEffect: "Changes nothing: hz stays what it is.",
		kind: idleYesNo(), Help: "Raise hz with the number of clients."},
	{Name: "active-expire-effort", Default: "1", Mutable: true,
		NoEffect: "Changes nothing: the timer wheel finds all that expires, when it expires.",
		kind:     idleNumber(1, 10), Help: "How hard to look for keys that have expired."},
	{Name: "io-threads", Default: "1", NoEffect: oneLoop, kind: idleNumber(1, 128), Help: "Threads that read and write for clients."},
	{Name: "io-threads-do-reads", Default: "no", NoEffect: oneLoop, kind: idleYesNo(), Help: "Let these threads read, too."},
	{Name: "server-cpulist", Alias: "server_cpulist", Default: "", NoEffect: ownCPUs, kind: idleText(), Help: "Processors for the server."},
	{Name: "bio-cpulist", Alias: "bio_cpulist", Default: "", NoEffect: ownCPUs, kind: idleText(), Help: "Processors for background threads."},
	{Name: "aof-rewrite-cpulist", Alias: "aof_rewrite_cpulist", Default: "", NoEffect: ownCPUs, kind: idleText(), Help: "Processors for a rewrite of the journal."},
	{Name: "bgsave-cpulist", Alias: "bgsave_cpulist", Default: "", NoEffect: ownCPUs, kind: idleText(), Help: "Processors for a snapshot."},
	{Name: "ignore-warnings", Default: "", Mutable: true, NoEffect: "Changes nothing: nothing here refuses to start for a fault of the kernel's.",
		kind: idleText(), Help: "Start in spite of a fault of the kernel's."},
	{Name: "bind-source-addr", Default: "", Mutable: true, NoEffect: "Changes nothing: the server opens no connections.",
		kind: idleText(), Help: "Address that connections which the server opens come from."},
	{Name: "socket-mark-id", Default: "0",
		kind: idleNumber(0, 0), Help: "Mark of listening sockets for the packet filter. Only 0, none, is taken."},
	{Name: "no-appendfsync-on-rewrite", Default: "no", Mutable: true,
		NoEffect: "Changes nothing: the journal is synced during a rewrite as at all times.",
		kind:     idleYesNo(), Help: "Do not sync the journal while a snapshot or a rewrite is written."},
	{Name: "propagation-error-behavior", Default: "ignore", Mutable: true,
		NoEffect: "Changes nothing: a journal in which a command fails is not loaded, as with panic.",
		kind:     idleOneOf("ignore", "panic", "panic-on-replicas"), Help: "What to do when a command that comes from a journal or a master fails."},
	{Name: "busy-reply-threshold", Alias: "lua-time-limit", Default: "5000", Mutable: true, NoEffect: "Changes nothing: there are no scripts.",
		kind: idleNumber(0, maxInt), Help: "Milliseconds after which a script lets other clients hear of it."},
	{Name: "shutdown-timeout", Default: "10", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, maxInt32), Help: "Seconds to wait at the end for replicas that are behind."},
	{Name: "locale-collate", Default: "", Mutable: true,
		kind: idleEmpty(), Help: `Locale that SORT ALPHA compares by. Only "" is taken: it compares bytes.`},
	{Name: "aof-disable-auto-gc", Default: "no", Mutable: true,
		kind: idleOneOf("no"), Help: "Keep the files of the journal that a rewrite has replaced. Only no is taken."},
	{Name: "watchdog-period", Default: "0", Mutable: true, ForTests: true,
		kind: idleNumber(0, 0), Help: "Milliseconds after which a command is reported that does not end. Only 0, never, is taken: slowlog-log-slower-than and latency-monitor-threshold tell of slow commands."},
	{Name: "use-exit-on-panic", Default: "no", ForTests: true, NoEffect: goTraces,
		kind: idleYesNo(), Help: "End a server that has failed without a core file."},
	{Name: "enable-debug-assert", Default: "no", ForTests: true, NoEffect: "Changes nothing: the checks are always there.",
		kind: idleYesNo(), Help: "Check more while commands run."},
	{Name: "key-load-delay", Default: "0", Mutable: true, ForTests: true,
		kind: idleNumber(0, 0), Help: "Microseconds to wait after each key that is loaded. Only 0 is taken."},
	{Name: "loading-process-events-interval-bytes", Default: "2mb", ForTests: true,
		NoEffect: "Changes nothing: clients are looked after every millisecond while data is loaded.",
		kind:     idleMemory(1024, maxInt32), Help: "Bytes loaded between two looks at clients."},
	{Name: "cluster-enabled", Default: "no",
		kind: idleOneOf("no"), Help: "Be a node of a cluster. Only no is taken: there is no cluster."},
	{Name: "cluster-config-file", Default: "nodes.conf", NoEffect: noCluster, kind: idleText(), Help: "File in which a node keeps what it knows."},
	{Name: "cluster-port", Default: "0", NoEffect: noCluster, kind: idleNumber(0, 65535), Help: "Port for other nodes."},
	{Name: "cluster-node-timeout", Default: "15000", Mutable: true, NoEffect: noCluster,
		kind: idleNumber(0, maxInt), Help: "Milliseconds of silence after which a node counts as gone."},
	{Name: "cluster-migration-barrier", Default: "1", Mutable: true, NoEffect: noCluster,
		kind: idleNumber(0, maxInt32), Help: "Replicas that a master keeps when one moves to another."},
	{Name: "cluster-replica-validity-factor", Alias: "cluster-slave-validity-factor", Default: "10", Mutable: true, NoEffect: noCluster,
		kind: idleNumber(0, maxInt32), Help: "How old a replica's data may be for it to take over."},
	{Name: "cluster-replica-no-failover", Alias: "cluster-slave-no-failover", Default: "no", Mutable: true, NoEffect: noCluster,
		kind: idleYesNo(), Help: "Never let this replica take over."},
	{Name: "cluster-require-full-coverage", Default: "yes", Mutable: true, NoEffect: noCluster,
		kind: idleYesNo(), Help: "Refuse commands while a slot has no node."},
	{Name: "cluster-allow-reads-when-down", Default: "no", Mutable: true, NoEffect: noCluster,
		kind: idleYesNo(), Help: "Answer reads while the cluster is down."},
	{Name: "cluster-allow-pubsubshard-when-down", Default: "yes", Mutable: true, NoEffect: noCluster,
		kind: idleYesNo(), Help: "Pass on messages of shard channels while the cluster is down."},
	{Name: "cluster-allow-replica-migration", Default: "yes", Mutable: true, NoEffect: noCluster,
		kind: idleYesNo(), Help: "Let replicas move to masters that have none."},
	{Name: "cluster-announce-ip", Default: "", Mutable: true, NoEffect: noCluster, kind: idleText(), Help: "Address that a node tells others."},
	{Name: "cluster-announce-port", Default: "0", Mutable: true, NoEffect: noCluster,
		kind: idleNumber(0, 65535), Help: "Port that a node tells others."},
	{Name: "cluster-announce-tls-port", Default: "0", Mutable: true, NoEffect: noCluster,
		kind: idleNumber(0, 65535), Help: "Port for TLS that a node tells others."},
	{Name: "cluster-announce-bus-port", Default: "0", Mutable: true, NoEffect: noCluster,
		kind: idleNumber(0, 65535), Help: "Port for other nodes that a node tells them."},
	{Name: "cluster-announce-hostname", Default: "", Mutable: true, NoEffect: noCluster, kind: idleText(), Help: "Name of the machine that a node tells others."},
	{Name: "cluster-announce-human-nodename", Default: "", Mutable: true, NoEffect: noCluster, kind: idleText(), Help: "Name of a node in the log."},
	{Name: "cluster-preferred-endpoint-type", Default: "ip", Mutable: true, NoEffect: noCluster,
		kind: idleOneOf("ip", "hostname", "unknown-endpoint"), Help: "How clients are told where a slot is."},
	{Name: "cluster-link-sendbuf-limit", Default: "0", Mutable: true, NoEffect: noCluster,
		kind: idleMemory(0, maxInt), Help: "Bytes that may wait for another node."},

	{Name: "replicaof", Alias: "slaveof", Default: "",
		kind: idleEmpty(), Help: `Master to follow. Only "" is taken: there is no replication.`},
	{Name: "masteruser", Default: "", Mutable: true, NoEffect: noReplication, kind: idleText(), Help: "User to log in as at a master."},
	{Name: "masterauth", Default: "", Mutable: true, Sensitive: true, NoEffect: noReplication, kind: idleText(), Help: "Password to log in with at a master."},
	{Name: "min-replicas-to-write", Alias: "min-slaves-to-write", Default: "0", Mutable: true,
		kind: idleNumber(0, 0), Help: "Replicas without which writes are refused. " + onlyThisNoRepl},
	{Name: "min-replicas-max-lag", Alias: "min-slaves-max-lag", Default: "10", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, maxInt32), Help: "Seconds of silence after which a replica does not count."},
	{Name: "replica-serve-stale-data", Alias: "slave-serve-stale-data", Default: "yes", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Let a replica answer while it has no connection to its master."},
	{Name: "replica-read-only", Alias: "slave-read-only", Default: "yes", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Refuse writes on a replica."},
	{Name: "replica-lazy-flush", Alias: "slave-lazy-flush", Default: "no", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Free a replica's old keys in the background."},
	{Name: "replica-ignore-maxmemory", Alias: "slave-ignore-maxmemory", Default: "yes", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Leave evictions of a replica to its master."},
	{Name: "replica-ignore-disk-write-errors", Default: "no", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Let a replica go on when it cannot write to its disk."},
	{Name: "replica-priority", Alias: "slave-priority", Default: "100", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, maxInt32), Help: "Which replica sentinels prefer."},
	{Name: "replica-announced", Default: "yes", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Let sentinels tell of a replica."},
	{Name: "replica-announce-ip", Alias: "slave-announce-ip", Default: "", Mutable: true, NoEffect: noReplication,
		kind: idleText(), Help: "Address that a replica tells its master."},
	{Name: "replica-announce-port", Alias: "slave-announce-port", Default: "0", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, 65535), Help: "Port that a replica tells its master."},
	{Name: "repl-timeout", Default: "60", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(1, maxInt32), Help: "Seconds of silence that end a connection of replication."},
	{Name: "repl-ping-replica-period", Alias: "repl-ping-slave-period", Default: "10", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(1, maxInt32), Help: "Seconds between pings to replicas."},
	{Name: "repl-disable-tcp-nodelay", Default: "no", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Gather what replicas are sent in larger packets."},
	{Name: "repl-backlog-size", Default: "1mb", Mutable: true, NoEffect: noReplication,
		kind: idleMemory(1, maxInt), Help: "Bytes kept for replicas that come back."},
	{Name: "repl-backlog-ttl", Default: "3600", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, maxInt), Help: "Seconds for which they are kept without replicas."},
	{Name: "repl-diskless-sync", Default: "yes", Mutable: true, NoEffect: noReplication,
		kind: idleYesNo(), Help: "Send replicas a snapshot without writing it to a file."},
	{Name: "repl-diskless-sync-delay", Default: "5", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, maxInt32), Help: "Seconds to wait for more replicas before that."},
	{Name: "repl-diskless-sync-max-replicas", Default: "0", Mutable: true, NoEffect: noReplication,
		kind: idleNumber(0, maxInt32), Help: "Replicas for which there is no such wait."},
	{Name: "repl-diskless-load", Default: "disabled", Mutable: true, NoEffect: noReplication,
		kind: idleOneOf("disabled", "on-empty-db", "swapdb"), Help: "Let a replica load a snapshot without writing it to a file."},
}}
