package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"unbrick/internal/firmware"

	"github.com/spf13/cobra"
)

const demoHelp = `usage: unbrick demo images DIR

Writes two versions of a real firmware to try everything with: DIR/v1.bin and DIR/v2.bin, OpenSBI 1.6 and 1.9 (BSD-2-Clause),
raw images of about 270 KB that fit a model with 512 KiB of flash. A file of that name with other content is never overwritten.

example:
  unbrick demo images .

exit codes: 0 done, 1 the files could not be written, 2 the words are off`

// demoCommand writes sample images.
func demoCommand() *cobra.Command {
	const say = "say: unbrick demo images DIR"
	return group("demo", "writes two versions of a real firmware to try everything with", demoHelp, say,
		verb("images DIR", "writes v1.bin and v2.bin", "", takes(1, 1, say), writeSamples))
}

func writeSamples(ctx context.Context, words []string, p *printer) error {
	older, newer := firmware.OpenSBI()
	for i, image := range [][]byte{older, newer} {
		name := filepath.Join(words[0], fmt.Sprintf("v%d.bin", i+1))
		if there, err := readFile(ctx, name, "this sample", int64(len(image))); err != nil || !bytes.Equal(there, image) {
			if err := writeNew(name, image, 0o644); err != nil {
				return err
			}
		}
		fmt.Fprintf(p, "%s: %d bytes\n", name, len(image))
	}
	return nil
}
