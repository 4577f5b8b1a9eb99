package families

import (
	"fmt"
	"strings"
	"sync"

	"unbrick/internal/pack"
	"unbrick/restore/family"
	"unbrick/webui/diagnostic"
	"unbrick/webui/state"
)

// trace keeps the last exchanges of a visit for support. It may be used concurrently.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) >= 4*state.MaxTrace {
		t.lines = append([]string(nil), t.lines[2*state.MaxTrace:]...)
	}
	t.lines = append(t.lines, pack.Clip(fmt.Sprintf(format, args...), state.MaxTraceLen))
}

// exchange is family.Options.Trace.
func (t *trace) exchange(e family.Exchange) {
	outcome := "answered"
	if e.Err != nil {
		outcome = e.Err.Error()
	}
	t.add("%9.3f s  %-18s %5d bytes, %4d ms, %d tries, %s", e.At.Seconds(), e.Name, e.Bytes, e.Took.Milliseconds(), e.Tries, outcome)
}

// last returns at most n lines, oldest first.
func (t *trace) last(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines[max(0, len(t.lines)-n):]...)
}

// saveDiagnostic hands over what support needs: nothing of the device's software, and no secrets.
func (w *work) saveDiagnostic() {
	var b strings.Builder
	now := w.e.World().Now().UTC()
	fmt.Fprintf(&b, diagnostic.Title+"\ntime: %s\nbrowser: %s\nport: USB %04x:%04x\nfound: %v\n", now.Format("2006-01-02 15:04:05 UTC"),
		w.e.World().Browser, w.v.USB.Vendor, w.v.USB.Product, w.v.Found.Kind)
	w.describe(&b)
	if s, ok := w.shown.(state.RestoreFailed); ok {
		f := &s.Failure
		fmt.Fprintf(&b, "ended: C-1%02d in stage %d, at least %d of %d blocks written, touched %d\n", f.Code, f.Stage,
			max(f.Sector-1, 0), f.Of, f.Touched)
	}
	b.WriteString("\n" + diagnostic.RowsTitle + "\n")
	for _, line := range w.trace.last(4 * state.MaxTrace) {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	w.e.World().Save(state.Download{Name: fileName("diagnostic", w.serial(), ".txt"), Data: []byte(b.String())})
}

// saveReport hands over what was done to the device.
func (w *work) saveReport() {
	if w.sight == nil || w.chosen == nil {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Unbrick report\ntime: %s\n", w.e.World().Now().UTC().Format("2006-01-02 15:04:05 UTC"))
	w.describe(&b)
	fmt.Fprintf(&b, "written: %q, %s, version %q\nblocks written: %d of %d\nproof: %s\nstart: %s\ntook: %.1f s\n",
		w.chosen.name, w.chosen.what,
		w.chosen.version, w.diff.Differ, w.diff.Blocks, proofs[w.proof], outcomes[w.sight.Outcome].head, w.took.Seconds())
	for _, p := range w.chosen.parts {
		fmt.Fprintf(&b, "  0x%x %s, %d bytes\n", p.Offset, p.Name, len(p.Data))
	}
	w.e.World().Save(state.Download{Name: fileName("report", w.serial(), ".txt"), Data: []byte(b.String())})
}

// describe writes what the device has said of itself.
func (w *work) describe(b *strings.Builder) {
	d := w.board
	if d == nil {
		b.WriteString("device: it has not said who it is\n")
		return
	}
	fmt.Fprintf(b, "device: %s (%s), revision %s, serial %s, loader %q\nflash: %d bytes, protections %v, notes %v\n", d.Name,
		d.Chip, d.Revision,
		d.Serial, d.Loader, d.Flash, d.Protections, d.Notes)
	s := w.loader.Stats()
	fmt.Fprintf(b, "way: %v\nspeed: %d baud\nwire: %d bytes sent, %d received, %d repeated\n", w.loader.Way(), s.Baud,
		s.Sent, s.Received, s.Repeated)
}

// fileName is a name that says what is inside, of letters that every system takes.
func fileName(what, serial, end string) string {
	name := "unbrick-" + what
	if serial != "" {
		name += "-" + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, serial)
	}
	return name + end
}
