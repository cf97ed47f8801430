package commands_test

// Whether INFO has every field that redis-server has, and whether those that are measured are true.

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/peer"
)

// fieldsSince70 are what INFO of 7.2 has and that of 7.0 has not.
const fieldsSince70 = "listener0 total_blocking_keys total_blocking_keys_on_nokey aof_rewrites_consecutive_failures " +
	"eventloop_cycles eventloop_duration_sum eventloop_duration_cmd_sum instantaneous_eventloop_cycles_per_sec " +
	"instantaneous_eventloop_duration_usec acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key acl_access_denied_channel"

// fieldsAfter72 are fields of servers with what came after 7.2; Valkey has some of its own.
const (
	fieldsAfter72 = "pubsub_clients watching_clients total_watched_keys mem_overhead_db_hashtable_rehashing allocator_muzzy evicted_scripts"
	fieldsValkey  = "server_name availability_zone replicas_waiting_psync io_threaded_poll_processed io_threaded_freed_objects " +
		"io_threaded_total_prefetch_batches io_threaded_total_prefetch_entries"
)

// redisField is what Redis calls a field of its own name: valkey_version, server_mode.
func redisField(name string) string {
	for _, prefix := range []string{strings.ToLower(against.Name), "server"} {
		if rest, ok := strings.CutPrefix(name, prefix+"_"); ok && strings.Contains(" version mode git_sha1 git_dirty build_id ", " "+rest+" ") {
			return "redis_" + rest
		}
	}
	return name
}

func TestInfoHasAllFields(t *testing.T) {
	work := func(c *servertest.Conn) map[string]bool {
		for _, line := range []string{"SET k v EX 1000", "GET nosuch", "LPUSH k x"} {
			c.Do(strings.Fields(line)...)
		}
		names := map[string]bool{}
		for line := range strings.SplitSeq(c.Must("INFO", "everything").Str, "\r\n") {
			if name, _, ok := strings.Cut(line, ":"); ok {
				names[name] = true
			}
		}
		return names
	}
	p := servertest.StartProcess(t, "--appendonly", "yes")
	c := p.Dial()
	ours := work(c)
	for name := range strings.FieldsSeq(fieldsSince70) {
		if !ours[name] {
			t.Errorf("%s is missing", name)
		}
	}
	theirs := work(servertest.StartRedis(t, "--appendonly", "yes").Dial())
	later := map[string]bool{}
	for _, fields := range []struct {
		of    func(peer.Release) bool
		names string
	}{{after72, fieldsAfter72}, {valkey, fieldsValkey}} {
		for name := range strings.FieldsSeq(fields.names) {
			later[name] = fields.of(against)
		}
	}
	for name := range theirs {
		if !ours[redisField(name)] && !later[name] {
			t.Errorf("redis-server has %s", name)
		}
	}
}

// The loop has a thread of its own, and its time is told.
func TestInfoMainThread(t *testing.T) {
	p := servertest.StartProcess(t)
	c := p.Dial()
	var last float64
	for range 3 {
		for range 50 {
			c.Must("DEBUG", "STRINGMATCH-LEN", "2000", "*a*a*a*b")
		}
		info := c.Info("cpu")
		loop := figure(t, info["used_cpu_user_main_thread"]) + figure(t, info["used_cpu_sys_main_thread"])
		all := figure(t, info["used_cpu_user"]) + figure(t, info["used_cpu_sys"])
		if loop <= last || loop > all+0.001 { // read one after the other
			t.Errorf("the loop's thread has used %v s, before %v, of %v", loop, last, all)
		}
		last = loop
	}
	stat, err := os.ReadFile("/proc/" + c.Info("server")["process_id"] + "/task/" + c.Info("server")["process_id"] + "/stat")
	if err != nil {
		t.Skip("SKIPPED: no /proc here")
	}
	after := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	ticks := 0.0
	for _, f := range strings.Fields(after)[11:13] { // utime and stime, in hundredths of a second
		ticks += figure(t, f)
	}
	if ticks/100 < last-0.03 {
		t.Errorf("the main thread has used %v s, INFO says %v", ticks/100, last)
	}
}

func figure(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What expires costs time, and is told when it takes more than a slice.
func TestInfoExpiryAndRounds(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0])
	c := s.Dial()
	c.Must("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	for i := range 30 {
		for j := range 1000 {
			c.Send("SET", "key:"+strconv.Itoa(1000*i+j), "v", "PX", "1")
		}
		c.Flush()
		for range 1000 {
			c.Receive()
		}
	}
	before := c.Info("stats")
	c.Must("DEBUG", "SET-ACTIVE-EXPIRE", "1")
	eventually(t, "all have expired", func() bool { return c.Must("DBSIZE").Int == 0 })
	// a thousandth of a second is the unit, and 30,000 keys take several
	eventually(t, "their time is told", func() bool { return figure(t, c.Info("stats")["expire_cycle_cpu_milliseconds"]) > 0 })
	info := c.Info("stats")
	for _, grows := range []string{"expired_keys_active", "expired_time_cap_reached_count", "eventloop_cycles", "eventloop_duration_sum", "eventloop_duration_cmd_sum"} {
		if figure(t, info[grows]) <= figure(t, before[grows]) {
			t.Errorf("%s: %s before, %s after", grows, before[grows], info[grows])
		}
	}
	var spent int64
	s.OnLoop(func(e *engine.Server) { spent = time.Now().UnixMilli() - e.Stats.StartMs })
	// one round in sixteen is timed, so a long one may count too much; but not by an order of magnitude
	if us := figure(t, info["eventloop_duration_sum"]); us/1000 > 16*float64(spent) {
		t.Errorf("%v us in rounds within %d ms", us, spent)
	}
	// the rates are of the last 1.6 s
	eventually(t, "rates are told", func() bool { return figure(t, c.Info("stats")["instantaneous_eventloop_cycles_per_sec"]) > 0 })
	if m := regexp.MustCompile(`^\d+$`); !m.MatchString(c.Info("stats")["instantaneous_eventloop_duration_usec"]) {
		t.Errorf("%q", c.Info("stats")["instantaneous_eventloop_duration_usec"])
	}
}

// What was loaded is told, also of a base file of the journal.
func TestInfoLastLoad(t *testing.T) {
	dir := t.TempDir()
	first := servertest.StartProcess(t, "--dir", dir)
	c := first.Dial()
	for i := range 10 {
		c.Must("SET", "key:"+strconv.Itoa(i), "v")
	}
	for i := range 3 {
		c.Must("SET", "short:"+strconv.Itoa(i), "v", "PX", "300")
	}
	c.Must("SAVE")
	eventually(t, "three are over", func() bool { return c.Must("DBSIZE").Int == 10 })
	first.Kill()
	if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); err != nil {
		t.Fatal(err)
	}
	p := servertest.StartProcess(t, "--dir", dir)
	c = p.Dial()
	if info := c.Info("persistence"); info["rdb_last_load_keys_loaded"] != "10" || info["rdb_last_load_keys_expired"] != "3" {
		t.Errorf("loaded %s, expired %s", info["rdb_last_load_keys_loaded"], info["rdb_last_load_keys_expired"])
	}
	c.Must("CONFIG", "SET", "appendonly", "yes")
	eventually(t, "the base file is there", func() bool {
		return c.Info("persistence")["aof_rewrite_in_progress"] == "0" && c.Info("persistence")["aof_base_size"] != "0"
	})
	p.Kill()
	c = servertest.StartProcess(t, "--dir", dir, "--appendonly", "yes").Dial()
	if info := c.Info("persistence"); info["rdb_last_load_keys_loaded"] != "10" {
		t.Errorf("loaded %s of the base file", info["rdb_last_load_keys_loaded"])
	}
}
