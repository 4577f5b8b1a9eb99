//go:build js && wasm

package owner

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"

	"unbrick/restore"
	"unbrick/restore/family"
	"unbrick/wasm/await"
	"unbrick/wasm/serial"
	"unbrick/webui/engine"
)

// ports is engine.Ports over navigator.serial: those that the person has allowed in the page.
type ports struct {
	serial js.Value
	last   []js.Value // of the last List
}

// List implements engine.Ports.
func (p *ports) List(ctx context.Context) ([]engine.PortInfo, error) {
	all, err := await.Method(ctx, p.serial, "getPorts")
	if err != nil {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	p.last = p.last[:0]
	var infos []engine.PortInfo
	for i := range all.Length() {
		port := all.Index(i)
		p.last = append(p.last, port)
		infos = append(infos, describe(port))
	}
	return infos, nil
}

// describe names a port by its USB numbers, which is all that a browser tells.
func describe(port js.Value) engine.PortInfo {
	info, err := await.Call(port, "getInfo")
	if err != nil || info.Get("usbVendorId").Type() != js.TypeNumber {
		return engine.PortInfo{Name: "serial port"}
	}
	of := family.USB{Vendor: uint16(info.Get("usbVendorId").Int()), Product: uint16(info.Get("usbProductId").Int())}
	return engine.PortInfo{Name: fmt.Sprintf("USB %04x:%04x", of.Vendor, of.Product), USB: of}
}

// Open implements engine.Ports.
func (p *ports) Open(ctx context.Context, i int, baud uint32) (restore.Port, error) {
	if i < 0 || i >= len(p.last) {
		return nil, restore.ErrVanished
	}
	port, err := serial.Open(ctx, p.last[i], baud)
	switch {
	case errors.Is(err, serial.ErrBusy):
		return nil, fmt.Errorf("%w: %w", restore.ErrBusy, err)
	case errors.Is(err, serial.ErrOurs):
		return nil, fmt.Errorf("%w: %w", restore.ErrStuck, err)
	case err != nil:
		return nil, err
	}
	return port, nil
}
