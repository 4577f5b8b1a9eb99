package firmware

import (
	"unbrick/firmware/espimage"
	"unbrick/limits"
	"unbrick/release"
)

// espFit is what is found out of parts for an ESP.
type espFit struct {
	t      *Target
	chip   *espimage.Chip
	tables int             // that are written
	table  *espimage.Table // that counts afterwards: the one that is written, or the device's
	at     uint32          // where it lies
	boot   bool            // a boot loader is written
	app    bool            // an application is written
}

// fitESP judges each part by what it holds: what its name says does not count.
func (t *Target) fitESP(parts []release.Part) error {
	e := &espFit{t: t, chip: espimage.ByName(t.Chip), table: t.Table, at: espimage.TableOffset}
	opened, err := e.open(parts)
	if err != nil {
		return err
	}
	for i := range opened {
		if err := e.findTable(&opened[i]); err != nil {
			return err
		}
	}
	for i := range opened {
		if err := e.fit(&opened[i]); err != nil {
			return err
		}
	}
	if e.tables > 0 && e.at != espimage.TableOffset && !e.boot {
		return &Refusal{Reason: WrongOffset, Part: "partitions", Addr: uint64(e.at), Needs: espimage.TableOffset}
	}
	return e.starts()
}

// open puts the parts of a merged image in its place.
func (e *espFit) open(parts []release.Part) (opened []release.Part, err error) {
	for i := range parts {
		p := &parts[i]
		end := uint64(p.Offset) + uint64(len(p.Data))
		if end > limits.ESPFlash {
			return nil, &Refusal{Reason: BeyondReach, Part: p.Name, Has: end, Needs: limits.ESPFlash}
		}
		if p.Offset%espimage.Sector != 0 {
			return nil, &Refusal{Reason: WrongOffset, Part: p.Name, Addr: uint64(p.Offset), Needs: uint64(p.Offset &^ (espimage.Sector - 1)),
				Detail: "a part begins where a sector does"}
		}
		l, merged := layoutOf(p.Data)
		if !merged {
			opened = append(opened, *p)
			continue
		}
		if p.Offset != l.base {
			return nil, &Refusal{Reason: MergedMoved, Format: ESPMerged, Part: p.Name, Addr: uint64(p.Offset), Needs: uint64(l.base)}
		}
		f := &File{}
		if err := f.readMerged(p.Data); err != nil {
			return nil, err
		}
		opened = append(opened, f.Parts...)
	}
	return opened, nil
}

// findTable notes the table that is written.
func (e *espFit) findTable(p *release.Part) error {
	if !espimage.IsTable(p.Data) {
		return nil
	}
	table, err := espimage.ParseTable(p.Data)
	if err != nil {
		return refuse(ESPTable, p.Name, err)
	}
	if e.tables++; e.tables > 1 {
		return &Refusal{Reason: WrongOffset, Format: ESPTable, Part: p.Name, Addr: uint64(p.Offset), Needs: uint64(e.at),
			Detail: "it is the second"}
	}
	e.table, e.at = table, p.Offset
	if end := table.End(); e.t.Flash > 0 && end > e.t.Flash {
		return &Refusal{Reason: BeyondFlash, Format: ESPTable, Part: p.Name, Has: end, Needs: e.t.Flash,
			Detail: "its last partition does, and the boot loader starts nothing then"}
	}
	return nil
}

// fit judges one part.
func (e *espFit) fit(p *release.Part) error {
	if err := e.protected(p); err != nil {
		return err
	}
	if len(p.Data) == espimage.OTADataSize && e.table != nil {
		if c, err := espimage.ParseOTAData(p.Data); err == nil && c.Sequence != [2]uint32{} {
			if q := e.table.OTAData(); q == nil || q.Offset != p.Offset {
				return &Refusal{Reason: WrongOffset, Format: ESPOTAData, Part: p.Name, Addr: uint64(p.Offset), Needs: e.choice()}
			}
			return nil
		}
	}
	switch {
	case espimage.IsTable(p.Data):
		return nil
	case espimage.IsArduino(p.Data):
		return e.fitArduino(p)
	case espimage.Is(p.Data):
		return e.fitImage(p)
	}
	return e.fitBytes(p)
}

// choice is where the choice of the application belongs.
func (e *espFit) choice() uint64 {
	if q := e.table.OTAData(); q != nil {
		return uint64(q.Offset)
	}
	return 0
}

// protected holds what the chip's protections forbid.
func (e *espFit) protected(p *release.Part) error {
	t := e.t
	plain := espimage.IsTable(p.Data) || espimage.Is(p.Data)
	switch {
	case plain && (t.EncryptedReady || t.Encrypted && t.WriteOnly):
		return &Refusal{Reason: PlainOnEncrypted, Part: p.Name}
	case t.KeyRecovery && p.Offset < 0x2000, t.SecureBootV1 && p.Offset < espimage.TableOffset:
		return &Refusal{Reason: ProtectedArea, Part: p.Name, Addr: uint64(p.Offset)}
	}
	return nil
}

// known compares an image's chip and revisions with the device's.
func (e *espFit) known(p *release.Part, m *espimage.Image) error {
	if e.chip != nil && m.Chip != e.chip {
		return &Refusal{Reason: WrongChip, Part: p.Name, Chip: m.Chip.Name, Wanted: e.chip.Name}
	}
	if !e.t.Revised {
		return nil
	}
	has := uint16(e.t.Major)*100 + uint16(e.t.Minor)
	if has < m.Least {
		return &Refusal{Reason: WrongRevision, Part: p.Name, Has: uint64(has), Needs: uint64(m.Least), Detail: "at least"}
	}
	if has > m.Most {
		return &Refusal{Reason: WrongRevision, Part: p.Name, Has: uint64(has), Needs: uint64(m.Most), Detail: "at most"}
	}
	return nil
}

// fitArduino: the ROM of an ESP8266 starts what lies at 0.
func (e *espFit) fitArduino(p *release.Part) error {
	m, err := espimage.ParseArduino(p.Data)
	if err != nil {
		return refuse(ESP8266Program, p.Name, err)
	}
	if err := e.known(p, m); err != nil {
		return err
	}
	if p.Offset != 0 {
		return &Refusal{Reason: WrongOffset, Format: ESP8266Program, Part: p.Name, Addr: uint64(p.Offset)}
	}
	e.boot, e.app = true, true
	return e.fits(p, m)
}

// fits refuses a boot loader that was made for a larger flash: it compares, and starts nothing.
func (e *espFit) fits(p *release.Part, m *espimage.Image) error {
	if e.t.Flash > 0 && uint64(m.Flash) > e.t.Flash {
		return &Refusal{Reason: SmallFlash, Part: p.Name, Has: uint64(m.Flash), Needs: e.t.Flash}
	}
	return nil
}

func (e *espFit) fitImage(p *release.Part) error {
	m, err := espimage.Parse(p.Data)
	if err != nil {
		return refuse(ESPApplication, p.Name, err)
	}
	if err := e.known(p, m); err != nil {
		return err
	}
	if err := m.Tail(p.Data); err != nil && m.Kind == espimage.Bootloader {
		if !startsAll(m) {
			return refuse(ESPBootloader, p.Name, err)
		}
		e.app = true
	}
	if e.t.SecureBoot && m.Signature == espimage.Unsigned {
		return &Refusal{Reason: Unsigned, Part: p.Name}
	}
	if m.Kind == espimage.Bootloader {
		return e.fitBootloader(p, m)
	}
	return e.fitApplication(p, m)
}

func (e *espFit) fitBootloader(p *release.Part, m *espimage.Image) error {
	wrong := &Refusal{Reason: WrongOffset, Format: ESPBootloader, Part: p.Name, Addr: uint64(p.Offset), Needs: uint64(m.Chip.Bootloader)}
	if p.Offset != m.Chip.Bootloader {
		if p.Offset >= espimage.Align && p.Offset%espimage.Align == 0 {
			wrong.Reason = Swapped
		}
		return wrong
	}
	if room := e.at - p.Offset; m.Chip.Name != espimage.ESP8266 && len(p.Data) > int(room) {
		return &Refusal{Reason: BeyondPartition, Format: ESPBootloader, Part: p.Name, Has: uint64(len(p.Data)), Needs: uint64(room)}
	}
	e.boot = true
	return e.fits(p, m)
}

func (e *espFit) fitApplication(p *release.Part, m *espimage.Image) error {
	wrong := &Refusal{Reason: WrongOffset, Format: ESPApplication, Part: p.Name, Addr: uint64(p.Offset), Needs: espimage.Align}
	if p.Offset == m.Chip.Bootloader {
		wrong.Reason = Swapped
		return wrong
	}
	e.app = true
	if e.table == nil {
		if p.Offset < espimage.Align || p.Offset%espimage.Align != 0 {
			return wrong
		}
		return nil
	}
	q := e.table.At(p.Offset)
	if q == nil || !q.App() {
		if first := e.table.First(); first != nil {
			wrong.Needs = uint64(first.Offset)
		}
		wrong.Detail = "the partition table has no application there"
		return wrong
	}
	if len(p.Data) > int(q.Size) {
		return &Refusal{Reason: BeyondPartition, Format: ESPApplication, Part: p.Name, Has: uint64(len(p.Data)), Needs: uint64(q.Size)}
	}
	return nil
}

// fitBytes judges what is no image: it must not lie where the chip or its boot loader looks for one.
func (e *espFit) fitBytes(p *release.Part) error {
	if e.t.EncryptedReady { // what is encrypted already looks like nothing
		return nil
	}
	end := uint64(p.Offset) + uint64(len(p.Data))
	var places []uint32
	if e.chip != nil {
		places = append(places, e.chip.Bootloader)
	}
	switch {
	case e.table != nil:
		places = append(places, e.at)
		for i := range e.table.Partitions {
			if q := &e.table.Partitions[i]; q.App() {
				places = append(places, q.Offset)
			}
		}
	case e.chip == nil || e.chip.Name != espimage.ESP8266:
		places = append(places, espimage.TableOffset, espimage.Align)
	}
	for _, at := range places {
		if p.Offset <= at && uint64(at) < end {
			return &Refusal{Reason: NotImage, Part: p.Name, Addr: uint64(at)}
		}
	}
	return nil
}

// starts refuses to leave an empty flash without something that starts.
func (e *espFit) starts() error {
	switch {
	case e.t.Bootloader != None:
		return nil
	case !e.boot:
		return &Refusal{Reason: NoBootloader}
	case e.chip != nil && e.chip.Name == espimage.ESP8266:
		return nil
	case e.tables == 0:
		return &Refusal{Reason: NoTable}
	case !e.app:
		return &Refusal{Reason: NoApplication}
	}
	return nil
}
