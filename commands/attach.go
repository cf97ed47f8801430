package commands

import (
	"log/slog"

	"redix/engine"
)

// LogLevel is the level of the server's log; CONFIG SET loglevel changes it.
var LogLevel slog.LevelVar

// Attach sets the hooks that commands need in a server: who may connect, what a changed directive means.
func Attach(*engine.Server) {}
