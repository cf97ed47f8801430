// The strict reader of the frames in a journal file.
//
//	*<words>\r\n   then, for each word,   $<length>\r\n<bytes>\r\n
//
// It is resumable: when the window ends inside a frame, next says so, and is called again with the same window grown at
// its end; nothing is scanned twice. It is told how many bytes the file still has, so that a length that reaches
// beyond the end of the file is known to be torn at once and never makes anyone wait, or reserve, for the bytes.

package persistence

import "fmt"

const (
	frameMaxWords = 1<<31 - 1
	frameMaxBulk  = 1 << 32 // bytes; proto-max-bulk-len can be raised, a file may hold what an earlier setting allowed
)

// formatError is a frame that no server wrote.
type formatError struct {
	at  int64 // bytes after the start of the frame
	why string
}

func (e *formatError) Error() string { return e.why }

// errTorn: the file ends inside the frame.
var errTorn = fmt.Errorf("the file ends inside a command")

type span struct{ start, end int }

// frameScanner reads one frame after the other. The zero value is ready.
type frameScanner struct {
	words   []span // of the frame, relative to its start
	pos     int    // bytes of the frame looked at
	missing int64  // words still to come, valid once pos > 0
}

// reset forgets the frame read; the next one starts at the start of the window.
func (s *frameScanner) reset() {
	s.words = s.words[:0]
	s.pos, s.missing = 0, 0
}

// next reads the frame at the start of win. size > 0: it is size bytes long and s.words tells where its words are.
// size 0 without an error: win has to grow. rest is how many bytes the file has from the start of win.
func (s *frameScanner) next(win []byte, rest int64) (size int, err error) {
	if s.pos == 0 {
		n, used, err := number(win, 0, '*', frameMaxWords)
		if used == 0 || err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, &formatError{0, "a command without words"}
		}
		s.pos, s.missing = used, n
	}
	for s.missing > 0 {
		length, used, err := number(win, s.pos, '$', frameMaxBulk)
		if used == 0 || err != nil {
			return 0, err
		}
		start := int64(s.pos + used)
		if start+length+2 > rest {
			return 0, errTorn
		}
		if start+length+2 > int64(len(win)) {
			return 0, nil
		}
		end := int(start + length)
		for i, want := range [2]byte{'\r', '\n'} {
			if win[end+i] != want {
				return 0, &formatError{int64(end + i), "a word is not followed by CR LF"}
			}
		}
		s.words = append(s.words, span{int(start), end})
		s.pos = end + 2
		s.missing--
	}
	return s.pos, nil
}

// number reads sign, decimal digits, CR, LF at win[at:]. used 0 without an error: win ends before the LF.
func number(win []byte, at int, sign byte, limit int64) (n int64, used int, err error) {
	if at >= len(win) {
		return 0, 0, nil
	}
	if win[at] != sign {
		return 0, 0, &formatError{int64(at), fmt.Sprintf("found byte %q in place of %q", win[at], sign)}
	}
	i := at + 1
	for ; i < len(win) && win[i] != '\r'; i++ {
		digit := win[i] - '0'
		if digit > 9 {
			return 0, 0, &formatError{int64(i), fmt.Sprintf("found byte %q in a number", win[i])}
		}
		if n = n*10 + int64(digit); n > limit {
			return 0, 0, &formatError{int64(i), "a number out of range"}
		}
		if i-at > 20 {
			return 0, 0, &formatError{int64(i), "a number of too many digits"}
		}
	}
	if i+1 >= len(win) {
		return 0, 0, nil
	}
	if i == at+1 {
		return 0, 0, &formatError{int64(i), "a number without digits"}
	}
	if win[i+1] != '\n' {
		return 0, 0, &formatError{int64(i + 1), "CR without LF"}
	}
	return n, i + 2 - at, nil
}
