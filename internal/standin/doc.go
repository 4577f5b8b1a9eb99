// Package standin is the line between a host and a device that is only a program: what tests of the families of boot loaders
// (restore/family) talk to, what foreign clients are run against, and what "Try it without a device" on the page is. The devices are in
// the packages below it.
//
// A Wire has two ends. The host's is a Port, as restore.Port has it, with modem lines, speed and break. The device's is a Device: it is
// told what happens, and says to its Wire what it does. Time is virtual, and goes on only while the host waits: nothing here has a
// goroutine, and the same seed gives the same run to the byte. With Options.Real it is the clock on the wall, and the Port really waits.
//
// What it does to bytes is what lines do: each takes its ten bits; more than 3 % between the speeds of the two ends makes garbage, both
// ways; an adapter's latency timer gathers what goes to the host; Options.Faults spoils one byte in so many. Where it had a choice it is
// stricter than hardware:
//
//   - bytes that the host handed over and the adapter has not sent when the speed changes go out at the new speed;
//   - a port is opened once, and what was closed does nothing any more;
//   - what a device says while no port is open is lost;
//   - a host that does not read loses what exceeds 64 KiB, and that is a fault.
//
// A Tally is what a stand-in has seen: a test asserts by it that nothing was written, and that the host made no mistake.
package standin
