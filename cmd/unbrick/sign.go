package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"unbrick/limits"
	"unbrick/release"
	"unbrick/release/sequence"
)

// readKeyFiles reads files of keys, public or secret.
func readKeyFiles[K any](ctx context.Context, names []string, parse func([]byte) (K, error)) (keys []K, err error) {
	for _, name := range names {
		b, err := readFile(ctx, name, "a key file", release.MaxKeyFile)
		if err != nil {
			return nil, err
		}
		key, err := parse(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// readPubs reads files of public keys.
func readPubs(ctx context.Context, names []string) ([]ed25519.PublicKey, error) {
	all, err := readKeyFiles(ctx, names, release.ParsePub)
	if err != nil {
		return nil, err
	}
	return all, checkTwice(names, all)
}

// readKeys reads files of secret keys, and returns the public ones, too.
func readKeys(ctx context.Context, names []string) (keys []ed25519.PrivateKey, public []ed25519.PublicKey, err error) {
	if keys, err = readKeyFiles(ctx, names, release.ParseKey); err != nil {
		return nil, nil, err
	}
	for _, key := range keys {
		public = append(public, key.Public().(ed25519.PublicKey))
	}
	return keys, public, checkTwice(names, public)
}

// checkTwice refuses a key that is given twice: who does that means another one.
func checkTwice(names []string, keys []ed25519.PublicKey) error {
	for i, key := range keys {
		if j := slices.IndexFunc(keys[:i], func(k ed25519.PublicKey) bool { return k.Equal(key) }); j >= 0 {
			return usageError("%s and %s are the same key %s: it counts once", names[j], names[i], release.IDOf(key))
		}
	}
	return nil
}

// countersign adds signatures to a release file. Without a key it stays as it is.
func (f *publishFlags) countersign(ctx context.Context, name string, parts *release.File) ([]byte, []ed25519.PublicKey, error) {
	if f.given("model", "version", "order", "counter", "era", "least-statement", "note", "note-file", "day") || f.parts.given() {
		return nil, nil, usageError("%s is a release file already: what its manifest says cannot be changed, only signed by a further --key",
			name)
	}
	if len(f.keys) == 0 && f.output != "" {
		return nil, nil, usageError("%s is a release file already: -o needs the --key that is to sign it, too", name)
	}
	keys, public, err := readKeys(ctx, f.keys)
	if err != nil {
		return nil, nil, err
	}
	sent, err := readPubs(ctx, f.pubs)
	if err != nil {
		return nil, nil, err
	}
	if parts.Signed, err = release.AddSignatures(parts.Signed, keys...); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return release.AppendFile(nil, parts), append(public, sent...), nil
}

// complete says whether it is said who signs what: else there is nothing to be made.
func (f *publishFlags) complete() bool { return len(f.keys) > 0 && f.model != "" && f.version != "" }

// sign makes the release file of an image.
func (f *publishFlags) sign(ctx context.Context, server *api, name string, image []byte) ([]byte, []ed25519.PublicKey, error) {
	if !f.complete() {
		if what, advice := foreignForm(image); what != "" { // most of all a release file that is none any more
			return nil, nil, fmt.Errorf("%s looks like %s: %s", name, what, advice)
		}
		return nil, nil, usageError("an image needs --key, --model and --version")
	}
	keys, public, err := readKeys(ctx, f.keys)
	if err != nil {
		return nil, nil, err
	}
	m, err := modelOf(ctx, server, f.model, f.modelFile)
	if err != nil {
		return nil, nil, err
	}
	if image, err = takeOut(name, image, &m.Layout, *f.raw); err != nil {
		return nil, nil, err
	}
	area := m.Layout.Software()
	manifest, err := release.Describe(m.ID, f.version, f.order, f.counter, image, &area)
	if err != nil {
		return nil, nil, fmt.Errorf("%s as an image of model %s: %w", name, m.ID, err)
	}
	file, err := f.finish(ctx, server, &manifest, image, keys)
	return file, public, err
}

// finish says in a manifest what is not the image's, signs it, and makes the release file.
func (f *publishFlags) finish(ctx context.Context, server *api, m *release.Manifest, image []byte, keys []ed25519.PrivateKey) ([]byte,
	error) {
	long, err := f.describe(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := f.number(ctx, server, m); err != nil {
		return nil, err
	}
	signed, err := release.Sign(m, keys...)
	if err != nil {
		return nil, err
	}
	return release.AppendFile(nil, &release.File{Signed: signed, LongNote: long, Image: image}), nil
}

// describe fills in what is said for people, and the era, and returns the long note.
func (f *publishFlags) describe(ctx context.Context, m *release.Manifest) (long []byte, err error) {
	m.Era, m.Least, m.Note = uint16(f.era), uint32(f.least), f.note
	if err := release.CheckText(f.note, release.MaxNote); err != nil {
		return nil, usageError("--note: %v", err)
	}
	if m.Day, err = dayOf(f.day, os.Getenv("SOURCE_DATE_EPOCH"), time.Now()); err != nil {
		return nil, err
	}
	if f.noteFile == "" {
		return nil, nil
	}
	if long, err = readFile(ctx, f.noteFile, "a note", 2*limits.LongNote); err != nil {
		return nil, err
	}
	long = bytes.ReplaceAll(long, []byte("\r\n"), []byte("\n"))
	if err := release.CheckLongNote(long); err != nil {
		return nil, fmt.Errorf("%s: %w", f.noteFile, err)
	}
	m.LongNote = release.LongNoteDigest(long)
	return long, nil
}

// dayOf returns the day of a release since 1970-01-01: the one that was given, or that of SOURCE_DATE_EPOCH, or today.
func dayOf(given, epoch string, now time.Time) (uint32, error) {
	const day = 24 * 60 * 60
	switch {
	case given == "none":
		return 0, nil
	case given != "":
		t, err := time.Parse(time.DateOnly, given)
		if err != nil || t.Unix() < day {
			return 0, usageError("--day %q is no day such as 2026-11-28, nor none", given)
		}
		return uint32(t.Unix() / day), nil
	case epoch != "":
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || n < 0 || n/day > 1<<32-1 {
			return 0, fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", epoch)
		}
		return uint32(n / day), nil
	}
	return uint32(now.Unix() / day), nil
}

// number gives the manifest its order and counter, by the releases that are there, and checks that it may follow them.
func (f *publishFlags) number(ctx context.Context, server *api, m *release.Manifest) error {
	allowed := &sequence.Options{Jump: f.jump, Older: f.older}
	if f.modelFile != "" {
		if !f.given("order") {
			return usageError("without asking a server, --order is needed")
		}
		allowed.Jump = true // what is there is not known here; the server says the rest
		return sequence.Check(sequence.Of(m), nil, allowed)
	}
	var all []sequence.Release
	for page, err := range server.releases(ctx, f.model) {
		if err != nil {
			return err
		}
		for _, r := range page {
			have, _, err := release.Parse(r.Manifest)
			if err != nil {
				return fmt.Errorf("list of releases: %w", err)
			}
			if have.Version == m.Version && have.Digest == m.Digest {
				f.again(m, &have)
				return nil
			}
			all = append(all, sequence.Of(&have))
		}
	}
	if !f.given("order") || !f.given("counter") {
		order, counter, err := sequence.Next(m.Era, all)
		if err != nil {
			return err
		}
		if !f.given("order") {
			m.Order = order
		}
		if !f.given("counter") {
			m.Counter = counter
		}
	}
	return sequence.Check(sequence.Of(m), all, allowed)
}

// again makes m the release that is there already, in all that the words do not say otherwise: to say the same again is no mistake.
func (f *publishFlags) again(m, have *release.Manifest) {
	for flag, take := range map[string]func(){
		"order":           func() { m.Order = have.Order },
		"counter":         func() { m.Counter = have.Counter },
		"era":             func() { m.Era = have.Era },
		"least-statement": func() { m.Least = have.Least },
		"day":             func() { m.Day = have.Day },
		"note":            func() { m.Note = have.Note },
	} {
		if !f.given(flag) {
			take()
		}
	}
}
