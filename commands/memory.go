package commands

// MEMORY, and the figures of memory that INFO shares with it.

import (
	"fmt"
	"os"
	godebug "runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"

	"redix/engine"
)

var memoryRows = []engine.Row{
	{Name: "memory", Arity: -2, Group: "server", Since: "4.0.0", Complexity: "Depends on subcommand.",
		Summary: "Container of the commands that tell of memory.", Subs: []engine.Row{
			{Name: "doctor", Arity: 2, Since: "4.0.0", Complexity: "O(N) where N is the number of clients",
				Summary: "Tells what looks wrong with the use of memory.",
				Hints:   "nondeterministic_output request_policy:all_shards response_policy:special", Handler: memoryDoctor},
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "4.0.0", Complexity: "O(1)",
				Summary: "Lists the subcommands.", Handler: help},
			{Name: "malloc-stats", Arity: 2, Since: "4.0.0", Complexity: "O(N) where N is the memory in use",
				Summary: "Replies with what the allocator knows of itself.",
				Hints:   "nondeterministic_output request_policy:all_shards response_policy:special", Handler: memoryMallocStats},
			{Name: "purge", Arity: 2, Since: "4.0.0", Complexity: "O(1), the work is done in the background",
				Summary: "Gives memory that is not in use back to the system.",
				Hints:   "request_policy:all_shards response_policy:all_succeeded", Handler: memoryPurge},
			{Name: "stats", Arity: 2, Since: "4.0.0", Complexity: "O(N) where N is the number of clients",
				Summary: "Replies with figures on the use of memory.",
				Hints:   "nondeterministic_output request_policy:all_shards response_policy:special", Handler: memoryStats},
			{Name: "usage", Arity: -3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO"), Since: "4.0.0", Complexity: "O(1)",
				Syntax: "key [SAMPLES count]", Summary: "Replies with the bytes that a key takes.", Handler: memoryUsage},
		}},
}

var _ = register(memoryRows)

// memoryFigures are bytes, but for the ratios and counts.
type memoryFigures struct {
	engine.Usage
	used, peak     int64
	index          int64   // of all databases
	indexes        []int64 // of each
	overhead       int64   // all but the entries
	dataset        int64
	keys           int64
	arena          int64 // blocks in use
	active         int64 // slabs up to the marks of what was ever used, and mappings
	heap           int64 // objects of the Go heap, with garbage
	runtime        int64 // all that the Go runtime has from the system and has not given back
	resident       int64 // the process
	arenaResident  int64 // the process without the runtime
	clients        int64
	datasetPercent float64
}

func figures(s *engine.Server) (f memoryFigures) {
	f.Usage = s.Usage()
	f.used = s.UsedMemory()
	f.peak = s.Stats.PeakMemory
	for i := range s.Keyspace.Len() {
		db := s.Keyspace.DB(i)
		f.indexes = append(f.indexes, db.IndexBytes())
		f.index += db.IndexBytes()
		f.keys += int64(db.Len())
	}
	f.clients = s.ClientsMemory()
	f.overhead = f.index + f.Clients + f.Journal
	f.dataset = f.used - f.overhead
	f.datasetPercent = 100 * float64(f.dataset) / float64(max(f.used, 1))
	a := s.Keyspace.Arena()
	f.arena = a.Used()
	f.active = f.arena + a.Waste()
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	f.heap = int64(samples[0].Value.Uint64())
	f.runtime = int64(samples[1].Value.Uint64() - samples[2].Value.Uint64())
	f.resident = residentMemory()
	f.arenaResident = max(f.resident-f.runtime, 0)
	return f
}

// ratio is 0 where there is nothing to compare with.
func ratio(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// residentMemory returns the bytes of the process that are in memory; 0 when the system does not tell.
func residentMemory() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(statm))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func infoMemory(w *infoWriter, s *engine.Server) {
	f := figures(s)
	w.bytes("used_memory", f.used)
	w.bytes("used_memory_rss", f.resident)
	w.bytes("used_memory_peak", f.peak)
	w.percent("used_memory_peak_perc", f.used, f.peak)
	w.int("used_memory_overhead", f.overhead)
	w.int("used_memory_startup", 0)
	w.int("used_memory_dataset", f.dataset)
	w.percent("used_memory_dataset_perc", f.dataset, f.used)
	w.int("used_memory_go_heap", f.heap)
	w.int("allocator_allocated", f.arena)
	w.int("allocator_active", f.active)
	w.int("allocator_resident", f.arenaResident)
	w.int("allocator_mapped", s.Keyspace.Mapped())
	w.bytes("total_system_memory", theSystem().memory)
	w.bytes("used_memory_lua", 0)
	w.int("used_memory_vm_eval", 0)
	w.int("used_memory_scripts_eval", 0)
	w.int("number_of_cached_scripts", 0)
	w.int("number_of_functions", 0)
	w.int("number_of_libraries", 0)
	w.int("used_memory_vm_functions", 0)
	w.bytes("used_memory_vm_total", 0)
	w.int("used_memory_functions", 0)
	w.bytes("used_memory_scripts", 0)
	w.bytes("maxmemory", int64(s.Config.MaxMemoryBytes))
	for _, p := range s.Config.Get("maxmemory-policy") {
		w.text("maxmemory_policy", p.Value)
	}
	w.float("allocator_frag_ratio", ratio(f.active, f.arena), 2)
	w.int("allocator_frag_bytes", f.active-f.arena)
	w.float("allocator_rss_ratio", ratio(f.arenaResident, f.active), 2)
	w.int("allocator_rss_bytes", f.arenaResident-f.active)
	w.float("rss_overhead_ratio", ratio(f.resident, f.arenaResident), 2)
	w.int("rss_overhead_bytes", f.resident-f.arenaResident)
	w.float("mem_fragmentation_ratio", ratio(f.resident, f.used), 2)
	w.int("mem_fragmentation_bytes", f.resident-f.used)
	w.int("mem_not_counted_for_evict", f.NotCounted)
	w.int("mem_replication_backlog", 0)
	w.int("mem_total_replication_buffers", 0)
	w.int("mem_clients_slaves", 0)
	w.int("mem_clients_normal", f.clients)
	w.int("mem_cluster_links", 0)
	w.int("mem_aof_buffer", f.Journal)
	w.text("mem_allocator", allocatorName())
	percent, _ := s.Defragging()
	w.int("active_defrag_running", percent)
	w.int("lazyfree_pending_objects", int64(s.Keyspace.Garbage()))
	w.int("lazyfreed_objects", s.Keyspace.Freed)
}

// infoDefrag is the part of INFO stats that tells of active defragmentation. Hits are blocks that were moved, misses those
// that were looked at and stayed; the same by large value, since the small ones are a block each.
func infoDefrag(w *infoWriter, s *engine.Server) {
	st := s.Keyspace.CompactionStats()
	percent, ns := s.Defragging()
	w.int("active_defrag_hits", st.Moved)
	w.int("active_defrag_misses", st.Kept)
	w.int("active_defrag_key_hits", st.ObjectsMoved)
	w.int("active_defrag_key_misses", st.ObjectsVisited-st.ObjectsMoved)
	w.int("active_defrag_bytes", st.MovedBytes)
	w.int("total_active_defrag_time", ns/1e6)
	if percent == 0 {
		ns = 0
	}
	w.int("current_active_defrag_time", ns/1e6)
}

func memoryStats(c *engine.Client, _ engine.Args) {
	s := c.Server()
	f := figures(s)
	r := c.Reply
	dbs := 0
	for i := range s.Keyspace.Len() {
		if s.Keyspace.DB(i).Len() > 0 {
			dbs++
		}
	}
	ints := func(pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			r.BulkString(pairs[i].(string))
			switch v := pairs[i+1].(type) {
			case int64:
				r.Int(v)
			case float64:
				r.Double(v)
			}
		}
	}
	r.Map(27 + dbs)
	ints("peak.allocated", f.peak, "total.allocated", f.used, "startup.allocated", int64(0), "replication.backlog", int64(0),
		"clients.slaves", int64(0), "clients.normal", f.clients, "cluster.links", int64(0), "aof.buffer", f.Journal,
		"lua.caches", int64(0), "functions.caches", int64(0))
	for i := range s.Keyspace.Len() {
		if s.Keyspace.DB(i).Len() == 0 {
			continue
		}
		r.BulkString("db." + strconv.Itoa(i))
		r.Map(3)
		ints("overhead.hashtable.main", f.indexes[i], "overhead.hashtable.expires", int64(0), "overhead.hashtable.slot-to-keys", int64(0))
	}
	perKey := int64(0)
	if f.keys > 0 {
		perKey = f.used / f.keys
	}
	ints("overhead.total", f.overhead, "keys.count", f.keys, "keys.bytes-per-key", perKey, "dataset.bytes", f.dataset,
		"dataset.percentage", f.datasetPercent, "peak.percentage", 100*ratio(f.used, f.peak),
		"allocator.allocated", f.arena, "allocator.active", f.active, "allocator.resident", f.arenaResident,
		"allocator-fragmentation.ratio", ratio(f.active, f.arena), "allocator-fragmentation.bytes", f.active-f.arena,
		"allocator-rss.ratio", ratio(f.arenaResident, f.active), "allocator-rss.bytes", f.arenaResident-f.active,
		"rss-overhead.ratio", ratio(f.resident, f.arenaResident), "rss-overhead.bytes", f.resident-f.arenaResident,
		"fragmentation", ratio(f.resident, f.used), "fragmentation.bytes", f.resident-f.used)
}

// Bounds of what MEMORY DOCTOR calls healthy.
const (
	doctorLeast       = 5 << 20 // used memory below which nothing can be said
	doctorPeak        = 1.5
	doctorFragmented  = 1.4
	doctorGoShare     = 0.25
	doctorClientBytes = 200 << 10
	doctorTenth       = 0.1
)

func memoryDoctor(c *engine.Client, _ engine.Args) {
	s := c.Server()
	f := figures(s)
	var found []string
	note := func(bad bool, format string, values ...any) {
		if bad {
			found = append(found, fmt.Sprintf(format, values...))
		}
	}
	size := humanSize
	switch {
	case f.used < doctorLeast:
		found = append(found, "Only "+size(f.used)+" are in use: too little to judge by.")
	default:
		note(ratio(f.peak, f.used) > doctorPeak, "Peak: %s were in use at one time, %s are now. What is resident may lag behind for a while.",
			size(f.peak), size(f.used))
		note(ratio(f.active, f.arena) > doctorFragmented && f.active-f.arena > doctorLeast,
			"Fragmentation: slabs hold %s, of which %s are in use. activedefrag is %s.", size(f.active), size(f.arena), yesOrNo(s.Config.ActiveDefrag))
		note(ratio(f.runtime, f.resident) > doctorGoShare && f.runtime > 64<<20,
			"Go runtime: it holds %s of the %s that are resident: buffers of clients or of the journal, or garbage. GOGC and GOMEMLIMIT bound it.",
			size(f.runtime), size(f.resident))
		note(s.NumClients() > 0 && f.clients/int64(max(s.NumClients(), 1)) > doctorClientBytes,
			"Clients: %d of them take %s. Some send faster than they are served, or do not read. See CLIENT LIST and client-output-buffer-limit.",
			s.NumClients(), size(f.clients))
		note(ratio(f.Journal, f.used) > doctorTenth, "Journal: %s wait to be written. The disk is slower than the writes.", size(f.Journal))
		if limit := int64(s.Config.MaxMemoryBytes); limit > 0 {
			now, _ := s.EvictionExceededNs()
			note(now > 1e9, "maxmemory: the memory in use has been over %s for %d s.", size(limit), now/1e9)
		}
	}
	if len(found) == 0 {
		found = append(found, "Nothing looks wrong: "+size(f.used)+" in use, "+size(f.resident)+" resident.")
	}
	c.Reply.Verbatim("txt", []byte(strings.Join(found, "\n")+"\n"))
}

func yesOrNo(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

func memoryMallocStats(c *engine.Client, _ engine.Args) {
	a := c.Server().Keyspace.Arena()
	b := fmt.Appendf(nil, "arena: %d bytes in %d blocks, %d mapped, %d of slabs not in use\n", a.Used(), a.Blocks(), a.Mapped(), a.Waste())
	b = append(b, "block size      slabs     blocks      bytes in use   not in use\n"...)
	a.Classes(func(size, slabs int, blocks, waste int64) {
		if size == 0 {
			b = fmt.Appendf(b, "own mapping %9d %10d %17d\n", slabs, blocks, waste)
			return
		}
		b = fmt.Appendf(b, "%10d %10d %10d %17d %12d\n", size, slabs, blocks, blocks*int64(size), waste)
	})
	c.Reply.Verbatim("txt", b)
}

// memoryPurge gives back what can be at once, and starts what takes time: a compaction, whatever activedefrag says, and a
// collection of the Go heap in a goroutine of its own.
func memoryPurge(c *engine.Client, _ engine.Args) {
	c.Server().Purge()
	go godebug.FreeOSMemory()
	c.Reply.OK()
}

// memoryUsage is exact: SAMPLES is checked and needed for nothing, since large values count their bytes.
func memoryUsage(c *engine.Client, args engine.Args) {
	for i := 3; i < len(args); i += 2 {
		if !isWord(args[i], "samples") || i+1 == len(args) {
			c.Reply.Error(errSyntax)
			return
		}
		n, ok := intArg(c, args[i+1])
		if !ok {
			return
		}
		if n < 0 {
			c.Reply.Error(errSyntax)
			return
		}
	}
	e, ok := c.DB.Lookup(args[2]) // which is neither a hit nor a miss
	if !ok {
		c.Reply.Null()
		return
	}
	c.Reply.Int(e.Size())
}
