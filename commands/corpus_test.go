package commands_test

// Files that ten versions of Redis and Valkey wrote, loaded at start as snapshot and as journal. What they hold is told in
// ../persistence/testdata/corpus/README.md.

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
)

const corpusDir = "../persistence/testdata/corpus"

// corpusFile returns the contents of a file of the corpus.
func corpusFile(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(corpusDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// corpusNames returns the files of the corpus that match.
func corpusNames(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpusDir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimPrefix(p, corpusDir+"/")
	}
	return paths
}

// corpusKey is what a key must load as.
type corpusKey struct {
	Type    string          `json:"type"`
	Value   json.RawMessage `json:"value"`
	Expires int64           `json:"expires at ms"`
	LastID  string          `json:"last-generated-id"`
	Groups  []struct {
		Name      string  `json:"name"`
		Consumers int     `json:"consumers"`
		Last      string  `json:"last-delivered-id"`
		Pending   [][]any `json:"pending"`
	} `json:"groups"`
}

// corpusData returns what a server's files must load as: database, then key.
func corpusData(t *testing.T, version string) map[string]map[string]corpusKey {
	t.Helper()
	data := map[string]map[string]corpusKey{}
	if err := json.Unmarshal(corpusFile(t, version+".json.gz"), &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// latin1 turns the characters of a JSON string into bytes.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// checkCorpus compares all that a server holds. more is how many keys there may be besides.
func checkCorpus(t *testing.T, c *servertest.Conn, data map[string]map[string]corpusKey, more int) {
	t.Helper()
	for db, keys := range data {
		c.Must("SELECT", db)
		if n := int(c.Must("DBSIZE").Int); n < len(keys) || n > len(keys)+more {
			t.Errorf("database %s has %d keys, want %d", db, n, len(keys))
		}
		for name, want := range keys {
			key := latin1(name)
			if got := c.Must("TYPE", key).Str; got != want.Type {
				t.Errorf("%.40q is a %s, want a %s", key, got, want.Type)
				continue
			}
			if got := max(c.Must("PEXPIRETIME", key).Int, 0); got != want.Expires {
				t.Errorf("%.40q expires at %d, want %d", key, got, want.Expires)
			}
			if got, want := corpusValue(c, key, want.Type), wantedValue(t, want); got != want {
				t.Errorf("%.40q holds\n%.300s\nwant\n%.300s", key, got, want)
			}
			if want.Type == "stream" {
				checkGroups(t, c, key, want)
			}
		}
	}
	c.Must("SELECT", "0")
}

// corpusValue prints a value, sets and hashes sorted.
func corpusValue(c *servertest.Conn, key, kind string) string {
	switch kind {
	case "string":
		return fmt.Sprintf("%q", c.Must("GET", key).Str)
	case "list":
		return fmt.Sprintf("%q", c.Must("LRANGE", key, "0", "-1").Strings())
	case "set":
		return fmt.Sprintf("%q", c.Must("SMEMBERS", key).Sorted(false).Strings())
	case "hash":
		return fmt.Sprintf("%q", c.Must("HGETALL", key).Sorted(true).Strings())
	case "zset":
		words := c.Must("ZRANGE", key, "0", "-1", "WITHSCORES").Strings()
		for i := 1; i < len(words); i += 2 {
			words[i] = plainScore(words[i])
		}
		return fmt.Sprintf("%q", words)
	}
	return fmt.Sprintf("%q", c.Must("XRANGE", key, "-", "+").Strings())
}

func plainScore(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "not a number: " + s
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// wantedValue prints what corpusValue has to.
func wantedValue(t *testing.T, want corpusKey) string {
	t.Helper()
	read := func(v any) {
		if err := json.Unmarshal(want.Value, v); err != nil {
			t.Fatalf("%.200s: %v", want.Value, err)
		}
	}
	var words []string
	switch want.Type {
	case "string":
		var s string
		read(&s)
		return fmt.Sprintf("%q", latin1(s))
	case "list", "set":
		read(&words)
		for i, w := range words {
			words[i] = latin1(w)
		}
		if want.Type == "set" {
			slices.Sort(words)
		}
	case "hash":
		fields := map[string]string{}
		read(&fields)
		var names []string
		for f := range fields {
			names = append(names, f)
		}
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(latin1(a), latin1(b)) })
		for _, f := range names {
			words = append(words, latin1(f), latin1(fields[f]))
		}
	case "zset":
		var pairs [][2]string
		read(&pairs)
		for _, p := range pairs {
			words = append(words, latin1(p[0]), plainScore(p[1]))
		}
	case "stream":
		var entries []any
		read(&entries)
		flatten(entries, &words)
	}
	return fmt.Sprintf("%q", words)
}

func flatten(v any, words *[]string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			flatten(e, words)
		}
	case string:
		*words = append(*words, latin1(v))
	}
}

func checkGroups(t *testing.T, c *servertest.Conn, key string, want corpusKey) {
	t.Helper()
	info := fieldsOf(c.Must("XINFO", "STREAM", key))
	if got := info["last-generated-id"].Str; got != want.LastID {
		t.Errorf("%q: last ID %s, want %s", key, got, want.LastID)
	}
	groups := c.Must("XINFO", "GROUPS", key).Elems
	if len(groups) != len(want.Groups) {
		t.Fatalf("%q has %d groups, want %d", key, len(groups), len(want.Groups))
	}
	for i, w := range want.Groups {
		g := fieldsOf(groups[i])
		if g["name"].Str != w.Name || g["last-delivered-id"].Str != w.Last || int(g["consumers"].Int) != w.Consumers {
			t.Errorf("%q: group %v, want %+v", key, groups[i], w)
		}
		pending := c.Must("XPENDING", key, w.Name, "-", "+", "100000").Elems
		if len(pending) != len(w.Pending) {
			t.Fatalf("%q, group %s: %d pending, want %d", key, w.Name, len(pending), len(w.Pending))
		}
		for k, p := range w.Pending {
			got := pending[k].Elems
			if got[0].Str != p[0] || got[1].Str != p[1] || float64(got[3].Int) != p[2] {
				t.Errorf("%q, group %s: pending %v, want %v", key, w.Name, got, p)
			}
		}
	}
}

// startWith runs a server in a directory with files.
func startWith(t *testing.T, files map[string][]byte, flags ...string) *servertest.Conn {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := servertest.Start(t, servertest.Reactors[0], append([]string{"--dir", dir}, flags...)...)
	s.WaitLoaded()
	return s.Dial()
}

func TestCorpusSnapshots(t *testing.T) {
	for _, name := range corpusNames(t, "*.rdb.gz") {
		t.Run(strings.TrimSuffix(name, ".rdb.gz"), func(t *testing.T) {
			version := strings.TrimSuffix(strings.TrimSuffix(name, "-plain.rdb.gz"), "-lzf.rdb.gz")
			c := startWith(t, map[string][]byte{"dump.rdb": corpusFile(t, name)})
			checkCorpus(t, c, corpusData(t, version), 0)
		})
	}
}

// TestCorpusJournals loads the journals, those of one file from a manifest that names it as base.
func TestCorpusJournals(t *testing.T) {
	for _, name := range append(corpusNames(t, "*-appendonly.aof.gz"), corpusNames(t, "*-appendonlydir")...) {
		version, _, _ := strings.Cut(name, "-appendonly")
		t.Run(version, func(t *testing.T) {
			files := map[string][]byte{
				"appendonlydir/appendonly.aof.manifest": []byte("file appendonly.aof.1.base.aof seq 1 type b\n"),
			}
			if strings.HasSuffix(name, ".gz") {
				files["appendonlydir/appendonly.aof.1.base.aof"] = corpusFile(t, name)
			} else {
				for _, f := range corpusNames(t, name+"/*") {
					files["appendonlydir/"+strings.TrimSuffix(filepath.Base(f), ".gz")] = corpusFile(t, f)
				}
			}
			c := startWith(t, files, "--appendonly", "yes")
			checkCorpus(t, c, corpusData(t, version), 3)
			if got := c.Must("GET", "after").Str + c.Must("PEXPIRETIME", "after").Str + c.Must("GET", "after:n").Str; got != "rewrite41024448000002" {
				t.Errorf("after and after:n are %q", got)
			}
			if got := c.Must("LRANGE", "after:list", "0", "-1").Strings(); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("after:list is %q", got)
			}
		})
	}
}

// TestCorpusOlder compares the oldest files with what redis-server makes of them.
func TestCorpusOlder(t *testing.T) {
	for _, name := range corpusNames(t, "older/*.rdb") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), corpusFile(t, name), 0o644); err != nil {
				t.Fatal(err)
			}
			want := fullDump(servertest.StartRedis(t, "--dir", dir).Dial())
			sameDump(t, name, fullDump(startWith(t, map[string][]byte{"dump.rdb": corpusFile(t, name)})), want)
			if want == "" {
				t.Error("it is empty")
			}
		})
	}
}
