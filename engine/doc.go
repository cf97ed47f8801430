// Package engine is the loop and what it owns: clients, the keyspace, the way of a command from bytes to reply.
//
//	socket ─► reactor ─► query buffer ─► frame parser ─► Table ─► call ─► handler ─► keyspace
//	             ▲                                                  │        │
//	             └──── output ◄──── reply scratch ◄─────────────────┴────────┤
//	                     ▲                                                   ▼ effective write, normalised
//	                     └──── release ◄──── Journal (another goroutine) ◄───┘
//
// One goroutine, the loop, owns every client, every key and every timer; nothing here is locked. A round:
//
//	events of the reactor   Data: parse and run the commands of one read, then write their replies at once
//	EndOfRound              run what was left over (fairness), hand the journal its batch, then background work
//	                        (expiry, freeing) in slices far below 1 ms, polling between the slices
//	Tick                    cron: clock, timeouts, statistics
//
// The engine knows no command by name and no file format: it declares what it needs of both (Row and Table, Journal,
// Loader) and main joins them.
package engine
