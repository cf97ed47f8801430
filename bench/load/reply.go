//go:build linux

// Replies are counted, not parsed into values: the counter keeps only what it needs to find where the next reply
// begins, so that input may be cut at any byte and reading costs no allocation.

package load

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// maxLineBytes bounds a header or simple-string line, and with it what a broken server can make the counter keep.
const maxLineBytes = 64 << 10

var errReply = errors.New("load: malformed reply")

// ReplyCounter counts complete replies in a stream. The zero value is ready.
//
// State between two feeds, as if reading "*2\r\n$3\r\nfoo\r\n:1\r\n":
//
//	need   elements still to come before the current reply is whole (1 before it begins;
//	       "*2" takes one away and adds two)
//	skip   bytes of a bulk body, with its CRLF, still to pass over
//	line   the beginning of a line whose end has not arrived
type ReplyCounter struct {
	need   int64
	skip   int64
	line   []byte
	errors int64
	first  string
}

// Errors returns how many replies were errors, and the text of the first one.
func (c *ReplyCounter) Errors() (n int64, first string) { return c.errors, c.first }

// Feed takes the next bytes of the stream and returns how many replies they complete. After an error the counter
// is of no more use.
func (c *ReplyCounter) Feed(b []byte) (replies int, err error) {
	for len(b) > 0 {
		if c.skip > 0 {
			n := min(c.skip, int64(len(b)))
			c.skip -= n
			b = b[n:]
			if c.skip == 0 && c.finish() {
				replies++
			}
			continue
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			if len(c.line)+len(b) > maxLineBytes {
				return replies, fmt.Errorf("%w: line over %d bytes", errReply, maxLineBytes)
			}
			c.line = append(c.line, b...)
			return replies, nil
		}
		line := b[:end+1]
		b = b[end+1:]
		if len(c.line) > 0 {
			c.line = append(c.line, line...)
			line = c.line
		}
		whole, err := c.header(line)
		c.line = c.line[:0]
		if err != nil {
			return replies, err
		}
		if whole {
			replies++
		}
	}
	return replies, nil
}

// header takes one line with its CRLF and reports whether it completes a reply.
func (c *ReplyCounter) header(line []byte) (bool, error) {
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return false, fmt.Errorf("%w: %.40q", errReply, line)
	}
	if c.need == 0 {
		c.need = 1
	}
	body := line[1 : len(line)-2]
	switch line[0] {
	case '+', ':', '_', '#', ',', '(':
		return c.finish(), nil
	case '-':
		if c.errors == 0 {
			c.first = string(body)
		}
		c.errors++
		return c.finish(), nil
	case '$', '=', '!':
		n, ok := parseLength(body)
		if !ok {
			return false, fmt.Errorf("%w: %.40q", errReply, line)
		}
		if n < 0 {
			return c.finish(), nil
		}
		c.skip = n + 2
		return false, nil
	case '*', '~', '>', '%':
		n, ok := parseLength(body)
		if !ok {
			return false, fmt.Errorf("%w: %.40q", errReply, line)
		}
		if line[0] == '%' {
			n *= 2
		}
		c.need += max(n, 0)
		if c.need > math.MaxInt32*4 {
			return false, fmt.Errorf("%w: more than %d elements", errReply, int64(math.MaxInt32*4))
		}
		return c.finish(), nil
	}
	return false, fmt.Errorf("%w: %.40q", errReply, line)
}

// finish ends one element and reports whether the reply it belongs to is whole.
func (c *ReplyCounter) finish() bool {
	c.need--
	return c.need == 0
}

// parseLength reads a bulk or array length: -1, or 0 to 2,147,483,647.
func parseLength(b []byte) (int64, bool) {
	if len(b) == 2 && b[0] == '-' && b[1] == '1' {
		return -1, true
	}
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	var n int64
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, n <= math.MaxInt32
}
