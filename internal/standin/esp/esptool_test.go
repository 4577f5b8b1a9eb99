//go:build !js

package esp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
	"unbrick/internal/standin/esp"
	"unbrick/internal/standin/serve"
)

// esptoolJS is where npm has put esptool-js 0.7.0, or the test is skipped: loudly, and not with UNBRICK_DEVICES=1.
func esptoolJS(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ESPTOOL_JS")
	if dir == "" {
		dir = "../../../.bin/node" // where make test-devices puts it
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	node, errNode := exec.LookPath("node")
	pkg, errPackage := os.ReadFile(filepath.Join(dir, "node_modules/esptool-js/package.json"))
	if errNode != nil || errPackage != nil {
		if os.Getenv("UNBRICK_DEVICES") != "" {
			t.Fatalf("node or esptool-js is missing (%q, %v, %v): run make test-devices", node, errNode, errPackage)
		}
		t.Skipf("NOT TESTED against esptool-js: node or npm's esptool-js is missing: run make test-devices")
	}
	if !bytes.Contains(pkg, []byte(`"version": "0.7.0"`)) {
		t.Fatalf("%s is not esptool-js 0.7.0", dir)
	}
	return dir
}

// wish is what the harness is asked for.
type wish struct {
	Baud      int            `json:"baud"`
	Flash     int            `json:"flash"`
	File      string         `json:"file,omitempty"`
	At        int            `json:"at"`
	Compress  bool           `json:"compress"`
	FourWords bool           `json:"fourWords"`
	NoLengths bool           `json:"noLengths"`
	Reset     bool           `json:"reset"`
	Info      map[string]int `json:"info,omitempty"`
}

// outcome is what it printed.
type outcome struct {
	Chip, Name, Mac, Size, Error string
	ID, Baud, Out, Bytes         int
	MS, DataMS                   float64
	Log                          []string
}

// run runs esptool-js against a chip.
func run(t *testing.T, c esp.Config, o standin.Options, w wish, prepare func(*esp.Chip)) (*esp.Chip, *standin.Wire, *outcome) {
	t.Helper()
	dir := esptoolJS(t)
	chip := esp.New(c)
	if prepare != nil {
		prepare(chip)
	}
	o.Real = true
	if o.Seed == 0 {
		o.Seed = 1
	}
	t.Logf("seed %d", o.Seed)
	wire := standin.New(chip, o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serve.Net(l, wire) }()
	w.Flash = len(chip.Flash())
	ask, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/esptool.mjs", host, port, string(ask))
	cmd.Env = append(os.Environ(), "ESPTOOL_JS="+dir)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	l.Close()
	if err := <-served; err != nil {
		t.Errorf("serving: %v", err)
	}
	if err != nil {
		t.Fatalf("node: %v\n%s%s", err, out, said.Bytes())
	}
	var r outcome
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if t.Failed() || testing.Verbose() {
		t.Logf("esptool-js said:\n%s", strings.Join(r.Log, "\n"))
	}
	return chip, wire, &r
}

// picture is a file with what is like code: half of it compresses.
func picture(t *testing.T, n int) (string, []byte) {
	t.Helper()
	p := make([]byte, n)
	x := uint32(1)
	for i := range p {
		if x = x*1664525 + 1013904223; i/256%2 == 0 {
			p[i] = byte(x >> 24)
		} else {
			p[i] = byte(i / 16)
		}
	}
	name := filepath.Join(t.TempDir(), "image.bin")
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, p
}

// quick lets a test not wait for erasing.
var quick = esp.Times{Erase: 5 * time.Millisecond}

// TestEsptoolJS: npm's esptool-js, unmodified, without its stub: it finds out who the chip is, and writes.
func TestEsptoolJS(t *testing.T) {
	names := map[string]string{"esp8266": "ESP8266", "esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32s3": "ESP32-S3", "esp32c2": "ESP32-C2",
		"esp32c3": "ESP32-C3", "esp32c5": "ESP32-C5", "esp32c6": "ESP32-C6", "esp32h2": "ESP32-H2", "esp32p4": "ESP32-P4"}
	for _, chip := range esp.Names() {
		t.Run(chip, func(t *testing.T) {
			t.Parallel()
			old := chip == "esp8266" || chip == "esp32"
			mac := [6]byte{0x24, 0x6f, 0x28, 0xaa, 0xbb, 0xcc}
			file, data := picture(t, 20000)
			c := esp.Config{Chip: chip, Flash: 8 << 20, MAC: mac, Clock: 1, Times: quick}
			w := wish{Baud: 115200, File: file, At: 0x20000, FourWords: old, NoLengths: chip == "esp8266"}
			got, wire, r := run(t, c, standin.Options{}, w, nil)
			if r.Error != "" || r.Name != names[chip] || r.Mac != "24:6f:28:aa:bb:cc" || r.Size != "8MB" || r.ID != 0x1740ef {
				t.Errorf("%+v", r)
			}
			wire.Do(func() {
				if !bytes.Equal(got.Flash()[0x20000:0x20000+len(data)], data) {
					t.Error("the flash holds something else")
				}
				// It reads registers that other chips have: the revision of an ESP32 on S2 and S3, the port of an S3 on an H2. And it takes
				// the command of an ESP8266's flash for a length.
				if want := map[string]int{"esp32s2": 1, "esp32s3": 3, "esp32h2": 1, "esp8266": 1}[chip]; got.Faults != want {
					t.Errorf("%d faults, expected are %d: %q", got.Faults, want, got.Notes)
				}
			})
		})
	}
}

// TestEsptoolJSCompressed: its own digest fails while the ROM keeps its tail, and agrees when it does not.
func TestEsptoolJSCompressed(t *testing.T) {
	for _, chip := range []string{"esp32", "esp32c3", "esp32s3", "esp32s2", "esp32c2"} {
		for _, tail := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", chip, tail), func(t *testing.T) {
				t.Parallel()
				file, data := picture(t, 60000)
				c := esp.Config{Chip: chip, Clock: 1, Times: quick, WritesTail: tail}
				got, wire, r := run(t, c, standin.Options{}, wish{Baud: 921600, File: file, At: 0x10000, Compress: true}, nil)
				if want := "MD5 of file does not match"; tail && r.Error != "" || !tail && !strings.Contains(r.Error, want) {
					t.Errorf("error %q", r.Error)
				}
				wire.Do(func() {
					cells := got.Flash()[0x10000 : 0x10000+len(data)]
					if bytes.Equal(cells, data) != tail || !bytes.Equal(cells[:len(data)-1024], data[:len(data)-1024]) {
						t.Error("the flash holds something else")
					}
				})
			})
		}
	}
}

// TestEsptoolJSRefused: what it sends that no document has is refused, and nothing is written.
func TestEsptoolJSRefused(t *testing.T) {
	file, _ := picture(t, 5000)
	for name, c := range map[string]struct {
		config esp.Config
		wish   wish
	}{
		"five words for an ESP32":    {esp.Config{Chip: "esp32", Clock: 1, Times: quick}, wish{Baud: 115200, File: file}},
		"four words for an ESP32-C6": {esp.Config{Chip: "esp32c6", Times: quick}, wish{Baud: 115200, File: file, Compress: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, wire, r := run(t, c.config, standin.Options{}, c.wish, nil)
			wire.Do(func() {
				if !strings.Contains(r.Error, "failed with status 1,5") || got.Touched() {
					t.Errorf("error %q, %+v", r.Error, got.Tally)
				}
			})
		})
	}
}

// TestEsptoolJSFlashOfAnESP8266: it cannot find out its size, and all else goes well.
func TestEsptoolJSFlashOfAnESP8266(t *testing.T) {
	got, wire, r := run(t, esp.Config{Chip: "esp8266"}, standin.Options{}, wish{Baud: 115200}, nil)
	wire.Do(func() {
		if r.Error != "" || r.Size != "" || r.ID == 0x1640ef || !strings.Contains(strings.Join(got.Notes, "\n"), "no user-defined one") {
			t.Errorf("%+v, faults %q", r, got.Notes)
		}
	})
}

// TestEsptoolJSStarts: what it wrote starts after its reset.
func TestEsptoolJSStarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.bin")
	if err := os.WriteFile(file, esp.Sample("esp32c3"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, wire, r := run(t, esp.Config{Chip: "esp32c3", Times: quick}, standin.Options{}, wish{Baud: 921600, File: file, Reset: true}, nil)
	wire.Run(300 * time.Millisecond)
	wire.Do(func() {
		if r.Error != "" || !got.Running() {
			t.Errorf("it does not run: %+v", r)
		}
	})
}

// TestEsptoolJSFigures: bytes of the file a second, from the first block sent to the last answered, as others are compared with it:
//
//	UNBRICK_DEVICES=1 go test -count=1 -v -run EsptoolJSFigures ./internal/standin/esp
func TestEsptoolJSFigures(t *testing.T) {
	if os.Getenv("UNBRICK_DEVICES") == "" {
		t.Skip("NOT MEASURED: figures are made by make test-devices")
	}
	file, data := picture(t, 256<<10)
	for _, baud := range []int{115200, 921600} {
		for _, latency := range []time.Duration{0, time.Millisecond, 16 * time.Millisecond} {
			got, wire, r := run(t, esp.Config{Chip: "esp32c3", Times: quick}, standin.Options{Latency: latency},
				wish{Baud: baud, File: file, At: 0x10000}, nil)
			wire.Do(func() {
				if r.Error != "" || r.Baud != baud || !bytes.Equal(got.Flash()[0x10000:0x10000+len(data)], data) {
					t.Fatalf("%+v", r)
				}
			})
			rate, line := float64(r.Bytes)/r.DataMS*1000, float64(baud)/10
			t.Logf("FIGURE esptool-js 0.7.0, no stub, ESP32-C3, %d bytes, %d baud, latency %v: %.0f bytes/s, %.0f %% of the line; "+
				"%.2f s with erasing and digest", r.Bytes, baud, latency, rate, 100*rate/line, r.MS/1000)
		}
	}
}
