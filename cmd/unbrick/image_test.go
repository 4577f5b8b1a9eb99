package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/release"

	bzip2 "github.com/dsnet/compress/bzip2"
)

// programBytes is bytes as a processor runs them, without a form.
func programBytes(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	copy(b, []byte{0x00, 0x80, 0x00, 0x20, 0xc1, 0x01, 0x00, 0x08}) // a stack pointer and a reset vector
	return b
}

func written(t *testing.T, make func(w io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := make(&b)
	if _, err := w.Write(programBytes(3000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// foreign is one file of each form, made by whoever makes such files where that is at hand.
func foreign(t *testing.T) map[string][]byte {
	t.Helper()
	image := programBytes(3000)
	sound := func(v io.WriteCloser, err error) io.WriteCloser {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	all := map[string][]byte{
		"gzip":  written(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"zlib":  written(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"bzip2": written(t, func(w io.Writer) io.WriteCloser { return sound(bzip2.NewWriter(w, nil)) }),
		"xz":    append([]byte("\xfd7zXZ\x00\x00\x04"), image...), "Zstandard": append([]byte("\x28\xb5\x2f\xfd\x04"), image...),
		"LZ4": append([]byte("\x04\x22\x4d\x18\x64"), image...), "lzip": append([]byte("LZIP\x01\x0c"), image...), "7z": append([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), image...),
		"LZMA":           append([]byte{0x5d, 0, 0, 0x80, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0}, image...),
		"LZMA of a size": append([]byte{0x5d, 0, 0, 0x10, 0, 0xb8, 0x0b, 0, 0, 0, 0, 0, 0, 0}, image...),
		"skippable":      append([]byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3, 0x28, 0xb5, 0x2f, 0xfd, 4}, image...),
		"RAR":            append([]byte("Rar!\x1a\x07\x01\x00"), image...), "ar": append([]byte("!<arch>\n"), image...), "cpio": append([]byte("070701"), image...),
		"SquashFS": append([]byte("hsqs"), image...), "device tree": append([]byte("\xd0\x0d\xfe\xed"), image...), "U-Boot": append([]byte("\x27\x05\x19\x56"), image...),
		"ELF": append([]byte("\x7fELF\x01\x01"), image...), "UF2": append([]byte("UF2\nWQ]\x9e"), image...), "DfuSe": append([]byte("DfuSe\x01"), image...),
		"bsdiff": append([]byte("BSDIFF40"), image...), "update file": append([]byte("UD\x02"), image...), "release file that is damaged": append([]byte("UNBRICK2"), image...), "release file of version 1": append([]byte("UNBRICK1"), image...),
		"PDF": append([]byte("%PDF-1.7\n"), image...), "PNG": append([]byte("\x89PNG\r\n\x1a\n"), image...),
		"nothing but bytes 0x00": make([]byte, 500), "a text": []byte("Dear reader,\n\tthis is no program.\r\n"),
		"Intel HEX": []byte("\n:020000040800F2\n:1000000000800020C1010008C9010008CB01000811\n"), "Intel HEX of odd records": []byte(":0B0010006164647265737320676170A7\r\n\x00\x1a"),
		"S-record": []byte("S00F000068656C6C6F202020202000003C\n"),
	}
	old := append([]byte(nil), all["zlib"]...)
	all["zlib"] = append(old, "and something behind it"...)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	if f, err := w.Create("firmware.bin"); err != nil {
		t.Fatal(err)
	} else if _, err := f.Write(image); err != nil {
		t.Fatal(err)
	}
	w.Close()
	all["ZIP"] = archive.Bytes()
	for name, form := range map[string]tar.Format{"tar": tar.FormatUSTAR, "GNU tar": tar.FormatGNU, "pax tar": tar.FormatPAX} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: "firmware.bin", Size: int64(len(image)), Mode: 0o644, Format: form}); err != nil {
			t.Fatal(err)
		}
		w.Write(image)
		w.Close()
		all[name] = b.Bytes()
	}
	plain := append([]byte(nil), all["tar"]...) // as tar wrote before there was a standard
	clear(plain[257:265])
	copy(plain[148:156], "        ")
	sum := 0
	for _, c := range plain[:512] {
		sum += int(c)
	}
	copy(plain[148:156], fmt.Sprintf("%06o\x00 ", sum))
	all["old tar"] = plain
	dfu := append(append([]byte(nil), image...), 0xff, 0xff, 0x11, 0xdf, 0x83, 0x04, 0x00, 0x01, 'U', 'F', 'D', 16)
	all["DFU"] = binary.LittleEndian.AppendUint32(dfu, ^crc32.ChecksumIEEE(dfu))
	pe := append([]byte("MZ"), make([]byte, 0x3a)...)
	all["Windows"] = append(append(pe, 0x40, 0, 0, 0), append([]byte("PE\x00\x00"), image...)...)
	for name, tool := range map[string][]string{"xz": {"xz", "-c"}, "Zstandard": {"zstd", "-qc"}, "LZ4": {"lz4", "-c"}, "lzip": {"lzip", "-c"}, "bzip2": {"bzip2", "-c"}, "LZMA": {"xz", "--format=lzma", "-c"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			continue // the beginning above stands in for it
		}
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Stdin = bytes.NewReader(image)
		b, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", tool, err)
		}
		all[name+" of the tool"] = b
	}
	return all
}

// TestForeignForms: a file of another form is refused by name, wherever a raw image is taken.
func TestForeignForms(t *testing.T) {
	for name, content := range foreign(t) {
		what, advice := foreignForm(content)
		for _, tail := range []string{" of the tool", " of a size", " of odd records"} {
			name = strings.TrimSuffix(name, tail)
		}
		name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "old "), "GNU "), "pax ")
		if name == "skippable" {
			name = "Zstandard"
		}
		if !strings.Contains(what, name) || advice == "" {
			t.Errorf("%s is called %q, %q", name, what, advice)
		}
	}
}

// TestRawImages: what only begins like something else is a program until more than two bytes say otherwise.
func TestRawImages(t *testing.T) {
	image := programBytes(3000)
	for _, begin := range []string{"", "MZ", "BZh", "BZh9", "\x1f\x8b\x00", "\x78\x9c", "\x78\x01", "\x5d\x00\x00", "S0", ":10", "\xe9\x03\x02\x20", "PK", "\x3d\xb8\xf3\x96", "\x50\x2a\x4d\x18", "\xef\xbb\xbf", "UFD", "070", "\x0c\x94"} {
		b := append([]byte(begin), image...)
		if what, _ := foreignForm(b); what != "" {
			t.Errorf("a program that begins with %q is called %s", begin, what)
		}
	}
	for seed := range uint64(200) { // of any bytes
		random := rand.New(rand.NewPCG(seed, 9))
		b := make([]byte, 1+random.IntN(2000))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if what, _ := foreignForm(b); what != "" && len(b) > 16 {
			t.Errorf("seed %d: random bytes are called %s", seed, what)
		}
	}
}

// TestEveryCommandNamesForeignForms: one rule, and one way past it.
func TestEveryCommandNamesForeignForms(t *testing.T) {
	b := newStory(t)
	t.Setenv("UNBRICK_TOKEN", b.server.token)
	b.write("image.bin", programBytes(3000))
	b.write("image.xz", append([]byte("\xfd7zXZ\x00\x00\x04"), programBytes(3000)...))
	good, bad := b.path("image.bin"), b.path("image.xz")
	for name, line := range map[string][]string{
		"publish":    {"publish", "--key", b.path("release.key"), "--model", "0001", "--version", "9", bad, "-o", b.path("out"), "--order", "9"},
		"delta, old": {"delta", "create", bad, good, "-o", b.path("d")},
		"delta, new": {"delta", "create", good, bad, "-o", b.path("d")},
		"powercut":   {"powercut", "--old", good, "--new", bad},
		"emulate":    {"emulate", "--model", "0001", "--serial", "S", "--version", "1", "--image", bad, "--pub", b.path("release.pub")},
		"restore":    {"restore", "--port", "none", "--image", bad},
	} {
		code, _, errOut := execute(t, line...)
		if code != exitFailed || !strings.Contains(errOut, "an xz file") || !strings.Contains(errOut, bad) {
			t.Errorf("%s: exit code %d, %s", name, code, errOut)
		}
	}
	must(t, exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "9", bad, "-o", b.path("out"), "--order", "9", "--raw")
	must(t, exitOK, "delta", "create", good, bad, "-o", b.path("d"), "--raw")
	if _, err := os.Stat(b.path("out")); err != nil {
		t.Error(err)
	}
}

// TestOwnFormsAreNoImages: what a maker has lying beside an image is told by name, as it is made today.
func TestOwnFormsAreNoImages(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	m, err := release.Describe("0001", "1", 1, 1, programBytes(3000), &flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	s := release.Statement{Version: 1, MaxOrder: 1, MaxCounter: 1, Threshold: 1, Name: "maker", Keys: []release.ReleaseKey{{Uses: release.Install | release.Run}}}
	for name, make := range map[string]func() ([]byte, error){
		"manifest":            func() ([]byte, error) { return release.Sign(&m, key) },
		"trust statement":     func() ([]byte, error) { return release.SignStatement(&s, key) },
		"freshness statement": func() ([]byte, error) { return release.SignFresh(&release.Fresh{Reason: 2}, key) },
		"parts file": func() ([]byte, error) {
			return release.AppendParts(nil, []release.Part{{Name: "main", Data: programBytes(3000)}})
		},
	} {
		b, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if what, advice := foreignForm(b); !strings.Contains(what, name) || advice == "" {
			t.Errorf("%s is called %q, %q", name, what, advice)
		}
	}
}
