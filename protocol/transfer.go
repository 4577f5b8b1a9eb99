package protocol

import "errors"

// What breaks the rules of a transfer.
var (
	ErrCredit = errors.New("more bytes than were granted")
	ErrOffset = errors.New("bytes at another offset than expected")
	ErrSize   = errors.New("bytes beyond the size of the update file")
)

// Sender is the server's side of one transfer: where it is and how much it may still send. The zero
// value sends nothing.
type Sender struct {
	size, offset, credit uint32
}

// NewSender begins at the offset, and with the credit, of a Request for a file of the given size.
func NewSender(size uint32, q *Request) (Sender, error) {
	if q.Offset > size {
		return Sender{}, ErrOffset
	}
	if q.Credit > MaxCredit {
		return Sender{}, ErrCredit
	}
	return Sender{size: size, offset: q.Offset, credit: q.Credit}, nil
}

// Next returns the place and number of bytes that may go into the next Data and counts them as sent.
// n is 0 when the file is finished or credit has run out.
func (s *Sender) Next() (offset uint32, n int) {
	offset = s.offset
	n = int(min(s.size-s.offset, s.credit, MaxData))
	s.offset += uint32(n)
	s.credit -= uint32(n)
	return offset, n
}

// Grant adds a Credit. More than MaxCredit outstanding is ErrCredit: the peer does not keep the rules.
func (s *Sender) Grant(c *Credit) error {
	if c.Bytes > MaxCredit-s.credit {
		return ErrCredit
	}
	s.credit += c.Bytes
	return nil
}

// Finished reports whether everything was sent, so that End is due.
func (s *Sender) Finished() bool { return s.offset == s.size }

// Receiver is the terminal's side of one transfer. It grants credit of a fixed window: the bytes that
// the terminal can hold between arrival and storing. The zero value takes nothing.
type Receiver struct {
	size, offset uint32
	window       uint32
	open         uint32 // granted and not yet arrived
	owed         uint32 // stored and not yet granted again
}

// NewReceiver takes a file of the given size from offset on, with at most window bytes under way.
func NewReceiver(size, offset, window uint32) (Receiver, error) {
	if offset > size || size > MaxFile {
		return Receiver{}, ErrSize
	}
	if window == 0 || window > MaxCredit {
		return Receiver{}, ErrCredit
	}
	r := Receiver{size: size, offset: offset, window: window}
	r.open = min(window, size-offset)
	return r, nil
}

// Request returns the message that begins the transfer.
func (r *Receiver) Request(digest Digest) Request {
	return Request{Digest: digest, Offset: r.offset, Credit: r.open}
}

// Accept checks that d is the next of the transfer and counts its bytes as arrived.
func (r *Receiver) Accept(d *Data) error {
	if d.Offset != r.offset {
		return ErrOffset
	}
	n := uint32(len(d.Bytes))
	if n > r.size-r.offset {
		return ErrSize
	}
	if n > r.open {
		return ErrCredit
	}
	r.offset += n
	r.open -= n
	return nil
}

// Stored notes that n arrived bytes are stored and returns the Credit that is due, 0 for none: half a
// window at a time, so that the line neither runs dry nor fills with small messages, and no more than
// the file still needs.
func (r *Receiver) Stored(n uint32) (credit uint32) {
	r.owed += n
	need := r.size - r.offset - r.open
	grant := min(r.owed, need)
	if grant == 0 || r.owed < (r.window+1)/2 && grant < need {
		return 0
	}
	r.owed -= grant
	r.open += grant
	return grant
}

// Offset returns how many bytes of the file have arrived: where a later Request goes on.
func (r *Receiver) Offset() uint32 { return r.offset }

// Finished reports whether the whole file has arrived.
func (r *Receiver) Finished() bool { return r.offset == r.size }
