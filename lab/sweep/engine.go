package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/emulator"
	labstand "unbrick/lab/stand"
	"unbrick/restore"
	"unbrick/terminal"
)

// engine boots the device and lets package restore bring it to w over the board's own line. With ask, a release that runs
// resets when the host sends a break, as applications do. wrap, which may be nil, puts something between the
// engine and the port.
func (st *stand) engine(w Which, ask bool, wrap func(restore.Port) restore.Port) error {
	// What files the engine makes is not known here, so nothing is remembered.
	defer func(u *units) { st.units = u }(st.units)
	st.units = nil
	port := st.board.Host()
	if err := port.Open(); err != nil {
		return err
	}
	st.board.KeepClock(true) // the host must not lose patience before the device is there
	done := make(chan error, 1)
	go func() {
		var p restore.Port = port
		if wrap != nil {
			p = wrap(port)
		}
		err := st.drive(p, w)
		port.Close()
		st.board.Cut(emulator.NotBegun) // what the device did after that, it does again at its next boot
		done <- err
	}()
	st.resets(st.board.Cable(), ask)
	st.board.KeepClock(false)
	st.board.Halt()
	return <-done
}

// resets runs the device until it loses power: in restoration mode it serves, and it resets itself.
func (st *stand) resets(cable terminal.Cable, ask bool) {
	nap := idle
	if ask {
		nap = 10 * time.Millisecond
	}
	for first := true; ; first = false {
		st.run(cable, func(t labstand.Agent) {
			if st.mode == terminal.Restoration {
				t.Serve()
				st.board.Reset(emulator.CauseSoftware)
			}
			for { // a release that runs and does nothing
				if ask && cable.Break() {
					st.board.Reset(emulator.CauseSoftware)
				}
				st.board.Clock().Sleep(nap)
			}
		})
		if first {
			st.ran = st.mode == terminal.Running && !ask
		}
		if st.ended != emulator.EndReset {
			return
		}
	}
}

// drive is the whole restoration at the host's end. What ends with an error that a person would be told
// to try again after is tried again.
func (st *stand) drive(port restore.Port, w Which) error {
	ctx := context.Background()
	var files restore.Files
	for i := range st.s.goods {
		if _, err := files.Add(st.s.goods[i].upload); err != nil {
			return err
		}
	}
	var err error
	for range engineTries {
		if err = st.once(ctx, port, &files, w); err == nil {
			return nil
		}
		var e *restore.Error
		if !errors.As(err, &e) || !e.Retry() {
			return err
		}
	}
	return fmt.Errorf("%w after %d tries: %w", ErrGaveUp, engineTries, err)
}

// idle is how long a release that does nothing sleeps at a time.
const idle = time.Second

// engineTries is how often a person begins again.
const engineTries = 8

func (st *stand) once(ctx context.Context, port restore.Port, src restore.Source, w Which) error {
	sn, err := restore.Connect(ctx, port, &restore.Options{Patience: -1})
	if err != nil {
		return err
	}
	d, err := sn.Identify(ctx)
	if err != nil {
		return err
	}
	p, err := sn.Plan(ctx, d, src, &restore.Choice{Version: st.s.goods[w].m.Version})
	if err != nil {
		return err
	}
	res, err := sn.Run(ctx, p, nil)
	if err == nil {
		st.sent = res.BytesSent
	}
	return err
}
