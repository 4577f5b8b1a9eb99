//go:build !linux && !windows && !js

package serialport

import (
	"fmt"

	"go.bug.st/serial"
)

// List returns the serial ports of this machine, by their paths only: more needs cgo on these systems.
// None is opened: that alone would reset some devices.
func List() ([]Info, error) {
	ports, err := serial.GetPortsList()
	if err != nil {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	var list []Info
	for _, p := range ports {
		list = append(list, Info{Path: p})
	}
	return list, nil
}
