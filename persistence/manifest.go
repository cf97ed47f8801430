// The manifest names the files of the journal in the order in which they are loaded.
//
//	file appendonly.aof.2.base.aof seq 2 type b size 40960
//	file appendonly.aof.4.incr.aof seq 4 type i size 1048576
//	file appendonly.aof.5.incr.aof seq 5 type i
//	#crc32c 1a2b3c4d
//
// Lines are words in pairs, key and value. Types: b base (one at most), h history (no longer needed, about to be
// deleted), i incremental (seq must increase). Names with unusual bytes are quoted as redis-server quotes them. Keys that
// are not known are skipped, as redis-server does; `size` is ours (see the package comment). A line starting with #
// is a comment; the last one, ours, has the CRC-32C of all bytes before it, since one bit makes an i into an h, and
// files of the past are deleted. Redis-server drops it when it writes the file anew, and aof-checksum no
// leaves it out, so a manifest without it is accepted.

package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
)

const (
	manifestLineMax = 1024
	manifestSizeMax = 16 << 20 // bytes; far above what any number of incr files needs
	seqMax          = 1 << 60
)

type fileType byte

const (
	typeBase    fileType = 'b'
	typeHistory fileType = 'h'
	typeIncr    fileType = 'i'
)

// listed is one line of the manifest. size is the number of bytes that count, -1: all of them.
type listed struct {
	name string
	seq  int64
	kind fileType
	size int64
}

// manifest is the parsed list. The zero value lists nothing.
type manifest struct {
	base    *listed
	history []listed
	incr    []listed
}

func (m manifest) clone() manifest {
	m.history = slices.Clone(m.history)
	m.incr = slices.Clone(m.incr)
	return m
}

func (m manifest) empty() bool { return m.base == nil && len(m.incr) == 0 }

// live is every file that is loaded, in order.
func (m manifest) live() []listed {
	var out []listed
	if m.base != nil {
		out = append(out, *m.base)
	}
	return append(out, m.incr...)
}

// lastSeq gives the highest sequence numbers in use, of base files and of incr files.
func (m manifest) lastSeq() (base, incr int64) {
	all := append(m.live(), m.history...)
	for _, f := range all {
		// A history line does not tell what the file was: count it for both.
		if f.kind != typeIncr {
			base = max(base, f.seq)
		}
		if f.kind != typeBase {
			incr = max(incr, f.seq)
		}
	}
	return base, incr
}

// encode gives the file's content, with its checksum in the last line if that is wanted.
func (m manifest) encode(checked bool) []byte {
	var out []byte
	line := func(f listed) {
		out = fmt.Appendf(out, "file %s seq %d type %c", quoteName(f.name), f.seq, f.kind)
		if f.size >= 0 {
			out = fmt.Appendf(out, " size %d", f.size)
		}
		out = append(out, '\n')
	}
	if m.base != nil {
		line(*m.base)
	}
	for _, f := range m.history {
		line(f)
	}
	for _, f := range m.incr {
		line(f)
	}
	if !checked {
		return out
	}
	return appendManifestSum(out)
}

const manifestSum = "#crc32c "

func appendManifestSum(out []byte) []byte {
	sum := crc32.Checksum(out, castagnoli)
	return append(appendHex(append(out, manifestSum...), uint64(sum), 8), '\n')
}

// checkManifestSum looks at a last line that is, or once was, the one with the sum.
func checkManifestSum(data []byte) error {
	at := len(data) - len(manifestSum) - 9
	if at < 0 || data[at] != '#' || at > 0 && data[at-1] != '\n' || bytes.IndexByte(data[at:], '\n') != len(manifestSum)+8 {
		if bytes.Contains(data, []byte(manifestSum)) {
			return errors.New("the line with its checksum is not the last one, or not whole")
		}
		return nil
	}
	if want := appendManifestSum(bytes.Clone(data[:at])); !bytes.Equal(want, data) {
		return errors.New("its checksum is wrong")
	}
	return nil
}

// parseManifest checks and reads a manifest; path is for its error texts, which name the line.
func parseManifest(data []byte, path string) (manifest, error) {
	var m manifest
	seen := map[string]bool{}
	fail := func(line int, format string, args ...any) (manifest, error) {
		return manifest{}, fmt.Errorf("journal manifest %s, line %d: %s", path, line, fmt.Sprintf(format, args...))
	}
	if len(data) == 0 {
		return fail(1, "the file is empty")
	}
	if err := checkManifestSum(data); err != nil {
		return manifest{}, fmt.Errorf("journal manifest %s, %d bytes: %w", path, len(data), err)
	}
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte{'\n'})
		data = rest
		switch {
		case len(line) >= manifestLineMax:
			return fail(n, "longer than %d bytes", manifestLineMax)
		case !whole:
			return fail(n, "cut short: no newline at its end")
		case bytes.HasPrefix(line, []byte{'#'}):
			continue
		}
		f, err := parseManifestLine(line)
		if err != nil {
			return fail(n, "%v", err)
		}
		if seen[f.name] {
			return fail(n, "%q is listed twice", f.name)
		}
		seen[f.name] = true
		switch f.kind {
		case typeBase:
			if m.base != nil {
				return fail(n, "a second base file")
			}
			m.base = &f
		case typeHistory:
			m.history = append(m.history, f)
		case typeIncr:
			if k := len(m.incr); k > 0 && f.seq <= m.incr[k-1].seq {
				return fail(n, "sequence number %d does not follow %d", f.seq, m.incr[k-1].seq)
			}
			m.incr = append(m.incr, f)
		}
	}
	return m, nil
}

func parseManifestLine(line []byte) (listed, error) {
	f := listed{size: -1}
	words, err := splitWords(strings.TrimSuffix(string(line), "\r"))
	if err != nil {
		return f, err
	}
	if len(words) < 6 || len(words)%2 != 0 {
		return f, fmt.Errorf("invalid format: want at least the keys file, seq and type, each with a value")
	}
	for i := 0; i < len(words); i += 2 {
		value := words[i+1]
		switch strings.ToLower(words[i]) {
		case "file":
			if value == "" || value == "." || value == ".." || strings.ContainsAny(value, "/\\\x00") {
				return f, fmt.Errorf("%q is not a plain file name", value)
			}
			f.name = value
		case "seq":
			f.seq, err = strconv.ParseInt(value, 10, 64)
			if err != nil || f.seq < 1 || f.seq > seqMax {
				return f, fmt.Errorf("invalid sequence number %q", value)
			}
		case "type":
			if value != "b" && value != "h" && value != "i" {
				return f, fmt.Errorf("unknown file type %q", value)
			}
			f.kind = fileType(value[0])
		case "size":
			f.size, err = strconv.ParseInt(value, 10, 64)
			if err != nil || f.size < 0 {
				return f, fmt.Errorf("invalid size %q", value)
			}
		}
	}
	if f.name == "" || f.seq == 0 || f.kind == 0 {
		return f, fmt.Errorf("file, seq or type is missing")
	}
	return f, nil
}

// quoteName gives a name as one word: bare when every byte is plain, quoted with escapes otherwise.
func quoteName(name string) string {
	plain := name != ""
	for i := 0; i < len(name); i++ {
		c := name[i]
		plain = plain && c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\'
	}
	if plain {
		return name
	}
	out := []byte{'"'}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c >= 0x7f:
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, '"'))
}

// splitWords cuts a line at blanks. "..." may hold \n \r \t \b \a \xHH and \ before any other byte; '...' only \'.
func splitWords(s string) ([]string, error) {
	var words []string
	for {
		s = strings.TrimLeft(s, " \t\r")
		if s == "" {
			return words, nil
		}
		word, rest, err := nextWord(s)
		if err != nil {
			return nil, err
		}
		words, s = append(words, word), rest
	}
}

func nextWord(s string) (word, rest string, err error) {
	quote := s[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(s, " \t\r")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var out []byte
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			if rest = s[i+1:]; rest != "" && !strings.ContainsRune(" \t\r", rune(rest[0])) {
				return "", "", fmt.Errorf("a closing quote must be followed by a blank")
			}
			return string(out), rest, nil
		case c != '\\' || i+1 == len(s):
			out = append(out, c)
		case quote == '\'':
			if s[i+1] == '\'' {
				i++
			}
			out = append(out, s[i])
		default:
			b, used := unescape(s[i+1:])
			out = append(out, b)
			i += used
		}
	}
	return "", "", fmt.Errorf("unbalanced quotes")
}

// unescape reads what follows a backslash; used is how many bytes it took.
func unescape(s string) (b byte, used int) {
	if s[0] == 'x' && len(s) >= 3 {
		if v, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
			return byte(v), 3
		}
	}
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}
