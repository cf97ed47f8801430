package commands_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// laterMarks is what manifests have that neither redis-server nor earlier versions of redix write.
var laterMarks = regexp.MustCompile(`( size \d+|#crc32c .*\n)`)

// TestJournalPassedAround has redix, with checksums and without, and redis-server go on in turn with one journal, rewrite it in
// either form, and be killed. Each finds what the one before has left.
func TestJournalPassedAround(t *testing.T) {
	servertest.StartRedis(t).Kill() // or skip
	src := newSource(t, "journal passed around")
	dir := t.TempDir()
	manifest := filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest")
	want, story := "", []string(nil)
	for step := range 14 {
		flags := []string{"--dir", dir, "--appendonly", "yes", "--save", "", "--appendfsync", []string{"always", "everysec", "no"}[src.IntN(3)],
			"--aof-use-rdb-preamble", yesOrNo(src.IntN(2) > 0)}
		var p *servertest.Process
		start := servertest.StartRedis
		if step%2 == 0 || src.IntN(3) == 0 {
			start = servertest.StartProcess
			flags = append(flags, "--aof-checksum", yesOrNo(src.IntN(2) > 0))
		}
		story = append(story, strings.Join(flags[4:], " "))
		p = start(t, flags...)
		c := p.Dial()
		sameDump(t, strings.Join(story, "\n"), servertest.Dump(c), want)
		write := func() {
			for i := range 1 + src.IntN(200) {
				k := strconv.Itoa(src.IntN(50))
				switch src.IntN(5) {
				case 0:
					c.Must("SET", "s"+k, strings.Repeat(k, src.IntN(2000)))
				case 1:
					c.Must("RPUSH", "l"+k, k, fmt.Sprint(i))
				case 2:
					c.Must("HSET", "h"+k, fmt.Sprint(i), "#{"+k+"\r\n")
				case 3:
					c.Must("ZADD", "z"+k, fmt.Sprint(i), strings.Repeat("m", src.IntN(60)))
				default:
					c.Must("DEL", []string{"s", "l", "h", "z"}[src.IntN(4)]+k)
				}
			}
		}
		write()
		if src.IntN(2) == 0 {
			c.Must("BGREWRITEAOF")
			write()
			waitSaved(t, c)
			story = append(story, "rewritten")
		}
		want = servertest.Dump(c)
		if src.IntN(2) == 0 {
			p.Kill()
			story = append(story, "killed")
		} else {
			p.Terminate()
		}
		if src.IntN(3) == 0 {
			data, err := os.ReadFile(manifest)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(manifest, laterMarks.ReplaceAll(data, nil), 0o644); err != nil {
				t.Fatal(err)
			}
			story = append(story, "no sizes in the manifest")
		}
	}
}
