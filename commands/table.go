// Package commands declares every command once, as a row beside its handler, in one file for each group.
//
// The rows feed everything that is said about commands: look-up, arity errors, key extraction, COMMAND, COMMAND DOCS,
// ACL categories. No other place lists or compares command names.
package commands

import "redix/engine"

// groups are the tables of all files; a file adds its own in its declaration.
var groups [][]engine.Row

// register joins a file's rows to the table: var _ = register(stringRows).
func register(rows []engine.Row) struct{} {
	groups = append(groups, rows)
	return struct{}{}
}

// NewTable returns the table of all commands.
func NewTable() *engine.Table { return engine.NewTable(groups...) }
