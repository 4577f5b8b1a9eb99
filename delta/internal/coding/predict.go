package coding

// ISA is the instruction set whose relocated fields a Predictor knows; its number is in the header.
type ISA uint8

// Instruction sets. Numbers are part of the format: append-only.
const (
	ISANone  ISA = 0 // every copied byte is predicted to be the old one
	isaCount     = 1
)

// isaNames are the names of the instruction sets, by number.
var isaNames = [isaCount]string{ISANone: "none"}

// String returns the name of a known instruction set.
func (i ISA) String() string { return isaNames[i] }

// ISANames returns the names of all instruction sets.
func ISANames() []string { return isaNames[:] }

// ParseISA returns the instruction set of that name.
func ParseISA(name string) (ISA, bool) {
	for i, n := range isaNames {
		if n == name {
			return ISA(i), true
		}
	}
	return 0, false
}

// Kind is what a predicted field is, for the contexts of its bytes. Below 16.
type Kind uint8

// Kinds of fields. Numbers are part of the format: append-only.
const (
	KindPlain Kind = 0 // no field
)

// MaxField is the most bytes of one field.
const MaxField = 4

// Setup is what the header says about prediction.
type Setup struct {
	ISA ISA
}

// Append writes the setup's part of a header.
func (s *Setup) Append(dst []byte) []byte { return append(dst, byte(s.ISA)) }

// Parse reads what Append wrote, from the front of b, and returns the rest.
func (s *Setup) Parse(b []byte) (rest []byte, ok bool) {
	if len(b) < 1 || b[0] >= isaCount {
		return b, false
	}
	s.ISA = ISA(b[0])
	return b[1:], true
}

// Bytes returns the memory that a Predictor with this setup needs besides the map.
func (s *Setup) Bytes() uint32 { return 0 }

// Predictor foretells the new bytes of fields that hold addresses, from where the copies moved what
// they point at. It is the seam for instruction sets: maker and reader ask it the same questions.
type Predictor struct {
	setup Setup
	moves *Map
	Field [MaxField]byte // the bytes foretold by the last call of Next
}

// MakePredictor returns a Predictor for setup over the map moves, which must be complete, in mem,
// setup.Bytes() long.
func MakePredictor(setup Setup, moves *Map, mem []byte) Predictor {
	return Predictor{setup: setup, moves: moves}
}

// Next looks at the old bytes of a copy from old address src on, which go to address dst. It
// returns how many bytes, at most len(old), the field at the start has, and its kind; 0 if there
// is none. The field's new bytes are then in Field.
func (p *Predictor) Next(old []byte, src, dst uint32) (n int, kind Kind) {
	return 0, KindPlain
}

// Learn is told the new bytes of the field that Next found last.
func (p *Predictor) Learn(new []byte, kind Kind) {}
