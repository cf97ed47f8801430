package engine

import (
	"strconv"
	"time"
)

// MONITOR: every command that has run is shown to the clients that ask for it, but for those that administer the server,
// and with passwords redacted. While nobody asks it costs one comparison. A client that does not read what it is shown
// is disconnected over the output limits of the replica class: as redis-server's normal class has none, it would gather
// memory without bound there.

// Monitor makes the client see all commands.
func (c *Client) Monitor() {
	if !c.monitor {
		c.monitor = true
		c.server.monitors = append(c.server.monitors, c)
	}
}

// Unmonitor ends that.
func (c *Client) Unmonitor() {
	if c.monitor {
		c.monitor = false
		c.server.monitors = without(c.server.monitors, c)
	}
}

// Monitoring reports whether the client sees all commands.
func (c *Client) Monitoring() bool { return c.monitor }

// feedMonitors shows a command that has run.
func (s *Server) feedMonitors(c *Client, args Args) {
	now := time.Now()
	b := append([]byte(nil), '+')
	b = strconv.AppendInt(b, now.Unix(), 10)
	us := strconv.Itoa(1_000_000 + now.Nanosecond()/1000)
	b = append(append(b, '.'), us[1:]...)
	b = append(b, " ["...)
	b = strconv.AppendInt(b, int64(c.DB.ID), 10)
	b = append(b, ' ')
	if remote, _, unix := c.Addrs(); unix {
		b = append(b, "unix:"+s.Config.UnixSocket...)
	} else {
		b = append(b, remote...)
	}
	b = append(b, ']')
	for i, a := range args {
		b = append(b, ' ')
		if s.isRedacted(args, i) {
			b = append(b, '"')
			b = append(b, redacted...)
			b = append(b, '"')
		} else {
			b = AppendQuoted(b, a)
		}
	}
	b = append(b, '\r', '\n')
	for i := 0; i < len(s.monitors); i++ {
		m := s.monitors[i]
		s.push(m, b)
		if i < len(s.monitors) && s.monitors[i] != m { // it has been disconnected, and the next one has its place
			i--
		}
	}
}

// AppendQuoted appends text in double quotes, with what is not printable escaped as redis-server does.
func AppendQuoted(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '\\' || c == '"':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\a':
			b = append(b, '\\', 'a')
		case c == '\b':
			b = append(b, '\\', 'b')
		case c < ' ' || c > '~':
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
