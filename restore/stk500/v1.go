package stk500

import (
	"context"
	"errors"
	"strconv"
	"time"

	"unbrick/restore"
)

// answering is how long an answer may take beside its time on the line: an adapter keeps bytes for 16 ms, a browser for more, and a page
// takes 10 ms to erase and program.
const answering = 500 * time.Millisecond

// version1 speaks STK500 version 1.
type version1 struct {
	*talk
	ahead bool   // it is Optiboot: its address goes along with what is read, and a page's address may go out with the page
	at    uint32 // where the loader's address is
	known bool   // that it is there
}

// ask sends a command and takes n bytes of answer.
func (v *version1) ask(ctx context.Context, name string, cmd []byte, n int, wait time.Duration) ([]byte, error) {
	return v.exchange(ctx, name, cmd, wait+v.line.Time(len(cmd)+n+2), func(in []byte) ([]byte, int, error) { return answer1(in, n) })
}

// quick is how long sync waits for the first answer, a tenth of a second after the reset: Optiboot 4.4 blinks until 0.45 s after it, before it
// looks at what came.
const quick = 450 * time.Millisecond

// spaces reports whether lone spaces are of use at this speed: it is Optiboot's. ATmegaBOOT knows no such command, and starts the program
// after five errors.
func (v *version1) spaces() bool { return v.line.Stats().Baud >= 115200 }

// sync makes loader and host agree on where a command begins. The first byte after a reset may be lost, and what comes while the loader
// blinks beyond the three bytes that a UART keeps; then every pair is out of step by one.
func (v *version1) sync(ctx context.Context, wait time.Duration) error {
	_, err := v.ask(ctx, "sync", []byte{getSync, space}, 0, wait)
	if !errors.Is(err, restore.ErrTimeout) || !v.spaces() {
		return err
	}
	return v.align(ctx)
}

// align gets in step with a loader that reads: a lone space is a command or the end of one, and what is answered was an end. An answer may
// have been to what came before, so that the last word is that of a space that was sent after silence.
func (v *version1) align(ctx context.Context) (err error) {
	for range 2 {
		for range 2 {
			if _, err = v.ask(ctx, "sync", []byte{space}, 0, 40*time.Millisecond); !errors.Is(err, restore.ErrTimeout) {
				break
			}
		}
		if err != nil {
			return err
		}
		if err = v.line.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (v *version1) present(ctx context.Context) error {
	_, err := v.ask(ctx, "sync", []byte{getSync, space}, 0, answering/2)
	return err
}

func (v *version1) signature(ctx context.Context) (s [3]byte, err error) {
	p, err := v.ask(ctx, "read signature", []byte{readSign, space}, 3, answering)
	copy(s[:], p)
	return s, err
}

// who asks for the loader's name and version. Both commands are answered by either loader; one that knows no names answers that it has
// understood.
func (v *version1) who(ctx context.Context) (behaviour, string, error) {
	cmd := []byte{getName, space}
	const mine = "AVR ISP"
	p, err := v.exchange(ctx, "read name", cmd, answering, func(in []byte) ([]byte, int, error) {
		if len(in) >= 2 && in[1] == ok {
			return answer1(in, 0)
		}
		return answer1(in, len(mine))
	})
	if err != nil {
		return other1, "", err
	}
	name := string(p) // p is the next exchange's
	var q [4]byte
	for i, which := range []byte{paramMajor, paramMinor, paramHardware, paramTop} {
		b, err := v.ask(ctx, "read parameter", []byte{getParam, which, space}, 1, answering)
		if err != nil {
			return other1, "", err
		}
		q[i] = b[0]
	}
	version := strconv.Itoa(int(q[0])) + "." + strconv.Itoa(int(q[1]))
	switch {
	case name == mine:
		return atmegaBoot, "ATmegaBOOT " + version, nil
	case name == "" && q[0] >= 4 && q[2] == 3 && q[3] == 3:
		return optiboot, "Optiboot " + version, nil
	}
	return other1, "STK500 version 1, " + version, nil
}

func (v *version1) begin(ctx context.Context) error {
	_, err := v.ask(ctx, "enter programming mode", []byte{enterProg, space}, 0, answering)
	return err
}

// address loads it. ATmegaBOOT multiplies its own in place at each command: it is loaded before each.
func (v *version1) address(ctx context.Context, addr uint32) error {
	_, err := v.ask(ctx, "load address", []byte{loadAddr, byte(addr >> 1), byte(addr >> 9), space}, 0, answering)
	return err
}

func (v *version1) read(ctx context.Context, addr uint32, p []byte) error {
	if !v.ahead || !v.known || v.at != addr {
		v.known = false
		if err := v.address(ctx, addr); err != nil {
			return err
		}
	}
	b, err := v.ask(ctx, "read page", []byte{readPage, byte(len(p) >> 8), byte(len(p)), flashPlace, space}, len(p), answering)
	copy(p, b)
	v.at, v.known = addr+uint32(len(p)), err == nil
	return err
}

// write sends Optiboot address and page at once, which saves it a turn-around: a byte that is lost or doubled in the address makes it start
// the program, as does all that it does not understand. ATmegaBOOT would take the page's bytes for commands: it gets the page when it has
// answered.
func (v *version1) write(ctx context.Context, addr uint32, p []byte, goes func()) error {
	v.known = false
	v.out = v.out[:0]
	if v.ahead {
		v.out = append(v.out, loadAddr, byte(addr>>1), byte(addr>>9), space)
	} else if err := v.address(ctx, addr); err != nil {
		return err
	}
	v.out = append(v.out, writePage, byte(len(p)>>8), byte(len(p)), flashPlace)
	v.out = append(append(v.out, p...), space)
	goes()
	if !v.ahead {
		_, err := v.ask(ctx, "program page", v.out, 0, answering)
		return err
	}
	_, err := v.exchange(ctx, "program page", v.out, answering+v.line.Time(len(v.out)+4), func(in []byte) ([]byte, int, error) {
		if _, more, err := answer1(in[:min(len(in), 2)], 0); more > 0 || err != nil {
			return nil, more, err
		}
		return answer1(in[2:], 0)
	})
	return err
}

func (v *version1) leave(ctx context.Context) error {
	_, err := v.ask(ctx, "leave programming mode", []byte{leaveProg, space}, 0, answering)
	return err
}

func (v *version1) traffic(n int) (read, write int) { return n + 13, n + 13 }
