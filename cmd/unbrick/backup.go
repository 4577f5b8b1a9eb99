package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"

	"github.com/spf13/cobra"
)

const backupHelp = `usage: unbrick backup --port PATH -o FILE [--from ADDRESS] [--size N] [--json]

Reads what a device's flash holds into a file, and starts the device again. Nothing is written to it. Of an Espressif chip or an AVR
board it is the flash from --from on, all of it unless --size says less; of an Unbrick terminal its software area, where its maker allows
that.

example:
  unbrick backup --port /dev/ttyUSB0 -o before.bin

exit codes: 0 the file has what the flash held, 1 it does not, 2 the words are off`

type backupFlags struct {
	cableFlags
	name string
	from uint32
	size uint32
}

func backupCommand() *cobra.Command {
	f := &backupFlags{}
	c := verb("backup", "reads what a device's flash holds into a file", backupHelp, noWords, f.backup)
	f.declare(c.Flags())
	c.Flags().StringVarP(&f.name, "output", "o", "", "`file` to write")
	c.Flags().Uint32Var(&f.from, "from", 0, "address of the first byte")
	c.Flags().Uint32Var(&f.size, "size", 0, "how many bytes; 0: up to the end")
	return c
}

// backupResult is the last line of --json.
type backupResult struct {
	File    string  `json:"file"`
	From    uint32  `json:"from"`
	Bytes   int     `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

func (f *backupFlags) backup(ctx context.Context, _ []string, p *printer) error {
	if f.name == "" {
		return usageError("-o is missing: the file to write")
	}
	if err := f.check(); err != nil {
		return err
	}
	m, err := f.meet(ctx, p.errOut)
	if err != nil {
		return explain(err)
	}
	defer m.close()
	began := time.Now()
	r := &restoration{restoreFlags: &restoreFlags{cableFlags: f.cableFlags}, out: p.Writer, errOut: p.errOut,
		bar: isTerminal(p.Writer) && !f.json}
	b, err := f.read(ctx, m, func(s restore.Progress) {
		s.Elapsed = time.Since(began)
		r.progress(s)
	})
	r.endBar()
	if err != nil {
		return explain(err)
	}
	if err := replaceFile(f.name, b); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if m.loader != nil {
		m.used = true
		if _, err := m.loader.Start(ctx); err != nil {
			return explain(err)
		}
	}
	v := backupResult{File: f.name, From: f.from, Bytes: len(b), Seconds: time.Since(began).Seconds()}
	if f.json {
		return printJSON(p, v)
	}
	fmt.Fprintf(p, "%s has what the flash holds: %d bytes from %#x on, read in %.1f s.\n", v.File, v.Bytes, v.From, v.Seconds)
	return nil
}

func (f *backupFlags) read(ctx context.Context, m *meeting, report family.Report) ([]byte, error) {
	switch {
	case m.loader != nil && m.board.Flash == 0 && f.size == 0:
		return nil, errors.New("how large its flash is cannot be found out.\nIs the device safe? Yes. Nothing was written: " +
			"it is as it was.\nWhat to " +
			"do: say --size")
	case m.loader != nil:
		size := f.size
		if size == 0 {
			size = m.board.Flash - min(f.from, m.board.Flash)
		}
		if size == 0 || m.board.Flash > 0 && uint64(f.from)+uint64(size) > uint64(m.board.Flash) {
			return nil, usageError("its flash has %d bytes: nothing of it lies at --from %#x --size %d", m.board.Flash, f.from, f.size)
		}
		b := make([]byte, size)
		return b, m.loader.Read(ctx, f.from, b, report)
	case m.session == nil:
		return nil, errNamed(m)
	case f.from != 0 || f.size != 0:
		return nil, usageError("of a device that speaks SMP all of its software area is read, without --from and --size")
	}
	d, err := m.session.Identify(ctx)
	if err != nil {
		return nil, err
	}
	can, err := m.session.CanBackup(ctx)
	if err != nil {
		return nil, err
	}
	if !can {
		return nil, errors.New("this device does not let its software be read out.\nIs the device safe? Yes. Nothing was written: it is as it " +
			"was.\nWhat to do: restore it without a backup")
	}
	b, err := m.session.Backup(ctx, d, nil)
	if err != nil {
		return nil, err
	}
	f.from = d.Layout.SoftwareBase()
	return b.Bytes, nil
}
