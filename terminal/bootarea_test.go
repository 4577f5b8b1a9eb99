package terminal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/internal/vectors"
	"unbrick/release"
)

func soundIdentity() Identity {
	return Identity{
		Model: "0001", Serial: "S-17", Keys: [][32]byte{{1}, {2}, {31: 3}}, Threshold: 2, Reads: ReadsManifest2 | ReadsRecord2, Completes: true,
		Stages: StagesFile, Floor: release.Floor{Era: 1, Counter: 5}, Readout: true, Least: 4, Resident: 16 << 10,
	}
}

func soundDeviceKey() DeviceKey {
	return NewDeviceKey((*[32]byte)(bytes.Repeat([]byte{0x17}, 32)))
}

// words of an identification and a key block, as vectors have them.
func identityWords(id *Identity) [][2]string {
	keys := make([]string, len(id.Keys))
	for i, k := range id.Keys {
		keys[i] = hex.EncodeToString(k[:])
	}
	return [][2]string{
		{"model", id.Model}, {"serial", id.Serial}, {"keys", strings.Join(keys, " ")}, {"threshold", fmt.Sprint(id.Threshold)},
		{"reads", fmt.Sprint(uint16(id.Reads))}, {"completes", fmt.Sprint(id.Completes)}, {"stages", fmt.Sprint(uint8(id.Stages))},
		{"floor era", fmt.Sprint(id.Floor.Era)}, {"floor counter", fmt.Sprint(id.Floor.Counter)}, {"read-out", fmt.Sprint(id.Readout)},
		{"least statement version", fmt.Sprint(id.Least)}, {"resident", fmt.Sprint(id.Resident)},
	}
}

func keyWords(k *DeviceKey, there bool) [][2]string {
	if !there {
		return [][2]string{{"kind", "none"}}
	}
	kind := "seed"
	if k.Hardware {
		kind = "hardware"
	}
	return [][2]string{{"kind", kind}, {"public key", hex.EncodeToString(k.Public[:])}, {"private seed", hex.EncodeToString(k.Seed[:])}}
}

// sealed makes the CRC of an identification or key block right again.
func sealed(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
	return b
}

func mustBytes(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func identityVectors() []vectors.File {
	var all []vectors.File
	good := func(name, comment string, id Identity) {
		all = append(all, vectors.New("identity-"+name, append([][2]string{{"format", "identification"}, {"comment", comment}, {"expect", "accepted"}}, identityWords(&id)...),
			mustBytes(AppendIdentity(nil, &id))))
	}
	bad := func(name, comment string, change func(b []byte)) {
		id := soundIdentity()
		b := mustBytes(AppendIdentity(nil, &id))
		change(b)
		if !strings.HasPrefix(name, "crc") {
			sealed(b)
		}
		all = append(all, vectors.New("identity-"+name, [][2]string{{"format", "identification"}, {"comment", comment}, {"expect", "refused"}}, b))
	}
	set := func(at int, v ...byte) func(b []byte) { return func(b []byte) { copy(b[at:], v) } }
	good("sound", "the worked example of docs/boot-area.md", soundIdentity())
	good("least", "one key, everything else as small as it may be", Identity{Model: "m", Serial: "s", Keys: make([][32]byte, 1), Threshold: 1})
	most := Identity{
		Model: strings.Repeat("M", 32), Serial: strings.Repeat("S", 32), Keys: [][32]byte{{1}, {2}, {3}, {4}}, Threshold: 4, Reads: readsAll, Completes: true, Stages: stagesAll,
		Floor: release.Floor{Era: 1<<16 - 1, Counter: release.MaxNumber}, Readout: true, Least: 1<<32 - 1, Resident: 1<<32 - 1,
	}
	good("most", "everything as large as it may be", most)
	bad("version-1", "an identification of version 1", set(7, '1'))
	bad("crc", "the CRC is not that of the bytes", set(identityCRC, 0))
	bad("model-empty", "no model", set(identityModel, make([]byte, 5)...))
	bad("model-long", "a model of 33 bytes", set(identityModel, 33))
	bad("model-name", "a model that is no identifier", set(identityModel, 2, '.', '.', 0, 0))
	bad("model-tail", "a byte behind the model", set(identityModel+1+31, 'x'))
	bad("serial-space", "a serial with a space at its end", set(identitySerial, 4, 'S', '-', '1', ' '))
	bad("serial-long", "a serial of 255 bytes", set(identitySerial, 255))
	bad("keys-none", "no key", func(b []byte) { clear(b[identityKeys:identityThreshold]); b[identityThreshold] = 0 })
	bad("keys-five", "five keys", set(identityKeys, 5))
	bad("keys-twice", "a key that is there twice", func(b []byte) { copy(b[identityKeys+1+32:], b[identityKeys+1:][:32]) })
	bad("keys-unused", "a byte in a key slot that is not used", set(identityKeys+1+3*32, 1))
	bad("threshold-0", "nobody has to sign", set(identityThreshold, 0))
	bad("threshold-above", "more signatures than keys", set(identityThreshold, 4))
	bad("reads", "a format that is not known", set(identityReads, 1<<4))
	bad("reads-high", "another format that is not known", set(identityReads+1, 1<<7))
	bad("completes", "completes is 2", set(identityCompletes, 2))
	bad("stages", "stages something that is not known", set(identityStages, 1<<2))
	bad("floor", "a floor above 2^53-1", set(identityFloor+6, 0x20))
	bad("flags", "a flag that is not known", set(identityFlags, 3))
	bad("zero-219", "the byte behind the flags", set(identityFlags+1, 1))
	bad("zero-228", "the first byte behind the resident bytes", set(identityResident+4, 1))
	bad("zero-251", "the last byte before the CRC", set(identityCRC-1, 1))
	bad("short", "one byte less", func([]byte) {})
	last := &all[len(all)-1]
	last.Payload = sealed(last.Payload[:IdentitySize-1])
	return all
}

func keyBlockVectors() []vectors.File {
	var all []vectors.File
	add := func(name, comment, expect string, erased byte, words [][2]string, b []byte) {
		header := [][2]string{{"format", "key block"}, {"comment", comment}, {"erased byte", fmt.Sprintf("%02x", erased)}, {"expect", expect}}
		all = append(all, vectors.New("keyblock-"+name, append(header, words...), b))
	}
	good := func(name, comment string, k DeviceKey) {
		add(name, comment, "accepted", 0xff, keyWords(&k, true), mustBytes(AppendKeyBlock(nil, &k)))
	}
	bad := func(name, comment string, change func(b []byte)) {
		k := soundDeviceKey()
		b := mustBytes(AppendKeyBlock(nil, &k))
		change(b)
		if !strings.HasPrefix(name, "crc") {
			sealed(b)
		}
		add(name, comment, "refused", 0xff, nil, b)
	}
	set := func(at int, v ...byte) func(b []byte) { return func(b []byte) { copy(b[at:], v) } }
	good("seed", "the worked example of docs/boot-area.md", soundDeviceKey())
	good("hardware", "the private key lies in hardware", DeviceKey{Public: soundDeviceKey().Public, Hardware: true})
	add("none", "erased bytes: no key", "accepted", 0xff, keyWords(nil, false), bytes.Repeat([]byte{0xff}, KeyBlockSize))
	add("none-zero", "erased bytes of a part that erases to zero: no key", "accepted", 0, keyWords(nil, false), make([]byte, KeyBlockSize))
	add("zeros", "zeros, and the part erases to ones", "refused", 0xff, nil, make([]byte, KeyBlockSize))
	bad("magic", "another magic", set(7, 'y'))
	bad("crc", "the CRC is not that of the bytes", set(keyBlockCRC, 0))
	bad("kind-0", "kind 0", set(keyBlockKind, 0))
	bad("kind-3", "kind 3", set(keyBlockKind, 3))
	other := soundDeviceKey()
	other.Public[0] ^= 1
	good("other-public", "the public key is not the seed's: it is read, and never signs", other)
	bad("hardware-seed", "a seed beside a key in hardware", set(keyBlockKind, kindHardware))
	bad("zero-9", "the byte behind the kind", set(keyBlockKind+1, 1))
	bad("zero-80", "the byte behind the seed", set(keyBlockSeed+32, 1))
	bad("zero-91", "the last byte before the CRC", set(keyBlockCRC-1, 1))
	k := soundDeviceKey()
	add("short", "one byte less", "refused", 0xff, nil, sealed(mustBytes(AppendKeyBlock(nil, &k))[:KeyBlockSize-1]))
	return all
}

// TestBootAreaVectors reads every vector by its header only, as firmware in another language would, and writes the accepted ones again.
func TestBootAreaVectors(t *testing.T) {
	all := append(identityVectors(), keyBlockVectors()...)
	for _, v := range all {
		vectors.Keep(t, filepath.Join("testdata", v.Name+".vec"), string(v.Text()))
	}
	paths := vectors.List(t, "testdata/[ik]*.vec") // survivors have a test of their own
	if len(paths) != len(all) {
		t.Fatalf("%d vectors of %d", len(paths), len(all))
	}
	for _, path := range paths {
		v := vectors.Read(t, path)
		t.Run(v.Name, func(t *testing.T) {
			words, again, err := readBootArea(t, v)
			if v.Get("expect") == "refused" {
				if !errors.Is(err, ErrIdentity) && !errors.Is(err, ErrKeyBlock) {
					t.Errorf("got %v, want a refusal", err)
				}
				return
			}
			if err != nil || v.Get("expect") != "accepted" {
				t.Fatalf("%s: %v", v.Get("expect"), err)
			}
			for _, w := range words {
				if v.Get(w[0]) != w[1] {
					t.Errorf("%s is %q, want %q", w[0], w[1], v.Get(w[0]))
				}
			}
			if !bytes.Equal(again, v.Payload) {
				t.Errorf("written again as %x", again)
			}
		})
	}
}

func readBootArea(t *testing.T, v *vectors.File) (words [][2]string, again []byte, err error) {
	t.Helper()
	switch v.Get("format") {
	case "identification":
		id, err := ParseIdentity(v.Payload)
		if err != nil {
			return nil, nil, err
		}
		return identityWords(&id), mustBytes(AppendIdentity(nil, &id)), nil
	case "key block":
		erased := v.Hex(t, "erased byte")
		if len(erased) != 1 {
			t.Fatalf("erased byte %q", v.Get("erased byte"))
		}
		k, there, err := ParseKeyBlock(v.Payload, erased[0])
		if err != nil {
			return nil, nil, err
		}
		if !there {
			return keyWords(&k, false), bytes.Repeat(erased, KeyBlockSize), nil
		}
		return keyWords(&k, true), mustBytes(AppendKeyBlock(nil, &k)), nil
	}
	t.Fatalf("format %q", v.Get("format"))
	return nil, nil, nil
}

// TestDocumentShowsTheBootArea keeps the worked examples of docs/boot-area.md true.
func TestDocumentShowsTheBootArea(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "boot-area.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, title := range map[string]string{"identity-sound": "### Example of an identification", "keyblock-seed": "### Example of a key block"} {
		_, example, ok := strings.Cut(string(doc), title)
		if !ok {
			t.Errorf("no %q in the document", title)
		}
		example, _, _ = strings.Cut(example, "\n#")
		shown := map[int]byte{}
		for line := range strings.Lines(example) {
			line, ok := strings.CutPrefix(line, "    ")
			at, words := 0, strings.Fields(line)
			if !ok || len(words) < 2 {
				continue
			}
			if _, err := fmt.Sscan(words[0], &at); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			for _, word := range words[1:] {
				b, err := hex.DecodeString(word)
				if err != nil {
					break // the rest of the line is words
				}
				for _, c := range b {
					shown[at] = c
					at++
				}
			}
		}
		payload := vectors.Read(t, filepath.Join("testdata", name+".vec")).Payload
		for at, c := range payload {
			if shown[at] != c { // what the document leaves out is zero
				t.Errorf("%s: byte %d is %02x, the document shows %02x", name, at, c, shown[at])
			}
		}
		if len(shown) < 60 {
			t.Errorf("%s: the document shows %d bytes", name, len(shown))
		}
	}
}

// TestAnEraDoesNotRun: what a record says is installed and is of a later era than the device knows does not run either.
func TestAnEraDoesNotRun(t *testing.T) {
	b := newBench(t, 8, 0xff, 2)
	m, _, err := release.Parse(b.signed)
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	for _, era := range []uint16{0, 1} {
		m.Era = era
		signed, err := release.Sign(&m, key)
		if err != nil {
			t.Fatal(err)
		}
		if runs := b.Terminal.mayRun(signed); runs != (era == 0) {
			t.Errorf("a release of era %d: runs %v", era, runs)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	for _, v := range identityVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		if len(b) == IdentitySize { // so that the fuzzer gets past the CRC
			sealed(b)
		}
		if _, err := ParseIdentity(b); (err == nil) != written(b) {
			t.Errorf("%v, and AppendIdentity writes it: %v", err, written(b))
		}
	})
}

func FuzzKeyBlock(f *testing.F) {
	for _, v := range keyBlockVectors() {
		f.Add(v.Payload, byte(0xff))
	}
	f.Fuzz(func(t *testing.T, b []byte, erased byte) {
		b = bytes.Clone(b)
		if len(b) == KeyBlockSize && !blank(b, erased) {
			sealed(b)
		}
		k, there, err := ParseKeyBlock(b, erased)
		if err != nil || !there {
			return
		}
		if again, err := AppendKeyBlock(nil, &k); err != nil || !bytes.Equal(again, b) {
			t.Errorf("accepted and encoded differently: %v", err)
		}
	})
}

// TestFactory refuses a key that is none, and says what this package does.
func TestFactory(t *testing.T) {
	b := newBench(t, 8, 0xff, 2)
	id := soundIdentity()
	id.Floor, id.Keys, id.Threshold = release.Floor{}, b.Identity().Keys, b.identity.threshold()
	wrong := soundDeviceKey()
	wrong.Hardware = true
	if _, err := Factory(&b.layout, &id, &wrong, b.signed, b.image); !errors.Is(err, ErrKeyBlock) {
		t.Errorf("a seed beside a key in hardware: %v", err)
	}
	raw, err := Factory(&b.layout, &id, nil, b.signed, b.image)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseIdentity(raw[identityAddr(&b.layout):b.layout.Boot])
	if err != nil || got.Reads != readsHere || got.Completes != completesHere || got.Stages != stagesHere {
		t.Errorf("%+v, %v", got, err)
	}
	if !blank(raw[:identityAddr(&b.layout)], b.layout.Geometry.Erased) {
		t.Error("something lies below the identification")
	}
	var small flash.Layout
	small.Boot = IdentitySize
	if err := small.Validate(); err == nil {
		t.Error("a boot area without room for a key block is taken")
	}
}
