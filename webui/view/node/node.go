// Package node makes the elements of a page, for the generated half of its components: what vugugen writes out at each of some thousand
// places is a call of one of these (internal/buildpage). It knows nothing of what a page shows.
package node

import (
	"strings"

	"github.com/vugu/vjson"
	"github.com/vugu/vugu"
)

// Parted stands between the name of an element, and names and values of its attributes.
const Parted = "\x01"

// Text adds a text to parent.
func Text(parent *vugu.VGNode, text string) *vugu.VGNode {
	n := &vugu.VGNode{Type: vugu.TextNode, Data: text}
	parent.AppendChild(n)
	return n
}

// Element adds an element to parent, if there is one. is its name and its constant attributes, parted.
func Element(parent *vugu.VGNode, is string) *vugu.VGNode {
	name, rest, some := strings.Cut(is, Parted)
	n := &vugu.VGNode{Type: vugu.ElementNode, Data: name}
	for some {
		var a vugu.VGAttribute
		a.Key, rest, _ = strings.Cut(rest, Parted)
		a.Val, rest, some = strings.Cut(rest, Parted)
		n.Attr = append(n.Attr, a)
	}
	if parent != nil {
		parent.AppendChild(n)
	}
	return n
}

// Component adds a component to parent, and to what its builder tells of.
func Component(out *vugu.BuildOut, parent *vugu.VGNode, c vugu.Builder) *vugu.VGNode {
	out.Components = append(out.Components, c)
	n := &vugu.VGNode{Component: c}
	parent.AppendChild(n)
	return n
}

// On calls do at each event of a kind.
func On(n *vugu.VGNode, event string, do func(vugu.DOMEvent)) {
	n.DOMEventHandlerSpecList = append(n.DOMEventHandlerSpecList, vugu.DOMEventHandlerSpec{EventType: event, Func: do})
}

// Property sets a property of an element in the browser. It panics for what JSON has no form for.
func Property(n *vugu.VGNode, name string, value any) {
	b, err := vjson.Marshal(value)
	if err != nil {
		panic(err)
	}
	n.Prop = append(n.Prop, vugu.VGProperty{Key: name, JSONVal: vjson.RawMessage(b)})
}
