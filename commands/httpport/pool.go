package httpport

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// pool bounds the connections. One more than maxConns takes the place of the oldest that nothing is being replied to, or of the
// oldest of all: so whoever holds connections and sends or reads nothing keeps nobody out, probes of /healthz least of all.
type pool struct {
	mu    sync.Mutex
	conns []*conn // the oldest first
}

type conn struct {
	net.Conn
	pool *pool
	busy bool // a request is in its handler
}

// listener hands out connections of the pool.
type listener struct {
	net.Listener
	pool *pool
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, pool: l.pool}
	if old := l.pool.add(c); old != nil {
		old.Conn.Close() // whoever serves it gets an error, and closes it
	}
	return c, nil
}

// add returns the connection that has to go, if one has.
func (p *pool) add(c *conn) (old *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) >= maxConns {
		i := max(slices.IndexFunc(p.conns, func(c *conn) bool { return !c.busy }), 0)
		old = p.conns[i]
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	p.conns = append(p.conns, c)
	return old
}

// Close implements net.Conn.
func (c *conn) Close() error {
	p := c.pool
	p.mu.Lock()
	if i := slices.Index(p.conns, c); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	p.mu.Unlock()
	return c.Conn.Close()
}

type connKey struct{}

// connContext lets handlers know their connection; it is for http.Server.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// noted marks a connection as busy while h runs.
func noted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.set(true)
			defer c.set(false)
		}
		h.ServeHTTP(w, r)
	})
}

func (c *conn) set(busy bool) {
	c.pool.mu.Lock()
	c.busy = busy
	c.pool.mu.Unlock()
}
