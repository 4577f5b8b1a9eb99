package view

import (
	"fmt"
	"strings"
	"testing"

	"unbrick/webui/view/viewtest"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"
)

// noTB lets a scene be prepared where no test is at hand: what goes wrong is a mistake of the scene.
type noTB struct{ testing.TB }

func (noTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
func (noTB) Skip(args ...any)  {}

// walk calls f for every element of the page, those of components included.
func walk(r *Root, f func(n *vugu.VGNode)) {
	if _, ok := any(r).(vugu.Builder); !ok {
		return // render skips
	}
	built := build(noTB{}, r)
	var visit func(n *vugu.VGNode)
	visit = func(n *vugu.VGNode) {
		for ; n != nil; n = n.NextSibling {
			if n.Component != nil {
				for _, root := range built.ResultFor(n.Component).Out {
					visit(root)
				}
				continue
			}
			f(n)
			visit(n.FirstChild)
		}
	}
	for _, n := range built.Out.Out {
		visit(n)
	}
}

// saying is the text of an element, without what its components say.
func saying(n *vugu.VGNode) string {
	s := ""
	if n.Type == vugu.TextNode {
		s = n.Data
	}
	if n.InnerHTML != nil {
		s += *n.InnerHTML
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s += saying(c)
	}
	return s
}

// press presses the button that says something, or chooses the choice that does.
func press(r *Root, label string) {
	var handlers []func(vugu.DOMEvent)
	walk(r, func(n *vugu.VGNode) {
		if n.Data != "button" && n.Data != "label" || !strings.HasPrefix(strings.TrimSpace(saying(n)), label) {
			return
		}
		for c := n; c != nil; {
			for _, h := range c.DOMEventHandlerSpecList {
				handlers = append(handlers, h.Func)
			}
			if n.Data == "button" {
				break
			}
			if c == n {
				c = n.FirstChild
			} else {
				c = c.NextSibling
			}
		}
	})
	if len(handlers) == 0 {
		if _, ok := any(r).(vugu.Builder); ok {
			panic("nothing on the page says " + label)
		}
		return
	}
	handlers[0](&viewtest.Event{})
}

// mount tells the page where its maps are, as a browser's renderer does.
func mount(r *Root) {
	walk(r, func(n *vugu.VGNode) {
		if n.JSCreateHandler != nil {
			n.JSCreateHandler.JSValueHandle(js.Value{})
		}
	})
}
