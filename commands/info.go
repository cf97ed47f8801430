package commands

// INFO: the sections and what is in them. Fields keep redis-server's names and units where they mean the same; what is
// not so here (forks, replicas, allocator pages) is left out or, when clients cannot do without the field, constant.
//
//	default             server clients memory persistence stats replication cpu modules errorstats cluster keyspace
//	all, everything     the same and commandstats latencystats go
//
// Memory:
//
//	used_memory           what counts against maxmemory: keys, values and indexes, clients' buffers, the journal's queue
//	used_memory_overhead  of it: indexes, clients, journal; the rest is used_memory_dataset
//	used_memory_go_heap   objects of the Go heap with garbage not yet collected: clients and their buffers
//	                      (mem_clients_normal says how much of it), the server's own state, the journal's batches
//	used_memory_rss       resident pages, from the operating system

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"redix/engine"
)

var infoRows = []engine.Row{
	{Name: "info", Arity: -1, Flags: engine.Loading | engine.Stale, Categories: "dangerous", Group: "server", Since: "1.0.0",
		Complexity: "O(N) where N is the number of clients", Summary: "Replies with figures about the server.",
		Syntax: "[section [section ...]]", History: []string{"7.0.0: Takes several sections."},
		Hints:   "nondeterministic_output request_policy:all_shards response_policy:special",
		Handler: info},
}

var _ = register(infoRows)

// runID tells this process from the one before it, replicationID its data set.
var runID, replicationID = randomHex(), randomHex()

// randomHex returns 40 random hexadecimal digits.
func randomHex() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails: the process would end
	return hex.EncodeToString(b[:])
}

// infoSection is one part of INFO.
type infoSection struct {
	name, title string
	extra       bool // only when asked for
	write       func(w *infoWriter, s *engine.Server)
}

var infoSections = []infoSection{
	{name: "server", title: "Server", write: infoServer},
	{name: "clients", title: "Clients", write: infoClients},
	{name: "memory", title: "Memory", write: infoMemory},
	{name: "persistence", title: "Persistence", write: infoPersistence},
	{name: "stats", title: "Stats", write: infoStats},
	{name: "replication", title: "Replication", write: infoReplication},
	{name: "cpu", title: "CPU", write: infoCPU},
	{name: "modules", title: "Modules", write: infoNothing},
	{name: "commandstats", title: "Commandstats", extra: true, write: infoCommandStats},
	{name: "errorstats", title: "Errorstats", write: infoErrorStats},
	{name: "latencystats", title: "Latencystats", extra: true, write: infoLatencyStats},
	{name: "cluster", title: "Cluster", write: infoCluster},
	{name: "go", title: "Go", extra: true, write: infoGo},
	{name: "keyspace", title: "Keyspace", write: infoKeyspace},
}

func info(c *engine.Client, args engine.Args) {
	c.Reply.Verbatim("txt", infoText(c.Server(), args[1:]))
}

// infoText writes the sections that the words ask for.
func infoText(s *engine.Server, words engine.Args) []byte {
	var w infoWriter
	sections := 0
	for i := range infoSections {
		section := &infoSections[i]
		if !section.wanted(words) {
			continue
		}
		if sections++; sections > 1 {
			w.b = append(w.b, "\r\n"...)
		}
		w.b = append(w.b, "# "+section.title+"\r\n"...)
		section.write(&w, s)
	}
	return w.b
}

// wanted tells whether one of the words asks for the section.
func (s *infoSection) wanted(words engine.Args) bool {
	if len(words) == 0 {
		return !s.extra
	}
	return slices.ContainsFunc(words, func(word []byte) bool {
		return isWord(word, "all") || isWord(word, "everything") || isWord(word, "default") && !s.extra ||
			isWord(word, s.name) || s.name == "modules" && isWord(word, "module_list")
	})
}

// infoWriter collects lines of the form name:value.
type infoWriter struct{ b []byte }

func (w *infoWriter) text(name, value string) {
	w.b = append(w.b, name...)
	w.b = append(w.b, ':')
	w.b = append(w.b, value...)
	w.b = append(w.b, "\r\n"...)
}

func (w *infoWriter) int(name string, value int64) { w.text(name, strconv.FormatInt(value, 10)) }

func (w *infoWriter) bool(name string, value bool) {
	if value {
		w.text(name, "1")
		return
	}
	w.text(name, "0")
}

func (w *infoWriter) float(name string, value float64, places int) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		value = 0
	}
	w.text(name, strconv.FormatFloat(value, 'f', places, 64))
}

// status writes ok or err.
func (w *infoWriter) status(name string, failed bool) {
	if failed {
		w.text(name, "err")
		return
	}
	w.text(name, "ok")
}

// bytes writes a size twice: as it is, and for people.
func (w *infoWriter) bytes(name string, size int64) {
	w.int(name, size)
	w.text(name+"_human", humanSize(size))
}

// percent writes a ratio.
func (w *infoWriter) percent(name string, part, whole int64) {
	w.text(name, strconv.FormatFloat(100*float64(part)/float64(max(whole, 1)), 'f', 2, 64)+"%")
}

// humanSize prints a size with the unit that leaves few digits: 1.50K.
func humanSize(size int64) string {
	if size < 1024 {
		return strconv.FormatInt(size, 10) + "B"
	}
	f := float64(size)
	for _, unit := range "KMGTPE" {
		if f /= 1024; f < 1024 || unit == 'E' {
			return strconv.FormatFloat(f, 'f', 2, 64) + string(unit)
		}
	}
	return ""
}

func infoNothing(*infoWriter, *engine.Server) {}

func infoReplication(w *infoWriter, _ *engine.Server) {
	w.text("role", "master")
	w.int("connected_slaves", 0)
	w.text("master_failover_state", "no-failover")
	w.text("master_replid", replicationID)
	w.text("master_replid2", strings.Repeat("0", 40))
	w.int("master_repl_offset", 0)
	w.int("second_repl_offset", -1)
	w.int("repl_backlog_active", 0)
	w.int("repl_backlog_size", 0)
	w.int("repl_backlog_first_byte_offset", 0)
	w.int("repl_backlog_histlen", 0)
}

func infoCluster(w *infoWriter, _ *engine.Server) { w.int("cluster_enabled", 0) }

func infoCommandStats(w *infoWriter, s *engine.Server) {
	eachRow(s.Table, func(r *engine.Row) {
		st := &r.Stats
		if st.Calls == 0 && st.Rejected == 0 && st.Failed == 0 {
			return
		}
		us := float64(st.Ns) / 1e3
		w.text("cmdstat_"+r.FullName, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			st.Calls, int64(us), us/float64(max(st.Calls, 1)), st.Rejected, st.Failed))
	})
}

func infoErrorStats(w *infoWriter, s *engine.Server) {
	kinds := make([]string, 0, len(s.Stats.Errors))
	for kind := range s.Stats.Errors {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		w.text("errorstat_"+kind, "count="+strconv.FormatInt(s.Stats.Errors[kind], 10))
	}
}

// ttlSamples is from how many random keys of a database avg_ttl is estimated.
const ttlSamples = 20

func infoKeyspace(w *infoWriter, s *engine.Server) {
	for i := range s.Keyspace.Len() {
		db := s.Keyspace.DB(i)
		if db.Len() == 0 {
			continue
		}
		var sum, n int64
		for range ttlSamples {
			e, ok := db.Random()
			if db.Expires() == 0 || !ok {
				break
			}
			if d := e.Deadline(); d > 0 {
				sum += max(d-s.NowMs, 0)
				n++
			}
		}
		w.text("db"+strconv.Itoa(i), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", db.Len(), db.Expires(), sum/max(n, 1)))
	}
}
