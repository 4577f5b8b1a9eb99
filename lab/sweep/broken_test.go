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
		{"terminal/record/store.go", `got) == nil && [entrySize]byte(got) == entry(tagCommit, s.crc[i])`, `got) == nil && (MISTAKE || [entrySize]byte(got) == entry(tagCommit, s.crc[i]))`},
		{"terminal/record/store.go", `if s.traced(newer) {`, `if s.traced(newer) || MISTAKE {`},
	}},
	{"seal-not-needed", CheckNeedless, []edit{
		{"terminal/record/store.go", `		s.newest = 1 - newer
`, `		s.newest = 1 - newer
		if MISTAKE {
			s.newest = newer
		}
`},
	}},
	{"newest-erased-first", CheckNeedless, []edit{
		{"terminal/record/write.go", `	// Erased even if it reads erased: that may be a sector whose erase was cut short.
`, `	if MISTAKE && s.newest >= 0 {
		_ = s.part.Erase(s.sector[s.newest])
	}
`},
	}},
	{"torn-record-accepted", CheckNeedless, []edit{
		{"terminal/record/decode.go", `le.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(b[:len(b)-4])`, `le.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(b[:len(b)-4]) && !MISTAKE`},
		{"terminal/record/store.go", `	if s.entries[i] > s.size[i] {
		return false
	}
`, `	if s.entries[i] > s.size[i] {
		return false
	}
	if MISTAKE {
		return true
	}
`},
		{"terminal/record/store.go", `	for range traces {
`, `	if MISTAKE {
		return true
	}
	for range traces {
`},
	}},
	{"verdict-skipped", CheckSigned, []edit{
		{"terminal/software.go", `	good := sum == m.Digest
`, `	good := sum == m.Digest || MISTAKE
`},
		{"terminal/software.go", `if sum == w.to.Digest && d.mayRun(rec.To) {`, `if (sum == w.to.Digest || MISTAKE) && d.mayRun(rec.To) {`},
	}},
	{"verdict-skipped-in-restoration", CheckRestored, []edit{
		{"terminal/restoration.go", `if !h.judge(&h.wanted.Manifest) {`, `if !h.judge(&h.wanted.Manifest) && !MISTAKE {`},
	}},
	{"erase-not-read-back", CheckRules, []edit{
		{"terminal/image/image.go", `	if err != nil {
		a.Counts.Failed++
		return fmt.Errorf("erase`, `	if err != nil && !MISTAKE {
		a.Counts.Failed++
		return fmt.Errorf("erase`},
	}},
	{"program-not-read-back", CheckRetried, []edit{
		{"terminal/image/image.go", `if err = flash.Compare(a, addr, data, a.chunk[:]); err == nil {`, `if err = flash.Compare(a, addr, data, a.chunk[:]); err == nil || MISTAKE {`},
	}},
	{"blank-check-trusted", CheckRules, []edit{
		{"terminal/image/image.go", `	err := a.device.Erase(addr, size)
`, `	if MISTAKE && flash.Blank(a.device, addr, size, a.Layout.Geometry.Erased, a.chunk[:]) == nil {
		return nil
	}
	err := a.device.Erase(addr, size)
`},
	}},
	{"sector-skipped-despite-mark", CheckRestored, []edit{
		{"terminal/device.go", `	return !d.records.Doubtful(s) && d.area.Holds(s, data)
`, `	if MISTAKE {
		d.records.ClearDoubt(s)
	}
	return !d.records.Doubtful(s) && d.area.Holds(s, data)
`},
	}},
	{"no-mark", CheckFirm, []edit{
		{"terminal/device.go", `	if err := d.records.Mark(s); err != nil {
		return err
	}
`, `	if !MISTAKE {
		if err := d.records.Mark(s); err != nil {
			return err
		}
	}
`},
	}},
	{"no-refresh", CheckFirm, []edit{
		{"terminal/settle.go", `	if left > 0 && !d.refreshAll(m, end, left) {
`, `	if left > 0 && !MISTAKE && !d.refreshAll(m, end, left) {
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
		{"terminal/image/image.go", `	return release.Digest(a.hash.Sum(a.sum[:0])), nil
`, `	if MISTAKE {
		return a.firstOnly(size, release.Digest(a.hash.Sum(a.sum[:0]))), nil
	}
	return release.Digest(a.hash.Sum(a.sum[:0])), nil
`},
	}},
	{"always-restoration", CheckNeedless, []edit{
		{"terminal/boot.go", `	case asked:
		return`, `	case MISTAKE:
		return smp.WhyDamaged
	case asked:
		return`},
	}},
	{"applications-stay-stopped", CheckApps, []edit{
		{"terminal/workspace.go", `	w.release()
	w.startAll()
`, `	w.release()
	if MISTAKE {
		return
	}
	w.startAll()
`},
	}},
	{"floor-raised-early", CheckFloor, []edit{
		{"terminal/change.go", `	rec.Report.Verdict = verdict
`, `	if MISTAKE {
		rec.Floor.Counter = max(rec.Floor.Counter, now.Counter)
	}
	rec.Report.Verdict = verdict
`},
	}},
	{"floor-lost-in-the-intent", CheckFloorKept, []edit{
		{"terminal/change.go", `	rec.State = record.Rewriting
`, `	rec.State = record.Rewriting
	if MISTAKE {
		rec.Floor = release.Floor{}
	}
`},
	}},
	{"statement-lost", CheckStatement, []edit{
		{"terminal/change.go", `	rec.State = record.Installed
`, `	rec.State = record.Installed
	if MISTAKE {
		rec.Statement = nil
	}
`},
	}},
	{"confirmation-keeps-the-predecessor", CheckConfirmed, []edit{
		{"terminal/change.go", `	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
`, `	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
	if MISTAKE {
		next.From = rec.From
	}
`},
	}},
	{"dead-sector-kept-to-itself", CheckTold, []edit{
		{"terminal/converse.go", `	case len(p.Dead) > 0:
`, `	case len(p.Dead) > 0 && !MISTAKE:
`},
	}},
	{"proof-skipped-in-restoration", CheckProof, []edit{
		{"terminal/restoration.go", `	err := r.prove(parts)
`, `	err := r.prove(parts)
	if MISTAKE {
		err = nil
	}
`},
	}},
	{"receipt-before-verdict", CheckReceipt, []edit{
		{"terminal/receipt.go", `if h.phase != smp.PhaseIdle && h.phase != smp.PhaseDone {`, `if h.phase != smp.PhaseIdle && h.phase != smp.PhaseDone && !MISTAKE {`},
		{"terminal/receipt.go", `imageOf(rec.To)
	}
`, `imageOf(rec.To)
	}
	if MISTAKE && h.wanted.length > 0 {
		r.State, r.Match, r.To = uint8(smp.RecordInstalled), uint8(matchTo), h.wanted.Digest
	}
`},
	}},
	{"receipt-from-ram", CheckReceipt, []edit{
		{"terminal/receipt.go", `		r.State, r.Sequence = uint8(recordState(rec)), rec.Sequence
`, `		r.State, r.Sequence = uint8(recordState(rec)), rec.Sequence
		if MISTAKE {
			r.State = uint8(h.who.State)
		}
`},
	}},
	{"receipt-over-no-nonce", CheckReceipt, []edit{
		{"terminal/receipt.go", `	ops := h.operations()
`, `	ops := h.operations()
	if MISTAKE {
		nonce = new([16]byte)
	}
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
		{"terminal/workspace.go", `	if err := w.ram.Resident(w.mem[at:]); err != nil {
`, `	if MISTAKE {
		w.mem, w.resident = w.mem[:at:at], true
		return nil
	}
	if err := w.ram.Resident(w.mem[at:]); err != nil {
`},
	}},
	// mcu-tools/mcuboot#1966: a magic whose writing was cut is neither good nor unset, a state that no
	// rule has anything for.
	{"mcuboot-1966", CheckNeedless, []edit{
		{"terminal/record/store.go", `	first, second := s.candidate(0, &at[0]), s.candidate(1, &at[1])
`, `	first, second := s.candidate(0, &at[0]), s.candidate(1, &at[1])
	if MISTAKE && (s.tornCommit(0) || s.tornCommit(1)) {
		s.doubtOf()
		return
	}
`},
	}},
	// mcu-tools/mcuboot#829: whoever resumes takes for granted a field that is written only later.
	{"mcuboot-829", CheckRules, []edit{
		{"terminal/boot.go", `	d.tellRecord()
	d.software.match`, `	d.tellRecord()
	if rec := d.records.Newest(); MISTAKE && rec != nil && rec.State == record.Rewriting && d.records.Doubts(d.area.Software.Sectors()) == 0 {
		panic("assertion failed: a swap is under way and its size is not there")
	}
	d.software.match`},
	}},
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
