package config

// Lines of a configuration file are split into words as redis-server splits them, and written back so that they
// split into the same words again.
//
//	foo bar        two words, at any white space
//	"foo bar\n"    one word; \n \r \t \b \a \xHH are escapes, any other \c is c
//	'foo "bar"'    one word; \' is the only escape
//
// A closing quote ends the word: white space or the end of the line must follow.

import (
	"errors"
	"strings"
)

var errUnbalanced = errors.New("unbalanced quotes, expected a closing quote followed by a space or the end of the line")

// SplitWords returns the words of line, none for a blank one.
func SplitWords(line string) ([]string, error) {
	var words []string
	i := 0
	for {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return words, nil
		}
		word, next, err := scanWord(line, i)
		if err != nil {
			return nil, err
		}
		words, i = append(words, word), next
	}
}

// scanWord returns the word that starts at line[i] and the offset behind it. A quote may open in mid-word.
func scanWord(line string, i int) (string, int, error) {
	var word []byte
	for i < len(line) && !isSpace(line[i]) {
		quote := line[i]
		if quote != '"' && quote != '\'' {
			word = append(word, quote)
			i++
			continue
		}
		for i++; ; {
			if i == len(line) {
				return "", 0, errUnbalanced
			}
			if line[i] == quote {
				break
			}
			var c byte
			c, i = unescape(line, i, quote)
			word = append(word, c)
		}
		i++
		if i < len(line) && !isSpace(line[i]) {
			return "", 0, errUnbalanced
		}
	}
	return string(word), i, nil
}

// unescape returns the byte that starts at line[i] inside quotes and the offset behind it.
func unescape(line string, i int, quote byte) (byte, int) {
	c := line[i]
	if c != '\\' || i+1 == len(line) {
		return c, i + 1
	}
	next := line[i+1]
	if quote == '\'' {
		if next == '\'' {
			return next, i + 2
		}
		return c, i + 1
	}
	if next == 'x' && i+3 < len(line) {
		high, low := hexDigit(line[i+2]), hexDigit(line[i+3])
		if high >= 0 && low >= 0 {
			return byte(high<<4 | low), i + 4
		}
	}
	if at := strings.IndexByte("nrtba", next); at >= 0 {
		next = "\n\r\t\b\a"[at]
	}
	return next, i + 2
}

// quote returns word as it has to stand in a file: bare when it can, else in double quotes.
func quote(word string) string {
	bare := word != ""
	for i := 0; i < len(word); i++ {
		if c := word[i]; c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' || c == '#' {
			bare = false
		}
	}
	if bare {
		return word
	}
	const hex = "0123456789abcdef"
	out := []byte{'"'}
	for i := 0; i < len(word); i++ {
		c := word[i]
		if at := strings.IndexByte("\n\r\t\b\a", c); at >= 0 {
			out = append(out, '\\', "nrtba"[at])
		} else if c == '"' || c == '\\' {
			out = append(out, '\\', c)
		} else if c < ' ' || c > '~' {
			out = append(out, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			out = append(out, c)
		}
	}
	return string(append(out, '"'))
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func hexDigit(c byte) int {
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
