//go:build darwin || freebsd || linux

package tlsport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// maxIn is how much decrypted input waits for the loop before its reader stops.
	maxIn = 64 << 10
	// maxOut is how much output waits for its writer before Write takes no more.
	maxOut = 64 << 10
	// smallRead is what an idle connection's reader holds; largeRead is one record.
	smallRead = 1 << 10
	largeRead = 16 << 10
	// keepBuffers is how many buffers are kept for later use.
	keepBuffers = 64
	// lingerTime is how long a closed connection may take to send what Write took.
	lingerTime = 5 * time.Second
)

// buffers are those that input, output and busy readers leave for the next.
var buffers = make(chan []byte, keepBuffers)

func takeBuffer() []byte {
	select {
	case b := <-buffers:
		return b
	default:
		return make([]byte, 0, largeRead)
	}
}

func giveBuffer(b []byte) {
	if cap(b) < largeRead || cap(b) > 2*maxIn {
		return
	}
	select {
	case buffers <- b[:0]:
	default:
	}
}

// conn is one connection after its handshake.
type conn struct {
	port *Port
	tls  *tls.Conn
	raw  *net.TCPConn
	fd   int

	// The loop's.
	ctx     any
	opened  bool
	paused  bool
	over    bool // the handler knows that the peer sends no more
	closing bool

	room chan struct{} // tells the reader that the loop has taken its input
	work chan struct{} // tells the writer that there is output, or an end
	done chan struct{} // closed when the connection is: nobody waits any more

	mu       sync.Mutex
	queued   bool   // in Port.events
	in       []byte // decrypted, nil when empty
	ended    bool   // after in there is nothing
	endErr   error
	out      []byte // to be encrypted, nil when empty
	unsent   int    // bytes of out and of what the writer is at
	wantRoom bool   // Write was short
	drained  bool   // and there is room again
	outErr   error
	last     bool // the writer ends the connection when out is sent
}

func newConn(p *Port, t *tls.Conn, raw *net.TCPConn, fd int) *conn {
	return &conn{port: p, tls: t, raw: raw, fd: fd,
		room: make(chan struct{}, 1), work: make(chan struct{}, 1), done: make(chan struct{})}
}

// notify puts a token into a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// queue has the loop look at the connection; mu is held.
func (c *conn) queue() (post bool) {
	post = !c.queued
	c.queued = true
	return post
}

// read is the reader: it decrypts until the end and never holds more than maxIn.
func (c *conn) read() {
	small := make([]byte, smallRead)
	buf := small
	for {
		n, err := c.tls.Read(buf)
		c.mu.Lock()
		if n > 0 {
			if c.in == nil {
				c.in = takeBuffer()
			}
			c.in = append(c.in, buf[:n]...)
		}
		if err != nil {
			c.ended, c.endErr = true, endOf(err)
		}
		full := len(c.in) >= maxIn
		post := c.queue()
		c.mu.Unlock()
		if post {
			c.port.post(c)
		}
		if err != nil {
			return
		}
		switch {
		case n == len(buf) && len(buf) == smallRead:
			buf = takeBuffer()[:largeRead]
		case n < smallRead && len(buf) > smallRead:
			giveBuffer(buf)
			buf = small
		}
		for full {
			select {
			case <-c.room:
			case <-c.done:
				return
			}
			c.mu.Lock()
			full = len(c.in) >= maxIn
			c.mu.Unlock()
		}
	}
}

// endOf turns the regular ends of a connection into nil.
func endOf(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// write is the writer: it encrypts and sends whatever has gathered, and ends the connection when it is told to.
func (c *conn) write() {
	defer c.port.writers.Done()
	for {
		c.mu.Lock()
		b, last, err := c.out, c.last, c.outErr
		c.out = nil
		c.mu.Unlock()
		if err == nil && len(b) > 0 {
			_, err = c.tls.Write(b)
			c.sent(len(b), err)
			giveBuffer(b)
			if err == nil {
				continue
			}
		}
		if last || err != nil {
			_ = c.tls.Close() // says goodbye if it can; the descriptor is closed in any case
			if last {
				return
			}
		}
		<-c.work
	}
}

// sent makes room for output.
func (c *conn) sent(n int, err error) {
	c.mu.Lock()
	c.unsent -= n
	if err != nil {
		c.outErr = err
	}
	post := false
	if c.wantRoom && (err != nil || c.unsent <= maxOut/2) {
		c.wantRoom, c.drained = false, true
		post = c.queue()
	}
	c.mu.Unlock()
	if post {
		c.port.post(c)
	}
}

// Write implements reactor.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.closing {
		return 0, net.ErrClosed
	}
	c.mu.Lock()
	if err := c.outErr; err != nil {
		c.mu.Unlock()
		return 0, err
	}
	n := min(len(b), maxOut-c.unsent)
	if n > 0 {
		if c.out == nil {
			c.out = takeBuffer()
		}
		c.out = append(c.out, b[:n]...)
		c.unsent += n
	}
	c.wantRoom = n < len(b)
	c.mu.Unlock()
	if n > 0 {
		notify(c.work)
	}
	return n, nil
}

// PauseReading implements reactor.Conn.
func (c *conn) PauseReading(paused bool) {
	if c.paused == paused || c.closing {
		return
	}
	c.paused = paused
	if paused {
		return
	}
	c.mu.Lock()
	post := (len(c.in) > 0 || c.ended) && c.queue()
	c.mu.Unlock()
	if post {
		c.port.post(c)
	}
}

// Close implements reactor.Conn.
func (c *conn) Close() { c.end(nil) }

// end closes the connection: the writer sends what it has and is gone within lingerTime, whatever the peer does.
func (c *conn) end(err error) {
	if c.closing {
		return
	}
	c.closing = true
	c.port.closing = append(c.port.closing, ending{c, err})
	c.hangUp()
}

func (c *conn) hangUp() {
	close(c.done)
	now := time.Now()
	_ = c.raw.SetReadDeadline(now) // fails if the writer has closed it already
	_ = c.raw.SetWriteDeadline(now.Add(lingerTime))
	c.mu.Lock()
	c.last = true
	c.mu.Unlock()
	notify(c.work)
}

// Context implements reactor.Conn.
func (c *conn) Context() any { return c.ctx }

// SetContext implements reactor.Conn.
func (c *conn) SetContext(v any) { c.ctx = v }

// RemoteAddr implements reactor.Conn.
func (c *conn) RemoteAddr() string { return c.raw.RemoteAddr().String() }

// LocalAddr implements reactor.Conn.
func (c *conn) LocalAddr() string { return c.raw.LocalAddr().String() }

// ListenIndex implements reactor.Conn. A TLS connection came through none of Options.Listen.
func (c *conn) ListenIndex() int { return -1 }

// FD implements reactor.Conn.
func (c *conn) FD() int { return c.fd }
