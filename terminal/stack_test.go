package terminal_test

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"unbrick/internal/cbor"
	"unbrick/limits"
	"unbrick/protocol/smp"
)

// callGraph is which function calls which, by what the compiler made: calls between functions are exact, for what is inlined has no
// frame of its own. A call through an interface may reach that method of every type that is put into the interface in what the linker
// kept; a call of a function value every function whose address that function takes, or one that calls it.
type callGraph struct {
	functions map[string]*function
	methods   map[string][]string        // of an interface, sorted
	boxed     map[string]map[string]bool // by interface, types that are put into it
}

type function struct {
	frame  int // bytes, with the return address
	calls  map[string]bool
	ifaces [][2]string     // interface, offset of the method
	taken  map[string]bool // functions, among other things, whose address it takes
	values int             // calls that go where a register says
	below  [contexts]struct {
		depth int    // bytes of the deepest stack from here on, 0: not known yet
		next  string // the call that leads there
		open  bool
	}
}

// recursive is how deep functions that call themselves do so.
var recursive = map[string]int{
	"unbrick/release.Root":                       1 + bits.Len32(limits.Image/limits.SmallLeaf), // each halves the leaves
	"unbrick/terminal.(*restoration).treeDigest": smp.MaxLevel + 1,
	"unbrick/internal/cbor.(*Reader).skip":       cbor.MaxDepth,
	"unbrick/internal/cbor.(*Reader).skipNested": cbor.MaxDepth,
}

// supplied are functions that call what the device's maker supplies in Hardware, or a function that nobody here gives them.
var supplied = map[string]bool{
	"unbrick/terminal.(*trace).emit":       true, // Event
	"unbrick/terminal.(*update).sendHello": true, // Random
	"unbrick/terminal.(*device).sign":      true, // Sign
	"unbrick/terminal.newHash":             true, // Hash
	"unbrick/delta.(*Decoder).pass":        true, // nobody visits
}

func parseCode(out []byte) *callGraph {
	g := &callGraph{map[string]*function{}, map[string][]string{}, map[string]map[string]bool{}}
	var f *function
	var iface string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line != "" && line[0] != '\t' && line[0] != '#':
			f, iface = g.begin(line)
		case f != nil:
			f.take(line)
		case iface != "":
			if _, name, ok := strings.Cut(line, "t=R_ADDROFF type:.namedata."); ok && !strings.HasPrefix(name, "*") {
				g.methods[iface] = append(g.methods[iface], strings.TrimRight(name[:strings.LastIndexByte(name, '+')], ".-"))
			}
		}
	}
	return g
}

// begin looks at the first line of a symbol.
func (g *callGraph) begin(line string) (*function, string) {
	if name, rest, ok := strings.Cut(strings.Replace(line, " STEXTFIPS ", " STEXT ", 1), " STEXT "); ok && g.functions[name] == nil {
		f := &function{calls: map[string]bool{}, taken: map[string]bool{}}
		_, locals, _ := strings.Cut(rest, " locals=0x")
		if _, err := fmt.Sscanf(locals, "%x", &f.frame); err != nil {
			panic(line)
		}
		f.frame += 4
		g.functions[name] = f
		return f, ""
	}
	if name, _, ok := strings.Cut(strings.TrimPrefix(line, "type:"), " SRODATA "); ok && strings.HasPrefix(line, "type:") && g.methods[name] == nil {
		return nil, name
	}
	return nil, ""
}

// take looks at a line of a function's code.
func (f *function) take(line string) {
	if strings.Contains(line, "CALL\t(R") {
		f.values++
		return
	}
	_, rel, ok := strings.Cut(line, " t=R_")
	if !ok {
		return
	}
	kind, name, _ := strings.Cut(rel, " ")
	name, offset := name[:strings.LastIndexByte(name, '+')], name[strings.LastIndexByte(name, '+')+1:]
	switch kind {
	case "CALLARM":
		f.calls[name] = true
	case "USEIFACEMETHOD":
		f.ifaces = append(f.ifaces, [2]string{strings.TrimPrefix(name, "type:"), offset})
	case "ADDR":
		f.taken[strings.TrimSuffix(name, "·f")] = true
	}
}

// resolve makes calls through interfaces and of function values calls of functions; kept is what the linker kept.
func (g *callGraph) resolve(kept map[string]symbol) error {
	for name := range kept {
		if typ, iface, ok := strings.Cut(strings.TrimPrefix(name, "go:itab."), ","); ok && strings.HasPrefix(name, "go:itab.") {
			if g.boxed[iface] == nil {
				g.boxed[iface] = map[string]bool{}
			}
			g.boxed[iface][typ] = true
		}
	}
	for name, f := range g.functions {
		if _, there := kept[name]; !there {
			continue
		}
		for _, i := range f.ifaces {
			all := g.methods[i[0]]
			var offset int
			if _, err := fmt.Sscanf(i[1], "%x", &offset); err != nil {
				return err
			}
			k := (offset - 0x40) / 8
			if len(all) == 0 && !strings.HasPrefix(i[0], "unbrick/") {
				continue // the standard library's: error, io.Reader
			}
			if k < 0 || k >= len(all) {
				return fmt.Errorf("%s calls method %d of %s, which has %v", name, k, i[0], all)
			}
			g.reach(f, i[0], all[k])
		}
	}
	for name, f := range g.functions {
		_, there := kept[name]
		if !there || !strings.HasPrefix(name, "unbrick/") || f.values <= len(f.ifaces) || supplied[name] {
			continue
		}
		taken := slices.Collect(maps.Keys(f.taken))
		for _, caller := range g.functions {
			if caller.calls[name] {
				taken = slices.AppendSeq(taken, maps.Keys(caller.taken))
			}
		}
		before := len(f.calls)
		for _, callee := range taken {
			if g.functions[callee] != nil {
				f.calls[callee] = true
			}
		}
		if len(f.calls) == before {
			return fmt.Errorf("%s calls a function value, and nobody knows which", name)
		}
	}
	return nil
}

// reach adds to f calls of a method of an interface.
func (g *callGraph) reach(f *function, iface, method string) {
	for typ := range g.boxed[iface] {
		value := strings.TrimPrefix(typ, "*")
		pkg := packageOf(value)
		f.calls[pkg+".(*"+value[len(pkg)+1:]+")."+method] = true
		f.calls[value+"."+method] = true
	}
}

// What is known of a call from what called: while the device does a host's work (from poll, and in a wait for the flash), it answers
// hosts, and these answers touch no flash and do no work; while it answers a host with no work under way, as in a boot or a session,
// a wait for the flash answers nobody.
const (
	serving = iota
	working
	answering
	contexts
)

const (
	waits  = "unbrick/terminal.(*restoration).Wait"
	polls  = "unbrick/terminal.(*restoration).poll"
	answer = "unbrick/terminal.(*restoration).handle"
)

// enter returns the context of what name calls, and whether it calls anything, and is called at all.
func enter(name string, before int) (inside int, calls, called bool) {
	switch {
	case name != waits && name != polls && (name != answer || before == working):
		return before, true, true
	case before == working:
		return before, false, false
	case name == answer:
		return answering, true, true
	case before == answering:
		return before, false, name == waits
	}
	return working, true, true
}

// deepest returns the bytes of the deepest stack below a function, its own frame with them.
func (g *callGraph) deepest(name string, before int) (int, error) {
	f := g.functions[name]
	inside, calls, called := enter(name, before)
	if f == nil || !called {
		return 0, nil // f is nil: what is not measured, runtime, fmt and errors
	}
	if !calls {
		return f.frame, nil
	}
	c := &f.below[before]
	switch {
	case c.depth > 0:
		return c.depth, nil
	case c.open && recursive[name] == 0:
		return 0, fmt.Errorf("%s calls itself, and nobody says how often", name)
	case c.open:
		return 0, nil
	}
	c.open = true
	deep := 0
	for callee := range f.calls {
		n, err := g.deepest(callee, inside)
		if err != nil {
			return 0, fmt.Errorf("%w < %s", err, name)
		}
		if n > deep || n == deep && n > 0 && callee < c.next {
			deep, c.next = n, callee
		}
	}
	c.open = false
	c.depth = f.frame*max(1, recursive[name]) + deep
	return c.depth, nil
}

// way tells the calls that make the deepest stack.
func (g *callGraph) way(name string, before int) string {
	var b strings.Builder
	for f := g.functions[name]; f != nil; f = g.functions[name] {
		fmt.Fprintf(&b, "%6d %s\n", f.frame*max(1, recursive[name]), name)
		inside, _, _ := enter(name, before)
		name, before = f.below[before].next, inside
	}
	return b.String()
}
