package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redix/commands/servertest"
)

// The commands of redis-benchmark on lists and sets, and on large ones, without sockets. %d counts the commands.
func BenchmarkListsAndSets(b *testing.B) {
	const depth, size = 64, 100_000
	for _, bench := range []struct{ name, load, command string }{
		{"lpush", "", "LPUSH l xxx"},
		{"rpop", "RPUSH l xxx", "RPOP l"},
		{"lpush+rpop", "", "LPUSH l xxx\nRPOP l"},
		{"lpush+rpop 20", "RPUSH l a b c d e f g h i j k l m n o p q r s t", "LPUSH l xxx\nRPOP l"},
		{"lrange 100", "RPUSH l xxx", "LRANGE l 0 99"},
		{"lrange 600 of 32 bytes", "RPUSH l " + strings.Repeat("x", 32), "LRANGE l 0 599"},
		{"lindex", "RPUSH l xxx%d", "LINDEX l 50000"},
		{"sadd again", "", "SADD s element:000000000000"},
		{"spop none", "", "SPOP s"},
		{"sadd", "", "SADD s element:%d"},
		{"spop", "SADD s element:%d", "SPOP s\nSADD s element:%d"},
		{"sismember", "SADD s element:%d", "SISMEMBER s element:%d"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := servertest.NewLocal(b)
			n := 0
			fill := func(template string) []byte {
				var in []byte
				for range depth {
					for command := range strings.SplitSeq(template, "\n") {
						if strings.Contains(command, "%d") {
							command = fmt.Sprintf(command, n*7919%size)
							n++
						}
						in = servertest.AppendCommand(in, strings.Fields(command)...)
					}
				}
				return in
			}
			for range size / depth {
				if bench.load != "" {
					l.Feed(fill(bench.load))
				}
			}
			batches := make([][]byte, 64)
			for i := range batches {
				batches[i] = fill(bench.command)
			}
			i, start := 0, cpuTime(b)
			for b.Loop() {
				l.Feed(batches[i%len(batches)])
				i++
			}
			per := depth * (1 + strings.Count(bench.command, "\n"))
			b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N*per), "cpu-ns/cmd")
		})
	}
}

// cpuTime is the processor time of this process, which a busy machine does not lengthen as it does the clock's.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
