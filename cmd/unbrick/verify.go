package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/restore"

	"github.com/spf13/cobra"
)

const verifyHelp = `usage: unbrick verify --port PATH {--file FILE | --part OFFSET=FILE}... [--json]

Says whether the flash of an Espressif chip or an AVR board holds what firmware files have, by the device's own digest or by reading it,
and starts the device again. Nothing is written.

example:
  unbrick verify --port /dev/ttyUSB0 --file firmware.bin

exit codes: 0 it holds them, 1 it does not, or it could not be asked, 2 the words are off`

type verifyFlags struct {
	cableFlags
	fileFlags
}

func verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	c := verb("verify", "says whether a device's flash holds what files have", verifyHelp, noWords, f.verify)
	f.cableFlags.declare(c.Flags())
	f.fileFlags.declare(c.Flags())
	return c
}

// verifyResult is the last line of --json.
type verifyResult struct {
	Same    bool    `json:"same"`
	Blocks  int     `json:"blocks"`
	Write   int     `json:"blocks_to_write"` // to make it so; more than those that differ where a family writes some again
	Proof   string  `json:"proof"`
	Seconds float64 `json:"seconds"`
}

func (f *verifyFlags) verify(ctx context.Context, _ []string, p *printer) error {
	if !f.any() {
		return usageError("say which file: --file or --part")
	}
	if err := f.check(); err != nil {
		return err
	}
	files, err := f.read(ctx)
	if err != nil {
		return err
	}
	r := &restoration{restoreFlags: &restoreFlags{cableFlags: f.cableFlags}, out: p.Writer, errOut: p.errOut,
		bar: isTerminal(p.Writer) && !f.json}
	b := &boardRestoration{restoration: r, files: files}
	m, err := f.meet(ctx, p.errOut)
	if err != nil {
		return explain(err)
	}
	defer m.close()
	parts, err := b.parts(ctx, m)
	if err != nil {
		return explain(err)
	}
	began := time.Now()
	proof, err := m.loader.Verify(ctx, parts, b.timed(began))
	var other *restore.Error
	same := err == nil
	if !same && (!errors.As(err, &other) || other.Code != restore.CodeVerify) {
		return explain(err)
	}
	v := verifyResult{Same: same, Proof: proofWords[proof]}
	if !same {
		d, err := m.loader.Compare(ctx, parts, b.timed(began))
		if err != nil {
			return explain(err)
		}
		v.Blocks, v.Write = d.Blocks, d.Differ
	}
	r.endBar()
	v.Seconds = time.Since(began).Seconds()
	m.used = true
	if _, err := m.loader.Start(ctx); err != nil {
		return explain(err)
	}
	switch {
	case f.json:
		printJSON(p, v)
	case same:
		fmt.Fprintf(p, "The flash holds it (%s).\n", v.Proof)
	default:
		fmt.Fprintf(p, "The flash holds something else, first at %#x: %d of %d blocks would be written.\n", other.Addr, v.Write, v.Blocks)
	}
	if !same {
		return &exitError{code: exitFailed}
	}
	return nil
}
