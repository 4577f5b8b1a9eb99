//go:build !cgo

package offer

// MakesBsdiff says whether this build can make classic patches: they need C.
const MakesBsdiff = false

func makeClassic(_, _ []byte) ([]byte, error) { return nil, ErrNoClassic }
