package lab

import "testing"

// Whoever saw the device go off may switch it on, also before the end of its last life is told.
func TestAwaitEnd(t *testing.T) {
	for _, state := range []State{Off, Faulted} {
		d := &Device{state: state, ended: make(chan struct{})}
		last := d.ended
		d.mu.Lock()
		go func() {
			d.mu.Lock() // awaitEnd waits, or has not begun
			defer d.mu.Unlock()
			close(last)
		}()
		if err := d.awaitEnd(); err != nil {
			t.Errorf("%v: %v", state, err)
		}
		d.mu.Unlock()
	}
	d := &Device{state: Running, ended: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.awaitEnd(); err != ErrBusy {
		t.Errorf("a running device: %v, want ErrBusy", err)
	}
}
