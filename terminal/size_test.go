package terminal_test

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/lab/sweep/suite"
	"unbrick/release"
)

// A program with nothing in it but the terminal (testdata/size) is built for a 32-bit ARM, once for all tests here: what the linker kept of
// it, and what the compiler said of its functions.
type armProgram struct {
	binary  string
	symbols map[string]symbol // what the linker kept
	code    *callGraph
	sums    map[string][2]int // by package: code and constants, memory
}

type symbol struct{ size, memory int } // memory 1: it is written to, 0: code or constants

// buildARM builds the program, or skips the test where that cannot be.
func buildARM(t *testing.T) *armProgram {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here: sizes on an ARM are not measured")
	}
	p := &armProgram{binary: filepath.Join(t.TempDir(), "size"), symbols: map[string]symbol{}}
	c := exec.Command("go", "build", "-o", p.binary, "-gcflags=unbrick/...=-S", "-gcflags=crypto/...=-S", "-gcflags=hash/...=-S", "./testdata/size")
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm", "GOARM=7", "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	said, err := c.CombinedOutput()
	if err != nil {
		if bytes.Contains(said, []byte("unsupported GOOS/GOARCH")) {
			t.Skip("this toolchain does not build for ARM: sizes are not measured")
		}
		t.Fatalf("%v: %.2000s", err, said)
	}
	list, err := exec.Command("go", "tool", "nm", "-size", p.binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		var at, kind, name string
		var size int
		line = strings.TrimSuffix(line, "\n")
		if _, err := fmt.Sscan(line, &at, &size, &kind, &name); err != nil || kind == "U" {
			continue
		}
		// Names of generic functions have spaces.
		s := symbol{size: size}
		if kind != "T" && kind != "t" && kind != "R" && kind != "r" {
			s.memory = 1
		}
		p.symbols[line[strings.Index(line, name):]] = s
	}
	p.code = parseCode(said)
	if err := p.code.resolve(p.symbols); err != nil {
		t.Fatal(err)
	}
	return p
}

// Bounds a little above what is measured, in bytes, so that growth is noticed: raise one only with a reason.
const (
	mostRAM    = 31 << 10
	mostTables = 14 << 10
	mostCode   = 300 << 10
)

// entries are what a device calls, with the most stack that each may take.
var entries = []struct {
	name    string
	context int
	most    int
}{
	{"New", answering, 1000},
	{"(*Terminal).Boot", answering, 8700},
	{"(*Terminal).Session", answering, 9700},
	{"(*Terminal).Alive", answering, 300},
	{"(*Terminal).Serve", serving, 12000},
}

// TestSizes measures what a device must have for the terminal on a 32-bit ARM: docs/porting.md tells the figures.
func TestSizes(t *testing.T) {
	p := buildARM(t)
	var b strings.Builder
	fmt.Fprintf(&b, "\n%7d a terminal.Terminal, of it:\n", p.symbols["main.T"].size)
	p.parts(t, &b)
	if n := p.symbols["main.T"].size; n == 0 || n > mostRAM {
		t.Errorf("a Terminal has %d bytes, at most %d", n, mostRAM)
	}
	code, tables := p.tell(&b)
	if code == 0 || code > mostCode {
		t.Errorf("%d bytes of code and constants, at most %d", code, mostCode)
	}
	if tables == 0 || tables > mostTables {
		t.Errorf("%d bytes of tables and variables, at most %d", tables, mostTables)
	}
	figures := append(p.tellStacks(t, &b),
		figure{`RAM, static \| # \|`, p.symbols["main.T"].size}, figure{`\| # \| variables of the packages`, tables},
		figure{`Code and constants \| # \|`, code}, figure{`\| # \| the standard library's`, p.sums["crypto and hash"][0]})
	for words, pkgs := range map[string][]string{
		"terminal with records and image #": {"terminal", "terminal/record", "terminal/image"}, "release #": {"release"}, "CBOR #": {"internal/cbor"},
		"delta #,": {"delta", "delta/internal/coding"}, "SMP and framing #": {"protocol/smp", "protocol/frame"}, "link #": {"protocol"},
		"flash #": {"flash"}, "classic patches # more": {"delta/bsdiff"},
	} {
		sum := 0
		for _, pkg := range pkgs {
			sum += p.sums["unbrick/"+pkg][0]
		}
		figures = append(figures, figure{words, sum})
	}
	for _, name := range []string{"crypto/ed25519.Verify", "crypto/ed25519.Sign", "crypto/sha256.Sum256"} {
		n, err := p.code.deepest(name, answering)
		fmt.Fprintf(&b, "%7d stack of %s, which is in those above\n", n, name)
		if err != nil || n == 0 {
			t.Errorf("%s: %d bytes of stack, %v", name, n, err)
		}
		if name == "crypto/ed25519.Verify" {
			figures = append(figures, figure{`with Ed25519 \(# of`, n})
		}
	}
	compareTold(t, figures)
	tellWorkspace(t, &b)
	t.Log(b.String())
}

// tellWorkspace tells what an update takes from the RAM of the software that runs, on the devices of the power-cut suite.
func tellWorkspace(t *testing.T, b *strings.Builder) {
	for _, e := range suite.All() {
		l := flash.Layout{Geometry: flash.Geometry{Runs: e.Shape.Runs, ProgramUnit: e.Shape.Unit, Page: e.Shape.Page, Erased: e.Shape.Erased}, Boot: e.Shape.Runs[0].Size}
		software := l.Software()
		file, err := diff.Create(t.Context(), e.Old, e.New, &diff.Options{Geometry: &software, Resident: resident, Effort: diff.EffortFast})
		if err != nil {
			t.Fatal(err)
		}
		h, err := delta.ParseHeader(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := release.Describe("0001", "1", 1, 1, e.New, &software)
		if err != nil {
			t.Fatal(err)
		}
		n := delta.NeedsOf(&h, uint32(len(file)), m.Leaves(), resident)
		fmt.Fprintf(b, "%7d workspace: %s (%d bytes): file %d, decoder %d, sector %d, leaves %d, resident %d\n",
			n.Workspace(), e.Name, len(e.New), n.File, n.State, n.Buffer, n.Leaves*32, n.Resident)
	}
}

// parts tells how large the parts of a Terminal are, by what the compiler says for debuggers.
func (p *armProgram) parts(t *testing.T, b *strings.Builder) {
	f, err := elf.Open(p.binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := f.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil || e == nil {
			t.Fatal("no type of a Terminal", err)
		}
		if e.Tag != dwarf.TagStructType || e.Val(dwarf.AttrName) != "unbrick/terminal.Terminal" {
			continue
		}
		typ, err := d.Type(e.Offset)
		if err != nil {
			t.Fatal(err)
		}
		tellParts(b, typ, "")
		return
	}
}

// tellParts tells the parts of a structure that have half a kilobyte, and theirs.
func tellParts(b *strings.Builder, typ dwarf.Type, path string) {
	s, ok := typ.(*dwarf.StructType)
	if !ok {
		return
	}
	for _, f := range s.Field {
		of := f.Type
		for {
			named, ok := of.(*dwarf.TypedefType)
			if !ok {
				break
			}
			of = named.Type
		}
		if of.Size() >= 512 {
			fmt.Fprintf(b, "%15d %s%s\n", of.Size(), path, f.Name)
			tellParts(b, of, path+f.Name+".")
		}
	}
}

// tell tells code and memory by package, and returns the sums of what the terminal always needs: without the reader of classic patches.
func (p *armProgram) tell(b *strings.Builder) (code, tables int) {
	sums := map[string][2]int{}
	p.sums = sums
	for name, s := range p.symbols {
		pkg := packageOf(name)
		if !strings.HasPrefix(name, "unbrick/") {
			if first, _, _ := strings.Cut(pkg, "/"); s.memory == 1 || first != "crypto" && first != "hash" {
				continue // a device has another runtime, and needs no more of the rest than errors
			}
			pkg = "crypto and hash"
		}
		sum := sums[pkg]
		sum[s.memory] += s.size
		sums[pkg] = sum
	}
	for _, pkg := range slices.Sorted(maps.Keys(sums)) {
		if strings.HasPrefix(pkg, "unbrick/") && pkg != "unbrick/delta/bsdiff" {
			code, tables = code+sums[pkg][0], tables+sums[pkg][1]
		}
		if sums[pkg][0]+sums[pkg][1] >= 1<<10 {
			fmt.Fprintf(b, "%7d code and constants, %6d memory: %s\n", sums[pkg][0], sums[pkg][1], pkg)
		}
	}
	fmt.Fprintf(b, "%7d code and constants, %6d memory: together, without bsdiff and the standard library\n", code, tables)
	return code, tables
}

// packageOf returns the path of the package of a symbol.
func packageOf(symbol string) string {
	head, tail := "", symbol
	if i := strings.LastIndexByte(strings.SplitN(symbol, "(", 2)[0], '/'); i >= 0 {
		head, tail = symbol[:i+1], symbol[i+1:]
	}
	name, _, _ := strings.Cut(tail, ".")
	return head + name
}
