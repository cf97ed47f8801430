//go:build !linux

package engine

import "time"

var threadStart = time.Now()

// threadNs is the time: the clock of a single thread cannot be read everywhere.
func threadNs() int64 { return int64(time.Since(threadStart)) }
