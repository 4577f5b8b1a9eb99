package main

import (
	"context"
	"fmt"

	"unbrick/restore/serialport"

	"github.com/spf13/cobra"
)

const portsHelp = `usage: unbrick ports [--json]

Lists the serial ports of this machine, with what their USB adapters say of themselves. No port is opened: that
alone would reset some devices. A pseudo-terminal (unbrick emulate --pty PATH) is not listed; give its path.

exit codes: 0 done (also when there is none), 1 the system does not tell, 2 the words are off`

// portsCommand lists serial ports.
func portsCommand() *cobra.Command {
	c := verb("ports", "lists the serial ports of this machine", portsHelp, noWords, listPorts)
	jsonFlag(c.Flags())
	return c
}

func listPorts(_ context.Context, _ []string, p *printer) error {
	list, err := serialport.List()
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p, map[string]any{"ports": append([]serialport.Info{}, list...)})
	}
	if len(list) == 0 {
		fmt.Fprintln(p, "No serial port is here. Plug in the cable; a driver may be missing for its adapter.")
		return nil
	}
	return table(p, "", list, func(port *serialport.Info) string {
		what := "no USB adapter"
		if port.USB {
			what = "USB " + port.Vendor + ":" + port.Product
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s", port.Path, what, port.Name, port.Serial)
	})
}
