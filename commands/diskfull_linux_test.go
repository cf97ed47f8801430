package commands_test

// A disk that is full and gets room again, under a whole server.

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redix/commands/servertest"
)

const (
	fullDiskBytes = 6 << 20
	fullValue     = 20_000 // bytes
)

// TestDiskFull fills a disk of 6 MB: writes are refused, reads go on, and when there is room again all is as it was,
// in memory and after the next start.
func TestDiskFull(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(fullDiskBytes)); err != nil {
				t.Skip("SKIPPED: a small disk cannot be mounted here (see TestFileLimit): ", err)
			}
			t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
			ballast := filepath.Join(dir, "ballast")
			if err := os.WriteFile(ballast, make([]byte, fullDiskBytes/2), 0o644); err != nil {
				t.Fatal(err)
			}
			fillAndHeal(t, dir, policy, func(*servertest.Process) {
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestFileLimit is TestDiskFull for machines where nothing can be mounted: the process may not write files over a size.
func TestFileLimit(t *testing.T) {
	fillAndHeal(t, t.TempDir(), "everysec", func(p *servertest.Process) { limitFiles(t, p, unix.RLIM_INFINITY) })
}

func limitFiles(t *testing.T, p *servertest.Process, size uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.PID, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

func fillAndHeal(t *testing.T, dir, policy string, heal func(p *servertest.Process)) {
	flags := []string{"--dir", dir, "--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"}
	p := servertest.StartProcess(t, flags...)
	if !strings.HasPrefix(t.Name(), "TestDiskFull") {
		limitFiles(t, p, fullDiskBytes/2)
	}
	writer, other := p.Dial(), p.Dial()
	other.Must("SET", "before", "1")
	replies := make(chan []servertest.Value)
	const n = 240 // more than the disk holds at first, and less than it holds in the end
	go func() {
		var got []servertest.Value
		for i := range n {
			writer.Send("SET", "k"+strconv.Itoa(i), strings.Repeat("x", fullValue))
			if writer.TryFlush() != nil {
				break
			}
			v, err := writer.TryReceive() // the reply to what does not fit comes when it fits
			if err != nil {
				break
			}
			got = append(got, v)
			if v.Kind == '-' {
				break
			}
		}
		replies <- got
	}()
	// A write that comes before the failure is known waits with the others: so ask INFO.
	eventually(t, "the disk is full", func() bool { return other.Info("persistence")["aof_last_write_status"] == "err" })
	if v := other.Do("INCR", "refused"); !strings.HasPrefix(v.Err(), "MISCONF Errors writing to the AOF file: ") {
		t.Errorf("INCR on a full disk: %s", v)
	}
	for range 20 {
		if v := other.Do("GET", "before"); v.Str != "1" {
			t.Errorf("GET on a full disk: %s", v)
		}
	}
	heal(p)
	eventually(t, "writes are taken again", func() bool { return other.Do("SET", "after", "2").Kind == '+' })
	acknowledged := 0
	for i, v := range <-replies {
		if v.Kind == '+' {
			acknowledged++
		} else if !strings.HasPrefix(v.Err(), "MISCONF") {
			t.Errorf("reply %d: %s", i, v)
		}
	}
	if acknowledged < 50 {
		t.Errorf("%d writes acknowledged", acknowledged)
	}
	for i := range acknowledged {
		if got := other.Do("STRLEN", "k"+strconv.Itoa(i)); got.Int != fullValue {
			t.Errorf("k%d, acknowledged: %s", i, got)
		}
	}
	dump := servertest.Dump(other)
	p.Kill()
	p = servertest.StartProcess(t, flags...)
	if servertest.Dump(p.Dial()) != dump {
		t.Error("the journal has other data than memory had")
	}
}
