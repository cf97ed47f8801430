package config

import (
	"crypto/tls"
	"slices"
	"testing"
)

func TestTLSProtocols(t *testing.T) {
	for _, test := range []struct {
		words     string
		low, high uint16 // 0: refused
	}{
		{"", tls.VersionTLS12, tls.VersionTLS13}, {"TLSv1.3", tls.VersionTLS13, tls.VersionTLS13},
		{"TLSv1.3 tlsv1.2", tls.VersionTLS12, tls.VersionTLS13}, {"TLSv1 TLSv1.1", tls.VersionTLS10, tls.VersionTLS11},
		{"TLSv1 TLSv1.2", 0, 0}, {"SSLv3", 0, 0}, {" ", 0, 0}, {"TLSv1.3,TLSv1.2", 0, 0},
	} {
		low, high, err := ParseTLSProtocols(test.words)
		if low != test.low || high != test.high || (err != nil) != (low == 0) {
			t.Errorf("%q: %x to %x, %v", test.words, low, high, err)
		}
	}
}

func TestTLSCiphers(t *testing.T) {
	for _, test := range []struct {
		list string
		want []uint16
		ok   bool
	}{
		{"", nil, true}, {"DEFAULT", nil, true},
		{"ECDHE-RSA-AES128-GCM-SHA256:TLS_RSA_WITH_AES_128_CBC_SHA", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA}, true},
		{"HIGH", nil, false}, {"ECDHE-RSA-AES128-GCM-SHA256:!MEDIUM", nil, false}, {"TLS_AES_128_GCM_SHA256", nil, false}, {":", nil, false},
	} {
		got, err := ParseTLSCiphers(test.list)
		if !slices.Equal(got, test.want) || (err == nil) != test.ok {
			t.Errorf("%q: %x, %v", test.list, got, err)
		}
	}
	known := map[uint16]bool{}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		known[s.ID] = true
	}
	for name, id := range openSSLNames {
		if !known[id] {
			t.Errorf("%s: crypto/tls has no %x", name, id)
		}
	}
}
