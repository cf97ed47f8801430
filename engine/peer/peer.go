// Package peer finds the server that the tests compare redix with: redis-server of the machine, or the program that
// REDIX_PEER names. It imports nothing of redix, so that the tests of every package can ask it.
package peer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Release is a server's name for itself and its version, as --version tells them.
type Release struct {
	Name         string // "Redis", "Redict", "Valkey"
	Major, Minor int
	Version      string // "7.0.15"
}

// fork tells of Redict and Valkey, both made from Redis 7.2.4 and what was to become 7.4.
func (r Release) fork() bool { return r.Name == "Redict" || r.Name == "Valkey" }

// Before72 tells whether the server lacks what came with Redis 7.2, which redix follows.
func (r Release) Before72() bool { return !r.fork() && (r.Major < 7 || r.Major == 7 && r.Minor < 2) }

// After72 tells whether the server has what came after Redis 7.2.
func (r Release) After72() bool { return r.fork() || r.Major > 7 || r.Major == 7 && r.Minor > 2 }

// Redict tells whether the server is Redict.
func (r Release) Redict() bool { return r.Name == "Redict" }

// Valkey tells whether the server is Valkey.
func (r Release) Valkey() bool { return r.Name == "Valkey" }

func (r Release) String() string { return r.Name + " " + r.Version }

const server = "redis-server"

var versionLine = regexp.MustCompile(`^(\w+) server v=((\d+)\.(\d+)\.\d+)`)

var found = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("REDIX_PEER"); path != "" {
		return exec.LookPath(path)
	}
	return exec.LookPath(server)
})

var release = sync.OnceValues(func() (r Release, err error) {
	path, err := found()
	if err != nil {
		return r, err
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return r, err
	}
	m := versionLine.FindStringSubmatch(string(out))
	if m == nil {
		return r, fmt.Errorf("%s tells no version: %.200q", path, out)
	}
	r.Name, r.Version = m[1], m[2]
	r.Major, _ = strconv.Atoi(m[3])
	r.Minor, _ = strconv.Atoi(m[4])
	return r, nil
})

// Server returns the path of the server. Without one the test is skipped, and says so; one that is named in REDIX_PEER
// must be there.
func Server(t testing.TB) string {
	t.Helper()
	path, err := found()
	if err == nil {
		_, err = release()
	}
	need(t, server, err)
	return path
}

// Found returns what the server says it is, or nothing if there is none.
func Found() Release {
	r, _ := release()
	return r
}

// Tool returns the path of a program that belongs to the server: "redis-cli", "redis-check-rdb". With REDIX_PEER it is the one
// beside the server, by the same name as the server's with "server" replaced, or by its own.
func Tool(t testing.TB, name string) string {
	t.Helper()
	named := os.Getenv("REDIX_PEER")
	if named == "" {
		path, err := exec.LookPath(name)
		need(t, name, err)
		return path
	}
	dir, base := filepath.Split(Server(t))
	sibling := strings.Replace(base, "server", strings.TrimPrefix(name, "redis-"), 1)
	for _, file := range []string{sibling, name} {
		if path, err := exec.LookPath(dir + file); err == nil && file != base {
			return path
		}
	}
	t.Skipf("SKIPPED, NOTHING COMPARED: there is neither %s nor %s in %s", sibling, name, dir)
	return ""
}

func need(t testing.TB, name string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("REDIX_PEER") == "" && errors.Is(err, exec.ErrNotFound):
		t.Skipf("SKIPPED, NOTHING COMPARED: there is no %s on this machine (apt-get install redis-server)", name)
	default:
		t.Fatal("the server to compare with: ", err)
	}
}
