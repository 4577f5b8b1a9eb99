package esp

import (
	"context"
	"errors"
	"fmt"
)

var errMAC = errors.New("its MAC address has a maker that no ESP8266 has")

// serial is the MAC address.
func (l *Loader) serial(ctx context.Context) (string, error) {
	c := l.chip
	if c.is8266() {
		return l.serial8266(ctx)
	}
	lo, err := l.rom.sure(ctx, c.fuses+c.mac)
	if err != nil {
		return "", err
	}
	hi, err := l.rom.sure(ctx, c.fuses+c.mac+4)
	if err != nil {
		return "", err
	}
	return address(byte(hi>>8), byte(hi), byte(lo>>24), byte(lo>>16), byte(lo>>8), byte(lo)), nil
}

func (l *Loader) serial8266(ctx context.Context) (string, error) {
	var w [4]uint32
	for i := range w {
		if i == 2 {
			continue
		}
		var err error
		if w[i], err = l.rom.sure(ctx, l.chip.fuses+4*uint32(i)); err != nil {
			return "", err
		}
	}
	var p [3]byte
	switch {
	case w[3] != 0:
		p = [3]byte{byte(w[3] >> 16), byte(w[3] >> 8), byte(w[3])}
	case byte(w[1]>>16) == 0:
		p = [3]byte{0x18, 0xfe, 0x34}
	case byte(w[1]>>16) == 1:
		p = [3]byte{0xac, 0xd0, 0x74}
	default:
		return "", errMAC
	}
	return address(p[0], p[1], p[2], byte(w[1]>>8), byte(w[1]), byte(w[0]>>24)), nil
}

func address(b ...byte) string {
	const digits = "0123456789abcdef"
	s := make([]byte, 0, 3*len(b))
	for i, v := range b {
		if i > 0 {
			s = append(s, ':')
		}
		s = append(s, digits[v>>4], digits[v&15])
	}
	return string(s)
}

// revision is that of the chip; it names the package of an ESP32 and the flash of an 8285 besides.
func (l *Loader) revision(ctx context.Context) (major, minor uint32, err error) {
	c := l.chip
	first := c.fuses + c.mac // block 1 begins with the MAC address, block 2 of a C2
	if c.is32() {
		first = c.fuses
	}
	word := func(n uint32) uint32 {
		if err != nil {
			return 0
		}
		var v uint32
		v, err = l.rom.sure(ctx, first+4*n)
		return v
	}
	switch c.name {
	case "esp8266":
		err = l.flashInside(ctx)
		return 0, 0, err
	case "esp32":
		w3, w5 := word(3), word(5)
		if err != nil {
			return 0, 0, err
		}
		var apb uint32
		apb, err = l.rom.sure(ctx, 0x3ff6607c)
		major = map[uint32]uint32{0: 0, 1: 1, 3: 2, 7: 3}[w3>>15&1|w5>>20&1<<1|apb>>31<<2]
		minor = w5 >> 24 & 3
		l.packageOf(w3>>9&7 | w3>>2&1<<3)
		l.padsOf(w3, w5)
	case "esp32s2":
		w3, w4 := word(3), word(4)
		major, minor = w3>>18&3, w3>>20&1<<3|w4>>4&7
	case "esp32s3":
		w3, w5 := word(3), word(5)
		major, minor = w5>>24&3, w5>>23&1<<3|w3>>18&7
		if minor&7 == 0 && w3>>24&7 == 1 { // the first silicon tells another revision
			second := first + 24
			var w4 uint32
			if w4, err = l.rom.sure(ctx, second+16); w4&3 == 1 {
				major, minor = 0, 0
			}
		}
	case "esp32c3":
		w3, w5 := word(3), word(5)
		major, minor = w5>>24&3, w5>>23&1<<3|w3>>18&7
	case "esp32c2":
		w1 := word(1)
		major, minor = w1>>20&3, w1>>16&15
	case "esp32c6":
		w3 := word(3)
		major, minor = w3>>22&3, w3>>18&15
	case "esp32h2":
		w3 := word(3)
		major, minor = w3>>21&3, w3>>18&7
	case "esp32c5", "esp32c61":
		w2 := word(2)
		major, minor = w2>>4&3, w2&15
	case "esp32p4":
		w2 := word(2)
		major, minor = w2>>23&1<<2|w2>>4&3, w2&15
	}
	return major, minor, err
}

var packages = map[uint32]string{
	0: "ESP32-D0WDQ6", 1: "ESP32-D0WD", 2: "ESP32-D2WD", 4: "ESP32-U4WDH",
	5: "ESP32-PICO-D4", 6: "ESP32-PICO-V3-02", 7: "ESP32-D0WDR2-V3",
}

func (l *Loader) packageOf(n uint32) {
	if name, ok := packages[n]; ok {
		l.board.Name = name
	}
}

// padsOf finds the pads of a flash that lies inside an ESP32's package: the ROM is told them when it attaches.
func (l *Loader) padsOf(w3, w5 uint32) {
	clk, q, d, cs, hd := w5&31, w5>>5&31, w5>>10&31, w5>>15&31, w3>>4&31
	if clk|q|d|cs|hd != 0 {
		l.pads = hd<<24 | cs<<18 | d<<12 | q<<6 | clk
	}
}

// flashInside tells an ESP8285, which has its flash inside, from an ESP8266.
func (l *Loader) flashInside(ctx context.Context) error {
	w0, err := l.rom.sure(ctx, l.chip.fuses)
	if err != nil {
		return err
	}
	w2, err := l.rom.sure(ctx, l.chip.fuses+8)
	if err != nil {
		return err
	}
	if w0&(1<<4) != 0 || w2&(1<<16) != 0 {
		l.board.Name = fmt.Sprintf("ESP8285 (%s with flash inside)", l.chip.called)
	}
	return nil
}
