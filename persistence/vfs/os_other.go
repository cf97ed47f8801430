//go:build !linux

// Elsewhere os.File.Sync is the strongest call there is (F_FULLFSYNC on macOS).

package vfs

import "os"

func dataSync(f *os.File) error { return f.Sync() }
