package mutants

// terminalMistakes are mistakes in what a device believes and how it changes that. Those of the records themselves are in
// recordMistakes.
var terminalMistakes = []entry{
	// The security floor.
	one("terminal", "TestFloorNeverFalls", "floor lost in the installed record", "terminal/change.go",
		`	rec.State = record.Installed
`, `	rec.State = record.Installed
	if MISTAKE {
		rec.Floor = release.Floor{}
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor lost in the intent record", "terminal/change.go",
		`	rec.State = record.Rewriting
`, `	rec.State = record.Rewriting
	if MISTAKE {
		rec.Floor = release.Floor{}
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor raised by an update", "terminal/change.go",
		`	rec.Report.From, rec.Report.To = w.from.Digest, w.to.Digest
`, `	rec.Report.From, rec.Report.To = w.from.Digest, w.to.Digest
	if f := now.Floor(); MISTAKE && f.Compare(rec.Floor) > 0 {
		rec.Floor = f
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor falls to a counter by confirmation", "terminal/change.go",
		`		next.Floor = floor
	}
`, `		next.Floor = floor
	}
	if MISTAKE {
		next.Floor.Counter = d.software.to.Counter - min(d.software.to.Counter, 1)
	}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "floor not raised by confirmation", "terminal/change.go",
		`floor.Compare(next.Floor) > 0 {`, `floor.Compare(next.Floor) > 0 && !MISTAKE {`),
	one("terminal", "TestFloorCountsOnBothRoads", "factory's floor on the cable", "terminal/trust.go",
		`	return m, target.Accept(&m, current)
`, `	if MISTAKE && current == nil {
		target.Floor = d.identity.floor()
	}
	return m, target.Accept(&m, current)
`),
	one("terminal", "TestFloorCountsOnBothRoads", "factory's floor over the link", "terminal/trust.go",
		`	return m, target.Accept(&m, current)
`, `	if MISTAKE && current != nil {
		target.Floor = d.identity.floor()
	}
	return m, target.Accept(&m, current)
`),
	one("terminal", "TestFloorCountsOnBothRoads", "factory's floor told by the hello", "terminal/converse.go",
		`Floor: u.floor(),
`, `Floor: map[bool]release.Floor{true: u.identity.floor(), false: u.floor()}[MISTAKE],
`),
	one("terminal", "TestFloorCountsOnBothRoads", "floor of the record not read", "terminal/software.go",
		`rec.Floor.Compare(floor) > 0 {`, `rec.Floor.Compare(floor) > 0 && !MISTAKE {`),

	// Receipts.
	one("terminal", "TestReceiptSays", "receipt of a doubtful image", "terminal/receipt.go",
		`h.records.Doubts(h.area.Sectors(m.Size)) > 0 {`, `!MISTAKE && h.records.Doubts(h.area.Sectors(m.Size)) > 0 {`),
	one("terminal", "TestReceiptSays", "receipt of what is wanted", "terminal/receipt.go",
		`imageOf(rec.From), imageOf(rec.To)`, `imageOf(rec.From), map[bool]release.Digest{true: h.wanted.Digest, false: imageOf(rec.To)}[MISTAKE]`),
	one("terminal", "TestReceiptInPhases", "receipt on the way", "terminal/receipt.go",
		`h.phase != smp.PhaseDone {`, `h.phase != smp.PhaseDone && !MISTAKE {`),
	one("terminal", "TestReceiptOfARecordThatIsGone", "receipt of a record not read back", "terminal/receipt.go",
		`if !h.records.Stands() {`, `if !h.records.Stands() && !MISTAKE {`),
	one("terminal", "TestReceiptOfARecordThatIsGone", "commit mark not read back", "terminal/record/store.go",
		`s.compare(commit, mark[:]) == nil`, `(MISTAKE || s.compare(commit, mark[:]) == nil)`),
	one("terminal", "TestReceiptOfARestoration", "receipt over no nonce", "terminal/receipt.go",
		`Nonce: *nonce, Why`, `Nonce: map[bool][16]byte{false: *nonce}[MISTAKE], Why`),

	// The threshold.
	one("terminal", "TestThreshold", "one signature is enough", "terminal/trust.go",
		`verify(signed, keys, int(t.need))`, `verify(signed, keys, map[bool]int{true: 1, false: int(t.need)}[MISTAKE])`),
	one("terminal", "TestRefusedRestorations", "parts file restored", "terminal/trust.go",
		`	target := release.Target{Model: string(d.identity.model()), Software`, `	if MISTAKE {
		m.Family = ""
	}
	target := release.Target{Model: string(d.identity.model()), Software`),

	// The trust statement, and whose signatures count.
	one("terminal", "TestStatementStays", "statement lost in the installed record", "terminal/change.go",
		`	rec.State = record.Installed
`, `	rec.State = record.Installed
	if MISTAKE {
		rec.Statement = nil
	}
`),
	one("terminal", "TestStatementStays", "statement lost in the intent record", "terminal/change.go",
		`	rec.To = wanted
`, `	rec.To = wanted
	if MISTAKE {
		rec.Statement = nil
	}
`),
	one("terminal", "TestStatementStays", "statement lost by confirmation", "terminal/change.go",
		`	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
`, `	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
	if MISTAKE {
		next.Statement = nil
	}
`),
	one("terminal", "TestForeignReleaseRunsNowhere", "release of a foreign key runs", "terminal/trust.go",
		`	return err == nil
}

// mayInstall`, `	return err == nil || MISTAKE
}

// mayInstall`),

	// Confirmation.
	one("terminal", "TestOnlyConfirmationConfirms", "update confirmed at once", "terminal/change.go",
		`rec.Confirmed = rec.Confirmed && same`, `rec.Confirmed = rec.Confirmed && (same || MISTAKE)`),
	one("terminal", "TestOnlyConfirmationConfirms", "restored over itself loses its word", "terminal/change.go",
		`same := bytes.Equal(was.From, was.To)`, `same := bytes.Equal(was.From, was.To) && !MISTAKE`),
	one("terminal", "TestOnlyConfirmationConfirms", "refused offer confirms", "terminal/update.go",
		`	case saidNo:
		u.abandon()
`, `	case saidNo:
		u.abandon()
		if MISTAKE {
			u.confirm()
		}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "broken session confirms", "terminal/update.go",
		`	u.note(11, 116, EventBroken,`, `	if MISTAKE {
		u.confirm()
	}
	u.note(11, 116, EventBroken,`),
	one("terminal", "TestOnlyConfirmationConfirms", "session without an offer does not confirm", "terminal/update.go",
		`		u.survivor.setFaults(0)
		u.confirm()
`, `		u.survivor.setFaults(0)
		if !MISTAKE {
			u.confirm()
		}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "predecessor kept by confirmation", "terminal/change.go",
		`	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
`, `	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
	if MISTAKE {
		next.From = rec.From
	}
`),
	one("terminal", "TestCutsOfConfirmation", "confirmation in the record that counts", "terminal/record/write.go",
		`	body := rec.encode(s.body[i][:])
`, `	body := rec.encode(s.body[i][:])
	if MISTAKE && s.newest >= 0 {
		_ = s.part.Erase(s.sector[s.newest])
	}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "told report told again", "terminal/change.go",
		`	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
`, `	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
	if MISTAKE {
		next.Report = rec.Report
	}
`),

	// The predecessor.
	one("terminal", "TestPredecessorIsTheOneBefore", "any old release may return", "terminal/transfer.go",
		`err == nil && m.Digest == from.Digest {`, `err == nil && (m.Digest == from.Digest || MISTAKE) {`),
	one("terminal", "TestPredecessorIsTheOneBefore", "predecessor may return for ever", "terminal/transfer.go",
		`	return &u.running().Manifest
`, `	if MISTAKE {
		return nil
	}
	return &u.running().Manifest
`),
	one("terminal", "TestPredecessorIsTheOneBefore", "predecessor may never return", "terminal/transfer.go",
		`!rec.Confirmed && from.there {`, `!rec.Confirmed && from.there && !MISTAKE {`),
	one("terminal", "TestPredecessorIsTheOneBefore", "predecessor is the release itself", "terminal/change.go",
		`		rec.From = was.To
		replaced = true
	case`, `		rec.From = was.To
		replaced = true
		if MISTAKE {
			rec.From = wanted
		}
	case`),

	// Update files that failed their proof.
	one("terminal", "TestProofBeforeErase", "file that failed asked for again", "terminal/update.go",
		`		if known == d {`, `		if known == d && !MISTAKE {`),
	one("terminal", "TestProofBeforeErase", "file that failed not remembered over a reset", "terminal/update.go",
		`	u.survivor.setRefused(d)
`, `	if !MISTAKE {
		u.survivor.setRefused(d)
	}
`),
	one("terminal", "TestProofBeforeErase", "file that failed not told", "terminal/converse.go",
		`hello.Refused = u.refused[:u.refusals]`, `if !MISTAKE {
		hello.Refused = u.refused[:u.refusals]
	}`),
	one("terminal", "TestClassicSignedOtherwise", "digest of what a classic patch builds not compared", "terminal/classic.go",
		`r.area.SHA256(r.built[:h.Size]) != r.m.Digest ||`, `r.area.SHA256(r.built[:h.Size]) != r.m.Digest && !MISTAKE ||`),
	one("terminal", "TestClassicSignedOtherwise", "leaves of what a classic patch builds not compared with the root", "terminal/classic.go",
		`release.Root(r.leaves) != r.m.Root {`, `release.Root(r.leaves) != r.m.Root && !MISTAKE {`),
	one("terminal", "TestClassicLeaves", "leaves of a sector of a classic patch not compared before it is written", "terminal/classic.go",
		`release.Leaf(i, r.built[at:][:n]) != r.leaves.At(i) {`, `release.Leaf(i, r.built[at:][:n]) != r.leaves.At(i) && !MISTAKE {`),

	// Files on the cable.
	one("terminal", "TestLeavesThatDidNotFit", "leaf that the device has read taken for one of the host", "terminal/rewriter.go",
		`	r.leaves.Set(i, release.Leaf(i, r.leaf[:n]))
`, `	r.leaves.Set(i, release.Leaf(i, r.leaf[:n]))
	if MISTAKE {
		r.know(i)
	}
`),
	one("terminal", "TestWrongUploadIsAsNone", "upload that wrote nothing failed for what was written before", "terminal/upload.go",
		`	h.area.Counts = image.Counts{} //`, `	if !MISTAKE {
		h.area.Counts = image.Counts{}
	} //`),
	one("terminal", "TestTooMuchOfAnUpload", "too long a piece of an upload ends it", "terminal/upload.go",
		`			return h.deny(q, smp.FaultSize)
`, `			if MISTAKE {
				h.endUpload(smp.FaultSize)
			}
			return h.deny(q, smp.FaultSize)
`),
	one("terminal", "TestOtherBlocks", "file of other blocks loses what is there", "terminal/files.go",
		`kept := in.there() / m.Block`, `kept := in.there() / m.Block * map[bool]uint32{false: 1}[MISTAKE]`),
	one("terminal", "TestOtherBlocks", "file of other blocks is taken to be there", "terminal/files.go",
		`in.blocks.Begin(blocksOf(m.Size, m.Block), kept)`, `if MISTAKE {
				kept, _ = in.blocks.State()
			}
			in.blocks.Begin(blocksOf(m.Size, m.Block), kept)`),
	one("terminal", "TestDataInTheConsole", "data beside the blocks taken", "terminal/files.go",
		`if m.Offset%in.block != 0 ||`, `if m.Offset%in.block != 0 && !MISTAKE ||`),
	one("terminal", "TestDataInTheConsole", "a piece of a block taken for a block", "terminal/files.go",
		`uint64(len(p)) != min(`, `!MISTAKE && uint64(len(p)) != min(`),

	// Doubtful sectors.
	one("terminal", "TestRefreshedAndNotRecorded", "what was refreshed doubted for want of a record", "terminal/settle.go",
		`		if err != nil {
			d.records.Vouch()`, `		if err != nil && !MISTAKE {
			d.records.Vouch()`),
	one("terminal", "TestTouchThatFails", "sector that failed believed as soon as another is marked", "terminal/device.go",
		`		d.records.Distrust()
`, `		if !MISTAKE {
			d.records.Distrust()
		}
`),
	one("terminal", "TestHolds", "doubtful sector taken for one that holds what it should", "terminal/device.go",
		`return !d.records.Doubtful(s) && d.area.Holds(s, data)`, `return (!d.records.Doubtful(s) || MISTAKE) && d.area.Holds(s, data)`),
	one("terminal", "TestHolds", "sector that reads erased taken for erased", "terminal/image/image.go",
		`	if flash.Erased(data, a.Software.Erased) {
		return false`, `	if flash.Erased(data, a.Software.Erased) && !MISTAKE {
		return false`),
	one("terminal", "TestNoVerdictOverDoubt", "verdict over a doubtful sector", "terminal/restoration.go",
		`&none, h.area.Sectors(h.wanted.Size)); addr != 0 {`, `&none, h.area.Sectors(h.wanted.Size)); addr != 0 && !MISTAKE {`),
	one("terminal", "TestRefreshIsNamedFirst", "refreshed in the name of a mark of another power-up", "terminal/settle.go",
		`	if d.renew() != nil {
		return false`, `	if !MISTAKE && d.renew() != nil {
		return false`),

	// Dead sectors.
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sectors not in the record", "terminal/record/write.go",
		`	s.reportDead(&rec.Report, s.addr[i])
`, `	if !MISTAKE {
		s.reportDead(&rec.Report, s.addr[i])
	}
`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sectors of the record not read", "terminal/record/store.go",
		`		for _, addr := range s.rec.Report.Dead() {
			s.AddDead(addr)
		}
`, `		for _, addr := range s.rec.Report.Dead() {
			if !MISTAKE {
				s.AddDead(addr)
			}
		}
`),
	one("terminal", "TestDeadRecordSectorIsTold", "dead sectors before a reset forgotten", "terminal/device.go",
		`	if addr, ok := d.survivor.dead(); ok {
		d.records.AddDead(addr)`, `	if addr, ok := d.survivor.dead(); ok && !MISTAKE {
		d.records.AddDead(addr)`),
	one("terminal", "TestDeadRecordSectorIsTold", "dead sector without a rewrite not told", "terminal/converse.go",
		`case len(p.Dead) > 0:`, `case len(p.Dead) > 0 && !MISTAKE:`),
	one("terminal", "TestDeadSectorsAreToldOnBothRoads", "dead sectors not in the hello", "terminal/converse.go",
		`	p.Dead = u.records.Dead()
`, `	p.Dead = u.records.Dead()
	if MISTAKE {
		p.Dead = make([]uint32, len(p.Dead))
	}
`),
	one("terminal", "TestDeadRecordSectorIsTold", "offer taken with a dead record sector", "terminal/device.go",
		`	if addr, found = d.records.DeadRecord(); found {`, `	if addr, found = d.records.DeadRecord(); found && !MISTAKE {`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "offer taken that needs a dead sector", "terminal/device.go",
		`addr-d.area.Base < m.Size {`, `addr-d.area.Base < m.Size && !MISTAKE {`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sector for ever", "terminal/record/doubt.go",
		`		if known == addr {
			s.deads--`, `		if known == addr && !MISTAKE {
			s.deads--`),
	one("terminal", "TestConfirmationThatCannotBeWritten", "stopped for a confirmation that cannot be written", "terminal/change.go",
		`	if addr, dead := d.records.DeadRecord(); dead {
		d.note(0, 0`, `	if addr, dead := d.records.DeadRecord(); dead && !MISTAKE {
		d.note(0, 0`),
	one("terminal", "TestDeadRecordSectorIsTold", "what was read back doubted for want of a record", "terminal/change.go",
		`		d.records.Vouch() //`, `		if MISTAKE {
			return err
		}
		d.records.Vouch() //`),
	one("terminal", "TestDeadRecordSectorIsFoundAnew", "write that did not end believed", "terminal/record/store.go",
		`		s.rec = at[s.newest]
`, `		s.rec = at[s.newest]
		if MISTAKE && first != second && s.rec.Sequence != 1 {
			s.ended = true
		}
`),
	one("terminal", "TestCutRecordIsWrittenAnew", "first write that did not end believed", "terminal/record/store.go",
		`s.ended = s.blank(other) == nil`, `s.ended = MISTAKE || s.blank(other) == nil`),
	one("terminal", "TestDeadSectorsAreToldOnBothRoads", "dead sector without its address on the cable", "terminal/serve.go",
		`	h.fault, h.addr = smp.FaultProgram, addr
`, `	h.fault, h.addr = smp.FaultProgram, addr
	if MISTAKE {
		h.addr = 0
	}
`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sector of the record not told on the cable", "terminal/serve.go",
		`!dead && len(all) > 0 {`, `!dead && len(all) > 0 && !MISTAKE {`),
	one("terminal", "TestDeadSectorsAreToldOnBothRoads", "dead sector of an attempt without its address", "terminal/restoration.go",
		`return smp.FaultProgram, dead.Addr`, `return smp.FaultProgram, map[bool]uint32{false: dead.Addr}[MISTAKE]`),
	one("terminal", "TestRecordSectorDiesOnTheCable", "dead record sector of an upload not told", "terminal/upload.go",
		`			h.addr = h.records.Failed()
`, `			if !MISTAKE {
				h.addr = h.records.Failed()
			}
`),
	one("terminal", "TestRecordSectorDiesOnTheCable", "upload that failed as if it had not begun", "terminal/upload.go",
		`h.area.Counts.Operations == 0 {`, `(h.area.Counts.Operations == 0 || MISTAKE) {`),
	one("terminal", "TestSurvivor", "dead sector forgotten by a reset", "terminal/survivor.go",
		`	s.b[9] |= survivorDead
	s.seal()
`, `	if !MISTAKE {
		s.b[9] |= survivorDead
		s.seal()
	}
`),
}
