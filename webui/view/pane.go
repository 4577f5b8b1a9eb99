package view

import "github.com/vugu/vugu"

// act is one button. Its style is its class beyond "button".
type act struct {
	Label    string
	Name     string // for whoever does not see what it is about; empty: the label
	Style    string // "primary", "", "danger"
	Disabled bool
	Spin     bool // shows that something is under way
	Do       func()
	Ask      question // before Do; zero: nothing is asked
}

// Class is the button's class list. That something is under way is a class and no element: elements are used
// again for the next state, with what was in them.
func (a act) Class() string {
	list := "button"
	if a.Style != "" {
		list += " " + a.Style
	}
	if a.Spin {
		list += " busy"
	}
	return list
}

func primary(label string, do func()) act   { return act{Label: label, Style: "primary", Do: do} }
func secondary(label string, do func()) act { return act{Label: label, Do: do} }
func danger(label string, do func()) act    { return act{Label: label, Style: "danger", Do: do} }
func waiting(label string) act {
	return act{Label: label, Style: "primary", Disabled: true, Spin: true, Do: func() {}}
}

// fact is one row of a list of facts.
type fact struct {
	Label  string
	Value  string
	Small  string // quiet remark
	Mono   bool
	Check  bool // verified
	Rule   bool // parts what is from what will be
	Change bool // carries the button that opens the choice of releases
	Choose bool // carries the button that opens the choice about settings
}

// Class is the row's class.
func (f fact) Class() string {
	if f.Rule {
		return "rule"
	}
	return "fact"
}

// ValueClass is the value's class.
func (f fact) ValueClass() string {
	if f.Mono {
		return "mono"
	}
	return "num"
}

// promise is one of three short facts under a screen.
type promise struct{ Head, Text string }

// help is one numbered advice.
type help struct {
	Head    string
	Text    string
	Command string // to be copied, or empty
	Note    vugu.HTML
}

// pane is one state of Restore, or of a screen like it: what is true, the facts, the buttons.
type pane struct {
	Heading  string
	Lead     string
	Helps    []help
	Ways     []wayRow
	Says     []string // by the device, line by line
	Facts    []fact
	Map      bool // the device's map stands beside the facts
	Verdict  *verdict
	Acts     []act
	Hint     string
	Quiet    string    // one line under the buttons
	Aside    vugu.HTML // our own constant markup
	Promises []promise
	Trace    []string // for support
	TraceEnd string
}

// verdict answers the two questions of every failure.
type verdict struct {
	Yes  string // "Yes." or empty
	Safe string
	Do   string
}

// stick says whether the primary button stays in reach on a phone: where facts or advice come first.
func (p pane) stick() bool {
	return len(p.Helps) > 0 || len(p.Ways) > 0 || p.Map || p.Verdict != nil
}
