package record

import (
	"encoding/binary"
	"hash/crc32"

	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/release"
)

// headSize is how many bytes of a record tell its length.
const headSize = 16

// length returns the length that a record's first headSize bytes announce, 0 if they are no record's of this version.
func length(b []byte) int {
	le := binary.LittleEndian
	n := le.Uint32(b[atLength:])
	if le.Uint32(b) != magic || b[atVersion] != version || n < head+4 || n > MaxSize {
		return 0
	}
	return int(n)
}

// decode fills r, whose byte fields alias b, and reports whether b is exactly what encode writes for it.
func (r *Record) decode(b []byte) bool {
	le := binary.LittleEndian
	if len(b) < head+4 || length(b) != len(b) || le.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(b[:len(b)-4]) {
		return false
	}
	number := func(at int) int { return int(le.Uint16(b[at:])) }
	from, to, statement, doubts := number(atFrom), number(atTo), number(atStatement), number(atDoubts)
	if from > limits.Manifest || to == 0 || to > limits.Manifest || statement > limits.Statement || doubts > maxDoubts ||
		head+from+to+statement+2*doubts+4 != len(b) {
		return false
	}
	*r = Record{
		Sequence: le.Uint32(b[atSequence:]), State: State(b[atState]),
		Confirmed: b[atFlags]&flagConfirmed != 0, DoubtAll: b[atFlags]&flagDoubtAll != 0,
		Floor: release.Floor{Era: le.Uint16(b[atEra:]), Counter: le.Uint64(b[atCounter:])},
	}
	if r.State != Installed && r.State != Rewriting || b[atFlags]&^(flagConfirmed|flagDoubtAll) != 0 || b[atZero] != 0 ||
		r.Floor.Counter > release.MaxNumber || !r.Report.decode(b) || !r.Staged.decode(b, r.State) {
		return false
	}
	p := b[head:]
	r.From, p = p[:from:from], p[from:]
	r.To, p = p[:to:to], p[to:]
	r.Statement, p = p[:statement:statement], p[statement:]
	r.doubt = p[: 2*doubts : 2*doubts]
	return true
}

func (p *Report) decode(b []byte) bool {
	le := binary.LittleEndian
	deads := int(b[atDeads])
	if deads > len(p.dead) {
		return false
	}
	*p = Report{
		Verdict: protocol.Verdict(b[atVerdict]), Fault: protocol.Fault(b[atFault]),
		Erases: le.Uint32(b[atErases:]), RecordErases: le.Uint32(b[atRecordErases:]), Failed: le.Uint32(b[atFailed:]),
		From: release.Digest(b[atReportFrom:]), To: release.Digest(b[atReportTo:]), deads: deads,
	}
	for i := range p.dead {
		p.dead[i] = le.Uint32(b[atDead+4*i:])
		if i >= deads && p.dead[i] != 0 {
			return false
		}
	}
	return true
}

// decode refuses what could have two meanings: a staging area that nobody uses, or one without an update file.
func (s *Staged) decode(b []byte, state State) bool {
	le := binary.LittleEndian
	*s = Staged{
		Phase: Phase(b[atPhase]), Tries: b[atTries], Kind: protocol.Kind(b[atKind]), Batch: le.Uint32(b[atBatch:]),
		Size: le.Uint32(b[atStagedSize:]), At: le.Uint32(b[atStagedAt:]), Digest: release.Digest(b[atStagedDigest:]),
	}
	switch s.Phase {
	case Unstaged:
		return *s == Staged{}
	case Filling, Copying:
		return state == Rewriting && (s.Kind == protocol.KindDelta || s.Kind == protocol.KindFull) &&
			s.Batch < limits.Sectors && s.Size > 0 && s.Size <= limits.File
	}
	return false
}
