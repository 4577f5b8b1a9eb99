// Package restore is the software restoration apparatus 300: the host's end of the cable. It acquires
// the identification (311, S16), selects a release (313, S17) and transfers it (314, S18); where
// releases are kept (312) is the caller's, behind Source.
//
//	Connect     gets an answer: the device is in restoration mode, or is brought there
//	Identify    who it is, what its record says, which keys it trusts
//	Plan        which release, which sectors are right, old, damaged; the update files; bytes and time
//	Run         begin, leaves, files, apply, finish: the device proves, rewrites and judges
//
// Until Run nothing is written to the device. The manifest is verified here, against the keys that the
// device says it trusts, before a byte of it goes out; the device does so again. The truth is in the
// flash: sectors are recognised by their digests, known ones are rebuilt from the releases at hand, and
// the update file is made against that. Short digests only choose the plan: before the first erase the
// device proves the file against its flash, and at the end it judges by the whole digest.
//
// Every failure is an *Error with a Code and with what the flash has seen. Whatever happens on the way
// (noise, lost frames, a reset of the device, an unplugged port), running it again from Connect is
// right and continues where the flash is.
//
// The package runs natively and in the browser; it starts no goroutines. A Session is used by one
// goroutine at a time; a context ends its work between two frames.
package restore
