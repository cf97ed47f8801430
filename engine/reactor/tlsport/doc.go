// Package tlsport ends TLS outside the loop. It wraps a reactor of either engine: to the handler a connection that came
// through TLS is a reactor.Conn like any other, with the address of the real peer.
//
//	            goroutines of a connection          │ the loop
//	                                                │
//	accept ─► handshake ─► reader: decrypt ─► in ───┼─► Woken: Opened, Data
//	                                                │
//	socket ◄────────────── writer: encrypt ◄─ out ◄─┼── Conn.Write
//
// in and out change hands under the connection's mutex, which is held for a copy and never across a system call. Both
// are bounded: a reader whose input the loop has not taken waits (maxIn), Conn.Write takes no more than fits (maxOut)
// and Writable follows, as with a full socket. Neither buffer exists while it is empty.
//
// What a stranger can cost before the handshake is over: one of maxHandshakes places for handshakeTimeout. While all are
// taken, connections wait in the kernel's queue. After the handshake the handler's own limits count.
//
// Certificates are read again on CONFIG SET and when a file changes, never on the loop (credentials.go); connections that
// exist keep theirs. Listeners come and go with tls-port and bind (listen.go).
package tlsport
