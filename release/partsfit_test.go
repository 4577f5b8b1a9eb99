package release_test

import (
	"bytes"
	"errors"
	"testing"

	"unbrick/flash"
	"unbrick/release"
)

// Parts lie anywhere in the flash, also in what a terminal would have as its boot area; what lies behind it is refused, and so is what no
// parts file can hold.
func TestDescribeParts(t *testing.T) {
	l := &flash.Layout{Boot: 64 << 10, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 64}}, ProgramUnit: 4, Page: 256, Erased: 0xff}}
	parts := []release.Part{{Name: "boot", Offset: 0, Data: []byte("b")}, {Name: "app", Offset: 256<<10 - 3, Data: []byte("app")}}
	m, image, err := release.DescribeParts("0003", "1", 1, 0, "esp", "esp32c3", parts, l)
	if err != nil || m.Family != "esp" || m.Chip != "esp32c3" || m.CheckImage(image) != nil || m.CheckTree(image) != nil {
		t.Fatalf("%+v %v", m, err)
	}
	if got, err := release.ParseParts(image); err != nil || !bytes.Equal(got[1].Data, []byte("app")) {
		t.Errorf("%v %v", got, err)
	}
	area := l.Software()
	var no *release.Refusal
	if err := (&release.Target{Model: "0003", Software: &area}).Accept(&m, nil); !errors.As(err, &no) || no.Reason != release.SeveralParts {
		t.Errorf("a terminal takes parts: %v", err)
	}
	other := &flash.Layout{Boot: 64 << 10, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 2048, Count: 128}}, ProgramUnit: 4, Page: 256, Erased: 0xff}}
	if err := m.FitParts(nil, other); !errors.As(err, &no) || no.Reason != release.ForeignLeaf {
		t.Errorf("another leaf size: %v", err)
	}
	parts[1].Offset++
	if _, _, err := release.DescribeParts("0003", "1", 1, 0, "esp", "", parts, l); !errors.Is(err, release.ErrImage) {
		t.Errorf("behind the flash: %v", err)
	}
	if err := m.FitParts([]byte("no parts"), l); !errors.Is(err, release.ErrParts) {
		t.Errorf("no parts file: %v", err)
	}
	if _, _, err := release.DescribeParts("0003", "1", 1, 0, "esp", "", nil, l); !errors.Is(err, release.ErrParts) {
		t.Errorf("no parts: %v", err)
	}
	if _, _, err := release.DescribeParts("0003", "1", 1, 0, "", "esp32", parts[:1], l); err == nil {
		t.Error("a chip without a family was described")
	}
}
