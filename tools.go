package main

import (
	"io"

	"redix/persistence"
)

// tools are what the program does besides serving: redix NAME ARGUMENTS. Each returns the exit code.
var tools = map[string]func(args []string, out io.Writer) int{
	"check-rdb": persistence.CheckRDB,
}
