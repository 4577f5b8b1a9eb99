package espimage

import "fmt"

// Where a program of the Arduino core for the ESP8266 has its parts: the core's boot loader (eboot) lies before the image of the
// application, whose first two words are the length of the file and its CRC.
const (
	arduinoApp = 0x1000
	arduinoLen = arduinoApp + 16
	arduinoSum = arduinoLen + 4
)

// ebootAddr is where that boot loader runs.
const ebootAddr = 0x4010f000

// IsArduino reports whether b is as a program of the Arduino core for the ESP8266 is: eboot, or two images, and a length in the second one
// that may be.
func IsArduino(b []byte) bool {
	if len(b) < arduinoSum+4 || !Is(b) {
		return false
	}
	n := uint64(le.Uint32(b[arduinoLen:]))
	return le.Uint32(b[8:]) == ebootAddr || Is(b[arduinoApp:]) && n > arduinoSum && n <= uint64(len(b)) && Blank(b[n:])
}

// ParseArduino reads and checks such a program: both images, and the CRC over all of it. The returned image is the boot loader's header
// with the length of the whole.
func ParseArduino(b []byte) (*Image, error) {
	m, err := parse(b, shortHeader)
	if err != nil {
		return nil, err
	}
	if m.Length > arduinoApp {
		return nil, fmt.Errorf("%w: boot loader of %d bytes", ErrMalformed, m.Length)
	}
	n := le.Uint32(b[arduinoLen:])
	if uint64(n) > uint64(len(b)) {
		return nil, &ShortError{len(b), int(min(n, 1<<31-1))}
	}
	if n < arduinoSum+4 {
		return nil, fmt.Errorf("%w: length of %d bytes", ErrMalformed, n)
	}
	whole := b[:n]
	// Length and CRC were put in after both sums were computed, as zeros.
	app := append([]byte(nil), whole[arduinoApp:]...)
	clear(app[arduinoLen-arduinoApp : arduinoSum+4-arduinoApp])
	if sum := arduinoCRC(arduinoCRC(1<<32-1, whole[:arduinoApp]), app); sum != le.Uint32(b[arduinoSum:]) {
		return nil, fmt.Errorf("%w: CRC over the program", ErrDigest)
	}
	second, err := parse(app, shortHeader)
	if err != nil {
		return nil, fmt.Errorf("application at 0x%x: %w", arduinoApp, err)
	}
	if arduinoApp+second.Length > int(n) {
		return nil, fmt.Errorf("%w: application of %d bytes in a file that says %d", ErrMalformed, second.Length, n)
	}
	if !Blank(b[n:]) {
		return nil, fmt.Errorf("%w: the program ends at 0x%x", ErrBehind, n)
	}
	m.Kind, m.Length, m.Size = Application, int(n), int(n)
	m.Segments += second.Segments
	return m, nil
}

var arduinoTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c>>31 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

// arduinoCRC is CRC-32 with the highest bit first, begun with all ones, and not inverted at its end.
func arduinoCRC(c uint32, b []byte) uint32 {
	for _, x := range b {
		c = c<<8 ^ arduinoTable[byte(c>>24)^x]
	}
	return c
}
