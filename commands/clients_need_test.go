package commands_test

// What client libraries, tools and proxies send, as read from their sources, and what they need back. Scripts are left out:
// there are none.

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
)

const unknownSub = "ERR unknown subcommand "

// TestConnectionSetUps: each library's way into a connection, in its order.
func TestConnectionSetUps(t *testing.T) {
	do := servertest.Do
	helloMap := func(proto int64) servertest.Want {
		return func(v servertest.Value, _ int) string {
			fields := map[string]servertest.Value{}
			for i := 0; i+1 < len(v.Elems); i += 2 {
				fields[v.Elems[i].Str] = v.Elems[i+1]
			}
			if fields["server"].Str != "redis" || fields["version"].Str == "" || fields["proto"].Int != proto || fields["id"].Kind != ':' ||
				fields["mode"].Str != "standalone" || fields["role"].Str != "master" || fields["modules"].Kind != '*' {
				return v.String()
			}
			return ""
		}
	}
	is := func(text string) servertest.Want { return servertest.Simple(text) }
	for name, steps := range map[string][]*servertest.Step{
		"redis-cli": {do("COMMAND", "DOCS").Want(func(v servertest.Value, _ int) string {
			if len(v.Elems) < 400 {
				return v.String()
			}
			return ""
		}), do("INFO", "SERVER").Match("redis_version:7"), do("COMMAND").Any()},
		"redis-benchmark": {do("CONFIG", "GET", "save").Map("save", servertest.Want(func(v servertest.Value, _ int) string { return "" })),
			do("CONFIG", "GET", "appendonly").Map("appendonly", servertest.Want(func(v servertest.Value, _ int) string { return "" })),
			do("CLIENT", "TRACKING", "on").OK(), do("CLUSTER", "NODES").Err("ERR This instance has cluster support disabled")},
		"go-redis": {do("HELLO", "3", "SETNAME", "x").Want(helloMap(3)), do("SELECT", "1").OK(), do("CLIENT", "SETNAME", "x").OK(),
			do("CLIENT", "TRACKING", "ON").OK(), do("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "x").Err(unknownSub + "'MAINT_NOTIFICATIONS'"),
			do("CLIENT", "SETINFO", "LIB-NAME", "go-redis(,go1.24)").OK(), do("CLIENT", "SETINFO", "LIB-VER", "9.22.0").OK(),
			do("READONLY").Err("ERR This instance has cluster support disabled"), do("HELLO", "2").Want(helloMap(2))},
		"redis-py": {do("HELLO", "3", "AUTH", "default", "p").Want(helloMap(3)), do("CLIENT", "MAINT_NOTIFICATIONS", "ON").Err(unknownSub),
			do("CLIENT", "SETNAME", "x").OK(), do("CLIENT", "SETINFO", "LIB-NAME", "redis-py").OK(), do("SELECT", "2").OK(), do("HELLO", "2").Want(helloMap(2))},
		"ioredis": {do("CLIENT", "SETNAME", "x").OK(), do("CLIENT", "SETINFO", "LIB-VER", "6").OK(), do("INFO").Match(`\r\nloading:0\r\n`)},
		"jedis":   {do("HELLO", "4").Err("NOPROTO"), do("PING").Want(is("PONG"))},
		"lettuce": {do("HELLO", "3").Want(helloMap(3)), do("CLIENT", "MAINT_NOTIFICATIONS", "on").Err(unknownSub), do("HELLO", "2").Want(helloMap(2))},
		"stackexchange": {do("GET", "__Booksleeve_TieBreak").Null(), do("CONFIG", "GET", "timeout").Any(), do("CONFIG", "GET", "databases").Any(),
			do("INFO", "replication").Match("role:master"), do("CLUSTER", "NODES").Err("ERR")},
		"twemproxy": {do("SELECT", "3").OK(), do("AUTH", "x").Err("ERR AUTH <password> called without any password configured")},
		"envoy":     {do("PING").Want(is("PONG")), do("EXISTS", "k").Int(0), do("CLUSTER", "SLOTS").Err("ERR This instance has cluster support disabled")},
		"sentinel": {do("PUBLISH", "__sentinel__:hello", "x").Int(0), do("MULTI").OK(), do("SLAVEOF", "NO", "ONE").Simple("QUEUED"),
			do("CONFIG", "REWRITE").Simple("QUEUED"), do("CLIENT", "KILL", "TYPE", "normal").Simple("QUEUED"),
			do("EXEC").Array(servertest.Want(is("OK")), servertest.Want(servertest.Err("ERR The server is running without a config file")), 0)},
		"kombu": {do("BRPOP", "a", "b", "0.01").Null(), do("WATCH", "k").OK(), do("MULTI").OK(), do("EXEC").Array(), do("PING").Want(is("PONG")),
			do("SET", "lock", "1", "NX").OK()},
		"bullmq": {do("INFO").Match(`\r\nmaxmemory_policy:noeviction\r\n`)},
		"exporter": {do("INFO", "ALL").Match(`# Latencystats`), do("CONFIG", "GET", "*").Any(), do("CLUSTER", "INFO").Err("ERR This instance"),
			do("LATENCY", "LATEST").Array(), do("LATENCY", "HISTOGRAM").Any(), do("SLOWLOG", "LEN").Int(0), do("SLOWLOG", "GET", "1").Array(),
			do("COMMAND", "INFO", "COMMANDLOG").Array(nil), do("CLIENT", "LIST").Match(`id=\d+ addr=.* tot-mem=\d+ .* user=default `),
			do("XADD", "st", "1-1", "f", "v").Bulk("1-1"), do("XINFO", "STREAM", "st").Any(), do("XINFO", "GROUPS", "st").Array()},
		"insight": {do("MODULE", "LIST").Array(), do("CONFIG", "GET", "databases").Map("databases", "16"), do("ACL", "CAT", "dangerous").Match("^flushall$"),
			do("SET", "k", "v").OK(), do("SCAN", "0", "TYPE", "string", "COUNT", "500").Any(), do("TYPE", "k").Simple("string"), do("TTL", "k").Int(-1),
			do("MEMORY", "USAGE", "k").Between(1, 1000), do("CLUSTER", "SHARDS").Err("ERR This instance"), do("DBSIZE").Int(1),
			do("HTTL", "k", "FIELDS", "1", "f").Err("ERR unknown command 'HTTL'"), do("COMMAND", "INFO", "get").Any()},
		"cli modes": {do("SET", "k", "v").OK(), do("STRLEN", "k").Int(1), do("MEMORY", "USAGE", "k", "SAMPLES", "5").Between(1, 1000),
			do("OBJECT", "FREQ", "k").Err("ERR An LFU maxmemory policy is not selected"), do("ECHO", "12345678901234567890").Bulk("12345678901234567890"),
			do("REPLCONF", "rdb-only", "1").Err("ERR This server does not support replication"), do("SYNC").Err("ERR This server does not support replication")},
	} {
		t.Run(name, func(t *testing.T) {
			c := servertest.Start(t, servertest.Reactors[0]).Dial()
			servertest.Play(t, c, steps...)
		})
	}
}

// TestInlineProbes: HAProxy sends lines and looks for text.
func TestInlineProbes(t *testing.T) {
	l := servertest.NewLocal(t)
	for _, x := range [][2]string{{"PING", `^\+PONG\r\n$`}, {"info replication", `role:master\r\n`}, {"QUIT", `^\+OK\r\n$`}} {
		if got := string(l.Feed([]byte(x[0] + "\r\n"))); !regexp.MustCompile(x[1]).MatchString(got) {
			t.Errorf("%s: %q", x[0], got)
		}
	}
}

// neededFields are those of INFO that something reads, and what their values look like.
const neededFields = `redis_version 7\.2\.\d+|redis_mode standalone|run_id [0-9a-f]{40}|tcp_port \d+|uptime_in_seconds \d+|uptime_in_days \d+|process_id \d+|
connected_clients 1|blocked_clients 0|maxclients \d+|used_memory \d+|used_memory_human \d.*|used_memory_rss \d+|used_memory_peak \d+|used_memory_peak_human \d.*|
maxmemory 0|maxmemory_policy noeviction|mem_fragmentation_ratio \d+\.\d+|loading 0|async_loading 0|rdb_changes_since_last_save \d+|rdb_bgsave_in_progress 0|
rdb_last_save_time \d+|rdb_last_bgsave_status ok|aof_enabled 0|aof_rewrite_in_progress 0|aof_rewrite_scheduled 0|aof_last_bgrewrite_status ok|aof_last_write_status ok|
total_connections_received 1|total_commands_processed \d+|instantaneous_ops_per_sec \d+|instantaneous_input_kbps \d+\.\d+|instantaneous_output_kbps \d+\.\d+|
rejected_connections 0|expired_keys 0|evicted_keys 0|evicted_clients 0|keyspace_hits 1|keyspace_misses 0|latest_fork_usec 0|total_net_input_bytes \d+|total_net_output_bytes \d+|
role master|connected_slaves 0|master_replid [0-9a-f]{40}|master_repl_offset 0|used_cpu_sys \d+\.\d+|used_cpu_user \d+\.\d+|cluster_enabled 0|
db0 keys=1,expires=0,avg_ttl=0|cmdstat_get calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=0|
cmdstat_incr calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=1|latency_percentiles_usec_get p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}|
errorstat_ERR count=2|tracking_clients 0|tracking_total_keys 0|tracking_total_items 0|tracking_total_prefixes 0|total_error_replies 2|total_blocking_keys 0`

func TestInfoHasWhatIsRead(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("SET", "k", "v")
	l.Do("GET", "k")
	l.Do("INCR", "k")
	l.Do("INCR")
	_, fields := infoLines(t, l.Do("INFO", "everything").Str)
	for _, field := range strings.Split(strings.ReplaceAll(neededFields, "\n", ""), "|") {
		name, pattern, _ := strings.Cut(field, " ")
		if got, ok := fields[name]; !ok || !regexp.MustCompile("^(?:"+pattern+")$").MatchString(got) {
			t.Errorf("%s: %q, want %s", name, got, pattern)
		}
	}
	if major, minor, ok := strings.Cut(fields["redis_version"], "."); !ok || major < "7" || minor == "" {
		t.Errorf("redis_version %s", fields["redis_version"])
	}
	if _, err := strconv.Atoi(fields["process_id"]); err != nil {
		t.Error(err)
	}
}
