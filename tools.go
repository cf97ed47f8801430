package main

import (
	"io"
	"os"

	"redix/persistence"
)

// tools are what the program does besides serving: redix NAME ARGUMENTS. Each returns the exit code.
var tools = map[string]func(args []string, out io.Writer) int{
	"check-aof": func(args []string, out io.Writer) int { return persistence.CheckAOF(args, os.Stdin, out) },
	"check-rdb": persistence.CheckRDB,
}
