package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/boottext"

	"github.com/spf13/cobra"
)

const identifyHelp = `usage: unbrick identify --port PATH [--baud N] [--json]

Finds out who is at a cable, without disturbing anybody, and asks who it is. Nothing is written.
Of an Unbrick terminal: model, serial, why it is in restoration mode, what its record says, what its flash holds, and which keys it
trusts. One that runs is brought into restoration mode for it, and starts again by itself after some minutes, or by unbrick restore.
Of a boot loader or program that speaks SMP's image group, as MCUboot does: the image list.
Of an Espressif chip (ESP8266, ESP32 and later): chip, revision, number, flash, what protects it. Of an AVR board with STK500 (Arduino
Uno, Nano, Mega): chip, boot loader, flash. Both stay in their boot loader: unbrick restore starts them, or their reset button.
An STM32 boot loader, U-Boot, urboot and a running Linux are only named.

example:
  unbrick identify --port /dev/ttyUSB0

exit codes: 0 it answered, 1 it did not, 2 the words are off`

// identified is the outcome, for --json.
type identified struct {
	Model     string   `json:"model"`
	Serial    string   `json:"serial"`
	Why       string   `json:"why"`
	State     string   `json:"state"`
	Match     string   `json:"match"`
	Intact    bool     `json:"intact"`
	Confirmed bool     `json:"confirmed"`
	Installed string   `json:"installed,omitempty"`
	Intended  string   `json:"intended,omitempty"`
	Era       uint16   `json:"era"`
	Floor     uint64   `json:"floor"`
	Keys      []string `json:"keys"`
	Threshold int      `json:"threshold"`
	Statement uint32   `json:"statement"`
	Geometry  string   `json:"geometry"`
	Flash     uint32   `json:"flash"`
	Software  uint32   `json:"software"`
	Sectors   int      `json:"sectors"`
	Doubtful  uint32   `json:"doubtful"`
	Workspace uint32   `json:"workspace"`
	Way       string   `json:"way"`
	Buffer    uint32   `json:"buffer"`
}

func identifyCommand() *cobra.Command {
	f := &cableFlags{}
	c := verb("identify", "asks the device at a cable who it is and what is left in it", identifyHelp, noWords, f.identify)
	f.declare(c.Flags())
	return c
}

func (f *cableFlags) identify(ctx context.Context, _ []string, p *printer) error {
	out, errOut := p.Writer, p.errOut
	if err := f.check(); err != nil {
		return err
	}
	m, err := f.meet(ctx, errOut)
	if err != nil {
		return explain(err)
	}
	defer m.close()
	switch {
	case m.loader != nil && f.json:
		return printJSON(out, boardOf(m))
	case m.loader != nil:
		return boardOf(m).print(out)
	case m.session == nil && f.json:
		return printJSON(out, namedFound{m.kind.String(), boottext.Lines(m.heard)})
	case m.session == nil:
		return errNamed(m)
	}
	s := m.session
	d, err := s.Identify(ctx)
	var e *restore.Error
	if errors.As(err, &e) && e.Code == restore.CodeForeign {
		return identifyLoader(ctx, s, out, f.json)
	}
	if err != nil {
		return explain(err)
	}
	i := identityOf(s, d)
	if f.json {
		return printJSON(out, i)
	}
	return i.print(out)
}

func identityOf(s *restore.Session, d *restore.Device) *identified {
	i := &identified{
		Model: d.Model, Serial: d.Serial, Why: d.Why.String(), State: d.State.String(), Match: d.Match.String(), Intact: d.Intact(),
		Confirmed: d.Confirmed, Floor: d.Floor.Counter, Era: d.Floor.Era, Keys: []string{}, Threshold: d.Needs(), Statement: d.Trust,
		Geometry: d.Layout.Geometry.String(),
		Flash:    d.Layout.Geometry.Size(), Software: d.Software.Size(), Sectors: d.Software.Sectors(), Doubtful: d.Doubtful,
		Workspace: d.Workspace, Way: s.Way().String(), Buffer: s.Parameters().BufSize,
	}
	for _, k := range d.Trusted() {
		i.Keys = append(i.Keys, release.IDOf(k).String())
	}
	if k := d.Installed(); k != nil {
		i.Installed = k.Manifest.Version
	}
	if k := d.Intended(); k != nil {
		i.Intended = k.Manifest.Version
	}
	return i
}

func (i *identified) print(out io.Writer) error {
	software := "not known: there is no valid record"
	switch {
	case i.Intact:
		software = fmt.Sprintf("release %s, intact", i.Installed)
	case i.Intended != "":
		software = fmt.Sprintf("interrupted between release %s and release %s", cmp.Or(i.Installed, "unknown"), i.Intended)
	case i.Installed != "":
		software = fmt.Sprintf("damaged; release %s was installed", i.Installed)
	}
	told := []string{"Model", i.Model, "Serial", i.Serial, "Why here", whyWords(i.Why), "Software", software,
		"Flash", fmt.Sprintf("%s in sectors of %s, %s for software", flash.FormatSize(i.Flash), i.Geometry, flash.FormatSize(i.Software)),
		"Doubtful", fmt.Sprintf("%d sectors of %d", i.Doubtful, i.Sectors), "Workspace", fmt.Sprintf("%d bytes", i.Workspace),
		"Floor", fmt.Sprintf("security counter %d", i.Floor)}
	for _, k := range i.Keys {
		told = append(told, "Trusts key", k)
	}
	if i.Threshold > 1 {
		told = append(told, "Signatures", fmt.Sprintf("%d of these must have signed", i.Threshold))
	}
	return facts(out, told...)
}

// whyWords says a reason for restoration mode to a person.
func whyWords(why string) string {
	return cmp.Or(map[string]string{
		smp.WhyAsked.String():       "asked for over the cable",
		smp.WhyPin.String():         "asked for by its pin",
		smp.WhyNoRecord.String():    "it has no valid record of its software",
		smp.WhyInterrupted.String(): "an update stopped halfway",
		smp.WhyDamaged.String():     "its software is damaged",
		smp.WhyHang.String():        "its software hung three times in a row",
	}[why], why)
}
