package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"unbrick/firmware/webtools"
	"unbrick/limits"
	"unbrick/release"
	"unbrick/release/sequence"
	"unbrick/server/form"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const publishHelp = `usage: unbrick publish --key release.key --model ID --version TEXT FILE [flags]
       unbrick publish --key release.key --model ID --version TEXT --chip CHIP [--part [NAME@]OFFSET=FILE ...] [FILE]
       unbrick publish [--pub release.pub] RELEASEFILE
       unbrick publish --key second.key RELEASEFILE [-o RELEASEFILE]

Signs an image and publishes it: computes digest and hash tree for the model's geometry, signs them on this machine
(the key is never sent), and uploads manifest and image in one release file. FILE is the raw image as it stands in
the software area, or an ELF, HEX, S-record, UF2 or DFU file that holds it: that is taken out. An archive, a compressed file or a text is
refused by name, unless --raw says that exactly these bytes run on the device. A file that is a release file already is uploaded as it is.

With --chip it is a release for devices whose boot loader is another maker's, such as an ESP32 or an Arduino: of parts, each with its
place in the flash. FILE is then firmware in any of these forms, one merged image of an ESP (it is cut into its parts; settings and file
systems that it holds as erased bytes are left out, unless --whole says that all of it is meant), or the manifest.json of ESP Web Tools,
whose files lie in its folder. --part names a file and where it goes, again for a further one; a file that knows its place needs no
OFFSET. What would not start on that chip is refused, with the reason. The chip is as esp32c3, esp8266 or atmega328p; --family
says the kind of boot loader (esp, avr, mcuboot) where the chip does not. No terminal is offered such a release.

Devices may ask for the signatures of several keys. --key can be given up to four times; who signs at another machine gives
the release file and his --key, which adds his signature to those that are there. It is uploaded at the end, or at any time before:
uploaded again with further signatures by registered keys, it gets them on the server, too. Nothing else of a release changes.

--note is a line for people, --note-file a text of up to 16384 bytes; both are signed. The day of the release is today, or
the one of SOURCE_DATE_EPOCH, or --day (none: it is not said). --era and --least-statement stay 0: they need a trust statement on the device, which none takes yet, so
that the server refuses such a release; with -o it is written, and that is said.

--order decides which release is newer; without it, the next number after the newest release of the model. --counter
is the security counter: raise it when devices must never go back behind this release. It must not fall. Neither can
be taken back, so both rise by at most 4294967296 at a time; --jump allows more, as long as enough is left for what
follows. The largest is 9007199254740991.

A version is letters and digits, and behind the first also . - _ and +, such as 1.2.3-rc.1+build.7 or 2026-11-28. One that sorts below that of the release before it (1.0.1 after 3.0, 1.0-rc1 after 1.0) is refused, unless --order
or --older-version says that it is meant.

The way back from a bad release is forward: publish the bytes of the good one again, under a new version. Devices that
run those bytes need no update, all others are led there.

The first release of a model registers its key there. A further key is registered only with --trust-key.

--phases offers the release to a growing share of the devices, and shows an alarm when more than --max-failures (3) of
them fail; "unbrick rollout --help" explains it. Without it the release is for all.

-o writes the release file instead of uploading it. With --model-file (see unbrick model put -o) no server is asked;
then --order is needed.

examples:
  unbrick publish --key release.key --model 0001 --version 2.4.1 firmware.bin
  unbrick publish --key release.key --model 0001 --version 2.4.1 firmware.bin -o 2.4.1.release
  unbrick publish --key second.key 2.4.1.release
  unbrick publish --key release.key --model 0003 --version 2.4.1 --chip esp32c3 --part 0x10000=app.bin
  unbrick publish --key release.key --model 0003 --version 2.4.1 --chip esp32c3 merged.bin

exit codes: 0 done (also when exactly this release was there already), 1 it did not work, 2 the words are off`

// publishing is the outcome, for --json.
type publishing struct {
	form.Claims
	File  string   `json:"file,omitempty"`
	New   bool     `json:"new"`
	Added []string `json:"signatures_added,omitempty"` // by these keys, to a release that was there already
	Parts []placed `json:"parts,omitempty"`
}

type publishFlags struct {
	serverFlags
	keys, pubs                        []string
	model, version, output, modelFile string
	note, noteFile, day               string
	order, counter                    uint64
	era, least                        uint
	phases, failures                  string // of a rollout, empty: none
	trust, jump, older                bool
	parts                             partsFlags
	raw                               *bool
}

func (f *publishFlags) declare(set *pflag.FlagSet) {
	f.serverFlags.declare(set)
	set.StringArrayVar(&f.keys, "key", nil, "`file` of a secret key; again for a further one")
	set.StringArrayVar(&f.pubs, "pub", nil, "`file` of a public key, for a release file that was signed elsewhere; again for a further one")
	set.Var((*id)(&f.model), "model", "model that the image is for")
	set.StringVar(&f.version, "version", "", "version for people, such as 1.2.3")
	set.Uint64Var(&f.order, "order", 0, "number that decides what is newer")
	set.Uint64Var(&f.counter, "counter", 0, "security counter; without it, that of the newest release")
	set.UintVar(&f.era, "era", 0, "era of the release: begins anew when a key was lost")
	set.UintVar(&f.least, "least-statement", 0, "version of the trust statement that a device must have at least")
	set.StringVar(&f.note, "note", "", "one line for people, up to 160 bytes")
	set.StringVar(&f.noteFile, "note-file", "", "`file` with a longer text for people")
	set.StringVar(&f.day, "day", "", "`day` of the release, such as 2026-11-28, or none (default today)")
	set.StringVarP(&f.output, "output", "o", "", "write the release `file` here instead of uploading it")
	set.StringVar(&f.modelFile, "model-file", "", "record of the model, instead of asking the server")
	set.StringVar(&f.phases, "phases", "", "offer the release in phases, such as 1%,10%@24h,100%@72h")
	set.StringVar(&f.failures, "max-failures", "", "devices that may fail before the rollout shows an alarm (default 3)")
	set.BoolVar(&f.jump, "jump", false, "let order or counter rise by more than 4294967296")
	set.BoolVar(&f.older, "older-version", false, "publish a version that sorts below that of the release before it")
	set.BoolVar(&f.trust, "trust-key", false, "register this key for the model although it has others")
	f.parts.declare(set)
	f.raw = rawFlag(set)
	jsonFlag(set)
}

// given says whether one of these flags was given.
func (f *publishFlags) given(names ...string) bool { return slices.ContainsFunc(names, f.set.Changed) }

// publishCommand signs and uploads a release.
func publishCommand() *cobra.Command {
	f := &publishFlags{}
	c := verb("publish FILE", "signs an image and publishes it as a release", publishHelp, takes(0, 1, "name one file to publish"), f.publish)
	f.declare(c.Flags())
	return c
}

func (f *publishFlags) publish(ctx context.Context, words []string, p *printer) error {
	f.older = f.older || f.given("order") // who chooses the order knows what comes before
	switch {
	case f.era > 1<<16-1 || uint64(f.least) > 1<<32-1:
		return usageError("--era goes to 65535, --least-statement to 4294967295")
	case f.failures != "" && f.phases == "":
		return usageError("--max-failures is for a rollout: it needs --phases")
	case f.phases != "" && f.output != "":
		return usageError("--phases is said when the release is uploaded: a release file does not hold it")
	}
	if len(words) == 0 && len(f.parts.parts) == 0 {
		return usageError("name one file to publish")
	}
	api, err := f.client()
	if err != nil {
		return err
	}
	file, public, err := f.releaseFile(ctx, api, words, p)
	if err != nil {
		return err
	}
	parts, err := openRelease(file)
	if err != nil {
		return err
	}
	result := &publishing{Claims: parts.claims}
	if parts.manifest.Family != "" {
		result.Parts = placesOf(parts.Image)
	}
	if err := sequence.Untaken(&release.Manifest{Version: result.Version, Era: result.Era, Least: result.Least}); err != nil {
		if f.output == "" {
			return err
		}
		fmt.Fprintf(p.errOut, "Careful: %v, and the server does not take it either.\n", err)
	}
	if f.output != "" {
		result.File, result.New = f.output, true
		if err := replaceFile(f.output, file); err != nil {
			return err
		}
	} else if err = upload(ctx, api, file, public, f, result); err != nil {
		return err
	}
	verb := "published"
	switch {
	case f.output != "":
		verb = "wrote " + f.output + ":"
	case len(result.Added) > 0:
		verb = "was there already, and is signed by " + strings.Join(result.Added, ", ") + " now, too:"
	case !result.New && f.phases != "":
		verb = "was there already, and its rollout is as it was:"
	case !result.New:
		verb = "was there already:"
	}
	return p.tell(result, "%s release %s of model %s, order %d, %d bytes, image %s, signed by %s\n", verb, result.Version, result.Model,
		result.Order, result.Size, result.Image[:16], strings.Join(result.Keys, ", "))
}

// releaseFile is what is published: made of an image or of parts, or a release file, with further signatures.
func (f *publishFlags) releaseFile(ctx context.Context, api *api, words []string, p *printer) ([]byte, []ed25519.PublicKey, error) {
	if len(words) == 0 {
		return f.signParts(ctx, api, nil, p)
	}
	name := words[0]
	content, err := readFile(ctx, name, "an image or a release file", max(release.MaxFile, limits.Firmware))
	if err != nil {
		return nil, nil, err
	}
	if parts, err := release.SplitFile(content); err == nil {
		return f.countersign(ctx, name, &parts)
	}
	if f.parts.given() || webtools.Is(content) {
		return f.signParts(ctx, api, &inputFile{name, content}, p)
	}
	return f.sign(ctx, api, name, content)
}

// upload sends a release file and adds to the result what the server made of it.
func upload(ctx context.Context, server *api, file []byte, public []ed25519.PublicKey, f *publishFlags, result *publishing) error {
	in := form.Upload{Trust: f.trust, Jump: f.jump, Older: f.older, Phases: f.phases}
	if f.phases != "" {
		in.Limit = f.failures
	}
	for _, key := range public {
		in.Keys = append(in.Keys, base64.StdEncoding.EncodeToString(key))
	}
	answer, status, err := send(ctx, server, form.Publish, &in, file)
	if err != nil {
		return err
	}
	result.New, result.Keys, result.Added = status == http.StatusCreated, answer.Release.Keys, answer.Added
	return nil
}
