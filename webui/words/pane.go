package words

// Act is one button: what it is called, and what pressing it wishes. Its style is its class beyond "button".
type Act struct {
	Label    string
	Name     string // for whoever does not see what it is about; empty: the label
	Style    string // "primary", "", "danger"
	Disabled bool
	Spin     bool     // shows that something is under way
	Wish     any      // a state.Command, or what the page itself does: see wishes.go
	Ask      Question // before it; zero: nothing is asked
}

// Class is the button's class list. That something is under way is a class and no element: elements are used
// again for the next state, with what was in them.
func (a Act) Class() string {
	list := "button"
	if a.Style != "" {
		list += " " + a.Style
	}
	if a.Spin {
		list += " busy"
	}
	return list
}

func Primary(label string, wish any) Act   { return Act{Label: label, Style: "primary", Wish: wish} }
func Secondary(label string, wish any) Act { return Act{Label: label, Wish: wish} }
func Danger(label string, wish any) Act    { return Act{Label: label, Style: "danger", Wish: wish} }
func Waiting(label string) Act {
	return Act{Label: label, Style: "primary", Disabled: true, Spin: true}
}

// Question is the question before an act that others feel, or that cannot be taken back.
type Question struct {
	Question string
	No       string // what not doing it is called
}

// Asked puts a question before an act.
func Asked(a Act, words, no string) Act {
	a.Ask = Question{words, no}
	return a
}

// Fact is one row of a list of facts.
type Fact struct {
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
func (f Fact) Class() string {
	if f.Rule {
		return "rule"
	}
	return "fact"
}

// ValueClass is the value's class.
func (f Fact) ValueClass() string {
	if f.Mono {
		return "mono"
	}
	return "num"
}

// Promise is one of three short facts under a screen.
type Promise struct{ Head, Text string }

// HTML is markup of ours, in which nothing comes from outside.
type HTML string

// Help is one numbered advice.
type Help struct {
	Head    string
	Text    string
	Command string // to be copied, or empty
	Note    HTML
}

// Pane is one state of Restore, or of a screen like it: what is true, the facts, the buttons.
type Pane struct {
	Heading  string
	Lead     string
	Helps    []Help
	Ways     []WayRow
	Says     []string // by the device, line by line
	Facts    []Fact
	Map      bool // the device's map stands beside the facts
	Verdict  *Verdict
	Acts     []Act
	Hint     string
	Quiet    string // one line under the buttons
	Aside    HTML   // our own constant markup
	Promises []Promise
	Trace    []string // for support
	TraceEnd string
}

// Verdict answers the two questions of every failure.
type Verdict struct {
	Yes  string // "Yes." or empty
	Safe string
	Do   string
}

// Stick says whether the primary button stays in reach on a phone: where facts or advice come first.
func (p Pane) Stick() bool {
	return len(p.Helps) > 0 || len(p.Ways) > 0 || p.Map || p.Verdict != nil
}
