// Package mcuboottest is the other side of package mcuboot for tests: a writer of signed images, and a
// device whose boot loader is in serial recovery, or whose program runs an SMP server. Both are written
// from MCUboot's published documents ("Bootloader", "Serial recovery", "imgtool") and from what its
// boot/boot_serial does, and share no code with what they test.
//
// The device is stricter than the real one: what a real one would drop or bear in silence it also notes
// as a fault, so that a test can demand that there was none.
package mcuboottest
