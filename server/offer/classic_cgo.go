//go:build cgo

package offer

import (
	"bytes"

	"github.com/icedream/go-bsdiff/diff"
)

// MakesBsdiff says whether this build can make classic patches: they need C.
const MakesBsdiff = true

// makeClassic makes a patch; neither image is empty. It cannot be stopped.
func makeClassic(base, image []byte) ([]byte, error) {
	var patch bytes.Buffer
	if err := diff.Diff(bytes.NewReader(base), bytes.NewReader(image), &patch); err != nil {
		return nil, err
	}
	return patch.Bytes(), nil
}
