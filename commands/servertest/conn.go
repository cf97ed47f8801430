package servertest

// Connections: commands out, replies in, in whole or in pieces.

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for a reply, on a busy machine.
const patience = 60 * time.Second

// Conn is a connection of a test to a server. A failure of the connection fails the test.
type Conn struct {
	net.Conn
	In  *bufio.Reader
	t   testing.TB
	out []byte
}

// Dial connects to "host:port" or to the path of a unix socket, for as long as the test runs.
func Dial(t testing.TB, addr string) *Conn {
	t.Helper()
	c, err := TryDial(t, addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TryDial is Dial for a server that may not be there.
func TryDial(t testing.TB, addr string) (*Conn, error) {
	network := "tcp"
	if addr != "" && addr[0] == '/' {
		network = "unix"
	}
	conn, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return nil, err
	}
	return Wrap(t, conn), nil
}

// Wrap makes a Conn of a connection, for as long as the test runs.
func Wrap(t testing.TB, conn net.Conn) *Conn {
	t.Cleanup(func() { conn.Close() })
	return &Conn{Conn: conn, In: bufio.NewReaderSize(conn, 64<<10), t: t}
}

// AppendCommand appends words to b as a client sends them.
func AppendCommand(b []byte, words ...string) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(words)), 10)
	b = append(b, '\r', '\n')
	for _, w := range words {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(w)), 10)
		b = append(b, '\r', '\n')
		b = append(b, w...)
		b = append(b, '\r', '\n')
	}
	return b
}

// Do sends one command and returns its reply.
func (c *Conn) Do(words ...string) Value {
	c.t.Helper()
	c.Send(words...)
	c.Flush()
	return c.Receive()
}

// Must is Do for a command that may not fail.
func (c *Conn) Must(words ...string) Value {
	c.t.Helper()
	v := c.Do(words...)
	if v.Kind == '-' {
		c.t.Fatalf("%.200q: %s", words, v)
	}
	return v
}

// Send queues a command until Flush.
func (c *Conn) Send(words ...string) { c.out = AppendCommand(c.out, words...) }

// SendRaw queues bytes until Flush.
func (c *Conn) SendRaw(b string) { c.out = append(c.out, b...) }

// Flush writes what has been queued.
func (c *Conn) Flush() {
	c.t.Helper()
	if err := c.TryFlush(); err != nil {
		c.t.Fatal(err)
	}
}

// TryFlush is Flush for a server that may be gone.
func (c *Conn) TryFlush() error {
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// FlushBytes writes what has been queued byte by byte, each in a system call of its own.
func (c *Conn) FlushBytes() {
	c.t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	for i := range c.out {
		if _, err := c.Write(c.out[i : i+1]); err != nil {
			c.t.Fatal(err)
		}
	}
	c.out = c.out[:0]
}

// Receive returns the next reply.
func (c *Conn) Receive() Value {
	c.t.Helper()
	v, err := c.TryReceive()
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// TryReceive is Receive for a server that may be gone.
func (c *Conn) TryReceive() (Value, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return Read(c.In)
}

// TryDo is Do for a server that may be gone.
func (c *Conn) TryDo(words ...string) (Value, error) {
	c.Send(words...)
	if err := c.TryFlush(); err != nil {
		return Value{}, err
	}
	return c.TryReceive()
}

// Hello switches to protocol 2 or 3.
func (c *Conn) Hello(proto int) {
	c.t.Helper()
	if v := c.Do("HELLO", strconv.Itoa(proto)); v.Kind == '-' {
		c.t.Fatalf("HELLO %d: %s", proto, v)
	}
}

// MustClose waits until the server closes the connection; what it sends before is returned.
func (c *Conn) MustClose() []Value {
	c.t.Helper()
	var got []Value
	for {
		v, err := c.TryReceive()
		if err == nil {
			got = append(got, v)
			continue
		}
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			c.t.Fatalf("the connection was not closed; received %v", got)
		}
		return got
	}
}

// Has reports whether the server knows the command, by COMMAND INFO's or its own words.
func (c *Conn) Has(command string) bool {
	c.t.Helper()
	v := c.Do("COMMAND", "INFO", command)
	return v.Kind == '*' && len(v.Elems) == 1 && !v.Elems[0].Null()
}

// Info returns the fields of INFO.
func (c *Conn) Info(section string) map[string]string {
	c.t.Helper()
	fields := map[string]string{}
	for line := range strings.SplitSeq(c.Must("INFO", section).Str, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// Words formats a command for a failure's text.
func Words(words []string) string {
	out := ""
	for i, w := range words {
		if i > 0 {
			out += " "
		}
		if len(w) > shownBytes {
			out += fmt.Sprintf("%q...(%d bytes)", w[:shownBytes], len(w))
			continue
		}
		out += strconv.Quote(w)
	}
	return out
}
