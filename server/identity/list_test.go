package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/edwards25519"
)

// key returns the public key number n.
func key(n int) [32]byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(n))
	return [32]byte(ed25519.NewKeyFromSeed(seed[:])[32:])
}

func line(model, serial string, n int) string {
	return fmt.Sprintf("%s,%s,%x\n", model, serial, key(n))
}

func TestParseList(t *testing.T) {
	b, err := os.ReadFile("testdata/list.csv")
	if err != nil {
		t.Fatal(err)
	}
	all, err := ParseList(iotest.OneByteReader(bytes.NewReader(b)))
	if err != nil || len(all) != 3 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	if got := all[1]; got.Model != "0001" || got.Serial != "S-18" || got.Public != key(2) {
		t.Errorf("second entry: %+v", got)
	}
	if again := list(t, all); string(again) != string(b) {
		t.Errorf("written again:\n%s\nwanted:\n%s", again, b)
	}
	if all, err := ParseList(strings.NewReader(Header)); err != nil || len(all) != 0 {
		t.Errorf("a list of no device: %d entries, %v", len(all), err)
	}
}

func list(t testing.TB, all []Entry) []byte {
	t.Helper()
	b := []byte(Header)
	for i := range all {
		var err error
		if b, err = AppendEntry(b, &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// badKeys are public keys that prove nothing, as 64 digits.
var badKeys = map[string]string{
	strings.Repeat("0", 64):                                            "zeros",
	"02" + strings.Repeat("0", 62):                                     "no point of the curve",
	"01" + strings.Repeat("0", 62):                                     "of small order",                // the identity
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": "of small order",                // order 2
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05": "of small order",                // order 8
	"f0" + strings.Repeat("f", 60) + "7f":                              "not how that point is written", // 3 + p
}

func TestListRefused(t *testing.T) {
	first := Header + line("0001", "S-17", 1)
	for _, c := range []struct{ name, list, want string }{
		{"nothing", "", "line 1: is not the header"},
		{"no header", line("0001", "S-17", 1), "line 1: is not the header"},
		{"a mark of byte order", "\ufeff" + first, "line 1: is not the header"},
		{"another order of columns", "serial,model,public\n", "line 1: is not the header"},
		{"cut off", first[:len(first)-1], "line 2: no line end"},
		{"header cut off", Header[:5], "line 1: no line end"},
		{"CR LF", strings.ReplaceAll(first, "\n", "\r\n"), "line 1: ends with CR LF"},
		{"CR LF later", first + "a,b,c\r\n", "line 3: ends with CR LF"},
		{"empty line", first + "\n", "line 3: columns: 1, three wanted"},
		{"two columns", first + "0001,S-18\n", "line 3: columns: 2, three wanted"},
		{"four columns", first + "0001,S-18,,\n", "line 3: columns: 4, three wanted"},
		{"quotes", Header + `"0001","S-18","00"` + "\n", "line 2: public key"},
		{"long line", first + strings.Repeat("x", maxLine+1) + "\n", "line 3: longer than 130 bytes"},
		{"endless line", first + strings.Repeat("x", 1<<20), "line 3: longer than 130 bytes"},
		{"model", Header + line("00 01", "S-17", 1), "line 2: model: not an identifier"},
		{"serial", Header + line("0001", "", 1), "line 2: serial: not an identifier"},
		{"short key", Header + "0001,S-17,abcd\n", "line 2: public key: \"abcd\" is not 64 lower-case hex digits"},
		{"long key", Header + line("0001", "S-17", 1)[:len(line("0001", "S-17", 1))-1] + "00\n", "line 2: public key"},
		{"no digits", Header + "0001,S-17," + strings.Repeat("x", 64) + "\n", "line 2: public key"},
		{"capitals", Header + "0001,S-17," + strings.ToUpper(hexKey(1)) + "\n", "line 2: public key"},
		{"device twice", first + line("0001", "S-18", 2) + line("0001", "S-17", 3), "line 4: 0001 S-17 was named in line 2"},
		{"key twice", first + line("0002", "S-17", 1), "line 3: public key: that of line 2"},
	} {
		refused(t, c.name, c.list, c.want)
	}
	for digits, want := range badKeys {
		refused(t, "key "+digits, Header+"0001,S-17,"+digits+"\n", want)
	}
}

func hexKey(n int) string { k := key(n); return hex.EncodeToString(k[:]) }

func refused(t *testing.T, name, list, want string) {
	t.Helper()
	if all, err := ParseList(strings.NewReader(list)); !errors.Is(err, ErrList) || !strings.Contains(err.Error(), want) || all != nil {
		t.Errorf("%s: %d entries, error %v, wanted %q", name, len(all), err, want)
	}
}

// TestListBroken has a reader that fails: that is no fault of the list.
func TestListBroken(t *testing.T) {
	wrong := errors.New("broken off")
	r := io.MultiReader(strings.NewReader(Header+"0001,S"), iotest.ErrReader(wrong))
	if all, err := ParseList(r); !errors.Is(err, wrong) || errors.Is(err, ErrList) || all != nil {
		t.Errorf("%d entries, %v", len(all), err)
	}
}

func TestListOfMost(t *testing.T) {
	b := []byte(Header)
	point := edwards25519.NewGeneratorPoint()
	add := func(i int) {
		b = fmt.Appendf(b, "0001,%d,%x\n", i, point.Bytes())
		point.Add(point, edwards25519.NewGeneratorPoint())
	}
	for i := range MaxEntries {
		add(i)
	}
	if all, err := ParseList(bytes.NewReader(b)); err != nil || len(all) != MaxEntries {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	add(MaxEntries)
	refused(t, "too many", string(b), "line 100002: a list names 100000 devices at most")
}

func TestEntryRefused(t *testing.T) {
	good := Entry{Model: "0001", Serial: "S-17", Public: key(1)}
	for name, change := range map[string]func(*Entry){
		"model": func(e *Entry) { e.Model = "a,b" }, "serial": func(e *Entry) { e.Serial = "a\nb" }, "key": func(e *Entry) { e.Public = [32]byte{} },
	} {
		e := good
		change(&e)
		if _, err := AppendEntry(nil, &e); !errors.Is(err, ErrList) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(Header + line("0001", "S-17", 1) + line("0001", "S-18", 2)))
	f.Add([]byte(Header))
	for digits := range badKeys {
		f.Add([]byte(Header + "0001,S-17," + digits + "\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := ParseList(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrList) {
				t.Fatal(err)
			}
			return
		}
		if again := list(t, all); !bytes.Equal(again, b) {
			t.Fatalf("written again: %q", again)
		}
	})
}

func BenchmarkParseList(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(Header)
	for i := range 1000 {
		text.WriteString(line("0001", fmt.Sprint(i), i))
	}
	for b.Loop() {
		if _, err := ParseList(bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
