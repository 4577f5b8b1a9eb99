package esp

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
)

const (
	maxSkipped = 100                    // answers to something else that one request passes over
	flood      = 200 * time.Millisecond // in which a ROM repeats that it does not know a request
	late       = 100 * time.Millisecond // in which a second answer comes to a request that was sent twice
	tick       = 250 * time.Millisecond // how often a long wait tells that it goes on
)

// request is one, before it is framed.
type request struct {
	op    byte
	name  string
	body  []byte
	data  []byte        // behind body, and what the checksum is of
	want  int           // bytes of data before the status of its answer; -1: as many as there are
	wait  time.Duration // behind the last byte sent
	tries int
	quick bool   // it costs the chip no time: how long it takes tells of the line
	tick  func() // called now and then while it waits; may be nil
}

// refusal is an answer that says no.
type refusal struct {
	name string
	code byte
}

// Codes of refusals (esptool, "Serial Protocol", ROM loader).
const (
	badParameter = 0x01
	unsupported  = 0x05
	badResult    = 0x06
	badChecksum  = 0x07
	badWrite     = 0x08
)

var refusals = map[byte]string{
	0x00: "undefined error", badParameter: "parameter", 0x02: "no memory", 0x03: "sending", 0x04: "receiving",
	unsupported: "it does not know that",
	badResult:   "result is wrong", badChecksum: "checksum is wrong",
	badWrite: "flash does not hold what was written", 0x09: "flash cannot be read",
	0x0a: "length", 0x0b: "data cannot be inflated", 0x0c: "checksum of the inflated data is wrong", 0x0d: "parameter of the deflated data",
	0x64: "parameter", 0x65: "format", 0x66: "description", 0x67: "description", 0x69: "storage",
}

func (r *refusal) Error() string {
	s, ok := refusals[r.code]
	if !ok {
		s = "unknown error"
	}
	return fmt.Sprintf("the ROM refuses to %s: %s (%02x)", r.name, s, r.code)
}

// errLost says that no answer came.
var errLost = errors.New("no answer")

// errShort says that an answer lacks data.
var errShort = errors.New("answer is too short")

// refused says whether err is a refusal with one of the codes; none: with any.
func refused(err error, codes ...byte) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, c := range codes {
		if r.code == c {
			return true
		}
	}
	return len(codes) == 0
}

// rom is the line to a ROM: requests and their answers.
type rom struct {
	line  *family.Line
	usb   bool // the chip's own USB port
	dec   decoder
	in    [512]byte
	from  int // of in, not looked at yet
	to    int
	out   []byte
	lost  uint32        // of the last 32 tries, one bit each: no right answer came
	turn  time.Duration // what an exchange takes beside the bytes' time, smoothed
	noise bool          // something came in the last exchange that was no answer
}

// drop takes what is there already as the chip's own words.
func (r *rom) drop(ctx context.Context) error {
	r.line.Hear(r.in[r.from:r.to])
	r.from, r.to = 0, 0
	r.line.Hear(r.dec.rest())
	return r.line.Drop(ctx)
}

// pause is drop, for so long.
func (r *rom) pause(ctx context.Context, d time.Duration) error {
	if err := r.drop(ctx); err != nil {
		return err
	}
	return r.line.Pause(ctx, d)
}

// send frames a request and hands it over. A USB port takes 64 bytes at a time.
func (r *rom) send(q *request) (n int, err error) {
	var sum uint32
	if q.data != nil {
		s := byte(0xef)
		for _, b := range q.data {
			s ^= b
		}
		sum = uint32(s)
	}
	size := len(q.body) + len(q.data)
	head := [header]byte{0, q.op, byte(size), byte(size >> 8), byte(sum)}
	r.out = appendFrame(r.out[:0], head[:], q.body, q.data)
	for p := r.out; len(p) > 0; {
		k := len(p)
		if r.usb {
			k = min(k, 64)
		}
		if err := r.line.Write(p[:k]); err != nil {
			return 0, err
		}
		p = p[k:]
	}
	return len(r.out), nil
}

// next returns the next answer, whatever it is to.
func (r *rom) next(ctx context.Context, until time.Duration) (answer, error) {
	for {
		for r.from < r.to {
			b := r.in[r.from]
			r.from++
			a, ok, other := r.dec.push(b)
			if len(other) > 0 {
				r.noise = true
				r.line.Hear(other)
			}
			if ok {
				return a, nil
			}
		}
		n, err := r.line.Read(ctx, r.in[:], until)
		if err != nil {
			return answer{}, err
		}
		r.from, r.to = 0, n
	}
}

// ask sends a request and returns the data of its answer and the number in its header. It sends it again as often as it may. An error is a
// refusal, errLost, errShort, the context's, or the port's end.
func (r *rom) ask(ctx context.Context, q request) (data []byte, value uint32, err error) {
	begin := r.line.Now()
	try := 0
	for {
		try++
		data, value, err = r.once(ctx, &q)
		var e *restore.Error
		final := err == nil || errors.As(err, &e) || ctx.Err() != nil
		r.lost <<= 1
		if err != nil && !final && (!refused(err, unsupported) || q.op != opSecurity && q.op != opReadReg) {
			r.lost |= 1
		}
		if refused(err, unsupported) {
			if err := r.pause(ctx, flood); err != nil {
				return nil, 0, err
			}
		}
		if final || try >= q.tries {
			break
		}
		r.line.Repeat()
	}
	if err == nil && try > 1 { // the answer to an earlier try may come yet: it must not be taken for another's
		data = append([]byte(nil), data...)
		if err := r.pause(ctx, late+2*r.turn); err != nil {
			return nil, 0, err
		}
	}
	r.line.Done(family.Exchange{At: begin, Took: r.line.Now() - begin, Name: q.name, Bytes: header + len(q.body) + len(q.data),
		Tries: try, Err: err})
	return data, value, err
}

func (r *rom) once(ctx context.Context, q *request) ([]byte, uint32, error) {
	if err := r.drop(ctx); err != nil {
		return nil, 0, err
	}
	r.noise = false
	begin := r.line.Now()
	n, err := r.send(q)
	if err != nil {
		return nil, 0, err
	}
	until := r.line.Now() + r.line.Time(n) + q.wait
	for range maxSkipped {
		a, err := r.wait(ctx, until, q.tick)
		if errors.Is(err, restore.ErrTimeout) {
			return nil, 0, errLost
		}
		if err != nil {
			return nil, 0, err
		}
		if a.op != q.op {
			if (len(a.body) == 2 || len(a.body) == 4) && a.body[0] == 1 && a.body[1] == unsupported {
				return nil, 0, &refusal{q.name, unsupported}
			}
			continue
		}
		data, err := status(q, a.body)
		if err == nil && q.quick {
			took := r.line.Now() - begin - r.line.Time(n+len(a.body)+header+2)
			r.turn = max(0, (7*r.turn+took)/8)
		}
		return data, a.value, err
	}
	return nil, 0, errLost
}

// wait is next, telling now and then that it still waits.
func (r *rom) wait(ctx context.Context, until time.Duration, told func()) (answer, error) {
	if told == nil {
		return r.next(ctx, until)
	}
	for {
		a, err := r.next(ctx, min(until, r.line.Now()+tick))
		if !errors.Is(err, restore.ErrTimeout) || r.line.Now() >= until {
			return a, err
		}
		told()
	}
}

// status takes the data out of an answer's body. The status stands directly behind the data that is expected; a refusal brings none.
func status(q *request, body []byte) ([]byte, error) {
	at := q.want
	if at < 0 { // security information: 20 bytes or 12
		at = 20
		if len(body) < at+2 {
			at = 12
		}
	}
	if len(body) < at+2 {
		at = 0
	}
	if body[at] != 0 {
		return nil, &refusal{q.name, body[at+1]}
	}
	if at == 0 && q.want != 0 {
		return nil, errShort
	}
	return body[:at], nil
}

// lossy says whether so much is lost that a slower line would be quicker.
func (r *rom) lossy() bool { return bits.OnesCount32(r.lost) >= 4 }

// explain makes of what ended a work an *restore.Error: what a person is told.
func (r *rom) explain(err error) error {
	var e *restore.Error
	switch {
	case err == nil, errors.As(err, &e), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case r.lossy() && (refused(err, unsupported, badParameter, badChecksum) || errors.Is(err, errShort) || errors.Is(err, errLossy)):
		return &restore.Error{Code: restore.CodeNoisy, Err: err}
	case refused(err):
		return &restore.Error{Code: restore.CodeRefused, Err: err}
	case errors.Is(err, errShort):
		return &restore.Error{Code: restore.CodeProtocol, Err: err}
	}
	code := restore.CodeSilent
	heard := r.line.Heard()
	for _, k := range boottext.Recognise(heard) {
		if k != boottext.Unknown {
			code = restore.CodeRestarted
		}
	}
	if code == restore.CodeSilent && r.noise {
		code = restore.CodeNoisy
	}
	return &restore.Error{Code: code, Err: err, Heard: append([]byte(nil), heard...)}
}
