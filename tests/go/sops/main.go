// The stores and the cipher of sops on many documents in one process: a request a line on stdin, an answer a line on stdout.
//
// It links the library that the program sops is made of, so that thousands of documents cost milliseconds each and not a process.
// Data keys are given; how they are wrapped is tested with the program itself.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	sopsjson "github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
	"github.com/sirupsen/logrus"
)

type request struct {
	Op       string
	Format   string
	Text     []byte
	Key      string
	Selector string
	Regex    string
	OnlyMac  bool
	Enc      string
}

type answer struct {
	Text  []byte
	Tree  string
	Error string
}

func store(format string) sops.Store {
	switch format {
	case "json":
		return sopsjson.NewStore(&config.JSONStoreConfig{Indent: -1})
	case "dotenv":
		return dotenv.NewStore(&config.DotenvStoreConfig{})
	case "ini":
		return ini.NewStore(&config.INIStoreConfig{})
	case "binary":
		return sopsjson.NewBinaryStore(&config.JSONBinaryStoreConfig{Indent: -1})
	default:
		return yaml.NewStore(&config.YAMLStoreConfig{Indent: 4})
	}
}

func branch(b sops.TreeBranch, out *strings.Builder) {
	out.WriteString("{")
	for _, item := range b {
		if c, ok := item.Key.(sops.Comment); ok {
			comment(c, out)
			continue
		}
		fmt.Fprintf(out, "%q:", fmt.Sprint(item.Key))
		value(item.Value, out)
	}
	out.WriteString("}")
}

func comment(c sops.Comment, out *strings.Builder) {
	mark := "#"
	if c.Inline {
		mark = "~"
	}
	fmt.Fprintf(out, "%s%q ", mark, c.Value)
}

func value(v interface{}, out *strings.Builder) {
	switch v := v.(type) {
	case sops.TreeBranch:
		branch(v, out)
	case []interface{}:
		out.WriteString("[")
		for _, item := range v {
			value(item, out)
		}
		out.WriteString("]")
	case sops.Comment:
		comment(v, out)
	default:
		out.WriteString(". ")
	}
}

func tree(branches sops.TreeBranches) string {
	var out strings.Builder
	for _, b := range branches {
		branch(b, &out)
		out.WriteString("\n")
	}
	return out.String()
}

func metadata(r request) sops.Metadata {
	m := sops.Metadata{LastModified: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Version: "3.13.3", MACOnlyEncrypted: r.OnlyMac}
	m.KeyGroups = []sops.KeyGroup{{&age.MasterKey{Recipient: "age1x", EncryptedKey: r.Enc}}}
	switch r.Selector {
	case "unencrypted_suffix":
		m.UnencryptedSuffix = r.Regex
	case "encrypted_suffix":
		m.EncryptedSuffix = r.Regex
	case "unencrypted_regex":
		m.UnencryptedRegex = r.Regex
	case "encrypted_regex":
		m.EncryptedRegex = r.Regex
	case "unencrypted_comment_regex":
		m.UnencryptedCommentRegex = r.Regex
	case "encrypted_comment_regex":
		m.EncryptedCommentRegex = r.Regex
	}
	return m
}

func run(r request) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	s := store(r.Format)
	key, err := hex.DecodeString(r.Key)
	if err != nil {
		return a, err
	}
	switch r.Op {
	case "load":
		branches, err := s.LoadPlainFile(r.Text)
		if err != nil {
			return a, err
		}
		a.Tree = tree(branches)
		a.Text, err = s.EmitPlainFile(branches)
		return a, err
	case "encrypt":
		branches, err := s.LoadPlainFile(r.Text)
		if err != nil {
			return a, err
		}
		t := sops.Tree{Branches: branches, Metadata: metadata(r)}
		cipher := aes.NewCipher()
		mac, err := t.Encrypt(key, cipher)
		if err != nil {
			return a, err
		}
		t.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, t.Metadata.LastModified.Format(time.RFC3339))
		if err != nil {
			return a, err
		}
		a.Text, err = s.EmitEncryptedFile(t)
		return a, err
	case "decrypt":
		t, err := s.LoadEncryptedFile(r.Text)
		if err != nil {
			return a, err
		}
		cipher := aes.NewCipher()
		mac, err := t.Decrypt(key, cipher)
		if err != nil {
			return a, err
		}
		stored, err := cipher.Decrypt(t.Metadata.MessageAuthenticationCode, key, t.Metadata.LastModified.Format(time.RFC3339))
		if err != nil {
			return a, fmt.Errorf("MAC: %w", err)
		}
		if stored != mac {
			return a, fmt.Errorf("MAC mismatch")
		}
		a.Tree = tree(t.Branches)
		a.Text, err = s.EmitPlainFile(t.Branches)
		return a, err
	}
	return a, fmt.Errorf("unknown op %q", r.Op)
}

func main() {
	logging.SetLevel(logrus.FatalLevel)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var r request
		if decoder.Decode(&r) != nil {
			return
		}
		a, err := run(r)
		if err != nil {
			a.Error = err.Error()
		}
		if encoder.Encode(a) != nil || out.Flush() != nil {
			return
		}
	}
}
