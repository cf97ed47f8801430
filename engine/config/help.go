package config

// The --help text, straight from the table.

import (
	"fmt"
	"io"
	"strings"
)

const usage = `Usage: redix [FILE] [--DIRECTIVE VALUE ...]
       redix - < FILE          read directives from standard input
       redix --ping [FILE] [--DIRECTIVE VALUE ...]   ask the server that this starts whether it is alive
       redix check-aof [--fix] PATH    look for damage in a journal, and cut off what is torn (--help tells more)
       redix check-rdb PATH            look for damage in a snapshot
       redix --help | --version

FILE has one directive a line, in the syntax of redis.conf. A directive can also be given as a flag, or as an environment
variable: REDIX_ and its name in capitals with underscores for dashes (REDIX_PORT=7000). Flags win over the environment,
the environment wins over the file. REDIX_CONNECTION_IDLE_TIMEOUT (a duration such as 5m) stands for timeout,
REDIX_LOG_LEVEL (DEBUG, INFO, WARN or ERROR) for loglevel. Memory sizes take k, m, g (powers of 1000) and kb, mb, gb
(powers of 1024). "at start" marks directives that CONFIG SET cannot change.
`

// Help writes the usage and every directive with its values, its default and its meaning.
func Help(w io.Writer) error {
	var out strings.Builder
	out.WriteString(usage)
	heading := ""
	for _, d := range table {
		if d.Group != heading {
			heading = d.Group
			fmt.Fprintf(&out, "\n%s\n", heading)
		}
		fmt.Fprintf(&out, "\n  --%s  (%s; default %s%s)\n", d.Name, d.kind.expects, shown(d.Default), when(d))
		for _, line := range wrap(d.describe(), 110) {
			fmt.Fprintf(&out, "      %s\n", line)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func when(d *Directive) string {
	switch {
	case !d.Mutable:
		return "; at start"
	case d.Protected:
		return "; protected"
	}
	return ""
}

// describe is the help with everything that the row adds to it.
func (d *Directive) describe() string {
	out := d.Help
	if d.NoEffect != "" {
		out += " " + d.NoEffect
	}
	if d.Alias != "" {
		out += " Also known as " + d.Alias + "."
	}
	return out
}

func shown(value string) string {
	if value == "" {
		return `""`
	}
	return value
}

// wrap breaks text at spaces into lines of at most width bytes where words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
