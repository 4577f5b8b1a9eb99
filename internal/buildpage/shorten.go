package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// nodes is the package whose functions stand for what vugugen writes out at each place.
const nodes = `import "unbrick/webui/view/node"`

// long are forms that vugugen writes out for each element, and what is called in their place. The compiler makes some hundred bytes of each:
// half of what a component weighs.
var long = []struct {
	is *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`vgn = &vugu\.VGNode\{Type: vugu\.VGNodeType\(1\), Data: (".*")\}\n\s*vgparent\.AppendChild\(vgn\)`), `vgn = node.Text(vgparent, $1)`},
	{regexp.MustCompile(`vgn\.DOMEventHandlerSpecList = append\(vgn\.DOMEventHandlerSpecList, vugu\.DOMEventHandlerSpec\{\n\s*EventType:\s*(".*"),\n` +
		`\s*Func:\s*(.*),\n\s*// TODO: .*\n\s*\}\)`), `node.On(vgn, $1, $2)`},
	{regexp.MustCompile(`\{\n\s*b, err := vjson\.Marshal\((.*)\)\n\s*if err != nil \{\n\s*panic\(err\)\n\s*\}\n` +
		`\s*vgn\.Prop = append\(vgn\.Prop, vugu\.VGProperty\{Key: (".*"), JSONVal: vjson\.RawMessage\(b\)\}\)\n\s*\}`), `node.Property(vgn, $2, $1)`},
	{regexp.MustCompile(`vgout\.Components = append\(vgout\.Components, vgcomp\)\n\s*vgn = &vugu\.VGNode\{Component: vgcomp\}\n\s*vgparent\.AppendChild\(vgn\)`),
		`vgn = node.Component(vgout, vgparent, vgcomp)`},
}

var (
	element   = regexp.MustCompile(`vgn = &vugu\.VGNode\{Type: vugu\.VGNodeType\(3\), Namespace: "", Data: "([^"]*)", Attr: \[\]vugu\.VGAttribute(.*)\}\n(\s*vgparent\.AppendChild\(vgn\)\n)?`)
	attribute = regexp.MustCompile(`\{Namespace: "", Key: ("(?:[^"\\]|\\.)*"), Val: ("(?:[^"\\]|\\.)*")\}`)
	frame     = strings.NewReplacer("vugu.VGAttribute", "", ", ", "", "{", "", "}", "", "(nil)", "") // of a list of attributes
	left      = regexp.MustCompile(`VGNodeType\(1\)|VGNodeType\(3\), Namespace: ""|DOMEventHandlerSpec\{|VGProperty\{|VGNode\{Component`)
)

var (
	blank  = regexp.MustCompile(`(?m)^[ \t]*vgn = node\.Text\(vgparent, "\\n(?:\\t)*"\)\n`) // the end of a line between elements
	first  = regexp.MustCompile(`_ = vgparent\n$`)                                          // before what is the first in its element
	maybe  = regexp.MustCompile(`^\s*(?:if|for) `)                                          // what need not be there
	inline = regexp.MustCompile(`^[^}]*?node\.Element\(vgparent, "(?:a|abbr|b|button|code|em|i|input|kbd|label|select|small|span|strong|svg|time)(?:\\x01|")`)
)

// unblanked leaves out the ends of lines that nobody sees. Between an element and one that stands in the line behind it they are a space.
// Before what need not be there one stays as the first in its element: of an element that has no child any more, vugu's renderer leaves
// those in the page that it had.
func unblanked(source string) string {
	var b strings.Builder
	done := 0
	for _, at := range blank.FindAllStringIndex(source, -1) {
		b.WriteString(source[done:at[0]])
		done = at[0]
		next, _, _ := strings.Cut(source[at[1]:], "node.Text(")
		keep := inline.MatchString(next)
		if first.MatchString(source[:at[0]]) {
			keep = maybe.MatchString(source[at[1]:])
		}
		if !keep {
			done = at[1]
		}
	}
	return b.String() + source[done:]
}

// made is where a node is made that need not be looked at again: it has its place already.
var made = regexp.MustCompile(`(?m)vgn = node\.(?:Text|Element|Component)\(.*\)$`)

// shortened is what vugugen has written of a component, in short. It shows the same. A form that is not known is an error: another
// vugugen writes another one.
func shortened(source string) (string, error) {
	for _, l := range long {
		source = l.is.ReplaceAllString(source, l.by)
	}
	var bad error
	source = element.ReplaceAllStringFunc(source, func(s string) string {
		m := element.FindStringSubmatch(s)
		is := m[1]
		for _, a := range attribute.FindAllStringSubmatch(m[2], -1) {
			key, err := strconv.Unquote(a[1])
			value, err2 := strconv.Unquote(a[2])
			if err != nil || err2 != nil || strings.Contains(key+value, "\x01") {
				bad = fmt.Errorf("an attribute is not understood: %s", a[0])
			}
			is += "\x01" + key + "\x01" + value
		}
		if rest := frame.Replace(attribute.ReplaceAllString(m[2], "")); rest != "" {
			bad = fmt.Errorf("attributes are not understood: %s", rest)
		}
		parent := "vgparent"
		if m[3] == "" {
			parent = "nil"
		}
		return "vgn = node.Element(" + parent + ", " + strconv.Quote(is) + ")\n"
	})
	if bad == nil {
		if s := left.FindString(source); s != "" {
			bad = fmt.Errorf("vugugen writes %q in a form that is not known: look at it, and change what shortens it", s)
		}
	}
	source = made.ReplaceAllString(unblanked(source), "$0; _ = vgn")
	return strings.Replace(source, `import "fmt"`, nodes+"\n"+`import "fmt"`, 1), bad
}
