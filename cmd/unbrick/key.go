package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"unbrick/release"
)

const keyHelp = `usage: unbrick key new [-o release.key]

Makes the Ed25519 key that signs releases, and writes two files: the secret key, which never leaves the machine
where you publish, and beside it the public key (.pub), which devices are manufactured with.

A file that exists is never overwritten: a lost key cannot be made again, and devices take no other.

example:
  unbrick key new -o release.key        # writes release.key and release.pub

exit codes: 0 done, 1 the files could not be written, 2 the words are off`

// keyFlags are the words of key new.
type keyFlags struct {
	name string
	json bool
}

// keyCommand makes a key pair.
func keyCommand() *cobra.Command {
	const say = "say: unbrick key new -o release.key"
	f := &keyFlags{}
	c := verb("new", "makes a key pair", "", takes(0, 0, say), f.make)
	c.Flags().StringVarP(&f.name, "output", "o", "release.key", "`file` for the secret key; the public key goes beside it")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return group("key", "makes the key that signs releases", keyHelp, say, c)
}

func (f *keyFlags) make(_ context.Context, _ []string, out, _ io.Writer) error {
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
	if f.json {
		return printJSON(out, map[string]string{"key": name, "pub": pubName, "id": id.String()})
	}
	fmt.Fprintf(out, "key %s\nsecret  %s   keep it safe, and keep a copy: devices take no other\npublic  %s\n", id, name, pubName)
	return nil
}

// writeNew writes a file that must not exist, durably.
func writeNew(name string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is not overwritten", name)
	} else if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
