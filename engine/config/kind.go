package config

// Kinds: how the value of a directive is read, shown and written. Error texts are redis-server's.

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// refusal is the reason why a value is not taken. It ends up in an error reply, so its spelling is redis-server's.
type refusal string

func (r refusal) Error() string { return string(r) }

// kind is the behaviour of one directive's value. Its functions work on the Values they are given, so that a load, a
// rewrite or a test can use values of its own.
type kind struct {
	expects string // for error lines, help and docs
	several bool   // takes several words; a single word is split at each space, as in CONFIG SET
	addsUp  bool   // lines of one source add up instead of replacing each other
	moves   bool   // the server goes to the directory that it names, from which a relative path would lead elsewhere

	// set parses words (at least one) into v, or returns an error and leaves v alone. more is true when addsUp is set
	// and this source has set the directive before.
	set func(v *Values, words []string, more bool) error
	// get returns the value as CONFIG GET shows it; set reads it back to the same value.
	get func(v *Values) string
	// disk, when not nil, tells whether the value that set has taken is there and can be used. It may wait for the disk, set does not.
	disk func(v *Values) error
	// place, when not nil, is told where the words that set has just taken stand.
	place func(v *Values, place string)
	// lines returns what stands behind the name in a file, one element a line.
	lines func(v *Values) []string
}

// single completes a kind whose value is one word. write is the form for files, nil for that of get.
func single(expects string, parse func(*Values, string) error, get, write func(*Values) string) kind {
	if write == nil {
		write = get
	}
	return kind{
		expects: expects,
		set: func(v *Values, words []string, _ bool) error {
			if len(words) != 1 {
				return refusal("wrong number of arguments")
			}
			return parse(v, words[0])
		},
		get:   get,
		lines: func(v *Values) []string { return []string{quote(write(v))} },
	}
}

func yesNo(at func(*Values) *bool) kind {
	return single("yes or no", func(v *Values, word string) error {
		switch strings.ToLower(word) {
		case "yes":
			*at(v) = true
		case "no":
			*at(v) = false
		default:
			return refusal("argument must be 'yes' or 'no'")
		}
		return nil
	}, func(v *Values) string {
		if *at(v) {
			return "yes"
		}
		return "no"
	}, nil)
}

func integer(low, high int, at func(*Values) *int) kind {
	return single("an integer"+interval(low, high), func(v *Values, word string) error {
		n, err := parseInt(word)
		if err != nil {
			return err
		}
		if n < low || n > high {
			return refusal(fmt.Sprintf("argument must be between %d and %d inclusive", low, high))
		}
		*at(v) = n
		return nil
	}, func(v *Values) string { return strconv.Itoa(*at(v)) }, nil)
}

// clamped is an integer that is drawn into its range instead of refused, as redis-server does with hz.
func clamped(low, high int, at func(*Values) *int) kind {
	k := integer(0, math.MaxInt32, at)
	k.expects = fmt.Sprintf("an integer, drawn into %d to %d", low, high)
	set := k.set
	k.set = func(v *Values, words []string, more bool) error {
		err := set(v, words, more)
		*at(v) = max(low, min(high, *at(v)))
		return err
	}
	return k
}

func memory(low, high int, at func(*Values) *int) kind {
	expects := "a memory size"
	switch {
	case low == high:
		expects = strconv.Itoa(low)
	case low > 0:
		expects += " of at least " + formatMemory(low)
	}
	return single(expects, func(v *Values, word string) error {
		n, err := parseMemory(word)
		if err != nil {
			return err
		}
		if n < low || n > high {
			return refusal(fmt.Sprintf("argument must be between %d and %d inclusive", low, high))
		}
		*at(v) = n
		return nil
	}, func(v *Values) string { return strconv.Itoa(*at(v)) }, func(v *Values) string { return formatMemory(*at(v)) })
}

// memoryOrPercent is a size, or a percentage of something else, kept as a negative number.
func memoryOrPercent(at func(*Values) *int) kind {
	show := func(v *Values, size func(int) string) string {
		if n := *at(v); n < 0 {
			return strconv.Itoa(-n) + "%"
		}
		return size(*at(v))
	}
	return single("a memory size, or a percentage", func(v *Values, word string) error {
		digits, percent := strings.CutSuffix(word, "%")
		if !percent {
			n, err := parseMemory(word)
			if err != nil {
				return refusal("argument must be a memory or percent value")
			}
			*at(v) = n
			return nil
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil {
			return refusal("argument must be a memory or percent value")
		}
		if n > 100 {
			return refusal("percentage argument must be less or equal to 100")
		}
		*at(v) = -int(n)
		return nil
	}, func(v *Values) string { return show(v, strconv.Itoa) }, func(v *Values) string { return show(v, formatMemory) })
}

// oneOf is a word out of names, in either case; the field holds its index.
func oneOf[T ~int](at func(*Values) *T, names ...string) kind {
	list := strings.Join(names, ", ")
	expects := "one of " + list
	if len(names) == 1 {
		expects = list
	}
	return single(expects, func(v *Values, word string) error {
		for i, name := range names {
			if strings.EqualFold(name, word) {
				*at(v) = T(i)
				return nil
			}
		}
		return refusal("argument(s) must be one of the following: " + list)
	}, func(v *Values) string { return names[*at(v)] }, nil)
}

func text(at func(*Values) *string) kind {
	return single("a string", func(v *Values, word string) error {
		*at(v) = word
		return nil
	}, func(v *Values) string { return *at(v) }, nil)
}

// baseName is the name of a file or directory inside another one; what is "dirname" or "filename".
func baseName(directive, what string, at func(*Values) *string) kind {
	return single("a "+what+" without a path", func(v *Values, word string) error {
		if word == "" {
			return refusal(directive + " can't be empty")
		}
		if word == "." || word == ".." || strings.ContainsAny(word, "/\x00") {
			return refusal(fmt.Sprintf("%s can't be a path, just a %s", directive, what))
		}
		*at(v) = word
		return nil
	}, func(v *Values) string { return *at(v) }, nil)
}

// directory must exist when it is set and is kept as an absolute path: after the start nothing changes the working directory.
func directory(at func(*Values) *string) kind {
	k := single("an existing directory", func(v *Values, word string) error {
		if word == "" {
			return systemError(syscall.ENOENT)
		}
		if !filepath.IsAbs(word) {
			word = filepath.Join(v.from, word)
		}
		path, err := filepath.Abs(word) // which asks for the working directory if from is empty
		if err != nil {
			return systemError(err)
		}
		*at(v) = path
		return nil
	}, func(v *Values) string { return *at(v) }, nil)
	k.disk = func(v *Values) error {
		if _, err := os.Stat(*at(v) + "/."); err != nil { // "." is in a directory only, and for those who may search it
			return systemError(err)
		}
		return nil
	}
	k.moves = true
	return k
}

func octal(high int, at func(*Values) *int) kind {
	return single(fmt.Sprintf("octal permissions, 0 to %o", high), func(v *Values, word string) error {
		n, err := strconv.ParseUint(word, 8, 31)
		if err != nil {
			return refusal("argument couldn't be parsed as an octal number")
		}
		if n > uint64(high) {
			return refusal(fmt.Sprintf("argument must be between 0 and %o inclusive", high))
		}
		*at(v) = int(n)
		return nil
	}, func(v *Values) string { return strconv.FormatInt(int64(*at(v)), 8) }, nil)
}

// maxAddresses is redis-server's bound on the words of bind.
const maxAddresses = 16

// addresses is a list; one empty word makes it empty. Whether an address exists is found out by listening on it.
func addresses(at func(*Values) *[]string) kind {
	get := func(v *Values) string { return strings.Join(*at(v), " ") }
	return kind{
		expects: `up to 16 addresses separated by one space, or ""`,
		several: true,
		set: func(v *Values, words []string, _ bool) error {
			if len(words) == 1 && words[0] == "" {
				words = nil
			}
			if len(words) > maxAddresses {
				return refusal("Too many bind addresses specified.")
			}
			for _, word := range words {
				if strings.TrimPrefix(word, "-") == "" {
					return refusal("Failed to bind to specified addresses.")
				}
			}
			*at(v) = append([]string(nil), words...)
			return nil
		},
		get: get,
		lines: func(v *Values) []string {
			words := make([]string, 0, maxAddresses)
			for _, address := range *at(v) {
				words = append(words, quote(address))
			}
			if len(words) == 0 {
				return []string{`""`}
			}
			return []string{strings.Join(words, " ")}
		},
	}
}

// savePoints are pairs of seconds and changes; one empty word clears them.
func savePoints(at func(*Values) *[]SavePoint) kind {
	points := func(v *Values) []string {
		var out []string
		for _, p := range *at(v) {
			out = append(out, fmt.Sprintf("%d %d", p.Seconds, p.Changes))
		}
		return out
	}
	return kind{
		expects: `pairs of seconds (1 or more) and changes, or ""`,
		several: true,
		addsUp:  true,
		set: func(v *Values, words []string, more bool) error {
			if len(words) == 1 && words[0] == "" {
				*at(v) = nil
				return nil
			}
			var list []SavePoint
			if more {
				list = append(list, *at(v)...)
			}
			for i := 0; i < len(words); i += 2 {
				if i+1 == len(words) {
					return refusal("Invalid save parameters")
				}
				seconds, err1 := parseInt(words[i])
				changes, err2 := parseInt(words[i+1])
				if err1 != nil || err2 != nil || seconds < 1 || seconds > math.MaxInt32 || changes < 0 || changes > math.MaxInt32 {
					return refusal("Invalid save parameters")
				}
				list = append(list, SavePoint{seconds, changes})
			}
			*at(v) = list
			return nil
		},
		get: func(v *Values) string { return strings.Join(points(v), " ") },
		lines: func(v *Values) []string {
			if len(*at(v)) == 0 {
				return []string{`""`}
			}
			return points(v)
		},
	}
}

// percentiles is a list of numbers from 0 to 100; one empty word makes it empty.
func percentiles(at func(*Values) *[]float64) kind {
	get := func(v *Values) string {
		words := make([]string, 0, len(*at(v)))
		for _, p := range *at(v) {
			words = append(words, strconv.FormatFloat(p, 'f', -1, 64))
		}
		return strings.Join(words, " ")
	}
	return kind{
		expects: `percentiles from 0 to 100, or ""`,
		several: true,
		set: func(v *Values, words []string, _ bool) error {
			if len(words) == 1 && words[0] == "" {
				words = nil
			}
			list := make([]float64, 0, len(words))
			for _, word := range words {
				p, err := strconv.ParseFloat(word, 64)
				if err != nil {
					return refusal("Invalid latency-tracking-info-percentiles parameters")
				}
				if !(p >= 0 && p <= 100) {
					return refusal("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
				}
				list = append(list, p)
			}
			*at(v) = list
			return nil
		},
		get: get,
		lines: func(v *Values) []string {
			if len(*at(v)) == 0 {
				return []string{`""`}
			}
			return []string{get(v)}
		},
	}
}

// lines are words that mean something line by line, from low to high of them; one empty word clears them all.
func lines(expects string, low, high int, at func(*Values) *[]Line) kind {
	written := func(v *Values, form func(string) string) []string {
		out := make([]string, len(*at(v)))
		for i, line := range *at(v) {
			words := make([]string, len(line.Words))
			for k, word := range line.Words {
				words[k] = form(word)
			}
			out[i] = strings.Join(words, " ")
		}
		return out
	}
	return kind{
		expects: expects,
		several: true,
		addsUp:  true,
		set: func(v *Values, words []string, more bool) error {
			if len(words) == 1 && words[0] == "" {
				*at(v) = nil
				return nil
			}
			if len(words) < low || len(words) > high {
				return refusal("wrong number of arguments")
			}
			var all []Line
			if more {
				all = append(all, *at(v)...)
			}
			*at(v) = append(all, Line{Words: append([]string(nil), words...)})
			return nil
		},
		place: func(v *Values, place string) {
			if n := len(*at(v)); n > 0 {
				(*at(v))[n-1].Place = place
			}
		},
		get:   func(v *Values) string { return strings.Join(written(v, func(s string) string { return s }), "\n") },
		lines: func(v *Values) []string { return written(v, quote) },
	}
}

// outputLimits are groups of class, hard, soft and seconds; classes that are not named keep their limits. CONFIG GET
// shows the replica class under its old name, as redis-server does.
func outputLimits(at func(*Values) *[ClientClasses]OutputLimit) kind {
	classes := map[string]int{"normal": ClassNormal, "slave": ClassReplica, "replica": ClassReplica, "pubsub": ClassPubSub}
	return kind{
		expects: "groups of class (normal, replica or pubsub), hard bytes, soft bytes, soft seconds",
		several: true,
		set: func(v *Values, words []string, _ bool) error {
			if len(words) == 1 && words[0] == "" {
				return nil // no class is named, so none changes
			}
			if len(words)%4 != 0 {
				return refusal("Wrong number of arguments in buffer limit configuration.")
			}
			limits := *at(v)
			for ; len(words) > 0; words = words[4:] {
				class, ok := classes[strings.ToLower(words[0])]
				if !ok {
					return refusal("Invalid client class specified in buffer limit configuration.")
				}
				hard, err1 := parseMemory(words[1])
				soft, err2 := parseMemory(words[2])
				seconds, err3 := parseInt(words[3])
				if err1 != nil || err2 != nil || err3 != nil || seconds < 0 || seconds > math.MaxInt32 {
					return refusal("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
				}
				limits[class] = OutputLimit{hard, soft, seconds}
			}
			*at(v) = limits
			return nil
		},
		get: func(v *Values) string {
			l := at(v)
			return fmt.Sprintf("normal %d %d %d slave %d %d %d pubsub %d %d %d",
				l[0].HardBytes, l[0].SoftBytes, l[0].SoftSeconds, l[1].HardBytes, l[1].SoftBytes, l[1].SoftSeconds,
				l[2].HardBytes, l[2].SoftBytes, l[2].SoftSeconds)
		},
		lines: func(v *Values) []string {
			var out []string
			for class, name := range [ClientClasses]string{"normal", "replica", "pubsub"} {
				l := at(v)[class]
				out = append(out, fmt.Sprintf("%s %s %s %d", name, formatMemory(l.HardBytes), formatMemory(l.SoftBytes), l.SoftSeconds))
			}
			return out
		},
	}
}

// interval words a range for readers; the ends of int and of int32 are no news to them.
func interval(low, high int) string {
	switch {
	case low == math.MinInt32 && high == math.MaxInt32:
		return ""
	case high == math.MaxInt:
		return fmt.Sprintf(", %d or more", low)
	}
	return fmt.Sprintf(", %d to %d", low, high)
}

// parseInt takes the one canonical spelling of an integer: no plus, no leading zero or space.
func parseInt(word string) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || strconv.Itoa(n) != word {
		return 0, refusal("argument couldn't be parsed into an integer")
	}
	return n, nil
}

// memoryUnits gives the bytes of a unit: with a b the power of 1024, without it that of 1000.
var memoryUnits = map[string]int{
	"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1000 * 1000, "mb": 1 << 20, "g": 1000 * 1000 * 1000, "gb": 1 << 30,
}

// parseMemory reads digits and an optional unit. Where redis-server takes a missing number for 0, and wraps or cuts off
// one that is too large, this is an error.
func parseMemory(word string) (int, error) {
	digits := strings.TrimRight(strings.ToLower(word), "kmgb")
	unit, known := memoryUnits[strings.ToLower(word[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, strconv.IntSize-1)
	if err != nil || !known || n > uint64(math.MaxInt/unit) {
		return 0, refusal("argument must be a memory value")
	}
	return int(n) * unit, nil
}

// formatMemory writes the largest unit that divides size.
func formatMemory(size int) string {
	for _, unit := range []string{"gb", "mb", "kb"} {
		if n := memoryUnits[unit]; size != 0 && size%n == 0 {
			return strconv.Itoa(size/n) + unit
		}
	}
	return strconv.Itoa(size)
}

// systemError spells the cause of err as the C library does: Go's text with a capital.
func systemError(err error) error {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err
	}
	message := number.Error()
	return refusal(strings.ToUpper(message[:1]) + message[1:])
}

// EventLetters are the classes of keyspace notifications in the order of CONFIG GET. A stands for the first allEvents of
// them.
const EventLetters = "g$lshzxetdnKEm"

const allEvents = 10

// eventClasses is a set of EventLetters, in any order. It is shown like redis-server's but for n, which that leaves out
// behind A.
func eventClasses(at func(*Values) *string) kind {
	return single("letters out of A"+EventLetters, func(v *Values, word string) error {
		set := 0
		for i := range len(word) {
			place := strings.IndexByte(EventLetters, word[i])
			switch {
			case word[i] == 'A':
				set |= 1<<allEvents - 1
			case place >= 0:
				set |= 1 << place
			default:
				return refusal("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
			}
		}
		shown, from := "", 0
		if set&(1<<allEvents-1) == 1<<allEvents-1 {
			shown, from = "A", allEvents
		}
		for i := from; i < len(EventLetters); i++ {
			if set&(1<<i) != 0 {
				shown += EventLetters[i : i+1]
			}
		}
		*at(v) = shown
		return nil
	}, func(v *Values) string { return *at(v) }, nil)
}
