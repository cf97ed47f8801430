// A real process, really killed: what it said was released is there.

package persistence

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"redix/persistence/vfs"
)

const killDir, killPolicy = "REDIX_TEST_KILL_DIR", "REDIX_TEST_KILL_POLICY"

// TestKillChild is the process that TestKill starts and kills; by itself it does nothing.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("run by TestKill only")
	}
	policy, _ := ParsePolicy(os.Getenv(killPolicy))
	r := openRig(t, vfs.OS{}, dir, policy)
	for {
		r.add(3)
		r.add(50)
		r.release()
		fmt.Println(r.count)
	}
}

func TestKill(t *testing.T) {
	for _, policy := range []Policy{Always, EverySec, No} {
		dir := t.TempDir()
		for round := range 3 {
			said := killChild(t, dir, policy, 40+round*7)
			if n, err := load(vfs.OS{}, dir); err != nil || n < said {
				t.Fatalf("%v: loaded %d of %d released records, %v", policy, n, said, err)
			}
		}
	}
}

// killChild starts a process that writes a journal, kills it after some rounds, and gives the number of records that it
// said were released.
func killChild(t *testing.T, dir string, policy Policy, rounds int) (said int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), killDir+"="+dir, killPolicy+"="+policy.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range rounds {
		if !lines.Scan() {
			t.Fatal("the child ended by itself")
		}
		if _, err := fmt.Sscan(lines.Text(), &said); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	_ = cmd.Process.Kill()
	for lines.Scan() { // what it said before the signal counts, if the line is whole
		_, _ = fmt.Sscan(lines.Text(), &said)
	}
	_ = cmd.Wait()
	return said
}
