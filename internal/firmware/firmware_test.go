package firmware_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"unbrick/internal/firmware"
)

func TestImagesAreTheNamedOnes(t *testing.T) {
	licences, err := os.ReadFile("LICENCES.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		pair func() ([]byte, []byte)
		sums [2]string
	}{
		{"mithermo", firmware.Mithermo, [2]string{
			"2e0edf27c9664b4875a3119cab9cf7848b7a0e375f1def91b3f710eb4492242b",
			"0a8ca588e6b5b79d79f94b55af3cfb6f02d93c95b71bfcdf22e6299b2fdc0e99",
		}},
		{"opensbi", firmware.OpenSBI, [2]string{
			"fef40f6ab4ba237328178f02afbb30e4053b548b637f25384ff399ed3e5551e0",
			"104a1f0263fa8a07038d1b7533c61f1e2a0f584a654f3f2860da40a8f5496cb5",
		}},
		{"cityhub", firmware.CityHub, [2]string{
			"54b34fb2035cc22f57eaec48e54b9a38d6772e563f0bfcf9b084e45a88d073f3",
			"975ce4b16a24f7de4deccd87157cc96fd4cc15a6eb01c5f72c80e174d9d45a9d",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			older, newer := c.pair()
			for i, image := range [][]byte{older, newer} {
				sum := sha256.Sum256(image)
				if got := hex.EncodeToString(sum[:]); got != c.sums[i] {
					t.Errorf("image %d has digest %s, want %s", i+1, got, c.sums[i])
				}
				if !strings.Contains(string(licences), c.sums[i]) {
					t.Errorf("LICENCES.md does not name image %d", i+1)
				}
			}
		})
	}
}

func TestCopiesAreTheCallers(t *testing.T) {
	a, _ := firmware.Mithermo()
	first := a[0]
	a[0]++
	if b, _ := firmware.Mithermo(); b[0] != first {
		t.Error("a change to one copy shows in the next")
	}
}
