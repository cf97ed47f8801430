package commands_test

// INFO: whether it can be read by what reads it, and whether what it says is so.

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
)

// infoLines takes a reply of INFO apart; it fails for a line that is none.
func infoLines(t *testing.T, text string) (sections []string, fields map[string]string) {
	t.Helper()
	fields = map[string]string{}
	text = strings.TrimPrefix(text, "txt:")
	if !strings.HasSuffix(text, "\r\n") {
		t.Fatalf("no line end at the end: %q", text)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		name, isTitle := strings.CutPrefix(line, "# ")
		if isTitle {
			sections = append(sections, name)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if _, twice := fields[name]; line != "" && (!ok || twice || strings.Contains(line, "\n")) {
			t.Errorf("line %q", line)
		}
		fields[name] = value
	}
	return sections, fields
}

// infoField returns one field of INFO all, "" when there is none.
func infoField(l *servertest.Local, name string) string {
	for line := range strings.SplitSeq(l.Do("INFO", "all").Str, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return value
		}
	}
	return ""
}

func TestInfoSections(t *testing.T) {
	l := servertest.NewLocal(t)
	standard := "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace"
	all := "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats Cluster Go Keyspace"
	for words, want := range map[string]string{"": standard, "default": standard, "all": all, "everything": all, "ALL": all,
		"keyspace server": "Server Keyspace", "server Server": "Server", "commandstats": "Commandstats", "nosuch": "",
		"default go": strings.Replace(standard, "Cluster", "Cluster Go", 1)} {
		v := l.Do(append([]string{"INFO"}, strings.Fields(words)...)...)
		if want == "" {
			if v.Str != "" {
				t.Errorf("INFO %s: %q", words, v.Str)
			}
			continue
		}
		if got, _ := infoLines(t, v.Str); strings.Join(got, " ") != want {
			t.Errorf("INFO %s: sections %v, want %s", words, got, want)
		}
	}
}

// readFields are the fields that clients, exporters and redis-cli read, and what they look like.
var readFields = map[string]string{
	`\d+\.\d+\.\d+`: "redis_version redix_version", `standalone`: "redis_mode", `[0-9a-f]{40}`: "run_id master_replid",
	`\d+`: "tcp_port uptime_in_seconds process_id connected_clients blocked_clients maxclients used_memory used_memory_rss " +
		"used_memory_peak maxmemory rdb_changes_since_last_save rdb_last_save_time total_connections_received " +
		"total_commands_processed instantaneous_ops_per_sec rejected_connections expired_keys evicted_keys keyspace_hits " +
		"keyspace_misses total_net_input_bytes total_net_output_bytes connected_slaves master_repl_offset total_system_memory " +
		"active_expire_behind_ms background_slice_max_us loop_rounds loop_round_max_us fanout_slice_max_cpu_us gc_pauses gc_pause_max_us heap_bytes goroutines mem_clients_normal",
	`0`: "loading async_loading rdb_bgsave_in_progress aof_rewrite_in_progress aof_rewrite_scheduled latest_fork_usec " +
		"cluster_enabled aof_enabled",
	`[01]`: "io_threads_active", `ok`: "rdb_last_bgsave_status aof_last_bgrewrite_status aof_last_write_status",
	`\d+(\.\d\d[KMG]|B)`: "used_memory_human used_memory_peak_human used_memory_rss_human maxmemory_human",
	`noeviction`:         "maxmemory_policy", `master`: "role", `local`: "io_reactor multiplexing_api",
	`-?\d+\.\d+`: "mem_fragmentation_ratio instantaneous_input_kbps instantaneous_output_kbps used_cpu_sys used_cpu_user " +
		"gc_cpu_percent",
	`keys=2,expires=1,avg_ttl=\d+`: "db0", `keys=1,expires=0,avg_ttl=0`: "db3", `count=1`: "errorstat_WRONGTYPE",
	`calls=4,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=1`: "cmdstat_set",
	`calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=0`: "cmdstat_config|get cmdstat_hset",
}

func TestInfoFields(t *testing.T) {
	l := servertest.NewLocal(t)
	for _, line := range []string{"SET a 1", "SET b 2 EX 100", "SELECT 3", "HSET h f v", "SET h v GET", "SET h", "SET h v",
		"CONFIG GET x"} {
		l.Do(strings.Fields(line)...)
	}
	_, fields := infoLines(t, l.Do("INFO", "everything").Str)
	for expr, names := range readFields {
		re := regexp.MustCompile("^" + expr + "$")
		for _, name := range strings.Fields(names) {
			if v, ok := fields[name]; !ok || !re.MatchString(v) {
				t.Errorf("%s: %q, want %s", name, v, expr)
			}
		}
	}
}

func TestInfoMemory(t *testing.T) {
	l := servertest.NewLocal(t)
	number := func(name string) int64 {
		n, err := strconv.ParseInt(infoField(l, name), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := number("used_memory_dataset")
	l.Do("SET", "k", strings.Repeat("x", 1<<20))
	l.Advance(time.Second)
	grown := number("used_memory_dataset") - before
	if grown < 1<<20 || grown > 1<<21 {
		t.Errorf("a value of 1 MiB made used_memory_dataset grow by %d", grown)
	}
	l.Do("DEL", "k")
	l.Advance(time.Second)
	if now := number("used_memory_dataset"); now != before {
		t.Errorf("used_memory_dataset %d after the value has gone, was %d", now, before)
	}
	if number("used_memory_peak") < before+1<<20 {
		t.Error("the peak is forgotten")
	}
	if used := number("used_memory"); used < number("used_memory_dataset") {
		t.Errorf("used_memory %d is less than a part of it", used)
	}
}

func TestInfoPersistence(t *testing.T) {
	l := servertest.NewLocal(t, "--appendonly", "yes")
	now := l.NowMs()
	l.Engine.Hooks.Persistence = func() engine.PersistenceStatus {
		return engine.PersistenceStatus{Rewriting: true, RewriteStartMs: now - 5500, RewriteFailed: true, RewriteNs: 7e9,
			RewriteFailures: 4, Rewrites: 3, WriteFailed: true, Size: 100, BaseSize: 60, Queue: 9, Syncing: true, DelayedSyncs: 2, SyncLastNs: 5000}
	}
	_, fields := infoLines(t, l.Do("INFO", "persistence").Str)
	for name, want := range map[string]string{"aof_enabled": "1", "aof_rewrite_in_progress": "1",
		"aof_current_rewrite_time_sec": "5", "aof_last_bgrewrite_status": "err", "aof_last_rewrite_time_sec": "7",
		"aof_rewrites": "3", "aof_rewrites_consecutive_failures": "4", "aof_last_write_status": "err", "aof_current_size": "100", "aof_base_size": "60",
		"aof_buffer_length": "9", "aof_pending_bio_fsync": "1", "aof_delayed_fsync": "2", "aof_fsync_last_us": "5"} {
		if fields[name] != want {
			t.Errorf("%s: %q, want %s", name, fields[name], want)
		}
	}
}

// TestInfoHAProxy is the health check that HAProxy's users write: inline, with a reply that contains role:master.
func TestInfoHAProxy(t *testing.T) {
	l := servertest.NewLocal(t)
	out := string(l.Feed([]byte("info replication\r\n")))
	if !strings.Contains(out, "\r\nrole:master\r\n") {
		t.Error(out)
	}
	if i := slices.Index(strings.Split(out, "\r\n"), "# Replication"); i != 1 {
		t.Errorf("%q", out)
	}
}

// TestInfoLongestRound: what takes long shows as the longest round, on both reactors, until CONFIG RESETSTAT.
func TestInfoLongestRound(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		const slept = 200_000 // µs
		c := s.Dial()
		longest := func() int {
			_, fields := infoLines(t, c.Do("INFO", "stats").Str)
			us, err := strconv.Atoi(fields["loop_round_max_us"])
			if err != nil {
				t.Fatal(err)
			}
			return us
		}
		c.Do("DEBUG", "SLEEP", "0.2")
		if us := longest(); us < slept {
			t.Errorf("a round of %d us slept for %d", us, slept)
		}
		us := 0
		for range 5 { // the machine may stand still
			c.Do("CONFIG", "RESETSTAT")
			if us = longest(); us < slept {
				break
			}
		}
		if us >= slept {
			t.Errorf("%d us after CONFIG RESETSTAT", us)
		}
	}, "--enable-debug-command", "yes")
}
