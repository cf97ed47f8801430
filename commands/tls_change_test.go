package commands_test

// TLS that is switched on, moved and off while the server runs; and that the loop waits for no certificate.

import (
	"net"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/config"
)

func TestTLSPortChanges(t *testing.T) {
	f := newTLSFiles(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, used, _ := net.SplitHostPort(taken.Addr().String())
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			p := servertest.StartProcess(t, "--io-reactor", reactor)
			plain := p.Dial()
			first, second := unusedPort(t), unusedPort(t)
			at := func(port string) string { return "127.0.0.1:" + port }
			refused := func(want string, words ...string) {
				t.Helper()
				if v := plain.Do(append([]string{"CONFIG", "SET"}, words...)...); !strings.Contains(v.Err(), want) {
					t.Errorf("%q: %s", words, v)
				}
			}
			refused("both are needed", "tls-port", first)
			// without a port nobody looks at the files
			plain.Must("CONFIG", "SET", "tls-cert-file", "/none", "tls-key-file", "/none")
			refused("no such file", "tls-port", first)
			files := []string{"CONFIG", "SET", "tls-cert-file", f.server.Cert, "tls-key-file", f.server.Key, "tls-ca-cert-file", f.ca.File}
			plain.Must(append(files, "tls-port", first)...)
			client := dialTLS(t, at(first), f.config(t, true))
			before := serial(t, at(first), f.config(t, true))
			plain.Must("CONFIG", "SET", "tls-port", second)
			client.Must("PING") // the connection stays
			dialTLS(t, at(second), f.config(t, true)).Must("PING")
			if _, err := tryTLS(at(first), f.config(t, true)); err == nil {
				t.Error("the old port still takes connections")
			}
			// what fails leaves all as it was, in whatever order the directives follow
			other := f.make(t, "other-"+reactor)
			refused("Unable to listen on this port. Check server logs.", "tls-cert-file", other.Cert, "tls-key-file", other.Key, "tls-port", used)
			refused("Unable to listen on this port. Check server logs.", "tls-port", used, "tls-cert-file", other.Cert, "tls-key-file", other.Key)
			if serial(t, at(second), f.config(t, true)) != before {
				t.Error("a refused CONFIG SET changed the certificate")
			}
			if v := plain.Must("CONFIG", "GET", "tls-port").Strings(); v[1] != second {
				t.Errorf("tls-port is %s, want %s", v[1], second)
			}
			if reactor == "epoll" {
				plain.Must("CONFIG", "SET", "bind", "*")
				dialTLS(t, "127.0.0.2:"+second, f.config(t, true)).Must("PING")
			}
			plain.Must("CONFIG", "SET", "tls-port", "0")
			if _, err := tryTLS(at(second), f.config(t, true)); err == nil {
				t.Error("port 0 still takes connections")
			}
			client.Must("PING")
			plain.Must("CONFIG", "SET", "tls-port", first)
			dialTLS(t, at(first), f.config(t, true)).Must("PING")
		})
	}
}

// CONFIG SET of a certificate, alone and in a transaction, waits for the disk and holds nobody else.
func TestTLSFilesAreReadAside(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		asked, gate := make(chan struct{}), make(chan struct{})
		s.OnLoop(func(e *engine.Server) {
			ahead := e.Hooks.ConfigAhead
			e.Hooks.ConfigAhead = func(trial *config.Values) error {
				asked <- struct{}{}
				<-gate
				return ahead(trial)
			}
		})
		client, c, other := f.config(t, true), s.Dial(), s.Dial()
		for _, how := range []string{"alone", "in a transaction"} {
			before := serial(t, s.TLS, client)
			pair := f.make(t, strings.ReplaceAll(how, " ", "-"))
			set := []string{"CONFIG", "SET", "tls-cert-file", pair.Cert, "tls-key-file", pair.Key}
			if how == "alone" {
				c.Send(set...)
			} else {
				c.Must("MULTI")
				c.Must("INCR", "n")
				c.Must(set...)
				c.Must("GET", "n")
				c.Must("CONFIG", "SET", "tls-cert-file", "/none")
				c.Send("EXEC")
			}
			c.Flush()
			<-asked
			other.Must("INCR", "n")
			if v := other.Must("CONFIG", "GET", "tls-cert-file").Strings(); v[1] == pair.Cert {
				t.Errorf("%s: set before it was read", how)
			}
			gate <- struct{}{}
			if how == "alone" {
				if v := c.Receive(); v.Str != "OK" {
					t.Errorf("%s: %s", how, v)
				}
			} else {
				<-asked // the second one of the same transaction
				gate <- struct{}{}
				v := c.Receive()
				if len(v.Elems) != 4 || v.Elems[0].Int != 3 || v.Elems[1].Str != "OK" || v.Elems[2].Str != "3" || !strings.Contains(v.Elems[3].Err(), "tls-cert-file: stat /none: no such file or directory") {
					t.Errorf("%s: %s", how, v)
				}
			}
			if serial(t, s.TLS, client) == before {
				t.Errorf("%s: the certificate is the old one", how)
			}
		}
	}, f.flags()...)
}
