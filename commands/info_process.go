package commands

// INFO's sections about the process: server, clients, memory, persistence, stats, CPU, the Go runtime.

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"redix/engine"
	"redix/engine/acl"
)

// Supervised is who watches over the process: no, systemd or upstart.
var Supervised = "no"

// system is what does not change while the process runs.
type system struct {
	os, executable string
	memory         int64 // bytes of the machine; 0: not known
}

var theSystem = sync.OnceValue(func() system {
	s := system{os: runtime.GOOS + " " + runtime.GOARCH}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		s.os = "Linux " + string(bytes.TrimSpace(release)) + " " + machine()
	}
	s.executable, _ = os.Executable() // unknown stays empty
	if info, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
				kib, _ := strconv.ParseInt(f[1], 10, 64)
				s.memory = kib << 10
			}
		}
	}
	return s
})

// machine is the processor's name as uname prints it.
func machine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

func infoServer(w *infoWriter, s *engine.Server) {
	sys := theSystem()
	up := max(s.NowMs-s.Stats.StartMs, 0) / 1000
	w.text("redis_version", engine.RedisVersion)
	w.text("redis_git_sha1", "00000000")
	w.text("redis_git_dirty", "0")
	w.text("redis_build_id", "0")
	w.text("redix_version", engine.Version)
	w.text("redis_mode", "standalone")
	w.text("os", sys.os)
	w.int("arch_bits", strconv.IntSize)
	w.text("monotonic_clock", "POSIX clock_gettime")
	w.text("multiplexing_api", s.Reactor.Name())
	w.text("atomicvar_api", "sync/atomic")
	w.text("gcc_version", "0.0.0") // as redis-server says when another compiler made it
	w.text("io_reactor", s.Reactor.Name())
	w.text("go_version", runtime.Version())
	w.int("process_id", int64(os.Getpid()))
	w.text("process_supervised", Supervised)
	w.text("run_id", runID)
	port := s.Config.Port
	if port == 0 {
		port = s.Config.TLS.Port
	}
	w.int("tcp_port", int64(port))
	w.int("server_time_usec", time.Now().UnixMicro())
	w.int("uptime_in_seconds", up)
	w.int("uptime_in_days", up/86400)
	w.int("hz", int64(s.Config.Hz))
	w.int("configured_hz", int64(s.Config.Hz))
	w.int("lru_clock", s.NowMs/1000&0xffffff)
	w.text("executable", sys.executable)
	w.text("config_file", s.Config.File)
	w.int("io_threads_active", 0)
	infoListeners(w, s)
}

// infoListeners writes a line for each kind of address that the server listens on, as 7.2 does.
func infoListeners(w *infoWriter, s *engine.Server) {
	n := 0
	line := func(name, rest string) {
		w.text("listener"+strconv.Itoa(n), "name="+name+rest)
		n++
	}
	binds := ""
	for _, host := range s.Config.Bind {
		binds += ",bind=" + host
	}
	if s.Config.Port != 0 {
		line("tcp", binds+",port="+strconv.Itoa(s.Config.Port))
	}
	if s.Config.UnixSocket != "" {
		line("unix", ",bind="+s.Config.UnixSocket)
	}
	if s.Config.TLS.Port != 0 {
		line("tls", binds+",port="+strconv.Itoa(s.Config.TLS.Port))
	}
}

func infoClients(w *infoWriter, s *engine.Server) {
	var in, out int
	s.Clients(func(c *engine.Client) bool {
		_, room := c.QueryBuffer()
		in, out = max(in, room), max(out, c.PendingOutput())
		return true
	})
	replies, writers := s.NumWaiting()
	w.int("connected_clients", int64(s.NumClients()))
	w.int("cluster_connections", 0)
	w.int("maxclients", int64(s.Config.MaxClients))
	w.int("client_recent_max_input_buffer", int64(in))
	w.int("client_recent_max_output_buffer", int64(out))
	blocked, keys := s.NumBlocked()
	w.int("blocked_clients", int64(blocked))
	w.int("tracking_clients", int64(s.Tracking().Clients))
	timed, onMissing := s.Waits()
	w.int("clients_in_timeout_table", int64(timed))
	w.int("total_blocking_keys", int64(keys))
	w.int("total_blocking_keys_on_nokey", int64(onMissing))
	w.int("clients_waiting_for_journal", int64(writers))
	w.int("replies_waiting_for_journal", int64(replies))
}

// allocatorName tells what manages the memory.
func allocatorName() string { return "go-" + runtime.Version() + "+arena" }

func persistenceStatus(s *engine.Server) engine.PersistenceStatus {
	if s.Hooks.Persistence == nil {
		return engine.PersistenceStatus{RewriteNs: -1, SaveNs: -1, LastSaveMs: s.Stats.StartMs, Changes: s.Dirty}
	}
	return s.Hooks.Persistence()
}

// wholeSeconds turns nanoseconds into seconds; what has not happened stays -1.
func wholeSeconds(ns int64) int64 {
	if ns < 0 {
		return -1
	}
	return ns / int64(time.Second)
}

func infoPersistence(w *infoWriter, s *engine.Server) {
	p := persistenceStatus(s)
	loading, done, total := s.LoadProgress()
	w.bool("loading", loading)
	w.int("async_loading", 0)
	infoSnapshot(w, s, &p)
	w.bool("aof_enabled", s.Config.AppendOnly)
	w.bool("aof_rewrite_in_progress", p.Rewriting)
	w.bool("aof_rewrite_scheduled", p.RewriteScheduled)
	w.int("aof_last_rewrite_time_sec", wholeSeconds(p.RewriteNs))
	w.int("aof_current_rewrite_time_sec", secondsSince(s, p.Rewriting, p.RewriteStartMs))
	w.status("aof_last_bgrewrite_status", p.RewriteFailed)
	w.int("aof_rewrites", p.Rewrites)
	w.int("aof_rewrites_consecutive_failures", p.RewriteFailures)
	w.status("aof_last_write_status", p.WriteFailed)
	w.int("aof_last_cow_size", p.RewritePeak)
	w.int("module_fork_in_progress", 0)
	w.int("module_fork_last_cow_size", 0)
	if s.Config.AppendOnly {
		w.int("aof_current_size", p.Size)
		w.int("aof_base_size", p.BaseSize)
		w.int("aof_pending_rewrite", 0)
		w.int("aof_buffer_length", p.Queue)
		w.bool("aof_pending_bio_fsync", p.Syncing)
		w.int("aof_delayed_fsync", p.DelayedSyncs)
		w.int("aof_fsyncs", p.Syncs)
		w.int("aof_fsync_last_us", p.SyncLastNs/1000)
		w.int("aof_fsync_max_us", p.SyncLongNs/1000)
	}
	if loading {
		infoLoading(w, s, done, total)
	}
}

// infoSnapshot tells of snapshots. Nothing is copied on write: the sizes are those of buffers on their way to the disk.
func infoSnapshot(w *infoWriter, s *engine.Server, p *engine.PersistenceStatus) {
	age := int64(0)
	if p.Saving || p.Rewriting {
		age = max(s.NowMs-max(p.SaveStartMs, p.RewriteStartMs), 0) / 1000
	}
	w.int("current_cow_peak", p.BufferedPeak)
	w.int("current_cow_size", p.Buffered)
	w.int("current_cow_size_age", age)
	w.float("current_fork_perc", 100*float64(p.KeysSaved)/float64(max(p.KeysToSave, 1)), 2)
	w.int("current_save_keys_processed", p.KeysSaved)
	w.int("current_save_keys_total", p.KeysToSave)
	w.int("rdb_changes_since_last_save", p.Changes)
	w.bool("rdb_bgsave_in_progress", p.Saving)
	w.int("rdb_last_save_time", p.LastSaveMs/1000)
	w.status("rdb_last_bgsave_status", p.SaveFailed)
	w.int("rdb_last_bgsave_time_sec", wholeSeconds(p.SaveNs))
	w.int("rdb_current_bgsave_time_sec", secondsSince(s, p.Saving, p.SaveStartMs))
	w.int("rdb_saves", p.Saves)
	w.int("rdb_last_cow_size", p.SavePeak)
	w.int("rdb_last_load_keys_expired", p.LoadedExpired)
	w.int("rdb_last_load_keys_loaded", p.LoadedKeys)
}

// secondsSince is how long something has been running, -1 when it is not.
func secondsSince(s *engine.Server, running bool, startMs int64) int64 {
	if !running {
		return -1
	}
	return max(s.NowMs-startMs, 0) / 1000
}

// infoLoading tells how far the journal has been loaded and, at the present pace, how long the rest takes.
func infoLoading(w *infoWriter, s *engine.Server, done, total int64) {
	took := max(s.NowMs-s.Stats.StartMs, 1)
	eta := int64(1)
	if done > 0 {
		eta = int64(float64(total-done) / float64(done) * float64(took) / 1000)
	}
	w.int("loading_start_time", s.Stats.StartMs/1000)
	w.int("loading_total_bytes", total)
	w.int("loading_loaded_bytes", done)
	w.float("loading_loaded_perc", 100*float64(done)/float64(max(total, 1)), 2)
	w.int("loading_eta_seconds", max(eta, 0))
}

func infoStats(w *infoWriter, s *engine.Server) {
	st := &s.Stats
	w.int("total_connections_received", st.Connections)
	w.int("total_commands_processed", st.Commands)
	w.int("instantaneous_ops_per_sec", int64(math.Round(st.OpsPerSec)))
	w.int("total_net_input_bytes", st.NetInputBytes)
	w.int("total_net_output_bytes", st.NetOutputBytes)
	w.int("total_net_repl_input_bytes", 0)
	w.int("total_net_repl_output_bytes", 0)
	w.float("instantaneous_input_kbps", st.InputKbps, 2)
	w.float("instantaneous_output_kbps", st.OutputKbps, 2)
	w.float("instantaneous_input_repl_kbps", 0, 2)
	w.float("instantaneous_output_repl_kbps", 0, 2)
	w.int("rejected_connections", st.Rejected)
	w.int("sync_full", 0)
	w.int("sync_partial_ok", 0)
	w.int("sync_partial_err", 0)
	w.int("expired_keys", s.Keyspace.Expired)
	w.int("expired_keys_active", s.Keyspace.ExpiredActive)
	w.float("expired_stale_perc", 0, 2)
	w.int("expired_time_cap_reached_count", st.ExpiryCut)
	w.int("expire_cycle_cpu_milliseconds", st.ExpiryNs/1e6)
	w.int("active_expire_behind_ms", st.LateExpiryMs)
	w.int("background_slice_max_us", st.SliceNsMax/1000)
	w.int("background_slice_max_cpu_us", st.SliceUsedNsMax/1000)
	w.int("background_milliseconds", st.BackgroundNs/1e6)
	w.int("loop_rounds", st.Rounds)
	w.int("loop_round_max_us", st.RoundNsMax/1000)
	w.int("fanout_slice_max_cpu_us", st.FanoutUsedNsMax/1000)
	w.int("evicted_keys", st.Evicted)
	w.int("evicted_clients", st.EvictedClients)
	exceeding, exceeded := s.EvictionExceededNs()
	w.int("total_eviction_exceeded_time", exceeded/1e6)
	w.int("current_eviction_exceeded_time", exceeding/1e6)
	w.int("eviction_slice_max_us", st.EvictionSliceNsMax/1000)
	w.int("eviction_milliseconds", st.EvictionNs/1e6)
	infoDefrag(w, s)
	w.int("keyspace_hits", st.KeyspaceHits)
	w.int("keyspace_misses", st.KeyspaceMisses)
	w.int("pubsub_channels", int64(s.NumNames(engine.Channels)))
	w.int("pubsub_patterns", int64(s.NumNames(engine.Patterns)))
	w.int("pubsubshard_channels", int64(s.NumNames(engine.Shards)))
	w.int("latest_fork_usec", 0)
	w.int("total_forks", 0)
	w.int("migrate_cached_sockets", 0)
	w.int("slave_expires_tracked_keys", 0)
	t := s.Tracking()
	w.int("tracking_total_keys", int64(t.Keys))
	w.int("tracking_total_items", t.Items)
	w.int("tracking_total_prefixes", int64(t.Prefixes))
	w.int("tracking_table_bytes", t.Bytes)
	w.int("unexpected_error_replies", 0)
	w.int("total_error_replies", st.ErrorReplies)
	w.int("client_query_buffer_limit_disconnections", st.QueryLimitDisconnections)
	w.int("client_output_buffer_limit_disconnections", st.OutputLimitDisconnections)
	w.int("client_timeout_disconnections", st.TimeoutDisconnections)
	w.int("dump_payload_sanitizations", 0)
	w.int("total_reads_processed", st.Reads)
	w.int("total_writes_processed", st.Writes)
	w.int("io_threaded_reads_processed", 0)
	w.int("io_threaded_writes_processed", 0)
	w.int("reply_buffer_shrinks", 0)
	w.int("reply_buffer_expands", 0)
	w.int("eventloop_cycles", st.Rounds)
	w.int("eventloop_duration_sum", st.RoundsNs/1000)
	w.int("eventloop_duration_cmd_sum", commandsNs(s)/1000)
	w.int("instantaneous_eventloop_cycles_per_sec", int64(math.Round(st.RoundsPerSec)))
	w.int("instantaneous_eventloop_duration_usec", int64(math.Round(st.RoundNs/1000)))
	denied := s.ACLLog.Counts
	w.int("acl_access_denied_auth", denied[acl.DeniedAuth])
	w.int("acl_access_denied_cmd", denied[acl.DeniedCommand])
	w.int("acl_access_denied_key", denied[acl.DeniedKey])
	w.int("acl_access_denied_channel", denied[acl.DeniedChannel])
}

// commandsNs is the time of all commands together.
func commandsNs(s *engine.Server) (ns int64) {
	eachRow(s.Table, func(r *engine.Row) { ns += r.Stats.Ns })
	return ns
}

func infoCPU(w *infoWriter, _ *engine.Server) {
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self) // neither call can fail
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Nano()) / 1e9 }
	w.float("used_cpu_sys", seconds(self.Stime), 6)
	w.float("used_cpu_user", seconds(self.Utime), 6)
	w.float("used_cpu_sys_children", seconds(children.Stime), 6)
	w.float("used_cpu_user_children", seconds(children.Utime), 6)
	if loop, ok := threadUsage(); ok {
		w.float("used_cpu_sys_main_thread", seconds(loop.Stime), 6)
		w.float("used_cpu_user_main_thread", seconds(loop.Utime), 6)
	}
}

// infoGo tells what the Go runtime costs. The runtime counts CPU time at the end of each collection, and pauses in
// buckets: the longest one is given by its bucket's upper bound.
func infoGo(w *infoWriter, _ *engine.Server) {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(samples)
	var pauses uint64
	longest := 0.0
	h := samples[2].Value.Float64Histogram()
	for i, n := range h.Counts {
		pauses += n
		if n == 0 {
			continue
		}
		if longest = h.Buckets[i+1]; math.IsInf(longest, 1) {
			longest = h.Buckets[i]
		}
	}
	w.float("gc_cpu_percent", 100*samples[0].Value.Float64()/max(samples[1].Value.Float64(), 1e-9), 3)
	w.float("gc_pause_max_us", longest*1e6, 0)
	w.int("gc_pauses", int64(pauses))
	w.int("gc_cycles", int64(samples[3].Value.Uint64()))
	w.int("heap_bytes", int64(samples[4].Value.Uint64()))
	w.int("runtime_bytes", int64(samples[5].Value.Uint64()))
	w.int("goroutines", int64(samples[6].Value.Uint64()))
	w.int("gomaxprocs", int64(runtime.GOMAXPROCS(0)))
}
