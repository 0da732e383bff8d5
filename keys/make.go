//go:build ignore

// Makes the TEST-ONLY keys and certificates of this folder, in the forms that the sealed-secrets controller writes: PKCS#1 PEM
// for the key; a self-signed certificate with encipherOnly, CA:TRUE and a random serial. Files that exist are left alone,
// because the frozen vectors of the test suite were sealed with them. Run by make.sh.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func date(year int) time.Time { return time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC) }

// write keeps what is there.
func write(name string, content []byte) {
	if _, err := os.Stat(name); err == nil {
		return
	}
	fmt.Println("writing", name)
	check(os.WriteFile(name, content, 0o644))
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func read(name string) []byte {
	content, err := os.ReadFile(name)
	check(err)
	return content
}

func block(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }

// rsaKey reads NAME.key.pem, or makes it.
func rsaKey(name string, bits int) *rsa.PrivateKey {
	file := name + ".key.pem"
	if !exists(file) {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		check(err)
		write(file, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)))
	}
	b, _ := pem.Decode(read(file))
	key, err := x509.ParsePKCS1PrivateKey(b.Bytes)
	check(err)
	return key
}

// certificate makes what the controller's crypto.SignKey makes, with the given validity.
func certificate(name, cn string, key crypto.Signer, from, to time.Time) {
	if exists(name) {
		return
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	check(err)
	template := x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: cn},
		NotBefore:             from,
		NotAfter:              to,
		KeyUsage:              x509.KeyUsageEncipherOnly,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	check(err)
	write(name, block("CERTIFICATE", der))
}

func main() {
	for _, bits := range []int{2048, 3072, 4096, 8192} {
		name := fmt.Sprintf("test-only-%d", bits)
		certificate(name+".crt.pem", "", rsaKey(name, bits), date(2024), date(2064))
	}
	// A second key of the usual sizes: rotation, recovery with several keys, the wrong key.
	for _, bits := range []int{2048, 4096} {
		name := fmt.Sprintf("test-only-%d-other", bits)
		certificate(name+".crt.pem", "sealed-secrets", rsaKey(name, bits), date(2024), date(2064))
	}

	small := rsaKey("test-only-2048", 2048)
	certificate("test-only-expired.crt.pem", "", small, date(2014), date(2024))
	certificate("test-only-not-yet-valid.crt.pem", "", small, date(2114), date(2124))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(small)
	check(err)
	write("test-only-2048.pkcs8.key.pem", block("PRIVATE KEY", pkcs8))

	// Too small for us, good enough for kubeseal.
	certificate("test-only-1024.crt.pem", "", rsaKey("test-only-1024", 1024), date(2024), date(2064))

	// Not RSA: kubeseal and we refuse it.
	if !exists("test-only-ec.key.pem") {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(err)
		der, err := x509.MarshalECPrivateKey(key)
		check(err)
		write("test-only-ec.key.pem", block("EC PRIVATE KEY", der))
	}
	b, _ := pem.Decode(read("test-only-ec.key.pem"))
	ec, err := x509.ParseECPrivateKey(b.Bytes)
	check(err)
	certificate("test-only-ec.crt.pem", "", ec, date(2024), date(2064))

	// Several in one file: the first one counts.
	write("test-only-bundle.crt.pem", append(read("test-only-4096.crt.pem"), read("test-only-2048-other.crt.pem")...))

	// The examples' cluster. Its private key is thrown away in public, so that a reader can open what the examples seal.
	certificate("example-cluster.crt.pem", "", rsaKey("example-cluster", 4096), date(2024), date(2064))
}
