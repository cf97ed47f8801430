package config

// The files that are written from the table: redix.conf and the table in docs/configuration.md. `go generate` (or
// -update) writes them, a plain run tells whether they are up to date.

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write redix.conf and the table in docs/configuration.md")

const (
	samplePath = "../../redix.conf"
	docsPath   = "../../docs/configuration.md"
	tableBegin = "<!-- written by go generate ./engine/config: change the rows in engine/config/table.go -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

const sampleHead = `# Redix configuration: every directive, at its default.
#
# Start with: redix redix.conf
#
# One directive a line: its name, then its values. Values with spaces or other special characters stand in "double
# quotes" (with \n, \r, \t, \b, \a, \xHH and \" inside) or 'single quotes'. Lines that start with # are comments.
#
# Memory sizes take units: 1k is 1000 bytes and 1kb is 1024, likewise m and mb, g and gb, in either case.
#
# An included file is read as if its lines stood here; * ? [ ] make a pattern, which may match nothing. Flags
# (--port 7000) and environment variables (REDIX_PORT=7000) win over what is said in files.
#
# include /etc/redix/*.conf

`

func sample() string {
	var out strings.Builder
	out.WriteString(sampleHead)
	heading := ""
	for _, d := range table {
		if d.Group != heading {
			heading = d.Group
			fmt.Fprintf(&out, "%s %s %s\n\n", strings.Repeat("#", 10), heading, strings.Repeat("#", 60-len(heading)))
		}
		for _, line := range wrap(d.describe()+" Takes "+d.kind.expects+"."+sampleWhen(d), 110) {
			fmt.Fprintf(&out, "# %s\n", line)
		}
		v, err := defaults("")
		if err != nil {
			panic(err)
		}
		if d.Name == "dir" {
			out.WriteString("dir " + d.Default + "\n\n") // rendered it would be the absolute path of this package
			continue
		}
		if d.Hidden {
			out.WriteString("# " + d.Name + " " + d.Example + "\n\n")
			continue
		}
		out.WriteString(strings.Join(d.render(v), "\n") + "\n\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func sampleWhen(d *Directive) string {
	switch {
	case !d.Mutable:
		return " Fixed at start."
	case d.Protected:
		return " Protected."
	}
	return ""
}

func docsTable() string {
	var out strings.Builder
	heading := ""
	for _, d := range table {
		if d.Group != heading {
			heading = d.Group
			fmt.Fprintf(&out, "\n### %s\n\n| directive | takes | default | CONFIG SET | meaning |\n|---|---|---|---|---|\n", heading)
		}
		may := "yes"
		switch {
		case !d.Mutable:
			may = "no"
		case d.Protected:
			may = "protected"
		}
		help := strings.ReplaceAll(d.Help, "*", "\\*")
		if d.NoEffect != "" {
			help += " **No effect.** " + d.NoEffect
		}
		if d.Alias != "" {
			help += " Also known as `" + d.Alias + "`."
		}
		fmt.Fprintf(&out, "| `%s` | %s | `%s` | %s | %s |\n", d.Name, d.kind.expects, shown(d.Default), may, help)
	}
	return out.String() + "\n"
}

func TestGeneratedSample(t *testing.T) {
	compareOrWrite(t, samplePath, sample())
}

func TestGeneratedDocs(t *testing.T) {
	content, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(content), tableBegin)
	_, tail, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s: the marks around the table are gone", docsPath)
	}
	compareOrWrite(t, docsPath, head+tableBegin+docsTable()+tableEnd+tail)
}

func compareOrWrite(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not up to date with the table: run go generate ./engine/config", path)
	}
}

// The sample must mean what it says: read as a file, it gives the defaults, and it sets every directive.
func TestGeneratedSampleIsTheDefaults(t *testing.T) {
	c, err := Load([]string{samplePath}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	standard, err := defaults("")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(samplePath)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range table {
		if got, want := d.Value(&c.Values), d.Value(standard); got != want {
			t.Errorf("%s: %q in the sample, default %q", d.Name, got, want)
		}
		line := "\n" + d.Name + " "
		if d.Hidden {
			line = "\n# " + d.Name + " " + d.Example
		}
		if !strings.Contains(string(content), line) {
			t.Errorf("%s is not in the sample", d.Name)
		}
	}
}
