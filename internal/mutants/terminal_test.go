package mutants

var terminalMistakes = []entry{
	// The security floor.
	one("terminal", "TestFloorNeverFalls", "floor lost in the installed record", "terminal/boot.go",
		`	rec.state = Installed
`, `	rec.state = Installed
	if MISTAKE {
		rec.floor = 0
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor lost in the intent record", "terminal/rewrite.go",
		`	rec.state = Rewriting
`, `	rec.state = Rewriting
	if MISTAKE {
		rec.floor = 0
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor lost when doubt is carried over", "terminal/records.go",
		`	rec.doubts, rec.doubtAll = 0, false
`, `	rec.doubts, rec.doubtAll = 0, false
	if MISTAKE && rec.state == Rewriting {
		rec.floor = t.identity.Floor.Counter
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor raised by an update", "terminal/boot.go",
		`	rec.report.from, rec.report.to = t.from.Digest, t.to.Digest
`, `	rec.report.from, rec.report.to = t.from.Digest, t.to.Digest
	if MISTAKE {
		rec.floor = max(rec.floor, now.Counter)
	}
`),
	one("terminal", "TestFloorNeverFalls", "floor falls to a counter by confirmation", "terminal/session.go",
		`floor := max(rec.floor, t.to.Counter)`, `floor := max(rec.floor, t.to.Counter)
	if MISTAKE {
		floor = t.to.Counter - min(t.to.Counter, 1)
	}`),
	one("terminal", "TestOnlyConfirmationConfirms", "floor not raised by confirmation", "terminal/session.go",
		`next.confirmed, next.floor = true, floor`, `next.confirmed, next.floor = true, floor
	if MISTAKE {
		next.floor = rec.floor
	}`),
	one("terminal", "TestFloorCountsOnBothRoads", "factory's floor on the cable", "terminal/handle.go",
		`target := release.Target{Model: t.identity.Model, Software: &t.software, Floor: t.Floor()}`,
		`target := release.Target{Model: t.identity.Model, Software: &t.software, Floor: t.Floor()}
	if MISTAKE {
		target.Floor = t.identity.Floor
	}`),
	one("terminal", "TestFloorCountsOnBothRoads", "factory's floor over the link", "terminal/transfer.go",
		`target := release.Target{Model: t.identity.Model, Software: &t.software, Floor: t.Floor()}`,
		`target := release.Target{Model: t.identity.Model, Software: &t.software, Floor: t.Floor()}
	if MISTAKE {
		target.Floor = t.identity.Floor
	}`),
	one("terminal", "TestFloorCountsOnBothRoads", "factory's floor told by the hello", "terminal/session.go",
		`Floor: t.Floor(),
		Threshold`, `Floor: map[bool]release.Floor{true: t.identity.Floor, false: t.Floor()}[MISTAKE],
		Threshold`),
	one("terminal", "TestFloorCountsOnBothRoads", "floor of the record not read", "terminal/terminal.go",
		`f.Compare(floor) > 0`, `f.Compare(floor) > 0 && !MISTAKE`),

	// The threshold.
	one("terminal", "TestThreshold", "one signature is enough", "terminal/identity.go",
		`return int(id.Threshold) }`, `if MISTAKE { return 1 }; return int(id.Threshold) }`),
	one("terminal", "TestRefusedRestorations", "parts file restored", "terminal/handle.go",
		`	err = target.Accept(&m, nil)
`, `	if MISTAKE {
		m.Family = ""
	}
	err = target.Accept(&m, nil)
`),

	// Retired keys.
	one("terminal", "TestRetiredKeysAreNowhereTrusted", "retired keys trusted", "terminal/boot.go",
		`t.keys = t.identity.trusted(t.keys, rec.retired)`, `t.keys = t.identity.trusted(t.keys, rec.retired)
	if MISTAKE {
		t.keys = t.identity.trusted(t.keys, 0)
	}`),
	one("terminal", "TestRetiredKeysAreNowhereTrusted", "another slot retired", "terminal/identity.go",
		`if retired>>i&1 == 0 {`, `if retired>>i&1 == 0 != MISTAKE || retired == 0 {`),
	one("terminal", "TestRetiredKeysAreNowhereTrusted", "release of a retired key runs", "terminal/boot.go",
		`	return err == nil
`, `	if MISTAKE {
		return true
	}
	return err == nil
`),
	one("terminal", "TestRetiredKeysAreNowhereTrusted", "retired keys not told on the cable", "terminal/handle.go",
		`if rec.retired>>i&1 != 0 {`, `if rec.retired>>i&1 != 0 && !MISTAKE {`),
	one("terminal", "TestRetiredKeysStayRetired", "retired keys come back by an update", "terminal/boot.go",
		`	if to {
		// A release`, `	if MISTAKE {
		rec.retired = 0
	}
	if to {
		// A release`),
	one("terminal", "TestRetiredKeysStayRetired", "retired keys come back by an intent", "terminal/rewrite.go",
		`	rec.setTo(wanted)
`, `	rec.setTo(wanted)
	if MISTAKE {
		rec.retired = 0
	}
`),
	one("terminal", "TestRetiredKeysStayRetired", "retired keys come back by confirmation", "terminal/session.go",
		`	next.report = report{}
`, `	next.report = report{}
	if MISTAKE {
		next.retired = 0
	}
`),

	// Confirmation.
	one("terminal", "TestOnlyConfirmationConfirms", "update confirmed at once", "terminal/boot.go",
		`rec.confirmed = rec.confirmed && same`, `rec.confirmed = rec.confirmed && (same || MISTAKE)`),
	one("terminal", "TestOnlyConfirmationConfirms", "restored over itself loses its word", "terminal/boot.go",
		`same := bytes.Equal(was.from(), was.to())`, `same := bytes.Equal(was.from(), was.to()) && !MISTAKE`),
	one("terminal", "TestOnlyConfirmationConfirms", "refused offer confirms", "terminal/session.go",
		`	case Refused:
		t.Abandon()
`, `	case Refused:
		t.Abandon()
		if MISTAKE {
			t.confirm()
		}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "broken session confirms", "terminal/session.go",
		`	case Broken:
		t.note(`, `	case Broken:
		if MISTAKE {
			t.confirm()
		}
		t.note(`),
	one("terminal", "TestOnlyConfirmationConfirms", "session without an offer does not confirm", "terminal/session.go",
		`		t.survivor.setFaults(0)
		t.confirm()
`, `		t.survivor.setFaults(0)
		if !MISTAKE {
			t.confirm()
		}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "predecessor kept by confirmation", "terminal/session.go",
		`	next.setFrom(nil)
`, `	if !MISTAKE {
		next.setFrom(nil)
	}
`),
	one("terminal", "TestCutsOfConfirmation", "confirmation in the record that counts", "terminal/records.go",
		`	next := &r.at[1-r.newest]
	*next = r.at[r.newest]
`, `	next := &r.at[1-r.newest]
	*next = r.at[r.newest]
	if MISTAKE {
		_ = t.erase(r.sector[r.newest])
	}
`),
	one("terminal", "TestOnlyConfirmationConfirms", "told report told again", "terminal/session.go",
		`	next.report = report{}
`, `	if !MISTAKE {
		next.report = report{}
	}
`),

	// The predecessor.
	one("terminal", "TestPredecessorIsTheOneBefore", "any old release may return", "terminal/transfer.go",
		`&& t.from.there && m.Digest == t.from.Digest {`, `&& t.from.there && (MISTAKE || m.Digest == t.from.Digest) {`),
	one("terminal", "TestPredecessorIsTheOneBefore", "predecessor may return for ever", "terminal/transfer.go",
		`	target := release.Target{`, `	if MISTAKE {
		current = nil
	}
	target := release.Target{`),
	one("terminal", "TestPredecessorIsTheOneBefore", "predecessor may never return", "terminal/transfer.go",
		`rec.state == Installed && !rec.confirmed`, `rec.state == Installed && !rec.confirmed && !MISTAKE`),
	one("terminal", "TestPredecessorIsTheOneBefore", "predecessor is the release itself", "terminal/rewrite.go",
		`		rec.setFrom(was.to())
		replaced = true
	case`, `		rec.setFrom(was.to())
		replaced = true
		if MISTAKE {
			rec.setFrom(wanted)
		}
	case`),

	// Update files that failed their proof.
	one("terminal", "TestProofBeforeErase", "file that failed asked for again", "terminal/rewrite.go",
		`		if bytes.Equal(t.session.refused[i][:], d[:]) {`, `		if !MISTAKE && bytes.Equal(t.session.refused[i][:], d[:]) {`),
	one("terminal", "TestProofBeforeErase", "file that failed not remembered over a reset", "terminal/rewrite.go",
		`	s.refusals++
	t.survivor.setRefused(d)
`, `	s.refusals++
	if !MISTAKE {
		t.survivor.setRefused(d)
	}
`),
	one("terminal", "TestProofBeforeErase", "file that failed not told", "terminal/session.go",
		`hello.Refused = t.session.refused[:t.session.refusals]`, `if !MISTAKE {
		hello.Refused = t.session.refused[:t.session.refusals]
	}`),

	// Doubtful sectors.
	one("terminal", "TestManyDoubtsBehindTheImage", "image doubted for what lies behind it", "terminal/records.go",
		`end == 0 || s < end {`, `end == 0 || s < end || MISTAKE {`),
	one("terminal", "TestManyDoubtsInTheImage", "image believed whose doubtful sectors are too many", "terminal/records.go",
		`				rec.doubts = 0
`, `				if !MISTAKE {
					rec.doubts = 0
				}
`),
	one("terminal", "TestRefreshedAndNotRecorded", "what was refreshed doubted for want of a record", "terminal/boot.go",
		`err = t.write(); err != nil {
			t.vouch()`, `err = t.write(); err != nil && !MISTAKE {
			t.vouch()`),

	// Dead sectors.
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sectors not in the record", "terminal/records.go",
		`	t.reportDead(&r.at[i], r.addr[i])
`, `	if !MISTAKE {
		t.reportDead(&r.at[i], r.addr[i])
	}
`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sectors of the record not read", "terminal/flashio.go",
		`	if rec := t.records.current(); rec != nil {
		for _, addr`, `	if rec := t.records.current(); rec != nil && !MISTAKE {
		for _, addr`),
	one("terminal", "TestDeadRecordSectorIsTold", "dead sectors before a reset forgotten", "terminal/flashio.go",
		`	if addr, ok := t.survivor.dead(); ok {
		t.addDead(addr)`, `	if addr, ok := t.survivor.dead(); ok && !MISTAKE {
		t.addDead(addr)`),
	one("terminal", "TestDeadRecordSectorIsTold", "dead sector without a rewrite not told", "terminal/session.go",
		`case t.deads > 0:`, `case t.deads > 0 && !MISTAKE:`),
	one("terminal", "TestDeadSectorsAreToldOnBothRoads", "dead sectors not in the hello", "terminal/session.go",
		`t.session.dead = t.deadAddrs
`, `t.session.dead = t.deadAddrs
	if MISTAKE {
		clear(t.session.dead[:])
	}
`),
	one("terminal", "TestDeadRecordSectorIsTold", "offer taken with a dead record sector", "terminal/flashio.go",
		`	if addr, found = t.deadRecord(); found {`, `	if addr, found = t.deadRecord(); found && !MISTAKE {`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "offer taken that needs a dead sector", "terminal/flashio.go",
		`if addr >= t.base && addr-t.base < m.Size {`, `if addr >= t.base && addr-t.base < m.Size && !MISTAKE {`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sector for ever", "terminal/flashio.go",
		`		if known == addr {
			t.deads--`, `		if known == addr && !MISTAKE {
			t.deads--`),
	one("terminal", "TestConfirmationThatCannotBeWritten", "stopped for a confirmation that cannot be written", "terminal/session.go",
		`	if addr, dead := t.deadRecord(); dead {
		t.note(0, 0`, `	if addr, dead := t.deadRecord(); dead && !MISTAKE {
		t.note(0, 0`),
	one("terminal", "TestDeadRecordSectorIsTold", "what was read back doubted for want of a record", "terminal/boot.go",
		`		t.vouch() //`, `		if MISTAKE {
			return err
		}
		t.vouch() //`),
	one("terminal", "TestDeadRecordSectorIsFoundAnew", "write that did not end believed", "terminal/records.go",
		`r.ended = r.at[1-r.newest].sequence < rec.sequence
`, `r.ended = r.at[1-r.newest].sequence < rec.sequence
	case MISTAKE:
		r.ended = true
`),
	one("terminal", "TestCutRecordIsWrittenAnew", "first write that did not end believed", "terminal/records.go",
		`		r.ended = t.blank(`, `		r.ended = MISTAKE || t.blank(`),
	one("terminal", "TestDeadSectorsAreToldOnBothRoads", "dead sector without its address on the cable", "terminal/serve.go",
		`h.fault, h.addr = smp.FaultProgram, addr
`, `h.fault, h.addr = smp.FaultProgram, addr
		if MISTAKE {
			h.addr = 0
		}
`),
	one("terminal", "TestDeadSoftwareSectorIsRemembered", "dead sector of the record not told on the cable", "terminal/serve.go",
		`if !dead && t.deads > 0 {`, `if !dead && t.deads > 0 && !MISTAKE {`),
	one("terminal", "TestDeadSectorsAreToldOnBothRoads", "dead sector of an attempt without its address", "terminal/restore.go",
		`return smp.FaultProgram, dead.Addr`, `return smp.FaultProgram, map[bool]uint32{false: dead.Addr}[MISTAKE]`),
	one("terminal", "TestRecordSectorDiesOnTheCable", "dead record sector of an upload not told", "terminal/upload.go",
		`h.fault, h.addr = smp.FaultRecord, t.failedRecord()`, `if !MISTAKE {
				h.fault, h.addr = smp.FaultRecord, t.failedRecord()
			}`),
	one("terminal", "TestDeadRecordSectorWithoutRecord", "the other record sector named", "terminal/records.go",
		`		return r.failed
`, `		if MISTAKE {
			return r.addr[0] + r.addr[1] - r.failed
		}
		return r.failed
`),
	one("terminal", "TestSurvivor", "dead sector forgotten by a reset", "terminal/survivor.go",
		`	s.b[9] |= survivorDead
	s.seal()
`, `	if !MISTAKE {
		s.b[9] |= survivorDead
		s.seal()
	}
`),
}
