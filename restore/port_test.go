package restore_test

import (
	"time"

	"unbrick/restore"
)

// faultyPort is a port that spoils things on the way. Functions that are nil do nothing.
type faultyPort struct {
	restore.Port
	write func(n int, p []byte) (out []byte, err error) // the n-th write, from 1
	read  func(n int, p []byte) (out []byte, err error) // what the n-th read with bytes got
	wrote int
	got   int
	dead  error
}

func (f *faultyPort) Write(p []byte) error {
	if f.dead != nil {
		return f.dead
	}
	f.wrote++
	if f.write != nil {
		var err error
		if p, err = f.write(f.wrote, p); err != nil {
			f.dead = err
			return err
		}
	}
	if len(p) == 0 {
		return nil
	}
	return f.Port.Write(p)
}

func (f *faultyPort) Read(p []byte, wait time.Duration) (int, error) {
	if f.dead != nil {
		return 0, f.dead
	}
	n, err := f.Port.Read(p[:(len(p)+1)/2], wait) // room for what read adds
	if n > 0 && f.read != nil {
		f.got++
		var out []byte
		if out, err = f.read(f.got, p[:n]); err != nil {
			f.dead = err
			return 0, err
		}
		n = copy(p, out)
	}
	return n, err
}
