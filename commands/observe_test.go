package commands_test

// The HTTP port: who may see what, whether the figures are right, and whether the page shows them in a browser.

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	promodel "github.com/prometheus/common/model"

	"redix/commands/servertest"
)

// fetch asks the HTTP port; user and password may be empty.
func fetch(t *testing.T, s *servertest.Server, path, password, host string) (code int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth("default", password)
	}
	if host != "" {
		r.Host = host
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestHTTPAccess(t *testing.T) {
	secret := []string{"/", "/app.js", "/metrics", "/api/figures"}
	for _, test := range []struct {
		flags []string
		set   []string
		code  func(path, password, host string) int
	}{
		{nil, nil, func(_, _, host string) int {
			if host == "evil.example" {
				return 403
			}
			return 200
		}},
		{[]string{"--protected-mode", "no"}, nil, func(_, _, _ string) int { return 200 }},
		{[]string{"--requirepass", "secret"}, nil, func(_, password, _ string) int {
			if password != "secret" {
				return 401
			}
			return 200
		}},
	} {
		s := servertest.Start(t, servertest.Reactors[0], append([]string{"--http-port", "1"}, test.flags...)...)
		for _, password := range []string{"", "wrong", "secret"} {
			for _, host := range []string{"", "localhost:1", "evil.example", "[::1]"} {
				for _, path := range secret {
					if code, _ := fetch(t, s, path, password, host); code != test.code(path, password, host) {
						t.Errorf("%q: %s with %q at %q: %d", test.flags, path, password, host, code)
					}
				}
				for _, path := range []string{"/healthz", "/readyz"} {
					if code, body := fetch(t, s, path, password, host); code != 200 || strings.Contains(body, "redis") {
						t.Errorf("%q: %s: %d %s", test.flags, path, code, body)
					}
				}
			}
		}
	}
}

// Users see the figures if they might ask for them as clients.
func TestHTTPUsers(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1")
	c := s.Dial()
	c.Must("ACL", "SETUSER", "admin", "on", ">a", "~*", "+@all")
	c.Must("ACL", "SETUSER", "app", "on", ">b", "~app:*", "+@all")
	c.Must("ACL", "SETUSER", "reader", "on", ">c", "~*", "+get")
	c.Must("ACL", "SETUSER", "gone", "off", ">d", "~*", "+@all")
	c.Must("ACL", "SETUSER", "default", "-@all", "+acl")
	for _, test := range []struct {
		user, password string
		code           int
	}{{"", "", 401}, {"default", "x", 401}, {"admin", "a", 401}} { // nobody has to log in, so everybody is the default user
		if code := codeFor(t, s, test.user, test.password); code != test.code {
			t.Errorf("%s without logins: %d, want %d", test.user, code, test.code)
		}
	}
	c.Must("ACL", "SETUSER", "default", "off")
	for _, test := range []struct {
		user, password string
		code           int
	}{{"", "", 401}, {"admin", "a", 200}, {"admin", "b", 401}, {"app", "b", 401}, {"reader", "c", 401}, {"gone", "d", 401}, {"none", "a", 401}} {
		if code := codeFor(t, s, test.user, test.password); code != test.code {
			t.Errorf("%s: %d, want %d", test.user, code, test.code)
		}
	}
}

func codeFor(t *testing.T, s *servertest.Server, user, password string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTP+"/api/figures", nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestHTTPProfiles(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1")
	if code, _ := fetch(t, s, "/debug/pprof/", "", ""); code != 404 {
		t.Errorf("http-pprof no: %d", code)
	}
	s.Dial().Must("CONFIG", "SET", "http-pprof", "yes")
	if code, body := fetch(t, s, "/debug/pprof/goroutine?debug=1", "", ""); code != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("http-pprof yes: %d %.100s", code, body)
	}
	if code, _ := fetch(t, s, "/none", "", ""); code != 404 {
		t.Errorf("a page that is not there: %d", code)
	}
}

// metricsOf reads /metrics as Prometheus does.
func metricsOf(t *testing.T, s *servertest.Server) func(name string, labels ...string) float64 {
	t.Helper()
	_, body := fetch(t, s, "/metrics", "", "")
	of := families(t, strings.NewReader(body))
	return func(name string, labels ...string) float64 {
		t.Helper()
		for _, m := range of[name].GetMetric() {
			found := true
			for i, l := range m.GetLabel() {
				found = found && (2*i+1 >= len(labels) || l.GetName() == labels[2*i] && l.GetValue() == labels[2*i+1])
			}
			if found {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		t.Errorf("no metric %s %q", name, labels)
		return -1
	}
}

// The figures are those of INFO, on both reactors.
func TestHTTPMetrics(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		for i := range 100 {
			c.Must("SET", fmt.Sprint("key:", i), "v", "EX", "1000")
		}
		c.Must("HSET", "big", "f", strings.Repeat("v", 100_000))
		c.Must("GET", "key:1")
		c.Must("GET", "none")
		c.Do("INCR", "big")
		c.Must("CONFIG", "SET", "slowlog-log-slower-than", "0")
		c.Must("PING")
		time.Sleep(300 * time.Millisecond) // figures are given out again for 200 ms, and the walk needs a tick
		metric := metricsOf(t, s)
		for _, m := range []struct {
			want float64
			name string
			of   []string
		}{
			{1, "redis_up", nil}, {1, "redis_connected_clients", nil}, {101, "redis_db_keys", []string{"db", "db0"}},
			{100, "redis_db_keys_expiring", []string{"db", "db0"}}, {1, "redis_keyspace_hits_total", nil},
			{1, "redis_keyspace_misses_total", nil}, {100, "redis_commands_total", []string{"cmd", "set"}},
			{100, "redis_commands_latencies_usec", []string{"cmd", "set"}}, {1, "redis_commands_failed_calls_total", []string{"cmd", "incr"}},
			{1, "redis_errors_total", []string{"err", "WRONGTYPE"}}, {10000, "redis_config_maxclients", nil},
			{0, "redis_loading_dump_file", nil}, {0, "redix_expiry_lag_seconds", nil}, {1, "redis_aof_enabled", nil},
			{100, "redix_type_keys", []string{"type", "string"}}, {1, "redix_type_keys", []string{"type", "hash"}},
		} {
			if got := metric(m.name, m.of...); got != m.want {
				t.Errorf("%s %q: %v, want %v", m.name, m.of, got, m.want)
			}
		}
		for _, name := range []string{"redis_memory_used_bytes", "redis_uptime_in_seconds", "redix_loop_round_seconds", "redis_slowlog_length",
			"redix_journal_queue_bytes", "redix_journal_fsyncs_total", "redix_journal_fsync_last_seconds", "go_gc_duration_seconds",
			"redis_instance_info", "process_resident_memory_bytes"} {
			if v := metric(name); v < 0 {
				t.Errorf("%s: %v", name, v)
			}
		}
		var page struct {
			Keys struct {
				Biggest []struct {
					Key   string
					Bytes int64
				}
			} `json:"keys"`
			Slow []struct {
				Words []string `json:"words"`
			} `json:"slow"`
		}
		_, body := fetch(t, s, "/api/figures", "", "")
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		if b := page.Keys.Biggest; len(b) == 0 || b[0].Key != "big" || b[0].Bytes < 100_000 {
			t.Errorf("biggest: %+v", b)
		}
		if len(page.Slow) == 0 || page.Slow[0].Words[0] != "PING" {
			t.Errorf("slow log: %+v", page.Slow)
		}
	}, "--http-port", "1", "--appendonly", "yes")
}

// TestHTTPMetricsLikeExporter compares names, types and labels with those that Debian's prometheus-redis-exporter makes of INFO.
func TestHTTPMetricsLikeExporter(t *testing.T) {
	exporter, err := exec.LookPath("prometheus-redis-exporter")
	if err != nil {
		t.Skip("SKIPPED, METRICS NOT COMPARED: there is no prometheus-redis-exporter on this machine (apt-get install prometheus-redis-exporter)")
	}
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1")
	c := s.Dial()
	c.Must("SET", "k", "v", "EX", "100")
	c.Do("INCR", "k")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(t.Context(), exporter, "-redis.addr", "redis://"+s.Addr, "-web.listen-address", addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	theirs := map[string]*dto.MetricFamily{}
	for range 100 {
		if resp, err := http.Get("http://" + addr + "/metrics"); err == nil {
			theirs = families(t, resp.Body)
			resp.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if theirs["redis_up"].GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Fatal("the exporter has no answer")
	}
	_, body := fetch(t, s, "/metrics", "", "")
	later := map[string]bool{"redis_commands_latencies_usec": true, "redis_evicted_clients_total": true} // of later exporters
	n := 0
	for name, own := range families(t, strings.NewReader(body)) {
		their := theirs[name]
		switch {
		case !strings.HasPrefix(name, "redis_"), later[name] && their == nil:
			continue
		case their == nil:
			t.Errorf("%s: the exporter has none", name)
		case their.GetType() != own.GetType():
			t.Errorf("%s is a %v, the exporter's a %v", name, own.GetType(), their.GetType())
		case labelsOf(their) != labelsOf(own):
			t.Errorf("%s has %s, the exporter's %s", name, labelsOf(own), labelsOf(their))
		}
		n++
	}
	if n < 80 {
		t.Errorf("%d metrics are there", n)
	}
}

func families(t *testing.T, r io.Reader) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(promodel.LegacyValidation)
	m, err := p.TextToMetricFamilies(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func labelsOf(f *dto.MetricFamily) string {
	m := f.GetMetric()[0]
	var out []string
	for _, l := range m.GetLabel() {
		out = append(out, l.GetName())
	}
	for _, q := range m.GetSummary().GetQuantile() {
		out = append(out, fmt.Sprint(q.GetQuantile()))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestHTTPIdleCrowd: connections that send half a request, or read no reply, keep no probe out.
func TestHTTPIdleCrowd(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1")
	half := "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
	for what, sent := range map[string]string{"half a request": half, "no reader": strings.Repeat(half+"\r\n", 4000), "nothing": ""} {
		for range 150 {
			c, err := net.Dial("tcp", s.HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.(*net.TCPConn).SetReadBuffer(2048)
			c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)) // what is not read is not taken
			io.WriteString(c, sent)
		}
		begun := time.Now()
		r, err := (&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + s.HTTP + "/healthz")
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		r.Body.Close()
		if took := time.Since(begun); r.StatusCode != 200 || took > 3*time.Second {
			t.Errorf("%s: %d after %v", what, r.StatusCode, took)
		}
	}
}

// A loop that does not answer is not healthy; whoever asks meanwhile gets an answer nevertheless, and a crowd costs nothing.
func TestHTTPHealthOfASleepingLoop(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1")
	c := s.Dial()
	c.Send("DEBUG", "SLEEP", "4")
	c.Flush()
	if code, body := fetch(t, s, "/healthz", "", ""); code != 503 {
		t.Errorf("a sleeping loop: %d %s", code, body)
	}
	c.Receive()
	if code, body := fetch(t, s, "/healthz", "", ""); code != 200 {
		t.Errorf("a loop that is awake again: %d %s", code, body)
	}
}

// A server that loads is healthy and not ready.
func TestHTTPReadiness(t *testing.T) {
	dir := t.TempDir()
	var journal []byte
	for i := range 400_000 {
		journal = servertest.AppendCommand(journal, "SET", fmt.Sprint("key:", i), "value")
	}
	files := filepath.Join(dir, "appendonlydir")
	if err := os.Mkdir(files, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"appendonly.aof.1.incr.aof": journal,
		"appendonly.aof.manifest": []byte("file appendonly.aof.1.incr.aof seq 1 type i\n")} {
		if err := os.WriteFile(filepath.Join(files, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1", "--appendonly", "yes", "--dir", dir)
	seen := false
	eventually(t, "it is ready", func() bool {
		if code, _ := fetch(t, s, "/healthz", "", ""); code != 200 {
			t.Errorf("not healthy while it loads: %d", code)
		}
		code, body := fetch(t, s, "/readyz", "", "")
		seen = seen || code == 503 && strings.HasPrefix(body, "loading: ")
		return code == 200
	})
	if !seen {
		t.Error("it was never seen to load")
	}
}

// The page in a real browser, with a password: the figures arrive, and what users have chosen is no markup.
func TestHTTPPage(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
		}
	}
	if browser == "" {
		t.Skip("SKIPPED, THE PAGE IS NOT LOOKED AT: there is no chromium on this machine (apt-get install chromium)")
	}
	s := servertest.Start(t, servertest.Reactors[0], "--http-port", "1", "--appendonly", "yes", "--requirepass", "secret")
	c := s.Dial()
	c.Must("AUTH", "secret")
	c.Must("SET", "<b onmouseover=alert(1)>big</b>", strings.Repeat("v", 200_000))
	c.Must("LPUSH", "a list", "1", "2")
	c.Must("CONFIG", "SET", "slowlog-log-slower-than", "0")
	c.Must("ECHO", "<script>document.title='broken'</script>")
	c.Must("CONFIG", "SET", "slowlog-log-slower-than", "1000000")
	done := make(chan struct{})
	go func() { // something to see
		defer close(done)
		for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			for i := range 20 {
				c.Send("SET", fmt.Sprint("user:", i), "v")
				c.Send("GET", fmt.Sprint("user:", i))
			}
			if c.TryFlush() != nil {
				return
			}
			for range 40 {
				if _, err := c.TryReceive(); err != nil {
					return
				}
			}
		}
	}()
	args := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1400,1500", "--virtual-time-budget=4000",
		"--user-data-dir=" + t.TempDir()}
	url := "http://default:secret@" + s.HTTP + "/"
	cmd := exec.Command(browser, append(args, "--dump-dom", url)...)
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, dom)
	}
	<-done
	page := string(dom)
	for _, want := range []string{`class="good">ready<`, "<td>set</td>", "<td>get</td>", "&lt;b onmouseover=alert(1)&gt;big&lt;/b&gt;", "<td>string</td>",
		"<td>list</td>", "&lt;script&gt;document.title='broken'&lt;/script&gt;", "throughput", "points=\"1", "<title>Redix</title>", "user:"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%.6000s", page)
	}
}
