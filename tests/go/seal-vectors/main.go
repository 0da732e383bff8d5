// Makes tests/it/vectors/seal-*.json: what kubeseal never writes but the controller opens (AES keys of 16 and 24 bytes), the deprecated form of an object, and
// certificates by the controller's own function with its randomness fixed, so that ours can be compared byte by byte.
//
// Usage, in this folder: go run . ../../../keys ../../it/vectors
// Sealing is random: a second run gives other values with the same meaning; the certificates come out the same.
//
// The controller is built as Go 1.26, whose key identifiers are of SHA-256; the module here says an older Go.
//
//go:debug x509sha256skid=1
package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/apis/sealedsecrets/v1alpha1"
	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/keyutil"
)

type value struct {
	Key             string `json:"key"`
	Label           string `json:"label"`
	SessionKeyBytes int    `json:"sessionKeyBytes"`
	Plaintext       []byte `json:"plaintext"`
	Sealed          string `json:"sealed"`
}

type certificate struct {
	Key         string `json:"key"`
	CommonName  string `json:"commonName"`
	Serial      string `json:"serial"`
	NotBefore   int64  `json:"notBefore"`
	Hours       int64  `json:"hours"`
	Fingerprint string `json:"fingerprint"`
	PEM         string `json:"pem"`
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func write(file string, content any) {
	text, err := json.MarshalIndent(content, "", "  ")
	check(err)
	check(os.WriteFile(file, append(text, '\n'), 0o644))
}

// seal is crypto.HybridEncrypt with a session key of any size.
func seal(key *rsa.PublicKey, label string, size int, plaintext []byte) string {
	sessionKey := make([]byte, size)
	_, err := rand.Read(sessionKey)
	check(err)
	block, err := aes.NewCipher(sessionKey)
	check(err)
	gcm, err := cipher.NewGCM(block)
	check(err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, sessionKey, []byte(label))
	check(err)
	out := binary.BigEndian.AppendUint16(nil, uint16(len(wrapped)))
	out = append(out, wrapped...)
	return base64.StdEncoding.EncodeToString(gcm.Seal(out, make([]byte, gcm.NonceSize()), plaintext, nil))
}

func main() {
	keys, vectors := os.Args[1], os.Args[2]
	load := func(name string) *rsa.PrivateKey {
		content, err := os.ReadFile(filepath.Join(keys, name+".key.pem"))
		check(err)
		key, err := keyutil.ParsePrivateKeyPEM(content)
		check(err)
		return key.(*rsa.PrivateKey)
	}

	var values []value
	for _, size := range []int{16, 24, 32} {
		for _, label := range []string{"team-a/app", "team-a", ""} {
			// The PKCS#8 file holds the same key as the PKCS#1 one.
			for _, key := range []string{"test-only-2048", "test-only-2048.pkcs8"} {
				plaintext := []byte("\xff\x00 " + label + "\n")
				sealed := seal(&load(key).PublicKey, label, size, plaintext)
				values = append(values, value{key, label, size, plaintext, sealed})
			}
		}
	}
	write(filepath.Join(vectors, "seal-session-key-sizes.json"), values)

	var certificates []certificate
	for _, c := range []certificate{
		{Key: "test-only-2048", Serial: "00112233445566778899aabbccddeeff", Hours: 87600},
		{Key: "test-only-2048", Serial: "ffeeddccbbaa99887766554433221100", Hours: 87600, CommonName: "sealed-secrets.kube-system (it's 1+1=2, a:b/c)"},
		{Key: "test-only-2048", Serial: "0000000000000000000000000000007f", Hours: 1, CommonName: "not*printable"},
		{Key: "test-only-2048", Serial: "00000000000000000000000000000080", Hours: 24 * 365 * 30, CommonName: "Schlüssel ключ"},
		{Key: "test-only-3072", Serial: "80000000000000000000000000000000", Hours: 87600},
		{Key: "test-only-4096", Serial: "7fffffffffffffffffffffffffffffff", Hours: 87600, CommonName: "a"},
		{Key: "test-only-8192", Serial: "00ffffffffffffffffffffffffffffff", Hours: 87600},
	} {
		c.NotBefore = 1795232096 // 2026-11-21T03:34:56Z
		serial, err := hex.DecodeString(c.Serial)
		check(err)
		key := load(c.Key)
		// Go reads the 16 bytes of the serial number from here; signing needs no randomness.
		random := bytes.NewReader(append(serial, make([]byte, 64)...))
		made, err := crypto.SignKeyWithNotBefore(random, key, time.Unix(c.NotBefore, 0), time.Duration(c.Hours)*time.Hour, c.CommonName)
		check(err)
		if made.SerialNumber.Text(16) == "" {
			panic("no serial number")
		}
		c.Fingerprint, err = crypto.PublicKeyFingerprint(&key.PublicKey)
		check(err)
		c.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Raw}))
		certificates = append(certificates, c)
	}
	write(filepath.Join(vectors, "seal-certificates.json"), certificates)

	// The form before 2018: the whole Secret in one blob.
	secret := &v1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "team-a", Labels: map[string]string{"in": "blob"}},
		Type:       v1.SecretTypeOpaque,
		Data:       map[string][]byte{"token": []byte("\xff\x00 t0ken\n"), "user": []byte("admin")},
	}
	old, err := v1alpha1.NewSealedSecretV1(scheme.Codecs, &load("test-only-2048").PublicKey, secret)
	check(err)
	old.APIVersion, old.Kind = "bitnami.com/v1alpha1", "SealedSecret"
	write(filepath.Join(vectors, "seal-deprecated-data.json"), old)
}
