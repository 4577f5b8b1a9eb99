//go:build !js

package serialport

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

const (
	backLimit = 8 * time.Second // for a device to come back to the bus
	backPause = 100 * time.Millisecond
)

// USBOf returns the numbers of the USB device that a port is of, zero where this machine does not tell.
func USBOf(path string) family.USB {
	i, ok := infoOf(path)
	if !ok {
		return family.USB{}
	}
	vendor, _ := strconv.ParseUint(i.Vendor, 16, 16)
	product, _ := strconv.ParseUint(i.Product, 16, 16)
	return family.USB{Vendor: uint16(vendor), Product: uint16(product)}
}

func infoOf(path string) (Info, bool) {
	all, err := List()
	if err != nil {
		return Info{}, false
	}
	for _, i := range all {
		if i.Path == path {
			return i, true
		}
	}
	return Info{}, false
}

// Return implements restore.Returner. The device may come back under another path: it is known by its numbers and its serial number.
func (p *Port) Return(ctx context.Context) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return restore.ErrClosed
	}
	p.port.Close()
	limit := time.NewTimer(backLimit)
	defer limit.Stop()
	again := time.NewTicker(backPause)
	defer again.Stop()
	for {
		err := p.back()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("%w: %w", restore.ErrVanished, err)
		}
	}
}

// back opens the port of the device again, if it is there.
func (p *Port) back() error {
	path := p.path
	if all, err := List(); err == nil && p.info.Vendor != "" {
		found := false
		for _, i := range all {
			if i.Vendor == p.info.Vendor && i.Product == p.info.Product && i.Serial == p.info.Serial && (!found || i.Path == p.path) {
				path, found = i.Path, true
			}
		}
		if !found {
			return ErrNotFound
		}
	}
	next, err := Open(path, p.baud)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
	p.port, p.release, p.path = next.port, next.release, path
	return nil
}
