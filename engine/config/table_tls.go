package config

// The rows of TLS. Names and defaults are redis-server's; what crypto/tls does not let a server choose is refused in words.

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// TLS holds the values of the directives that begin with tls-. The files are read by engine/reactor/tlsport.
type TLS struct {
	Port                int // 0: no TLS
	CertFile, KeyFile   string
	KeyFilePass         string // of an encrypted key
	CACertFile          string
	CACertDir           string
	AuthClients         TLSAuth
	Protocols           string
	Ciphers             string
	Ciphersuites        string
	PreferServerCiphers bool
	SessionCaching      bool
	SessionCacheSize    int
	SessionCacheSeconds int
	Replication         bool
	Cluster             bool
	ClientCertFile      string
	ClientKeyFile       string
	ClientKeyFilePass   string
	DHParamsFile        string
}

// TLSAuth says whether clients have to show a certificate.
type TLSAuth int

// The values of tls-auth-clients, in the order of its row.
const (
	TLSAuthNo TLSAuth = iota
	TLSAuthYes
	TLSAuthOptional
)

const (
	noReplicas    = "Changes nothing yet: there is no replication and no cluster."
	goPrefers     = "Changes nothing: crypto/tls orders the ciphers itself, by what both sides' processors do fast."
	noDiffie      = "Only the empty value is taken: crypto/tls has no ciphers with finite field Diffie-Hellman."
	noSessionList = "Changes nothing: sessions are kept by the clients, in tickets, and not by the server."
)

var tlsRows = group{"TLS", []Directive{
	{Name: "tls-port", Default: "0", Mutable: true,
		kind: integer(0, 65535, func(v *Values) *int { return &v.TLS.Port }),
		Help: "Port on which connections are encrypted, at the addresses of bind; 0 means none."},
	{Name: "tls-cert-file", Default: "", Mutable: true,
		kind: text(func(v *Values) *string { return &v.TLS.CertFile }),
		Help: "Certificate of the server with its chain, PEM. It is read again when the file changes, and by CONFIG SET."},
	{Name: "tls-key-file", Default: "", Mutable: true,
		kind: text(func(v *Values) *string { return &v.TLS.KeyFile }),
		Help: "Private key of the certificate, PEM. It is read again when the file changes, and by CONFIG SET."},
	{Name: "tls-key-file-pass", Default: "", Mutable: true, Sensitive: true,
		kind: text(func(v *Values) *string { return &v.TLS.KeyFilePass }),
		Help: "Password of a private key that is encrypted (PKCS #8; the older form with a Proc-Type line is refused)."},
	{Name: "tls-ca-cert-file", Default: "", Mutable: true,
		kind: text(func(v *Values) *string { return &v.TLS.CACertFile }),
		Help: "Certificates, PEM, one of which must have signed those of clients."},
	{Name: "tls-ca-cert-dir", Default: "", Mutable: true,
		kind: text(func(v *Values) *string { return &v.TLS.CACertDir }),
		Help: "Directory of such certificates; every file in it that holds certificates counts, whatever its name."},
	{Name: "tls-auth-clients", Default: "yes", Mutable: true,
		kind: oneOf(func(v *Values) *TLSAuth { return &v.TLS.AuthClients }, "no", "yes", "optional"),
		Help: "Whether clients have to show a certificate; optional means that one which is shown must be valid."},
	{Name: "tls-protocols", Default: "", Mutable: true,
		kind: checked(text(func(v *Values) *string { return &v.TLS.Protocols }), "versions without a gap, out of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3",
			func(v *Values) error { _, _, err := ParseTLSProtocols(v.TLS.Protocols); return err }),
		Help: "Versions of TLS that are spoken; empty means TLSv1.2 and TLSv1.3."},
	{Name: "tls-ciphers", Default: "", Mutable: true,
		kind: checked(text(func(v *Values) *string { return &v.TLS.Ciphers }), "names with colons between them",
			func(v *Values) error { _, err := ParseTLSCiphers(v.TLS.Ciphers); return err }),
		Help: "Ciphers of TLS 1.2 and older, as OpenSSL or the standard names them, out of those that Go has; groups of OpenSSL but DEFAULT are not known. Empty means Go's choice."},
	{Name: "tls-ciphersuites", Default: "", Mutable: true,
		kind: checked(text(func(v *Values) *string { return &v.TLS.Ciphersuites }), `""`,
			func(v *Values) error {
				if v.TLS.Ciphersuites != "" {
					return refusal("the ciphers of TLS 1.3 cannot be chosen: crypto/tls always offers its three")
				}
				return nil
			}),
		Help: "Ciphers of TLS 1.3. Only the empty value is taken: crypto/tls does not let a server choose among its three."},
	{Name: "tls-prefer-server-ciphers", Default: "no", Mutable: true, NoEffect: goPrefers,
		kind: yesNo(func(v *Values) *bool { return &v.TLS.PreferServerCiphers }),
		Help: "Choose the cipher by the server's order and not by the client's."},
	{Name: "tls-session-caching", Default: "yes", Mutable: true,
		kind: yesNo(func(v *Values) *bool { return &v.TLS.SessionCaching }),
		Help: "Let clients that come again skip a part of the handshake."},
	{Name: "tls-session-cache-size", Default: "20480", Mutable: true, NoEffect: noSessionList,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.TLS.SessionCacheSize }),
		Help: "Sessions that are kept."},
	{Name: "tls-session-cache-timeout", Default: "300", Mutable: true, NoEffect: noSessionList,
		kind: integer(0, maxInt32, func(v *Values) *int { return &v.TLS.SessionCacheSeconds }),
		Help: "Seconds for which a session is kept."},
	{Name: "tls-replication", Default: "no", Mutable: true, NoEffect: noReplicas,
		kind: yesNo(func(v *Values) *bool { return &v.TLS.Replication }),
		Help: "Encrypt the connection to a master."},
	{Name: "tls-cluster", Default: "no", Mutable: true, NoEffect: noReplicas,
		kind: yesNo(func(v *Values) *bool { return &v.TLS.Cluster }),
		Help: "Encrypt the connections between the nodes of a cluster."},
	{Name: "tls-client-cert-file", Default: "", Mutable: true, NoEffect: noReplicas,
		kind: text(func(v *Values) *string { return &v.TLS.ClientCertFile }),
		Help: "Certificate for connections that the server opens."},
	{Name: "tls-client-key-file", Default: "", Mutable: true, NoEffect: noReplicas,
		kind: text(func(v *Values) *string { return &v.TLS.ClientKeyFile }),
		Help: "Private key of that certificate."},
	{Name: "tls-client-key-file-pass", Default: "", Mutable: true, Sensitive: true, NoEffect: noReplicas,
		kind: text(func(v *Values) *string { return &v.TLS.ClientKeyFilePass }),
		Help: "Password of that key."},
	{Name: "tls-dh-params-file", Default: "", Mutable: true, NoEffect: noDiffie,
		kind: checked(text(func(v *Values) *string { return &v.TLS.DHParamsFile }), `""`,
			func(v *Values) error {
				if v.TLS.DHParamsFile != "" {
					return refusal("crypto/tls has no ciphers with finite field Diffie-Hellman")
				}
				return nil
			}),
		Help: "Parameters for Diffie-Hellman."},
}}

// checked is k with a check of the value; one that fails is not taken.
func checked(k kind, expects string, check func(*Values) error) kind {
	k.expects = expects
	set := k.set
	k.set = func(v *Values, words []string, more bool) error {
		trial := *v
		if err := set(&trial, words, more); err != nil {
			return err
		}
		if err := check(&trial); err != nil {
			return err
		}
		return set(v, words, more)
	}
	return k
}

// tlsVersions in ascending order.
var tlsVersions = []struct {
	name    string
	version uint16
}{{"TLSv1", tls.VersionTLS10}, {"TLSv1.1", tls.VersionTLS11}, {"TLSv1.2", tls.VersionTLS12}, {"TLSv1.3", tls.VersionTLS13}}

// ParseTLSProtocols returns the lowest and the highest version that the words name; crypto/tls speaks those between, too.
func ParseTLSProtocols(words string) (low, high uint16, err error) {
	if words == "" {
		return tls.VersionTLS12, tls.VersionTLS13, nil
	}
	var named [4]bool
	for _, word := range strings.Fields(words) {
		found := false
		for i, v := range tlsVersions {
			if strings.EqualFold(word, v.name) {
				named[i], found = true, true
			}
		}
		if !found {
			return 0, 0, refusal("unknown TLS version " + word)
		}
	}
	for i, v := range tlsVersions {
		switch {
		case !named[i]:
		case low == 0:
			low, high = v.version, v.version
		case !named[i-1]:
			return 0, 0, refusal("crypto/tls speaks all versions between the lowest and the highest: name them, too")
		default:
			high = v.version
		}
	}
	if low == 0 {
		return 0, 0, refusal("no TLS version is named")
	}
	return low, high, nil
}

// openSSLNames are the names that OpenSSL has for the suites that crypto/tls has.
var openSSLNames = map[string]uint16{
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	"AES128-SHA256":                 tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-ECDSA-AES128-SHA256":     tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-SHA256":       tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
}

// ParseTLSCiphers returns the suites that a list names; nil means Go's choice.
func ParseTLSCiphers(list string) ([]uint16, error) {
	if list == "" || strings.EqualFold(list, "DEFAULT") {
		return nil, nil
	}
	var out []uint16
	for name := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		id, ok := openSSLNames[strings.ToUpper(name)]
		for _, known := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
			for _, s := range known {
				if s.Name == name && s.SupportedVersions[0] < tls.VersionTLS13 {
					id, ok = s.ID, true
				}
			}
		}
		if !ok {
			return nil, refusal(fmt.Sprintf("cipher %s is none that crypto/tls has for TLS 1.2", name))
		}
		out = append(out, id)
	}
	if out == nil {
		return nil, refusal("no cipher is named")
	}
	return out, nil
}
