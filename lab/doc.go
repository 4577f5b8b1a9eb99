// Package lab is the one place where the terminal's software and the emulated hardware are put
// together: a Device that is made in a factory, boots, updates over a link, loses power at a chosen
// flash operation, waits in restoration mode, and is restored over its cable.
//
// The package decides nothing about updates: it fills terminal.Hardware from an emulator.Board,
// restarts the agent after each reset as silicon would, plays the application that the release is,
// and keeps the counts that people ask for. Tests, `unbrick emulate` and the page's Lab are its users.
package lab
