package supervise

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"redix/engine/config"
)

// pingTime is how long a server may take to answer.
const pingTime = 3 * time.Second

// Ping asks the server that such a configuration starts whether it is alive: for containers, which have no redis-cli. One
// that loads or asks for a password is.
func Ping(c *config.Config) error {
	network, addr := "tcp", ""
	switch {
	case c.Port != 0 || c.TLS.Port != 0:
		host := "127.0.0.1"
		if len(c.Bind) > 0 {
			host = strings.TrimPrefix(c.Bind[0], "-")
		}
		switch host {
		case "*", "0.0.0.0":
			host = "127.0.0.1"
		case "::*", "::":
			host = "::1"
		}
		port := c.Port
		if port == 0 {
			port = c.TLS.Port
		}
		addr = net.JoinHostPort(host, strconv.Itoa(port))
	case c.UnixSocket != "":
		network, addr = "unix", c.UnixSocket
		if !filepath.IsAbs(addr) {
			addr = filepath.Join(c.Dir, addr)
		}
	default:
		return errors.New("nowhere to ask: there is no port and no unixsocket")
	}
	conn, err := net.DialTimeout(network, addr, pingTime)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(pingTime))
	if network == "tcp" && c.Port == 0 {
		if c.TLS.AuthClients == config.TLSAuthYes {
			return nil // it accepts; without a certificate no more can be asked
		}
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // it is this machine
	}
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	for _, alive := range []string{"+PONG", "-NOAUTH", "-NOPERM", "-LOADING"} {
		if strings.HasPrefix(line, alive) {
			return nil
		}
	}
	return fmt.Errorf("it answers %q", line)
}
