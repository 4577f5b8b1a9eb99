package flashtest

import (
	"testing"

	"unbrick/flash"
)

func TestArray(t *testing.T) {
	for _, g := range []flash.Geometry{
		{Runs: []flash.Run{{Size: 4096, Count: 5}}, ProgramUnit: 8, Page: 64, Erased: 0xFF},
		{Runs: []flash.Run{{Size: 1024, Count: 3}, {Size: 4096, Count: 2}}, ProgramUnit: 1, Page: 256, Erased: 0},
	} {
		Run(t, g.String(), func(*testing.T) flash.Device { return NewArray(&g, nil, 1) })
	}
}
