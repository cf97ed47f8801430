//go:build linux

// A plain connection for what is asked once: PING, INFO, DBSIZE, CONFIG.

package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"redix/bench/load"

	"github.com/tidwall/redcon"
)

// control asks one command at a time.
type control struct {
	nc  net.Conn
	buf []byte
}

// replyLimit bounds what a reply to control may take, INFO being the longest.
const replyLimit = 16 << 20

func dialControl(port int) (*control, error) {
	nc, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return nil, err
	}
	return &control{nc: nc}, nil
}

func (c *control) close() { c.nc.Close() }

// do sends a command and returns the reply as text. An error reply is an error.
func (c *control) do(args ...string) (string, error) {
	if err := c.nc.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	if _, err := c.nc.Write(load.Command(nil, args...)); err != nil {
		return "", err
	}
	return c.read(args[0])
}

// read returns the reply to a command that has been sent.
func (c *control) read(name string) (string, error) {
	c.buf = c.buf[:0]
	chunk := make([]byte, 16<<10)
	for {
		n, err := c.nc.Read(chunk)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		c.buf = append(c.buf, chunk[:n]...)
		size, reply := redcon.ReadNextRESP(c.buf)
		if size == 0 && len(c.buf) < replyLimit {
			continue
		}
		if size == 0 {
			return "", fmt.Errorf("%s: reply over %d bytes", name, replyLimit)
		}
		if reply.Type == redcon.Error {
			return "", fmt.Errorf("%s: %s", name, reply.String())
		}
		return reply.String(), nil
	}
}

// info returns the fields of INFO, or of one section of it.
func (c *control) info(section ...string) (map[string]string, error) {
	text, err := c.do(append([]string{"INFO"}, section...)...)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[key] = value
		}
	}
	return fields, nil
}

// infoNumber returns one numeric field of INFO; ok is false where the server has no such field.
func (c *control) infoNumber(section, field string) (v float64, ok bool, err error) {
	fields, err := c.info(section)
	if err != nil {
		return 0, false, err
	}
	text, ok := fields[field]
	if !ok {
		return 0, false, nil
	}
	v, err = strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false, fmt.Errorf("INFO field %s: %w", field, err)
	}
	return v, true, nil
}

// size returns DBSIZE.
func (c *control) size() (int64, error) {
	text, err := c.do("DBSIZE")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}
