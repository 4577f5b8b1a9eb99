package restore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/restore"
)

// shown is the testing.TB of an example: what goes wrong ends it.
type shown struct {
	testing.TB
	end []func()
}

func (s *shown) Helper()                   {}
func (s *shown) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (s *shown) Cleanup(f func())          { s.end = append(s.end, f) }
func (s *shown) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (s *shown) close() {
	for _, f := range s.end {
		f()
	}
}

// interrupted is a device on whose cable an update was cut off halfway, with the releases that are at hand.
func interrupted(s *shown) (*lab.Device, *restore.Files) {
	r := newRig(s, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v1, nil)
	r.brick(d, v1, v2, 120, emulator.Half)
	return d, source(s, v1, v2)
}

// Whatever state the device is in, Connect gets an answer from it, and Identify who it is.
func ExampleConnect() {
	s := &shown{}
	defer s.close()
	device, _ := interrupted(s)
	port := device.Port()
	defer port.Close()

	ctx := context.Background()
	session, err := restore.Connect(ctx, port, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := session.Identify(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("model %s, serial %s, by %v: %v\n", d.Model, d.Serial, session.Way(), d.Why)
	fmt.Println("from", d.Installed().Manifest.Version, "to", d.Intended().Manifest.Version)
	// Output:
	// model 0001, serial S-1, by echo: interrupted
	// from 1 to 2
}

// Plan says what a restoration would do. Nothing is written yet: this is where a person is asked.
func ExampleSession_Plan() {
	s := &shown{}
	defer s.close()
	device, releases := interrupted(s)
	port := device.Port()
	defer port.Close()

	_, _, plan, err := planned(port, releases, nil, nil) // Connect, Identify, Plan
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("release %s (%v), by %v\n", plan.Release.Version, plan.Reason, plan.Kind)
	fmt.Println(plan.Good, "sectors are right,", plan.Sectors, "are to be written")
	fmt.Println("a tenth of a full image, or less:", plan.BytesSend*10 <= plan.BytesFull)
	// Output:
	// release 2 (intended), by delta
	// 19 sectors are right, 18 are to be written
	// a tenth of a full image, or less: true
}

// Run restores: the device proves the update file, rewrites, judges what is in its flash, and starts.
func ExampleSession_Run() {
	s := &shown{}
	defer s.close()
	device, releases := interrupted(s)
	port := device.Port()

	session, _, plan, err := planned(port, releases, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	stages := map[restore.Stage]bool{}
	result, err := session.Run(context.Background(), plan, func(p restore.Progress) { stages[p.Stage] = true })
	if err != nil {
		fmt.Println(err)
		return
	}
	port.Close()
	state, err := device.Settle(context.Background())
	fmt.Println(len(stages) > 1, result.SectorsWritten == plan.Sectors, state, err)
	fmt.Println("runs", device.About().Installed.Version)
	// Output:
	// true true running <nil>
	// runs 2
}

// Of a failure the code says what to tell a person, and Touched whether the device is safe.
func ExampleError() {
	s := &shown{}
	defer s.close()
	device, _ := interrupted(s)
	port := device.Port()
	defer port.Close()

	_, _, _, err := planned(port, &restore.Files{}, nil, nil) // no release is at hand
	var e *restore.Error
	fmt.Println(errors.As(err, &e), e.Code == restore.CodeNoRelease, e.Touched == restore.TouchedNothing, e.Retry())
	// Output: true true true false
}
