package terminal

import (
	"fmt"

	"unbrick/flash"
	"unbrick/release"
	"unbrick/terminal/record"
)

// Factory returns the whole raw flash of a device as it leaves the factory: the key block, if key is not nil, the identification, a
// record `installed` of the release, confirmed, with the factory's floor, and the image. Everything else is
// erased; the boot code is not part of it. signed must be a manifest of image that enough keys of id signed. What id
// says that the boot code reads, completes and stages does not count: Factory writes what this package does.
func Factory(l *flash.Layout, id *Identity, key *DeviceKey, signed, image []byte) ([]byte, error) {
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	who, err := appendMade(nil, id)
	if err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	m, err := release.Verify(signed, new(trust).begin((*identification)(who)), int(id.Threshold))
	if err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	software := l.Software()
	target := release.Target{Model: id.Model, Software: &software, Floor: id.Floor}
	if err := target.Accept(&m, nil); err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	if err := m.CheckImage(image); err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	g := &l.Geometry
	raw := make([]byte, g.Size())
	for i := range raw {
		raw[i] = g.Erased
	}
	if err := putBootArea(raw, l, who, key); err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	addr, _ := g.Sector(l.Records()[0])
	record.Put(raw[addr:], &record.Record{Sequence: 1, State: record.Installed, Confirmed: true, Floor: id.Floor, To: signed}, g.ProgramUnit)
	copy(raw[l.SoftwareBase():], image)
	return raw, nil
}

// appendMade appends the identification with what the boot code of this package can.
func appendMade(dst []byte, id *Identity) ([]byte, error) {
	made := *id
	made.Reads, made.Completes, made.Stages = readsHere, completesHere, stagesHere
	return AppendIdentity(dst, &made)
}

// AppendBootArea appends the last KeyBlockSize and IdentitySize bytes of a boot area, as a factory programs them.
func AppendBootArea(dst []byte, id *Identity, key *DeviceKey) ([]byte, error) {
	dst, err := AppendKeyBlock(dst, key)
	if err != nil {
		return nil, err
	}
	return appendMade(dst, id)
}

// putBootArea writes identification and key block to the flash.
func putBootArea(raw []byte, l *flash.Layout, who []byte, key *DeviceKey) error {
	copy(raw[identityAddr(l):], who)
	if key == nil {
		return nil
	}
	block, err := AppendKeyBlock(nil, key)
	if err != nil {
		return err
	}
	copy(raw[keyBlockAddr(l):], block)
	return nil
}
