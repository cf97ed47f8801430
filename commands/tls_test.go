package commands_test

// TLS as clients see it: on both reactors, with crypto/tls's client, go-redis, redis-cli and redis-benchmark.

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/youmark/pkcs8"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/peer"
	"redix/engine/reactor/tlsport/testcert"
)

// tlsFiles are certificates of an authority for server and client.
type tlsFiles struct {
	dir            string
	ca             *testcert.CA
	server, client testcert.Pair
}

func newTLSFiles(t *testing.T) *tlsFiles {
	t.Helper()
	f := &tlsFiles{dir: t.TempDir()}
	var err error
	if f.ca, err = testcert.NewCA(f.dir, "ca"); err != nil {
		t.Fatal(err)
	}
	f.server, f.client = f.make(t, "server"), f.make(t, "client")
	return f
}

func (f *tlsFiles) make(t *testing.T, name string) testcert.Pair {
	t.Helper()
	p, err := f.ca.Make(f.dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// flags are the server's.
func (f *tlsFiles) flags(more ...string) []string {
	return append([]string{"--tls-port", "1", "--tls-cert-file", f.server.Cert, "--tls-key-file", f.server.Key,
		"--tls-ca-cert-file", f.ca.File}, more...)
}

// config is a client's that trusts the authority, with the client certificate if that is wanted.
func (f *tlsFiles) config(t *testing.T, withCert bool) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(f.ca.File)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	c.RootCAs.AppendCertsFromPEM(ca)
	if withCert {
		pair, err := tls.LoadX509KeyPair(f.client.Cert, f.client.Key)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

// tryTLS connects and sends a PING; the error is of the handshake or of what followed it.
func tryTLS(addr string, c *tls.Config) (*tls.Conn, error) {
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err = conn.Write([]byte("PING\r\n")); err == nil {
		_, err = io.ReadFull(conn, make([]byte, len("+PONG\r\n")))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// dialTLS is servertest's connection through TLS.
func dialTLS(t *testing.T, addr string, c *tls.Config) *servertest.Conn {
	t.Helper()
	conn, err := tryTLS(addr, c)
	if err != nil {
		t.Fatal(err)
	}
	return servertest.Wrap(t, conn)
}

// Replies, sizes and addresses are those of a plain connection.
func TestTLSConnection(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := dialTLS(t, s.TLS, f.config(t, true))
		for _, size := range []int{0, 1, 1023, 1024, 1025, 16 << 10, 64 << 10, 64<<10 + 1, 300_000, 5 << 20} {
			value := strings.Repeat("v", size)
			c.Must("SET", "k", value)
			if v := c.Must("GET", "k"); v.Str != value {
				t.Errorf("%d bytes came back as %d", size, len(v.Str))
			}
		}
		list := c.Must("CLIENT", "LIST").Str
		if !strings.Contains(list, "addr="+c.LocalAddr().String()+" laddr="+s.TLS+" ") {
			t.Errorf("CLIENT LIST: %s; it is %s", list, c.LocalAddr())
		}
		plain := s.Dial()
		if n := plain.Must("CLIENT", "KILL", "ADDR", c.LocalAddr().String()).Int; n != 1 {
			t.Errorf("CLIENT KILL: %d", n)
		}
		if _, err := c.TryReceive(); err == nil {
			t.Error("a killed connection lives")
		}
		plain.Must("FLUSHALL")
	}, f.flags()...)
}

// A pipeline longer than every buffer, written before a byte is read; then byte by byte.
func TestTLSPipeline(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := dialTLS(t, s.TLS, f.config(t, true))
		const count = 20_000
		value := strings.Repeat("v", 1000)
		c.Must("SET", "key", value)
		c.SendRaw(strings.Repeat(string(servertest.AppendCommand(nil, "GET", "key")), count))
		c.Flush()
		one := fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
		got := make([]byte, len(one))
		for i := range count {
			if _, err := io.ReadFull(c.In, got); err != nil || string(got) != one {
				t.Fatalf("reply %d: %.40q, %v", i, got, err)
			}
		}
		c.Send("ECHO", "byte by byte")
		c.FlushBytes()
		if v := c.Receive(); v.Str != "byte by byte" {
			t.Errorf("%s", v)
		}
		c.Send("QUIT")
		c.Flush()
		if v := c.Receive(); v.Str != "OK" {
			t.Errorf("QUIT: %s", v)
		}
		if _, err := c.In.ReadByte(); err != io.EOF {
			t.Errorf("after QUIT: %v, want the regular end", err)
		}
	}, f.flags()...)
}

// A client that asks for more than it reads is disconnected at its limit, and costs no more than that.
func TestTLSOutputLimit(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := dialTLS(t, s.TLS, f.config(t, true))
		plain := s.Dial()
		plain.Must("SET", "key", strings.Repeat("v", 4<<20))
		for range 20 {
			c.Send("GET", "key")
		}
		_ = c.TryFlush()
		eventually(t, "it is disconnected", func() bool { return plain.Info("clients")["connected_clients"] == "1" })
	}, f.flags("--client-output-buffer-limit", "normal 2mb 0 0")...)
}

func TestTLSAuthClients(t *testing.T) {
	f := newTLSFiles(t)
	otherCA, err := testcert.NewCA(t.TempDir(), "other")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := otherCA.Make(t.TempDir(), "stranger")
	if err != nil {
		t.Fatal(err)
	}
	strangeConfig := f.config(t, false)
	pair, err := tls.LoadX509KeyPair(stranger.Cert, stranger.Key)
	if err != nil {
		t.Fatal(err)
	}
	// Shown whatever authorities the server names.
	strangeConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		plain := s.Dial()
		for _, mode := range []struct {
			name                  string
			none, known, stranger bool
		}{{"yes", false, true, false}, {"optional", true, true, false}, {"no", true, true, true}} {
			plain.Must("CONFIG", "SET", "tls-auth-clients", mode.name)
			for _, who := range []struct {
				name   string
				config *tls.Config
				served bool
			}{{"without a certificate", f.config(t, false), mode.none}, {"with one", f.config(t, true), mode.known},
				{"with a stranger's", strangeConfig, mode.stranger}} {
				conn, err := tryTLS(s.TLS, who.config)
				if (err == nil) != who.served {
					t.Errorf("tls-auth-clients %s, a client %s: %v", mode.name, who.name, err)
				}
				if err == nil {
					conn.Close()
				}
			}
		}
	}, f.flags()...)
}

// serial returns the number of the certificate that the server shows now.
func serial(t *testing.T, addr string, c *tls.Config) string {
	t.Helper()
	conn, err := tryTLS(addr, c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// New certificates come into force without a restart, and wrong ones not at all.
func TestTLSReload(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		client, plain := f.config(t, true), s.Dial()
		before := serial(t, s.TLS, client)
		old := dialTLS(t, s.TLS, client)
		other := f.make(t, "other")
		plain.Must("CONFIG", "SET", "tls-cert-file", other.Cert, "tls-key-file", other.Key)
		after := serial(t, s.TLS, client)
		if after == before {
			t.Error("CONFIG SET changed nothing")
		}
		for _, set := range [][]string{
			{"tls-cert-file", filepath.Join(f.dir, "none")}, {"tls-key-file", f.server.Key}, {"tls-key-file", f.dir},
			{"tls-ca-cert-file", other.Key}, {"tls-ca-cert-file", ""}, {"tls-protocols", "SSLv3"}, {"tls-ciphers", "NULL"},
			{"tls-ciphersuites", "TLS_AES_128_GCM_SHA256"}, {"tls-port", "7"},
		} {
			was := plain.Must("CONFIG", "GET", set[0]).Strings()
			if v := plain.Do("CONFIG", "SET", set[0], set[1]); !strings.HasPrefix(v.Err(), "ERR CONFIG SET failed (possibly related to argument '"+set[0]+"') - ") {
				t.Errorf("%q: %s", set, v)
			}
			if is := plain.Must("CONFIG", "GET", set[0]).Strings(); is[1] != was[1] {
				t.Errorf("%q was refused and is in force", set)
			}
		}
		if serial(t, s.TLS, client) != after {
			t.Error("a refused CONFIG SET changed the certificate")
		}
		f.make(t, "other") // the same names, new content
		eventually(t, "the change of the files is noticed", func() bool { return serial(t, s.TLS, client) != after })
		old.Must("PING")
		plain.Must("CONFIG", "SET", "tls-cert-file", f.server.Cert, "tls-key-file", f.server.Key)
	}, f.flags()...)
}

func TestTLSVersions(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		s.Dial().Must("CONFIG", "SET", "tls-protocols", "TLSv1.2", "tls-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384", "tls-session-caching", "no")
		c := f.config(t, true)
		conn, err := tryTLS(s.TLS, c)
		if err != nil {
			t.Fatal(err)
		}
		if st := conn.ConnectionState(); st.Version != tls.VersionTLS12 || st.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 {
			t.Errorf("version %x, suite %x", st.Version, st.CipherSuite)
		}
		conn.Close()
		c.MinVersion = tls.VersionTLS13
		if _, err := tryTLS(s.TLS, c); err == nil {
			t.Error("TLS 1.3 is spoken")
		}
	}, f.flags()...)
}

// Clients that do not speak TLS, or not to the end, disturb nobody.
func TestTLSHostileHandshakes(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		good := dialTLS(t, s.TLS, f.config(t, true))
		var mute []net.Conn
		for _, first := range []string{"", "PING\r\n", "GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", strings.Repeat("\x00", 100_000)} {
			conn, err := net.Dial("tcp", s.TLS)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = conn.Write([]byte(first))
			mute = append(mute, conn)
		}
		good.Must("PING")
		if c, err := tryTLS(s.TLS, f.config(t, true)); err != nil {
			t.Errorf("beside them: %v", err)
		} else {
			c.Close()
		}
		for _, conn := range mute[1:] { // the first and the fourth have not said anything wrong so far
			if conn == mute[3] {
				continue
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
				t.Error("a connection with garbage stays open")
			}
		}
		eventually(t, "nobody is left", func() bool { return good.Info("clients")["connected_clients"] == "1" })
	}, f.flags()...)
}

// What was replied before a shutdown arrives.
func TestTLSShutdownSends(t *testing.T) {
	f := newTLSFiles(t)
	for _, reactor := range servertest.Reactors {
		s := servertest.Start(t, reactor, f.flags()...)
		c := dialTLS(t, s.TLS, f.config(t, true))
		value := strings.Repeat("v", 1000)
		c.Must("SET", "k", value)
		c.SendRaw(strings.Repeat(string(servertest.AppendCommand(nil, "GET", "k")), 50))
		c.Flush()
		s.OnLoop(func(e *engine.Server) {}) // a round, in which the commands may have run
		s.Stop()
		left, _ := io.ReadAll(c.In)
		one := fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
		if len(left)%len(one) != 0 {
			t.Errorf("%s: the output ends in the middle of a reply: %d bytes", reactor, len(left))
		}
	}
}

// Too many clients are told so, also through TLS.
func TestTLSMaxClients(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		first := dialTLS(t, s.TLS, f.config(t, true))
		conn, err := tls.Dial("tcp", s.TLS, f.config(t, true))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "-ERR max number of clients reached\r\n" {
			t.Errorf("%q, %v", line, err)
		}
		first.Must("PING")
	}, f.flags("--maxclients", "1")...)
}

func TestTLSGoRedis(t *testing.T) {
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := redis.NewClient(&redis.Options{Addr: s.TLS, TLSConfig: f.config(t, true), Password: "secret"})
		defer c.Close()
		sub := c.Subscribe(t.Context(), "news")
		defer sub.Close()
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantReply(t, c.Publish(t.Context(), "news", "hello"), 1)
		if m, err := sub.ReceiveMessage(t.Context()); err != nil || m.Payload != "hello" {
			t.Errorf("%v, %v", m, err)
		}
		for i := range 50 {
			if err := pipelineOnce(t.Context(), c, i, 30); err != nil {
				t.Error(err)
			}
		}
		wantQuietLog(t, s)
	}, f.flags("--requirepass", "secret")...)
}

// redis-cli and redis-benchmark, as they are installed.
func TestTLSRedisTools(t *testing.T) {
	redisCLI, redisBenchmark := peer.Tool(t, "redis-cli"), peer.Tool(t, "redis-benchmark")
	for _, tool := range []string{redisCLI, redisBenchmark} {
		if out, _ := exec.Command(tool, "--help").CombinedOutput(); !bytes.Contains(out, []byte("--tls ")) {
			t.Skipf("SKIPPED: %s knows no TLS", tool)
		}
	}
	f := newTLSFiles(t)
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		host, port, _ := net.SplitHostPort(s.TLS)
		common := []string{"-h", host, "-p", port, "--tls", "--cacert", f.ca.File, "--cert", f.client.Cert, "--key", f.client.Key}
		for _, version := range []string{"-2", "-3"} {
			out, err := exec.Command(redisCLI, append(common, version, "ECHO", "through TLS")...).CombinedOutput()
			if err != nil || string(out) != "through TLS\n" {
				t.Errorf("redis-cli %s: %q, %v", version, out, err)
			}
		}
		out, err := exec.Command(redisBenchmark, append(common, "-q", "-n", "5000", "-c", "20", "-P", "8", "-t", "set,get,lpush,lrange_100,mset")...).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("rror")) || !bytes.Contains(out, []byte("LRANGE_100")) {
			t.Errorf("redis-benchmark: %s, %v", out, err)
		}
		wantQuietLog(t, s)
	}, f.flags()...)
}

// A key with a password, in the form that OpenSSL writes today; the old form and a wrong password are refused in words.
func TestTLSEncryptedKey(t *testing.T) {
	f := newTLSFiles(t)
	clear, err := os.ReadFile(f.server.Key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(clear)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	der, err := pkcs8.MarshalPrivateKey(key, []byte("pass word"), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.dir, "encrypted.key")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(f.dir, "old.key")
	if err := os.WriteFile(old, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der,
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, servertest.Reactors[0], f.flags("--tls-auth-clients", "no")...)
	c := s.Dial()
	for _, refused := range [][]string{
		{"tls-key-file", path}, {"tls-key-file", path, "tls-key-file-pass", "wrong"}, {"tls-key-file", old, "tls-key-file-pass", "pass word"},
	} {
		if v := c.Do(append([]string{"CONFIG", "SET"}, refused...)...); !strings.Contains(v.Err(), "encrypted") && !strings.Contains(v.Err(), "decrypted") {
			t.Errorf("%q: %s", refused, v)
		}
	}
	c.Must("CONFIG", "SET", "tls-key-file", path, "tls-key-file-pass", "pass word", "tls-ca-cert-dir", f.dir, "tls-auth-clients", "yes")
	dialTLS(t, s.TLS, f.config(t, true)).Must("PING")
}
