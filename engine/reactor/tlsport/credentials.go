package tlsport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/youmark/pkcs8"

	"redix/engine/config"
)

// watchEvery is how often the files are looked at.
const watchEvery = 2 * time.Second

// maxFileBytes is more than any certificate takes; what is larger was named by mistake.
const maxFileBytes = 16 << 20

// credentials are what connections to come are served with. Any goroutine may use them.
type credentials struct {
	log     *slog.Logger
	current atomic.Pointer[tls.Config]

	mu       sync.Mutex
	settings config.TLS // of current; the zero value when there is none
	seen     string     // state of the files when they were last read, well or not
	// others are what was read for settings that are about to come into force, or was in force before, so that a change
	// whose other half fails can be taken back without reading. The newest are first, maxOthers at most.
	others []loaded
}

// maxOthers is more than the clients that change certificates at the same time, or than one does in a transaction.
const maxOthers = 32

// loaded is what the files gave, or why they could not be used.
type loaded struct {
	settings config.TLS
	seen     string
	made     *tls.Config
	err      error
}

// errOutdated is for those whose change has been overtaken while files were read.
var errOutdated = errors.New("the TLS directives have been changed meanwhile, try again")

// significant leaves of the settings what Load looks at.
func significant(s config.TLS) config.TLS {
	return config.TLS{CertFile: s.CertFile, KeyFile: s.KeyFile, KeyFilePass: s.KeyFilePass, CACertFile: s.CACertFile, CACertDir: s.CACertDir,
		AuthClients: s.AuthClients, Protocols: s.Protocols, Ciphers: s.Ciphers, SessionCaching: s.SessionCaching}
}

// read reads the files that the settings name, for use, which fails if this does.
func (c *credentials) read(settings config.TLS) error {
	l := loaded{settings: significant(settings)}
	l.seen = filesState(&l.settings)
	l.made, l.err = Load(&l.settings)
	c.mu.Lock()
	c.keep(l)
	c.mu.Unlock()
	return l.err
}

// keep puts l in front of the others.
func (c *credentials) keep(l loaded) {
	same := func(o loaded) bool { return o.settings == l.settings }
	c.others = slices.Insert(slices.DeleteFunc(c.others, same), 0, l)
	c.others = c.others[:min(len(c.others), maxOthers)]
}

// use puts what was read for the settings in force. It waits for no disk.
func (c *credentials) use(settings config.TLS) error {
	settings = significant(settings)
	if c.inForce(settings) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.others, func(o loaded) bool { return o.settings == settings })
	if i < 0 {
		return errOutdated
	}
	l := c.others[i]
	if l.err != nil {
		return l.err
	}
	if before := c.current.Load(); before != nil {
		c.keep(loaded{settings: c.settings, seen: c.seen, made: before})
	}
	c.settings, c.seen = l.settings, l.seen
	c.current.Store(l.made)
	return nil
}

// inForce tells whether connections to come are served by these settings.
func (c *credentials) inForce(settings config.TLS) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.Load() != nil && c.settings == significant(settings)
}

// watch reads the files again when they have changed, until done is closed.
func (c *credentials) watch(every time.Duration, done <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			c.check()
		}
	}
}

// check reads the files again if they have changed. While they do not fit together, in the middle of being replaced
// maybe, what was in force stays so. The lock is free while it reads: the loop takes it, too.
func (c *credentials) check() {
	c.mu.Lock()
	settings, seen := c.settings, c.seen
	c.mu.Unlock()
	if settings == (config.TLS{}) {
		return
	}
	state := filesState(&settings)
	if state == seen {
		return
	}
	made, err := Load(&settings)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings != settings {
		return // CONFIG SET has been faster
	}
	c.seen = state
	if err != nil {
		c.log.Warn("the TLS files have changed, but cannot be used: those read before stay in force", "error", err)
		return
	}
	c.current.Store(made)
	c.log.Info("the TLS files have changed and were read again", "certificate", settings.CertFile)
}

// filesState changes when one of the files does.
func filesState(s *config.TLS) string {
	paths := []string{s.CertFile, s.KeyFile, s.CACertFile}
	if s.CACertDir != "" {
		names, _ := os.ReadDir(s.CACertDir) // one that is gone shows in the state, too
		for _, n := range names {
			paths = append(paths, filepath.Join(s.CACertDir, n.Name()))
		}
	}
	state := ""
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			state += fmt.Sprintln(p, info.Size(), info.ModTime().UnixNano())
		}
	}
	return state
}

// Load makes the configuration of crypto/tls that the directives describe; the error names the directive or the file.
func Load(s *config.TLS) (*tls.Config, error) {
	if s.CertFile == "" || s.KeyFile == "" {
		return nil, errors.New("tls-cert-file and tls-key-file: both are needed")
	}
	cert, err := loadPair(s)
	if err != nil {
		return nil, err
	}
	low, high, err := config.ParseTLSProtocols(s.Protocols)
	if err != nil {
		return nil, fmt.Errorf("tls-protocols: %w", err)
	}
	suites, err := config.ParseTLSCiphers(s.Ciphers)
	if err != nil {
		return nil, fmt.Errorf("tls-ciphers: %w", err)
	}
	made := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: low, MaxVersion: high, CipherSuites: suites,
		SessionTicketsDisabled: !s.SessionCaching, DynamicRecordSizingDisabled: true}
	if s.AuthClients == config.TLSAuthNo {
		return made, nil
	}
	made.ClientAuth = tls.RequireAndVerifyClientCert
	if s.AuthClients == config.TLSAuthOptional {
		made.ClientAuth = tls.VerifyClientCertIfGiven
	}
	made.ClientCAs, err = loadCAs(s)
	return made, err
}

func loadPair(s *config.TLS) (tls.Certificate, error) {
	certPEM, err := readFile("tls-cert-file", s.CertFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readFile("tls-key-file", s.KeyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	if keyPEM, err = decryptKey(keyPEM, s.KeyFilePass); err != nil {
		return tls.Certificate{}, fmt.Errorf("tls-key-file %s: %w", s.KeyFile, err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("tls-cert-file %s, tls-key-file %s: %w", s.CertFile, s.KeyFile, err)
	}
	return cert, nil
}

// decryptKey returns a key in a form that crypto/tls reads.
func decryptKey(in []byte, password string) ([]byte, error) {
	for rest := in; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return in, nil
		}
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the key is encrypted in the old form (Proc-Type, DEK-Info); convert it: openssl pkcs8 -topk8")
		}
		if block.Type != "ENCRYPTED PRIVATE KEY" {
			continue
		}
		if password == "" {
			return nil, errors.New("the key is encrypted and there is no tls-key-file-pass")
		}
		key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password))
		if err != nil {
			return nil, fmt.Errorf("the key cannot be decrypted with tls-key-file-pass: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	}
}

func loadCAs(s *config.TLS) (*x509.CertPool, error) {
	if s.CACertFile == "" && s.CACertDir == "" {
		return nil, errors.New("tls-ca-cert-file or tls-ca-cert-dir: one is needed unless tls-auth-clients is no")
	}
	pool := x509.NewCertPool()
	if s.CACertFile != "" {
		found, err := readFile("tls-ca-cert-file", s.CACertFile)
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(found) {
			return nil, fmt.Errorf("tls-ca-cert-file %s: no certificate in it", s.CACertFile)
		}
	}
	if s.CACertDir == "" {
		return pool, nil
	}
	names, err := os.ReadDir(s.CACertDir)
	if err != nil {
		return nil, fmt.Errorf("tls-ca-cert-dir: %w", err)
	}
	any := false
	for _, n := range names {
		if info, err := os.Stat(filepath.Join(s.CACertDir, n.Name())); err != nil || !info.Mode().IsRegular() {
			continue
		}
		found, err := readFile("tls-ca-cert-dir", filepath.Join(s.CACertDir, n.Name()))
		if err != nil {
			return nil, err
		}
		any = pool.AppendCertsFromPEM(found) || any
	}
	if !any {
		return nil, fmt.Errorf("tls-ca-cert-dir %s: no certificate in it", s.CACertDir)
	}
	return pool, nil
}

func readFile(directive, path string) ([]byte, error) {
	info, err := os.Stat(path)
	var content []byte
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFileBytes) {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a file of at most 16 MB")}
	}
	if err == nil {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", directive, err)
	}
	return content, nil
}
