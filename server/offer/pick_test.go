package offer

import "testing"

func TestStepOf(t *testing.T) {
	for _, test := range []struct{ workspace, want uint32 }{
		{0, 1}, {1, 1}, {15, 15}, {16, 16}, {17, 16}, {65536, 65536}, {65537, 65536}, {73727, 65536}, {73728, 73728}, {1<<32 - 1, 0xf0000000},
	} {
		if got := stepOf(test.workspace); got != test.want {
			t.Errorf("stepOf(%d) = %d, want %d", test.workspace, got, test.want)
		}
	}
}
