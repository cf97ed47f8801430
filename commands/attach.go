package commands

import (
	"log/slog"
	"time"

	"redix/engine"
	"redix/engine/reactor"
)

// LogLevel is the level of the server's log; CONFIG SET loglevel changes it.
var LogLevel slog.LevelVar

// protectedText greets a client of another machine while nothing but its address keeps strangers out.
const protectedText = "DENIED Redix is in protected mode: it has no password, so it serves only clients of its own machine. " +
	"To serve others, set a password (requirepass) and connect with it; or, where only trusted machines can reach the " +
	"server, set protected-mode to no. Both can be done with CONFIG SET from the server's machine, or in its configuration file."

// warnEvery is the least time between two warnings about HTTP requests.
const warnEvery = time.Minute

// Attach sets the hooks that commands need in a server: who may connect, and what is not a command at all.
func Attach(s *engine.Server) {
	s.Hooks.Greet = func(conn reactor.Conn) string {
		if s.Config.ProtectedMode && s.Users.Default.NoPass && !engine.IsLocal(conn.RemoteAddr()) {
			return protectedText
		}
		return ""
	}
	s.Hooks.ClientInfo = func(c *engine.Client) string { return string(appendClient(nil, c)) }
	warnedMs := int64(0)
	s.Hooks.Unknown = func(c *engine.Client, args engine.Args) bool {
		if !isWord(args[0], "post") && !isWord(args[0], "host:") {
			return false
		}
		if s.NowMs-warnedMs >= warnEvery.Milliseconds() {
			warnedMs = s.NowMs
			s.Log.Warn("Possible SECURITY ATTACK detected. Somebody sends an HTTP request (POST or Host:) to this port: a web "+
				"page may be trying to run commands through a browser (cross protocol scripting). Connection aborted.",
				"addr", c.Conn().RemoteAddr())
		}
		s.Kill(c)
		return true
	}
}
