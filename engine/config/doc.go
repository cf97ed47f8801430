// Package config reads, serves and writes back the server's directives.
//
// A directive is declared once, as a row of the table in table.go. Whatever touches directives reads that row:
//
//	default ─┐
//	file    ─┤                          ┌─► Values: typed fields that the loop reads directly
//	environ ─┼─► words ─► row.kind.set ─┤
//	flags   ─┤                          └─► error: place, directive, what was expected
//	CONFIG SET┘
//	                    row.kind.get   ───► CONFIG GET, and the comparison that tells what has changed
//	                    row.kind.lines ───► CONFIG REWRITE
//	                    row.Help ...   ───► --help, redix.conf, docs/configuration.md
//
// Precedence is flag over environment over file over default. A source replaces what a weaker one has said about a
// directive as a whole: the save points of a flag are not added to those of the file.
//
// The syntax, the names, the ranges and the error texts are those of redis-server, so that a redis.conf and the
// tools written for it keep working. Directives that are accepted but change nothing say so in NoEffect.
//
// After start the loop owns the Config: no method may be called from another goroutine.
package config

//go:generate go test -run ^TestGenerated -update .
