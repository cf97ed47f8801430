//go:build linux

// Package load sends RESP commands at a server and times the answers. It exists because a client that costs more
// than the server measures itself: redis-benchmark formats a command and parses a reply for each request, and stops
// hurrying when the server does.
//
//	Source ──► batch ──► conn (non-blocking socket) ──► server
//	                        │  ▲
//	          epoll, one thread │ replies, counted by ReplyCounter, never stored
//	                        ▼  │
//	                     Histogram
//
// Everything runs on the goroutine that calls Run or RunPaced: one loop over raw descriptors, so that no scheduler
// stands between a reply and the clock, and one histogram needs no lock.
//
// The two loops answer different questions:
//
//	closed (Run)       each connection sends its next batch when the last one is answered: how much can it take?
//	                   A latency is the time from a batch's write to each of its replies.
//	open (RunPaced)    requests fall due at fixed times whether or not earlier ones are answered: how long do
//	                   users wait? A latency counts from the due time, so a stall is charged to every request
//	                   that should have been sent during it (no coordinated omission).
package load
