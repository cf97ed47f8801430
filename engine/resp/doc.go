// Package resp turns the bytes of a query buffer into frames, and answers into reply bytes.
//
// It stands alone: it reads no socket, keeps no clock and knows no command. Both directions work on buffers that
// the caller owns, and neither allocates on the usual path.
//
//	file            what it holds
//	parser.go       Parser: RESP2 requests, resumable at every byte, and large bulks read in place
//	inline.go       requests typed as a line of words
//	number.go       the number syntax that commands accept, and how floats are printed
//	longdouble.go   the 80-bit arithmetic behind INCRBYFLOAT and HINCRBYFLOAT
//	reply.go        Reply: RESP2 and RESP3 answers
//
// What a client can send and what it is told when it is wrong follow redis-server, and a test sends the same bytes
// to a real one. There is one deliberate difference: redis-server looks for line ends with a C string function, so a
// zero byte in a line makes it wait for ever; here a zero byte is a byte like any other.
package resp
