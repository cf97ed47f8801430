package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rewritten loads content from a file, sets pairs, rewrites, and returns the new content.
func rewritten(t *testing.T, content string, pairs ...string) string {
	t.Helper()
	c := load(t, []string{write(t, content), "--enable-protected-configs", "yes"}, nil)
	if err := setNow(c, append(pairs, "hz", "77")...); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(c.File)
	if err != nil {
		t.Fatal(err)
	}
	again := load(t, []string{c.File}, nil)
	for _, d := range table {
		if got, want := d.Value(&again.Values), d.Value(&c.Values); got != want {
			t.Errorf("%s: %q after a restart, want %q, from\n%s", d.Name, got, want, after)
		}
	}
	if second := c.Rewrite(); second != nil {
		t.Error(second)
	}
	if still, _ := os.ReadFile(c.File); string(still) != string(after) {
		t.Errorf("a second rewrite changed\n%s\ninto\n%s", after, still)
	}
	// What each test expects is the rest: these two are there every time.
	out := strings.Replace(string(after), "hz 77\n", "", 1)
	return strings.Replace(out, "enable-protected-configs yes\n", "", 1)
}

func TestRewriteKeepsTheRest(t *testing.T) {
	for _, test := range []struct {
		name, before string
		pairs        []string
		after        string
	}{
		{"comments, order and spelling stay", "# top\n\n  PORT  6379\n  # port 1\ntimeout 5\nmaxmemory 0\n", []string{"timeout", "6"},
			"# top\n\n  PORT  6379\n  # port 1\ntimeout 6\nmaxmemory 0\n\n" + signature + "\n"},
		{"sizes in another unit stay", "proto-max-bulk-len 1024kb\n", nil, "proto-max-bulk-len 1024kb\n\n" + signature + "\n"},
		{"sizes are written in units", "proto-max-bulk-len 1024kb\n", []string{"proto-max-bulk-len", "2097152"},
			"proto-max-bulk-len 2mb\n\n" + signature + "\n"},
		{"a value set back to its default stays in place", "timeout 5\n", []string{"timeout", "0"}, "timeout 0\n\n" + signature + "\n"},
		{"the last of several lines counts", "timeout 5\nport 1\ntimeout 6\n", nil, "timeout 5\nport 1\ntimeout 6\n\n" + signature + "\n"},
		{"lines too many go", "timeout 5\nport 1\ntimeout 6\n", []string{"timeout", "7"}, "timeout 7\nport 1\n\n" + signature + "\n"},
		{"save points that stay", "save 900 1\nsave 300 10\n", nil, "save 900 1\nsave 300 10\n\n" + signature + "\n"},
		{"fewer save points", "save 900 1\n# c\nsave 300 10\n", []string{"save", "1 1"}, "save 1 1\n# c\n\n" + signature + "\n"},
		{"more save points", "save 900 1\n# c\n", []string{"save", "1 1 2 2"}, "save 1 1\nsave 2 2\n# c\n\n" + signature + "\n"},
		{"no save points", "save 900 1\nsave 300 10\n", []string{"save", ""}, "save \"\"\n\n" + signature + "\n"},
		{"appended", "", []string{"save", "1 1 2 2", "requirepass", "a \"b", "bind", ""},
			signature + "\nbind \"\"\nrequirepass \"a \\\"b\"\nsave 1 1\nsave 2 2\n"},
		{"under one signature", "port 1\n" + signature + "\ntimeout 3\n", []string{"requirepass", "x"},
			"port 1\n" + signature + "\ntimeout 3\nrequirepass x\n"},
		{"an alias", "hash-max-ziplist-entries 5\n", []string{"hash-max-ziplist-entries", "6"}, "hash-max-listpack-entries 6\n\n" + signature + "\n"},
		{"limits", "client-output-buffer-limit pubsub 1mb 1mb 1\n", []string{"client-output-buffer-limit", "normal 1 2 3"},
			"client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit replica 256mb 64mb 60\n" +
				"client-output-buffer-limit pubsub 1mb 1mb 1\n\n" + signature + "\n"},
		{"no newline at the end", "port 1", nil, "port 1\n\n" + signature + "\n"},
		{"carriage returns", "port 1\r\ntimeout 2\r\n", []string{"port", "2"}, "port 2\ntimeout 2\r\n\n" + signature + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := rewritten(t, test.before, test.pairs...); got != test.after {
				t.Errorf("got\n%s\nwant\n%s", got, test.after)
			}
		})
	}
}

// A value that an include further down says differently is appended, where it comes last.
func TestRewriteOverrulesIncludes(t *testing.T) {
	included := write(t, "timeout 5\nsave 9 9\nlogfile x\n")
	got := rewritten(t, "timeout 1\nsave 1 1\ninclude "+included+"\n", "timeout", "2")
	want := "timeout 2\nsave 1 1\nsave 9 9\ninclude " + included + "\n\n" + signature + "\n" +
		"timeout 2\nsave \"\"\nsave 1 1\nsave 9 9\n"
	if got := strings.Replace(got, "logfile x\n", "", 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Paths in the files begin where the server was started, not in dir, where it is when they are read again.
func TestRewriteRelativeIncludes(t *testing.T) {
	home := t.TempDir()
	for name, content := range map[string]string{"main.conf": "timeout 1\ninclude sub/*.conf\n", "sub/more.conf": "dir data\n"} {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Join(home, "data"), 0o755), os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(home)
	c := load(t, []string{"main.conf"}, nil)
	t.Chdir(c.Dir) // as the server does
	if err := c.Set([]string{"timeout", "2"}, true, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(home, "main.conf"))
	if want := "timeout 2\ninclude sub/*.conf\n\n" + signature + "\ndir " + c.Dir + "\n"; err != nil || string(got) != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
	t.Chdir(home)
	if again := load(t, []string{"main.conf"}, nil); again.Dir != c.Dir || again.TimeoutSeconds != 2 {
		t.Errorf("after a restart dir %q, timeout %d", again.Dir, again.TimeoutSeconds)
	}
}

func TestRewriteEveryDirective(t *testing.T) {
	var args []string
	for _, d := range table {
		if other, ok := others[d.Name]; ok {
			args = append(args, "--"+d.Name, other)
		}
	}
	path := write(t, "")
	c := load(t, append([]string{path}, args...), nil)
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	again := load(t, []string{path}, nil)
	for _, d := range table {
		if got, want := d.Value(&again.Values), d.Value(&c.Values); got != want {
			t.Errorf("%s: %q after a restart, want %q", d.Name, got, want)
		}
	}
}

func TestRewriteFailures(t *testing.T) {
	c := load(t, nil, nil)
	if err := c.Rewrite(); err == nil || err.Error() != "ERR The server is running without a config file" {
		t.Error(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "redix.conf")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("port 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c = load(t, []string{path}, nil)
	if err := os.WriteFile(path, []byte("nonsense 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err == nil || !strings.HasPrefix(err.Error(), "ERR Rewriting config file: "+path+":1: unknown directive 'nonsense'") {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "nonsense 1\n" {
		t.Errorf("a failed rewrite left %q", got)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err == nil || err.Error() != "ERR Rewriting config file: No such file or directory" {
		t.Error(err)
	}
}

// The file keeps its permissions and a symbolic link stays one; nothing else is left in the directory.
func TestRewriteReplacesTheFileOnly(t *testing.T) {
	path := write(t, "port 1\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.conf")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	c := load(t, []string{link}, nil)
	if err := c.Set([]string{"port", "2"}, true, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "port 2\n" {
		t.Errorf("content %q", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link has become %v (%v)", info, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c.File = path
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != signature+"\nport 2\n" {
		t.Errorf("written anew: %q", got)
	}
}

// TestRewriteWorkingDirectory: a relative dir says something else once the server has gone there.
func TestRewriteWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	if err := os.MkdirAll("data/sub", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"./data", "data", "./", root + "/data"} {
		t.Chdir(root)
		c := load(t, []string{write(t, "# c\ndir "+dir+"\nport 1\n")}, nil)
		t.Chdir(c.Dir)
		for range 2 {
			if err := c.Rewrite(); err != nil {
				t.Fatal(err)
			}
			if after, _ := os.ReadFile(c.File); string(after) != "# c\ndir "+c.Dir+"\nport 1\n" {
				t.Errorf("dir %s became\n%s", dir, after)
			}
		}
	}
}

// TestRewriteDirOfAFlag: a dir that the file does not have is no default because the server has gone there.
func TestRewriteDirOfAFlag(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"data", "later"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	c := load(t, []string{write(t, "port 1\n"), "--dir", "data", "--enable-protected-configs", "yes"}, nil)
	for _, dir := range []string{"data", "later"} {
		if dir == "later" {
			if err := setNow(c, "dir", filepath.Join(root, dir)); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(c.Dir) // as the server does
		if err := c.Rewrite(); err != nil {
			t.Fatal(err)
		}
		t.Chdir(root)
		again := load(t, []string{c.File}, nil)
		if want := filepath.Join(root, dir); again.Dir != want {
			after, _ := os.ReadFile(c.File)
			t.Errorf("after a restart dir is %s, want %s, from\n%s", again.Dir, want, after)
		}
	}
}
