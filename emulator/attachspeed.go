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
