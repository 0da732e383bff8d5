// A plugin for age, made with age's own framework, for the tests of our side of the protocol. It hides nothing: the file key
// is in its stanza, every bit flipped. The first byte of a recipient or identity says what it wants of the person:
// 0 nothing, 1 the PIN 1234, 2 a yes, 3 it only fails, 4 it shows a message first.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

type peer struct {
	plugin *plugin.Plugin
	wants  byte
}

func flip(key []byte) []byte {
	flipped := make([]byte, len(key))
	for i, b := range key {
		flipped[i] = ^b
	}
	return flipped
}

func (p *peer) ask() error {
	switch p.wants {
	case 1:
		pin, err := p.plugin.RequestValue("PIN?", true)
		if err != nil {
			return err
		}
		if pin != "1234" {
			return errors.New("wrong PIN")
		}
	case 2:
		yes, err := p.plugin.Confirm("really?", "yes", "no")
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("declined")
		}
	case 3:
		return errors.New("no token\x1b[31m plugged in")
	case 4:
		return p.plugin.DisplayMessage("touch the token")
	}
	return nil
}

func (p *peer) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	if err := p.ask(); err != nil {
		return nil, err
	}
	return []*age.Stanza{
		{Type: "peer", Args: []string{"one"}, Body: flip(fileKey)},
		{Type: "peer-spare", Args: []string{"two", "three"}, Body: make([]byte, 96)},
	}, nil
}

func (p *peer) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, stanza := range stanzas {
		if stanza.Type == "peer" {
			if err := p.ask(); err != nil {
				return nil, err
			}
			return flip(stanza.Body), nil
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func main() {
	p, err := plugin.New("peer")
	if err != nil {
		panic(err)
	}
	parse := func(data []byte) (*peer, error) {
		if len(data) != 1 {
			return nil, errors.New("one byte is expected")
		}
		return &peer{p, data[0]}, nil
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) { return parse(data) })
	p.HandleIdentity(func(data []byte) (age.Identity, error) { return parse(data) })
	wants := flag.Int("keys", -1, "print the recipient and the identity for this wish")
	p.RegisterFlags(nil)
	flag.Parse()
	if *wants >= 0 {
		data := []byte{byte(*wants)}
		fmt.Println(plugin.EncodeRecipient("peer", data))
		fmt.Println(plugin.EncodeIdentity("peer", data))
		return
	}
	os.Exit(p.Main())
}
