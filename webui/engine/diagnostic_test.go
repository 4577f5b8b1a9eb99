package engine_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"unbrick/webui/diagnostic"
	"unbrick/webui/state"
)

// What the engine saves, ParseDiagnostic reads: every command is one, and the facts are there.
func TestDiagnosticFile(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	s.engine.Do(state.SaveDiagnostic{})
	var file []byte
	s.until("a file", func(*state.State) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.saved) > 0 {
			file = s.saved[0].Data
		}
		return len(s.saved) > 0
	})
	d, err := diagnostic.Parse(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	facts := make(map[string]string)
	for _, f := range d.Facts {
		facts[f.Name] = f.Value
	}
	for name, want := range map[string]string{"browser": "test", "port": "USB 0403:6001", "speed": "115200 baud", "restoration mode by": "echo", "device": `model "0001", serial "CORD-1"`} {
		if !strings.HasPrefix(facts[name], want) {
			t.Errorf("%s is %q, want %q", name, facts[name], want)
		}
	}
	calls := 0
	for _, r := range d.Rows {
		if strings.Contains(r.Outcome, "command") && r.Tries == 0 {
			t.Errorf("a command was read as a note: %q", r.Outcome)
		}
		if r.Tries > 0 && r.Outcome == "answered" && r.Bytes > 0 {
			calls++
		}
	}
	if calls < 5 {
		t.Errorf("%d commands were answered; the file:\n%s", calls, file)
	}
}

func TestDiagnosticRows(t *testing.T) {
	const head = "Unbrick diagnostic file\ntime: now\n\ncommands, oldest first:\n"
	d, err := diagnostic.Parse([]byte(head + "   12.345 s  command 64/8, 20 bytes, 812 ms, try 3: no answer: command 64/8: 3 tries\r\nway: echo\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := diagnostic.Row{At: 12345 * time.Millisecond, Group: 64, ID: 8, Bytes: 20, Took: 812 * time.Millisecond, Tries: 3, Outcome: "no answer: command 64/8: 3 tries"}
	if len(d.Rows) != 2 || d.Rows[0] != want || d.Rows[1] != (diagnostic.Row{Outcome: "way: echo"}) {
		t.Errorf("got %+v", d.Rows)
	}
	for _, bad := range []string{"", "Unbrick", "Unbrick diagnostic file\n", "Unbrick diagnostic file\nno colon\n\ncommands, oldest first:\n", head + "\xff", strings.Repeat(" ", diagnostic.MaxBytes+1)} {
		if _, err := diagnostic.Parse([]byte(bad)); err == nil {
			t.Errorf("%.40q was accepted", bad)
		}
	}
}

func FuzzDiagnostic(f *testing.F) {
	f.Add([]byte("Unbrick diagnostic file\ntime: now\n\ncommands, oldest first:\n   12.345 s  command 64/8, 20 bytes, 812 ms, try 3: answered\nnote\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := diagnostic.Parse(b)
		if err != nil {
			return
		}
		for _, r := range d.Rows {
			if !utf8.ValidString(r.Outcome) || strings.ContainsAny(r.Outcome, "\x00\x1b\n\u202e") || r.At < 0 || r.Took < 0 || r.Tries < 0 {
				t.Fatalf("row %+v", r)
			}
		}
	})
}
