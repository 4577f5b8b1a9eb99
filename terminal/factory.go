package terminal

import (
	"fmt"

	"unbrick/flash"
	"unbrick/release"
)

// Factory returns the whole raw flash of a device as it leaves the factory: the key block, if key is not nil, the identification, a
// record `installed` of the release, confirmed, with the factory's floor, and the image. Everything else is
// erased; the boot code is not part of it. signed must be a manifest of image that enough keys of id signed. What id
// says that the boot code reads, completes and stages does not count: Factory writes what this package does.
func Factory(l *flash.Layout, id *Identity, key *DeviceKey, signed, image []byte) ([]byte, error) {
	if err := checkLayout(l); err != nil {
		return nil, err
	}
	m, err := release.Verify(signed, id.trusted(nil, 0), id.need())
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
	if err := putBootArea(raw, l, id, key); err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	addr, _ := g.Sector(l.Records()[0])
	rec := record{sequence: 1, state: Installed, confirmed: true, floor: id.Floor.Counter}
	rec.setTo(signed)
	putRecord(raw[addr:], &rec, g.ProgramUnit)
	copy(raw[l.SoftwareBase():], image)
	return raw, nil
}

// putBootArea writes identification and key block to the flash.
func putBootArea(raw []byte, l *flash.Layout, id *Identity, key *DeviceKey) error {
	made := *id
	made.Reads, made.Completes, made.Stages = readsHere, completesHere, stagesHere
	who, err := AppendIdentity(nil, &made)
	if err != nil {
		return err
	}
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

// putRecord writes rec as it stands in a record sector: body, commit mark and seal.
func putRecord(sector []byte, rec *record, unit uint32) {
	var mem [maxRecord]byte
	body := rec.encode(mem[:])
	copy(sector, body)
	crc := crcOf(body)
	slot := max(entrySize, unit)
	at := (uint32(len(body)) + unit - 1) / unit * unit
	commit, seal := entry(entryCommit, crc), entry(entrySeal, crc)
	copy(sector[at:], commit[:])
	copy(sector[at+slot:], seal[:])
}
