package config

// Start-up: where a directive may come from, and the one-line errors that name the place.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrHelp and ErrVersion are returned by Load when the arguments ask for the help text or the version.
var (
	ErrHelp    = errors.New("config: help requested")
	ErrVersion = errors.New("config: version requested")
)

const (
	maxIncludeDepth = 16       // an include that reaches this depth includes itself
	maxFileBytes    = 16 * mib // more is not a configuration file but a mistake
	envPrefix       = "REDIX_"
)

// Config holds the values in force and where they have come from. It belongs to one goroutine.
type Config struct {
	Values
	File string // absolute path of the configuration file, empty when there is none to rewrite

	from string // working directory at the start: where relative paths in the file begin
}

// Load reads `[file] [--directive value ...]` (without the program's name), then environ in the form of os.Environ,
// then stdin when the first or the last argument is "-". An error is one line that names the file and line, the
// variable or the flag, and says what was expected there; ErrHelp and ErrVersion are not failures.
func Load(args, environ []string, stdin io.Reader) (*Config, error) {
	v, err := defaults("")
	if err != nil {
		return nil, err
	}
	c := &Config{Values: *v}
	if c.from, err = os.Getwd(); err != nil {
		return nil, err
	}
	file := source{v: &c.Values}
	fromStdin := false
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if c.File, err = filepath.Abs(args[0]); err != nil {
			return nil, err
		}
		if err := file.readFile(args[0]); err != nil {
			return nil, err
		}
		args = args[1:]
	} else if len(args) > 0 && args[0] == "-" {
		fromStdin, args = true, args[1:]
	}
	if n := len(args); n > 0 && args[n-1] == "-" {
		fromStdin, args = true, args[:n-1]
	}
	if len(args) == 1 && args[0] == "-v" {
		return nil, ErrVersion
	}
	if err := askedFor(args); err != nil {
		return nil, err
	}
	if fromStdin {
		if err := file.readLines("stdin", stdin); err != nil {
			return nil, err
		}
	}
	replaced, err := readEnviron(&c.Values, environ)
	if err != nil {
		return nil, err
	}
	flags := source{v: &c.Values, seen: file.seen}
	for d := range replaced {
		delete(flags.seen, d)
	}
	if err := flags.readFlags(args); err != nil {
		return nil, err
	}
	return c, nil
}

func askedFor(args []string) error {
	for _, arg := range args {
		switch arg {
		case "-h", "--help":
			return ErrHelp
		case "--version":
			return ErrVersion
		}
	}
	return nil
}

// source is one of file, environment and flags. Values that add up do so within a source, and those of flags to those of the
// file, as if they stood at its end, unless the environment has replaced these.
type source struct {
	v     *Values
	seen  map[*Directive]string // the place of the last setting
	from  string                // directory that relative paths of includes start at; empty: the working directory
	depth int                   // of includes
}

// set gives words to the directive called name.
func (s *source) set(place, name string, words []string) error {
	d, ok := Lookup(name)
	if !ok {
		return &placeError{place, "", fmt.Sprintf("unknown directive '%s', expected one that --help lists", name)}
	}
	if len(words) == 0 && d.kind.several && !d.Hidden {
		words = []string{""} // none are wanted, or a shell or a generator of files has lost the empty word
	}
	_, more := s.seen[d]
	problem := ""
	if len(words) == 0 {
		problem = "wrong number of arguments"
	} else if err := s.take(d, words, more); err != nil {
		problem = err.Error()
	}
	if problem != "" {
		return &placeError{place, d.Name, problem + " (expected " + d.kind.expects + ")"}
	}
	if d.kind.place != nil {
		d.kind.place(s.v, place)
	}
	if s.seen == nil {
		s.seen = make(map[*Directive]string)
	}
	s.seen[d] = place
	return nil
}

// take assigns words, if the disk agrees.
func (s *source) take(d *Directive, words []string, more bool) error {
	before := *s.v
	err := d.assign(s.v, words, more)
	if err == nil && d.kind.disk != nil {
		if err = d.kind.disk(s.v); err != nil {
			*s.v = before
		}
	}
	return err
}

func (s *source) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot open the configuration file: %w", err)
	}
	defer f.Close()
	return s.readLines(path, f)
}

// readLines takes one directive a line; name stands for the input in errors.
func (s *source) readLines(name string, r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(content) > maxFileBytes {
		return fmt.Errorf("%s: larger than %s, expected a configuration file", name, formatMemory(maxFileBytes))
	}
	number := 0
	for line := range bytes.Lines(content) {
		number++
		place := fmt.Sprintf("%s:%d", name, number)
		words, err := splitLine(string(line))
		if err != nil {
			return &placeError{place, "", err.Error()}
		}
		if len(words) == 0 {
			continue
		}
		if strings.EqualFold(words[0], "include") {
			err = s.include(place, words[1:])
		} else {
			err = s.set(place, words[0], words[1:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// splitLine returns the words of a line of a file, none for a comment or a blank line.
func splitLine(line string) ([]string, error) {
	line = strings.Trim(line, " \t\r\n")
	if strings.HasPrefix(line, "#") {
		return nil, nil
	}
	return SplitWords(line)
}

// include reads the files of a pattern in place. A pattern without a match is no error, a missing file is.
func (s *source) include(place string, words []string) error {
	if len(words) != 1 {
		return &placeError{place, "include", "expected one path or pattern"}
	}
	if s.depth == maxIncludeDepth {
		return &placeError{place, "include", fmt.Sprintf("more than %d files deep, expected no file that includes itself", maxIncludeDepth)}
	}
	path := words[0]
	if s.from != "" && !filepath.IsAbs(path) {
		path = filepath.Join(s.from, path)
	}
	paths := []string{path}
	if strings.ContainsAny(path, "*?[") {
		found, err := filepath.Glob(path)
		if err != nil {
			return &placeError{place, "include", "expected a path or a well-formed pattern"}
		}
		paths = found
	}
	s.depth++
	defer func() { s.depth-- }()
	for _, path := range paths {
		if err := s.readFile(path); err != nil {
			var inside *placeError
			if errors.As(err, &inside) {
				return err
			}
			return &placeError{place, "include", err.Error()}
		}
	}
	return nil
}

// readFlags takes --name followed by words up to the next one that starts with two dashes. As for redis-server, name and words may
// also come in one argument.
func (s *source) readFlags(args []string) error {
	for i := 0; i < len(args); {
		flag := args[i]
		name, ok := strings.CutPrefix(flag, "--")
		if !ok || name == "" {
			return &placeError{"argument '" + flag + "'", "", "expected a flag in the form --directive value"}
		}
		name, inside, _ := strings.Cut(name, " ")
		words, err := SplitWords(inside)
		if err != nil {
			return &placeError{"--" + name, "", err.Error()}
		}
		for i++; i < len(args) && !strings.HasPrefix(args[i], "--"); i++ {
			words = append(words, args[i])
		}
		flag = "--" + name // without what may be a password
		if strings.EqualFold(name, "include") {
			if err := s.include(flag, words); err != nil {
				return err
			}
			continue
		}
		if err := s.set(flag, name, words); err != nil {
			return err
		}
	}
	return nil
}

// readEnviron takes the variables that start with REDIX_; the rest of the name is the directive in capitals, with
// underscores for dashes. Two variables that set the same directive are an error: neither is the later one. It returns the
// directives that it has set.
func readEnviron(v *Values, environ []string) (set map[*Directive]string, err error) {
	s := source{v: v}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(variable, envPrefix)
		if !ok || isServiceLink(rest, value) {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if translate, ok := envForms[rest]; ok {
			if name, value, err = translate(value); err != nil {
				return nil, &placeError{variable, "", err.Error()}
			}
		}
		if d, ok := Lookup(name); ok && s.seen[d] != "" {
			return nil, &placeError{variable, d.Name, "set by " + s.seen[d] + " too, expected one of the two"}
		}
		if err := s.set(variable, name, []string{value}); err != nil {
			return nil, err
		}
	}
	return s.seen, nil
}

// envForms are variables with a form of their own: they return the directive and its value.
var envForms = map[string]func(value string) (string, string, error){
	"CONNECTION_IDLE_TIMEOUT": idleTimeout,
	"LOG_LEVEL":               logLevel,
}

// idleTimeout rounds up to whole seconds: rounded down, half a second would mean "never".
func idleTimeout(value string) (string, string, error) {
	d, err := time.ParseDuration(value)
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	if err != nil || d < 0 || seconds > maxInt32 {
		return "", "", errors.New("expected a duration such as 90s, 5m or 0")
	}
	return "timeout", fmt.Sprint(seconds), nil
}

func logLevel(value string) (string, string, error) {
	level, ok := map[string]string{"DEBUG": "debug", "INFO": "notice", "WARN": "warning", "ERROR": "error"}[strings.ToUpper(value)]
	if !ok {
		return "", "", errors.New("expected DEBUG, INFO, WARN or ERROR")
	}
	return "loglevel", level, nil
}

// isServiceLink recognises the variables that Kubernetes puts into every container beside a service called redix:
// REDIX_SERVICE_HOST, REDIX_PORT_6379_TCP_ADDR, REDIX_PORT=tcp://10.0.0.1:6379 and their like.
func isServiceLink(rest, value string) bool {
	if strings.HasPrefix(rest, "SERVICE_") {
		return true
	}
	port, ok := strings.CutPrefix(rest, "PORT_")
	if ok && port != "" && port[0] >= '0' && port[0] <= '9' {
		return true
	}
	return rest == "PORT" && strings.Contains(value, "://")
}
