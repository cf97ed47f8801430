package config

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts content into a file of a fresh directory and returns its path.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "redix.conf")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, args, environ []string) *Config {
	t.Helper()
	c, err := Load(args, environ, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func value(t *testing.T, c *Config, name string) string {
	t.Helper()
	d, ok := Lookup(name)
	if !ok {
		t.Fatalf("no directive %s", name)
	}
	return d.Value(&c.Values)
}

func TestPrecedence(t *testing.T) {
	file := write(t, "port 1\ntimeout 1\nhz 11\nsave 900 1\nsave 300 10\nbind 10.0.0.1 10.0.0.2\n")
	environ := []string{"HOME=/", "REDIX_PORT=2", "REDIX_TIMEOUT=2", "REDIX_SAVE=7 7"}
	for _, test := range []struct {
		args, environ []string
		name, want    string
	}{
		{nil, nil, "port", "6379"},
		{[]string{file}, nil, "port", "1"},
		{[]string{file}, environ, "port", "2"},
		{[]string{file, "--port", "3"}, environ, "port", "3"},
		{[]string{"--port", "3"}, environ, "port", "3"},
		{[]string{file, "--port", "3", "--port", "4"}, environ, "port", "4"},
		{[]string{file, "--port", "3"}, environ, "timeout", "2"},
		{[]string{file, "--port", "3"}, environ, "hz", "11"},
		{[]string{file, "--port", "3"}, environ, "databases", "16"},
		{[]string{file}, nil, "save", "900 1 300 10"},
		{[]string{file}, environ, "save", "7 7"},
		{[]string{file, "--save", "8", "8", "--save", "9 9"}, environ, "save", "8 8 9 9"},
		{[]string{file, "--save", "10", "1"}, nil, "save", "900 1 300 10 10 1"},
		{[]string{file, "--save", "10 1 20 2"}, nil, "save", "900 1 300 10 10 1 20 2"},
		{[]string{file, "--save", "10 1", "--save", "20", "2"}, nil, "save", "900 1 300 10 10 1 20 2"},
		{[]string{file, "--save", ""}, nil, "save", ""},
		{[]string{file, "--save", "", "--save", "20", "2"}, nil, "save", "20 2"},
		{[]string{"--save", "10", "1"}, nil, "save", "10 1"},
		{[]string{file, "--timeout", "3"}, nil, "timeout", "3"},
		{[]string{file, "--save", "", "--hz", "5"}, environ, "save", ""},
		{[]string{file, "--save", "--hz", "5"}, environ, "save", ""},
		{[]string{write(t, "save\nhz 5\n")}, environ[:0], "save", ""},
		{[]string{file}, nil, "bind", "10.0.0.1 10.0.0.2"},
		{[]string{"--save 1 2", "3", "4", "--hz '50'", "--port 3"}, nil, "save", "1 2 3 4"},
		{[]string{"--save 1 2", "3", "4", "--hz '50'", "--port 3"}, nil, "hz", "50"},
		{[]string{file, "--bind", "*", "-::*"}, nil, "bind", "* -::*"},
		{nil, []string{"REDIX_BIND=a b"}, "bind", "a b"},
		{[]string{"--list-max-listpack-size", "-5"}, nil, "list-max-listpack-size", "-5"},
		{nil, []string{"REDIX_HASH_MAX_ZIPLIST_ENTRIES=9"}, "hash-max-listpack-entries", "9"},
		{nil, []string{"REDIX_CONNECTION_IDLE_TIMEOUT=5m"}, "timeout", "300"},
		{nil, []string{"REDIX_CONNECTION_IDLE_TIMEOUT=1.5s"}, "timeout", "2"},
		{nil, []string{"REDIX_CONNECTION_IDLE_TIMEOUT=0"}, "timeout", "0"},
		{nil, []string{"REDIX_LOG_LEVEL=INFO"}, "loglevel", "notice"},
		{nil, []string{"REDIX_LOG_LEVEL=error"}, "loglevel", "error"},
		{nil, []string{"REDIX_REQUIREPASS=a b \"c"}, "requirepass", "a b \"c"},
		{nil, []string{"REDIX_PORT=tcp://10.0.0.1:6379", "REDIX_PORT_6379_TCP_ADDR=10.0.0.1", "REDIX_SERVICE_HOST=x"}, "port", "6379"},
	} {
		c := load(t, test.args, test.environ)
		if got := value(t, c, test.name); got != test.want {
			t.Errorf("%q %q: %s is %q, want %q", test.args, test.environ, test.name, got, test.want)
		}
	}
}

func TestStdin(t *testing.T) {
	for _, args := range [][]string{{"-"}, {"-", "--hz", "20"}, {"--hz", "20", "-"}} {
		c, err := Load(args, nil, strings.NewReader("port 7\nhz 9"))
		if err != nil {
			t.Fatal(err)
		}
		if c.Port != 7 || c.File != "" {
			t.Errorf("%q: port %d, file %q", args, c.Port, c.File)
		}
		if want := 20; len(args) > 1 && c.Hz != want {
			t.Errorf("%q: hz %d, want %d", args, c.Hz, want)
		}
	}
	file := write(t, "port 8\ntimeout 8\n")
	c, err := Load([]string{file, "-"}, nil, strings.NewReader("port 7"))
	if err != nil || c.Port != 7 || c.TimeoutSeconds != 8 || c.File != file {
		t.Errorf("file and stdin: %v %+v", err, c)
	}
}

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{
		"main.conf":   "hz 1\ninclude 'more/*.conf'\nINCLUDE last.conf\ninclude none-*\n",
		"more/a.conf": "hz 2\nport 2\ntimeout 2\n",
		"more/b.conf": "port 3\n",
		"last.conf":   "timeout 4 # not a comment here\n",
		"fine.conf":   "timeout 4\n",
		"loop.conf":   "include loop.conf\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	loadError(t, []string{"main.conf"}, nil, "last.conf:1: timeout: wrong number of arguments")
	loadError(t, []string{"loop.conf"}, nil, "loop.conf:1: include: more than 16 files deep")
	if err := os.Rename("fine.conf", "last.conf"); err != nil {
		t.Fatal(err)
	}
	c := load(t, []string{"main.conf"}, nil)
	if c.Hz != 2 || c.Port != 3 || c.TimeoutSeconds != 4 || c.File != filepath.Join(dir, "main.conf") {
		t.Errorf("hz %d, port %d, timeout %d, file %s", c.Hz, c.Port, c.TimeoutSeconds, c.File)
	}
	if c := load(t, []string{"--include", "last.conf", "--port", "9"}, nil); c.TimeoutSeconds != 4 || c.Port != 9 {
		t.Errorf("include as a flag: timeout %d, port %d", c.TimeoutSeconds, c.Port)
	}
}

// loadError checks that Load fails with one line that starts with want.
func loadError(t *testing.T, args, environ []string, want string) {
	t.Helper()
	_, err := Load(args, environ, strings.NewReader(""))
	if err == nil {
		t.Errorf("%q %q: no error, want %q", args, environ, want)
		return
	}
	if got := err.Error(); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
		t.Errorf("%q %q: %q, want %q", args, environ, got, want)
	}
}

// Of directives that take several words redis-server takes none for an empty list.
func TestNoWords(t *testing.T) {
	c, err := Load([]string{"-"}, nil, strings.NewReader("port 7000\nsave 1 2\nsave\nbind \nlatency-tracking-info-percentiles\nclient-output-buffer-limit\nsave 3 4\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Bind) != 0 || len(c.LatencyPercentiles) != 0 || len(c.SavePoints) != 1 || c.SavePoints[0] != (SavePoint{3, 4}) {
		t.Errorf("bind %q, percentiles %v, save %v", c.Bind, c.LatencyPercentiles, c.SavePoints)
	}
	for _, name := range []string{"user", "rename-command", "oom-score-adj-values"} {
		if _, err := Load([]string{"-"}, nil, strings.NewReader(name)); err == nil {
			t.Errorf("%s without words is taken", name)
		}
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct{ content, want string }{
		{"port 1\nfoo bar\n", "f.conf:2: unknown directive 'foo', expected one that --help lists"},
		{"maxclients 0", "f.conf:1: maxclients: argument must be between 1 and 4294967295 inclusive (expected an integer, 1 to 4294967295)"},
		{"\n\n port 1 2", "f.conf:3: port: wrong number of arguments (expected an integer, 0 to 65535)"},
		{"port", "f.conf:1: port: wrong number of arguments"},
		{"# port\nport \"1\nport 2", "f.conf:2: unbalanced quotes, expected a closing quote"},
		{"port \"1\"2", "f.conf:1: unbalanced quotes"},
		{"port 99999999999999999999", "f.conf:1: port: argument couldn't be parsed into an integer"},
		{"dir nowhere", "f.conf:1: dir: No such file or directory (expected an existing directory)"},
		{"dir f.conf", "f.conf:1: dir: Not a directory"},
		{"include nowhere", "f.conf:1: include: cannot open the configuration file: open nowhere: no such file"},
		{"include a b", "f.conf:1: include: expected one path or pattern"},
		{"loglevel loud", "f.conf:1: loglevel: argument(s) must be one of the following: debug, "},
		{"maxmemory 1x", "f.conf:1: maxmemory: argument must be a memory value"},
		{"maxmemory-policy lru", "f.conf:1: maxmemory-policy: argument(s) must be one of the following: volatile-lru, "},
		{"proto-max-bulk-len 18446744073709551615gb", "f.conf:1: proto-max-bulk-len: argument must be a memory value"},
		{"save 1 1 1", "f.conf:1: save: Invalid save parameters"},
	} {
		if err := os.WriteFile("f.conf", []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		loadError(t, []string{"f.conf"}, nil, test.want)
	}
	for _, test := range []struct{ variable, want string }{
		{"REDIX_PORT=x", "REDIX_PORT: port: argument couldn't be parsed into an integer (expected"},
		{"REDIX_PROT=1", "REDIX_PROT: unknown directive 'prot'"},
		{"REDIX_LOG_LEVEL=notice", "REDIX_LOG_LEVEL: expected DEBUG, INFO, WARN or ERROR"},
		{"REDIX_CONNECTION_IDLE_TIMEOUT=5", "REDIX_CONNECTION_IDLE_TIMEOUT: expected a duration"},
		{"REDIX_CONNECTION_IDLE_TIMEOUT=-5s", "REDIX_CONNECTION_IDLE_TIMEOUT: expected a duration"},
		{"REDIX_CONNECTION_IDLE_TIMEOUT=2000000h", "REDIX_CONNECTION_IDLE_TIMEOUT: expected a duration"},
	} {
		loadError(t, nil, []string{test.variable}, test.want)
	}
	loadError(t, nil, []string{"REDIX_TIMEOUT=1", "REDIX_CONNECTION_IDLE_TIMEOUT=1s"},
		"REDIX_CONNECTION_IDLE_TIMEOUT: timeout: set by REDIX_TIMEOUT too")
	loadError(t, []string{"--port"}, nil, "--port: port: wrong number of arguments")
	loadError(t, []string{"--bnid", "x"}, nil, "--bnid: unknown directive 'bnid'")
	loadError(t, []string{"--port", "1", "2"}, nil, "--port: port: wrong number of arguments")
	loadError(t, []string{"--requirepass 'secret"}, nil, "--requirepass: ")
	loadError(t, []string{"--requirepass a secret"}, nil, "--requirepass: requirepass: wrong number of arguments (expected a string)")
	loadError(t, []string{"-p", "1"}, nil, "argument '-p': expected a flag in the form --directive value")
	loadError(t, []string{"nowhere.conf"}, nil, "cannot open the configuration file: open nowhere.conf: no such file")
}

func TestErrorsHideThePassword(t *testing.T) {
	loadError(t, []string{"--requirepass", "secret", "word"}, nil, "--requirepass: requirepass: wrong number of arguments (expected a string)")
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--port", "1", "--help"}} {
		if _, err := Load(args, nil, nil); err != ErrHelp {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{{"--version"}, {"-v"}} {
		if _, err := Load(args, nil, nil); err != ErrVersion {
			t.Errorf("%q: %v", args, err)
		}
	}
	var out bytes.Buffer
	if err := Help(&out); err != nil {
		t.Fatal(err)
	}
	for _, d := range table {
		if !strings.Contains(out.String(), "\n  --"+d.Name+"  (") {
			t.Errorf("help lacks %s", d.Name)
		}
	}
}

func TestTooLargeFile(t *testing.T) {
	_, err := Load([]string{"-"}, nil, bytes.NewReader(bytes.Repeat([]byte("\n"), maxFileBytes+1)))
	if err == nil || !strings.HasPrefix(err.Error(), "stdin: larger than 16mb") {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t\r\n\v\f", nil},
		{"a b", []string{"a", "b"}},
		{` "a b"  'c d' `, []string{"a b", "c d"}},
		{`"\n\r\t\b\a\x41\xfF\q\""`, []string{"\n\r\t\b\aA\xffq\""}},
		{`"\x4" "\xzz"`, []string{"x4", "xzz"}},
		{`'\n\''`, []string{`\n'`}},
		{`"" ''`, []string{"", ""}},
		{`a"b c"`, []string{"ab c"}},
		{`a#b`, []string{"a#b"}},
		{`a\b`, []string{`a\b`}},
	} {
		got, err := SplitWords(test.line)
		if err != nil || len(got) != len(test.want) {
			t.Errorf("%q: %q %v, want %q", test.line, got, err, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%q: %q, want %q", test.line, got, test.want)
			}
		}
	}
	for _, line := range []string{`"`, `'`, `"a`, `'a\'`, `"a\"`, `"a"b`, `'a'b`, `a"b"c`} {
		if got, err := SplitWords(line); err == nil {
			t.Errorf("%q: no error but %q", line, got)
		}
	}
}

func FuzzQuoteSplits(f *testing.F) {
	for _, word := range []string{"", "a", "a b", `"`, `'`, `\`, "#", "\x00\xff\n", `\x41`} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		words, err := SplitWords(quote(word) + " next")
		if err != nil || len(words) != 2 || words[0] != word {
			t.Errorf("%q quoted is %s and splits into %q, %v", word, quote(word), words, err)
		}
		_, _ = SplitWords(word) // must not panic
		_, _ = Load([]string{"-"}, nil, strings.NewReader(word))
	})
}

func TestLogLevels(t *testing.T) {
	last := slog.Level(-100)
	for l := LogDebug; l <= LogNothing; l++ {
		if l.Slog() <= last {
			t.Errorf("level %d is not above the one before", l)
		}
		last = l.Slog()
	}
	if LogNotice.Slog() != slog.LevelInfo || LogError.Slog() != slog.LevelError {
		t.Error("notice is info and error is error")
	}
}

func TestAccess(t *testing.T) {
	if AccessNo.Allows(true) || !AccessYes.Allows(false) || !AccessLocal.Allows(true) || AccessLocal.Allows(false) {
		t.Error("no: nobody, yes: everybody, local: this machine")
	}
}
