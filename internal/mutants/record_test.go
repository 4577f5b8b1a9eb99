package mutants

// recordMistakes are mistakes in the records of a device: what a record sector says, and what it may be believed in.
var recordMistakes = []entry{
	// What is carried from record to record.
	one("terminal", "TestFloorNeverFalls", "floor lost when doubt is carried over", "terminal/record/doubt.go",
		`	rec.doubt, rec.DoubtAll = nil, false
`, `	rec.doubt, rec.DoubtAll = nil, false
	if MISTAKE && rec.State == Rewriting {
		rec.Floor.Counter = min(rec.Floor.Counter, 1) // the factory's
	}
`),
	one("terminal/record", "TestEncoding", "era of the floor not in the record", "terminal/record/record.go",
		`le.PutUint16(b[atEra:], r.Floor.Era)`, `le.PutUint16(b[atEra:], r.Floor.Era*map[bool]uint16{false: 1}[MISTAKE])`),

	// Which record counts.
	one("terminal/record", "TestTorn", "record counts without its commit mark", "terminal/record/store.go",
		`got) == nil && [entrySize]byte(got) == entry(tagCommit, s.crc[i])`, `got) == nil && (MISTAKE || [entrySize]byte(got) == entry(tagCommit, s.crc[i]))`),
	one("terminal/record", "TestTorn", "newer record counts without a seal", "terminal/record/store.go",
		`if s.traced(newer) { // rule 2`, `if s.traced(newer) || MISTAKE { // rule 2`),
	one("terminal/record", "TestWriteErasesTheOther", "older record counts", "terminal/record/store.go",
		`if at[1].Sequence > at[0].Sequence {`, `if at[1].Sequence > at[0].Sequence != MISTAKE {`),
	one("terminal/record", "TestNoCandidate", "only one sector erased before the first record", "terminal/record/write.go",
		`} else if s.blankOther() != nil { // rule 6`, `} else if !MISTAKE && s.blankOther() != nil { // rule 6`),
	one("terminal/record", "TestWriteErasesTheOther", "sector that reads erased not erased for a record", "terminal/record/write.go",
		`	if err := s.part.Erase(s.sector[i]); err != nil {
		return err
	}
	// The whole`, `	if MISTAKE && s.blank(i) == nil {
	} else if err := s.part.Erase(s.sector[i]); err != nil {
		return err
	}
	// The whole`),
	one("terminal/record", "TestRefused", "staging while installed", "terminal/record/decode.go",
		`return state == Rewriting && (s.Kind`, `return (state == Rewriting || MISTAKE) && (s.Kind`),
	one("terminal/record", "TestRefused", "file in a staging area that nobody uses", "terminal/record/decode.go",
		`return *s == Staged{}`, `return MISTAKE || *s == Staged{}`),
	one("terminal/record", "TestRefused", "staged classic patch", "terminal/record/decode.go",
		`s.Kind == protocol.KindFull) &&`, `s.Kind == protocol.KindFull || MISTAKE) &&`),

	// Marks and other entries.
	one("terminal/record", "TestMarksOfAnotherPowerUp", "mark behind a record of another power-up", "terminal/record/write.go",
		`if !s.fresh || s.next >=`, `if !s.fresh && !MISTAKE || s.next >=`),
	one("terminal/record", "TestMarks", "mark where there is no unit left", "terminal/record/write.go",
		`s.next >= s.capacity(s.newest) {
			if err := s.renew()`, `s.next >= s.capacity(s.newest) && !MISTAKE {
			if err := s.renew()`),
	one("terminal/record", "TestTornMark", "torn mark believed", "terminal/record/entry.go",
		`|| [entrySize]byte(b[:entrySize]) != entry(tag, recordCRC) {`, `|| [entrySize]byte(b[:entrySize]) != entry(tag, recordCRC) && !MISTAKE {`),
	one("terminal/record", "TestUnreadableMark", "doubt ended by a mark behind one that cannot be read", "terminal/record/doubt.go",
		`last < s.software.Sectors() && !unreadable {`, `last < s.software.Sectors() && (!unreadable || MISTAKE) {`),
	one("terminal/record", "TestDistrust", "distrust forgotten", "terminal/record/store.go",
		`func (s *Store) Distrust() { s.fresh = false }`, `func (s *Store) Distrust() { s.fresh = s.fresh && MISTAKE }`),
	one("terminal/record", "TestCopied", "copied batch does not end the doubt", "terminal/record/doubt.go",
		`if last >= 0 &&`, `if !(MISTAKE && copied >= 0) && last >= 0 &&`),
	one("terminal/record", "TestCopied", "copied batch not known", "terminal/record/doubt.go",
		`				s.copied = copied
`, `				s.copied = copied
				if MISTAKE {
					s.copied = -1
				}
`),
	one("terminal/record", "TestVouch", "vouched for a sector that is doubtful still", "terminal/record/write.go",
		`!s.Doubtful(k) && !s.vouchFor(k) {`, `(!s.Doubtful(k) || MISTAKE) && !s.vouchFor(k) {`),
	one("terminal/record", "TestVouch", "vouched behind a record of another power-up", "terminal/record/write.go",
		`if rec == nil || !s.fresh || rec.DoubtAll {`, `if rec == nil || !s.fresh && !MISTAKE || rec.DoubtAll {`),

	// More doubt than can be named.
	one("terminal/record", "TestManyDoubtsBehindTheImage", "image doubted for what lies behind it", "terminal/record/doubt.go",
		`end == 0 || i < end {`, `end == 0 || i < end || MISTAKE {`),
	one("terminal/record", "TestManyDoubtsInTheImage", "image believed whose doubtful sectors are too many", "terminal/record/doubt.go",
		`				rec.doubt = nil
`, `				if !MISTAKE {
					rec.doubt = nil
				}
`),

	// Dead sectors.
	one("terminal/record", "TestNoFirstRecord", "the other record sector named", "terminal/record/doubt.go",
		`		return s.failed
`, `		if MISTAKE {
			return s.addr[0] + s.addr[1] - s.failed
		}
		return s.failed
`),
	one("terminal/record", "TestReportsDead", "record names the sector that it lies in", "terminal/record/write.go",
		`		if addr != to {`, `		if addr != to || MISTAKE {`),
	one("terminal/record", "TestDeadRecordSector", "record counts that could not be written", "terminal/record/write.go",
		`		if s.writeOnce(i, s.body[i][:n]) != nil {`, `		if s.writeOnce(i, s.body[i][:n]) != nil && !MISTAKE {`),
}
