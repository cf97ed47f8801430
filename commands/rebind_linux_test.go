package commands_test

import (
	"net"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// TestRebind: CONFIG SET port and bind take effect at once, connections stay, and what fails leaves all as it was.
func TestRebind(t *testing.T) {
	p := servertest.StartProcess(t, "--io-reactor", "epoll")
	c := p.Dial()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, used, _ := net.SplitHostPort(taken.Addr().String())
	_, before, _ := net.SplitHostPort(p.Addr)
	if v := c.Do("CONFIG", "SET", "port", used); !strings.Contains(v.Err(), "Unable to listen on this port. Check server logs.") {
		t.Errorf("a port in use: %s", v)
	}
	if v := c.Do("CONFIG", "GET", "port"); v.Elems[1].Str != before {
		t.Errorf("port is %s, was %s", v, before)
	}
	p.Dial().Must("PING")
	if v := c.Do("CONFIG", "SET", "bind", "127.0.0.1 no.such.name"); !strings.Contains(v.Err(), "Failed to bind to specified addresses.") {
		t.Errorf("a name: %s", v)
	}
	free, _ := net.Listen("tcp", "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	c.Must("CONFIG", "SET", "port", port)
	c.Must("PING") // the connection stays
	servertest.Dial(t, "127.0.0.1:"+port).Must("PING")
	if _, err := servertest.TryDial(t, p.Addr); err == nil {
		t.Error("the old port still takes connections")
	}
	c.Must("CONFIG", "SET", "bind", "*")
	servertest.Dial(t, "127.0.0.1:"+port).Must("PING")
	servertest.Dial(t, "127.0.0.2:"+port).Must("PING")
	c.Must("CONFIG", "SET", "bind", "127.0.0.1", "port", before)
	p.Dial().Must("PING")
	if info := c.Info("server"); info["tcp_port"] != before {
		t.Errorf("tcp_port is %s", info["tcp_port"])
	}
	c.Must("CONFIG", "SET", "port", "0")
	if _, err := servertest.TryDial(t, p.Addr); err == nil {
		t.Error("port 0 still takes connections")
	}
	c.Must("CONFIG", "SET", "port", before)
	p.Dial().Must("PING")
}
