package terminal

import (
	"fmt"

	"unbrick/flash"
	"unbrick/release"
)

// Factory returns the whole raw flash of a device as it leaves the factory: the identification, a record
// `installed` of the release, confirmed, with the factory's floor, and the image. Everything else is
// erased; the boot code is not part of it. signed must be a manifest of image that a key of id signed.
func Factory(l *flash.Layout, id *Identity, signed, image []byte) ([]byte, error) {
	if err := checkLayout(l); err != nil {
		return nil, err
	}
	m, err := release.Verify(signed, id.trusted(nil, 0))
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
	who, err := AppendIdentity(nil, id)
	if err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	copy(raw[identityAddr(l):], who)
	addr, _ := g.Sector(l.Records()[0])
	rec := record{sequence: 1, state: Installed, confirmed: true, floor: id.Floor}
	rec.setTo(signed)
	putRecord(raw[addr:], &rec, g.ProgramUnit)
	copy(raw[l.SoftwareBase():], image)
	return raw, nil
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
