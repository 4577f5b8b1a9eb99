package emulator

// SetSpeed says at what speed the host at an attachment writes and reads from now on; until then it has
// that of the line. At another speed than the device's neither understands the other.
func (a *Attachment) SetSpeed(baud uint32) error {
	if err := checkBaud(baud); err != nil {
		return err
	}
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if !a.closed {
		a.b.line.hostBaud = baud
	}
	return nil
}

// SetDTR sets the DTR line of the host at an attachment.
func (a *Attachment) SetDTR(on bool) { a.signal(&a.b.line.dtr, on) }

// SetRTS sets its RTS line.
func (a *Attachment) SetRTS(on bool) { a.signal(&a.b.line.rts, on) }

func (a *Attachment) signal(s *bool, on bool) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if !a.closed {
		a.b.catchUp()
		a.b.signal(s, on)
	}
}
