package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"unbrick/release"
	"unbrick/server/form"

	"github.com/spf13/cobra"
)

const keyHelp = `usage: unbrick key new [-o release.key]
       unbrick key show FILE
       unbrick key list --model ID
       unbrick key remove KEY --model ID

new makes the Ed25519 key that signs releases, and writes two files: the secret key, which never leaves the machine
where you publish, and beside it the public key (.pub), which devices are manufactured with.

A file that exists is never overwritten: a lost key cannot be made again, and devices take no other.

show tells which key is in a file, secret or public; list tells whose releases of a model the server takes. A further key is
registered by unbrick publish --trust-key.

remove takes a key, as list tells it, back from a model. What it signed stays as it is, and devices decide by their own
key slots. A release that it alone signs is refused from then on, until somebody who may publish registers it again;
a model that has no key left takes the keys of the next release that is published.

example:
  unbrick key new -o release.key        # writes release.key and release.pub

exit codes: 0 done, 1 the files could not be written or read, or the server did not answer, 2 the words are off`

// keyFlags are the words of key new.
type keyFlags struct {
	serverFlags
	name, model string
}

// keyCommand makes and tells keys.
func keyCommand() *cobra.Command {
	f := &keyFlags{}
	pair := verb("new", "makes a key pair", "", noWords, f.make)
	pair.Flags().StringVarP(&f.name, "output", "o", "release.key", "`file` for the secret key; the public key goes beside it")
	show := verb("show FILE", "tells which key is in a file", "", takes(1, 1, "show takes one FILE"), showKey)
	all := f.verb("list", "tells whose releases of a model the server takes", noWords, f.list)
	all.Flags().Var((*id)(&f.model), "model", "model of the releases")
	gone := f.verb("remove KEY", "takes back a key of a model", takes(1, 1, "remove takes one KEY of unbrick key list, and --model ID"),
		f.remove)
	gone.Flags().Var((*id)(&f.model), "model", "model that the key is taken from")
	g := group("key", "makes the key that signs releases, tells of keys, takes one back", keyHelp, "say: unbrick key new -o release.key", pair,
		show, all, gone)
	f.operate(g.PersistentFlags())
	return g
}

// showKey tells which key is in a file.
func showKey(ctx context.Context, words []string, p *printer) error {
	name := words[0]
	b, err := readFile(ctx, name, "a key file", release.MaxKeyFile)
	if err != nil {
		return err
	}
	kind := "public"
	public, err := release.ParsePub(b)
	if err != nil {
		secret, err := release.ParseKey(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		kind, public = "secret", secret.Public().(ed25519.PublicKey)
	}
	id := release.IDOf(public).String()
	return p.tell(map[string]string{"file": name, "kind": kind, "id": id}, "%s key %s\n", kind, id)
}

func (f *keyFlags) list(ctx context.Context, a *api, _ []string, p *printer) error {
	if f.model == "" {
		return usageError("list takes --model ID")
	}
	query := &form.KeyQuery{ID: f.model}
	return list(p, pages(ctx, a, form.ListKeys, query), "the model has no key yet", "KEY\tREGISTERED", func(k *form.Key) string {
		return k.ID + "\t" + k.Added.Format(time.RFC3339)
	})
}

func (f *keyFlags) remove(ctx context.Context, a *api, words []string, p *printer) error {
	if f.model == "" {
		return usageError("remove takes KEY and --model ID")
	}
	if raw, err := hex.DecodeString(words[0]); err != nil || len(raw) != len(release.KeyID{}) {
		return usageError("%q is no key of unbrick key list", words[0])
	}
	if _, err := ask(ctx, a, form.RemoveKey, &form.KeyOfModel{ID: f.model, Key: words[0]}); err != nil {
		return err
	}
	return p.tell(map[string]string{"removed": words[0]}, "key %s is taken back from model %s\n", words[0], f.model)
}

func (f *keyFlags) make(_ context.Context, _ []string, p *printer) error {
	name := f.name
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	pubName := strings.TrimSuffix(name, filepath.Ext(name)) + ".pub"
	if pubName == name {
		return usageError("the secret key's file must not end in .pub")
	}
	keyFile, err := release.MarshalKey(secret)
	if err != nil {
		return err
	}
	pubFile, err := release.MarshalPub(public)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(pubName); err == nil {
		return fmt.Errorf("%s exists and is not overwritten", pubName)
	}
	if err := writeNew(name, keyFile, 0o600); err != nil {
		return err
	}
	if err := writeNew(pubName, pubFile, 0o644); err != nil {
		os.Remove(name) // it was made a moment ago and is of no use alone
		return err
	}
	id := release.IDOf(public)
	return p.tell(map[string]string{"key": name, "pub": pubName, "id": id.String()},
		"key %s\nsecret  %s   keep it safe, and keep a copy: devices take no other\npublic  %s\n", id, name, pubName)
}
