package node

import (
	"reflect"
	"testing"

	"github.com/vugu/vugu"
)

func TestElement(t *testing.T) {
	parent := Element(nil, "form")
	n := Element(parent, "input"+Parted+"id"+Parted+"a b"+Parted+"value"+Parted+""+Parted+"title"+Parted+`"<x>"`)
	want := []vugu.VGAttribute{{Key: "id", Val: "a b"}, {Key: "value"}, {Key: "title", Val: `"<x>"`}}
	if n.Type != vugu.ElementNode || n.Data != "input" || !reflect.DeepEqual(n.Attr, want) || parent.FirstChild != n || len(parent.Attr) != 0 {
		t.Errorf("%+v of %+v", n, parent)
	}
	text := Text(parent, "say")
	if text.Type != vugu.TextNode || text.Data != "say" || n.NextSibling != text {
		t.Errorf("%+v", text)
	}
}

func TestPropertyAndEvent(t *testing.T) {
	n, heard := Element(nil, "input"), 0
	Property(n, "value", `a "b"`)
	Property(n, "checked", true)
	On(n, "input", func(vugu.DOMEvent) { heard++ })
	n.DOMEventHandlerSpecList[0].Func(nil)
	if len(n.Prop) != 2 || string(n.Prop[0].JSONVal) != `"a \"b\""` || string(n.Prop[1].JSONVal) != "true" || n.Prop[1].Key != "checked" ||
		n.DOMEventHandlerSpecList[0].EventType != "input" || heard != 1 {
		t.Errorf("%+v, heard %d", n, heard)
	}
}
