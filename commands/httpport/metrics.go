package httpport

import (
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"redix/engine"
)

// exported are fields of INFO and what they are called in Prometheus. The names are redis_exporter's (without its prefix
// redis_), so that its dashboards work; what it does not have is called redix_... . Fields that INFO does not show at
// present are left out.
var exported = []struct {
	field, name string
	counter     bool
	scale       float64 // 0 stands for 1
}{
	{"uptime_in_seconds", "redis_uptime_in_seconds", false, 0},
	{"process_id", "redis_process_id", false, 0},
	{"connected_clients", "redis_connected_clients", false, 0},
	{"blocked_clients", "redis_blocked_clients", false, 0},
	{"tracking_clients", "redis_tracking_clients", false, 0},
	{"tracking_total_keys", "redis_tracking_total_keys", false, 0},
	{"tracking_total_items", "redis_tracking_total_items", false, 0},
	{"tracking_total_prefixes", "redis_tracking_total_prefixes", false, 0},
	{"clients_in_timeout_table", "redis_clients_in_timeout_table", false, 0},
	{"maxclients", "redis_config_maxclients", false, 0},
	{"client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes", false, 0},
	{"client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes", false, 0},
	{"allocator_allocated", "redis_allocator_allocated_bytes", false, 0},
	{"allocator_active", "redis_allocator_active_bytes", false, 0},
	{"allocator_resident", "redis_allocator_resident_bytes", false, 0},
	{"allocator_frag_bytes", "redis_allocator_frag_bytes", false, 0},
	{"allocator_frag_ratio", "redis_allocator_frag_ratio", false, 0},
	{"allocator_rss_bytes", "redis_allocator_rss_bytes", false, 0},
	{"allocator_rss_ratio", "redis_allocator_rss_ratio", false, 0},
	{"used_memory", "redis_memory_used_bytes", false, 0},
	{"used_memory_rss", "redis_memory_used_rss_bytes", false, 0},
	{"used_memory_peak", "redis_memory_used_peak_bytes", false, 0},
	{"used_memory_overhead", "redis_memory_used_overhead_bytes", false, 0},
	{"used_memory_startup", "redis_memory_used_startup_bytes", false, 0},
	{"used_memory_dataset", "redis_memory_used_dataset_bytes", false, 0},
	{"maxmemory", "redis_memory_max_bytes", false, 0},
	{"mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", false, 0},
	{"mem_fragmentation_bytes", "redis_mem_fragmentation_bytes", false, 0},
	{"mem_clients_normal", "redis_mem_clients_normal", false, 0},
	{"mem_not_counted_for_evict", "redis_mem_not_counted_for_eviction_bytes", false, 0},
	{"lazyfree_pending_objects", "redis_lazyfree_pending_objects", false, 0},
	{"active_defrag_running", "redis_active_defrag_running", false, 0},
	{"active_defrag_hits", "redis_defrag_hits", false, 0},
	{"active_defrag_misses", "redis_defrag_misses", false, 0},
	{"active_defrag_key_hits", "redis_defrag_key_hits", false, 0},
	{"active_defrag_key_misses", "redis_defrag_key_misses", false, 0},
	{"loading", "redis_loading_dump_file", false, 0},
	{"rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", false, 0},
	{"rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", false, 0},
	{"rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", false, 0},
	{"rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", false, 0},
	{"rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", false, 0},
	{"rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec", false, 0},
	{"aof_enabled", "redis_aof_enabled", false, 0},
	{"aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", false, 0},
	{"aof_rewrite_scheduled", "redis_aof_rewrite_scheduled", false, 0},
	{"aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec", false, 0},
	{"aof_current_rewrite_time_sec", "redis_aof_current_rewrite_duration_sec", false, 0},
	{"aof_current_size", "redis_aof_current_size_bytes", false, 0},
	{"aof_base_size", "redis_aof_base_size_bytes", false, 0},
	{"aof_pending_rewrite", "redis_aof_pending_rewrite", false, 0},
	{"aof_buffer_length", "redis_aof_buffer_length", false, 0},
	{"aof_pending_bio_fsync", "redis_aof_pending_bio_fsync", false, 0},
	{"aof_delayed_fsync", "redis_aof_delayed_fsync", false, 0},
	{"aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", false, 0},
	{"aof_last_write_status", "redis_aof_last_write_status", false, 0},
	{"pubsub_channels", "redis_pubsub_channels", false, 0},
	{"pubsub_patterns", "redis_pubsub_patterns", false, 0},
	{"latest_fork_usec", "redis_latest_fork_seconds", false, 1e-6},
	{"connected_slaves", "redis_connected_slaves", false, 0},
	{"total_connections_received", "redis_connections_received_total", true, 0},
	{"total_commands_processed", "redis_commands_processed_total", true, 0},
	{"rejected_connections", "redis_rejected_connections_total", true, 0},
	{"total_net_input_bytes", "redis_net_input_bytes_total", true, 0},
	{"total_net_output_bytes", "redis_net_output_bytes_total", true, 0},
	{"expired_keys", "redis_expired_keys_total", true, 0},
	{"expired_stale_perc", "redis_expired_stale_percentage", false, 0},
	{"expired_time_cap_reached_count", "redis_expired_time_cap_reached_total", false, 0},
	{"evicted_keys", "redis_evicted_keys_total", true, 0},
	{"evicted_clients", "redis_evicted_clients_total", true, 0},
	{"total_error_replies", "redis_total_error_replies", true, 0},
	{"unexpected_error_replies", "redis_unexpected_error_replies", true, 0},
	{"total_reads_processed", "redis_total_reads_processed", true, 0},
	{"total_writes_processed", "redis_total_writes_processed", true, 0},
	{"dump_payload_sanitizations", "redis_dump_payload_sanitizations", true, 0},
	{"keyspace_hits", "redis_keyspace_hits_total", true, 0},
	{"keyspace_misses", "redis_keyspace_misses_total", true, 0},
	{"used_cpu_sys", "redis_cpu_sys_seconds_total", true, 0},
	{"used_cpu_user", "redis_cpu_user_seconds_total", true, 0},
	{"used_cpu_sys_main_thread", "redis_cpu_sys_main_thread_seconds_total", true, 0},
	{"used_cpu_user_main_thread", "redis_cpu_user_main_thread_seconds_total", true, 0},

	{"active_expire_behind_ms", "redix_expiry_lag_seconds", false, 1e-3},
	{"expired_keys_active", "redix_expired_keys_active_total", true, 0},
	{"total_eviction_exceeded_time", "redix_eviction_exceeded_seconds_total", true, 1e-3},
	{"background_slice_max_us", "redix_background_slice_max_seconds", false, 1e-6},
	{"background_slice_max_cpu_us", "redix_background_slice_max_cpu_seconds", false, 1e-6},
	{"background_milliseconds", "redix_background_seconds_total", true, 1e-3},
	{"loop_rounds", "redix_loop_rounds_total", true, 0},
	{"loop_round_max_us", "redix_loop_round_max_seconds", false, 1e-6},
	{"fanout_slice_max_cpu_us", "redix_fanout_slice_max_cpu_seconds", false, 1e-6},
	{"clients_waiting_for_journal", "redix_clients_waiting_for_journal", false, 0},
	{"replies_waiting_for_journal", "redix_replies_waiting_for_journal", false, 0},
	{"mem_aof_buffer", "redix_journal_queue_bytes", false, 0},
	{"aof_fsyncs", "redix_journal_fsyncs_total", true, 0},
	{"aof_fsync_last_us", "redix_journal_fsync_last_seconds", false, 1e-6},
	{"aof_fsync_max_us", "redix_journal_fsync_max_seconds", false, 1e-6},
	{"used_memory_go_heap", "redix_memory_go_heap_bytes", false, 0},
	{"client_query_buffer_limit_disconnections", "redix_client_query_buffer_limit_disconnections_total", true, 0},
	{"client_output_buffer_limit_disconnections", "redix_client_output_buffer_limit_disconnections_total", true, 0},
	{"client_timeout_disconnections", "redix_client_timeout_disconnections_total", true, 0},
}

// infoLabels are those of redis_instance_info.
var infoLabels = []string{"role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id", "process_id"}

// collector gives one copy of figures to Prometheus.
type collector struct{ f *Figures }

// Describe implements prometheus.Collector: which metrics there are depends on the figures.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	p := pusher{out}
	f := c.f
	p.gauge("redis_up", "1: the server has answered.", 1)
	info := f.info()
	labels := make([]string, len(infoLabels))
	for i, name := range infoLabels {
		labels[i] = strings.ToValidUTF8(info[name], "?")
	}
	p.push("redis_instance_info", "What the server is.", prometheus.GaugeValue, 1, infoLabels, labels...)
	p.push("redix_info", "What the server is, on its own account.", prometheus.GaugeValue, 1,
		[]string{"redix_version", "io_reactor", "go_version"}, info["redix_version"], info["io_reactor"], info["go_version"])
	for _, e := range exported {
		v, ok := f.number(e.field)
		switch {
		case info[e.field] == "ok":
			v, ok = 1, true
		case info[e.field] == "err":
			v, ok = 0, true
		}
		if e.scale != 0 {
			v *= e.scale
		}
		kind := prometheus.GaugeValue
		if e.counter {
			kind = prometheus.CounterValue
		}
		if ok {
			p.push(e.name, e.field+" of INFO.", kind, v, nil)
		}
	}
	now, _ := f.number("server_time_usec")
	up, ok := f.number("uptime_in_seconds")
	if ok {
		p.gauge("redis_start_time_seconds", "When the server was started, in seconds of Unix time.", math.Floor(now/1e6)-up)
	}
	p.databases(f)
	p.commands(f)
	p.keys(f)
	p.gauge("redis_slowlog_length", "Entries of the slow log.", float64(f.SlowLen))
	if len(f.Slow) > 0 {
		p.gauge("redis_slowlog_last_id", "Number of the newest entry of the slow log.", float64(f.Slow[0].ID))
		p.gauge("redis_last_slow_execution_duration_seconds", "Time that the newest entry of the slow log took.", float64(f.Slow[0].Micros)/1e6)
	}
	if f.Rounds != nil {
		p.histogram("redix_loop_round_seconds", "Length of rounds of the loop, every sixteenth.", f.Rounds, math.NaN(), nil)
	}
}

type pusher struct{ out chan<- prometheus.Metric }

func (p pusher) push(name, help string, kind prometheus.ValueType, v float64, labels []string, values ...string) {
	p.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, labels, nil), kind, v, values...)
}

func (p pusher) gauge(name, help string, v float64) {
	p.push(name, help, prometheus.GaugeValue, v, nil)
}

func (p pusher) databases(f *Figures) {
	db := []string{"db"}
	info := f.info()
	for _, name := range f.names {
		if v := parts(info[name]); strings.HasPrefix(name, "db") && v["keys"] != "" {
			number := func(field string) float64 {
				n, _ := strconv.ParseFloat(v[field], 64) // ours
				return n
			}
			p.push("redis_db_keys", "Keys of a database.", prometheus.GaugeValue, number("keys"), db, name)
			p.push("redis_db_keys_expiring", "Keys of a database that have a deadline.", prometheus.GaugeValue, number("expires"), db, name)
			p.push("redis_db_avg_ttl_seconds", "Mean time to live, estimated.", prometheus.GaugeValue, number("avg_ttl")/1e3, db, name)
		}
		if kind, ok := strings.CutPrefix(name, "errorstat_"); ok {
			n, _ := strconv.ParseFloat(parts(info[name])["count"], 64) // ours
			p.push("redis_errors_total", "Error replies by their first word.", prometheus.CounterValue, n, []string{"err"}, strings.ToValidUTF8(kind, "?"))
		}
	}
}

func (p pusher) commands(f *Figures) {
	cmd := []string{"cmd"}
	for i := range f.Commands {
		c := &f.Commands[i]
		counter := func(name, help string, v float64) { p.push(name, help, prometheus.CounterValue, v, cmd, c.Name) }
		counter("redis_commands_total", "Calls of a command.", float64(c.Stats.Calls))
		counter("redis_commands_duration_seconds_total", "Time in a command.", float64(c.Stats.Ns)/1e9)
		counter("redis_commands_rejected_calls_total", "Calls that were refused before the command ran.", float64(c.Stats.Rejected))
		counter("redis_commands_failed_calls_total", "Calls that ended in an error.", float64(c.Stats.Failed))
		if h := c.Latency; h != nil && h.Total > 0 {
			p.histogram("redis_commands_latencies_usec", "Time that calls of a command took, microseconds.", h, float64(c.Stats.Ns)/1e3, cmd, c.Name)
			percentiles := map[float64]float64{}
			for _, q := range []float64{50, 99, 99.9} {
				percentiles[q] = float64(h.Percentile(q)) / 1e3
			}
			p.out <- prometheus.MustNewConstSummary(prometheus.NewDesc("redis_latency_percentiles_usec",
				"Percentiles (not quantiles, as in redis_exporter) of that, since the start.", cmd, nil),
				uint64(c.Stats.Calls), float64(c.Stats.Ns)/1e3, percentiles, c.Name)
		}
	}
}

// histogram has bounds at powers of two; a sum that is not known is estimated from them. Names that end in _usec have
// microseconds, others seconds.
func (p pusher) histogram(name, help string, h *engine.Histogram, sum float64, labels []string, values ...string) {
	unit := 1e-9
	if strings.HasSuffix(name, "_usec") {
		unit = 1e-3
	}
	buckets := map[float64]uint64{}
	estimate, before := 0.0, int64(0)
	h.Cumulative(func(bound, count int64) {
		buckets[float64(bound)*unit] = uint64(count)
		estimate += float64(count-before) * float64(bound) * unit * 3 / 4
		before = count
	})
	if math.IsNaN(sum) {
		sum = estimate
	}
	p.out <- prometheus.MustNewConstHistogram(prometheus.NewDesc(name, help, labels, nil), uint64(h.Total), sum, buckets, values...)
}

func (p pusher) keys(f *Figures) {
	for _, t := range f.Keys.Types {
		kind := []string{"type"}
		p.push("redix_type_keys", "Keys of a type, estimated.", prometheus.GaugeValue, float64(t.Keys), kind, t.Name)
		p.push("redix_type_bytes", "Memory of keys of a type, estimated.", prometheus.GaugeValue, float64(t.Bytes), kind, t.Name)
	}
}
