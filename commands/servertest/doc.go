// Package servertest holds what tests need to talk to a server: a reader of both protocols, connections, servers of three
// kinds, and tables of steps that run in many ways and must agree.
//
//	                 runs in            reached by             for
//	Start            this process       TCP, unix socket       step tables, replies, limits; on either reactor
//	NewLocal         the test's own     function calls         allocations, expiry (the clock is an argument)
//	                 goroutine
//	StartProcess     a child process    TCP, unix socket       kill -9, CPU time, memory, start-up
//	StartRedis       a child process    TCP                    comparing with a real redis-server
//
// Whatever a test starts ends with the test. Tests in package commands itself would make an import cycle: they belong
// to commands_test.
package servertest
