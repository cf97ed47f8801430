//go:build linux

// The set "tls": what encryption costs, beside redis-server's own. redis-benchmark is the load: it brings OpenSSL as most
// clients do. Certificates are made for each run, in the server's directory.

package main

import (
	"fmt"
	"strconv"

	"redix/engine/reactor/tlsport/testcert"
)

const tlsSet = "tls"

func tlsScenarios() []scenario {
	var all []scenario
	for _, depth := range []int{1, 16} {
		for _, w := range []workload{get, set} {
			must, aim := 1.2, 1.0
			if depth == 16 {
				must, aim = 1.0, 0.8
			}
			all = append(all, scenario{name: fmt.Sprintf("tls-%s-p%d", w.name, depth), set: tlsSet, flags: noJournal,
				about:  fmt.Sprintf("%s through TLS, driven by redis-benchmark, 50 clients, pipeline %d", w.command, depth),
				bounds: atMost(metricCPU, must, aim), measure: throughTLS(w, depth)})
		}
	}
	return all
}

// throughTLS measures w on a TLS port, which the server opens when it is told to.
func throughTLS(w workload, depth int) func(*bench, *server) (result, error) {
	return func(b *bench, s *server) (result, error) {
		if b.redisBenchmark == "" {
			return nil, errNoRedisBenchmark
		}
		ca, err := testcert.NewCA(s.dir, "ca")
		if err != nil {
			return nil, err
		}
		pair, err := ca.Make(s.dir, "server")
		if err != nil {
			return nil, err
		}
		free, err := freePort()
		if err != nil {
			return nil, err
		}
		port := strconv.Itoa(free)
		if _, err := s.control.do("CONFIG", "SET", "tls-cert-file", pair.Cert, "tls-key-file", pair.Key, "tls-ca-cert-file", ca.File,
			"tls-auth-clients", "no", "tls-port", port); err != nil {
			return nil, fmt.Errorf("%w: %s does not speak TLS: %w", errSkipped, s.name, err)
		}
		if _, err := fill(b, s, b.count(keyCount), appendSet); err != nil {
			return nil, err
		}
		perSecond := 40_000.0
		if depth > 1 {
			perSecond = 300_000
		}
		requests := b.count(int(perSecond * b.duration.Seconds()))
		return redisBenchmark(b, s, depth, requests, append([]string{"-d", strconv.Itoa(valueBytes), "-p", port, "--tls", "--cacert", ca.File}, w.rb...)...)
	}
}
