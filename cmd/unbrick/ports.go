package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"unbrick/restore/serialport"
)

const portsHelp = `usage: unbrick ports [--json]

Lists the serial ports of this machine, with what their USB adapters say of themselves. No port is opened: that
alone would reset some devices. A pseudo-terminal (unbrick emulate --pty PATH) is not listed; give its path.

exit codes: 0 done (also when there is none), 1 the system does not tell, 2 the words are off`

// portsCommand lists serial ports.
func portsCommand() *cobra.Command {
	asJSON := new(bool)
	c := verb("ports", "lists the serial ports of this machine", portsHelp, noWords, func(_ context.Context, _ []string, out, _ io.Writer) error {
		return listPorts(*asJSON, out)
	})
	c.Flags().BoolVar(asJSON, "json", false, "print one JSON object")
	return c
}

func listPorts(asJSON bool, out io.Writer) error {
	list, err := serialport.List()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, map[string]any{"ports": append([]serialport.Info{}, list...)})
	}
	if len(list) == 0 {
		fmt.Fprintln(out, "No serial port is here. Plug in the cable; a driver may be missing for its adapter.")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, p := range list {
		what := "no USB adapter"
		if p.USB {
			what = "USB " + p.Vendor + ":" + p.Product
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Path, what, p.Name, p.Serial)
	}
	return w.Flush()
}
