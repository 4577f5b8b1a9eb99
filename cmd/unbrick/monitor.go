package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
	"unbrick/restore/serialport"

	"github.com/spf13/cobra"
)

const monitorHelp = `usage: unbrick monitor --port PATH [--baud N] [--reset] [--for 10s] [--json]

Shows what a device says at its serial port, line by line, and says what is known of a line: which boot loader speaks, why a chip was
reset, that a program crashed. Nothing is sent. With --reset the device is reset by the port's lines first, so that its boot text is
shown from the beginning. It ends with Ctrl-C, or after --for.

The boot text of an ESP8266 comes at --baud 74880.

example:
  unbrick monitor --port /dev/ttyUSB0 --reset --for 5s

exit codes: 0 it listened until it was to end, 1 the port is gone, 2 the words are off`

// longestLine is where a line is shown that has no end yet, in bytes.
const longestLine = 1024

type monitorFlags struct {
	cableFlags
	reset bool
	until time.Duration
}

func monitorCommand() *cobra.Command {
	f := &monitorFlags{}
	c := verb("monitor", "shows what a device says at its port", monitorHelp, noWords, f.monitor)
	f.declare(c.Flags())
	c.Flags().BoolVar(&f.reset, "reset", false, "reset the device first, by the lines of the port")
	c.Flags().DurationVar(&f.until, "for", 0, "how long to listen; 0: until Ctrl-C")
	return c
}

// heardLine is one line of --json.
type heardLine struct {
	At   float64  `json:"at"` // seconds since the port was opened
	Text string   `json:"text"`
	Says []string `json:"says,omitempty"` // what is known of it
}

func (f *monitorFlags) monitor(ctx context.Context, _ []string, p *printer) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.until < 0 {
		return usageError("--for is at least 0")
	}
	port, err := serialport.Open(f.port, uint32(f.baud))
	if err != nil {
		return portAdvice(f.port, err)
	}
	defer port.Close()
	if f.until > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, f.until)
		defer stop()
	}
	line := family.NewLine(port, uint32(f.baud), nil)
	if f.reset {
		err := line.Restart(ctx)
		if errors.Is(err, restore.ErrUnsupported) {
			return errors.New("this port has no lines to reset a device by.\nIs the device safe? Yes. Nothing was sent.\nWhat to do: leave " +
				"--reset out, and press its reset button")
		}
		if err != nil && ctx.Err() == nil {
			return explain(err)
		}
	}
	v := &listener{p: p, now: port.Now}
	v.take(line.Heard())
	for {
		var b [512]byte
		n, err := line.Read(ctx, b[:], port.Now()+time.Second)
		v.take(b[:n])
		switch {
		case ctx.Err() != nil:
			v.rest()
			return nil
		case n > 0, errors.Is(err, restore.ErrTimeout):
		default:
			v.rest()
			return explain(err)
		}
	}
}

// listener cuts what comes into lines.
type listener struct {
	p    *printer
	now  func() time.Duration
	part []byte
}

func (v *listener) take(b []byte) {
	v.part = append(v.part, b...)
	for {
		i := bytes.IndexByte(v.part, '\n')
		if i < 0 {
			break
		}
		v.show(v.part[:i])
		v.part = v.part[i+1:]
	}
	for len(v.part) >= longestLine {
		v.show(v.part[:longestLine])
		v.part = v.part[longestLine:]
	}
}

// rest shows a line without an end.
func (v *listener) rest() {
	if len(v.part) > 0 {
		v.show(v.part)
	}
	v.part = nil
}

func (v *listener) show(line []byte) {
	h := heardLine{At: v.now().Seconds(), Text: boottext.Plain(line)}
	for _, k := range boottext.Recognise(line) {
		h.Says = append(h.Says, k.String())
	}
	if v.p.json {
		printJSON(v.p, h)
		return
	}
	fmt.Fprintln(v.p, h.Text)
	for _, s := range h.Says {
		fmt.Fprintf(v.p, "  <- %s\n", s)
	}
}
