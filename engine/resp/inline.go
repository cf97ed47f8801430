package resp

import "bytes"

// Requests typed as a line of words, for people at a terminal and for health checks: "GET key\r\n". Words may be
// quoted and a quoted part may follow an unquoted one (foo"bar baz" is one word), but nothing may follow a closing
// quote except a space:
//
//	"..."   \n \r \t \b \a, \xHH for any byte, backslash and any other byte for that byte
//	'...'   \' for a quote; every other backslash is itself
//
// Words without quotes are used where they stand in the query buffer. A line with quotes is copied, and unquoted in the
// copy, since a word is never longer than its spelling: so a frame can be parsed again if it may not run yet.

// inline parses the line at the start of buf.
func (p *Parser) inline(buf []byte, args [][]byte, l *Limits) ([][]byte, int, error) {
	lf, err := p.find(buf, '\n', l, errInline)
	if lf < 0 || err != nil {
		return args, 0, err
	}
	line := buf[:lf]
	if lf > 0 && line[lf-1] == '\r' {
		line = line[:lf-1]
	}
	args, quoted := plainWords(line, args)
	if quoted {
		var ok bool
		if args, ok = splitWords(bytes.Clone(line), args[:0]); !ok {
			return args[:0], 0, errQuotes
		}
	}
	p.Reset()
	return args, lf + 1, nil
}

// plainWords appends the words of line to args, and stops at a quote.
func plainWords(line []byte, args [][]byte) (_ [][]byte, quoted bool) {
	for at := 0; ; {
		for at < len(line) && isSpace(line[at]) {
			at++
		}
		if at == len(line) {
			return args, false
		}
		start := at
		for at < len(line) && !endsWord(line[at]) {
			if line[at] == '"' || line[at] == '\'' {
				return args, true
			}
			at++
		}
		args = append(args, line[start:at:at])
	}
}

// splitWords unquotes the words of line where they stand and appends them to args. It is false when a quote is not closed,
// or closes inside a word.
func splitWords(line []byte, args [][]byte) ([][]byte, bool) {
	for r := 0; ; {
		for r < len(line) && isSpace(line[r]) {
			r++
		}
		if r == len(line) {
			return args, true
		}
		start, w := r, r
		for r < len(line) && !endsWord(line[r]) {
			quote := line[r]
			if quote != '"' && quote != '\'' {
				line[w] = line[r]
				r, w = r+1, w+1
				continue
			}
			var ok bool
			if r, w, ok = unquote(line, r+1, w, quote); !ok {
				return args, false
			}
			break
		}
		args = append(args, line[start:w:w])
	}
}

// unquote moves the quoted bytes at line[r:] to line[w:], up to the closing quote, and returns where it stopped
// reading and writing.
func unquote(line []byte, r, w int, quote byte) (int, int, bool) {
	for ; r < len(line); w++ {
		c, size := line[r], 1
		switch {
		case c == quote:
			r++
			return r, w, r == len(line) || isSpace(line[r])
		case c != '\\' || r+1 == len(line):
		case quote == '"':
			c, size = unescape(line[r:])
		case line[r+1] == quote:
			c, size = quote, 2
		}
		line[w] = c
		r += size
	}
	return r, w, false
}

// unescape reads the escape at the start of b, a backslash and at least one byte, and returns the byte meant and the
// length of its spelling.
func unescape(b []byte) (c byte, size int) {
	switch c = b[1]; c {
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'b':
		return '\b', 2
	case 'a':
		return '\a', 2
	case 'x':
		if len(b) >= 4 {
			if hi, lo := hexValue(b[2]), hexValue(b[3]); hi >= 0 && lo >= 0 {
				return byte(hi<<4 | lo), 4
			}
		}
	}
	return c, 2
}

// isSpace is C's isspace: what may stand between words.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// endsWord is narrower than isSpace: a vertical tab or a form feed inside a word belongs to it.
func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// hexValue is -1 for what is no hexadecimal digit.
func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
