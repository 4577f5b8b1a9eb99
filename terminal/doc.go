// Package terminal is the software of the communication terminal 100: elements 111 to 120 of the
// specification and the device's part of the steps S01 to S20. It runs on hardware that it knows only
// as the small interfaces of Hardware; docs/porting.md lists what a real part must supply.
//
// The idea: one flash bank, executed in place, is rewritten sector by sector from an update file that
// waits whole in RAM. Nothing is erased before the whole outcome was computed and found to be what a
// trusted key signed (the proof). After the first erase there is only forward: to the new image, or
// over the cable to any permitted one.
//
// The guarantee: whatever a power failure, two or more of them, leave behind, the next Boot runs
// exactly a signed release or waits in restoration mode, and restoration from there ends with exactly
// the wanted image. package record and boot.go say, at the places where it binds, why that is so;
// docs/reliability.md tells it in one piece, with the assumptions.
//
// Life of a device: New after each reset, then Boot once. Running: Session whenever the server should
// be asked, Alive now and then. Restoration: Serve. After Session returned Rewritten or Damaged, and
// after Serve returned, the caller resets the device.
//
// The package is fit for a device: it starts nothing, waits only in the cable, the link and the flash,
// and keeps everything in one Terminal, whose size is fixed when New returns, and in the workspace
// that the RAM grants. A rewrite allocates nothing. A Terminal is used by one goroutine at a time.
package terminal
