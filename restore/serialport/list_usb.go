//go:build linux || windows

package serialport

import (
	"fmt"

	"go.bug.st/serial/enumerator"
)

// List returns the serial ports of this machine. None is opened: that alone would reset some devices.
func List() ([]Info, error) {
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	var list []Info
	for _, p := range ports {
		list = append(list, Info{Path: p.Name, USB: p.IsUSB, Vendor: p.VID, Product: p.PID, Serial: p.SerialNumber, Name: p.Product})
	}
	return list, nil
}
