// Opens SealedSecrets with the library of the reference controller, so that ours is compared with what a cluster would do.
//
// Usage: unseal KEY.pem… < SealedSecrets (JSON or YAML, several documents)
// Writes one JSON line a document: {"secret": …} or {"error": "…"}. Deprecated `spec.data` is accepted, as the controller does.
package main

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/bitnami-labs/sealed-secrets/pkg/apis/sealedsecrets/v1alpha1"
	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/keyutil"
)

type result struct {
	Secret *v1.Secret `json:"secret,omitempty"`
	Error  string     `json:"error,omitempty"`
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	keys := map[string]*rsa.PrivateKey{}
	for _, file := range os.Args[1:] {
		content, err := os.ReadFile(file)
		fail(err)
		key, err := keyutil.ParsePrivateKeyPEM(content)
		fail(err)
		private, ok := key.(*rsa.PrivateKey)
		if !ok {
			fail(fmt.Errorf("%s: not an RSA key", file))
		}
		fingerprint, err := crypto.PublicKeyFingerprint(&private.PublicKey)
		fail(err)
		keys[fingerprint] = private
	}

	v1alpha1.AcceptDeprecatedV1Data = true
	decoder := yaml.NewYAMLOrJSONDecoder(os.Stdin, 4096)
	encoder := json.NewEncoder(os.Stdout)
	for {
		var sealed v1alpha1.SealedSecret
		err := decoder.Decode(&sealed)
		if errors.Is(err, io.EOF) {
			return
		}
		fail(err)
		secret, err := sealed.Unseal(scheme.Codecs, keys)
		if err != nil {
			fail(encoder.Encode(result{Error: err.Error()}))
			continue
		}
		fail(encoder.Encode(result{Secret: secret}))
	}
}
