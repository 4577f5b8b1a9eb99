// Package esp speaks with the boot loader in the ROM of Espressif's chips, as a family.Loader. Nothing is loaded into the chip: what the
// ROM does by itself has to do.
//
// A restoration asks for MD5 digests, first of large pieces and then of what is in those that differ, writes the sectors that are not as
// they should be, and asks again. docs/families/esp.md says what is sent, in what order, and where each fact comes from.
//
//	slip.go      frames
//	rom.go       one request and its answer; command.go the requests by name
//	enter.go     into the ROM, by lines or by a person; said.go what the chip says instead
//	chips.go     what differs from chip to chip; describe.go, fuses.go, spi.go, watchdog.go who it is
//	speed.go     the speed of the line
//	compare.go   what differs; plan.go what will be sent for it; write.go, deflate.go, heal.go sending it
//	start.go     the program, and what it says
package esp
