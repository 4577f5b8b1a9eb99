package main

import (
	"strings"
	"testing"
)

// written is what vugugen writes of a component.
const written = `package x

import "fmt"

func (c *X) Build(vgin *vugu.BuildIn) (vgout *vugu.BuildOut) {
	vgn = &vugu.VGNode{Type: vugu.VGNodeType(3), Namespace: "", Data: "p", Attr: []vugu.VGAttribute(nil)}
	vgout.Out = append(vgout.Out, vgn)	// root for output
	vgn = &vugu.VGNode{Type: vugu.VGNodeType(1), Data: "a \"b\"\n\t"}
	vgparent.AppendChild(vgn)
	vgn = &vugu.VGNode{Type: vugu.VGNodeType(3), Namespace: "", Data: "a", Attr: []vugu.VGAttribute{{Namespace: "", Key: "href", Val: "#x"}, vugu.VGAttribute{Namespace: "", Key: "title", Val: "say \"{Key: \\\""}}}
	vgparent.AppendChild(vgn)
	vgn.DOMEventHandlerSpecList = append(vgn.DOMEventHandlerSpecList, vugu.DOMEventHandlerSpec{
		EventType:	"click",
		Func:		func(event vugu.DOMEvent) { c.f(g(1), "}") },
		// TODO: implement capture, etc. mostly need to decide syntax
	})
	{
		b, err := vjson.Marshal(c.value("x", y(2)))
		if err != nil {
			panic(err)
		}
		vgn.Prop = append(vgn.Prop, vugu.VGProperty{Key: "value", JSONVal: vjson.RawMessage(b)})
	}
	vgout.Components = append(vgout.Components, vgcomp)
	vgn = &vugu.VGNode{Component: vgcomp}
	vgparent.AppendChild(vgn)
}
`

const short = `package x

import "unbrick/webui/view/node"
import "fmt"

func (c *X) Build(vgin *vugu.BuildIn) (vgout *vugu.BuildOut) {
	vgn = node.Element(nil, "p"); _ = vgn
	vgout.Out = append(vgout.Out, vgn)	// root for output
	vgn = node.Text(vgparent, "a \"b\"\n\t"); _ = vgn
	vgn = node.Element(vgparent, "a\x01href\x01#x\x01title\x01say \"{Key: \\\""); _ = vgn
	node.On(vgn, "click", func(event vugu.DOMEvent) { c.f(g(1), "}") })
	node.Property(vgn, "value", c.value("x", y(2)))
	vgn = node.Component(vgout, vgparent, vgcomp); _ = vgn
}
`

// TestUnblanked: the end of a line is a space between what stands in one line on the page, and nothing else.
func TestUnblanked(t *testing.T) {
	const blank = `vgn = node.Text(vgparent, "\n\t")` + "\n"
	for what, test := range map[string]struct {
		before, after string
		kept          bool
	}{
		"between two in a line":                           {"", `vgn = node.Element(vgparent, "a\x01href\x01#x")` + "\n", true},
		"before one without attributes":                   {"", `vgn = node.Element(vgparent, "span")` + "\n", true},
		"before one that may be there":                    {"", "if c.some() {\n" + `vgn = node.Element(vgparent, "a")` + "\n}\n", true},
		"before a block":                                  {"", `vgn = node.Element(vgparent, "article")` + "\n", false},
		"before a component":                              {"", "{\nvgn = node.Component(vgout, vgparent, vgcomp)\n}\n", false},
		"at the beginning":                                {"_ = vgparent\n", `vgn = node.Element(vgparent, "a")` + "\n", false},
		"at the beginning, before one that may be there":  {"_ = vgparent\n", "if c.some() {\n" + `vgn = node.Element(vgparent, "div")` + "\n}\n", true},
		"at the beginning, before some that may be there": {"_ = vgparent\n", "for range c.some() {\n" + `vgn = node.Element(vgparent, "div")` + "\n}\n", true},
		"at the end":                                      {"", "}\n" + `vgn = node.Element(vgparent, "a")` + "\n", false},
	} {
		want := test.before + test.after
		if test.kept {
			want = test.before + blank + test.after
		}
		if got := unblanked(test.before + blank + test.after); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	const words = `vgn = node.Text(vgparent, "\n\tsay")` + "\n"
	if got := unblanked(words); got != words {
		t.Errorf("words are gone: %q", got)
	}
}

// TestShortened: each form becomes its call, and one that is not known stops the build.
func TestShortened(t *testing.T) {
	got, err := shortened(written)
	if err != nil || got != short {
		t.Errorf("%v, got\n%s", err, got)
	}
	for what, from := range map[string][2]string{
		"an event in another form":   {"EventType:", "Kind:"},
		"an attribute with more":     {`Val: "#x"}`, `Val: "#x", More: 1}`},
		"a property in another form": {"panic(err)", "log.Print(err)"},
		"a text in another form":     {"\n\tvgparent.AppendChild(vgn)\n\tvgn = &vugu.VGNode{Type: vugu.VGNodeType(3), Namespace: \"\", Data: \"a\"", "\n\tvgn = &vugu.VGNode{Type: vugu.VGNodeType(3), Namespace: \"\", Data: \"a\""},
	} {
		if other := strings.Replace(written, from[0], from[1], 1); other == written {
			t.Errorf("%s: the sample lacks %q", what, from[0])
		} else if s, err := shortened(other); err == nil {
			t.Errorf("%s is taken:\n%s", what, s)
		}
	}
}
