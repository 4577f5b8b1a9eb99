package record

import (
	"encoding/binary"
	"hash/crc32"

	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/release"
)

// State is what a record says of the software area.
type State uint8

// The states of a record.
const (
	Installed State = 1 + iota // it holds the image of To
	Rewriting                  // it is on its way from the image of From to the image of To
)

func (s State) String() string {
	switch s {
	case Installed:
		return "installed"
	case Rewriting:
		return "rewriting"
	}
	return "none"
}

// Record is the content of one record sector: all that the device knows of its software, whole in each. An `installed`
// record keeps in From the predecessor that may return until To confirmed itself.
type Record struct {
	Sequence  uint32 // one higher with each record that is written
	State     State
	Confirmed bool          // of the installed release; while rewriting, of From
	Floor     release.Floor // below it nothing is accepted
	From, To  []byte        // signed manifests; From may be empty
	Statement []byte        // the maker's trust statement in force, signed; may be empty
	Report    Report
	Staged    Staged
	// DoubtAll: all sectors are doubtful; if some are named, these and all behind the image that is installed.
	DoubtAll bool

	doubt []byte // named sectors, two bytes each
}

// Report is what the next session tells of the last rewrite.
type Report struct {
	Verdict      protocol.Verdict
	Fault        protocol.Fault
	Erases       uint32
	RecordErases uint32
	Failed       uint32 // erases and programs that went wrong
	From, To     release.Digest

	dead  [limits.RecordDead]uint32
	deads int
}

// Phase is how far a rewrite through a staging area is.
type Phase uint8

// The phases.
const (
	Unstaged Phase = iota // the rewrite uses no staging area
	Filling               // batch Staged.Batch is decoded into the staging area; its sectors are untouched
	Copying               // batch Staged.Batch is whole in the staging area and goes to its sectors
)

// Staged says what lies in the staging area. All of it is zero while Phase is Unstaged.
type Staged struct {
	Phase  Phase
	Tries  uint8          // power-ups since the last batch that was committed
	Kind   protocol.Kind  // of the update file
	Batch  uint32         // from 0
	Size   uint32         // bytes of the update file
	At     uint32         // where it begins in the staging area
	Digest release.Digest // of the update file
}

// Doubts returns how many sectors the record names as doubtful, Doubt the index, in the software area, of one of them.
func (r *Record) Doubts() int { return len(r.doubt) / 2 }

// Doubt returns the index of the i-th doubtful sector.
func (r *Record) Doubt(i int) int { return int(binary.LittleEndian.Uint16(r.doubt[2*i:])) }

// Dead returns the addresses of sectors that take no data.
func (p *Report) Dead() []uint32 { return p.dead[:p.deads] }

// Sizes of a record in bytes.
const (
	head      = 192
	maxDoubts = limits.Doubtful // doubtful sectors named one by one; more are all
	// MaxSize is the longest body of a record.
	MaxSize = head + 2*limits.Manifest + limits.Statement + 2*maxDoubts + 4
)

const (
	magic         = 0x43524255 // "UBRC"
	version       = 2
	flagConfirmed = 1 << 0
	flagDoubtAll  = 1 << 1
)

// Where the fields of the head lie.
const (
	atVersion      = 4
	atState        = 5
	atFlags        = 6
	atPhase        = 7
	atSequence     = 8
	atLength       = 12
	atCounter      = 16
	atEra          = 24
	atFrom         = 26
	atTo           = 28
	atStatement    = 30
	atDoubts       = 32
	atDeads        = 34
	atVerdict      = 35
	atFault        = 36
	atTries        = 37
	atKind         = 38
	atZero         = 39
	atErases       = 40
	atRecordErases = 44
	atFailed       = 48
	atReportFrom   = 52
	atReportTo     = 84
	atDead         = 116
	atBatch        = 148
	atStagedSize   = 152
	atStagedAt     = 156
	atStagedDigest = 160
)

// size returns how many bytes r takes.
func (r *Record) size() int {
	return head + len(r.From) + len(r.To) + len(r.Statement) + len(r.doubt) + 4
}

// encode writes r to dst, which has MaxSize bytes, and returns the part used. Nothing of r lies in dst.
func (r *Record) encode(dst []byte) []byte {
	le := binary.LittleEndian
	n := r.size()
	b := dst[:n]
	clear(b[:head])
	le.PutUint32(b, magic)
	b[atVersion], b[atState], b[atFlags] = version, byte(r.State), r.flags()
	le.PutUint32(b[atSequence:], r.Sequence)
	le.PutUint32(b[atLength:], uint32(n))
	le.PutUint64(b[atCounter:], r.Floor.Counter)
	le.PutUint16(b[atEra:], r.Floor.Era)
	le.PutUint16(b[atFrom:], uint16(len(r.From)))
	le.PutUint16(b[atTo:], uint16(len(r.To)))
	le.PutUint16(b[atStatement:], uint16(len(r.Statement)))
	le.PutUint16(b[atDoubts:], uint16(r.Doubts()))
	r.Report.encode(b)
	r.Staged.encode(b)
	p := b[head:]
	for _, part := range [...][]byte{r.From, r.To, r.Statement, r.doubt} {
		p = p[copy(p, part):]
	}
	le.PutUint32(p, crc32.ChecksumIEEE(b[:n-4]))
	return b
}

func (r *Record) flags() byte {
	var f byte
	if r.Confirmed {
		f |= flagConfirmed
	}
	if r.DoubtAll {
		f |= flagDoubtAll
	}
	return f
}

func (p *Report) encode(b []byte) {
	le := binary.LittleEndian
	b[atDeads], b[atVerdict], b[atFault] = byte(p.deads), byte(p.Verdict), byte(p.Fault)
	le.PutUint32(b[atErases:], p.Erases)
	le.PutUint32(b[atRecordErases:], p.RecordErases)
	le.PutUint32(b[atFailed:], p.Failed)
	copy(b[atReportFrom:], p.From[:])
	copy(b[atReportTo:], p.To[:])
	for i, addr := range p.Dead() {
		le.PutUint32(b[atDead+4*i:], addr)
	}
}

func (s *Staged) encode(b []byte) {
	le := binary.LittleEndian
	b[atPhase], b[atTries], b[atKind] = byte(s.Phase), s.Tries, byte(s.Kind)
	le.PutUint32(b[atBatch:], s.Batch)
	le.PutUint32(b[atStagedSize:], s.Size)
	le.PutUint32(b[atStagedAt:], s.At)
	copy(b[atStagedDigest:], s.Digest[:])
}
