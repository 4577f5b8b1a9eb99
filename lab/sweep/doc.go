// Package sweep is the power-cut lab: it cuts the power of an emulated device at every flash operation of
// an update and of whatever recovers from that, with every tear, and checks after each cut what the
// project promises. Tests, `unbrick powercut` and the page's Lab are its users.
//
// # How it works
//
// A Subject is a pair of images on a device of one Shape. A sweep runs the update forward once. At the
// beginning of each flash operation it takes an emulator.Fork, a copy-on-write snapshot with the operation
// under way; from it the state behind every tear is had without running up to it again. A cycle is then:
// cut, boot (which may heal), checks against the emulator's cells, power-up with unstable bits drawn
// again, boot, checks. A device in restoration mode is brought back and boots twice more. What recovers from
// a first cut is run forward in the same way, and cut in turn.
//
// A distinct cut state is a distinct emulator.Board.State at the power-up behind a cut: bytes, weak,
// unstable, unreadable and not surely erased cells, records included. Each state is tried once per
// sweep; cuts that lead to a known one are counted, not run again. Erases that only wear differ are the
// same state.
//
// The oracle (oracle.go) looks at the emulator's own cells and reads records by itself; it never asks
// the terminal but for which release it says runs. Each property is a Check with its own counter.
//
// # Fast and full
//
// In fast cycles the hash and signature units, reached through terminal.Hardware, know the images,
// manifests and files beforehand and recognise them by exact bytes; other input gets 256 bits that are
// no SHA-256 (units.go says why that is enough). The terminal's code is the same. One in Options.Check
// fast cycles, chosen by seed and state, runs again full and must end in the same state. Recovery is by
// one of four roads: the mass by the plain SMP upload, which costs least; a share by an update file or
// in parts, made from the flash as it is; a share by package restore itself over the virtual line. The
// first three are a host within the device's cable (host.go), which reaches the same terminal code
// without a second goroutine or line time. Result counts the roads apart.
//
// # Results
//
//	subject, err := sweep.NewSubject(ctx, name, shape, old, new, seed)
//	result, err := subject.Sweep(ctx, &sweep.Options{...})  // counters, Grid, Recoveries, Failures
//	result.Grid.Operations[i].Cells[row], .IDs[row]         // the picture: operations across, tears down
//	id, err := sweep.ParseID(text)                          // a run's short id, from a Failure, a cell, a link
//	old, new, err := id.Images(candidates...)               // found by digest
//	subject, err = sweep.NewSubject(ctx, name, id.Shape, old, new, id.Seed)
//	timeline, err := subject.Replay(ctx, &id.Run)           // step by step; Start + changes = flash map
//
// A Timeline holds, for every step, device time, what happens in plain words, the terminal's event if it
// is one, and which sector holds something else from then on: whoever folds the steps up to any place
// over Start has the flash map of that moment, and so can go back and forth.
//
// Equal subjects and options give equal results, whatever the number of workers; only times, and what a
// budget leaves out, differ. A Subject may be used by several goroutines at once.
package sweep
