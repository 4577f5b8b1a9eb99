package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/esp"
	"unbrick/restore/family"
	"unbrick/restore/recognise"
	"unbrick/restore/serialport"
	"unbrick/restore/stk500"
)

// handFor is how long a person is waited for who holds a button; longer while the device says something.
var handFor = 10 * time.Second

// meeting is who was found at a port.
type meeting struct {
	kind    recognise.Kind
	session *restore.Session // of a terminal or another SMP server
	loader  family.Loader    // of another family
	board   *family.Board
	heard   []byte
	used    bool // something was written, or it was started
}

func (m *meeting) close() {
	switch {
	case m.session != nil:
		m.session.Close()
	case m.loader != nil && m.used:
		m.loader.Close()
	case m.loader != nil:
		family.Leave(m.loader)
	}
}

// meet opens the port and finds out who is there. What a person can do meanwhile is told on errOut.
func (f *cableFlags) meet(ctx context.Context, errOut io.Writer) (*meeting, error) {
	port, err := serialport.Open(f.port, uint32(f.baud))
	if err != nil {
		return nil, portAdvice(f.port, err)
	}
	m, err := meetAt(ctx, port, uint32(f.baud), serialport.USBOf(f.port), errOut)
	if err != nil {
		port.Close()
	}
	return m, err
}

func meetAt(ctx context.Context, port restore.Port, baud uint32, usb family.USB, errOut io.Writer) (*meeting, error) {
	found, err := recognise.Recognise(ctx, port, &recognise.Options{Baud: baud, USB: usb})
	if err != nil {
		return nil, err
	}
	m := &meeting{kind: found.Kind, session: found.Session, heard: found.Heard}
	o := &family.Options{USB: usb}
	switch found.Kind {
	case recognise.Nobody:
		if spokeESP(found.Said) {
			fmt.Fprintln(errOut, "A chip of Espressif speaks, and does not come into its boot loader by itself. Hold its BOOT "+
				"button, tap EN or RST "+
				"(or plug it in again), then release BOOT.")
			o.Way, o.Patience = family.WayHand, handFor
			m.kind = recognise.ESP
			m.loader, err = esp.Enter(ctx, port, o)
			break
		}
		if m.session, err = connectAt(ctx, port, baud, errOut); err != nil {
			return nil, heardBefore(err, found.Heard)
		}
		m.kind = recognise.Terminal
	case recognise.ESP:
		o.Way, o.There = found.Way, true
		m.loader, err = esp.Enter(ctx, port, o)
	case recognise.STK500v1, recognise.STK500v2:
		var l *stk500.Loader
		o.Baud = found.Baud
		version := 1
		if found.Kind == recognise.STK500v2 {
			version = 2
		}
		if l, err = stk500.Enter(ctx, port, found.Baud, version, o); err == nil {
			m.loader = l
		}
	case recognise.Terminal, recognise.SMP:
	default:
		port.Close()
	}
	if err != nil || m.loader == nil {
		return m, err
	}
	m.board, err = m.loader.Describe(ctx)
	return m, err
}

func spokeESP(said []boottext.Kind) bool {
	for _, k := range said {
		if k.ESP() {
			return true
		}
	}
	return false
}

// heardBefore adds what was heard while others were called.
func heardBefore(err error, heard []byte) error {
	if e, ok := errors.AsType[*restore.Error](err); ok && len(heard) > 0 {
		e.Heard = append(heard[:len(heard):len(heard)], e.Heard...)
	}
	return err
}

// errNamed is what is said of somebody who is only recognised.
func errNamed(m *meeting) error {
	k := m.kind
	todo := map[recognise.Kind]string{
		recognise.STM32:  "use the chip maker's tool, STM32CubeProgrammer, at this port",
		recognise.UBoot:  "its maker's manual says which commands at its prompt bring its software back",
		recognise.Linux:  "its system is up, and this is its console: use what its maker gives for updates",
		recognise.Urboot: "use avrdude with -c urclock",
		recognise.AVR109: "press its reset button twice, and use avrdude with -c avr109 at the port that appears",
	}[k]
	says := ""
	if lines := boottext.Lines(m.heard); len(lines) > 0 {
		says = "The device says:\n    | " + strings.Join(lines, "\n    | ") + "\nThat is " + k.String() + ".\n"
	}
	return fmt.Errorf("%s%v is recognised, and cannot be restored by this command.\nIs the device safe? Yes. Nothing was "+
		"written: it is as it "+
		"was.\nWhat to do: %s", says, k, todo)
}

// boardFound is the outcome of identify at a boot loader of another family, for --json.
type boardFound struct {
	Family      string       `json:"family"`
	Chip        string       `json:"chip"`
	Name        string       `json:"name"`
	Revision    string       `json:"revision,omitempty"`
	Serial      string       `json:"serial,omitempty"`
	Loader      string       `json:"loader"`
	Flash       uint32       `json:"flash"` // bytes; 0: not known
	Protections []string     `json:"protections"`
	Sealed      string       `json:"sealed,omitempty"` // why nothing can be written
	Reserved    []boardRange `json:"reserved"`
	Notes       []string     `json:"notes"`
	Way         string       `json:"way"`
}

type boardRange struct {
	Address uint32 `json:"address"`
	Size    uint32 `json:"size"`
}

var (
	protectionWords = [family.Protections + 1]string{
		family.SecureBoot: "secure boot", family.SecureBootV1: "secure boot V1", family.EncryptionDevelop: "flash encryption (development)",
		family.EncryptionRelease: "flash encryption (release)", family.SecureDownload: "secure download mode",
		family.KeyRecovery: "key recovery data",
	}
	noteWords = [family.Notes + 1]string{
		family.NoVerify: "it cannot verify what was written", family.NoCompare: "it cannot be asked what it holds",
		family.SizeGuess: "the size of the flash is not its own word",
	}
)

func boardOf(m *meeting) *boardFound {
	b := m.board
	v := &boardFound{Family: b.Family, Chip: b.Chip, Name: b.Name, Revision: b.Revision, Serial: b.Serial, Loader: b.Loader, Flash: b.Flash,
		Protections: []string{}, Reserved: []boardRange{}, Notes: []string{}, Way: m.loader.Way().String()}
	for _, p := range b.Protections {
		v.Protections = append(v.Protections, protectionWords[p])
	}
	for _, r := range b.Reserved {
		v.Reserved = append(v.Reserved, boardRange{r.Addr, r.Size})
	}
	for _, n := range b.Notes {
		v.Notes = append(v.Notes, noteWords[n])
	}
	if b.Sealed != nil {
		v.Sealed = b.Sealed.Error()
	}
	return v
}

func (v *boardFound) print(out io.Writer) error {
	told := []string{"Chip", v.Name, "Boot loader", v.Loader}
	if v.Revision != "" {
		told = append(told, "Revision", v.Revision)
	}
	if v.Serial != "" {
		told = append(told, "Number", v.Serial)
	}
	flash := "not known"
	if v.Flash > 0 {
		flash = fmt.Sprintf("%d KiB", v.Flash>>10)
	}
	told = append(told, "Flash", flash)
	for _, p := range v.Protections {
		told = append(told, "Protection", p)
	}
	for _, r := range v.Reserved {
		told = append(told, "Never written", fmt.Sprintf("%d bytes from %#x", r.Size, r.Address))
	}
	for _, n := range v.Notes {
		told = append(told, "Note", n)
	}
	if v.Sealed != "" {
		told = append(told, "Sealed", v.Sealed)
	}
	return facts(out, append(told, "Way", v.Way)...)
}

// namedFound is that of somebody who is only recognised.
type namedFound struct {
	Recognised string   `json:"recognised"`
	Said       []string `json:"said"`
}
