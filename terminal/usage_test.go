package terminal_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab/stand"
	"unbrick/protocol"
	"unbrick/protocol/conntest"
	"unbrick/release"
	"unbrick/terminal"
)

// offer is a server that has one update file for whoever asks.
func offer(c protocol.Conn, info *protocol.Info, file []byte) error {
	send := func(m protocol.Message) error { _, err := protocol.Send(c, m, nil); return err }
	if err := send(&protocol.Challenge{}); err != nil {
		return err
	}
	var out protocol.Sender
	for {
		b, err := c.Recv()
		if err != nil {
			return err
		}
		m, err := protocol.Decode(b)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *protocol.Hello:
			err = send(info)
		case *protocol.Request:
			out, err = protocol.NewSender(info.Size, m)
		case *protocol.Credit:
			err = out.Grant(m)
		case *protocol.Bye:
			return send(&protocol.Bye{})
		}
		for at, n := out.Next(); n > 0 && err == nil; at, n = out.Next() {
			err = send(&protocol.Data{Offset: at, Bytes: file[at : at+uint32(n)]})
			if err == nil && out.Finished() {
				err = send(&protocol.End{Size: info.Size, Digest: info.Digest})
			}
		}
		if err != nil {
			return err
		}
	}
}

// A whole update of a device on an emulated board: the factory, the first boot, a session with a server, the rewrite, and the
// boot of the new release.
func Example() {
	g := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 16}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	layout := flash.Layout{Geometry: g, Boot: 8192}
	software := layout.Software()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	old := bytes.Repeat([]byte("the software that runs. "), 500)
	image := bytes.ReplaceAll(old, []byte("runs"), []byte("went"))
	signed := func(version string, order uint64, image []byte) []byte {
		m, err := release.Describe("lamp", version, order, 1, image, &software)
		if err != nil {
			panic(err)
		}
		b, err := release.Sign(&m, key)
		if err != nil {
			panic(err)
		}
		return b
	}

	// The factory: who the device is, whom it believes, and release 1.
	id := terminal.Identity{Model: "lamp", Serial: "A-17", Keys: [][32]byte{[32]byte(key.Public().(ed25519.PublicKey))}, Threshold: 1, Resident: 4096}
	raw, err := terminal.Factory(&layout, &id, nil, signed("1", 1, old), old)
	if err != nil {
		panic(err)
	}
	board, err := emulator.New(emulator.Config{
		Part: emulator.PartFor(&g), Geometry: &g, Boot: layout.Boot, RAM: 192 << 10, Resident: id.Resident, Seed: 1,
		Apps: []emulator.App{{Name: "system", Size: 8 << 10, Fixed: true}, {Name: "light", Size: 100 << 10, Importance: 1}},
	})
	if err != nil {
		panic(err)
	}
	if err := board.Load(raw, nil); err != nil {
		panic(err)
	}

	// The server's part: release 2, and the file that leads there.
	file, err := diff.Create(context.Background(), old, image, &diff.Options{Geometry: &software, Resident: id.Resident})
	if err != nil {
		panic(err)
	}
	manifest := signed("2", 2, image)
	info := protocol.Info{Kind: protocol.KindDelta, Size: uint32(len(file)), Digest: sha256.Sum256(file), Steps: 1, Manifest: manifest}
	h, err := delta.ParseHeader(file)
	if err != nil {
		panic(err)
	}
	needs := delta.NeedsOf(&h, info.Size, uint32(len(image)+255)/256, id.Resident)
	info.Workspace = needs.Workspace()

	// The device's life: every reset begins with New and Boot.
	device := stand.Stand{Board: board, Layout: &layout}
	boot := func() stand.Agent {
		term, err := device.Start()
		if err != nil {
			panic(err)
		}
		mode := term.Boot()
		m, _ := term.Installed()
		fmt.Println("boot:", mode, "with release", m.Version)
		return term
	}
	end := board.Run(func() {
		term := boot()
		here, there := conntest.Pair()
		said := make(chan error)
		go func() { said <- offer(there, &info, file) }()
		outcome, err := term.Session(here)
		fmt.Println("session:", outcome, err)
		fmt.Println("server:", <-said)
		board.Reset(emulator.CauseSoftware)
	})
	fmt.Println("end:", end.Kind)
	board.Run(func() {
		term := boot()
		fmt.Println("confirmed:", term.Confirmed())
	})
	got := make([]byte, len(image))
	if err := board.Peek(layout.SoftwareBase(), got); err != nil {
		panic(err)
	}
	fmt.Println("flash holds release 2:", bytes.Equal(got, image))
	// Output:
	// boot: running with release 1
	// session: rewritten <nil>
	// server: <nil>
	// end: reset
	// boot: running with release 2
	// confirmed: false
	// flash holds release 2: true
}
