package commands_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"redix/commands/servertest"
)

// The way of a pipelined command through parser, call, handler and reply, without sockets.
func BenchmarkPipeline(b *testing.B) {
	const keys, depth = 100_000, 16
	value := fmt.Sprintf("%064d", 1)
	for _, bench := range []struct {
		name string
		args func(key string) []string
	}{
		{"ping", func(string) []string { return []string{"PING"} }},
		{"get", func(k string) []string { return []string{"GET", k} }},
		{"set", func(k string) []string { return []string{"SET", k, value} }},
		{"incr", func(k string) []string { return []string{"INCR", "n" + k} }},
		{"rpush", func(string) []string { return []string{"RPUSH", "list", value[:3]} }},
		{"hset", func(k string) []string { return []string{"HSET", "hash", "f" + k, value[:3]} }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := servertest.NewLocal(b)
			var load []byte
			for i := range keys {
				load = servertest.AppendCommand(load, "SET", fmt.Sprintf("key:%012d", i), value)
			}
			l.Feed(load)
			rng := rand.New(rand.NewPCG(1, 2))
			batches := make([][]byte, 256)
			for i := range batches {
				for range depth {
					batches[i] = servertest.AppendCommand(batches[i], bench.args(fmt.Sprintf("key:%012d", rng.IntN(keys)))...)
				}
			}
			i := 0
			for b.Loop() {
				l.Feed(batches[i%len(batches)])
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/cmd")
		})
	}
}
