package part

import (
	"testing"

	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// key is a key that is pressed.
type key struct {
	vugu.DOMEvent
	name string
}

func (k *key) PropString(...string) string { return k.name }

// An act that others feel is asked for once, in its place, by mouse and by keyboard.
func TestAskedOnce(t *testing.T) {
	done, focus := 0, ""
	bar := &ActBar{Key: "k", Acts: []words.Act{words.Asked(words.Secondary("Withhold", "withhold"), "Withhold it?", "Keep offering it")}}
	bar.Wish = func(e WishEvent) {
		switch w := e.Wish.(type) {
		case words.Focus:
			focus = w.Selector
		default:
			done++
		}
	}
	press := func(label string) {
		t.Helper()
		for _, a := range bar.list() {
			if a.Label == label {
				bar.press(a)
				return
			}
		}
		t.Fatalf("no button %q among %+v", label, bar.list())
	}
	press("Withhold")
	if done != 0 || bar.question() != "Withhold it?" {
		t.Fatalf("done %d times, asks %q", done, bar.question())
	}
	if focus != `[data-acts="k"] button:last-of-type` {
		t.Errorf("the focus goes to %q", focus)
	}
	bar.key(&key{name: "a"})
	if bar.open() == nil {
		t.Error("any key closes the question")
	}
	bar.key(&key{name: "Escape"})
	if bar.open() != nil || done != 0 || focus != `[data-acts="k"] button` {
		t.Errorf("Escape: asks %q, done %d times, focus %q", bar.question(), done, focus)
	}
	press("Withhold")
	press("Keep offering it")
	if done != 0 || bar.open() != nil {
		t.Error("who keeps it has it done")
	}
	press("Withhold")
	press("Withhold")
	if done != 1 || bar.open() != nil {
		t.Errorf("done %d times", done)
	}
	press("Withhold")
	bar.Acts[0].Label = "Offer" // somebody else withheld it meanwhile
	if bar.open() != nil {
		t.Error("the question about another act is open")
	}
}
