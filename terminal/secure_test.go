package terminal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// crcFor returns the CRC-32 of all but the last four bytes, as it stands in them.
func crcFor(b []byte) (sum [4]byte) {
	binary.LittleEndian.PutUint32(sum[:], crc32.ChecksumIEEE(b[:len(b)-4]))
	return sum
}

func TestFindWindow(t *testing.T) {
	app := func(name string, off, size uint32, importance uint8, state RegionState) Region {
		return Region{Name: name, Off: off, Size: size, Importance: importance, State: state}
	}
	mem := []Region{
		app("system", 0, 100, 9, RegionFixed),
		app("a", 100, 50, 3, RegionRunning),
		app("b", 150, 50, 1, RegionRunning),
		app("", 200, 30, 0, RegionFree),
		app("c", 230, 80, 2, RegionRunning),
		app("radio", 310, 10, 9, RegionFixed),
		app("d", 320, 60, 5, RegionRunning),
		app("", 400, 45, 0, RegionFree), // a hole before it
	}
	for _, tt := range []struct {
		name  string
		n     uint32
		off   uint32
		stops int
		ok    bool
	}{
		{"fits what is free", 30, 200, 0, true},
		{"the other free one", 45, 400, 0, true},
		{"one application, the least important", 80, 150, 1, true},
		{"one application that is large enough", 81, 200, 1, true},
		{"two, with what is free between", 160, 150, 2, true},
		{"everything between the fixed ones", 210, 100, 3, true},
		{"more than there is", 211, 0, 0, false},
	} {
		w := findWindow(mem, tt.n)
		if w.ok != tt.ok || w.ok && (w.off != tt.off || w.stops != tt.stops) {
			t.Errorf("%s: %+v, want offset %d and %d stops", tt.name, w, tt.off, tt.stops)
		}
	}
	if n := (&workspace{ram: listedRAM(mem)}).size(); n != 210 {
		t.Errorf("largest window %d", n)
	}
	if n := (&workspace{ram: listedRAM(nil)}).size(); n != 0 {
		t.Errorf("largest window of nothing %d", n)
	}
}

// listedRAM is RAM of which only the regions are asked.
type listedRAM []Region

func (m listedRAM) Regions() []Region                 { return m }
func (m listedRAM) Stop(int) error                    { panic("not here") }
func (m listedRAM) Start(int) error                   { panic("not here") }
func (m listedRAM) Claim(_, _ uint32) ([]byte, error) { panic("not here") }
func (m listedRAM) Release()                          { panic("not here") }
func (m listedRAM) Resident([]byte) error             { panic("not here") }

func TestSurvivor(t *testing.T) {
	mem := make([]byte, SurvivorSize)
	for i := range mem {
		mem[i] = byte(i * 37)
	}
	var s survivor
	s.begin(mem) // what a power failure leaves
	if _, ok := s.refused(); ok || s.faults() != 0 {
		t.Error("garbage is believed")
	}
	s.setFaults(2)
	s.setRefused([32]byte{5})
	s.setDead(0x1234)
	var again survivor
	again.begin(mem)
	d, ok := again.refused()
	addr, dead := again.dead()
	if again.faults() != 2 || !ok || d != [32]byte{5} || !dead || addr != 0x1234 {
		t.Errorf("%d %v %v %x %v", again.faults(), d, ok, addr, dead)
	}
	mem[8]++
	again.begin(mem)
	if again.faults() != 0 {
		t.Error("a changed byte is believed")
	}
}

// TestSurvivorVectors: boot code and running software of different makers read the same out of what RAM keeps.
func TestSurvivorVectors(t *testing.T) {
	paths, err := filepath.Glob("testdata/survivor-*.vec")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	page, err := os.ReadFile("../docs/boot-area.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, payload, _ := bytes.Cut(text, []byte("\n\n"))
		if len(payload) != SurvivorSize {
			t.Fatalf("%s: %d bytes", path, len(payload))
		}
		var s survivor
		mem := bytes.Clone(payload)
		s.begin(mem)
		said := "\nexpect: refused"
		if bytes.Equal(mem, payload) {
			said = "\nexpect: accepted\nfaults: " + fmt.Sprint(s.faults())
			for i, word := range []string{"dead sector", "refused file"} {
				value := "none"
				if addr, ok := s.dead(); i == 0 && ok {
					value = fmt.Sprintf("%#x", addr)
				}
				if d, ok := s.refused(); i == 1 && ok {
					value = fmt.Sprintf("%x", d)
				}
				said += "\n" + word + ": " + value
			}
		} else if empty, err := os.ReadFile("testdata/survivor-empty.vec"); err != nil || !bytes.HasSuffix(empty, append([]byte("\n\n"), mem...)) {
			t.Errorf("%s: made anew as %x, %v", path, mem, err)
		}
		if !bytes.HasSuffix(head, []byte(said)) {
			t.Errorf("%s:\n%s\nread as%s", path, head, said)
		}
		if strings.HasSuffix(path, "sound.vec") {
			for _, part := range [][]byte{payload[:4], payload[4:8], payload[12:16], payload[16:48]} {
				if !bytes.Contains(page, fmt.Appendf(nil, "%x", part)) {
					t.Errorf("the document does not show %x", part)
				}
			}
		}
	}
}
