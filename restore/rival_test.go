package restore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/protocol/smp"
)

// rival is a boot loader's protocol on the same virtual line and part: blocks, each answered before the next
// one is sent. wrap makes a block; unwrap returns what a device takes from the bytes that came, nil while it
// needs more.
type rival struct {
	name   string
	block  int
	eager  bool // everything is erased before the first block is answered, as in the ROM of the ESP
	wrap   func(n int, data []byte) []byte
	unwrap func(in []byte) (data []byte, used int)
	answer []byte
}

// rivals are XMODEM-1K, YMODEM (the same blocks behind one that names the file), the ESP's ROM loader
// (SLIP, blocks of 1 KiB) and SMP's console framing as MCUboot's serial recovery has it, with a buffer of
// 512 bytes and of 2 KiB.
func rivals() []rival {
	xmodem := rival{name: "XMODEM-1K", block: 1024, answer: []byte{6},
		wrap: func(n int, data []byte) []byte {
			b := append([]byte{2, byte(n + 1), ^byte(n + 1)}, data...)
			for len(b) < 1024+3 {
				b = append(b, 0x1a)
			}
			return binary.BigEndian.AppendUint16(b, smp.CRC16(0, b[3:]))
		},
		unwrap: func(in []byte) ([]byte, int) {
			if len(in) < 1029 {
				return nil, 0
			}
			if in[0] != 2 || in[1] != ^in[2] || smp.CRC16(0, in[3:1029]) != 0 {
				panic("block is damaged")
			}
			return in[3:1027], 1029
		}}
	ymodem := xmodem
	ymodem.name = "YMODEM"
	esp := rival{name: "ESP ROM, 1 KiB", block: 1024, eager: true, answer: make([]byte, 14),
		wrap: func(n int, data []byte) []byte {
			sum := byte(0xef)
			for _, c := range data {
				sum ^= c
			}
			b := []byte{0, 3}
			b = binary.LittleEndian.AppendUint16(b, uint16(16+len(data)))
			b = binary.LittleEndian.AppendUint32(b, uint32(sum))
			b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
			b = append(append(b, make([]byte, 8)...), data...)
			out := []byte{0xc0}
			for _, c := range b {
				switch c {
				case 0xc0:
					out = append(out, 0xdb, 0xdc)
				case 0xdb:
					out = append(out, 0xdb, 0xdd)
				default:
					out = append(out, c)
				}
			}
			return append(out, 0xc0)
		},
		unwrap: func(in []byte) ([]byte, int) {
			end := bytes.IndexByte(in[min(1, len(in)):], 0xc0)
			if end < 0 {
				return nil, 0
			}
			b := bytes.ReplaceAll(bytes.ReplaceAll(in[1:1+end], []byte{0xdb, 0xdc}, []byte{0xc0}), []byte{0xdb, 0xdd}, []byte{0xdb})
			return b[24:], end + 2
		}}
	console := func(name string, buffer int) rival {
		var d smp.Deframer
		d.Reset(make([]byte, 4096))
		answer, err := smp.AppendPacket(nil, smp.Header{Op: smp.WriteResponse, Group: 1, ID: 1}, &smp.Offset{Offset: 1 << 20})
		if err != nil {
			panic(err)
		}
		return rival{name: name, block: buffer - 32, answer: smp.AppendFrames(nil, answer),
			wrap: func(n int, data []byte) []byte {
				p, err := smp.AppendPacket(nil, smp.Header{Op: smp.Write, Group: 1, ID: 1}, &smp.UploadRequest{Offset: uint32(n * (buffer - 32)), Data: data})
				if err != nil {
					panic(err)
				}
				return smp.AppendFrames(nil, p)
			},
			unwrap: func(in []byte) ([]byte, int) {
				packet, used := d.Next(in)
				if packet == nil {
					return nil, used
				}
				_, body, err := smp.ParsePacket(packet)
				var m smp.UploadRequest
				if err == nil {
					err = m.DecodeBody(body)
				}
				if err != nil {
					panic(err)
				}
				return m.Data, used
			}}
	}
	return []rival{xmodem, ymodem, esp, console("SMP console, 512", 512), console("SMP console, 2048", 2048)}
}

// run writes an image the rival's way and returns how long that took.
func (v *rival) run(t testing.TB, part emulator.Part, g *flash.Geometry, image []byte, baud uint32, turn time.Duration) time.Duration {
	t.Helper()
	b, err := emulator.New(emulator.Config{Part: part, Geometry: g, RAM: 64 << 10, Line: emulator.LineConfig{Baud: baud, TurnAround: turn, Depth: 4096}})
	if err != nil {
		t.Fatal(err)
	}
	b.PowerOn()
	port := b.Host()
	if err := port.Open(); err != nil {
		t.Fatal(err)
	}
	var took time.Duration
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer port.Close()
		failed = v.host(port, image)
		took = port.Now()
	}()
	end := b.Run(func() { v.device(b, g, len(image)) })
	<-done
	if failed != nil || end.Kind != emulator.EndReturned {
		t.Fatalf("%s: %v, %v", v.name, failed, end)
	}
	got := make([]byte, len(image))
	if err := b.Peek(0, got); err != nil || !bytes.Equal(got, image) {
		t.Fatalf("%s: the flash holds another image", v.name)
	}
	return took
}

// host sends and waits, block by block. YMODEM has one more that names the file and one that ends the batch,
// here as long as the others: a tenth of a second at 115200 baud.
func (v *rival) host(port *emulator.Port, image []byte) error {
	exchange := func(p []byte, n int) error {
		if err := port.Write(p); err != nil {
			return err
		}
		for buf := make([]byte, 64); n > 0; {
			k, err := port.Read(buf[:min(n, len(buf))], time.Minute)
			if err != nil {
				return fmt.Errorf("wait for an answer: %w", err)
			}
			n -= k
		}
		return nil
	}
	for n, at := 0, 0; at < len(image); n, at = n+1, at+v.block {
		if err := exchange(v.wrap(n, image[at:min(at+v.block, len(image))]), len(v.answer)); err != nil {
			return err
		}
	}
	if v.name == "YMODEM" {
		for range 2 { // the block that names the file, and the empty one at the end
			if err := exchange(v.wrap(-1, make([]byte, 128)), 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// device takes blocks, erases and programs each sector when it is full, and answers after that.
func (v *rival) device(b *emulator.Board, g *flash.Geometry, size int) {
	must := func(err error) {
		if err != nil && !errors.Is(err, emulator.ErrOff) {
			panic(err)
		}
	}
	mem, err := b.RAM().Claim(0, 1024)
	must(err)
	must(b.RAM().Resident(mem))
	f, cable := b.Flash(), b.Cable()
	end := g.SectorAt(uint32(size - 1))
	erase := func(s int) {
		addr, n := g.Sector(s)
		must(f.Erase(addr, n))
		must(f.Wait())
	}
	if v.eager {
		for s := range end + 1 {
			erase(s)
		}
	}
	var in, image []byte
	written := 0
	buf := make([]byte, 2048)
	names := 0
	if v.name == "YMODEM" {
		names = 2
	}
	for len(image) < size || names > 0 {
		n, err := cable.Read(buf, time.Minute)
		must(err)
		in = append(in, buf[:n]...)
		for {
			data, used := v.unwrap(in)
			in = in[used:]
			if data == nil {
				break
			}
			if len(image) >= size {
				names--
			} else {
				image = append(image, data...)
			}
			for s := g.SectorAt(uint32(written)); written < size; s++ {
				addr, n := g.Sector(s)
				if len(image) < size && uint32(len(image)) < addr+n {
					break
				}
				if !v.eager {
					erase(s)
				}
				for at := addr; at < addr+n && int(at) < size; at += g.Page {
					page := bytes.Repeat([]byte{g.Erased}, int(g.Page))
					copy(page, image[at:min(int(at+g.Page), size)])
					must(f.Program(at, page))
					must(f.Wait())
				}
				written = int(addr + n)
			}
			must(cable.Write(v.answer))
		}
	}
}
