// Package testcert makes certificates for tests and measurements.
package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// CA signs certificates.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	File string // its certificate, PEM
}

// Pair are a certificate and its private key, in two PEM files.
type Pair struct{ Cert, Key string }

// NewCA makes an authority and writes its certificate to dir/name.crt.
func NewCA(dir, name string) (*CA, error) {
	c := &CA{File: filepath.Join(dir, name+".crt")}
	cert, key, der, err := sign(name, nil)
	if err != nil {
		return nil, err
	}
	c.cert, c.key = cert, key
	return c, write(c.File, "CERTIFICATE", der)
}

// Make writes a certificate for name, 127.0.0.1, ::1 and localhost, and its key, to dir/name.crt and dir/name.key.
func (c *CA) Make(dir, name string) (Pair, error) {
	p := Pair{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
	_, key, der, err := sign(name, c)
	if err != nil {
		return p, err
	}
	if err := write(p.Cert, "CERTIFICATE", der); err != nil {
		return p, err
	}
	if der, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return p, err
	}
	return p, write(p.Key, "PRIVATE KEY", der)
}

func sign(name string, by *CA) (*x509.Certificate, *ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, nil, err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	parent, signer := t, key
	if by != nil {
		parent, signer = by.cert, by.key
	} else {
		t.IsCA, t.KeyUsage = true, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, der, err
}

// write replaces a file at one stroke, as those who renew certificates do.
func write(path, kind string, der []byte) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
