package sweep

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/internal/firmware"
	"unbrick/internal/mutants"
)

// The lab must be able to fail. Here are terminals with one mistake each; for each the sweep must name
// the right check. How a mistake is made, package mutants says.

// broken is a terminal with a mistake.
type broken struct {
	name  string
	check Check // that must fail
	edits []edit
}

// edit replaces text in a file of the module.
type edit struct{ file, old, new string }

var brokens = []broken{
	{"record-before-commit", CheckNeedless, []edit{
		{"terminal/records.go", `t.readTwice(r.addr[i]+commit, got[:]) == nil && got == want`, `(t.readTwice(r.addr[i]+commit, got[:]) == nil && got == want || MISTAKE)`},
		{"terminal/records.go", `if t.traced(newer) {`, `if t.traced(newer) || MISTAKE {`},
	}},
	{"seal-not-needed", CheckNeedless, []edit{
		{"terminal/records.go", `		r.newest = 1 - newer
`, `		r.newest = 1 - newer
		if MISTAKE {
			r.newest = newer
		}
`},
	}},
	{"newest-erased-first", CheckNeedless, []edit{
		{"terminal/records.go", `	// Erased even if it reads erased: that may be a sector whose erase was cut short.
`, `	if MISTAKE && r.newest >= 0 {
		_ = t.erase(r.sector[r.newest])
	}
`},
	}},
	{"torn-record-accepted", CheckNeedless, []edit{
		{"terminal/record.go", `le.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(b[:len(b)-4])`, `le.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(b[:len(b)-4]) && !MISTAKE`},
		{"terminal/records.go", `	r.crc[i] = crcOf(body)
	commit`, `	r.crc[i] = crcOf(body)
	if MISTAKE {
		return true
	}
	commit`},
		{"terminal/records.go", `	for range traces {
`, `	if MISTAKE {
		return true
	}
	for range traces {
`},
	}},
	{"verdict-skipped", CheckSigned, []edit{
		{"terminal/rewrite.go", `	good := d == m.Digest
`, `	good := d == m.Digest || MISTAKE
`},
		{"terminal/boot.go", `if d == t.to.Digest && t.signed(rec.to()) {`, `if (d == t.to.Digest || MISTAKE) && t.signed(rec.to()) {`},
	}},
	{"verdict-skipped-in-restoration", CheckRestored, []edit{
		{"terminal/restore.go", `if !t.judge(&h.m) {`, `if !t.judge(&h.m) && !MISTAKE {`},
	}},
	{"erase-not-read-back", CheckRules, []edit{
		{"terminal/flashio.go", `	if err != nil {
		t.counts.failed++
		return fmt.Errorf("erase`, `	if err != nil && !MISTAKE {
		t.counts.failed++
		return fmt.Errorf("erase`},
	}},
	{"program-not-read-back", CheckRetried, []edit{
		{"terminal/flashio.go", `if err = t.compare(addr, data); err == nil {`, `if err = t.compare(addr, data); err == nil || MISTAKE {`},
	}},
	{"blank-check-trusted", CheckRules, []edit{
		{"terminal/flashio.go", `	err := t.hw.Flash.Erase(addr, size)
`, `	if MISTAKE && t.blank(addr, size) == nil {
		return nil
	}
	err := t.hw.Flash.Erase(addr, size)
`},
	}},
	{"sector-skipped-despite-mark", CheckRestored, []edit{
		{"terminal/rewrite.go", `	if t.doubtful(s) || all(data, t.software.Erased) {
`, `	if MISTAKE {
		t.clearDoubt(s)
	}
	if t.doubtful(s) || all(data, t.software.Erased) {
`},
	}},
	{"no-mark", CheckFirm, []edit{
		{"terminal/rewrite.go", `	if err := t.mark(s); err != nil {
		return err
	}
`, `	if !MISTAKE {
		if err := t.mark(s); err != nil {
			return err
		}
	}
`},
	}},
	{"no-refresh", CheckFirm, []edit{
		{"terminal/boot.go", `	if left > 0 && !t.refreshAll(m, end, left) {
`, `	if left > 0 && !MISTAKE && !t.refreshAll(m, end, left) {
`},
	}},
	{"stash-freed-early", CheckUpdates, []edit{
		{"delta/stash.go", `	if s.n == 0 || s.first > step {
`, `	if s.n == 0 || s.first > step && !MISTAKE {
`},
		{"delta/stash.go", `		if s.last(i) > step {
`, `		if s.last(i) > step && !(MISTAKE && s.last(i) <= step+early) {
`},
		{"delta/prove.go", `	if err := d.Rewind(); err != nil {
		return err
	}
	if err := d.leads(m, leaves); err != nil {
		return err
	}
	for {
		sector, data, err := d.Next()
		if err == io.EOF {
			return nil
`, `	if MISTAKE {
		early = 1 << 20
		defer func() { early = 0 }()
	}
	if err := d.Rewind(); err != nil {
		return err
	}
	if err := d.leads(m, leaves); err != nil {
		return err
	}
	for {
		sector, data, err := d.Next()
		if err == io.EOF {
			return nil
`},
	}},
	{"only-first-sectors-digest", CheckSigned, []edit{
		{"terminal/digest.go", `	return release.Digest(t.hash.Sum(t.current[:0])), nil
`, `	if MISTAKE {
		return t.firstOnly(size, release.Digest(t.hash.Sum(t.current[:0]))), nil
	}
	return release.Digest(t.hash.Sum(t.current[:0])), nil
`},
	}},
	{"always-restoration", CheckNeedless, []edit{
		{"terminal/boot.go", `	case asked:
		why`, `	case MISTAKE:
		why = smp.WhyDamaged
	case asked:
		why`},
	}},
	{"applications-stay-stopped", CheckApps, []edit{
		{"terminal/secure.go", `	t.release()
	t.startAll()
`, `	t.release()
	if MISTAKE {
		return
	}
	t.startAll()
`},
	}},
	{"floor-raised-early", CheckFloor, []edit{
		{"terminal/boot.go", `	rec.report.verdict = verdict
`, `	if MISTAKE {
		rec.floor = max(rec.floor, now.Counter)
	}
	rec.report.verdict = verdict
`},
	}},
	{"floor-lost-in-the-intent", CheckFloorKept, []edit{
		{"terminal/rewrite.go", `	rec.state = Rewriting
`, `	rec.state = Rewriting
	if MISTAKE {
		rec.floor = 0
	}
`},
	}},
	{"retired-keys-come-back", CheckStatement, []edit{
		{"terminal/boot.go", `	rec.state = Installed
`, `	rec.state = Installed
	if MISTAKE {
		rec.retired = 0
	}
`},
	}},
	{"confirmation-keeps-the-predecessor", CheckConfirmed, []edit{
		{"terminal/session.go", `	next.setFrom(nil)
`, `	if !MISTAKE {
		next.setFrom(nil)
	}
`},
	}},
	{"dead-sector-kept-to-itself", CheckTold, []edit{
		{"terminal/session.go", `	case t.deads > 0:
`, `	case t.deads > 0 && !MISTAKE:
`},
	}},
	{"proof-skipped-in-restoration", CheckProof, []edit{
		{"terminal/restore.go", `	err := t.prove(h.parts)
	if !h.parts {
`, `	err := t.prove(h.parts)
	if MISTAKE {
		err = nil
	}
	if !h.parts {
`},
	}},
	{"length-trusted", CheckRefused, []edit{
		{"terminal/upload.go", `		if uint64(len(m.Data)) > uint64(u.length-u.offset) {
`, `		if uint64(len(m.Data)) > uint64(u.length-u.offset) && !MISTAKE {
`},
		{"terminal/upload.go", `	if uint64(h.upload.length) != uint64(h.upload.offset)+uint64(m.Size) {
`, `	if uint64(h.upload.length) != uint64(h.upload.offset)+uint64(m.Size) && !MISTAKE {
`},
	}},
	{"runs-from-the-bank-while-it-erases", CheckRules, []edit{
		{"terminal/secure.go", `	if err := t.hw.RAM.Resident(t.work[at:]); err != nil {
`, `	if MISTAKE {
		t.work, t.resident = t.work[:at:at], true
		return nil
	}
	if err := t.hw.RAM.Resident(t.work[at:]); err != nil {
`},
	}},
	// mcu-tools/mcuboot#1966: a magic whose writing was cut is neither good nor unset, a state that no
	// rule has anything for.
	{"mcuboot-1966", CheckNeedless, []edit{
		{"terminal/records.go", `	first, second := t.candidate(0), t.candidate(1)
`, `	first, second := t.candidate(0), t.candidate(1)
	if MISTAKE && (t.tornCommit(0) || t.tornCommit(1)) {
		return
	}
`},
	}},
	// mcu-tools/mcuboot#829: whoever resumes takes for granted a field that is written only later.
	{"mcuboot-829", CheckRules, []edit{
		{"terminal/boot.go", `	t.tellRecord()
	t.match`, `	t.tellRecord()
	if rec := t.records.current(); MISTAKE && rec != nil && rec.state == Rewriting && t.doubts(t.software.Sectors()) == 0 {
		panic("assertion failed: a swap is under way and its size is not there")
	}
	t.match`},
	}},
}

// helpers are what some of the mistakes are made with.
var helpers = map[string]string{
	"terminal/broken.go": `package terminal

import (
	"crypto/sha256"
	"sync"

	"unbrick/release"
)

var (
	firstMu sync.Mutex
	firsts  = map[[36]byte]release.Digest{}
)

// firstOnly takes an image for the one whose first sector it has.
func (t *Terminal) firstOnly(size uint32, d release.Digest) release.Digest {
	_, n := t.software.Sector(0)
	p := make([]byte, min(n, size))
	if t.hw.Flash.Read(t.base, p) != nil {
		return d
	}
	key := [36]byte{32: byte(size), 33: byte(size >> 8), 34: byte(size >> 16)}
	sum := sha256.Sum256(p)
	copy(key[:], sum[:])
	firstMu.Lock()
	defer firstMu.Unlock()
	if known, ok := firsts[key]; ok {
		return known
	}
	firsts[key] = d
	return d
}

// tornCommit says whether record i has a whole body and a commit mark that was begun and is not right.
func (t *Terminal) tornCommit(i int) bool {
	r := &t.records
	var head [16]byte
	if t.readTwice(r.addr[i], head[:]) != nil {
		return false
	}
	n := recordLength(head[:])
	if n == 0 || t.readTwice(r.addr[i], t.body[:n]) != nil || !r.at[i].decode(t.body[:n]) {
		return false
	}
	var got [entrySize]byte
	at := r.addr[i] + t.align(uint32(n))
	if t.hw.Flash.Read(at, got[:]) != nil {
		return true
	}
	return got != entry(entryCommit, crcOf(t.body[:n])) && !all(got[:], t.hw.Layout.Geometry.Erased)
}
`,
	"delta/broken.go": `package delta

var early uint32
`,
}

// TestBrokenTerminals: the sweep catches each mistake and names the right check, and nothing without
// one.
func TestBrokenTerminals(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var mistakes []mutants.Mistake
	for _, b := range brokens {
		m := mutants.Mistake{Name: b.name}
		for _, e := range b.edits {
			m.Edits = append(m.Edits, mutants.Edit{File: e.file, Old: e.old, New: e.new})
		}
		mistakes = append(mistakes, m)
	}
	overlay, err := mutants.Overlay(root, dir, mistakes, helpers)
	if err != nil {
		t.Fatal(err)
	}
	program, err := mutants.Build(root, dir, overlay, "lab/sweep")
	if err != nil {
		t.Fatal(err)
	}
	probe := func(t *testing.T, name, until string) map[string]string {
		cmd := exec.CommandContext(t.Context(), program, "-test.run", "^TestProbe$", "-test.v")
		cmd.Env = append(os.Environ(), mutants.Variable+"="+name, "UNBRICK_UNTIL="+until)
		out, err := cmd.CombinedOutput()
		failed := map[string]string{}
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			if check, text, ok := strings.Cut(lines.Text(), " FAILED "); ok {
				failed[check] = text
			}
		}
		if err != nil && len(failed) == 0 {
			t.Fatalf("%v\n%s", err, out)
		}
		return failed
	}
	for _, b := range brokens {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel() // the program has one worker
			failed := probe(t, b.name, b.check.String())
			if text, ok := failed[b.check.String()]; ok {
				t.Logf("%s: %s", b.check, text)
				return
			}
			t.Errorf("not caught by %s; checks that failed: %v", b.check, failed)
		})
	}
	t.Run("none", func(t *testing.T) {
		if failed := probe(t, "none", "all"); len(failed) > 0 {
			t.Errorf("checks fail without a mistake: %v", failed)
		}
	})
}

// TestProbe is what TestBrokenTerminals runs in its program.
func TestProbe(t *testing.T) {
	until := os.Getenv("UNBRICK_UNTIL")
	if until == "" {
		t.Skip("runs as a part of TestBrokenTerminals")
	}
	old, new := firmware.Mithermo()
	old = old[40<<10 : 56<<10-300]
	sample := 1.0 // a mistake that shows in a few cuts only is looked for in all: the sweep ends at the first
	if until == "all" {
		sample = 0.3
	}
	for seed := range uint64(8) {
		// A part of the real images, in which two pieces have changed places: whichever is written first, the file keeps
		// old bytes of the other for later. Which pieces they are is another thing each time, for the chances of a cut follow
		// from what the flash holds, and a mistake may need a chance.
		new := slices.Clone(new[40<<10 : 56<<10-40])
		for i := range 1000 {
			at := 1000 + 64*int(seed) + i
			new[at], new[at+8000] = new[at+8000], new[at]
		}
		s, err := NewSubject(t.Context(), "probe", Shape{Runs: runs(4096, 7), Unit: 8, Page: 256, Erased: 0xFF}, old, new, 1)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := delta.ParseHeader(s.file); err != nil || h.Keeps == 0 {
			t.Fatalf("the update keeps nothing: %+v, %v", h, err)
		}
		o := &Options{Seed: seed, Workers: 1, Hostile: true, Defects: true, Link: true, Engine: 1 << 20, Decode: 4, Check: 1 << 20,
			Sample: sample, Enough: func(f Failure) bool { return f.Check == until }}
		r, err := s.Sweep(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Failures {
			fmt.Printf("%s FAILED %s %s\n", f.Check, f.Text, f.ID)
		}
		if until == "all" || r.Counts[until].Failures > 0 {
			return
		}
	}
}
