package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf8"

	"unbrick/limits"
	"unbrick/release"

	"github.com/spf13/pflag"
)

// rawFlag declares --raw, the way past readImage's guesses.
func rawFlag(set *pflag.FlagSet) *bool {
	return set.Bool("raw", false, "take the image although it looks like a file of another kind: these bytes do run on the device")
}

// readImage reads the raw image of a device's software. A file of another kind is refused by name: a device would take it, verify it, and
// hang. raw says that the person knows better.
func readImage(ctx context.Context, name string, raw bool) ([]byte, error) {
	b, err := readFile(ctx, name, "an image", limits.Image)
	if err != nil {
		return nil, err
	}
	return b, checkImage(name, b, raw)
}

func checkImage(name string, b []byte, raw bool) error {
	if len(b) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	if raw {
		return nil
	}
	if what, advice := foreignForm(b); what != "" {
		return fmt.Errorf("%s is %s, not a raw image: %s; or say --raw if exactly these bytes run on the device", name, what, advice)
	}
	return nil
}

const (
	unpack  = "unpack it first"
	objcopy = "make the raw image with objcopy -O binary"
	take    = "take the raw image out of it first"
	own     = "the image is a file of its own"
	wrong   = "this is another file than you mean"
)

// foreignForms are the forms that can be told by bytes at a fixed place.
var foreignForms = []struct {
	at                  int
	magic, name, advice string
}{
	{0, "\x1f\x8b\x08", "a gzip file", unpack}, {0, "\xfd7zXZ\x00", "an xz file", unpack}, {0, "\x28\xb5\x2f\xfd", "a Zstandard file", unpack},
	{0, "\x04\x22\x4d\x18", "an LZ4 file", unpack}, {0, "\x02\x21\x4c\x18", "an LZ4 file", unpack}, {0, "LZIP\x01", "an lzip file", unpack},
	{0, "\x89LZO\x00\r\n\x1a\n", "an lzop file", unpack}, {0, "\x1f\x9d\x90", "a compress file", unpack},
	{0, "PK\x03\x04", "a ZIP archive", unpack}, {0, "PK\x05\x06", "an empty ZIP archive", unpack}, {0, "PK\x07\x08", "a ZIP archive", unpack},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", unpack}, {0, "Rar!\x1a\x07", "a RAR archive", unpack}, {0, "MSCF\x00\x00\x00\x00", "a cabinet file", unpack},
	{257, "ustar", "a tar archive", unpack}, {0, "!<arch>\n", "an ar archive", unpack}, {0, "!<thin>\n", "an ar archive", unpack},
	{0, "070701", "a cpio archive", unpack}, {0, "070702", "a cpio archive", unpack}, {0, "070707", "a cpio archive", unpack}, {0, "\xed\xab\xee\xdb", "an RPM package", unpack},
	{0, "hsqs", "a SquashFS file system", take}, {0, "sqsh", "a SquashFS file system", take}, {0, "\xd0\x0d\xfe\xed", "a device tree or FIT image", take},
	{0, "\x27\x05\x19\x56", "a U-Boot image", take}, {0, "ANDROID!", "an Android boot image", take}, {0, "\x3a\xff\x26\xed", "an Android sparse image", unpack},
	{32769, "CD001", "an ISO 9660 image", take}, {512, "EFI PART", "a disk image", take},
	{0, "\x7fELF", "an ELF file", objcopy}, {0, "\xfe\xed\xfa\xce", "a Mach-O file", objcopy}, {0, "\xfe\xed\xfa\xcf", "a Mach-O file", objcopy},
	{0, "\xce\xfa\xed\xfe", "a Mach-O file", objcopy}, {0, "\xcf\xfa\xed\xfe", "a Mach-O file", objcopy}, {0, "\x00asm\x01\x00\x00\x00", "a WebAssembly module", wrong},
	{0, "UF2\n", "a UF2 file", take}, {0, "DfuSe\x01", "a DfuSe file", take},
	{0, "BSDIFF40", "a bsdiff patch", wrong}, {0, "ENDSLEY/BSDIFF43", "a bsdiff patch", wrong}, {0, "\xd6\xc3\xc4", "a VCDIFF delta", wrong},
	{0, "%PDF-", "a PDF document", wrong}, {0, "\x89PNG\r\n\x1a\n", "a PNG picture", wrong}, {0, "\xff\xd8\xff", "a JPEG picture", wrong}, {0, "SQLite format 3\x00", "a database", wrong},
	{0, "UNBRICK2", "a release file that is damaged", "get it again"}, {0, "UNBRICK1", "a release file of version 1, which nothing reads any more", "publish its image again"}, {0, "UD\x02", "an update file", "publish the image; the server makes update files"},
	{0, "\xd8\x62\x84\x58\x2c", "a manifest", own}, {0, "\xd8\x62\x84\x58\x26", "a trust statement", own},
	{0, "\xd2\x84\x58\x32", "a freshness statement", own}, {0, "UNBRKPT1", "a parts file", "no device takes a release of several parts yet: publish an image by itself"},
}

// foreignForm names what a file is that can be no raw image, and what to do about it; "" when it may be one. It names only what is
// certain: two bytes that any program may begin with are not enough.
func foreignForm(b []byte) (name, advice string) {
	for _, f := range foreignForms {
		if len(b) >= f.at && bytes.HasPrefix(b[f.at:], []byte(f.magic)) {
			return f.name, f.advice
		}
	}
	switch {
	case isDamagedRelease(b):
		return "a release file that is damaged", "get it again"
	case isBzip2(b):
		return "a bzip2 file", unpack
	case isLZMA(b):
		return "an LZMA file", unpack
	case isZlib(b):
		return "a zlib stream", unpack
	case isSkippable(b):
		return "a Zstandard or LZ4 file", unpack
	case isOldTar(b):
		return "a tar archive", unpack
	case isPE(b):
		return "a Windows program", objcopy
	case isDFU(b):
		return "a DFU file", "take its suffix of 16 bytes off first, for example with dfu-suffix -D"
	case isHex(b):
		return "an Intel HEX file", "make the raw image with objcopy -I ihex -O binary"
	case isSRecord(b):
		return "an S-record file", "make the raw image with objcopy -I srec -O binary"
	case bytes.Count(b, b[:1]) == len(b):
		return fmt.Sprintf("a file of nothing but bytes 0x%02x", b[0]), wrong
	case isText(b):
		return "a text", "an image is the bytes as they stand in the software area"
	}
	return "", ""
}

func isBzip2(b []byte) bool {
	return len(b) >= 10 &&
		string(b[:3]) == "BZh" && b[3] >= '1' && b[3] <= '9' && (string(b[4:10]) == "1AY&SY" || string(b[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

// isLZMA looks at the head of 13 bytes: properties, a dictionary of 2^n or 2^n+2^(n-1) bytes, and a size that is unknown or makes sense.
func isLZMA(b []byte) bool {
	if len(b) < 18 || b[0] != 0x5d || b[13] != 0 {
		return false
	}
	dictionary, size := binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint64(b[5:])
	low := dictionary & -dictionary
	return low >= 2048 && (dictionary == low || dictionary == 3*low) && (size == 1<<64-1 || size > 0 && size < 1<<32)
}

// isZlib unpacks all of it: only the check sum at the end makes two bytes of header certain.
func isZlib(b []byte) bool {
	if len(b) < 8 || b[0]&0x0f != 8 || b[1]&0x20 != 0 {
		return false
	}
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return false
	}
	const most = 256 << 20
	n, err := io.Copy(io.Discard, io.LimitReader(r, most))
	return n == most || err == nil
}

func isSkippable(b []byte) bool {
	for len(b) >= 12 && b[0]&0xf0 == 0x50 && string(b[1:4]) == "\x2a\x4d\x18" {
		n := uint64(binary.LittleEndian.Uint32(b[4:])) + 8
		if n > uint64(len(b)) {
			return false
		}
		b = b[n:]
		if len(b) == 0 || bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")) || bytes.HasPrefix(b, []byte("\x04\x22\x4d\x18")) {
			return true
		}
	}
	return false
}

// isOldTar checks the sum of a header without "ustar".
func isOldTar(b []byte) bool {
	if len(b) < 512 || b[0] == 0 {
		return false
	}
	var want, sum int
	if _, err := fmt.Sscanf(strings.Trim(string(b[148:156]), " \x00"), "%o", &want); err != nil {
		return false
	}
	for i, c := range b[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	return sum == want
}

func isPE(b []byte) bool {
	if len(b) < 0x40 || string(b[:2]) != "MZ" {
		return false
	}
	at := uint64(binary.LittleEndian.Uint32(b[0x3c:]))
	return at+4 <= uint64(len(b)) && string(b[at:at+4]) == "PE\x00\x00"
}

// isDamagedRelease looks for a release file whose first bytes are others, or lack: for its manifest, which has its place behind at
// most a trust statement, and for what is left of the word that it begins with.
func isDamagedRelease(b []byte) bool {
	const word, manifest = "UNBRICK", "\xd8\x62\x84\x58\x2c\xa1\x03\x78\x28application/vnd.unbrick.manifest."
	head := b[:min(len(b), release.MaxStatement+64)]
	return bytes.HasPrefix(b, []byte(word)) || len(b) > 1 && bytes.HasPrefix([]byte(word), b) || bytes.Contains(head, []byte(manifest))
}

// isDFU looks for the suffix of a USB DFU file, whose sum is over all before it.
func isDFU(b []byte) bool {
	n := len(b)
	return n > 16 && string(b[n-8:n-5]) == "UFD" && b[n-5] >= 16 && binary.LittleEndian.Uint32(b[n-4:]) == ^crc32.ChecksumIEEE(b[:n-4])
}

// firstLine returns the first line that is not empty, without what a text may have before it.
func firstLine(b []byte) string {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	b = b[:min(len(b), 600)]
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return string(bytes.TrimRight(line, " \t\r"))
}

// sumOf is the sum by which a record of Intel HEX or S-record is checked, the record's own included.
func sumOf(record []byte) (sum byte) {
	for _, c := range record {
		sum += c
	}
	return sum
}

// isHex checks the sum of the first record.
func isHex(b []byte) bool {
	text, ok := strings.CutPrefix(firstLine(b), ":")
	record, err := hex.DecodeString(text)
	if !ok || err != nil || len(record) < 5 || int(record[0])+5 != len(record) {
		return false
	}
	return sumOf(record) == 0
}

// isSRecord checks the sum of the first record.
func isSRecord(b []byte) bool {
	text := firstLine(b)
	if len(text) < 4 || text[0] != 'S' || text[1] < '0' || text[1] > '9' {
		return false
	}
	record, err := hex.DecodeString(text[2:])
	if err != nil || len(record) < 4 || int(record[0])+1 != len(record) {
		return false
	}
	return sumOf(record) == 0xff
}

func isText(b []byte) bool {
	return utf8.Valid(b) && bytes.IndexFunc(b, func(c rune) bool { return !release.Printable(c) && (c < '\t' || c > '\r') }) < 0
}
